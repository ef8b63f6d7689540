/* What the loader says. Firmware's console is slow (a scroll of a large screen
 * costs more than the rest of the boot), so lines go into a buffer that the kernel
 * prints; errors, and with `verbose` everything, go to the console as well. */
#include "boot.h"

#include "mem.h"
#include "uart.h"
#include "x86_cpu.h"

#define LINE_MAX 512

EFI_STATUS open_log(struct boot *boot)
{
    phys_addr_t at;

    TRY(allocate_pages(boot, MEMORY_LOADER, LOG_SIZE, &at));
    boot->log = (char *)(uintptr_t)at.raw;
    return EFI_SUCCESS;
}

/* UTF-16 as OutputString wants it; what is not ASCII is shown as `?`. */
static void print_to_firmware(struct boot *boot, const char *text, size_t length)
{
    CHAR16 line[LINE_MAX + 3];
    size_t used = 0;

    if (boot->left_firmware || boot->system->ConOut == NULL)
        return;
    for (size_t i = 0; i < length && used < LINE_MAX; i++)
        line[used++] = (unsigned char)text[i] < 0x80 ? (CHAR16)text[i] : (CHAR16)'?';
    line[used++] = '\r';
    line[used++] = '\n';
    line[used] = 0;
    boot->system->ConOut->OutputString(boot->system->ConOut, line);
}

static void print_line(struct boot *boot, enum log_level level, const char *text, size_t length)
{
    char line[LINE_MAX];
    const char *mark = level == LOG_ERROR ? "error: " : level == LOG_WARNING ? "warning: " : "";
    size_t whole = format_text(line, sizeof(line), "bestla: %s%.*s", mark, (int)length, text);

    print_to_firmware(boot, line, min_u64(whole, sizeof(line) - 1));
}

/* The last record of a log that is full says so. */
static void keep_line(struct boot *boot, enum log_level level, const char *text, uint32_t length)
{
    static const char lost[] = "the log is full: lines are missing from here";
    size_t reserve = boot_log_record_size(sizeof(lost) - 1);

    if (boot->log == NULL || boot->log_lost)
        return;
    if (LOG_SIZE - boot->log_used < boot_log_record_size(length) + reserve) {
        boot->log_lost = true;
        level = LOG_WARNING;
        text = lost;
        length = sizeof(lost) - 1;
    }

    struct boot_log_record record = {read_tsc(), level, length};
    memcpy(boot->log + boot->log_used, &record, sizeof(record));
    memcpy(boot->log + boot->log_used + sizeof(record), text, length);
    boot->log_used += boot_log_record_size(length);
}

/* Errors were printed when they happened. */
static void print_records(struct boot *boot, enum log_level least)
{
    for (size_t at = 0; at < boot->log_used;) {
        const struct boot_log_record *record = (const void *)(boot->log + at);
        if (record->level > LOG_ERROR && record->level <= least)
            print_line(boot, (enum log_level)record->level, (const char *)(record + 1),
                       record->length);
        at += boot_log_record_size(record->length);
    }
}

/* From now on every line is printed, those up to here first. */
void be_verbose(struct boot *boot)
{
    boot->verbose = true;
    print_records(boot, LOG_DEBUG);
}

void print_warnings(struct boot *boot)
{
    if (!boot->verbose)
        print_records(boot, LOG_WARNING);
}

FORMAT_LIKE_PRINTF(3, 0)
static void log_args(struct boot *boot, enum log_level level, const char *format, va_list args)
{
    char text[LINE_MAX];
    size_t whole = format_text_args(text, sizeof(text), format, args);
    size_t length = min_u64(whole, sizeof(text) - 1);

    keep_line(boot, level, text, (uint32_t)length);
    if (boot->verbose || level == LOG_ERROR)
        print_line(boot, level, text, length);
}

void log_line(struct boot *boot, enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_args(boot, level, format, args);
    va_end(args);
}

/* UEFI 2.10, appendix D. */
const char *status_text(EFI_STATUS status)
{
    static const char *const texts[] = {
        "Success",          "Load Error",           "Invalid Parameter",
        "Unsupported",      "Bad Buffer Size",      "Buffer Too Small",
        "Not Ready",        "Device Error",         "Write Protected",
        "Out of Resources", "Volume Corrupted",     "Volume Full",
        "No Media",         "Media Changed",        "Not Found",
        "Access Denied",    "No Response",          "No Mapping",
        "Timeout",          "Not Started",          "Already Started",
        "Aborted",          "ICMP Error",           "TFTP Error",
        "Protocol Error",   "Incompatible Version", "Security Violation",
        "CRC Error",        "End of Media",         "unknown",
        "unknown",          "End of File",
    };
    EFI_STATUS code = status & ~EFI_ERROR_MASK;
    return code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : "unknown";
}

void print(struct boot *boot, const char *format, ...)
{
    char text[LINE_MAX];
    va_list args;

    va_start(args, format);
    size_t whole = format_text_args(text, sizeof(text), format, args);
    va_end(args);
    print_to_firmware(boot, text, min_u64(whole, sizeof(text) - 1));
}

EFI_STATUS fail(struct boot *boot, EFI_STATUS status, const char *format, ...)
{
    char text[LINE_MAX];
    va_list args;

    va_start(args, format);
    format_text_args(text, sizeof(text), format, args);
    va_end(args);
    log_line(boot, LOG_ERROR, "%s (%s)", text, status_text(status));
    return status;
}

/* A machine that nobody stands at is to come back, and its screen may show nothing by now. UEFI
 * 2.10, 8.5.1: that service stays, with firmware's tables. */
void reset_with(struct boot *boot, const char *format, ...)
{
    struct uart com1 = {.base = UART_COM1, .in = in8, .out = out8};
    char line[LINE_MAX];
    va_list args;

    va_start(args, format);
    size_t whole = format_text_args(line, sizeof(line), format, args);
    va_end(args);
    uart_probe(&com1);
    uart_write(&com1, "bestla: error: ", 15);
    uart_write(&com1, line, min_u64(whole, sizeof(line) - 1));
    uart_write(&com1, "\n", 1);
    uart_probe(&com1); /* waits until all of it is out */
    boot->system->RuntimeServices->ResetSystem(EfiResetCold, EFI_ABORTED, 0, NULL);
    halt_forever();
}
