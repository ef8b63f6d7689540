/* common/boot_entry.c on files that are truncated, damaged or random. */
#include "entry_sample.h"

static void test_nul_bytes(void **state)
{
    static const char line[] = "kernel /k\n# comment\ntitle t\n";

    (void)state;
    for (size_t at = 0; at < sizeof line - 1; at++) {
        struct text file = exact_copy(line, sizeof line - 1);
        struct boot_entry entry;
        struct boot_entry_error error;

        ((char *)(uintptr_t)file.start)[at] = '\0';
        assert_int_equal(boot_entry_parse(file, &entry, &error), BOOT_ENTRY_BAD_CHARACTER);
        assert_ptr_equal(error.text.start + error.text.length, file.start + at);
        release(file);
    }
}

/* `filler` bytes in a line between a short one and the kernel's. */
static enum boot_entry_status check_promises(const void *bytes, size_t length)
{
    struct text file = exact_copy(bytes, length);
    struct boot_entry entry;
    struct boot_entry_error error;
    struct loader_conf conf;
    struct text path, words;
    char options[64];
    enum boot_entry_status status = boot_entry_parse(file, &entry, &error);

    assert_int_equal(status, error.status);
    assert_true(lies_in(error.text, file));
    assert_int_equal(status == BOOT_ENTRY_OK, entry.program.length > 0);
    assert_true(lies_in(entry.program, file) && lies_in(entry.title, file));
    assert_true(status != BOOT_ENTRY_OK || strchr("/\\", entry.program.start[0]));
    for (struct text rest = entry.file; boot_entry_next_module(&rest, &path, &words);) {
        assert_true(lies_in(path, file) && lies_in(words, file));
        assert_non_null(strchr("/\\", path.start[0]));
    }
    if (boot_entry_options(&entry, options, sizeof options) == BOOT_ENTRY_OK)
        assert_true(strlen(options) < sizeof options);
    if (loader_conf_parse(file, &conf, &error) == BOOT_ENTRY_OK)
        assert_true(lies_in(conf.default_pattern, file) && conf.timeout <= 3600);
    release(file);
    return status;
}

static void test_truncated(void **state)
{
    static const char *const files[] = {
        good,
        "\xef\xbb\xbftitle \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\r\nkernel /k\r\noptions a\r\n",
        "default *.conf\ntimeout 3\n",
    };

    (void)state;
    for (size_t i = 0; i < ROWS(files); i++) {
        for (size_t length = 0; length <= strlen(files[i]); length++)
            check_promises(files[i], length);
    }
}

static void test_damaged(void **state)
{
    char bytes[sizeof good];
    size_t refused = 0;

    (void)state;
    srandom(1);
    for (size_t i = 0; i < 30000; i++) {
        memcpy(bytes, good, sizeof good);
        for (size_t count = 1 + (size_t)random() % 3; count > 0; count--)
            bytes[(size_t)random() % (sizeof good - 1)] =
                "\n\r\t \0#/\\.k\x80\xe2\xff"[random() % 13];
        refused += check_promises(bytes, strlen(good)) != BOOT_ENTRY_OK;
    }
    assert_in_range(refused, 5000, 29000);
}

static void test_random_bytes(void **state)
{
    unsigned char bytes[64];

    (void)state;
    srandom(2);
    for (size_t i = 0; i < 100000; i++) {
        size_t length = (size_t)random() % sizeof bytes;

        for (size_t at = 0; at < length; at++)
            bytes[at] = (unsigned char)random();
        check_promises(bytes, length);
    }
}

/* Words of the syntax in any order reach deeper than bytes do. */
static void test_random_words(void **state)
{
    static const char *const words[] = {
        "kernel ",  "kernel",   "module ", "options ", "title ",   "version ",
        "default ", "timeout ", "\n",      "\n",       "\r\n",     "\n\n",
        "#",        " ",        "\t",      "/k",       "\\m",      "/../",
        "..",       "3600",     "3601",    "x",        "\xc3\xa9", "\xef\xbb\xbf",
    };
    size_t accepted = 0;

    (void)state;
    srandom(3);
    for (size_t i = 0; i < 100000; i++) {
        char bytes[128];
        size_t length = 0;

        for (size_t count = (size_t)random() % 14; count > 0; count--)
            length += (size_t)sprintf(bytes + length, "%s", words[(size_t)random() % ROWS(words)]);
        accepted += check_promises(bytes, length) == BOOT_ENTRY_OK;
    }
    assert_in_range(accepted, 500, 99000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nul_bytes),    cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),      cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_random_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
