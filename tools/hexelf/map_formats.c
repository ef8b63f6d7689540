/* The map files of three assemblers, and a plain list for all others. docs/hexelf.md shows each. */
#include "symbols.h"

#include <string.h>

#define MOST_WORDS 5

struct row {
    struct word words[MOST_WORDS];
    size_t count; /* of all; may be more */
};

static void split(const struct line *line, struct row *row)
{
    row->count = line_words(line, row->words, MOST_WORDS);
}

static enum tool_status bad_count(const struct line *line, const struct row *row, size_t expected,
                                  const char *what)
{
    const char *at = row->count > expected && expected < MOST_WORDS ? row->words[expected].at
                                                                    : line->at + line->length;
    return complain_at(line, at, "%zu words, not the %zu of %s", row->count, expected, what);
}

static enum tool_status bad_number(const struct line *line, struct word word)
{
    return complain_at(line, word.at, "'%s' is no hexadecimal number below 2^64", shown(word));
}

/* A name goes into an ELF string table and onto terminals. */
static enum tool_status add(struct symbols *symbols, const struct line *line, struct word name,
                            enum place place, uint64_t raw)
{
    for (size_t i = 0; i < name.length; i++) {
        unsigned char c = (unsigned char)name.at[i];

        if (c < ' ' || c == 0x7f)
            return complain_at(line, name.at + i, "a name with the control character 0x%02x", c);
    }
    symbols_add(symbols, line, name, place, raw);
    return TOOL_OK;
}

typedef enum tool_status row_reader(struct symbols *symbols, const struct line *line,
                                    const struct row *row);

/* Up to the first that is wrong; blank lines mean nothing in any format. */
static enum tool_status read_rows(const struct text_file *file, struct symbols *symbols,
                                  row_reader *read)
{
    struct line line = {.file = file};
    enum tool_status status = TOOL_OK;

    while (status == TOOL_OK && text_next(&line)) {
        struct row row;

        split(&line, &row);
        if (row.count > 0)
            status = read(symbols, &line, &row);
    }
    return status;
}

/* ---- avrasm2: CSEG name 00000002 ------------------------------------------------------- */

static enum tool_status avrasm2_row(struct symbols *symbols, const struct line *line,
                                    const struct row *row)
{
    static const struct {
        const char *keyword;
        enum place place;
    } keywords[] = {
        {"CSEG", PLACE_CODE},    {"DSEG", PLACE_DATA},    {"ESEG", PLACE_ABSOLUTE},
        {"EQU", PLACE_CONSTANT}, {"SET", PLACE_CONSTANT},
    };
    const struct word *words = row->words;
    uint64_t raw;

    if (symbols->count == 0 && word_is(words[0], "AVRASM")) /* the banner */
        return TOOL_OK;
    for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
        if (!word_is(words[0], keywords[i].keyword))
            continue;
        if (row->count != 3)
            return bad_count(line, row, 3, "KIND NAME ADDRESS");
        if (!word_number(words[2], 16, &raw))
            return bad_number(line, words[2]);
        return add(symbols, line, words[1], keywords[i].place, raw);
    }
    if (word_is(words[0], "DEF")) /* a register's name */
        return row->count == 3 ? TOOL_OK : bad_count(line, row, 3, "DEF NAME REGISTER");
    return complain_at(line, words[0].at, "'%s' is none of CSEG, DSEG, ESEG, EQU, SET, DEF",
                       shown(words[0]));
}

enum tool_status map_avrasm2(const struct text_file *file, struct symbols *symbols)
{
    return read_rows(file, symbols, avrasm2_row);
}

/* ---- avra: name, L, 0005, 5 ------------------------------------------------------------ */

static enum tool_status avra_row(struct symbols *symbols, const struct line *line,
                                 const struct row *row)
{
    const struct word *words = row->words;
    uint64_t raw, again;

    if (row->count != 4)
        return bad_count(line, row, 4, "NAME KIND HEXADECIMAL DECIMAL");
    if (!word_is(words[1], "L") && !word_is(words[1], "C") && !word_is(words[1], "V"))
        return complain_at(line, words[1].at, "'%s' is none of L, C, V", shown(words[1]));
    if (!word_number(words[2], 16, &raw))
        return bad_number(line, words[2]);
    bool minus = words[3].at[0] == '-';
    if (!word_number((struct word){words[3].at + minus, words[3].length - minus}, 10, &again))
        return complain_at(line, words[3].at, "'%s' is no decimal number below 2^64",
                           shown(words[3]));
    /* avra counts in 64 bits and prints 32 of them in hexadecimal, all in decimal. */
    again = minus ? -again : again;
    if (raw != again && raw != (uint32_t)again)
        return complain_at(line, words[3].at, "%s is not 0x%llx", shown(words[3]),
                           (unsigned long long)raw);
    bool label = word_is(words[1], "L");
    return add(symbols, line, words[0], label ? PLACE_LABEL : PLACE_CONSTANT, again);
}

enum tool_status map_avra(const struct text_file *file, struct symbols *symbols)
{
    return read_rows(file, symbols, avra_row);
}

/* ---- NASM: a table a section ----------------------------------------------------------- */

enum nasm_part { NASM_OTHER, NASM_SYMBOLS, NASM_CONSTANTS, NASM_TEXT, NASM_BYTES, NASM_NO_BYTES };

/* Lines of dashes with a title: "-- Symbols ---", "---- Section .text ---". */
static enum nasm_part nasm_part(enum nasm_part part, const struct row *row)
{
    if (word_is(row->words[0], "--"))
        return word_is(row->words[1], "Symbols") ? NASM_SYMBOLS : NASM_OTHER;
    if (part == NASM_OTHER || row->count < 3)
        return part;
    if (word_is(row->words[1], "No"))
        return NASM_CONSTANTS;
    return word_is(row->words[2], ".bss")    ? NASM_NO_BYTES
           : word_is(row->words[2], ".text") ? NASM_TEXT
                                             : NASM_BYTES;
}

static enum tool_status nasm_constant(struct symbols *symbols, const struct line *line,
                                      const struct row *row)
{
    uint64_t raw;

    if (row->count != 2)
        return bad_count(line, row, 2, "VALUE NAME");
    if (!word_number(row->words[0], 16, &raw))
        return bad_number(line, row->words[0]);
    return add(symbols, line, row->words[1], PLACE_CONSTANT, raw);
}

/* A section that runs elsewhere than it lies is moved by the program itself, to a fixed place. A
 * dot in a name says that it is local to a routine. */
static enum tool_status nasm_label(struct symbols *symbols, const struct line *line,
                                   const struct row *row, enum nasm_part part)
{
    uint64_t real, virtual;

    if (row->count != 3)
        return bad_count(line, row, 3, "REAL VIRTUAL NAME");
    if (!word_number(row->words[0], 16, &real))
        return bad_number(line, row->words[0]);
    if (!word_number(row->words[1], 16, &virtual))
        return bad_number(line, row->words[1]);
    enum place place = real != virtual         ? PLACE_ABSOLUTE
                       : part == NASM_NO_BYTES ? PLACE_DATA
                                               : PLACE_CODE;
    enum tool_status status = add(symbols, line, row->words[2], place, virtual);
    if (status == TOOL_OK) {
        struct symbol *symbol = &symbols->at[symbols->count - 1];

        symbol->is_code = part == NASM_TEXT;
        symbol->is_inside = strchr(symbol->name + 1, '.') != NULL;
    }
    return status;
}

enum tool_status map_nasm(const struct text_file *file, struct symbols *symbols)
{
    struct line line = {.file = file};
    enum tool_status status = TOOL_OK;
    enum nasm_part part = NASM_OTHER;
    bool found = false;

    while (status == TOOL_OK && text_next(&line)) {
        struct row row;

        split(&line, &row);
        if (row.count == 0)
            continue;
        if (row.words[0].length > 1 && row.count > 1 && row.words[0].at[0] == '-' &&
            row.words[0].at[1] == '-') {
            part = nasm_part(part, &row);
            found = found || part == NASM_SYMBOLS;
        } else if (part == NASM_CONSTANTS && !word_is(row.words[0], "Value")) {
            status = nasm_constant(symbols, &line, &row);
        } else if (part >= NASM_TEXT && !word_is(row.words[0], "Real")) {
            status = nasm_label(symbols, &line, &row, part);
        }
    }
    if (status == TOOL_OK && !found)
        return complain(TOOL_MALFORMED,
                        "%s:%zu:1: a NASM map without symbols: it was made without "
                        "[map symbols]",
                        file->path, line.number);
    return status;
}

/* ---- a list: name kind address --------------------------------------------------------- */

static enum tool_status list_row(struct symbols *symbols, const struct line *line,
                                 const struct row *row)
{
    static const struct {
        const char *kind;
        enum place place;
    } kinds[] = {
        {"code", PLACE_CODE},         {"table", PLACE_CODE},        {"data", PLACE_DATA},
        {"absolute", PLACE_ABSOLUTE}, {"constant", PLACE_CONSTANT}, {"label", PLACE_LABEL},
    };
    const struct word *words = row->words;
    uint64_t raw;

    if (words[0].at[0] == '#')
        return TOOL_OK;
    if (row->count != 3)
        return bad_count(line, row, 3, "NAME KIND ADDRESS");
    if (!word_number(words[2], 16, &raw))
        return bad_number(line, words[2]);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!word_is(words[1], kinds[i].kind))
            continue;
        enum tool_status status = add(symbols, line, words[0], kinds[i].place, raw);
        if (status == TOOL_OK && kinds[i].place == PLACE_CODE) {
            symbols->at[symbols->count - 1].sure = true;
            symbols->at[symbols->count - 1].is_code = i == 0;
        }
        return status;
    }
    return complain_at(line, words[1].at,
                       "'%s' is none of code, table, data, absolute, constant, label",
                       shown(words[1]));
}

enum tool_status map_list(const struct text_file *file, struct symbols *symbols)
{
    return read_rows(file, symbols, list_row);
}
