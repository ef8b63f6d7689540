/* Holds the tables that are loaded against what must always hold (docs/memory.md). */
#ifndef BESTLA_KERNEL_AUDIT_H
#define BESTLA_KERNEL_AUDIT_H

/* Logs a line for each of the eight rules; panics when one does not hold. */
void audit(void);

#endif
