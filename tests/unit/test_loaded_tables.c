/* links: kernel/mm/loaded_tables.c tests/unit/fake_cpu.c tests/unit/fake_memory.c */
/* kernel/mm/loaded_tables.c: what it says can be read, over tables that may be anything. */
#include "page_fixture.h"

#include <stdlib.h>

#include "fake_cpu.h"
#include "loaded_tables.h"
#include "translate.h"
#include "x86_cpu.h"

#define BASE UINT64_C(0xffffc90000000000)
#define LAST (-KIB_4) /* the last page of all */

struct pt_space kernel_space;

void fake_halt(void)
{
    abort();
}

/* ---- the fixture ----------------------------------------------------------------------- */

static struct fixture fixture;

/* Two pages at BASE, and the last of the address space. The kernel knows no RAM yet. */
static int open_tables(void **state)
{
    const struct memory_map none = {0};
    (void)state;

    fake_cpu_reset();
    fake_cpu.efer |= EFER_NXE;
    open_fixture(&fixture, PT_LEVEL_PML4);
    assert_int_equal(
        pt_map(&fixture.space, virt_range(BASE, 2 * KIB_4), phys(0), read_write, PT_LEVEL_PT),
        PT_OK);
    assert_int_equal(
        pt_map(&fixture.space, virt_range(LAST, KIB_4), phys(0), read_only, PT_LEVEL_PT), PT_OK);
    fake_cpu.table_root = fixture.space.root;
    kernel_space = (struct pt_space){.phys_to_virt = fixture.space.phys_to_virt};
    loaded_tables_note_ram(&none);
    loaded_tables_expect(phys(0), 0);
    return 0;
}

static int close_tables(void **state)
{
    (void)state;
    close_fixture(&fixture);
    return 0;
}

static bool maps(uint64_t start, uint64_t size)
{
    struct pt_space space = loaded_tables();
    return loaded_tables_map(&space, virt_range(start, size));
}

static uint64_t *entry_of(uint64_t address, enum pt_level level)
{
    struct pt_step steps[PT_STEPS_MAX];

    assert_int_equal(pt_walk(&fixture.space, virt(address), steps), 4);
    return (uint64_t *)(steps[4 - level].at.raw + fixture.space.phys_to_virt);
}

/* With other bits in one entry. */
static bool maps_with(uint64_t address, enum pt_level level, uint64_t flip)
{
    uint64_t *entry = entry_of(address, level);

    *entry ^= flip;
    bool mapped = maps(address, 8);
    *entry ^= flip;
    return mapped;
}

/* ---- ranges ---------------------------------------------------------------------------- */

static void ranges(void **state)
{
    static const struct {
        uint64_t start, size;
        bool mapped;
    } rows[] = {
        {BASE, 1, true},
        {BASE, 2 * KIB_4, true},
        {BASE + KIB_4 - 1, 2, true},
        {BASE + 2 * KIB_4 - 1, 1, true},
        {BASE - 1, 1, false},
        {BASE - 1, 2, false},
        {BASE + 2 * KIB_4 - 1, 2, false},
        {BASE + 2 * KIB_4, 1, false},
        {BASE, 2 * KIB_4 + 1, false},
        {BASE - KIB_4, 4 * KIB_4, false},
        {BASE, 0, false},
        {0, 0, false},
        {LAST, 0, false},
        {0, 1, false},
        {UINT64_C(0x0000800000000000), 8, false}, /* not canonical */
        {UINT64_C(0xffff7fffffffffff), 1, false},
        {UINT64_C(0x8000000000000000), 8, false},
        {BASE ^ UINT64_C(1) << 60, 8, false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(maps(rows[i].start, rows[i].size), rows[i].mapped);
}

static void ranges_that_end_or_wrap(void **state)
{
    (void)state;
    assert_true(maps(LAST, KIB_4)); /* to 2^64 exactly */
    assert_true(maps(LAST, 1));
    assert_true(maps(-UINT64_C(1), 1));
    assert_true(maps(-UINT64_C(8), 8));
    assert_false(maps(LAST - 1, 2));
    for (uint64_t i = 1; i < 64; i++) {
        assert_false(maps(-i, i + 1));
        assert_false(maps(-i, UINT64_MAX));
        assert_false(maps(LAST, KIB_4 + i));
        assert_false(maps(BASE, -i));
    }
}

/* A page of a range is a page of it however large the leaf. */
static void large_leaves(void **state)
{
    uint64_t at = BASE + GIB_1;
    (void)state;

    assert_int_equal(
        pt_map(&fixture.space, virt_range(at, MIB_2), phys(0), read_write, PT_LEVEL_PD), PT_OK);
    assert_true(maps(at, MIB_2));
    assert_true(maps(at + MIB_2 - 1, 1));
    assert_false(maps(at + MIB_2 - 1, 2));
}

/* ---- entries --------------------------------------------------------------------------- */

/* SDM Vol. 3A, 4.6: a user page is one by all levels. */
static void user_pages(void **state)
{
    (void)state;
    assert_true(maps_with(BASE, PT_LEVEL_PT, ENTRY_USER));
    for (enum pt_level level = PT_LEVEL_PML4; level > PT_LEVEL_PT; level--) {
        *entry_of(BASE, level) |= ENTRY_USER;
        assert_true(maps(BASE, 8));
    }
    *entry_of(BASE, PT_LEVEL_PT) |= ENTRY_USER;
    assert_false(maps(BASE, 8));
    assert_false(maps(BASE, KIB_4 + 1));
    assert_true(maps(BASE + KIB_4, 8));
}

static void absent_entries(void **state)
{
    (void)state;
    for (enum pt_level level = PT_LEVEL_PT; level <= PT_LEVEL_PML4; level++) {
        assert_true(maps_with(BASE, level, ENTRY_ACCESSED));
        assert_false(maps_with(BASE, level, ENTRY_PRESENT));
    }
}

/* A table at an address with such a bit is never read: there is no RAM. */
static void reserved_bits(void **state)
{
    struct memory_range range = {FAKE_BASE, FAKE_FRAMES * KIB_4, MEMORY_USABLE, 0};
    (void)state;

    loaded_tables_note_ram(&(struct memory_map){&range, 1, 1});
    for (enum pt_level level = PT_LEVEL_PT; level <= PT_LEVEL_PML4; level++) {
        assert_false(maps_with(BASE, level, UINT64_C(1) << 48));
        assert_false(maps_with(BASE, level, UINT64_C(1) << 51));
        assert_true(maps_with(BASE, level, UINT64_C(1) << 52));
    }
    assert_true(maps_with(BASE, PT_LEVEL_PT, UINT64_C(1) << 47));
    assert_false(maps_with(BASE, PT_LEVEL_PML4, ENTRY_PAGE_SIZE));
    assert_false(maps_with(BASE, PT_LEVEL_PD, ENTRY_PAGE_SIZE | UINT64_C(1) << 13));
}

/* Bit 63 is reserved as long as EFER.NXE is clear, whatever CPUID says. */
static void no_execute_by_what_efer_says_now(void **state)
{
    (void)state;
    for (enum pt_level level = PT_LEVEL_PD; level <= PT_LEVEL_PML4; level++)
        assert_true(maps_with(BASE, level, ENTRY_NO_EXECUTE));
    assert_true(maps(BASE, 8)); /* whose leaf has it */
    fake_cpu.efer &= ~EFER_NXE;
    assert_false(maps(BASE, 8));
    assert_true(maps_with(BASE, PT_LEVEL_PT, ENTRY_NO_EXECUTE));
    fake_cpu.efer |= EFER_NXE;
    assert_true(maps(BASE, 8));
}

/* ---- RAM ------------------------------------------------------------------------------- */

/* With all of RAM but the frame that the table of a level is in. */
static bool maps_without(enum pt_level level)
{
    uint64_t frame = level == PT_LEVEL_PML4 ? fixture.space.root.raw
                                            : entry_table(*entry_of(BASE, level + 1)).raw;
    struct memory_range ranges_left[] = {
        {FAKE_BASE - KIB_4, frame - FAKE_BASE + KIB_4, MEMORY_USABLE, 0},
        {frame, KIB_4, MEMORY_RESERVED, 0},
        {frame + KIB_4, FAKE_FRAMES * KIB_4, MEMORY_LOADER, 0}};

    loaded_tables_note_ram(&(struct memory_map){ranges_left, 3, 3});
    return maps(BASE, 8);
}

static void tables_outside_of_ram(void **state)
{
    (void)state;
    for (enum pt_level level = PT_LEVEL_PT; level <= PT_LEVEL_PML4; level++)
        assert_false(maps_without(level));
    loaded_tables_note_ram(&(struct memory_map){0});
    assert_true(maps(BASE, 8));
}

static void more_pieces_than_are_noted(void **state)
{
    struct memory_range pieces[LOADED_TABLES_RUNS + 20];
    const size_t count = sizeof(pieces) / sizeof(pieces[0]);
    (void)state;

    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct memory_range){i * 2 * KIB_4, KIB_4, MEMORY_USABLE, 0};
    loaded_tables_note_ram(&(struct memory_map){pieces, count, count});
    struct pt_space space = loaded_tables();
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(space.can_read(phys(pieces[i].base)), i < LOADED_TABLES_RUNS);
        assert_int_equal(space.can_read(phys(pieces[i].base + KIB_4 - 1)), i < LOADED_TABLES_RUNS);
        assert_false(space.can_read(phys(pieces[i].base + KIB_4)));
    }
    /* Another map takes the place of the last one. */
    loaded_tables_note_ram(&(struct memory_map){pieces + 1, 1, 1});
    assert_false(space.can_read(phys(0)));
    assert_true(space.can_read(phys(2 * KIB_4)));
    assert_false(space.can_read(phys(4 * KIB_4)));
}

/* ---- which tables ---------------------------------------------------------------------- */

static void root_and_offset(void **state)
{
    (void)state;
    loaded_tables_expect(phys(0x5000), 0x1234000);
    assert_int_equal(loaded_tables().root.raw, fixture.space.root.raw);
    assert_int_equal(loaded_tables().phys_to_virt, kernel_space.phys_to_virt);
    fake_cpu.table_root = phys(0x5000);
    assert_int_equal(loaded_tables().root.raw, 0x5000);
    assert_int_equal(loaded_tables().phys_to_virt, 0x1234000);
    fake_cpu.table_root = phys(0x6000);
    assert_int_equal(loaded_tables().phys_to_virt, kernel_space.phys_to_virt);
    /* Nothing is expected: a root at 0 is not it. */
    loaded_tables_expect(phys(0), 0x1234000);
    fake_cpu.table_root = phys(0);
    assert_int_equal(loaded_tables().phys_to_virt, kernel_space.phys_to_virt);
}

/* The walk really goes through that offset: kernel_space's leads nowhere. */
static void tables_that_are_expected(void **state)
{
    (void)state;
    loaded_tables_expect(fixture.space.root, kernel_space.phys_to_virt);
    kernel_space.phys_to_virt = 0;
    assert_true(maps(BASE, 8));
    assert_false(maps(BASE - 1, 1));
}

static void levels(void **state)
{
    (void)state;
    assert_int_equal(loaded_tables().top, PT_LEVEL_PML4);
    fake_cpu.cr4 |= CR4_LA57;
    assert_int_equal(loaded_tables().top, PT_LEVEL_PML5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tables, close_tables)
    const struct CMUnitTest tests[] = {
        TEST(ranges),
        TEST(ranges_that_end_or_wrap),
        TEST(large_leaves),
        TEST(user_pages),
        TEST(absent_entries),
        TEST(reserved_bits),
        TEST(no_execute_by_what_efer_says_now),
        TEST(tables_outside_of_ram),
        TEST(more_pieces_than_are_noted),
        TEST(root_and_offset),
        TEST(tables_that_are_expected),
        TEST(levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
