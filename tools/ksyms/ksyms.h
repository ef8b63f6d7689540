/* What ksyms gathers from a linked kernel before it encodes it. main.c tells the order; each of the
 * other files fills or reads one of these. All addresses are offsets from the image's base. */
#ifndef BESTLA_TOOLS_KSYMS_H
#define BESTLA_TOOLS_KSYMS_H

#include "elf_file.h"

#include <elfutils/libdw.h>

#define PLACEHOLDER ".symbols"

/* Offsets stay below this, so that a line record's length and flag fit 32 bits. */
#define IMAGE_SIZE_MAX (UINT64_C(1) << 31)

/* ---- files.c: names of source files, each once ----------------------------------------- */

struct file_names {
    char **names; /* numbered as they came, after file_names_sort by name */
    size_t count, room;
    uint32_t *slots; /* hash table of number + 1, 0 for a free one */
    size_t slot_count;
};

/* The number of a file. */
uint32_t file_number(struct file_names *files, const char *name);

/* The number of a file as DWARF names it, less the folder that it was built in. */
uint32_t source_file_number(struct file_names *files, const char *folder, const char *name);

/* Keeps the files of which used[number] says so and puts them in the order of their names. The
 * result maps old numbers to new ones and is the caller's to free. */
uint32_t *file_names_sort(struct file_names *files, const bool *used);

void file_names_free(struct file_names *files);

/* ---- symbols.c: .symtab ---------------------------------------------------------------- */

struct linked_symbol {
    uint32_t start, size;
    bool object, global;
    const char *name; /* libelf's */
    const char *unit; /* the STT_FILE that it follows, NULL for none; libelf's */
    uint32_t file;    /* number + 1 where another symbol has the same name and it is known; or 0 */
};

struct symbol_list {
    struct linked_symbol *at;
    size_t count, room;
};

/* The symbols in the table's order: ascending start, then descending size, and of those that share
 * all addresses the one to be shown last. */
__attribute__((warn_unused_result)) enum tool_status symbols_read(const struct elf_file *kernel,
                                                                  struct symbol_list *symbols);

/* ---- owners.c: which file a symbol is from --------------------------------------------- */

/* Fills `file` of the symbols that share their name. */
void find_owners(const struct elf_file *kernel, Dwarf *dwarf, struct symbol_list *symbols,
                 struct file_names *files);

/* ---- lines.c: .debug_line -------------------------------------------------------------- */

struct line_record {
    uint32_t start, end;
    uint32_t file, line; /* line 0: none is known */
};

/* Ascending; each record ends where the next starts. */
struct line_list {
    struct line_record *at;
    size_t count, room;
};

__attribute__((warn_unused_result)) enum tool_status lines_read(const struct elf_file *kernel,
                                                                Dwarf *dwarf,
                                                                struct file_names *files,
                                                                struct line_list *lines);

/* The number of the file that a unit was compiled from. False: it has no name. */
bool unit_file_number(Dwarf_Die *unit, struct file_names *files, uint32_t *number);

/* ---- table.c: all of it in bytes ------------------------------------------------------- */

struct encoded_table {
    uint8_t *bytes;
    size_t size, symbol_bytes, line_bytes; /* size is the sum of the other two */
};

__attribute__((warn_unused_result)) enum tool_status table_encode(const char *path,
                                                                  const struct symbol_list *symbols,
                                                                  const struct line_list *lines,
                                                                  const struct file_names *files,
                                                                  struct encoded_table *table);

/* ---- read_back.c: the table in a kernel, as the kernel would read it ------------------- */

__attribute__((warn_unused_result)) enum tool_status list_table(const struct elf_file *kernel);

/* Addresses from `words` or, where there are none, from standard input. */
__attribute__((warn_unused_result)) enum tool_status look_up(const struct elf_file *kernel,
                                                             char **words, int count);

#endif
