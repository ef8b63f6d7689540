/* Exceptions: to a handler, or to a panic, with what the error code says. */
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
    virt_addr_t address = virt(r->cr2);
    bool selector = r->vector >= VECTOR_INVALID_TSS && r->vector <= VECTOR_GENERAL_PROTECTION &&
                    r->error_code != 0;

    if (r->vector == VECTOR_PAGE_FAULT) {
        page_fault_explain(r->error_code, address);
    } else if (r->vector == VECTOR_DOUBLE_FAULT) {
        log_raw("  an exception could not be delivered; if a page fault, then of 0x%016lx\n",
                address.raw);
        address_describe(address);
        address_print_walk(address);
    } else if (selector && r->error_code & 2) {
        log_raw("  vector %lu of the IDT%s\n", r->error_code >> 3 & 0xff,
                r->error_code & 1 ? ", by an external event" : "");
    } else if (selector) {
        log_raw("  selector 0x%lx of the %s%s\n", r->error_code & 0xfff8,
                r->error_code & 4 ? "LDT" : "GDT",
                r->error_code & 1 ? ", by an external event" : "");
    }
}

static exception_handler handlers[VECTORS];

void exception_handle(enum vector vector, exception_handler handler)
{
    if (vector >= VECTORS || vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK)
        panic("%s can have no handler", name_of(vector));
    handlers[vector] = handler;
}

void exception(struct registers *registers)
{
    uint64_t vector = registers->vector;

    if (vector == VECTOR_NMI && panic_has_begun())
        return; /* it has nothing to add, and would end the report */
    if (vector < VECTORS && handlers[vector] != NULL && !panic_has_begun() &&
        handlers[vector](registers))
        return;
    panic_at(registers, "%s", name_of(vector));
}
