/* kernel/console/text_flow.c: where lines break, which of them are left out, and that nothing else
 * is changed. */
/* links: kernel/console/text_flow.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "text_flow.h"

#define MANY  UINT32_C(1000)
#define VALUE "0123456789abcdef"

static char out[1 << 16];
static size_t used;

static void keep(void *context, const char *text, size_t length)
{
    assert_ptr_equal(context, out);
    assert_true(length < sizeof(out) - used);
    memcpy(out + used, text, length);
    used += length;
    out[used] = '\0';
}

static size_t flow(struct flow_shape shape, unsigned *row, const char *text)
{
    used = 0;
    out[0] = '\0';
    return flow_text(&shape, row, text_of(text), keep, out);
}

/* ---- one width ------------------------------------------------------------------------------- */

static const struct {
    unsigned columns;
    const char *text, *rows;
} lines[] = {
    {10, "", ""},
    {10, "one\n", "one\n"},
    {10, "no end", "no end\n"},
    {10, "\n\nx\n", "\n\nx\n"},
    {10, "ten of 10.\n", "ten of 10.\n"},
    {10, "ten of 10. and\n", "ten of 10.\n  and\n"},
    {10, "one two three four\n", "one two\n  three\n  four\n"},
    {10, "0123456789abcdef\n", "0123456789\n  abcdef\n"},
    {10, "a 0123456789abc\n", "a\n  01234567\n  89abc\n"},
    {12, "  in one two\n", "  in one two\n"},
    {12, "  in one two three\n", "  in one two\n    three\n"},
    {12, "      deep one\n", "      deep\none\n"}, /* half a row is left at least */
    {12, "trailing    \n", "trailing    \n"},
    {12, "trailing here    \n", "trailing\n  here    \n"},
    {4, "        x\n", "    \nx\n"},
    {1, "abc\n", "a\nb\nc\n"},
    {3, "a b c d\n", "a b\nc d\n"},
    {80, "  RAX " VALUE "  RBX " VALUE "  RCX " VALUE "\n  R8  " VALUE "\n",
     "  RAX " VALUE "  RBX " VALUE "  RCX " VALUE "\n  R8  " VALUE "\n"},
    {65, "  RAX " VALUE "  RBX " VALUE "  RCX " VALUE "\n  R8  " VALUE "\nend\n",
     "  RAX " VALUE "  RBX " VALUE "\n  RCX " VALUE "  R8  " VALUE "\nend\n"},
    {21, "  RAX " VALUE "  R8  " VALUE "\n", "  RAX " VALUE "\n  R8  " VALUE "\n"},
    {88, "x\n  RAX " VALUE "\n  R8  " VALUE "\n", "x\n  RAX " VALUE "  R8  " VALUE "\n"},
    /* None of these is a row of registers. */
    {24, "  RAX " VALUE " \n", "  RAX " VALUE " \n"},
    {24, "  RAX 0123456789ABCDEF  RBX " VALUE "\n", "  RAX 0123456789ABCDEF\n    RBX " VALUE "\n"},
    {24, "   AX " VALUE "  RBX " VALUE "\n", "   AX " VALUE "\n     RBX\n     " VALUE "\n"},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        unsigned row = 0;
        struct flow_shape shape = {MANY, lines[i].columns, MANY, 1};
        assert_int_equal(flow(shape, &row, lines[i].text), 0);
        assert_string_equal(out, lines[i].rows);
    }
}

/* ---- two, and an end ------------------------------------------------------------------------- */

static const struct {
    struct flow_shape shape;
    unsigned row;
    const char *text, *rows;
    size_t left_out;
} pages[] = {
    {{5, 10, 2, 5}, 0, "one two six\nsix of ten\n", "one two\n  six\nsix\n  of\n  ten\n", 0},
    {{4, 10, 2, 5}, 0, "one two six\nsix of ten\n", "one two\n  six\n", 1},
    {{4, 10, 2, 5}, 1, "12345 789\n12345 7\n9\n", "12345 789\n", 2},
    {{3, 10, 3, 1}, 0, "a\nb\nc\n", "a\nb\nc\n", 0},
    {{3, 10, 3, 1}, 0, "a\nb\nc\nd\n", "a\nb\n", 2},
    {{3, 10, 3, 1}, 0, "a\nb\nc\nd", "a\nb\n", 2},
    {{3, 10, 3, 1}, 0, "a\n0123456789 0123456789 0123456789\nd\n", "a\n", 2},
    {{3, 10, 3, 1}, 2, "a\n", "a\n", 0},
    {{3, 10, 3, 1}, 2, "a\nb\n", "", 2},
    {{3, 10, 3, 1}, 3, "a\nb\n", "", 2},
    {{3, 10, 3, 1}, 3, "", "", 0},
    {{3, 44, 1, 22},
     0,
     "  RAX " VALUE "  RBX " VALUE "  RCX " VALUE "\n  R8  " VALUE "\n",
     "  RAX " VALUE "  RBX " VALUE "\n  RCX " VALUE "\n  R8  " VALUE "\n",
     0},
    /* Registers are written as far as they go. */
    {{3, 22, 3, 1},
     0,
     "  RAX " VALUE "  RBX " VALUE "\n  RCX " VALUE "  R8  " VALUE "\nx\n",
     "  RAX " VALUE "\n  RBX " VALUE "\n",
     2},
    {{2, 22, 2, 1},
     0,
     "  RAX " VALUE "  RBX " VALUE "\n  RCX " VALUE "\nx\n",
     "  RAX " VALUE "\n",
     3},
};

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        unsigned row = pages[i].row, silent = row, written = 0;
        assert_int_equal(flow(pages[i].shape, &row, pages[i].text), pages[i].left_out);
        assert_string_equal(out, pages[i].rows);
        for (const char *at = out; *at != '\0'; at++)
            written += *at == '\n';
        assert_int_equal(row, pages[i].row + written);
        assert_int_equal(flow_text(&pages[i].shape, &silent, text_of(pages[i].text), NULL, NULL),
                         pages[i].left_out);
        assert_int_equal(silent, row);
    }
}

/* ---- whatever the text and the shape --------------------------------------------------------- */

static void make_text(char *text, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++)
        text[i] = "   \n0123456789abcdefghijklmnop"[rand() % 30];
    text[size - 1] = '\0';
}

/* The next character that is no blank. */
static const char *next_letter(const char *at)
{
    return at + strspn(at, " \n");
}

static void test_random(void **state)
{
    char text[400];

    (void)state;
    srand(1);
    for (size_t round = 0; round < 20000; round++) {
        struct flow_shape shape = {(unsigned)(rand() % 40), (unsigned)(rand() % 60 + 1),
                                   (unsigned)(rand() % 40), (unsigned)(rand() % 60 + 1)};
        unsigned row = (unsigned)(rand() % 5), at_row = row;
        make_text(text, (size_t)(rand() % 399 + 1));
        size_t left_out = flow(shape, &row, text), length = 0;
        assert_true(row <= shape.rows || row == at_row);
        assert_true(left_out == 0 || row < shape.rows || row == at_row);
        const char *a = next_letter(text), *b = next_letter(out);
        for (; *b != '\0'; a = next_letter(a + 1), b = next_letter(b + 1))
            assert_int_equal(*a, *b); /* nothing is lost or in another order */
        assert_true(left_out != 0 || *a == '\0');
        for (b = out; *b != '\0'; b++) {
            length = *b == '\n' ? 0 : length + 1;
            assert_true(length <=
                        (at_row < shape.narrow_from ? shape.columns : shape.narrow_columns));
            at_row += *b == '\n';
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
