/* An exception that nobody expected: what it was and what its error code says. panic.c has the
 * rest. */
#include "cpu.h"

#include "log.h"
#include "page_fault.h"
#include "panic.h"
#include "x86_cpu.h"

/* SDM Vol. 3A, table 6-1. */
#define EXCEPTIONS 32
static const char *const names[EXCEPTIONS] = {
    "#DE divide error",
    "#DB debug",
    "NMI",
    "#BP breakpoint",
    "#OF overflow",
    "#BR bound range exceeded",
    "#UD invalid opcode",
    "#NM device not available",
    "#DF double fault",
    "coprocessor segment overrun",
    "#TS invalid TSS",
    "#NP segment not present",
    "#SS stack-segment fault",
    "#GP general protection",
    "#PF page fault",
    "reserved",
    "#MF x87 floating-point error",
    "#AC alignment check",
    "#MC machine check",
    "#XM SIMD floating-point",
    "#VE virtualization",
    "#CP control protection",
    [28] = "#HV hypervisor injection",
    [29] = "#VC VMM communication",
    [30] = "#SX security",
};

static const char *name_of(uint64_t vector)
{
    if (vector >= EXCEPTIONS)
        return "interrupt that nothing should raise";
    return names[vector] == NULL ? "reserved" : names[vector];
}

/* SDM Vol. 3A, 6.13: a selector's index, and which table it is of. */
void exception_explain(const struct registers *r)
{
    static const char *const tables[] = {"GDT", "IDT", "LDT", "IDT"};
    virt_addr_t address = virt(read_cr2());
    bool selector = r->vector >= VECTOR_INVALID_TSS && r->vector <= VECTOR_GENERAL_PROTECTION &&
                    r->error_code != 0;

    if (r->vector == VECTOR_PAGE_FAULT) {
        page_fault_explain(r->error_code, address);
    } else if (r->vector == VECTOR_DOUBLE_FAULT) {
        /* CR2 is that of the fault which could not be delivered, if it was a page fault. */
        address_describe(address);
        address_print_walk(address);
    } else if (selector) {
        log_raw("  selector 0x%lx of the %s%s\n", r->error_code & 0xfff8,
                tables[r->error_code >> 1 & 3], r->error_code & 1 ? ", by an external event" : "");
    }
}

static exception_handler handlers[VECTORS];

void exception_handle(enum vector vector, exception_handler handler)
{
    handlers[vector] = handler;
}

void exception(struct registers *registers)
{
    uint64_t vector = registers->vector;

    if (vector < VECTORS && handlers[vector] != NULL && handlers[vector](registers))
        return;
    panic_at(registers, "%s", name_of(vector));
}
