/* loader.conf, parsed: the words of systemd-boot's that Bestla heeds, and no others. */
#include "conf_reader.h"

#define TIMEOUT_MAX 3600 /* seconds */

/* Which keys have stood already: a field of a loader_conf cannot tell. */
struct seen {
    struct text timeout, editor, auto_entries;
};

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

bool loader_conf_set_timeout(struct loader_conf *conf, struct text word)
{
    enum menu_when menu = MENU_BY_TIMEOUT;
    unsigned timeout = 0;

    if (text_equal(word, text_of("menu-force")))
        menu = MENU_ALWAYS;
    else if (text_equal(word, text_of("menu-disabled")))
        menu = MENU_NEVER;
    else if (!text_equal(word, text_of("menu-hidden")) &&
             (word.length == 0 || !number_at_most(word, TIMEOUT_MAX, &timeout)))
        return false;
    conf->menu = menu;
    conf->timeout = timeout;
    return true;
}

static enum boot_entry_status take_timeout(const struct conf_reader *reader, struct text *word,
                                           struct loader_conf *conf)
{
    enum boot_entry_status status = conf_take_once(reader, word);

    if (status != BOOT_ENTRY_OK)
        return status;
    return loader_conf_set_timeout(conf, *word) ? BOOT_ENTRY_OK
                                                : conf_fail(reader, BOOT_ENTRY_BAD_NUMBER, *word);
}

/* As systemd-boot reads them. */
static bool read_switch(struct text word, bool *on)
{
    static const char *const words[][2] = {{"no", "yes"},     {"n", "y"}, {"0", "1"},
                                           {"false", "true"}, {"f", "t"}, {"off", "on"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int value = 0; value < 2; value++) {
            if (!text_equal_ignoring_case(word, text_of(words[i][value])))
                continue;
            *on = value == 1;
            return true;
        }
    }
    return false;
}

static enum boot_entry_status take_switch(const struct conf_reader *reader, struct text *word,
                                          bool *on)
{
    enum boot_entry_status status = conf_take_once(reader, word);

    if (status != BOOT_ENTRY_OK)
        return status;
    return read_switch(*word, on) ? BOOT_ENTRY_OK : conf_fail(reader, BOOT_ENTRY_BAD_SWITCH, *word);
}

static enum boot_entry_status take_line(const struct conf_reader *reader, struct seen *seen,
                                        struct loader_conf *conf)
{
    if (conf_key_is(reader, "default"))
        return conf_take_once(reader, &conf->default_pattern);
    if (conf_key_is(reader, "timeout"))
        return take_timeout(reader, &seen->timeout, conf);
    if (conf_key_is(reader, "editor"))
        return take_switch(reader, &seen->editor, &conf->editor);
    if (conf_key_is(reader, "auto-entries"))
        return take_switch(reader, &seen->auto_entries, &conf->auto_entries);
    return BOOT_ENTRY_OK;
}

static enum boot_entry_status read_conf(struct conf_reader *reader, struct loader_conf *conf)
{
    struct seen seen = {0};
    enum boot_entry_status status = BOOT_ENTRY_OK;

    while (status == BOOT_ENTRY_OK && conf_next_key(reader))
        status = take_line(reader, &seen, conf);
    if (reader->error->status == BOOT_ENTRY_OK && reader->keys == 0)
        return conf_fail_whole_file(reader, BOOT_ENTRY_EMPTY);
    return reader->error->status;
}

struct loader_conf loader_conf_default(void)
{
    return (struct loader_conf){.editor = true, .auto_entries = true};
}

enum boot_entry_status loader_conf_parse(struct text file, struct loader_conf *conf,
                                         struct boot_entry_error *error)
{
    struct conf_reader reader = conf_reader_of(file, error);
    enum boot_entry_status status;

    *conf = loader_conf_default();
    status = read_conf(&reader, conf);
    if (status != BOOT_ENTRY_OK)
        *conf = loader_conf_default();
    return status;
}

_Static_assert(TIMEOUT_MAX == 3600, "boot_entry_status_text() names it");
