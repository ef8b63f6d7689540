/* RSDP, XSDT, RSDT, FADT: see acpi.h. */
#include "acpi.h"

#include "mem.h"

#define RSDP_LENGTH_1 20 /* ACPI 1.0's part, which has a checksum of its own (5.2.5.3) */
#define RSDP_LENGTH_2 36

/* Little-endian, of any alignment. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

static bool sums_to_zero(const uint8_t *bytes, size_t length)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

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
    uint32_t length = (uint32_t)load(bytes + 4, 4);
    if (length < ACPI_HEADER || length > ACPI_LENGTH_MAX)
        return ACPI_BAD_LENGTH;
    bytes = read(at, length);
    if (bytes == NULL)
        return ACPI_OUTSIDE;
    *table = (struct acpi_table){at, bytes, length};
    return sums_to_zero(bytes, length) ? ACPI_OK : ACPI_BAD_CHECKSUM;
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
    if (!sums_to_zero(*bytes, RSDP_LENGTH_1))
        return ACPI_BAD_CHECKSUM;
    if ((*bytes)[15] < 2)
        return ACPI_OK;

    *bytes = read(at, RSDP_LENGTH_2);
    if (*bytes == NULL)
        return ACPI_OUTSIDE;
    uint32_t length = (uint32_t)load(*bytes + 20, 4);
    if (length < RSDP_LENGTH_2 || length > PAGE_SIZE)
        return ACPI_BAD_LENGTH;
    *bytes = read(at, length);
    if (*bytes == NULL)
        return ACPI_OUTSIDE;
    return sums_to_zero(*bytes, length) ? ACPI_OK : ACPI_BAD_CHECKSUM;
}

enum acpi_status acpi_root_find(acpi_read read, phys_addr_t rsdp, struct acpi_root *root,
                                phys_addr_t *bad)
{
    const uint8_t *bytes;

    *bad = rsdp;
    enum acpi_status status = check_rsdp(read, rsdp, &bytes);
    if (status != ACPI_OK)
        return status;
    uint64_t xsdt = bytes[15] < 2 ? 0 : load(bytes + 24, 8);
    *root = (struct acpi_root){.rsdp = rsdp, .revision = bytes[15]};
    root->entry_size = xsdt != 0 ? 8 : 4;
    *bad = phys(xsdt != 0 ? xsdt : load(bytes + 16, 4));
    status = acpi_table_at(read, *bad, xsdt != 0 ? "XSDT" : "RSDT", &root->table);
    if (status != ACPI_OK)
        return status;
    root->count = (root->table.length - ACPI_HEADER) / root->entry_size;
    return root->count <= ACPI_ENTRIES_MAX ? ACPI_OK : ACPI_BAD_LENGTH;
}

phys_addr_t acpi_entry(const struct acpi_root *root, uint32_t index)
{
    return phys(
        load(root->table.bytes + ACPI_HEADER + (size_t)index * root->entry_size, root->entry_size));
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

/* ---- the FADT -------------------------------------------------------------------------- */

/* Offsets of table 5.9. */
#define FADT_DSDT          40
#define FADT_SMI_COMMAND   48
#define FADT_ACPI_ENABLE   52
#define FADT_PM1A_CONTROL  64
#define FADT_PM1B_CONTROL  68
#define FADT_BOOT_ARCH     109
#define FADT_FLAGS         112
#define FADT_RESET         116
#define FADT_RESET_VALUE   128
#define FADT_X_DSDT        140
#define FADT_X_PM1A        172
#define FADT_X_PM1B        184
#define FADT_SLEEP_CONTROL 244

#define TABLE_REVISION 8

#define BOOT_ARCH_8042        1
#define FLAG_RESET            10
#define FLAG_HARDWARE_REDUCED 20

static uint64_t field(const struct acpi_table *table, uint32_t offset, uint32_t size)
{
    return offset + size <= table->length ? load(table->bytes + offset, size) : 0;
}

static struct acpi_register register_at(const struct acpi_table *table, uint32_t offset)
{
    return (struct acpi_register){
        .space = (uint8_t)field(table, offset, 1),
        .bits = (uint8_t)field(table, offset + 1, 1),
        .address = field(table, offset + 4, 8),
    };
}

/* A control register. An X_ field takes the place of the old one when it is not 0. */
static struct acpi_register extended(const struct acpi_table *table, uint32_t old, uint32_t offset)
{
    struct acpi_register wide = register_at(table, offset);

    if (wide.address == 0)
        return (struct acpi_register){field(table, old, 4), ACPI_SPACE_IO, 16};
    wide.bits = 16; /* whatever is written there: 4.8.3.2.1 */
    return wide;
}

static enum acpi_answer says_8042(const struct acpi_table *table)
{
    if (table->bytes[TABLE_REVISION] < 3 || table->length < FADT_BOOT_ARCH + 2)
        return ACPI_UNSAID;
    return field(table, FADT_BOOT_ARCH, 2) >> BOOT_ARCH_8042 & 1 ? ACPI_YES : ACPI_NO;
}

void acpi_fadt_read(const struct acpi_table *table, struct acpi_fadt *fadt)
{
    uint64_t flags = field(table, FADT_FLAGS, 4), dsdt = field(table, FADT_X_DSDT, 8);

    *fadt = (struct acpi_fadt){
        .has_8042 = says_8042(table),
        .dsdt = phys(dsdt != 0 ? dsdt : field(table, FADT_DSDT, 4)),
        .hardware_reduced = (flags >> FLAG_HARDWARE_REDUCED & 1) != 0,
        .has_reset = (flags >> FLAG_RESET & 1) != 0,
        .smi_command = (uint32_t)field(table, FADT_SMI_COMMAND, 4),
        .acpi_enable = (uint8_t)field(table, FADT_ACPI_ENABLE, 1),
        .reset_value = (uint8_t)field(table, FADT_RESET_VALUE, 1),
        .pm1a_control = extended(table, FADT_PM1A_CONTROL, FADT_X_PM1A),
        .pm1b_control = extended(table, FADT_PM1B_CONTROL, FADT_X_PM1B),
        .reset = register_at(table, FADT_RESET),
        .sleep_control = register_at(table, FADT_SLEEP_CONTROL),
    };
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
