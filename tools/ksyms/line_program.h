/* DWARF's line-number programs (DWARF 5, 6.2), versions 2 to 5, 32 and 64 bits, sequence by
 * sequence.
 *
 * libdw can run them, too, but sorts the rows of a unit's sequences into one list: there, the last
 * row of a sequence that ended without another instruction cannot be told from the first of
 * a sequence that starts at that address. */
#ifndef BESTLA_TOOLS_LINE_PROGRAM_H
#define BESTLA_TOOLS_LINE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line_row {
    uint64_t address;
    uint64_t file; /* number in the unit's own list */
    uint64_t line;
};

/* `rows` are those of one sequence as they came; the last is where it ends, no instruction's. */
typedef void (*sequence_visitor)(void *context, const struct line_row *rows, size_t count);

/* Runs the program at `offset` of .debug_line. False: it contradicts itself or the section's end;
 * sequences that were whole by then have been visited. */
__attribute__((warn_unused_result)) bool line_program_run(const uint8_t *section, size_t size,
                                                          uint64_t offset, sequence_visitor visit,
                                                          void *context);

#endif
