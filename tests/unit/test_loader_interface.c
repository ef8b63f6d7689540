/* The Boot Loader Interface's requests on the fake firmware: which entry a system that ran asks
 * for, and which menu; variables that are malformed, and firmware that has none. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c tests/unit/table_check.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "handoff_check.h"
#include "menu_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LASTING      (EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | 4)
#define ONCE         "LoaderEntryOneShot"
#define DEFAULT      "LoaderEntryDefault"
#define SAVED        "LoaderEntryLastBooted"
#define TIMEOUT      "LoaderConfigTimeout"
#define TIMEOUT_ONCE "LoaderConfigTimeoutOneShot"

/* Two good entries: banana, then apple. */
static void good_world(const char *conf)
{
    world(conf);
    fake_remove(ENTRIES "/cherry.conf");
}

static const struct boot_info *boot_well(void)
{
    struct fake_outcome outcome = fake_boot();
    return assert_good_handoff(&outcome);
}

static void assert_options(const struct boot_info *info, const char *options, const char *what)
{
    if (strcmp((const char *)(uintptr_t)info->options, options) != 0)
        fail_msg("%s: booted \"%s\", not \"%s\"", what, (const char *)(uintptr_t)info->options,
                 options);
}

static void put(const char *name, const char *text)
{
    if (text != NULL)
        fake_put_text_variable(name, text);
}

static void assert_variable(const char *name, const char *text)
{
    const char *got = fake_text_variable(name);

    if (text == NULL)
        assert_null(got);
    else
        assert_string_equal(got == NULL ? "(none)" : got, text);
}

#define YELLOW "yellow"
#define APPLE  "from apple"
#define NONE   "no entry is called "

static void test_entries(void **state)
{
    static const struct {
        const char *conf, *once, *by_default, *saved; /* there are these, NULL: none */
        const char *options;                          /* what is booted */
        const char *left;                             /* and LoaderEntryLastBooted afterwards */
        const char *words;                            /* of the log */
    } rows[] = {
        {"default apple", NULL, NULL, NULL, APPLE, NULL, NULL},
        {"default apple", "banana.conf", NULL, NULL, YELLOW, NULL, NULL},
        {"default apple", "banana", NULL, NULL, YELLOW, NULL, NULL},
        {"default apple", "BAN*", NULL, NULL, YELLOW, NULL, NULL},
        {"default apple", NULL, "banana.conf", NULL, YELLOW, NULL, NULL},
        {"default banana", "apple.conf", "banana.conf", NULL, APPLE, NULL, NULL},
        {"default apple", NULL, NULL, "banana.conf", APPLE, "banana.conf", NULL},
        {"default @saved", NULL, NULL, "apple.conf", APPLE, "apple.conf", NULL},
        {"default @saved", NULL, NULL, NULL, YELLOW, "banana.conf", NULL},
        {"default @saved", NULL, "apple.conf", "banana.conf", APPLE, "banana.conf", NULL},
        {"default @saved", "apple.conf", NULL, "banana.conf", APPLE, "banana.conf", NULL},
        {"default @saved", NULL, "none", "apple.conf", APPLE, "apple.conf",
         "variable " DEFAULT ": " NONE "none; taking what else is asked for"},
        {"default apple", NULL, "@saved", "banana.conf", YELLOW, "banana.conf", NULL},
        {"default apple", NULL, "@saved", NULL, APPLE, "apple.conf", NULL},
        {"default @saved", NULL, "@saved", "apple", APPLE, "apple.conf", NULL},
        {"default apple", "none.conf", NULL, NULL, APPLE, NULL,
         "variable " ONCE ": " NONE "none.conf"},
        {"default apple", NULL, "none.conf", NULL, APPLE, NULL,
         "variable " DEFAULT ": " NONE "none.conf; taking what else is asked for"},
        {"default @saved", NULL, NULL, "none.conf", YELLOW, "banana.conf",
         "variable " SAVED ": " NONE "none.conf; taking the first of the list"},
        {"default nothing", "none", "none", NULL, YELLOW, NULL, CONF ": " NONE "nothing"},
        {"", "none", NULL, NULL, YELLOW, NULL, ONCE ": " NONE "none; taking the first of the list"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        good_world(rows[i].conf);
        put(ONCE, rows[i].once);
        put(DEFAULT, rows[i].by_default);
        put(SAVED, rows[i].saved);
        const struct boot_info *info = boot_well();
        assert_options(info, rows[i].options, rows[i].conf);
        assert_variable(ONCE, NULL);
        assert_variable(DEFAULT, rows[i].by_default);
        assert_variable(SAVED, rows[i].left);
        if (rows[i].words != NULL && !log_has(info, rows[i].words))
            fail_msg("row %zu: the log has no \"%s\"", i, rows[i].words);
        assert_string_equal(fake.console, "");
    }
}

/* A name in full is nobody else's, whose name happens to go on. */
static void test_exact_name(void **state)
{
    static const struct {
        const char *conf, *once, *options;
    } rows[] = {
        {"default apple.conf", NULL, APPLE},
        {"default banana", "APPLE.conf", APPLE},
        {"default banana", "apple.conf*", "other"},
        {"default apple.c*", NULL, "other"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        good_world(rows[i].conf);
        fake_add_text(ENTRIES "/apple.conf.conf",
                      "sort-key a\nkernel /kernel.elf\noptions other\n");
        put(ONCE, rows[i].once);
        assert_options(boot_well(), rows[i].options, rows[i].conf);
    }
}

/* What is the default already is not written once more; and a person's choice is kept. */
static void test_saving(void **state)
{
    (void)state;
    good_world("default @saved");
    put(SAVED, "apple.conf");
    boot_well();
    assert_int_equal(fake.calls_of[FAKE_SET_VARIABLE], 0);

    good_world("default @saved\ntimeout 5");
    put(SAVED, "apple.conf");
    fake_press(1); /* up */
    fake_type("\r");
    assert_options(boot_well(), YELLOW, "menu");
    assert_variable(SAVED, "banana.conf");

    good_world("default @saved");
    fake.variables_stay = true;
    assert_true(log_has(boot_well(), "variable " SAVED ": cannot be set to banana.conf (Write"));
}

/* ---- malformed ------------------------------------------------------------------------- */

struct bad_value {
    const void *bytes;
    size_t size;
    const char *words;
};

static const unsigned char zeros[2000];

static const struct bad_value bad_values[] = {
    {"b", 1, "an odd number of bytes, of 0x1 bytes"},
    {u"banana", 13, "an odd number of bytes"},
    {u"banana", 12, "text that does not end"},
    {u"banana\0x", 16, "more behind the end of its text"},
    {u"banana\0", 16, "more behind the end of its text"},
    {u"", 2, "no text"},
    {u"a\nb", 8, "characters that cannot be shown"},
    {u"a\x1b[2J", 12, "characters that cannot be shown"},
    {u"a\x009b", 6, "characters that cannot be shown"},
    {u"\xd83d\xde00", 6, "characters that cannot be shown"},
    {zeros, 1024, "more behind the end of its text"},
    {zeros, 1026, "more than 1024 bytes, of 0x402 bytes"},
    {zeros, 2000, "more than 1024 bytes"},
};

/* Each variable in turn; what holds once is gone all the same. */
static void test_malformed(void **state)
{
    static const char *const names[] = {ONCE, DEFAULT, SAVED, TIMEOUT, TIMEOUT_ONCE};
    char line[128];

    (void)state;
    for (size_t name = 0; name < COUNT(names); name++) {
        for (size_t i = 0; i < COUNT(bad_values); i++) {
            bool once = strstr(names[name], "OneShot") != NULL;

            good_world(strcmp(names[name], SAVED) == 0 ? "default @saved" : "default banana");
            fake_put_variable(names[name], LASTING, bad_values[i].bytes, bad_values[i].size);
            const struct boot_info *info = boot_well();
            assert_options(info, YELLOW, bad_values[i].words);
            snprintf(line, sizeof(line), "variable %s: holds %s", names[name], bad_values[i].words);
            if (!log_has(info, line))
                fail_msg("the log has no \"%s\"", line);
            assert_int_equal(fake_variable(names[name]) == NULL, once);
            assert_int_equal(fake.seconds, 0);
        }
    }
}

/* Sizes that firmware gives and that are not so. */
static void test_sizes_that_lie(void **state)
{
    static const UINTN sizes[] = {1, 5, 1023, 1025, 4096, UINT32_MAX, UINT64_MAX, UINT64_MAX - 1};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (int lies = 0; lies < 2; lies++) {
            good_world("default banana");
            put(ONCE, "apple.conf");
            put(TIMEOUT, "7");
            fake.said_variable_size = sizes[i];
            fake.variable_sizes_lie = lies;
            const struct boot_info *info = boot_well();
            assert_options(info, YELLOW, "size");
            assert_true(log_has(info, "variable " ONCE ": holds "));
            assert_true(log_has(info, "variable " TIMEOUT ": holds "));
        }
    }
}

/* What cannot be deleted would hold for ever. */
static void test_undeletable(void **state)
{
    (void)state;
    good_world("default banana");
    put(ONCE, "apple.conf");
    put(TIMEOUT_ONCE, "7");
    fake.variables_stay = true;
    const struct boot_info *info = boot_well();
    assert_options(info, YELLOW, "undeletable");
    assert_true(
        log_has(info, "variable " ONCE ": cannot be deleted (Write Protected): not heeded"));
    assert_true(log_has(info, "variable " TIMEOUT_ONCE ": cannot be deleted"));
    assert_int_equal(fake.seconds, 0);
}

static void test_no_variables(void **state)
{
    (void)state;
    good_world("default @saved");
    fake.no_variables = true;
    const struct boot_info *info = boot_well();
    assert_options(info, YELLOW, "none");
    assert_true(log_has(info, "variable " SAVED ": cannot be set to banana.conf (Unsupported)"));
    assert_false(log_has(info, "cannot be read"));
    assert_string_equal(fake.console, "");
}

/* Attributes are the variable's own: firmware refuses others. */
static void test_attributes(void **state)
{
    (void)state;
    good_world("default banana");
    fake_put_variable(ONCE, EFI_VARIABLE_BOOTSERVICE_ACCESS, u"apple.conf", 22);
    assert_options(boot_well(), APPLE, "attributes");
    assert_null(fake_variable(ONCE));
}

/* ---- the menu -------------------------------------------------------------------------- */

static void test_timeouts(void **state)
{
    static const struct {
        const char *conf, *timeout, *once;
        unsigned seconds; /* that the menu's clock runs; 0: it is not shown */
        const char *words;
    } rows[] = {
        {"timeout 5\n", NULL, NULL, 5, NULL},
        {"", "3", NULL, 3, NULL},
        {"timeout 5\n", "3", NULL, 3, NULL},
        {"timeout 5\n", "0", NULL, 0, NULL},
        {"timeout 5\n", "menu-hidden", NULL, 0, NULL},
        {"timeout menu-force\n", "3", NULL, 3, NULL},
        {"timeout menu-disabled\n", "3", NULL, 3, NULL},
        {"timeout 5\n", "menu-disabled", NULL, 0, NULL},
        {"timeout 5\n", NULL, "2", 2, NULL},
        {"timeout menu-disabled\n", "9", "2", 2, NULL},
        {"", "9", "menu-hidden", 0, NULL},
        {"timeout 5\n", "x", NULL, 5, TIMEOUT ": no timeout that could be heeded: x"},
        {"timeout 5\n", "3601", NULL, 5, TIMEOUT ": no timeout that could be heeded: 3601"},
        {"timeout 5\n", "-1", "1e3", 5, TIMEOUT_ONCE ": no timeout that could be heeded: 1e3"},
        {"timeout 5\n", "4", " 3", 4, TIMEOUT_ONCE ": no timeout that could be heeded:  3"},
    };
    char conf[64];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(conf, sizeof(conf), "%sdefault apple\n", rows[i].conf);
        good_world(conf);
        put(TIMEOUT, rows[i].timeout);
        put(TIMEOUT_ONCE, rows[i].once);
        const struct boot_info *info = boot_well();
        assert_options(info, APPLE, conf);
        assert_int_equal(fake.seconds, rows[i].seconds);
        assert_variable(TIMEOUT, rows[i].timeout);
        assert_variable(TIMEOUT_ONCE, NULL);
        if (rows[i].words != NULL && !log_has(info, rows[i].words))
            fail_msg("row %zu: the log has no \"%s\"", i, rows[i].words);
    }
}

/* Until a person chooses: for the word, and for 0 seconds asked for once. */
static void test_menu_is_asked_for(void **state)
{
    static const char *const asked[][2] = {
        {TIMEOUT, "menu-force"}, {TIMEOUT_ONCE, "menu-force"}, {TIMEOUT_ONCE, "0"}};

    (void)state;
    for (size_t i = 0; i < COUNT(asked); i++) {
        good_world("default apple\ntimeout 5\n");
        put(asked[i][0], asked[i][1]);
        fake_pause(1000);
        fake_press(1); /* up */
        fake_type("\r");
        assert_options(boot_well(), YELLOW, asked[i][0]);
        assert_int_equal(fake.seconds, 1000);
    }
}

/* Even of one entry, if it is asked for once. */
static void test_menu_of_one(void **state)
{
    (void)state;
    good_world("default apple\ntimeout 5\n");
    fake_remove(ENTRIES "/banana.conf");
    put(TIMEOUT_ONCE, "7");
    assert_options(boot_well(), APPLE, "one");
    assert_int_equal(fake.seconds, 7);
}

/* A key that is down is seen where the variable says that there is a menu, and only there. */
static void test_held_key(void **state)
{
    (void)state;
    for (int hidden = 0; hidden < 2; hidden++) {
        good_world(hidden ? "default apple\ntimeout menu-disabled\n"
                          : "default apple\ntimeout 5\n");
        put(TIMEOUT, hidden ? "menu-hidden" : "menu-disabled");
        fake.keys_at_once = true;
        fake_type("x");
        fake_pause(20);
        fake_type("\r");
        assert_options(boot_well(), APPLE, "held");
        assert_int_equal(fake.seconds, hidden ? 20 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries),        cmocka_unit_test(test_saving),
        cmocka_unit_test(test_exact_name),     cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_sizes_that_lie), cmocka_unit_test(test_undeletable),
        cmocka_unit_test(test_no_variables),   cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_timeouts),       cmocka_unit_test(test_menu_is_asked_for),
        cmocka_unit_test(test_menu_of_one),    cmocka_unit_test(test_held_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
