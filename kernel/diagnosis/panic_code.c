/* See panic_code.h. */
#include "panic_code.h"

#include "display.h"

#define WHITE UINT32_C(0xffffff)
#define BLACK UINT32_C(0x000000)

static unsigned modules(unsigned version)
{
    return qr_side(version) + 2 * QR_QUIET_ZONE;
}

static unsigned side_of(struct screen_area area)
{
    return area.width < area.height ? area.width : area.height;
}

/* The largest version that so many pixels hold; 0: none. */
static unsigned version_max(unsigned pixels, unsigned scale)
{
    unsigned version = QR_VERSION_MAX;

    while (version > 0 && modules(version) * scale > pixels)
        version--;
    return version;
}

bool panic_code_place(struct screen_area within, unsigned scale, struct text text,
                      struct panic_code *code)
{
    unsigned most = version_max(side_of(within), scale);
    unsigned low = qr_version_for(text.length, QR_LEVEL_L, most);

    if (text.length == 0 || low == 0)
        return false;
    unsigned side = modules(low) * scale;
    *code = (struct panic_code){
        .area = {within.x + within.width - side, within.y + within.height - side, side, side},
        .scale = scale,
        .level = qr_version_for(text.length, QR_LEVEL_M, most) == low ? QR_LEVEL_M : QR_LEVEL_L,
        .text = text,
    };
    return true;
}

bool panic_code_place_large(struct screen_area within, unsigned least, struct text text,
                            struct panic_code *code)
{
    unsigned scale = side_of(within) / modules(1);

    while (scale >= least && !panic_code_place(within, scale, text, code))
        scale--;
    if (scale < least || scale == 0)
        return false;
    unsigned medium = qr_version_for(text.length, QR_LEVEL_M, version_max(side_of(within), scale));
    if (medium != 0) {
        unsigned side = modules(medium) * scale;
        code->level = QR_LEVEL_M;
        code->area = (struct screen_area){within.x + within.width - side,
                                          within.y + within.height - side, side, side};
    }
    return true;
}

struct text panic_code_part(struct screen_area within, unsigned scale, struct text text)
{
    size_t most = qr_capacity(version_max(side_of(within), scale), QR_LEVEL_L);

    if (text.length <= most)
        return text;
    text.length = most;
    while (text.length > 0 && text.start[text.length - 1] != '\n')
        text.length--;
    return text;
}

/* Dark modules beside each other are one rectangle. */
static void draw_row(const struct panic_code *code, const struct qr_code *qr, unsigned row)
{
    unsigned scale = code->scale, end;

    for (unsigned column = 0; column < qr->side; column = end) {
        bool dark = qr_is_dark(qr, row, column);
        for (end = column + 1; end < qr->side && qr_is_dark(qr, row, end) == dark;)
            end++;
        if (dark)
            display_fill((struct screen_area){code->area.x + (column + QR_QUIET_ZONE) * scale,
                                              code->area.y + (row + QR_QUIET_ZONE) * scale,
                                              (end - column) * scale, scale},
                         BLACK);
    }
}

void panic_code_draw(const struct panic_code *code)
{
    static struct qr_code qr;

    if (qr_encode(&qr, code->text.start, code->text.length, code->level, QR_VERSION_MAX) != QR_OK)
        return;
    display_fill(code->area, WHITE);
    for (unsigned row = 0; row < qr.side; row++)
        draw_row(code, &qr, row);
}
