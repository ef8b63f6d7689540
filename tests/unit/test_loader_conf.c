/* common/boot_entry.c: loader.conf, good and bad. */
#include "entry_sample.h"

static const struct bad_row bad_confs[] = {
    {"", BOOT_ENTRY_EMPTY, 0, ""},
    {"#default x\n\n", BOOT_ENTRY_EMPTY, 0, ""},
    {"default\n", BOOT_ENTRY_NO_VALUE, 1, "default"},
    {"#\ntimeout \n", BOOT_ENTRY_NO_VALUE, 2, "timeout"},
    {"default a\ndefault b\n", BOOT_ENTRY_REPEATED, 2, "default"},
    {"timeout 0\ntimeout 0\n", BOOT_ENTRY_REPEATED, 2, "timeout"},
    {"timeout 3601", BOOT_ENTRY_BAD_NUMBER, 1, "3601"},
    {"timeout 42949672960", BOOT_ENTRY_BAD_NUMBER, 1, "42949672960"},
    {"timeout 18446744073709551617", BOOT_ENTRY_BAD_NUMBER, 1, "18446744073709551617"},
    {"timeout -1", BOOT_ENTRY_BAD_NUMBER, 1, "-1"},
    {"timeout 1 2", BOOT_ENTRY_BAD_NUMBER, 1, "1 2"},
    {"timeout 5s", BOOT_ENTRY_BAD_NUMBER, 1, "5s"},
    {"timeout 1/", BOOT_ENTRY_BAD_NUMBER, 1, "1/"},
    {"timeout :", BOOT_ENTRY_BAD_NUMBER, 1, ":"},
    {"timeout 0x5", BOOT_ENTRY_BAD_NUMBER, 1, "0x5"},
    {"default x\ntimeout soon\n", BOOT_ENTRY_BAD_NUMBER, 2, "soon"},
    {"timeout soon\ndefault\n", BOOT_ENTRY_BAD_NUMBER, 1, "soon"},
    {"editor maybe\n", BOOT_ENTRY_BAD_SWITCH, 1, "maybe"},
    {"editor\n", BOOT_ENTRY_NO_VALUE, 1, "editor"},
    {"editor no\neditor no\n", BOOT_ENTRY_REPEATED, 2, "editor"},
    {"auto-entries 2\n", BOOT_ENTRY_BAD_SWITCH, 1, "2"},
    {"auto-entries yes\nauto-entries yes\n", BOOT_ENTRY_REPEATED, 2, "auto-entries"},
    {"timeout menu\n", BOOT_ENTRY_BAD_NUMBER, 1, "menu"},
    {"timeout \x03", BOOT_ENTRY_BAD_CHARACTER, 1, "timeout "},
};

static void test_bad_confs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(bad_confs); i++) {
        const struct bad_row *row = &bad_confs[i];
        struct text file = exact_copy(row->file, strlen(row->file));
        struct loader_conf conf;
        struct boot_entry_error error;

        assert_int_equal(loader_conf_parse(file, &conf, &error), row->status);
        assert_error(&error, row);
        assert_int_equal(conf.timeout, 0);
        assert_int_equal(conf.default_pattern.length, 0);
        assert_int_equal(conf.menu, MENU_BY_TIMEOUT);
        assert_true(conf.editor && conf.auto_entries);
        release(file);
    }
}

static void test_confs(void **state)
{
    static const struct {
        const char *file;
        const char *pattern;
        unsigned timeout;
        enum menu_when menu;
        const char *off; /* switches */
    } rows[] = {
        {"default bestla-*.conf\ntimeout 3\n", "bestla-*.conf", 3, MENU_BY_TIMEOUT, ""},
        {"timeout 0", "", 0, MENU_BY_TIMEOUT, ""},
        {"timeout 3600", "", 3600, MENU_BY_TIMEOUT, ""},
        {"timeout menu-force\ndefault x\n", "x", 0, MENU_ALWAYS, ""},
        {"timeout menu-hidden", "", 0, MENU_BY_TIMEOUT, ""},
        {"timeout menu-disabled", "", 0, MENU_NEVER, ""},
        {"editor off\nauto-entries TRUE", "", 0, MENU_BY_TIMEOUT, "editor"},
        {"auto-entries 0\neditor y", "", 0, MENU_BY_TIMEOUT, "auto"},
        {"auto-entries f\neditor No", "", 0, MENU_BY_TIMEOUT, "editor auto"},
        {"timeout 0009", "", 9, MENU_BY_TIMEOUT, ""},
        {"\xef\xbb\xbf"
         "default\ta b\r\n",
         "a b", 0, MENU_BY_TIMEOUT, ""},
        {"editor no\nconsole-mode\n", "", 0, MENU_BY_TIMEOUT, "editor"},
        {"default x\ntimeouts 9\n", "x", 0, MENU_BY_TIMEOUT, ""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text file = exact_copy(rows[i].file, strlen(rows[i].file));
        struct loader_conf conf;
        struct boot_entry_error error;

        assert_int_equal(loader_conf_parse(file, &conf, &error), BOOT_ENTRY_OK);
        assert_int_equal(error.status, BOOT_ENTRY_OK);
        assert_text(conf.default_pattern, rows[i].pattern);
        assert_int_equal(conf.timeout, rows[i].timeout);
        assert_int_equal(conf.menu, rows[i].menu);
        assert_int_equal(conf.editor, strstr(rows[i].off, "editor") == NULL);
        assert_int_equal(conf.auto_entries, strstr(rows[i].off, "auto") == NULL);
        release(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_confs),
        cmocka_unit_test(test_confs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
