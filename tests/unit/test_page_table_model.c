/* links: tests/unit/fake_memory.c */
/* Random sequences of edits against a model that knows pages only, and every edit again with the
 * frame source running dry at each frame it takes: then nothing may have changed. */
#include "fake_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE  PAGE_SIZE
#define MIB_2 UINT64_C(0x200000)
#define GIB_1 UINT64_C(0x40000000)

/* Across the border of two PML4 entries, so that all levels have one inside. */
#define WINDOW       (UINT64_C(0xffffff8000000000) - GIB_1 - 4 * MIB_2)
#define WINDOW_PAGES ((2 * GIB_1 + 8 * MIB_2) / PAGE)

struct page {
    uint64_t frame; /* number + 1; 0: not mapped */
    struct pt_attributes attributes;
};

struct world {
    struct fake_memory memory;
    struct pt_space space;
    struct page *pages;
    uint64_t random;
};

static uint64_t draw(struct world *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random % below;
}

static void open_world(struct world *w, enum pt_level top, uint64_t seed)
{
    fake_memory_open(&w->memory);
    w->space = fake_space(&w->memory, top);
    w->pages = calloc(WINDOW_PAGES, sizeof(*w->pages));
    w->random = seed;
}

static void close_world(struct world *w)
{
    pt_destroy(&w->space);
    assert_int_equal(w->memory.taken_count, 0);
    fake_memory_close(&w->memory);
    free(w->pages);
}

/* ---- one edit, on the tables and on the model --------------------------------------------- */

enum kind { MAP, UNMAP, PROTECT, SET_GLOBAL, SPLIT, KINDS };

struct edit {
    enum kind kind;
    size_t first, count; /* pages of the window */
    uint64_t frame;
    struct pt_attributes attributes;
    enum pt_level largest;
};

static struct edit draw_edit(struct world *w)
{
    static const unsigned rights[] = {PT_RIGHT_READ, PT_RIGHT_READ | PT_RIGHT_WRITE,
                                      PT_RIGHT_READ | PT_RIGHT_EXECUTE};
    static const size_t units[] = {1, 512, 512 * 512};
    size_t unit = units[draw(w, 16) < 9 ? 0 : draw(w, 16) < 12 ? 1 : 2];
    size_t skew = (GIB_1 + 4 * MIB_2) / PAGE % (512 * 512); /* window's start to a whole GiB */
    struct edit edit = {
        .kind = (enum kind)draw(w, KINDS),
        .attributes = {rights[draw(w, 3)], (unsigned)draw(w, 8), draw(w, 2)},
        .largest = (enum pt_level)(1 + draw(w, 4)),
    };

    if (draw(w, 2))
        edit.kind = draw(w, 2) ? MAP : UNMAP;
    edit.first = draw(w, WINDOW_PAGES);
    if (unit > 1)
        edit.first = (edit.first / unit * unit + skew) % WINDOW_PAGES;
    edit.count = unit * (1 + draw(w, unit == 1 ? 700 : 3));
    if (edit.count > WINDOW_PAGES - edit.first)
        edit.count = WINDOW_PAGES - edit.first;
    /* Often congruent, so that large leaves come about. */
    edit.frame = (WINDOW / PAGE + edit.first) % (512 * 512) + 512 * 512 * draw(w, 1000);
    if (draw(w, 4) == 0)
        edit.frame += draw(w, 1024);
    return edit;
}

static enum pt_status apply(struct world *w, const struct edit *edit)
{
    struct virt_range range = virt_range(WINDOW + edit->first * PAGE, edit->count * PAGE);

    switch (edit->kind) {
    case MAP:
        return pt_map(&w->space, range, phys(edit->frame * PAGE), edit->attributes, edit->largest);
    case UNMAP:
        return pt_unmap(&w->space, range);
    case PROTECT:
        return pt_protect(&w->space, range, edit->attributes.rights);
    case SET_GLOBAL:
        return pt_set_global(&w->space, range, edit->attributes.global);
    default:
        return pt_split(&w->space, range, edit->largest);
    }
}

/* The first page that is in the way; edit->count when none is. */
static size_t obstacle(const struct world *w, const struct edit *edit)
{
    size_t i = 0;

    while (i < edit->count && (w->pages[edit->first + i].frame != 0) == (edit->kind != MAP))
        i++;
    return i;
}

static void apply_to_model(struct world *w, const struct edit *edit)
{
    for (size_t i = 0; i < edit->count; i++) {
        struct page *page = &w->pages[edit->first + i];
        if (edit->kind == MAP)
            *page = (struct page){edit->frame + i + 1, edit->attributes};
        else if (edit->kind == UNMAP)
            page->frame = 0;
        else if (edit->kind == PROTECT)
            page->attributes.rights = edit->attributes.rights;
        else if (edit->kind == SET_GLOBAL)
            page->attributes.global = edit->attributes.global;
    }
}

/* ---- tables against model ----------------------------------------------------------------- */

static void assert_page_agrees(const struct world *w, size_t i, const struct seen *seen,
                               uint64_t phys_of_page)
{
    const struct page *page = &w->pages[i];

    assert_int_equal(seen->mapped, page->frame != 0);
    if (!seen->mapped)
        return;
    assert_int_equal(phys_of_page, (page->frame - 1) * PAGE);
    assert_int_equal(seen->write, (page->attributes.rights & PT_RIGHT_WRITE) != 0);
    assert_int_equal(seen->execute, (page->attributes.rights & PT_RIGHT_EXECUTE) != 0);
    assert_int_equal(seen->pat, page->attributes.pat);
    assert_int_equal(seen->global, page->attributes.global);
    assert_false(seen->user);
}

/* A leaf is looked up once and held against all of its pages. */
static void assert_range_agrees(const struct world *w, size_t first, size_t end)
{
    while (first < end) {
        uint64_t address = WINDOW + first * PAGE;
        struct seen seen = look_up(&w->space, address);
        uint64_t size = seen.mapped ? seen.page_size - address % seen.page_size : PAGE;

        for (uint64_t at = 0; at < size && first < end; at += PAGE, first++)
            assert_page_agrees(w, first, &seen, seen.phys + at);
    }
}

static void assert_world_agrees(const struct world *w, const struct edit *edit, bool all)
{
    size_t margin = 1024, end = edit->first + edit->count + margin;
    size_t tables, empty;

    if (all)
        assert_range_agrees(w, 0, WINDOW_PAGES);
    else
        assert_range_agrees(w, edit->first > margin ? edit->first - margin : 0,
                            end < WINDOW_PAGES ? end : WINDOW_PAGES);
    assert_false(look_up(&w->space, WINDOW - 1).mapped);
    assert_false(look_up(&w->space, WINDOW + WINDOW_PAGES * PAGE).mapped);
    count_tables(&w->space, &tables, &empty);
    assert_int_equal(tables, w->memory.taken_count);
    assert_true(empty == 0 || tables == 1);
}

/* With one frame too few, then two, and so on: each failure leaves everything as it was. */
static enum pt_status apply_with_shortages(struct world *w, const struct edit *edit)
{
    enum pt_status status;

    for (size_t budget = 0;; budget = budget < 4 ? budget + 1 : budget * 2) {
        struct fake_snapshot before = fake_memory_save(&w->memory);
        w->memory.budget = budget;
        status = apply(w, edit);
        if (status == PT_OK) {
            free(before.bytes);
            break;
        }
        fake_memory_assert_same(&w->memory, &before);
        assert_int_equal(w->memory.budget, budget);
        if (status != PT_NO_FRAMES)
            break;
    }
    w->memory.budget = SIZE_MAX;
    return status;
}

static void run(enum pt_level top, uint64_t seed, int rounds)
{
    struct world w;
    int successes[KINDS] = {0};

    open_world(&w, top, seed);
    for (int round = 0; round < rounds; round++) {
        struct edit edit = draw_edit(&w);
        size_t blocked = obstacle(&w, &edit);

        if (blocked != 0 && draw(&w, 4) != 0)
            edit.count = blocked; /* as far as it can succeed */
        enum pt_status status =
            round % 16 == 0 ? apply_with_shortages(&w, &edit) : apply(&w, &edit);

        if (blocked < edit.count) {
            assert_int_equal(status, edit.kind == MAP ? PT_ALREADY_MAPPED : PT_NOT_MAPPED);
            uint64_t where = w.space.where.raw;
            assert_in_range(where, WINDOW + edit.first * PAGE,
                            WINDOW + (edit.first + blocked) * PAGE);
        } else {
            assert_int_equal(status, PT_OK);
            successes[edit.kind]++;
            apply_to_model(&w, &edit);
        }
        assert_world_agrees(&w, &edit, round % 128 == 0);
    }
    for (int kind = 0; kind < KINDS; kind++)
        assert_true(successes[kind] > rounds / 100);
    close_world(&w);
}

static void four_levels(void **state)
{
    (void)state;
    run(PT_LEVEL_PML4, 0x2545f4914f6cdd1d, 2000);
}

static void five_levels(void **state)
{
    (void)state;
    run(PT_LEVEL_PML5, 0x9e3779b97f4a7c15, 2000);
}

/* ---- clone -------------------------------------------------------------------------------- */

static void assert_clone_agrees(const struct world *w, const struct pt_space *copy, size_t first,
                                size_t end)
{
    for (size_t i = 0; i < WINDOW_PAGES; i += 1 + i % 7) {
        uint64_t address = WINDOW + i * PAGE;
        struct seen seen = look_up(copy, address), original = look_up(&w->space, address);

        if (i < first || i >= end) {
            assert_false(seen.mapped);
            continue;
        }
        assert_page_agrees(w, i, &seen, seen.phys);
        assert_true(seen.page_size <= original.page_size);
    }
}

static void clones_of_anything(void **state)
{
    struct world w;
    (void)state;

    open_world(&w, PT_LEVEL_PML4, 0x123456789abcdef1);
    for (int round = 0; round < 400; round++) {
        struct edit edit = draw_edit(&w), part = draw_edit(&w);
        struct virt_range range = virt_range(WINDOW + part.first * PAGE, part.count * PAGE);

        if (obstacle(&w, &edit) == edit.count && apply(&w, &edit) == PT_OK)
            apply_to_model(&w, &edit);
        if (round % 8 != 0)
            continue;
        struct pt_space copy = fake_space(&w.memory, PT_LEVEL_PML4);
        for (size_t budget = 0;; budget++) {
            struct fake_snapshot before = fake_memory_save(&w.memory);
            w.memory.budget = budget;
            enum pt_status status = pt_clone(&copy, &w.space, range);
            if (status == PT_OK) {
                free(before.bytes);
                break;
            }
            assert_int_equal(status, PT_NO_FRAMES);
            fake_memory_assert_same(&w.memory, &before);
        }
        w.memory.budget = SIZE_MAX;
        assert_clone_agrees(&w, &copy, part.first, part.first + part.count);
        pt_destroy(&copy);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_levels),
        cmocka_unit_test(five_levels),
        cmocka_unit_test(clones_of_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
