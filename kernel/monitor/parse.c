/* See parse.h. */
#include "parse.h"

static struct text from(struct text text, size_t count)
{
    return (struct text){text.start + count, text.length - count};
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static unsigned shift_of(char unit)
{
    switch (unit) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    case 'T':
    case 't':
        return 40;
    default:
        return 0;
    }
}

static enum parse_status digits(struct text word, unsigned base, uint64_t *value)
{
    *value = 0;
    if (word.length == 0)
        return PARSE_NOT_A_NUMBER;
    for (size_t i = 0; i < word.length; i++) {
        int digit = digit_of(word.start[i]);
        if (digit < 0 || (unsigned)digit >= base)
            return PARSE_NOT_A_NUMBER;
    }
    for (size_t i = 0; i < word.length; i++) {
        if (__builtin_mul_overflow(*value, base, value) ||
            __builtin_add_overflow(*value, (uint64_t)digit_of(word.start[i]), value))
            return PARSE_TOO_LARGE;
    }
    return PARSE_OK;
}

enum parse_status parse_number(struct text word, uint64_t *value)
{
    bool hexadecimal = word.length > 1 && word.start[0] == '0' && (word.start[1] | 0x20) == 'x';
    unsigned shift = word.length > 0 ? shift_of(word.start[word.length - 1]) : 0;
    uint64_t number;

    if (shift != 0)
        word.length--;
    enum parse_status status =
        digits(hexadecimal ? from(word, 2) : word, hexadecimal ? 16 : 10, &number);
    if (status != PARSE_OK)
        return status;
    if (number > UINT64_MAX >> shift)
        return PARSE_TOO_LARGE;
    *value = number << shift;
    return PARSE_OK;
}

/* Where a character stands last; the length when it does not. */
static size_t last_of(struct text word, char c)
{
    for (size_t i = word.length; i > 0; i--) {
        if (word.start[i - 1] == c)
            return i - 1;
    }
    return word.length;
}

static enum parse_status number_or_name(struct text word, parse_names names, uint64_t *address)
{
    enum parse_status status = parse_number(word, address);

    if (status != PARSE_NOT_A_NUMBER || word.length == 0)
        return status;
    if (digit_of(word.start[0]) >= 0 && digit_of(word.start[0]) < 10)
        return PARSE_NOT_A_NUMBER;
    size_t count = names(word, address);
    return count == 0 ? PARSE_UNKNOWN_NAME : count == 1 ? PARSE_OK : PARSE_AMBIGUOUS;
}

enum parse_status parse_address(struct text word, parse_names names, uint64_t *address)
{
    size_t plus = last_of(word, '+');
    uint64_t start, offset = 0;

    enum parse_status status = number_or_name((struct text){word.start, plus}, names, &start);
    if (status == PARSE_OK && plus != word.length)
        status = parse_number(from(word, plus + 1), &offset);
    if (status == PARSE_OK && __builtin_add_overflow(start, offset, &start))
        status = PARSE_TOO_LARGE;
    if (status == PARSE_OK)
        *address = start;
    return status;
}

/* NAME+OFFSET is an address, and A+SIZE a range: the last + of a range is its size's. */
static enum parse_status size_of(struct text word, parse_names names, uint64_t *start,
                                 uint64_t *size)
{
    size_t plus = last_of(word, '+');

    *size = 1;
    enum parse_status status = parse_address((struct text){word.start, plus}, names, start);
    if (status == PARSE_OK && plus != word.length)
        status = parse_number(from(word, plus + 1), size);
    return status;
}

enum parse_status parse_range(struct text word, parse_names names, struct virt_range *range)
{
    size_t dash = last_of(word, '-');
    uint64_t start, end, size;
    enum parse_status status;

    if (dash == word.length) {
        status = size_of(word, names, &start, &size);
    } else {
        status = parse_address((struct text){word.start, dash}, names, &start);
        if (status == PARSE_OK)
            status = parse_address(from(word, dash + 1), names, &end);
        if (status == PARSE_OK && end != 0 && end <= start)
            status = PARSE_BAD_RANGE;
        size = status == PARSE_OK ? end - start : 0;
    }
    if (status == PARSE_OK && (size == 0 || size - 1 > UINT64_MAX - start))
        status = PARSE_BAD_RANGE;
    if (status == PARSE_OK)
        *range = virt_range(start, size);
    return status;
}

const char *parse_status_text(enum parse_status status)
{
    static const char *const texts[] = {
        [PARSE_OK] = "good",
        [PARSE_NOT_A_NUMBER] = "not a number",
        [PARSE_TOO_LARGE] = "does not fit 64 bits",
        [PARSE_UNKNOWN_NAME] = "neither a number nor a symbol",
        [PARSE_AMBIGUOUS] = "the name of several symbols: `sym` lists them",
        [PARSE_BAD_RANGE] = "an empty range, or one that passes 2^64",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}

size_t parse_words(struct text line, struct text *words, size_t room)
{
    struct text word;
    size_t count = 0;

    for (; text_next_word(&line, &word); count++) {
        if (count < room)
            words[count] = word;
    }
    return count;
}
