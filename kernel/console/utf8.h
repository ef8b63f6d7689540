/* UTF-8 (Unicode 15, 3.9), a byte at a time. */
#ifndef BESTLA_KERNEL_UTF8_H
#define BESTLA_KERNEL_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT UINT32_C(0xfffd)

/* All zero: nothing begun. */
struct utf8 {
    uint32_t code;      /* of what has come so far */
    uint32_t least;     /* below this it is longer than it need be */
    unsigned remaining; /* bytes that are still to come */
};

/* Takes a byte and gives the code points that it completes, in order: none, one, or two when it
 * ends a sequence that is malformed and is itself a character. Each maximal part of a sequence that
 * cannot be one is UTF8_REPLACEMENT; so is a surrogate and what lies past U+10FFFF. */
size_t utf8_feed(struct utf8 *decoder, unsigned char byte, uint32_t out[2]);

#endif
