/* See panic_code.h. */
#include "panic_code.h"

#include "display.h"
#include "log.h"
#include "mem.h"
#include "qr_code.h"

#define WHITE UINT32_C(0xffffff)
#define BLACK UINT32_C(0x000000)

/* Pixels of a module: fewer a phone does not tell apart, and more are not worth covering text. */
#define SCALE_LEAST   3U
#define SCALE_COVERED 4U

/* Title, exception and place: rows that are never covered. */
#define ROWS_KEPT 3U

/* Of version 40 with error correction L. */
#define TEXT_MAX 2953U

static char text[TEXT_MAX];
static size_t length;
static bool full;
static struct qr_code code;

/* How a text is to be shown. */
struct place {
    struct screen_area area; /* a square of what there is */
    unsigned scale;
    enum qr_level level;
};

static void keep(void *context, const char *more, size_t size)
{
    size_t room = full ? 0 : sizeof(text) - length;

    (void)context;
    full = full || size > room;
    size = size < room ? size : room;
    memcpy(text + length, more, size);
    length += size;
}

void panic_code_begin(void)
{
    length = 0;
    full = false;
    log_also_to(keep);
}

static unsigned modules(unsigned version)
{
    return qr_side(version) + 2 * QR_QUIET_ZONE;
}

static unsigned side_of(struct screen_area area)
{
    return area.width < area.height ? area.width : area.height;
}

/* The largest version that can be read in so many pixels; 0: none. */
static unsigned version_max(unsigned pixels)
{
    unsigned version = QR_VERSION_MAX;

    while (version > 0 && modules(version) * SCALE_LEAST > pixels)
        version--;
    return version;
}

/* As large as the area lets it be, or a little smaller where it covers text; with the better error
 * correction where that makes no module smaller and covers nothing more. */
static bool place_in(struct screen_area area, bool covers, struct place *place)
{
    unsigned side = side_of(area), most = version_max(side);
    unsigned low = qr_version_for(length, QR_LEVEL_L, most);
    unsigned medium = qr_version_for(length, QR_LEVEL_M, most);

    if (low == 0)
        return false;
    place->scale = side / modules(low);
    if (covers && place->scale > SCALE_COVERED)
        place->scale = SCALE_COVERED;
    bool better = medium != 0 && (covers ? medium == low : side / modules(medium) >= place->scale);
    place->level = better ? QR_LEVEL_M : QR_LEVEL_L;
    side = modules(better ? medium : low) * place->scale;
    place->area =
        (struct screen_area){area.x + area.width - side, area.y + area.height - side, side, side};
    return true;
}

/* Whole lines, from the first on, that so many bytes hold. */
static void cut(size_t most)
{
    if (length <= most && !full)
        return;
    length = length < most ? length : most;
    while (length > 0 && text[length - 1] != '\n')
        length--;
}

static bool find_place(struct place *place)
{
    struct screen_area beside = display_panic_area(), below = display_panic_area_below(ROWS_KEPT);

    cut(TEXT_MAX);
    if (length == 0)
        return false;
    if (place_in(beside, false, place) || place_in(below, true, place))
        return true;
    cut(qr_capacity(version_max(side_of(below)), QR_LEVEL_L));
    return length != 0 && place_in(below, true, place);
}

/* Dark modules beside each other are one rectangle. */
static void draw_row(const struct place *place, unsigned row)
{
    unsigned scale = place->scale, end;

    for (unsigned column = 0; column < code.side; column = end) {
        bool dark = qr_is_dark(&code, row, column);
        for (end = column + 1; end < code.side && qr_is_dark(&code, row, end) == dark;)
            end++;
        if (dark)
            display_fill((struct screen_area){place->area.x + (column + QR_QUIET_ZONE) * scale,
                                              place->area.y + (row + QR_QUIET_ZONE) * scale,
                                              (end - column) * scale, scale},
                         BLACK);
    }
}

void panic_code_draw(void)
{
    struct place place;

    log_also_to(NULL);
    if (!find_place(&place) || qr_encode(&code, text, length, place.level, QR_VERSION_MAX) != QR_OK)
        return;
    display_fill(place.area, WHITE);
    for (unsigned row = 0; row < code.side; row++)
        draw_row(&place, row);
}
