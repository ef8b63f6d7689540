/* See i8042.h. */
#include "i8042.h"

#define DATA    UINT16_C(0x60)
#define STATUS  UINT16_C(0x64) /* read */
#define COMMAND UINT16_C(0x64) /* written */

#define STATUS_OUTPUT_FULL UINT8_C(0x01) /* a byte waits to be read */
#define STATUS_INPUT_FULL  UINT8_C(0x02) /* what was written is not taken yet */
#define STATUS_AUXILIARY   UINT8_C(0x20) /* the byte is the mouse's */
#define NOBODY             UINT8_C(0xff)

#define READ_CONFIGURATION  UINT8_C(0x20)
#define WRITE_CONFIGURATION UINT8_C(0x60)
#define DISABLE_KEYBOARD    UINT8_C(0xad)
#define ENABLE_KEYBOARD     UINT8_C(0xae)
#define WRITE_OUTPUT        UINT8_C(0xd2) /* the next byte comes back as if the keyboard's */
#define PULSE_RESET         UINT8_C(0xfe)

#define CONFIGURATION_INTERRUPT           0x01U
#define CONFIGURATION_AUXILIARY_INTERRUPT 0x02U
#define CONFIGURATION_KEYBOARD_OFF        0x10U
#define CONFIGURATION_AUXILIARY_OFF       0x20U
#define CONFIGURATION_TRANSLATE           0x40U

#define DEVICE_ENABLE UINT8_C(0xf4)
#define DEVICE_ACK    UINT8_C(0xfa)

/* A keyboard answers within 20 ms. On a real bus a port takes a microsecond, under an emulation
 * that firmware traps a hundred times that: whichever ends first. */
#define WAIT_MICROSECONDS 50000
#define WAIT_TRIES        100000U

/* Two keys' bytes and a mouse's are what controllers hold; some have a few dozen more. */
#define HELD_MAX 256U

static uint8_t status_of(const struct i8042 *controller)
{
    return controller->in(STATUS);
}

/* Until the status has, of `mask`, what `value` says. */
static bool wait_for(const struct i8042 *controller, uint8_t mask, uint8_t value)
{
    int64_t start = controller->microseconds();

    for (unsigned tries = 0; tries < WAIT_TRIES; tries++) {
        if ((status_of(controller) & mask) == value)
            return true;
        if (controller->microseconds() - start > WAIT_MICROSECONDS)
            return false;
    }
    return false;
}

static bool write_to(const struct i8042 *controller, uint16_t port, uint8_t value)
{
    if (!wait_for(controller, STATUS_INPUT_FULL, 0))
        return false;
    controller->out(port, value);
    return true;
}

static bool command(const struct i8042 *controller, uint8_t value)
{
    return write_to(controller, COMMAND, value);
}

bool i8042_has_byte(const struct i8042 *controller)
{
    uint8_t status = status_of(controller);

    return status != NOBODY && (status & STATUS_OUTPUT_FULL);
}

bool i8042_read(const struct i8042 *controller, uint8_t *byte)
{
    for (unsigned held = 0; held < HELD_MAX; held++) {
        uint8_t status = status_of(controller);
        if (status == NOBODY || !(status & STATUS_OUTPUT_FULL))
            return false;
        *byte = controller->in(DATA);
        if (!(status & STATUS_AUXILIARY))
            return true;
    }
    return false;
}

static bool drain(const struct i8042 *controller)
{
    for (unsigned held = 0; held < HELD_MAX && i8042_has_byte(controller); held++)
        (void)controller->in(DATA);
    return !i8042_has_byte(controller);
}

static bool ask_configuration(const struct i8042 *controller, uint8_t *configuration)
{
    return drain(controller) && command(controller, READ_CONFIGURATION) &&
           wait_for(controller, STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL) &&
           i8042_read(controller, configuration);
}

/* The same twice: a byte that the keyboard was just sending comes only once. */
static bool read_configuration(const struct i8042 *controller, uint8_t *configuration)
{
    uint8_t before;

    if (!ask_configuration(controller, &before))
        return false;
    for (unsigned tries = 0; tries < 4; tries++, before = *configuration) {
        if (!ask_configuration(controller, configuration))
            return false;
        if (*configuration == before)
            return true;
    }
    return false;
}

static bool write_configuration(const struct i8042 *controller, unsigned configuration)
{
    return command(controller, WRITE_CONFIGURATION) &&
           write_to(controller, DATA, (uint8_t)configuration);
}

/* The keyboard stays held back until what was written is read again; and then it is let go in any
 * case, here and by command, for there may be an emulation that knows one and not the other. */
static bool change_configuration(struct i8042 *controller)
{
    uint8_t before, after;

    if (!read_configuration(controller, &before))
        return false;
    unsigned wanted = (before & ~CONFIGURATION_AUXILIARY_INTERRUPT) | CONFIGURATION_INTERRUPT |
                      CONFIGURATION_TRANSLATE | CONFIGURATION_AUXILIARY_OFF;
    bool changed = write_configuration(controller, wanted | CONFIGURATION_KEYBOARD_OFF) &&
                   read_configuration(controller, &after);
    if (changed)
        controller->translated = (after & CONFIGURATION_TRANSLATE) != 0;
    return write_configuration(controller, wanted & ~CONFIGURATION_KEYBOARD_OFF) && changed;
}

enum i8042_status i8042_open(struct i8042 *controller)
{
    controller->there = controller->configured = false;
    controller->translated = true;
    if (status_of(controller) == NOBODY)
        return I8042_ABSENT;
    if (!drain(controller))
        return I8042_FULL;
    controller->there = true;
    /* The keyboard is held back, so that a key is not taken for the answer. */
    if (!command(controller, DISABLE_KEYBOARD))
        return I8042_OK;
    controller->configured = change_configuration(controller);
    (void)command(controller, ENABLE_KEYBOARD);
    return I8042_OK;
}

bool i8042_provoke_keyboard(const struct i8042 *controller)
{
    return drain(controller) && write_to(controller, DATA, DEVICE_ENABLE);
}

bool i8042_provoke_controller(const struct i8042 *controller)
{
    return drain(controller) && command(controller, WRITE_OUTPUT) &&
           write_to(controller, DATA, DEVICE_ACK);
}

void i8042_reset_cpu(const struct i8042 *controller)
{
    (void)wait_for(controller, STATUS_INPUT_FULL, 0);
    controller->out(COMMAND, PULSE_RESET);
}
