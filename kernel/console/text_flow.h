/* Lines of any length laid out on rows of which the lower ones may be shorter, beside a picture.
 * A line breaks between words, and goes on further in than it began; a word breaks only where a
 * whole row does not hold it. Rows of registers are filled anew: three to a row of 80 columns, two
 * to one of 44. Pure, in ASCII. */
#ifndef BESTLA_KERNEL_TEXT_FLOW_H
#define BESTLA_KERNEL_TEXT_FLOW_H

#include "format.h"
#include "text.h"

/* A register in a line of them: two spaces, a name of three letters, a space, 16 digits. */
#define FLOW_FIELD 22U

struct flow_shape {
    unsigned rows;
    unsigned columns;        /* 1 or more */
    unsigned narrow_from;    /* rows from this one on have narrow_columns; `rows`: none has */
    unsigned narrow_columns; /* 1 or more */
};

/* Writes the lines of `text`, whose last one may lack its LF, to the rows from *row on, each ended
 * by an LF; *row is then the row behind them. Where not all lines fit, as many do as leave the
 * last row free, but for rows of registers whole ones. Returns how many lines were left out.
 * Without a sink nothing is written. */
size_t flow_text(const struct flow_shape *shape, unsigned *row, struct text text, format_sink sink,
                 void *context);

#endif
