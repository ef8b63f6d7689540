/* See handoff_check.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "handoff_check.h"
#include "kernel_file.h"
#include "log_level.h"

#define LOG_SIZE_MAX (16 * 1024)
#define CONGRUENCE   (UINT64_C(2) << 20)

static const void *at(uint64_t address)
{
    return (const void *)(uintptr_t)address;
}

static struct memory_map map_of(const struct boot_info *info)
{
    return (struct memory_map){(struct memory_range *)(uintptr_t)info->memory_map.address,
                               info->memory_map.count, info->memory_map.count};
}

bool log_has(const struct boot_info *info, const char *words)
{
    for (uint64_t offset = 0; offset < info->log_size;) {
        const struct boot_log_record *record = at(info->log + offset);
        char line[512] = "";
        assert_true(record->length < sizeof(line));
        memcpy(line, record + 1, record->length);
        if (strstr(line, words) != NULL)
            return true;
        offset += sizeof(*record) + align_up(record->length, 8);
    }
    return false;
}

static void check_log(const struct boot_info *info)
{
    uint64_t last = 0;

    assert_true(info->log_size > 0 && info->log_size <= LOG_SIZE_MAX);
    for (uint64_t offset = 0; offset < info->log_size;) {
        const struct boot_log_record *record = at(info->log + offset);
        assert_true(record->tsc > last);
        assert_true(record->level >= LOG_ERROR && record->level <= LOG_INFO);
        assert_true(record->length > 0);
        last = record->tsc;
        offset += sizeof(*record) + align_up(record->length, 8);
    }
    assert_true(log_has(info, "leaving firmware"));
}

static void check_steps(const struct boot_info *info)
{
    for (unsigned step = 0; step < BOOT_STEPS; step++)
        assert_true(info->step_tsc[step] > (step == 0 ? 1000 : info->step_tsc[step - 1]));
    assert_true(info->step_tsc[BOOT_STEPS - 1] <= fake_cpu.tsc);
}

static void check_seed(const struct boot_info *info)
{
    uint8_t nothing[sizeof(info->seed)] = {0};

    if (info->seed_size == 0) {
        assert_memory_equal(info->seed, nothing, sizeof(nothing));
        return;
    }
    /* The last that firmware gave, so that nothing has been drawn by it. */
    assert_int_equal(info->seed_size, sizeof(info->seed));
    assert_true(fake.given_count > 0);
    assert_memory_equal(info->seed, fake.given[fake.given_count - 1], sizeof(info->seed));
}

/* UEFI 2.10, table 7.10, once more and by hand. */
static uint32_t expected_type(const struct fake_range *range)
{
    static const uint8_t types[] = {
        MEMORY_RESERVED,      MEMORY_LOADER,       MEMORY_LOADER,       MEMORY_BOOT_SERVICES,
        MEMORY_BOOT_SERVICES, MEMORY_RUNTIME_CODE, MEMORY_RUNTIME_DATA, MEMORY_USABLE,
        MEMORY_UNUSABLE,      MEMORY_ACPI_TABLES,  MEMORY_ACPI_NVS,     MEMORY_MMIO,
        MEMORY_MMIO,          MEMORY_RESERVED,     MEMORY_PERSISTENT,   MEMORY_UNACCEPTED,
    };
    uint32_t type = range->type < sizeof(types) ? types[range->type] : MEMORY_RESERVED;
    bool ram = type == MEMORY_USABLE || type == MEMORY_LOADER || type == MEMORY_BOOT_SERVICES;

    return ram && !(range->attribute & EFI_MEMORY_WB) ? MEMORY_RESERVED : type;
}

static bool in_array(uint64_t address, const struct boot_info *info)
{
    const struct boot_module *modules = at(info->modules.address);

    for (uint32_t i = 0; i < info->modules.count; i++) {
        if (address - modules[i].address < align_up(modules[i].size, PAGE_SIZE))
            return true;
    }
    return false;
}

/* A page that can be allocated, by the type that the loader gave it. */
static uint32_t expected_page_type(uint64_t address, const struct boot_info *info)
{
    uint32_t type = fake_page_type(address);

    if (address - info->kernel_phys < info->kernel_size)
        return MEMORY_KERNEL_IMAGE;
    if (in_array(address, info))
        return MEMORY_MODULE;
    switch (type) {
    case EfiConventionalMemory:
        return MEMORY_USABLE;
    case EfiBootServicesData:
        return MEMORY_BOOT_SERVICES;
    default:
        assert_true(type == (fake.refuse_own_types ? EfiLoaderData : 0x80000003) ||
                    type == EfiLoaderData);
        return MEMORY_LOADER;
    }
}

static void check_arena(const struct memory_map *map, const struct boot_info *info, uint64_t base,
                        uint64_t pages)
{
    for (uint64_t page = base; page < base + pages * PAGE_SIZE; page += PAGE_SIZE) {
        const struct memory_range *range = memory_map_find(map, phys(page));
        assert_non_null(range);
        assert_int_equal(range->type, expected_page_type(page, info));
    }
}

static void check_memory_map(const struct boot_info *info)
{
    struct memory_map map = map_of(info);
    uint64_t size = (FAKE_LOW_PAGES + FAKE_HIGH_PAGES) * PAGE_SIZE, all = 0;
    size_t count;
    const struct fake_range *ranges = fake_ranges(&count);

    for (size_t i = 0; i < count; i++) {
        struct phys_range range = phys_range(ranges[i].base, ranges[i].pages * PAGE_SIZE);
        memory_types_t type = MEMORY_TYPE_BIT(expected_type(&ranges[i]));
        assert_true(memory_map_covers(&map, range, type));
        size += range.size;
    }
    check_arena(&map, info, FAKE_LOW_BASE, FAKE_LOW_PAGES);
    check_arena(&map, info, FAKE_HIGH_BASE, FAKE_HIGH_PAGES);
    for (size_t i = 0; i < map.count; i++)
        all +=
            map.ranges[i].base < UINT64_C(0xe0000000) || map.ranges[i].base >= UINT64_C(0xf0000000)
                ? map.ranges[i].size
                : 0;
    assert_int_equal(all, size); /* but for what has grown */
}

/* Firmware's own map is the last that it gave. */
static void check_firmware_map(const struct boot_info *info)
{
    size_t count = fake_descriptor_count();

    assert_int_equal(info->firmware_map.count, count);
    assert_int_equal(info->firmware_map.element_size, fake.element_size);
    assert_int_equal(info->firmware_map_version, 1);
    for (size_t i = 0; i < count; i++) {
        EFI_MEMORY_DESCRIPTOR expected = fake_descriptor(i);
        assert_memory_equal(at(info->firmware_map.address + i * fake.element_size), &expected,
                            sizeof(expected));
    }
}

uint64_t slide_of(const struct boot_info *info)
{
    return info->kernel_virt - KERNEL_LINK_ADDRESS;
}

/* In its window with all of memory, and with 512 GiB: the fake's RAM lies below 64 TiB. */
static void check_direct_map(const struct boot_info *info)
{
    const struct memory_map map = map_of(info);
    const struct memory_range *last = &map.ranges[map.count - 1];

    assert_int_equal(info->direct_map_base % (UINT64_C(1) << 30), 0);
    assert_in_range(info->direct_map_base, DIRECT_MAP_BASE,
                    DIRECT_MAP_LIMIT - max_u64(DIRECT_MAP_FULL_SIZE, last->base + last->size));
}

static void check_image(const struct boot_info *info)
{
    static unsigned char image[KERNEL_FILE_SPAN];
    static bool known[KERNEL_FILE_SPAN];
    const unsigned char *loaded = at(info->kernel_phys);

    assert_int_equal(info->kernel_size, KERNEL_FILE_SPAN);
    assert_in_range(info->kernel_virt, KERNEL_LINK_ADDRESS,
                    KERNEL_REGION + KERNEL_REGION_SIZE - CONGRUENCE - KERNEL_FILE_SPAN);
    assert_int_equal(slide_of(info) % CONGRUENCE, 0);
    kernel_file_image(kernel_file_make(), slide_of(info), image, known);
    for (size_t i = 0; i < KERNEL_FILE_SPAN; i++) {
        if (known[i] && loaded[i] != image[i])
            fail_msg("image byte 0x%zx is 0x%02x, not 0x%02x", i, loaded[i], image[i]);
    }
}

/* docs/handoff.md: the state of the CPU, every bit that matters. */
static void check_cpu(const struct fake_outcome *outcome, uint64_t slide)
{
    uint64_t la57 = fake_cpu.cr4 & (UINT64_C(1) << 12);

    assert_int_equal(outcome->cr0, UINT64_C(0x80010033));  /* PG WP NE ET MP PE */
    assert_int_equal(fake_cpu.cr4, UINT64_C(0x60) | la57); /* MCE PAE */
    assert_int_equal(fake_cpu.efer, fake_cpu.features.no_execute ? 0xd00 : 0x500);
    assert_false(fake_cpu.interrupts);
    assert_int_equal(fake_cpu.com1_used, 0);
    assert_int_equal(outcome->entry, KERNEL_FILE_ENTRY + slide);
    assert_int_equal(outcome->stack_top % 4096, 0);
    assert_true(fake_is_allocated(outcome->stack_top - 16384, 16384));
    memset((void *)(uintptr_t)(outcome->stack_top - 16384), 0x5a, 16384); /* nobody else's */
}

const struct boot_info *assert_good_handoff(const struct fake_outcome *outcome)
{
    const struct boot_info *info = at(outcome->boot_info);
    struct boot_info_error error = {0};

    if (outcome->ending != FAKE_HANDED_OFF)
        fail_msg("no handoff: ending %d, %s%s", outcome->ending, fake.console, fake_cpu.com1_text);
    assert_true(fake.has_left);
    assert_int_equal(fake.open_handles, 0);
    assert_int_equal(fake.open_pools, 0);
    check_cpu(outcome, slide_of(info));
    if (boot_info_check(phys(outcome->boot_info), 0, &error) != BOOT_INFO_OK)
        fail_msg("boot_info: %s 0x%llx", error.field, (unsigned long long)error.value);
    check_direct_map(info);
    assert_int_equal(info->page_table_root, outcome->root);
    assert_int_equal(info->efi_system_table, (uintptr_t)&fake.system);
    assert_int_equal(info->reserved | info->reserved2, 0);
    check_log(info);
    check_steps(info);
    check_seed(info);
    check_memory_map(info);
    check_firmware_map(info);
    check_image(info);
    assert_good_tables(info, fake_cpu.cr4 & (UINT64_C(1) << 12) ? 5 : 4);
    return info;
}
