/* kernel/console/canvas.c and screen.c over a framebuffer in fake memory: formats, pitches, sizes,
 * and that nothing is drawn twice or read. */
/* links: kernel/console/canvas.c kernel/console/screen.c kernel/console/font.c */
/* links: kernel/console/font_file.c kernel/console/terminal.c kernel/console/utf8.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "screen.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct screen screen;
static uint8_t *memory; /* exactly the framebuffer's bytes */

struct format {
    uint32_t red, green, blue;
};
static const struct format bgr = {0xff0000, 0xff00, 0xff}, rgb = {0xff, 0xff00, 0xff0000},
                           wide = {0x3ff00000, 0xffc00, 0x3ff}, narrow = {0xf8000000, 0x7e0, 0x1f};

static struct boot_framebuffer framebuffer(uint32_t width, uint32_t height, uint32_t pitch,
                                           struct format format)
{
    return (struct boot_framebuffer){
        .address = UINT64_C(0x7000000000), /* 448 GiB */
        .size = (uint64_t)pitch * (height - 1) + width * 4U,
        .width = width,
        .height = height,
        .pitch = pitch,
        .red_mask = format.red,
        .green_mask = format.green,
        .blue_mask = format.blue,
    };
}

static void open_screen(const struct boot_framebuffer *f)
{
    struct screen_error error;

    memset(&screen, 0, sizeof(screen));
    assert_true(screen_open(&screen, f, font_file, font_file_size, &error));
    memory = malloc((size_t)f->size);
    assert_non_null(memory);
    memset(memory, 0xa5, (size_t)f->size);
}

static void show(void)
{
    struct screen_grid grid = screen_grid_for_log(&screen.canvas, &screen.font);

    screen_lay_out(&screen, &grid);
    screen_show(&screen, memory);
}

static uint32_t pixel(uint32_t x, uint32_t y)
{
    uint32_t value;

    memcpy(&value, memory + (size_t)y * screen.canvas.pitch + (size_t)x * 4, 4);
    return value;
}

static void write_text(const char *text)
{
    terminal_write(&screen.terminal, text, strlen(text));
}

/* All of a cell, against the font's own bits. */
static void assert_cell(unsigned column, unsigned row, uint32_t code, unsigned ink, unsigned paper)
{
    uint32_t width = screen.font.width * screen.scale, height = screen.font.height * screen.scale;
    uint32_t glyph = font_glyph(&screen.font, code);

    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            bool on =
                font_row(&screen.font, glyph, y / screen.scale) >> (31 - x / screen.scale) & 1;
            assert_int_equal(pixel(screen.left + column * width + x, screen.top + row * height + y),
                             canvas_pixel(&screen.canvas, screen_colour(on ? ink : paper)));
        }
    }
}

/* ---- colours --------------------------------------------------------------------------- */

static void test_formats(void **state)
{
    static const struct {
        struct format format;
        colour_t colour;
        uint32_t pixel;
    } cases[] = {
        {bgr, 0x123456, 0x123456},
        {rgb, 0x123456, 0x563412},
        {{0xff000000, 0xff0000, 0xff00}, 0x123456, 0x12345600},
        {wide, 0xffffff, 0x3fffffff},
        {wide, 0x000000, 0},
        {wide, 0xff0080, 0x3ff00202}, /* 128 of 255 is 514 of 1023 */
        {narrow, 0xffffff, 0xf80007ff},
        {narrow, 0x80ff04, 0x800007e0}, /* 16 of 31, 63 of 63, 0 of 31 */
        {{1, 2, 4}, 0x7f80ff, 6},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct boot_framebuffer f = framebuffer(8, 16, 32, cases[i].format);
        struct canvas canvas;
        assert_int_equal(canvas_open(&canvas, &f), CANVAS_OK);
        assert_int_equal(canvas_pixel(&canvas, cases[i].colour), cases[i].pixel);
    }
}

static void test_refusals(void **state)
{
    struct boot_framebuffer good = framebuffer(800, 600, 3328, bgr);
    const struct {
        size_t field;
        uint64_t value;
        size_t size;
        enum canvas_status status;
    } bad[] = {
#define FIELD(name) offsetof(struct boot_framebuffer, name)
        {FIELD(address), 0, 8, CANVAS_NONE},
        {FIELD(width), 0, 4, CANVAS_BAD_MODE},
        {FIELD(height), 0, 4, CANVAS_BAD_MODE},
        {FIELD(pitch), 3199, 4, CANVAS_BAD_MODE},
        {FIELD(pitch), 0, 4, CANVAS_BAD_MODE},
        {FIELD(size), good.size - 1, 8, CANVAS_BAD_MODE},
        {FIELD(width), UINT32_MAX, 4, CANVAS_BAD_MODE},
        {FIELD(height), UINT32_MAX, 4, CANVAS_BAD_MODE},
        {FIELD(pitch), UINT32_MAX, 4, CANVAS_BAD_MODE},
        {FIELD(red_mask), 0, 4, CANVAS_BAD_MASKS},
        {FIELD(green_mask), 0, 4, CANVAS_BAD_MASKS},
        {FIELD(blue_mask), 0, 4, CANVAS_BAD_MASKS},
        {FIELD(blue_mask), 0x81, 4, CANVAS_BAD_MASKS},
        {FIELD(red_mask), 0xff8000, 4, CANVAS_BAD_MASKS},
        {FIELD(red_mask), 0x1000001, 4, CANVAS_BAD_MASKS},
        {FIELD(blue_mask), 0x10000, 4, CANVAS_BAD_MASKS},
#undef FIELD
    };

    (void)state;
    struct canvas canvas;
    assert_int_equal(canvas_open(&canvas, &good), CANVAS_OK);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct boot_framebuffer f = good;
        memcpy((char *)&f + bad[i].field, &bad[i].value, bad[i].size);
        assert_int_equal(canvas_open(&canvas, &f), bad[i].status);
    }
}

/* ---- drawing --------------------------------------------------------------------------- */

/* Every format, pitches above the width, odd sizes, scales; and whatever lies between the lines
 * stays as it was. */
static void test_drawing(void **state)
{
    static const struct {
        uint32_t width, height, pitch;
        const struct format *format;
        unsigned columns, rows, scale;
    } cases[] = {
        {1280, 800, 5120, &bgr, 160, 50, 1},    {1366, 768, 5504, &rgb, 170, 48, 1},
        {1920, 1080, 7680, &bgr, 240, 67, 1},   {2560, 1440, 10240, &bgr, 160, 45, 2},
        {3840, 2160, 16384, &wide, 160, 45, 3}, {640, 480, 2560, &narrow, 80, 30, 1},
        {333, 77, 1336, &rgb, 41, 4, 1},        {8, 16, 32, &bgr, 1, 1, 1},
        {5120, 1440, 20480, &bgr, 320, 45, 2},  {1080, 1920, 4320, &bgr, 135, 120, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct boot_framebuffer f =
            framebuffer(cases[i].width, cases[i].height, cases[i].pitch, *cases[i].format);
        open_screen(&f);
        show();
        assert_int_equal(screen.terminal.columns, cases[i].columns);
        assert_int_equal(screen.terminal.rows, cases[i].rows);
        assert_int_equal(screen.scale, cases[i].scale);
        write_text("g\x1b[9999;9999H\x1b[33;44m\xe2\x94\xbc");
        screen_draw(&screen);
        assert_cell(cases[i].columns - 1, cases[i].rows - 1, 0x253c, 3, 4);
        if (cases[i].columns > 1)
            assert_cell(0, 0, 'g', 7, 0);
        uint32_t paper = canvas_pixel(&screen.canvas, screen_colour(0));
        uint32_t right = screen.left + cases[i].columns * 8 * cases[i].scale;
        for (uint32_t y = 0; y < cases[i].height; y++) {
            if (screen.left > 0)
                assert_int_equal(pixel(screen.left - 1, y), paper);
            if (right < cases[i].width)
                assert_int_equal(pixel(right, y), paper);
            if (y + 1 < cases[i].height && cases[i].pitch > cases[i].width * 4)
                assert_int_equal(pixel(cases[i].width, y), 0xa5a5a5a5);
        }
        free(memory);
    }
}

/* Too small for a character: no columns, and whoever draws does nothing. */
static void test_tiny(void **state)
{
    static const uint32_t sizes[][2] = {{7, 16}, {8, 15}, {1, 1}, {4000, 1}, {1, 4000}};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct boot_framebuffer f = framebuffer(sizes[i][0], sizes[i][1], sizes[i][0] * 4, bgr);
        open_screen(&f);
        struct screen_grid grid = screen_grid_for_log(&screen.canvas, &screen.font);
        assert_int_equal(grid.columns, 0);
        assert_int_equal(grid.rows, 0);
        screen.canvas.pixels = memory;
        canvas_glyph(&screen.canvas, 0, 0, 1, &screen.font, 1, 1, 0);
        for (size_t at = 0; at < f.size; at++)
            assert_int_equal(memory[at], 0xa5);
        canvas_fill(&screen.canvas, 0, 0, UINT32_MAX, UINT32_MAX, 0);
        for (size_t at = 0; at < f.size; at++)
            assert_int_equal(memory[at], 0);
        free(memory);
    }
}

/* More cells than there is memory for: as many rows as fit. */
static void test_huge(void **state)
{
    struct boot_framebuffer f = framebuffer(1280, 16384, 5120, bgr);

    (void)state;
    open_screen(&f);
    show();
    assert_int_equal(screen.terminal.columns, 160);
    assert_int_equal(screen.terminal.rows, 256);
    free(memory);
    f = framebuffer(65536, 64, 65536 * 4, bgr);
    open_screen(&f);
    show();
    assert_true(screen.terminal.columns * screen.terminal.rows <= SCREEN_CELLS_MAX);
    write_text("\x1b[99;9999HX");
    screen_draw(&screen);
    free(memory);
}

/* What was written before there were pixels is shown, and the cursor. */
static void test_replay(void **state)
{
    struct boot_framebuffer f = framebuffer(640, 480, 2560, bgr);

    (void)state;
    open_screen(&f);
    struct screen_grid grid = screen_grid_for_log(&screen.canvas, &screen.font);
    screen_lay_out(&screen, &grid);
    screen.has_cursor = true;
    for (unsigned i = 0; i < 30; i++)
        write_text("line\n");
    write_text("last");
    screen_draw(&screen); /* nothing to draw on */
    screen_show(&screen, memory);
    unsigned row = screen.terminal.row;
    assert_int_equal(row, 30 - screen.terminal.jump);
    assert_cell(0, 0, 'l', 7, 0);
    assert_cell(3, row, 't', 7, 0);
    assert_cell(4, row, ' ', 0, 7);
    free(memory);
}

static void scribble(void)
{
    memset(memory, 0x5a, (size_t)screen.canvas.pitch * screen.canvas.height);
}

static size_t scribbled(void)
{
    size_t count = 0;

    for (size_t at = 0; at < (size_t)screen.canvas.pitch * screen.canvas.height; at += 4)
        count += memcmp(memory + at, "\x5a\x5a\x5a\x5a", 4) == 0;
    return count;
}

/* Somebody overwrites the framebuffer: whatever was not to change is not written again, and what is
 * written does not depend on what was there. */
static void test_draws_differences(void **state)
{
    struct boot_framebuffer f = framebuffer(640, 480, 2560, bgr);
    size_t all = 640 * 480;

    (void)state;
    open_screen(&f);
    show();
    screen.has_cursor = true;
    write_text("abc\nabd");
    screen_draw(&screen);
    scribble();
    screen_draw(&screen);
    assert_int_equal(scribbled(), all);

    write_text("\x1b[1;3Hd"); /* and the cursor from (3, 1) to (3, 0) */
    screen_draw(&screen);
    assert_int_equal(scribbled(), all - 3 * 8 * 16);
    assert_cell(2, 0, 'd', 7, 0);
    assert_cell(3, 0, ' ', 0, 7);
    assert_cell(3, 1, ' ', 7, 0);

    scribble();
    write_text("\x1b[H\x1b[2Jabd\nabd\x1b[1;4H"); /* erased and written again: no difference */
    screen_draw(&screen);
    assert_int_equal(scribbled(), all);
    free(memory);
}

/* A row that comes to where an equal one was is not drawn. */
static void test_scrolls(void **state)
{
    struct boot_framebuffer f = framebuffer(640, 480, 2560, bgr);

    (void)state;
    open_screen(&f);
    show();
    for (unsigned i = 0; i < 29; i++)
        write_text("same\n");
    write_text("same");
    screen_draw(&screen);
    scribble();
    write_text("\nother");
    screen_draw(&screen);
    unsigned jump = screen.terminal.jump;
    assert_int_equal(jump, 7);
    /* Six rows became blank; one `other`, whose e was there already. */
    assert_int_equal(scribbled(), 640 * 480 - (6 * 4 + 4) * 8 * 16);
    assert_cell(0, 23, 'o', 7, 0);
    free(memory);
}

/* ---- a panic's grid -------------------------------------------------------------------- */

/* At least 80 by 25 where that can be, and the rectangle beside it inside of the screen and free;
 * from edge to edge the same, but for the columns. */
static void test_panic_grid(void **state)
{
    static const struct {
        uint32_t width, height;
        unsigned most, scale, columns, rows;
        uint32_t left;
        struct screen_area free;
        unsigned whole_columns;
    } cases[] = {
        {1280, 800, 9, 1, 80, 50, 8, {656, 16, 624, 784}, 158},
        {1920, 1080, 9, 2, 80, 33, 16, {1312, 32, 608, 1048}, 118},
        {1920, 1080, 1, 1, 80, 67, 8, {656, 16, 1264, 1064}, 238},
        {3840, 2160, 9, 4, 80, 33, 32, {2624, 64, 1216, 2096}, 118},
        {3840, 2160, 3, 3, 80, 45, 24, {1968, 48, 1872, 2112}, 158},
        {2560, 1440, 9, 2, 80, 45, 16, {1312, 32, 1248, 1408}, 158},
        {1024, 768, 9, 1, 80, 48, 8, {656, 16, 368, 752}, 126},
        {800, 600, 9, 1, 98, 37, 8, {0, 0, 0, 0}, 98},
        {640, 480, 9, 1, 80, 30, 0, {0, 0, 0, 0}, 80},
        {1080, 1920, 9, 1, 133, 120, 8, {0, 0, 0, 0}, 133},
        {2160, 3840, 9, 3, 88, 80, 24, {0, 0, 0, 0}, 88},
        {320, 200, 9, 1, 40, 12, 0, {0, 0, 0, 0}, 40},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct boot_framebuffer f =
            framebuffer(cases[i].width, cases[i].height, cases[i].width * 4, bgr);
        struct screen_area free_area;
        open_screen(&f);
        struct screen_grid grid =
            screen_grid_for_panic(&screen.canvas, &screen.font, cases[i].most, &free_area);
        struct screen_grid whole = screen_grid_whole(&screen.canvas, &screen.font, cases[i].scale);
        assert_int_equal(grid.scale, cases[i].scale);
        assert_int_equal(grid.columns, cases[i].columns);
        assert_int_equal(grid.rows, cases[i].rows);
        assert_int_equal(grid.left, cases[i].left);
        assert_memory_equal(&free_area, &cases[i].free, sizeof(free_area));
        assert_int_equal(whole.columns, cases[i].whole_columns);
        assert_int_equal(whole.rows, cases[i].rows);
        assert_int_equal(whole.left, cases[i].left);
        free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_drawing),    cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_huge),       cmocka_unit_test(test_replay),
        cmocka_unit_test(test_scrolls),    cmocka_unit_test(test_draws_differences),
        cmocka_unit_test(test_panic_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
