/* The last step of kernel_main: the place where a kernel built on this one begins. */
#ifndef BESTLA_KERNEL_RUN_H
#define BESTLA_KERNEL_RUN_H

_Noreturn void run(void);

#endif
