/* Boots in which firmware fails: every one of its calls once, and from there on for
 * good. Either the loader gets by and hands over all that it should, or it says what failed,
 * gives everything back and returns; and once ExitBootServices has been tried, the
 * machine is reset. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "handoff_check.h"
#include "kernel_file.h"

#define SERVICE(name) (UINT64_C(1) << FAKE_##name)

/* Without these a kernel boots as well. */
#define DISPENSABLE                                                                             \
    (SERVICE(WATCHDOG) | SERVICE(OUTPUT_STRING) | SERVICE(LOCATE_PROTOCOL) | SERVICE(GET_RNG) | \
     SERVICE(LOCATE_HANDLES) | SERVICE(SCREEN_PROTOCOL) | SERVICE(FREE_POOL) | SERVICE(CLOSE) | \
     SERVICE(FREE_PAGES) | SERVICE(READ_KEY) | SERVICE(GET_VARIABLE))

/* And these are tried again, or there is another way: the file read in pieces, an image at
 * another place, a loader.conf that cannot be looked for, one more ExitBootServices; or only a
 * neighbour of the entry that is booted is lost. */
#define REPEATED                                                                       \
    (SERVICE(READ) | SERVICE(SET_POSITION) | SERVICE(ALLOCATE_PAGES) | SERVICE(OPEN) | \
     SERVICE(GET_POSITION) | SERVICE(EXIT_BOOT_SERVICES))

/* The calls of a service that may fail once and do no harm, in the good boot of fake_world():
 * all others end it. Counted by hand from loader/. */
static unsigned harmless(enum fake_service service)
{
    switch (service) {
    case FAKE_ALLOCATE_PAGES:
        return 1; /* the image at the place that was drawn, or at its linked address */
    case FAKE_OPEN:
        return 4; /* loader.conf and the shell, when they are only looked for; neighbours */
    case FAKE_GET_POSITION:
        return 2; /* neighbours' */
    case FAKE_SET_POSITION:
        return 13; /* one each read_file: four texts, the kernel's five, two modules; two more */
    case FAKE_READ:
        return 11;
    default:
        return UINT32_MAX;
    }
}

static bool is_in(uint64_t services, enum fake_service service)
{
    return (services >> service & 1) != 0;
}

/* With a message, but where the message is what fails. */
static void assert_returned(const struct fake_outcome *outcome)
{
    assert_int_equal(outcome->ending, FAKE_RETURNED);
    assert_true(EFI_ERROR(outcome->status));
    assert_int_equal(fake.exits, 0);
    if (fake.failed != FAKE_OUTPUT_STRING)
        assert_non_null(strstr(fake.console, "bestla: error: "));
    assert_all_given_back();
}

static bool plain; /* nothing random */

static void order_failure(unsigned call, bool lastingly, EFI_STATUS status, bool verbose)
{
    plain ? fake_plain_world() : fake_world();
    if (verbose)
        fake_add_text("/loader/entries/bestla-2.conf",
                      "kernel /kernel.elf\nmodule /modules/second\noptions verbose\n");
    fake.fail_call = call;
    fake.fail_lastingly = lastingly;
    fake.fail_status = status;
}

static void fail_each_once(EFI_STATUS status, bool verbose)
{
    unsigned survived[FAKE_SERVICES] = {0};

    for (unsigned call = 1;; call++) {
        order_failure(call, false, status, verbose);
        struct fake_outcome outcome = fake_boot();
        if (fake.calls < call)
            break;
        if (outcome.ending != FAKE_HANDED_OFF) {
            assert_returned(&outcome);
            assert_false(is_in(DISPENSABLE | SERVICE(EXIT_BOOT_SERVICES), fake.failed));
            continue;
        }
        assert_good_handoff(&outcome);
        if (!is_in(DISPENSABLE | REPEATED, fake.failed))
            fail_msg("call %u, %s, failed and nobody cared", call, fake_service_name(fake.failed));
        survived[fake.failed]++;
    }
    for (unsigned service = 0; service < FAKE_SERVICES && !verbose; service++) {
        if (is_in(REPEATED, service) && status == EFI_DEVICE_ERROR)
            assert_in_range(survived[service], 1, harmless((enum fake_service)service));
    }
}

static void test_each_call_fails_once(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        plain = kind == 1;
        fail_each_once(EFI_DEVICE_ERROR, false);
        fail_each_once(EFI_DEVICE_ERROR, true);
        fail_each_once(EFI_OUT_OF_RESOURCES, false);
        fail_each_once(EFI_INVALID_PARAMETER, false);
    }
    plain = false;
}

static void test_each_call_fails_from_then_on(void **state)
{
    (void)state;
    for (unsigned call = 1;; call++) {
        order_failure(call, true, EFI_DEVICE_ERROR, false);
        struct fake_outcome outcome = fake_boot();
        if (fake.calls < call)
            break;
        if (fake.failed == FAKE_EXIT_BOOT_SERVICES) {
            assert_int_equal(outcome.ending, FAKE_RESET);
        } else if (is_in(DISPENSABLE, fake.failed)) {
            assert_good_handoff(&outcome);
        } else {
            assert_returned(&outcome);
        }
    }
}

/* The boot is refused anyway, and while all is given back one more call fails. */
static void test_failure_after_failure(void **state)
{
    (void)state;
    for (unsigned lastingly = 0; lastingly < 2; lastingly++) {
        for (unsigned call = 1;; call++) {
            order_failure(call, lastingly, EFI_DEVICE_ERROR, false);
            fake_add_text("/loader/entries/bestla-2.conf",
                          "kernel /kernel.elf\nmodule /modules/second\nmodule /none\n");
            struct fake_outcome outcome = fake_boot();
            if (fake.calls < call)
                break;
            assert_returned(&outcome);
        }
    }
}

/* Memory for tables comes in chunks; wherever in the building of the tables one is refused, the
 * boot ends, and does not go on without what was to be mapped. */
static void test_no_chunk_of_tables(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 32; more++) {
        unsigned survived = 0;
        for (unsigned nth = 1;; nth++) {
            order_failure(0, false, EFI_OUT_OF_RESOURCES, false);
            for (uint64_t i = 0; i < more; i++) /* one table each */
                fake_add_range(UINT64_C(0x260000000000) + (i << 21), 1, EfiBootServicesData,
                               EFI_MEMORY_WB);
            fake.nth_service = FAKE_ALLOCATE_PAGES;
            fake.fail_nth = nth;
            struct fake_outcome outcome = fake_boot();
            if (fake.calls_of[FAKE_ALLOCATE_PAGES] < nth)
                break;
            survived += outcome.ending == FAKE_HANDED_OFF;
            if (outcome.ending != FAKE_HANDED_OFF)
                assert_returned(&outcome);
        }
        assert_int_equal(survived, 1); /* the image at the place that was drawn */
    }
}

/* More allocations than a page of the ledger holds. */
static void test_long_ledger(void **state)
{
    static char conf[16384] = "kernel /kernel.elf\n";

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        strcat(conf, "module /modules/second\n");
    strcat(conf, "module /none\n");
    fake_world();
    fake_add_text("/loader/entries/bestla-2.conf", conf);
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_NOT_FOUND, "/none: cannot be opened");
}

static void test_calls_are_many(void **state)
{
    (void)state;
    order_failure(0, false, EFI_SUCCESS, false);
    fake_boot();
    assert_in_range(fake.calls, 70, 200); /* or these tests try nothing */
    for (unsigned service = 0; service < FAKE_FIRST_OF_MENU; service++)
        assert_true(fake.calls_of[service] > 0 || service == FAKE_OUTPUT_STRING);
}

/* Memory that runs out at each page, one boot after the other; the image has its place. */
static void test_memory_is_short(void **state)
{
    struct fake_outcome outcome = {.ending = FAKE_RETURNED};

    (void)state;
    for (unsigned pages = 0; outcome.ending == FAKE_RETURNED; pages++) {
        assert_true(pages < 500);
        fake_world();
        fake_take_pages(FAKE_HIGH_BASE, FAKE_HIGH_PAGES);
        fake_take_pages(FAKE_LOW_BASE + KERNEL_FILE_SPAN,
                        FAKE_LOW_PAGES - KERNEL_FILE_SPAN / PAGE_SIZE - pages);
        outcome = fake_boot();
        if (outcome.ending == FAKE_RETURNED)
            assert_refused(&outcome, EFI_OUT_OF_RESOURCES, "Out of Resources");
    }
    assert_good_handoff(&outcome);
}

static void assert_reset(unsigned exits, const char *words)
{
    struct fake_outcome outcome = fake_boot();

    assert_int_equal(outcome.ending, FAKE_RESET);
    assert_int_equal(fake.exits, exits);
    assert_string_equal(fake.console, "");
    if (words != NULL)
        assert_non_null(strstr(fake_cpu.com1_text, words));
}

/* The tables would have to have the C-bit. */
static void test_encrypted_memory(void **state)
{
    (void)state;
    fake_world();
    fake_cpu.encrypted = true;
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_UNSUPPORTED, "memory is encrypted (SEV)");
}

static void test_exit_refused_for_good(void **state)
{
    (void)state;
    for (unsigned refusals = 128; refusals < 131; refusals++) {
        fake_world();
        fake.refuse_exits = refusals;
        assert_reset(128, "bestla: error: firmware does not let go: ExitBootServices gives "
                          "0x8000000000000002 after 128 tries\r\n");
    }
    fake_world();
    fake.refuse_exits = 1000;
    fake_cpu.com1 = false;
    assert_reset(128, NULL);
    assert_int_equal(fake_cpu.com1_used, 0);
}

/* Then all that is left is to stand still. */
static void test_reset_fails(void **state)
{
    (void)state;
    fake_world();
    fake.refuse_exits = 1000;
    fake.reset_fails = true;
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.ending, FAKE_HALTED);
    assert_non_null(strstr(fake_cpu.com1_text, "firmware does not let go"));
}

/* The map grows past every buffer, and there is no memory for a larger one. */
static void test_no_memory_after_refusal(void **state)
{
    (void)state;
    fake_world();
    fake.refuse_exits = 1;
    fake.refused_growth = 19000;
    fake_take_pages(FAKE_HIGH_BASE, FAKE_HIGH_PAGES - 600);
    fake_take_pages(FAKE_LOW_BASE + 0x100000, FAKE_LOW_PAGES - 256);
    assert_reset(1, "firmware does not let go");
}

/* Before the first try of ExitBootServices there is a way back, whatever the map does. */
static void test_map_never_fits(void **state)
{
    (void)state;
    fake_world();
    fake_boot();
    unsigned asks = fake.calls_of[FAKE_GET_MEMORY_MAP];

    for (unsigned from = 1; from <= asks; from++) {
        fake_world();
        fake.asked_growth = 100;
        fake.grow_from = from;
        fake.grow_to = UINT32_MAX;
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, EFI_BUFFER_TOO_SMALL, "memory map");
    }
}

static void test_descriptors_of_no_size(void **state)
{
    static const UINTN sizes[] = {0, 8, 0x27, 0x2c};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        fake_world();
        fake.element_size = sizes[i];
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, EFI_INCOMPATIBLE_VERSION, "memory descriptors have");
    }
}

/* Descriptors that make no sense get a warning and take nothing from the others. */
static void test_broken_descriptors(void **state)
{
    (void)state;
    fake_world();
    fake_add_range(UINT64_C(0xfffffffffffff000), 2, EfiConventionalMemory, EFI_MEMORY_WB);
    fake_add_range(UINT64_C(1) << 48, UINT64_MAX, EfiReservedMemoryType, EFI_MEMORY_WB);
    fake_add_range(UINT64_C(0x2000000000), 0, EfiReservedMemoryType, EFI_MEMORY_WB);
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    const struct boot_info *info = (const void *)(uintptr_t)outcome.boot_info;
    struct boot_info_error error;
    assert_int_equal(boot_info_check(phys(outcome.boot_info), 0, &error), BOOT_INFO_OK);
    assert_good_tables(info, 4);
    assert_true(log_has(info, "0x2 pages at 0xfffffffffffff000"));
    assert_true(log_has(info, "pages at 0x1000000000000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_call_fails_once),
        cmocka_unit_test(test_each_call_fails_from_then_on),
        cmocka_unit_test(test_failure_after_failure),
        cmocka_unit_test(test_no_chunk_of_tables),
        cmocka_unit_test(test_long_ledger),
        cmocka_unit_test(test_calls_are_many),
        cmocka_unit_test(test_memory_is_short),
        cmocka_unit_test(test_encrypted_memory),
        cmocka_unit_test(test_exit_refused_for_good),
        cmocka_unit_test(test_reset_fails),
        cmocka_unit_test(test_no_memory_after_refusal),
        cmocka_unit_test(test_map_never_fits),
        cmocka_unit_test(test_descriptors_of_no_size),
        cmocka_unit_test(test_broken_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
