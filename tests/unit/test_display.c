/* kernel/console/display.c: the kernel's one screen from before anybody knows of it to its death.
 * One story, a test a chapter: there is one screen. */
/* links: kernel/console/display.c kernel/console/canvas.c kernel/console/screen.c */
/* links: kernel/console/font.c kernel/console/font_file.c kernel/console/terminal.c */
/* links: kernel/console/utf8.c tests/unit/fake_log.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "display.h"
#include "fake_log.h"

#define WIDTH  1280U
#define HEIGHT 800U

static const struct boot_framebuffer framebuffer = {
    .address = 0xc0000000,
    .size = WIDTH * HEIGHT * 4,
    .width = WIDTH,
    .height = HEIGHT,
    .pitch = WIDTH * 4,
    .red_mask = 0xff0000,
    .green_mask = 0xff00,
    .blue_mask = 0xff,
};
static uint32_t pixels[WIDTH * HEIGHT];
static struct font font;
static struct display_page page;

static void write_text(const char *text)
{
    display_write(text, strlen(text));
}

/* The colour that the text is in, at this cell of 8x16; -1: it is not what stands there. */
static int64_t ink_of(const char *text, unsigned left, unsigned column, unsigned row)
{
    int64_t ink = -1;

    for (; *text != '\0'; text++, column++) {
        uint32_t glyph = font_glyph(&font, (unsigned char)*text);
        const uint32_t *at = pixels + (size_t)row * 16 * WIDTH + left + column * 8;
        for (unsigned y = 0; y < 16; y++) {
            for (unsigned x = 0; x < 8; x++) {
                bool on = font_row(&font, glyph, y) >> (31 - x) & 1;
                if (on && ink < 0)
                    ink = at[y * WIDTH + x];
                if (on != (at[y * WIDTH + x] == ink))
                    return -1;
            }
        }
    }
    return ink;
}

static void test_before_pixels(void **state)
{
    (void)state;
    assert_int_equal(font_open(&font, font_file, font_file_size), FONT_OK);
    write_text("early\n");
    display_flush(); /* nobody knows of a screen */
    display_prepare(&framebuffer);
    display_ink_text(LOG_WARNING);
    write_text("careful\n");
    display_ink_text(LOG_INFO);
    display_flush();
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        assert_int_equal(pixels[i], 0);
    assert_string_equal(fake_log, "");
    assert_false(display_page(false, 1, &page));
}

static void test_shown(void **state)
{
    (void)state;
    display_show(pixels);
    assert_string_equal(fake_log, "screen: 1280x800 pixels, 160x50 characters of 8x16\n");
    assert_int_equal(ink_of("early", 0, 0, 0), screen_colour(TERMINAL_INK));
    assert_int_equal(ink_of("careful", 0, 0, 1), screen_colour(11));
    display_ink_time();
    write_text("1");
    display_ink_subsystem();
    write_text("2");
    display_ink_text(LOG_ERROR);
    write_text("3");
    display_ink_text(LOG_INFO);
    assert_int_equal(ink_of("1", 0, 0, 2), -1); /* not yet */
    display_flush();
    assert_int_equal(ink_of("1", 0, 0, 2), screen_colour(8));
    assert_int_equal(ink_of("2", 0, 1, 2), screen_colour(14));
    assert_int_equal(ink_of("3", 0, 2, 2), screen_colour(9));
}

static void *find(void)
{
    return pixels;
}

/* What died was not the screen: it is cleared, whatever was being drawn. */
static void test_report(void **state)
{
    (void)state;
    assert_false(display_give_up_if_busy());
    display_begin_panic(find, false, "Title");
    write_text("first line\n");
    display_flush();
    assert_int_equal(ink_of("Title", 8, 0, 0), 0xffffff);
    assert_int_equal(ink_of("first line", 8, 0, 1), screen_colour(TERMINAL_INK));
    assert_int_equal(pixels[0], screen_colour(1));
    assert_int_equal(pixels[15 * WIDTH + WIDTH - 1], screen_colour(1));
    assert_int_equal(pixels[16 * WIDTH + WIDTH - 1], screen_colour(TERMINAL_PAPER));
}

static void test_picture(void **state)
{
    struct screen_area area;

    (void)state;
    assert_true(display_page(false, 1, &page));
    area = page.free;
    assert_true(area.x >= 8 + 80 * 8 && area.x + area.width == WIDTH);
    display_fill((struct screen_area){area.x, area.y, 10, 10}, 0x123456);
    assert_int_equal(pixels[(area.y + 9) * WIDTH + area.x + 9], 0x123456);
    assert_int_not_equal(pixels[(area.y + 10) * WIDTH + area.x + 9], 0x123456);
    assert_int_not_equal(pixels[(area.y + 9) * WIDTH + area.x - 1], 0x123456);
}

/* The report once more, on another page: of the first nothing is left. */
static void test_page(void **state)
{
    (void)state;
    assert_true(display_page(true, 1, &page));
    assert_int_equal(page.free.width, 0);
    assert_int_equal(page.grid.columns, 158);
    assert_int_equal(page.cell_width * page.cell_height, 8 * 16);
    assert_int_equal(page.width * page.height, WIDTH * HEIGHT);
    display_begin_page(&page);
    assert_int_equal(ink_of("Title", 8, 0, 0), 0xffffff);
    assert_int_equal(pixels[15 * WIDTH + WIDTH - 1], screen_colour(1));
    for (size_t i = 16 * WIDTH; i < WIDTH * HEIGHT; i++)
        assert_int_equal(pixels[i], screen_colour(TERMINAL_PAPER));
    write_text("\n\nanother\n");
    display_flush();
    assert_int_equal(ink_of("another", 8, 0, 3), screen_colour(TERMINAL_INK));
}

/* More than there are rows: the first stay. */
static void test_too_long_a_report(void **state)
{
    (void)state;
    display_begin_panic(find, false, "Title");
    write_text("first line\n");
    for (unsigned i = 0; i < 100; i++)
        write_text("more\n");
    display_flush();
    assert_int_equal(ink_of("first line", 8, 0, 1), screen_colour(TERMINAL_INK));
    assert_int_equal(ink_of("more", 8, 0, 49), screen_colour(TERMINAL_INK));
}

/* As many as there are rows: its last line stays. */
static void test_report_that_fits(void **state)
{
    (void)state;
    display_begin_panic(find, false, "Title");
    for (unsigned i = 1; i < 49; i++)
        write_text("more\n");
    write_text("last\n");
    display_flush();
    assert_int_equal(ink_of("more", 8, 0, 48), screen_colour(TERMINAL_INK));
    assert_int_equal(ink_of("last", 8, 0, 49), screen_colour(TERMINAL_INK));
}

static jmp_buf death;

static void *die(void)
{
    longjmp(death, 1);
}

/* In drawing: by something else, and the screen is made anew; by itself, and it is left alone. */
static void test_died_in_drawing(void **state)
{
    (void)state;
    if (setjmp(death) == 0)
        display_begin_panic(die, false, "Title");
    display_begin_panic(find, true, "Other");
    assert_int_equal(ink_of("Other", 8, 0, 0), 0xffffff);

    if (setjmp(death) == 0)
        display_begin_panic(die, false, "Title");
    write_text("while it is busy\n");
    assert_true(display_give_up_if_busy());
    assert_false(display_give_up_if_busy());
    memset(pixels, 0x77, sizeof(pixels));
    display_begin_panic(find, false, "Title");
    write_text("more\n");
    display_flush();
    assert_false(display_page(true, 1, &page));
    display_begin_page(&page);
    display_fill((struct screen_area){0, 0, 10, 10}, 0x123456);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        assert_int_equal(pixels[i], 0x77777777);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_pixels),
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_too_long_a_report),
        cmocka_unit_test(test_report_that_fits),
        cmocka_unit_test(test_died_in_drawing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
