/* What the kernel says: lines with the time, the subsystem and, when it matters, the
 * level, to every console there is. Usable from the first line of kernel_main and in any
 * context; not reentrant. */
#ifndef BESTLA_KERNEL_LOG_H
#define BESTLA_KERNEL_LOG_H

#include "format.h"
#include "log_level.h"

#include <stdbool.h>
#include <stdint.h>

/* Finds the consoles. Times are clock.h's: call clock_start first. */
void log_open(void);

/* Whether there is a console, as far as that can be known, that somebody may read. */
bool log_is_seen(void);

/* `[    0.001234] mm: text`: seconds since the kernel's entry. */
FORMAT_LIKE_PRINTF(3, 4)
void log_write(enum log_level level, const char *subsystem, const char *format, ...);

/* The same with a time stamp of the TSC; before the kernel's entry it counts down to 0. */
void log_write_at(uint64_t tsc, enum log_level level, const char *subsystem, const char *text,
                  size_t length);

/* Text as it stands, without time and subsystem: tables, and the last words of a panic. */
FORMAT_LIKE_PRINTF(1, 2)
void log_raw(const char *format, ...);

/* From now on `sink` gets, without a context, all that the consoles get; NULL: nobody does. */
void log_also_to(format_sink sink);

/* Ends a line that somebody has begun. */
void log_fresh_line(void);

/* The consoles as a sink of format.h; the context is not used. */
void log_sink(void *context, const char *text, size_t length);

#define log_info(subsystem, ...)    log_write(LOG_INFO, subsystem, __VA_ARGS__)
#define log_warning(subsystem, ...) log_write(LOG_WARNING, subsystem, __VA_ARGS__)

#endif
