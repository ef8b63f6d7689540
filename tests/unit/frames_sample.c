/* See frames_sample.h. */
#define _DEFAULT_SOURCE
#include "frames_sample.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "translate.h"

#define LARGE_WORLD 65536 /* frames */

/* The one offset that kernel/mm/frames.c knows; no other part of the kernel is here. */
struct pt_space kernel_space;

uint64_t draw(struct world *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (w->random >> 11) % below;
}

/* Frame 0 stays out of reach whatever the map says. Memory is not clear at first; but then a
 * large world would not fit into this machine's. */
static void allow(const struct world *w, uint64_t first, uint64_t count)
{
    uint64_t from = max_u64(first, 1), size = (first + count - from) * PAGE_SIZE;

    if (size == 0)
        return;
    assert_int_equal(mprotect(w->host + from * PAGE_SIZE, size, PROT_READ | PROT_WRITE), 0);
    if (w->end < LARGE_WORLD)
        memset(w->host + from * PAGE_SIZE, 0xa5, size);
}

static void lay_out(struct world *w, const struct shape *shape)
{
    size_t count = 0;

    while (count < MAX_RANGES && shape->ranges[count].count != 0)
        count++;
    w->ranges = malloc(count * sizeof(*w->ranges));
    for (size_t i = 0; i < count; i++) {
        w->ranges[i] = (struct memory_range){
            .base = shape->ranges[i].first * PAGE_SIZE,
            .size = shape->ranges[i].count * PAGE_SIZE,
            .type = shape->ranges[i].type,
        };
        w->end = shape->ranges[i].first + shape->ranges[i].count;
    }
    w->map = (struct memory_map){w->ranges, count, count};
    assert_int_equal(memory_map_check(&w->map, NULL), MEMORY_MAP_OK);
}

static void fill_model(struct world *w)
{
    uint64_t books = w->frames.zones.raw / PAGE_SIZE;
    uint64_t after_books = books + w->frames.books_size / PAGE_SIZE;

    w->model = calloc(w->end, 1);
    for (size_t i = 0; i < w->map.count; i++) {
        uint64_t first = w->ranges[i].base / PAGE_SIZE;
        uint64_t end = first + w->ranges[i].size / PAGE_SIZE;
        for (uint64_t frame = max_u64(first, 1); frame < end; frame++) {
            if (w->ranges[i].type != MEMORY_USABLE || (frame >= books && frame < after_books))
                w->model[frame] =
                    MEMORY_TYPE_BIT(w->ranges[i].type) & MEMORY_MANAGED ? FRAME_HELD : 0;
            else
                w->model[frame] = FRAME_FREE;
            w->model_free += w->model[frame] == FRAME_FREE;
        }
    }
}

enum frames_status open_world(struct world *w, const struct shape *shape, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    lay_out(w, shape);
    w->random = seed;
    w->host = mmap(NULL, (w->end + 1) * PAGE_SIZE, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(w->host != MAP_FAILED);
    w->runs = malloc(MAX_RUNS * sizeof(*w->runs));
    kernel_space.phys_to_virt = (uintptr_t)w->host;
    for (size_t i = 0; i < w->map.count; i++) {
        if (w->ranges[i].type == MEMORY_USABLE)
            allow(w, w->ranges[i].base / PAGE_SIZE, w->ranges[i].size / PAGE_SIZE);
    }
    enum frames_status status = frames_init(&w->frames, &w->map);
    if (status == FRAMES_OK)
        fill_model(w);
    return status;
}

void close_world(struct world *w)
{
    munmap(w->host, (w->end + 1) * PAGE_SIZE);
    free(w->ranges);
    free(w->model);
    free(w->runs);
}

/* ---- what is done to both ------------------------------------------------------------------ */

static uint64_t *word_of(const struct world *w, uint64_t frame, size_t byte)
{
    return (uint64_t *)(void *)(w->host + frame * PAGE_SIZE + byte);
}

static uint64_t stamp(uint64_t frame, size_t byte)
{
    return ~(frame << 16 | byte);
}

static const size_t stamped[] = {0, 8, 16, 4088};

static void set_state(struct world *w, uint64_t first, uint64_t count, enum frame_state from,
                      enum frame_state to)
{
    for (uint64_t frame = first; frame < first + count; frame++) {
        assert_int_equal(w->model[frame], from);
        w->model[frame] = (uint8_t)to;
    }
    w->model_free += to == FRAME_FREE ? count : 0;
    w->model_free -= from == FRAME_FREE ? count : 0;
}

bool model_has(const struct world *w, uint64_t count, uint64_t align)
{
    uint64_t step = 1, used = 0;

    while (step < count || step < align / PAGE_SIZE)
        step *= 2;
    for (uint64_t first = 0; first + step <= w->end; first += step) {
        for (used = 0; used < step && w->model[first + used] == FRAME_FREE; used++)
            continue;
        if (used == step)
            return true;
    }
    return false;
}

enum frames_status take(struct world *w, uint64_t count, uint64_t align)
{
    phys_addr_t at = phys(12345);
    enum frames_status status = frames_take(&w->frames, count, align, &at);

    if (status != FRAMES_OK) {
        assert_int_equal(at.raw, 12345);
        return status;
    }
    uint64_t first = at.raw / PAGE_SIZE;
    assert_int_equal(at.raw % align, 0);
    assert_true(first != 0 && first < w->end && count <= w->end - first);
    set_state(w, first, count, FRAME_FREE, FRAME_ALLOCATED);
    for (uint64_t frame = first; frame < first + count; frame++) {
        for (size_t i = 0; i < COUNT(stamped); i++)
            *word_of(w, frame, stamped[i]) = stamp(frame, stamped[i]);
    }
    assert_true(w->run_count < MAX_RUNS);
    w->runs[w->run_count++] = (struct run){first, count};
    return status;
}

/* What lies in frames that are taken is their owner's: nobody wrote to it. */
void give(struct world *w, size_t index)
{
    struct run run = w->runs[index];

    for (uint64_t frame = run.first; frame < run.first + run.count; frame++) {
        for (size_t i = 0; i < COUNT(stamped); i++)
            assert_int_equal(*word_of(w, frame, stamped[i]), stamp(frame, stamped[i]));
    }
    w->runs[index] = w->runs[--w->run_count];
    assert_int_equal(frames_give(&w->frames, phys(run.first * PAGE_SIZE), run.count), FRAMES_OK);
    set_state(w, run.first, run.count, FRAME_ALLOCATED, FRAME_FREE);
}

void reclaim(struct world *w, size_t range)
{
    uint64_t first = w->ranges[range].base / PAGE_SIZE, count = w->ranges[range].size / PAGE_SIZE;

    allow(w, first, count);
    assert_int_equal(
        frames_reclaim(&w->frames, phys_range(w->ranges[range].base, w->ranges[range].size)),
        FRAMES_OK);
    if (first == 0)
        set_state(w, 1, count - 1, FRAME_HELD, FRAME_FREE);
    else
        set_state(w, first, count, FRAME_HELD, FRAME_FREE);
}

/* ---- comparing ----------------------------------------------------------------------------- */

void assert_agrees(const struct world *w)
{
    uint64_t managed = 0;

    for (uint64_t frame = 0; frame < w->end; frame++) {
        uint64_t byte = frame * 1031 % PAGE_SIZE;
        enum frame_state state = frames_state(&w->frames, phys(frame * PAGE_SIZE + byte));
        if (state != w->model[frame])
            fail_msg("frame %#llx is %d, not %d", (unsigned long long)frame, (int)state,
                     w->model[frame]);
        managed += state != FRAME_FOREIGN;
    }
    assert_int_equal(frames_state(&w->frames, phys(w->end * PAGE_SIZE)), FRAME_FOREIGN);
    assert_int_equal(frames_state(&w->frames, phys(UINT64_MAX)), FRAME_FOREIGN);
    assert_int_equal(w->frames.managed_frames, managed);
    assert_int_equal(w->frames.free_frames, w->model_free);
}

struct snapshot save(const struct world *w)
{
    struct snapshot saved = {w->frames, malloc(w->frames.books_size)};

    memcpy(saved.books, w->host + w->frames.zones.raw, w->frames.books_size);
    return saved;
}

void assert_same(const struct world *w, struct snapshot *saved)
{
    assert_memory_equal(&w->frames, &saved->frames, sizeof(saved->frames));
    assert_memory_equal(w->host + w->frames.zones.raw, saved->books, w->frames.books_size);
    free(saved->books);
}
