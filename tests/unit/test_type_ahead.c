/* kernel/console/type_ahead.c: order, fullness, and what ^C leaves. */
/* links: kernel/console/type_ahead.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "type_ahead.h"

static struct type_ahead ahead;

static size_t feed(const char *text)
{
    size_t interrupts = 0;

    for (; *text != '\0'; text++)
        interrupts += type_ahead_feed(&ahead, *text);
    return interrupts;
}

static void assert_kept(const char *text)
{
    char character;

    for (; *text != '\0'; text++) {
        assert_true(type_ahead_take(&ahead, &character));
        assert_int_equal(character, *text);
    }
    assert_false(type_ahead_take(&ahead, &character));
}

static void test_what_is_kept(void **state)
{
    static const struct {
        const char *typed, *kept;
        size_t interrupts;
    } rows[] = {
        {"", "", 0},
        {"map\rdump\r", "map\rdump\r", 0},
        {"\x03", "", 1},
        {"lost\r\x03", "", 1},
        {"lost\x03kept\r", "kept\r", 1},
        {"a\x03z\x03\x03~", "~", 3},
        {"\x02\x04\x7f\xff\x1b[A", "\x02\x04\x7f\xff\x1b[A", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(feed(rows[i].typed), rows[i].interrupts);
        assert_kept(rows[i].kept);
    }
}

/* The first are kept, wherever in the ring they begin; ^C is heard all the same. */
static void test_full(void **state)
{
    char character;

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        (void)feed("....");
        for (size_t i = 0; i < TYPE_AHEAD_MAX; i++)
            assert_int_equal(feed(i % 2 ? "x" : "y"), 0);
        for (size_t i = 0; i < 4; i++)
            assert_true(type_ahead_take(&ahead, &character) && character == '.');
        for (size_t i = 0; i < TYPE_AHEAD_MAX - 4; i++)
            assert_true(type_ahead_take(&ahead, &character) && character == (i % 2 ? 'x' : 'y'));
        assert_kept("");
    }
    for (size_t i = 0; i < TYPE_AHEAD_MAX + 10; i++)
        assert_int_equal(feed("x"), 0);
    assert_int_equal(feed("\x03"), 1);
    assert_kept("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
