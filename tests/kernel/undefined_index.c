/* Reads past the end of an array; the Makefile compiles it with checks for undefined
 * behaviour. */
#include "run.h"

#include "attempt.h"

static volatile int numbers[4];

void run(void)
{
    volatile int five = 5;

    numbers[0] = numbers[five];
    survived();
}
