/* common/options.c: the words of the options line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* `value` NULL: not found. `bare`: option_is_set(). */
static const struct {
    const char *line;
    const char *name;
    const char *value;
    bool bare;
} rows[] = {
    {"", "verbose", NULL, false},
    {"   ", "verbose", NULL, false},
    {"verbose", "verbose", "", true},
    {" \tverbose\t ", "verbose", "", true},
    {"quiet verbose", "verbose", "", true},
    {"verbose quiet", "verbose", "", true},
    {"verbos", "verbose", NULL, false},
    {"verbosely", "verbose", NULL, false},
    {"very-verbose", "verbose", NULL, false},
    {"VERBOSE", "verbose", NULL, false},
    {"x=verbose", "verbose", NULL, false},
    {"directmap=full", "directmap", "full", false},
    {"directmap=full", "direct", NULL, false},
    {"directmap=", "directmap", "", false},
    {"directmap==", "directmap", "=", false},
    {"root=a=b", "root", "a=b", false},
    {"directmap=ram directmap=full", "directmap", "full", false},
    {"directmap=full directmap=ram", "directmap", "ram", false},
    {"directmap=full directmap", "directmap", "", true},
    {"directmap directmap=full", "directmap", "full", false},
    {"directmap=full directmapper=x", "directmap", "full", false},
    {"log=debug log", "log", "", true},
};

static struct text exact_copy(const char *string)
{
    size_t length = strlen(string);
    char *copy = length > 0 ? malloc(length) : NULL;

    if (length > 0)
        memcpy(copy, string, length);
    return (struct text){copy, length};
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text line = exact_copy(rows[i].line);
        struct text value = text_of("as it was");
        bool found = option_find(line, rows[i].name, &value);

        if (found != (rows[i].value != NULL))
            fail_msg("row %zu: \"%s\" in \"%s\"", i, rows[i].name, rows[i].line);
        if (!text_equal(value, text_of(found ? rows[i].value : "as it was")))
            fail_msg("row %zu: value of \"%s\" in \"%s\"", i, rows[i].name, rows[i].line);
        assert_int_equal(option_find(line, rows[i].name, NULL), found);
        assert_int_equal(option_is_set(line, rows[i].name), rows[i].bare);
        assert_int_equal(option_is(line, rows[i].name, found ? rows[i].value : ""),
                         found && !rows[i].bare);
        free((char *)(uintptr_t)line.start);
    }
}

static void test_exact_value(void **state)
{
    (void)state;
    assert_true(option_is(text_of("directmap=full"), "directmap", "full"));
    assert_false(option_is(text_of("directmap=full"), "directmap", "ful"));
    assert_false(option_is(text_of("directmap=full"), "directmap", "fully"));
    assert_false(option_is(text_of("directmap=full"), "directmap", "FULL"));
    assert_false(option_is(text_of("directmap=full"), "directmap", ""));
    assert_false(option_is(text_of("directmap=full directmap=ram"), "directmap", "full"));
}

static void test_no_line(void **state)
{
    struct text none = {0};

    (void)state;
    assert_false(option_find(none, "verbose", NULL));
    assert_false(option_is_set(none, "verbose"));
    assert_false(option_is(none, "verbose", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_exact_value),
        cmocka_unit_test(test_no_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
