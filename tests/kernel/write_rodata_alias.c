/* Writes to read-only data where the direct map shows its frame. */
#include "run.h"

#include "attempt.h"

static const uint8_t constant = 0x5a;

void run(void)
{
    attempt_write(phys2virt(virt2phys(&constant)));
    survived();
}
