/* common/mtrr.c: types as the SDM's rules give them, and stretches against a look at every page. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "mtrr.h"

#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define PAGE  UINT64_C(4096)
#define ON    UINT64_C(0xc00) /* E and FE */
#define VALID UINT64_C(0x800)

static struct mtrrs mtrrs;

static void reset(enum mtrr_type default_type)
{
    mtrrs = (struct mtrrs){.present = true, .phys_bits = 40, .default_type = ON | default_type};
    for (size_t i = 0; i < MTRR_FIXED; i++)
        mtrrs.fixed[i] = UINT64_C(0x0606060606060606);
}

static void add(uint64_t base, uint64_t size, enum mtrr_type type)
{
    const uint64_t all = (UINT64_C(1) << mtrrs.phys_bits) - 1;
    const size_t i = mtrrs.variable_count++;

    mtrrs.variable[i].base = base | type;
    mtrrs.variable[i].mask = (all & ~(size - 1)) | VALID;
}

static void assert_type(uint64_t at, enum mtrr_type type)
{
    if (mtrr_type_at(&mtrrs, phys(at)) != type)
        fail_msg("at 0x%lx: %s instead of %s", (unsigned long)at,
                 mtrr_type_name(mtrr_type_at(&mtrrs, phys(at))), mtrr_type_name(type));
}

static void assert_end(uint64_t start, uint64_t end, uint64_t expected)
{
    if (mtrr_stretch_end(&mtrrs, start, end) != expected)
        fail_msg("from 0x%lx: to 0x%lx instead of 0x%lx", (unsigned long)start,
                 (unsigned long)mtrr_stretch_end(&mtrrs, start, end), (unsigned long)expected);
}

/* As firmware sets them: all write-back but for the hole below 4 GiB. */
static void test_a_machine(void **state)
{
    (void)state;
    reset(MTRR_WRITE_BACK);
    mtrrs.fixed[2] = 0; /* A0000 to BFFFF */
    add(2 * GIB, 2 * GIB, MTRR_UNCACHED);
    assert_type(0, MTRR_WRITE_BACK);
    assert_type(0x9ffff, MTRR_WRITE_BACK);
    assert_type(0xa0000, MTRR_UNCACHED);
    assert_type(0xbffff, MTRR_UNCACHED);
    assert_type(0xc0000, MTRR_WRITE_BACK);
    assert_type(2 * GIB - 1, MTRR_WRITE_BACK);
    assert_type(2 * GIB, MTRR_UNCACHED);
    assert_type(4 * GIB, MTRR_WRITE_BACK);
    assert_end(0, 8 * GIB, 0xa0000);
    assert_end(0xa0000, 8 * GIB, 0xc0000);
    assert_end(0xc0000, 8 * GIB, 2 * GIB);
    assert_end(0xc0000, GIB, GIB);
    assert_end(2 * GIB, 8 * GIB, 4 * GIB);
    assert_end(4 * GIB, 1024 * GIB, 1024 * GIB);
}

/* 11.11.2.1: off, and without the fixed ones; a CPU without any. */
static void test_switches(void **state)
{
    (void)state;
    reset(MTRR_WRITE_BACK);
    mtrrs.default_type &= ~VALID;
    assert_type(GIB, MTRR_UNCACHED);
    assert_end(0, 64 * GIB, 64 * GIB);

    reset(MTRR_WRITE_BACK);
    mtrrs.fixed[0] = 0;
    mtrrs.default_type &= ~UINT64_C(0x400);
    assert_type(0, MTRR_WRITE_BACK);
    assert_end(0, GIB, GIB);

    reset(MTRR_WRITE_BACK);
    add(0, GIB, MTRR_UNCACHED);
    mtrrs.variable[0].mask &= ~VALID;
    assert_type(MIB, MTRR_WRITE_BACK);
    assert_end(0, 2 * GIB, 2 * GIB);

    mtrrs = (struct mtrrs){.phys_bits = 40};
    assert_type(0, MTRR_WRITE_BACK);
    assert_end(0, GIB, GIB);
}

/* Table 11-9, all 88 ranges: each alone of another type. */
static void test_fixed(void **state)
{
    uint64_t at = 0;

    (void)state;
    for (unsigned range = 0; range < 88; range++) {
        const uint64_t size = range < 8 ? 0x10000 : range < 24 ? 0x4000 : 0x1000;
        reset(MTRR_WRITE_BACK);
        mtrrs.fixed[range / 8] ^= UINT64_C(3) << range % 8 * 8; /* 6 becomes 5 */
        assert_type(at, MTRR_WRITE_PROTECTED);
        assert_type(at + size - 1, MTRR_WRITE_PROTECTED);
        assert_end(at, GIB, at + size);
        if (at != 0)
            assert_end(0, GIB, at);
        assert_end(at + size, GIB, GIB);
        at += size;
    }
    assert_int_equal(at, MIB);
}

/* 11.11.4.1 */
static void test_overlaps(void **state)
{
    static const struct {
        enum mtrr_type a, b, both;
    } cases[] = {
        {MTRR_WRITE_BACK, MTRR_WRITE_BACK, MTRR_WRITE_BACK},
        {MTRR_WRITE_BACK, MTRR_UNCACHED, MTRR_UNCACHED},
        {MTRR_WRITE_BACK, MTRR_WRITE_THROUGH, MTRR_WRITE_THROUGH},
        {MTRR_WRITE_COMBINING, MTRR_UNCACHED, MTRR_UNCACHED},
        {MTRR_WRITE_COMBINING, MTRR_WRITE_BACK, MTRR_UNCACHED}, /* undefined */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned order = 0; order < 2; order++) {
            reset(MTRR_UNCACHED);
            add(GIB, GIB, order ? cases[i].b : cases[i].a);
            add(GIB + 64 * MIB, 4 * MIB, order ? cases[i].a : cases[i].b);
            assert_type(GIB + 64 * MIB, cases[i].both);
            assert_type(GIB, order ? cases[i].b : cases[i].a);
        }
    }
}

/* The default type is UC, and memory above 4 GiB write-back by no range. */
static void test_amd(void **state)
{
    (void)state;
    reset(MTRR_UNCACHED);
    mtrrs.phys_bits = 48;
    mtrrs.write_back_end = 6 * GIB;
    add(0, 2 * GIB, MTRR_WRITE_BACK);
    add(5 * GIB, MIB, MTRR_WRITE_COMBINING);
    assert_type(4 * GIB - 1, MTRR_UNCACHED);
    assert_end(4 * GIB, 8 * GIB, 5 * GIB);
    assert_end(5 * GIB, 8 * GIB, 5 * GIB + MIB);
    assert_end(5 * GIB + MIB, 8 * GIB, 6 * GIB);
    assert_type(6 * GIB, MTRR_UNCACHED);
}

static uint64_t random_number(void)
{
    static uint64_t state = 88172645463325252;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* In the first 16 MiB, of 8 ranges that overlap as they like; some masks have holes. */
static void test_against_every_page(void **state)
{
    static const enum mtrr_type types[] = {MTRR_UNCACHED, MTRR_WRITE_THROUGH, MTRR_WRITE_BACK};
    const uint64_t end = 16 * MIB;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        reset(types[random_number() % 3]);
        for (unsigned i = 0; i < 8; i++) {
            const uint64_t size = PAGE << random_number() % 11;
            add(random_number() % end & -size, size, types[random_number() % 3]);
        }
        if (round % 3 == 0) /* repeats at each 8 MiB */
            mtrrs.variable[0].mask = (0x600000 | VALID), mtrrs.variable[0].base &= 0x600fff;
        for (uint64_t start = 0, stop; start < end; start = stop) {
            stop = mtrr_stretch_end(&mtrrs, start, end);
            assert_true(stop > start && stop <= end && stop % PAGE == 0);
            for (uint64_t at = start; at < stop; at += PAGE)
                assert_type(at, mtrr_type_at(&mtrrs, phys(start)));
            if (stop < end)
                assert_int_not_equal(mtrr_type_at(&mtrrs, phys(stop)),
                                     mtrr_type_at(&mtrrs, phys(start)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_machine), cmocka_unit_test(test_switches),
        cmocka_unit_test(test_fixed),     cmocka_unit_test(test_overlaps),
        cmocka_unit_test(test_amd),       cmocka_unit_test(test_against_every_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
