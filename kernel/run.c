/* What the kernel does once it stands: say so. A kernel of tests/kernel/ has another
 * file in this one's place. */
#include "run.h"

#include "log.h"
#include "x86_cpu.h"

void run(void)
{
    log_raw("bestla: ready\n");
    halt_forever();
}
