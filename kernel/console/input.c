/* See input.h. COM1 raises IRQ 4, which the first 8259 delivers as vector 24h; every firmware
 * leaves the way from there to the CPU open (ACPI 6.5, 5.2.12: a PC-AT-compatible dual-8259 setup;
 * Intel MultiProcessor Specification 1.4, 3.6.2: the virtual wire), or so it should. It is not
 * believed but tried: the empty transmitter is made to raise the same interrupt. Where that does
 * not come the port is polled. */
#include "input.h"

#include "com1.h"
#include "cpu.h"
#include "log.h"
#include "x86_cpu.h"

#define COM1_IRQ 4

/* Polls of the flag for the interrupt that is tried; on real machines one takes some 100 ns. */
#define TRIES 1000000

static volatile bool interrupted;
static bool by_interrupt;
static unsigned strays;

/* Whatever firmware left running: a timer, a device. It is not acknowledged, for nobody knows
 * what it is: the local APIC then holds back all that is not of a higher class, so that of each
 * class (SDM Vol. 3A, 10.8.3.1; 32 and up are 14) at most one comes. */
static bool ignore(struct registers *registers)
{
    (void)registers;
    strays++;
    return true;
}

/* Once: the line stays masked until input_wait(). The cause is still there, and where the line is
 * one of level (ELCR) it would be delivered again as soon as it is acknowledged. */
static bool note(struct registers *registers)
{
    if (!cpu_pic_in_service(COM1_IRQ))
        return ignore(registers);
    cpu_mask_pic_line(COM1_IRQ);
    interrupted = uart_interrupts(&com1); /* and not another device of the line */
    cpu_end_pic_interrupt(COM1_IRQ);
    return true;
}

/* With a spurious one (Intel 8259A data sheet) nothing is in service. EDK2 sets the local APIC to
 * send its spurious interrupts (SDM Vol. 3A, 10.9) as vector 15. */
static void take_interrupts(void)
{
    for (unsigned vector = VECTOR_INTERRUPTS; vector < VECTORS; vector++)
        exception_handle((enum vector)vector, ignore);
    exception_handle(VECTOR_RESERVED, ignore);
    exception_handle((enum vector)(VECTOR_INTERRUPTS + COM1_IRQ), note);
}

static bool interrupt_comes(void)
{
    interrupted = false;
    cpu_unmask_pic(COM1_IRQ);
    uart_interrupt_on(&com1, true, true);
    enable_interrupts();
    for (unsigned tries = 0; tries < TRIES && !interrupted; tries++)
        cpu_relax();
    disable_interrupts();
    uart_interrupt_on(&com1, interrupted, false);
    if (!interrupted)
        cpu_mask_pic();
    return interrupted;
}

bool input_open(void)
{
    if (!com1.there)
        return false;
    take_interrupts();
    by_interrupt = interrupt_comes();
    if (strays != 0)
        log_info("console", "%u interrupts that firmware left are ignored", strays);
    return true;
}

const char *input_way(void)
{
    return by_interrupt ? "interrupt" : "polling";
}

/* Who types also reads: a port that log.c gave up, because for long nobody did, is tried again. */
bool input_read(char *character)
{
    if (!uart_read(&com1, character))
        return false;
    com1.present = true;
    return true;
}

/* A character that comes after the last input_read() leaves its interrupt pending, for interrupts
 * are off, and HLT stands in the shadow of STI (SDM Vol. 2B, STI): none is slept through. */
void input_wait(void)
{
    if (!by_interrupt) {
        cpu_relax();
        return;
    }
    cpu_unmask_pic(COM1_IRQ);
    wait_for_interrupt();
}
