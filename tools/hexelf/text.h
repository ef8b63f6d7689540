/* A text file read line by line, where every complaint names file, line and column. */
#ifndef BESTLA_TOOLS_HEXELF_TEXT_H
#define BESTLA_TOOLS_HEXELF_TEXT_H

#include "status.h"

#include <stdint.h>

struct text_file {
    const char *path;
    uint8_t *bytes;
    size_t size;
};

/* One line: `at` without its end, of either kind; it may hold NULs. `number` is 1 for the first,
 * `next` where the one after it begins. */
struct line {
    const struct text_file *file;
    const char *at;
    size_t length, number, next;
};

/* A piece of a line between blanks. */
struct word {
    const char *at;
    size_t length;
};

/* `path` must stay. Says what went wrong; then, too, text_close is to be called. */
__attribute__((warn_unused_result)) enum tool_status text_open(const char *path,
                                                               struct text_file *file);
void text_close(struct text_file *file);

/* From a line of zeroes that has its file: the first, then one after the other; false at the end.
 */
bool text_next(struct line *line);

/* The words of a line, at most `most`; what is beyond is counted too. */
size_t line_words(const struct line *line, struct word *words, size_t most);

/* What a hexadecimal digit counts; 16: it is none. */
unsigned hex_digit(char c);

bool word_is(struct word word, const char *text);
char *word_copy(struct word word);

/* What the word says, in base 10 or 16; false where it says no number below 2^64. 0x may precede
 * hexadecimal digits. */
__attribute__((warn_unused_result)) bool word_number(struct word word, unsigned base,
                                                     uint64_t *number);

/* A number as C writes it: hexadecimal with 0x, else decimal. */
__attribute__((warn_unused_result)) bool word_c_number(struct word word, uint64_t *number);

/* "FILE:LINE:COLUMN: what is wrong"; `at` is in the line, or its end. Returns TOOL_MALFORMED. */
FORMAT_LIKE_PRINTF(3, 4)
enum tool_status complain_at(const struct line *line, const char *at, const char *format, ...);

/* A word as it can be printed: control characters are dots, what is too long ends in "...". Valid
 * until the next call. */
const char *shown(struct word word);

#endif
