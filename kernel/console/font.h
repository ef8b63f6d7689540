/* A console font: PSF 1 or 2 with its table of code points, as Debian's packages have them. Nothing
 * in the file is believed.
 *
 * PSF 1: bytes 36h 04h, mode, height; a glyph is a byte a row; the table is of 16-bit words, little
 * endian, FFFFh ends a glyph's, FFFEh begins a sequence. PSF 2: a header of 32-bit words; a row is
 * as many bytes as its width needs; the table is UTF-8, FFh and FEh in those roles. */
#ifndef BESTLA_KERNEL_FONT_H
#define BESTLA_KERNEL_FONT_H

#include <stddef.h>
#include <stdint.h>

#define FONT_WIDTH_MAX  32U
#define FONT_HEIGHT_MAX 64U

enum font_status {
    FONT_OK,
    FONT_NOT_PSF,    /* neither magic number */
    FONT_BAD_HEADER, /* sizes that contradict each other, or that this kernel does not draw */
    FONT_TRUNCATED,  /* ends within the glyphs */
    FONT_NO_TABLE,   /* nothing says which glyph is which character, or none is for U+0020 */
};

struct font {
    const uint8_t *glyphs;
    uint32_t count;
    uint32_t width, height;        /* pixels, at most FONT_…_MAX */
    uint32_t row_size, glyph_size; /* bytes */
    uint16_t common[256];          /* glyphs of the first code points */
    const uint8_t *table;
    size_t table_size;
    uint32_t version;     /* of the format: 1 or 2 */
    uint16_t replacement; /* what is shown for what the font lacks */
};

/* Reads the header and finds the glyphs; `file` must live as long as the font. */
__attribute__((warn_unused_result)) enum font_status font_open(struct font *font,
                                                               const uint8_t *file, size_t size);

/* The number of a character's glyph; where the font has none, of U+FFFD's, or else of `?`. */
uint32_t font_glyph(const struct font *font, uint32_t code);

/* A row of it, the leftmost pixel in bit 31. */
static inline uint32_t font_row(const struct font *font, uint32_t glyph, uint32_t row)
{
    const uint8_t *at =
        font->glyphs + (size_t)glyph * font->glyph_size + (size_t)row * font->row_size;
    uint32_t bits = 0;

    for (uint32_t i = 0; i < font->row_size; i++)
        bits |= (uint32_t)at[i] << (24 - 8 * i);
    return bits;
}

const char *font_status_text(enum font_status status);

/* font_file.c: what the build took from Debian's package. */
extern const uint8_t font_file[];
extern const size_t font_file_size;

#endif
