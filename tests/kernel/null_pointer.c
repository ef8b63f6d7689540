/* Writes through a null pointer, three calls deep. tests/boot/test_panic.py finds the lines by
 * what stands in them. */
#include "run.h"

#include "attempt.h"

static volatile unsigned depth;

static __attribute__((noinline)) void third(volatile uint8_t *pointer)
{
    depth = 3;
    *pointer = 1;
    depth = 2;
}

static __attribute__((noinline)) void second(volatile uint8_t *pointer)
{
    depth = 2;
    third(pointer);
    depth = 1;
}

static __attribute__((noinline)) void first(volatile uint8_t *pointer)
{
    depth = 1;
    second(pointer);
    depth = 0;
}

void run(void)
{
    first(attempt_at(NULL));
    survived();
}
