/* Holds the tables that are loaded against what must always hold (docs/memory.md). */
#ifndef BESTLA_KERNEL_AUDIT_H
#define BESTLA_KERNEL_AUDIT_H

#include <stddef.h>

/* Logs a line for each of the nine rules; returns how many do not hold. */
size_t audit_check(void);

/* The same; panics when one does not hold. */
void audit(void);

#endif
