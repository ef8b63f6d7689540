/* From physical to virtual addresses and back. The one offset is
 * kernel_space.phys_to_virt: 0 on the loader's tables, the direct map's base on the
 * kernel's own. Nobody asks which it is. */
#ifndef BESTLA_KERNEL_TRANSLATE_H
#define BESTLA_KERNEL_TRANSLATE_H

#include "page_table.h"

/* The tables that the kernel runs on. */
extern struct pt_space kernel_space;

static inline void *phys2virt(phys_addr_t address)
{
    return (void *)(uintptr_t)(address.raw + kernel_space.phys_to_virt);
}

/* For pointers that phys2virt gave, and for addresses of the kernel's image, whose real
 * frame it names. */
phys_addr_t virt2phys(const void *pointer);

/* For any address: asks the tables. False where nothing is mapped. */
bool try_virt_to_phys(virt_addr_t address, phys_addr_t *to);

#endif
