/* See log.h. The consoles are COM1 and QEMU's debug console, each only where it is. */
#include "log.h"

#include "clock.h"
#include "com1.h"
#include "x86_cpu.h"

#define DEBUG_CONSOLE       UINT16_C(0x402)
#define DEBUG_CONSOLE_THERE UINT8_C(0xe9) /* what QEMU's isa-debugcon reads as */

struct uart com1 = {.base = UART_COM1, .in = in8, .out = out8};
static bool debug_console;
static bool in_line; /* the last character was not a line's end */

void log_sink(void *context, const char *text, size_t length)
{
    (void)context;
    if (length != 0)
        in_line = text[length - 1] != '\n';
    uart_write(&com1, text, length);
    for (size_t i = 0; i < length && debug_console; i++)
        out8(DEBUG_CONSOLE, (uint8_t)text[i]);
}

void log_open(void)
{
    uart_probe(&com1);
    /* On a real machine the port may be another device's. */
    debug_console = cpu_is_guest() && in8(DEBUG_CONSOLE) == DEBUG_CONSOLE_THERE;
    log_write(LOG_INFO, "console", "COM1 %s, debug console %s",
              com1.present ? "115200 8N1" : "absent", debug_console ? "0x402" : "absent");
}

static void put_head(uint64_t tsc, enum log_level level, const char *subsystem)
{
    int64_t us = clock_microseconds(tsc);
    uint64_t size = us < 0 ? (uint64_t)-us : (uint64_t)us;
    char seconds[24];

    format_text(seconds, sizeof(seconds), "%s%lu", us < 0 ? "-" : "", (size / 1000000));
    log_raw("[%5s.%06lu] %s: %s", seconds, (size % 1000000), subsystem,
            level == LOG_ERROR     ? "error: "
            : level == LOG_WARNING ? "warning: "
                                   : "");
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...)
{
    va_list args;

    put_head(read_tsc(), level, subsystem);
    va_start(args, format);
    format_to(log_sink, NULL, format, args);
    va_end(args);
    log_sink(NULL, "\n", 1);
}

void log_write_at(uint64_t tsc, enum log_level level, const char *subsystem, const char *text,
                  size_t length)
{
    put_head(tsc, level, subsystem);
    log_raw("%.*s\n", (int)length, text);
}

void log_raw(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(log_sink, NULL, format, args);
    va_end(args);
}

void log_fresh_line(void)
{
    if (in_line)
        log_sink(NULL, "\n", 1);
}
