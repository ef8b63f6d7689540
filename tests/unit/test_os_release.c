/* common/os_release.c: what a unified kernel image says of its system. */
#include "entry_sample.h"

#include "os_release.h"

static void test_fields(void **state)
{
    static const struct {
        const char *file, *title, *sort_key, *version;
    } rows[] = {
        {"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
         "VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n",
         "Debian GNU/Linux 12 (bookworm)", "debian", "12 (bookworm)"},
        {"ID=a\nIMAGE_ID=b\nNAME=c\nVERSION_ID=1\nIMAGE_VERSION=2\nVERSION=3\n", "b", "b", "2"},
        {"ID=a\nNAME=c\nVERSION_ID=1\nBUILD_ID=4", "c", "a", "1"},
        {"ID=a\nBUILD_ID=4\r\n", "a", "a", "4"},
        {"NAME=c", "c", "", ""},
        {"", "", "", ""},
        {"=\n\n==\nID\n ID = a\n#ID=b\nid=c\nIDX=d\n", "", "", ""},
        {"  ID=a  \n", "a", "a", ""},
        {"ID=a\nID=b\n", "b", "b", ""},
        {"ID=\nNAME=\"\"\n", "", "", ""},
        {"ID='a b'\n", "a b", "a b", ""},
        {"ID='a\\b'\n", "a\\b", "a\\b", ""},
        {"ID=\"a\\\"b\\\\c\\$d\\`e\\f\"\n", "a\"b\\c$d`e\\f", "a\"b\\c$d`e\\f", ""},
        {"ID=a\\ b\n", "a b", "a b", ""},
        {"ID=\"a\"b\n", "a", "a", ""},
        {"ID=\"a\n", "a", "a", ""},
        {"ID=\"\n", "", "", ""},
        {"ID=\"a\\\n", "a\\", "a\\", ""},
        {"ID=a=b\n", "a=b", "a=b", ""},
        {"ID=\xc3\xa9\nNAME=\xff\nVERSION=\x1b[2J\n", "\xc3\xa9", "\xc3\xa9", ""},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text file = exact_copy(rows[i].file, strlen(rows[i].file));
        struct os_release got;
        os_release_parse((char *)(uintptr_t)file.start, file.length, &got);
        assert_text(got.title, rows[i].title);
        assert_text(got.sort_key, rows[i].sort_key);
        assert_text(got.version, rows[i].version);
        release(file);
    }
}

static void test_lengths(void **state)
{
    char file[400] = "ID=";
    struct os_release got;

    (void)state;
    memset(file + 3, 'x', sizeof(file) - 3);
    os_release_parse(file, 3 + OS_RELEASE_VALUE_MAX, &got);
    assert_int_equal(got.title.length, OS_RELEASE_VALUE_MAX);
    os_release_parse(file, 4 + OS_RELEASE_VALUE_MAX, &got);
    assert_int_equal(got.title.length, 0);
}

/* Every value that is given can be shown and lies in the file. */
static void test_random(void **state)
{
    static const char *const words[] = {"ID=",  "NAME=", "PRETTY_NAME=", "VERSION=",  "\"", "'",
                                        "\\",   "\n",    "\r\n",         "#",         " ",  "x",
                                        "\xff", "=",     "\x1b",         "BUILD_ID=", "$",  ""};
    size_t titles = 0;

    (void)state;
    srandom(5);
    for (size_t i = 0; i < 50000; i++) {
        char bytes[256];
        size_t length = 0;
        for (size_t count = (size_t)random() % 16; count > 0; count--)
            length += (size_t)sprintf(bytes + length, "%s", words[(size_t)random() % ROWS(words)]);
        struct text file = exact_copy(bytes, length);
        struct os_release got;
        os_release_parse((char *)(uintptr_t)file.start, length, &got);
        assert_true(lies_in(got.title, file) && lies_in(got.version, file) &&
                    lies_in(got.sort_key, file));
        assert_int_equal(text_printable(got.title), got.title.length);
        titles += got.title.length != 0;
        release(file);
    }
    assert_in_range(titles, 5000, 45000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
