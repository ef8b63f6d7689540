/* common/symbol_table.c over the sample, against what a search of the list that it was made
 * from says. That tools/ksyms writes such tables is tests/tools/'s business. */
/* links: tests/unit/symbol_table_sample.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "symbol_table_sample.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* ---- asking ---------------------------------------------------------------------------- */

struct text {
    char bytes[32];
    size_t length; /* of all that came */
};

static void keep(void *context, const char *bytes, size_t length)
{
    struct text *text = context;

    for (size_t i = 0; i < length; i++, text->length++) {
        if (text->length + 1 < sizeof(text->bytes))
            text->bytes[text->length] = bytes[i];
    }
}

static void assert_symbol(const struct symbol_table *table, const struct symbol *symbol,
                          const struct row *row)
{
    struct text text = {0};

    assert_int_equal(symbol->start, row->start);
    assert_int_equal(symbol->size, row->size);
    assert_int_equal(symbol->object, row->object);
    assert_int_equal(symbol->file, row->file);
    symbol_name_to(table, symbol, keep, &text);
    assert_string_equal(text.bytes, row->name);
}

static struct symbol_table open_good(const struct made *made)
{
    struct symbol_table table;

    assert_int_equal(symbol_table_open(made->bytes, made->size, &table), SYMBOL_TABLE_OK);
    return table;
}

/* The last piece that starts at or below an address. */
static bool expected_piece(uint64_t offset, struct row *row)
{
    bool found = false;

    for (size_t i = 0; i < SAMPLE_PIECES && sample_row(i).piece <= offset; i++) {
        *row = sample_row(i);
        found = true;
    }
    return found;
}

static void test_every_address_has_its_symbol(void **state)
{
    struct made made = sample_table();
    struct symbol_table table = open_good(&made);
    struct symbol symbol;
    struct row row;

    (void)state;
    for (uint64_t offset = 0; offset < SAMPLE_SYMBOLS_END + 100; offset++) {
        bool any = expected_piece(offset, &row);
        bool inside = any && offset < row.start + row.size;

        assert_int_equal(symbol_table_nearest(&table, offset, &symbol), any);
        if (any)
            assert_symbol(&table, &symbol, &row);
        assert_int_equal(symbol_table_find(&table, offset, &symbol), inside);
        if (inside)
            assert_symbol(&table, &symbol, &row);
    }
}

/* An offset is not cut to the 32 bits that the table has. */
static void test_far_addresses(void **state)
{
    static const uint64_t far[] = {UINT64_MAX, UINT64_C(0x100000010), UINT64_C(0x8000000000000010)};
    struct made made = sample_table();
    struct symbol_table table = open_good(&made);
    struct symbol symbol;
    struct source_line line;

    (void)state;
    for (size_t i = 0; i < ROWS(far); i++) {
        assert_false(symbol_table_find(&table, far[i], &symbol));
        assert_true(symbol_table_nearest(&table, far[i], &symbol));
        assert_int_equal(symbol.start, SAMPLE_SYMBOLS_END - 4);
        assert_false(symbol_table_line(&table, far[i] + 0x30, &line));
    }
}

static void test_every_address_has_its_line(void **state)
{
    struct made made = sample_table();
    struct symbol_table table = open_good(&made);

    (void)state;
    for (uint64_t offset = 0; offset < SAMPLE_LINES_END + 100; offset++) {
        struct line_row row = {0};
        struct source_line line = {77, 77};

        for (size_t i = 0;
             i < SAMPLE_LINES && sample_line(i).start <= offset && offset < SAMPLE_LINES_END; i++)
            row = sample_line(i);
        assert_int_equal(symbol_table_line(&table, offset, &line), row.line != 0);
        assert_int_equal(line.line, row.line ? row.line : 77);
        assert_int_equal(line.file, row.line ? row.file : 77);
    }
}

static void test_files(void **state)
{
    struct made made = sample_table();
    struct symbol_table table = open_good(&made);

    (void)state;
    for (uint32_t i = 0; i < SAMPLE_FILES + 1; i++) {
        struct text text = {0};
        symbol_file_to(&table, i, keep, &text);
        assert_string_equal(text.bytes, i < SAMPLE_FILES ? sample_files[i] : "");
    }
}

struct visiting {
    const struct symbol_table *table;
    size_t piece, count, limit;
};

static bool visit(void *context, const struct symbol *symbol)
{
    struct visiting *visiting = context;
    struct row row = sample_row(visiting->piece);

    if (row.piece != row.start)
        row = sample_row(++visiting->piece);
    assert_symbol(visiting->table, symbol, &row);
    visiting->piece++;
    return ++visiting->count < visiting->limit;
}

static void test_visits_each_symbol_once(void **state)
{
    struct made made = sample_table();
    struct symbol_table table = open_good(&made);
    struct visiting all = {&table, 0, 0, SIZE_MAX}, some = {&table, 0, 0, 5};

    (void)state;
    symbol_table_visit(&table, visit, &all);
    assert_int_equal(all.count, table.header->symbols);
    symbol_table_visit(&table, visit, &some);
    assert_int_equal(some.count, 5);
}

/* ---- and the rest ---------------------------------------------------------------------- */

static void test_crc32(void **state)
{
    (void)state;
    assert_int_equal(crc32("", 0), 0);
    assert_int_equal(crc32("123456789", 9), 0xcbf43926); /* its usual check value */
}

static void test_status_texts(void **state)
{
    (void)state;
    for (int i = SYMBOL_TABLE_OK; i <= SYMBOL_TABLE_DAMAGED; i++)
        assert_string_not_equal(symbol_table_status_text((enum symbol_table_status)i), "unknown");
    assert_string_equal(symbol_table_status_text((enum symbol_table_status)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_address_has_its_symbol),
        cmocka_unit_test(test_far_addresses),
        cmocka_unit_test(test_every_address_has_its_line),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_visits_each_symbol_once),
        cmocka_unit_test(test_crc32),
        cmocka_unit_test(test_status_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
