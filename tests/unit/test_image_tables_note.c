/* The note that says where the tables are, among others and damaged; the pages that segments have;
 * and pt_link, by which tables made elsewhere come into a space. */
/* links: tests/unit/fake_memory.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "image_sample.h"

/* ---- the note -------------------------------------------------------------------------- */

static const struct image_tables wanted = {1, 3, 0x5000, 0xffffffff80100000};

/* Notes one after another; each part is padded to `align`. */
struct notes {
    unsigned char bytes[1024];
    uint64_t size, align;
};

static void append(struct notes *notes, const void *bytes, uint64_t size)
{
    memcpy(notes->bytes + notes->size, bytes, size);
    notes->size = (notes->size + size + notes->align - 1) & -notes->align;
}

static void add_note(struct notes *notes, const char *owner, uint32_t owner_size, uint32_t type,
                     const void *descriptor, uint32_t size)
{
    Elf64_Nhdr header = {owner_size, size, type};
    unsigned char head[64];

    memcpy(head, &header, sizeof(header));
    memcpy(head + sizeof(header), owner, owner_size);
    append(notes, head, sizeof(header) + owner_size);
    append(notes, descriptor, size);
}

/* In a block to the byte, so that ASan sees a look past it. */
static enum image_tables_status find(const struct notes *notes, uint64_t size,
                                     struct image_tables *found, uint64_t *offset)
{
    struct image_tables_error error = {0};
    void *copy = copy_exactly(notes->bytes, size);
    enum image_tables_status status =
        image_tables_in_notes(copy, size, notes->align, found, offset, &error);

    free(copy);
    bool silent = status == IMAGE_TABLES_OK || status == IMAGE_TABLES_NONE;
    assert_int_equal(error.status, silent ? IMAGE_TABLES_OK : status);
    assert_int_equal(error.level, 0);
    return status;
}

static void add_wanted(struct notes *notes)
{
    add_note(notes, "Bestla", 7, IMAGE_TABLES_TYPE, &wanted, sizeof(wanted));
}

static void test_found_among_others(void **state)
{
    (void)state;
    for (uint64_t align = 4; align <= 8; align += 4) {
        struct notes notes = {.align = align};
        struct image_tables found = {0};
        uint64_t offset = 0;

        add_note(&notes, "GNU", 4, 5, "some bytes", 10);
        add_note(&notes, "", 0, IMAGE_TABLES_TYPE, "", 0);
        add_note(&notes, "Bestla", 7, IMAGE_TABLES_TYPE + 1, &wanted, sizeof(wanted));
        add_note(&notes, "Bestlb", 7, IMAGE_TABLES_TYPE, &wanted, sizeof(wanted));
        add_note(&notes, "Bestla", 6, IMAGE_TABLES_TYPE, &wanted, sizeof(wanted));
        assert_int_equal(find(&notes, notes.size, &found, &offset), IMAGE_TABLES_NONE);
        assert_int_equal(found.version + offset, 0);
        add_wanted(&notes);
        assert_int_equal(find(&notes, notes.size, &found, &offset), IMAGE_TABLES_OK);
        assert_memory_equal(&found, &wanted, sizeof(wanted));
        assert_memory_equal(notes.bytes + offset, &wanted, sizeof(wanted));
    }
}

/* Header 12 bytes, owner 8 with its padding, descriptor 24. */
static void test_cut_notes(void **state)
{
    struct notes notes = {.align = 4};
    struct image_tables found = {0};
    uint64_t offset = 0;

    (void)state;
    add_wanted(&notes);
    assert_int_equal(notes.size, sizeof(struct image_tables_note));
    assert_int_equal(find(&notes, 0, &found, &offset), IMAGE_TABLES_NONE);
    for (uint64_t size = 1; size < notes.size; size++)
        assert_int_equal(find(&notes, size, &found, &offset), size < 12   ? IMAGE_TABLES_CUT_NOTE
                                                              : size < 20 ? IMAGE_TABLES_LONG_OWNER
                                                                          : IMAGE_TABLES_LONG_NOTE);
    assert_int_equal(found.version + offset, 0);
    assert_int_equal(find(&notes, notes.size, &found, &offset), IMAGE_TABLES_OK);
}

/* Ours, but the descriptor has not all that it must have. */
static void test_short_notes(void **state)
{
    (void)state;
    for (uint32_t size = 0; size < sizeof(wanted); size++) {
        struct notes notes = {.align = 4};
        struct image_tables found = {0};
        uint64_t offset = 0;

        add_note(&notes, "Bestla", 7, IMAGE_TABLES_TYPE, &wanted, size);
        add_wanted(&notes);
        assert_int_equal(find(&notes, notes.size, &found, &offset), IMAGE_TABLES_SHORT_NOTE);
        assert_int_equal(found.version + offset, 0);
    }
}

/* Sizes that leave the notes, or 32 bits. */
static void test_notes_with_wild_sizes(void **state)
{
    static const uint32_t sizes[] = {0x100, 0x7fffffff, 0xfffffff0, 0xfffffffc, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
        struct notes notes = {.align = i % 2 ? 8 : 4};
        struct image_tables found = {0};
        uint64_t offset = 0;

        add_note(&notes, "GNU", 4, 5, "some bytes", 10);
        memcpy(notes.bytes + i % 2 * 4, &sizes[i / 2], 4);
        add_wanted(&notes);
        assert_int_equal(find(&notes, notes.size, &found, &offset),
                         i % 2 ? IMAGE_TABLES_LONG_NOTE : IMAGE_TABLES_LONG_OWNER);
    }
}

static void test_what_bad_notes_are_called(void **state)
{
    static const struct {
        struct image_tables_error error;
        const char *words;
    } rows[] = {
        {{.status = IMAGE_TABLES_NOTE_OUTSIDE, .value = 0x2000, .expected = 44},
         "note: p_vaddr 0x2000 is in no PT_LOAD that has room for p_filesz 0x2c"},
        {{.status = IMAGE_TABLES_CUT_NOTE, .value = 11, .expected = 12},
         "note: the last 0xb bytes are less than a header's 0xc"},
        {{.status = IMAGE_TABLES_LONG_OWNER, .value = 7, .expected = 4},
         "note: n_namesz 0x7 reaches past the notes, of which 0x4 bytes are left"},
        {{.status = IMAGE_TABLES_LONG_NOTE, .value = 24, .expected = 20},
         "note: n_descsz 0x18 reaches past the notes, of which 0x14 bytes are left"},
        {{.status = IMAGE_TABLES_SHORT_NOTE, .value = 23, .expected = 24},
         "note: n_descsz 0x17 is less than the descriptor's 0x18 bytes"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[200];

        image_tables_describe(&rows[i].error, text, sizeof(text));
        assert_string_equal(text, rows[i].words);
    }
}

/* The bytes of `sample` from its first page, with a note at `at`. */
static struct sample *with_note(struct sample *sample, unsigned char *memory, uint64_t at)
{
    struct notes notes = {.align = 4};

    *sample = (struct sample){0};
    add_segment(sample, KERNEL_LINK_ADDRESS + 0x10, 0x1800, PF_R | PF_X);
    add_segment(sample, KERNEL_LINK_ADDRESS + 0x3000, 0x800, PF_R);
    image_sample_read(sample);
    Elf64_Phdr *note = &sample->file.ph[sample->file.elf.e_phnum++];
    *note = (Elf64_Phdr){
        .p_type = PT_NOTE, .p_vaddr = KERNEL_LINK_ADDRESS + at, .p_filesz = 44, .p_align = 4};
    sample->image.header.segments++;
    add_wanted(&notes);
    memcpy(memory + at, notes.bytes, notes.size);
    return sample;
}

static void test_note_in_an_image(void **state)
{
    static const struct {
        uint64_t at;
        bool found;
    } places[] = {
        {0x10, true},    {0x17e4, true},  {0x3000, true},  {0x37d4, true},  {0xc, false},
        {0x17e8, false}, {0x2000, false}, {0x2ffc, false}, {0x37d8, false}, {0x3f00, false},
    };
    static unsigned char memory[0x4000];
    struct sample sample;

    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        struct image_tables found = {0};
        struct image_tables_error error = {0};

        memset(memory, 0, sizeof(memory));
        with_note(&sample, memory, places[i].at);
        assert_int_equal(image_tables_find(&sample.image, memory, &found, &error),
                         places[i].found ? IMAGE_TABLES_OK : IMAGE_TABLES_NOTE_OUTSIDE);
        assert_int_equal(found.frames, places[i].found ? 3 : 0);
        assert_int_equal(error.value, places[i].found ? 0 : KERNEL_LINK_ADDRESS + places[i].at);
    }
}

/* PT_NOTEs that reach far, that are empty, and that are none. */
static void test_strange_program_headers(void **state)
{
    static const struct {
        uint64_t at, size;
        uint32_t type;
        enum image_tables_status status;
    } rows[] = {
        {-UINT64_C(16), 44, PT_NOTE, IMAGE_TABLES_NOTE_OUTSIDE},
        {KERNEL_LINK_ADDRESS + 0x3000, -UINT64_C(1), PT_NOTE, IMAGE_TABLES_NOTE_OUTSIDE},
        {0, 0, PT_NOTE, IMAGE_TABLES_NONE},
        {KERNEL_LINK_ADDRESS + 0x3000, 44, PT_NULL, IMAGE_TABLES_NONE},
        {KERNEL_LINK_ADDRESS + 0x3000, 43, PT_NOTE, IMAGE_TABLES_LONG_NOTE},
        {KERNEL_LINK_ADDRESS + 0x3000, 44, PT_NOTE, IMAGE_TABLES_OK},
    };
    static unsigned char memory[0x4000];
    struct sample sample;

    (void)state;
    with_note(&sample, memory, 0x3000);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct image_tables found;
        struct image_tables_error error;

        sample.file.ph[2].p_vaddr = rows[i].at;
        sample.file.ph[2].p_filesz = rows[i].size;
        sample.file.ph[2].p_type = rows[i].type;
        assert_int_equal(image_tables_find(&sample.image, memory, &found, &error), rows[i].status);
    }
}

/* ---- pages ------------------------------------------------------------------------------ */

static void test_shared_pages(void **state)
{
    static const struct {
        uint64_t start, size;
        unsigned rights;
    } runs[] = {
        {0, 3, PT_RIGHT_READ},
        {4, 1, PT_RIGHT_READ | PT_RIGHT_EXECUTE},
        {5, 1, PT_RIGHT_READ},
    };
    struct image_pages pages = {0};
    struct sample sample = {0};

    (void)state;
    add_segment(&sample, KERNEL_REGION + 0x10, 0x20, PF_R);
    add_segment(&sample, KERNEL_REGION + 0x30, 0x40, PF_R);    /* in that page */
    add_segment(&sample, KERNEL_REGION + 0x80, 0x1f81, PF_R);  /* from there to the third */
    add_segment(&sample, KERNEL_REGION + 0x2001, 0xfff, PF_R); /* in the third */
    add_segment(&sample, KERNEL_REGION + 0x4000, 1, PF_R | PF_X);
    add_segment(&sample, KERNEL_REGION + 0x5fff, 1, PF_R);
    image_sample_read(&sample);
    for (size_t i = 0; i < COUNT(runs); i++) {
        assert_true(image_next_pages(&sample.image, &pages));
        assert_int_equal(pages.range.start.raw, KERNEL_REGION + runs[i].start * PAGE_SIZE);
        if (i > 0) /* the first comes in more than one run */
            assert_int_equal(pages.range.size, runs[i].size * PAGE_SIZE);
        for (uint64_t end = KERNEL_REGION + (runs[i].start + runs[i].size) * PAGE_SIZE;
             pages.range.start.raw + pages.range.size != end;) {
            uint64_t next = pages.range.start.raw + pages.range.size;
            assert_true(image_next_pages(&sample.image, &pages));
            assert_int_equal(pages.range.start.raw, next);
        }
        assert_int_equal(pages.rights, runs[i].rights);
    }
    assert_false(image_next_pages(&sample.image, &pages));
    assert_false(image_next_pages(&sample.image, &pages));
}

/* ---- pt_link ---------------------------------------------------------------------------- */

/* A PDPT that maps one page at the start of the kernel region, out of the space's own frames. */
static phys_addr_t make_pdpt(struct fake_memory *memory, phys_addr_t page)
{
    struct pt_space space = image_sample_space(memory);

    assert_int_equal(pt_create(&space), PT_OK);
    assert_int_equal(pt_map(&space, virt_range(KERNEL_REGION, PAGE_SIZE), page,
                            (struct pt_attributes){PT_RIGHT_READ, 0, false}, PT_LEVEL_PT),
                     PT_OK);
    return space.root;
}

static void test_linked(void **state)
{
    (void)state;
    for (enum pt_level top = PT_LEVEL_PML4; top <= PT_LEVEL_PML5; top++) {
        struct fake_memory memory;
        struct pt_leaf leaf;

        fake_memory_open(&memory);
        struct pt_space space = fake_space(&memory, top);
        phys_addr_t pdpt = make_pdpt(&memory, phys(0x7000));
        assert_int_equal(pt_link(&space, virt(KERNEL_LINK_ADDRESS), pdpt, PT_LEVEL_PDPT), PT_OK);
        assert_true(pt_translate(&space, virt(KERNEL_REGION), &leaf));
        assert_int_equal(leaf.phys.raw, 0x7000);
        assert_int_equal(leaf.attributes.rights, PT_RIGHT_READ);
        assert_false(pt_translate(&space, virt(KERNEL_REGION + PAGE_SIZE), NULL));
        /* It is the space's now: more goes into it, and it is given back with the rest. */
        assert_int_equal(pt_map(&space, virt_range(KERNEL_REGION + PAGE_SIZE, PAGE_SIZE), phys(0),
                                leaf.attributes, PT_LEVEL_PT),
                         PT_OK);
        assert_int_equal(pt_link(&space, virt(KERNEL_REGION), pdpt, PT_LEVEL_PDPT),
                         PT_ALREADY_MAPPED);
        pt_destroy(&space);
        assert_int_equal(memory.taken_count, 0);
        fake_memory_close(&memory);
    }
}

/* What cannot be linked changes nothing. */
static void test_not_linked(void **state)
{
    const struct pt_attributes data = {PT_RIGHT_READ | PT_RIGHT_WRITE, 0, false};
    const uint64_t high = 0xffff888000000000;
    struct fake_memory memory;

    (void)state;
    fake_memory_open(&memory);
    struct pt_space space = fake_space(&memory, PT_LEVEL_PML5);
    assert_int_equal(pt_map(&space, virt_range(high, GIB_1), phys(0), data, PT_LEVEL_PDPT), PT_OK);
    phys_addr_t pdpt = make_pdpt(&memory, phys(0x7000));
    struct fake_snapshot before = fake_memory_save(&memory);

    memory.budget = 0;
    assert_int_equal(pt_link(&space, virt(0), pdpt, PT_LEVEL_PDPT), PT_NO_FRAMES);
    memory.budget = 10;
    assert_int_equal(pt_link(&space, virt(high), pdpt, PT_LEVEL_PDPT), PT_ALREADY_MAPPED);
    assert_int_equal(pt_link(&space, virt(high), pdpt, PT_LEVEL_PT), PT_ALREADY_MAPPED);
    assert_int_equal(pt_link(&space, virt(0), phys(pdpt.raw + 8), PT_LEVEL_PDPT), PT_MISALIGNED);
    assert_int_equal(pt_link(&space, virt(0), phys(UINT64_C(1) << 52), PT_LEVEL_PDPT),
                     PT_BAD_RANGE);
    assert_int_equal(pt_link(&space, virt(UINT64_C(1) << 60), pdpt, PT_LEVEL_PDPT), PT_BAD_RANGE);
    assert_int_equal(pt_link(&space, virt(PAGE_SIZE), pdpt, PT_LEVEL_PML5), PT_BAD_RANGE);
    assert_int_equal(space.where.raw, PAGE_SIZE);
    struct pt_space four = space;
    four.top = PT_LEVEL_PML4;
    assert_int_equal(pt_link(&four, virt(0), pdpt, PT_LEVEL_PML4), PT_BAD_RANGE);
    assert_int_equal(pt_link(&four, virt(0), pdpt, PT_LEVEL_PML5), PT_BAD_RANGE);
    fake_memory_assert_same(&memory, &before);
    pt_destroy(&space);
    fake_memory_close(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_among_others),
        cmocka_unit_test(test_cut_notes),
        cmocka_unit_test(test_short_notes),
        cmocka_unit_test(test_notes_with_wild_sizes),
        cmocka_unit_test(test_what_bad_notes_are_called),
        cmocka_unit_test(test_note_in_an_image),
        cmocka_unit_test(test_strange_program_headers),
        cmocka_unit_test(test_shared_pages),
        cmocka_unit_test(test_linked),
        cmocka_unit_test(test_not_linked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
