/* See font.h. */
#include "font.h"

#include "mem.h"
#include "utf8.h"

#include <stdbool.h>

#define PSF1_512_GLYPHS   0x01
#define PSF1_HAS_TABLE    0x02
#define PSF1_END          0xffff
#define PSF1_SEQUENCE     0xfffe
#define PSF2_HAS_TABLE    0x01
#define PSF2_END          0xff
#define PSF2_SEQUENCE     0xfe
#define PSF1_HEADER_SIZE  4
#define PSF2_HEADER_SIZE  32
#define GLYPHS_MAX        UINT32_C(0xffff)
#define NO_GLYPH          UINT16_C(0xffff)
#define END_OF_GLYPH      UINT32_C(0xffffffff)
#define SEQUENCE_OF_GLYPH UINT32_C(0xfffffffe)

/* A walk through the table: its entries one by one, without those of sequences, which are of
 * several characters. */
struct walk {
    const struct font *font;
    size_t at;
    uint32_t glyph;
    bool in_sequence;
};

static uint32_t word(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool next_of_psf1(struct walk *walk, uint32_t *value)
{
    const struct font *font = walk->font;

    if (font->table_size - walk->at < 2)
        return false;
    *value = font->table[walk->at] | (uint32_t)font->table[walk->at + 1] << 8;
    walk->at += 2;
    if (*value == PSF1_END)
        *value = END_OF_GLYPH;
    else if (*value == PSF1_SEQUENCE)
        *value = SEQUENCE_OF_GLYPH;
    return true;
}

static bool next_of_psf2(struct walk *walk, uint32_t *value)
{
    const struct font *font = walk->font;
    struct utf8 decoder = {0};
    uint32_t codes[2];

    while (walk->at < font->table_size) {
        uint8_t byte = font->table[walk->at++];
        if (byte == PSF2_END || byte == PSF2_SEQUENCE) {
            *value = byte == PSF2_END ? END_OF_GLYPH : SEQUENCE_OF_GLYPH;
            return true;
        }
        if (utf8_feed(&decoder, byte, codes) != 0) {
            *value = codes[0];
            return true;
        }
    }
    return false;
}

/* The next code point and walk->glyph, which is its glyph. False: the table, or the glyphs, end. */
static bool next(struct walk *walk, uint32_t *code)
{
    while (walk->glyph < walk->font->count) {
        if (!(walk->font->version == 1 ? next_of_psf1(walk, code) : next_of_psf2(walk, code)))
            return false;
        if (*code == END_OF_GLYPH) {
            walk->glyph++;
            walk->in_sequence = false;
        } else if (*code == SEQUENCE_OF_GLYPH) {
            walk->in_sequence = true;
        } else if (!walk->in_sequence) {
            return true;
        }
    }
    return false;
}

static uint16_t search(const struct font *font, uint32_t code)
{
    struct walk walk = {.font = font};
    uint32_t found;

    while (next(&walk, &found)) {
        if (found == code)
            return (uint16_t)walk.glyph;
    }
    return NO_GLYPH;
}

uint32_t font_glyph(const struct font *font, uint32_t code)
{
    uint16_t glyph = code < 256 ? font->common[code] : search(font, code);

    return glyph == NO_GLYPH ? font->replacement : glyph;
}

static enum font_status open_table(struct font *font)
{
    struct walk walk = {.font = font};
    uint32_t code;

    for (size_t i = 0; i < 256; i++)
        font->common[i] = NO_GLYPH;
    while (next(&walk, &code)) {
        if (code < 256 && font->common[code] == NO_GLYPH)
            font->common[code] = (uint16_t)walk.glyph;
    }
    font->replacement = search(font, UTF8_REPLACEMENT);
    if (font->replacement == NO_GLYPH)
        font->replacement = font->common['?'];
    return font->common[' '] == NO_GLYPH || font->replacement == NO_GLYPH ? FONT_NO_TABLE : FONT_OK;
}

static enum font_status open_glyphs(struct font *font, const uint8_t *file, size_t size,
                                    size_t header)
{
    uint64_t glyphs = (uint64_t)font->count * font->glyph_size;

    if (font->width == 0 || font->width > FONT_WIDTH_MAX || font->height == 0 ||
        font->height > FONT_HEIGHT_MAX || font->count == 0 || font->count > GLYPHS_MAX)
        return FONT_BAD_HEADER;
    font->row_size = (font->width + 7) / 8;
    if (font->glyph_size != font->row_size * font->height)
        return FONT_BAD_HEADER;
    if (header > size || glyphs > size - header)
        return FONT_TRUNCATED;
    font->glyphs = file + header;
    font->table = font->glyphs + glyphs;
    font->table_size = size - header - (size_t)glyphs;
    return open_table(font);
}

static enum font_status open_psf1(struct font *font, const uint8_t *file, size_t size)
{
    *font = (struct font){
        .version = 1,
        .count = file[2] & PSF1_512_GLYPHS ? 512 : 256,
        .width = 8,
        .height = file[3],
        .glyph_size = file[3],
    };
    return file[2] & PSF1_HAS_TABLE ? open_glyphs(font, file, size, PSF1_HEADER_SIZE)
                                    : FONT_NO_TABLE;
}

static enum font_status open_psf2(struct font *font, const uint8_t *file, size_t size)
{
    *font = (struct font){
        .version = 2,
        .count = word(file + 16),
        .glyph_size = word(file + 20),
        .height = word(file + 24),
        .width = word(file + 28),
    };
    if (word(file + 4) != 0 || word(file + 8) < PSF2_HEADER_SIZE)
        return FONT_BAD_HEADER;
    return word(file + 12) & PSF2_HAS_TABLE ? open_glyphs(font, file, size, word(file + 8))
                                            : FONT_NO_TABLE;
}

enum font_status font_open(struct font *font, const uint8_t *file, size_t size)
{
    static const uint8_t psf1[] = {0x36, 0x04}, psf2[] = {0x72, 0xb5, 0x4a, 0x86};

    if (size >= PSF1_HEADER_SIZE && memcmp(file, psf1, sizeof(psf1)) == 0)
        return open_psf1(font, file, size);
    if (size >= PSF2_HEADER_SIZE && memcmp(file, psf2, sizeof(psf2)) == 0)
        return open_psf2(font, file, size);
    return FONT_NOT_PSF;
}

const char *font_status_text(enum font_status status)
{
    static const char *const texts[] = {
        [FONT_OK] = "good",
        [FONT_NOT_PSF] = "not a PSF font",
        [FONT_BAD_HEADER] = "a header with sizes that cannot be",
        [FONT_TRUNCATED] = "it ends within the glyphs",
        [FONT_NO_TABLE] = "no table of characters",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}
