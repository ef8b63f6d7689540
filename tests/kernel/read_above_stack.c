/* Reads above the boot stack. */
#include "run.h"

#include "attempt.h"

extern const char boot_stack_top[];

void run(void)
{
    attempt_read(boot_stack_top);
    survived();
}
