/* See fake_log.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake_log.h"
#include "log.h"

char fake_log[1 << 16];
static size_t used;

void fake_log_clear(void)
{
    used = 0;
    fake_log[0] = '\0';
}

void log_sink(void *context, const char *text, size_t length)
{
    (void)context;
    assert_true(length < sizeof(fake_log) - used);
    memcpy(fake_log + used, text, length);
    used += length;
    fake_log[used] = '\0';
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...)
{
    va_list args;

    (void)level;
    log_raw("%s: ", subsystem);
    va_start(args, format);
    format_to(log_sink, NULL, format, args);
    va_end(args);
    log_raw("\n");
}

void log_raw(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(log_sink, NULL, format, args);
    va_end(args);
}
