/* See kaslr.h. */
#include "kaslr.h"

#include "layout.h"

/* ---- an even choice -------------------------------------------------------------------- */

/* The worst count refuses every second word: a good source fails this once in 2^64. */
#define WORD_TRIES 64

/* The high half of word * count, as Lemire's "Fast Random Integer Generation in an Interval" (2019)
 * has it. Of the 2^64 products each high half gets as many as there are multiples of `count` with
 * that high half: one too many for some, unless the low halves below 2^64 mod count are refused. */
bool random_below(struct random_source *source, uint64_t count, uint64_t *choice)
{
    if (count == 0)
        return false;

    const uint64_t refused = -count % count;
    for (int tries = 0; tries < WORD_TRIES; tries++) {
        uint64_t word;

        if (!source->word(source, &word))
            return false;
        const unsigned __int128 product = (unsigned __int128)word * count;
        if ((uint64_t)product < refused)
            continue;
        *choice = (uint64_t)(product >> 64);
        return true;
    }
    return false;
}

/* ---- places in a stretch of addresses -------------------------------------------------- */

/* The first address from `start` on that is congruent to `linked` modulo the image's step. */
static uint64_t first_from(uint64_t start, uint64_t linked)
{
    return start + (linked - start) % KASLR_IMAGE_STEP;
}

/* How many such places there are for `size` bytes in [start, end), which ends below 2^64. */
static uint64_t count_in(uint64_t start, uint64_t end, uint64_t linked, uint64_t size)
{
    const uint64_t first = first_from(start, linked);

    if (first < start || first > end || end - first < size)
        return 0;
    return (end - first - size) / KASLR_IMAGE_STEP + 1;
}

/* ---- the image's pages ----------------------------------------------------------------- */

uint64_t kaslr_virt_places(struct virt_range linked)
{
    const uint64_t end = KERNEL_REGION + KERNEL_REGION_SIZE - KASLR_IMAGE_STEP;

    return count_in(KERNEL_REGION, end, linked.start.raw, linked.size);
}

virt_addr_t kaslr_virt_place(struct virt_range linked, uint64_t index)
{
    return virt(first_from(KERNEL_REGION, linked.start.raw) + index * KASLR_IMAGE_STEP);
}

/* ---- the image's frames ---------------------------------------------------------------- */

static bool next_stretch(const struct memory_map *map, size_t *cursor, struct phys_range *stretch)
{
    if (!memory_map_next_run(map, MEMORY_TYPE_BIT(MEMORY_USABLE), cursor, stretch))
        return false;

    const uint64_t end = phys_end(*stretch);
    const uint64_t start = min_u64(max_u64(stretch->start.raw, KASLR_LOW_MEMORY), end);
    *stretch = phys_range(start, end - start);
    return true;
}

static uint64_t count_frames_in(struct phys_range stretch, struct phys_range linked)
{
    return count_in(stretch.start.raw, phys_end(stretch), linked.start.raw, linked.size);
}

uint64_t kaslr_phys_places(const struct memory_map *map, struct phys_range linked)
{
    struct phys_range stretch;
    uint64_t places = 0;
    size_t cursor = 0;

    while (next_stretch(map, &cursor, &stretch))
        places += count_frames_in(stretch, linked);
    return places;
}

phys_addr_t kaslr_phys_place(const struct memory_map *map, struct phys_range linked, uint64_t index)
{
    struct phys_range stretch = {0};
    size_t cursor = 0;

    while (next_stretch(map, &cursor, &stretch)) {
        const uint64_t here = count_frames_in(stretch, linked);
        if (index < here)
            break;
        index -= here;
    }
    return phys(first_from(stretch.start.raw, linked.start.raw) + index * KASLR_IMAGE_STEP);
}

/* ---- the direct map -------------------------------------------------------------------- */

uint64_t kaslr_direct_map_places(const struct memory_map *map)
{
    const uint64_t room = DIRECT_MAP_LIMIT - DIRECT_MAP_BASE;
    const uint64_t size = max_u64(memory_map_end(map, MEMORY_RAM), DIRECT_MAP_FULL_SIZE);

    return size > room ? 0 : (room - size) / KASLR_DIRECT_MAP_STEP + 1;
}

virt_addr_t kaslr_direct_map_place(uint64_t index)
{
    return virt(DIRECT_MAP_BASE + index * KASLR_DIRECT_MAP_STEP);
}
