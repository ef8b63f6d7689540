/* Linux's own table of its symbols, kallsyms, in a linked vmlinux: what it holds, what it costs,
 * and a lookup by address with the steps that Linux takes. The format is that of Linux 6
 * on a 64-bit machine: offsets of 4 bytes from a base, a marker for each 256 names. */
#ifndef BESTLA_BENCH_SYMBOL_KALLSYMS_H
#define BESTLA_BENCH_SYMBOL_KALLSYMS_H

#include "elf_file.h"

#include <stdbool.h>

#define KALLSYMS_NAME_ROOM 4096 /* bytes; a longer name is cut */

/* .symtab, in ascending order of address, then of name. */
struct symtab_entry {
    uint64_t address, size;
    const char *name; /* libelf's */
    bool object;
};

struct symtab {
    struct symtab_entry *at; /* freed by who reads it */
    size_t count;
};

enum tool_status symtab_read(const struct elf_file *file, struct symtab *symtab);

/* The entry with this address and name, or NULL. */
const struct symtab_entry *symtab_find(const struct symtab *symtab, uint64_t address,
                                       const char *name);

struct kallsyms {
    uint32_t count;
    uint64_t base;
    bool absolute; /* offsets from 0 up are addresses (per-CPU), negative ones count from base */
    const int32_t *offsets;
    const uint8_t *names; /* each a length, of one byte or two, and as many codes */
    const uint32_t *markers;
    const char *token_table;
    const uint16_t *token_index;
    size_t names_size, token_table_size; /* bytes */
    bool by_name; /* kallsyms_seqs_of_names: 3 bytes a symbol to look up by name */
};

/* `kernel` must stay open for as long as `table` is used. TOOL_OK: the table has been walked to its
 * end and is sound, or there is none and `table` is as it was. Says what is wrong. */
__attribute__((warn_unused_result)) enum tool_status kallsyms_read(const struct elf_file *kernel,
                                                                   const struct symtab *symtab,
                                                                   struct kallsyms *table);

uint64_t kallsyms_address(const struct kallsyms *table, uint32_t number);

/* Where the codes of a name start in `names`, from its marker on. */
uint32_t kallsyms_position(const struct kallsyms *table, uint32_t number);

/* Spells a name, without the letter for its type, into KALLSYMS_NAME_ROOM bytes; its length. */
size_t kallsyms_spell(const struct kallsyms *table, uint32_t position, char *name);

/* The symbol that starts last at or below an address: its number and how many bytes lie up to the
 * next one. There must be one. */
uint32_t kallsyms_find(const struct kallsyms *table, uint64_t address, uint64_t *size);

#endif
