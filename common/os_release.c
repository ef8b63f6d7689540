/* See os_release.h. */
#include "os_release.h"

enum field {
    PRETTY_NAME,
    NAME,
    ID,
    IMAGE_ID,
    IMAGE_VERSION,
    VERSION,
    VERSION_ID,
    BUILD_ID,
    FIELDS,
};

static const char *const names[FIELDS] = {
    [PRETTY_NAME] = "PRETTY_NAME",
    [NAME] = "NAME",
    [ID] = "ID",
    [IMAGE_ID] = "IMAGE_ID",
    [IMAGE_VERSION] = "IMAGE_VERSION",
    [VERSION] = "VERSION",
    [VERSION_ID] = "VERSION_ID",
    [BUILD_ID] = "BUILD_ID",
};

/* As the shell reads them: between " a backslash takes the meaning of ", $, ` and itself. */
static bool is_escaped(char quote, const char *at, size_t left)
{
    if (quote == '\'' || *at != '\\' || left < 2)
        return false;
    return quote == '\0' || at[1] == '"' || at[1] == '$' || at[1] == '`' || at[1] == '\\';
}

/* Moves what the value means to its start; returns its length. One quotation, or none, is all that
 * the syntax has. */
static size_t unquote(char *value, size_t size)
{
    char quote = size > 0 && (value[0] == '"' || value[0] == '\'') ? value[0] : '\0';
    size_t length = 0;

    for (size_t at = quote != '\0'; at < size; at++) {
        if (is_escaped(quote, value + at, size - at))
            at++;
        else if (quote != '\0' && value[at] == quote)
            break;
        value[length++] = value[at];
    }
    return length;
}

static struct text value_of(char *start, size_t size)
{
    struct text value = {start, unquote(start, size)};

    if (value.length > OS_RELEASE_VALUE_MAX || text_printable(value) != value.length)
        return (struct text){0};
    return value;
}

static void take_line(char *line, size_t size, struct text fields[FIELDS])
{
    struct text whole = text_trim((struct text){line, size});
    size_t name = 0;

    while (name < whole.length && whole.start[name] != '=')
        name++;
    if (name == whole.length)
        return;
    for (unsigned i = 0; i < FIELDS; i++) {
        if (text_equal((struct text){whole.start, name}, text_of(names[i])))
            fields[i] = value_of(line + (whole.start - line) + name + 1, whole.length - name - 1);
    }
}

static struct text first_of(const struct text fields[FIELDS], const enum field *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[order[i]].length != 0)
            return fields[order[i]];
    }
    return (struct text){0};
}

#define FIRST(...)                                      \
    first_of(fields, (const enum field[]){__VA_ARGS__}, \
             sizeof((const enum field[]){__VA_ARGS__}) / sizeof(enum field))

void os_release_parse(char *file, size_t size, struct os_release *release)
{
    struct text rest = {file, size}, line, fields[FIELDS] = {0};

    while (text_next_line(&rest, &line))
        take_line(file + (line.start - file), line.length, fields);
    release->title = FIRST(PRETTY_NAME, IMAGE_ID, NAME, ID);
    release->sort_key = FIRST(IMAGE_ID, ID);
    release->version = FIRST(IMAGE_VERSION, VERSION, VERSION_ID, BUILD_ID);
}
