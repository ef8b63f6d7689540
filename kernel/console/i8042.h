/* The 8042 of PCs, or what firmware lets a USB keyboard pass for: IBM PS/2 Hardware Interface
 * Technical Reference, "Keyboard and Auxiliary Device Controller". Ports and time come in as
 * functions, so that the host can test it against a fake one.
 *
 * Nothing is believed. Every wait ends; the controller is not told to test itself and the keyboard
 * is not reset, for that ends many an emulation; what is not answered is done without. */
#ifndef BESTLA_KERNEL_I8042_H
#define BESTLA_KERNEL_I8042_H

#include <stdbool.h>
#include <stdint.h>

struct i8042 {
    uint8_t (*in)(uint16_t port);
    void (*out)(uint16_t port, uint8_t value);
    int64_t (*microseconds)(void); /* never goes back */

    bool there;      /* by i8042_open: what follows holds */
    bool configured; /* it said what its configuration is, and took another */
    bool translated; /* what comes is of scan code set 1, and not the keyboard's own 2 */
};

enum i8042_status {
    I8042_OK,
    I8042_ABSENT, /* its status port reads 0xff: nothing drives the bus */
    I8042_FULL,   /* however much is read, there is more: nobody can tell what is typed */
};

/* Looks for one, drops what it holds, and asks it to send the keyboard's bytes as scan code set 1,
 * each with IRQ 1, and nothing of a mouse. One that does not answer is taken to do so. */
__attribute__((warn_unused_result)) enum i8042_status i8042_open(struct i8042 *controller);

/* Whether a byte waits, of whatever device. Reads nothing. */
bool i8042_has_byte(const struct i8042 *controller);

/* The next byte of the keyboard's; false when none has come. Bytes of a mouse are dropped. */
bool i8042_read(const struct i8042 *controller, uint8_t *byte);

/* Has the keyboard send a byte that means no key, for its interrupt: its answer to "enable"; or the
 * controller, without a keyboard. False: it takes nothing. */
bool i8042_provoke_keyboard(const struct i8042 *controller);
bool i8042_provoke_controller(const struct i8042 *controller);

/* Pulses the line that resets the CPU. Returns, if it returns, at once. */
void i8042_reset_cpu(const struct i8042 *controller);

#endif
