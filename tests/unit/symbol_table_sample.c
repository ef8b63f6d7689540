/* See symbol_table_sample.h. */
#include "symbol_table_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Names in codes: 0 to 2 are literals, 3 is "ab", 4 is "abab". */
static const uint8_t literals[] = {'a', 'b', 'c'};
static const uint8_t pairs[] = {0, 1, 3, 3};

#define SMALL_START 0x1064U /* the last 70, one after another */

struct row sample_row(size_t piece)
{
    static const struct row special[] = {
        {0x10, 0x10, 0x10, false, 0, "\3", "ab"},
        {0x20, 7, 0x20, true, 0, "\4\2", "ababc"}, /* and a gap of 9 */
        {0x30, 0x30, 0x30, false, 0, "\2", "c"},   /* goes on behind the next one */
        {0x40, 8, 0x40, false, 1, "\1\1", "bb"},
        {0x30, 0x30, 0x48, false, 0, "\2", "c"},
        {0x60, 4, 0x60, false, 0, "\1", "b"}, /* an alias of the next one */
        {0x60, 4, 0x60, false, 2, "\1\1", "bb"},
    };
    uint32_t start = SMALL_START + 4 * (uint32_t)(piece - ROWS(special));

    if (piece < ROWS(special))
        return special[piece];
    return (struct row){start, 4, start, piece % 2 == 0, 0, "\3\1", "abb"};
}

static const char *const file_codes[] = {"\3", "\4\1"};
const char *const sample_files[] = {"ab", "ababb"};

/* From 0x30 on, up and down, with one place that has no line. */
struct line_row sample_line(size_t record)
{
    if (record == 3)
        return (struct line_row){0x3f, 0, 0};
    return (struct line_row){0x30 + 5 * (uint32_t)record, record % 7 < 2,
                             (uint32_t)(record * 7919 % 3000 + 1)};
}

void sample_put(struct made *made, const void *bytes, size_t size)
{
    assert_true(made->size + size <= sizeof(made->bytes));
    if (size)
        memcpy(made->bytes + made->size, bytes, size);
    made->size += size;
}

static void put_number(struct made *made, uint32_t number)
{
    for (; number >= 0x80; number >>= 7)
        sample_put(made, &(uint8_t){(uint8_t)(number | 0x80)}, 1);
    sample_put(made, &(uint8_t){(uint8_t)number}, 1);
}

static void put_codes(struct made *made, const char *codes)
{
    put_number(made, (uint32_t)strlen(codes));
    sample_put(made, codes, strlen(codes));
}

static void put_piece(struct made *made, size_t piece)
{
    struct row row = sample_row(piece);
    uint32_t end = piece + 1 < SAMPLE_PIECES ? sample_row(piece + 1).piece : SAMPLE_SYMBOLS_END;
    uint32_t length = end - row.piece, into = row.piece - row.start;
    bool explicit = into || row.size > length || length - row.size >= PIECE_EXPLICIT;
    uint32_t head = (explicit ? PIECE_EXPLICIT : length - row.size) |
                    (row.object ? PIECE_OBJECT : 0U) | (row.file ? PIECE_HAS_FILE : 0U) |
                    (length & 3) << PIECE_LOW_BITS;

    sample_put(made, &(uint8_t){(uint8_t)head}, 1);
    put_number(made, length >> 2);
    if (row.file)
        put_number(made, row.file - 1);
    if (explicit) {
        put_number(made, into);
        put_number(made, row.size);
    }
    put_codes(made, row.codes);
}

static void put_line(struct made *made, size_t record)
{
    struct line_row row = sample_line(record);
    struct line_row before = record % LINE_BLOCK ? sample_line(record - 1) : (struct line_row){0};
    uint32_t end = record + 1 < SAMPLE_LINES ? sample_line(record + 1).start : SAMPLE_LINES_END;
    int64_t step = (int64_t)row.line - before.line;

    put_number(made, (end - row.start) << 1 | (row.file != before.file));
    if (row.file != before.file)
        put_number(made, row.file);
    put_number(made, (uint32_t)(step < 0 ? -2 * step - 1 : 2 * step));
}

void sample_sign(struct made *made)
{
    const size_t summed = offsetof(struct symbol_table_header, symbols);

    uint32_t checksum = crc32(made->bytes + summed, made->size - summed);
    memcpy(made->bytes + offsetof(struct symbol_table_header, checksum), &checksum,
           sizeof(checksum));
}

static void put_block(struct made *index, uint32_t start, const struct made *stream)
{
    sample_put(index, &(struct symbol_block){start, (uint32_t)stream->size},
               sizeof(struct symbol_block));
}

struct made sample_table(void)
{
    struct made symbol_index = {0}, line_index = {0}, file_index = {0};
    struct made pieces = {0}, lines = {0}, files = {0}, all = {.size = 0};
    struct symbol_table_header header = {.magic = SYMBOL_TABLE_MAGIC,
                                         .version = SYMBOL_TABLE_VERSION,
                                         .symbols = SAMPLE_SYMBOLS,
                                         .pieces = SAMPLE_PIECES,
                                         .lines = SAMPLE_LINES,
                                         .files = SAMPLE_FILES,
                                         .name_codes = ROWS(literals) | ROWS(pairs) / 2 << 16};

    for (size_t i = 0; i < SAMPLE_PIECES; i++) {
        if (i % SYMBOL_BLOCK == 0)
            put_block(&symbol_index, sample_row(i).piece, &pieces);
        put_piece(&pieces, i);
    }
    for (size_t i = 0; i < SAMPLE_LINES; i++) {
        if (i % LINE_BLOCK == 0)
            put_block(&line_index, sample_line(i).start, &lines);
        put_line(&lines, i);
    }
    for (size_t i = 0; i < SAMPLE_FILES; i++) {
        sample_put(&file_index, &(uint32_t){(uint32_t)files.size}, sizeof(uint32_t));
        put_codes(&files, file_codes[i]);
    }
    sample_put(&all, &header, sizeof(header));
    sample_put(&all, symbol_index.bytes, symbol_index.size);
    sample_put(&all, line_index.bytes, line_index.size);
    sample_put(&all, file_index.bytes, file_index.size);
    sample_put(&all, literals, sizeof(literals));
    sample_put(&all, pairs, sizeof(pairs));
    header.piece_stream = (uint32_t)all.size;
    header.line_stream = header.piece_stream + (uint32_t)pieces.size;
    header.file_stream = header.line_stream + (uint32_t)lines.size;
    header.size = header.file_stream + (uint32_t)files.size;
    sample_put(&all, pieces.bytes, pieces.size);
    sample_put(&all, lines.bytes, lines.size);
    sample_put(&all, files.bytes, files.size);
    memcpy(all.bytes, &header, sizeof(header));
    sample_sign(&all);
    return all;
}
