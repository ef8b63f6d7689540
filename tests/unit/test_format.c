/* common/format.c against the host's printf where both understand a format,
 * and by table where ours says something of its own. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Both into a buffer of every kind of size: the text, what is cut off, the
 * length and the bytes behind it must agree. The format reaches both through a
 * variable, for some of them the compiler would object to. */
static void check(const char *format, ...)
{
    char ours[256];
    char theirs[256];
    size_t size = (size_t)random() % 4 ? sizeof ours : (size_t)random() % 40;
    va_list args;
    size_t length;
    int expected;

    memset(ours, '~', sizeof ours);
    memset(theirs, '~', sizeof theirs);
    va_start(args, format);
    length = format_text_args(ours, size, format, args);
    va_end(args);
    va_start(args, format);
    expected = vsnprintf(theirs, size, format, args);
    va_end(args);
    if (length != (size_t)expected || memcmp(ours, theirs, sizeof ours) != 0)
        fail_msg("\"%s\" in %zu: \"%.*s\" (%zu), expected \"%.*s\" (%d)", format, size, 80, ours,
                 length, 80, theirs, expected);
}

static const char *pick(const char *const *words, size_t count)
{
    return words[(size_t)random() % count];
}

static uint64_t random_value(void)
{
    static const uint64_t edges[] = {
        0,          1,          9,         10,         15,         16,
        INT8_MAX,   UINT8_MAX,  INT16_MAX, UINT16_MAX, INT32_MAX,  INT64_MAX,
        UINT32_MAX, UINT64_MAX, 0x80,      0x8000,     0x80000000, UINT64_C(1) << 63,
    };
    uint64_t value = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();

    if (random() % 4 == 0)
        return edges[(size_t)random() % ROWS(edges)];
    return value >> random() % 64;
}

/* With `width` the argument for a `*`. */
static void check_integer(const char *format, const char *length, bool star, int width)
{
    uint64_t value = random_value();

    /* Each argument has its right type, or the host's printf were undefined. */
    if (strcmp(length, "l") == 0)
        star ? check(format, width, (long)value) : check(format, (long)value);
    else if (strcmp(length, "ll") == 0)
        star ? check(format, width, (long long)value) : check(format, (long long)value);
    else if (strcmp(length, "z") == 0)
        star ? check(format, width, (size_t)value) : check(format, (size_t)value);
    else
        star ? check(format, width, (int)value) : check(format, (int)value);
}

static void test_integers(void **state)
{
    static const char *const flags[] = {"", "-", "0", "-0", "0-", "00"};
    static const char *const hex_flags[] = {"#", "#0", "-#", "0-#"};
    static const char *const widths[] = {"", "", "1", "2", "8", "18", "25", "37", "100", "*"};
    static const char *const lengths[] = {"", "hh", "h", "l", "ll", "z"};
    char format[64];

    (void)state;
    srandom(1);
    for (size_t i = 0; i < 200000; i++) {
        char letter = "diuxX"[random() % 5];
        bool prefix = (letter == 'x' || letter == 'X') && random() % 2;
        const char *flag = prefix ? pick(hex_flags, ROWS(hex_flags)) : pick(flags, ROWS(flags));
        const char *width = pick(widths, ROWS(widths));
        const char *length = pick(lengths, ROWS(lengths));

        snprintf(format, sizeof format, "<%%%s%s%s%c>", flag, width, length, letter);
        check_integer(format, length, *width == '*', (int)(random() % 80) - 40);
    }
}

static void test_strings(void **state)
{
    static const char *const words[] = {"", "a", "bestla", "a rather longer piece of text"};
    static const char *const formats[] = {
        "%s|",   "%1s|", "%9s|",  "%-9s|",  "%40s|",   "%-40s|",
        "%.0s|", "%.s|", "%.3s|", "%9.3s|", "%-9.2s|",
    };

    (void)state;
    srandom(2);
    for (size_t i = 0; i < 20000; i++) {
        const char *word = pick(words, ROWS(words));

        check(pick(formats, ROWS(formats)), word);
        check("%*s|", (int)(random() % 80) - 40, word);
        check("%.*s|", (int)(random() % 12) - 4, word);
        check("%-*.*s|", (int)(random() % 80) - 40, (int)(random() % 12) - 4, word);
    }
}

static void test_the_rest(void **state)
{
    (void)state;
    srandom(3);
    for (size_t i = 0; i < 2000; i++) {
        check("", 0);
        check("no conversion", 0);
        check("100%%, %d%%%d", 1, 2);
        check("%c|%3c|%-3c|", 'a', 'b', 'c');
        check("%c", 0);
        check("%.*d|%.*x", -1, 5, -9, 6u); /* a negative precision is none */
        check("%c%c", 0xff, '%');
        check("%p|%20p|%-20p|", (void *)1, (void *)0xffffffff80000000, (void *)0xabcdef);
        check("%s %d of %u: %#018lx-%#zx %c%s", "map", -3, 4u, ULONG_MAX, sizeof format_text, 'x',
              "end");
        check("%d %d %d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    }
}

struct own_row {
    const char *format;
    const char *text;
};

/* Arguments: a number and twice a string, for those that take one. */
static void check_own(const struct own_row *rows, size_t count)
{
    char text[64];

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(format_text(text, sizeof text, rows[i].format, 7l, "one", "two"),
                         strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

/* It stands there as it is, and so does the rest. */
static void test_not_understood(void **state)
{
    static const struct own_row rows[] = {
        {"%", "%"},
        {"a%", "a%"},
        {"%5", "%5"},
        {"%-", "%-"},
        {"%l", "%l"},
        {"%ll", "%ll"},
        {"%h", "%h"},
        {"%hh", "%hh"},
        {"%z", "%z"},
        {"%.", "%."},
        {"%.3", "%.3"},
        {"%f %s", "%f %s"},
        {"%d %y %s%%", "7 %y %s%%"},
        {"%+d %s", "%+d %s"},
        {"% d", "% d"},
        {"%o", "%o"},
        {"%n", "%n"},
        {"%.3d %s", "%.3d %s"},
        {"%.3u", "%.3u"},
        {"%.1x", "%.1x"},
        {"%.1X", "%.1X"},
        {"%.1i", "%.1i"},
        {"%.2p", "%.2p"},
        {"%.2c", "%.2c"},
        {"%lp", "%lp"},
        {"%ls", "%ls"},
        {"%hc", "%hc"},
        {"%l%", "%l%"},
        {"%jd", "%jd"},
        {"%td", "%td"},
        {"%Lf", "%Lf"},
        {"%zzd", "%zzd"},
        {"%hhhd", "%hhhd"},
        {"%llld", "%llld"},
        {"%lhd", "%lhd"},
        {"%*y %s", "%*y %s"},
        {"%d %*", "7 %*"},
    };

    (void)state;
    check_own(rows, ROWS(rows));
}

static void test_our_own(void **state)
{
    static const struct own_row rows[] = {
        {"%p", "0x7"},
        {"%010p|", "0x00000007|"},
        /* flags that mean nothing here */
        {"%#d", "7"},
        {"%05c|", "    \a|"},
        {"%#u|%05s|", "7|  one|"},
        {"%5%|", "%|"},
    };

    (void)state;
    check_own(rows, ROWS(rows));
}

static void test_null(void **state)
{
    const char *volatile nothing = NULL; /* or the compiler objects */
    char text[32];

    (void)state;
    format_text(text, sizeof text, "%s|%.3s|%8s|%p", nothing, nothing, nothing, (void *)NULL);
    assert_string_equal(text, "(null)|(nu|  (null)|0x0");
}

/* A precision bounds the reading: the string need not end. */
static void test_unterminated(void **state)
{
    char *bytes = malloc(3);
    char text[8];

    (void)state;
    memcpy(bytes, "abc", 3);
    assert_int_equal(format_text(text, sizeof text, "%.3s", bytes), 3);
    assert_string_equal(text, "abc");
    assert_int_equal(format_text(text, sizeof text, "%.*s", 2, bytes), 2);
    assert_string_equal(text, "ab");
    free(bytes);
}

static void test_wild_widths(void **state)
{
    static const struct {
        const char *format;
        size_t length;
    } rows[] = {
        {"%4094d", 4094},       {"%4095d", 4095},
        {"%4096d", 4095},       {"%2147483647d", 4095},
        {"%2147483648d", 4095}, {"%99999999999999999999999d", 4095},
        {"%4294967297d", 4095}, {"%-99999999999d", 4095},
        {"%0999999d", 4095},    {"%18446744073709551617d", 4095},
    };
    static const int stars[] = {INT_MAX, INT_MIN, INT_MIN + 1, 4096, -4096};
    static const char *const volatile precisions[] = {"%.99999999999999999999s", "%.4294967297s"};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(format_text(NULL, 0, rows[i].format, 1), rows[i].length);
    for (size_t i = 0; i < ROWS(stars); i++)
        assert_int_equal(format_text(NULL, 0, "%*d", stars[i], 1), 4095);
    for (size_t i = 0; i < ROWS(precisions); i++)
        assert_int_equal(format_text(NULL, 0, precisions[i], "abc"), 3);
}

/* The width's limit does not bind the text itself. */
static void test_long_string(void **state)
{
    char *text = malloc(10001);

    (void)state;
    memset(text, 'x', 10000);
    text[10000] = '\0';
    assert_int_equal(format_text(NULL, 0, "%s", text), 10000);
    assert_int_equal(format_text(NULL, 0, "%.9000s", text), 9000);
    free(text);
}

/* Exact-size buffers on the heap: never a byte past `size`. */
static void test_buffer_sizes(void **state)
{
    const char *whole = "bestla: 42 <    ready>";

    (void)state;
    for (size_t size = 0; size < 30; size++) {
        char *text = size > 0 ? malloc(size) : NULL;

        assert_int_equal(format_text(text, size, "%s: %d <%9s>", "bestla", 42, "ready"),
                         strlen(whole));
        if (size > 0) {
            assert_int_equal(strlen(text), size - 1 < strlen(whole) ? size - 1 : strlen(whole));
            assert_memory_equal(text, whole, strlen(text));
        }
        free(text);
    }
}

struct collected {
    char text[64];
    size_t length;
    size_t calls;
};

static void collect(void *context, const char *text, size_t length)
{
    struct collected *collected = context;

    assert_true(length > 0);
    assert_true(length <= sizeof collected->text - collected->length);
    memcpy(collected->text + collected->length, text, length);
    collected->length += length;
    collected->calls++;
}

static struct collected collect_format(const char *format, ...)
{
    struct collected collected = {.length = 0};
    va_list args;

    va_start(args, format);
    format_to(collect, &collected, format, args);
    va_end(args);
    return collected;
}

/* A console sink costs a call: runs come whole, and nothing comes as nothing. */
static void test_sink(void **state)
{
    struct collected collected = collect_format("literal %s%s|%20d", "text", "", 5);

    (void)state;
    assert_int_equal(collected.length, 33);
    assert_memory_equal(collected.text, "literal text|                   5", 33);
    assert_in_range(collected.calls, 1, 6);
    assert_int_equal(collect_format("").calls, 0);
    assert_int_equal(collect_format("%s", "").calls, 0);
}

/* Bytes that spell anything: with arguments that a string could be, no crash. */
static void test_random_formats(void **state)
{
    static const char alphabet[] = "%%%%%-0#*.123hlzdiuxXpcs% +fnq";
    char format[12];
    char text[32];

    (void)state;
    srandom(4);
    for (size_t i = 0; i < 200000; i++) {
        size_t length = (size_t)random() % sizeof format;

        for (size_t at = 0; at < length; at++)
            format[at] = alphabet[(size_t)random() % (sizeof alphabet - 1)];
        format[length] = '\0';
        format_text(text, sizeof text, format, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j",
                    "k");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),       cmocka_unit_test(test_strings),
        cmocka_unit_test(test_the_rest),       cmocka_unit_test(test_our_own),
        cmocka_unit_test(test_not_understood), cmocka_unit_test(test_null),
        cmocka_unit_test(test_unterminated),   cmocka_unit_test(test_wild_widths),
        cmocka_unit_test(test_long_string),    cmocka_unit_test(test_buffer_sizes),
        cmocka_unit_test(test_sink),           cmocka_unit_test(test_random_formats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
