/* A kernel that brings page tables along, on the fake firmware: they are what CR3 leads to, on any
 * CPU, wherever the image lies; built ones map the same; and what lies, or cannot be linked, is
 * refused with everything given back. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/fake_memory.c tests/unit/kernel_file.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <string.h>

#include "boot_info.h"
#include "fake_boot.h"
#include "fake_memory.h"
#include "image_tables.h"
#include "kernel_file.h"

#define V         KERNEL_LINK_ADDRESS
#define NOTE_FILE 0x7000 /* a page with the note, three with the tables: a segment of their own */
#define NOTE_AT   0x10000
#define FRAMES    3

static _Alignas(8) unsigned char bytes[NOTE_FILE + (1 + FRAMES) * PAGE_SIZE];

static struct image_tables_note *note_of(void)
{
    return (struct image_tables_note *)(void *)(bytes + NOTE_FILE);
}

static uint64_t *entry_of(unsigned frame, unsigned index)
{
    return (uint64_t *)(void *)(bytes + NOTE_FILE + (1 + frame) * PAGE_SIZE) + index;
}

static void build(struct elf_image *image)
{
    struct fake_memory memory;

    fake_memory_open(&memory);
    struct pt_space space = fake_space(&memory, PT_LEVEL_PML4);
    pt_destroy(&space);
    space.top = PT_LEVEL_PDPT;
    assert_int_equal(image_tables_build(image, &space), PT_OK);
    assert_int_equal(image_tables_count(&space), FRAMES);
    image_tables_pack(&space, NOTE_AT + PAGE_SIZE, entry_of(0, 0));
    pt_destroy(&space);
    fake_memory_close(&memory);
}

/* The small kernel with one more segment, and what the tool would have put into it. */
static void make_kernel(void)
{
    struct kernel_file *kernel = kernel_file_make();
    struct elf_header header;
    struct elf_image image;
    struct elf_error error;

    memset(bytes, 0, sizeof(bytes));
    kernel->elf->e_phnum = KERNEL_FILE_HEADERS + 1;
    kernel->ph[6] = (Elf64_Phdr){PT_LOAD,
                                 PF_R,
                                 NOTE_FILE,
                                 V + NOTE_AT,
                                 0x100000 + NOTE_AT,
                                 (1 + FRAMES) * PAGE_SIZE,
                                 (1 + FRAMES) * PAGE_SIZE,
                                 PAGE_SIZE};
    kernel->ph[7] = kernel->ph[6];
    kernel->ph[7].p_type = PT_NOTE;
    kernel->ph[7].p_filesz = sizeof(struct image_tables_note);
    kernel->ph[7].p_align = 4;
    memcpy(bytes, kernel->bytes, kernel->size);
    assert_int_equal(elf_read_header(bytes, PAGE_SIZE, sizeof(bytes), &header, &error), ELF_OK);
    assert_int_equal(elf_read_segments(&header, bytes + header.table_offset,
                                       virt_range(KERNEL_REGION, KERNEL_REGION_SIZE), &image,
                                       &error),
                     ELF_OK);
    *note_of() = (struct image_tables_note){sizeof(IMAGE_TABLES_OWNER),
                                            sizeof(struct image_tables),
                                            IMAGE_TABLES_TYPE,
                                            IMAGE_TABLES_OWNER,
                                            {1, FRAMES, NOTE_AT + PAGE_SIZE, V}};
    build(&image);
}

static void world(const char *options)
{
    static char entry[200];

    fake_world();
    make_kernel();
    fake_add_file("/kernel.elf", bytes, sizeof(bytes));
    strcpy(entry, "title Bestla\nkernel /kernel.elf\noptions ");
    strcat(entry, options);
    fake_add_text("/loader/entries/bestla-3.conf", strcat(entry, "\n"));
}

/* ---- what is mapped -------------------------------------------------------------------- */

struct map {
    struct pt_leaf leaves[64]; /* as if nothing had slid, and in a kernel at 0 */
    size_t count;
    uint64_t slide;
};

static bool keep(void *context, const struct pt_leaf *leaf)
{
    struct map *map = context;

    assert_true(map->count < 64);
    map->leaves[map->count++] = *leaf;
    return true;
}

static struct pt_space space_of(const struct fake_outcome *outcome, enum pt_level top)
{
    return (struct pt_space){
        .root = phys(outcome->root), .top = top, .features = fake_cpu.features};
}

/* Boots, and says what the kernel region holds and whether the tables are the image's. */
static bool boot_to(struct map *map, enum pt_level top)
{
    struct pt_step steps[PT_STEPS_MAX];
    struct fake_outcome outcome = fake_boot();

    assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    struct pt_space space = space_of(&outcome, top);
    const struct boot_info *info = (const void *)(uintptr_t)outcome.boot_info;
    map->count = 0;
    assert_true(pt_visit_leaves(&space, virt_range(KERNEL_REGION, KERNEL_REGION_SIZE), keep, map));
    map->slide = info->kernel_virt - V;
    for (size_t i = 0; i < map->count; i++) {
        map->leaves[i].phys.raw -= info->kernel_phys;
        map->leaves[i].virt.raw -= map->slide;
    }
    size_t count = pt_walk(&space, virt(info->kernel_virt), steps);
    assert_int_equal(count, top);
    return steps[count - 1].at.raw - info->kernel_phys - (NOTE_AT + PAGE_SIZE) < FRAMES * PAGE_SIZE;
}

static void assert_same(const struct map *a, const struct map *b)
{
    assert_true(a->count > 10);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->slide, b->slide);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->leaves[i].virt.raw, b->leaves[i].virt.raw);
        assert_int_equal(a->leaves[i].phys.raw, b->leaves[i].phys.raw);
        assert_int_equal(a->leaves[i].level, b->leaves[i].level);
        assert_int_equal(a->leaves[i].entry & ~ENTRY_ADDRESS, b->leaves[i].entry & ~ENTRY_ADDRESS);
    }
}

static void with_five_levels(void)
{
    fake_cpu.cr4 |= UINT64_C(1) << 12; /* LA57 */
}

static void without_nx(void)
{
    fake_cpu.features.no_execute = false;
}

static void as_usual(void)
{
}

static const struct {
    void (*make)(void);
    enum pt_level top;
} cpus[] = {
    {as_usual, PT_LEVEL_PML4}, {without_nx, PT_LEVEL_PML4}, {with_five_levels, PT_LEVEL_PML5}};

static void boot_both_ways(size_t cpu, uint64_t random_word, struct map *own, struct map *built)
{
    world(random_word == 0 ? "nokaslr" : "kaslr");
    fake.random_word = random_word;
    cpus[cpu].make();
    assert_true(boot_to(own, cpus[cpu].top));
    world(random_word == 0 ? "nokaslr tables=built" : "kaslr tables=built");
    fake.random_word = random_word;
    cpus[cpu].make();
    assert_false(boot_to(built, cpus[cpu].top));
    assert_same(own, built);
}

static void test_same_either_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
        struct map own, built;

        boot_both_ways(i, 0, &own, &built);
        assert_int_equal(own.slide, 0);
        assert_int_equal(own.leaves[0].virt.raw, V);
        for (size_t leaf = 0; leaf < own.count; leaf++)
            assert_int_equal(own.leaves[leaf].phys.raw, own.leaves[leaf].virt.raw - V);
    }
}

/* Of 511 places one in the middle and the last: what is mapped slides, and nothing else changes. */
static void test_same_wherever_it_slides(void **state)
{
    static const struct {
        uint64_t word, steps;
    } draws[] = {{UINT64_C(1) << 63, 255}, {UINT64_MAX, 510}};

    (void)state;
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
        struct map unmoved, own, built;

        boot_both_ways(i, 0, &unmoved, &built);
        for (size_t j = 0; j < sizeof(draws) / sizeof(draws[0]); j++) {
            boot_both_ways(i, draws[j].word, &own, &built);
            assert_int_equal(own.slide, draws[j].steps * IMAGE_TABLES_STEP);
            own.slide = 0;
            assert_same(&own, &unmoved);
        }
    }
}

/* No tables, or tables of another kind, are no mistake. */
static void test_no_tables(void **state)
{
    (void)state;
    for (uint32_t version = 0; version <= 3; version++) {
        struct map map;

        world("nokaslr");
        note_of()->tables.version = version;
        assert_int_equal(boot_to(&map, PT_LEVEL_PML4), version == IMAGE_TABLES_VERSION);
    }
}

/* ---- lies ------------------------------------------------------------------------------ */

static void test_lies(void **state)
{
    static const struct {
        unsigned frame, index;
        uint64_t flip;
        const char *words;
    } lies[] = {
        {0, 510, 1 << 12, "/kernel.elf: page table 0 (PDPT), entry 510, for 0xffffffff80000000: "},
        {1, 0, ENTRY_USER, "/kernel.elf: page table 1 (PD), entry 0, for 0xffffffff80000000: "},
        {2, 256, ENTRY_WRITE, "/kernel.elf: page table 2 (PT), entry 256, for 0xffffffff80100000"},
        {2, 3, ENTRY_PRESENT, "page table 2 (PT), entry 3, for 0xffffffff80003000: 0x1 stands"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        world("nokaslr");
        *entry_of(lies[i].frame, lies[i].index) ^= lies[i].flip;
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, EFI_LOAD_ERROR, lies[i].words);
        /* Nobody believes them, nobody minds. */
        world("nokaslr tables=built");
        *entry_of(lies[i].frame, lies[i].index) ^= lies[i].flip;
        assert_int_equal(fake_boot().ending, FAKE_HANDED_OFF);
    }
}

/* Notes that cannot be read are no missing ones. */
static void test_bad_notes(void **state)
{
    static const struct {
        uint64_t address, size;
        uint32_t descriptor;
        const char *words;
    } notes[] = {
        {V + NOTE_AT, 43, 24, "/kernel.elf: note: n_descsz 0x18 reaches past the notes, of which"},
        {V + NOTE_AT, 44, 23, "/kernel.elf: note: n_descsz 0x17 is less than the descriptor's"},
        {0, 44, 24, "/kernel.elf: note: p_vaddr 0x0 is in no PT_LOAD that has room for p_filesz"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(notes) / sizeof(notes[0]); i++) {
        world(i % 2 == 0 ? "nokaslr" : "nokaslr tables=built");
        Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(bytes + sizeof(Elf64_Ehdr)) + 7;
        assert_int_equal(ph->p_type, PT_NOTE);
        ph->p_vaddr = notes[i / 2].address;
        ph->p_filesz = notes[i / 2].size;
        note_of()->size = notes[i / 2].descriptor;
        struct fake_outcome outcome = fake_boot();
        if (i % 2 == 0)
            assert_refused(&outcome, EFI_LOAD_ERROR, notes[i / 2].words);
        else
            assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    }
}

/* ---- no memory ------------------------------------------------------------------------- */

/* With five levels the link needs a table. Tables come out of chunks, so `more` of them before
 * bring it to a chunk's start; each allocation is refused once. Returns in how many boots it was
 * the link that failed. */
static unsigned fail_each_allocation(uint64_t more)
{
    unsigned failed_links = 0, survived = 0;

    for (unsigned nth = 1;; nth++) {
        world("nokaslr");
        with_five_levels();
        for (uint64_t i = 0; i < more; i++)
            fake_add_range(UINT64_C(0x260000000000) + (i << 21), 1, EfiBootServicesData,
                           EFI_MEMORY_WB);
        fake.fail_status = EFI_OUT_OF_RESOURCES;
        fake.nth_service = FAKE_ALLOCATE_PAGES;
        fake.fail_nth = nth;
        struct fake_outcome outcome = fake_boot();
        if (fake.calls_of[FAKE_ALLOCATE_PAGES] < nth)
            break;
        survived += outcome.ending == FAKE_HANDED_OFF;
        if (outcome.ending != FAKE_HANDED_OFF)
            assert_refused(&outcome, EFI_OUT_OF_RESOURCES, "bestla: error: ");
        failed_links += strstr(fake.console, "the kernel's page tables at 0x") != NULL;
    }
    assert_int_equal(survived, 1); /* the image goes to another place */
    return failed_links;
}

static void test_link_without_memory(void **state)
{
    unsigned failed_links = 0;

    (void)state;
    for (uint64_t more = 0; more < 32; more++)
        failed_links += fail_each_allocation(more);
    assert_in_range(failed_links, 1, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_either_way), cmocka_unit_test(test_same_wherever_it_slides),
        cmocka_unit_test(test_no_tables),       cmocka_unit_test(test_lies),
        cmocka_unit_test(test_bad_notes),       cmocka_unit_test(test_link_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
