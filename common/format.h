/* printf's core, to any sink. Understands %% %c %s %d %i %u %x %X %p, the
 * lengths hh h l ll z, the flags - 0 # and space-padding, a width, and a
 * precision for %s (both may be `*`). %p always has its 0x, a NULL string is
 * "(null)", a width counts up to 4095. Anything else is written as it stands,
 * and so is all that follows it, for then nobody knows which argument is next:
 * a wrong format shows instead of crashing. No floating point, no locale, no
 * allocation: safe in a panic. */
#ifndef BESTLA_FORMAT_H
#define BESTLA_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#define FORMAT_LIKE_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Receives the text piece by piece; `text` is not terminated and only valid
 * during the call. */
typedef void (*format_sink)(void *context, const char *text, size_t length);

FORMAT_LIKE_PRINTF(3, 0)
void format_to(format_sink sink, void *context, const char *format, va_list args);

/* Writes at most `size` bytes with the terminating NUL (nothing when size is
 * 0) and returns the length the whole text has, as snprintf does. */
FORMAT_LIKE_PRINTF(3, 4)
size_t format_text(char *buffer, size_t size, const char *format, ...);

FORMAT_LIKE_PRINTF(3, 0)
size_t format_text_args(char *buffer, size_t size, const char *format, va_list args);

#endif
