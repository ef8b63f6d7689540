/* An exception handler that panics, on a stack of its own: what it interrupted must be in the
 * backtrace. */
#include "run.h"

#include "attempt.h"
#include "cpu.h"

static __attribute__((noinline)) void find_fault(const struct registers *registers)
{
    panic("handler of vector %lu", registers->vector);
}

static bool on_nmi(struct registers *registers)
{
    find_fault(registers);
    return true;
}

static __attribute__((noinline)) void interrupted(void)
{
    __asm__ volatile("int $2" ::: "memory");
    log_raw("attempt: 0x0\n");
}

void run(void)
{
    exception_handle(VECTOR_NMI, on_nmi);
    interrupted();
    survived();
}
