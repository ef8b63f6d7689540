/* See uart.h. */
#include "uart.h"

enum {
    DATA = 0,
    INTERRUPT_ENABLE = 1,
    FIFO_CONTROL = 2,    /* written */
    INTERRUPT_IDENT = 2, /* read */
    LINE_CONTROL = 3,
    MODEM_CONTROL = 4,
    LINE_STATUS = 5,
    SCRATCH = 7,
};

#define LINE_CONTROL_8N1     0x03
#define LINE_CONTROL_DIVISOR 0x80
#define FIFO_ON_AND_CLEAR    0x07
#define MODEM_DTR_RTS        0x03
#define MODEM_OUT2           0x08
#define INTERRUPT_RECEIVED   0x01
#define INTERRUPT_SENT       0x02
#define IDENT_NONE           0x01 /* no interrupt is pending */
#define STATUS_RECEIVED      0x01
#define STATUS_CAN_SEND      0x20
#define STATUS_IDLE          0x40 /* nothing in the FIFO, nothing in the shifter */

/* A full FIFO of 16 drains in 1.4 ms at 115200, and a port read takes about 1 us on real buses.
 * But an emulator's port stands still as long as nobody reads at its other end. */
#define WAIT_TRIES 5000000

static void set(const struct uart *uart, unsigned reg, uint8_t value)
{
    uart->out((uint16_t)(uart->base + reg), value);
}

static uint8_t get(const struct uart *uart, unsigned reg)
{
    return uart->in((uint16_t)(uart->base + reg));
}

static bool scratch_holds(const struct uart *uart, uint8_t value)
{
    set(uart, SCRATCH, value);
    return get(uart, SCRATCH) == value;
}

static bool wait_for(const struct uart *uart, uint8_t status)
{
    for (unsigned tries = 0; tries < WAIT_TRIES; tries++) {
        if (get(uart, LINE_STATUS) & status)
            return true;
    }
    return false;
}

bool uart_probe(struct uart *uart)
{
    uart->there = scratch_holds(uart, 0x5a) && scratch_holds(uart, 0xa5);
    uart->present = uart->there && wait_for(uart, STATUS_IDLE); /* what firmware still had to say */
    if (!uart->there)
        return false;

    /* While the divisor shows, the first two registers are its halves. It may have been
     * left so. */
    set(uart, LINE_CONTROL, LINE_CONTROL_DIVISOR);
    set(uart, DATA, 1); /* 115200 */
    set(uart, INTERRUPT_ENABLE, 0);
    set(uart, LINE_CONTROL, LINE_CONTROL_8N1);
    set(uart, INTERRUPT_ENABLE, 0);
    set(uart, FIFO_CONTROL, FIFO_ON_AND_CLEAR);
    set(uart, MODEM_CONTROL, MODEM_DTR_RTS);
    return uart->present;
}

static void send(struct uart *uart, char character)
{
    if (!uart->present)
        return;
    uart->present = wait_for(uart, STATUS_CAN_SEND);
    if (uart->present)
        set(uart, DATA, (uint8_t)character);
}

void uart_write(struct uart *uart, const char *text, size_t length)
{
    for (size_t i = 0; i < length && uart->present; i++) {
        if (text[i] == '\n')
            send(uart, '\r');
        send(uart, text[i]);
    }
}

bool uart_read(const struct uart *uart, char *character)
{
    uint8_t status = uart->there ? get(uart, LINE_STATUS) : 0;

    /* A port that went away reads 0xff. */
    if (status == 0xff || !(status & STATUS_RECEIVED))
        return false;
    *character = (char)get(uart, DATA);
    return true;
}

void uart_interrupt_on(const struct uart *uart, bool received, bool sent)
{
    if (!uart->there)
        return;
    set(uart, MODEM_CONTROL, MODEM_DTR_RTS | MODEM_OUT2);
    set(uart, INTERRUPT_ENABLE,
        (uint8_t)((received ? INTERRUPT_RECEIVED : 0) | (sent ? INTERRUPT_SENT : 0)));
}

bool uart_interrupts(const struct uart *uart)
{
    return uart->there && !(get(uart, INTERRUPT_IDENT) & IDENT_NONE);
}
