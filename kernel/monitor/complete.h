/* Completion for the line editor, line.c, and for nobody else: what may stand in place of the word
 * that is typed. Whoever the editor works for names the candidates (line_completion_add, line.h);
 * here they are counted, listed, and what they have in common is found. It changes no line. */
#ifndef BESTLA_MONITOR_COMPLETE_H
#define BESTLA_MONITOR_COMPLETE_H

#include "line.h"

struct line_completion {
    struct text word;             /* what is typed of it, in the caller's text */
    size_t count;                 /* candidates that begin so */
    char common[LINE_LENGTH_MAX]; /* what all of them begin with; with none nothing */
    size_t common_length;
    const struct line_user *list; /* whose terminal each is drawn on; NULL: none is */
};

/* Both take the line up to the cursor, whose last word it is about, and a user with `complete`. */
void completion_find(const struct line_user *user, struct text typed,
                     struct line_completion *completion);

/* Draws the candidates on rows of their own, so many that they can be read, and how many more
 * there are. The cursor is then on a new row. */
void completion_list(const struct line_user *user, struct text typed);

#endif
