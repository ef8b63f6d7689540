/* See input.h. COM1 raises IRQ 4, a keyboard's controller IRQ 1, which the first 8259 delivers as
 * vectors 24h and 21h; every firmware leaves the way from there to the CPU open (ACPI 6.5, 5.2.12:
 * a PC-AT-compatible dual-8259 setup; Intel MultiProcessor Specification 1.4, 3.6.2: the virtual
 * wire), or so it should. It is not believed but tried: the device is made to raise its interrupt.
 * Where that does not come the device is polled. */
#include "input.h"

#include "com1.h"
#include "cpu.h"
#include "keyboard.h"
#include "log.h"
#include "type_ahead.h"
#include "x86_cpu.h"

#define COM1_IRQ     4
#define KEYBOARD_IRQ 1

/* Polls of the flag for the interrupt that is tried; on real machines one takes some 100 ns. */
#define TRIES 1000000

struct device {
    unsigned irq;
    bool (*raises)(void);     /* is it raising its interrupt, and not another device of the line? */
    bool (*provoke[2])(void); /* makes it raise one, if it can: ways to be tried in turn */
    void (*settle)(bool by_interrupt); /* ends the trial */
    bool there, by_interrupt;
    volatile bool interrupted;
};

/* ---- the devices ----------------------------------------------------------------------- */

static bool com1_raises(void)
{
    return uart_interrupts(&com1);
}

/* The empty transmitter. */
static bool provoke_com1(void)
{
    uart_interrupt_on(&com1, true, true);
    return true;
}

static void settle_com1(bool by_interrupt)
{
    uart_interrupt_on(&com1, by_interrupt, false);
}

static bool keyboard_raises(void)
{
    return i8042_has_byte(&keyboard_controller);
}

static bool provoke_keyboard(void)
{
    return i8042_provoke_keyboard(&keyboard_controller);
}

/* Where the controller is there and no keyboard. */
static bool provoke_controller(void)
{
    return i8042_provoke_controller(&keyboard_controller);
}

/* The answer that was provoked is read like a key, and is none. */
static void settle_keyboard(bool by_interrupt)
{
    (void)by_interrupt;
}

static struct device devices[] = {
    {.irq = COM1_IRQ, .raises = com1_raises, .provoke = {provoke_com1}, .settle = settle_com1},
    {.irq = KEYBOARD_IRQ,
     .raises = keyboard_raises,
     .provoke = {provoke_keyboard, provoke_controller},
     .settle = settle_keyboard},
};

#define DEVICES (sizeof(devices) / sizeof(devices[0]))

/* ---- interrupts ------------------------------------------------------------------------ */

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
    for (size_t i = 0; i < DEVICES; i++) {
        struct device *device = &devices[i];
        if (registers->vector != VECTOR_INTERRUPTS + device->irq)
            continue;
        if (!cpu_pic_in_service(device->irq))
            break;
        cpu_mask_pic_line(device->irq);
        device->interrupted = device->raises();
        cpu_end_pic_interrupt(device->irq);
        return true;
    }
    return ignore(registers);
}

/* With a spurious one (Intel 8259A data sheet) nothing is in service. EDK2 sets the local APIC to
 * send its spurious interrupts (SDM Vol. 3A, 10.9) as vector 15. */
static void take_interrupts(void)
{
    for (unsigned vector = VECTOR_INTERRUPTS; vector < VECTORS; vector++)
        exception_handle((enum vector)vector, ignore);
    exception_handle(VECTOR_RESERVED, ignore);
    for (size_t i = 0; i < DEVICES; i++) {
        if (devices[i].there)
            exception_handle((enum vector)(VECTOR_INTERRUPTS + devices[i].irq), note);
    }
}

static bool interrupt_comes(struct device *device, bool (*provoke)(void))
{
    device->interrupted = false;
    cpu_unmask_pic(device->irq);
    if (provoke()) {
        enable_interrupts();
        for (unsigned tries = 0; tries < TRIES && !device->interrupted; tries++)
            cpu_relax();
        disable_interrupts();
    }
    cpu_mask_pic_line(device->irq);
    return device->interrupted;
}

static void try_interrupt(struct device *device)
{
    device->by_interrupt =
        interrupt_comes(device, device->provoke[0]) ||
        (device->provoke[1] != NULL && interrupt_comes(device, device->provoke[1]));
    device->settle(device->by_interrupt);
}

/* ---- what the kernel asks for ---------------------------------------------------------- */

static bool find_keyboard(enum acpi_answer has_8042)
{
    if (has_8042 == ACPI_NO) {
        log_info("console", "no keyboard: the FADT says that there is no 8042");
        return false;
    }
    return keyboard_open(has_8042 == ACPI_YES ? "the FADT names an 8042"
                                              : "no FADT says whether there is an 8042");
}

bool input_open(enum acpi_answer has_8042)
{
    devices[0].there = com1.there;
    devices[1].there = find_keyboard(has_8042);
    take_interrupts();
    for (size_t i = 0; i < DEVICES; i++) {
        if (devices[i].there)
            try_interrupt(&devices[i]);
    }
    if (strays != 0)
        log_info("console", "%u interrupts that firmware left are ignored", strays);
    return devices[0].there || (devices[1].there && log_is_seen());
}

static bool all_by_interrupt(void)
{
    for (size_t i = 0; i < DEVICES; i++) {
        if (devices[i].there && !devices[i].by_interrupt)
            return false;
    }
    return true;
}

const char *input_way(void)
{
    return all_by_interrupt() ? "interrupt" : "polling";
}

/* Who types also reads: a port that log.c gave up, because for long nobody did, is tried again. */
static bool read_devices(char *character)
{
    if (!uart_read(&com1, character))
        return keyboard_read(character);
    com1.present = true;
    return true;
}

static struct type_ahead ahead;

bool input_read(char *character)
{
    return type_ahead_take(&ahead, character) || read_devices(character);
}

/* More at once is no person. */
#define LOOK_MAX 64U

bool input_interrupted(void)
{
    char character;

    for (unsigned looks = 0; looks < LOOK_MAX && read_devices(&character); looks++) {
        if (type_ahead_feed(&ahead, character))
            return true;
    }
    return false;
}

/* A character that comes after the last input_read() leaves its interrupt pending, for interrupts
 * are off, and HLT stands in the shadow of STI (SDM Vol. 2B, STI): none is slept through. */
void input_wait(void)
{
    if (!all_by_interrupt()) {
        cpu_relax();
        return;
    }
    for (size_t i = 0; i < DEVICES; i++) {
        if (devices[i].there)
            cpu_unmask_pic(devices[i].irq);
    }
    wait_for_interrupt();
}
