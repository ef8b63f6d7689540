/* links: tests/unit/fake_memory.c */
/* Splitting, protecting, unmapping and cloning, each where it is told from its neighbours. */
#include "page_fixture.h"

/* PAT sits in bit 12 of a large leaf and in bit 7 of a small one; accessed and dirty are the
 * CPU's. */
static void splitting_keeps_the_translation(void **state)
{
    (void)state;
    for (unsigned pat = 0; pat < 8; pat++) {
        struct fixture f;
        struct pt_attributes want = {PT_RIGHT_READ | PT_RIGHT_WRITE, pat, true};

        open_fixture(&f, PT_LEVEL_PML5);
        assert_int_equal(
            pt_map(&f.space, virt_range(HIGH, GIB_1), phys(5 * GIB_1), want, PT_LEVEL_PDPT), PT_OK);
        struct pt_step steps[PT_STEPS_MAX];
        assert_int_equal(pt_walk(&f.space, virt(HIGH), steps), 3);
        uint64_t *entry = (uint64_t *)(uintptr_t)(steps[2].at.raw + f.space.phys_to_virt);
        assert_int_equal(*entry, steps[2].entry);
        *entry |= ENTRY_ACCESSED | ENTRY_DIRTY;

        assert_int_equal(pt_split(&f.space, virt_range(HIGH + MIB_2, KIB_4), PT_LEVEL_PT), PT_OK);
        assert_maps(&f.space, HIGH, 5 * GIB_1, MIB_2);
        for (uint64_t at = MIB_2; at < 2 * MIB_2; at += KIB_4) {
            struct pt_leaf leaf;
            assert_maps(&f.space, HIGH + at, 5 * GIB_1 + at, KIB_4);
            assert_true(pt_translate(&f.space, virt(HIGH + at), &leaf));
            assert_int_equal(leaf.entry & (ENTRY_ACCESSED | ENTRY_DIRTY),
                             ENTRY_ACCESSED | ENTRY_DIRTY);
            assert_int_equal(look_up(&f.space, HIGH + at).pat, pat);
            assert_true(look_up(&f.space, HIGH + at).global);
            assert_false(look_up(&f.space, HIGH + at).execute);
        }
        assert_maps(&f.space, HIGH + 2 * MIB_2, 5 * GIB_1 + 2 * MIB_2, MIB_2);
        close_fixture(&f);
    }
}

/* ---- protect, unmap, clone ---------------------------------------------------------------- */

static void protecting_a_part_splits_only_there(void **state)
{
    struct fixture f;
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(
        pt_map(&f.space, virt_range(HIGH, 2 * GIB_1), phys(0), read_write, PT_LEVEL_PDPT), PT_OK);
    size_t frames = f.memory.taken_count;
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH + KIB_4, GIB_1), PT_RIGHT_READ), PT_OK);
    assert_int_equal(f.memory.taken_count, frames + 4); /* two PDs, two PTs */
    assert_true(look_up(&f.space, HIGH).write);
    assert_false(look_up(&f.space, HIGH + KIB_4).write);
    assert_maps(&f.space, HIGH + MIB_2, MIB_2, MIB_2);
    assert_false(look_up(&f.space, HIGH + MIB_2).write);
    assert_false(look_up(&f.space, HIGH + GIB_1).write);
    assert_true(look_up(&f.space, HIGH + GIB_1 + KIB_4).write);
    assert_maps(&f.space, HIGH + GIB_1 + MIB_2, GIB_1 + MIB_2, MIB_2);

    /* What would not change is not split. */
    frames = f.memory.taken_count;
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH + 2 * MIB_2, KIB_4), PT_RIGHT_READ),
                     PT_OK);
    assert_int_equal(f.memory.taken_count, frames);
    close_fixture(&f);
}

static void unmapping_gives_tables_back(void **state)
{
    struct fixture f;
    (void)state;

    open_fixture(&f, PT_LEVEL_PML5);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH, MIB_2), phys(0), read_write, PT_LEVEL_PT),
                     PT_OK);
    assert_int_equal(f.memory.taken_count, 5);
    assert_int_equal(pt_unmap(&f.space, virt_range(HIGH, MIB_2 - KIB_4)), PT_OK);
    assert_int_equal(f.memory.taken_count, 5);
    assert_maps(&f.space, HIGH + MIB_2 - KIB_4, MIB_2 - KIB_4, KIB_4);
    assert_int_equal(pt_unmap(&f.space, virt_range(HIGH + MIB_2 - KIB_4, KIB_4)), PT_OK);
    assert_int_equal(f.memory.taken_count, 1);
    close_fixture(&f);
}

static void clone_is_equal_and_independent(void **state)
{
    struct fixture f;
    struct virt_range region = virt_range(HIGH, 2 * GIB_1);
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    struct pt_space copy = fake_space(&f.memory, PT_LEVEL_PML4);
    assert_int_equal(
        pt_map(&f.space, virt_range(HIGH, GIB_1 + KIB_4), phys(0), read_write, PT_LEVEL_PDPT),
        PT_OK);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH + 2 * GIB_1 - MIB_2, 2 * MIB_2),
                            phys(2 * GIB_1), read_only, PT_LEVEL_PDPT),
                     PT_OK);
    assert_int_equal(pt_clone(&copy, &f.space, region), PT_OK);
    assert_maps(&copy, HIGH, 0, GIB_1);
    assert_maps(&copy, HIGH + GIB_1, GIB_1, KIB_4);
    assert_hole(&copy, HIGH + GIB_1 + KIB_4);
    assert_maps(&copy, HIGH + 2 * GIB_1 - MIB_2, 2 * GIB_1, MIB_2);
    assert_hole(&copy, HIGH + 2 * GIB_1);
    assert_int_equal(pt_clone(&copy, &f.space, region), PT_ALREADY_MAPPED);

    assert_int_equal(pt_protect(&copy, virt_range(HIGH + GIB_1, KIB_4), PT_RIGHT_READ), PT_OK);
    assert_true(look_up(&f.space, HIGH + GIB_1).write);

    /* A leaf that reaches past the range is split in the copy alone. */
    struct pt_space part = fake_space(&f.memory, PT_LEVEL_PML4);
    assert_int_equal(pt_clone(&part, &f.space, virt_range(HIGH + MIB_2, MIB_2 + KIB_4)), PT_OK);
    assert_hole(&part, HIGH + MIB_2 - 1);
    assert_maps(&part, HIGH + MIB_2, MIB_2, MIB_2);
    assert_maps(&part, HIGH + 2 * MIB_2, 2 * MIB_2, KIB_4);
    assert_hole(&part, HIGH + 2 * MIB_2 + KIB_4);
    assert_maps(&f.space, HIGH, 0, GIB_1);

    /* A hole in a table that is there leaves no empty table behind. */
    struct pt_space hole = fake_space(&f.memory, PT_LEVEL_PML4);
    size_t frames = f.memory.taken_count;
    assert_int_equal(pt_clone(&hole, &f.space, virt_range(HIGH + GIB_1 + KIB_4, KIB_4)), PT_OK);
    assert_int_equal(f.memory.taken_count, frames);

    /* Nor does it touch what is mapped beside it, in the same table. */
    assert_int_equal(
        pt_map(&hole, virt_range(HIGH + GIB_1, KIB_4), phys(0), read_only, PT_LEVEL_PT), PT_OK);
    frames = f.memory.taken_count;
    assert_int_equal(pt_clone(&hole, &f.space, virt_range(HIGH + GIB_1 + KIB_4, KIB_4)), PT_OK);
    assert_hole(&hole, HIGH + GIB_1 + KIB_4);
    assert_int_equal(f.memory.taken_count, frames);
    pt_destroy(&copy);
    assert_int_equal(copy.root.raw, 0);
    pt_destroy(&part);
    pt_destroy(&hole);
    close_fixture(&f);
}

/* Rights that a table withholds must not come back because the clone's tables withhold none. */
static void clone_keeps_what_tables_withhold(void **state)
{
    struct fixture f;
    struct pt_step steps[PT_STEPS_MAX];
    struct virt_range range = virt_range(HIGH, MIB_2 + KIB_4);
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(pt_map(&f.space, range, phys(0), read_write, PT_LEVEL_PDPT), PT_OK);
    pt_walk(&f.space, virt(HIGH), steps);
    uint64_t *leaf = (uint64_t *)(uintptr_t)(steps[2].at.raw + f.space.phys_to_virt);
    uint64_t *pml4_entry = (uint64_t *)(uintptr_t)(steps[0].at.raw + f.space.phys_to_virt);
    *leaf &= ~ENTRY_NO_EXECUTE;
    *leaf |= ENTRY_USER | ENTRY_ACCESSED;
    *pml4_entry &= ~ENTRY_WRITE;
    *pml4_entry |= ENTRY_NO_EXECUTE;

    struct pt_space copy = fake_space(&f.memory, PT_LEVEL_PML4);
    assert_int_equal(pt_clone(&copy, &f.space, range), PT_OK);
    for (uint64_t at = 0; at < range.size; at += KIB_4) {
        struct seen seen = look_up(&copy, HIGH + at);
        assert_true(seen.mapped);
        assert_false(seen.write || seen.execute || seen.user);
    }
    pt_destroy(&copy);
    close_fixture(&f);
}

static struct virt_range invalidated;
static size_t taken_at_invalidation;
static struct fake_memory *watched;

static void note_invalidation(struct virt_range range)
{
    invalidated = range;
    taken_at_invalidation = watched->taken_count;
}

/* SDM Vol. 3A, 4.10.4.2: a table may only be used again when no CPU still walks it. */
static void frames_go_back_after_the_invalidation(void **state)
{
    struct fixture f;
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH, KIB_4), phys(0), read_write, PT_LEVEL_PT),
                     PT_OK);
    watched = &f.memory;
    f.space.invalidate = note_invalidation;
    assert_int_equal(pt_unmap(&f.space, virt_range(HIGH, KIB_4)), PT_OK);
    assert_int_equal(invalidated.start.raw, HIGH);
    assert_int_equal(invalidated.size, KIB_4);
    assert_int_equal(taken_at_invalidation, 4);
    assert_int_equal(f.memory.taken_count, 1);
    f.space.invalidate = NULL;
    close_fixture(&f);
}

/* Entries of one table that are rewritten together: the run ends before a table, whose leaves are
 * rewritten, and before a hole, which is found. */
static void a_run_ends_before_other_entries(void **state)
{
    struct fixture f;
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    for (uint64_t at = 0; at < 6 * MIB_2; at += MIB_2)
        assert_int_equal(pt_map(&f.space, virt_range(HIGH + at, MIB_2), phys(at), read_write,
                                at == 2 * MIB_2 ? PT_LEVEL_PT : PT_LEVEL_PD),
                         PT_OK);
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH, 5 * MIB_2), PT_RIGHT_READ), PT_OK);
    for (uint64_t at = 0; at < 6 * MIB_2; at += KIB_4) {
        uint64_t size = at / MIB_2 == 2 ? KIB_4 : MIB_2;
        assert_maps(&f.space, HIGH + at, at, size);
        assert_int_equal(look_up(&f.space, HIGH + at).write, at >= 5 * MIB_2);
    }
    /* The table withholds nothing from its leaves. */
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH + 2 * MIB_2, KIB_4), 3), PT_OK);
    assert_true(look_up(&f.space, HIGH + 2 * MIB_2).write);
    assert_int_equal(pt_unmap(&f.space, virt_range(HIGH + 4 * MIB_2, MIB_2)), PT_OK);
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH, 6 * MIB_2), 3), PT_NOT_MAPPED);
    assert_int_equal(f.space.where.raw, HIGH + 4 * MIB_2);
    assert_false(look_up(&f.space, HIGH).write);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_ends_before_other_entries),
        cmocka_unit_test(splitting_keeps_the_translation),
        cmocka_unit_test(protecting_a_part_splits_only_there),
        cmocka_unit_test(unmapping_gives_tables_back),
        cmocka_unit_test(clone_is_equal_and_independent),
        cmocka_unit_test(clone_keeps_what_tables_withhold),
        cmocka_unit_test(frames_go_back_after_the_invalidation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
