/* common/symbol_table.c over tables that are damaged, each in memory of its exact size, so that
 * the sanitizers see a byte read too many. */
/* links: tests/unit/symbol_table_sample.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbol_table_sample.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

struct text {
    size_t length;
    unsigned sum;
};

/* Reads every byte that it is handed. */
static void keep(void *context, const char *bytes, size_t length)
{
    struct text *text = context;

    for (size_t i = 0; i < length; i++)
        text->sum += (unsigned char)bytes[i];
    text->length += length;
}

static bool visit_names(void *context, const struct symbol *symbol)
{
    struct text text = {0};

    symbol_name_to(context, symbol, keep, &text);
    symbol_file_to(context, symbol->file, keep, &text);
    return true;
}

/* ---- what is not a table --------------------------------------------------------------- */

/* Opens a copy that ends where the memory ends. */
static enum symbol_table_status open_copy(const struct made *made, size_t size, uint8_t **copy,
                                          struct symbol_table *table)
{
    *copy = malloc(size ? size : 1);
    assert_non_null(*copy);
    memcpy(*copy, made->bytes, size);
    return symbol_table_open(*copy, size, table);
}

static enum symbol_table_status status_of(const struct made *made, size_t size)
{
    struct symbol_table table;
    uint8_t *copy;
    enum symbol_table_status status = open_copy(made, size, &copy, &table);

    free(copy);
    return status;
}

static void test_any_flipped_bit_is_seen(void **state)
{
    struct made made = sample_table();

    (void)state;
    for (size_t bit = 0; bit < 8 * made.size; bit++) {
        made.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(status_of(&made, made.size),
                         bit < 64 ? SYMBOL_TABLE_FOREIGN : SYMBOL_TABLE_DAMAGED);
        made.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(status_of(&made, made.size), SYMBOL_TABLE_OK);
}

static void test_any_cut_is_seen(void **state)
{
    struct made made = sample_table();
    size_t whole = made.size;

    (void)state;
    for (size_t size = 0; size < whole; size++)
        assert_int_equal(status_of(&made, size), SYMBOL_TABLE_DAMAGED);
    sample_put(&made, "more", 4); /* what lies behind is nobody's */
    assert_int_equal(status_of(&made, made.size), SYMBOL_TABLE_OK);
}

static void test_unfilled(void **state)
{
    struct made made = {.size = sizeof(struct symbol_table_header)};

    (void)state;
    assert_int_equal(status_of(&made, made.size), SYMBOL_TABLE_UNFILLED);
}

static void test_layout_must_fit(void **state)
{
    static const struct {
        size_t field;
        uint32_t value;
    } bad[] = {
        {offsetof(struct symbol_table_header, size), 47},
        {offsetof(struct symbol_table_header, size), UINT32_MAX},
        {offsetof(struct symbol_table_header, pieces), 10000},
        {offsetof(struct symbol_table_header, pieces), UINT32_MAX},
        {offsetof(struct symbol_table_header, lines), UINT32_MAX},
        {offsetof(struct symbol_table_header, files), UINT32_MAX},
        {offsetof(struct symbol_table_header, name_codes), 257},
        {offsetof(struct symbol_table_header, name_codes), 200 | 57 << 16},
        {offsetof(struct symbol_table_header, name_codes), 0xffffffff},
        {offsetof(struct symbol_table_header, name_codes), 2 | 2 << 16}, /* pairs of later ones */
        {offsetof(struct symbol_table_header, piece_stream), 47},
        {offsetof(struct symbol_table_header, piece_stream), UINT32_MAX},
        {offsetof(struct symbol_table_header, line_stream), 0},
        {offsetof(struct symbol_table_header, line_stream), UINT32_MAX},
        {offsetof(struct symbol_table_header, file_stream), 0},
        {offsetof(struct symbol_table_header, file_stream), UINT32_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++) {
        struct made made = sample_table();
        memcpy(made.bytes + bad[i].field, &bad[i].value, sizeof(bad[i].value));
        sample_sign(&made);
        assert_int_equal(status_of(&made, made.size), SYMBOL_TABLE_DAMAGED);
    }
}

static void test_nothing_in_it(void **state)
{
    struct made made = {0};
    struct symbol_table_header header = {.magic = SYMBOL_TABLE_MAGIC,
                                         .version = SYMBOL_TABLE_VERSION,
                                         .size = sizeof(header),
                                         .piece_stream = sizeof(header),
                                         .line_stream = sizeof(header),
                                         .file_stream = sizeof(header)};
    struct source_line line;
    struct symbol symbol;

    (void)state;
    sample_put(&made, &header, sizeof(header));
    sample_sign(&made);
    struct symbol_table table;
    assert_int_equal(symbol_table_open(made.bytes, made.size, &table), SYMBOL_TABLE_OK);
    assert_false(symbol_table_find(&table, 0, &symbol));
    assert_false(symbol_table_nearest(&table, 0, &symbol));
    assert_false(symbol_table_line(&table, 0, &line));
    symbol_table_visit(&table, visit_names, &table);
}

/* ---- damage behind a good checksum ----------------------------------------------------- */

/* All that can be asked; the sanitizers judge. */
static void ask_all(struct symbol_table *table)
{
    struct symbol symbol;
    struct source_line line;

    symbol_table_visit(table, visit_names, table);
    for (uint64_t offset = 0; offset < SAMPLE_LINES_END; offset += 61) {
        if (symbol_table_nearest(table, offset, &symbol))
            visit_names(table, &symbol);
        symbol_table_find(table, offset, &symbol);
        if (symbol_table_line(table, offset, &line))
            symbol_file_to(table, line.file, keep, &(struct text){0});
    }
}

static void survive(struct made *made)
{
    struct symbol_table table;
    uint8_t *copy;

    sample_sign(made);
    if (open_copy(made, made->size, &copy, &table) == SYMBOL_TABLE_OK)
        ask_all(&table);
    free(copy);
}

static void test_signed_damage_stays_inside(void **state)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    const struct made good = sample_table();

    (void)state;
    for (size_t at = sizeof(struct symbol_table_header) - 36; at < good.size; at++) {
        for (size_t i = 0; i < ROWS(values); i++) {
            struct made made = good;
            made.bytes[at] = values[i];
            survive(&made);
        }
    }
    srandom(1);
    for (unsigned round = 0; round < 1000; round++) {
        struct made made = good;
        for (long count = 1 + random() % 8; count > 0; count--)
            made.bytes[16 + (size_t)random() % (made.size - 16)] = (uint8_t)random();
        survive(&made);
    }
}

/* Each pair doubles the one before: 2^200 bytes, were it not cut. */
static void test_endless_name_is_cut(void **state)
{
    struct made made = {0};
    struct symbol_table_header header = {.magic = SYMBOL_TABLE_MAGIC,
                                         .version = SYMBOL_TABLE_VERSION,
                                         .symbols = 1,
                                         .pieces = 1,
                                         .name_codes = 1 | 200U << 16};
    struct symbol symbol;
    struct text text = {0};

    (void)state;
    sample_put(&made, &header, sizeof(header));
    sample_put(&made, &(struct symbol_block){0, 0}, sizeof(struct symbol_block));
    sample_put(&made, "x", 1);
    for (uint8_t code = 0; code < 200; code++)
        sample_put(&made, (const uint8_t[]){code, code}, 2);
    header.piece_stream = (uint32_t)made.size;
    sample_put(&made, "\0\1\2\310\310", 5); /* 4 bytes long, a name of two codes 200 */
    header.line_stream = header.file_stream = header.size = (uint32_t)made.size;
    memcpy(made.bytes, &header, sizeof(header));
    sample_sign(&made);
    struct symbol_table table;
    assert_int_equal(symbol_table_open(made.bytes, made.size, &table), SYMBOL_TABLE_OK);
    assert_true(symbol_table_find(&table, 3, &symbol));
    symbol_name_to(&table, &symbol, keep, &text);
    assert_int_equal(text.length, NAME_LENGTH_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_flipped_bit_is_seen),
        cmocka_unit_test(test_any_cut_is_seen),
        cmocka_unit_test(test_unfilled),
        cmocka_unit_test(test_layout_must_fit),
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_signed_damage_stays_inside),
        cmocka_unit_test(test_endless_name_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
