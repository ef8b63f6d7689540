/* The FADT: see acpi.h. */
#include "acpi.h"

/* Offsets of table 5.9. */
#define FADT_DSDT          40
#define FADT_SMI_COMMAND   48
#define FADT_ACPI_ENABLE   52
#define FADT_PM1A_EVENT    56
#define FADT_PM1B_EVENT    60
#define FADT_PM1A_CONTROL  64
#define FADT_PM1B_CONTROL  68
#define FADT_BOOT_ARCH     109
#define FADT_FLAGS         112
#define FADT_RESET         116
#define FADT_RESET_VALUE   128
#define FADT_X_DSDT        140
#define FADT_X_PM1A_EVENT  148
#define FADT_X_PM1B_EVENT  160
#define FADT_X_PM1A        172
#define FADT_X_PM1B        184
#define FADT_SLEEP_CONTROL 244
#define FADT_SLEEP_STATUS  256

#define TABLE_REVISION 8

#define BOOT_ARCH_8042        1
#define FLAG_RESET            10
#define FLAG_HARDWARE_REDUCED 20

static uint64_t field(const struct acpi_table *table, uint32_t offset, uint32_t size)
{
    return offset + size <= table->length ? acpi_load(table->bytes + offset, size) : 0;
}

static struct acpi_register register_at(const struct acpi_table *table, uint32_t offset)
{
    return (struct acpi_register){
        .space = (uint8_t)field(table, offset, 1),
        .bits = (uint8_t)field(table, offset + 1, 1),
        .address = field(table, offset + 4, 8),
    };
}

/* A control register, or the status register that an event block begins with. An X_ field takes the
 * place of the old one when it is not 0. */
static struct acpi_register extended(const struct acpi_table *table, uint32_t old, uint32_t offset)
{
    struct acpi_register wide = register_at(table, offset);

    if (wide.address == 0)
        return (struct acpi_register){field(table, old, 4), ACPI_SPACE_IO, 16};
    wide.bits = 16; /* whatever is written there: 4.8.3.1, 4.8.3.2 */
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
        .pm1a_status = extended(table, FADT_PM1A_EVENT, FADT_X_PM1A_EVENT),
        .pm1b_status = extended(table, FADT_PM1B_EVENT, FADT_X_PM1B_EVENT),
        .pm1a_control = extended(table, FADT_PM1A_CONTROL, FADT_X_PM1A),
        .pm1b_control = extended(table, FADT_PM1B_CONTROL, FADT_X_PM1B),
        .reset = register_at(table, FADT_RESET),
        .sleep_control = register_at(table, FADT_SLEEP_CONTROL),
        .sleep_status = register_at(table, FADT_SLEEP_STATUS),
    };
}
