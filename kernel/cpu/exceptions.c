/* An exception that nobody expected: what it was, where, and why memory said no. Then the
 * machine halts. */
#include "cpu.h"

#include "image.h"
#include "log.h"
#include "panic.h"
#include "translate.h"
#include "x86_cpu.h"

/* SDM Vol. 3A, table 6-1. */
static const char *const names[32] = {
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
    if (vector >= 32)
        return "interrupt that nothing should raise";
    return names[vector] == NULL ? "reserved" : names[vector];
}

static void report_guard(virt_addr_t address)
{
    bool below;
    const struct image_segment *stack = image_guard_at(address, &below);

    if (stack != NULL)
        log_raw("  that is the guard page %s the %s\n", below ? "below" : "above", stack->name);
}

/* SDM Vol. 3A, 4.7. */
static void report_page_fault(uint64_t error, virt_addr_t address)
{
    static const char *const reserved = ", a reserved bit is set in an entry";

    log_raw("  %s of 0x%016lx: %s%s%s, by %s mode\n",
            error & 16  ? "fetch"
            : error & 2 ? "write"
                        : "read",
            address.raw, error & 1 ? "the rights forbid it" : "not mapped",
            error & 8 ? reserved : "", error & 32 ? ", protection key" : "",
            error & 4 ? "user" : "supervisor");
    report_guard(address);
}

/* SDM Vol. 3A, 6.13: a selector's index, and which table it is of. */
static void report_error_code(const struct registers *r)
{
    static const char *const tables[] = {"GDT", "IDT", "LDT", "IDT"};
    bool selector = r->vector >= VECTOR_INVALID_TSS && r->vector <= VECTOR_GENERAL_PROTECTION &&
                    r->error_code != 0;

    if (r->vector == VECTOR_PAGE_FAULT)
        report_page_fault(r->error_code, virt(read_cr2()));
    else if (r->vector == VECTOR_DOUBLE_FAULT)
        report_guard(virt(read_cr2())); /* of the fault that could not be delivered */
    else if (selector)
        log_raw("  selector 0x%lx of the %s%s\n", r->error_code & 0xfff8,
                tables[r->error_code >> 1 & 3], r->error_code & 1 ? ", by an external event" : "");
}

static void report_registers(const struct registers *r)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"RAX", r->rax},     {"RBX", r->rbx},     {"RCX", r->rcx},     {"RDX", r->rdx},
        {"RSI", r->rsi},     {"RDI", r->rdi},     {"RBP", r->rbp},     {"RSP", r->rsp},
        {"R8 ", r->r8},      {"R9 ", r->r9},      {"R10", r->r10},     {"R11", r->r11},
        {"R12", r->r12},     {"R13", r->r13},     {"R14", r->r14},     {"R15", r->r15},
        {"RIP", r->rip},     {"CS ", r->cs},      {"RFL", r->rflags},  {"SS ", r->ss},
        {"CR0", read_cr0()}, {"CR2", read_cr2()}, {"CR3", read_cr3()}, {"CR4", read_cr4()},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        log_raw("  %s %016lx%s", rows[i].name, rows[i].value, i % 4 == 3 ? "\n" : "");
}

/* From CR3 as it is: the tables that the CPU walked, whoever made them. */
static void report_walk(virt_addr_t address)
{
    static const char *const levels[] = {"", "PT", "PD", "PDPT", "PML4", "PML5"};
    struct pt_step steps[PT_STEPS_MAX];
    struct pt_space space = kernel_space;

    space.root = cpu_table_root();
    space.top = cpu_top_level();
    size_t count = pt_walk(&space, address, steps);
    for (size_t i = 0; i < count; i++) {
        uint64_t entry = steps[i].entry;
        unsigned rights = entry_rights(entry);
        log_raw("  %-4s[%3u] at 0x%012lx: 0x%016lx %s", levels[steps[i].level],
                (unsigned)level_index(address, steps[i].level), steps[i].at.raw, entry,
                entry_is_present(entry) ? "" : "not present\n");
        if (entry_is_present(entry))
            log_raw("R%c%c %s %s\n", rights & PT_RIGHT_WRITE ? 'W' : '-',
                    rights & PT_RIGHT_EXECUTE ? 'X' : '-',
                    rights & PT_RIGHT_USER ? "user" : "supervisor",
                    entry_is_leaf(entry, steps[i].level) ? "leaf" : "table");
    }
    if (count == 0)
        log_raw("  not a canonical address\n");
}

void exception(const struct registers *registers)
{
    static bool reporting;

    if (reporting)
        panic("%s at 0x%016lx while reporting another", name_of(registers->vector), registers->rip);
    reporting = true;
    log_raw("exception %lu: %s, error code 0x%lx, at RIP 0x%016lx\n", registers->vector,
            name_of(registers->vector), registers->error_code, registers->rip);
    report_error_code(registers);
    report_registers(registers);
    if (registers->vector == VECTOR_PAGE_FAULT || registers->vector == VECTOR_DOUBLE_FAULT)
        report_walk(virt(read_cr2()));
    panic("%s", name_of(registers->vector));
}
