/* See text.h. */
#include "text.h"

#include "whole_file.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tool_status text_open(const char *path, struct text_file *file)
{
    mode_t mode;

    *file = (struct text_file){.path = path};
    return whole_file_read(path, &file->bytes, &file->size, &mode);
}

void text_close(struct text_file *file)
{
    free(file->bytes);
    *file = (struct text_file){0};
}

bool text_next(struct line *line)
{
    const struct text_file *file = line->file;
    const char *start = (const char *)file->bytes + line->next;
    size_t left = file->size - line->next;

    if (left == 0)
        return false;
    const char *end = memchr(start, '\n', left);
    size_t length = end ? (size_t)(end - start) : left;
    *line = (struct line){
        .file = file,
        .at = start,
        .length = length,
        .number = line->number + 1,
        .next = line->next + length + (end ? 1 : 0),
    };
    if (length > 0 && start[length - 1] == '\r')
        line->length--;
    return true;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

size_t line_words(const struct line *line, struct word *words, size_t most)
{
    size_t count = 0;

    for (size_t i = 0; i < line->length;) {
        size_t start = i;

        while (i < line->length && !blank(line->at[i]))
            i++;
        if (i > start) {
            if (count < most)
                words[count] = (struct word){line->at + start, i - start};
            count++;
        }
        while (i < line->length && blank(line->at[i]))
            i++;
    }
    return count;
}

bool word_is(struct word word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.at, text, word.length) == 0;
}

char *word_copy(struct word word)
{
    return memcpy(allocate(word.length + 1, 1), word.at, word.length);
}

unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static bool has_hexadecimal_mark(struct word word)
{
    return word.length > 2 && word.at[0] == '0' && (word.at[1] == 'x' || word.at[1] == 'X');
}

bool word_number(struct word word, unsigned base, uint64_t *number)
{
    size_t i = base == 16 && has_hexadecimal_mark(word) ? 2 : 0;

    *number = 0;
    for (; i < word.length; i++) {
        unsigned value = hex_digit(word.at[i]);

        if (value >= base || __builtin_mul_overflow(*number, base, number) ||
            __builtin_add_overflow(*number, value, number))
            return false;
    }
    return word.length > 0;
}

bool word_c_number(struct word word, uint64_t *number)
{
    return word_number(word, has_hexadecimal_mark(word) ? 16 : 10, number);
}

enum tool_status complain_at(const struct line *line, const char *at, const char *format, ...)
{
    char *message;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&message, format, args);
    va_end(args);
    if (length < 0)
        exit((int)complain(TOOL_NO_MEMORY, "no memory for a message"));
    complain(TOOL_MALFORMED, "%s:%zu:%zu: %s", line->file->path, line->number,
             (size_t)(at - line->at) + 1, message);
    free(message);
    return TOOL_MALFORMED;
}

const char *shown(struct word word)
{
    static char text[44];
    size_t length = word.length < 40 ? word.length : 40;

    for (size_t i = 0; i < length; i++)
        text[i] = isprint((unsigned char)word.at[i]) ? word.at[i] : '.';
    memcpy(text + length, word.length > length ? "..." : "", word.length > length ? 4 : 1);
    return text;
}
