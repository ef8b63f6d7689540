/* The Boot Loader Interface (systemd.io/BOOT_LOADER_INTERFACE): what the loader and the system that
 * it starts tell each other, by EFI variables of systemd's vendor GUID (UEFI 2.10, 8.2).
 *
 * Nothing of it can end a boot. A variable that is malformed or cannot be read is as if it were not
 * there, with a warning that names it; and so is firmware that keeps no variables. */
#ifndef BESTLA_LOADER_INTERFACE_H
#define BESTLA_LOADER_INTERFACE_H

#include "boot.h"

/* ---- variables.c ----------------------------------------------------------------------- */

#define VARIABLE_VOLATILE (EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)
#define VARIABLE_KEPT     (VARIABLE_VOLATILE | EFI_VARIABLE_NON_VOLATILE)

/* Its text, in loader memory; false where there is none that can be heeded. */
bool read_text_variable(struct boot *boot, const char *name, struct text *value);
/* As above, and deletes it. False, too, where it cannot be deleted: once would then be always. */
bool take_text_variable(struct boot *boot, const char *name, struct text *value);
/* These say nothing. Of no bytes: deletes it. */
EFI_STATUS set_variable(struct boot *boot, const char *name, UINT32 attributes, const void *data,
                        UINTN size);
EFI_STATUS set_text_variable(struct boot *boot, const char *name, UINT32 attributes,
                             struct text value);

/* Deletes it, whatever its attributes are, if it is there and firmware lets it. */
void forget_variable(struct boot *boot, const char *name);

/* ---- requests.c: what the system, or loader.conf, asks for ------------------------------ */

struct wanted_entry {
    const char *source; /* where that stands, for messages */
    struct text pattern;
};

#define WANTED_MAX 3

struct requests {
    struct wanted_entry wanted[WANTED_MAX]; /* the strongest first */
    size_t count;
    bool once;         /* the first of them holds for this boot only */
    bool menu;         /* even of one entry */
    bool saving;       /* what is booted is the next default ... */
    struct text saved; /* ... and this is the present one; empty: none */
};

/* Reads what there is, and changes the timeout in *conf. */
void read_requests(struct boot *boot, struct loader_conf *conf, struct requests *requests);
/* Where the default is what was booted last: LoaderEntryLastBooted, if it changes. */
void save_choice(struct boot *boot, const struct requests *requests, struct text id);
/* The first of the list that is wanted most; where none is, the first; NULL of none. */
struct listed_entry *default_entry(struct boot *boot, const struct entry_list *list,
                                   const struct requests *requests);

/* ---- boot_count.c ---------------------------------------------------------------------- */

/* Where the file's name counts tries and one is left: takes one, on the volume and in *listed. A
 * volume that refuses gets a warning. */
void count_try(struct boot *boot, struct listed_entry *listed);

/* ---- tell_system.c: what the loader says -------------------------------------------------- */

/* All but the time of the start. */
void tell_system(struct boot *boot, const struct entry_list *list,
                 const struct listed_entry *listed);
void tell_time_of_start(struct boot *boot);

#endif
