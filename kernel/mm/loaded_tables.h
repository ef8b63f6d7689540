/* The page tables that CR3 names now, whoever made them, for those who must not trust them: a
 * panic, an inspector. A table outside of RAM is not looked into. */
#ifndef BESTLA_KERNEL_LOADED_TABLES_H
#define BESTLA_KERNEL_LOADED_TABLES_H

#include "page_table.h"

/* A space to read, never to edit. Its features say what the CPU enforces now. */
struct pt_space loaded_tables(void);

/* Can every byte of the range be read without a fault? */
bool loaded_tables_map(struct virt_range range);

#endif
