/* Adds what does not fit; the Makefile compiles it with checks for undefined behaviour. */
#include "run.h"

#include "attempt.h"

void run(void)
{
    volatile int most = INT32_MAX;

    most = most + 1;
    survived();
}
