/* Why memory said no, in words. */
#ifndef BESTLA_KERNEL_PAGE_FAULT_H
#define BESTLA_KERNEL_PAGE_FAULT_H

#include "addr.h"

#include <stdint.h>

/* Prints what was tried, what lies at the address, the way through the tables level by level, and
 * which entry forbade it. `error` is the error code (SDM Vol. 3A, 4.7). */
void page_fault_explain(uint64_t error, virt_addr_t address);

/* Prints what lies at an address, if that is known: a guard page, a symbol, the direct map's
 * alias of something. */
void address_describe(virt_addr_t address);

/* Prints the entries that an address is translated by, on a line each. */
void address_print_walk(virt_addr_t address);

#endif
