/* A kernel that brings page tables along, on the fake firmware: they are what CR3 leads to, on any
 * CPU, wherever the image lies; built ones map the same; and what lies, or cannot be linked, is
 * refused with everything given back. */
/* links: loader/main.c loader/console.c loader/frames.c loader/firmware_map.c */
/* links: loader/volume.c loader/unicode.c loader/choose_entry.c loader/load_kernel.c */
/* links: loader/precomputed_tables.c loader/place_kernel.c loader/random.c */
/* links: loader/load_modules.c loader/address_space.c loader/describe_machine.c */
/* links: loader/leave_firmware.c tests/unit/fake_cpu.c tests/unit/fake_firmware.c */
/* links: tests/unit/fake_pages.c tests/unit/fake_files.c tests/unit/fake_boot.c */
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
    struct pt_leaf leaves[64];
    size_t count;
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
    for (size_t i = 0; i < map->count; i++)
        map->leaves[i].phys.raw -= info->kernel_phys;
    size_t count = pt_walk(&space, virt(V), steps);
    assert_int_equal(count, top);
    return steps[count - 1].at.raw - info->kernel_phys - (NOTE_AT + PAGE_SIZE) < FRAMES * PAGE_SIZE;
}

static void assert_same(const struct map *a, const struct map *b)
{
    assert_true(a->count > 10);
    assert_int_equal(a->count, b->count);
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

static void test_same_either_way(void **state)
{
    static const struct {
        void (*make)(void);
        enum pt_level top;
    } cpus[] = {
        {as_usual, PT_LEVEL_PML4}, {without_nx, PT_LEVEL_PML4}, {with_five_levels, PT_LEVEL_PML5}};

    (void)state;
    for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
        struct map own, built;

        world("nokaslr");
        cpus[i].make();
        assert_true(boot_to(&own, cpus[i].top));
        world("nokaslr tables=built");
        cpus[i].make();
        assert_false(boot_to(&built, cpus[i].top));
        assert_same(&own, &built);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_either_way),
        cmocka_unit_test(test_no_tables),
        cmocka_unit_test(test_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
