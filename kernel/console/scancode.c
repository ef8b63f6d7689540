/* See scancode.h. IBM PS/2 Hardware Interface Technical Reference, "Keyboards": scan code sets and
 * the controller's translation of set 2 to set 1. */
#include "scancode.h"

#define PREFIX_EXTENDED UINT8_C(0xe0)
#define PREFIX_PAUSE    UINT8_C(0xe1)
#define PREFIX_RELEASED UINT8_C(0xf0) /* set 2's; in set 1 bit 7 of the code itself */
#define RELEASED        UINT8_C(0x80)
#define OVERRUN_SET_1   UINT8_C(0xff)
#define OVERRUN         UINT8_C(0x00) /* set 2's; in set 1 no key either */

/* Set 1's codes that are not simply a character. */
enum key {
    KEY_ENTER = 0x1c,
    KEY_CONTROL = 0x1d,
    KEY_SHIFT_LEFT = 0x2a,
    KEY_SLASH = 0x35,
    KEY_SHIFT_RIGHT = 0x36,
    KEY_CAPS_LOCK = 0x3a,
    KEY_NUM_LOCK = 0x45,
    KEYPAD_FIRST = 0x47,
    KEYPAD_LAST = 0x53,
    KEYS = 0x57,
};

/* Set 2's codes in set 1; 0: no key that anybody here knows. */
static const uint8_t set_1_of[] = {
    0,    0x43, 0,    0x3f, 0x3d, 0x3b, 0x3c, 0x58, /* 00h */
    0,    0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0,    /* 08h */
    0,    0x38, 0x2a, 0,    0x1d, 0x10, 0x02, 0,    /* 10h */
    0,    0,    0x2c, 0x1f, 0x1e, 0x11, 0x03, 0,    /* 18h */
    0,    0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0,    /* 20h */
    0,    0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0,    /* 28h */
    0,    0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0,    /* 30h */
    0,    0,    0x32, 0x24, 0x16, 0x08, 0x09, 0,    /* 38h */
    0,    0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0,    /* 40h */
    0,    0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0,    /* 48h */
    0,    0,    0x28, 0,    0x1a, 0x0d, 0,    0,    /* 50h */
    0x3a, 0x36, 0x1c, 0x1b, 0,    0x2b, 0,    0,    /* 58h */
    0,    0x56, 0,    0,    0,    0,    0x0e, 0,    /* 60h */
    0,    0x4f, 0,    0x4b, 0x47, 0,    0,    0,    /* 68h */
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, /* 70h */
    0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0,    /* 78h */
    0,    0,    0,    0x41,                         /* 80h */
};

/* By set 1's code, from 0 on; NUL: no character. 7Fh is what terminals send for Backspace. */
static const char plain[KEYS + 1] = "\0\x1b"
                                    "1234567890-=\x7f\tqwertyuiop[]\r\0"
                                    "asdfghjkl;'`\0\\zxcvbnm,./\0*\0 \0"
                                    "\0\0\0\0\0\0\0\0\0\0\0\0"
                                    "789-456+1230.\0\0\\";
static const char shifted[KEYS + 1] = "\0\x1b"
                                      "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0"
                                      "ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 \0"
                                      "\0\0\0\0\0\0\0\0\0\0\0\0"
                                      "789-456+1230.\0\0|";

/* The keypad without Num Lock, and the keys between it and the letters: what stands behind ESC [
 * (ECMA-48 8.3; xterm's). */
static const char sequences[KEYPAD_LAST - KEYPAD_FIRST + 1][3] = {
    "H", "A", "5~", "", "D", "", "C", "", "F", "B", "6~", "2~", "3~",
};

static size_t put_sequence(unsigned key, char *text)
{
    const char *tail = sequences[key - KEYPAD_FIRST];
    size_t length = 2;

    if (*tail == '\0')
        return 0;
    text[0] = '\x1b';
    text[1] = '[';
    for (; *tail != '\0'; tail++)
        text[length++] = *tail;
    return length;
}

static bool is_letter(char character)
{
    return character >= 'a' && character <= 'z';
}

static bool on_keypad(unsigned key)
{
    return key >= KEYPAD_FIRST && key <= KEYPAD_LAST;
}

static size_t put_character(const struct scancodes *codes, unsigned key, char *text)
{
    bool shift = codes->shift_left || codes->shift_right;
    bool control = codes->control_left || codes->control_right;

    if (key >= KEYS || plain[key] == '\0')
        return 0;
    char character = (shift != (codes->caps_lock && is_letter(plain[key])) ? shifted : plain)[key];
    if (control && character >= '@' && character < 0x7f)
        character &= 0x1f;
    else if (control && character > ' ' && character < '@')
        return 0; /* as of a terminal: there is no such character */
    text[0] = character;
    return 1;
}

/* Which of them they are is told by the code, or by E0h. True: it is one. */
static bool modifier(struct scancodes *codes, unsigned key, bool extended, bool released)
{
    switch (key) {
    case KEY_CONTROL:
        *(extended ? &codes->control_right : &codes->control_left) = !released;
        return true;
    case KEY_SHIFT_LEFT:
    case KEY_SHIFT_RIGHT:
        if (!extended) /* else one that the keyboard has made up around a key of the middle */
            *(key == KEY_SHIFT_LEFT ? &codes->shift_left : &codes->shift_right) = !released;
        return true;
    case KEY_CAPS_LOCK:
        codes->caps_lock ^= !released && !codes->lock_held; /* and not by repetition */
        codes->lock_held = !released;
        return true;
    case KEY_NUM_LOCK:
        codes->num_lock_off ^= !released && !codes->lock_held;
        codes->lock_held = !released;
        return true;
    default:
        return false;
    }
}

static size_t press(const struct scancodes *codes, unsigned key, bool extended, char *text)
{
    bool shift = codes->shift_left || codes->shift_right;

    if (on_keypad(key) && (extended || codes->num_lock_off != shift)) {
        size_t length = put_sequence(key, text);
        if (length != 0 || extended)
            return length;
    }
    if (extended && key != KEY_ENTER && key != KEY_SLASH)
        return 0;
    if (extended && key == KEY_SLASH) {
        text[0] = '/';
        return 1;
    }
    return put_character(codes, key, text);
}

/* What was held may have been let go unseen. */
static void overrun(struct scancodes *codes)
{
    *codes = (struct scancodes){
        .set_2 = codes->set_2, .caps_lock = codes->caps_lock, .num_lock_off = codes->num_lock_off};
}

/* Pause is E1h and two codes, and again for its release at once, with F0h before each in set 2. */
static bool prefix(struct scancodes *codes, uint8_t byte)
{
    if (byte == PREFIX_PAUSE) {
        codes->skip = codes->set_2 ? 7 : 2;
        codes->extended = codes->released = false;
    } else if (byte == PREFIX_EXTENDED) {
        codes->extended = true;
    } else if (codes->set_2 && byte == PREFIX_RELEASED) {
        codes->released = true;
    } else {
        return false;
    }
    return true;
}

size_t scancode_feed(struct scancodes *codes, uint8_t byte, char text[SCANCODE_TEXT_MAX])
{
    if (codes->skip > 0) {
        codes->skip--;
        return 0;
    }
    if (byte == OVERRUN || (!codes->set_2 && byte == OVERRUN_SET_1)) {
        overrun(codes);
        return 0;
    }
    if (prefix(codes, byte))
        return 0;

    bool extended = codes->extended, released = codes->released;
    unsigned key = byte & (RELEASED - 1U);
    if (codes->set_2)
        key = byte < sizeof(set_1_of) ? set_1_of[byte] : 0;
    else
        released = (byte & RELEASED) != 0;
    codes->extended = codes->released = false;
    if (modifier(codes, key, extended, released) || released)
        return 0;
    return press(codes, key, extended, text);
}
