/* Pixels of 32 bits in memory that is written and never read: a framebuffer. Drawing is clipped, so
 * that no argument reaches outside of it. */
#ifndef BESTLA_KERNEL_CANVAS_H
#define BESTLA_KERNEL_CANVAS_H

#include "boot_info.h"
#include "font.h"

/* 0xRRGGBB. */
typedef uint32_t colour_t;

enum canvas_status {
    CANVAS_OK,
    CANVAS_NONE,     /* no framebuffer: its address is 0 */
    CANVAS_BAD_MODE, /* no width or height, a pitch below the width, a size below what these need */
    CANVAS_BAD_MASKS, /* a mask that is empty, has a hole, or overlaps another */
};

struct canvas {
    uint8_t *pixels;
    uint32_t width, height; /* pixels */
    uint32_t pitch;         /* bytes */
    uint32_t masks[3];      /* red, green, blue */
};

/* Describes a framebuffer that is not mapped yet: `pixels` stays NULL, and drawing does nothing. */
__attribute__((warn_unused_result)) enum canvas_status canvas_open(
    struct canvas *canvas, const struct boot_framebuffer *framebuffer);

/* A colour as the framebuffer has it: a mask of another width than 8 bits gets the nearest. */
uint32_t canvas_pixel(const struct canvas *canvas, colour_t colour);

/* Pixels are those of canvas_pixel from here on; x, y, width and height are in pixels. */
void canvas_fill(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t width,
                 uint32_t height, uint32_t pixel);

#define CANVAS_SCALE_MAX 16U

/* Each pixel of the glyph becomes scale x scale, 1 to CANVAS_SCALE_MAX. A glyph that does not fit
 * whole is not drawn. */
void canvas_glyph(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t scale,
                  const struct font *font, uint32_t glyph, uint32_t ink, uint32_t paper);

const char *canvas_status_text(enum canvas_status status);

#endif
