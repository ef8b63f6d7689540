/* common/edit_line.c: keys in, a line out, against a model; and the window over it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "edit_line.h"

#define ROOM 12

/* One letter a key. */
static void press(struct edit_line *line, char key)
{
    switch (key) {
    case '<':
        edit_step(line, -1);
        break;
    case '>':
        edit_step(line, 1);
        break;
    case '[':
        edit_go(line, 0);
        break;
    case ']':
        edit_go(line, SIZE_MAX);
        break;
    case 'B':
        edit_erase_before(line);
        break;
    case 'D':
        edit_erase_at(line);
        break;
    case 'U':
        edit_erase_start(line);
        break;
    case 'K':
        edit_erase_end(line);
        break;
    case 'W':
        edit_erase_word(line);
        break;
    default:
        (void)edit_insert(line, (uint16_t)key);
    }
}

static void test_keys(void **state)
{
    static const struct {
        const char *before, *keys, *after; /* `|` is the cursor */
    } rows[] = {
        {"", "abc", "abc|"},
        {"abc", "<<x", "ax|bc"},
        {"abc", "[x", "x|abc"},
        {"abc", "[<<x", "x|abc"},
        {"abc", ">>x", "abcx|"},
        {"abc", "[]x", "abcx|"},
        {"abc", "B", "ab|"},
        {"abc", "[B", "|abc"},
        {"abc", "[D", "|bc"},
        {"abc", "D", "abc|"},
        {"abc", "<D", "ab|"},
        {"abc", "<U", "|c"},
        {"abc", "<K", "ab|"},
        {"abc", "[>K", "a|"},
        {"", "BDUKW<>[]", "|"},
        {"a bc", "W", "a |"},
        {"a bc  ", "W", "a |"},
        {"a bc", "WW", "|"},
        {"a bc", "<W", "a |c"},
        {"  ", "W", "|"},
        {"a b", "<<W", "| b"},
        {"123456789012", "x", "123456789012|"},
        {"123456789012", "Bx", "12345678901x|"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t *units = calloc(ROOM, sizeof(*units));
        size_t length = strlen(rows[i].before);
        char got[ROOM + 2] = "";

        for (size_t at = 0; at < length; at++)
            units[at] = (uint16_t)rows[i].before[at];
        struct edit_line line = edit_line_of(units, length, ROOM, ROOM);
        for (const char *key = rows[i].keys; *key != '\0'; key++)
            press(&line, *key);
        for (size_t at = 0, used = 0; at <= line.length; at++) {
            if (at == line.cursor)
                got[used++] = '|';
            if (at < line.length)
                got[used++] = (char)units[at];
        }
        assert_string_equal(got, rows[i].after);
        assert_int_equal(line.bytes, line.length);
        free(units);
    }
}

/* What the line takes in UTF-8 is bounded too, and known after any edit. */
static void test_bytes(void **state)
{
    uint16_t units[8] = {0x20ac, 'a', 0xe9};
    struct edit_line line = edit_line_of(units, 3, 8, 8);

    (void)state;
    assert_int_equal(line.bytes, 6);
    assert_false(edit_insert(&line, 0x20ac));
    assert_true(edit_insert(&line, 0x7ff));
    assert_false(edit_insert(&line, 'b'));
    assert_int_equal(line.length, 4);
    edit_go(&line, 0);
    edit_erase_at(&line);
    assert_int_equal(line.bytes, 5);
    assert_true(edit_insert(&line, 0x800));
    assert_int_equal(line.bytes, 8);
    edit_erase_end(&line);
    edit_erase_before(&line);
    assert_int_equal(line.bytes, 0);
}

static void test_what_cannot_be_printed(void **state)
{
    static const uint16_t refused[] = {0, 1, 0x1f, 0x7f, 0x80, 0x9f, 0xd800, 0xdfff};
    static const uint16_t taken[] = {0x20, 0x7e, 0xa0, 0xd7ff, 0xe000, 0xffff};
    uint16_t units[8];
    struct edit_line line = edit_line_of(units, 0, 8, 100);

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(edit_insert(&line, refused[i]));
    assert_int_equal(line.length, 0);
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        assert_true(edit_insert(&line, taken[i]));
}

/* Whatever is pressed, the cursor is in the window, and the window moves no more than it must. */
static void test_window(void **state)
{
    static const char keys[] = "ab c<>[]BDUKWxyz<<<>>";
    uint16_t units[64];
    struct edit_line line = edit_line_of(units, 0, 64, 64);

    (void)state;
    srand(7);
    for (int i = 0; i < 20000; i++) {
        size_t before = line.first, columns = 1 + (size_t)(i / 5000) * 5;
        press(&line, keys[(size_t)rand() % (sizeof(keys) - 1)]);
        assert_true(line.length <= 64 && line.cursor <= line.length && line.bytes == line.length);
        edit_scroll(&line, columns);
        assert_true(line.cursor >= line.first && line.cursor - line.first < columns);
        if (line.cursor >= before && line.cursor - before < columns)
            assert_int_equal(line.first, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_what_cannot_be_printed),
        cmocka_unit_test(test_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
