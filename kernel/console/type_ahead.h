/* What is typed while a command runs: kept in order until somebody asks for it, but for ^C, which
 * ends the command and drops what was typed before it, as a terminal's line discipline does
 * (POSIX.1-2017, Base Definitions 11.1.9, INTR, without NOFLSH). Pure. */
#ifndef BESTLA_KERNEL_TYPE_AHEAD_H
#define BESTLA_KERNEL_TYPE_AHEAD_H

#include <stdbool.h>
#include <stddef.h>

#define TYPE_AHEAD_MAX       4096U /* characters; those that come when so many wait are lost */
#define TYPE_AHEAD_INTERRUPT '\x03'

/* All zero: nothing has been typed. */
struct type_ahead {
    char text[TYPE_AHEAD_MAX];
    size_t first, count;
};

/* A character that came. True: it is ^C, nothing is kept. */
__attribute__((warn_unused_result)) bool type_ahead_feed(struct type_ahead *ahead, char character);

/* The oldest that is kept; false when none is. */
__attribute__((warn_unused_result)) bool type_ahead_take(struct type_ahead *ahead, char *character);

#endif
