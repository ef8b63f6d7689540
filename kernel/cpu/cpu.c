/* See cpu.h. */
#include "cpu.h"

#include "log.h"
#include "x86_cpu.h"

#define PIC_1_COMMAND UINT16_C(0x20)
#define PIC_1_DATA    UINT16_C(0x21)
#define PIC_2_COMMAND UINT16_C(0xa0)
#define PIC_2_DATA    UINT16_C(0xa1)

void cpu_load_tables(void)
{
    gdt_load();
    idt_load();
}

/* Intel 8259A data sheet. Remapped as well: a spurious interrupt 7 or 15 comes in spite of the
 * mask, and vectors 8 to 15 are exceptions. */
void cpu_mask_pic(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } commands[] = {
        {PIC_1_COMMAND, 0x11}, {PIC_2_COMMAND, 0x11}, /* ICW1: initialise, ICW4 follows */
        {PIC_1_DATA, 0x20},    {PIC_2_DATA, 0x28},    /* ICW2: vectors from VECTOR_INTERRUPTS */
        {PIC_1_DATA, 0x04},    {PIC_2_DATA, 0x02},    /* ICW3: cascaded at 2 */
        {PIC_1_DATA, 0x01},    {PIC_2_DATA, 0x01},    /* ICW4: 8086 mode */
        {PIC_1_DATA, 0xff},    {PIC_2_DATA, 0xff},    /* OCW1: all masked */
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        out8(commands[i].port, commands[i].value);
}

void cpu_unmask_pic(unsigned line)
{
    out8(PIC_1_DATA, (uint8_t)(in8(PIC_1_DATA) & ~(1U << line)));
}

void cpu_mask_pic_line(unsigned line)
{
    out8(PIC_1_DATA, (uint8_t)(in8(PIC_1_DATA) | 1U << line));
}

bool cpu_pic_in_service(unsigned line)
{
    out8(PIC_1_COMMAND, 0x0b); /* OCW3: the next read is of the in-service register */
    return in8(PIC_1_COMMAND) >> line & 1;
}

void cpu_end_pic_interrupt(unsigned line)
{
    out8(PIC_1_COMMAND, (uint8_t)(0x60 | line)); /* OCW2: specific end of interrupt */
}

/* CPUID leaf 7, subleaf 0 (SDM Vol. 2A, CPUID); CR4 bits in SDM Vol. 3A, 2.5. */
void cpu_guard_kernel(void)
{
    struct cpuid leaf = cpuid_if_known(7, 0);
    bool smep = leaf.ebx >> 7 & 1, smap = leaf.ebx >> 20 & 1, umip = leaf.ecx >> 2 & 1;

    write_cr0(read_cr0() | CR0_WP);
    if (cpu_paging_features().no_execute)
        write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
    write_cr4(read_cr4() | (smep ? CR4_SMEP : 0) | (smap ? CR4_SMAP : 0) | (umip ? CR4_UMIP : 0));
    log_info("cpu", "SMEP %s, SMAP %s, UMIP %s", smep ? "on" : "absent", smap ? "on" : "absent",
             umip ? "on" : "absent");
}
