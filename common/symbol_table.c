/* See symbol_table.h. What reads the streams never leaves them: behind their end all is 0. */
#include "symbol_table.h"

uint32_t crc32_more(uint32_t crc, const void *bytes, uint64_t size)
{
    const uint8_t *at = bytes;
    uint32_t table[16];

    crc = ~crc;
    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (unsigned bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? UINT32_C(0xedb88320) : 0);
    }
    for (uint64_t i = 0; i < size; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

uint32_t crc32(const void *bytes, uint64_t size)
{
    return crc32_more(0, bytes, size);
}

/* ---- opening --------------------------------------------------------------------------- */

static uint64_t blocks_of(uint64_t count, uint64_t block)
{
    return (count + block - 1) / block;
}

/* Pairs stand for what came before them, so that spelling one out ends. */
static bool pairs_are_ordered(const struct symbol_table *table)
{
    for (uint32_t i = 0; i < table->pair_count; i++) {
        uint32_t code = table->literal_count + i;
        if (table->pairs[2 * i] >= code || table->pairs[2 * i + 1] >= code)
            return false;
    }
    return true;
}

/* The header's numbers, turned into places; false where they contradict each other. */
static bool lay_out(const struct symbol_table_header *header, struct symbol_table *table)
{
    const uint8_t *base = (const uint8_t *)header;
    uint64_t line_index =
        sizeof(*header) + blocks_of(header->pieces, SYMBOL_BLOCK) * sizeof(struct symbol_block);
    uint64_t file_index =
        line_index + blocks_of(header->lines, LINE_BLOCK) * sizeof(struct symbol_block);
    uint64_t literals = file_index + header->files * UINT64_C(4);
    uint32_t literal_count = header->name_codes & 0xffff, pair_count = header->name_codes >> 16;
    uint64_t pairs = literals + literal_count;

    if (literal_count + pair_count > NAME_CODES_MAX ||
        pairs + 2 * (uint64_t)pair_count > header->piece_stream ||
        header->piece_stream > header->line_stream || header->line_stream > header->file_stream ||
        header->file_stream > header->size)
        return false;
    *table = (struct symbol_table){
        .header = header,
        .symbol_index = (const struct symbol_block *)(const void *)(base + sizeof(*header)),
        .line_index = (const struct symbol_block *)(const void *)(base + line_index),
        .file_index = (const uint32_t *)(const void *)(base + file_index),
        .literals = base + literals,
        .pairs = base + pairs,
        .literal_count = literal_count,
        .pair_count = pair_count,
    };
    return true;
}

enum symbol_table_status symbol_table_open(const void *bytes, uint64_t size,
                                           struct symbol_table *table)
{
    const struct symbol_table_header *header = bytes;
    const uint64_t summed = offsetof(struct symbol_table_header, symbols);
    struct symbol_table opened;

    if (size < sizeof(*header))
        return SYMBOL_TABLE_DAMAGED;
    if (header->magic == 0)
        return SYMBOL_TABLE_UNFILLED;
    if (header->magic != SYMBOL_TABLE_MAGIC || header->version != SYMBOL_TABLE_VERSION)
        return SYMBOL_TABLE_FOREIGN;
    if (header->size < sizeof(*header) || header->size > size || !lay_out(header, &opened) ||
        crc32((const uint8_t *)bytes + summed, header->size - summed) != header->checksum ||
        !pairs_are_ordered(&opened))
        return SYMBOL_TABLE_DAMAGED;
    *table = opened;
    return SYMBOL_TABLE_OK;
}

const char *symbol_table_status_text(enum symbol_table_status status)
{
    static const char *const texts[] = {
        [SYMBOL_TABLE_OK] = "good",
        [SYMBOL_TABLE_UNFILLED] = "never filled in",
        [SYMBOL_TABLE_FOREIGN] = "of another kind or version",
        [SYMBOL_TABLE_DAMAGED] = "damaged",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}

/* ---- streams --------------------------------------------------------------------------- */

struct stream {
    const uint8_t *at, *end;
};

static struct stream stream_from(const struct symbol_table *table, uint32_t start, uint32_t end,
                                 uint32_t into)
{
    const uint8_t *base = (const uint8_t *)table->header;
    return (struct stream){base + start + (into < end - start ? into : end - start), base + end};
}

static uint8_t read_byte(struct stream *stream)
{
    return stream->at == stream->end ? 0 : *stream->at++;
}

static uint32_t read_number(struct stream *stream)
{
    uint32_t value = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = read_byte(stream);
        value |= (uint32_t)((uint64_t)(byte & 0x7f) << shift);
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* Steps over `length` bytes; how many of them there are. */
static uint32_t skip(struct stream *stream, uint32_t length)
{
    if (length > (uint64_t)(stream->end - stream->at))
        length = (uint32_t)(stream->end - stream->at);
    stream->at += length;
    return length;
}

/* The last block that starts at or below an address; `count` where there is none. */
static uint32_t find_block(const struct symbol_block *blocks, uint32_t count, uint64_t offset)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (blocks[middle].start <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? count : low - 1;
}

/* ---- symbols --------------------------------------------------------------------------- */

struct piece {
    struct symbol symbol;
    uint32_t start, length;
};

static struct stream piece_stream(const struct symbol_table *table, uint32_t block)
{
    return stream_from(table, table->header->piece_stream, table->header->line_stream,
                       table->symbol_index[block].stream);
}

/* The piece that follows the last one. */
static void read_piece(struct stream *stream, struct piece *piece)
{
    uint8_t head = read_byte(stream);
    uint32_t into = 0, pad = head & PIECE_PAD;

    piece->start += piece->length;
    piece->length = read_number(stream) << 2 | head >> PIECE_LOW_BITS;
    piece->symbol.object = (head & PIECE_OBJECT) != 0;
    piece->symbol.file = head & PIECE_HAS_FILE ? read_number(stream) + 1 : 0;
    if ((head & PIECE_PAD) == PIECE_EXPLICIT) {
        into = read_number(stream);
        piece->symbol.size = read_number(stream);
    } else {
        piece->symbol.size = piece->length - (pad < piece->length ? pad : piece->length);
    }
    piece->symbol.start = piece->start - into;
    piece->symbol.name_length = read_number(stream);
    piece->symbol.name = stream->at;
    piece->symbol.name_length = skip(stream, piece->symbol.name_length);
}

bool symbol_table_nearest(const struct symbol_table *table, uint64_t offset, struct symbol *symbol)
{
    uint32_t pieces = table->header->pieces;
    uint32_t blocks = (uint32_t)blocks_of(pieces, SYMBOL_BLOCK);
    uint32_t block = find_block(table->symbol_index, blocks, offset);

    if (block == blocks)
        return false;
    struct stream stream = piece_stream(table, block);
    struct piece piece = {.start = table->symbol_index[block].start};
    for (uint32_t i = block * SYMBOL_BLOCK; i < pieces && i < (block + 1) * SYMBOL_BLOCK; i++) {
        read_piece(&stream, &piece);
        if (offset - piece.start < piece.length)
            break;
    }
    *symbol = piece.symbol;
    return true;
}

bool symbol_table_find(const struct symbol_table *table, uint64_t offset, struct symbol *symbol)
{
    struct symbol found;

    if (!symbol_table_nearest(table, offset, &found) || offset - found.start >= found.size)
        return false;
    *symbol = found;
    return true;
}

void symbol_table_visit(const struct symbol_table *table, symbol_visitor visit, void *context)
{
    struct stream stream = {0};
    struct piece piece = {0};

    for (uint32_t i = 0; i < table->header->pieces; i++) {
        if (i % SYMBOL_BLOCK == 0) {
            stream = piece_stream(table, i / SYMBOL_BLOCK);
            piece = (struct piece){.start = table->symbol_index[i / SYMBOL_BLOCK].start};
        }
        read_piece(&stream, &piece);
        if (piece.symbol.start == piece.start && !visit(context, &piece.symbol))
            return;
    }
}

/* ---- lines ----------------------------------------------------------------------------- */

static int32_t zigzag(uint32_t number)
{
    return (int32_t)(number >> 1 ^ -(number & 1));
}

bool symbol_table_line(const struct symbol_table *table, uint64_t offset, struct source_line *line)
{
    uint32_t records = table->header->lines;
    uint32_t blocks = (uint32_t)blocks_of(records, LINE_BLOCK);
    uint32_t block = find_block(table->line_index, blocks, offset);

    if (block == blocks)
        return false;
    struct stream stream = stream_from(table, table->header->line_stream,
                                       table->header->file_stream, table->line_index[block].stream);
    struct source_line at = {0};
    uint64_t start = table->line_index[block].start;
    for (uint32_t i = block * LINE_BLOCK; i < records && i < (block + 1) * LINE_BLOCK; i++) {
        uint32_t head = read_number(&stream);
        if (head & 1)
            at.file = read_number(&stream);
        at.line += (uint32_t)zigzag(read_number(&stream));
        if (offset - start < head >> 1) {
            if (at.line != 0)
                *line = at;
            return at.line != 0;
        }
        start += head >> 1;
    }
    return false;
}

/* ---- names ----------------------------------------------------------------------------- */

/* Codes still to be spelled out: a pair leaves its second half here. Halves are lower codes than
 * their pair, so there are never more than there are codes. */
struct speller {
    const struct symbol_table *table;
    format_sink sink;
    void *context;
    uint32_t written, held;
    char chunk[32]; /* what the sink has not been given yet: most names are one call */
};

static void flush(struct speller *speller)
{
    if (speller->held)
        speller->sink(speller->context, speller->chunk, speller->held);
    speller->held = 0;
}

static void put(struct speller *speller, uint8_t byte)
{
    if (speller->held == sizeof(speller->chunk))
        flush(speller);
    speller->chunk[speller->held++] = (char)byte;
}

static void spell(struct speller *speller, uint32_t code)
{
    const struct symbol_table *table = speller->table;
    uint8_t later[NAME_CODES_MAX];
    uint32_t waiting = 0;

    for (;;) {
        while (code >= table->literal_count && code < table->literal_count + table->pair_count) {
            const uint8_t *pair = &table->pairs[2 * (code - table->literal_count)];
            later[waiting++] = pair[1];
            code = pair[0];
        }
        if (code < table->literal_count && speller->written++ < NAME_LENGTH_MAX)
            put(speller, table->literals[code]);
        if (waiting == 0 || speller->written >= NAME_LENGTH_MAX)
            return;
        code = later[--waiting];
    }
}

static void spell_all(const struct symbol_table *table, const uint8_t *codes, uint32_t length,
                      format_sink sink, void *context)
{
    struct speller speller;

    speller.table = table;
    speller.sink = sink;
    speller.context = context;
    speller.written = speller.held = 0;
    for (uint32_t i = 0; i < length; i++)
        spell(&speller, codes[i]);
    flush(&speller);
}

void symbol_name_to(const struct symbol_table *table, const struct symbol *symbol, format_sink sink,
                    void *context)
{
    spell_all(table, symbol->name, symbol->name_length, sink, context);
}

void symbol_file_to(const struct symbol_table *table, uint32_t file, format_sink sink,
                    void *context)
{
    if (file >= table->header->files)
        return;
    struct stream stream = stream_from(table, table->header->file_stream, table->header->size,
                                       table->file_index[file]);
    uint32_t length = read_number(&stream);
    const uint8_t *codes = stream.at;

    spell_all(table, codes, skip(&stream, length), sink, context);
}
