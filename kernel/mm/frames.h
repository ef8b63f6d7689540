/* The frame allocator: all memory that the memory map calls usable now or later, however
 * much it is. Buddies over every contiguous zone of it; taking and giving cost O(log n).
 *
 * Its books (a byte a frame) lie in memory that it manages. They say what
 * every frame is, so giving back twice, too much, or what was never taken is an error and
 * changes nothing. Free frames are linked through their first bytes. */
#ifndef BESTLA_KERNEL_FRAMES_H
#define BESTLA_KERNEL_FRAMES_H

#include "memory_map.h"
#include "page_table.h"

enum frames_status {
    FRAMES_OK,
    FRAMES_EXHAUSTED,     /* no free block of the next power of two, in frames or alignment */
    FRAMES_BAD_REQUEST,   /* count 0, or an alignment that is no power of two >= 4 KiB */
    FRAMES_FOREIGN,       /* not memory that it manages */
    FRAMES_NOT_ALLOCATED, /* free already, never taken, or not where a run starts */
    FRAMES_BAD_COUNT,     /* the run taken there does not end with these frames */
    FRAMES_CORRUPT,       /* a free frame was written to */
};

enum frame_state {
    FRAME_FOREIGN, /* not managed */
    FRAME_HELD,    /* managed, not free yet: the books, memory to be reclaimed */
    FRAME_FREE,
    FRAME_ALLOCATED,
};

#define FRAME_ORDERS 41 /* 2^40 frames are 2^52 bytes: no CPU has more */

struct frame_zone;

struct frame_allocator {
    struct frame_source source; /* single frames, for page tables */
    phys_addr_t zones;          /* struct frame_zone, ascending; followed by their books */
    size_t zone_count;
    uint64_t books_size;            /* bytes */
    phys_addr_t free[FRAME_ORDERS]; /* first free block of each size; 0: none */
    uint64_t orders;                /* bit n: free[n] is not 0 */
    uint64_t free_frames, managed_frames;
    uint64_t refused; /* frames that `source` was given and that were not taken from it */
};

/* The kernel's. */
extern struct frame_allocator kernel_frames;

/* Takes over the memory of MEMORY_MANAGED types in the map; what is MEMORY_USABLE
 * becomes free, the rest is held. Frame 0 is never given out. FRAMES_EXHAUSTED when no
 * usable range holds the books. */
__attribute__((warn_unused_result)) enum frames_status frames_init(struct frame_allocator *frames,
                                                                   const struct memory_map *map);

/* A run of `count` frames at a multiple of `align` bytes. FRAMES_EXHAUSTED,
 * FRAMES_BAD_REQUEST, FRAMES_CORRUPT. */
__attribute__((warn_unused_result)) enum frames_status frames_take(struct frame_allocator *frames,
                                                                   uint64_t count, uint64_t align,
                                                                   phys_addr_t *run);

/* Gives back a run that frames_take gave. FRAMES_BAD_REQUEST, FRAMES_FOREIGN,
 * FRAMES_NOT_ALLOCATED, FRAMES_BAD_COUNT. */
__attribute__((warn_unused_result)) enum frames_status frames_give(struct frame_allocator *frames,
                                                                   phys_addr_t run, uint64_t count);

/* Makes held memory free: `range` is memory of the map that frames_init was given.
 * FRAMES_FOREIGN; FRAMES_BAD_REQUEST when it is not whole pages, or not all of it is held. O(n). */
__attribute__((warn_unused_result)) enum frames_status frames_reclaim(
    struct frame_allocator *frames, struct phys_range range);

enum frame_state frames_state(const struct frame_allocator *frames, phys_addr_t frame);

const char *frames_status_text(enum frames_status status);

#endif
