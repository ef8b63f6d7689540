/* Writes past an array on the stack, over the canary, the caller's frame pointer and the return
 * address. */
#include "run.h"

#include "attempt.h"
#include "mem.h"

static __attribute__((noinline)) void smash(size_t size)
{
    uint8_t array[32];

    memset(attempt_at(array), 0x41, size);
}

void run(void)
{
    smash(80);
    survived();
}
