/* kernel/diagnosis/panic_page.c on screens of all sizes, by what is seen: the picture is read back
 * with the font. What matters of the report is there, its words are whole, the last row tells what
 * is not there, and the code is one of the report. */
/* links: kernel/diagnosis/panic_page.c kernel/diagnosis/panic_code.c kernel/console/display.c */
/* links: kernel/console/text_flow.c kernel/console/canvas.c kernel/console/screen.c */
/* links: kernel/console/font.c kernel/console/font_file.c kernel/console/terminal.c */
/* links: kernel/console/utf8.c tests/unit/fake_log.c tests/unit/panic_sight.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "com1.h"
#include "display.h"
#include "fake_log.h"
#include "log.h"
#include "panic_code.h"
#include "panic_page.h"
#include "panic_sight.h"

/* ---- the kernel around it -------------------------------------------------------------------- */

struct uart com1;
static format_sink sink;

void log_also_to(format_sink to)
{
    sink = to;
}

static void *find_pixels(void)
{
    return sight_pixels;
}

static void begin(uint32_t w, uint32_t h)
{
    struct boot_framebuffer framebuffer = {
        .address = 0xc0000000,
        .size = (uint64_t)w * h * 4,
        .width = w,
        .height = h,
        .pitch = w * 4,
        .red_mask = 0xff0000,
        .green_mask = 0xff00,
        .blue_mask = 0xff,
    };
    sight_width = w;
    sight_height = h;
    com1.present = true;
    fake_log_clear();
    memset(sight_pixels, 0, (size_t)w * h * 4);
    display_prepare(&framebuffer);
    display_show(sight_pixels);
    display_begin_panic(find_pixels, false, "Title");
    panic_page_begin();
}

static void say(const char *text)
{
    sink(NULL, text, strlen(text));
    display_write(text, strlen(text));
    display_flush();
}

/* ---- a report -------------------------------------------------------------------------------- */

static char report[1 << 15];
static const char *const cause =
    "exception 14: #PF page fault, error code 0x2\n"
    "RIP 0xffffffff8237b00a third+0xa (tests/kernel/null_pointer.c:12)\n"
    "  write of 0xffffa23400000000: not mapped, by supervisor mode\n"
    "  that is the direct map of physical 0x10000000, which is in no range of the memory map\n"
    "  PML4[324] at 0x00007fe80a20: 0x000000007bf74023 RWX supervisor table\n"
    "  PDPT[208] at 0x00007bf74680: 0x000000007bf75023 RWX supervisor table\n"
    "  PD  [  0] at 0x00007bf75000: 0x0000000000000000 not present\n"
    "  missing: the PD entry; nothing is mapped in the 0x200000 bytes from 0xffffa23400000000\n";

#define APPEND(at, ...) ((at) + (size_t)snprintf(report + (at), sizeof(report) - (at), __VA_ARGS__))

/* 25 registers, three to a line. */
static void make_report(size_t frames)
{
    size_t at = (size_t)snprintf(report, sizeof(report), "%sregisters:\n", cause);

    for (unsigned long i = 0; i < 25; i++)
        at = APPEND(at, "  R%02lu %016lx%s", i, i * 0x9e3779b97f4a7c15,
                    i % 3 == 2 || i == 24 ? "\n" : "");
    at = APPEND(at, "  on the boot stack, 0xc8 of its 0x%lx bytes in use\nbacktrace:\n", 0x8000UL);
    for (unsigned long i = 0; i < frames; i++)
        at = APPEND(at, "  0xffffffff8237b%03lx function_of_some_name+0x1d (kernel/mm/file.c:12)\n",
                    i);
    (void)APPEND(at,
                 "memory: 4185988 of 4187076 KiB free, image at physical 0x10b700000, direct map "
                 "of 0x%lx bytes at 0xffff9f8400000000\nkernel panic: #PF page fault\n",
                 0x180000000UL);
}

static void die(uint32_t w, uint32_t h, size_t frames)
{
    const char *rest;

    make_report(frames);
    rest = strstr(report, "backtrace:");
    begin(w, h);
    char *copy = strndup(report, (size_t)(rest - report));
    say(copy);
    free(copy);
    panic_page_essential();
    say(rest);
    panic_page_draw();
    assert_null(sink);
}

static size_t words_in(const char *text, size_t size)
{
    const char *at = text, *word;
    size_t count = 0;

    while (sight_next_word(&at, &word) != 0 && word < text + size)
        count++;
    return count;
}

static size_t words_of_lines(size_t lines)
{
    const char *end = report;

    for (; lines > 0; lines--)
        end = strchr(end, '\n') + 1;
    return words_in(report, (size_t)(end - report));
}

static size_t lines_of_report(void)
{
    size_t count = 0;

    for (const char *at = report; *at != '\0'; at++)
        count += *at == '\n';
    return count;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static const struct {
    uint32_t width, height;
    size_t frames;
    unsigned scale;  /* of the code, at least; 0: there is none */
    bool whole_code; /* of the whole report */
    enum { ALL, ESSENTIAL, LITTLE } text;
} screens[] = {
    {640, 480, 6, 2, false, ESSENTIAL},    {640, 480, 40, 2, false, ESSENTIAL},
    {640, 480, 0, 2, true, ESSENTIAL},     {720, 400, 6, 2, false, ESSENTIAL},
    {800, 600, 6, 2, true, ALL},           {800, 600, 20, 2, true, ESSENTIAL},
    {1024, 600, 6, 3, true, ALL},          {1024, 768, 6, 4, true, ALL},
    {1024, 768, 40, 3, false, ESSENTIAL},  {1280, 720, 6, 4, true, ALL},
    {1280, 800, 6, 4, true, ALL},          {1280, 800, 40, 3, false, ESSENTIAL},
    {1280, 1024, 6, 4, true, ALL},         {1366, 768, 6, 4, true, ALL},
    {1920, 1080, 6, 4, true, ALL},         {1920, 1080, 30, 5, false, ALL},
    {1920, 1080, 63, 3, false, ESSENTIAL}, {2560, 1440, 6, 8, true, ALL},
    {3840, 2160, 6, 8, true, ALL},         {1080, 1920, 6, 7, true, ALL},
    {768, 1024, 6, 3, true, ALL},          {320, 240, 6, 3, false, LITTLE},
};

static void check_screen(size_t i, const struct sight *sight)
{
    size_t lines = lines_of_report(), shown = lines - sight->lines_more;
    size_t essential = words_in(report, (size_t)(strstr(report, "backtrace:") - report));

    assert_true(sight->code.scale >= screens[i].scale);
    assert_int_equal(sight->code.scale == 0, screens[i].scale == 0);
    assert_int_equal(sight->code.length == strlen(report), screens[i].whole_code);
    assert_int_equal(sight->lines_more == 0, screens[i].text == ALL);
    assert_true(screens[i].text == LITTLE || sight->words >= essential);
    assert_true(sight->words >= words_of_lines(shown));
    assert_true(shown == lines || sight->words < words_of_lines(shown + 1));
}

static void test_screens(void **state)
{
    struct sight sight;

    (void)state;
    for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
        print_message("%ux%u, %zu frames\n", screens[i].width, screens[i].height,
                      screens[i].frames);
        die(screens[i].width, screens[i].height, screens[i].frames);
        sight_look(&sight, report);
        check_screen(i, &sight);
    }
}

/* A code of little text could be so large that words would not fit beside it. */
static void test_short_report(void **state)
{
    static const uint32_t sizes[][2] = {{640, 480}, {800, 600}, {1024, 768}, {1080, 1920}};
    struct sight sight;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        begin(sizes[i][0], sizes[i][1]);
        (void)snprintf(report, sizeof(report), "%s  %s+0x54 (tests/kernel/smashed_stack.c:13)\n",
                       cause, "the_name_of_a_function");
        say(report);
        panic_page_draw();
        sight_look(&sight, report);
        assert_int_equal(sight.lines_more, 0);
        assert_true(sight.code.scale >= 3 && sight.code.length == strlen(report));
    }
}

/* The last row says where what it does not show can be had, and nothing else. */
static void test_notice(void **state)
{
    struct sight sight;

    (void)state;
    die(640, 480, 0);
    sight_look(&sight, report);
    assert_true(sight.lines_more != 0 && sight.notes_code && sight.notes_serial);
    die(640, 480, 40);
    sight_look(&sight, report);
    assert_true(sight.lines_more != 0 && !sight.notes_code && sight.notes_serial);

    begin(640, 480);
    com1.present = false;
    make_report(6);
    say(report);
    panic_page_draw(); /* nobody has said what is essential: all is */
    sight_look(&sight, report);
    assert_true(sight.lines_more != 0 && !sight.notes_serial);
}

/* What is kept ends somewhere: whole lines are. */
static void test_endless_report(void **state)
{
    struct sight sight;

    (void)state;
    die(1280, 800, 300);
    sight_look(&sight, report);
    assert_true(sight.lines_more != 0 && !sight.notes_code);
    assert_true(sight.code.length < PANIC_CODE_MAX && sight.code.length > 2800);
}

static void test_one_long_line(void **state)
{
    struct sight_code found;

    (void)state;
    begin(1280, 800);
    memset(report, 'x', 4000);
    report[4000] = '\0';
    say(report);
    panic_page_draw();
    sight_find_code(&found);
    assert_int_equal(found.side, 0); /* no code holds it */
}

static void test_nothing_said(void **state)
{
    struct sight_code found;

    (void)state;
    begin(1280, 800);
    panic_page_draw();
    sight_find_code(&found);
    assert_int_equal(found.side, 0);
}

/* Too small for any code, or for a word. */
static void test_tiny(void **state)
{
    static const uint32_t sizes[][2] = {{110, 130}, {130, 30}, {8, 16}, {30, 600}, {600, 30}};
    struct sight_code found;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        die(sizes[i][0], sizes[i][1], 6);
        sight_find_code(&found);
        assert_int_equal(found.side, 0);
    }
}

/* Nothing is drawn where nothing can be. */
static void test_no_screen(void **state)
{
    static uint32_t before[640 * 480];

    (void)state;
    die(640, 480, 6);
    display_show(NULL);
    begin(640, 480);
    say("panic: x\n");
    memcpy(before, sight_pixels, sizeof(before));
    assert_false(display_give_up_if_busy());
    struct boot_framebuffer none = {0};
    display_prepare(&none);
    panic_page_draw();
    assert_memory_equal(before, sight_pixels, sizeof(before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_screens),       cmocka_unit_test(test_short_report),
        cmocka_unit_test(test_notice),        cmocka_unit_test(test_endless_report),
        cmocka_unit_test(test_one_long_line), cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_tiny),          cmocka_unit_test(test_no_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
