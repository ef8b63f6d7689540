/* What is typed, whatever device it comes from: characters as a terminal sends them. One user. */
#ifndef BESTLA_KERNEL_INPUT_H
#define BESTLA_KERNEL_INPUT_H

#include <stdbool.h>

/* Finds the devices, and whether an interrupt tells of a character. False: there is nothing to
 * type on. To be called after log_open(), with interrupts off. */
bool input_open(void);

/* The next character; false when none has come. Never waits. */
bool input_read(char *character);

/* Sleeps until a character may have come. Where no interrupt tells of one it returns at once,
 * and to wait is to call this and input_read() in turn. Interrupts are on in here and, for a trial,
 * in input_open(), and nowhere else. */
void input_wait(void);

/* How input_wait() waits: "interrupt" or "polling". */
const char *input_way(void);

#endif
