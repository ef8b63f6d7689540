/* What the loader hands over, checked and then copied out of the loader's memory. */
#ifndef BESTLA_KERNEL_HANDOFF_H
#define BESTLA_KERNEL_HANDOFF_H

#include "boot_info.h"
#include "frames.h"
#include "text.h"

/* The kernel's own copy; its addresses are those of copies too, and physical. */
extern struct boot_info boot_info;

/* The kernel's memory map. It shrinks and grows in types as memory changes hands. */
extern struct memory_map kernel_memory;

/* Checks everything and takes boot_info and kernel_memory, which still point into the
 * loader's memory. Panics, naming the field, when something is wrong. */
void handoff_check(phys_addr_t at);

/* Takes 8 bytes of the seed, which nobody gets again. False: none are left, or there never were. */
bool handoff_take_random(uint64_t *word);

/* Prints the loader's log, its times counted from the kernel's entry, and how long each of its
 * steps took up to that entry. */
void handoff_print_log(uint64_t kernel_entered);

/* Moves all that the kernel wants to keep into frames of its own. */
void handoff_copy(struct frame_allocator *frames);

/* Notes in the mapping record what these frames hold. */
void handoff_record(void);

/* To be called when physical memory is found at other addresses. */
void handoff_rebase(void);

/* The options line; empty before handoff_check. */
struct text boot_options(void);

#endif
