/* See terminal.h. ECMA-48 (5th edition), 8.3, has the sequences; what follows CSI is parsed as
 * its 5.4 says. */
#include "terminal.h"

#include "mem.h"

#define TAB_STOP        8U
#define PARAMETER_LIMIT 9999U

enum state {
    STATE_PLAIN,
    STATE_ESCAPE,       /* after ESC */
    STATE_INTERMEDIATE, /* ESC and intermediates: one final byte is to come */
    STATE_CONTROL,      /* after CSI */
    STATE_STRING,       /* DCS, SOS, OSC, PM, APC: up to ST or BEL */
    STATE_STRING_END,   /* ESC within one of these */
};

static void mark(struct terminal *t, unsigned from, unsigned to)
{
    t->changed_from = from < t->changed_from ? from : t->changed_from;
    t->changed_to = to > t->changed_to ? to : t->changed_to;
}

void terminal_take_changes(struct terminal *t, unsigned *from, unsigned *to)
{
    *from = t->changed_from;
    *to = t->changed_to;
    t->changed_from = t->rows;
    t->changed_to = 0;
}

/* What erasing leaves: the paper that is set, as xterm and the Linux console have it. */
static cell_t blank(const struct terminal *t)
{
    return cell(' ', t->own_ink, t->paper);
}

static void erase(struct terminal *t, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        t->cells[i] = blank(t);
    if (from < to)
        mark(t, (unsigned)(from / t->columns), (unsigned)((to - 1) / t->columns) + 1);
}

static size_t here(const struct terminal *t)
{
    return (size_t)t->row * t->columns + t->column;
}

static size_t all(const struct terminal *t)
{
    return (size_t)t->rows * t->columns;
}

static void reset_pen(struct terminal *t)
{
    t->ink = t->own_ink;
    t->paper = TERMINAL_PAPER;
    t->bold = t->reverse = false;
}

static void scroll(struct terminal *t, unsigned rows)
{
    size_t gone = (size_t)rows * t->columns;

    memmove(t->cells, t->cells + gone, (all(t) - gone) * sizeof(*t->cells));
    erase(t, all(t) - gone, all(t));
    mark(t, 0, t->rows);
}

static void move(struct terminal *t, unsigned column, unsigned row)
{
    t->column = column < t->columns ? column : t->columns - 1;
    t->row = row < t->rows ? row : t->rows - 1;
    t->wrap_next = false;
}

static bool is_held(const struct terminal *t)
{
    return t->hold && t->row + 1 == t->rows;
}

/* The end of the last line that is held drops nothing yet. */
static void next_line(struct terminal *t)
{
    if (is_held(t)) {
        t->wrap_next = true;
    } else if (t->row + 1 < t->rows) {
        move(t, 0, t->row + 1);
    } else {
        scroll(t, t->jump);
        move(t, 0, t->rows - t->jump);
    }
}

/* All spaces on one paper are one cell, whatever the ink. */
static cell_t written(const struct terminal *t, uint32_t code, unsigned ink)
{
    unsigned paper = t->reverse ? ink : t->paper;

    return cell(code, code == ' ' ? t->own_ink : t->reverse ? t->paper : ink, paper);
}

static void put(struct terminal *t, uint32_t code)
{
    t->full = t->wrap_next && is_held(t);
    if (t->full)
        return;
    if (t->wrap_next)
        next_line(t);
    t->cells[here(t)] = written(t, code, t->bold && t->ink < 8 ? t->ink + 8 : t->ink);
    mark(t, t->row, t->row + 1);
    if (t->column + 1 < t->columns)
        t->column++;
    else
        t->wrap_next = true;
}

/* ---- select graphic rendition ---------------------------------------------------------- */

/* 38 and 48: `5;N` of a palette whose first 16 are ours, or `2;R;G;B`. Returns how many parameters
 * that took. */
static unsigned set_extended(struct terminal *t, unsigned at, unsigned *colour)
{
    unsigned left = t->parameter_count - at - 1;
    const unsigned *p = &t->parameters[at + 1];

    if (left >= 2 && p[0] == 5) {
        *colour = p[1] < 16 ? p[1] : *colour;
        return 2;
    }
    return left >= 4 && p[0] == 2 ? 4 : left;
}

static void set_rendition(struct terminal *t, unsigned *at)
{
    unsigned p = t->parameters[*at];

    if (p == 0)
        reset_pen(t);
    else if (p == 1)
        t->bold = true;
    else if (p == 22)
        t->bold = false;
    else if (p == 7 || p == 27)
        t->reverse = p == 7;
    else if (p >= 30 && p <= 37)
        t->ink = p - 30;
    else if (p >= 90 && p <= 97)
        t->ink = p - 90 + 8;
    else if (p == 39)
        t->ink = t->own_ink;
    else if (p >= 40 && p <= 47)
        t->paper = p - 40;
    else if (p >= 100 && p <= 107)
        t->paper = p - 100 + 8;
    else if (p == 49)
        t->paper = TERMINAL_PAPER;
    else if (p == 38)
        *at += set_extended(t, *at, &t->ink);
    else if (p == 48)
        *at += set_extended(t, *at, &t->paper);
}

static void set_renditions(struct terminal *t)
{
    if (t->parameter_count == 0)
        t->parameter_count = 1; /* of value 0 */
    for (unsigned at = 0; at < t->parameter_count; at++)
        set_rendition(t, &at);
}

/* ---- control sequences ----------------------------------------------------------------- */

static unsigned parameter(const struct terminal *t, unsigned index, unsigned missing)
{
    return index < t->parameter_count && t->parameters[index] != 0 ? t->parameters[index] : missing;
}

static void erase_in_display(struct terminal *t)
{
    unsigned what = parameter(t, 0, 0);

    if (what <= 3)
        erase(t, what == 0 ? here(t) : 0, what == 1 ? here(t) + 1 : all(t));
}

static void erase_in_line(struct terminal *t)
{
    size_t line = (size_t)t->row * t->columns;
    unsigned what = parameter(t, 0, 0);

    if (what <= 2)
        erase(t, what == 0 ? here(t) : line, what == 1 ? here(t) + 1 : line + t->columns);
}

static void erase_characters(struct terminal *t, unsigned count)
{
    unsigned left = t->columns - t->column;

    erase(t, here(t), here(t) + (count < left ? count : left));
}

static unsigned less(unsigned value, unsigned by)
{
    return value > by ? value - by : 0;
}

static void move_by_sequence(struct terminal *t, char final)
{
    unsigned n = parameter(t, 0, 1);

    switch (final) {
    case 'A':
        return move(t, t->column, less(t->row, n));
    case 'B':
        return move(t, t->column, t->row + n);
    case 'C':
        return move(t, t->column + n, t->row);
    case 'D':
        return move(t, less(t->column, n), t->row);
    case 'E':
        return move(t, 0, t->row + n);
    case 'F':
        return move(t, 0, less(t->row, n));
    case 'G':
    case '`':
        return move(t, n - 1, t->row);
    case 'd':
        return move(t, t->column, n - 1);
    default: /* H, f */
        return move(t, parameter(t, 1, 1) - 1, n - 1);
    }
}

static void save_cursor(struct terminal *t)
{
    t->saved_column = t->column;
    t->saved_row = t->row;
}

static void end_sequence(struct terminal *t, char final)
{
    t->state = STATE_PLAIN;
    if (t->is_private)
        return;
    switch (final) {
    case 'J':
        return erase_in_display(t);
    case 'K':
        return erase_in_line(t);
    case 'X':
        return erase_characters(t, parameter(t, 0, 1));
    case 'm':
        return set_renditions(t);
    case 's':
        return save_cursor(t);
    case 'u':
        return move(t, t->saved_column, t->saved_row);
    case 'A' ... 'H':
    case 'f':
    case 'd':
    case '`':
        return move_by_sequence(t, final);
    default:
        return;
    }
}

/* Parameters are 30h to 3fh, of which 3ch up are somebody's own; intermediates 20h to 2fh; a final
 * byte is 40h to 7eh. */
static void in_control(struct terminal *t, uint32_t code)
{
    unsigned *last;

    if (code >= 0x40 && code <= 0x7e)
        return end_sequence(t, (char)code);
    if (code < 0x20 || code > 0x7e) {
        t->state = STATE_PLAIN; /* not a sequence after all */
        return;
    }
    if (code < 0x30 || code >= 0x3c || code == ':')
        t->is_private = true;
    if (t->parameter_count == 0)
        t->parameter_count = 1;
    last = &t->parameters[t->parameter_count - 1];
    if (code == ';' && t->parameter_count == TERMINAL_PARAMETERS)
        t->is_private = true; /* more than anything here means */
    else if (code == ';')
        t->parameters[t->parameter_count++] = 0;
    else if (code >= '0' && code <= '9' && *last <= PARAMETER_LIMIT)
        *last = *last * 10 + (code - '0');
}

static void begin_control(struct terminal *t)
{
    t->state = STATE_CONTROL;
    t->parameter_count = 0;
    t->parameters[0] = 0;
    t->is_private = false;
}

static void in_escape(struct terminal *t, uint32_t code)
{
    t->state = STATE_PLAIN;
    if (code == '[')
        begin_control(t);
    else if (code == 'P' || code == 'X' || code == ']' || code == '^' || code == '_')
        t->state = STATE_STRING;
    else if (code >= 0x20 && code < 0x30)
        t->state = STATE_INTERMEDIATE;
    else if (code == '7')
        save_cursor(t);
    else if (code == '8')
        move(t, t->saved_column, t->saved_row);
}

static void in_string(struct terminal *t, uint32_t code)
{
    if (code == '\a' || (t->state == STATE_STRING_END && code == '\\'))
        t->state = STATE_PLAIN;
    else
        t->state = code == 0x1b ? STATE_STRING_END : STATE_STRING;
}

static void control(struct terminal *t, uint32_t code)
{
    if (code == '\n' || code == '\v' || code == '\f')
        next_line(t);
    else if (code == '\r')
        move(t, 0, t->row);
    else if (code == '\b')
        move(t, less(t->column, 1), t->row);
    else if (code == '\t')
        move(t, (t->column / TAB_STOP + 1) * TAB_STOP, t->row);
}

static void take(struct terminal *t, uint32_t code)
{
    if (t->state == STATE_STRING || t->state == STATE_STRING_END) {
        in_string(t, code);
    } else if (code == 0x1b) {
        t->state = STATE_ESCAPE;
    } else if (code < 0x20) {
        control(t, code); /* also within a sequence, which goes on */
    } else if (t->state == STATE_CONTROL) {
        in_control(t, code);
    } else if (t->state == STATE_ESCAPE) {
        in_escape(t, code);
    } else if (t->state == STATE_INTERMEDIATE) {
        t->state = code < 0x30 ? STATE_INTERMEDIATE : STATE_PLAIN;
    } else if (code >= 0xa0 || code < 0x7f) {
        put(t, code);
    }
}

void terminal_write(struct terminal *t, const char *text, size_t length)
{
    uint32_t codes[2];

    for (size_t i = 0; i < length && !t->full; i++) {
        size_t count = utf8_feed(&t->utf8, (unsigned char)text[i], codes);
        for (size_t c = 0; c < count && !t->full; c++)
            take(t, codes[c]);
    }
}

void terminal_set_ink(struct terminal *t, unsigned ink)
{
    t->ink = ink;
}

void terminal_open(struct terminal *t, cell_t *cells, unsigned columns, unsigned rows,
                   unsigned jump)
{
    *t = (struct terminal){
        .cells = cells,
        .columns = columns,
        .rows = rows,
        .jump = jump,
        .own_ink = TERMINAL_INK,
        .changed_from = rows,
    };
    reset_pen(t);
    erase(t, 0, all(t));
}
