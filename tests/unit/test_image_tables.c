/* Tables of images with any segments: what the library finds in them is what the program headers
 * say, wherever the image lies and however far it slides. Hundreds of images, the same every time.
 */
/* links: tests/unit/fake_memory.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "image_sample.h"

#define IMAGES 600

static uint64_t below(uint64_t *random, uint64_t limit)
{
    return next_random(random) % limit;
}

/* Bytes of a segment: mostly few, sometimes about what a PD or a PDPT entry maps. */
static uint64_t random_size(uint64_t *random)
{
    uint64_t near = below(random, 3) * PAGE_SIZE + below(random, PAGE_SIZE) + 1;

    switch (below(random, 120)) {
    case 0:
        return GIB_1 - PAGE_SIZE + near;
    case 1 ... 12:
        return MIB_2 * (1 + below(random, 3)) - PAGE_SIZE + near;
    case 13 ... 40:
        return below(random, 64) * PAGE_SIZE + near;
    default:
        return near;
    }
}

/* Where the next segment begins: in the page where the last one ends, in the next, after a guard,
 * or about the next border. */
static uint64_t random_start(uint64_t *random, uint64_t end, bool same_rights)
{
    uint64_t page = (end + PAGE_SIZE - 1) & -PAGE_SIZE, into = below(random, PAGE_SIZE);
    uint64_t border = below(random, 20) == 0 ? GIB_1 : MIB_2;

    switch (below(random, 6)) {
    case 0:
        return ((end + border - 1) & -border) + (below(random, 2) ? 0 : border - PAGE_SIZE);
    case 1:
        return same_rights ? end : page;
    case 2:
        return page + PAGE_SIZE + into;
    default:
        return page;
    }
}

/* The last segment, read-only, has room for the tables. */
static void make_random(struct sample *sample, uint64_t *random)
{
    static const unsigned rights[] = {PF_R, PF_R | PF_W, PF_R | PF_X};
    unsigned count = 1 + (unsigned)below(random, SEGMENTS_MAX), before = 0;
    uint64_t end = IMAGE_TABLES_REGION + (GIB_1 << below(random, 6)) +
                   below(random, 4) * (GIB_1 / 2 - PAGE_SIZE) + below(random, 1024) * PAGE_SIZE;

    *sample = (struct sample){0};
    for (unsigned i = 0; i < count; i++) {
        unsigned flags = i == count - 1 ? PF_R : i == 0 ? PF_R | PF_X : rights[below(random, 3)];
        uint64_t start = random_start(random, end, i > 0 && flags == before);
        uint64_t size = random_size(random) + (i == count - 1 ? 5000 * PAGE_SIZE : 0);

        add_segment(sample, start, size, flags);
        end = start + size;
        before = flags;
    }
    if (count == 1) /* an entry must be somewhere */
        add_segment(sample, (end + PAGE_SIZE - 1) & -PAGE_SIZE, 1, PF_R | PF_X);
    image_sample_read(sample);
    image_sample_place(sample, count - 1);
    image_sample_build(sample);
}

/* ---- against the program headers ------------------------------------------------------- */

/* The pages that the program headers ask for, one after the other. */
struct wanted {
    const struct sample *sample;
    size_t segment;
    uint64_t page; /* 0: before the first */
    uint64_t phys, slide;
    bool no_execute;
};

static bool next_wanted(struct wanted *wanted)
{
    const Elf64_Phdr *ph = wanted->sample->file.ph;
    size_t count = wanted->sample->file.elf.e_phnum;

    for (; wanted->segment < count; wanted->segment++) {
        uint64_t first = ph[wanted->segment].p_vaddr & -PAGE_SIZE;
        uint64_t last =
            (ph[wanted->segment].p_vaddr + ph[wanted->segment].p_memsz - 1) & -PAGE_SIZE;
        uint64_t next = wanted->page == 0 ? first : wanted->page + PAGE_SIZE;
        if (next < first)
            next = first;
        if (next <= last) {
            wanted->page = next;
            return true;
        }
    }
    return false;
}

static bool compare(void *context, const struct pt_leaf *leaf)
{
    struct wanted *wanted = context;

    assert_true(next_wanted(wanted));
    const Elf64_Phdr *ph = &wanted->sample->file.ph[wanted->segment];
    bool execute = (ph->p_flags & PF_X) || !wanted->no_execute;
    assert_int_equal(leaf->virt.raw, wanted->page + wanted->slide);
    assert_int_equal(leaf->phys.raw,
                     wanted->phys +
                         (wanted->page - (wanted->sample->file.ph[0].p_vaddr & -PAGE_SIZE)));
    assert_int_equal(leaf->level, PT_LEVEL_PT);
    assert_int_equal(leaf->attributes.rights, PT_RIGHT_READ |
                                                  (ph->p_flags & PF_W ? PT_RIGHT_WRITE : 0) |
                                                  (execute ? PT_RIGHT_EXECUTE : 0));
    assert_int_equal(leaf->attributes.pat, PAT_WRITE_BACK);
    assert_false(leaf->attributes.global);
    return true;
}

static void assert_maps_image(const struct sample *sample, uint64_t at, uint64_t slide,
                              bool no_execute)
{
    struct pt_space space = image_sample_moved(sample, at);
    struct wanted wanted = {sample, 0, 0, at, slide, no_execute};

    assert_true(pt_visit_leaves(&space, pt_upper_half(&space), compare, &wanted));
    assert_true(pt_visit_leaves(&space, pt_lower_half(&space), compare, &wanted));
    assert_false(next_wanted(&wanted));
}

/* PDs and PTs that the segments' pages touch, and the PDPT. */
static uint64_t count_needed(const struct sample *sample)
{
    uint64_t count = 1, gib_after = 0, mib_after = 0;

    for (size_t i = 0; i < sample->file.elf.e_phnum; i++) {
        uint64_t first = sample->file.ph[i].p_vaddr, last = first + sample->file.ph[i].p_memsz - 1;
        for (uint64_t gib = first / GIB_1; gib <= last / GIB_1; gib++)
            count += gib >= gib_after ? 1 : 0;
        for (uint64_t mib = first / MIB_2; mib <= last / MIB_2; mib++)
            count += mib >= mib_after ? 1 : 0;
        gib_after = last / GIB_1 + 1;
        mib_after = last / MIB_2 + 1;
    }
    return count;
}

static uint64_t random_slide(const struct sample *sample, uint64_t *random)
{
    for (size_t tries = 0; tries < 20; tries++) {
        uint64_t slide = (below(random, 1024) - 512) * MIB_2;
        if (image_tables_can_slide(sample->memory, &sample->tables, slide))
            return slide;
    }
    return 0;
}

static void test_generated(void **state)
{
    uint64_t random = 0x1234567;
    size_t slid = 0, large = 0;

    (void)state;
    for (size_t i = 0; i < IMAGES; i++) {
        struct image_tables_error error;
        struct sample sample;

        make_random(&sample, &random);
        large += sample.tables.frames > 512 ? 1 : 0;
        assert_int_equal(sample.tables.frames, count_needed(&sample));
        if (image_sample_verify(&sample, &error) != IMAGE_TABLES_OK) {
            char text[200];
            image_tables_describe(&error, text, sizeof(text));
            fail_msg("image %zu: %s", i, text);
        }
        uint64_t at = below(&random, 1 << 20) * PAGE_SIZE, slide = random_slide(&sample, &random);
        bool no_execute = below(&random, 4) != 0;
        slid += slide != 0 ? 1 : 0;
        image_tables_move(&sample.image, sample.memory, &sample.tables, phys(at), slide,
                          no_execute);
        assert_maps_image(&sample, at, slide, no_execute);
        free(sample.frames);
    }
    assert_true(slid > IMAGES / 2);
    assert_true(large > IMAGES / 20);
}

/* ---- sliding ---------------------------------------------------------------------------- */

/* Two pages before a GiB's end and six behind it: a PD each. */
static void make_border(struct sample *sample, uint64_t pages_before)
{
    uint64_t start = IMAGE_TABLES_REGION + 7 * GIB_1 - pages_before * PAGE_SIZE;

    *sample = (struct sample){0};
    add_segment(sample, start, 2 * PAGE_SIZE, PF_R | PF_X);
    add_segment(sample, start + 2 * PAGE_SIZE, 16 * PAGE_SIZE, PF_R);
    image_sample_read(sample);
    image_sample_place(sample, 1);
    image_sample_build(sample);
}

static void test_slides_across_a_border(void **state)
{
    static const struct {
        uint64_t slide;
        bool fits;
    } slides[] = {
        {0, true},
        {MIB_2, true},
        {511 * MIB_2, true},
        {512 * MIB_2, false}, /* the last lands where no PD is */
        {-MIB_2, true},
        {-(511 * MIB_2), true},
        {-(512 * MIB_2), false},
        {MIB_2 / 2, false},
        {MIB_2 + PAGE_SIZE, false},
        {UINT64_C(1) << 38, false},
        {-(UINT64_C(1) << 38), false},
        {UINT64_C(1) << 63, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(slides); i++) {
        struct sample sample;

        make_border(&sample, 2);
        assert_int_equal(sample.tables.frames, 5);
        assert_int_equal(image_tables_can_slide(sample.memory, &sample.tables, slides[i].slide),
                         slides[i].fits);
        if (slides[i].fits) {
            image_tables_move(&sample.image, sample.memory, &sample.tables, phys(0x7654000),
                              slides[i].slide, true);
            assert_maps_image(&sample, 0x7654000, slides[i].slide, true);
        }
        free(sample.frames);
    }
}

/* With one PD every slide within its GiB is right, and none out of it. */
static void test_slides_within_one_directory(void **state)
{
    (void)state;
    for (int64_t steps = -3; steps <= 512; steps++) {
        struct sample sample;
        uint64_t slide = (uint64_t)steps * MIB_2;

        make_border(&sample, 0);
        bool fits = steps >= 0 && steps < 512;
        assert_int_equal(image_tables_can_slide(sample.memory, &sample.tables, slide), fits);
        if (fits) {
            image_tables_move(&sample.image, sample.memory, &sample.tables, phys(PAGE_SIZE), slide,
                              false);
            assert_maps_image(&sample, PAGE_SIZE, slide, false);
        }
        free(sample.frames);
    }
}

/* One page too low: nothing is built, and frames that would do are not looked at. */
static void test_outside_the_region(void **state)
{
    static const uint64_t no_frames[3 * PT_ENTRIES];
    struct sample sample = {0};
    struct fake_memory memory;
    struct image_tables_error error;
    char text[200];

    (void)state;
    add_segment(&sample, IMAGE_TABLES_REGION, 16 * PAGE_SIZE, PF_R | PF_X);
    add_segment(&sample, IMAGE_TABLES_REGION + 16 * PAGE_SIZE, 3 * PAGE_SIZE, PF_R);
    image_sample_read(&sample);
    sample.image.span.start.raw -= PAGE_SIZE;
    sample.image.span.size += PAGE_SIZE;
    fake_memory_open(&memory);
    struct pt_space space = image_sample_space(&memory);
    assert_int_equal(image_tables_build(&sample.image, &space), PT_BAD_RANGE);
    assert_int_equal(space.root.raw, 0);
    assert_int_equal(memory.taken_count, 0);
    fake_memory_close(&memory);
    sample.tables = (struct image_tables){1, 3, 17 * PAGE_SIZE, sample.image.span.start.raw};
    sample.memory = (char *)((uintptr_t)no_frames - sample.tables.root);
    assert_int_equal(image_sample_verify(&sample, &error), IMAGE_TABLES_BAD_REGION);
    image_tables_describe(&error, text, sizeof(text));
    assert_string_equal(text, "note: base 0xffffffbffffff000 is below where images may lie, from "
                              "0xffffffc000000000 on");
}

/* Building is refused a frame at every place, and leaves nothing taken. */
static void test_no_frames(void **state)
{
    struct sample sample;

    (void)state;
    make_border(&sample, 2);
    for (size_t budget = 0; budget < sample.tables.frames; budget++) {
        struct fake_memory memory;

        fake_memory_open(&memory);
        struct pt_space space = image_sample_space(&memory);
        space.root = phys(0);
        memory.budget = budget;
        assert_int_equal(image_tables_build(&sample.image, &space), PT_NO_FRAMES);
        if (space.root.raw != 0)
            pt_destroy(&space);
        assert_int_equal(memory.taken_count, 0);
        fake_memory_close(&memory);
    }
    free(sample.frames);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_slides_across_a_border),
        cmocka_unit_test(test_slides_within_one_directory),
        cmocka_unit_test(test_outside_the_region),
        cmocka_unit_test(test_no_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
