/* What may be typed where a command wants a number, an address or a range.
 *
 *   number    0x hexadecimal or decimal digits, then K, M, G or T (of 1024) or nothing
 *   address   number, or NAME, or either + number
 *   range     A-B (B is the first address that is not meant), A+SIZE, or A alone: one byte */
#ifndef BESTLA_MONITOR_PARSE_H
#define BESTLA_MONITOR_PARSE_H

#include "addr.h"
#include "text.h"

enum parse_status {
    PARSE_OK,
    PARSE_NOT_A_NUMBER, /* empty, or a character that is no digit */
    PARSE_TOO_LARGE,    /* past 2^64 - 1 */
    PARSE_UNKNOWN_NAME, /* neither a number nor a symbol */
    PARSE_AMBIGUOUS,    /* several symbols have the name */
    PARSE_BAD_RANGE,    /* empty, or its end lies before its start */
};

/* How many symbols have a name; the first one's address, if there is one. */
typedef size_t (*parse_names)(struct text name, uint64_t *address);

__attribute__((warn_unused_result)) enum parse_status parse_number(struct text word,
                                                                   uint64_t *value);
__attribute__((warn_unused_result)) enum parse_status parse_address(struct text word,
                                                                    parse_names names,
                                                                    uint64_t *address);
/* The range may end at 2^64 exactly: typed as the number 0 behind `-`. */
__attribute__((warn_unused_result)) enum parse_status parse_range(struct text word,
                                                                  parse_names names,
                                                                  struct virt_range *range);

const char *parse_status_text(enum parse_status status);

/* Splits a line at its blanks. Returns how many words there are; of more than `room` only the
 * first `room` are written. */
size_t parse_words(struct text line, struct text *words, size_t room);

#endif
