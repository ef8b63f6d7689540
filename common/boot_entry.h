/* The loader's configuration in the syntax of the Boot Loader Specification
 * (uapi-group.org, "Type #1 Boot Loader Specification Entries"): one `key
 * value` a line, `#` starts a comment line, blank lines count for nothing.
 * Lines end with LF or CRLF, the last one also with the file; a UTF-8 byte
 * order mark at the start is passed over.
 *
 * Both functions only read `file` and keep pointers into it: it must outlive
 * what they fill in. Unknown keys are passed over, as the specification asks. */
#ifndef BESTLA_BOOT_ENTRY_H
#define BESTLA_BOOT_ENTRY_H

#include "text.h"

#define BOOT_ENTRY_LINE_MAX 2048 /* bytes in one line, without its LF or CRLF */

enum boot_entry_status {
    BOOT_ENTRY_OK,
    BOOT_ENTRY_EMPTY,         /* no key in the whole file (line 0) */
    BOOT_ENTRY_NO_KERNEL,     /* an entry without a `kernel`, `linux` or `efi` line (line 0) */
    BOOT_ENTRY_UNKNOWN_KEY,   /* such an entry, with a key that nobody knows: it may be that line */
    BOOT_ENTRY_SECOND_KIND,   /* and one with two kinds of them */
    BOOT_ENTRY_OTHER_KIND,    /* a `module` without a `kernel`, an `initrd` without a `linux` */
    BOOT_ENTRY_LINE_TOO_LONG, /* more than BOOT_ENTRY_LINE_MAX bytes */
    BOOT_ENTRY_BAD_CHARACTER, /* a control character but the tab, or invalid UTF-8 */
    BOOT_ENTRY_NO_VALUE,      /* a known key with nothing behind it */
    BOOT_ENTRY_REPEATED,      /* a key that may stand only once stands again */
    BOOT_ENTRY_BAD_PATH,      /* a path not starting with / or \, or with a component .. */
    BOOT_ENTRY_BAD_NUMBER,    /* loader.conf's `timeout`: digits, at most 3600 */
    BOOT_ENTRY_BAD_SWITCH,    /* loader.conf's `editor`, `auto-entries`: neither yes nor no */
    BOOT_ENTRY_TOO_LONG,      /* options together do not fit the buffer */
};

struct boot_entry_error {
    enum boot_entry_status status;
    size_t line;      /* counted from 1; 0 when the file as a whole is meant */
    struct text text; /* the key, path or number that offends; before a bad character, the line
                         up to it; else empty. Checked: safe to print. */
};

/* Which line says what is booted. */
enum boot_kind {
    BOOT_KERNEL, /* `kernel`: an ELF64 that docs/handoff.md describes */
    BOOT_LINUX,  /* `linux`: a Linux kernel with an EFI stub */
    BOOT_EFI,    /* `efi`: an EFI program */
};

/* Each text but the first and the last is empty when not given. */
struct boot_entry {
    struct text file;
    struct text title;
    struct text version;
    struct text sort_key;
    struct text machine_id;
    struct text architecture;
    enum boot_kind kind;
    struct text program; /* a path from the volume's root */
};

/* When the menu is shown. */
enum menu_when {
    MENU_BY_TIMEOUT, /* there is a timeout, and more than one entry; or a key is pressed */
    MENU_ALWAYS,     /* `timeout menu-force`: until somebody chooses */
    MENU_NEVER,      /* `timeout menu-disabled`: not even for a key */
};

struct loader_conf {
    struct text default_pattern; /* empty when not given */
    unsigned timeout;            /* seconds; 0 when not given */
    enum menu_when menu;
    bool editor;       /* options may be edited; true when not given */
    bool auto_entries; /* what is found without an entry is listed; true when not given */
};

/* What holds where there is no loader.conf. */
struct loader_conf loader_conf_default(void);

/* These two stop at the first error. What they fill in is then all empty, or the default, and
 * `error` says why; after success its status is BOOT_ENTRY_OK. */
__attribute__((warn_unused_result)) enum boot_entry_status boot_entry_parse(
    struct text file, struct boot_entry *entry, struct boot_entry_error *error);

__attribute__((warn_unused_result)) enum boot_entry_status loader_conf_parse(
    struct text file, struct loader_conf *conf, struct boot_entry_error *error);

/* What `timeout` may say: seconds, at most 3600, or menu-force, menu-hidden, menu-disabled. False,
 * and *conf is as it was, for anything else. */
bool loader_conf_set_timeout(struct loader_conf *conf, struct text word);

/* Steps over the `module` lines of an entry that parsed: start with *rest =
 * entry->file. False when there is none left. The value is `PATH` or `PATH words
 * for whoever reads the module`. */
bool boot_entry_next_module(struct text *rest, struct text *path, struct text *words);

/* As above, for the `initrd` lines. */
bool boot_entry_next_initrd(struct text *rest, struct text *path);

/* Joins all `options` lines with single blanks into `buffer` (NUL-terminated).
 * BOOT_ENTRY_TOO_LONG when they do not fit; the buffer is then "", or untouched
 * when its size is 0. */
__attribute__((warn_unused_result)) enum boot_entry_status boot_entry_options(
    const struct boot_entry *entry, char *buffer, size_t size);

/* One sentence, for "FILE:LINE: sentence". */
const char *boot_entry_status_text(enum boot_entry_status status);

#endif
