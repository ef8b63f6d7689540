/* A terminal on a framebuffer: its cells, drawn with a font that is enlarged by a whole number. Two
 * grids in ordinary memory say what should be seen and what is seen, so the framebuffer is never
 * read, and only what differs is written. */
#ifndef BESTLA_KERNEL_SCREEN_H
#define BESTLA_KERNEL_SCREEN_H

#include "canvas.h"
#include "terminal.h"

/* Of one grid; a larger screen is used in part. Wide enough for a line of the page map, and high
 * enough for a portrait screen. */
#define SCREEN_CELLS_MAX 40960U

struct screen {
    struct canvas canvas;
    struct font font;
    struct terminal terminal;
    unsigned scale;
    bool has_cursor;      /* drawn as a block */
    size_t cursor;        /* the cell that it was drawn on */
    uint32_t left, top;   /* pixels before the first cell */
    uint32_t palette[16]; /* the terminal's colours as this canvas has them */
    cell_t cells[SCREEN_CELLS_MAX], shown[SCREEN_CELLS_MAX];
};

/* A part of a screen, in pixels. */
struct screen_area {
    uint32_t x, y, width, height;
};

/* How many cells of which scale a canvas is given. */
struct screen_grid {
    unsigned scale, columns, rows;
    uint32_t left, top;
};

/* As many as there is room for, as large as leaves 160 columns and 40 rows: the lines of a page map
 * and a screenful of them. Where there is no room for one cell there are 0 columns. */
struct screen_grid screen_grid_for_log(const struct canvas *canvas, const struct font *font);

/* For a photograph: characters as large as leave a picture half of the screen's shorter side, on
 * the right of 80 columns or below 25 rows of them; where the screen is too small for that, as
 * large as 80 by 25 let them be; and enlarged `most` times at most (1 or more). Where it is on the
 * right that there is room *free is what the 80 columns leave, else it has size 0 and the cells go
 * from edge to edge. The first row is a title's, and as wide as the screen. */
struct screen_grid screen_grid_for_panic(const struct canvas *canvas, const struct font *font,
                                         unsigned most, struct screen_area *free);

/* The same from edge to edge, in characters of that size. */
struct screen_grid screen_grid_whole(const struct canvas *canvas, const struct font *font,
                                     unsigned scale);

/* A screen for a framebuffer that is not mapped yet, without a grid. */
struct screen_error {
    enum canvas_status canvas;
    enum font_status font;
};
__attribute__((warn_unused_result)) bool screen_open(struct screen *screen,
                                                     const struct boot_framebuffer *framebuffer,
                                                     const uint8_t *font, size_t font_size,
                                                     struct screen_error *error);

/* Empty cells in a new grid, of 1 column and row at least. The whole canvas is to be drawn. */
void screen_lay_out(struct screen *screen, const struct screen_grid *grid);

/* From here on there are pixels to write to: clears them, and draws what has been written so far.
 */
void screen_show(struct screen *screen, void *pixels);

/* Draws what has changed; nothing before screen_show. */
void screen_draw(struct screen *screen);

/* The colour that a number of terminal.h's stands for. */
colour_t screen_colour(unsigned number);

#endif
