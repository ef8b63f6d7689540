/* What a terminal makes of text: a grid of cells. UTF-8, the control characters and the escape
 * sequences of ECMA-48 that matter to whoever writes lines; the others are swallowed whole. Pure:
 * it knows no device, and no input can break it.
 *
 * A line's end (LF) also returns to the first column. A character in the last column leaves the
 * cursor there until the next one wraps, as a VT100 does. */
#ifndef BESTLA_KERNEL_TERMINAL_H
#define BESTLA_KERNEL_TERMINAL_H

#include "utf8.h"

#include <stdbool.h>

/* Colours 0 to 15: black, red, green, yellow, blue, magenta, cyan, white, and the same bright. */
#define TERMINAL_INK   7U
#define TERMINAL_PAPER 0U

/* A character (21 bits) above its paper and its ink (4 bits each). */
typedef uint32_t cell_t;

static inline cell_t cell(uint32_t code, unsigned ink, unsigned paper)
{
    return code << 8 | paper << 4 | ink;
}

static inline uint32_t cell_code(cell_t c)
{
    return c >> 8;
}

static inline unsigned cell_ink(cell_t c)
{
    return c & 15;
}

static inline unsigned cell_paper(cell_t c)
{
    return c >> 4 & 15;
}

#define TERMINAL_PARAMETERS 8

struct terminal {
    cell_t *cells; /* rows * columns, the owner's */
    unsigned columns, rows;
    unsigned jump;        /* rows that are scrolled at once: 1 to rows */
    unsigned column, row; /* of the cursor */
    bool wrap_next;       /* the next character begins a line: the last column is written */
    bool full;            /* a character was dropped and nothing is taken any more: see `hold` */
    bool hold;            /* what comes after the last row is dropped instead of scrolling */

    unsigned ink, paper;
    bool bold, reverse;
    unsigned own_ink; /* what "default" means */
    unsigned saved_column, saved_row;

    struct utf8 utf8;
    unsigned state;
    unsigned parameters[TERMINAL_PARAMETERS];
    unsigned parameter_count;
    bool is_private; /* a sequence with a mark of somebody's own, or with intermediates */

    /* Rows that may have changed since the owner reset these: [changed_from, changed_to). */
    unsigned changed_from, changed_to;
};

/* An empty grid; both sizes at least 1. */
void terminal_open(struct terminal *terminal, cell_t *cells, unsigned columns, unsigned rows,
                   unsigned jump);

void terminal_write(struct terminal *terminal, const char *text, size_t length);

/* The colour of what is written without one of its own, until told otherwise. */
void terminal_set_ink(struct terminal *terminal, unsigned ink);

/* The rows that may have changed since this was last asked: [*from, *to), none where these meet. */
void terminal_take_changes(struct terminal *terminal, unsigned *from, unsigned *to);

#endif
