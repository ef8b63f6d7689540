/* Turning the machine off, or starting it anew, by what ACPI's tables say (acpi.h) and by what PCs
 * have always had. */
#ifndef BESTLA_KERNEL_POWER_H
#define BESTLA_KERNEL_POWER_H

#include "acpi.h"

/* The kernel's own memory, for acpi.h: RAM by the memory map that the loaded tables map. */
const uint8_t *power_read(phys_addr_t at, uint64_t size);

/* The FADT, and S5's values from the DSDT or the first SSDT that has them; `what` gets the name of
 * the table that is not as it should be. */
enum acpi_status power_find_fadt(struct acpi_fadt *fadt, const char **what);
bool power_find_s5(const struct acpi_fadt *fadt, struct acpi_sleep_type *type);

/* What the FADT says of an 8042; ACPI_UNSAID where there is none that can be read. */
enum acpi_answer power_has_8042(void);

/* Soft-off, S5 (ACPI 6.5, 16.1.4 and 4.8.3.2). Returns when the machine is still on, with why. */
const char *power_off(void);

/* The FADT's reset register (4.8.3.6), the keyboard controller, a triple fault: in this order,
 * each after the one before had its time. */
_Noreturn void power_reset(void);

#endif
