/* The page map: which addresses lead where, with which rights, and what lies there. */
#ifndef BESTLA_KERNEL_PAGE_MAP_H
#define BESTLA_KERNEL_PAGE_MAP_H

#include "page_table.h"

/* Prints every run of the space, rights as all levels together leave them. */
void page_map_print(const struct pt_space *space);

/* The runs that the pages of this range belong to, or that there are none. */
void page_map_print_range(const struct pt_space *space, struct virt_range range);

/* The name of the memory type that the PAT has at this index: WB, WT, WC, WP, UC-, UC. */
const char *page_memory_type(unsigned pat);

#endif
