/* The CPU's own tables and switches: GDT, TSS, IDT, and the features that guard memory. */
#ifndef BESTLA_KERNEL_CPU_H
#define BESTLA_KERNEL_CPU_H

#include "x86_paging.h"

/* Loads GDT, TSS and IDT: from here on an exception is reported. */
void cpu_load_tables(void);

/* Masks both 8259s: firmware leaves them as it likes. */
void cpu_mask_pic(void);

/* Lets one line of the first 8259 through, 0 to 7, which comes as vector VECTOR_INTERRUPTS + line;
 * or holds it back. */
void cpu_unmask_pic(unsigned line);
void cpu_mask_pic_line(unsigned line);

/* Whether it was the first 8259 that delivered the line's interrupt, and not another that sends
 * the same vector; and what the line's handler calls when it is done. */
bool cpu_pic_in_service(unsigned line);
void cpu_end_pic_interrupt(unsigned line);

/* Turns on what makes rights hold (CR0.WP, EFER.NXE; the loader has, but this kernel may be
 * started by another) and what CPUID offers of SMEP, SMAP and UMIP. */
void cpu_guard_kernel(void);

/* Makes the page attribute table what this kernel means by its indices: as after reset, and
 * PAT_WRITE_COMBINING. Returns the index for a framebuffer: that, or PAT_UNCACHED_MINUS where the
 * CPU has no such table, which the log then says. Interrupts are off; no mapping may use an index
 * that firmware had changed. */
unsigned cpu_set_memory_types(void);

/* The table that it wrote, or found right; 0 before. For readers of memory from outside, which
 * have no way to an MSR (scripts/gdb/bestla/space.py). */
extern uint64_t page_attribute_table;

#define SELECTOR_CODE UINT16_C(0x08)
#define SELECTOR_DATA UINT16_C(0x10)
#define SELECTOR_TSS  UINT16_C(0x18)

#define VECTORS 256

/* The exceptions that the kernel tells apart (SDM Vol. 3A, table 6-1). */
enum vector {
    VECTOR_NMI = 2,
    VECTOR_BREAKPOINT = 3,
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_INVALID_TSS = 10,
    VECTOR_GENERAL_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_RESERVED = 15, /* no exception, but firmware may have it sent */
    VECTOR_MACHINE_CHECK = 18,
    VECTOR_INTERRUPTS = 32, /* and up: no exception */
};

/* Interrupt stack table indices (SDM Vol. 3A, 6.14.5): a stack that is known to be good
 * for what may happen on a bad one. */
enum ist {
    IST_NONE = 0,
    IST_DOUBLE_FAULT = 1,
    IST_NMI = 2,
    IST_MACHINE_CHECK = 3,
};

void gdt_load(void);
void idt_load(void);

/* What vectors.asm pushes, lowest address first. */
struct registers {
    uint64_t cr2; /* as the exception found it */
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error_code;
    uint64_t rip, cs, rflags, rsp, ss; /* by the CPU (SDM Vol. 3A, 6.14.2) */
};

_Static_assert(offsetof(struct registers, rip) == 144, "vectors.asm");

/* In place of a vector, when registers are not those of an exception. */
#define VECTOR_NONE UINT64_C(256)

/* Prints the cause of an exception in words; nothing for VECTOR_NONE. */
void exception_explain(const struct registers *registers);

/* What is done about an exception: true when the interrupted code may go on, with the registers
 * as they then are. A handler runs with interrupts off, on the stack that was interrupted or on the
 * vector's own (enum ist). */
typedef bool (*exception_handler)(struct registers *registers);

/* From now on `handler` (NULL: none) sees the vector's exceptions, or interrupts, first, unless a
 * panic has begun. Not #DF nor #MC, which end what they interrupt (SDM Vol. 3A, 6.15): asking for
 * these panics. A handler of NMIs must cause no exception that another handler lets go on: its IRET
 * lets the next NMI in, onto the same stack. */
void exception_handle(enum vector vector, exception_handler handler);

/* exceptions.c: every vector comes here; it panics unless a handler takes care. */
void exception(struct registers *registers);

#endif
