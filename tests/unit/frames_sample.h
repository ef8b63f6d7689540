/* The frame allocator over fake physical memory, and a model of it: a byte a frame. Memory
 * that the allocator has no business with is not even mapped. */
#ifndef BESTLA_TEST_FRAMES_SAMPLE_H
#define BESTLA_TEST_FRAMES_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_RANGES   12
#define MAX_RUNS     32768

/* In frames; a count of 0 ends. Frame 0 is address 0. */
struct shape {
    const char *name;
    struct {
        uint64_t first, count;
        uint32_t type;
    } ranges[MAX_RANGES];
};

struct run {
    uint64_t first, count;
};

struct world {
    unsigned char *host; /* frame 0 */
    uint64_t end;        /* of the map, in frames */
    struct memory_range *ranges;
    struct memory_map map;
    struct frame_allocator frames;
    uint8_t *model; /* enum frame_state */
    uint64_t model_free;
    struct run *runs; /* what is taken */
    size_t run_count;
    uint64_t random;
};

uint64_t draw(struct world *w, uint64_t below);

/* What frames_init says. The model is there when it is FRAMES_OK; to be closed in any case. */
enum frames_status open_world(struct world *w, const struct shape *shape, uint64_t seed);
void close_world(struct world *w);

/* Each does it to both, and asserts that the result is one that the model allows. */
enum frames_status take(struct world *w, uint64_t count, uint64_t align);
void give(struct world *w, size_t index);
void reclaim(struct world *w, size_t range);

/* frames_state of every frame, and how many are free. */
void assert_agrees(const struct world *w);

/* Is there a naturally aligned free run of a power of two that holds this? */
bool model_has(const struct world *w, uint64_t count, uint64_t align);

/* The allocator with its books, to be held against what is later. */
struct snapshot {
    struct frame_allocator frames;
    unsigned char *books;
};
struct snapshot save(const struct world *w);
void assert_same(const struct world *w, struct snapshot *saved);

#endif
