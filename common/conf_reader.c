/* See conf_reader.h. */
#include "conf_reader.h"

#include "mem.h"

enum boot_entry_status conf_fail(const struct conf_reader *reader, enum boot_entry_status status,
                                 struct text text)
{
    *reader->error = (struct boot_entry_error){status, reader->line, text};
    return status;
}

enum boot_entry_status conf_fail_whole_file(const struct conf_reader *reader,
                                            enum boot_entry_status status)
{
    *reader->error = (struct boot_entry_error){.status = status};
    return status;
}

/* Editors on other systems put a byte order mark first, which says nothing in
 * UTF-8 (Unicode, 23.8) and must not become part of the first key. */
static struct text skip_byte_order_mark(struct text file)
{
    if (file.length < 3 || memcmp(file.start, "\xef\xbb\xbf", 3) != 0)
        return file;
    return (struct text){file.start + 3, file.length - 3};
}

struct conf_reader conf_reader_of(struct text file, struct boot_entry_error *error)
{
    *error = (struct boot_entry_error){.status = BOOT_ENTRY_OK};
    return (struct conf_reader){.rest = skip_byte_order_mark(file), .error = error};
}

/* The error shows what stands before the character: that can be printed. */
static enum boot_entry_status check_characters(const struct conf_reader *reader, struct text line)
{
    size_t length = text_printable(line);

    if (length < line.length)
        return conf_fail(reader, BOOT_ENTRY_BAD_CHARACTER, (struct text){line.start, length});
    return BOOT_ENTRY_OK;
}

static struct text without_carriage_return(struct text line)
{
    if (line.length > 0 && line.start[line.length - 1] == '\r')
        line.length--;
    return line;
}

static enum boot_entry_status check_line(const struct conf_reader *reader, struct text line)
{
    if (line.length > BOOT_ENTRY_LINE_MAX)
        return conf_fail(reader, BOOT_ENTRY_LINE_TOO_LONG, (struct text){0});
    return check_characters(reader, line);
}

/* False for a blank line and for a comment. */
static bool split_line(struct text line, struct text *key, struct text *value)
{
    if (!text_next_word(&line, key) || key->start[0] == '#')
        return false;
    *value = text_trim(line);
    return true;
}

bool conf_next_key(struct conf_reader *reader)
{
    struct text line;

    while (text_next_line(&reader->rest, &line)) {
        reader->line++;
        line = without_carriage_return(line);
        if (check_line(reader, line) != BOOT_ENTRY_OK)
            return false;
        if (split_line(line, &reader->key, &reader->value)) {
            reader->keys++;
            return true;
        }
    }
    return false;
}

bool conf_key_is(const struct conf_reader *reader, const char *name)
{
    return text_equal(reader->key, text_of(name));
}

enum boot_entry_status conf_check_value(const struct conf_reader *reader)
{
    if (reader->value.length == 0)
        return conf_fail(reader, BOOT_ENTRY_NO_VALUE, reader->key);
    return BOOT_ENTRY_OK;
}

/* A value is never empty, so an empty field is one that was not yet given. */
enum boot_entry_status conf_take_once(const struct conf_reader *reader, struct text *field)
{
    if (conf_check_value(reader) != BOOT_ENTRY_OK)
        return BOOT_ENTRY_NO_VALUE;
    if (field->length > 0)
        return conf_fail(reader, BOOT_ENTRY_REPEATED, reader->key);
    *field = reader->value;
    return BOOT_ENTRY_OK;
}

bool conf_next_value(struct text *rest, const char *name, struct text *value)
{
    struct text line;
    struct text key;

    while (text_next_line(rest, &line)) {
        if (split_line(line, &key, value) && text_equal(key, text_of(name)))
            return true;
    }
    return false;
}
