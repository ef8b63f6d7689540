/* Pieces of text that somebody else owns: split, trim, compare. Used by the
 * parsers of boot entries and options, on both sides of the handoff. */
#include "text.h"

#include <stdint.h>

#include "mem.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* An empty text may have no start at all, so nothing is ever added to it. */
static struct text skip(struct text text, size_t count)
{
    if (count == 0)
        return text;
    return (struct text){text.start + count, text.length - count};
}

struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

bool text_equal(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.start, b.start, a.length) == 0);
}

bool text_equal_ignoring_case(struct text a, struct text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (lower(a.start[i]) != lower(b.start[i]))
            return false;
    }
    return true;
}

/* Bytes of the UTF-8 character at the start of `text`, which is not empty. */
static size_t character_size(struct text text)
{
    size_t size = 1;

    while (size < text.length && ((unsigned char)text.start[size] & 0xc0) == 0x80)
        size++;
    return size;
}

/* Takes one character off both when they agree. */
static bool match_one(struct text *text, struct text *pattern)
{
    size_t size = 1;

    if (pattern->length == 0)
        return false;
    if (pattern->start[0] == '?')
        size = character_size(*text);
    else if (lower(pattern->start[0]) != lower(text->start[0]))
        return false;
    *text = skip(*text, size);
    *pattern = skip(*pattern, 1);
    return true;
}

/* Only the last `*` is ever reconsidered: what an earlier one could still give
 * up, the last one can take as well. */
bool text_matches(struct text text, struct text pattern)
{
    struct text after_star = {0};
    struct text retry = {0};
    bool starred = false;

    while (text.length > 0) {
        if (pattern.length > 0 && pattern.start[0] == '*') {
            pattern = after_star = skip(pattern, 1);
            retry = text;
            starred = true;
        } else if (!match_one(&text, &pattern)) {
            if (!starred)
                return false;
            text = retry = skip(retry, character_size(retry));
            pattern = after_star;
        }
    }
    while (pattern.length > 0 && pattern.start[0] == '*')
        pattern = skip(pattern, 1);
    return pattern.length == 0;
}

static struct text skip_blanks(struct text text)
{
    size_t count = 0;

    while (count < text.length && is_blank(text.start[count]))
        count++;
    return skip(text, count);
}

struct text text_trim(struct text text)
{
    text = skip_blanks(text);
    while (text.length > 0 && is_blank(text.start[text.length - 1]))
        text.length--;
    return text;
}

bool text_next_line(struct text *rest, struct text *line)
{
    size_t length = 0;

    if (rest->length == 0)
        return false;
    while (length < rest->length && rest->start[length] != '\n')
        length++;
    *line = (struct text){rest->start, length};
    *rest = skip(*rest, length < rest->length ? length + 1 : length);
    return true;
}

bool text_next_word(struct text *rest, struct text *word)
{
    size_t length = 0;

    *rest = skip_blanks(*rest);
    while (length < rest->length && !is_blank(rest->start[length]))
        length++;
    *word = (struct text){rest->start, length};
    *rest = skip(*rest, length);
    return length > 0;
}

/* Bytes in the UTF-8 sequence that this byte announces, 0 if it cannot lead. */
static size_t sequence_size(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc0 || lead >= 0xf8)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Well-formed as in Unicode, table 3-7: in the shortest form, no surrogate,
 * nothing past U+10FFFF. And not a control character, C0 or C1, save the tab. */
static bool is_printable(uint32_t code, size_t size)
{
    static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};

    if (code < least[size])
        return code == '\t' && size == 1;
    return code != 0x7f && (code < 0xd800 || code > 0xdfff) && code <= 0x10ffff;
}

/* Bytes of the character at the start of `text`, which is not empty; 0 if it
 * may not stand in a file. */
static size_t printable_size(struct text text)
{
    const unsigned char *bytes = (const unsigned char *)text.start;
    size_t size = sequence_size(bytes[0]);
    uint32_t code = size > 1 ? bytes[0] & (0x7fu >> size) : bytes[0];

    if (size == 0 || size > text.length)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (bytes[i] & 0x3f);
    }
    return is_printable(code, size) ? size : 0;
}

size_t text_printable(struct text text)
{
    size_t at = 0, size;

    while (at < text.length &&
           (size = printable_size((struct text){text.start + at, text.length - at})) != 0)
        at += size;
    return at;
}
