/* kernel/console/utf8.c and terminal.c: what text becomes on a grid of cells. */
/* links: kernel/console/utf8.c kernel/console/terminal.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "terminal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- UTF-8 ----------------------------------------------------------------------------- */

#define BAD UTF8_REPLACEMENT

static void assert_decodes(const char *bytes, const uint32_t *codes, size_t count)
{
    struct utf8 decoder = {0};
    uint32_t got[32], two[2];
    size_t used = 0;

    for (; *bytes != '\0'; bytes++) {
        size_t now = utf8_feed(&decoder, (unsigned char)*bytes, two);
        assert_true(now <= 2);
        memcpy(got + used, two, now * sizeof(two[0]));
        used += now;
    }
    assert_int_equal(used, count);
    assert_memory_equal(got, codes, count * sizeof(codes[0]));
}

/* Each maximal part that cannot be a character is one U+FFFD (Unicode 15, 3.9, tables 3-8 to 3-11).
 */
static void test_utf8(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t codes[8];
        size_t count;
    } texts[] = {
        {"a\xc3\xa4\xe2\x94\x80\xf0\x9f\x98\x80z", {'a', 0xe4, 0x2500, 0x1f600, 'z'}, 5},
        {"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80", {0x7f, 0x80, 0x7ff, 0x800}, 4},
        {"\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", {0xd7ff, 0xe000, 0xffff}, 3},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", {0x10000, 0x10ffff}, 2},
        {"\x80\xbf", {BAD, BAD}, 2},  /* nothing begun */
        {"\xc3x", {BAD, 'x'}, 2},     /* cut short */
        {"\xe2\x94x", {BAD, 'x'}, 2}, /* one, not two */
        {"\xf0\x9f\x98x", {BAD, 'x'}, 2},
        {"\xe2\x94\xe2\x94\x80", {BAD, 0x2500}, 2}, /* what cuts it short begins another */
        {"\xc0\xaf", {BAD, BAD}, 2},                /* longer than need be */
        {"\xe0\x80\xaf", {BAD, BAD, BAD}, 3},
        {"\xf0\x80\x80\xaf", {BAD, BAD, BAD, BAD}, 4},
        {"\xed\xa0\x80", {BAD, BAD, BAD}, 3},          /* a surrogate */
        {"\xf4\x90\x80\x80", {BAD, BAD, BAD, BAD}, 4}, /* past U+10FFFF */
        {"\xf8\x88\xff\xfe", {BAD, BAD, BAD, BAD}, 4},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_decodes(texts[i].bytes, texts[i].codes, texts[i].count);
}

/* ---- a terminal of 10 by 4, and what it shows ------------------------------------------ */

#define COLUMNS 10U
#define ROWS    4U

struct grid {
    struct terminal terminal;
    cell_t *cells; /* of its own, so that ASan sees what lies beside it */
};

static struct grid open_grid(unsigned jump)
{
    struct grid grid = {.cells = malloc(COLUMNS * ROWS * sizeof(cell_t))};

    assert_non_null(grid.cells);
    terminal_open(&grid.terminal, grid.cells, COLUMNS, ROWS, jump);
    return grid;
}

static void write_text(struct grid *grid, const char *text)
{
    terminal_write(&grid->terminal, text, strlen(text));
}

/* The rows joined by `|`, spaces at their ends dropped; what is not ASCII as `#`. */
static const char *shown(const struct grid *grid)
{
    static char text[ROWS * (COLUMNS + 1) + 1];
    char *to = text;

    for (unsigned row = 0; row < ROWS; row++) {
        char *start = to;
        for (unsigned column = 0; column < COLUMNS; column++) {
            uint32_t code = cell_code(grid->cells[row * COLUMNS + column]);
            *to++ = code < 0x80 ? (char)code : '#';
        }
        while (to > start && to[-1] == ' ')
            to--;
        *to++ = '|';
    }
    to[-1] = '\0';
    return text;
}

/* What is written into an empty grid, what it then shows, and where the cursor is. */
static const struct {
    const char *text, *shows;
    unsigned column, row;
} sequences[] = {
    {"one\ntwo", "one|two||", 3, 1},
    {"abc\rX", "Xbc|||", 1, 0},
    {"abc\bX", "abX|||", 3, 0},
    {"\b\bX", "X|||", 1, 0},
    {"a\tb", "a       b|||", 9, 0},
    {"abcdefghi\tX", "abcdefghiX|||", 9, 0},
    /* The last column: the cursor stays until there is more. */
    {"0123456789", "0123456789|||", 9, 0},
    {"0123456789\nX", "0123456789|X||", 1, 1},
    {"0123456789X", "0123456789|X||", 1, 1},
    {"0123456789\rX", "X123456789|||", 1, 0},
    {"0123456789\x1b[DX", "01234567X9|||", 9, 0},
    /* Scrolling. */
    {"1\n2\n3\n4\n5", "2|3|4|5", 1, 3},
    {"1\n2\n3\n0123456789X", "2|3|0123456789|X", 1, 3},
    /* Moving, never out of the grid. */
    {"\x1b[2;3HX", "|  X||", 3, 1},
    {"\x1b[HX\x1b[99;99HY", "X|||         Y", 9, 3},
    {"\x1b[3fX", "||X|", 1, 2},
    {"\x1b[0;0HX", "X|||", 1, 0},
    {"\x1b[5CX\x1b[3DY", "   Y X|||", 4, 0},
    {"\x1b[2BX\x1b[AY", "| Y|X|", 2, 1},
    {"\x1b[99AX\x1b[99BY\x1b[99C\x1b[99DZ", "X|||ZY", 1, 3},
    {"ab\x1b[ExX\x1b[FY", "Yb|xX||", 1, 0},
    {"ab\x1b[8GX\x1b[2`Y", "aY     X|||", 2, 0},
    {"ab\x1b[3dX", "ab||  X|", 3, 2},
    {"ab\x1b[s\x1b[4;4H\x1b[uX\x1b"
     "7yz\x1b"
     "8Z",
     "abXZz|||", 4, 0},
    /* Erasing, without moving. */
    {"abcdef\x1b[3D\x1b[K", "abc|||", 3, 0},
    {"abcdef\x1b[3D\x1b[1K", "    ef|||", 3, 0},
    {"abcdef\x1b[3D\x1b[2KX", "   X|||", 4, 0},
    {"abcdef\x1b[4D\x1b[2X", "ab  ef|||", 2, 0},
    {"abcdef\x1b[4D\x1b[99X\n2", "ab|2||", 1, 1},
    {"11\n22\n33\x1b[2;2H\x1b[J", "11|2||", 1, 1},
    {"11\n22\n33\x1b[2;1H\x1b[1J", "| 2|33|", 0, 1},
    {"11\n22\n33\x1b[2JX", "||  X|", 3, 2},
    {"11\n22\x1b[H\x1b[2J", "|||", 0, 0},
    {"11\x1b[9J\x1b[9K", "11|||", 2, 0},
    /* What means nothing here disappears whole. */
    {"a\x1b[?25l\x1b[>1c\x1b[!pb", "ab|||", 2, 0},
    {"a\x1b]0;a title\x07"
     "b\x1b]8;;x\x1b\\c",
     "abc|||", 3, 0},
    {"a\x1bPq#0;\x1b[m\x1b\\b", "ab|||", 2, 0},
    {"a\x1b(Bb\x1b#8c\x1b=d\x1bMe", "abcde|||", 5, 0},
    {"a\x1b[2;5;3;4;5;6;7;8;9;10Hb", "ab|||", 2, 0},
    {"a\x1b[4294967298Cb", "a        b|||", 9, 0},
    {"a\x1b[1 qb\x1b[38:5:1mc", "abc|||", 3, 0},
    {"a\a\x01\x02\x0e\x0f\x7f"
     "b",
     "ab|||", 2, 0},
    /* A control character within a sequence is obeyed; another ESC begins anew. */
    {"a\x1b[\n2Cb", "a|  b||", 3, 1},
    {"a\x1b[2\x1b[Cb", "a b|||", 3, 0},
    {"a\x1b[\xc3\xa4"
     "b",
     "ab|||", 2, 0},
    /* Not ASCII; not even UTF-8; and C1, which nobody here sends. */
    {"\xe2\x94\x80\xff\xc3(\xc2\x9b"
     "1mA",
     "###(1mA|||", 7, 0},
    /* Of the line editor: kernel/monitor/line.c. */
    {"\r> ab\x1b[K\r\x1b[3C", "> ab|||", 3, 0},
    {"x\n\x1b[H\x1b[2J\r> \x1b[K\r\x1b[2C", ">|||", 2, 0},
};

static void test_sequences(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sequences); i++) {
        for (unsigned whole = 0; whole < 2; whole++) {
            struct grid grid = open_grid(1);
            const char *text = sequences[i].text;
            for (size_t at = 0; at < strlen(text) && !whole; at++)
                terminal_write(&grid.terminal, text + at, 1);
            if (whole)
                write_text(&grid, text);
            assert_string_equal(shown(&grid), sequences[i].shows);
            assert_int_equal(grid.terminal.column, sequences[i].column);
            assert_int_equal(grid.terminal.row, sequences[i].row);
            free(grid.cells);
        }
    }
}

static void test_jumps(void **state)
{
    struct grid grid = open_grid(3);

    (void)state;
    write_text(&grid, "1\n2\n3\n4\n5");
    assert_string_equal(shown(&grid), "4|5||");
    assert_int_equal(grid.terminal.row, 1);
    free(grid.cells);
}

/* A report's first lines are worth more than its last. */
static void test_hold(void **state)
{
    struct grid grid = open_grid(1);

    (void)state;
    grid.terminal.hold = true;
    write_text(&grid, "1\n2\n3\n0123456789");
    assert_false(grid.terminal.full);
    write_text(&grid, "X\n5\x1b[HY");
    assert_true(grid.terminal.full);
    assert_string_equal(shown(&grid), "1|2|3|0123456789");
    free(grid.cells);

    grid = open_grid(1);
    grid.terminal.hold = true;
    write_text(&grid, "1\n2\n3\n0123\n\x1b[m");
    assert_false(grid.terminal.full); /* nothing has been dropped */
    write_text(&grid, "5");
    assert_true(grid.terminal.full);
    assert_string_equal(shown(&grid), "1|2|3|0123");
    free(grid.cells);
}

/* ---- colours --------------------------------------------------------------------------- */

/* What `X` looks like after the text. */
static void test_renditions(void **state)
{
    static const struct {
        const char *text;
        unsigned ink, paper;
    } cases[] = {
        {"", 7, 0},
        {"\x1b[31m", 1, 0},
        {"\x1b[1;31m", 9, 0},
        {"\x1b[31m\x1b[1m", 9, 0},
        {"\x1b[1;31;22m", 1, 0},
        {"\x1b[1m", 15, 0},
        {"\x1b[1;93m", 11, 0},
        {"\x1b[97;41m", 15, 1},
        {"\x1b[37;104m", 7, 12},
        {"\x1b[31;47;7m", 7, 1},
        {"\x1b[31;47;7;27m", 1, 7},
        {"\x1b[31;42;39m", 7, 2},
        {"\x1b[31;42;49m", 1, 0},
        {"\x1b[1;31;42;7m\x1b[m", 7, 0},
        {"\x1b[1;31;42;7m\x1b[0m", 7, 0},
        {"\x1b[31;;32m", 2, 0}, /* an empty one is 0 */
        {"\x1b[38;5;12;48;5;3m", 12, 3},
        {"\x1b[38;5;200;41m", 7, 1},
        {"\x1b[38;2;31;32;33;41m", 7, 1},
        {"\x1b[38;2;31m", 7, 0},
        {"\x1b[38m\x1b[48;5m", 7, 0},
        {"\x1b[3;4;5;9;53;999m", 7, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct grid grid = open_grid(1);
        write_text(&grid, cases[i].text);
        write_text(&grid, "X");
        assert_int_equal(grid.cells[0], cell('X', cases[i].ink, cases[i].paper));
        free(grid.cells);
    }
}

/* Erasing leaves the paper that is set, and no ink; a space is the same whatever its ink. */
static void test_blanks(void **state)
{
    struct grid grid = open_grid(1);

    (void)state;
    write_text(&grid, "\x1b[31;44m \x1b[K\x1b[m\n");
    for (unsigned column = 0; column < COLUMNS; column++)
        assert_int_equal(grid.cells[column], cell(' ', 7, 4));
    terminal_set_ink(&grid.terminal, 11);
    write_text(&grid, "X Y");
    assert_int_equal(grid.cells[COLUMNS], cell('X', 11, 0));
    assert_int_equal(grid.cells[COLUMNS + 1], cell(' ', 7, 0));
    write_text(&grid, "\x1b[mZ");
    assert_int_equal(grid.cells[COLUMNS + 3], cell('Z', 7, 0));
    free(grid.cells);
}

/* ---- what its owner has to draw -------------------------------------------------------- */

static void assert_changes(struct grid *grid, const char *text, unsigned from, unsigned to)
{
    unsigned got_from, got_to;

    write_text(grid, text);
    terminal_take_changes(&grid->terminal, &got_from, &got_to);
    if (from >= to)
        assert_true(got_from >= got_to);
    else
        assert_true(got_from == from && got_to == to);
}

static void test_changes(void **state)
{
    struct grid grid = open_grid(1);

    (void)state;
    assert_changes(&grid, "", 0, ROWS);
    assert_changes(&grid, "", 0, 0);
    assert_changes(&grid, "\n\x1b[m\x1b[1C", 0, 0);
    assert_changes(&grid, "x", 1, 2);
    assert_changes(&grid, "\nx\x1b[Hx", 0, 3);
    assert_changes(&grid, "\x1b[2;1H\x1b[J", 1, ROWS);
    assert_changes(&grid, "\x1b[4;1H\n", 0, ROWS);
    free(grid.cells);
}

/* Whatever comes, no cell outside of the grid is touched (ASan looks), the cursor stays within, and
 * what was a character can be drawn. */
static void test_any_bytes(void **state)
{
    static const char alphabet[] =
        "\x1b\x1b\x1b[[;;?0123456789ABCDEFGHJKXdfmsu`\n\r\t\b]P\\\x07\xe2\x94\x80\xff\xf0 x";
    uint32_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct grid grid = open_grid(1 + round % ROWS);
        grid.terminal.hold = round % 5 == 0;
        for (unsigned i = 0; i < 500; i++) {
            random = random * 1664525U + 1013904223U;
            char byte =
                round % 2 ? (char)(random >> 24) : alphabet[(random >> 16) % (COUNT(alphabet) - 1)];
            terminal_write(&grid.terminal, &byte, 1);
            assert_true(grid.terminal.column < COLUMNS && grid.terminal.row < ROWS);
        }
        for (unsigned i = 0; i < COLUMNS * ROWS; i++)
            assert_true(cell_code(grid.cells[i]) >= ' ' && cell_code(grid.cells[i]) <= 0x10ffff);
        free(grid.cells);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),       cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_jumps),      cmocka_unit_test(test_hold),
        cmocka_unit_test(test_renditions), cmocka_unit_test(test_blanks),
        cmocka_unit_test(test_changes),    cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
