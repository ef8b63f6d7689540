/* See panic.h. */
#include "panic.h"

#include "address_space.h"
#include "backtrace.h"
#include "display.h"
#include "handoff.h"
#include "image.h"
#include "log.h"
#include "panic_page.h"
#include "symbols.h"
#include "x86_cpu.h"

static void print_place(const struct registers *r)
{
    log_raw("RIP 0x%016lx", r->rip);
    if (r->vector == VECTOR_NONE)
        symbol_print_return(virt(r->rip));
    else
        symbol_print(virt(r->rip));
    log_raw("\n");
}

/* As many as the 80 columns of a screen hold. */
#define REGISTERS_A_ROW 3

struct row {
    const char *name;
    uint64_t value;
};

static void print_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        log_raw("  %-3s %016lx%s", rows[i].name, rows[i].value,
                i % REGISTERS_A_ROW == REGISTERS_A_ROW - 1 || i + 1 == count ? "\n" : "");
}

static void print_registers(const struct registers *r)
{
    const struct row general[] = {
        {"RAX", r->rax}, {"RBX", r->rbx},    {"RCX", r->rcx}, {"RDX", r->rdx}, {"RSI", r->rsi},
        {"RDI", r->rdi}, {"R8", r->r8},      {"R9", r->r9},   {"R10", r->r10}, {"R11", r->r11},
        {"R12", r->r12}, {"R13", r->r13},    {"R14", r->r14}, {"R15", r->r15}, {"CS", r->cs},
        {"SS", r->ss},   {"RFL", r->rflags},
    };
    const struct row always[] = {
        {"RIP", r->rip},     {"RSP", r->rsp}, {"RBP", r->rbp},     {"EFE", read_msr(MSR_EFER)},
        {"CR0", read_cr0()}, {"CR2", r->cr2}, {"CR3", read_cr3()}, {"CR4", read_cr4()},
    };

    log_raw("registers:\n");
    if (r->vector != VECTOR_NONE)
        print_rows(general, sizeof(general) / sizeof(general[0]));
    print_rows(always, sizeof(always) / sizeof(always[0]));
}

static void print_stack(virt_addr_t pointer)
{
    /* RSP points behind what is free: at an empty stack's end. */
    const struct image_segment *stack = image_stack_at(virt(pointer.raw - 1));
    const struct image_segment *here = image_stack_at(virt_of(__builtin_frame_address(0)));
    bool below;

    if (stack == NULL)
        stack = image_stack_at(pointer);
    if (stack != NULL)
        log_raw("  on the %s, 0x%lx of its 0x%lx bytes in use", stack->name,
                virt_of(stack->end).raw - pointer.raw, image_segment_range(stack).size);
    else if ((stack = image_guard_at(pointer, &below)) != NULL)
        log_raw("  RSP is in the guard page %s the %s", below ? "below" : "above", stack->name);
    else
        log_raw("  RSP is on no stack of the kernel's");
    if (here != NULL && here != stack)
        log_raw("; this report is on the %s", here->name);
    log_raw("\n");
}

static void print_memory(void)
{
    if (kernel_frames.managed_frames == 0) {
        log_raw("memory: not taken over yet\n");
        return;
    }
    log_raw("memory: %lu of %lu KiB free, image at physical 0x%lx, direct map of 0x%lx bytes at "
            "0x%016lx\n",
            kernel_frames.free_frames * 4, kernel_frames.managed_frames * 4, boot_info.kernel_phys,
            direct_map_range().size, boot_info.direct_map_base);
}

static void report(const struct registers *r, const char *what)
{
    display_ink_text(LOG_ERROR);
    if (r->vector == VECTOR_NONE)
        log_raw("panic: %s\n", what);
    else
        log_raw("exception %lu: %s, error code 0x%lx\n", r->vector, what, r->error_code);
    display_ink_text(LOG_INFO);
    print_place(r);
    exception_explain(r);
    print_registers(r);
    print_stack(virt(r->rsp));
    panic_page_essential();
    backtrace_print(r);
    print_memory();
}

/* How often this CPU has come here: a report can fail, and so can the line about that. */
static unsigned deaths;

bool panic_has_begun(void)
{
    return deaths != 0;
}

/* Of the report that is written, or was. */
static const struct registers *reported;
static char message[320];

static void report_first(void)
{
    report(reported, message);
    log_raw("kernel panic: %s\n", message);
}

/* A panic while another is reported. If it was the screen that died the report begins again,
 * without it: what the serial port has until now ends somewhere. */
static void report_second(const struct registers *r, const char *second)
{
    bool screen_failed = display_give_up_if_busy();

    log_fresh_line();
    if (screen_failed && reported != NULL) {
        log_raw("the screen failed: %s at RIP 0x%016lx; the report again without it:\n", second,
                r->rip);
        report_first();
    } else {
        log_raw("kernel panic: %s at RIP 0x%016lx, while reporting: %s\n", second, r->rip, message);
    }
}

static _Noreturn void die(const struct registers *r, const char *format, va_list args)
{
    static char second[128];

    disable_interrupts();
    switch (deaths++) {
    case 0:
        format_text_args(message, sizeof(message), format, args);
        reported = r;
        log_fresh_line();
        display_begin_panic(framebuffer_pixels_now, r->vector == VECTOR_NMI,
                            "Bestla: the kernel has died");
        panic_page_begin();
        report_first();
        break;
    case 1:
        format_text_args(second, sizeof(second), format, args);
        report_second(r, second);
        break;
    default:
        halt_forever();
    }
    deaths = 2; /* a fault from here on has nothing to add */
    panic_page_draw();
    halt_forever();
}

void panic_at(const struct registers *registers, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    die(registers, format, args);
}

void panic(const char *format, ...)
{
    struct registers caller = registers_of_caller();
    va_list args;

    va_start(args, format);
    die(&caller, format, args);
}
