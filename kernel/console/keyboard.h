/* The one keyboard: what is typed on it, as a terminal would send it. */
#ifndef BESTLA_KERNEL_KEYBOARD_H
#define BESTLA_KERNEL_KEYBOARD_H

#include "i8042.h"

/* Its ports are set; it has yet to be opened. */
extern struct i8042 keyboard_controller;

/* Looks for it, and logs what is found; `by` is why there may be one, a phrase. */
bool keyboard_open(const char *by);

/* The next character; false when none has come. Never waits. */
bool keyboard_read(char *character);

#endif
