/* Writes to the kernel's read-only data. */
#include "run.h"

#include "attempt.h"

static const uint8_t constant = 0x5a;

void run(void)
{
    attempt_write(&constant);
    survived();
}
