/* How the tools end. Every kind of failure has an exit code of its own, the same in all tools, so
 * that a script can tell them apart; docs/symbols.md and docs/hexelf.md list them. */
#ifndef BESTLA_TOOLS_STATUS_H
#define BESTLA_TOOLS_STATUS_H

#include "format.h"

#include <stdbool.h>
#include <stddef.h>

enum tool_status {
    TOOL_OK = 0,
    TOOL_USAGE = 2,
    TOOL_UNREADABLE = 3,         /* no such file, not a regular one, no permission, I/O error */
    TOOL_NOT_ELF = 4,            /* another magic, or not little-endian */
    TOOL_TRUNCATED = 5,          /* a header or section reaches past the end of the file */
    TOOL_NOT_64_BIT = 6,         /* e_ident[EI_CLASS] */
    TOOL_NOT_X86_64 = 7,         /* e_machine */
    TOOL_NOT_LINKED = 8,         /* no PT_LOAD */
    TOOL_NO_SYMBOLS = 9,         /* no .symtab: stripped */
    TOOL_NO_DWARF = 10,          /* no .debug_info or .debug_line */
    TOOL_BAD_DWARF = 11,         /* .debug_info or .debug_line contradicts itself */
    TOOL_NO_PLACEHOLDER = 12,    /* no such section, or one without bytes in the file */
    TOOL_PLACEHOLDER_SMALL = 13, /* smaller than the table */
    TOOL_PLACEHOLDER_LARGE = 14, /* larger than the table */
    TOOL_TOO_LARGE = 15,         /* more than the table's format can say */
    TOOL_NO_TABLE = 16,          /* reading back: the placeholder is unfilled or damaged */
    TOOL_WRITE_FAILED = 17,
    TOOL_NO_MEMORY = 18,
    TOOL_OVERLAP = 19,       /* two PT_LOADs share an address, or, with other rights, a page */
    TOOL_WRITE_EXECUTE = 20, /* a PT_LOAD with PF_W and PF_X */
    TOOL_BAD_IMAGE = 21,     /* program headers that the loader would refuse otherwise */
    TOOL_BAD_PLACE = 22,     /* the placeholder is no page of a read-only PT_LOAD */
    TOOL_MALFORMED = 23,     /* a line of a text file: named by file, line and column */
    TOOL_CONTRADICTION = 24, /* two inputs, or an input and an option, that cannot both be true */
    TOOL_GUESS = 25,         /* what only a guess could answer, and guessing was forbidden */
};

/* Prints "TOOL: what is wrong" to stderr and returns `status`. */
FORMAT_LIKE_PRINTF(2, 3)
enum tool_status complain(enum tool_status status, const char *format, ...);

/* `array` with room for one element after `count`; `*room` is what there was and is. Ends the
 * process where there is no memory: no tool has changed a file by then. */
__attribute__((warn_unused_result)) void *array_grow(void *array, size_t count, size_t *room,
                                                     size_t element);

/* qsort, which must not be given NULL even where there is nothing to sort. */
void array_sort(void *array, size_t count, size_t element,
                int (*compare)(const void *, const void *));

/* malloc that never gives NULL, not even for 0 bytes, and zeroes. */
void *allocate(size_t count, size_t element);

#endif
