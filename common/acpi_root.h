/* Finding ACPI's tables: RSDP, XSDT or RSDT, and any table that they name (ACPI 6.5, 5.2). The
 * loader looks for what firmware keeps in memory that would be reclaimed, the kernel for the way
 * to turn the machine off. Nothing that firmware wrote is believed: every table is read only where
 * `read` says there is memory, in the length that it has, and when its checksum is right.
 * Nothing is allocated or kept. */
#ifndef BESTLA_ACPI_ROOT_H
#define BESTLA_ACPI_ROOT_H

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

/* Little-endian, of any alignment; up to 8 bytes. */
static inline uint64_t acpi_load(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = size; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

/* Modulo 256, as every checksum of ACPI and SMBIOS is. */
static inline bool acpi_sums_to_zero(const uint8_t *bytes, size_t length)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum == 0;
}

const char *acpi_status_text(enum acpi_status status);

#endif
