/* kernel/diagnosis/panic_code.c on screens of all sizes: where the code is, and that it is the one
 * of the report. */
/* links: kernel/diagnosis/panic_code.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "display.h"
#include "log.h"
#include "panic_code.h"
#include "qr_code.h"

#define WIDTH_MAX  4096U
#define HEIGHT_MAX 2200U
#define ROW        16U /* pixels of a row of text */
#define TEXT       0xc9d1d9U

static uint32_t pixels[HEIGHT_MAX][WIDTH_MAX];
static uint32_t width, height;
static struct screen_area beside;
static format_sink sink;

/* ---- the kernel around it -------------------------------------------------------------------- */

void log_also_to(format_sink to)
{
    sink = to;
}

struct screen_area display_panic_area(void)
{
    return beside;
}

struct screen_area display_panic_area_below(unsigned rows)
{
    if (rows * ROW >= height)
        return (struct screen_area){0};
    return (struct screen_area){0, rows * ROW, width, height - rows * ROW};
}

void display_fill(struct screen_area area, colour_t colour)
{
    assert_true(area.x <= width && area.width <= width - area.x);
    assert_true(area.y <= height && area.height <= height - area.y);
    for (uint32_t y = area.y; y < area.y + area.height; y++) {
        for (uint32_t x = area.x; x < area.x + area.width; x++)
            pixels[y][x] = colour;
    }
}

/* ---- what is on the screen ------------------------------------------------------------------- */

static char report[8192];

/* Lines of up to 101 characters, in pieces of all sizes. */
static void say(size_t size)
{
    for (size_t i = 0, line = 0; i < size; i++) {
        bool ends = i + 1 == size || line == 100 || rand() % 60 == 0;
        report[i] = (char)(ends ? '\n' : ' ' + rand() % 95);
        line = ends ? 0 : line + 1;
    }
    report[size] = '\0';
    panic_code_begin();
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = (size_t)rand() % 100 + 1;
        piece = piece < size - at ? piece : size - at;
        sink(NULL, report + at, piece);
    }
}

static void new_screen(uint32_t w, uint32_t h)
{
    width = w;
    height = h;
    for (uint32_t y = 0; y < h; y++) {
        for (uint32_t x = 0; x < w; x++)
            pixels[y][x] = TEXT;
    }
    beside = (struct screen_area){0};
    if (w > 640)
        beside = (struct screen_area){640, 0, w - 640, h};
}

struct found {
    uint32_t x, y, side; /* of the white square */
    unsigned scale;
    size_t length; /* of the report's part that it holds */
    enum qr_level level;
};

static bool find_square(struct found *found)
{
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            if (pixels[y][x] == TEXT)
                continue;
            *found = (struct found){.x = x, .y = y};
            while (x + found->side < width && pixels[y][x + found->side] != TEXT)
                found->side++;
            return true;
        }
    }
    return false;
}

static bool shows(const struct found *found, const struct qr_code *code)
{
    for (uint32_t y = 0; y < found->side; y++) {
        for (uint32_t x = 0; x < found->side; x++) {
            unsigned row = y / found->scale - QR_QUIET_ZONE;
            unsigned column = x / found->scale - QR_QUIET_ZONE;
            bool dark = row < code->side && column < code->side && qr_is_dark(code, row, column);
            if (pixels[found->y + y][found->x + x] != (dark ? 0 : 0xffffffU))
                return false;
        }
    }
    return true;
}

/* The report, or as many of its first lines as it must be. */
static void recognize(struct found *found)
{
    static struct qr_code code;
    size_t size = strlen(report);

    for (size_t length = size; length > 0; length--) {
        if (length != size && report[length - 1] != '\n')
            continue;
        for (enum qr_level level = QR_LEVEL_L; level <= QR_LEVEL_M; level++) {
            if (qr_encode(&code, report, length, level, 40) != QR_OK)
                continue;
            unsigned modules = code.side + 2 * QR_QUIET_ZONE;
            found->scale = found->side / modules;
            found->level = level;
            found->length = length;
            if (found->side % modules == 0 && shows(found, &code))
                return;
        }
    }
    fail_msg("no code of the report");
}

static bool draw(size_t size, struct found *found)
{
    say(size);
    panic_code_draw();
    assert_null(sink);
    if (!find_square(found))
        return false;
    recognize(found);
    assert_true(found->scale >= 3);
    return true;
}

static bool covers_text(const struct found *found)
{
    return found->x < 640;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_sizes(void **state)
{
    static const struct {
        uint32_t width, height;
        size_t report, shown; /* 0: nothing; else as much, or a part that is not less */
        bool covers;
    } rows[] = {
        {640, 480, 1500, 1500, true},    {640, 480, 2200, 1500, true},
        {640, 480, 100, 100, true},      {800, 600, 1500, 1500, true},
        {800, 600, 2400, 2400, true},    {1024, 768, 1000, 1000, false},
        {1024, 768, 1500, 1500, true},   {1024, 768, 2900, 2900, true},
        {1280, 800, 2953, 2953, false},  {1280, 800, 2954, 2800, false},
        {1920, 1080, 1500, 1500, false}, {1920, 1080, 8000, 2800, false},
        {3840, 2160, 1500, 1500, false}, {320, 200, 1500, 30, true},
        {110, 130, 100, 0, false},       {130, 30, 100, 0, false},
    };
    struct found found;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        new_screen(rows[i].width, rows[i].height);
        assert_int_equal(draw(rows[i].report, &found), rows[i].shown != 0);
        if (rows[i].shown == 0)
            continue;
        assert_true(found.length >= rows[i].shown);
        assert_int_equal(covers_text(&found), rows[i].covers);
        assert_true(!rows[i].covers || found.y >= 3 * ROW);
        assert_true(!rows[i].covers || found.scale <= 4);
    }
}

/* Beside the text there is room for large modules; better error correction costs none of it. */
static void test_room_is_used(void **state)
{
    struct found found;

    (void)state;
    new_screen(1920, 1080);
    assert_true(draw(1500, &found));
    assert_int_equal(found.scale, 7);
    new_screen(3840, 2160);
    assert_true(draw(1500, &found));
    assert_int_equal(found.scale, 15);
    bool medium = false;
    for (size_t size = 1000; size < 1500; size += 50) {
        new_screen(1280, 800);
        assert_true(draw(size, &found));
        medium |= found.level == QR_LEVEL_M;
    }
    assert_true(medium);
}

static void test_no_screen(void **state)
{
    struct found found;

    (void)state;
    new_screen(0, 0);
    assert_false(draw(1500, &found));
    new_screen(1280, 800);
    assert_false(draw(0, &found)); /* nothing was said */
}

/* A line that no code holds leaves nothing to be shown. */
static void test_one_long_line(void **state)
{
    struct found found;

    (void)state;
    new_screen(1280, 800);
    memset(report, 'x', 4000);
    panic_code_begin();
    sink(NULL, report, 4000);
    panic_code_draw();
    assert_false(find_square(&found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_room_is_used),
        cmocka_unit_test(test_no_screen),
        cmocka_unit_test(test_one_long_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
