/* Which entry is wanted and when the menu is shown: loader.conf, and the variables by which a
 * system that runs asks for its next boot. */
#include "interface.h"

#include "mem.h"

#define CONF_SOURCE  "/loader/loader.conf"
#define ONCE         "LoaderEntryOneShot"
#define DEFAULT      "LoaderEntryDefault"
#define SAVED        "LoaderEntryLastBooted"
#define TIMEOUT      "LoaderConfigTimeout"
#define TIMEOUT_ONCE "LoaderConfigTimeoutOneShot"

/* ---- entries --------------------------------------------------------------------------- */

static void want(struct requests *requests, const char *source, struct text pattern)
{
    requests->wanted[requests->count++] = (struct wanted_entry){source, pattern};
}

static void want_saved(struct boot *boot, struct requests *requests)
{
    if (read_text_variable(boot, SAVED, &requests->saved))
        want(requests, "variable " SAVED, requests->saved);
}

static bool is_saved(struct text pattern)
{
    return text_equal(pattern, text_of("@saved"));
}

/* The variable is stronger than the file, and so is its `@saved`. */
static void read_wanted(struct boot *boot, const struct loader_conf *conf,
                        struct requests *requests)
{
    struct text text = {0};

    if (take_text_variable(boot, ONCE, &text)) {
        requests->once = true;
        want(requests, "variable " ONCE, text);
    }
    bool given = read_text_variable(boot, DEFAULT, &text);
    bool by_variable = given && is_saved(text), by_file = is_saved(conf->default_pattern);
    requests->saving = given ? by_variable : by_file;
    if (given && !by_variable)
        want(requests, "variable " DEFAULT, text);
    if (by_variable || by_file)
        want_saved(boot, requests);
    if (conf->default_pattern.length != 0 && !by_file)
        want(requests, CONF_SOURCE, conf->default_pattern);
}

/* `a.conf` is `a.conf`, although what it may leave out makes it match `a.conf.conf` as well. */
static bool is_exactly(const struct listed_entry *listed, struct text pattern)
{
    return text_equal_ignoring_case(listed->name, pattern) ||
           text_equal_ignoring_case(listed->id, pattern);
}

static bool is_about(const struct listed_entry *listed, struct text pattern)
{
    return entry_is_called(listed->name, pattern) || text_matches(listed->id, pattern);
}

static struct listed_entry *find(const struct entry_list *list, struct text pattern)
{
    struct listed_entry *about = NULL;

    for (struct listed_entry *at = list->first; at != NULL; at = at->next) {
        if (is_exactly(at, pattern))
            return at;
        if (about == NULL && is_about(at, pattern))
            about = at;
    }
    return about;
}

struct listed_entry *default_entry(struct boot *boot, const struct entry_list *list,
                                   const struct requests *requests)
{
    for (size_t i = 0; i < requests->count; i++) {
        const struct wanted_entry *wanted = &requests->wanted[i];
        struct listed_entry *found = find(list, wanted->pattern);
        if (found != NULL)
            return found;
        log_line(boot, LOG_WARNING, "%s: no entry is called %.*s; taking %s", wanted->source,
                 TEXT_ARG(wanted->pattern),
                 i + 1 < requests->count ? "what else is asked for" : "the first of the list");
    }
    return list->first;
}

/* Non-volatile memory wears out: only what changes is written. */
void save_choice(struct boot *boot, const struct requests *requests, struct text id)
{
    if (!requests->saving || requests->once || text_equal(id, requests->saved))
        return;
    EFI_STATUS status = set_text_variable(boot, SAVED, VARIABLE_KEPT, id);
    if (EFI_ERROR(status))
        log_line(boot, LOG_WARNING, "variable " SAVED ": cannot be set to %.*s (%s)", TEXT_ARG(id),
                 status_text(status));
}

/* ---- the menu -------------------------------------------------------------------------- */

static bool heed_timeout(struct boot *boot, const char *name, struct text word,
                         struct loader_conf *conf)
{
    if (loader_conf_set_timeout(conf, word))
        return true;
    log_line(boot, LOG_WARNING, "variable %s: no timeout that could be heeded: %.*s", name,
             TEXT_ARG(word));
    return false;
}

static void read_timeouts(struct boot *boot, struct loader_conf *conf, struct requests *requests)
{
    struct text word;

    if (read_text_variable(boot, TIMEOUT, &word))
        (void)heed_timeout(boot, TIMEOUT, word, conf);
    if (!take_text_variable(boot, TIMEOUT_ONCE, &word) ||
        !heed_timeout(boot, TIMEOUT_ONCE, word, conf))
        return;
    /* Seconds asked for once: for the menu itself; and 0 of them for as long as it takes. */
    bool number = word.start[0] >= '0' && word.start[0] <= '9';
    requests->menu = number;
    if (number && conf->timeout == 0)
        conf->menu = MENU_ALWAYS;
}

void read_requests(struct boot *boot, struct loader_conf *conf, struct requests *requests)
{
    *requests = (struct requests){0};
    read_wanted(boot, conf, requests);
    read_timeouts(boot, conf, requests);
}
