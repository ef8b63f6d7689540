/* Encodes the table: docs/symbols.md draws it, common/symbol_table.h has its structs and reads it.
 */
#include "ksyms.h"
#include "names.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes ----------------------------------------------------------------------------- */

struct buffer {
    uint8_t *at;
    size_t size, room;
};

static void put_bytes(struct buffer *buffer, const void *bytes, size_t size)
{
    while (buffer->room - buffer->size < size)
        buffer->at = array_grow(buffer->at, buffer->room, &buffer->room, 1);
    if (size)
        memcpy(buffer->at + buffer->size, bytes, size);
    buffer->size += size;
}

static void put_byte(struct buffer *buffer, unsigned byte)
{
    put_bytes(buffer, &(uint8_t){(uint8_t)byte}, 1);
}

static void put_number(struct buffer *buffer, uint32_t number)
{
    for (; number >= 0x80; number >>= 7)
        put_byte(buffer, (number & 0x7f) | 0x80);
    put_byte(buffer, number);
}

static void put_name(struct buffer *buffer, const struct packed_names *names, size_t number)
{
    const uint16_t *codes;
    size_t count = names_codes(names, number, &codes);

    put_number(buffer, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        put_byte(buffer, codes[i]);
}

/* ---- pieces ---------------------------------------------------------------------------- */

struct piece {
    size_t symbol; /* its number */
    uint32_t start, length;
};

struct piece_list {
    struct piece *at;
    size_t count, room;
};

/* A piece ends where its symbol does or another begins; put_piece works on lengths up to the next
 * piece, which are known once all pieces are. */
static void add_piece(struct piece_list *pieces, size_t symbol, uint32_t start, uint32_t end)
{
    pieces->at = array_grow(pieces->at, pieces->count, &pieces->room, sizeof(*pieces->at));
    pieces->at[pieces->count++] = (struct piece){symbol, start, end - start};
}

/* The symbols that have begun and of which some addresses are still to be given away; the last one
 * begun is the innermost. */
struct open_symbols {
    size_t *at;
    size_t count, room;
    uint32_t reached; /* all before this is given away */
};

static void give_away(const struct symbol_list *symbols, struct open_symbols *open, uint64_t limit,
                      struct piece_list *pieces)
{
    while (open->count && open->reached < limit) {
        size_t inner = open->at[open->count - 1];
        uint32_t end = symbols->at[inner].start + symbols->at[inner].size;
        uint32_t until = end < limit ? end : (uint32_t)limit;

        if (until > open->reached) {
            add_piece(pieces, inner, open->reached, until);
            open->reached = until;
        }
        if (end <= until)
            open->count--;
    }
}

static void cut_into_pieces(const struct symbol_list *symbols, struct piece_list *pieces)
{
    struct open_symbols open = {0};

    for (size_t i = 0; i < symbols->count; i++) {
        uint32_t start = symbols->at[i].start;

        give_away(symbols, &open, start, pieces);
        open.reached = start;
        open.at = array_grow(open.at, open.count, &open.room, sizeof(*open.at));
        open.at[open.count++] = i;
        /* Each symbol has a piece where it starts, if only an empty one. */
        if (i + 1 < symbols->count && symbols->at[i + 1].start == start)
            add_piece(pieces, i, start, start);
    }
    give_away(symbols, &open, UINT64_MAX, pieces);
    free(open.at);
    for (size_t i = 0; i + 1 < pieces->count; i++)
        pieces->at[i].length = pieces->at[i + 1].start - pieces->at[i].start;
}

static void put_piece(struct buffer *to, const struct piece *piece,
                      const struct linked_symbol *symbol, const struct packed_names *names)
{
    uint32_t into = piece->start - symbol->start, pad = piece->length - symbol->size;
    bool explicit = into != 0 || symbol->size > piece->length || pad >= PIECE_EXPLICIT;

    put_byte(to, (explicit ? PIECE_EXPLICIT : pad) | (symbol->object ? PIECE_OBJECT : 0U) |
                     (symbol->file ? PIECE_HAS_FILE : 0U) | (piece->length & 3) << PIECE_LOW_BITS);
    put_number(to, piece->length >> 2);
    if (symbol->file)
        put_number(to, symbol->file - 1);
    if (explicit) {
        put_number(to, into);
        put_number(to, symbol->size);
    }
    put_name(to, names, piece->symbol);
}

/* ---- lines ----------------------------------------------------------------------------- */

static uint32_t zigzag(int64_t difference)
{
    return (uint32_t)(difference < 0 ? -2 * difference - 1 : 2 * difference);
}

static void put_line(struct buffer *to, const struct line_record *record,
                     const struct line_record *before)
{
    bool other_file = record->file != before->file;

    put_number(to, (record->end - record->start) << 1 | other_file);
    if (other_file)
        put_number(to, record->file);
    put_number(to, zigzag((int64_t)record->line - before->line));
}

/* ---- all of it ------------------------------------------------------------------------- */

struct parts {
    struct buffer symbol_index, line_index, file_index;
    struct buffer pieces, lines, files;
};

static void put_block(struct buffer *index, uint32_t start, const struct buffer *stream)
{
    const struct symbol_block block = {start, (uint32_t)stream->size};

    put_bytes(index, &block, sizeof(block));
}

static void put_parts(struct parts *parts, const struct piece_list *pieces,
                      const struct symbol_list *symbols, const struct line_list *lines,
                      size_t files, const struct packed_names *names)
{
    static const struct line_record nothing = {0};

    for (size_t i = 0; i < pieces->count; i++) {
        if (i % SYMBOL_BLOCK == 0)
            put_block(&parts->symbol_index, pieces->at[i].start, &parts->pieces);
        put_piece(&parts->pieces, &pieces->at[i], &symbols->at[pieces->at[i].symbol], names);
    }
    for (size_t i = 0; i < lines->count; i++) {
        if (i % LINE_BLOCK == 0)
            put_block(&parts->line_index, lines->at[i].start, &parts->lines);
        put_line(&parts->lines, &lines->at[i], i % LINE_BLOCK ? &lines->at[i - 1] : &nothing);
    }
    for (size_t i = 0; i < files; i++) {
        uint32_t at = (uint32_t)parts->files.size;
        put_bytes(&parts->file_index, &at, sizeof(at));
        put_name(&parts->files, names, symbols->count + i);
    }
}

static void put_together(const struct parts *parts, const struct packed_names *names,
                         const struct symbol_table_header *counts, struct encoded_table *table)
{
    struct symbol_table_header header = *counts;
    struct buffer all = {0};

    put_bytes(&all, &header, sizeof(header));
    put_bytes(&all, parts->symbol_index.at, parts->symbol_index.size);
    put_bytes(&all, parts->line_index.at, parts->line_index.size);
    put_bytes(&all, parts->file_index.at, parts->file_index.size);
    put_bytes(&all, names->literals, names->literal_count);
    put_bytes(&all, names->pairs, 2 * (size_t)names->pair_count);
    header.piece_stream = (uint32_t)all.size;
    put_bytes(&all, parts->pieces.at, parts->pieces.size);
    header.line_stream = (uint32_t)all.size;
    put_bytes(&all, parts->lines.at, parts->lines.size);
    header.file_stream = (uint32_t)all.size;
    put_bytes(&all, parts->files.at, parts->files.size);
    header.size = (uint32_t)all.size;
    memcpy(all.at, &header, sizeof(header));
    const size_t summed = offsetof(struct symbol_table_header, symbols);
    header.checksum = crc32(all.at + summed, all.size - summed);
    memcpy(all.at, &header, sizeof(header));
    *table = (struct encoded_table){
        .bytes = all.at,
        .size = all.size,
        .line_bytes =
            parts->line_index.size + parts->file_index.size + parts->lines.size + parts->files.size,
    };
    table->symbol_bytes = table->size - table->line_bytes;
}

static void free_parts(struct parts *parts)
{
    free(parts->symbol_index.at);
    free(parts->line_index.at);
    free(parts->file_index.at);
    free(parts->pieces.at);
    free(parts->lines.at);
    free(parts->files.at);
}

static enum tool_status check_name(const char *path, const char *name)
{
    size_t length = strlen(name);

    if (length > NAME_LENGTH_MAX)
        return complain(TOOL_TOO_LARGE,
                        "%s: the name %.40s… has %zu bytes, at most %u can be shown", path, name,
                        length, NAME_LENGTH_MAX);
    return TOOL_OK;
}

static enum tool_status add_names(const char *path, const struct symbol_list *symbols,
                                  const struct file_names *files, struct packed_names *names)
{
    enum tool_status status = TOOL_OK;

    for (size_t i = 0; i < symbols->count && status == TOOL_OK; i++) {
        status = check_name(path, symbols->at[i].name);
        names_add(names, symbols->at[i].name);
    }
    for (size_t i = 0; i < files->count && status == TOOL_OK; i++) {
        status = check_name(path, files->names[i]);
        names_add(names, files->names[i]);
    }
    return status;
}

enum tool_status table_encode(const char *path, const struct symbol_list *symbols,
                              const struct line_list *lines, const struct file_names *files,
                              struct encoded_table *table)
{
    struct packed_names names = {0};
    struct piece_list pieces = {0};
    struct parts parts = {0};
    enum tool_status status = add_names(path, symbols, files, &names);

    if (status == TOOL_OK) {
        names_pack(&names);
        cut_into_pieces(symbols, &pieces);
        put_parts(&parts, &pieces, symbols, lines, files->count, &names);
        const struct symbol_table_header counts = {
            .magic = SYMBOL_TABLE_MAGIC,
            .version = SYMBOL_TABLE_VERSION,
            .symbols = (uint32_t)symbols->count,
            .pieces = (uint32_t)pieces.count,
            .lines = (uint32_t)lines->count,
            .files = (uint32_t)files->count,
            .name_codes = names.literal_count | names.pair_count << 16,
        };
        put_together(&parts, &names, &counts, table);
        if (table->size > INT32_MAX)
            status =
                complain(TOOL_TOO_LARGE, "%s: the table would have %zu bytes", path, table->size);
    }
    free_parts(&parts);
    free(pieces.at);
    names_free(&names);
    return status;
}
