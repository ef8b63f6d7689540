/* How the kernel got where it is, by the frame pointers that every function keeps.
 *
 * Nothing on a stack is believed: a pointer is followed when it lies in one of the kernel's stacks,
 * above the last one, and when the page tables that are loaded map it (what that takes on trust,
 * loaded_tables.h says); so this does not fault and always ends. */
#ifndef BESTLA_KERNEL_BACKTRACE_H
#define BESTLA_KERNEL_BACKTRACE_H

#include "cpu.h"

/* Prints one line a frame, innermost first: `0xffffffff8010a2f4 name+0x14 (file:line)`. Goes
 * through exceptions, from one stack to another, up to the kernel's entry, and says why when it has
 * to stop before. `?` marks what is not certain: a frame whose return address no call of the
 * frame before it precedes, and after a broken chain what the rest of the stack looks like. */
void backtrace_print(const struct registers *from);

#endif
