/* What of firmware's tables lies in memory that the kernel may take for its own: ACPI's and
 * SMBIOS's belong into memory of their own types, but some firmware leaves them in its boot
 * services' memory, and the boot logo (BGRT) lies there by design. It is reported as
 * ACPI_TABLES: RAM that nobody gives out.
 *
 * Called while firmware's tables map all memory. What they say is believed only as far as the
 * memory map knows memory there. */
#include "boot.h"

#include "acpi_root.h"
#include "mem.h"

/* What can be read without a thought: RAM, and what firmware has put aside of it. */
#define READABLE (MEMORY_RAM | MEMORY_TYPE_BIT(MEMORY_RESERVED))

/* Nobody's but firmware's: it will stay as it is until the kernel gives it out. */
#define TO_BE_KEPT (MEMORY_TYPE_BIT(MEMORY_USABLE) | MEMORY_TYPE_BIT(MEMORY_BOOT_SERVICES))
#define SAFE       (MEMORY_RAM & ~MEMORY_MANAGED)

/* acpi_read has no context: the map while keep_firmware_tables runs. */
static const struct memory_map *known;

static const uint8_t *read_known(phys_addr_t at, uint64_t size)
{
    bool readable = memory_map_covers(known, (struct phys_range){at, size}, READABLE);

    return readable ? (const uint8_t *)(uintptr_t)at.raw : NULL;
}

/* Tables lie one behind the other: a page that two share is kept once. */
static bool join(struct kept_memory *kept, struct phys_range range)
{
    for (size_t i = 0; i < kept->count; i++) {
        struct phys_range *other = &kept->ranges[i];
        if (range.start.raw >= phys_end(*other) || other->start.raw >= phys_end(range))
            continue;
        uint64_t start = min_u64(range.start.raw, other->start.raw);
        *other = phys_range(start, max_u64(phys_end(range), phys_end(*other)) - start);
        return true;
    }
    return false;
}

static void keep(struct boot *boot, const char *what, phys_addr_t at, uint64_t size)
{
    uint64_t start = align_down(at.raw, PAGE_SIZE), end;
    struct kept_memory *kept = &boot->kept;

    if (size == 0 || __builtin_add_overflow(at.raw, size + PAGE_SIZE - 1, &end))
        return;
    const struct phys_range range = phys_range(start, align_down(end, PAGE_SIZE) - start);
    if (memory_map_covers(known, range, SAFE) ||
        !memory_map_covers(known, range, SAFE | TO_BE_KEPT))
        return;
    bool joined = join(kept, range);
    if (!joined && kept->count == KEPT_MAX) {
        log_line(boot, LOG_WARNING, "%s, 0x%lx bytes at 0x%lx, is lost: %d are kept already", what,
                 size, at.raw, KEPT_MAX);
        return;
    }
    if (!joined)
        kept->ranges[kept->count++] = range;
    log_line(boot, LOG_INFO, "%s, 0x%lx bytes at 0x%lx, is kept", what, size, at.raw);
}

/* ACPI 6.5, 5.2.23: the image's type at 39, its address at 40; a bitmap has "BM" and its size in
 * front. */
static void keep_logo(struct boot *boot, const struct acpi_table *bgrt)
{
    if (bgrt->length < 48 || bgrt->bytes[39] != 0)
        return;
    const phys_addr_t at = phys(acpi_load(bgrt->bytes + 40, 8));
    const uint8_t *bitmap = read_known(at, 6);
    if (bitmap != NULL && bitmap[0] == 'B' && bitmap[1] == 'M')
        keep(boot, "the boot logo", at, acpi_load(bitmap + 2, 4));
}

static void keep_table(struct boot *boot, const struct acpi_table *table)
{
    char name[sizeof("ACPI ABCD")];

    format_text(name, sizeof(name), "ACPI %.4s", (const char *)table->bytes);
    keep(boot, name, table->at, table->length);
}

/* ACPI 6.5, table 5.9: DSDT at 40, X_DSDT at 140. */
static void keep_dsdt(struct boot *boot, const struct acpi_table *fadt)
{
    const uint64_t wide = fadt->length >= 148 ? acpi_load(fadt->bytes + 140, 8) : 0;
    const uint64_t narrow = fadt->length >= 44 ? acpi_load(fadt->bytes + 40, 4) : 0;
    struct acpi_table dsdt;

    if (acpi_table_at(read_known, phys(wide != 0 ? wide : narrow), "DSDT", &dsdt) == ACPI_OK)
        keep_table(boot, &dsdt);
}

static void keep_acpi(struct boot *boot)
{
    struct acpi_root root;
    struct acpi_table table;
    phys_addr_t bad;

    if (acpi_root_find(read_known, phys(boot->info->rsdp), &root, &bad) != ACPI_OK)
        return;
    keep(boot, "ACPI RSDP", root.rsdp, root.revision < 2 ? 20 : 36);
    keep_table(boot, &root.table);
    for (uint32_t i = 0; i < root.count; i++) {
        if (acpi_table_at(read_known, acpi_entry(&root, i), NULL, &table) != ACPI_OK)
            continue;
        keep_table(boot, &table);
        if (memcmp(table.bytes, "FACP", 4) == 0)
            keep_dsdt(boot, &table);
        if (memcmp(table.bytes, "BGRT", 4) == 0)
            keep_logo(boot, &table);
    }
}

/* SMBIOS 3.6, 5.2: where the entry point of each kind has its own length, the structures' size
 * and their address. */
struct smbios_layout {
    const char *anchor;
    uint8_t length_at, least_length;
    uint8_t size_at, size_bytes;
    uint8_t address_at, address_bytes;
};

static void keep_structures(struct boot *boot, const struct smbios_layout *layout)
{
    const phys_addr_t at = phys(boot->info->smbios);
    const uint8_t *entry = read_known(at, layout->least_length);

    if (entry == NULL || memcmp(entry, layout->anchor, strlen(layout->anchor)) != 0)
        return;
    const uint8_t length = entry[layout->length_at];
    if (length < layout->least_length || read_known(at, length) == NULL ||
        !acpi_sums_to_zero(entry, length))
        return;
    keep(boot, "SMBIOS's entry point", at, length);
    keep(boot, "SMBIOS's table", phys(acpi_load(entry + layout->address_at, layout->address_bytes)),
         acpi_load(entry + layout->size_at, layout->size_bytes));
}

static void keep_smbios(struct boot *boot)
{
    static const struct smbios_layout layouts[] = {
        {"_SM3_", 6, 24, 12, 4, 16, 8},
        {"_SM_", 5, 30, 22, 2, 24, 4}, /* 5.2.1: 31 bytes; 30 by an error of version 2.1 */
    };

    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        keep_structures(boot, &layouts[i]);
}

EFI_STATUS keep_firmware_tables(struct boot *boot)
{
    struct firmware_map firmware;

    TRY(allocate_firmware_map(boot, 0, &firmware));
    EFI_STATUS status = read_memory_map(boot, &firmware);
    if (!EFI_ERROR(status)) {
        known = &firmware.map;
        keep_acpi(boot);
        keep_smbios(boot);
        known = NULL;
    }
    free_firmware_map(boot, &firmware);
    return status;
}

bool is_still_to_be_kept(const struct memory_map *memory, struct phys_range range)
{
    return memory_map_covers(memory, range, SAFE | TO_BE_KEPT);
}
