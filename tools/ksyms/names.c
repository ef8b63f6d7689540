/* See names.h. All is decided by counts and, where they are equal, by the lower code, so the same
 * names always give the same bytes. A pass over the text for each pair: 4 MB of names take
 * seconds. */
#include "names.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

#define PAIR_COST 2U /* bytes in the table */

void names_add(struct packed_names *names, const char *name)
{
    names->starts = array_grow(names->starts, names->count, &names->start_room, sizeof(size_t));
    names->starts[names->count++] = names->length;
    do {
        names->text = array_grow(names->text, names->length, &names->room, sizeof(*names->text));
        names->text[names->length++] = *name ? (unsigned char)*name : NAME_END;
    } while (*name++);
}

/* Bytes become literals, in ascending order. */
static void find_literals(struct packed_names *names)
{
    uint16_t code[256] = {0};

    for (size_t i = 0; i < names->length; i++) {
        if (names->text[i] != NAME_END)
            code[names->text[i]] = 1;
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        if (code[byte]) {
            code[byte] = (uint16_t)names->literal_count;
            names->literals[names->literal_count++] = (uint8_t)byte;
        }
    }
    for (size_t i = 0; i < names->length; i++) {
        if (names->text[i] != NAME_END)
            names->text[i] = code[names->text[i]];
    }
}

/* How often each pair could be replaced: of "aaa" only one "aa". */
static void count_pairs(const struct packed_names *names, uint32_t *counts)
{
    const uint16_t *text = names->text;

    memset(counts, 0, (size_t)NAME_CODES_MAX * NAME_CODES_MAX * sizeof(*counts));
    for (size_t i = 0; i + 1 < names->length; i++) {
        if (text[i] == NAME_END || text[i + 1] == NAME_END)
            continue;
        counts[text[i] * NAME_CODES_MAX + text[i + 1]]++;
        if (text[i] == text[i + 1] && i + 2 < names->length && text[i + 2] == text[i])
            i++;
    }
}

static void replace(struct packed_names *names, uint16_t first, uint16_t second, uint16_t code)
{
    uint16_t *text = names->text;
    size_t out = 0;

    for (size_t i = 0; i < names->length; i++) {
        if (text[i] == first && i + 1 < names->length && text[i + 1] == second) {
            text[out++] = code;
            i++;
        } else {
            text[out++] = text[i];
        }
    }
    names->length = out;
}

static void find_starts(struct packed_names *names)
{
    size_t number = 0;

    for (size_t i = 0; i < names->length; i++) {
        if (i == 0 || names->text[i - 1] == NAME_END)
            names->starts[number++] = i;
    }
}

void names_pack(struct packed_names *names)
{
    uint32_t *counts = allocate((size_t)NAME_CODES_MAX * NAME_CODES_MAX, sizeof(*counts));

    find_literals(names);
    while (names->literal_count + names->pair_count < NAME_CODES_MAX) {
        uint32_t best = 0;

        count_pairs(names, counts);
        for (uint32_t pair = 1; pair < NAME_CODES_MAX * NAME_CODES_MAX; pair++) {
            if (counts[pair] > counts[best])
                best = pair;
        }
        if (counts[best] <= PAIR_COST)
            break;
        uint8_t *pair = &names->pairs[2 * names->pair_count];
        pair[0] = (uint8_t)(best / NAME_CODES_MAX);
        pair[1] = (uint8_t)(best % NAME_CODES_MAX);
        replace(names, pair[0], pair[1], (uint16_t)(names->literal_count + names->pair_count));
        names->pair_count++;
    }
    find_starts(names);
    free(counts);
}

size_t names_codes(const struct packed_names *names, size_t number, const uint16_t **codes)
{
    size_t start = names->starts[number];
    size_t end = number + 1 < names->count ? names->starts[number + 1] : names->length;

    *codes = &names->text[start];
    return end - 1 - start;
}

void names_free(struct packed_names *names)
{
    free(names->text);
    free(names->starts);
    *names = (struct packed_names){0};
}
