/* Where a QR code of a text goes, and drawing it: for panic_page.c. Static memory, once at a time.
 */
#ifndef BESTLA_KERNEL_PANIC_CODE_H
#define BESTLA_KERNEL_PANIC_CODE_H

#include "qr_code.h"
#include "screen.h"
#include "text.h"

/* Of version 40 with error correction L. */
#define PANIC_CODE_MAX 2953U

struct panic_code {
    struct screen_area area; /* a square, with the quiet zone */
    unsigned scale;          /* pixels of a module */
    enum qr_level level;
    struct text text;
};

/* In the lower right corner of `within`, in modules of so many pixels; with the better error
 * correction where that takes no more room. False: it is too large, or the text is empty. */
__attribute__((warn_unused_result)) bool panic_code_place(struct screen_area within, unsigned scale,
                                                          struct text text,
                                                          struct panic_code *code);

/* The same as large as it can be, in modules of `least` pixels or more; with the better error
 * correction where that makes no module smaller. */
__attribute__((warn_unused_result)) bool panic_code_place_large(struct screen_area within,
                                                                unsigned least, struct text text,
                                                                struct panic_code *code);

/* The lines of `text`, from the first on and whole, of which a code can be placed so. */
struct text panic_code_part(struct screen_area within, unsigned scale, struct text text);

void panic_code_draw(const struct panic_code *code);

#endif
