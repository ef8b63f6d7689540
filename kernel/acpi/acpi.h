/* Finding ACPI's tables and the few things in them that turn a machine off: ACPI 6.5, chapter 5.2
 * (tables) and 20.2 (AML, for `\_S5`, without an interpreter). Nothing that firmware wrote is
 * believed: every table is read only where `read` says there is memory, in the length that it
 * has, and when its checksum is right. Nothing is allocated or kept. */
#ifndef BESTLA_KERNEL_ACPI_H
#define BESTLA_KERNEL_ACPI_H

#include "addr.h"

/* `size` bytes at `at`, to be read as they are; NULL where that is not all memory. */
typedef const uint8_t *(*acpi_read)(phys_addr_t at, uint64_t size);

enum acpi_status {
    ACPI_OK,
    ACPI_ABSENT,        /* no address given, or no such table */
    ACPI_OUTSIDE,       /* not in memory that can be read */
    ACPI_BAD_SIGNATURE, /* something else is there */
    ACPI_BAD_LENGTH,    /* shorter than its own fields, or past ACPI_LENGTH_MAX or _ENTRIES_MAX */
    ACPI_BAD_CHECKSUM,
};

/* Far beyond what machines have (a DSDT of some 100 KiB, dozens of tables), and little enough that
 * a damaged length costs no noticeable time. */
#define ACPI_LENGTH_MAX  (UINT32_C(2) << 20)
#define ACPI_ENTRIES_MAX 1024U
#define ACPI_HEADER      36U /* bytes before what is a table's own (5.2.6) */

/* A table that was found good. */
struct acpi_table {
    phys_addr_t at;
    const uint8_t *bytes;
    uint32_t length; /* ACPI_HEADER or more */
};

/* The RSDP, and the XSDT that it leads to, or the RSDT where there is none. */
struct acpi_root {
    phys_addr_t rsdp;
    unsigned revision; /* of the RSDP: 0 for ACPI 1.0, 2 from 2.0 on */
    struct acpi_table table;
    unsigned entry_size; /* 8 in an XSDT, 4 in an RSDT */
    uint32_t count;
};

/* `bad` gets the address of what is not as it should be. */
__attribute__((warn_unused_result)) enum acpi_status acpi_root_find(acpi_read read,
                                                                    phys_addr_t rsdp,
                                                                    struct acpi_root *root,
                                                                    phys_addr_t *bad);

/* Where entry `index`, below root->count, leads. */
phys_addr_t acpi_entry(const struct acpi_root *root, uint32_t index);

/* The table at an address, of any signature where that is NULL. On ACPI_BAD_CHECKSUM `table` is
 * filled all the same, to be shown. */
__attribute__((warn_unused_result)) enum acpi_status acpi_table_at(acpi_read read, phys_addr_t at,
                                                                   const char *signature,
                                                                   struct acpi_table *table);

/* The first good table of a signature, of those that the root names. Without one, what is wrong
 * with one that is bad; else ACPI_OUTSIDE when it may be among those that cannot be read. */
__attribute__((warn_unused_result)) enum acpi_status acpi_table_find(acpi_read read,
                                                                     const struct acpi_root *root,
                                                                     const char *signature,
                                                                     struct acpi_table *table);

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
    struct acpi_register pm1a_control, pm1b_control, reset, sleep_control;
};

void acpi_fadt_read(const struct acpi_table *table, struct acpi_fadt *fadt);

/* SLP_TYP values for the state S5. */
struct acpi_sleep_type {
    uint8_t a, b;
};

/* Looks in a definition block for `Name (\_S5, Package () {a, b, …})`. False: it is not there, or
 * not with two small integers. */
bool acpi_find_s5(const struct acpi_table *block, struct acpi_sleep_type *type);

const char *acpi_status_text(enum acpi_status status);

#endif
