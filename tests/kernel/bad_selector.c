/* Loads a segment that the GDT does not have. */
#include "run.h"

#include "attempt.h"

void run(void)
{
    __asm__ volatile("mov %0, %%ds" ::"r"(0x1238));
    survived();
}
