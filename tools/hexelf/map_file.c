/* Which kind of map a file is, and what holds for all kinds. */
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

/* NASM's title, avrasm2's banner or one of its keywords, avra's four columns, else a list. */
static enum map_format format_of(const struct text_file *file)
{
    static const char *const keywords[] = {"CSEG", "DSEG", "ESEG", "EQU", "SET", "DEF"};
    struct line line = {.file = file};
    struct word words[4];

    while (text_next(&line)) {
        size_t count = line_words(&line, words, 4);

        if (count == 0 || words[0].at[0] == '#')
            continue;
        if (count > 2 && word_is(words[0], "-") && word_is(words[1], "NASM"))
            return MAP_NASM;
        if (word_is(words[0], "AVRASM"))
            return MAP_AVRASM2;
        for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
            if (count == 3 && word_is(words[0], keywords[i]))
                return MAP_AVRASM2;
        }
        return count == 4 ? MAP_AVRA : MAP_LIST;
    }
    return MAP_LIST;
}

static const struct symbol *compared; /* qsort has no place for it */

static int by_name(const void *a, const void *b)
{
    const struct symbol *one = &compared[*(const size_t *)a];
    const struct symbol *two = &compared[*(const size_t *)b];
    int order = strcmp(one->name, two->name);

    if (order != 0)
        return order;
    return one->line < two->line ? -1 : one->line > two->line;
}

/* A linker refuses two definitions of a name, so this must be said here, where the line is known.
 * A constant may be set again and again. */
static enum tool_status check_names(const struct text_file *file, const struct symbols *symbols)
{
    size_t *sorted = allocate(symbols->count, sizeof(*sorted)), count = 0;
    enum tool_status status = TOOL_OK;

    for (size_t i = 0; i < symbols->count; i++) {
        if (symbols->at[i].place != PLACE_CONSTANT)
            sorted[count++] = i;
    }
    compared = symbols->at;
    array_sort(sorted, count, sizeof(*sorted), by_name);
    for (size_t i = 1; i < count && status == TOOL_OK; i++) {
        const struct symbol *one = &symbols->at[sorted[i - 1]], *two = &symbols->at[sorted[i]];

        if (strcmp(one->name, two->name) == 0)
            status = complain(TOOL_MALFORMED, "%s:%zu:1: label %s is already in line %zu",
                              file->path, two->line, two->name, one->line);
    }
    free(sorted);
    return status;
}

/* No address of AVR has more than 32 bits, nor has ELF32. Constants are cut to as many, as avra
 * prints them. */
static enum tool_status count_in_bytes(const struct text_file *file, struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->count; i++) {
        struct symbol *symbol = &symbols->at[i];

        if (symbol->place == PLACE_CONSTANT)
            symbol->raw = symbol->value = (uint32_t)symbol->raw;
        else if (symbol->raw > UINT32_MAX)
            return complain(TOOL_MALFORMED, "%s:%zu:1: address 0x%llx of %s is past 2^32",
                            file->path, symbol->line, (unsigned long long)symbol->raw,
                            symbol->name);
        else if (symbol->place == PLACE_CODE)
            symbol->value = symbol->raw * 2;
    }
    return TOOL_OK;
}

enum tool_status map_read(const char *path, enum map_format format, bool words,
                          struct symbols *symbols)
{
    static enum tool_status (*const readers[])(const struct text_file *, struct symbols *) = {
        [MAP_AVRASM2] = map_avrasm2,
        [MAP_AVRA] = map_avra,
        [MAP_NASM] = map_nasm,
        [MAP_LIST] = map_list,
    };
    struct text_file file;

    enum tool_status status = text_open(path, &file);
    if (status == TOOL_OK)
        status = readers[format == MAP_ANY ? format_of(&file) : format](&file, symbols);
    if (status == TOOL_OK)
        status = check_names(&file, symbols);
    if (status == TOOL_OK && words)
        status = count_in_bytes(&file, symbols);
    text_close(&file);
    return status;
}
