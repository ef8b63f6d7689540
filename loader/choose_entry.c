/* Which entry is booted, and with which options: loader.conf, the entries beside it, and
 * what firmware or the shell passes on. */
#include "boot.h"

#include "mem.h"
#include "options.h"

#define CONF_PATH    "/loader/loader.conf"
#define ENTRIES_PATH "/loader/entries"
#define CONF_MAX     (64 * 1024)
#define FILE_INFO    offsetof(EFI_FILE_INFO, FileName)
#define NAME_UNITS   256                  /* UCS-2 characters of a file name, with the NUL */
#define NAME_MAX     (3 * NAME_UNITS + 1) /* bytes of one in UTF-8 */

static EFI_STATUS refuse(struct boot *boot, struct text path, const struct boot_entry_error *error)
{
    if (error->line == 0)
        return fail(boot, EFI_LOAD_ERROR, "%.*s: %s", TEXT_ARG(path),
                    boot_entry_status_text(error->status));
    return fail(boot, EFI_LOAD_ERROR, "%.*s:%lu: %s: %.*s", TEXT_ARG(path), error->line,
                boot_entry_status_text(error->status), (int)min_u64(error->text.length, 80),
                error->text.start);
}

/* A whole text file into loader memory, where it stays: what is parsed points into it. */
static EFI_STATUS read_text(struct boot *boot, struct text path, struct text *text)
{
    struct file file;
    phys_addr_t at;

    TRY(open_file(boot, path, &file));
    EFI_STATUS status = EFI_SUCCESS;
    if (file.size > CONF_MAX)
        status = fail(boot, EFI_LOAD_ERROR, "%.*s: %lu bytes, more than %d", TEXT_ARG(path),
                      file.size, CONF_MAX);
    if (!EFI_ERROR(status))
        status = allocate_pages(boot, MEMORY_LOADER, max_u64(file.size, 1), &at);
    if (!EFI_ERROR(status)) {
        *text = (struct text){(const char *)(uintptr_t)at.raw, file.size};
        status = read_file(boot, &file, 0, (void *)(uintptr_t)at.raw, file.size);
    }
    close_file(&file);
    return status;
}

static EFI_STATUS read_loader_conf(struct boot *boot, struct loader_conf *conf)
{
    struct text path = text_of(CONF_PATH), text;
    struct boot_entry_error error;
    EFI_FILE_PROTOCOL *handle;

    *conf = (struct loader_conf){0};
    EFI_STATUS status = open_handle(boot, path, &handle);
    if (status == EFI_NOT_FOUND) {
        log_line(boot, LOG_WARNING, CONF_PATH ": not there; taking the last entry by name");
        return EFI_SUCCESS;
    }
    if (!EFI_ERROR(status))
        handle->Close(handle);
    TRY(read_text(boot, path, &text));
    switch (loader_conf_parse(text, conf, &error)) {
    case BOOT_ENTRY_OK:
        return EFI_SUCCESS;
    case BOOT_ENTRY_EMPTY:
        log_line(boot, LOG_WARNING, CONF_PATH ": nothing in it; taking the last entry by name");
        return EFI_SUCCESS;
    default:
        return refuse(boot, path, &error);
    }
}

/* The names in the folder, one a call: EFI_NOT_FOUND after the last. */
static EFI_STATUS next_name(EFI_FILE_PROTOCOL *folder, char name[NAME_MAX])
{
    _Alignas(8) char buffer[FILE_INFO + NAME_UNITS * sizeof(CHAR16)];
    UINTN size = sizeof(buffer);

    EFI_STATUS status = folder->Read(folder, &size, buffer);
    if (EFI_ERROR(status))
        return status;
    if (size <= FILE_INFO)
        return EFI_NOT_FOUND;

    const EFI_FILE_INFO *info = (const void *)buffer;
    size_t units = (size - FILE_INFO) / sizeof(CHAR16);
    if (info->Attribute & EFI_FILE_DIRECTORY ||
        utf8_from_utf16(info->FileName, units, name, NAME_MAX) == 0)
        name[0] = '\0'; /* none of ours */
    return EFI_SUCCESS;
}

/* The Boot Loader Specification's pattern may leave `.conf` out. */
static bool is_wanted(struct text name, struct text pattern)
{
    struct text ending = text_of(".conf"), stem = name;

    if (name.length <= ending.length)
        return false;
    stem.length -= ending.length;
    if (!text_equal_ignoring_case((struct text){name.start + stem.length, ending.length}, ending))
        return false;
    return pattern.length == 0 || text_matches(name, pattern) || text_matches(stem, pattern);
}

/* Splits the next character off, or the next run of digits as a number above all characters. */
static uint64_t next_rank(struct text *rest)
{
    uint64_t rank = 0;
    bool digits = false;

    while (rest->length > 0 && *rest->start >= '0' && *rest->start <= '9') {
        rank = rank * 10 + (uint64_t)(*rest->start++ - '0');
        rest->length--;
        digits = true;
    }
    if (digits || rest->length == 0)
        return digits ? rank + 0x100 : 0;
    rest->length--;
    return (unsigned char)*rest->start++;
}

static bool comes_after(struct text a, struct text b)
{
    while (a.length > 0 || b.length > 0) {
        uint64_t rank_a = next_rank(&a), rank_b = next_rank(&b);
        if (rank_a != rank_b)
            return rank_a > rank_b;
    }
    return false;
}

/* Of the entries that match, the last by name, numbers by value: with versions in the names,
 * the newest. */
static EFI_STATUS find_entry(struct boot *boot, struct text pattern, char best[NAME_MAX])
{
    EFI_FILE_PROTOCOL *folder;
    char name[NAME_MAX];

    best[0] = '\0';
    EFI_STATUS status = open_handle(boot, text_of(ENTRIES_PATH), &folder);
    if (EFI_ERROR(status))
        return fail(boot, status, ENTRIES_PATH ": cannot be opened");
    while ((status = next_name(folder, name)) == EFI_SUCCESS) {
        if (is_wanted(text_of(name), pattern) && comes_after(text_of(name), text_of(best)))
            memcpy(best, name, NAME_MAX);
    }
    folder->Close(folder);
    if (status != EFI_NOT_FOUND)
        return fail(boot, status, ENTRIES_PATH ": cannot be read");
    return EFI_SUCCESS;
}

static EFI_STATUS read_entry(struct boot *boot)
{
    struct loader_conf conf;
    struct boot_entry_error error;
    struct text text;
    char name[NAME_MAX], path[sizeof(ENTRIES_PATH) + NAME_MAX];

    TRY(read_loader_conf(boot, &conf));
    TRY(find_entry(boot, conf.default_pattern, name));
    if (name[0] == '\0' && conf.default_pattern.length != 0) {
        log_line(boot, LOG_WARNING, CONF_PATH ": no entry is called %.*s; taking the last by name",
                 TEXT_ARG(conf.default_pattern));
        TRY(find_entry(boot, text_of(""), name));
    }
    if (name[0] == '\0')
        return fail(boot, EFI_NOT_FOUND, ENTRIES_PATH ": no entry (a file *.conf) in it");

    format_text(path, sizeof(path), "%s/%s", ENTRIES_PATH, name);
    TRY(read_text(boot, text_of(path), &text));
    if (boot_entry_parse(text, &boot->entry, &error) != BOOT_ENTRY_OK)
        return refuse(boot, text_of(path), &error);
    if (boot_entry_options(&boot->entry, boot->options, OPTIONS_MAX) != BOOT_ENTRY_OK)
        return fail(boot, EFI_LOAD_ERROR, "%s: options longer than %d bytes", path,
                    OPTIONS_MAX - 1);
    log_line(boot, LOG_INFO, "%s: %.*s %.*s", path, TEXT_ARG(boot->entry.title),
             TEXT_ARG(boot->entry.version));
    return EFI_SUCCESS;
}

/* UEFI 2.10, 9.1: LoadOptions is any binary data. Taken as options when it is a string in
 * full: terminated or not, but of printable characters only. The first one is ASCII: two
 * letters of an 8-bit string, or two bytes of a GUID, make a printable character too. */
static bool is_text(const CHAR16 *options, size_t *units)
{
    while (*units > 0 && options[*units - 1] == 0)
        --*units;
    if (*units > 0 && options[0] >= 0x80)
        return false;
    for (size_t i = 0; i < *units; i++) {
        if (options[i] < ' ' || (options[i] >= 0x7f && options[i] < 0xa0) ||
            (options[i] >= 0xd800 && options[i] < 0xe000))
            return false;
    }
    return *units > 0;
}

/* The UEFI shell passes the whole command line: its first word is the loader itself. */
static struct text without_program(struct text options)
{
    struct text rest = options, word, ending = text_of(".efi");

    if (text_next_word(&rest, &word) && word.length >= ending.length &&
        text_equal_ignoring_case(
            (struct text){word.start + word.length - ending.length, ending.length}, ending))
        return text_trim(rest);
    return text_trim(options);
}

static EFI_STATUS apply_load_options(struct boot *boot)
{
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE_PROTOCOL *loaded;
    char buffer[OPTIONS_MAX];

    EFI_STATUS status =
        boot->system->BootServices->HandleProtocol(boot->image, &guid, (void **)&loaded);
    if (EFI_ERROR(status))
        return fail(boot, status, "the loader's own LoadedImage protocol");

    size_t units = loaded->LoadOptionsSize / sizeof(CHAR16);
    if (loaded->LoadOptions == NULL || !is_text(loaded->LoadOptions, &units))
        return EFI_SUCCESS;
    if (utf8_from_utf16(loaded->LoadOptions, units, buffer, sizeof(buffer)) == 0)
        return fail(boot, EFI_INVALID_PARAMETER, "LoadOptions: longer than %d bytes",
                    OPTIONS_MAX - 1);

    struct text options = without_program(text_of(buffer));
    if (options.length != 0) {
        format_text(boot->options, OPTIONS_MAX, "%.*s", TEXT_ARG(options));
        log_line(boot, LOG_INFO, "options from firmware or shell, not from the entry");
    }
    return EFI_SUCCESS;
}

/* struct boot stays behind with firmware's stack; the kernel gets a copy. */
static EFI_STATUS hand_on_options(struct boot *boot)
{
    size_t size = strlen(boot->options) + 1;
    phys_addr_t at;

    TRY(allocate_pages(boot, MEMORY_LOADER, size, &at));
    memcpy((void *)(uintptr_t)at.raw, boot->options, size);
    boot->info->options = at.raw;
    boot->info->options_size = size;
    log_line(boot, LOG_INFO, "options: %s", boot->options[0] == '\0' ? "none" : boot->options);
    return EFI_SUCCESS;
}

EFI_STATUS choose_boot_entry(struct boot *boot)
{
    TRY(read_entry(boot));
    TRY(apply_load_options(boot));
    if (option_is_set(text_of(boot->options), "verbose"))
        be_verbose(boot);
    return hand_on_options(boot);
}
