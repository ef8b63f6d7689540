/* See fake_cpu.h. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "fake_cpu.h"
#include "uart.h"
#include "x86_cpu.h"

#define UART_SCRATCH      7
#define UART_LINE_STATUS  5
#define UART_LINE_CONTROL 3
#define DIVISOR_ACCESS    0x80
#define CAN_SEND          0x60 /* and idle */

struct fake_cpu fake_cpu;

void fake_cpu_reset(void)
{
    static _Alignas(PAGE_SIZE) const uint64_t no_tables[PAGE_SIZE / sizeof(uint64_t)];

    fake_cpu = (struct fake_cpu){
        .features = {.no_execute = true, .leaf_1gib = true, .phys_bits = 48},
        .table_root = phys((uintptr_t)no_tables),
        .cr0 = UINT64_C(0x80010033),
        .cr4 = UINT64_C(0x6e8),
        .has_pat = true,
        .pat = PAT_AFTER_RESET,
        .efer = UINT64_C(0x500), /* LME, LMA */
        .tsc = 1000,
        .interrupts = true,
        .com1 = true,
    };
}

struct pt_features cpu_paging_features(void)
{
    return fake_cpu.features;
}

phys_addr_t cpu_table_root(void)
{
    return fake_cpu.table_root;
}

enum pt_level cpu_top_level(void)
{
    return fake_cpu.cr4 & CR4_LA57 ? PT_LEVEL_PML5 : PT_LEVEL_PML4;
}

bool cpu_stands_on(struct phys_range range)
{
    return fake_cpu.stack.raw - range.start.raw < range.size;
}

struct mtrrs cpu_mtrrs(void)
{
    return fake_cpu.mtrrs;
}

bool cpu_memory_is_encrypted(void)
{
    return fake_cpu.encrypted;
}

bool cpu_has_rdrand(void)
{
    return fake_cpu.has_rdrand;
}

/* SDM Vol. 1, 7.3.17.1: where there is no number the register is 0. */
bool rdrand(uint64_t *value)
{
    assert_true(fake_cpu.has_rdrand);
    *value = 0;
    if (fake_cpu.rdrand_refusals != 0) {
        fake_cpu.rdrand_refusals--;
        return false;
    }
    fake_cpu.random += fake_cpu.rdrand_stuck ? 0 : 1;
    *value = fake_cpu.random * UINT64_C(0x9e3779b97f4a7c15);
    return true;
}

/* Notes it for whoever asks about the order of things. */
static void act(const char *word)
{
    size_t used = strlen(fake_cpu.acts);

    assert_true(used + strlen(word) + 2 < sizeof(fake_cpu.acts));
    strcpy(fake_cpu.acts + used, word);
    strcat(fake_cpu.acts, " ");
}

uint64_t read_msr(uint32_t msr)
{
    assert_true(msr == MSR_EFER || (msr == MSR_PAT && fake_cpu.has_pat));
    return msr == MSR_PAT ? fake_cpu.pat : fake_cpu.efer;
}

/* SDM Vol. 3A, 2.2.1: where CPUID has no NX, EFER.NXE is reserved and setting it faults. */
void write_msr(uint32_t msr, uint64_t value)
{
    if (msr == MSR_PAT) {
        assert_true(fake_cpu.has_pat);
        act("PAT");
        fake_cpu.pat = value;
        return;
    }
    assert_int_equal(msr, MSR_EFER);
    assert_true(fake_cpu.features.no_execute || !(value & EFER_NXE));
    fake_cpu.efer = value;
}

uint64_t read_cr4(void)
{
    return fake_cpu.cr4;
}

/* SDM Vol. 3A, 4.1.1: LA57 and PAE cannot change in IA-32e mode. */
void write_cr4(uint64_t value)
{
    assert_int_equal((value ^ fake_cpu.cr4) & (CR4_LA57 | CR4_PAE), 0);
    if ((value ^ fake_cpu.cr4) & CR4_PGE)
        act(value & CR4_PGE ? "PGE" : "-PGE");
    fake_cpu.cr4 = value;
}

uint64_t read_cr0(void)
{
    return fake_cpu.cr0;
}

/* SDM Vol. 3A, 2.5: CD = 0 with NW = 1 is a general protection fault. */
void write_cr0(uint64_t value)
{
    assert_false(!(value & CR0_CD) && (value & CR0_NW));
    if ((value ^ fake_cpu.cr0) & CR0_CD)
        act(value & CR0_CD ? "CD" : "-CD");
    fake_cpu.cr0 = value;
}

uint64_t read_cr3(void)
{
    return fake_cpu.table_root.raw;
}

void write_cr3(uint64_t value)
{
    assert_int_equal(value, fake_cpu.table_root.raw);
    act("CR3");
}

void write_back_caches(void)
{
    act("WBINVD");
}

bool cpu_has_page_attributes(void)
{
    return fake_cpu.has_pat;
}

uint64_t read_tsc(void)
{
    return ++fake_cpu.tsc;
}

uint8_t in8(uint16_t port)
{
    if (!fake_cpu.com1)
        return 0xff;
    switch (port - UART_COM1) {
    case UART_SCRATCH:
        return fake_cpu.com1_scratch;
    case UART_LINE_STATUS:
        return CAN_SEND;
    default:
        return 0;
    }
}

void out8(uint16_t port, uint8_t value)
{
    switch (port - UART_COM1) {
    case UART_SCRATCH:
        fake_cpu.com1_scratch = value;
        break;
    case UART_LINE_CONTROL:
        fake_cpu.com1_line_control = value;
        break;
    case 0:
        if (fake_cpu.com1_line_control & DIVISOR_ACCESS)
            break;
        assert_true(fake_cpu.com1_used + 1 < sizeof(fake_cpu.com1_text));
        fake_cpu.com1_text[fake_cpu.com1_used++] = (char)value;
        break;
    }
}

void disable_interrupts(void)
{
    fake_cpu.interrupts = false;
}

void halt_forever(void)
{
    fake_halt();
}
