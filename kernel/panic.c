/* See panic.h. */
#include "panic.h"

#include "log.h"
#include "x86_cpu.h"

void panic(const char *format, ...)
{
    char text[256];
    va_list args;

    disable_interrupts();
    va_start(args, format);
    format_text_args(text, sizeof(text), format, args);
    va_end(args);
    log_raw("kernel panic: %s\n", text);
    halt_forever();
}
