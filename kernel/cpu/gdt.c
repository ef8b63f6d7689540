/* Segments as 64-bit mode wants them (SDM Vol. 3A, 3.4.5 and 7.7): flat, and a TSS that
 * holds the interrupt stacks. */
#include "cpu.h"

#include "x86_cpu.h"

#define CODE_64_BIT UINT64_C(0x00209b0000000000) /* present, ring 0, code, L, accessed */
#define DATA        UINT64_C(0x0000930000000000) /* present, ring 0, data, writable, accessed */
#define TSS_PRESENT UINT64_C(0x0000890000000000) /* present, ring 0, 64-bit TSS, available */

struct __attribute__((packed)) tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* IST 1 first */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
};

_Static_assert(sizeof(struct tss) == 104, "SDM Vol. 3A, figure 7-11");

extern const char double_fault_stack_top[], nmi_stack_top[], machine_check_stack_top[];

static struct tss tss = {.io_map = sizeof(struct tss)};
static uint64_t gdt[5] = {0, CODE_64_BIT, DATA};

static void describe_tss(void)
{
    uint64_t base = (uintptr_t)&tss;

    tss.ist[IST_DOUBLE_FAULT - 1] = (uintptr_t)double_fault_stack_top;
    tss.ist[IST_NMI - 1] = (uintptr_t)nmi_stack_top;
    tss.ist[IST_MACHINE_CHECK - 1] = (uintptr_t)machine_check_stack_top;
    gdt[3] = TSS_PRESENT | (sizeof(tss) - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    gdt[4] = base >> 32;
}

void gdt_load(void)
{
    struct cpu_table table = {sizeof(gdt) - 1, (uintptr_t)gdt};

    describe_tss();
    __asm__ volatile("lgdt %0\n\t"
                     "push %1\n\t" /* CS only changes by a far transfer */
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "mov %2, %%ds\n\t"
                     "mov %2, %%es\n\t"
                     "mov %2, %%ss\n\t"
                     "mov %3, %%fs\n\t"
                     "mov %3, %%gs\n\t"
                     "lldt %w3\n\t" /* firmware's would lead into memory that is reclaimed */
                     "ltr %w4"
                     :
                     : "m"(table), "i"((uint64_t)SELECTOR_CODE), "r"((uint32_t)SELECTOR_DATA),
                       "r"(0), "r"(SELECTOR_TSS)
                     : "rax", "memory");
}
