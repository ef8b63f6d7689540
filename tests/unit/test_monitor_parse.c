/* kernel/monitor/parse.c: words, numbers, addresses, ranges. */
/* links: kernel/monitor/parse.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parse.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Without a NUL behind it, so that a byte too many is seen. */
static struct text exact_copy(const char *string)
{
    size_t length = strlen(string);
    char *copy = malloc(length + (length == 0));

    memcpy(copy, string, length);
    return (struct text){copy, length};
}

static void drop(struct text text)
{
    free((void *)(uintptr_t)text.start);
}

static size_t names(struct text name, uint64_t *address)
{
    *address = 0xffffffff80101000;
    if (text_equal(name, text_of("twice")))
        return 2;
    return text_equal(name, text_of("run")) || text_equal(name, text_of("face")) ||
           text_equal(name, text_of("data.0"));
}

static void test_numbers(void **state)
{
    static const struct {
        const char *word;
        enum parse_status status;
        uint64_t value;
    } rows[] = {
        {"0", PARSE_OK, 0},
        {"42", PARSE_OK, 42},
        {"0x42", PARSE_OK, 0x42},
        {"0XfF", PARSE_OK, 0xff},
        {"010", PARSE_OK, 10},
        {"4K", PARSE_OK, 4096},
        {"2m", PARSE_OK, 2 << 20},
        {"0x10G", PARSE_OK, UINT64_C(16) << 30},
        {"1T", PARSE_OK, UINT64_C(1) << 40},
        {"18446744073709551615", PARSE_OK, UINT64_MAX},
        {"18446744073709551616", PARSE_TOO_LARGE, 0},
        {"0xffffffffffffffff", PARSE_OK, UINT64_MAX},
        {"0x10000000000000000", PARSE_TOO_LARGE, 0},
        {"0x3fffffffffffffK", PARSE_OK, UINT64_C(0xfffffffffffffc00)},
        {"0x40000000000000K", PARSE_TOO_LARGE, 0},
        {"99999999999999999999999999999999999999999", PARSE_TOO_LARGE, 0},
        {"", PARSE_NOT_A_NUMBER, 0},
        {"K", PARSE_NOT_A_NUMBER, 0},
        {"0x", PARSE_NOT_A_NUMBER, 0},
        {"0xK", PARSE_NOT_A_NUMBER, 0},
        {"x", PARSE_NOT_A_NUMBER, 0},
        {"12a", PARSE_NOT_A_NUMBER, 0},
        {"-1", PARSE_NOT_A_NUMBER, 0},
        {"+1", PARSE_NOT_A_NUMBER, 0},
        {"0x1g1", PARSE_NOT_A_NUMBER, 0},
        {"4KK", PARSE_NOT_A_NUMBER, 0},
        {"1 2", PARSE_NOT_A_NUMBER, 0},
        {"\xff", PARSE_NOT_A_NUMBER, 0},
        /* What is no number is that, however long. */
        {"99999999999999999999999999x", PARSE_NOT_A_NUMBER, 0},
    };
    (void)state;

    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text word = exact_copy(rows[i].word);
        uint64_t value = 0;
        assert_int_equal(parse_number(word, &value), rows[i].status);
        assert_int_equal(value, rows[i].value);
        drop(word);
    }
}

static void test_addresses(void **state)
{
    static const struct {
        const char *word;
        enum parse_status status;
        uint64_t value;
    } rows[] = {
        {"0x1000", PARSE_OK, 0x1000},
        {"0x1000+0x10", PARSE_OK, 0x1010},
        {"run", PARSE_OK, 0xffffffff80101000},
        {"run+20", PARSE_OK, 0xffffffff80101014},
        {"run+1M", PARSE_OK, 0xffffffff80201000},
        {"data.0", PARSE_OK, 0xffffffff80101000},
        {"face", PARSE_OK, 0xffffffff80101000},
        {"run+", PARSE_NOT_A_NUMBER, 0},
        {"run+run", PARSE_NOT_A_NUMBER, 0},
        {"+1", PARSE_NOT_A_NUMBER, 0},
        {"+", PARSE_NOT_A_NUMBER, 0},
        {"", PARSE_NOT_A_NUMBER, 0},
        {"12walk", PARSE_NOT_A_NUMBER, 0},
        {"nowhere", PARSE_UNKNOWN_NAME, 0},
        {"nowhere+1", PARSE_UNKNOWN_NAME, 0},
        {"twice", PARSE_AMBIGUOUS, 0},
        {"run+0xffffffffffffffff", PARSE_TOO_LARGE, 0},
        {"0xffffffffffffffff+1", PARSE_TOO_LARGE, 0},
    };
    (void)state;

    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text word = exact_copy(rows[i].word);
        uint64_t value = 0;
        assert_int_equal(parse_address(word, names, &value), rows[i].status);
        assert_int_equal(value, rows[i].value);
        drop(word);
    }
}

static void test_ranges(void **state)
{
    static const struct {
        const char *word;
        enum parse_status status;
        uint64_t start, size;
    } rows[] = {
        {"0x1000", PARSE_OK, 0x1000, 1},
        {"0", PARSE_OK, 0, 1},
        {"0x1000-0x3000", PARSE_OK, 0x1000, 0x2000},
        {"0x1000+8K", PARSE_OK, 0x1000, 0x2000},
        {"run+4K", PARSE_OK, 0xffffffff80101000, 0x1000},
        {"run-run+1", PARSE_OK, 0xffffffff80101000, 1},
        {"0xffffffff80000000-0", PARSE_OK, 0xffffffff80000000, 0x80000000},
        {"0xffffffffffffffff", PARSE_OK, UINT64_MAX, 1},
        {"0xfffffffffffff000+4K", PARSE_OK, 0xfffffffffffff000, 0x1000},
        {"0xfffffffffffff000+5K", PARSE_BAD_RANGE, 0, 0},
        {"0x3000-0x1000", PARSE_BAD_RANGE, 0, 0},
        {"0x3000-0x3000", PARSE_BAD_RANGE, 0, 0},
        {"0-0", PARSE_BAD_RANGE, 0, 0}, /* 2^64 bytes have no size */
        {"1-0", PARSE_OK, 1, UINT64_MAX},
        {"0x3000+0", PARSE_BAD_RANGE, 0, 0},
        {"-", PARSE_NOT_A_NUMBER, 0, 0},
        {"1-", PARSE_NOT_A_NUMBER, 0, 0},
        {"-1", PARSE_NOT_A_NUMBER, 0, 0},
        {"1-2-3", PARSE_NOT_A_NUMBER, 0, 0},
        {"", PARSE_NOT_A_NUMBER, 0, 0},
        {"twice-3", PARSE_AMBIGUOUS, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < ROWS(rows); i++) {
        struct text word = exact_copy(rows[i].word);
        struct virt_range range = {{0}, 0};
        assert_int_equal(parse_range(word, names, &range), rows[i].status);
        assert_int_equal(range.start.raw, rows[i].start);
        assert_int_equal(range.size, rows[i].size);
        drop(word);
    }
}

static void test_words(void **state)
{
    struct text words[2] = {{NULL, 0}, {NULL, 0}};
    (void)state;

    assert_int_equal(parse_words(text_of(""), words, 2), 0);
    assert_int_equal(parse_words(text_of("  \t "), words, 2), 0);
    assert_null(words[0].start);
    assert_int_equal(parse_words(text_of(" x  run "), words, 2), 2);
    assert_true(text_equal(words[1], text_of("run")));
    assert_int_equal(parse_words(text_of("a b c d"), words, 2), 4);
    assert_true(text_equal(words[1], text_of("b")));
    for (enum parse_status status = PARSE_OK; status <= PARSE_BAD_RANGE; status++)
        assert_string_not_equal(parse_status_text(status), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
