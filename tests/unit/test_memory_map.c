/* The memory map against a model of one byte a frame: random ranges go into
 * both, and every function must give what the model gives. Then the ends: broken
 * maps, full ones, the top of the address space. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "memory_map.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIMIT        (UINT64_C(1) << 52)
#define FRAMES       96
#define ROUNDS       4000
#define ALL_TYPES    ((MEMORY_TYPE_BIT(MEMORY_TYPES) - 1) & ~UINT32_C(1))

/* xorshift64*: the same numbers everywhere, every time. */
static uint64_t pick(uint64_t *state, uint64_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(0x2545f4914f6cdd1d) >> 8) % below;
}

/* Exactly as large as it says, so that ASan sees one more. */
static struct memory_map new_map(size_t capacity)
{
    struct memory_map map = {malloc(capacity * sizeof(struct memory_range)), 0, capacity};
    assert_true(map.ranges != NULL || capacity == 0);
    return map;
}

static struct memory_map new_map_of(const struct memory_range *ranges, size_t count,
                                    size_t capacity)
{
    struct memory_map map = new_map(capacity);
    memcpy(map.ranges, ranges, count * sizeof(*ranges));
    map.count = count;
    return map;
}

static enum memory_map_status normalise(struct memory_map *map)
{
    struct memory_edge *scratch = malloc(2 * map->count * sizeof(*scratch));
    enum memory_map_status status = memory_map_normalise(map, scratch);
    free(scratch);
    return status;
}

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
    return map;
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

/* One range a row, and what memory_map_add makes of it. */
static void ends_are_rounded_once(void **state)
{
    (void)state;
    static const struct {
        uint64_t base;
        uint64_t size;
        uint32_t type;
        enum memory_map_status status;
        uint64_t start;
        uint64_t end; /* start: dropped */
    } rows[] = {
        {0x1000, 0x1000, MEMORY_USABLE, MEMORY_MAP_OK, 0x1000, 0x2000},
        {0x1001, 0x2000, MEMORY_USABLE, MEMORY_MAP_OK, 0x2000, 0x3000},
        {0xfff, 0x1002, MEMORY_USABLE, MEMORY_MAP_OK, 0x1000, 0x2000},
        {0x1001, 0xfff, MEMORY_USABLE, MEMORY_MAP_OK, 0, 0},
        {0x1001, 1, MEMORY_USABLE, MEMORY_MAP_OK, 0, 0},
        {0x1001, 0x1ffe, MEMORY_USABLE, MEMORY_MAP_OK, 0, 0},
        {0x1000, 0, MEMORY_USABLE, MEMORY_MAP_OK, 0, 0},
        {0x1000, 0, MEMORY_RESERVED, MEMORY_MAP_OK, 0, 0},
        {0x1001, 0, MEMORY_RESERVED, MEMORY_MAP_OK, 0, 0},
        {0x1fff, 1, MEMORY_RESERVED, MEMORY_MAP_OK, 0x1000, 0x2000},
        {0x1fff, 2, MEMORY_BOOT_SERVICES, MEMORY_MAP_OK, 0x1000, 0x3000},
        {0, 1, MEMORY_UNUSABLE, MEMORY_MAP_OK, 0, 0x1000},
        {0, LIMIT, MEMORY_USABLE, MEMORY_MAP_OK, 0, LIMIT},
        {LIMIT - 1, 1, MEMORY_MMIO, MEMORY_MAP_OK, LIMIT - 0x1000, LIMIT},
        {LIMIT, 0, MEMORY_MMIO, MEMORY_MAP_OK, 0, 0},
        {LIMIT - 1, 2, MEMORY_MMIO, MEMORY_MAP_BAD_RANGE, 0, 0},
        {LIMIT + 1, 0, MEMORY_MMIO, MEMORY_MAP_BAD_RANGE, 0, 0},
        {UINT64_MAX, 1, MEMORY_USABLE, MEMORY_MAP_BAD_RANGE, 0, 0},
        {0x1000, UINT64_MAX, MEMORY_USABLE, MEMORY_MAP_BAD_RANGE, 0, 0},
        {0x2000, -UINT64_C(0x1000), MEMORY_RESERVED, MEMORY_MAP_BAD_RANGE, 0, 0},
        {0x1000, 0x1000, 0, MEMORY_MAP_BAD_TYPE, 0, 0},
        {0x1000, 0x1000, MEMORY_TYPES, MEMORY_MAP_BAD_TYPE, 0, 0},
        {0x1000, 0, UINT32_MAX, MEMORY_MAP_BAD_TYPE, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct memory_map map = new_map(1);
        assert_int_equal(memory_map_add(&map, rows[i].base, rows[i].size, rows[i].type),
                         rows[i].status);
        assert_int_equal(map.count, rows[i].end > rows[i].start);
        if (map.count > 0) {
            const struct memory_range expected = {rows[i].start, rows[i].end - rows[i].start,
                                                  rows[i].type, 0};
            assert_memory_equal(map.ranges, &expected, sizeof(expected));
        }
        free(map.ranges);
    }
}

static void a_full_map_takes_only_what_is_dropped(void **state)
{
    (void)state;
    struct memory_map map = new_map(1);
    assert_int_equal(memory_map_add(&map, 0x1000, 0x1000, MEMORY_MMIO), MEMORY_MAP_OK);
    const struct memory_range before = map.ranges[0];
    assert_int_equal(memory_map_add(&map, 0x2000, 0x1000, MEMORY_MMIO), MEMORY_MAP_FULL);
    assert_int_equal(memory_map_add(&map, 0x2000, 0, MEMORY_MMIO), MEMORY_MAP_OK);
    assert_int_equal(map.count, 1);
    assert_memory_equal(map.ranges, &before, sizeof(before));
    free(map.ranges);
}

/* Ranges inside each other, each of a higher type: 2n - 1 come out. */
static void the_largest_result_needs_its_room(void **state)
{
    (void)state;
    const size_t nested = MEMORY_TYPES - 1;
    struct memory_range ranges[MEMORY_TYPES - 1];
    for (size_t i = 0; i < nested; i++)
        ranges[i] =
            (struct memory_range){i * 4096, (2 * nested - 2 * i) * 4096, (uint32_t)i + 1, 0};
    struct memory_map map = new_map_of(ranges, nested, 2 * nested - 2);
    assert_int_equal(normalise(&map), MEMORY_MAP_FULL);
    assert_int_equal(map.count, nested);
    assert_memory_equal(map.ranges, ranges, sizeof(ranges));
    free(map.ranges);

    map = new_map_of(ranges, nested, 2 * nested - 1);
    assert_int_equal(normalise(&map), MEMORY_MAP_OK);
    assert_int_equal(map.count, 2 * nested - 1);
    assert_int_equal(memory_map_check(&map, NULL), MEMORY_MAP_OK);
    free(map.ranges);
}

/* What merges needs no more room than there was. */
static void a_full_map_can_be_normalised(void **state)
{
    (void)state;
    const struct memory_range ranges[] = {{0x3000, 0x1000, MEMORY_USABLE, 0},
                                          {0x1000, 0x2000, MEMORY_USABLE, 0},
                                          {0x8000, 0x1000, MEMORY_MMIO, 0}};
    struct memory_map map = new_map_of(ranges, 3, 3);
    assert_int_equal(normalise(&map), MEMORY_MAP_OK);
    assert_int_equal(map.count, 2);
    assert_int_equal(map.ranges[0].base, 0x1000);
    assert_int_equal(map.ranges[0].size, 0x3000);
    assert_int_equal(map.ranges[1].base, 0x8000);
    free(map.ranges);
}

#define GOOD                             \
    {                                    \
        0x1000, 0x1000, MEMORY_USABLE, 0 \
    }

static void broken_maps_are_named(void **state)
{
    (void)state;
    static const struct {
        struct memory_range ranges[3];
        enum memory_map_status status;
        size_t bad;
    } rows[] = {
        {{GOOD, {0x2000, 0x1000, MEMORY_MMIO, 0}, {0x4000, 0x1000, MEMORY_MMIO, 0}},
         MEMORY_MAP_OK,
         77},
        {{GOOD, {0x3000, 0x1000, MEMORY_USABLE, 0}, {LIMIT - 0x1000, 0x1000, 14, 0}},
         MEMORY_MAP_OK,
         77},
        {{{0x1000, 0, 1, 0}, {0, 0, 0, 0}, GOOD}, MEMORY_MAP_BAD_RANGE, 0},
        {{GOOD, {0x3000, 0, 1, 0}, GOOD}, MEMORY_MAP_BAD_RANGE, 1},
        {{GOOD, {0x2000, LIMIT - 0x1000, 2, 0}, GOOD}, MEMORY_MAP_BAD_RANGE, 1},
        {{GOOD, {0x2000, -UINT64_C(0x1000), 2, 0}, GOOD}, MEMORY_MAP_BAD_RANGE, 1},
        {{GOOD, {0x2000, 0x1000, 0, 0}, GOOD}, MEMORY_MAP_BAD_TYPE, 1},
        {{GOOD, {0x2000, 0x1000, MEMORY_TYPES, 0}, GOOD}, MEMORY_MAP_BAD_TYPE, 1},
        {{GOOD, {0x2000, 0x1000, 0xffffffff, 0}, GOOD}, MEMORY_MAP_BAD_TYPE, 1},
        {{GOOD, {0x2000, 0x1000, 2, 1}, GOOD}, MEMORY_MAP_BAD_TYPE, 1},
        {{{0x1008, 0x1000, 1, 0}, {0x4000, 0x1000, 2, 0}, GOOD}, MEMORY_MAP_MISALIGNED, 0},
        {{{0x1000, 0x1008, 1, 0}, {0x4000, 0x1000, 2, 0}, GOOD}, MEMORY_MAP_MISALIGNED, 0},
        {{GOOD, {0x4000, 0x1000, 2, 0}, {0x3000, 0x1000, 3, 0}}, MEMORY_MAP_UNSORTED, 2},
        {{{0x1000, 0x2000, 1, 0}, {0x2000, 0x1000, 2, 0}, GOOD}, MEMORY_MAP_UNSORTED, 1},
        {{GOOD, GOOD, GOOD}, MEMORY_MAP_UNSORTED, 1},
        {{GOOD, {0x2000, 0x1000, 1, 0}, GOOD}, MEMORY_MAP_UNSORTED, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct memory_map map = new_map_of(rows[i].ranges, 3, 3);
        size_t bad = 77;
        assert_int_equal(memory_map_check(&map, &bad), rows[i].status);
        assert_int_equal(bad, rows[i].bad);
        assert_int_equal(memory_map_check(&map, NULL), rows[i].status);
        free(map.ranges);
    }
}

/* Any bytes: no fault, and what passes has the properties. */
static void random_bytes_are_safe_to_check(void **state)
{
    (void)state;
    uint64_t random = 3;
    for (unsigned i = 0; i < 100000; i++) {
        struct memory_range ranges[2] = {GOOD, {0x2000, 0x1000, MEMORY_MMIO, 0}};
        for (uint64_t k = pick(&random, 4); k < 4; k++)
            ((unsigned char *)ranges)[pick(&random, sizeof(ranges))] =
                (unsigned char)pick(&random, 256);
        struct memory_map map = new_map_of(ranges, 2, 2);
        if (memory_map_check(&map, NULL) == MEMORY_MAP_OK) {
            assert_true(ranges[0].base + ranges[0].size <= ranges[1].base);
            assert_true(ranges[1].base + ranges[1].size <= LIMIT);
            assert_int_equal((ranges[0].base | ranges[0].size | ranges[1].base) % 4096, 0);
            assert_in_range(ranges[0].type, 1, 14);
            assert_in_range(ranges[1].type, 1, 14);
        }
        free(map.ranges);
    }
}

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct memory_map map = new_map(0);
    struct phys_range run;
    size_t cursor = 0;
    assert_int_equal(normalise(&map), MEMORY_MAP_OK);
    assert_int_equal(memory_map_check(&map, NULL), MEMORY_MAP_OK);
    assert_null(memory_map_find(&map, phys(0)));
    assert_true(memory_map_covers(&map, phys_range(0, 0), 0));
    assert_false(memory_map_covers(&map, phys_range(0, 1), ALL_TYPES));
    assert_false(memory_map_next_run(&map, ALL_TYPES, &cursor, &run));
    assert_int_equal(memory_map_retype(&map, ALL_TYPES, MEMORY_USABLE), 0);
    assert_int_equal(memory_map_size(&map, ALL_TYPES), 0);
    assert_int_equal(memory_map_add(&map, 0, 0x1000, MEMORY_USABLE), MEMORY_MAP_FULL);
    free(map.ranges);
}

/* A range that would wrap covers nothing, whatever its sum says. */
static void covers_never_wraps(void **state)
{
    (void)state;
    const struct memory_range range = {0, LIMIT, MEMORY_USABLE, 0};
    struct memory_map map = new_map_of(&range, 1, 1);
    const memory_types_t usable = MEMORY_TYPE_BIT(MEMORY_USABLE);
    assert_true(memory_map_covers(&map, phys_range(0, LIMIT), usable));
    assert_false(memory_map_covers(&map, phys_range(0, LIMIT + 1), usable));
    assert_false(memory_map_covers(&map, phys_range(0x2000, UINT64_MAX - 0xfff), usable));
    assert_false(memory_map_covers(&map, phys_range(0, LIMIT), ~usable));
    free(map.ranges);
}

static void types_have_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "unknown",     "usable",   "boot services", "loader",       "module",     "kernel image",
        "ACPI tables", "ACPI NVS", "runtime code",  "runtime data", "persistent", "unaccepted",
        "reserved",    "MMIO",     "unusable",      "unknown",
    };
    for (uint32_t type = 0; type < COUNT(names); type++)
        assert_string_equal(memory_type_name(type), names[type]);
    assert_string_equal(memory_type_name(UINT32_MAX), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_maps_are_as_modelled),
        cmocka_unit_test(many_ranges_come_out_sorted),
        cmocka_unit_test(ends_are_rounded_once),
        cmocka_unit_test(a_full_map_takes_only_what_is_dropped),
        cmocka_unit_test(the_largest_result_needs_its_room),
        cmocka_unit_test(a_full_map_can_be_normalised),
        cmocka_unit_test(broken_maps_are_named),
        cmocka_unit_test(random_bytes_are_safe_to_check),
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(covers_never_wraps),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
