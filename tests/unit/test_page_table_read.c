/* links: tests/unit/fake_memory.c */
/* Walks, effective rights and runs, over tables as others may have made them. */
#include "page_fixture.h"
#include <stdlib.h>
#include <string.h>

/* ---- tables that are wrong ----------------------------------------------------------------- */

static phys_addr_t denied;

static bool all_but_denied(phys_addr_t frame)
{
    return frame.raw != denied.raw;
}

/* A table that may not be read is nothing mapped, for every way of reading. */
static void denied_tables_are_not_read(void **state)
{
    struct fixture f;
    struct pt_step steps[PT_STEPS_MAX], all[PT_STEPS_MAX];
    (void)state;

    open_fixture(&f, PT_LEVEL_PML5);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH, KIB_4), phys(0), read_write, PT_LEVEL_PT),
                     PT_OK);
    assert_int_equal(pt_walk(&f.space, virt(HIGH), all), 5);
    struct pt_space careful = f.space;
    careful.can_read = all_but_denied;
    for (size_t i = 0; i < 5; i++) {
        denied = i == 0 ? f.space.root : entry_table(all[i - 1].entry);
        assert_int_equal(pt_walk(&careful, virt(HIGH), steps), i);
        for (size_t j = 0; j < i; j++)
            assert_int_equal(steps[j].entry, all[j].entry);
        assert_false(pt_translate(&careful, virt(HIGH), NULL));
    }
    denied = phys(0);
    assert_true(pt_translate(&careful, virt(HIGH), NULL));
    close_fixture(&f);
}

/* SDM Vol. 3A, tables 4-14 to 4-20. */
static void reserved_bits_are_known(void **state)
{
    const struct pt_features all = {.no_execute = true, .leaf_1gib = true, .phys_bits = 40};
    const struct pt_features few = {.phys_bits = 36};
    const uint64_t ps = UINT64_C(1) << 7, nx = UINT64_C(1) << 63, pat = UINT64_C(1) << 12;
    const struct {
        uint64_t entry;
        enum pt_level level;
        const struct pt_features *features;
        uint64_t reserved;
    } rows[] = {
        {nx | UINT64_C(0xffffffffff) | ps, PT_LEVEL_PT, &all, 0},
        {UINT64_C(1) << 40 | 1, PT_LEVEL_PT, &all, UINT64_C(1) << 40},
        {UINT64_C(1) << 51 | 1, PT_LEVEL_PML5, &all, UINT64_C(1) << 51},
        {UINT64_C(0x7ff) << 52 | 1, PT_LEVEL_PML4, &all, 0},
        {nx | 1, PT_LEVEL_PD, &few, nx},
        {UINT64_C(1) << 36 | 1, PT_LEVEL_PD, &few, UINT64_C(1) << 36},
        {ps | 1, PT_LEVEL_PML5, &all, ps},
        {ps | 1, PT_LEVEL_PML4, &all, ps},
        {ps | 1, PT_LEVEL_PDPT, &few, ps},
        {ps | pat | 1, PT_LEVEL_PDPT, &all, 0},
        {ps | UINT64_C(0x3fffe000) | 1, PT_LEVEL_PDPT, &all, UINT64_C(0x3fffe000)},
        {UINT64_C(0x3fffe000) | 1, PT_LEVEL_PDPT, &all, 0},
        {ps | UINT64_C(1) << 30 | 1, PT_LEVEL_PDPT, &all, 0},
        {ps | UINT64_C(0x1fe000) | 1, PT_LEVEL_PD, &all, UINT64_C(0x1fe000)},
        {ps | UINT64_C(1) << 21 | pat | 1, PT_LEVEL_PD, &few, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(entry_reserved(rows[i].entry, rows[i].level, *rows[i].features),
                         rows[i].reserved);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Tables that others made may restrict what their leaves allow, and hold user bits. */
static void rights_are_those_of_all_levels(void **state)
{
    struct fixture f;
    struct pt_step steps[PT_STEPS_MAX];
    struct pt_leaf leaf;
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH, KIB_4), phys(0), read_write, PT_LEVEL_PT),
                     PT_OK);
    assert_int_equal(pt_walk(&f.space, virt(HIGH + 5), steps), 4);
    assert_int_equal(steps[0].level, PT_LEVEL_PML4);
    assert_int_equal(steps[3].level, PT_LEVEL_PT);
    uint64_t *pdpt_entry = (uint64_t *)(uintptr_t)(steps[1].at.raw + f.space.phys_to_virt);
    uint64_t *pt_entry = (uint64_t *)(uintptr_t)(steps[3].at.raw + f.space.phys_to_virt);
    *pt_entry |= ENTRY_USER;
    *pt_entry &= ~ENTRY_NO_EXECUTE;
    assert_true(pt_translate(&f.space, virt(HIGH), &leaf));
    assert_int_equal(leaf.attributes.rights, PT_RIGHT_READ | PT_RIGHT_WRITE | PT_RIGHT_EXECUTE);
    *pdpt_entry &= ~ENTRY_WRITE;
    *pdpt_entry |= ENTRY_NO_EXECUTE;
    assert_true(pt_translate(&f.space, virt(HIGH), &leaf));
    assert_int_equal(leaf.attributes.rights, PT_RIGHT_READ);
    assert_int_equal(pt_walk(&f.space, virt(HIGH + KIB_4), steps), 4);
    assert_int_equal(steps[3].entry, 0);
    assert_int_equal(pt_walk(&f.space, virt(UINT64_C(0x0000900000000000)), steps), 0);
    close_fixture(&f);
}

static bool count_call(void *context, const struct pt_leaf *leaf)
{
    (void)leaf;
    ++*(size_t *)context;
    return true;
}

/* The halves meet nowhere and miss nothing; a range without a byte holds no leaf. */
static void ranges_are_exact(void **state)
{
    static const unsigned top_bits[] = {47, 56};
    (void)state;

    for (unsigned i = 0; i < 2; i++) {
        struct fixture f;
        size_t calls = 0;
        struct pt_leaf leaf = {.entry = 0xa5};

        open_fixture(&f, i == 0 ? PT_LEVEL_PML4 : PT_LEVEL_PML5);
        uint64_t half = UINT64_C(1) << top_bits[i];
        assert_int_equal(pt_lower_half(&f.space).start.raw, 0);
        assert_int_equal(pt_lower_half(&f.space).size, half);
        assert_int_equal(pt_upper_half(&f.space).start.raw, -half);
        assert_int_equal(pt_upper_half(&f.space).size, half);
        assert_int_equal(
            pt_map(&f.space, virt_range(0, KIB_4), phys(KIB_4), read_only, PT_LEVEL_PT), PT_OK);
        assert_true(pt_translate(&f.space, virt(0), NULL));
        assert_false(pt_translate(&f.space, virt(KIB_4), &leaf));
        assert_int_equal(leaf.entry, 0xa5); /* untouched */
        assert_true(pt_visit_leaves(&f.space, virt_range(0, 0), count_call, &calls));
        assert_int_equal(calls, 0);
        assert_true(pt_visit_leaves(&f.space, pt_lower_half(&f.space), count_call, &calls));
        assert_int_equal(calls, 1);
        close_fixture(&f);
    }
}

struct table_list {
    phys_addr_t frames[16];
    enum pt_level levels[16];
    size_t count, stop_at;
};

static bool list_table(void *context, phys_addr_t frame, enum pt_level level)
{
    struct table_list *list = context;

    assert_true(list->count < 16);
    for (size_t i = 0; i < list->count; i++)
        assert_int_not_equal(list->frames[i].raw, frame.raw);
    list->frames[list->count] = frame;
    list->levels[list->count++] = level;
    return list->count != list->stop_at;
}

static void every_table_is_visited_once(void **state)
{
    struct fixture f;
    struct table_list list = {.count = 0};
    (void)state;

    open_fixture(&f, PT_LEVEL_PML5);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH, KIB_4), phys(0), read_only, PT_LEVEL_PT),
                     PT_OK);
    assert_int_equal(pt_map(&f.space, virt_range(GIB_1, MIB_2), phys(0), read_only, PT_LEVEL_PD),
                     PT_OK);
    assert_true(pt_visit_tables(&f.space, list_table, &list));
    assert_int_equal(list.count, f.memory.taken_count);
    assert_int_equal(list.count, 1 + 3 + 4);
    assert_int_equal(list.frames[0].raw, f.space.root.raw);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(list.levels[i], i == 0 ? 5 : i < 4 ? 5 - i : 8 - i);
    for (size_t stop = 1; stop <= 8; stop++) {
        list = (struct table_list){.stop_at = stop};
        assert_false(pt_visit_tables(&f.space, list_table, &list));
        assert_int_equal(list.count, stop);
    }
    close_fixture(&f);
}

/* What stands behind a table that maps nothing of the range counts from where the CPU has used it:
 * page tables of 5 GiB, and accessed flags at each level above. */
static void unused_tables_are_passed_over(void **state)
{
    static const uint64_t at = 5 * GIB_1;
    const struct {
        struct virt_range range;
        unsigned accessed; /* bit 0: the PML4 entry, bit 1: the PDPT entry, bit 2: the PD entry */
        size_t tables;     /* that are visited */
    } rows[] = {
        {{virt(0), 0}, 0, 2},
        {{virt(0), 0}, 1, 3},
        {{virt(0), 0}, 6, 2},
        {{virt(0), 0}, 5, 3},
        {{virt(0), 0}, 3, 4},
        {{virt(at - 1), 1}, 0, 3},
        {{virt(at), 1}, 0, 4},
        {{virt(at + GIB_1 - 1), 1}, 0, 4},
        {{virt(at + GIB_1), 1}, 0, 3},
        {{virt(at + GIB_1), 1}, 2, 4},
        {{virt(TIB_HALF - 1), 1}, 0, 3},
        {{virt(TIB_HALF), 1}, 0, 2},
        {{virt(0), UINT64_C(1) << 47}, 0, 4},
        {{virt(HIGH), -HIGH}, 0, 2},
    };
    struct fixture f;
    struct pt_step steps[PT_STEPS_MAX];
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(pt_map(&f.space, virt_range(at, KIB_4), phys(0), read_only, PT_LEVEL_PT),
                     PT_OK);
    assert_int_equal(pt_walk(&f.space, virt(at), steps), 4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct table_list list = {.count = 0};
        for (unsigned k = 0; k < 3; k++) {
            uint64_t flag = rows[i].accessed >> k & 1 ? ENTRY_ACCESSED : 0;
            *(uint64_t *)(uintptr_t)(steps[k].at.raw + f.space.phys_to_virt) =
                steps[k].entry | flag;
        }
        assert_true(pt_visit_tables_used(&f.space, rows[i].range, list_table, &list));
        assert_int_equal(list.count, rows[i].tables);
        list = (struct table_list){.count = 0};
        assert_true(pt_visit_tables(&f.space, list_table, &list));
        assert_int_equal(list.count, 4);
    }
    close_fixture(&f);
}

static bool collect_indices(void *context, phys_addr_t frame, enum pt_level level)
{
    bool *seen = context;

    if (level == PT_LEVEL_PT)
        seen[(frame.raw >> 12) - 0x100] = true;
    return true;
}

/* A PD of leaves, with tables and nothing here and there: every table is found and nothing else,
 * whatever its neighbours are. They are never looked into, so they need not be there. */
static void tables_among_leaves_are_found(void **state)
{
    struct fixture f;
    struct pt_step steps[PT_STEPS_MAX];
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(pt_map(&f.space, virt_range(GIB_1, MIB_2), phys(0), read_only, PT_LEVEL_PD),
                     PT_OK);
    assert_int_equal(pt_walk(&f.space, virt(GIB_1), steps), 3);
    uint64_t *pd = (uint64_t *)(uintptr_t)(steps[2].at.raw + f.space.phys_to_virt);
    for (unsigned seed = 1; seed < 200; seed++) {
        bool wanted[PT_ENTRIES] = {false}, seen[PT_ENTRIES] = {false};
        srand(seed);
        for (uint64_t i = 0; i < PT_ENTRIES; i++) {
            unsigned kind = (unsigned)rand() % (seed < 100 ? 40 : 4);
            wanted[i] = kind == 0;
            pd[i] = kind == 0   ? (0x100 + i) << 12 | ENTRY_PRESENT
                    : kind == 1 ? ENTRY_PAGE_SIZE /* not present */
                    : kind == 2 ? 0
                                : i << 21 | ENTRY_PRESENT | ENTRY_PAGE_SIZE;
        }
        assert_true(pt_visit_tables(&f.space, collect_indices, seen));
        assert_memory_equal(seen, wanted, sizeof(seen));
    }
    memset(pd, 0, PAGE_SIZE);
    close_fixture(&f);
}

/* A reserved bit at any level hides what lies behind it from everyone, as from the CPU. */
static void reserved_bits_end_a_walk(void **state)
{
    (void)state;

    for (size_t bad = 0; bad < 5; bad++) {
        struct fixture f;
        struct pt_step steps[PT_STEPS_MAX], again[PT_STEPS_MAX];
        struct table_list list = {.count = 0};
        size_t leaves = 0;

        open_fixture(&f, PT_LEVEL_PML5);
        f.space.features.phys_bits = 44;
        assert_int_equal(
            pt_map(&f.space, virt_range(HIGH, KIB_4), phys(0), read_write, PT_LEVEL_PT), PT_OK);
        assert_int_equal(pt_walk(&f.space, virt(HIGH), steps), 5);
        uint64_t *entry = (uint64_t *)(uintptr_t)(steps[bad].at.raw + f.space.phys_to_virt);
        *entry |= UINT64_C(1) << 45;
        assert_int_equal(pt_walk(&f.space, virt(HIGH), again), bad + 1);
        assert_int_equal(again[bad].entry, *entry);
        assert_false(pt_translate(&f.space, virt(HIGH), NULL));
        assert_true(pt_visit_leaves(&f.space, pt_upper_half(&f.space), count_call, &leaves));
        assert_int_equal(leaves, 0);
        assert_true(pt_visit_tables(&f.space, list_table, &list));
        assert_int_equal(list.count, bad + 1);
        *entry ^= UINT64_C(1) << 45;
        close_fixture(&f);
    }
}

static bool stop_at_once(void *context, const struct pt_run *run)
{
    (void)run;
    ++*(size_t *)context;
    return false;
}

struct run_list {
    struct pt_run runs[8];
    size_t count;
};

static bool list_run(void *context, const struct pt_run *run)
{
    struct run_list *list = context;

    assert_true(list->count < 8);
    list->runs[list->count++] = *run;
    return true;
}

static void runs_split_where_something_changes(void **state)
{
    struct fixture f;
    struct run_list list = {.count = 0};
    struct pt_step steps[PT_STEPS_MAX];
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(
        pt_map(&f.space, virt_range(HIGH, 4 * KIB_4), phys(0), read_write, PT_LEVEL_PT), PT_OK);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH + 4 * KIB_4, KIB_4), phys(8 * KIB_4),
                            read_write, PT_LEVEL_PT),
                     PT_OK);
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH + KIB_4, KIB_4), PT_RIGHT_READ), PT_OK);
    assert_int_equal(pt_set_global(&f.space, virt_range(HIGH + 3 * KIB_4, KIB_4), true), PT_OK);
    pt_walk(&f.space, virt(HIGH), steps);
    *(uint64_t *)(uintptr_t)(steps[3].at.raw + f.space.phys_to_virt) |= ENTRY_ACCESSED;
    assert_true(pt_visit_runs(&f.space, virt_range(0, UINT64_MAX), list_run, &list));
    assert_int_equal(list.count, 5);
    size_t calls = 0;
    assert_false(pt_visit_runs(&f.space, pt_upper_half(&f.space), stop_at_once, &calls));
    assert_int_equal(calls, 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(list.runs[i].virt.start.raw, HIGH + i * KIB_4);
        assert_int_equal(list.runs[i].count, 1);
    }
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH + KIB_4, KIB_4), 3), PT_OK);
    assert_int_equal(pt_set_global(&f.space, virt_range(HIGH + 3 * KIB_4, KIB_4), false), PT_OK);
    list.count = 0;
    assert_true(pt_visit_runs(&f.space, pt_upper_half(&f.space), list_run, &list));
    assert_int_equal(list.count, 2); /* the accessed bit splits nothing, the frames do */
    assert_int_equal(list.runs[0].virt.size, 4 * KIB_4);
    assert_int_equal(list.runs[0].count, 4);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(denied_tables_are_not_read),
        cmocka_unit_test(reserved_bits_are_known),
        cmocka_unit_test(rights_are_those_of_all_levels),
        cmocka_unit_test(ranges_are_exact),
        cmocka_unit_test(every_table_is_visited_once),
        cmocka_unit_test(unused_tables_are_passed_over),
        cmocka_unit_test(tables_among_leaves_are_found),
        cmocka_unit_test(reserved_bits_end_a_walk),
        cmocka_unit_test(runs_split_where_something_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
