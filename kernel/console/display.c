/* See display.h. */
#include "display.h"

#include "log.h"
#include "mem.h"

#define INK_TIME      8
#define INK_SUBSYSTEM 14
#define INK_WARNING   11
#define INK_ERROR     9
#define RED_PAPER     1

static struct screen screen;
static enum {
    DISPLAY_UNKNOWN,  /* nobody has asked for a framebuffer */
    DISPLAY_PREPARED, /* cells, and no pixels */
    DISPLAY_SHOWN,
    DISPLAY_OFF,
} state;

/* Whoever is in here may be interrupted by one who wants to write. */
static volatile bool busy;

/* What was written when it could not be taken. */
static char pending[2048];
static size_t pending_size;

static void keep(const char *text, size_t length)
{
    size_t room = sizeof(pending) - pending_size;

    length = length < room ? length : room;
    memcpy(pending + pending_size, text, length);
    pending_size += length;
}

static void take_pending(void)
{
    size_t size = pending_size;

    pending_size = 0;
    terminal_write(&screen.terminal, pending, size);
}

static void report_none(const struct boot_framebuffer *f, const struct screen_error *error)
{
    if (error->canvas == CANVAS_NONE)
        log_info("screen", "none: %s", canvas_status_text(error->canvas));
    else if (error->canvas == CANVAS_OK && error->font == FONT_OK)
        log_warning("screen", "none: %ux%u pixels are fewer than one character has", f->width,
                    f->height);
    else
        log_warning("screen",
                    "none: framebuffer of %ux%u, pitch %u, 0x%lx bytes, masks %08x %08x %08x: "
                    "%s; font: %s",
                    f->width, f->height, f->pitch, f->size, f->red_mask, f->green_mask,
                    f->blue_mask, canvas_status_text(error->canvas), font_status_text(error->font));
}

void display_prepare(const struct boot_framebuffer *framebuffer)
{
    struct screen_error error;
    struct screen_grid grid = {0};

    if (screen_open(&screen, framebuffer, font_file, font_file_size, &error))
        grid = screen_grid_for_log(&screen.canvas, &screen.font);
    if (grid.columns == 0) {
        state = DISPLAY_OFF;
        report_none(framebuffer, &error);
        return;
    }
    state = DISPLAY_PREPARED;
    screen_lay_out(&screen, &grid);
    screen.has_cursor = true;
    take_pending();
}

void display_show(void *pixels)
{
    if (state != DISPLAY_PREPARED)
        return;
    if (pixels == NULL) {
        state = DISPLAY_OFF;
        return;
    }
    busy = true;
    screen_show(&screen, pixels);
    busy = false;
    state = DISPLAY_SHOWN;
    log_info("screen", "%ux%u pixels, %ux%u characters of %ux%u%s", screen.canvas.width,
             screen.canvas.height, screen.terminal.columns, screen.terminal.rows,
             screen.font.width * screen.scale, screen.font.height * screen.scale,
             screen.scale == 1 ? "" : ", enlarged");
}

bool display_is_shown(void)
{
    return state == DISPLAY_SHOWN;
}

void display_write(const char *text, size_t length)
{
    if (state == DISPLAY_UNKNOWN || busy) {
        keep(text, length);
        return;
    }
    if (state == DISPLAY_OFF)
        return;
    busy = true;
    terminal_write(&screen.terminal, text, length);
    busy = false;
}

void display_flush(void)
{
    if (state != DISPLAY_SHOWN || busy)
        return;
    busy = true;
    if (pending_size != 0)
        take_pending();
    screen_draw(&screen);
    busy = false;
}

static void set_ink(unsigned ink)
{
    if (state != DISPLAY_UNKNOWN && state != DISPLAY_OFF && !busy)
        terminal_set_ink(&screen.terminal, ink);
}

void display_ink_time(void)
{
    set_ink(INK_TIME);
}

void display_ink_subsystem(void)
{
    set_ink(INK_SUBSYSTEM);
}

void display_ink_text(enum log_level level)
{
    set_ink(level == LOG_ERROR ? INK_ERROR : level == LOG_WARNING ? INK_WARNING : TERMINAL_INK);
}

static const char *panic_title;

static void write_string(const char *text)
{
    terminal_write(&screen.terminal, text, strlen(text));
}

/* To both edges of the screen. */
static void widen_title(void)
{
    uint32_t height = screen.font.height * screen.scale;
    uint32_t right = screen.left + screen.terminal.columns * screen.font.width * screen.scale;
    uint32_t red = screen.palette[RED_PAPER];

    canvas_fill(&screen.canvas, 0, 0, screen.left, height, red);
    canvas_fill(&screen.canvas, right, 0, screen.canvas.width - right, height, red);
}

/* Empty but for the title. */
static void begin_page(const struct screen_grid *grid, void *pixels)
{
    screen_lay_out(&screen, grid);
    screen.terminal.hold = true;
    write_string("\x1b[97;41m");
    write_string(panic_title);
    write_string("\x1b[K\x1b[m\n");
    screen_show(&screen, pixels);
    widen_title();
}

void display_begin_panic(void *(*find_pixels)(void), bool interrupted, const char *title)
{
    bool usable = state == DISPLAY_PREPARED || state == DISPLAY_SHOWN;

    if (!usable || (busy && !interrupted)) {
        state = DISPLAY_OFF;
        return;
    }
    busy = true;
    void *pixels = find_pixels();
    if (pixels == NULL) {
        busy = false;
        state = DISPLAY_OFF;
        return;
    }
    struct screen_area free;
    struct screen_grid grid =
        screen_grid_for_panic(&screen.canvas, &screen.font, CANVAS_SCALE_MAX, &free);
    panic_title = title;
    pending_size = 0;
    begin_page(&grid, pixels);
    busy = false;
    state = DISPLAY_SHOWN;
}

bool display_page(bool whole, unsigned most, struct display_page *page)
{
    struct screen_area free;

    if (state != DISPLAY_SHOWN || busy)
        return false;
    struct screen_grid grid = screen_grid_for_panic(&screen.canvas, &screen.font, most, &free);
    if (whole) {
        grid = screen_grid_whole(&screen.canvas, &screen.font, grid.scale);
        free = (struct screen_area){0};
    }
    *page = (struct display_page){
        .grid = grid,
        .cell_width = screen.font.width * grid.scale,
        .cell_height = screen.font.height * grid.scale,
        .width = screen.canvas.width,
        .height = screen.canvas.height,
        .free = free,
    };
    return true;
}

void display_begin_page(const struct display_page *page)
{
    if (state != DISPLAY_SHOWN || busy)
        return;
    busy = true;
    begin_page(&page->grid, screen.canvas.pixels);
    busy = false;
}

void display_fill(struct screen_area area, colour_t colour)
{
    if (state != DISPLAY_SHOWN)
        return;
    busy = true;
    canvas_fill(&screen.canvas, area.x, area.y, area.width, area.height,
                canvas_pixel(&screen.canvas, colour));
    busy = false;
}

bool display_give_up_if_busy(void)
{
    bool was = busy && state != DISPLAY_OFF;

    if (was)
        state = DISPLAY_OFF;
    return was;
}
