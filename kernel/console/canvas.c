/* See canvas.h. */
#include "canvas.h"

#include "mem.h"

#define PIXEL_SIZE 4U

static bool is_contiguous(uint32_t mask)
{
    uint32_t low = mask & (~mask + 1);
    return mask != 0 && ((mask + low) & mask) == 0;
}

enum canvas_status canvas_open(struct canvas *canvas, const struct boot_framebuffer *framebuffer)
{
    const struct boot_framebuffer *f = framebuffer;
    uint64_t line = (uint64_t)f->width * PIXEL_SIZE;

    *canvas = (struct canvas){
        .width = f->width,
        .height = f->height,
        .pitch = f->pitch,
        .masks = {f->red_mask, f->green_mask, f->blue_mask},
    };
    if (f->address == 0)
        return CANVAS_NONE;
    if (f->width == 0 || f->height == 0 || f->pitch < line ||
        f->size < (uint64_t)f->pitch * (f->height - 1) + line)
        return CANVAS_BAD_MODE;
    if (!is_contiguous(f->red_mask) || !is_contiguous(f->green_mask) ||
        !is_contiguous(f->blue_mask) || (f->red_mask & f->green_mask) != 0 ||
        ((f->red_mask | f->green_mask) & f->blue_mask) != 0)
        return CANVAS_BAD_MASKS;
    return CANVAS_OK;
}

/* 0 to 255 become 0 to the mask's own highest value. */
static uint32_t component(uint32_t mask, uint32_t value)
{
    uint32_t low = mask & (~mask + 1);
    uint64_t highest = mask / low;

    return (uint32_t)((value * highest + 127) / 255) * low;
}

uint32_t canvas_pixel(const struct canvas *canvas, colour_t colour)
{
    return component(canvas->masks[0], colour >> 16 & 0xff) |
           component(canvas->masks[1], colour >> 8 & 0xff) |
           component(canvas->masks[2], colour & 0xff);
}

static uint8_t *pixel_at(const struct canvas *canvas, uint32_t x, uint32_t y)
{
    return canvas->pixels + (size_t)y * canvas->pitch + (size_t)x * PIXEL_SIZE;
}

/* A line in ordinary memory, to be copied out as often as it is wanted: write-combining buffers
 * take it in long runs. */
#define SPAN_MAX 512U
static void fill_line(uint8_t *to, const uint32_t *span, uint32_t width)
{
    for (uint32_t done = 0; done < width; done += SPAN_MAX) {
        uint32_t now = width - done < SPAN_MAX ? width - done : SPAN_MAX;
        memcpy(to + (size_t)done * PIXEL_SIZE, span, (size_t)now * PIXEL_SIZE);
    }
}

void canvas_fill(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t width,
                 uint32_t height, uint32_t pixel)
{
    uint32_t span[SPAN_MAX];

    if (canvas->pixels == NULL || x >= canvas->width || y >= canvas->height)
        return;
    width = width < canvas->width - x ? width : canvas->width - x;
    height = height < canvas->height - y ? height : canvas->height - y;
    for (uint32_t i = 0; i < SPAN_MAX && i < width; i++)
        span[i] = pixel;
    for (uint32_t line = 0; line < height; line++)
        fill_line(pixel_at(canvas, x, y + line), span, width);
}

/* The common case, 8 pixels wide and not enlarged: two pixels a store. */
static void draw_eight(const struct canvas *canvas, uint8_t *to, const struct font *font,
                       uint32_t glyph, uint32_t ink, uint32_t paper)
{
    /* By the bits of two pixels; the left one is the higher, and comes first in memory. */
    const uint64_t pairs[4] = {
        (uint64_t)paper << 32 | paper,
        (uint64_t)ink << 32 | paper,
        (uint64_t)paper << 32 | ink,
        (uint64_t)ink << 32 | ink,
    };
    const uint8_t *rows = font->glyphs + (size_t)glyph * font->glyph_size;

    for (uint32_t row = 0; row < font->height; row++, to += canvas->pitch) {
        unsigned bits = rows[row];
        memcpy(to, &pairs[bits >> 6], 8);
        memcpy(to + 8, &pairs[bits >> 4 & 3], 8);
        memcpy(to + 16, &pairs[bits >> 2 & 3], 8);
        memcpy(to + 24, &pairs[bits & 3], 8);
    }
}

/* One row of the glyph, which becomes `scale` lines. */
static void draw_row(const struct canvas *canvas, uint8_t *to, uint32_t bits, uint32_t width,
                     uint32_t scale, uint32_t ink, uint32_t paper)
{
    uint32_t span[FONT_WIDTH_MAX * CANVAS_SCALE_MAX], used = 0;

    for (uint32_t x = 0; x < width; x++, bits <<= 1) {
        for (uint32_t i = 0; i < scale; i++)
            span[used++] = bits >> 31 ? ink : paper;
    }
    for (uint32_t line = 0; line < scale; line++, to += canvas->pitch)
        memcpy(to, span, (size_t)used * PIXEL_SIZE);
}

void canvas_glyph(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t scale,
                  const struct font *font, uint32_t glyph, uint32_t ink, uint32_t paper)
{
    if (canvas->pixels == NULL || x >= canvas->width || y >= canvas->height || scale == 0 ||
        scale > CANVAS_SCALE_MAX || font->width * scale > canvas->width - x ||
        font->height * scale > canvas->height - y)
        return;
    if (font->width == 8 && scale == 1) {
        draw_eight(canvas, pixel_at(canvas, x, y), font, glyph, ink, paper);
        return;
    }
    for (uint32_t row = 0; row < font->height; row++)
        draw_row(canvas, pixel_at(canvas, x, y + row * scale), font_row(font, glyph, row),
                 font->width, scale, ink, paper);
}

const char *canvas_status_text(enum canvas_status status)
{
    static const char *const texts[] = {
        [CANVAS_OK] = "good",
        [CANVAS_NONE] = "firmware gave none",
        [CANVAS_BAD_MODE] = "its width, height, pitch and size contradict each other",
        [CANVAS_BAD_MASKS] = "its colour masks are empty, broken or overlap",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}
