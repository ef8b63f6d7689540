/* The loader's configuration files, parsed in place. The loader reads them
 * from the volume it was started from, before anything else that a person may
 * have mistyped; the same code runs under the host's sanitizers. */
#include "boot_entry.h"

#include <stdint.h>

#include "mem.h"

#define TIMEOUT_MAX 3600 /* seconds */

struct reader {
    struct text rest;
    struct text key;
    struct text value; /* empty when the key stands alone */
    size_t line;       /* counted from 1 */
    size_t keys;       /* so far, known or not */
    struct boot_entry_error *error;
};

static enum boot_entry_status fail(const struct reader *reader, enum boot_entry_status status,
                                   struct text text)
{
    *reader->error = (struct boot_entry_error){status, reader->line, text};
    return status;
}

static enum boot_entry_status fail_whole_file(const struct reader *reader,
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

static struct reader reader_of(struct text file, struct boot_entry_error *error)
{
    *error = (struct boot_entry_error){.status = BOOT_ENTRY_OK};
    return (struct reader){.rest = skip_byte_order_mark(file), .error = error};
}

/* Bytes in the UTF-8 sequence that this byte announces, 0 if it cannot lead. */
static size_t sequence_size(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc0 || lead >= 0xf8)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Well-formed as in Unicode, table 3-7: in the shortest form, no surrogate,
 * nothing past U+10FFFF. And not a control character, C0 or C1, save the tab. */
static bool is_printable(uint32_t code, size_t size)
{
    static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};

    if (code < least[size])
        return code == '\t' && size == 1;
    return code != 0x7f && (code < 0xd800 || code > 0xdfff) && code <= 0x10ffff;
}

/* Bytes of the character at the start of `text`, which is not empty; 0 if it
 * may not stand in a file. */
static size_t character_size(struct text text)
{
    const unsigned char *bytes = (const unsigned char *)text.start;
    size_t size = sequence_size(bytes[0]);
    uint32_t code = size > 1 ? bytes[0] & (0x7fu >> size) : bytes[0];

    if (size == 0 || size > text.length)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    return is_printable(code, size) ? size : 0;
}

/* The error shows what stands before the character: that can be printed. */
static enum boot_entry_status check_characters(const struct reader *reader, struct text line)
{
    size_t at = 0;

    while (at < line.length) {
        size_t size = character_size((struct text){line.start + at, line.length - at});

        if (size == 0)
            return fail(reader, BOOT_ENTRY_BAD_CHARACTER, (struct text){line.start, at});
        at += size;
    }
    return BOOT_ENTRY_OK;
}

static struct text without_carriage_return(struct text line)
{
    if (line.length > 0 && line.start[line.length - 1] == '\r')
        line.length--;
    return line;
}

static enum boot_entry_status check_line(const struct reader *reader, struct text line)
{
    if (line.length > BOOT_ENTRY_LINE_MAX)
        return fail(reader, BOOT_ENTRY_LINE_TOO_LONG, (struct text){0});
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

/* Steps to the next line with a key. False at the end of the file, and at a
 * line that is malformed: the reader's error then says so. */
static bool next_key(struct reader *reader)
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

static bool key_is(const struct reader *reader, const char *name)
{
    return text_equal(reader->key, text_of(name));
}

static enum boot_entry_status check_value(const struct reader *reader)
{
    if (reader->value.length == 0)
        return fail(reader, BOOT_ENTRY_NO_VALUE, reader->key);
    return BOOT_ENTRY_OK;
}

/* A value is never empty, so an empty field is one that was not yet given. */
static enum boot_entry_status take_once(const struct reader *reader, struct text *field)
{
    if (check_value(reader) != BOOT_ENTRY_OK)
        return BOOT_ENTRY_NO_VALUE;
    if (field->length > 0)
        return fail(reader, BOOT_ENTRY_REPEATED, reader->key);
    *field = reader->value;
    return BOOT_ENTRY_OK;
}

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

/* `..` as a whole component; `a..b` is a name like any other. */
static bool climbs(struct text path)
{
    size_t start = 0;

    for (size_t at = 0; at <= path.length; at++) {
        if (at < path.length && !is_separator(path.start[at]))
            continue;
        if (text_equal((struct text){path.start + start, at - start}, text_of("..")))
            return true;
        start = at + 1;
    }
    return false;
}

static enum boot_entry_status check_path(const struct reader *reader, struct text path)
{
    if (!is_separator(path.start[0]) || climbs(path))
        return fail(reader, BOOT_ENTRY_BAD_PATH, path);
    return BOOT_ENTRY_OK;
}

static enum boot_entry_status take_kernel(const struct reader *reader, struct text *kernel)
{
    enum boot_entry_status status = take_once(reader, kernel);

    return status == BOOT_ENTRY_OK ? check_path(reader, *kernel) : status;
}

static enum boot_entry_status check_module(const struct reader *reader)
{
    struct text words = reader->value;
    struct text path;

    if (!text_next_word(&words, &path))
        return check_value(reader);
    return check_path(reader, path);
}

static enum boot_entry_status take_entry_line(const struct reader *reader, struct boot_entry *entry)
{
    if (key_is(reader, "title"))
        return take_once(reader, &entry->title);
    if (key_is(reader, "version"))
        return take_once(reader, &entry->version);
    if (key_is(reader, "kernel"))
        return take_kernel(reader, &entry->kernel);
    if (key_is(reader, "module"))
        return check_module(reader);
    if (key_is(reader, "options"))
        return check_value(reader);
    return BOOT_ENTRY_OK;
}

static enum boot_entry_status read_entry(struct reader *reader, struct boot_entry *entry)
{
    while (next_key(reader)) {
        if (take_entry_line(reader, entry) != BOOT_ENTRY_OK)
            break;
    }
    if (reader->error->status != BOOT_ENTRY_OK)
        return reader->error->status;
    if (reader->keys == 0)
        return fail_whole_file(reader, BOOT_ENTRY_EMPTY);
    if (entry->kernel.length == 0)
        return fail_whole_file(reader, BOOT_ENTRY_NO_KERNEL);
    return BOOT_ENTRY_OK;
}

enum boot_entry_status boot_entry_parse(struct text file, struct boot_entry *entry,
                                        struct boot_entry_error *error)
{
    struct reader reader = reader_of(file, error);
    enum boot_entry_status status;

    *entry = (struct boot_entry){.file = reader.rest};
    status = read_entry(&reader, entry);
    if (status != BOOT_ENTRY_OK)
        *entry = (struct boot_entry){0};
    return status;
}

static bool number_at_most(struct text digits, unsigned limit, unsigned *number)
{
    *number = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.start[i] < '0' || digits.start[i] > '9')
            return false;
        *number = *number * 10 + (unsigned)(digits.start[i] - '0');
        if (*number > limit)
            return false;
    }
    return true;
}

/* `digits` is the field that remembers whether the key was there: 0 is a
 * timeout too. */
static enum boot_entry_status take_timeout(const struct reader *reader, struct text *digits,
                                           unsigned *timeout)
{
    enum boot_entry_status status = take_once(reader, digits);

    if (status != BOOT_ENTRY_OK)
        return status;
    if (text_equal(*digits, text_of("menu-force")) || text_equal(*digits, text_of("menu-hidden")) ||
        text_equal(*digits, text_of("menu-disabled")))
        return BOOT_ENTRY_OK; /* systemd-boot's words for its own menu */
    if (!number_at_most(*digits, TIMEOUT_MAX, timeout))
        return fail(reader, BOOT_ENTRY_BAD_NUMBER, *digits);
    return BOOT_ENTRY_OK;
}

static enum boot_entry_status read_conf(struct reader *reader, struct loader_conf *conf)
{
    struct text timeout = {0};
    enum boot_entry_status status = BOOT_ENTRY_OK;

    while (status == BOOT_ENTRY_OK && next_key(reader)) {
        if (key_is(reader, "default"))
            status = take_once(reader, &conf->default_pattern);
        else if (key_is(reader, "timeout"))
            status = take_timeout(reader, &timeout, &conf->timeout);
    }
    if (reader->error->status == BOOT_ENTRY_OK && reader->keys == 0)
        return fail_whole_file(reader, BOOT_ENTRY_EMPTY);
    return reader->error->status;
}

enum boot_entry_status loader_conf_parse(struct text file, struct loader_conf *conf,
                                         struct boot_entry_error *error)
{
    struct reader reader = reader_of(file, error);
    enum boot_entry_status status;

    *conf = (struct loader_conf){0};
    status = read_conf(&reader, conf);
    if (status != BOOT_ENTRY_OK)
        *conf = (struct loader_conf){0};
    return status;
}

/* Of a file that has been parsed, so nothing is checked again. */
static bool next_value_of(struct text *rest, const char *name, struct text *value)
{
    struct text line;
    struct text key;

    while (text_next_line(rest, &line)) {
        if (split_line(line, &key, value) && text_equal(key, text_of(name)))
            return true;
    }
    return false;
}

bool boot_entry_next_module(struct text *rest, struct text *path, struct text *words)
{
    struct text value;

    if (!next_value_of(rest, "module", &value) || !text_next_word(&value, path))
        return false;
    *words = text_trim(value);
    return true;
}

enum boot_entry_status boot_entry_options(const struct boot_entry *entry, char *buffer, size_t size)
{
    struct text rest = entry->file;
    struct text options;
    size_t length = 0;

    if (size == 0)
        return BOOT_ENTRY_TOO_LONG;
    while (next_value_of(&rest, "options", &options)) {
        size_t blank = length > 0 ? 1 : 0;

        if (options.length + blank >= size - length) {
            buffer[0] = '\0';
            return BOOT_ENTRY_TOO_LONG;
        }
        if (blank)
            buffer[length++] = ' ';
        memcpy(buffer + length, options.start, options.length);
        length += options.length;
    }
    buffer[length] = '\0';
    return BOOT_ENTRY_OK;
}

_Static_assert(BOOT_ENTRY_LINE_MAX == 2048 && TIMEOUT_MAX == 3600, "the sentences name them");

const char *boot_entry_status_text(enum boot_entry_status status)
{
    switch (status) {
    case BOOT_ENTRY_OK:
        return "no error";
    case BOOT_ENTRY_EMPTY:
        return "the file is empty: it has no line with a key";
    case BOOT_ENTRY_NO_KERNEL:
        return "no kernel line: the entry does not say what to boot";
    case BOOT_ENTRY_LINE_TOO_LONG:
        return "the line is longer than 2048 bytes";
    case BOOT_ENTRY_BAD_CHARACTER:
        return "a control character, or bytes that are not UTF-8";
    case BOOT_ENTRY_NO_VALUE:
        return "the key has no value";
    case BOOT_ENTRY_REPEATED:
        return "the key stands a second time";
    case BOOT_ENTRY_BAD_PATH:
        return "the path must start with / or \\ and must not contain ..";
    case BOOT_ENTRY_BAD_NUMBER:
        return "the timeout must be a number of seconds, at most 3600";
    case BOOT_ENTRY_TOO_LONG:
        return "the options together are too long";
    }
    return "unknown status";
}
