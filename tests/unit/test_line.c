/* kernel/monitor/line.c and complete.c against a terminal: what is on the screen must be what is
 * in the line. */
/* links: kernel/monitor/line.c kernel/monitor/complete.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line.h"

#define PROMPT "> "

/* ---- a terminal of one row that counts ------------------------------------------------------ */

static struct {
    char row[LINE_COLUMNS + 1];
    size_t column, bells, rows, clears, drawn;
    char listed[4096]; /* the rows before this one */
    enum { PLAIN, ESCAPE, SEQUENCE } state;
    unsigned parameter;
} screen;

static void end_row(void)
{
    size_t used = strlen(screen.listed);

    snprintf(screen.listed + used, sizeof(screen.listed) - used, "%.*s\n",
             (int)strcspn(screen.row, "\1"), screen.row);
    memset(screen.row, 1, LINE_COLUMNS);
    screen.column = 0;
    screen.rows++;
}

static void run_sequence(char final)
{
    if (final == 'K')
        memset(screen.row + screen.column, 1, LINE_COLUMNS - screen.column);
    else if (final == 'C')
        screen.column += screen.parameter;
    else if (final == 'J' && screen.parameter == 2)
        screen.clears++;
    else
        assert_true(final == 'H');
    assert_true(screen.column < LINE_COLUMNS);
}

static void show(char c)
{
    if (screen.state == ESCAPE) {
        assert_int_equal(c, '[');
        screen.state = SEQUENCE;
        screen.parameter = 0;
    } else if (screen.state == SEQUENCE && c >= '0' && c <= '9') {
        screen.parameter = screen.parameter * 10 + (unsigned)(c - '0');
    } else if (screen.state == SEQUENCE) {
        run_sequence(c);
        screen.state = PLAIN;
    } else if (c == 0x1b) {
        screen.state = ESCAPE;
    } else if (c == '\n') {
        end_row();
    } else if (c == '\r') {
        screen.column = 0;
    } else if (c == '\a') {
        screen.bells++;
    } else {
        assert_true(c >= ' ' && c < 0x7f);
        screen.row[screen.column++] = c;
        if (screen.rows == 0) /* a list may be as long as it likes */
            assert_true(screen.column < LINE_COLUMNS);
        screen.column %= LINE_COLUMNS;
    }
}

static void draw(void *context, const char *text, size_t length)
{
    (void)context;
    screen.drawn += length;
    for (size_t i = 0; i < length; i++)
        show(text[i]);
}

/* ---- the line ------------------------------------------------------------------------------- */

static void complete(void *context, struct text before, struct text word,
                     struct line_completion *completion)
{
    static const char *const words[] = {"map", "mem", "memory", "walk"};

    (void)context, (void)word;
    for (size_t i = 0; i < 4 && before.length == 0; i++)
        line_completion_add(completion, text_of(words[i]));
    if (before.length != 0)
        line_completion_add(completion, text_of("argument"));
}

static const struct line_user user = {.prompt = PROMPT, .draw = draw, .complete = complete};
static struct line line;

static void fresh(void)
{
    memset(&screen, 0, sizeof(screen));
    memset(screen.row, 1, LINE_COLUMNS);
    line_init(&line, &user);
    line_begin(&line);
}

static enum line_event type(const char *keys)
{
    enum line_event event = LINE_MORE;

    for (; *keys != '\0'; keys++)
        event = line_feed(&line, *keys);
    return event;
}

static void assert_shown(const char *text, size_t cursor)
{
    size_t columns = LINE_COLUMNS - 1 - strlen(PROMPT);
    size_t from =
        screen.column < strlen(PROMPT) + cursor ? strlen(PROMPT) + cursor - screen.column : 0;
    char row[LINE_COLUMNS + 1];

    assert_string_equal(line.text, text);
    assert_int_equal(line.cursor, cursor);
    snprintf(row, sizeof(row), PROMPT "%.*s", (int)columns, text + from);
    assert_int_equal(strcspn(screen.row, "\1"), strlen(row));
    assert_memory_equal(screen.row, row, strlen(row));
    assert_int_equal(screen.column, strlen(PROMPT) + cursor - from);
}

/* ---- keys ----------------------------------------------------------------------------------- */

#define UP     "\x1b[A"
#define DOWN   "\x1b[B"
#define RIGHT  "\x1b[C"
#define LEFT   "\x1b[D"
#define HOME   "\x1b[H"
#define END    "\x1b[F"
#define DELETE "\x1b[3~"

static void keys_do_what_they_say(void **state)
{
    static const struct {
        const char *keys, *text;
        size_t cursor;
    } rows[] = {
        {"", "", 0},
        {"map", "map", 3},
        {"map" LEFT "x", "maxp", 3},
        {"map" LEFT LEFT LEFT LEFT LEFT "x", "xmap", 1},
        {"map" LEFT RIGHT RIGHT "x", "mapx", 4},
        {"map" HOME "x" END "y", "xmapy", 5},
        {"map\x1b[1~x\x1b[4~y", "xmapy", 5},
        {"map\x1bOHx\x1bOFy", "xmapy", 5},
        {"map\x01x\x05y", "xmapy", 5},
        {"map\x02x\x06y", "maxpy", 5},
        {"map\b", "ma", 2},
        {"map\x7f\x7f\x7f\x7f", "", 0},
        {"map" HOME DELETE, "ap", 0},
        {"map" DELETE, "map", 3},
        {"map" HOME "\x04\x04", "p", 0},
        {"one two  three\x17", "one two  ", 9},
        {"one two  \x17", "one ", 4},
        {"one two" LEFT "\x17", "one o", 4},
        {"one two\x15", "", 0},
        {"one two" LEFT LEFT "\x15", "wo", 0},
        {"one two" LEFT LEFT "\x0b", "one t", 5},
        {"one" HOME "\x0b", "", 0},
        {"a\tb", "ab", 2}, /* nothing begins with a: no completion */
        {"one\x1b[5~\x1b[6~\x1b[99;5X\x1bZ\x1b[1;5Ctwo", "onetwo", 6},
        {"one\x1b\x1b\x1b[Dx", "onxe", 3},
        {"\x80\xff\x01\x02\x03x", "x", 1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh();
        for (const char *key = rows[i].keys; *key != '\0'; key++) {
            if (line_feed(&line, *key) != LINE_MORE)
                line_begin(&line);
        }
        assert_shown(rows[i].text, rows[i].cursor);
    }
}

static void a_line_ends_once(void **state)
{
    (void)state;
    fresh();
    assert_int_equal(type("map\r"), LINE_DONE);
    assert_true(text_equal(line_text(&line), text_of("map")));
    line_begin(&line);
    assert_int_equal(type("\n"), LINE_MORE); /* of CR LF */
    assert_int_equal(type("walk\n"), LINE_DONE);
    line_begin(&line);
    assert_int_equal(type("\n"), LINE_DONE);
    line_begin(&line);
    assert_int_equal(type("half\x03"), LINE_CANCELLED);
    line_begin(&line);
    assert_shown("", 0);
    assert_null(line_history(&line, 3));
    assert_string_equal(line_history(&line, 2), "map");
}

static void the_screen_is_cleared(void **state)
{
    (void)state;
    fresh();
    type("one" LEFT "\x0c");
    assert_int_equal(screen.clears, 1);
    assert_shown("one", 2);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void what_is_too_long_is_not_run(void **state)
{
    char most[LINE_LENGTH_MAX + 1];
    (void)state;

    memset(most, 'm', LINE_LENGTH_MAX);
    most[LINE_LENGTH_MAX] = '\0';
    fresh();
    type(most);
    assert_shown(most, LINE_LENGTH_MAX);
    assert_int_equal(screen.bells, 0);
    assert_int_equal(type("\r"), LINE_DONE);

    line_begin(&line);
    size_t before = screen.drawn;
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(line_feed(&line, 'x'), LINE_MORE);
    assert_int_equal(screen.bells, 1);
    assert_true(screen.drawn - before < 30000); /* no redraw for what is dropped */
    assert_int_equal(type("\b\r"), LINE_TOO_LONG);
    assert_string_equal(line_history(&line, 1), most);

    line_begin(&line);
    for (unsigned i = 0; i < 10000; i++)
        line_feed(&line, 'x');
    assert_int_equal(type("\x15map\r"), LINE_DONE); /* begun anew */
}

static void type_many(char c, unsigned count)
{
    while (count-- > 0)
        line_feed(&line, c);
}

static void history_is_never_too_long(void **state)
{
    (void)state;
    fresh();
    type("map\r"), line_begin(&line);
    type_many('x', LINE_LENGTH_MAX + 1);
    assert_int_equal(type(UP "\r"), LINE_DONE);
    assert_true(text_equal(line_text(&line), text_of("map")));

    line_begin(&line);
    type_many('x', LINE_LENGTH_MAX + 1);
    assert_int_equal(type(UP DOWN "\r"), LINE_TOO_LONG); /* the draft is still a part */
    line_begin(&line);
    type("whole" UP DOWN);
    assert_int_equal(type("\r"), LINE_DONE);
}

static void a_completion_that_does_not_fit_rings(void **state)
{
    (void)state;
    fresh();
    type_many(' ', LINE_LENGTH_MAX - 3);
    type("arg\t");
    assert_int_equal(line.length, LINE_LENGTH_MAX);
    assert_int_equal(screen.bells, 2); /* the rest of the word, and the blank */
    assert_int_equal(type("\r"), LINE_DONE);
}

/* ---- history -------------------------------------------------------------------------------- */

static void lines_are_remembered(void **state)
{
    (void)state;
    fresh();
    type(UP DOWN "x");
    assert_shown("x", 1);
    type("\b");
    type("one\r"), line_begin(&line);
    type("two\r"), line_begin(&line);
    type("two\r"), line_begin(&line);
    type("  \r"), line_begin(&line);
    type("draft" UP);
    assert_shown("two", 3);
    type(UP);
    assert_shown("one", 3);
    type(UP);
    assert_shown("one", 3);
    type("!" DOWN);
    assert_shown("two", 3);
    type(DOWN DOWN);
    assert_shown("draft", 5);
    type("\x10\x10\r"), line_begin(&line);
    assert_string_equal(line_history(&line, 1), "one");
}

static void old_lines_are_forgotten(void **state)
{
    char text[16];
    (void)state;

    fresh();
    for (unsigned i = 0; i < 3 * LINE_HISTORY; i++) {
        snprintf(text, sizeof(text), "%u\r", i);
        type(text);
        line_begin(&line);
    }
    for (unsigned back = 1; back <= LINE_HISTORY; back++) {
        snprintf(text, sizeof(text), "%u", 3 * LINE_HISTORY - back);
        assert_string_equal(line_history(&line, back), text);
        type(UP);
        assert_shown(text, strlen(text));
    }
    assert_null(line_history(&line, LINE_HISTORY + 1));
    type(UP);
    assert_shown(text, strlen(text));
}

/* ---- completion ----------------------------------------------------------------------------- */

static void words_are_completed(void **state)
{
    (void)state;
    fresh();
    type("w\t");
    assert_shown("walk ", 5);
    type("a\t");
    assert_shown("walk argument ", 14);
    type("\x15m\t");
    assert_shown("m", 1);
    assert_int_equal(screen.bells, 1);
    type("\t");
    assert_string_equal(screen.listed, "> m\nmap  mem  memory  \n");
    assert_shown("m", 1);
    type("em\t\t");
    assert_non_null(strstr(screen.listed, "> mem\nmem  memory  \n"));
    assert_shown("mem", 3);
    type("o" HOME RIGHT RIGHT RIGHT RIGHT "\tx");
    assert_shown("memory x", 8);
    type("\x15zz\t\t");
    assert_shown("zz", 2);
}

/* ---- anything at all ------------------------------------------------------------------------ */

static void noise_leaves_a_line(void **state)
{
    (void)state;
    fresh();
    srand(1);
    for (unsigned i = 0; i < 400000; i++) {
        /* Half of it bytes of all kinds, half what editors know. */
        static const char keys[] = "\x1b[ABCDHF~3\x01\x05\x0b\x15\x17\x08\t\x10\x0e word";
        unsigned random = (unsigned)rand();
        char c = random & 0x100 ? (char)random : keys[(random >> 9) % (sizeof(keys) - 1)];
        if (line_feed(&line, c) != LINE_MORE)
            line_begin(&line);
        assert_true(line.length <= LINE_LENGTH_MAX && line.cursor <= line.length);
        assert_int_equal(strlen(line.text), line.length);
        screen.listed[0] = '\0';
        assert_shown(line.text, line.cursor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_do_what_they_say),
        cmocka_unit_test(a_line_ends_once),
        cmocka_unit_test(the_screen_is_cleared),
        cmocka_unit_test(what_is_too_long_is_not_run),
        cmocka_unit_test(lines_are_remembered),
        cmocka_unit_test(old_lines_are_forgotten),
        cmocka_unit_test(history_is_never_too_long),
        cmocka_unit_test(a_completion_that_does_not_fit_rings),
        cmocka_unit_test(words_are_completed),
        cmocka_unit_test(noise_leaves_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
