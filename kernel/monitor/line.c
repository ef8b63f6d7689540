/* See line.h. */
#include "line.h"

#include "complete.h"
#include "mem.h"

#define CONTROL(letter) ((letter)&0x1f)
#define ESCAPE          0x1b
#define DELETE          0x7f

static void draw(const struct line *line, const char *text, size_t length)
{
    if (length != 0)
        line->user->draw(line->user->context, text, length);
}

FORMAT_LIKE_PRINTF(2, 3)
static void draw_format(const struct line *line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(line->user->draw, line->user->context, format, args);
    va_end(args);
}

/* Columns for text; the last one stays free, where terminals differ in when they wrap. */
static size_t window(const struct line *line)
{
    return LINE_COLUMNS - 1 - strlen(line->user->prompt);
}

/* The whole row anew, scrolled so that the cursor is on it. */
static void redraw(const struct line *line)
{
    size_t columns = window(line);
    size_t from = line->cursor > columns ? line->cursor - columns : 0;
    size_t shown = line->length - from < columns ? line->length - from : columns;
    size_t column = strlen(line->user->prompt) + line->cursor - from;

    draw_format(line, "\r%s%.*s\x1b[K\r", line->user->prompt, (int)shown, line->text + from);
    if (column != 0)
        draw_format(line, "\x1b[%uC", (unsigned)column);
}

/* ---- the text -------------------------------------------------------------------------- */

static void set_text(struct line *line, const char *text)
{
    line->length = line->cursor = strlen(text);
    memcpy(line->text, text, line->length + 1);
    line->too_long = false;
    redraw(line);
}

/* Those that do not fit are lost, and with them the line. */
static void insert(struct line *line, const char *text, size_t length)
{
    if (length > LINE_LENGTH_MAX - line->length) {
        if (!line->too_long)
            draw(line, "\a", 1);
        line->too_long = true;
        return;
    }
    char *at = line->text + line->cursor;
    memmove(at + length, at, line->length - line->cursor + 1);
    memcpy(at, text, length);
    line->length += length;
    line->cursor += length;
    if (line->cursor == line->length && line->length <= window(line))
        draw(line, text, length);
    else
        redraw(line);
}

/* From `start` to `end`; the cursor is then at `start`. */
static void erase(struct line *line, size_t start, size_t end)
{
    memmove(line->text + start, line->text + end, line->length - end + 1);
    line->length -= end - start;
    line->cursor = start;
    if (line->length == 0)
        line->too_long = false;
    redraw(line);
}

static void move(struct line *line, size_t to)
{
    line->cursor = to;
    redraw(line);
}

static size_t word_start(const struct line *line)
{
    size_t at = line->cursor;

    while (at > 0 && line->text[at - 1] == ' ')
        at--;
    while (at > 0 && line->text[at - 1] != ' ')
        at--;
    return at;
}

static size_t slot(const struct line *line, size_t back)
{
    return (line->remembered - back) % LINE_HISTORY;
}

const char *line_history(const struct line *line, size_t back)
{
    size_t kept = line->remembered < LINE_HISTORY ? line->remembered : LINE_HISTORY;

    return back == 0 || back > kept ? NULL : line->history[slot(line, back)];
}

static void remember(struct line *line)
{
    if (text_trim(line_text(line)).length == 0)
        return;
    const char *last = line_history(line, 1);
    if (last != NULL && text_equal(text_of(last), line_text(line)))
        return;
    line->remembered++;
    memcpy(line->history[slot(line, 1)], line->text, line->length + 1);
}

static void show_history(struct line *line, size_t back)
{
    const char *text = back == 0 ? line->draft : line_history(line, back);

    if (text == NULL)
        return;
    if (line->back == 0) {
        memcpy(line->draft, line->text, line->length + 1);
        line->draft_too_long = line->too_long;
    }
    line->back = back;
    set_text(line, text);
    line->too_long = back == 0 && line->draft_too_long;
}

static void older(struct line *line)
{
    show_history(line, line->back + 1);
}

static void newer(struct line *line)
{
    if (line->back > 0)
        show_history(line, line->back - 1);
}

/* What does not fit is only not completed: nobody has typed it. */
static void insert_completed(struct line *line, const char *text, size_t length)
{
    if (length > LINE_LENGTH_MAX - line->length)
        draw(line, "\a", 1);
    else
        insert(line, text, length);
}

static struct text typed(const struct line *line)
{
    return (struct text){line->text, line->cursor};
}

static void list(struct line *line)
{
    completion_list(line->user, typed(line));
    redraw(line);
}

static void complete(struct line *line, bool again)
{
    struct line_completion found;

    if (line->user->complete == NULL)
        return;
    completion_find(line->user, typed(line), &found);
    size_t length = found.word.length;
    size_t more = found.common_length > length ? found.common_length - length : 0;
    if (more != 0)
        insert_completed(line, found.common + length, more);
    if (found.count == 1)
        insert_completed(line, " ", 1);
    else if (found.count > 1 && again)
        list(line);
    else if (more == 0)
        draw(line, "\a", 1);
    line->after_tab = found.count > 1 && more == 0;
}

/* ---- keys ------------------------------------------------------------------------------ */

static void backspace(struct line *line)
{
    if (line->cursor > 0)
        erase(line, line->cursor - 1, line->cursor);
}

static void delete_here(struct line *line)
{
    if (line->cursor < line->length)
        erase(line, line->cursor, line->cursor + 1);
}

static void left(struct line *line)
{
    if (line->cursor > 0)
        move(line, line->cursor - 1);
}

static void right(struct line *line)
{
    if (line->cursor < line->length)
        move(line, line->cursor + 1);
}

static void clear_screen(struct line *line)
{
    draw_format(line, "\x1b[H\x1b[2J");
    redraw(line);
}

static void control(struct line *line, char character, bool after_tab)
{
    switch (character) {
    case CONTROL('A'):
        return move(line, 0);
    case CONTROL('B'):
        return left(line);
    case CONTROL('D'):
        return delete_here(line);
    case CONTROL('E'):
        return move(line, line->length);
    case CONTROL('F'):
        return right(line);
    case CONTROL('H'):
    case DELETE:
        return backspace(line);
    case CONTROL('I'):
        return complete(line, after_tab);
    case CONTROL('K'):
        return erase(line, line->cursor, line->length);
    case CONTROL('L'):
        return clear_screen(line);
    case CONTROL('N'):
        return newer(line);
    case CONTROL('P'):
        return older(line);
    case CONTROL('U'):
        return erase(line, 0, line->cursor);
    case CONTROL('W'):
        return erase(line, word_start(line), line->cursor);
    default:
        return;
    }
}

/* ECMA-48 8.3: CUU A, CUD B, CUF C, CUB D; Home and End as letters, or a number and a tilde. */
static void key(struct line *line, char final)
{
    switch (final == '~' ? (char)('0' + line->parameter % 10) : final) {
    case 'A':
        return older(line);
    case 'B':
        return newer(line);
    case 'C':
        return right(line);
    case 'D':
        return left(line);
    case 'H':
    case '1':
    case '7':
        return move(line, 0);
    case 'F':
    case '4':
    case '8':
        return move(line, line->length);
    case '3':
        return delete_here(line);
    default:
        return;
    }
}

/* A character of an escape sequence, which ends with one from @ to ~; after O (the keypad's) it is
 * the next one. */
static void escape(struct line *line, char character)
{
    if (line->state == LINE_ESCAPE) {
        line->state = character == '[' || character == 'O' ? LINE_SEQUENCE : LINE_PLAIN;
        line->parameter = 0;
        return;
    }
    if (character >= '0' && character <= '9' && line->parameter < 100)
        line->parameter = line->parameter * 10 + (unsigned)(character - '0');
    if (character >= '@' && character <= '~') {
        line->state = LINE_PLAIN;
        if (line->parameter < 10)
            key(line, character);
    }
}

static enum line_event end(struct line *line)
{
    draw(line, "\n", 1);
    if (line->too_long)
        return LINE_TOO_LONG;
    remember(line);
    return LINE_DONE;
}

enum line_event line_feed(struct line *line, char character)
{
    bool after_cr = line->after_cr, after_tab = line->after_tab;

    line->after_cr = character == '\r';
    line->after_tab = false;
    if (character == '\n' && after_cr)
        return LINE_MORE;
    if (character == '\r' || character == '\n') {
        line->state = LINE_PLAIN;
        return end(line);
    }
    if (character == CONTROL('C')) {
        draw(line, "^C\n", 3);
        return LINE_CANCELLED;
    }
    if (character == ESCAPE)
        line->state = LINE_ESCAPE;
    else if (line->state != LINE_PLAIN)
        escape(line, character);
    else if (character >= ' ' && character < DELETE)
        insert(line, &character, 1);
    else
        control(line, character, after_tab);
    return LINE_MORE;
}

void line_init(struct line *line, const struct line_user *user)
{
    memset(line, 0, sizeof(*line));
    line->user = user;
}

void line_begin(struct line *line)
{
    line->length = line->cursor = line->back = 0;
    line->text[0] = '\0';
    line->too_long = line->after_tab = false;
    line->state = LINE_PLAIN;
    draw(line, line->user->prompt, strlen(line->user->prompt));
}

struct text line_text(const struct line *line)
{
    return (struct text){line->text, line->length};
}
