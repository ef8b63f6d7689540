/* What can be booted from this volume: the entries of /loader/entries and, as systemd-boot does
 * it, programs that stand where such programs stand. */
#include "boot.h"

#include "mem.h"

#define ENTRIES_PATH "/loader/entries"
#define UNIFIED_PATH "/EFI/Linux"
#define SHELL_NAME   "shellx64.efi"

/* Sorting them takes the square of it. */
#define ENTRIES_MAX 1024

/* More than FAT has room for (65,536 of 32 bytes): on a damaged volume a folder may have no end. */
#define NAMES_MAX 65536

/* ---- one entry ------------------------------------------------------------------------- */

/* The list's own memory: the entry, and its path and identifier behind it. */
static EFI_STATUS new_entry(struct boot *boot, const char *folder, const char *name,
                            struct listed_entry **listed)
{
    size_t size = strlen(folder) + 1 + strlen(name) + 1, id_size = strlen(name) + 1;
    void *at;

    TRY(allocate_bytes(boot, sizeof(struct listed_entry) + size + id_size, &at));
    struct listed_entry *new = at;
    char *path = (char *)(new + 1);
    format_text(path, size, "%s/%s", folder, name);
    entry_id(text_of(name), path + size, id_size);
    *new = (struct listed_entry){
        .name = text_of(path + strlen(folder) + 1),
        .path = text_of(path),
        .id = text_of(path + size),
    };
    *listed = new;
    return EFI_SUCCESS;
}

static struct entry_rank rank_of(const struct listed_entry *listed)
{
    return (struct entry_rank){listed->name, &listed->entry, listed->last};
}

static void insert(struct entry_list *list, struct listed_entry *new)
{
    struct listed_entry **link = &list->first;
    struct entry_rank rank = rank_of(new);

    for (; *link != NULL; link = &(*link)->next) {
        struct entry_rank other = rank_of(*link);
        if (entry_stands_before(&rank, &other))
            break;
    }
    new->next = *link;
    *link = new;
    list->count++;
}

/* One that is malformed stays on the list: whoever looks for it must find out why. */
static EFI_STATUS add_file(struct boot *boot, const char *name, struct entry_list *list)
{
    struct listed_entry *new;
    struct text text;
    char refusal[REFUSAL_MAX];

    TRY(new_entry(boot, ENTRIES_PATH, name, &new));
    new->unreadable = read_text_file(boot, new->path, &text);
    if (!EFI_ERROR(new->unreadable) &&
        boot_entry_parse(text, &new->entry, &new->error) != BOOT_ENTRY_OK) {
        entry_refusal(new, refusal);
        log_line(boot, LOG_WARNING, "%s", refusal);
    }
    if (entry_is_for_x64(&new->entry))
        insert(list, new);
    return EFI_SUCCESS;
}

void entry_refusal(const struct listed_entry *listed, char text[REFUSAL_MAX])
{
    const struct boot_entry_error *error = &listed->error;
    const char *why = boot_entry_status_text(error->status);

    text[0] = '\0';
    if (EFI_ERROR(listed->unreadable))
        format_text(text, REFUSAL_MAX, "%.*s: cannot be read (%s)", TEXT_ARG(listed->path),
                    status_text(listed->unreadable));
    else if (error->status != BOOT_ENTRY_OK && error->line == 0)
        format_text(text, REFUSAL_MAX, "%.*s: %s", TEXT_ARG(listed->path), why);
    else if (error->status != BOOT_ENTRY_OK)
        format_text(text, REFUSAL_MAX, "%.*s:%lu: %s: %.*s", TEXT_ARG(listed->path), error->line,
                    why, (int)min_u64(error->text.length, 80), error->text.start);
}

/* ---- folders --------------------------------------------------------------------------- */

static bool ends_with(struct text name, struct text ending)
{
    return name.length > ending.length &&
           text_equal_ignoring_case(
               (struct text){name.start + name.length - ending.length, ending.length}, ending);
}

/* What is to become of each file that a folder holds. */
struct folder_listing {
    const char *path;
    const char *ending;
    struct text only; /* the name, if not empty */
    EFI_STATUS (*add)(struct boot *boot, const char *name, struct entry_list *list);
};

/* With a dot in front it is hidden, as what macOS puts beside each file. */
static bool is_wanted(const struct folder_listing *listing, struct text name)
{
    return name.length != 0 && name.start[0] != '.' && ends_with(name, text_of(listing->ending)) &&
           (listing->only.length == 0 || entry_is_called(name, listing->only));
}

static EFI_STATUS pass_over_the_rest(struct boot *boot, const struct folder_listing *listing,
                                     const char *what, unsigned count)
{
    log_line(boot, LOG_WARNING, "%s: more than %u %s; the rest is passed over", listing->path,
             count, what);
    return EFI_SUCCESS;
}

static EFI_STATUS list_names(struct boot *boot, const struct folder_listing *listing,
                             EFI_FILE_PROTOCOL *folder, struct entry_list *list)
{
    char name[FILE_NAME_MAX];
    EFI_STATUS status;

    for (unsigned names = 0; (status = next_file_name(folder, name)) == EFI_SUCCESS; names++) {
        if (names == NAMES_MAX)
            return pass_over_the_rest(boot, listing, "files", NAMES_MAX);
        if (!is_wanted(listing, text_of(name)))
            continue;
        if (list->count == ENTRIES_MAX)
            return pass_over_the_rest(boot, listing, "entries", ENTRIES_MAX);
        TRY(listing->add(boot, name, list));
    }
    return status == EFI_NOT_FOUND ? EFI_SUCCESS
                                   : fail(boot, status, "%s: cannot be read", listing->path);
}

/* *opened is what opening the folder came to: one that is not there holds nothing. */
static EFI_STATUS list_folder(struct boot *boot, const struct folder_listing *listing,
                              struct entry_list *list, EFI_STATUS *opened)
{
    EFI_FILE_PROTOCOL *folder;

    *opened = open_handle(boot, text_of(listing->path), &folder);
    if (*opened == EFI_NOT_FOUND)
        return EFI_SUCCESS;
    if (EFI_ERROR(*opened))
        return fail(boot, *opened, "%s: cannot be opened", listing->path);
    EFI_STATUS status = list_names(boot, listing, folder, list);
    folder->Close(folder);
    return status;
}

/* ---- what is found --------------------------------------------------------------------- */

/* Unified kernel images: "Boot Loader Specification", type #2. */
static EFI_STATUS add_unified(struct boot *boot, const char *name, struct entry_list *list)
{
    struct listed_entry *new;

    TRY(new_entry(boot, UNIFIED_PATH, name, &new));
    new->entry = (struct boot_entry){
        .kind = BOOT_EFI,
        .title = new->name,
        .program = new->path,
    };
    describe_unified(boot, new);
    insert(list, new);
    return EFI_SUCCESS;
}

static EFI_STATUS find_shell(struct boot *boot, struct entry_list *list)
{
    EFI_FILE_PROTOCOL *handle;
    struct listed_entry *new;

    if (EFI_ERROR(open_handle(boot, text_of("/" SHELL_NAME), &handle)))
        return EFI_SUCCESS;
    handle->Close(handle);
    TRY(new_entry(boot, "", SHELL_NAME, &new));
    new->id = text_of("auto-efi-shell");
    new->entry = (struct boot_entry){
        .kind = BOOT_EFI,
        .title = text_of("UEFI shell"),
        .program = new->path,
    };
    new->last = true;
    insert(list, new);
    return EFI_SUCCESS;
}

/* ---- the list -------------------------------------------------------------------------- */

EFI_STATUS list_entries(struct boot *boot, struct text only, bool automatic,
                        struct entry_list *list)
{
    const struct folder_listing files = {ENTRIES_PATH, ".conf", only, add_file};
    const struct folder_listing unified = {UNIFIED_PATH, ".efi", {0}, add_unified};
    EFI_STATUS opened, unused;

    *list = (struct entry_list){.whole = only.length == 0};
    TRY(list_folder(boot, &files, list, &opened));
    if (only.length != 0 && list->count != 0)
        return EFI_SUCCESS;
    if (only.length != 0)
        return list_entries(boot, text_of(""), automatic, list);
    if (automatic) {
        TRY(list_folder(boot, &unified, list, &unused));
        TRY(find_shell(boot, list));
    }
    if (list->count != 0)
        return EFI_SUCCESS;
    return EFI_ERROR(opened)
               ? fail(boot, opened, ENTRIES_PATH ": cannot be opened")
               : fail(boot, EFI_NOT_FOUND, ENTRIES_PATH ": no entry (a file *.conf) in it");
}
