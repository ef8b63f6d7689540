/* Executes what is no instruction. */
#include "run.h"

#include "attempt.h"

void run(void)
{
    __asm__ volatile("ud2");
    survived();
}
