/* See acpi_root.h. */
#include "acpi_root.h"

#include "mem.h"

#define RSDP_LENGTH_1 20 /* ACPI 1.0's part, which has a checksum of its own (5.2.5.3) */
#define RSDP_LENGTH_2 36

/* ---- any table ------------------------------------------------------------------------- */

enum acpi_status acpi_table_at(acpi_read read, phys_addr_t at, const char *signature,
                               struct acpi_table *table)
{
    if (at.raw == 0)
        return ACPI_ABSENT;
    const uint8_t *bytes = read(at, ACPI_HEADER);
    if (bytes == NULL)
        return ACPI_OUTSIDE;
    if (signature != NULL && memcmp(bytes, signature, 4) != 0)
        return ACPI_BAD_SIGNATURE;
    uint32_t length = (uint32_t)acpi_load(bytes + 4, 4);
    if (length < ACPI_HEADER || length > ACPI_LENGTH_MAX)
        return ACPI_BAD_LENGTH;
    bytes = read(at, length);
    if (bytes == NULL)
        return ACPI_OUTSIDE;
    *table = (struct acpi_table){at, bytes, length};
    return acpi_sums_to_zero(bytes, length) ? ACPI_OK : ACPI_BAD_CHECKSUM;
}

/* ---- the root -------------------------------------------------------------------------- */

static enum acpi_status check_rsdp(acpi_read read, phys_addr_t at, const uint8_t **bytes)
{
    if (at.raw == 0)
        return ACPI_ABSENT;
    *bytes = read(at, RSDP_LENGTH_1);
    if (*bytes == NULL)
        return ACPI_OUTSIDE;
    if (memcmp(*bytes, "RSD PTR ", 8) != 0)
        return ACPI_BAD_SIGNATURE;
    if (!acpi_sums_to_zero(*bytes, RSDP_LENGTH_1))
        return ACPI_BAD_CHECKSUM;
    if ((*bytes)[15] < 2)
        return ACPI_OK;

    *bytes = read(at, RSDP_LENGTH_2);
    if (*bytes == NULL)
        return ACPI_OUTSIDE;
    uint32_t length = (uint32_t)acpi_load(*bytes + 20, 4);
    if (length < RSDP_LENGTH_2 || length > PAGE_SIZE)
        return ACPI_BAD_LENGTH;
    *bytes = read(at, length);
    if (*bytes == NULL)
        return ACPI_OUTSIDE;
    return acpi_sums_to_zero(*bytes, length) ? ACPI_OK : ACPI_BAD_CHECKSUM;
}

enum acpi_status acpi_root_find(acpi_read read, phys_addr_t rsdp, struct acpi_root *root,
                                phys_addr_t *bad)
{
    const uint8_t *bytes;

    *bad = rsdp;
    enum acpi_status status = check_rsdp(read, rsdp, &bytes);
    if (status != ACPI_OK)
        return status;
    uint64_t xsdt = bytes[15] < 2 ? 0 : acpi_load(bytes + 24, 8);
    *root = (struct acpi_root){.rsdp = rsdp, .revision = bytes[15]};
    root->entry_size = xsdt != 0 ? 8 : 4;
    *bad = phys(xsdt != 0 ? xsdt : acpi_load(bytes + 16, 4));
    status = acpi_table_at(read, *bad, xsdt != 0 ? "XSDT" : "RSDT", &root->table);
    if (status != ACPI_OK)
        return status;
    root->count = (root->table.length - ACPI_HEADER) / root->entry_size;
    return root->count <= ACPI_ENTRIES_MAX ? ACPI_OK : ACPI_BAD_LENGTH;
}

phys_addr_t acpi_entry(const struct acpi_root *root, uint32_t index)
{
    return phys(acpi_load(root->table.bytes + ACPI_HEADER + (size_t)index * root->entry_size,
                          root->entry_size));
}

enum acpi_status acpi_table_find(acpi_read read, const struct acpi_root *root,
                                 const char *signature, struct acpi_table *table)
{
    enum acpi_status worst = ACPI_ABSENT;

    for (uint32_t i = 0; i < root->count; i++) {
        enum acpi_status status = acpi_table_at(read, acpi_entry(root, i), signature, table);
        if (status == ACPI_OK)
            return ACPI_OK;
        if (status == ACPI_BAD_LENGTH || status == ACPI_BAD_CHECKSUM ||
            (status == ACPI_OUTSIDE && worst == ACPI_ABSENT))
            worst = status;
    }
    return worst;
}

const char *acpi_status_text(enum acpi_status status)
{
    static const char *const texts[] = {
        [ACPI_OK] = "good",
        [ACPI_ABSENT] = "absent",
        [ACPI_OUTSIDE] = "not in memory that the memory map knows and the tables map",
        [ACPI_BAD_SIGNATURE] = "something else, by its signature",
        [ACPI_BAD_LENGTH] = "of an impossible length",
        [ACPI_BAD_CHECKSUM] = "damaged: its checksum is wrong",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}
