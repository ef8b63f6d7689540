/* Panics when the memory map is gone: the report must be whole. */
#include "run.h"

#include "attempt.h"
#include "handoff.h"

void run(void)
{
    kernel_memory.ranges = attempt_at((const void *)(uintptr_t)UINT64_C(0xffffa00000000000));
    panic("the first");
}
