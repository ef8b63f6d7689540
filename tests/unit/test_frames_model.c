/* links: kernel/mm/frames.c tests/unit/frames_sample.c */
/* The frame allocator against its model: random requests over memory maps of many shapes, and
 * over memory that was written to while it was free. */
#include "frames_sample.h"

#include <stdlib.h>
#include <string.h>

#define USABLE MEMORY_USABLE
#define BOOT   MEMORY_BOOT_SERVICES
#define LOADER MEMORY_LOADER

static const struct shape shapes[] = {
    {"one range", {{256, 16384, USABLE}}},
    {"from frame 0", {{0, 9000, USABLE}}},
    {"frame 0 in a range of firmware's", {{0, 160, BOOT}, {256, 6000, USABLE}}},
    {"holes", {{1, 158, USABLE}, {160, 3, USABLE}, {1024, 2048, USABLE}, {3073, 9000, USABLE}}},
    {"odd frames", {{3, 4099, USABLE}, {4103, 1, USABLE}, {4105, 777, USABLE}, {5001, 33, BOOT}}},
    {"interleaved",
     {{0, 1, BOOT},
      {1, 159, USABLE},
      {256, 1000, USABLE},
      {1256, 500, BOOT},
      {1756, 244, LOADER},
      {2000, 3000, USABLE},
      {5000, 7, LOADER},
      {5007, 1, USABLE},
      {5008, 92, BOOT},
      {5100, 900, USABLE},
      {6000, 64, MEMORY_KERNEL_IMAGE},
      {6064, 936, USABLE}}},
    {"tiny ranges",
     {{2, 1, USABLE},
      {4, 2, USABLE},
      {7, 3, USABLE},
      {11, 1, BOOT},
      {12, 1, USABLE},
      {13, 1, LOADER},
      {15, 2, BOOT},
      {18, 5, USABLE},
      {24, 1, LOADER},
      {26, 2, USABLE}}},
    {"the books just fit", {{3, 2, USABLE}, {5, 4070, BOOT}}},
    {"held memory above all", {{64, 800, USABLE}, {864, 8000, LOADER}}},
    {"another type between",
     {{16, 2032, USABLE}, {2048, 1, MEMORY_RESERVED}, {2049, 2047, USABLE}}},
};

/* ---- random requests ------------------------------------------------------------------------ */

static void take_something(struct world *w)
{
    uint64_t count = 1 + (draw(w, 3) == 0 ? draw(w, 5000) : draw(w, 20));
    uint64_t align = PAGE_SIZE << (draw(w, 2) ? 0 : draw(w, 10));
    enum frames_status status = take(w, count, align);

    if (status != FRAMES_OK) {
        assert_int_equal(status, FRAMES_EXHAUSTED);
        assert_false(model_has(w, count, align));
    }
}

static bool is_held(const struct world *w, size_t range)
{
    uint64_t first = w->ranges[range].base / PAGE_SIZE;

    return w->ranges[range].type != USABLE &&
           w->model[first + w->ranges[range].size / PAGE_SIZE - 1] == FRAME_HELD;
}

static bool starts_a_run(const struct world *w, uint64_t frame, uint64_t *count)
{
    for (size_t i = 0; i < w->run_count; i++) {
        *count = w->runs[i].count;
        if (w->runs[i].first == frame)
            return true;
    }
    return false;
}

static enum frames_status expected_of_give(const struct world *w, uint64_t frame, uint64_t count)
{
    uint64_t right;

    if (frame >= w->end || w->model[frame] == FRAME_FOREIGN)
        return FRAMES_FOREIGN;
    if (!starts_a_run(w, frame, &right))
        return FRAMES_NOT_ALLOCATED;
    return count == right ? FRAMES_OK : FRAMES_BAD_COUNT;
}

/* A give that is wrong, most often by a little. */
static void give_wrongly(struct world *w)
{
    uint64_t frame = draw(w, w->end + 2), count = 1 + draw(w, 64);

    if (w->run_count != 0 && draw(w, 4) != 0) {
        const struct run *run = &w->runs[draw(w, w->run_count)];
        frame = run->first + (draw(w, 2) ? draw(w, run->count) : 0);
        count = draw(w, 2) ? run->count + draw(w, 9) - 4 : 1 + draw(w, run->count);
    }
    if (count - 1 >= w->end)
        count = 1;
    enum frames_status expected = expected_of_give(w, frame, count);
    if (expected == FRAMES_OK)
        return;
    struct snapshot before = save(w);
    assert_int_equal(frames_give(&w->frames, phys(frame * PAGE_SIZE), count), expected);
    assert_same(w, &before);
}

static void step(struct world *w)
{
    size_t range = draw(w, w->map.count);

    switch (draw(w, 8)) {
    case 0:
        if (draw(w, 32) == 0 && is_held(w, range))
            reclaim(w, range);
        break;
    case 1:
        give_wrongly(w);
        break;
    case 2:
    case 3:
    case 4:
        if (w->run_count != 0)
            give(w, draw(w, w->run_count));
        break;
    default:
        take_something(w);
    }
}

/* Every free frame can be had, one after the other. */
static void exhaust(struct world *w)
{
    uint64_t left = w->model_free;

    while (take(w, 1, PAGE_SIZE) == FRAMES_OK)
        left--;
    assert_int_equal(left, 0);
    assert_int_equal(w->frames.free_frames, 0);
    assert_int_equal(w->frames.orders, 0);
}

static void give_all(struct world *w)
{
    while (w->run_count != 0)
        give(w, draw(w, w->run_count));
}

/* All that is free lies together again: a block of each size that the model has. */
static void assert_merged(struct world *w)
{
    for (uint64_t count = 1; count <= w->end; count *= 2) {
        bool possible = model_has(w, count, PAGE_SIZE);
        assert_int_equal(take(w, count, count * PAGE_SIZE),
                         possible ? FRAMES_OK : FRAMES_EXHAUSTED);
        give_all(w);
    }
}

static void random_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct world w;

        if (open_world(&w, &shapes[i], 0x9e3779b97f4a7c15 + i) != FRAMES_OK)
            fail_msg("%s", shapes[i].name);
        for (int round = 0; round < 8000; round++) {
            step(&w);
            assert_int_equal(w.frames.free_frames, w.model_free);
            if (round % 128 == 0)
                assert_agrees(&w);
        }
        exhaust(&w);
        assert_agrees(&w);
        for (size_t range = 0; range < w.map.count; range++) {
            if (is_held(&w, range) && MEMORY_TYPE_BIT(w.ranges[range].type) & MEMORY_MANAGED)
                reclaim(&w, range);
        }
        give_all(&w);
        assert_merged(&w);
        assert_agrees(&w);
        assert_int_equal(w.model_free + w.frames.books_size / PAGE_SIZE, w.frames.managed_frames);
        exhaust(&w);
        close_world(&w);
    }
}

/* ---- use after free ------------------------------------------------------------------------- */

static unsigned char *links_of(const struct world *w, uint64_t frame)
{
    return w->host + frame * PAGE_SIZE;
}

/* The first frame of a free block that heads its list; 0 if the order drawn has none. */
static uint64_t draw_head(struct world *w)
{
    return w->frames.free[draw(w, FRAME_ORDERS / 3)].raw / PAGE_SIZE;
}

static uint64_t draw_free_frame(struct world *w)
{
    uint64_t frame = draw_head(w);

    if (draw(w, 2) && frame != 0)
        return frame;
    for (frame = draw(w, w->end); w->model[frame] != FRAME_FREE; frame = draw(w, w->end))
        continue;
    return frame;
}

struct old_links {
    uint64_t frame;
    unsigned char bytes[16];
};

/* Filled, random, half of a link, another block's links, or its own as they once were. */
static void damage(struct world *w, struct old_links *old)
{
    uint64_t frame = draw_free_frame(w), other = draw_free_frame(w);
    unsigned char *links = links_of(w, frame);
    static const unsigned char fills[] = {0, 0xff, 0x5a, 0x41};

    switch (draw(w, 6)) {
    case 0:
        memset(links, fills[draw(w, 4)], 16);
        break;
    case 1:
        memset(links + 8 * draw(w, 2), fills[draw(w, 4)], 8);
        break;
    case 2:
        links[draw(w, 16)] ^= (unsigned char)(1 + draw(w, 255));
        break;
    case 3:
        memmove(links, links_of(w, other), 16);
        break;
    case 4:
        memmove(links + 8 * draw(w, 2), links_of(w, other) + 8 * draw(w, 2), 8);
        break;
    default:
        if (old->frame != 0 && w->model[old->frame] == FRAME_FREE)
            memcpy(links_of(w, old->frame), old->bytes, 16);
        old->frame = frame;
        memcpy(old->bytes, links, 16);
    }
}

static void damaged_memory_is_not_given_twice(void **state)
{
    static const struct shape small = {"small",
                                       {{1, 90, USABLE}, {91, 6, BOOT}, {100, 40, USABLE}}};
    unsigned corrupt = 0;
    (void)state;

    for (uint64_t seed = 1; seed < 3000; seed++) {
        struct old_links old = {0};
        struct world w;

        assert_int_equal(open_world(&w, &small, seed * 0x9e3779b97f4a7c15), FRAMES_OK);
        for (int round = 0; round < 200; round++) {
            if (w.model_free != 0 && draw(&w, 8) == 0)
                damage(&w, &old);
            if (w.run_count != 0 && draw(&w, 2)) {
                give(&w, draw(&w, w.run_count));
                continue;
            }
            struct snapshot before = save(&w);
            enum frames_status status = take(&w, 1 + draw(&w, 12), PAGE_SIZE << draw(&w, 3));
            corrupt += status == FRAMES_CORRUPT;
            if (status == FRAMES_OK)
                free(before.books);
            else
                assert_same(&w, &before);
        }
        assert_agrees(&w);
        close_world(&w);
    }
    assert_true(corrupt > 1000);
}

/* What is most often done to a freed frame: it is cleared. */
static void cleared_frames_are_noticed(void **state)
{
    static const struct shape shape = {"256 frames", {{256, 257, USABLE}}};
    struct world w;
    (void)state;

    assert_int_equal(open_world(&w, &shape, 1), FRAMES_OK);
    assert_int_equal(take(&w, 1, PAGE_SIZE), FRAMES_OK);
    uint64_t first = w.runs[0].first;
    memset(links_of(&w, first + 1), 0, PAGE_SIZE);
    struct snapshot before = save(&w);
    assert_int_equal(take(&w, 1, PAGE_SIZE), FRAMES_CORRUPT);
    assert_same(&w, &before);
    assert_int_equal(take(&w, 2, PAGE_SIZE), FRAMES_OK); /* other sizes are unharmed */
    give(&w, 0);
    assert_agrees(&w);
    assert_int_equal(take(&w, 1, PAGE_SIZE), FRAMES_OK); /* the frame itself, not its buddy */
    assert_int_equal(w.runs[1].first, first);
    assert_int_equal(take(&w, 1, PAGE_SIZE), FRAMES_CORRUPT);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_requests),
        cmocka_unit_test(damaged_memory_is_not_given_twice),
        cmocka_unit_test(cleared_frames_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
