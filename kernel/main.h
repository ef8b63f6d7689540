/* What entry.asm calls. */
#ifndef BESTLA_KERNEL_MAIN_H
#define BESTLA_KERNEL_MAIN_H

#include "addr.h"

_Noreturn void kernel_main(phys_addr_t handed_over);

#endif
