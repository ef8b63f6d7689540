/* Time from the time stamp counter. */
#ifndef BESTLA_KERNEL_CLOCK_H
#define BESTLA_KERNEL_CLOCK_H

#include <stdint.h>

/* Takes the counter's frequency from CPUID where it says, else measures it against the PIT, 10 ms
 * long, and again where the measurement was disturbed; time 0 is `entry`. Never waits without
 * bound. */
void clock_start(uint64_t entry);

/* Logs the frequency, where it is from, and how far off it may be if that is more than 1 %. */
void clock_report(void);

/* The time stamp of time 0. */
uint64_t clock_entry(void);

/* From time 0 to a time stamp; negative before it. Counts ticks as nanoseconds while the
 * frequency is unknown. */
int64_t clock_microseconds(uint64_t tsc);

#endif
