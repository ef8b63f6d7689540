/* The page tables that CR3 names now, whoever made them, for those who must not trust them: a
 * panic, an inspector. A table outside of RAM is not looked into.
 *
 * What is trusted: the kernel's image, and the mapping of physical memory through which tables are
 * read. Both are in place at any moment, between loading CR3 and switching the helpers too. */
#ifndef BESTLA_KERNEL_LOADED_TABLES_H
#define BESTLA_KERNEL_LOADED_TABLES_H

#include "memory_map.h"
#include "page_table.h"

/* Remembers in the image where RAM is; until then all memory counts as such. Of a map in more than
 * LOADED_TABLES_RUNS pieces those that do not fit are not looked into. */
#define LOADED_TABLES_RUNS 128
void loaded_tables_note_ram(const struct memory_map *map);

/* To be called before CR3 is loaded with another root: where physical memory will be found
 * then. */
void loaded_tables_expect(phys_addr_t root, uint64_t phys_to_virt);

/* A space to read, never to edit. Its features say what the CPU enforces now. */
struct pt_space loaded_tables(void);

/* Can the kernel read every byte of the range, at least one, without a fault? Not those of user
 * pages, which SMAP keeps it from. */
bool loaded_tables_map(const struct pt_space *space, struct virt_range range);

#endif
