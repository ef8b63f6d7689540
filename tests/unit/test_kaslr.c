/* common/kaslr.c: what is drawn is even, never outside of what is allowed, and can be all of it.
 * What is allowed is found once more here, by trying every address. */
#include "map_sample.h"

#include "layout.h"
#include "random_sample.h"

#define STEP  (UINT64_C(2) << 20)
#define GIB   (UINT64_C(1) << 30)
#define DRAWS 1000000
#define MAPS  400
#define EACH  25000 /* draws for each map */

/* ---- the image's pages ----------------------------------------------------------------- */

static bool virt_allowed(uint64_t start, struct virt_range linked)
{
    const uint64_t end = KERNEL_REGION + KERNEL_REGION_SIZE - STEP;

    return (start - linked.start.raw) % STEP == 0 && linked.size <= end - KERNEL_REGION &&
           start >= KERNEL_REGION && start <= end - linked.size;
}

static void check_virt(struct virt_range linked)
{
    const uint64_t places = kaslr_virt_places(linked);
    uint64_t found = 0;

    for (uint64_t at = KERNEL_REGION; at < KERNEL_REGION + KERNEL_REGION_SIZE; at += PAGE_SIZE) {
        if (!virt_allowed(at, linked))
            continue;
        assert_true(found < places);
        assert_true(kaslr_virt_place(linked, found).raw == at);
        found++;
    }
    assert_int_equal(found, places);
}

static void test_virt_places(void **state)
{
    static const uint64_t sizes[] = {PAGE_SIZE,
                                     0x27000,
                                     STEP - 0x100000,
                                     STEP - 0x100000 + PAGE_SIZE,
                                     STEP,
                                     STEP + PAGE_SIZE,
                                     UINT64_C(300) << 20,
                                     GIB - 2 * STEP,
                                     GIB - STEP - PAGE_SIZE,
                                     GIB - STEP,
                                     GIB - STEP + PAGE_SIZE,
                                     GIB};
    static const uint64_t starts[] = {0, PAGE_SIZE, 0x100000, STEP - PAGE_SIZE, STEP, 5 * STEP};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (size_t j = 0; j < COUNT(starts); j++) {
            if (starts[j] + sizes[i] <= KERNEL_REGION_SIZE)
                check_virt(virt_range(KERNEL_REGION + starts[j], sizes[i]));
        }
    }
    /* Linked at the very end: it may only move down. */
    check_virt(virt_range(KERNEL_REGION + KERNEL_REGION_SIZE - STEP, STEP));
    assert_int_equal(kaslr_virt_places(virt_range(KERNEL_LINK_ADDRESS, 0x27000)), 511);
    assert_int_equal(kaslr_virt_places(virt_range(KERNEL_REGION, GIB)), 0);
}

static void test_virt_draws(void **state)
{
    const struct virt_range linked = virt_range(KERNEL_LINK_ADDRESS, 0x27000);
    struct mixer mixer = {{next_mixed}, 2, 0};
    unsigned hits[511] = {0};

    (void)state;
    for (unsigned i = 0; i < DRAWS; i++) {
        const uint64_t at = kaslr_virt_place(linked, draw(&mixer, 511)).raw;
        assert_true(virt_allowed(at, linked));
        hits[(at - KERNEL_REGION) / STEP]++;
    }
    assert_even(hits, COUNT(hits), DRAWS);
}

/* ---- the image's frames ---------------------------------------------------------------- */

struct world {
    struct memory_map map;
    struct phys_range linked;
    uint64_t *allowed; /* every place, ascending */
    size_t count;
};

static bool phys_allowed(const struct world *world, uint64_t at)
{
    uint64_t covered = 0, end = at + world->linked.size;

    for (size_t i = 0; i < world->map.count; i++) {
        const struct memory_range *range = &world->map.ranges[i];
        const uint64_t from = max_u64(at, range->base);
        const uint64_t to = min_u64(end, range->base + range->size);
        covered += range->type == MEMORY_USABLE && from < to ? to - from : 0;
    }
    return at >= 0x100000 && covered == world->linked.size;
}

static void find_allowed(struct world *world)
{
    const struct memory_range *last = &world->map.ranges[world->map.count - 1];
    const uint64_t end = last->base + last->size;

    world->allowed = malloc((end / STEP + 1) * sizeof(uint64_t));
    world->count = 0;
    for (uint64_t at = world->linked.start.raw % STEP; at < end; at += STEP) {
        if (phys_allowed(world, at))
            world->allowed[world->count++] = at;
    }
}

/* Ranges from a page to 128 MiB, touching or with holes, half of them usable; images up to 32 MiB.
 */
static struct world make_world(uint64_t *state)
{
    const size_t count = 1 + pick(state, 60);
    struct world world = {.map = new_map(2 * count)};
    uint64_t at = pick(state, 3) * 0x80000;

    for (size_t i = 0; i < count; i++) {
        const uint64_t size = (1 + (pick(state, 1 << 15) >> pick(state, 15))) * PAGE_SIZE;
        const uint64_t hole = pick(state, 2) * pick(state, 1000) * PAGE_SIZE;
        const uint64_t type = pick(state, 2) ? MEMORY_USABLE : 1 + pick(state, MEMORY_TYPES - 1);
        assert_int_equal(memory_map_add(&world.map, at, size, (uint32_t)type), MEMORY_MAP_OK);
        at += size + hole;
    }
    assert_int_equal(normalise(&world.map), MEMORY_MAP_OK);
    world.linked = phys_range(pick(state, 2) ? 0x100000 : pick(state, 5000) * PAGE_SIZE,
                              (1 + (pick(state, 8192) >> pick(state, 13))) * PAGE_SIZE);
    find_allowed(&world);
    return world;
}

static void drop_world(struct world *world)
{
    free(world->map.ranges);
    free(world->allowed);
}

/* Which place an address is; fails if it is none. */
static size_t index_of(const struct world *world, uint64_t at)
{
    size_t low = 0, high = world->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (world->allowed[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    assert_true(low < world->count && world->allowed[low] == at);
    return low;
}

static void draw_frames(const struct world *world, struct mixer *mixer, unsigned draws)
{
    unsigned *hits = calloc(world->count, sizeof(unsigned));

    for (unsigned i = 0; i < draws; i++) {
        const uint64_t index = draw(mixer, world->count);
        hits[index_of(world, kaslr_phys_place(&world->map, world->linked, index).raw)]++;
    }
    if (draws / world->count >= 5)
        assert_even(hits, world->count, draws);
    free(hits);
}

/* In each map every number leads to its own place, and all places are led to. */
static void test_phys_draws(void **state)
{
    struct mixer mixer = {{next_mixed}, 3, 0};
    uint64_t seed = 4711, drawn = 0, evenly = 0, none = 0;

    (void)state;
    for (unsigned i = 0; i < MAPS || drawn < DRAWS; i++) {
        struct world world = make_world(&seed);
        assert_int_equal(kaslr_phys_places(&world.map, world.linked), world.count);
        for (size_t place = 0; place < world.count; place++)
            assert_true(kaslr_phys_place(&world.map, world.linked, place).raw ==
                        world.allowed[place]);
        if (world.count != 0) {
            draw_frames(&world, &mixer, EACH);
            drawn += EACH;
            evenly += EACH / world.count >= 5;
        }
        none += world.count == 0;
        drop_world(&world);
    }
    assert_in_range(evenly, MAPS / 2, MAPS * 2);
    assert_in_range(none, 1, MAPS / 2);
}

/* Nothing below 1 MiB, and nothing that is not wholly there. */
static void test_phys_edges(void **state)
{
    static const struct {
        struct memory_range range;
        uint64_t linked, size, places, first;
    } rows[] = {
        {{0, 0x100000, MEMORY_USABLE, 0}, 0x1000, 0x1000, 0, 0},
        {{0, 0x400000, MEMORY_USABLE, 0}, 0x1000, 0x1000, 1, 0x201000},
        {{0, 0x300000, MEMORY_USABLE, 0}, 0x100000, 0x100000, 1, 0x100000},
        {{0, 0x300000, MEMORY_USABLE, 0}, 0xff000, 0x101000, 0, 0},
        {{0, 0x400000, MEMORY_USABLE, 0}, 0xff000, 0x101000, 1, 0x2ff000},
        {{0x101000, 0x400000, MEMORY_USABLE, 0}, 0x100000, 0x100000, 1, 0x300000},
        {{0x100000, 0x200000, MEMORY_USABLE, 0}, 0x100000, 0x200000, 1, 0x100000},
        {{0x100000, 0x200000, MEMORY_USABLE, 0}, 0x100000, 0x201000, 0, 0},
        {{0x100000, 0x3ff000, MEMORY_USABLE, 0}, 0x100000, 0x200000, 1, 0x100000},
        {{0x100000, 0x400000, MEMORY_USABLE, 0}, 0x100000, 0x200000, 2, 0x100000},
        {{0x100000, 0x400000, MEMORY_BOOT_SERVICES, 0}, 0x100000, 0x200000, 0, 0},
        {{LIMIT - 0x200000, 0x200000, MEMORY_USABLE, 0}, 0x100000, 0x100000, 1, LIMIT - 0x100000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct memory_map map = new_map_of(&rows[i].range, 1, 1);
        struct phys_range linked = phys_range(rows[i].linked, rows[i].size);
        if (kaslr_phys_places(&map, linked) != rows[i].places)
            fail_msg("row %zu has %llu places", i,
                     (unsigned long long)kaslr_phys_places(&map, linked));
        if (rows[i].places != 0)
            assert_int_equal(kaslr_phys_place(&map, linked, 0).raw, rows[i].first);
        free(map.ranges);
    }
}

/* ---- the direct map -------------------------------------------------------------------- */

static void check_direct_map(uint64_t end_of_ram, uint64_t expected)
{
    const struct memory_range range = {end_of_ram - PAGE_SIZE, PAGE_SIZE, MEMORY_RUNTIME_DATA, 0};
    const uint64_t size = max_u64(end_of_ram, 512 * GIB);
    struct memory_map map = new_map_of(&range, 1, 1);
    const uint64_t places = kaslr_direct_map_places(&map);

    assert_int_equal(places, expected);
    for (uint64_t i = 0; i < places; i++) {
        const uint64_t base = kaslr_direct_map_place(i).raw;
        assert_true(base == UINT64_C(0xffff888000000000) + i * GIB);
        assert_true(size <= UINT64_C(0xffffc88000000000) - base);
    }
    assert_true(places == 0 ||
                size > UINT64_C(0xffffc88000000000) - GIB - kaslr_direct_map_place(places - 1).raw);
    free(map.ranges);
}

static void test_direct_map(void **state)
{
    (void)state;
    check_direct_map(PAGE_SIZE, 65536 - 512 + 1);
    check_direct_map(512 * GIB, 65536 - 512 + 1);
    check_direct_map(512 * GIB + PAGE_SIZE, 65536 - 512);
    check_direct_map(900 * GIB, 65536 - 900 + 1);
    check_direct_map(65536 * GIB - PAGE_SIZE, 1);
    check_direct_map(65536 * GIB, 1);
    check_direct_map(65536 * GIB + PAGE_SIZE, 0);
    check_direct_map(LIMIT, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_virt_places), cmocka_unit_test(test_virt_draws),
        cmocka_unit_test(test_phys_draws),  cmocka_unit_test(test_phys_edges),
        cmocka_unit_test(test_direct_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
