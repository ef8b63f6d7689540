/* Which entry is booted, and with which options: loader.conf, the entries beside it, a person at
 * the menu, and what firmware or the shell passes on. */
#include "interface.h"

#include "mem.h"
#include "options.h"

#define CONF_PATH "/loader/loader.conf"

static EFI_STATUS refuse_conf(struct boot *boot, const struct boot_entry_error *error)
{
    return fail(boot, EFI_LOAD_ERROR, CONF_PATH ":%lu: %s: %.*s", error->line,
                boot_entry_status_text(error->status), (int)min_u64(error->text.length, 80),
                error->text.start);
}

static EFI_STATUS read_loader_conf(struct boot *boot, struct loader_conf *conf)
{
    struct text path = text_of(CONF_PATH), text;
    struct boot_entry_error error;
    EFI_FILE_PROTOCOL *handle;

    *conf = loader_conf_default();
    EFI_STATUS status = open_handle(boot, path, &handle);
    if (status == EFI_NOT_FOUND) {
        log_line(boot, LOG_WARNING, CONF_PATH ": not there; taking the first entry of the list");
        return EFI_SUCCESS;
    }
    if (!EFI_ERROR(status))
        handle->Close(handle);
    TRY(read_text_file(boot, path, &text));
    switch (loader_conf_parse(text, conf, &error)) {
    case BOOT_ENTRY_OK:
        return EFI_SUCCESS;
    case BOOT_ENTRY_EMPTY:
        log_line(boot, LOG_WARNING,
                 CONF_PATH ": nothing in it; taking the first entry of the list");
        return EFI_SUCCESS;
    default:
        return refuse_conf(boot, &error);
    }
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

/* *given: there are some, and they are in `options`. */
static EFI_STATUS load_options(struct boot *boot, char options[OPTIONS_MAX], bool *given)
{
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE_PROTOCOL *loaded;
    char buffer[OPTIONS_MAX];

    *given = false;
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

    struct text text = without_program(text_of(buffer));
    *given = text.length != 0;
    if (*given)
        format_text(options, OPTIONS_MAX, "%.*s", TEXT_ARG(text));
    return EFI_SUCCESS;
}

/* LoadOptions are meant for Bestla's kernel: another program's come from its entry. */
EFI_STATUS entry_options(struct boot *boot, const struct listed_entry *listed,
                         char options[OPTIONS_MAX])
{
    bool given = false;

    if (listed->entry.kind == BOOT_KERNEL)
        TRY(load_options(boot, options, &given));
    if (given)
        log_line(boot, LOG_INFO, "options from firmware or shell, not from the entry");
    if (!given && boot_entry_options(&listed->entry, options, OPTIONS_MAX) != BOOT_ENTRY_OK)
        return fail(boot, EFI_LOAD_ERROR, "%.*s: options longer than %d bytes",
                    TEXT_ARG(listed->path), OPTIONS_MAX - 1);
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

/* One key, if somebody has pressed one by now. It has served its purpose. */
static bool key_is_pressed(struct boot *boot)
{
    SIMPLE_INPUT_INTERFACE *keys = boot->system->ConIn;
    EFI_INPUT_KEY key;

    return keys != NULL && !EFI_ERROR(keys->ReadKeyStroke(keys, &key));
}

/* *sure: until a person chooses. */
static bool wants_menu(struct boot *boot, const struct loader_conf *conf, bool *sure)
{
    *sure = boot->menu_again || conf->menu == MENU_ALWAYS ||
            (conf->menu != MENU_NEVER && key_is_pressed(boot));
    return *sure || conf->timeout != 0;
}

/* A name without a pattern in it is all that need be looked at, as long as nobody asks for more. */
static struct text only_name(const struct requests *requests)
{
    struct text pattern = requests->wanted[0].pattern;

    for (size_t i = 0; i < pattern.length; i++) {
        if (pattern.start[i] == '*' || pattern.start[i] == '?')
            return text_of("");
    }
    return pattern;
}

struct choice {
    struct loader_conf conf;
    struct requests requests;
    struct entry_list list;
    struct listed_entry *listed;
    bool menu_shown; /* which has cleared the screen */
    bool edited;     /* its options are in boot->options already */
};

static EFI_STATUS choose(struct boot *boot, struct choice *choice)
{
    const struct requests *requests = &choice->requests;
    struct loader_conf *conf = &choice->conf;
    struct entry_list *list = &choice->list;
    bool sure, wanted;

    TRY(read_loader_conf(boot, conf));
    read_requests(boot, conf, &choice->requests);
    wanted = wants_menu(boot, conf, &sure);
    TRY(list_entries(boot, wanted ? text_of("") : only_name(requests), conf->auto_entries, list));
    choice->listed = default_entry(boot, list, requests);
    choice->menu_shown = wanted && (sure || requests->menu || list->count > 1);
    if (!choice->menu_shown)
        return EFI_SUCCESS;

    struct menu_wish wish = {sure ? 0 : conf->timeout, conf->editor, choice->listed};
    return run_menu(boot, list, &wish, &choice->listed, &choice->edited);
}

/* That an entry cannot be read was said when it was tried. */
static EFI_STATUS check_choice(struct boot *boot, const struct choice *choice)
{
    char refusal[REFUSAL_MAX];
    EFI_STATUS unreadable = choice->listed->unreadable;

    entry_refusal(choice->listed, refusal);
    if (refusal[0] == '\0' || (EFI_ERROR(unreadable) && !choice->menu_shown))
        return unreadable;
    return fail(boot, EFI_ERROR(unreadable) ? unreadable : EFI_LOAD_ERROR, "%s", refusal);
}

/* Bestla's own kernel asks firmware for nothing: for it that would be work in vain. A system wants
 * to know of all entries. */
static void tell_choice(struct boot *boot, struct choice *choice)
{
    if (choice->listed->entry.kind == BOOT_KERNEL)
        return;
    if (!choice->list.whole &&
        EFI_ERROR(list_entries(boot, text_of(""), choice->conf.auto_entries, &choice->list)))
        return;
    tell_system(boot, &choice->list, choice->listed);
}

EFI_STATUS choose_boot_entry(struct boot *boot)
{
    struct choice choice = {0};

    TRY(choose(boot, &choice));
    TRY(check_choice(boot, &choice));
    struct listed_entry *listed = choice.listed;
    if (!choice.edited)
        TRY(entry_options(boot, listed, boot->options));
    log_line(boot, LOG_INFO, "%.*s: %.*s %.*s%s", TEXT_ARG(listed->path),
             TEXT_ARG(listed->entry.title), TEXT_ARG(listed->entry.version),
             boot->chosen ? " (chosen in the menu)" : "");
    count_try(boot, listed);
    boot->entry = listed->entry;
    if (listed->entry.kind == BOOT_KERNEL && option_is_set(text_of(boot->options), "verbose"))
        be_verbose(boot);
    save_choice(boot, &choice.requests, listed->id);
    tell_choice(boot, &choice);
    return hand_on_options(boot);
}
