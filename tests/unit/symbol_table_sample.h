/* A symbol table put together by hand, and the list that it was made from: symbols with gaps,
 * within each other, with one address and two names, in more blocks than one. */
#ifndef BESTLA_SYMBOL_TABLE_SAMPLE_H
#define BESTLA_SYMBOL_TABLE_SAMPLE_H

#include <stddef.h>

#include "symbol_table.h"

#define SAMPLE_PIECES      77U
#define SAMPLE_SYMBOLS     (SAMPLE_PIECES - 1) /* one is of two pieces */
#define SAMPLE_SYMBOLS_END 0x117cU
#define SAMPLE_LINES       100U
#define SAMPLE_LINES_END   0x2000U
#define SAMPLE_FILES       2U

/* A piece of the table. */
struct row {
    uint32_t start, size; /* the symbol's */
    uint32_t piece;       /* where the piece starts */
    bool object;
    uint32_t file; /* as in struct symbol */
    const char *codes, *name;
};

/* A line record. */
struct line_row {
    uint32_t start, file, line;
};

/* A table's bytes, or a part of one. */
struct made {
    uint8_t bytes[4096];
    size_t size;
};

struct row sample_row(size_t piece);
struct line_row sample_line(size_t record);
extern const char *const sample_files[SAMPLE_FILES];

struct made sample_table(void);

/* Appends bytes. */
void sample_put(struct made *made, const void *bytes, size_t size);

/* Makes the checksum right again. */
void sample_sign(struct made *made);

#endif
