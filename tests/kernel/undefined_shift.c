/* Shifts by more bits than there are; the Makefile compiles it with checks for undefined
 * behaviour. */
#include "run.h"

#include "attempt.h"

void run(void)
{
    volatile int bits = 33;

    bits = 1 << bits;
    survived();
}
