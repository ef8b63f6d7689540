/* The command line. */
#ifndef BESTLA_TOOLS_HEXELF_OPTIONS_H
#define BESTLA_TOOLS_HEXELF_OPTIONS_H

#include "object.h"

/* Of an address of flash. */
enum units { UNITS_ANY, UNITS_BYTES, UNITS_WORDS };

/* --assume and --never: what a guess is to be. Addresses are in bytes. */
struct settlement {
    const char *text; /* as it was written: for complaints */
    uint64_t address; /* of the guess: its first instruction, or its word */
    uint64_t high;    /* of the instruction with the high byte, where that is given */
    bool never, has_high;
    char *symbol; /* NULL: the one that the tool would guess */
    enum units units;
    bool used;
};

/* --reloc, or a line of --relocs. */
struct order {
    const char *text;
    uint64_t address;
    unsigned kind;
    char *symbol;
};

enum naming { NAME_ENTRY, NAME_TABLE, NAME_DATA, NAME_ABSOLUTE, NAME_EXTERN, NAME_EXPORT };

struct naming_option {
    enum naming naming;
    char *name;
    bool has_value; /* NAME=ADDRESS */
    uint64_t value; /* counted as in the map */
};

struct options {
    enum machine machine;
    const char *input, *map, *output, *device, *target;
    enum map_format map_format;
    bool raw, strict, tables, constants;
    uint64_t base;
    bool has_data_end;
    uint64_t data_end;
    struct naming_option *names;
    size_t name_count, name_room;
    struct settlement *settlements;
    size_t settlement_count, settlement_room;
    struct order *orders;
    size_t order_count, order_room;
    const char **order_files;
    size_t order_file_count, order_file_room;
    char **texts; /* lines of --relocs, kept for orders */
    size_t text_count, text_room;
};

/* Says what is wrong: TOOL_USAGE, or what a file of --relocs gave. `help`: it was asked for. */
__attribute__((warn_unused_result)) enum tool_status options_read(int count, char **words,
                                                                  struct options *options,
                                                                  bool *help);
void options_free(struct options *options);
void options_help(void);

/* Makes of the symbols what the options say they are; adds those of --extern that the map does not
 * have. On AVR an address of code counts words. */
__attribute__((warn_unused_result)) enum tool_status options_name(const struct options *options,
                                                                  struct symbols *symbols);

#endif
