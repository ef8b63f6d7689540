/* What a keyboard sends, as what a terminal would: scan codes of set 1, or set 2 where nothing
 * translates them, become ASCII and the sequences of ECMA-48 for arrows, Home, End, Delete and
 * their like. US layout. Pure: no byte can break it, and noise is at worst a wrong character.
 *
 * Shift, Ctrl, Caps Lock and Num Lock (on at first, as firmware leaves it) are kept here; no light
 * shows them. Alt does nothing. */
#ifndef BESTLA_KERNEL_SCANCODE_H
#define BESTLA_KERNEL_SCANCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCANCODE_TEXT_MAX 4 /* characters of one key */

struct scancodes {
    bool set_2;
    bool extended; /* the byte before was E0h */
    bool released; /* ... or set 2's F0h */
    unsigned skip; /* bytes of the key Pause that are to come */
    bool shift_left, shift_right, control_left, control_right;
    bool caps_lock, num_lock_off, lock_held;
};

/* One byte of the keyboard's; how many characters, if any, it adds to `text`. */
size_t scancode_feed(struct scancodes *codes, uint8_t byte, char text[SCANCODE_TEXT_MAX]);

#endif
