/* printf's core: splits a format into literal text and conversions, and hands
 * both to a sink. Every line of the loader's log, of the kernel's and of a
 * panic passes here. */
#include "format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "mem.h"
#include "text.h"

/* What ISO C (7.21.6.1) asks one conversion to manage at least. A wild width
 * ends here rather than keep a panic busy with blanks. */
#define WIDTH_MAX 4095

#define DIGITS_MAX 20 /* UINT64_MAX in decimal */

enum argument_length {
    LENGTH_CHAR,
    LENGTH_SHORT,
    LENGTH_INT,
    LENGTH_LONG,
    LENGTH_LLONG,
    LENGTH_SIZE
};

struct output {
    format_sink sink;
    void *context;
    va_list args;
};

struct conversion {
    bool left;
    bool zeros;
    bool prefix;
    bool has_precision;
    size_t width;
    size_t precision;
    enum argument_length length;
    char letter;
};

static void put(struct output *out, struct text text)
{
    if (text.length > 0)
        out->sink(out->context, text.start, text.length);
}

static void put_fill(struct output *out, struct text piece, size_t count)
{
    for (; count > piece.length; count -= piece.length)
        put(out, piece);
    put(out, (struct text){piece.start, count});
}

/* `lead` is a sign or a base prefix: zeros stand behind it, blanks before. */
static void put_field(struct output *out, const struct conversion *how, struct text lead,
                      struct text body)
{
    size_t used = lead.length + body.length;
    size_t fill = how->width > used ? how->width - used : 0;
    bool zeros = how->zeros && !how->left;

    if (!how->left && !zeros)
        put_fill(out, text_of("                "), fill);
    put(out, lead);
    if (zeros)
        put_fill(out, text_of("0000000000000000"), fill);
    put(out, body);
    if (how->left)
        put_fill(out, text_of("                "), fill);
}

static void put_number(struct output *out, const struct conversion *how, struct text lead,
                       uint64_t value, unsigned base)
{
    const char *letters = how->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[DIGITS_MAX];
    size_t first = DIGITS_MAX;

    do {
        digits[--first] = letters[value % base];
        value /= base;
    } while (value != 0);
    put_field(out, how, lead, (struct text){digits + first, DIGITS_MAX - first});
}

static int64_t take_signed(struct output *out, enum argument_length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (signed char)va_arg(out->args, int);
    case LENGTH_SHORT:
        return (short)va_arg(out->args, int);
    case LENGTH_LONG:
        return va_arg(out->args, long);
    case LENGTH_LLONG:
        return va_arg(out->args, long long);
    case LENGTH_SIZE:
        return va_arg(out->args, ptrdiff_t);
    case LENGTH_INT:
        break;
    }
    return va_arg(out->args, int);
}

static uint64_t take_unsigned(struct output *out, enum argument_length length)
{
    switch (length) {
    case LENGTH_CHAR:
        return (unsigned char)va_arg(out->args, unsigned);
    case LENGTH_SHORT:
        return (unsigned short)va_arg(out->args, unsigned);
    case LENGTH_LONG:
        return va_arg(out->args, unsigned long);
    case LENGTH_LLONG:
        return va_arg(out->args, unsigned long long);
    case LENGTH_SIZE:
        return va_arg(out->args, size_t);
    case LENGTH_INT:
        break;
    }
    return va_arg(out->args, unsigned);
}

/* Negated as unsigned: INT64_MIN has no positive twin. */
static void put_signed(struct output *out, const struct conversion *how)
{
    int64_t value = take_signed(out, how->length);
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    put_number(out, how, text_of(value < 0 ? "-" : ""), magnitude, 10);
}

static void put_hexadecimal(struct output *out, const struct conversion *how)
{
    uint64_t value = take_unsigned(out, how->length);
    const char *prefix = how->letter == 'X' ? "0X" : "0x";

    put_number(out, how, text_of(how->prefix && value != 0 ? prefix : ""), value, 16);
}

/* With a precision the string need not be terminated, so nothing is read
 * beyond it. */
static void put_string(struct output *out, const struct conversion *how)
{
    const char *string = va_arg(out->args, const char *);
    size_t limit = how->has_precision ? how->precision : SIZE_MAX;
    struct conversion blanks = *how;
    struct text text = {string ? string : "(null)", 0};

    while (text.length < limit && text.start[text.length] != '\0')
        text.length++;
    blanks.zeros = false;
    put_field(out, &blanks, text_of(""), text);
}

static void put_character(struct output *out, const struct conversion *how)
{
    char character = (char)va_arg(out->args, int);
    struct conversion blanks = *how;

    blanks.zeros = false;
    put_field(out, &blanks, text_of(""), (struct text){&character, 1});
}

/* What carries a length or a precision that the letter does not take is as
 * unknown as an unknown letter. */
static bool is_understood(const struct conversion *how)
{
    switch (how->letter) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
        return !how->has_precision;
    case 's':
        return how->length == LENGTH_INT;
    case 'c':
    case 'p':
    case '%':
        return how->length == LENGTH_INT && !how->has_precision;
    default:
        return false;
    }
}

static void put_conversion(struct output *out, const struct conversion *how)
{
    switch (how->letter) {
    case 'd':
    case 'i':
        put_signed(out, how);
        break;
    case 'u':
        put_number(out, how, text_of(""), take_unsigned(out, how->length), 10);
        break;
    case 'x':
    case 'X':
        put_hexadecimal(out, how);
        break;
    case 'p':
        put_number(out, how, text_of("0x"), take_unsigned(out, LENGTH_SIZE), 16);
        break;
    case 's':
        put_string(out, how);
        break;
    case 'c':
        put_character(out, how);
        break;
    default:
        put(out, text_of("%"));
        break;
    }
}

static const char *read_flags(const char *at, struct conversion *how)
{
    for (;; at++) {
        if (*at == '-')
            how->left = true;
        else if (*at == '0')
            how->zeros = true;
        else if (*at == '#')
            how->prefix = true;
        else
            return at;
    }
}

/* Digits, `*` or nothing, which is 0. */
static const char *read_number(struct output *out, const char *at, int *number)
{
    int value = 0;

    if (*at == '*') {
        *number = va_arg(out->args, int);
        return at + 1;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            value = INT_MAX;
    }
    *number = value;
    return at;
}

/* A negative width, which only `*` can give, is the flag `-` and a width. */
static const char *read_width(struct output *out, const char *at, struct conversion *how)
{
    int width;

    at = read_number(out, at, &width);
    how->left = how->left || width < 0;
    how->width = width < 0 ? 0 - (size_t)width : (size_t)width;
    if (how->width > WIDTH_MAX)
        how->width = WIDTH_MAX;
    return at;
}

/* A negative precision, again from `*`, counts as none. */
static const char *read_precision(struct output *out, const char *at, struct conversion *how)
{
    int precision;

    if (*at != '.')
        return at;
    at = read_number(out, at + 1, &precision);
    how->has_precision = precision >= 0;
    how->precision = (size_t)precision;
    return at;
}

static const char *read_length(const char *at, struct conversion *how)
{
    bool twice = at[0] != '\0' && at[1] == at[0];

    switch (*at) {
    case 'h':
        how->length = twice ? LENGTH_CHAR : LENGTH_SHORT;
        return at + (twice ? 2 : 1);
    case 'l':
        how->length = twice ? LENGTH_LLONG : LENGTH_LONG;
        return at + (twice ? 2 : 1);
    case 'z':
        how->length = LENGTH_SIZE;
        return at + 1;
    default:
        return at;
    }
}

/* Starts behind the `%` and returns what follows the conversion's letter; the
 * letter is NUL when the format ends before it. */
static const char *read_conversion(struct output *out, const char *at, struct conversion *how)
{
    *how = (struct conversion){.length = LENGTH_INT};
    at = read_flags(at, how);
    at = read_width(out, at, how);
    at = read_precision(out, at, how);
    at = read_length(at, how);
    how->letter = *at;
    return at + 1;
}

/* Behind a conversion that is not understood nobody knows which argument comes
 * next, and a `%s` must not follow a number: the rest is written as it stands. */
static void put_format(struct output *out, const char *format)
{
    struct conversion how;
    const char *percent;

    for (;;) {
        for (percent = format; *percent != '\0' && *percent != '%';)
            percent++;
        put(out, (struct text){format, (size_t)(percent - format)});
        if (*percent == '\0')
            return;
        format = read_conversion(out, percent + 1, &how);
        if (!is_understood(&how)) {
            put(out, text_of(percent));
            return;
        }
        put_conversion(out, &how);
    }
}

void format_to(format_sink sink, void *context, const char *format, va_list args)
{
    struct output out = {.sink = sink, .context = context};

    va_copy(out.args, args);
    put_format(&out, format);
    va_end(out.args);
}

struct buffer {
    char *start;
    size_t size;
    size_t length; /* of the whole text: may exceed the size */
};

static void append(void *context, const char *text, size_t length)
{
    struct buffer *buffer = context;
    size_t room = buffer->length < buffer->size ? buffer->size - buffer->length : 0;

    if (room > 0)
        memcpy(buffer->start + buffer->length, text, length < room ? length : room);
    buffer->length += length;
}

size_t format_text_args(char *buffer, size_t size, const char *format, va_list args)
{
    struct buffer target = {.start = buffer, .size = size};

    format_to(append, &target, format, args);
    if (size > 0)
        buffer[target.length < size ? target.length : size - 1] = '\0';
    return target.length;
}

size_t format_text(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = format_text_args(buffer, size, format, args);
    va_end(args);
    return length;
}
