/* Holds the tables that are loaded against what must always hold (docs/memory.md). */
#ifndef BESTLA_KERNEL_AUDIT_H
#define BESTLA_KERNEL_AUDIT_H

#include "addr.h"

/* Logs a line for each of the nine rules; returns how many do not hold. `can_read`, unless it is
 * NULL, is asked before a table is looked into: once it has said no the audit ends, without a line
 * for the rule that it was at. `checked` gets how many rules it got to the end of. */
size_t audit_check(bool (*can_read)(phys_addr_t table), size_t *checked);
#define AUDIT_RULES 9U

/* The same; panics when one does not hold. */
void audit(void);

#endif
