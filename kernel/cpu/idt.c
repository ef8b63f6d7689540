/* The interrupt descriptor table (SDM Vol. 3A, 6.14.1): 256 gates to the stubs of
 * vectors.asm. What no handler waits for ends in a report. */
#include "cpu.h"

#include "x86_cpu.h"

#define STUB_SIZE 16 /* vectors.asm aligns each to this */

#define GATE_INTERRUPT UINT16_C(0x8e00) /* present, ring 0, 64-bit interrupt gate */

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t attributes; /* and the IST index in bits 2:0 */
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

_Static_assert(sizeof(struct gate) == 16, "SDM Vol. 3A, figure 6-8");

extern const char vector_stubs[];

static struct gate idt[VECTORS];

/* A vector whose cause may have been the stack gets another one. */
static enum ist stack_of(unsigned vector)
{
    switch (vector) {
    case VECTOR_NMI:
        return IST_NMI;
    case VECTOR_DOUBLE_FAULT:
        return IST_DOUBLE_FAULT;
    case VECTOR_MACHINE_CHECK:
        return IST_MACHINE_CHECK;
    default:
        return IST_NONE;
    }
}

void idt_load(void)
{
    struct cpu_table table = {sizeof(idt) - 1, (uintptr_t)idt};

    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t stub = (uintptr_t)vector_stubs + vector * STUB_SIZE;
        idt[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SELECTOR_CODE,
            .attributes = (uint16_t)(GATE_INTERRUPT | stack_of(vector)),
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
    __asm__ volatile("lidt %0" ::"m"(table));
}
