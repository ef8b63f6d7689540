/* links: kernel/mm/frames.c tests/unit/frames_sample.c */
/* The frame allocator, request by request; random sequences are in test_frames_model.c. */
#define _DEFAULT_SOURCE
#include "frames_sample.h"

#include <sys/mman.h>
#include <time.h>

#define USABLE MEMORY_USABLE
#define BOOT   MEMORY_BOOT_SERVICES
#define LOADER MEMORY_LOADER

/* ---- taking memory over -------------------------------------------------------------------- */

/* With a byte a frame and 24 a zone, 4072 frames in one zone fill a page of books. */
static const struct {
    struct shape shape;
    enum frames_status status;
    uint64_t zones, books, books_pages, free; /* in frames */
} machines[] = {
    {{"nothing", {{0}}}, FRAMES_EXHAUSTED, 0, 0, 0, 0},
    {{"nothing usable", {{16, 64, BOOT}, {80, 64, LOADER}}}, FRAMES_EXHAUSTED, 0, 0, 0, 0},
    {{"one frame", {{16, 1, USABLE}}}, FRAMES_EXHAUSTED, 0, 0, 0, 0},
    {{"two frames", {{16, 2, USABLE}}}, FRAMES_OK, 1, 17, 1, 1},
    {{"two frames, one is frame 0", {{0, 2, USABLE}}}, FRAMES_OK, 1, 1, 1, 0},
    {{"one full page of books", {{3, 4072, USABLE}}}, FRAMES_OK, 1, 4074, 1, 4071},
    {{"a byte more", {{3, 4073, USABLE}}}, FRAMES_OK, 1, 4074, 2, 4071},
    {{"the books just fit", {{3, 2, USABLE}, {5, 4070, BOOT}}}, FRAMES_OK, 1, 4, 1, 1},
    {{"and just do not", {{3, 2, USABLE}, {5, 4071, BOOT}}}, FRAMES_EXHAUSTED, 0, 0, 0, 0},
    {{"three frames for two pages", {{3, 3, USABLE}, {6, 4070, BOOT}}}, FRAMES_OK, 1, 4, 2, 1},
    {{"the highest range is too small", {{3, 9, USABLE}, {20, 1, USABLE}}}, FRAMES_OK, 2, 11, 1, 9},
    {{"the highest that holds them", {{3, 9, USABLE}, {20, 2, USABLE}, {23, 1, USABLE}}},
     FRAMES_OK,
     3,
     21,
     1,
     11},
    {{"usable, then held", {{3, 9, USABLE}, {12, 9, LOADER}}}, FRAMES_OK, 1, 11, 1, 8},
    {{"frame 0 is its own range", {{0, 1, USABLE}, {1, 1, MEMORY_RESERVED}, {2, 4, USABLE}}},
     FRAMES_OK,
     1,
     5,
     1,
     3},
    {{"nobody's memory between",
      {{3, 9, USABLE}, {12, 1, MEMORY_ACPI_TABLES}, {13, 4, USABLE}, {17, 4, MEMORY_MODULE}}},
     FRAMES_OK,
     2,
     16,
     1,
     12},
};

static void memory_is_taken_over(void **state)
{
    struct world w;
    (void)state;

    for (size_t i = 0; i < COUNT(machines); i++) {
        enum frames_status status = open_world(&w, &machines[i].shape, 1);
        if (status != machines[i].status)
            fail_msg("%s: %s", machines[i].shape.name, frames_status_text(status));
        if (status == FRAMES_OK) {
            if (w.frames.zones.raw != machines[i].books * PAGE_SIZE ||
                w.frames.books_size != machines[i].books_pages * PAGE_SIZE ||
                w.frames.zone_count != machines[i].zones)
                fail_msg("%s: %zu zones, 0x%llx bytes of books at 0x%llx", machines[i].shape.name,
                         w.frames.zone_count, (unsigned long long)w.frames.books_size,
                         (unsigned long long)w.frames.zones.raw);
            assert_int_equal(w.frames.free_frames, machines[i].free);
            assert_agrees(&w);
            while (take(&w, 1, PAGE_SIZE) == FRAMES_OK)
                continue;
            assert_int_equal(w.run_count, machines[i].free);
        }
        close_world(&w);
    }
}

/* ---- one request at a time ------------------------------------------------------------------ */

static const struct shape simple = {"simple", {{16, 48, USABLE}, {64, 16, LOADER}, {90, 7, BOOT}}};

static void assert_take(struct world *w, uint64_t count, uint64_t first)
{
    assert_int_equal(take(w, count, PAGE_SIZE), FRAMES_OK);
    assert_int_equal(w->runs[w->run_count - 1].first, first);
}

/* 7 frames are blocks of 4, 2 and 1: their borders are no places to cut a run. */
static const struct {
    uint64_t address, count;
    enum frames_status status;
} refused_gives[] = {
    {0x20000, 0, FRAMES_BAD_REQUEST},
    {0x20001, 7, FRAMES_BAD_REQUEST},
    {0x20800, 7, FRAMES_BAD_REQUEST},
    {0x20000, UINT64_MAX, FRAMES_BAD_REQUEST},
    {0x20000, UINT64_MAX >> 1, FRAMES_BAD_COUNT},
    {0x20000, 1, FRAMES_BAD_COUNT},
    {0x20000, 3, FRAMES_BAD_COUNT},
    {0x20000, 4, FRAMES_BAD_COUNT},
    {0x20000, 6, FRAMES_BAD_COUNT},
    {0x20000, 8, FRAMES_BAD_COUNT},  /* with the run behind it */
    {0x20000, 16, FRAMES_BAD_COUNT}, /* and the next */
    {0x20000, 48, FRAMES_BAD_COUNT}, /* to the end of the zone */
    {0x20000, 49, FRAMES_BAD_COUNT},
    {0x21000, 1, FRAMES_NOT_ALLOCATED},
    {0x24000, 2, FRAMES_NOT_ALLOCATED},
    {0x24000, 3, FRAMES_NOT_ALLOCATED},
    {0x26000, 1, FRAMES_NOT_ALLOCATED},
    {0x27000, 9, FRAMES_BAD_COUNT},
    {0x28000, 4, FRAMES_BAD_COUNT},
    {0x28000, 15, FRAMES_BAD_COUNT},
    {0x2c000, 4, FRAMES_NOT_ALLOCATED},
    {0x30000, 8, FRAMES_BAD_COUNT}, /* with a free frame */
    {0x37000, 1, FRAMES_NOT_ALLOCATED},
    {0x3f000, 1, FRAMES_NOT_ALLOCATED}, /* the books */
    {0x40000, 1, FRAMES_NOT_ALLOCATED}, /* held */
    {0, 1, FRAMES_FOREIGN},
    {0xf000, 1, FRAMES_FOREIGN},
    {0x50000, 1, FRAMES_FOREIGN},
    {0x61000, 1, FRAMES_FOREIGN},
    {-PAGE_SIZE, 1, FRAMES_FOREIGN},
};

static void assert_refused(struct world *w, uint64_t address, uint64_t count,
                           enum frames_status status)
{
    struct snapshot before = save(w);
    enum frames_status given = frames_give(&w->frames, phys(address), count);

    if (given != status)
        fail_msg("0x%llx, %llu frames: %s", (unsigned long long)address, (unsigned long long)count,
                 frames_status_text(given));
    assert_same(w, &before);
}

static void only_what_was_taken_is_given_back(void **state)
{
    struct world w;
    (void)state;

    assert_int_equal(open_world(&w, &simple, 1), FRAMES_OK);
    assert_take(&w, 7, 0x30);
    assert_take(&w, 7, 0x20);
    assert_take(&w, 1, 0x27);
    assert_take(&w, 8, 0x28);
    for (size_t i = 0; i < COUNT(refused_gives); i++)
        assert_refused(&w, refused_gives[i].address, refused_gives[i].count,
                       refused_gives[i].status);
    while (w.run_count > 0)
        give(&w, 0);
    assert_refused(&w, 0x20000, 7, FRAMES_NOT_ALLOCATED);
    assert_agrees(&w);
    close_world(&w);
}

static void impossible_requests_change_nothing(void **state)
{
    static const struct {
        uint64_t count, align;
        enum frames_status status;
    } rows[] = {
        {0, PAGE_SIZE, FRAMES_BAD_REQUEST},
        {1, 0, FRAMES_BAD_REQUEST},
        {1, 1, FRAMES_BAD_REQUEST},
        {1, PAGE_SIZE / 2, FRAMES_BAD_REQUEST},
        {1, PAGE_SIZE * 3, FRAMES_BAD_REQUEST},
        {1, UINT64_MAX, FRAMES_BAD_REQUEST},
        {17, PAGE_SIZE, FRAMES_EXHAUSTED},
        {1, PAGE_SIZE * 32, FRAMES_EXHAUSTED},
        {UINT64_C(1) << 40, PAGE_SIZE, FRAMES_EXHAUSTED},
        {(UINT64_C(1) << 40) + 1, PAGE_SIZE, FRAMES_EXHAUSTED},
        {UINT64_C(1) << 52, PAGE_SIZE, FRAMES_EXHAUSTED},
        {UINT64_MAX, PAGE_SIZE, FRAMES_EXHAUSTED},
        {1, UINT64_C(1) << 52, FRAMES_EXHAUSTED},
        {1, UINT64_C(1) << 53, FRAMES_EXHAUSTED},
        {1, UINT64_C(1) << 63, FRAMES_EXHAUSTED},
    };
    struct world w;
    (void)state;

    assert_int_equal(open_world(&w, &simple, 1), FRAMES_OK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct snapshot before = save(&w);
        enum frames_status status = take(&w, rows[i].count, rows[i].align);
        if (status != rows[i].status)
            fail_msg("row %zu: %s", i, frames_status_text(status));
        assert_same(&w, &before);
    }
    assert_int_equal(take(&w, 16, PAGE_SIZE * 16), FRAMES_OK);
    close_world(&w);
}

static void refuse_reclaim(struct world *w, uint64_t start, uint64_t size,
                           enum frames_status expected)
{
    struct snapshot before = save(w);
    enum frames_status status = frames_reclaim(&w->frames, phys_range(start, size));

    if (status != expected)
        fail_msg("0x%llx + 0x%llx: %s", (unsigned long long)start, (unsigned long long)size,
                 frames_status_text(status));
    assert_same(w, &before);
}

static void only_held_memory_is_reclaimed(void **state)
{
    static const struct shape shape = {
        "held memory twice", {{16, 48, USABLE}, {64, 16, LOADER}, {80, 8, BOOT}, {90, 7, BOOT}}};
    struct world w;
    (void)state;

    assert_int_equal(open_world(&w, &shape, 1), FRAMES_OK);
    refuse_reclaim(&w, 0, 0, FRAMES_OK);
    refuse_reclaim(&w, 0, PAGE_SIZE, FRAMES_OK);
    refuse_reclaim(&w, 0, 2 * PAGE_SIZE, FRAMES_FOREIGN);
    refuse_reclaim(&w, 0x58000, PAGE_SIZE, FRAMES_FOREIGN);
    refuse_reclaim(&w, 0x40000, 0x19000, FRAMES_FOREIGN);
    refuse_reclaim(&w, 0x40800, 0x1000, FRAMES_BAD_REQUEST);
    refuse_reclaim(&w, 0x40000, 0x1800, FRAMES_BAD_REQUEST);
    refuse_reclaim(&w, 0x3e000, 0x1000, FRAMES_BAD_REQUEST); /* free */
    refuse_reclaim(&w, 0x3f000, 0x1000, FRAMES_BAD_REQUEST); /* the books */
    refuse_reclaim(&w, 0x3f000, 0x2000, FRAMES_BAD_REQUEST);
    reclaim(&w, 2);
    refuse_reclaim(&w, 0x50000, 0x8000, FRAMES_BAD_REQUEST);
    refuse_reclaim(&w, 0x57000, 0x1000, FRAMES_BAD_REQUEST); /* inside of a free block */
    refuse_reclaim(&w, 0x4f000, 0x2000, FRAMES_BAD_REQUEST); /* the second frame is free */
    reclaim(&w, 1);
    assert_agrees(&w);
    assert_int_equal(w.frames.free_frames, 47 + 24);
    refuse_reclaim(&w, 0x40000, 0x10000, FRAMES_BAD_REQUEST);
    assert_take(&w, 16, 0x40);
    refuse_reclaim(&w, 0x40000, 0x10000, FRAMES_BAD_REQUEST);
    reclaim(&w, 3);
    assert_take(&w, 1, 0x60); /* the very last */
    assert_int_equal(frames_give(&w.frames, phys(0x60000), 2), FRAMES_BAD_COUNT);
    assert_agrees(&w);
    give(&w, 1);
    close_world(&w);
}

/* ---- other ---------------------------------------------------------------------------------- */

static void tables_get_single_frames(void **state)
{
    struct world w;
    struct frame_source *source = &w.frames.source;
    phys_addr_t frame, first = phys(0);
    uint64_t taken = 0;
    (void)state;

    assert_int_equal(open_world(&w, &simple, 1), FRAMES_OK);
    while (source->take(source, &frame)) {
        assert_int_equal(frames_state(&w.frames, frame), FRAME_ALLOCATED);
        first = taken++ == 0 ? frame : first;
    }
    assert_int_equal(taken, 47);
    source->give(source, first);
    source->give(source, first); /* has no way to say so, does nothing */
    assert_int_equal(w.frames.free_frames, 1);
    assert_true(source->take(source, &frame));
    assert_int_equal(frame.raw, first.raw);
    close_world(&w);
}

static size_t resident_pages(const struct world *w)
{
    unsigned char *in_core = test_malloc(w->end);
    size_t pages = 0;

    assert_int_equal(mincore(w->host, w->end * PAGE_SIZE, in_core), 0);
    for (size_t i = 0; i < w->end; i++)
        pages += in_core[i] & 1;
    test_free(in_core);
    return pages;
}

/* 16 GiB, of which nothing is touched but the books and the first frames of some blocks. 10,000
 * requests that went over the books would take 40 GB of reading; they take milliseconds. */
static void cost_does_not_grow_with_memory(void **state)
{
    static const struct shape shape = {"16 GiB", {{256, UINT64_C(1) << 22, USABLE}}};
    struct world w;
    (void)state;

    assert_int_equal(open_world(&w, &shape, 1), FRAMES_OK);
    assert_true(resident_pages(&w) <= w.frames.books_size / PAGE_SIZE + FRAME_ORDERS * 2);
    clock_t start = clock();
    for (int i = 0; i < 10000; i++) {
        phys_addr_t single, run;
        assert_int_equal(frames_take(&w.frames, 1, PAGE_SIZE, &single), FRAMES_OK);
        assert_int_equal(frames_take(&w.frames, 5000, 0x200000, &run), FRAMES_OK);
        assert_int_equal(frames_give(&w.frames, single, 1), FRAMES_OK);
        assert_int_equal(frames_give(&w.frames, run, 5000), FRAMES_OK);
    }
    assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
    assert_true(resident_pages(&w) <= w.frames.books_size / PAGE_SIZE + FRAME_ORDERS * 6);
    close_world(&w);
}

static void statuses_have_texts(void **state)
{
    (void)state;
    for (int i = FRAMES_OK; i <= FRAMES_CORRUPT; i++)
        assert_string_not_equal(frames_status_text((enum frames_status)i), "unknown");
    assert_string_equal(frames_status_text((enum frames_status)(FRAMES_CORRUPT + 1)), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_taken_over),
        cmocka_unit_test(only_what_was_taken_is_given_back),
        cmocka_unit_test(impossible_requests_change_nothing),
        cmocka_unit_test(only_held_memory_is_reclaimed),
        cmocka_unit_test(tables_get_single_frames),
        cmocka_unit_test(cost_does_not_grow_with_memory),
        cmocka_unit_test(statuses_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
