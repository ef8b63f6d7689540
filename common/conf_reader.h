/* The lines of the loader's configuration files, one `key value` at a time: what boot_entry.c and
 * loader_conf.c, and nobody else, build their parsers of. boot_entry.h describes the syntax. */
#ifndef BESTLA_CONF_READER_H
#define BESTLA_CONF_READER_H

#include "boot_entry.h"

struct conf_reader {
    struct text rest;
    struct text key;
    struct text value; /* empty when the key stands alone */
    size_t line;       /* counted from 1 */
    size_t keys;       /* so far, known or not */
    struct boot_entry_error *error;
};

/* At the start of `file`, behind a byte order mark; *error is cleared. */
struct conf_reader conf_reader_of(struct text file, struct boot_entry_error *error);

/* Steps to the next line with a key. False at the end of the file, and at a line that is
 * malformed: the reader's error then says so. */
bool conf_next_key(struct conf_reader *reader);
bool conf_key_is(const struct conf_reader *reader, const char *name);

/* Sets the reader's error, in its line, or of no line, and returns the status. */
enum boot_entry_status conf_fail(const struct conf_reader *reader, enum boot_entry_status status,
                                 struct text text);
enum boot_entry_status conf_fail_whole_file(const struct conf_reader *reader,
                                            enum boot_entry_status status);

/* BOOT_ENTRY_NO_VALUE when the key stands alone. */
enum boot_entry_status conf_check_value(const struct conf_reader *reader);

/* The value into a field that must be empty as yet: BOOT_ENTRY_NO_VALUE, BOOT_ENTRY_REPEATED. */
enum boot_entry_status conf_take_once(const struct conf_reader *reader, struct text *field);

/* Steps to the next value of this key in a file that has been parsed, so that nothing is checked
 * again. False when there is none left. */
bool conf_next_value(struct text *rest, const char *name, struct text *value);

#endif
