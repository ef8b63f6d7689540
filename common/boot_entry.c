/* Boot loader entries, parsed in place. The loader reads them from the volume it was started from,
 * before anything else that a person may have mistyped; the same code runs under the host's
 * sanitizers. */
#include "boot_entry.h"

#include "conf_reader.h"
#include "mem.h"

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

static enum boot_entry_status check_path(const struct conf_reader *reader, struct text path)
{
    if (!is_separator(path.start[0]) || climbs(path))
        return conf_fail(reader, BOOT_ENTRY_BAD_PATH, path);
    return BOOT_ENTRY_OK;
}

/* What is booted: one line, of one kind. */
static enum boot_entry_status take_program(const struct conf_reader *reader, enum boot_kind kind,
                                           struct boot_entry *entry)
{
    if (entry->program.length > 0 && entry->kind != kind)
        return conf_fail(reader, BOOT_ENTRY_SECOND_KIND, reader->key);
    enum boot_entry_status status = conf_take_once(reader, &entry->program);
    entry->kind = kind;
    return status == BOOT_ENTRY_OK ? check_path(reader, entry->program) : status;
}

static enum boot_entry_status check_file(const struct conf_reader *reader)
{
    if (conf_check_value(reader) != BOOT_ENTRY_OK)
        return BOOT_ENTRY_NO_VALUE;
    return check_path(reader, reader->value);
}

static enum boot_entry_status check_module(const struct conf_reader *reader)
{
    struct text words = reader->value;
    struct text path;

    if (!text_next_word(&words, &path))
        return conf_check_value(reader);
    return check_path(reader, path);
}

/* The keys whose values are text and stand only once. */
static struct text *text_field(const struct conf_reader *reader, struct boot_entry *entry)
{
    if (conf_key_is(reader, "title"))
        return &entry->title;
    if (conf_key_is(reader, "version"))
        return &entry->version;
    if (conf_key_is(reader, "sort-key"))
        return &entry->sort_key;
    if (conf_key_is(reader, "machine-id"))
        return &entry->machine_id;
    if (conf_key_is(reader, "architecture"))
        return &entry->architecture;
    return NULL;
}

/* Where a key stands first that only the whole entry can tell right from wrong; line 0: it does
 * not. */
struct doubt {
    struct text key;
    size_t line;
};

struct doubts {
    struct doubt unknown, module, initrd;
};

static void doubt(const struct conf_reader *reader, struct doubt *first)
{
    if (first->line == 0)
        *first = (struct doubt){reader->key, reader->line};
}

static enum boot_entry_status take_line(const struct conf_reader *reader, struct boot_entry *entry,
                                        struct doubts *doubts)
{
    struct text *field = text_field(reader, entry);

    if (field != NULL)
        return conf_take_once(reader, field);
    if (conf_key_is(reader, "kernel"))
        return take_program(reader, BOOT_KERNEL, entry);
    if (conf_key_is(reader, "linux"))
        return take_program(reader, BOOT_LINUX, entry);
    if (conf_key_is(reader, "efi") || conf_key_is(reader, "uki"))
        return take_program(reader, BOOT_EFI, entry);
    if (conf_key_is(reader, "module")) {
        doubt(reader, &doubts->module);
        return check_module(reader);
    }
    if (conf_key_is(reader, "initrd")) {
        doubt(reader, &doubts->initrd);
        return check_file(reader);
    }
    if (conf_key_is(reader, "options"))
        return conf_check_value(reader);
    doubt(reader, &doubts->unknown);
    return BOOT_ENTRY_OK;
}

static enum boot_entry_status fail_at(struct conf_reader *reader, enum boot_entry_status status,
                                      const struct doubt *doubt)
{
    reader->line = doubt->line;
    return conf_fail(reader, status, doubt->key);
}

static enum boot_entry_status check_whole(struct conf_reader *reader,
                                          const struct boot_entry *entry,
                                          const struct doubts *doubts)
{
    if (reader->keys == 0)
        return conf_fail_whole_file(reader, BOOT_ENTRY_EMPTY);
    if (entry->program.length == 0 && doubts->unknown.line != 0)
        return fail_at(reader, BOOT_ENTRY_UNKNOWN_KEY, &doubts->unknown);
    if (entry->program.length == 0)
        return conf_fail_whole_file(reader, BOOT_ENTRY_NO_KERNEL);
    if (doubts->module.line != 0 && entry->kind != BOOT_KERNEL)
        return fail_at(reader, BOOT_ENTRY_OTHER_KIND, &doubts->module);
    if (doubts->initrd.line != 0 && entry->kind != BOOT_LINUX)
        return fail_at(reader, BOOT_ENTRY_OTHER_KIND, &doubts->initrd);
    return BOOT_ENTRY_OK;
}

static enum boot_entry_status read_entry(struct conf_reader *reader, struct boot_entry *entry)
{
    struct doubts doubts = {0};

    while (conf_next_key(reader)) {
        if (take_line(reader, entry, &doubts) != BOOT_ENTRY_OK)
            break;
    }
    if (reader->error->status != BOOT_ENTRY_OK)
        return reader->error->status;
    return check_whole(reader, entry, &doubts);
}

enum boot_entry_status boot_entry_parse(struct text file, struct boot_entry *entry,
                                        struct boot_entry_error *error)
{
    struct conf_reader reader = conf_reader_of(file, error);
    enum boot_entry_status status;

    *entry = (struct boot_entry){.file = reader.rest};
    status = read_entry(&reader, entry);
    if (status != BOOT_ENTRY_OK)
        *entry = (struct boot_entry){0};
    return status;
}

bool boot_entry_next_module(struct text *rest, struct text *path, struct text *words)
{
    struct text value;

    if (!conf_next_value(rest, "module", &value) || !text_next_word(&value, path))
        return false;
    *words = text_trim(value);
    return true;
}

bool boot_entry_next_initrd(struct text *rest, struct text *path)
{
    return conf_next_value(rest, "initrd", path);
}

enum boot_entry_status boot_entry_options(const struct boot_entry *entry, char *buffer, size_t size)
{
    struct text rest = entry->file;
    struct text options;
    size_t length = 0;

    if (size == 0)
        return BOOT_ENTRY_TOO_LONG;
    while (conf_next_value(&rest, "options", &options)) {
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

_Static_assert(BOOT_ENTRY_LINE_MAX == 2048, "a sentence names it");

const char *boot_entry_status_text(enum boot_entry_status status)
{
    switch (status) {
    case BOOT_ENTRY_OK:
        return "no error";
    case BOOT_ENTRY_EMPTY:
        return "the file is empty: it has no line with a key";
    case BOOT_ENTRY_NO_KERNEL:
        return "no kernel, linux or efi line: the entry does not say what to boot";
    case BOOT_ENTRY_UNKNOWN_KEY:
        return "no kernel, linux or efi line, but a word that is not known";
    case BOOT_ENTRY_OTHER_KIND:
        return "module goes with kernel, initrd with linux, and with nothing else";
    case BOOT_ENTRY_SECOND_KIND:
        return "an entry boots one thing: a kernel, linux or efi line";
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
    case BOOT_ENTRY_BAD_SWITCH:
        return "the value must be yes or no";
    case BOOT_ENTRY_TOO_LONG:
        return "the options together are too long";
    }
    return "unknown status";
}
