/* The memory map against a model of one type a frame: random ranges go into
 * both, and every function must give what the model gives. */
#include "map_sample.h"

#define FRAMES 96
#define ROUNDS 4000

/* The model: what each frame is, 0 for a hole. */
struct model {
    uint64_t base;
    uint32_t frames[FRAMES];
};

static uint64_t frame_address(const struct model *model, size_t i)
{
    return model->base + i * 4096;
}

static void model_add(struct model *model, uint64_t base, uint64_t size, uint32_t type)
{
    for (size_t i = 0; i < FRAMES; i++) {
        uint64_t frame = frame_address(model, i);
        bool whole = base <= frame && base + size >= frame + 4096;
        bool part = size > 0 && base < frame + 4096 && base + size > frame;
        if ((type == MEMORY_USABLE ? whole : part) && model->frames[i] < type)
            model->frames[i] = type;
    }
}

/* The runs of equal frames are the ranges. */
static void expect_model(const struct memory_map *map, const struct model *model)
{
    size_t made = 0;
    for (size_t i = 0, next; i < FRAMES; i = next) {
        for (next = i + 1; next < FRAMES && model->frames[next] == model->frames[i];)
            next++;
        if (model->frames[i] == 0)
            continue;
        assert_true(made < map->count);
        assert_int_equal(map->ranges[made].base, frame_address(model, i));
        assert_int_equal(map->ranges[made].size, (next - i) * 4096);
        assert_int_equal(map->ranges[made].type, model->frames[i]);
        assert_int_equal(map->ranges[made].reserved, 0);
        made++;
    }
    assert_int_equal(made, map->count);
    assert_int_equal(memory_map_check(map, NULL), MEMORY_MAP_OK);
}

/* Anything within the model's frames: no size, odd ends, whole pages. */
static void add_random(struct memory_map *map, struct model *model, uint64_t *random)
{
    uint64_t unit = pick(random, 3) == 0 ? 1 : 4096;
    uint64_t start = pick(random, FRAMES * 4096 / unit) * unit;
    uint64_t most = pick(random, 4) == 0 ? FRAMES * 4096 : 8 * 4096;
    uint64_t size = pick(random, 12) == 0 ? 0 : pick(random, most / unit + 1) * unit;
    uint32_t type = 1 + (uint32_t)pick(random, pick(random, 2) ? 3 : MEMORY_TYPES - 1);
    size = min_u64(size, FRAMES * 4096 - start);
    model_add(model, model->base + start, size, type);
    assert_int_equal(memory_map_add(map, model->base + start, size, type), MEMORY_MAP_OK);
}

static struct memory_map random_map(struct model *model, uint64_t *random)
{
    const uint64_t bases[] = {0, 0x100000, LIMIT - FRAMES * 4096};
    const size_t count = pick(random, 40);
    struct memory_map map = new_map(2 * count + 1);
    *model = (struct model){.base = bases[pick(random, COUNT(bases))]};
    for (size_t i = 0; i < count; i++)
        add_random(&map, model, random);
    assert_int_equal(normalise(&map), MEMORY_MAP_OK);
    const struct memory_map exact = new_map_of(map.ranges, map.count, map.count);
    free(map.ranges);
    return exact;
}

/* Each function, asked of the map and of the model. */

static bool model_has(const struct model *model, size_t i, memory_types_t types)
{
    return i < FRAMES && model->frames[i] != 0 && (types >> model->frames[i] & 1) != 0;
}

static memory_types_t random_types(uint64_t *random)
{
    return (memory_types_t)(pick(random, 3) ? pick(random, 1 << 15) | 2 : ALL_TYPES);
}

static void check_find(const struct memory_map *map, const struct model *model, uint64_t *random)
{
    for (size_t i = 0; i < FRAMES; i++) {
        const uint64_t address = frame_address(model, i) + pick(random, 3) * 2047 + pick(random, 2);
        const struct memory_range *range = memory_map_find(map, phys(address));
        assert_int_equal(range != NULL ? range->type : 0, model->frames[i]);
        if (range != NULL)
            assert_true(range->base <= address && address - range->base < range->size);
    }
    assert_null(memory_map_find(map, phys(model->base + FRAMES * 4096)));
    assert_null(memory_map_find(map, phys(UINT64_MAX)));
    if (model->base > 0)
        assert_null(memory_map_find(map, phys(model->base - 1)));
}

static void check_covers(const struct memory_map *map, const struct model *model, uint64_t *random)
{
    for (size_t i = 0; i < 20; i++) {
        const memory_types_t types = random_types(random);
        const uint64_t start = pick(random, FRAMES * 4096);
        const uint64_t size = pick(random, 10 * 4096);
        bool expected = true;
        for (uint64_t frame = start / 4096; size > 0 && frame <= (start + size - 1) / 4096; frame++)
            expected = expected && model_has(model, frame, types);
        assert_int_equal(memory_map_covers(map, phys_range(model->base + start, size), types),
                         expected);
    }
}

static void check_runs(const struct memory_map *map, const struct model *model, uint64_t *random)
{
    const memory_types_t types = random_types(random);
    struct phys_range run;
    size_t cursor = 0;
    uint64_t total = 0;
    for (size_t i = 0, next; i < FRAMES; i = next) {
        for (next = i; model_has(model, next, types);)
            next++;
        if (next == i) {
            next++;
            continue;
        }
        assert_true(memory_map_next_run(map, types, &cursor, &run));
        assert_int_equal(run.start.raw, frame_address(model, i));
        assert_int_equal(run.size, (next - i) * 4096);
        total += run.size;
    }
    assert_false(memory_map_next_run(map, types, &cursor, &run));
    assert_false(memory_map_next_run(map, types, &cursor, &run));
    assert_int_equal(memory_map_size(map, types), total);
}

static void check_retype(struct memory_map *map, struct model *model, uint64_t *random)
{
    const memory_types_t from = random_types(random);
    const enum memory_type to = (enum memory_type)(1 + pick(random, MEMORY_TYPES - 1));
    uint64_t changed = 0;
    for (size_t i = 0; i < FRAMES; i++) {
        if (!model_has(model, i, from))
            continue;
        changed += model->frames[i] != to ? 4096 : 0;
        model->frames[i] = to;
    }
    assert_int_equal(memory_map_retype(map, from, to), changed);
    expect_model(map, model);
}

static void random_maps_are_as_modelled(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct model model;
        struct memory_map map = random_map(&model, &random);
        expect_model(&map, &model);
        check_find(&map, &model, &random);
        check_covers(&map, &model, &random);
        check_runs(&map, &model, &random);
        check_retype(&map, &model, &random);
        assert_int_equal(normalise(&map), MEMORY_MAP_OK);
        expect_model(&map, &model);
        free(map.ranges);
    }
}

/* More than the model holds: every count up to that of a large machine. */
static void many_ranges_come_out_sorted(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (size_t count = 0; count < 600; count++) {
        struct memory_map map = new_map(2 * count + 1);
        size_t bad;
        for (size_t i = 0; i < count; i++)
            assert_int_equal(memory_map_add(&map, pick(&random, 1 << 20) << 12,
                                            pick(&random, 1 << 13) << 8,
                                            1 + (uint32_t)pick(&random, MEMORY_TYPES - 1)),
                             MEMORY_MAP_OK);
        assert_int_equal(normalise(&map), MEMORY_MAP_OK);
        assert_int_equal(memory_map_check(&map, &bad), MEMORY_MAP_OK);
        free(map.ranges);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_maps_are_as_modelled),
        cmocka_unit_test(many_ranges_come_out_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
