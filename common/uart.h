/* A 16550 serial port (National Semiconductor PC16550D data
 * sheet). Loader and kernel both write to COM1 with this; the port instructions
 * come in as functions, so the host can test it against a fake. */
#ifndef BESTLA_UART_H
#define BESTLA_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_COM1 UINT16_C(0x3f8)

struct uart {
    uint16_t base; /* I/O port of register 0 */
    uint8_t (*in)(uint16_t port);
    void (*out)(uint16_t port, uint8_t value);
    bool there;   /* set by uart_probe: there is one, whether or not it sends */
    bool present; /* set by uart_probe; cleared when the transmitter hangs */
};

/* Looks for a UART at uart->base (its scratch register must hold what is written), waits until
 * what firmware has sent is out, and sets it to 115200 8N1, FIFOs on, interrupts off. False where
 * there is none (an absent port reads 0x00 or 0xff), or where the transmitter hangs: such a port
 * is set up all the same, for it may receive. */
bool uart_probe(struct uart *uart);

/* Writes the bytes, a CR before each LF. Each wait for the transmitter is bounded; one
 * that runs out marks the port absent, so that a dead port costs one wait. Does
 * nothing on an absent port. */
void uart_write(struct uart *uart, const char *text, size_t length);

/* Takes a character that has come; false when none has, or there is no port; from one that
 * does not send it may. Those that came with an error (parity, framing, a break) are taken like
 * others. */
bool uart_read(const struct uart *uart, char *character);

/* Which events raise the port's interrupt from now on: a character has come; the transmitter is
 * empty, at once if it is so already. OUT2 is set, which on a PC lets the interrupt out. */
void uart_interrupt_on(const struct uart *uart, bool received, bool sent);

/* Whether the port is raising its interrupt. To ask acknowledges that the transmitter is empty;
 * that a character has come is acknowledged by reading it (PC16550D, table V). */
bool uart_interrupts(const struct uart *uart);

#endif
