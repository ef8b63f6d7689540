/* In which order entries are listed, and what their file names say (uapi-group.org, "Boot Loader
 * Specification": "Sorting" and "Boot counting"; "Version Format Specification"). */
#ifndef BESTLA_ENTRY_ORDER_H
#define BESTLA_ENTRY_ORDER_H

#include <stdint.h>

#include "boot_entry.h"

/* `NAME+LEFT.conf` and `NAME+LEFT-DONE.conf`: how many more times the entry may be tried. */
struct entry_tries {
    bool counted;
    bool exhausted;      /* none is left */
    uint32_t left, done; /* UINT32_MAX: too many to be counted */
};

/* A file name without its ending and without the count. */
struct text entry_stem(struct text name, struct entry_tries *tries);

/* What an entry is known by: its file's name without the count. Fits where the name does. */
void entry_id(struct text name, char *id, size_t size);

/* The name that the file gets when one of its tries begins: false where none is counted or left, or
 * it does not fit. */
bool entry_next_name(struct text name, char *next, size_t size);

/* Matches loader.conf's `default`: the pattern may leave out the ending, the count, or
 * both. Any pattern matches nothing when it is empty. */
bool entry_is_called(struct text name, struct text pattern);

/* Negative when `a` is the older version, 0 when neither is, positive when `b` is. */
int version_compare(struct text a, struct text b);

/* What an entry is sorted by. */
struct entry_rank {
    struct text name; /* of its file */
    const struct boot_entry *entry;
    bool last; /* behind all others but those of the same sort */
};

/* Does `a` stand before `b`? Exhausted ones stand last; before them those without a sort-key;
 * before these, by sort-key and machine-id, those with; the newer version first, and where
 * nothing else tells, the later name. */
bool entry_stands_before(const struct entry_rank *a, const struct entry_rank *b);

/* For the UEFI of x86-64 machines? An entry that does not say is. */
bool entry_is_for_x64(const struct boot_entry *entry);

#endif
