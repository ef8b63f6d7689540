/* kernel/mm/framebuffer.c: where a framebuffer goes and how it is mapped, wherever it lies; and
 * that a mapping that fails leaves everything as it was. */
/* links: kernel/mm/framebuffer.c tests/unit/fake_memory.c */
#include "page_fixture.h"

#include <stdlib.h>

#include "framebuffer.h"
#include "layout.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GIB(n)       ((uint64_t)(n) << 30)
#define MIB(n)       ((uint64_t)(n) << 20)

static struct memory_range ranges[] = {
    {0, 0xa0000, MEMORY_USABLE, 0},
    {MIB(1), GIB(2) - MIB(1), MEMORY_USABLE, 0},
    {GIB(3), MIB(1), MEMORY_MMIO, 0},
    {GIB(4), GIB(4), MEMORY_USABLE, 0},
};
static const struct memory_map ram = {ranges, COUNT(ranges), COUNT(ranges)};

static struct boot_framebuffer at(uint64_t address, uint64_t size)
{
    return (struct boot_framebuffer){.address = address, .size = size};
}

/* ---- where ----------------------------------------------------------------------------- */

static void test_places(void **state)
{
    static const struct {
        uint64_t address, size;
        uint8_t bits;
        uint64_t virt, mapped, phys;
    } good[] = {
        {0xc0000000, 0x3e8000, 40, FRAMEBUFFER_REGION, 0x3e8000, 0xc0000000},
        {0xc0200000, 0x1001, 40, FRAMEBUFFER_REGION + 0x200000, 0x2000, 0xc0200000},
        {0xc0000810, 0x1000, 40, FRAMEBUFFER_REGION, 0x2000, 0xc0000000},
        {0xc0000810, 0x7f0, 40, FRAMEBUFFER_REGION, 0x1000, 0xc0000000},
        {GIB(448), MIB(16), 39, FRAMEBUFFER_REGION, MIB(16), GIB(448)},
        {GIB(448) + MIB(256), GIB(1), 48, FRAMEBUFFER_REGION + MIB(256), GIB(1),
         GIB(448) + MIB(256)},
        {(UINT64_C(1) << 52) - MIB(4), MIB(4), 52, FRAMEBUFFER_REGION + GIB(1) - MIB(4), MIB(4),
         (UINT64_C(1) << 52) - MIB(4)},
        {GIB(2), MIB(4), 40, FRAMEBUFFER_REGION, MIB(4), GIB(2)}, /* beside RAM */
        {GIB(8), FRAMEBUFFER_REGION_SIZE, 52, FRAMEBUFFER_REGION, FRAMEBUFFER_REGION_SIZE, GIB(8)},
        {GIB(3), MIB(1), 40, FRAMEBUFFER_REGION, MIB(1), GIB(3)}, /* what the map calls MMIO */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct boot_framebuffer f = at(good[i].address, good[i].size);
        struct framebuffer_place place;
        assert_int_equal(framebuffer_place(&f, good[i].bits, &ram, &place), FRAMEBUFFER_OK);
        assert_int_equal(place.virt.start.raw, good[i].virt);
        assert_int_equal(place.virt.size, good[i].mapped);
        assert_int_equal(place.phys.raw, good[i].phys);
    }
}

static void test_no_place(void **state)
{
    static const struct {
        uint64_t address, size;
        uint8_t bits;
        enum framebuffer_status status;
    } bad[] = {
        {0, MIB(4), 40, FRAMEBUFFER_NONE},
        {GIB(3), 0, 40, FRAMEBUFFER_BAD_RANGE},
        {UINT64_MAX - 0xfff, 0x1000, 52, FRAMEBUFFER_BAD_RANGE},
        {UINT64_MAX - 0xfff, 0x2000, 52, FRAMEBUFFER_BAD_RANGE},
        {GIB(3), UINT64_MAX, 52, FRAMEBUFFER_BAD_RANGE},
        {GIB(64) - MIB(4), MIB(4) + 1, 36, FRAMEBUFFER_BAD_RANGE}, /* MAXPHYADDR */
        {GIB(448), MIB(4), 36, FRAMEBUFFER_BAD_RANGE},
        {GIB(8), FRAMEBUFFER_REGION_SIZE + 1, 52, FRAMEBUFFER_TOO_LARGE},
        {GIB(8) + 0x1000, FRAMEBUFFER_REGION_SIZE, 52, FRAMEBUFFER_TOO_LARGE},
        {MIB(16), MIB(4), 40, FRAMEBUFFER_IN_RAM},
        {GIB(2) - 1, MIB(4), 40, FRAMEBUFFER_IN_RAM},
        {GIB(4) - MIB(4), MIB(4) + 1, 40, FRAMEBUFFER_IN_RAM},
        {GIB(3), GIB(10), 40, FRAMEBUFFER_IN_RAM},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct boot_framebuffer f = at(bad[i].address, bad[i].size);
        struct framebuffer_place place;
        assert_int_equal(framebuffer_place(&f, bad[i].bits, &ram, &place), bad[i].status);
    }
}

/* ---- how ------------------------------------------------------------------------------- */

static struct framebuffer_place place_of(uint64_t address, uint64_t size)
{
    struct boot_framebuffer f = at(address, size);
    struct framebuffer_place place;

    assert_int_equal(framebuffer_place(&f, 52, &ram, &place), FRAMEBUFFER_OK);
    return place;
}

static bool add_leaf(void *context, const struct pt_leaf *leaf)
{
    size_t *counts = context;

    counts[leaf->level]++;
    return true;
}

/* The largest leaves that lie within it, byte for byte: the first and the last of each size. */
static void test_leaves(void **state)
{
    static const struct {
        uint64_t address, size;
        size_t small, medium, large;
    } cases[] = {
        {0xc0000000, 0x3e8000, 488, 1, 0},
        {0xc0000810, 0x1000, 2, 0, 0},
        {0xc0001000, MIB(2), 512, 0, 0},
        {GIB(448), GIB(1), 0, 0, 1},
        {GIB(448) + MIB(2) - 0x1000, GIB(2), 512, 511, 1},
        {UINT64_C(0x7000000000) + MIB(512), MIB(32), 0, 16, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (enum pt_level top = PT_LEVEL_PML4; top <= PT_LEVEL_PML5; top++) {
            struct fixture f;
            struct framebuffer_place place = place_of(cases[i].address, cases[i].size);
            size_t counts[4] = {0};
            uint64_t end = place.virt.start.raw + place.virt.size;
            open_fixture(&f, top);
            assert_int_equal(
                framebuffer_map(&f.space, &place, PAT_WRITE_COMBINING, virt_range(0, 0)),
                FRAMEBUFFER_OK);
            pt_visit_leaves(&f.space, pt_upper_half(&f.space), add_leaf, counts);
            assert_int_equal(counts[1], cases[i].small);
            assert_int_equal(counts[2], cases[i].medium);
            assert_int_equal(counts[3], cases[i].large);
            for (uint64_t address = place.virt.start.raw; address < end; address += 0x200000) {
                struct seen seen = look_up(&f.space, address);
                assert_true(seen.mapped && seen.write && seen.global);
                assert_false(seen.execute || seen.user);
                assert_int_equal(seen.pat, PAT_WRITE_COMBINING);
                assert_int_equal(seen.phys - place.phys.raw, address - place.virt.start.raw);
            }
            assert_hole(&f.space, place.virt.start.raw - 1);
            assert_hole(&f.space, end);
            close_fixture(&f);
        }
    }
}

/* A direct map of everything loses the framebuffer's frames, and no others. */
static void test_alias(void **state)
{
    static const struct pt_attributes everything = {PT_RIGHT_READ | PT_RIGHT_WRITE, PAT_WRITE_BACK,
                                                    true};
    static const struct {
        uint64_t address, size, alias;
        uint64_t lost; /* bytes */
    } cases[] = {
        {0xc0000000, 0x3e8000, GIB(8), 0x3e8000},
        {0xc0000000, GIB(1), GIB(8), GIB(1)},
        {GIB(8), 0x3e8000, GIB(8), 0},             /* beyond its end */
        {GIB(3), GIB(1), GIB(3) + MIB(2), MIB(2)}, /* across its end */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        struct framebuffer_place place = place_of(cases[i].address, cases[i].size);
        struct virt_range alias = virt_range(HIGH, cases[i].alias);
        open_fixture(&f, PT_LEVEL_PML4);
        assert_int_equal(pt_map(&f.space, alias, phys(0), everything, PT_LEVEL_PDPT), PT_OK);
        assert_int_equal(framebuffer_map(&f.space, &place, PAT_WRITE_COMBINING, alias),
                         FRAMEBUFFER_OK);
        for (uint64_t at_ = 0; at_ < cases[i].alias; at_ += MIB(1)) {
            bool inside = at_ - cases[i].address < cases[i].lost;
            assert_int_equal(look_up(&f.space, HIGH + at_).mapped, !inside);
        }
        assert_true(look_up(&f.space, place.virt.start.raw).mapped);
        close_fixture(&f);
    }
}

/* Whatever is missing, and with an alias that must be split or without: nothing changes. */
static void test_failures(void **state)
{
    static const struct pt_attributes everything = {PT_RIGHT_READ | PT_RIGHT_WRITE, PAT_WRITE_BACK,
                                                    true};
    unsigned failures = 0;

    (void)state;
    for (unsigned aliased = 0; aliased < 2; aliased++) {
        for (size_t budget = 0;; budget++) {
            struct fixture f;
            struct framebuffer_place place = place_of(0xc0000000, 0x3e8000);
            struct virt_range alias = virt_range(HIGH, aliased ? GIB(8) : 0);
            open_fixture(&f, PT_LEVEL_PML4);
            if (aliased)
                assert_int_equal(pt_map(&f.space, alias, phys(0), everything, PT_LEVEL_PDPT),
                                 PT_OK);
            struct fake_snapshot saved = fake_memory_save(&f.memory);
            f.memory.budget = budget;
            enum framebuffer_status status =
                framebuffer_map(&f.space, &place, PAT_WRITE_COMBINING, alias);
            if (status != FRAMEBUFFER_OK) {
                assert_int_equal(status, FRAMEBUFFER_NO_FRAMES);
                fake_memory_assert_same(&f.memory, &saved);
                failures++;
            } else {
                free(saved.bytes);
            }
            f.memory.budget = FAKE_FRAMES;
            close_fixture(&f);
            if (status == FRAMEBUFFER_OK)
                break;
        }
    }
    assert_int_equal(failures, 3 + 5); /* PDPT, PD, PT; and a PD and a PT for the split GiB */
}

static void test_in_use(void **state)
{
    struct fixture f;
    struct framebuffer_place place = place_of(0xc0000000, 0x3e8000);

    (void)state;
    open_fixture(&f, PT_LEVEL_PML4);
    assert_int_equal(pt_map(&f.space, virt_range(FRAMEBUFFER_REGION + 0x3e7000, KIB_4), phys(0),
                            read_write, PT_LEVEL_PT),
                     PT_OK);
    struct fake_snapshot saved = fake_memory_save(&f.memory);
    assert_int_equal(framebuffer_map(&f.space, &place, PAT_WRITE_COMBINING, virt_range(0, 0)),
                     FRAMEBUFFER_IN_USE);
    fake_memory_assert_same(&f.memory, &saved);
    close_fixture(&f);
}

/* Region by region: nothing of the layout overlaps. */
static void test_region(void **state)
{
    (void)state;
    assert_true(FRAMEBUFFER_REGION >= DIRECT_MAP_LIMIT);
    assert_true(FRAMEBUFFER_REGION + FRAMEBUFFER_REGION_SIZE <= KERNEL_REGION);
    assert_true(is_aligned(FRAMEBUFFER_REGION, TIB_HALF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),   cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_leaves),   cmocka_unit_test(test_alias),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_in_use),
        cmocka_unit_test(test_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
