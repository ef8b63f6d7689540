/* Memory maps in memory of exactly their size, for test_memory_map.c and
 * test_memory_map_model.c: ASan notices a range too many. */
#ifndef BESTLA_MAP_SAMPLE_H
#define BESTLA_MAP_SAMPLE_H

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
#define ALL_TYPES    ((MEMORY_TYPE_BIT(MEMORY_TYPES) - 1) & ~UINT32_C(1))

/* xorshift64*: the same numbers everywhere, every time. */
static inline uint64_t pick(uint64_t *state, uint64_t below)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(0x2545f4914f6cdd1d) >> 8) % below;
}

/* Exactly as large as it says, so that ASan sees one more. */
static inline struct memory_map new_map(size_t capacity)
{
    struct memory_map map = {malloc(capacity * sizeof(struct memory_range)), 0, capacity};
    assert_true(map.ranges != NULL || capacity == 0);
    return map;
}

static inline struct memory_map new_map_of(const struct memory_range *ranges, size_t count,
                                           size_t capacity)
{
    struct memory_map map = new_map(capacity);
    memcpy(map.ranges, ranges, count * sizeof(*ranges));
    map.count = count;
    return map;
}

static inline enum memory_map_status normalise(struct memory_map *map)
{
    struct memory_edge *scratch = malloc(2 * map->count * sizeof(*scratch));
    enum memory_map_status status = memory_map_normalise(map, scratch);
    free(scratch);
    return status;
}

#endif
