/* Tables that lie: each lie is refused, by its kind and with the entry that tells it; nothing is
 * written meanwhile; and damage of any kind is never taken for the truth. */
/* links: tests/unit/fake_memory.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "image_sample.h"

#define BASE (IMAGE_TABLES_REGION + 2 * GIB_1 - 6 * PAGE_SIZE)

/* Text, a gap, read-only data with the tables, data: six pages before a GiB's end and on from
 * there. Tables: 0 PDPT, 1 PD, 2 PT, 3 PD, 4 PT, 5 PT. */
static void make_good(struct sample *sample)
{
    *sample = (struct sample){0};
    add_segment(sample, BASE + 0x10, 2 * PAGE_SIZE, PF_R | PF_X);       /* pages 0 to 2 */
    add_segment(sample, BASE + 4 * PAGE_SIZE, 8 * PAGE_SIZE, PF_R);     /* 4 to 11 */
    add_segment(sample, BASE + 12 * PAGE_SIZE, MIB_2 + 5, PF_R | PF_W); /* 12 to 524 */
    image_sample_read(sample);
    image_sample_place(sample, 1);
    image_sample_build(sample);
    assert_int_equal(sample->tables.frames, 6);
}

#define PDPT_INDEX (256 + 1)       /* of the first page's GiB */
#define ROOT       (4 * PAGE_SIZE) /* of the tables in the image */
#define FRAME(n)   (ROOT + (n)*PAGE_SIZE)
#define NX         ENTRY_NO_EXECUTE
#define P          ENTRY_PRESENT
#define RW         (ENTRY_PRESENT | ENTRY_WRITE)

static const struct {
    unsigned frame, index;
    enum pt_level level;
    uint64_t entry;
    enum image_tables_status status;
} lies[] = {
    /* leaves: rights */
    {2, 506, PT_LEVEL_PT, 0 | RW, IMAGE_TABLES_MORE_RIGHTS},             /* text, written */
    {2, 506, PT_LEVEL_PT, 0 | P | NX, IMAGE_TABLES_FEWER_RIGHTS},        /* text, not executed */
    {2, 510, PT_LEVEL_PT, FRAME(0) | RW | NX, IMAGE_TABLES_MORE_RIGHTS}, /* the tables, written */
    {2, 510, PT_LEVEL_PT, FRAME(0) | P, IMAGE_TABLES_MORE_RIGHTS},       /* data, executed */
    {4, 6, PT_LEVEL_PT, 12 * PAGE_SIZE | RW, IMAGE_TABLES_MORE_RIGHTS},
    {4, 6, PT_LEVEL_PT, 12 * PAGE_SIZE | P | NX, IMAGE_TABLES_FEWER_RIGHTS},
    {5, 6, PT_LEVEL_PT, 524 * PAGE_SIZE | RW, IMAGE_TABLES_MORE_RIGHTS},
    /* leaves: frames */
    {2, 506, PT_LEVEL_PT, PAGE_SIZE | P, IMAGE_TABLES_WRONG_FRAME},
    {4, 6, PT_LEVEL_PT, FRAME(0) | RW | NX, IMAGE_TABLES_WRONG_FRAME}, /* the tables' alias */
    {5, 6, PT_LEVEL_PT, 525 * PAGE_SIZE | RW | NX, IMAGE_TABLES_OUTSIDE_IMAGE},
    {2, 507, PT_LEVEL_PT, (ENTRY_ADDRESS & ~UINT64_C(0xfff)) | P, IMAGE_TABLES_OUTSIDE_IMAGE},
    {2, 507, PT_LEVEL_PT, (UINT64_C(1) << 51) | PAGE_SIZE | P, IMAGE_TABLES_OUTSIDE_IMAGE},
    {2, 508, PT_LEVEL_PT, 0, IMAGE_TABLES_MISSING},
    {2, 508, PT_LEVEL_PT, 2 * PAGE_SIZE, IMAGE_TABLES_MISSING},
    {2, 509, PT_LEVEL_PT, 3 * PAGE_SIZE | P | NX, IMAGE_TABLES_STRAY},  /* the gap */
    {2, 505, PT_LEVEL_PT, P | NX, IMAGE_TABLES_STRAY},                  /* before the image */
    {2, 0, PT_LEVEL_PT, 2, IMAGE_TABLES_STRAY},                         /* not even present */
    {5, 7, PT_LEVEL_PT, 525 * PAGE_SIZE | RW | NX, IMAGE_TABLES_STRAY}, /* behind it */
    {5, 511, PT_LEVEL_PT, RW | NX, IMAGE_TABLES_STRAY},
    /* leaves: bits */
    {2, 506, PT_LEVEL_PT, P | ENTRY_USER, IMAGE_TABLES_USER},
    {2, 506, PT_LEVEL_PT, P | ENTRY_GLOBAL, IMAGE_TABLES_GLOBAL},
    {2, 506, PT_LEVEL_PT, P | ENTRY_WRITE_THROUGH, IMAGE_TABLES_MEMORY_TYPE},
    {2, 506, PT_LEVEL_PT, P | ENTRY_CACHE_DISABLE, IMAGE_TABLES_MEMORY_TYPE},
    {2, 506, PT_LEVEL_PT, P | ENTRY_PAT_SMALL, IMAGE_TABLES_MEMORY_TYPE},
    {2, 506, PT_LEVEL_PT, P | ENTRY_ACCESSED, IMAGE_TABLES_RESERVED},
    {2, 506, PT_LEVEL_PT, P | ENTRY_DIRTY, IMAGE_TABLES_RESERVED},
    {2, 506, PT_LEVEL_PT, P | 1 << 9, IMAGE_TABLES_RESERVED},
    {2, 506, PT_LEVEL_PT, P | UINT64_C(1) << 52, IMAGE_TABLES_RESERVED},
    {2, 506, PT_LEVEL_PT, P | UINT64_C(1) << 62, IMAGE_TABLES_RESERVED},
    /* pointers */
    {0, PDPT_INDEX, PT_LEVEL_PDPT, 0, IMAGE_TABLES_MISSING},
    {0, PDPT_INDEX, PT_LEVEL_PDPT, FRAME(0) | RW, IMAGE_TABLES_NOT_NEXT},     /* a loop */
    {0, PDPT_INDEX + 1, PT_LEVEL_PDPT, FRAME(1) | RW, IMAGE_TABLES_NOT_NEXT}, /* used twice */
    {0, PDPT_INDEX, PT_LEVEL_PDPT, FRAME(6) | RW, IMAGE_TABLES_OUTSIDE_TABLES},
    {0, PDPT_INDEX, PT_LEVEL_PDPT, 0 | RW, IMAGE_TABLES_OUTSIDE_TABLES},
    {0, PDPT_INDEX, PT_LEVEL_PDPT, RW | ENTRY_PAGE_SIZE, IMAGE_TABLES_LARGE},
    {0, PDPT_INDEX, PT_LEVEL_PDPT, FRAME(1) | RW | ENTRY_USER, IMAGE_TABLES_USER},
    {0, PDPT_INDEX, PT_LEVEL_PDPT, FRAME(1) | RW | UINT64_C(1) << 51, IMAGE_TABLES_OUTSIDE_TABLES},
    {0, PDPT_INDEX, PT_LEVEL_PDPT, FRAME(1) | P, IMAGE_TABLES_FEWER_RIGHTS},
    {0, PDPT_INDEX, PT_LEVEL_PDPT, FRAME(1) | RW | NX, IMAGE_TABLES_FEWER_RIGHTS},
    {0, PDPT_INDEX - 1, PT_LEVEL_PDPT, FRAME(1) | RW, IMAGE_TABLES_STRAY},
    {0, 0, PT_LEVEL_PDPT, FRAME(1) | RW, IMAGE_TABLES_STRAY},
    {0, 511, PT_LEVEL_PDPT, RW | ENTRY_PAGE_SIZE, IMAGE_TABLES_STRAY},
    {1, 511, PT_LEVEL_PD, FRAME(1) | RW, IMAGE_TABLES_NOT_NEXT}, /* leads to itself */
    {1, 511, PT_LEVEL_PD, FRAME(2) | RW | ENTRY_PAGE_SIZE, IMAGE_TABLES_LARGE},
    {1, 511, PT_LEVEL_PD, FRAME(2) | RW | ENTRY_CACHE_DISABLE, IMAGE_TABLES_MEMORY_TYPE},
    {1, 511, PT_LEVEL_PD, FRAME(2) | RW | ENTRY_GLOBAL, IMAGE_TABLES_GLOBAL},
    {1, 510, PT_LEVEL_PD, FRAME(2) | RW, IMAGE_TABLES_STRAY},
    {3, 0, PT_LEVEL_PD, FRAME(2) | RW, IMAGE_TABLES_NOT_NEXT},
    {3, 1, PT_LEVEL_PD, FRAME(4) | RW, IMAGE_TABLES_NOT_NEXT},
    {3, 1, PT_LEVEL_PD, 12 * PAGE_SIZE | RW, IMAGE_TABLES_OUTSIDE_TABLES}, /* writable data */
    {3, 2, PT_LEVEL_PD, FRAME(5) | RW, IMAGE_TABLES_STRAY},
};

static void test_lying_entries(void **state)
{
    struct sample sample;

    (void)state;
    make_good(&sample);
    uint64_t *before = copy_exactly(sample.frames, 6 * PAGE_SIZE);
    for (size_t i = 0; i < COUNT(lies); i++) {
        struct image_tables_error error = {0};
        uint64_t *entry = sample.frames + lies[i].frame * PT_ENTRIES + lies[i].index;
        uint64_t good = *entry;

        assert_int_not_equal(good, lies[i].entry);
        *entry = lies[i].entry;
        if (image_sample_verify(&sample, &error) != lies[i].status ||
            error.status != lies[i].status || error.frame != lies[i].frame ||
            error.index != lies[i].index)
            fail_msg("lie %zu: status %d, table %u, entry %u", i, (int)error.status, error.frame,
                     error.index);
        assert_int_equal(error.level, lies[i].level);
        assert_int_equal(error.value, lies[i].entry);
        assert_int_equal(error.expected, good);
        *entry = good;
        assert_memory_equal(sample.frames, before, 6 * PAGE_SIZE);
    }
    struct image_tables_error error;
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_OK);
    free(before);
    free(sample.frames);
}

/* A table that is shown in another's place. */
static void test_swapped_tables(void **state)
{
    struct sample sample;
    struct image_tables_error error;

    (void)state;
    make_good(&sample);
    memcpy(sample.frames + 4 * PT_ENTRIES, sample.frames + 5 * PT_ENTRIES, PAGE_SIZE);
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_WRONG_FRAME);
    assert_int_equal(error.frame, 4);
    assert_int_equal(error.index, 0);
    free(sample.frames);
}

static void test_describe(void **state)
{
    struct sample sample;
    struct image_tables_error error;
    char text[200];

    (void)state;
    make_good(&sample);
    sample.frames[2 * PT_ENTRIES + 506] = RW;
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_MORE_RIGHTS);
    size_t length = image_tables_describe(&error, text, sizeof(text));
    assert_string_equal(text, "page table 2 (PT), entry 506, for 0xffffffc07fffa000: 0x3 grants "
                              "more than its segment; 0x1 is right");
    assert_int_equal(length, strlen(text));
    free(sample.frames);
}

/* ---- the note -------------------------------------------------------------------------- */

static void assert_says(const struct image_tables_error *error, const char *words)
{
    char text[200];

    size_t length = image_tables_describe(error, text, sizeof(text));
    assert_string_equal(text, words);
    assert_int_equal(length, strlen(words));
}

static void test_lying_note(void **state)
{
    static const struct {
        struct image_tables tables;
        enum image_tables_status status;
        const char *words;
    } notes[] = {
        {{1, 6, ROOT, BASE + PAGE_SIZE},
         IMAGE_TABLES_BAD_BASE,
         "note: base 0xffffffc07fffb000 is not the image's first page 0xffffffc07fffa000"},
        {{1, 6, ROOT, 0},
         IMAGE_TABLES_BAD_BASE,
         "note: base 0x0 is not the image's first page 0xffffffc07fffa000"},
        {{1, 6, ROOT + 8, BASE},
         IMAGE_TABLES_BAD_ROOT,
         "note: root 0x4008 is not a page inside the image of 0x20d000 bytes"},
        {{1, 6, 525 * PAGE_SIZE, BASE},
         IMAGE_TABLES_BAD_ROOT,
         "note: root 0x20d000 is not a page inside the image of 0x20d000 bytes"},
        {{1, 6, -PAGE_SIZE, BASE},
         IMAGE_TABLES_BAD_ROOT,
         "note: root 0xfffffffffffff000 is not a page inside the image of 0x20d000 bytes"},
        {{1, 0, ROOT, BASE},
         IMAGE_TABLES_BAD_FRAMES,
         "note: frames 0x0 do not lie in one read-only segment, from root 0x4000"},
        {{1, 9, ROOT, BASE},
         IMAGE_TABLES_BAD_FRAMES, /* into the data */
         "note: frames 0x9 do not lie in one read-only segment, from root 0x4000"},
        {{1, UINT32_MAX, ROOT, BASE},
         IMAGE_TABLES_BAD_FRAMES,
         "note: frames 0xffffffff do not lie in one read-only segment, from root 0x4000"},
        {{1, 6, 3 * PAGE_SIZE, BASE},
         IMAGE_TABLES_BAD_FRAMES, /* from the gap */
         "note: frames 0x6 do not lie in one read-only segment, from root 0x3000"},
        {{1, 1, PAGE_SIZE, BASE},
         IMAGE_TABLES_BAD_FRAMES, /* executed */
         "note: frames 0x1 do not lie in one read-only segment, from root 0x1000"},
        {{1, 6, 20 * PAGE_SIZE, BASE},
         IMAGE_TABLES_BAD_FRAMES, /* written */
         "note: frames 0x6 do not lie in one read-only segment, from root 0x14000"},
    };
    struct sample sample;
    struct image_tables_error error;

    (void)state;
    make_good(&sample);
    for (size_t i = 0; i < COUNT(notes); i++) {
        sample.tables = notes[i].tables;
        assert_int_equal(image_sample_verify(&sample, &error), notes[i].status);
        assert_int_equal(error.level, 0);
        assert_says(&error, notes[i].words);
    }
    free(sample.frames);
}

/* Fewer frames than the tables have, and more. */
static void test_frames_miscounted(void **state)
{
    struct sample sample;
    struct image_tables_error error;

    (void)state;
    make_good(&sample);
    sample.tables.frames = 7;
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_UNUSED_FRAMES);
    assert_int_equal(error.expected, 6);
    assert_says(&error, "note: frames 0x7 are more than the tables use, 0x6");
    for (uint32_t frames = 1; frames < 6; frames++) {
        sample.tables.frames = frames;
        assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_FEW_FRAMES);
        assert_int_equal(error.level, 0);
        assert_int_equal(error.value, frames);
        assert_int_equal(error.expected, frames + 1);
    }
    assert_says(&error, "note: frames 0x5 are less than the tables have, 0x6 or more");
    free(sample.frames);
}

/* ---- damage ---------------------------------------------------------------------------- */

/* The format says every bit of the tables: whatever is changed is seen. */
static void test_any_damage(void **state)
{
    struct sample sample;
    struct image_tables_error error;
    uint64_t random = 42;

    (void)state;
    make_good(&sample);
    unsigned char *bytes = (unsigned char *)sample.frames, *before;
    before = copy_exactly(bytes, 6 * PAGE_SIZE);
    for (size_t i = 0; i < 2000; i++) {
        for (uint64_t changes = 1 + next_random(&random) % 4; changes > 0; changes--)
            bytes[next_random(&random) % (6 * PAGE_SIZE)] ^= (unsigned char)(1U << i % 8);
        bool same = memcmp(bytes, before, 6 * PAGE_SIZE) == 0;
        assert_int_equal(image_sample_verify(&sample, &error) == IMAGE_TABLES_OK, same);
        if (!same)
            assert_int_not_equal(error.value, error.expected);
        memcpy(bytes, before, 6 * PAGE_SIZE);
    }
    free(before);
    free(sample.frames);
}

/* Good tables of another image: segments that changed after the tool had been run. */
static void test_changed_segments(void **state)
{
    struct sample sample;
    struct image_tables_error error;

    (void)state;
    make_good(&sample);
    sample.file.ph[2].p_memsz -= PAGE_SIZE;
    image_sample_read(&sample);
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_STRAY);
    sample.file.ph[2].p_memsz += 2 * PAGE_SIZE;
    image_sample_read(&sample);
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_MISSING);
    sample.file.ph[2].p_memsz -= PAGE_SIZE;
    sample.file.ph[2].p_flags = PF_R;
    image_sample_read(&sample);
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_MORE_RIGHTS);
    free(sample.frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lying_entries),     cmocka_unit_test(test_swapped_tables),
        cmocka_unit_test(test_describe),          cmocka_unit_test(test_lying_note),
        cmocka_unit_test(test_frames_miscounted), cmocka_unit_test(test_any_damage),
        cmocka_unit_test(test_changed_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
