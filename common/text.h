/* A piece of somebody else's text: not terminated, not owned. An empty one may
 * have a NULL start. */
#ifndef BESTLA_TEXT_H
#define BESTLA_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *start;
    size_t length;
};

/* For "%.*s". */
#define TEXT_ARG(t) (int)(t).length, (t).start

struct text text_of(const char *string);
bool text_equal(struct text a, struct text b);
bool text_equal_ignoring_case(struct text a, struct text b);
/* `*` any run, `?` any one character (of UTF-8: all its bytes), letters in
 * either case (ASCII): what the Boot Loader Specification's `default` asks for.
 * Constant memory; time at most the product of both lengths. */
bool text_matches(struct text text, struct text pattern);
/* Bytes up to the first character that may not stand in a line: a control character other than the
 * tab, or what is no UTF-8. */
size_t text_printable(struct text text);
struct text text_trim(struct text text); /* spaces, tabs and CR at both ends */

/* Splits the next line (or blank-separated word) off `rest`. False when
 * nothing is left. A line comes without its LF, but keeps a CR; a word is never
 * empty. Blanks are what text_trim() trims. */
bool text_next_line(struct text *rest, struct text *line);
bool text_next_word(struct text *rest, struct text *word);

#endif
