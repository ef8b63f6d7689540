/* The kernel's symbols and source lines, as tools/ksyms writes them into the linked kernel and the
 * kernel reads them: by address, without allocation, without a step that grows faster than
 * log n, for any address and in any context. Nothing outside of the table's own bytes is read,
 * whatever they hold.
 *
 * All addresses in the table are offsets from the image's base, so it holds wherever the image
 * lies and relocation changes no byte of it. docs/symbols.md draws the format; in short:
 *
 *   header          struct symbol_table_header
 *   symbol index    struct symbol_block, one for SYMBOL_BLOCK pieces
 *   line index      struct symbol_block, one for LINE_BLOCK records
 *   file index      uint32_t, where each file's name starts in the stream of names
 *   literals        the bytes that occur in names; code i < literals stands for literal[i]
 *   pairs           two codes each; code literals + i stands for pair[i], one after the other
 *   streams         of pieces, of lines and of file names
 *
 * A piece is a stretch of addresses that one symbol names. Pieces do not overlap and are in
 * ascending order; most symbols are one piece. One that has another inside of it is several, one
 * that shares all its addresses with another (an alias) is a piece without any. Numbers in streams
 * are little-endian base 128 (DWARF 5, 7.6: ULEB128, SLEB128 by zigzag). */
#ifndef BESTLA_SYMBOL_TABLE_H
#define BESTLA_SYMBOL_TABLE_H

#include "format.h"

#include <stdbool.h>
#include <stdint.h>

#define SYMBOL_TABLE_MAGIC   UINT32_C(0x534d5953) /* "SYMS" in memory; 0: never filled */
#define SYMBOL_TABLE_VERSION 1U

#define SYMBOL_BLOCK    32U /* pieces */
#define LINE_BLOCK      32U /* records */
#define NAME_CODES_MAX  256U
#define NAME_LENGTH_MAX UINT32_C(0x100000) /* bytes; a longer one is cut when it is printed */

struct symbol_table_header {
    uint32_t magic;
    uint32_t version;
    uint32_t size;     /* bytes of the whole table with this header */
    uint32_t checksum; /* CRC-32 (IEEE 802.3) of everything that follows this member */
    uint32_t symbols;
    uint32_t pieces;
    uint32_t lines; /* records */
    uint32_t files;
    uint32_t name_codes;   /* literals in the low 16 bits, pairs in the high */
    uint32_t piece_stream; /* offsets from the header; pieces end where the lines start, … */
    uint32_t line_stream;
    uint32_t file_stream; /* … and files with the table */
};

_Static_assert(sizeof(struct symbol_table_header) == 48, "docs/symbols.md");

/* The first of a run of pieces or records. */
struct symbol_block {
    uint32_t start;  /* its address, an offset from the image's base */
    uint32_t stream; /* where it starts in its stream */
};

/* The first byte of a piece. Then follow: its length (up to the next piece) >> 2 as ULEB128;
 * with PIECE_HAS_FILE the file's number; with PIECE_EXPLICIT two ULEB128, how far into its symbol
 * the piece starts and the symbol's size; the length of the name and its codes. Otherwise the
 * symbol starts with the piece, and ends `pad` bytes before the next one. */
#define PIECE_PAD      UINT8_C(0x0f)
#define PIECE_EXPLICIT UINT8_C(0x0f) /* in place of a pad */
#define PIECE_OBJECT   UINT8_C(0x10) /* data; else a function */
#define PIECE_HAS_FILE UINT8_C(0x20) /* another symbol has the same name */
#define PIECE_LOW_BITS 6             /* bits 1:0 of the length are bits 7:6 */

/* A line record: ULEB128 of length << 1 | (another file than the last record's), then with that
 * bit the file's number (ULEB128), then the line less that of the last record (zigzag). A block's
 * first record counts from file 0 and line 0. Line 0: no source line is known from here on. */

struct symbol_table {
    const struct symbol_table_header *header;
    const struct symbol_block *symbol_index, *line_index;
    const uint32_t *file_index;
    const uint8_t *literals, *pairs;
    uint32_t literal_count, pair_count;
};

enum symbol_table_status {
    SYMBOL_TABLE_OK,
    SYMBOL_TABLE_UNFILLED, /* magic 0: no tool has run */
    SYMBOL_TABLE_FOREIGN,  /* another magic or version */
    SYMBOL_TABLE_DAMAGED,  /* size, layout or checksum */
};

struct symbol {
    uint32_t start; /* offset from the image's base */
    uint32_t size;
    bool object;   /* data; else a function */
    uint32_t file; /* where another symbol has the same name: number of its file + 1, else 0 */
    const uint8_t *name; /* in codes: see symbol_name_to */
    uint32_t name_length;
};

struct source_line {
    uint32_t file; /* number */
    uint32_t line; /* from 1 */
};

/* `bytes` holds `size` bytes, aligned to 4, and must stay as they are for as long as `table` is
 * used; bytes behind the table's own size are ignored. `table` is filled only on
 * SYMBOL_TABLE_OK. O(size): the checksum. */
__attribute__((warn_unused_result)) enum symbol_table_status symbol_table_open(
    const void *bytes, uint64_t size, struct symbol_table *table);

const char *symbol_table_status_text(enum symbol_table_status status);

/* The symbol that an address lies in: the innermost where they nest. False: in none. */
bool symbol_table_find(const struct symbol_table *table, uint64_t offset, struct symbol *symbol);

/* The symbol that an address lies in, or, where it lies in none, the one before it. False: there is
 * none. */
bool symbol_table_nearest(const struct symbol_table *table, uint64_t offset, struct symbol *symbol);

/* Every symbol once, in ascending order of start, until `visit` returns false. */
typedef bool (*symbol_visitor)(void *context, const struct symbol *symbol);
void symbol_table_visit(const struct symbol_table *table, symbol_visitor visit, void *context);

/* The source line of an instruction. False: none is known. */
bool symbol_table_line(const struct symbol_table *table, uint64_t offset, struct source_line *line);

/* Names, to any sink, of any length. */
void symbol_name_to(const struct symbol_table *table, const struct symbol *symbol, format_sink sink,
                    void *context);
void symbol_file_to(const struct symbol_table *table, uint32_t file, format_sink sink,
                    void *context);

/* CRC-32 as IEEE 802.3, gzip and PNG have it. */
uint32_t crc32(const void *bytes, uint64_t size);
/* That of bytes whose CRC-32 is `crc` (of none: 0) and these behind them. */
uint32_t crc32_more(uint32_t crc, const void *bytes, uint64_t size);

#endif
