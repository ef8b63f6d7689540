/* The few things in ACPI's tables that turn a machine off: ACPI 6.5, chapter 5.2 (tables, found by
 * acpi_root.h) and 20.2 (AML, for `\_S5`, without an interpreter). Nothing is allocated or kept. */
#ifndef BESTLA_KERNEL_ACPI_H
#define BESTLA_KERNEL_ACPI_H

#include "acpi_root.h"

/* A register's place (5.2.3.2, Generic Address Structure). */
enum acpi_space {
    ACPI_SPACE_MEMORY = 0,
    ACPI_SPACE_IO = 1,
    ACPI_SPACE_PCI = 2, /* device in bits 47:32, function in 31:16, offset in 15:0; bus 0 */
};

struct acpi_register {
    uint64_t address; /* 0: there is none */
    uint8_t space;    /* enum acpi_space, or another that nobody here knows */
    uint8_t bits;     /* to write at once */
};

/* Whether there is an 8042 or what passes for one: IAPC_BOOT_ARCH bit 1 (5.2.9.3), which FADTs have
 * from revision 3 on, that of ACPI 2.0. */
enum acpi_answer {
    ACPI_UNSAID,
    ACPI_NO,
    ACPI_YES,
};

/* What of the FADT (5.2.9) is of use here; what it is too short for is 0. */
struct acpi_fadt {
    enum acpi_answer has_8042;
    phys_addr_t dsdt;
    bool hardware_reduced, has_reset;
    uint32_t smi_command; /* port; 0: the machine is in ACPI mode always */
    uint8_t acpi_enable;  /* to be written there */
    uint8_t reset_value;
    struct acpi_register pm1a_status, pm1b_status, pm1a_control, pm1b_control;
    struct acpi_register reset, sleep_control, sleep_status;
};

void acpi_fadt_read(const struct acpi_table *table, struct acpi_fadt *fadt);

/* SLP_TYP values for the state S5. */
struct acpi_sleep_type {
    uint8_t a, b;
};

/* Looks in a definition block for `Name (\_S5, Package () {a, b, …})`. False: it is not there, or
 * not with two small integers. */
bool acpi_find_s5(const struct acpi_table *block, struct acpi_sleep_type *type);

#endif
