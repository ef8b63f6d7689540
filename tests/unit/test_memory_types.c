/* kernel/cpu/memory_types.c: what the page attribute table becomes, and in which order. */
/* links: kernel/cpu/memory_types.c tests/unit/fake_cpu.c tests/unit/fake_log.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "cpu.h"
#include "fake_cpu.h"
#include "fake_log.h"
#include "x86_cpu.h"

/* halt_forever()'s, which nothing here calls. */
_Noreturn void fake_halt(void)
{
    fail_msg("halted");
    __builtin_unreachable();
}

/* SDM Vol. 3A, table 12-10. */
enum { UC = 0, WC = 1, WT = 4, WB = 6, UC_MINUS = 7 };

static void reset(uint64_t pat)
{
    fake_cpu_reset();
    fake_log_clear();
    fake_cpu.pat = pat;
    fake_cpu.interrupts = false;
}

static void test_table(void **state)
{
    static const unsigned types[8] = {WB, WT, UC_MINUS, UC, WB, WC, UC_MINUS, UC};
    static const uint64_t before[] = {PAT_AFTER_RESET, 0, UINT64_C(0x0606060606060606),
                                      UINT64_C(0x0007010600070106)};

    (void)state;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        reset(before[i]);
        assert_int_equal(cpu_set_memory_types(), PAT_WRITE_COMBINING);
        for (unsigned index = 0; index < 8; index++)
            assert_int_equal(fake_cpu.pat >> (8 * index) & 0xff, types[index]);
        assert_non_null(strstr(fake_log, "index 5 is write-combining"));
    }
}

/* SDM Vol. 3A, 12.11.8: caches off and written back, translations dropped, the change, both again;
 * then all as it was. */
static void test_order(void **state)
{
    static const uint64_t cr4[] = {UINT64_C(0x668), UINT64_C(0x6e8)};

    (void)state;
    for (unsigned global = 0; global < 2; global++) {
        reset(PAT_AFTER_RESET);
        fake_cpu.cr4 = cr4[global];
        assert_int_equal(cpu_set_memory_types(), PAT_WRITE_COMBINING);
        assert_string_equal(fake_cpu.acts, global ? "CD WBINVD -PGE CR3 PAT WBINVD CR3 -CD PGE "
                                                  : "CD WBINVD CR3 PAT WBINVD CR3 -CD ");
        assert_int_equal(fake_cpu.cr0, 0x80010033);
        assert_int_equal(fake_cpu.cr4, cr4[global]);
    }
}

/* A table that is right already is left alone; firmware that left caches off keeps them off. */
static void test_nothing_to_do(void **state)
{
    (void)state;
    reset(UINT64_C(0x0007010600070406));
    assert_int_equal(cpu_set_memory_types(), PAT_WRITE_COMBINING);
    assert_string_equal(fake_cpu.acts, "");
    reset(PAT_AFTER_RESET);
    fake_cpu.cr0 |= CR0_CD | CR0_NW;
    assert_int_equal(cpu_set_memory_types(), PAT_WRITE_COMBINING);
    assert_int_equal(fake_cpu.cr0, 0x80010033 | CR0_CD | CR0_NW);
}

static void test_no_table(void **state)
{
    (void)state;
    reset(0);
    fake_cpu.has_pat = false;
    assert_int_equal(cpu_set_memory_types(), PAT_UNCACHED_MINUS);
    assert_string_equal(fake_cpu.acts, "");
    assert_non_null(strstr(fake_log, "uncached"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_no_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
