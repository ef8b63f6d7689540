/* common/text.c: splitting, trimming and matching, the matcher against the C
 * library's fnmatch. */
#define _GNU_SOURCE 1
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void assert_text(struct text text, const char *expected)
{
    assert_int_equal(text.length, strlen(expected));
    assert_true(text.length == 0 || memcmp(text.start, expected, text.length) == 0);
}

/* On the heap and of exactly this size, so that a read past it is seen. */
static struct text exact_copy(const char *string)
{
    size_t length = strlen(string);
    char *copy = length > 0 ? malloc(length) : NULL;

    if (length > 0)
        memcpy(copy, string, length);
    return (struct text){copy, length};
}

static void release(struct text text)
{
    free((char *)(uintptr_t)text.start);
}

static void test_of(void **state)
{
    (void)state;
    assert_text(text_of("kernel"), "kernel");
    assert_text(text_of(""), "");
}

static void test_equal(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        bool equal;
        bool ignoring_case;
    } rows[] = {
        {"", "", true, true},
        {"kernel", "kernel", true, true},
        {"Kernel", "kERNEL", false, true},
        {"AZ", "az", false, true},
        {"kernel", "kerne", false, false},
        {"kerne", "kernel", false, false},
        {"", "k", false, false},
        {"kernel", "kernem", false, false},
        {"@[`{", "@[`{", true, true},
        {"@", "`", false, false}, /* the neighbours of the letters have no case */
        {"[", "{", false, false},
        {"\xc3\x89", "\xc3\xa9", false, false}, /* only ASCII folds */
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text a = exact_copy(rows[i].a);
        struct text b = exact_copy(rows[i].b);

        assert_int_equal(text_equal(a, b), rows[i].equal);
        assert_int_equal(text_equal_ignoring_case(a, b), rows[i].ignoring_case);
        release(a);
        release(b);
    }
}

/* A missing field is {NULL, 0}: every function takes it. */
static void test_null_start(void **state)
{
    struct text none = {0};
    struct text piece;

    (void)state;
    assert_true(text_equal(none, text_of("")));
    assert_true(text_equal(none, none));
    assert_false(text_equal(none, text_of("x")));
    assert_true(text_equal_ignoring_case(none, none));
    assert_true(text_matches(none, none));
    assert_true(text_matches(none, text_of("**")));
    assert_false(text_matches(none, text_of("?")));
    assert_false(text_matches(text_of("x"), none));
    assert_text(text_trim(none), "");
    assert_false(text_next_line(&none, &piece));
    assert_false(text_next_word(&none, &piece));
}

static void test_trim(void **state)
{
    static const struct {
        const char *text;
        const char *trimmed;
    } rows[] = {
        {"", ""},
        {" ", ""},
        {" \t\r", ""},
        {"a", "a"},
        {" a", "a"},
        {"a ", "a"},
        {"\t\r a b\r\t ", "a b"},
        {"a\tb", "a\tb"},
        {"\na\n", "\na\n"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text text = exact_copy(rows[i].text);

        assert_text(text_trim(text), rows[i].trimmed);
        release(text);
    }
}

/* The pieces joined by '|' say how often the function returned true. */
struct split_row {
    const char *text;
    const char *pieces;
};

static void check_splits(bool (*next)(struct text *, struct text *), const struct split_row *row)
{
    struct text text = exact_copy(row->text);
    struct text rest = text;
    struct text piece;
    char joined[64];
    size_t length = 0;

    while (next(&rest, &piece)) {
        memcpy(joined + length, piece.start, piece.length);
        length += piece.length;
        joined[length++] = '|';
    }
    assert_text((struct text){joined, length}, row->pieces);
    assert_int_equal(rest.length, 0);
    assert_false(next(&rest, &piece));
    release(text);
}

static void test_lines(void **state)
{
    static const struct split_row rows[] = {
        {"", ""},
        {"\n", "|"},
        {"a", "a|"},
        {"a\n", "a|"},
        {"a\nb", "a|b|"},
        {"a\n\nb\n", "a||b|"},
        {"a\r\nb\r\n", "a\r|b\r|"},
        {"\n\n", "||"},
        {" a b \n", " a b |"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        check_splits(text_next_line, &rows[i]);
}

static void test_words(void **state)
{
    static const struct split_row rows[] = {
        {"", ""},
        {" \t\r ", ""},
        {"a", "a|"},
        {" a", "a|"},
        {"a ", "a|"},
        {"one two\tthree\rfour", "one|two|three|four|"},
        {"  one \t two  ", "one|two|"},
        {"a\nb", "a\nb|"},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        check_splits(text_next_word, &rows[i]);
}

static void test_matches(void **state)
{
    static const struct {
        const char *text;
        const char *pattern;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"", "*", true},
        {"", "?", false},
        {"a", "", false},
        {"a", "?", true},
        {"ab", "?", false},
        {"bestla.conf", "BESTLA.*", true},
        {"BESTLA.CONF", "*.conf", true},
        {"bestla.conf", "*.con", false},
        {"bestla.conf", "bestla.conf*", true},
        {"bestla.conf", "bestla.conf?", false},
        {"bestla-1.2.conf", "bestla-*.?.conf", true},
        {"aXbXc", "a*X*c", true},
        {"abcabd", "*abd", true},
        {"a*b", "a*b", true},
        {"a?b", "a?b", true},
        {"[a]", "[a]", true}, /* brackets are no sets here */
        {"a", "[a]", false},
        {"a\\b", "a\\b", true},
        /* `?` is a whole character, and `*` stops between characters only */
        {"\xc3\xa9", "?", true},
        {"\xc3\xa9", "??", false},
        {"\xe2\x82\xac.conf", "?.conf", true},
        {"a\xf0\x9f\x98\x80z", "A?Z", true},
        {"\xc3\xa9", "*?", true},
        {"\xc3\xa9", "*??", false},
        {"x\xc3\xa9", "*??", true},
        {"\xc3\xa9", "?*?", false},
        {"\xc3\xa9", "*\xa9", false},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text text = exact_copy(rows[i].text);
        struct text pattern = exact_copy(rows[i].pattern);

        if (text_matches(text, pattern) != rows[i].matches)
            fail_msg("\"%s\" against \"%s\"", rows[i].text, rows[i].pattern);
        release(text);
        release(pattern);
    }
}

static void random_string(char *string, size_t limit, const char *alphabet)
{
    size_t length = (size_t)random() % limit;

    for (size_t i = 0; i < length; i++)
        string[i] = alphabet[(size_t)random() % strlen(alphabet)];
    string[length] = '\0';
}

static void test_matches_like_fnmatch(void **state)
{
    char string[12];
    char pattern[9];
    size_t matches = 0;

    (void)state;
    srandom(1);
    for (size_t i = 0; i < 300000; i++) {
        random_string(string, sizeof string, "abA.");
        random_string(pattern, sizeof pattern, "aB.**?");
        bool expected = fnmatch(pattern, string, FNM_CASEFOLD) == 0;

        matches += expected;
        if (text_matches(text_of(string), text_of(pattern)) != expected)
            fail_msg("\"%s\" against \"%s\"", string, pattern);
    }
    assert_in_range(matches, 10000, 290000);
}

/* A matcher that reconsiders every `*` would not come back from this. */
static void test_many_stars(void **state)
{
    char string[4096];
    char pattern[4096];

    (void)state;
    memset(string, 'a', sizeof string);
    for (size_t i = 0; i < sizeof pattern; i += 2)
        memcpy(pattern + i, "a*", 2);
    pattern[sizeof pattern - 1] = 'b';
    assert_false(
        text_matches((struct text){string, sizeof string}, (struct text){pattern, sizeof pattern}));
    pattern[sizeof pattern - 1] = 'a';
    assert_true(
        text_matches((struct text){string, sizeof string}, (struct text){pattern, sizeof pattern}));
}

/* Bytes up to what may not stand in a line. */
static void test_printable(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } rows[] = {
        {"", 0},
        {"a b\tc", 5},
        {"ab\ncd", 2},
        {"\x1b[2J", 0},
        {"a\x7f", 1},
        {"\xc3\xa9x", 3},
        {"x\xc2\x85", 1},
        {"x\xc3", 1},
        {"\xff", 0},
        {"x\x80", 1},
        {"\xc0\xaf", 0},
        {"\xed\xa0\xbd", 0},
        {"\xf0\x9f\x98\x80", 4},
        {"\xf4\x90\x80\x80", 0},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(text_printable(text_of(rows[i].text)), rows[i].length);
    assert_int_equal(text_printable((struct text){"a\0b", 3}), 1);
    assert_int_equal(text_printable((struct text){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_printable),
        cmocka_unit_test(test_of),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_null_start),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_matches_like_fnmatch),
        cmocka_unit_test(test_many_stars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
