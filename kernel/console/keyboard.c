/* See keyboard.h. */
#include "keyboard.h"

#include "clock.h"
#include "log.h"
#include "scancode.h"
#include "x86_cpu.h"

static int64_t now(void)
{
    return clock_microseconds(read_tsc());
}

struct i8042 keyboard_controller = {.in = in8, .out = out8, .microseconds = now};

/* Looked at for one character: far more than keys have without one, so that noise ends. */
#define BYTES_MAX 64U

static struct scancodes codes;
static char text[SCANCODE_TEXT_MAX]; /* of the key that was pressed last */
static size_t length, taken;

bool keyboard_open(const char *by)
{
    enum i8042_status status = i8042_open(&keyboard_controller);

    if (status != I8042_OK) {
        log_info("console", "no keyboard: %s; %s", by,
                 status == I8042_ABSENT ? "port 64h reads 0xff"
                                        : "there is no end to what can be read at port 60h");
        return false;
    }
    codes.set_2 = !keyboard_controller.translated;
    log_info("console", "keyboard: %s; scan code set %u%s", by, codes.set_2 ? 2 : 1,
             keyboard_controller.configured ? "" : " by assumption, for it does not answer");
    return true;
}

bool keyboard_read(char *character)
{
    uint8_t byte;

    for (unsigned bytes = 0; taken == length; bytes++) {
        if (bytes == BYTES_MAX || !keyboard_controller.there ||
            !i8042_read(&keyboard_controller, &byte))
            return false;
        length = scancode_feed(&codes, byte, text);
        taken = 0;
    }
    *character = text[taken++];
    return true;
}
