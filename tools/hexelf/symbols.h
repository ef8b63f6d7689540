/* What a map file names, and where it lies. */
#ifndef BESTLA_TOOLS_HEXELF_SYMBOLS_H
#define BESTLA_TOOLS_HEXELF_SYMBOLS_H

#include "image.h"

enum place {
    PLACE_CODE,     /* the program's bytes: becomes .text; on AVR instructions and tables alike */
    PLACE_DATA,     /* RAM: becomes a section without bytes */
    PLACE_LABEL,    /* the map does not say which of these two it is; `raw` is all that is known */
    PLACE_ABSOLUTE, /* stays what it is: EEPROM, I/O, places outside of both */
    PLACE_CONSTANT, /* .equ and .set: no place, but may be what --extern or --data names */
    PLACE_EXTERN,   /* undefined: others have it */
};

#define NO_SYMBOL SIZE_MAX

/* `raw` of what --extern names and nothing gives an address. */
#define NOWHERE UINT64_MAX

struct symbol {
    char *name;
    enum place place;
    uint64_t raw;   /* as the map says it: on AVR code is counted in words */
    uint64_t value; /* byte address */
    uint64_t size;
    size_t line;   /* of the map; 0: an option's */
    size_t number; /* in the ELF file's symbol table */
    bool is_code;  /* holds instructions: STT_FUNC, else STT_OBJECT */
    bool is_local;
    bool is_inside;       /* NASM: a place in a routine, which does not end it */
    bool sure;            /* an option or the map said what it is: code, table or data */
    enum place was;       /* PLACE_EXTERN: what the map says it is */
    bool in_code, in_ram; /* PLACE_EXTERN: which addresses may be its */
};

struct symbols {
    struct symbol *at;
    size_t count, room;
    size_t *code, *data; /* of PLACE_CODE and PLACE_DATA, by value, of equals the map's first */
    size_t codes, datas;
    uint64_t data_end; /* half-open; where the last one of `data` ends */
};

enum map_format { MAP_ANY, MAP_AVRASM2, MAP_AVRA, MAP_NASM, MAP_LIST };

/* Reads a map; MAP_ANY tells by its first lines which one it is. `words`: code addresses count
 * words of two bytes. Says what is wrong with which line. */
__attribute__((warn_unused_result)) enum tool_status map_read(const char *path,
                                                              enum map_format format, bool words,
                                                              struct symbols *symbols);

/* The readers of one format each, for map_read. */
__attribute__((warn_unused_result)) enum tool_status map_avrasm2(const struct text_file *file,
                                                                 struct symbols *symbols);
__attribute__((warn_unused_result)) enum tool_status map_avra(const struct text_file *file,
                                                              struct symbols *symbols);
__attribute__((warn_unused_result)) enum tool_status map_nasm(const struct text_file *file,
                                                              struct symbols *symbols);
__attribute__((warn_unused_result)) enum tool_status map_list(const struct text_file *file,
                                                              struct symbols *symbols);

/* Adds one; that a label's name is there only once, map_read checks. `line` may be NULL. */
void symbols_add(struct symbols *symbols, const struct line *line, struct word name,
                 enum place place, uint64_t raw);

/* The symbol of this name, labels before constants; NULL: none. */
struct symbol *symbols_find(const struct symbols *symbols, const char *name);

/* Sorts `code` and `data` and gives sizes: up to the next symbol, the last one's up to the end of
 * the image or `data_end`. To be called again when a place changed. */
void symbols_sort(struct symbols *symbols, const struct image *image);

/* That `data_end`, which an option gave, is neither before a symbol nor past `limit`. Says what is
 * wrong. */
__attribute__((warn_unused_result)) enum tool_status symbols_check_end(
    const struct symbols *symbols, uint64_t limit);

/* Where in `code` the symbols at or after an address begin. */
size_t symbols_code_from(const struct symbols *symbols, uint64_t address);

/* Of these places, the last symbol at or before an address; NO_SYMBOL: all come after it. */
size_t symbols_code_at(const struct symbols *symbols, uint64_t address);
size_t symbols_data_at(const struct symbols *symbols, uint64_t address);

void symbols_free(struct symbols *symbols);

#endif
