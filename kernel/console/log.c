/* See log.h. The consoles are COM1, QEMU's debug console and the screen, each only where it
 * is. */
#include "log.h"

#include "clock.h"
#include "com1.h"
#include "display.h"
#include "x86_cpu.h"

#define DEBUG_CONSOLE       UINT16_C(0x402)
#define DEBUG_CONSOLE_THERE UINT8_C(0xe9) /* what QEMU's isa-debugcon reads as */

struct uart com1 = {.base = UART_COM1, .in = in8, .out = out8};
static bool debug_console;
static format_sink also;
static bool in_line; /* the last character was not a line's end */

/* The screen shows it when it is flushed: once a line, not once a piece. */
static void put(void *context, const char *text, size_t length)
{
    (void)context;
    if (length != 0)
        in_line = text[length - 1] != '\n';
    uart_write(&com1, text, length);
    for (size_t i = 0; i < length && debug_console; i++)
        out8(DEBUG_CONSOLE, (uint8_t)text[i]);
    display_write(text, length);
    if (also != NULL)
        also(NULL, text, length);
}

void log_also_to(format_sink sink)
{
    also = sink;
}

void log_sink(void *context, const char *text, size_t length)
{
    put(context, text, length);
    display_flush();
}

FORMAT_LIKE_PRINTF(1, 2)
static void put_format(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(put, NULL, format, args);
    va_end(args);
}

void log_open(void)
{
    uart_probe(&com1);
    /* On a real machine the port may be another device's. */
    debug_console = cpu_is_guest() && in8(DEBUG_CONSOLE) == DEBUG_CONSOLE_THERE;
    log_write(LOG_INFO, "console", "COM1 %s, debug console %s",
              com1.present ? "115200 8N1" : "absent", debug_console ? "0x402" : "absent");
}

bool log_is_seen(void)
{
    return com1.present || debug_console || display_is_shown();
}

static void put_head(uint64_t tsc, enum log_level level, const char *subsystem)
{
    int64_t us = clock_microseconds(tsc);
    uint64_t size = us < 0 ? (uint64_t)-us : (uint64_t)us;
    char seconds[24];

    format_text(seconds, sizeof(seconds), "%s%lu", us < 0 ? "-" : "", (size / 1000000));
    display_ink_time();
    put_format("[%5s.%06lu] ", seconds, (size % 1000000));
    display_ink_subsystem();
    put_format("%s: ", subsystem);
    display_ink_text(level);
    put_format("%s", level == LOG_ERROR ? "error: " : level == LOG_WARNING ? "warning: " : "");
}

static void end_line(void)
{
    display_ink_text(LOG_INFO);
    log_sink(NULL, "\n", 1);
}

void log_write(enum log_level level, const char *subsystem, const char *format, ...)
{
    va_list args;

    put_head(read_tsc(), level, subsystem);
    va_start(args, format);
    format_to(put, NULL, format, args);
    va_end(args);
    end_line();
}

void log_write_at(uint64_t tsc, enum log_level level, const char *subsystem, const char *text,
                  size_t length)
{
    put_head(tsc, level, subsystem);
    put(NULL, text, length);
    end_line();
}

void log_raw(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(put, NULL, format, args);
    va_end(args);
    display_flush();
}

void log_fresh_line(void)
{
    if (in_line)
        log_sink(NULL, "\n", 1);
}
