/* loader/firmware_tables.c: what of ACPI, SMBIOS and the boot logo the kernel must not give out. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "handoff_check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE         UINT64_C(4096)

/* Firmware's memory: the tables, each at the start of a page of its own but the logo, which
 * begins 24 bytes into one and reaches into the third. */
enum page { RSDP, ROOT, FADT, DSDT, BGRT, LOGO, LOGO_2, LOGO_3, ENTRY, STRUCTURES, PAGES };

static _Alignas(4096) uint8_t memory[PAGES][4096];

#define LOGO_OFFSET     24
#define LOGO_SIZE       (2 * PAGE + 1)
#define STRUCTURES_SIZE 700

static uint64_t at(enum page page)
{
    return (uintptr_t)memory[page];
}

static void put(uint8_t *to, uint64_t value, size_t size)
{
    memcpy(to, &value, size);
}

static void set_sum(uint8_t *bytes, size_t length, size_t place)
{
    uint8_t sum = 0;

    bytes[place] = 0;
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[place] = (uint8_t)-sum;
}

static uint8_t *put_table(enum page page, const char *signature, uint32_t length)
{
    uint8_t *table = memory[page];

    memcpy(table, signature, 4);
    put(table + 4, length, 4);
    set_sum(table, length, 9);
    return table;
}

static void put_acpi(void)
{
    uint8_t *rsdp = memory[RSDP], *root = memory[ROOT];

    put_table(DSDT, "DSDT", 300);
    put(memory[FADT] + 140, at(DSDT), 8);
    put_table(FADT, "FACP", 276);
    put(memory[BGRT] + 40, at(LOGO) + LOGO_OFFSET, 8);
    put_table(BGRT, "BGRT", 56);
    memcpy(memory[LOGO] + LOGO_OFFSET, "BM", 2);
    put(memory[LOGO] + LOGO_OFFSET + 2, LOGO_SIZE, 4);

    put(root + 36, at(FADT), 8);
    put(root + 44, UINT64_C(0xfed00000), 8); /* nobody's memory: not followed */
    put(root + 52, at(BGRT), 8);
    put_table(ROOT, "XSDT", 60);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    put(rsdp + 20, 36, 4);
    put(rsdp + 24, at(ROOT), 8);
    set_sum(rsdp, 20, 8);
    set_sum(rsdp, 36, 32);
}

static void put_smbios_3(void)
{
    uint8_t *entry = memory[ENTRY];

    memset(entry, 0, PAGE);
    memcpy(entry, "_SM3_", 5);
    entry[6] = 24;
    put(entry + 12, STRUCTURES_SIZE, 4);
    put(entry + 16, at(STRUCTURES), 8);
    set_sum(entry, 24, 5);
}

static void put_smbios_2(void)
{
    uint8_t *entry = memory[ENTRY];

    memset(entry, 0, PAGE);
    memcpy(entry, "_SM_", 4);
    entry[5] = 31;
    put(entry + 22, STRUCTURES_SIZE, 2);
    put(entry + 24, at(STRUCTURES), 4);
    set_sum(entry, 31, 4);
}

static void set_tables(void)
{
    const EFI_GUID acpi = ACPI_20_TABLE_GUID, smbios = SMBIOS3_TABLE_GUID;

    fake.tables[0] = (EFI_CONFIGURATION_TABLE){acpi, memory[RSDP]};
    fake.tables[1] = (EFI_CONFIGURATION_TABLE){smbios, memory[ENTRY]};
    fake.system.NumberOfTableEntries = 2;
}

/* All of it in memory of this type. */
static void world(uint32_t type)
{
    fake_world();
    memset(memory, 0, sizeof(memory));
    put_acpi();
    put_smbios_3();
    set_tables();
    fake_add_range(at(RSDP), PAGES, type, EFI_MEMORY_WB);
}

static const struct boot_info *boot_well(void)
{
    struct fake_outcome outcome = fake_boot();

    assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    return (const struct boot_info *)(uintptr_t)outcome.boot_info;
}

static uint32_t type_at(const struct boot_info *info, uint64_t address)
{
    const struct memory_range *range = (const void *)(uintptr_t)info->memory_map.address;

    for (uint32_t i = 0; i < info->memory_map.count; i++, range++) {
        if (address - range->base < range->size)
            return range->type;
    }
    return 0;
}

/* The pages of a bit set are kept, the others are `type`. */
static void assert_kept(const struct boot_info *info, unsigned kept, uint32_t type)
{
    struct boot_info_error error;

    for (unsigned page = 0; page < PAGES; page++) {
        uint32_t expected = kept >> page & 1 ? MEMORY_ACPI_TABLES : type;
        if (type_at(info, at(page)) != expected)
            fail_msg("page %u: type %u instead of %u", page, type_at(info, at(page)), expected);
    }
    assert_int_equal(boot_info_check(phys((uintptr_t)info), 0, &error), BOOT_INFO_OK);
}

#define ALL ((1U << PAGES) - 1)

static void test_all_is_kept(void **state)
{
    (void)state;
    world(EfiBootServicesData);
    const struct boot_info *info = boot_well();
    assert_kept(info, ALL, 0);
    assert_true(log_has(info, "the boot logo, 0x2001 bytes at 0x"));
    assert_true(log_has(info, "ACPI XSDT, 0x3c bytes at 0x"));
    assert_true(log_has(info, "SMBIOS's table, 0x2bc bytes at 0x"));

    /* Nobody has allocated that memory: U-Boot's own map can be like that. */
    world(EfiConventionalMemory);
    assert_kept(boot_well(), ALL, 0);

    world(EfiBootServicesData);
    put_smbios_2();
    assert_kept(boot_well(), ALL, 0);
}

/* Where firmware should have put it there is nothing to do. */
static void test_safe_already(void **state)
{
    static const struct {
        uint32_t efi, own;
    } types[] = {
        {EfiACPIReclaimMemory, MEMORY_ACPI_TABLES},
        {EfiACPIMemoryNVS, MEMORY_ACPI_NVS},
        {EfiRuntimeServicesData, MEMORY_RUNTIME_DATA},
        {EfiReservedMemoryType, MEMORY_RESERVED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(types); i++) {
        world(types[i].efi);
        const struct boot_info *info = boot_well();
        assert_kept(info, 0, types[i].own);
        assert_false(log_has(info, "is kept"));
    }
}

/* By the RSDT of ACPI 1.0, and the FADT's short address. */
static void test_acpi_1(void **state)
{
    (void)state;
    world(EfiBootServicesData);
    memset(memory[FADT], 0, PAGE);
    put(memory[FADT] + 40, at(DSDT), 4);
    put_table(FADT, "FACP", 116);
    memset(memory[ROOT], 0, PAGE);
    put(memory[ROOT] + 36, at(FADT), 4);
    put(memory[ROOT] + 40, at(BGRT), 4);
    put_table(ROOT, "RSDT", 44);
    memset(memory[RSDP], 0, PAGE);
    memcpy(memory[RSDP], "RSD PTR ", 8);
    put(memory[RSDP] + 16, at(ROOT), 4);
    set_sum(memory[RSDP], 20, 8);
    assert_kept(boot_well(), ALL, 0);
}

static void spoil_rsdp(void)
{
    memory[RSDP][9] ^= 1;
}

static void spoil_bgrt(void)
{
    memory[BGRT][50] ^= 1;
}

static void logo_of_another_type(void)
{
    memory[BGRT][39] = 1;
    set_sum(memory[BGRT], 56, 9);
}

static void logo_without_mark(void)
{
    memory[LOGO][LOGO_OFFSET] = 'X';
}

static void logo_too_large(void)
{
    put(memory[LOGO] + LOGO_OFFSET + 2, UINT32_MAX, 4);
}

static void logo_nowhere(void)
{
    put(memory[BGRT] + 40, UINT64_MAX - 2, 8);
    set_sum(memory[BGRT], 56, 9);
}

static void spoil_entry(void)
{
    memory[ENTRY][12] ^= 1;
}

static void short_entry(void)
{
    memory[ENTRY][6] = 23;
    set_sum(memory[ENTRY], 23, 5);
}

static void structures_nowhere(void)
{
    put(memory[ENTRY] + 16, UINT64_MAX, 8);
    set_sum(memory[ENTRY], 24, 5);
}

static void no_structures(void)
{
    put(memory[ENTRY] + 12, 0, 4);
    set_sum(memory[ENTRY], 24, 5);
}

/* What is not believed is not kept, and nothing else suffers for it. */
static void test_not_believed(void **state)
{
    const unsigned logo = 7U << LOGO, smbios = 3U << ENTRY, structures = 1U << STRUCTURES;
    const struct {
        void (*spoil)(void);
        unsigned lost;
    } cases[] = {
        {spoil_rsdp, ALL & ~smbios},
        {spoil_bgrt, logo | 1U << BGRT},
        {logo_of_another_type, logo},
        {logo_without_mark, logo},
        {logo_too_large, logo},
        {logo_nowhere, logo},
        {spoil_entry, smbios},
        {short_entry, smbios},
        {structures_nowhere, structures},
        {no_structures, structures},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world(EfiBootServicesData);
        cases[i].spoil();
        assert_kept(boot_well(), ALL & ~cases[i].lost, MEMORY_BOOT_SERVICES);
    }
}

/* More tables than are kept: a warning names each that is lost, and the boot goes on. */
static void test_too_many(void **state)
{
    static _Alignas(4096) uint8_t pages[40][4096];

    (void)state;
    world(EfiBootServicesData);
    memset(memory[ROOT], 0, PAGE);
    for (size_t i = 0; i < COUNT(pages); i++) {
        memset(pages[i], 0, PAGE);
        memcpy(pages[i], "SSDT", 4);
        put(pages[i] + 4, 40, 4);
        set_sum(pages[i], 40, 9);
        put(memory[ROOT] + 36 + 8 * i, (uintptr_t)pages[i], 8);
    }
    put_table(ROOT, "XSDT", 36 + 8 * COUNT(pages));
    fake_add_range((uintptr_t)pages, COUNT(pages), EfiBootServicesData, EFI_MEMORY_WB);
    const struct boot_info *info = boot_well();
    assert_true(log_has(info, "ACPI SSDT, 0x28 bytes at 0x"));
    assert_true(log_has(info, "is lost: 32 are kept already"));
    assert_int_equal(type_at(info, (uintptr_t)pages[0]), MEMORY_ACPI_TABLES);
    assert_int_equal(type_at(info, (uintptr_t)pages[39]), MEMORY_BOOT_SERVICES);
}

/* As real firmware packs them, one behind the other: pages that several share count once. */
static void test_packed(void **state)
{
    static _Alignas(4096) uint8_t pages[5][4096];
    const size_t tables = 60, each = 4 * PAGE / 60 + 1;

    (void)state;
    world(EfiBootServicesData);
    memset(memory[ROOT], 0, PAGE);
    memset(pages, 0, sizeof(pages));
    for (size_t i = 0; i < tables; i++) {
        uint8_t *table = pages[0] + 20 + each * (i * 7 % tables); /* in no order */
        memcpy(table, "SSDT", 4);
        put(table + 4, each, 4);
        set_sum(table, each, 9);
        put(memory[ROOT] + 36 + 8 * i, (uintptr_t)table, 8);
    }
    put_table(ROOT, "XSDT", (uint32_t)(36 + 8 * tables));
    fake_add_range((uintptr_t)pages, COUNT(pages), EfiBootServicesData, EFI_MEMORY_WB);
    const struct boot_info *info = boot_well();
    assert_false(log_has(info, "is lost"));
    for (size_t i = 0; i < COUNT(pages); i++)
        assert_int_equal(type_at(info, (uintptr_t)pages[i]), MEMORY_ACPI_TABLES);
    assert_int_equal(type_at(info, at(STRUCTURES)), MEMORY_ACPI_TABLES);
}

/* The map's buffer has no more slack than usual: every kept range has its room. */
static void test_map_grows(void **state)
{
    (void)state;
    for (unsigned growth = 0; growth < 200; growth += 20) {
        world(EfiBootServicesData);
        fake.refuse_exits = 3;
        fake.refused_growth = growth;
        assert_kept(boot_well(), ALL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_kept), cmocka_unit_test(test_safe_already),
        cmocka_unit_test(test_acpi_1),      cmocka_unit_test(test_not_believed),
        cmocka_unit_test(test_too_many),    cmocka_unit_test(test_packed),
        cmocka_unit_test(test_map_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
