/* See edit_line.h. */
#include "edit_line.h"

static size_t utf8_size(uint16_t unit)
{
    return unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
}

static bool is_printable(uint16_t unit)
{
    return unit >= 0x20 && (unit < 0x7f || unit >= 0xa0) && (unit < 0xd800 || unit >= 0xe000);
}

struct edit_line edit_line_of(uint16_t *units, size_t length, size_t room, size_t bytes_max)
{
    struct edit_line line = {units, room, length, length, 0, bytes_max, 0};

    for (size_t i = 0; i < length; i++)
        line.bytes += utf8_size(units[i]);
    return line;
}

bool edit_insert(struct edit_line *line, uint16_t unit)
{
    if (!is_printable(unit) || line->length >= line->room ||
        line->bytes + utf8_size(unit) > line->bytes_max)
        return false;
    for (size_t i = line->length; i > line->cursor; i--)
        line->units[i] = line->units[i - 1];
    line->units[line->cursor++] = unit;
    line->length++;
    line->bytes += utf8_size(unit);
    return true;
}

/* What lies from `start` up to `end`; the cursor then stands at `start`. */
static void erase(struct edit_line *line, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++)
        line->bytes -= utf8_size(line->units[i]);
    for (size_t i = end; i < line->length; i++)
        line->units[start + i - end] = line->units[i];
    line->length -= end - start;
    line->cursor = start;
}

void edit_erase_before(struct edit_line *line)
{
    if (line->cursor > 0)
        erase(line, line->cursor - 1, line->cursor);
}

void edit_erase_at(struct edit_line *line)
{
    if (line->cursor < line->length)
        erase(line, line->cursor, line->cursor + 1);
}

void edit_erase_start(struct edit_line *line)
{
    erase(line, 0, line->cursor);
}

void edit_erase_end(struct edit_line *line)
{
    erase(line, line->cursor, line->length);
}

void edit_erase_word(struct edit_line *line)
{
    size_t start = line->cursor;

    while (start > 0 && line->units[start - 1] == ' ')
        start--;
    while (start > 0 && line->units[start - 1] != ' ')
        start--;
    erase(line, start, line->cursor);
}

void edit_step(struct edit_line *line, int units)
{
    if (units < 0 && line->cursor > 0)
        line->cursor--;
    if (units > 0 && line->cursor < line->length)
        line->cursor++;
}

void edit_go(struct edit_line *line, size_t to)
{
    line->cursor = to < line->length ? to : line->length;
}

void edit_scroll(struct edit_line *line, size_t columns)
{
    if (line->cursor < line->first)
        line->first = line->cursor;
    if (line->cursor - line->first >= columns)
        line->first = line->cursor - columns + 1;
}
