/* A handler of NMIs that recurses until its stack is used up: the page fault finds no room on it,
 * and becomes a double fault. */
#include "run.h"

#include "attempt.h"
#include "cpu.h"

static uint64_t dive(uint64_t depth)
{
    volatile uint8_t frame[512];

    frame[depth % sizeof(frame)] = 1;
    if (depth == UINT64_MAX)
        return 0;
    return dive(depth + 1) + frame[depth % sizeof(frame)];
}

static bool on_nmi(struct registers *registers)
{
    registers->rax = dive(0);
    return true;
}

void run(void)
{
    exception_handle(VECTOR_NMI, on_nmi);
    __asm__ volatile("int $2" ::: "rax", "memory");
    survived();
}
