/* See panic_page.h. */
#include "panic_page.h"

#include "com1.h"
#include "display.h"
#include "log.h"
#include "mem.h"
#include "panic_code.h"
#include "text_flow.h"

/* Pixels of a module: so many a phone tells apart on any screen; where the report's first part is
 * not to be seen otherwise, on small modes, which monitors enlarge, one less. */
#define SCALE_GOOD  3U
#define SCALE_LEAST 2U

/* Title, exception and place: they are seen whatever the code takes. */
#define ROWS_KEPT 3U

/* Two registers. Fewer columns beside the code are left empty: symbols would not fit. */
#define COLUMNS_LEAST (2 * FLOW_FIELD)

#define REPORT_MAX 8192U

static char report[REPORT_MAX];
static size_t length, essential;
static bool full;

static void keep(void *context, const char *more, size_t size)
{
    size_t room = full ? 0 : sizeof(report) - length;

    (void)context;
    full = full || size > room;
    size = size < room ? size : room;
    memcpy(report + length, more, size);
    length += size;
}

void panic_page_begin(void)
{
    length = essential = 0;
    full = false;
    log_also_to(keep);
}

void panic_page_essential(void)
{
    essential = length;
}

/* ---- where everything goes ------------------------------------------------------------- */

struct layout {
    struct display_page page;
    struct flow_shape shape;
    bool has_code;
    struct panic_code code;
};

/* What a page leaves for text. A code has its own margin. */
static struct flow_shape shape_around(const struct display_page *page, struct screen_area taken)
{
    struct flow_shape shape = {page->grid.rows, page->grid.columns, page->grid.rows,
                               page->grid.columns};
    uint32_t left = page->grid.left + page->grid.columns * page->cell_width;
    uint32_t bottom = page->grid.top + page->grid.rows * page->cell_height;

    if (taken.width == 0 || taken.x >= left || taken.y >= bottom)
        return shape;
    uint32_t above = taken.y < page->grid.top ? 0 : (taken.y - page->grid.top) / page->cell_height;
    uint32_t beside =
        taken.x < page->grid.left ? 0 : (taken.x - page->grid.left) / page->cell_width;
    shape.narrow_from = above;
    shape.narrow_columns = beside;
    if (beside < COLUMNS_LEAST) {
        shape.rows = above;
        shape.narrow_columns = page->grid.columns;
    }
    return shape;
}

/* How many lines do not fit, of all or of the first `size` bytes. The title has the first row. */
static size_t left_out(const struct flow_shape *shape, size_t size)
{
    unsigned row = 1;

    return flow_text(shape, &row, (struct text){report, size}, NULL, NULL);
}

/* Those that must be seen, and a row to say that there are more. */
static bool has_essential(struct flow_shape shape)
{
    if (left_out(&shape, length) == 0)
        return true;
    shape.rows--;
    return shape.rows > 1 && left_out(&shape, essential) == 0;
}

/* What a code may take of the whole screen. */
static struct screen_area below_first_rows(const struct display_page *page)
{
    uint32_t y = page->grid.top + ROWS_KEPT * page->cell_height;

    return (struct screen_area){0, y, page->width, y < page->height ? page->height - y : 0};
}

static bool place_at_scale(struct layout *layout, unsigned scale, struct text text)
{
    layout->has_code =
        panic_code_place(below_first_rows(&layout->page), scale, text, &layout->code);
    if (layout->has_code)
        layout->shape = shape_around(&layout->page, layout->code.area);
    return layout->has_code;
}

/* In the corner: as large as leaves all of the text seen; or else what must be seen. */
static bool place_in_corner(struct layout *layout, struct text text)
{
    struct screen_area within = below_first_rows(&layout->page);
    unsigned scale = SCALE_LEAST;

    if (panic_code_place_large(within, SCALE_GOOD, text, &layout->code))
        scale = layout->code.scale;
    for (; scale >= SCALE_GOOD && place_at_scale(layout, scale, text); scale--) {
        if (left_out(&layout->shape, length) == 0)
            return true;
    }
    for (scale = SCALE_GOOD; scale >= SCALE_LEAST; scale--) {
        if (place_at_scale(layout, scale, text) && has_essential(layout->shape))
            return true;
    }
    return false;
}

static struct text without_last_line(struct text text)
{
    do
        text.length--;
    while (text.length > 0 && text.start[text.length - 1] != '\n');
    return text;
}

/* A smaller one, of fewer lines, as long as it has those that must be seen. */
static bool place_part(struct layout *layout, struct text text)
{
    for (; text.length >= essential && text.length != 0; text = without_last_line(text)) {
        if (place_at_scale(layout, SCALE_LEAST, text) && has_essential(layout->shape))
            return true;
    }
    return false;
}

/* On a screen too small for text and code, the code: it has lines that are not seen. */
static void place_code_alone(struct layout *layout, struct text text)
{
    struct screen_area within = below_first_rows(&layout->page);

    if (!place_at_scale(layout, SCALE_GOOD, panic_code_part(within, SCALE_GOOD, text)))
        layout->shape = shape_around(&layout->page, (struct screen_area){0});
}

/* What the largest code there is holds. */
static struct text most_of_report(void)
{
    const struct screen_area any = {0, 0, UINT16_MAX, UINT16_MAX};

    return panic_code_part(any, 1, (struct text){report, length});
}

/* Beside 80 columns, on the right, where there is room for that; else in the corner. */
static bool lay_out_at(struct layout *layout, unsigned most, struct text text)
{
    if (!display_page(false, most, &layout->page))
        return false;
    layout->shape = shape_around(&layout->page, (struct screen_area){0});
    layout->has_code = layout->page.free.x != 0 &&
                       panic_code_place_large(layout->page.free, SCALE_GOOD, text, &layout->code);
    if (layout->has_code)
        return true;
    if (!display_page(true, most, &layout->page))
        return false;
    if (!place_in_corner(layout, text) && !place_part(layout, text))
        place_code_alone(layout, text);
    return true;
}

/* In characters as large as show all of it; else in the smallest. */
static bool lay_out(struct layout *layout)
{
    struct text text = most_of_report();
    unsigned most = CANVAS_SCALE_MAX;

    do {
        if (!lay_out_at(layout, most, text))
            return false;
        most = layout->page.grid.scale - 1;
    } while (most > 0 && left_out(&layout->shape, length) != 0);
    return true;
}

/* ---- drawing --------------------------------------------------------------------------- */

static void write_page(void *context, const char *text, size_t size)
{
    (void)context;
    display_write(text, size);
}

static void write_string(const char *text)
{
    display_write(text, strlen(text));
}

/* The last row. */
static void write_notice(const struct layout *layout, unsigned row, size_t lines)
{
    const struct flow_shape *shape = &layout->shape;
    unsigned columns = row < shape->narrow_from ? shape->columns : shape->narrow_columns;
    bool in_code = layout->has_code && layout->code.text.length == length && !full;
    char notice[80];

    format_text(notice, sizeof(notice), " %lu lines more%s%s ", lines,
                in_code ? ", in the code" : "", com1.present ? ", on serial" : "");
    write_string("\x1b[30;43m");
    display_write(notice, strlen(notice) < columns ? strlen(notice) : columns);
    write_string("\x1b[m");
}

/* The first line, what it died of, is red. */
static void write_report(const struct layout *layout)
{
    struct text rest = {report, length}, first;
    unsigned row = 1;

    if (!text_next_line(&rest, &first))
        return;
    display_ink_text(LOG_ERROR);
    size_t lines = flow_text(&layout->shape, &row, first, write_page, NULL);
    display_ink_text(LOG_INFO);
    lines += flow_text(&layout->shape, &row, rest, write_page, NULL);
    if (lines != 0)
        write_notice(layout, row, lines);
}

/* A report that was cut ends somewhere. */
static void end_report(void)
{
    log_also_to(NULL);
    if (full)
        length = without_last_line((struct text){report, length}).length;
    if (essential == 0 || essential > length)
        essential = length;
}

void panic_page_draw(void)
{
    static struct layout layout;

    end_report();
    if (length == 0 || !lay_out(&layout))
        return;
    display_begin_page(&layout.page);
    write_report(&layout);
    display_flush();
    if (layout.has_code)
        panic_code_draw(&layout.code);
}
