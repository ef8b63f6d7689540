/* The page map: which addresses lead where, with which rights, and what lies there. */
#ifndef BESTLA_KERNEL_PAGE_MAP_H
#define BESTLA_KERNEL_PAGE_MAP_H

#include "page_table.h"

/* Asked before each row whether to stop there. */
typedef bool (*page_map_stop)(void);

/* Prints every run of the space, rights as all levels together leave them, until `stop`, unless it
 * is NULL, says so. Returns where the last row that was printed ends. */
virt_addr_t page_map_print(const struct pt_space *space, page_map_stop stop);

/* The same of the runs that the pages of this range belong to, or that there are none. */
virt_addr_t page_map_print_range(const struct pt_space *space, struct virt_range range,
                                 page_map_stop stop);

/* The name of the memory type that the PAT has at this index: WB, WT, WC, WP, UC-, UC. */
const char *page_memory_type(unsigned pat);

#endif
