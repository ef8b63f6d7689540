/* Recurses until the stack is used up: the page fault then finds no stack to be reported on,
 * and becomes a double fault. */
#include "run.h"

#include "attempt.h"

static uint64_t dive(uint64_t depth)
{
    volatile uint8_t frame[512];

    frame[depth % sizeof(frame)] = 1;
    if (depth == UINT64_MAX)
        return 0;
    return dive(depth + 1) + frame[depth % sizeof(frame)];
}

void run(void)
{
    log_raw("attempt: %llu\n", (unsigned long long)dive(0));
    survived();
}
