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
 * and one sweep over them knows at each address which types are there. */

static size_t make_edges(const struct memory_map *map, struct memory_edge *edges)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct memory_range *range = &map->ranges[i];
        edges[2 * i] = (struct memory_edge){range->base, range->type, +1};
        edges[2 * i + 1] = (struct memory_edge){range_end(range), range->type, -1};
    }
    return 2 * map->count;
}

/* Puts `edge` into the heap of `count` edges whose place `hole` is free. The
 * hole first sinks to a leaf along the larger children, then the edge rises:
 * it comes from a leaf and rarely rises far, which saves a comparison a level. */
static void sift(struct memory_edge *edges, size_t hole, size_t count, struct memory_edge edge)
{
    const size_t top = hole;
    for (size_t child = 2 * hole + 1; child < count; child = 2 * hole + 1) {
        if (child + 1 < count && edges[child + 1].at > edges[child].at)
            child++;
        edges[hole] = edges[child];
        hole = child;
    }
    while (hole > top && edges[(hole - 1) / 2].at < edge.at) {
        edges[hole] = edges[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    edges[hole] = edge;
}

/* Heap sort: in place, no recursion, no bad case. */
static void sort_edges(struct memory_edge *edges, size_t count)
{
    for (size_t i = count / 2; i > 0; i--)
        sift(edges, i - 1, count, edges[i - 1]);
    for (size_t left = count; left > 1; left--) {
        struct memory_edge last = edges[left - 1];
        edges[left - 1] = edges[0];
        sift(edges, 0, left - 1, last);
    }
}

/* The types that are present at one address, as the sweep passes it. */
struct presence {
    size_t count[MEMORY_TYPES];
    memory_types_t types; /* those whose count is not 0 */
};

static void pass_edge(struct presence *present, const struct memory_edge *edge)
{
    size_t *count = &present->count[edge->type];
    *count = edge->step > 0 ? *count + 1 : *count - 1;
    if (*count != 0)
        present->types |= MEMORY_TYPE_BIT(edge->type);
    else
        present->types &= ~MEMORY_TYPE_BIT(edge->type);
}

/* The highest value wins; 0 is a hole. */
static uint32_t winner(memory_types_t types)
{
    return types == 0 ? 0 : 31 - (uint32_t)__builtin_clz(types);
}

/* Goes over sorted edges and returns how many ranges they make; writes them if
 * `ranges` is not NULL. A range ends where the winner changes, once all edges
 * of that address are passed: so touching ranges of one type become one. */
static size_t sweep(const struct memory_edge *edges, size_t count, struct memory_range *ranges)
{
    struct presence present = {0};
    size_t made = 0;
    uint64_t start = 0;
    uint32_t type = 0;
    for (size_t i = 0; i < count;) {
        const uint64_t at = edges[i].at;
        for (; i < count && edges[i].at == at; i++)
            pass_edge(&present, &edges[i]);
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
    const size_t edges = make_edges(map, scratch);
    sort_edges(scratch, edges);
    if (sweep(scratch, edges, NULL) > map->capacity)
        return MEMORY_MAP_FULL;
    map->count = sweep(scratch, edges, map->ranges);
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
    *cursor = i;
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
