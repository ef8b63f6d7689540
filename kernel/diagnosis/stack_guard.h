/* The compiler's stack protector: a word between a function's arrays and its return address,
 * compared before it returns. */
#ifndef BESTLA_KERNEL_STACK_GUARD_H
#define BESTLA_KERNEL_STACK_GUARD_H

/* Makes the word random, from the seed that the loader handed over, from RDRAND, or, with a
 * warning, from the time stamp counter. Only a function that never returns may call it: its own
 * frame was made with the word as it was. */
void stack_guard_start(void);

#endif
