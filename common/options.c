/* The options line: the loader and the kernel each look up the words they
 * know. */
#include "options.h"

/* True when `word` is `name` or `name=...`; `tail` is then "" or "=...". */
static bool has_name(struct text word, struct text name, struct text *tail)
{
    if (word.length < name.length)
        return false;
    if (!text_equal((struct text){word.start, name.length}, name))
        return false;
    *tail = (struct text){word.start + name.length, word.length - name.length};
    return tail->length == 0 || tail->start[0] == '=';
}

/* The tail tells `name` from `name=`, which a value alone cannot. */
static bool find_last(struct text line, const char *name, struct text *tail)
{
    struct text word;
    struct text candidate;
    bool found = false;

    while (text_next_word(&line, &word)) {
        if (has_name(word, text_of(name), &candidate)) {
            *tail = candidate;
            found = true;
        }
    }
    return found;
}

static struct text value_in(struct text tail)
{
    return tail.length == 0 ? tail : (struct text){tail.start + 1, tail.length - 1};
}

bool option_find(struct text line, const char *name, struct text *value)
{
    struct text tail;

    if (!find_last(line, name, &tail))
        return false;
    if (value)
        *value = value_in(tail);
    return true;
}

bool option_is_set(struct text line, const char *name)
{
    struct text tail;

    return find_last(line, name, &tail) && tail.length == 0;
}

bool option_is(struct text line, const char *name, const char *value)
{
    struct text tail;

    return find_last(line, name, &tail) && tail.length > 0 &&
           text_equal(value_in(tail), text_of(value));
}
