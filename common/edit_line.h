/* A line that a person edits, in UTF-16 as firmware's keyboard and console have it (UEFI 2.10,
 * 12.3: no surrogates). It knows no device: keys go in by name, and whoever draws asks
 * which part is to be seen. Its bounds are the buffer's, and a number of bytes in UTF-8. */
#ifndef BESTLA_EDIT_LINE_H
#define BESTLA_EDIT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct edit_line {
    uint16_t *units; /* not terminated; the caller's, as long as the line is in use */
    size_t room;     /* units that fit */
    size_t length, cursor;
    size_t bytes, bytes_max; /* in UTF-8 */
    size_t first;            /* the leftmost unit that is seen */
};

/* `units` holds `length` of them already; the cursor stands behind the last. */
struct edit_line edit_line_of(uint16_t *units, size_t length, size_t room, size_t bytes_max);

/* At the cursor. False, and nothing has changed, when it does not fit or cannot be printed. */
bool edit_insert(struct edit_line *line, uint16_t unit);

/* The unit before the cursor, or under it; all before it, or behind it; the word before it. */
void edit_erase_before(struct edit_line *line);
void edit_erase_at(struct edit_line *line);
void edit_erase_start(struct edit_line *line);
void edit_erase_end(struct edit_line *line);
void edit_erase_word(struct edit_line *line);

/* Steps of 1 or -1 that stay within the line; 0 is its start, SIZE_MAX its end. */
void edit_step(struct edit_line *line, int units);
void edit_go(struct edit_line *line, size_t to);

/* So that a window of so many columns, one or more, has the cursor in it: sets line->first,
 * moving the window no further than needed. */
void edit_scroll(struct edit_line *line, size_t columns);

#endif
