/* See entry_order.h. */
#include "entry_order.h"

#include "format.h"
#include "mem.h"

/* ---- file names ------------------------------------------------------------------------ */

static struct text without_ending(struct text name)
{
    size_t length = name.length;

    while (length > 0 && name.start[length - 1] != '.')
        length--;
    return (struct text){name.start, length > 0 ? length - 1 : name.length};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes the digits at the end off; false when there is none. UINT32_MAX is more than can be told.
 */
static bool take_number(struct text *text, uint32_t *number)
{
    uint64_t sum = 0, unit = 1;
    size_t digits = 0;

    for (; text->length > 0 && is_digit(text->start[text->length - 1]); digits++) {
        sum += unit * (uint64_t)(text->start[--text->length] - '0');
        unit = sum > UINT32_MAX || unit > UINT32_MAX ? unit : unit * 10;
        sum = sum < UINT32_MAX ? sum : UINT32_MAX;
    }
    *number = (uint32_t)sum;
    return digits > 0;
}

static bool take_last(struct text *text, char c)
{
    if (text->length == 0 || text->start[text->length - 1] != c)
        return false;
    text->length--;
    return true;
}

struct text entry_stem(struct text name, struct entry_tries *tries)
{
    struct text stem = without_ending(name), rest = stem;
    uint32_t left, done = 0;

    *tries = (struct entry_tries){0};
    if (!take_number(&rest, &left))
        return stem;
    if (take_last(&rest, '-')) {
        done = left;
        if (!take_number(&rest, &left))
            return stem;
    }
    if (!take_last(&rest, '+') || rest.length == 0)
        return stem;
    *tries = (struct entry_tries){true, left == 0, left, done};
    return rest;
}

static struct text ending_of(struct text name)
{
    size_t length = without_ending(name).length;

    return length == name.length ? (struct text){0}
                                 : (struct text){name.start + length, name.length - length};
}

void entry_id(struct text name, char *id, size_t size)
{
    struct entry_tries tries;
    struct text stem = entry_stem(name, &tries), ending = ending_of(name);

    format_text(id, size, "%.*s%.*s", TEXT_ARG(stem), TEXT_ARG(ending));
}

bool entry_next_name(struct text name, char *next, size_t size)
{
    struct entry_tries tries;
    struct text stem = entry_stem(name, &tries), ending = ending_of(name);

    return tries.counted && !tries.exhausted && tries.left != UINT32_MAX &&
           tries.done != UINT32_MAX &&
           format_text(next, size, "%.*s+%u-%u%.*s", TEXT_ARG(stem), tries.left - 1, tries.done + 1,
                       TEXT_ARG(ending)) < size;
}

/* With the count left out: the endings agree, and what stands before them. */
static bool is_called_by_id(struct text name, struct text stem, struct text pattern)
{
    return text_equal_ignoring_case(ending_of(name), ending_of(pattern)) &&
           text_matches(stem, without_ending(pattern));
}

bool entry_is_called(struct text name, struct text pattern)
{
    struct entry_tries tries;
    struct text stem = entry_stem(name, &tries);

    return pattern.length != 0 &&
           (text_matches(name, pattern) || text_matches(without_ending(name), pattern) ||
            text_matches(stem, pattern) || is_called_by_id(name, stem, pattern));
}

/* ---- versions -------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char first_of(struct text text)
{
    return text.length == 0 ? '\0' : text.start[0];
}

static struct text skip(struct text text, size_t count)
{
    return count == 0 ? text : (struct text){text.start + count, text.length - count};
}

static struct text skip_separators(struct text text)
{
    while (text.length > 0 && !is_letter(text.start[0]) && !is_digit(text.start[0]) &&
           text.start[0] != '~' && text.start[0] != '-' && text.start[0] != '^' &&
           text.start[0] != '.')
        text = skip(text, 1);
    return text;
}

static int sign(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

/* Takes the characters of a class off the front. */
static struct text take_run(struct text *rest, bool (*belongs)(char))
{
    struct text run = {rest->start, 0};

    while (run.length < rest->length && belongs(rest->start[run.length]))
        run.length++;
    *rest = skip(*rest, run.length);
    return run;
}

static struct text take_digits(struct text *rest)
{
    while (first_of(*rest) == '0')
        *rest = skip(*rest, 1);
    return take_run(rest, is_digit);
}

static int compare_bytes(struct text a, struct text b)
{
    size_t both = a.length < b.length ? a.length : b.length;
    int order = both == 0 ? 0 : memcmp(a.start, b.start, both);

    return order != 0 ? order : sign(a.length, b.length);
}

/* A number of more digits is larger, leading zeros apart. */
static int compare_numbers(struct text a, struct text b)
{
    return a.length != b.length ? sign(a.length, b.length) : compare_bytes(a, b);
}

/* A version that goes on with this character is older than one that does not. Both lose it. */
static bool differ_by(struct text *a, struct text *b, char c, int *order)
{
    bool in_a = first_of(*a) == c, in_b = first_of(*b) == c;

    *order = sign(!in_a, !in_b);
    if (in_a && in_b) {
        *a = skip(*a, 1);
        *b = skip(*b, 1);
    }
    return *order != 0;
}

static int compare_next(struct text *a, struct text *b)
{
    if (is_digit(first_of(*a)) || is_digit(first_of(*b))) {
        struct text digits_a = take_digits(a), digits_b = take_digits(b);
        return compare_numbers(digits_a, digits_b);
    }
    struct text letters_a = take_run(a, is_letter), letters_b = take_run(b, is_letter);
    return compare_bytes(letters_a, letters_b);
}

int version_compare(struct text a, struct text b)
{
    static const char marks[] = {'-', '^', '.'};
    int order = 0;

    while (order == 0) {
        a = skip_separators(a);
        b = skip_separators(b);
        /* `~` makes a version older than what it is appended to. */
        if (differ_by(&a, &b, '~', &order))
            return order;
        if (a.length == 0 || b.length == 0)
            return sign(a.length, b.length);
        for (size_t i = 0; i < sizeof(marks); i++) {
            if (differ_by(&a, &b, marks[i], &order))
                return order;
        }
        order = compare_next(&a, &b);
    }
    return order;
}

/* ---- entries --------------------------------------------------------------------------- */

static bool is_exhausted(struct text name)
{
    struct entry_tries tries;

    (void)entry_stem(name, &tries);
    return tries.exhausted;
}

/* Both have a sort-key. Positive when `a` stands behind `b`. */
static int compare_keys(const struct boot_entry *a, const struct boot_entry *b)
{
    int order = compare_bytes(a->sort_key, b->sort_key);

    if (order == 0)
        order = compare_bytes(a->machine_id, b->machine_id);
    return order != 0 ? order : version_compare(b->version, a->version);
}

/* Names that differ only in what versions do not heed must have an order too. */
static int compare_names(struct text a, struct text b)
{
    int order = version_compare(b, a);

    return order != 0 ? order : compare_bytes(b, a);
}

bool entry_stands_before(const struct entry_rank *a, const struct entry_rank *b)
{
    bool key_a = a->entry->sort_key.length > 0, key_b = b->entry->sort_key.length > 0;
    bool exhausted_a = is_exhausted(a->name), exhausted_b = is_exhausted(b->name);

    if (a->last != b->last)
        return b->last;
    if (exhausted_a != exhausted_b)
        return exhausted_b;
    if (key_a != key_b)
        return key_a;

    int order = key_a ? compare_keys(a->entry, b->entry) : 0;
    return (order != 0 ? order : compare_names(a->name, b->name)) < 0;
}

bool entry_is_for_x64(const struct boot_entry *entry)
{
    return entry->architecture.length == 0 ||
           text_equal_ignoring_case(entry->architecture, text_of("x64"));
}
