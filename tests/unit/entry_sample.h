/* What the tests of common/boot_entry.c share: a good file, and copies in memory of exactly
 * their size, so that ASan sees a read past the end. */
#ifndef BESTLA_TEST_ENTRY_SAMPLE_H
#define BESTLA_TEST_ENTRY_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot_entry.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const char good[] = "# the entry that `make run` boots\n"
                           "title   Bestla\n"
                           "version 0.1\n"
                           "kernel  /bestla/kernel.elf\n"
                           "module  /bestla/symbols.bin symbols of the kernel\n"
                           "options verbose\n"
                           "options directmap=full log=debug\n"
                           "module  \\bestla\\other.bin\n";

/* A row of bad files: what is in it, and what must be said of it. */
struct bad_row {
    const char *file;
    enum boot_entry_status status;
    size_t line;
    const char *text;
};

static inline struct text exact_copy(const void *bytes, size_t length)
{
    char *copy = length > 0 ? malloc(length) : NULL;

    if (length > 0)
        memcpy(copy, bytes, length);
    return (struct text){copy, length};
}

static inline void release(struct text text)
{
    free((char *)(uintptr_t)text.start);
}

static inline void assert_text(struct text text, const char *expected)
{
    if (!text_equal(text, text_of(expected)))
        fail_msg("\"%.*s\", expected \"%s\"", TEXT_ARG(text), expected);
}

static inline bool lies_in(struct text piece, struct text file)
{
    return piece.length == 0 ||
           (piece.start >= file.start && piece.start + piece.length <= file.start + file.length);
}

static inline void assert_error(const struct boot_entry_error *error, const struct bad_row *row)
{
    if (error->status != row->status || error->line != row->line)
        fail_msg("\"%s\": status %d in line %zu, expected %d in line %zu", row->file, error->status,
                 error->line, row->status, row->line);
    assert_text(error->text, row->text);
}

#endif
