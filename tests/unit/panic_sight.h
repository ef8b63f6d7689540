/* What is to be seen of a panic's page: the pixels read back, as text with the font and as the QR
 * code, both held against the report. */
#ifndef BESTLA_TESTS_PANIC_SIGHT_H
#define BESTLA_TESTS_PANIC_SIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGHT_WIDTH_MAX  4096U
#define SIGHT_HEIGHT_MAX 2200U

/* The framebuffer, line behind line. */
extern uint32_t sight_pixels[SIGHT_HEIGHT_MAX * SIGHT_WIDTH_MAX], sight_width, sight_height;

struct sight_code {
    uint32_t x, y, side; /* of the white square; side 0: there is none */
    unsigned scale;
    size_t length; /* of the report's part that it holds: whole lines from the first on */
};

struct sight {
    struct sight_code code;
    size_t words, lines_more; /* that are seen of the report; that are said to be left out */
    bool notes_code, notes_serial;
};

/* The square alone. */
void sight_find_code(struct sight_code *code);

/* Fails when a word is not the report's, or a code not one of it. */
void sight_look(struct sight *sight, const char *report);

/* The next word from *at on, which is moved behind it; 0: there is none. */
size_t sight_next_word(const char **at, const char **word);

#endif
