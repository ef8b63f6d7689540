/* See screen.h. */
#include "screen.h"

#define LOG_COLUMNS   160U
#define LOG_ROWS      40U
#define PANIC_COLUMNS 80U
#define PANIC_ROWS    25U
#define PICTURE_LEAST 160U /* pixels a side; smaller ones no camera reads */

/* No cell that can be written: whatever is there differs from it. */
#define UNKNOWN_CELL UINT32_MAX

colour_t screen_colour(unsigned number)
{
    static const colour_t colours[16] = {
        0x0d1117, 0xc8424a, 0x46a758, 0xc79a34, 0x3b7dd8, 0xa05cc0, 0x35a0a8, 0xc9d1d9,
        0x7d8590, 0xff6b6b, 0x6fdd80, 0xf2cc60, 0x79b8ff, 0xd69cf0, 0x6fdde2, 0xffffff,
    };
    return colours[number & 15];
}

static uint32_t min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Cells of this scale, in the middle. */
static struct screen_grid grid_of(const struct canvas *canvas, const struct font *font,
                                  unsigned scale)
{
    uint32_t width = font->width * scale, height = font->height * scale;
    uint32_t columns = min(canvas->width / width, SCREEN_CELLS_MAX);
    uint32_t rows = columns == 0 ? 0 : min(canvas->height / height, SCREEN_CELLS_MAX / columns);

    return (struct screen_grid){
        .scale = scale,
        .columns = rows == 0 ? 0 : columns,
        .rows = rows,
        .left = (canvas->width - columns * width) / 2,
        .top = (canvas->height - rows * height) / 2,
    };
}

static unsigned largest_scale(const struct canvas *canvas, const struct font *font,
                              uint32_t columns, uint32_t rows)
{
    uint32_t scale =
        min(canvas->width / (font->width * columns), canvas->height / (font->height * rows));

    return scale == 0 ? 1 : min(scale, CANVAS_SCALE_MAX);
}

struct screen_grid screen_grid_for_log(const struct canvas *canvas, const struct font *font)
{
    return grid_of(canvas, font, largest_scale(canvas, font, LOG_COLUMNS, LOG_ROWS));
}

static uint32_t area_side(struct screen_area area)
{
    return min(area.width, area.height);
}

/* What 80 by 25 cells of this scale leave, but for their first row, which is as wide as the screen:
 * on their right, or below. */
static struct screen_area area_beside(const struct canvas *canvas, const struct font *font,
                                      unsigned scale)
{
    uint32_t title = min(font->height * scale, canvas->height);
    uint32_t width = min(font->width * scale * (PANIC_COLUMNS + 2), canvas->width);
    uint32_t height = min(font->height * scale * PANIC_ROWS, canvas->height);
    struct screen_area right = {width, title, canvas->width - width, canvas->height - title};
    struct screen_area below = {0, height, canvas->width, canvas->height - height};

    return area_side(right) >= area_side(below) ? right : below;
}

/* From the left edge, with a column's width on the left and on the right if that leaves 80. */
static void add_margin(struct screen_grid *grid, const struct font *font, uint32_t width)
{
    uint32_t margin = font->width * grid->scale;

    grid->left = grid->top = 0;
    if (width / margin < PANIC_COLUMNS + 2)
        return;
    grid->columns = min(grid->columns, width / margin - 2);
    grid->left = margin;
}

struct screen_grid screen_grid_for_panic(const struct canvas *canvas, const struct font *font,
                                         unsigned most, struct screen_area *free)
{
    unsigned largest = min(largest_scale(canvas, font, PANIC_COLUMNS, PANIC_ROWS), most);
    unsigned scale = largest;
    uint32_t wanted = min(canvas->width, canvas->height) / 2;

    while (scale > 1 && area_side(area_beside(canvas, font, scale)) < wanted)
        scale--;
    *free = area_beside(canvas, font, scale);
    if (area_side(*free) < wanted)
        *free = area_beside(canvas, font, scale = largest);
    if (area_side(*free) < PICTURE_LEAST || free->x == 0)
        *free = (struct screen_area){0};

    struct screen_grid grid = grid_of(canvas, font, scale);
    uint32_t width = free->x == 0 ? canvas->width : free->x;
    grid.columns = min(grid.columns, width / (font->width * scale));
    add_margin(&grid, font, width);
    return grid;
}

struct screen_grid screen_grid_whole(const struct canvas *canvas, const struct font *font,
                                     unsigned scale)
{
    struct screen_grid grid = grid_of(canvas, font, scale);

    add_margin(&grid, font, canvas->width);
    return grid;
}

bool screen_open(struct screen *screen, const struct boot_framebuffer *framebuffer,
                 const uint8_t *font, size_t font_size, struct screen_error *error)
{
    error->canvas = canvas_open(&screen->canvas, framebuffer);
    error->font = font_open(&screen->font, font, font_size);
    if (error->canvas != CANVAS_OK || error->font != FONT_OK)
        return false;
    for (unsigned i = 0; i < 16; i++)
        screen->palette[i] = canvas_pixel(&screen->canvas, screen_colour(i));
    return true;
}

static void forget_shown(struct screen *screen)
{
    for (size_t i = 0; i < SCREEN_CELLS_MAX; i++)
        screen->shown[i] = UNKNOWN_CELL;
}

void screen_lay_out(struct screen *screen, const struct screen_grid *grid)
{
    unsigned jump = grid->rows < 4 ? 1 : grid->rows / 4; /* docs/screen.md has what that saves */

    screen->scale = grid->scale;
    screen->has_cursor = false;
    screen->cursor = 0;
    screen->left = grid->left;
    screen->top = grid->top;
    terminal_open(&screen->terminal, screen->cells, grid->columns, grid->rows, jump);
    forget_shown(screen);
}

/* A canvas that has just been filled shows blanks. */
static void clear(struct screen *screen)
{
    const struct canvas *canvas = &screen->canvas;

    canvas_fill(canvas, 0, 0, canvas->width, canvas->height, screen->palette[TERMINAL_PAPER]);
    for (size_t i = 0; i < SCREEN_CELLS_MAX; i++)
        screen->shown[i] = cell(' ', TERMINAL_INK, TERMINAL_PAPER);
}

void screen_show(struct screen *screen, void *pixels)
{
    screen->canvas.pixels = pixels;
    clear(screen);
    screen->terminal.changed_from = 0;
    screen->terminal.changed_to = screen->terminal.rows;
    screen_draw(screen);
}

static void draw_cell(const struct screen *screen, unsigned column, unsigned row, cell_t c)
{
    const struct font *font = &screen->font;
    uint32_t width = font->width * screen->scale, height = font->height * screen->scale;
    uint32_t x = screen->left + column * width, y = screen->top + row * height;

    canvas_glyph(&screen->canvas, x, y, screen->scale, font, font_glyph(font, cell_code(c)),
                 screen->palette[cell_ink(c)], screen->palette[cell_paper(c)]);
}

static size_t cursor_of(const struct terminal *terminal)
{
    return (size_t)terminal->row * terminal->columns + terminal->column;
}

/* Ink and paper change places under the cursor. */
static cell_t cell_at(const struct screen *screen, size_t at)
{
    cell_t c = screen->cells[at];

    return screen->has_cursor && at == screen->cursor
               ? cell(cell_code(c), cell_paper(c), cell_ink(c))
               : c;
}

static void draw_row(struct screen *screen, unsigned row)
{
    size_t first = (size_t)row * screen->terminal.columns;

    for (unsigned column = 0; column < screen->terminal.columns; column++) {
        cell_t wanted = cell_at(screen, first + column);
        if (screen->shown[first + column] == wanted)
            continue;
        draw_cell(screen, column, row, wanted);
        screen->shown[first + column] = wanted;
    }
}

void screen_draw(struct screen *screen)
{
    struct terminal *terminal = &screen->terminal;
    unsigned from, to, before = (unsigned)(screen->cursor / terminal->columns);

    if (screen->canvas.pixels == NULL)
        return;
    terminal_take_changes(terminal, &from, &to);
    screen->cursor = cursor_of(terminal);
    for (unsigned row = from; row < to; row++)
        draw_row(screen, row);
    if (screen->has_cursor && (before < from || before >= to))
        draw_row(screen, before);
    if (screen->has_cursor && (terminal->row < from || terminal->row >= to))
        draw_row(screen, terminal->row);
}
