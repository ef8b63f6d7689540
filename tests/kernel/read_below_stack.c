/* Reads below the boot stack. */
#include "run.h"

#include "attempt.h"

extern const char boot_stack_bottom[];

void run(void)
{
    attempt_read((const void *)(uintptr_t)(virt_of(boot_stack_bottom).raw - 1));
    survived();
}
