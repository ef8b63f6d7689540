/* What the kernel does once it stands: say so, and let itself be looked at. A kernel of
 * tests/kernel/ has another file in this one's place. */
#include "run.h"

#include "handoff.h"
#include "log.h"
#include "monitor.h"
#include "options.h"
#include "x86_cpu.h"

void run(void)
{
    log_raw("bestla: ready\n");
    if (!option_is(boot_options(), "monitor", "off"))
        monitor_run();
    halt_forever();
}
