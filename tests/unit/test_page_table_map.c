/* links: tests/unit/fake_memory.c */
/* pt_map: which leaves it chooses at which level and size, what the entries say, and what it
 * refuses, on 4 and 5 levels. */
#include "page_fixture.h"

/* ---- which leaves pt_map chooses --------------------------------------------------------- */

static const struct {
    const char *name;
    uint64_t from, size, to;
    enum pt_level largest;
    size_t leaves_4k, leaves_2m, leaves_1g;
} shapes[] = {
    {"one page", HIGH, KIB_4, 0, PT_LEVEL_PDPT, 1, 0, 0},
    {"one page less than 2 MiB", HIGH, MIB_2 - KIB_4, 0, PT_LEVEL_PDPT, 511, 0, 0},
    {"2 MiB", HIGH, MIB_2, MIB_2, PT_LEVEL_PDPT, 0, 1, 0},
    {"2 MiB, misaligned virtually", HIGH + KIB_4, MIB_2, MIB_2 + KIB_4, PT_LEVEL_PDPT, 512, 0, 0},
    {"2 MiB, not congruent", HIGH, MIB_2, KIB_4, PT_LEVEL_PDPT, 512, 0, 0},
    {"edges of pages around 2 MiB", HIGH + MIB_2 - KIB_4, MIB_2 + 2 * KIB_4, MIB_2 - KIB_4,
     PT_LEVEL_PDPT, 2, 1, 0},
    {"1 GiB", HIGH, GIB_1, GIB_1, PT_LEVEL_PDPT, 0, 0, 1},
    {"1 GiB, at most 2 MiB", HIGH, GIB_1, GIB_1, PT_LEVEL_PD, 0, 512, 0},
    {"1 GiB congruent to 2 MiB only", HIGH, GIB_1, MIB_2, PT_LEVEL_PDPT, 0, 512, 0},
    {"largest beyond what can be a leaf", HIGH, GIB_1, 0, PT_LEVEL_PML5, 0, 0, 1},
    {"4 MiB, at most 4 KiB", HIGH, 2 * MIB_2, 0, PT_LEVEL_PT, 1024, 0, 0},
    {"edges of every size", HIGH + GIB_1 - MIB_2 - KIB_4, GIB_1 + 2 * MIB_2 + 2 * KIB_4,
     3 * GIB_1 - MIB_2 - KIB_4, PT_LEVEL_PDPT, 2, 2, 1},
    {"512 GiB across two PDPTs", HIGH + TIB_HALF - GIB_1, TIB_HALF, GIB_1, PT_LEVEL_PDPT, 0, 0,
     512},
    {"the last page of all", -KIB_4, KIB_4, 0, PT_LEVEL_PDPT, 1, 0, 0},
    {"the last GiB of all", -GIB_1, GIB_1, 0, PT_LEVEL_PDPT, 0, 0, 1},
    {"the last page of the lower half", UINT64_C(0x00007ffffffff000), KIB_4, 0, PT_LEVEL_PDPT, 1, 0,
     0},
    {"the last frame of 52 bits", HIGH, KIB_4, (UINT64_C(1) << 52) - KIB_4, PT_LEVEL_PDPT, 1, 0, 0},
};

struct leaf_counts {
    size_t by_level[4];
    uint64_t expected_virt, expected_phys;
};

static bool count_leaf(void *context, const struct pt_leaf *leaf)
{
    struct leaf_counts *counts = context;

    assert_int_equal(leaf->virt.raw, counts->expected_virt);
    assert_int_equal(leaf->phys.raw, counts->expected_phys);
    counts->by_level[leaf->level]++;
    counts->expected_virt += level_size(leaf->level);
    counts->expected_phys += level_size(leaf->level);
    return true;
}

static void check_shape(size_t i, enum pt_level top)
{
    struct fixture f;
    struct virt_range range = virt_range(shapes[i].from, shapes[i].size);

    open_fixture(&f, top);
    assert_int_equal(pt_map(&f.space, range, phys(shapes[i].to), read_write, shapes[i].largest),
                     PT_OK);
    struct leaf_counts counts = {.expected_virt = range.start.raw, .expected_phys = shapes[i].to};
    assert_true(pt_visit_leaves(&f.space, pt_lower_half(&f.space), count_leaf, &counts));
    assert_true(pt_visit_leaves(&f.space, pt_upper_half(&f.space), count_leaf, &counts));
    if (counts.by_level[1] != shapes[i].leaves_4k || counts.by_level[2] != shapes[i].leaves_2m ||
        counts.by_level[3] != shapes[i].leaves_1g)
        fail_msg("%s: %zu, %zu and %zu leaves", shapes[i].name, counts.by_level[1],
                 counts.by_level[2], counts.by_level[3]);
    assert_int_equal(counts.expected_virt, range.start.raw + range.size);
    assert_hole(&f.space, range.start.raw - 1);
    assert_hole(&f.space, range.start.raw + range.size);
    assert_int_equal(pt_unmap(&f.space, range), PT_OK);
    assert_int_equal(f.memory.taken_count, 1);
    close_fixture(&f);
}

static void map_chooses_the_largest_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        check_shape(i, PT_LEVEL_PML4);
        check_shape(i, PT_LEVEL_PML5);
    }
}

static void map_asks_for_features(void **state)
{
    struct fixture f;
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    f.space.features = (struct pt_features){.phys_bits = 44};
    assert_int_equal(
        pt_map(&f.space, virt_range(HIGH, GIB_1), phys(GIB_1), read_only, PT_LEVEL_PDPT), PT_OK);
    assert_maps(&f.space, HIGH, GIB_1, MIB_2);
    assert_true(look_up(&f.space, HIGH).execute); /* bit 63 would be a reserved bit */
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH, KIB_4), PT_RIGHT_READ | PT_RIGHT_WRITE),
                     PT_OK);
    assert_true(look_up(&f.space, HIGH).execute);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH + GIB_1, KIB_4), phys(UINT64_C(1) << 44),
                            read_only, PT_LEVEL_PT),
                     PT_BAD_RANGE);
    assert_int_equal(pt_map(&f.space, virt_range(HIGH + GIB_1, KIB_4),
                            phys((UINT64_C(1) << 44) - KIB_4), read_only, PT_LEVEL_PT),
                     PT_OK);
    close_fixture(&f);
}

/* ---- what entries say -------------------------------------------------------------------- */

static void attributes_reach_the_leaf(void **state)
{
    static const unsigned rights[] = {PT_RIGHT_READ, PT_RIGHT_READ | PT_RIGHT_WRITE,
                                      PT_RIGHT_READ | PT_RIGHT_EXECUTE};
    static const uint64_t sizes[] = {KIB_4, MIB_2, GIB_1};
    (void)state;

    for (unsigned i = 0; i < 3 * 8 * 2 * 3; i++) {
        struct fixture f;
        struct pt_attributes want = {rights[i % 3], i / 3 % 8, i / 24 % 2};
        uint64_t size = sizes[i / 48];
        struct pt_leaf leaf;

        open_fixture(&f, PT_LEVEL_PML4);
        assert_int_equal(pt_map(&f.space, virt_range(HIGH, size), phys(size), want, PT_LEVEL_PDPT),
                         PT_OK);
        struct seen seen = look_up(&f.space, HIGH + size - 1);
        assert_int_equal(seen.phys, 2 * size - 1);
        assert_int_equal(seen.page_size, size);
        assert_int_equal(seen.write, (want.rights & PT_RIGHT_WRITE) != 0);
        assert_int_equal(seen.execute, (want.rights & PT_RIGHT_EXECUTE) != 0);
        assert_false(seen.user);
        assert_int_equal(seen.global, want.global);
        assert_int_equal(seen.pat, want.pat);
        assert_true(pt_translate(&f.space, virt(HIGH), &leaf));
        assert_memory_equal(&leaf.attributes.rights, &want.rights, sizeof(want.rights));
        assert_false(leaf.entry & ENTRY_USER);
        assert_int_equal(leaf.attributes.pat, want.pat);
        assert_int_equal(leaf.attributes.global, want.global);
        close_fixture(&f);
    }
}

/* ---- refusals ----------------------------------------------------------------------------- */

static void bad_requests_are_named(void **state)
{
    static const struct {
        uint64_t from, size, to;
        unsigned rights, pat;
        enum pt_status status;
    } rows[] = {
        {HIGH + 1, KIB_4, 0, 1, 0, PT_MISALIGNED},
        {HIGH, KIB_4 - 1, 0, 1, 0, PT_MISALIGNED},
        {HIGH, KIB_4, 8, 1, 0, PT_MISALIGNED},
        {HIGH, 0, 0, 1, 0, PT_BAD_RANGE},
        {HIGH + 2 * KIB_4, -KIB_4, 0, 1, 0, PT_BAD_RANGE}, /* wraps into the same half */
        {-KIB_4, 2 * KIB_4, 0, 1, 0, PT_BAD_RANGE},
        {UINT64_C(0x0000800000000000), KIB_4, 0, 1, 0, PT_BAD_RANGE},
        {UINT64_C(0x00007ffffffff000), 2 * KIB_4, 0, 1, 0, PT_BAD_RANGE},
        {UINT64_C(0xffff7ffffffff000), 2 * KIB_4, 0, 1, 0, PT_BAD_RANGE},
        {KIB_4, -(2 * KIB_4), 0, 1, 0, PT_BAD_RANGE},
        {HIGH, KIB_4, UINT64_C(1) << 52, 1, 0, PT_BAD_RANGE},
        {HIGH, KIB_4, -KIB_4, 1, 0, PT_BAD_RANGE},
        {HIGH, 2 * KIB_4, (UINT64_C(1) << 52) - KIB_4, 1, 0, PT_BAD_RANGE},
        {HIGH, KIB_4, 0, 0, 0, PT_BAD_ATTRIBUTES},
        {HIGH, KIB_4, 0, PT_RIGHT_WRITE, 0, PT_BAD_ATTRIBUTES},
        {HIGH, KIB_4, 0, 7, 0, PT_BAD_ATTRIBUTES},
        {HIGH, KIB_4, 0, PT_RIGHT_READ | PT_RIGHT_USER, 0, PT_BAD_ATTRIBUTES},
        {HIGH, KIB_4, 0, 1, 8, PT_BAD_ATTRIBUTES},
    };
    struct fixture f;
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pt_attributes attributes = {rows[i].rights, rows[i].pat, false};
        assert_int_equal(pt_map(&f.space, virt_range(rows[i].from, rows[i].size), phys(rows[i].to),
                                attributes, PT_LEVEL_PDPT),
                         rows[i].status);
        assert_int_equal(f.memory.taken_count, 1);
    }
    /* On five levels the hole is elsewhere. */
    f.space.top = PT_LEVEL_PML5;
    assert_int_equal(pt_unmap(&f.space, virt_range(UINT64_C(0x0000800000000000), KIB_4)),
                     PT_NOT_MAPPED);
    assert_int_equal(pt_unmap(&f.space, virt_range(UINT64_C(0x0100000000000000), KIB_4)),
                     PT_BAD_RANGE);
    f.space.top = PT_LEVEL_PML4;
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH, KIB_4), 7), PT_BAD_ATTRIBUTES);
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH + 8, KIB_4), 1), PT_MISALIGNED);
    assert_int_equal(pt_split(&f.space, virt_range(HIGH, 0), PT_LEVEL_PT), PT_BAD_RANGE);
    assert_int_equal(pt_clone(&f.space, &f.space, virt_range(HIGH, 5)), PT_MISALIGNED);
    close_fixture(&f);
}

static void conflicts_name_the_address(void **state)
{
    struct fixture f;
    struct virt_range all = virt_range(HIGH, 4 * MIB_2);
    (void)state;

    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(
        pt_map(&f.space, virt_range(HIGH + MIB_2, MIB_2), phys(MIB_2), read_only, PT_LEVEL_PDPT),
        PT_OK);
    struct fake_snapshot before = fake_memory_save(&f.memory);
    assert_int_equal(pt_map(&f.space, all, phys(0), read_only, PT_LEVEL_PDPT), PT_ALREADY_MAPPED);
    assert_int_equal(f.space.where.raw, HIGH + MIB_2);
    assert_int_equal(pt_unmap(&f.space, virt_range(HIGH + MIB_2, 2 * MIB_2)), PT_NOT_MAPPED);
    assert_int_equal(f.space.where.raw, HIGH + 2 * MIB_2);
    assert_int_equal(pt_protect(&f.space, virt_range(HIGH + KIB_4, MIB_2), 3), PT_NOT_MAPPED);
    assert_int_equal(f.space.where.raw, HIGH + KIB_4);
    assert_int_equal(pt_set_global(&f.space, all, true), PT_NOT_MAPPED);
    assert_int_equal(pt_split(&f.space, all, PT_LEVEL_PT), PT_NOT_MAPPED);
    fake_memory_assert_same(&f.memory, &before);
    close_fixture(&f);
}

static void statuses_have_texts(void **state)
{
    (void)state;
    for (int i = PT_OK; i <= PT_NO_FRAMES; i++)
        assert_string_not_equal(pt_status_text((enum pt_status)i), "unknown");
    assert_string_equal(pt_status_text((enum pt_status)(PT_NO_FRAMES + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_chooses_the_largest_leaves), cmocka_unit_test(map_asks_for_features),
        cmocka_unit_test(attributes_reach_the_leaf),      cmocka_unit_test(bad_requests_are_named),
        cmocka_unit_test(conflicts_name_the_address),     cmocka_unit_test(statuses_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
