/* Names made short by pairs of bytes: the pair of codes that occurs most gets a code of its own,
 * again and again, until no pair saves more than the two bytes that it costs or codes run out. */
#ifndef BESTLA_TOOLS_NAMES_H
#define BESTLA_TOOLS_NAMES_H

#include "symbol_table.h"

#include <stddef.h>

struct packed_names {
    uint8_t literals[NAME_CODES_MAX], pairs[2 * NAME_CODES_MAX]; /* as in the table */
    uint32_t literal_count, pair_count;
    uint16_t *text; /* the names' codes, one after another, each with NAME_END behind it */
    size_t length, room;
    size_t *starts; /* of each name in `text` */
    size_t count, start_room;
};

#define NAME_END UINT16_C(0xffff)

/* Adds a name; the first one is number 0. */
void names_add(struct packed_names *names, const char *name);

/* Once, after the last name: from bytes to codes. */
void names_pack(struct packed_names *names);

/* The codes of a name: how many, and where they start. */
size_t names_codes(const struct packed_names *names, size_t number, const uint16_t **codes);

void names_free(struct packed_names *names);

#endif
