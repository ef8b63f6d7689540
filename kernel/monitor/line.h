/* clang-format off */
/* The line editor: a character goes in, a line comes out. It knows no device and no command:
 * what it draws goes to a sink, what may complete a word it asks for. VT100 sequences are the
 * terminal's (ECMA-48; what xterm, screen and every serial terminal send for the cursor keys).
 *
 *   arrows, Home, End, Delete, ^A ^E ^B ^F ^D   move and delete
 *   Up, Down, ^P ^N                             history
 *   Backspace, ^W, ^U                           delete backwards: a character, a word, all
 *   ^K                                          delete all that follows
 *   Tab                                         complete; again: list
 *   ^L                                          clear the screen
 *   ^C                                          give the line up
 *
 * Any other control character and any byte beyond ASCII is dropped, an escape sequence that
 * nobody knows too. */
/* clang-format on */
#ifndef BESTLA_MONITOR_LINE_H
#define BESTLA_MONITOR_LINE_H

#include "format.h"
#include "text.h"

#include <stdint.h>

#define LINE_LENGTH_MAX 255 /* characters; of a longer line nothing is run */
#define LINE_HISTORY    16
#define LINE_COLUMNS    80 /* a longer line scrolls sideways */

enum line_event {
    LINE_MORE,      /* not finished */
    LINE_DONE,      /* line_text() is what was typed */
    LINE_CANCELLED, /* by ^C */
    LINE_TOO_LONG,  /* what was typed did not fit */
};

/* What may stand where a word is typed: `found` is to be called for each. */
struct line_completion;
void line_completion_add(struct line_completion *completion, struct text candidate);

struct line_user {
    const char *prompt; /* in ASCII, shorter than half of LINE_COLUMNS */
    format_sink draw;
    /* Calls line_completion_add for all that may stand in place of `word`; what does not begin
     * with it is passed over. `before` is the line in front of the word. May be NULL. */
    void (*complete)(void *context, struct text before, struct text word,
                     struct line_completion *completion);
    void *context; /* of both */
};

struct line {
    const struct line_user *user;
    char text[LINE_LENGTH_MAX + 1];
    size_t length, cursor;
    bool too_long;
    bool after_cr;  /* an LF that follows belongs to it */
    bool after_tab; /* that completed nothing: the next one lists */
    enum { LINE_PLAIN, LINE_ESCAPE, LINE_SEQUENCE } state;
    unsigned parameter; /* the first of the sequence */

    char history[LINE_HISTORY][LINE_LENGTH_MAX + 1];
    size_t remembered; /* lines ever: the newest is at (remembered - 1) % LINE_HISTORY */
    size_t back;       /* how many lines back is shown; 0: what is being typed */
    char draft[LINE_LENGTH_MAX + 1];
    bool draft_too_long;
};

/* `line` is cleared; `user` must outlive it. */
void line_init(struct line *line, const struct line_user *user);

/* Draws the prompt and begins an empty line. */
void line_begin(struct line *line);

/* One character. After an event other than LINE_MORE the cursor is on a new row, a line that was
 * done is remembered unless it is blank or the same as the last one, and line_begin is due. */
enum line_event line_feed(struct line *line, char character);

/* The line that was remembered so many lines ago, 1 being the last; NULL: there is none. */
const char *line_history(const struct line *line, size_t back);

/* Valid until line_begin. */
struct text line_text(const struct line *line);

#endif
