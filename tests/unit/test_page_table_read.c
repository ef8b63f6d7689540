/* links: tests/unit/fake_memory.c */
/* Walks, effective rights and runs, over tables as others may have made them. */
#include "page_fixture.h"

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
        cmocka_unit_test(rights_are_those_of_all_levels),
        cmocka_unit_test(runs_split_where_something_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
