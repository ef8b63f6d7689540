/* The one way to die. */
#ifndef BESTLA_KERNEL_PANIC_H
#define BESTLA_KERNEL_PANIC_H

#include "format.h"

/* Says `kernel panic: …` on every console and halts this CPU for good. */
FORMAT_LIKE_PRINTF(1, 2)
_Noreturn void panic(const char *format, ...);

#endif
