/* The one options line that loader and kernel share: blank-separated words,
 * `name` or `name=value`. Each side asks for the words it knows and passes
 * over the rest. The last of several equal names counts. */
#ifndef BESTLA_OPTIONS_H
#define BESTLA_OPTIONS_H

#include "text.h"

/* True when the word stands there; `value` (may be NULL) gets what follows
 * `=`, empty for a bare word. False leaves `value` as it is: a default may
 * stand in it. */
bool option_find(struct text line, const char *name, struct text *value);

/* True for the bare word `name`. */
bool option_is_set(struct text line, const char *name);

/* True for `name=value` with exactly this value. */
bool option_is(struct text line, const char *name, const char *value);

#endif
