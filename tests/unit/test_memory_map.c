/* The memory map at its ends: rounding, broken maps, full ones, empty ones, the
 * top of the address space. test_memory_map_model.c has the random ones. */
#include "map_sample.h"

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

    /* Nothing merges: the result fills the map. */
    const struct memory_range apart[] = {{0x3000, 0x1000, MEMORY_USABLE, 0},
                                         {0x1000, 0x2000, MEMORY_LOADER, 0}};
    map = new_map_of(apart, 2, 2);
    assert_int_equal(normalise(&map), MEMORY_MAP_OK);
    assert_int_equal(map.count, 2);
    assert_int_equal(map.ranges[0].type, MEMORY_LOADER);
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
    assert_int_equal(memory_map_end(&map, ALL_TYPES), 0);
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

static void the_end_is_the_highest_of_the_types(void **state)
{
    (void)state;
    const struct memory_range ranges[] = {
        {0x1000, 0x3000, MEMORY_USABLE, 0},
        {0x4000, 0x1000, MEMORY_RESERVED, 0},
        {0x8000, 0x2000, MEMORY_LOADER, 0},
        {LIMIT - 0x1000, 0x1000, MEMORY_MMIO, 0},
    };
    static const struct {
        memory_types_t types;
        uint64_t end;
    } rows[] = {
        {0, 0},
        {MEMORY_TYPE_BIT(MEMORY_USABLE), 0x4000},
        {MEMORY_TYPE_BIT(MEMORY_USABLE) | MEMORY_TYPE_BIT(MEMORY_RESERVED), 0x5000},
        {MEMORY_RAM, 0xa000},
        {MEMORY_TYPE_BIT(MEMORY_PERSISTENT), 0},
        {ALL_TYPES, LIMIT},
    };
    struct memory_map map = new_map_of(ranges, COUNT(ranges), COUNT(ranges));
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(memory_map_end(&map, rows[i].types), rows[i].end);
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
        cmocka_unit_test(ends_are_rounded_once),
        cmocka_unit_test(a_full_map_takes_only_what_is_dropped),
        cmocka_unit_test(the_largest_result_needs_its_room),
        cmocka_unit_test(a_full_map_can_be_normalised),
        cmocka_unit_test(broken_maps_are_named),
        cmocka_unit_test(random_bytes_are_safe_to_check),
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(covers_never_wraps),
        cmocka_unit_test(the_end_is_the_highest_of_the_types),
        cmocka_unit_test(types_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
