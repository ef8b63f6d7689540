/* Writes to the kernel's text where the direct map shows its frame. */
#include "run.h"

#include "attempt.h"

void run(void)
{
    attempt_write(phys2virt(virt2phys((const void *)(uintptr_t)run)));
    survived();
}
