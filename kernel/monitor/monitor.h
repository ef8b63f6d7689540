/* The kernel monitor: a prompt on the console from which the machine is looked at. */
#ifndef BESTLA_KERNEL_MONITOR_H
#define BESTLA_KERNEL_MONITOR_H

#include "line.h"

/* Takes lines and runs them, for ever. Returns at once when there is nothing to type on. */
void monitor_run(void);

#endif
