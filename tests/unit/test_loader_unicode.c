/* loader/unicode.c: what is no UTF-8 too, as where a row of the menu cuts a character in two. Every
 * text ends where its memory ends. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include "boot.h" /* before cmocka.h, which makes `fail` a macro */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_characters(void **state)
{
    static const struct {
        const char *bytes;
        const CHAR16 *units;
    } cases[] = {
        {"a~", u"a~"},
        {"\xc3\xa4\xe2\x82\xac!", u"\u00e4\u20ac!"},
        {"\xe0\xa0\x80", u"\u0800"},
        {"\xf0\x9f\x98\x80z", u"?z"}, /* no UCS-2 */
        {"\xa0\x80", u"?"},           /* the end of U+0800 */
        {"\x80\x80\x80\x80z", u"?z"},
        {"\xa0@", u"?@"},
        {"\xe2\x82", u"?"}, /* and the start of another */
        {"\xe2", u"?"},
        {"\xe2(\xac", u"?(?"},
        {"\xc0\x80", u"?"}, /* longer than need be */
        {"\xe0\x80\x80z", u"?z"},
        {"\xc1\xbf\xe0\x9f\xbf", u"??"},
        {"\xed\xa0\x80", u"?"}, /* a surrogate */
        {"\xff\xfe", u"??"},
        {"\x01\tx", u"??x"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t length = strlen(cases[i].bytes), units = 0;
        char *copy = malloc(length);
        assert_non_null(copy);
        memcpy(copy, cases[i].bytes, length);
        for (struct text rest = {copy, length}; rest.length > 0; units++) {
            size_t before = rest.length;
            assert_int_equal(next_utf16(&rest), cases[i].units[units]);
            assert_true(rest.length < before);
        }
        assert_int_equal(cases[i].units[units], 0);
        free(copy);
    }
}

/* A file's name is any units: what firmware told leads to the file again. */
static void test_names_come_back(void **state)
{
    static const CHAR16 names[][4] = {
        u"a\u00e4\u20ac", {0xd83d, 0xde00, 'x'}, {0xde00}, {0xffff, 1}};
    char name[FILE_NAME_MAX];
    CHAR16 back[4];

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_not_equal(utf8_from_utf16(names[i], 4, name, sizeof(name)), 0);
        assert_int_not_equal(utf16_from_utf8(text_of(name), back, 4), 0);
        assert_memory_equal(back, names[i], sizeof(back[0]) * 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_names_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
