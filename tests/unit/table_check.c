/* See handoff_check.h: a walker that shares no line with the one under test. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "handoff_check.h"
#include "kernel_file.h"
#include "x86_paging.h"

unsigned checked_leaves[4];

/* Bytes that are mapped, by what lies there. */
struct census {
    const struct boot_info *info;
    struct memory_map map;
    unsigned levels;
    uint64_t ram;
    uint64_t framebuffer;
    uint64_t image;
};

struct found {
    uint64_t virt;
    uint64_t phys;
    uint64_t size;
    uint64_t entry; /* without its address */
};

#define PRESENT       UINT64_C(0x001)
#define WRITE         UINT64_C(0x002)
#define USER          UINT64_C(0x004)
#define CACHE_DISABLE UINT64_C(0x010)
#define LARGE         UINT64_C(0x080)
#define NX            (UINT64_C(1) << 63)
#define ADDRESS       UINT64_C(0x000ffffffffff000)

static uint64_t no_execute(void)
{
    return fake_cpu.features.no_execute ? NX : 0;
}

static uint64_t first_of_framebuffer(const struct census *census)
{
    return census->info->framebuffer.address & ~UINT64_C(0xfff);
}

static uint64_t bytes_of_framebuffer(const struct census *census)
{
    const struct boot_framebuffer *framebuffer = &census->info->framebuffer;
    uint64_t end = (framebuffer->address + framebuffer->size + 0xfff) & ~UINT64_C(0xfff);

    return framebuffer->address == 0 ? 0 : end - first_of_framebuffer(census);
}

static void check_image_leaf(struct census *census, const struct found *leaf)
{
    uint64_t offset = leaf->virt - census->info->kernel_virt;

    assert_int_equal(leaf->size, 4096);
    assert_true(offset < KERNEL_FILE_SPAN);
    assert_int_equal(leaf->phys, census->info->kernel_phys + offset);
    unsigned rights = kernel_file_rights(offset);
    assert_int_not_equal(rights, 0);
    assert_int_equal(leaf->entry, PRESENT | (rights & PT_RIGHT_WRITE ? WRITE : 0) |
                                      (rights & PT_RIGHT_EXECUTE ? 0 : no_execute()));
    census->image += leaf->size;
}

static void check_framebuffer_leaf(struct census *census, const struct found *leaf)
{
    uint64_t offset = leaf->virt - first_of_framebuffer(census);

    assert_true(offset + leaf->size <= bytes_of_framebuffer(census));
    assert_true(leaf->size <= 2 << 20);
    assert_int_equal(leaf->entry, PRESENT | WRITE | CACHE_DISABLE | no_execute());
    census->framebuffer += leaf->size;
}

/* Rights of the image's page that lies in this leaf; 0: none does. */
static unsigned rights_of_image(const struct census *census, const struct found *leaf)
{
    uint64_t offset = leaf->phys - census->info->kernel_phys;

    return offset < KERNEL_FILE_SPAN ? kernel_file_rights(offset) : 0;
}

/* Page 0 stays unmapped; the page with the last code is read and executed; what the image may not
 * write is not written here either; all else is data. */
static void check_ram_leaf(struct census *census, const struct found *leaf)
{
    bool handoff_leaf = leaf->virt == (uintptr_t)handoff_page;
    unsigned rights = rights_of_image(census, leaf);
    bool fixed = rights != 0 && !(rights & PT_RIGHT_WRITE);
    uint64_t data = PRESENT | (fixed ? 0 : WRITE) | no_execute();

    assert_true(leaf->virt >= 4096);
    assert_true(memory_map_covers(&census->map, phys_range(leaf->phys, leaf->size), MEMORY_RAM));
    assert_int_equal(leaf->entry, handoff_leaf ? PRESENT : data);
    assert_true((!handoff_leaf && !fixed) || leaf->size == 4096);
    census->ram += leaf->size;
}

static void check_leaf(struct census *census, const struct found *leaf)
{
    if (leaf->virt >> 63) {
        check_image_leaf(census, leaf);
        return;
    }
    assert_int_equal(leaf->virt, leaf->phys);
    if (leaf->virt - first_of_framebuffer(census) < bytes_of_framebuffer(census))
        check_framebuffer_leaf(census, leaf);
    else
        check_ram_leaf(census, leaf);
}

/* A table entry restricts nothing and says nothing else; its frame is the loader's. */
static void check_table_entry(const struct census *census, uint64_t entry)
{
    assert_int_equal(entry & ~ADDRESS, PRESENT | WRITE);
    assert_true(memory_map_covers(&census->map, phys_range(entry & ADDRESS, PAGE_SIZE),
                                  MEMORY_TYPE_BIT(MEMORY_LOADER)));
    assert_true(fake_is_allocated(entry & ADDRESS, PAGE_SIZE));
}

/* SDM Vol. 3A, 4.5: an entry of the table at `level` maps 2^(12 + 9 * (level - 1)) bytes. */
static void walk(struct census *census, uint64_t table, unsigned level, uint64_t base)
{
    const uint64_t *entries = (const uint64_t *)(uintptr_t)table;
    uint64_t size = UINT64_C(4096) << 9 * (level - 1);

    for (uint64_t i = 0; i < 512; i++) {
        bool upper = level == census->levels && i >= 256;
        uint64_t entry = entries[i];
        uint64_t virt = (base + i * size) | (upper ? ~(512 * size - 1) : 0);
        bool large = level > 1 && level <= 3 && (entry & LARGE);
        if (entry == 0)
            continue;
        assert_true(entry & PRESENT);
        assert_false(entry & USER);
        if (level > 1 && !large) {
            check_table_entry(census, entry);
            walk(census, entry & ADDRESS, level - 1, virt);
            continue;
        }
        struct found leaf = {virt, entry & ADDRESS, size, entry & ~ADDRESS & ~(large ? LARGE : 0)};
        assert_int_equal(leaf.phys % size, 0);
        checked_leaves[level]++;
        check_leaf(census, &leaf);
    }
}

static uint64_t expected_ram(const struct memory_map *map)
{
    return memory_map_size(map, MEMORY_RAM) - PAGE_SIZE; /* all but page 0 */
}

static uint64_t expected_image(void)
{
    uint64_t bytes = 0;

    for (uint64_t offset = 0; offset < KERNEL_FILE_SPAN; offset += PAGE_SIZE)
        bytes += kernel_file_rights(offset) != 0 ? PAGE_SIZE : 0;
    return bytes;
}

void assert_good_tables(const struct boot_info *info, unsigned levels)
{
    struct memory_range *ranges = (struct memory_range *)(uintptr_t)info->memory_map.address;
    struct census census = {.info = info,
                            .map = {ranges, info->memory_map.count, info->memory_map.count},
                            .levels = levels};

    for (unsigned i = 0; i < 4; i++)
        checked_leaves[i] = 0;
    walk(&census, info->page_table_root, levels, 0);
    assert_int_equal(census.ram, expected_ram(&census.map));
    assert_int_equal(census.framebuffer, bytes_of_framebuffer(&census));
    assert_int_equal(census.image, expected_image());
}
