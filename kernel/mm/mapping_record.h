/* Who uses which part of the address space: names only. Physical addresses, rights and memory
 * types are read from the tables whenever the record is printed, so that there is one truth. */
#ifndef BESTLA_KERNEL_MAPPING_RECORD_H
#define BESTLA_KERNEL_MAPPING_RECORD_H

#include "page_table.h"

#define MAPPING_RECORD_MAX 32

/* Notes a user of a range of whole pages. `entity` must live as long as the kernel. Several may
 * use one range, or parts of another's. Panics when there are MAPPING_RECORD_MAX already. */
void mapping_record_add(struct virt_range range, const char *entity);

/* Prints the record in ascending order: a line for each stretch that is mapped alike, with every
 * further user of the same range on a line below. */
void mapping_record_print(const struct pt_space *space);

#endif
