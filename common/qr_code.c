/* See qr_code.h. Sections are those of ISO/IEC 18004:2015. The penalty of masks is qr_penalty.c's.
 */
#include "qr_code.h"

#include "mem.h"

/* A module: its colour, and whether it is part of a pattern that has its place and is not masked.
 */
#define DARK  UINT8_C(1)
#define FIXED UINT8_C(2)

#define NO_MASK QR_MASKS

/* ---- what a version holds -------------------------------------------------------------- */

/* Table 9: error correction codewords of a block, and blocks. */
struct blocks {
    uint8_t correction, count;
};

static const struct blocks blocks_of[][QR_VERSION_MAX] = {
    [QR_LEVEL_L] = {{7, 1},   {10, 1},  {15, 1},  {20, 1},  {26, 1},  {18, 2},  {20, 2},  {24, 2},
                    {30, 2},  {18, 4},  {20, 4},  {24, 4},  {26, 4},  {30, 4},  {22, 6},  {24, 6},
                    {28, 6},  {30, 6},  {28, 7},  {28, 8},  {28, 8},  {28, 9},  {30, 9},  {30, 10},
                    {26, 12}, {28, 12}, {30, 12}, {30, 13}, {30, 14}, {30, 15}, {30, 16}, {30, 17},
                    {30, 18}, {30, 19}, {30, 19}, {30, 20}, {30, 21}, {30, 22}, {30, 24}, {30, 25}},
    [QR_LEVEL_M] = {{10, 1},  {16, 1},  {26, 1},  {18, 2},  {24, 2},  {16, 4},  {18, 4},  {22, 4},
                    {22, 5},  {26, 5},  {30, 5},  {22, 8},  {22, 9},  {24, 9},  {24, 10}, {28, 10},
                    {28, 11}, {26, 13}, {26, 14}, {26, 16}, {26, 17}, {28, 17}, {28, 18}, {28, 20},
                    {28, 21}, {28, 23}, {28, 25}, {28, 26}, {28, 28}, {28, 29}, {28, 31}, {28, 33},
                    {28, 35}, {28, 37}, {28, 38}, {28, 40}, {28, 43}, {28, 45}, {28, 47}, {28, 49}},
};

static struct blocks blocks(unsigned version, enum qr_level level)
{
    return blocks_of[level][version - 1];
}

/* Alignment patterns stand on a grid of so many lines each way, but for its three corners that
 * finder patterns take (annex E). */
static unsigned alignment_lines(unsigned version)
{
    return version == 1 ? 0 : version / 7 + 2;
}

/* Table 1: what finder patterns with their separators, timing patterns, format information with the
 * dark module, alignment and version information leave, in codewords. */
static unsigned total_codewords(unsigned version)
{
    unsigned side = qr_side(version), lines = alignment_lines(version);
    unsigned fixed = 3 * 64 + 2 * (side - 16) + 31;

    if (lines != 0) /* those on a timing pattern share a row of 5 with it */
        fixed += 25 * (lines * lines - 3) - 2 * 5 * (lines - 2);
    if (version >= 7)
        fixed += 36;
    return (side * side - fixed) / 8;
}

static unsigned data_codewords(unsigned version, enum qr_level level)
{
    struct blocks b = blocks(version, level);

    return total_codewords(version) - (unsigned)b.correction * b.count;
}

/* Table 3: bits of the character count in byte mode. */
static unsigned count_bits(unsigned version)
{
    return version < 10 ? 8 : 16;
}

size_t qr_capacity(unsigned version, enum qr_level level)
{
    if (version == 0 || version > QR_VERSION_MAX)
        return 0;
    return (data_codewords(version, level) * 8 - 4 - count_bits(version)) / 8;
}

unsigned qr_version_for(size_t length, enum qr_level level, unsigned version_max)
{
    for (unsigned version = 1; version <= version_max && version <= QR_VERSION_MAX; version++) {
        if (length <= qr_capacity(version, level))
            return version;
    }
    return 0;
}

/* ---- codewords ------------------------------------------------------------------------- */

static void put_bits(uint8_t *to, size_t *at, unsigned value, unsigned count)
{
    for (; count > 0; count--, (*at)++)
        to[*at / 8] |= (uint8_t)((value >> (count - 1) & 1) << (7 - *at % 8));
}

/* 7.4.2, 7.4.5, 7.4.10: mode, count and bytes; then a terminator of up to 4 bits, which here always
 * ends a byte, for mode and count are an odd number of halves; then pad codewords. */
static void put_data(struct qr_code *code, const uint8_t *bytes, size_t length)
{
    size_t at = 0, end = data_codewords(code->version, code->level);

    memset(code->codewords, 0, sizeof(code->codewords));
    put_bits(code->codewords, &at, 4, 4);
    put_bits(code->codewords, &at, (unsigned)length, count_bits(code->version));
    for (size_t i = 0; i < length; i++)
        put_bits(code->codewords, &at, bytes[i], 8);
    uint8_t pad = 0xec;
    for (size_t i = (at + 7) / 8; i < end; i++, pad ^= 0xec ^ 0x11)
        code->codewords[i] = pad;
}

/* GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1 (7.5.2). */
static uint8_t multiply(uint8_t a, uint8_t b)
{
    unsigned product = 0;

    for (unsigned bit = 8; bit > 0; bit--) {
        product = product << 1 ^ (product >> 7) * 0x11d;
        product ^= (b >> (bit - 1) & 1) * a;
    }
    return (uint8_t)product;
}

/* The product of (x - 2^i) for i below `degree` (annex A), highest power first, without its 1. */
static void make_generator(uint8_t *generator, unsigned degree)
{
    uint8_t root = 1;

    memset(generator, 0, degree);
    generator[degree - 1] = 1;
    for (unsigned i = 0; i < degree; i++, root = multiply(root, 2)) {
        for (unsigned j = 0; j < degree; j++)
            generator[j] =
                (uint8_t)(multiply(generator[j], root) ^ (j + 1 < degree ? generator[j + 1] : 0));
    }
}

/* The remainder of the block, shifted up, divided by the generator (7.5.2). */
static void divide(const uint8_t *data, size_t length, const uint8_t *generator, uint8_t *remainder,
                   unsigned degree)
{
    memset(remainder, 0, degree);
    for (size_t i = 0; i < length; i++) {
        uint8_t factor = data[i] ^ remainder[0];
        memmove(remainder, remainder + 1, degree - 1);
        remainder[degree - 1] = 0;
        for (unsigned j = 0; j < degree; j++)
            remainder[j] ^= multiply(generator[j], factor);
    }
}

/* 7.5.1: blocks differ by at most one codeword of data, the shorter ones first. */
static void put_correction(struct qr_code *code)
{
    struct blocks b = blocks(code->version, code->level);
    unsigned data = data_codewords(code->version, code->level);
    unsigned least = data / b.count, shorter = b.count - data % b.count;
    uint8_t generator[30];
    uint8_t *from = code->codewords, *to = code->codewords + data;

    make_generator(generator, b.correction);
    for (unsigned block = 0; block < b.count; block++, to += b.correction) {
        unsigned length = least + (block >= shorter);
        divide(from, length, generator, to, b.correction);
        from += length;
    }
}

/* 7.6: the blocks' first codewords, the second ones ..., the last data codewords of the longer
 * blocks; then the same of error correction. */
static uint8_t codeword_in_order(const struct qr_code *code, unsigned index)
{
    struct blocks b = blocks(code->version, code->level);
    unsigned data = data_codewords(code->version, code->level);
    unsigned least = data / b.count, shorter = b.count - data % b.count;

    if (index >= data) {
        index -= data;
        return code->codewords[data + index % b.count * b.correction + index / b.count];
    }
    unsigned within = index / b.count, block = index % b.count;
    if (within == least)
        block += shorter;
    return code->codewords[block * least + (block > shorter ? block - shorter : 0) + within];
}

/* ---- patterns that have their place ---------------------------------------------------- */

static void fix(struct qr_code *code, unsigned row, unsigned column, bool dark)
{
    code->modules[row][column] = FIXED | (dark ? DARK : 0);
}

static unsigned distance(unsigned a, unsigned b)
{
    return a > b ? a - b : b - a;
}

/* Squares in squares around a centre, as far as they are in the symbol: a finder pattern with its
 * separator (6.3.3, 6.3.4) reaches 4 modules, an alignment pattern (6.3.6) 2. */
static void draw_squares(struct qr_code *code, unsigned row, unsigned column, unsigned reach)
{
    for (unsigned r = row > reach ? row - reach : 0; r <= row + reach && r < code->side; r++) {
        for (unsigned c = column > reach ? column - reach : 0;
             c <= column + reach && c < code->side; c++) {
            unsigned dr = distance(r, row), dc = distance(c, column), ring = dr > dc ? dr : dc;
            fix(code, r, c, reach == 4 ? ring != 2 && ring != 4 : ring != 1);
        }
    }
}

/* Annex E: at 6, and from the far end in equal steps, the least even ones that do not go past 6;
 * but for version 32. */
static unsigned alignment_at(unsigned version, unsigned line)
{
    unsigned intervals = alignment_lines(version) - 1, span = qr_side(version) - 13;
    unsigned step = version == 32 ? 26 : (span + 2 * intervals - 1) / (2 * intervals) * 2;

    return line == 0 ? 6 : qr_side(version) - 7 - (intervals - line) * step;
}

static void draw_alignment(struct qr_code *code)
{
    unsigned lines = alignment_lines(code->version), last = lines - 1;

    for (unsigned i = 0; i < lines; i++) {
        for (unsigned j = 0; j < lines; j++) {
            bool finder = (i == 0 && (j == 0 || j == last)) || (i == last && j == 0);
            if (!finder)
                draw_squares(code, alignment_at(code->version, i), alignment_at(code->version, j),
                             2);
        }
    }
}

/* The remainder by a generator polynomial whose highest power is `degree` (annexes C, D). */
static unsigned with_bch(unsigned value, unsigned generator, unsigned degree)
{
    unsigned rest = value << degree;

    for (unsigned bit = 18; bit-- > degree;) {
        if (rest >> bit & 1)
            rest ^= generator << (bit - degree);
    }
    return value << degree | rest;
}

/* 7.9, figure 25: level and mask, twice, and the module that is always dark. */
static void draw_format(struct qr_code *code, unsigned mask)
{
    unsigned bits = with_bch((code->level == QR_LEVEL_L ? 8U : 0U) | mask, 0x537, 10) ^ 0x5412;

    for (unsigned i = 0; i < 15; i++) {
        bool dark = (bits >> i & 1) != 0;
        unsigned near = i < 8 ? i : 14 - i;
        near += near >= 6 && i <= 8; /* over the timing pattern */
        fix(code, i < 8 ? near : 8, i < 8 ? 8 : near, dark);
        fix(code, i < 8 ? 8 : code->side - 15 + i, i < 8 ? code->side - 1 - i : 8, dark);
    }
    fix(code, code->side - 8, 8, true);
}

/* 7.10, from version 7 on. */
static void draw_version(struct qr_code *code)
{
    unsigned bits = with_bch(code->version, 0x1f25, 12);

    for (unsigned i = 0; i < 18 && code->version >= 7; i++) {
        unsigned near = i / 3, far = code->side - 11 + i % 3;
        fix(code, near, far, bits >> i & 1);
        fix(code, far, near, bits >> i & 1);
    }
}

static void draw_patterns(struct qr_code *code)
{
    unsigned far = code->side - 4;

    memset(code->modules, 0, sizeof(code->modules));
    for (unsigned i = 0; i < code->side; i++) { /* timing (6.3.5) */
        fix(code, 6, i, i % 2 == 0);
        fix(code, i, 6, i % 2 == 0);
    }
    draw_squares(code, 3, 3, 4);
    draw_squares(code, 3, far, 4);
    draw_squares(code, far, 3, 4);
    draw_alignment(code);
    draw_format(code, 0);
    draw_version(code);
}

/* ---- data in the symbol ---------------------------------------------------------------- */

/* 7.7.3: bits go up and down in columns two wide, from the right; the column of the timing pattern
 * is as if not there. Bits that are left over are light. */
static void draw_data(struct qr_code *code)
{
    unsigned bit = 0, end = total_codewords(code->version) * 8;
    bool up = true;

    for (unsigned pair = code->side / 2; pair > 0; pair--, up = !up) {
        unsigned right = 2 * pair - (pair <= 3 ? 1 : 0);
        for (unsigned i = 0; i < 2 * code->side; i++) {
            unsigned row = up ? code->side - 1 - i / 2 : i / 2, column = right - i % 2;
            if (code->modules[row][column] & FIXED || bit == end)
                continue;
            code->modules[row][column] = codeword_in_order(code, bit / 8) >> (7 - bit % 8) & DARK;
            bit++;
        }
    }
}

/* Table 10. */
static bool mask_inverts(unsigned mask, unsigned i, unsigned j)
{
    switch (mask) {
    case 0:
        return (i + j) % 2 == 0;
    case 1:
        return i % 2 == 0;
    case 2:
        return j % 3 == 0;
    case 3:
        return (i + j) % 3 == 0;
    case 4:
        return (i / 2 + j / 3) % 2 == 0;
    case 5:
        return i * j % 2 + i * j % 3 == 0;
    case 6:
        return (i * j % 2 + i * j % 3) % 2 == 0;
    case 7:
        return ((i + j) % 2 + i * j % 3) % 2 == 0;
    default:
        return false;
    }
}

void qr_set_mask(struct qr_code *code, unsigned mask)
{
    for (unsigned row = 0; row < code->side; row++) {
        for (unsigned column = 0; column < code->side; column++) {
            bool invert = mask_inverts(code->mask, row, column) != mask_inverts(mask, row, column);
            if (invert && !(code->modules[row][column] & FIXED))
                code->modules[row][column] ^= DARK;
        }
    }
    draw_format(code, mask);
    code->mask = mask;
}

static void choose_mask(struct qr_code *code)
{
    unsigned best = 0, least = UINT32_MAX;

    for (unsigned mask = 0; mask < QR_MASKS; mask++) {
        qr_set_mask(code, mask);
        unsigned penalty = qr_penalty(code);
        if (penalty < least) {
            least = penalty;
            best = mask;
        }
    }
    qr_set_mask(code, best);
}

enum qr_status qr_encode(struct qr_code *code, const void *bytes, size_t length,
                         enum qr_level level, unsigned version_max)
{
    unsigned version = qr_version_for(length, level, version_max);

    if (version == 0)
        return QR_TOO_LONG;
    code->level = level;
    code->version = version;
    code->side = qr_side(version);
    code->mask = NO_MASK;
    put_data(code, bytes, length);
    put_correction(code);
    draw_patterns(code);
    draw_data(code);
    choose_mask(code);
    return QR_OK;
}

bool qr_is_dark(const struct qr_code *code, unsigned row, unsigned column)
{
    return (code->modules[row][column] & DARK) != 0;
}
