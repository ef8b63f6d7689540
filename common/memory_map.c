/* The memory map: typed physical ranges. The loader fills one from the
 * firmware's descriptors and what it allocated itself, and normalises it for
 * the boot info; the kernel checks it, looks things up and gives memory back to
 * its allocator with it. */
#include "memory_map.h"

/* No x86-64 CPU has more physical address bits (SDM Vol. 3A, 4.1.4). */
#define ADDRESS_LIMIT (UINT64_C(1) << 52)

static bool is_type(uint32_t type)
{
    return type != 0 && type < MEMORY_TYPES;
}

static bool is_in(uint32_t type, memory_types_t types)
{
    return (types & MEMORY_TYPE_BIT(type)) != 0;
}

static uint64_t range_end(const struct memory_range *range)
{
    return range->base + range->size;
}

static bool in_address_space(uint64_t base, uint64_t size)
{
    uint64_t end;
    return !__builtin_add_overflow(base, size, &end) && end <= ADDRESS_LIMIT;
}

enum memory_map_status memory_map_add(struct memory_map *map, uint64_t base, uint64_t size,
                                      uint32_t type)
{
    if (!in_address_space(base, size))
        return MEMORY_MAP_BAD_RANGE;
    if (!is_type(type))
        return MEMORY_MAP_BAD_TYPE;
    const bool shrink = type == MEMORY_USABLE;
    const uint64_t start = shrink ? align_up(base, PAGE_SIZE) : align_down(base, PAGE_SIZE);
    const uint64_t end =
        shrink ? align_down(base + size, PAGE_SIZE) : align_up(base + size, PAGE_SIZE);
    /* Nothing does not grow to a page; a part of one page shrinks past itself. */
    if (size == 0 || start >= end)
        return MEMORY_MAP_OK;
    if (map->count >= map->capacity)
        return MEMORY_MAP_FULL;
    map->ranges[map->count++] = (struct memory_range){start, end - start, type, 0};
    return MEMORY_MAP_OK;
}

/* Normalising: every range becomes two edges, the edges are sorted by address,
 * and one sweep over them knows at each address which types are there.
 *
 * An edge is one number: the address, which is a multiple of the page size, with
 * the type and EDGE_STARTS below it. */

#define EDGE_STARTS        UINT64_C(1)
#define EDGE_TYPE_SHIFT    1
#define EDGE_ADDRESS_SHIFT 12

_Static_assert(MEMORY_TYPES << EDGE_TYPE_SHIFT <= 1 << EDGE_ADDRESS_SHIFT, "a type fits");

static uint64_t edge_address(uint64_t key)
{
    return align_down(key, PAGE_SIZE);
}

static uint32_t edge_type(uint64_t key)
{
    return (uint32_t)(key - edge_address(key)) >> EDGE_TYPE_SHIFT;
}

static size_t make_edges(const struct memory_map *map, struct memory_edge *edges)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        const uint64_t type = (uint64_t)range->type << EDGE_TYPE_SHIFT;
        edges[2 * i].key[0] = range->base | type | EDGE_STARTS;
        edges[2 * i + 1].key[0] = range_end(range) | type;
    }
    return 2 * map->count;
}

#define DIGIT_BITS 7
#define DIGITS     (1 << DIGIT_BITS)

static size_t digit(uint64_t key, unsigned shift)
{
    return (key >> shift) & (DIGITS - 1);
}

/* Sorts column `from` by one digit into the other column, keeping the order of
 * equal ones. Returns the column that holds the result: still `from` where all
 * agree, as they do in the high digits on most machines. */
static unsigned sort_by_digit(struct memory_edge *edges, size_t count, unsigned from,
                              unsigned shift)
{
    size_t place[DIGITS] = {0};
    for (size_t i = 0; i < count; i++)
        place[digit(edges[i].key[from], shift)]++;
    if (place[digit(edges[0].key[from], shift)] == count)
        return from;
    for (size_t d = 0, next = 0; d < DIGITS; d++) {
        const size_t here = place[d];
        place[d] = next;
        next += here;
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t key = edges[i].key[from];
        edges[place[digit(key, shift)]++].key[1 - from] = key;
    }
    return 1 - from;
}

/* Radix sort by address, lowest digit first; 2^52 itself is one, where a range
 * ends. No recursion, no bad case, and a fraction of a heap sort's cost on the
 * hundreds of edges that firmware's maps have. Returns the sorted column. */
static unsigned sort_edges(struct memory_edge *edges, size_t count)
{
    unsigned column = 0;
    for (unsigned shift = EDGE_ADDRESS_SHIFT; ADDRESS_LIMIT >> shift != 0; shift += DIGIT_BITS)
        column = sort_by_digit(edges, count, column, shift);
    return column;
}

/* The types that are present at one address, as the sweep passes it. */
struct presence {
    size_t count[MEMORY_TYPES];
    memory_types_t types; /* those whose count is not 0 */
};

static void pass_edge(struct presence *present, uint64_t key)
{
    const uint32_t type = edge_type(key);
    size_t *count = &present->count[type];
    *count = key & EDGE_STARTS ? *count + 1 : *count - 1;
    if (*count != 0)
        present->types |= MEMORY_TYPE_BIT(type);
    else
        present->types &= ~MEMORY_TYPE_BIT(type);
}

/* The highest value wins; 0 is a hole. */
static uint32_t winner(memory_types_t types)
{
    return types == 0 ? 0 : 31 - (uint32_t)__builtin_clz(types);
}

/* Goes over the edges of a sorted column and returns how many ranges they make;
 * writes them if `ranges` is not NULL. A range ends where the winner changes,
 * once all edges of that address are passed: so touching ranges of one type
 * become one. */
static size_t sweep(const struct memory_edge *edges, size_t count, unsigned column,
                    struct memory_range *ranges)
{
    struct presence present = {0};
    size_t made = 0;
    uint64_t start = 0;
    uint32_t type = 0;
    for (size_t i = 0; i < count;) {
        const uint64_t at = edge_address(edges[i].key[column]);
        for (; i < count && edge_address(edges[i].key[column]) == at; i++)
            pass_edge(&present, edges[i].key[column]);
        const uint32_t next = winner(present.types);
        if (next == type)
            continue;
        if (type != 0 && ranges != NULL)
            ranges[made] = (struct memory_range){start, at - start, type, 0};
        made += type != 0;
        start = at;
        type = next;
    }
    return made;
}

enum memory_map_status memory_map_normalise(struct memory_map *map, struct memory_edge *scratch)
{
    if (map->count == 0)
        return MEMORY_MAP_OK;
    const size_t edges = make_edges(map, scratch);
    const unsigned column = sort_edges(scratch, edges);
    /* Edges make fewer ranges than they are: count only where that may not fit. */
    if (map->capacity < edges - 1 && sweep(scratch, edges, column, NULL) > map->capacity)
        return MEMORY_MAP_FULL;
    map->count = sweep(scratch, edges, column, map->ranges);
    return MEMORY_MAP_OK;
}

static enum memory_map_status check_range(const struct memory_range *range)
{
    if (range->size == 0 || !in_address_space(range->base, range->size))
        return MEMORY_MAP_BAD_RANGE;
    if (!is_type(range->type) || range->reserved != 0)
        return MEMORY_MAP_BAD_TYPE;
    if (!is_aligned(range->base | range->size, PAGE_SIZE))
        return MEMORY_MAP_MISALIGNED;
    return MEMORY_MAP_OK;
}

/* Both ranges have passed check_range. */
static bool is_in_order(const struct memory_range *range, const struct memory_range *next)
{
    if (next->base == range_end(range))
        return next->type != range->type;
    return next->base > range_end(range);
}

enum memory_map_status memory_map_check(const struct memory_map *map, size_t *bad)
{
    for (size_t i = 0; i < map->count; i++) {
        enum memory_map_status status = check_range(&map->ranges[i]);
        if (status == MEMORY_MAP_OK && i > 0 && !is_in_order(&map->ranges[i - 1], &map->ranges[i]))
            status = MEMORY_MAP_UNSORTED;
        if (status != MEMORY_MAP_OK) {
            if (bad != NULL)
                *bad = i;
            return status;
        }
    }
    return MEMORY_MAP_OK;
}

/* Index of the first range that ends above `address`: count if there is none. */
static size_t first_ending_above(const struct memory_map *map, uint64_t address)
{
    size_t low = 0;
    for (size_t high = map->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (range_end(&map->ranges[middle]) > address)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct memory_range *memory_map_find(const struct memory_map *map, phys_addr_t address)
{
    const size_t i = first_ending_above(map, address.raw);
    return i < map->count && map->ranges[i].base <= address.raw ? &map->ranges[i] : NULL;
}

bool memory_map_covers(const struct memory_map *map, struct phys_range range, memory_types_t types)
{
    uint64_t at = range.start.raw;
    uint64_t left = range.size;
    for (size_t i = first_ending_above(map, at); left > 0; i++) {
        if (i == map->count || map->ranges[i].base > at || !is_in(map->ranges[i].type, types))
            return false;
        const uint64_t step = min_u64(left, range_end(&map->ranges[i]) - at);
        at += step;
        left -= step;
    }
    return true;
}

bool memory_map_next_run(const struct memory_map *map, memory_types_t types, size_t *cursor,
                         struct phys_range *run)
{
    size_t i = *cursor;
    while (i < map->count && !is_in(map->ranges[i].type, types))
        i++;
    if (i >= map->count)
        return false;
    const uint64_t start = map->ranges[i].base;
    uint64_t end = start;
    for (; i < map->count && map->ranges[i].base == end && is_in(map->ranges[i].type, types); i++)
        end = range_end(&map->ranges[i]);
    *cursor = i;
    *run = phys_range(start, end - start);
    return true;
}

/* Adds `range` after the `count` that are there, or to the last of them. */
static size_t append_merged(struct memory_range *ranges, size_t count, struct memory_range range)
{
    struct memory_range *last = count > 0 ? &ranges[count - 1] : NULL;
    if (last != NULL && last->type == range.type && range_end(last) == range.base) {
        last->size += range.size;
        return count;
    }
    ranges[count] = range;
    return count + 1;
}

uint64_t memory_map_retype(struct memory_map *map, memory_types_t from, enum memory_type to)
{
    uint64_t changed = 0;
    size_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        struct memory_range range = map->ranges[i];
        if (is_in(range.type, from) && range.type != to) {
            range.type = to;
            changed += range.size;
        }
        kept = append_merged(map->ranges, kept, range);
    }
    map->count = kept;
    return changed;
}

uint64_t memory_map_size(const struct memory_map *map, memory_types_t types)
{
    uint64_t total = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (is_in(map->ranges[i].type, types))
            total += map->ranges[i].size;
    }
    return total;
}

uint64_t memory_map_end(const struct memory_map *map, memory_types_t types)
{
    for (size_t i = map->count; i > 0; i--) {
        if (is_in(map->ranges[i - 1].type, types))
            return range_end(&map->ranges[i - 1]);
    }
    return 0;
}

const char *memory_type_name(uint32_t type)
{
    /* Arrays, not pointers: those would need relocating before they can be read. */
    static const char names[MEMORY_TYPES][16] = {
        [MEMORY_USABLE] = "usable",
        [MEMORY_BOOT_SERVICES] = "boot services",
        [MEMORY_LOADER] = "loader",
        [MEMORY_MODULE] = "module",
        [MEMORY_KERNEL_IMAGE] = "kernel image",
        [MEMORY_ACPI_TABLES] = "ACPI tables",
        [MEMORY_ACPI_NVS] = "ACPI NVS",
        [MEMORY_RUNTIME_CODE] = "runtime code",
        [MEMORY_RUNTIME_DATA] = "runtime data",
        [MEMORY_PERSISTENT] = "persistent",
        [MEMORY_UNACCEPTED] = "unaccepted",
        [MEMORY_RESERVED] = "reserved",
        [MEMORY_MMIO] = "MMIO",
        [MEMORY_UNUSABLE] = "unusable",
    };
    return is_type(type) ? names[type] : "unknown";
}
