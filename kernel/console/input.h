/* What is typed, whatever device it comes from: characters as a terminal sends them. One user. */
#ifndef BESTLA_KERNEL_INPUT_H
#define BESTLA_KERNEL_INPUT_H

#include "acpi.h"

#include <stdbool.h>

/* Finds the devices, COM1 and a keyboard, and whether interrupts tell of a character; logs what it
 * finds. A keyboard's controller is looked for unless ACPI says that there is none: older machines
 * have one and do not say so. False: there is nothing to type on, or only a keyboard and nothing
 * to read on. To be called after log_open(), with interrupts off. */
bool input_open(enum acpi_answer has_8042);

/* The next character; false when none has come. Never waits. */
bool input_read(char *character);

/* Has ^C been typed since the last one? For whoever is at work: it costs a read of a port for each
 * device, and never waits. What was typed before a ^C is dropped, all else is kept for
 * input_read() (type_ahead.h). */
bool input_interrupted(void);

/* Sleeps until a character may have come. Where no interrupt tells of one it returns at once,
 * and to wait is to call this and input_read() in turn. Interrupts are on in here and, for a trial,
 * in input_open(), and nowhere else. */
void input_wait(void);

/* How input_wait() waits: "interrupt" or "polling", which is when one device needs it. */
const char *input_way(void);

#endif
