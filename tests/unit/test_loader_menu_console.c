/* The menu on consoles of all kinds: small, large, that lie about their size, that are not there or
 * broken. None keeps the default from being booted. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "handoff_check.h"
#include "menu_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { UP = 1, DOWN, HOME = 5 };

/* What the kernel was handed. */
static const char *booted_options(void)
{
    struct fake_outcome outcome = fake_boot();
    const struct boot_info *info = assert_good_handoff(&outcome);

    assert_int_equal(fake.open_events, 0);
    assert_false(fake_screen_has(TITLE)); /* firmware's screen is clear, and as it was */
    assert_true(fake.cursor);
    assert_int_equal(fake.attribute, 7);
    return (const char *)(uintptr_t)info->options;
}

/* ---- many entries, other screens ------------------------------------------------------- */

static void many(unsigned entries, UINTN columns, UINTN rows)
{
    static char texts[100][64];
    char path[64];

    world("timeout 9\n");
    fake_remove(ENTRIES "/apple.conf");
    fake_remove(ENTRIES "/banana.conf");
    fake_remove(ENTRIES "/cherry.conf");
    fake.columns = columns;
    fake.rows = rows;
    for (unsigned i = 0; i < entries; i++) {
        snprintf(path, sizeof(path), ENTRIES "/e-%u.conf", i);
        snprintf(texts[i], sizeof(texts[i]), "title Entry %u.\nkernel /kernel.elf\noptions %u\n", i,
                 i);
        fake_add_text(path, texts[i]);
    }
}

/* The one that is chosen is always on the screen, and the one that is booted. */
static void test_scrolling(void **state)
{
    static const struct {
        UINTN columns, rows;
    } sizes[] = {{80, 25}, {40, 10}, {100, 31}, {200, 60}};

    (void)state;
    for (size_t size = 0; size < COUNT(sizes); size++) {
        for (unsigned down = 0; down < 60; down += 7) {
            char expected[32];
            many(50, sizes[size].columns, sizes[size].rows);
            for (unsigned i = 0; i < down; i++)
                fake_press(DOWN);
            fake_pause(1);
            fake_press(down % 2 == 0 ? UP : HOME);
            unsigned at = down % 2 != 0 || down == 0 ? 0 : (down < 50 ? down : 49) - 1;
            fake_type("\r");
            snprintf(expected, sizeof(expected), "%u", 49 - at);
            assert_string_equal(booted_options(), expected);
            snprintf(expected, sizeof(expected), " > Entry %u. ", 49 - at);
            assert_true(fake_screen_had(expected));
            snprintf(expected, sizeof(expected), " > Entry %u. ", 49 - (down < 50 ? down : 49));
            assert_true(fake_screen_had(expected));
            snprintf(expected, sizeof(expected), "(%u of 50)", at + 1);
            assert_int_equal(fake_screen_had(expected), sizes[size].rows < 58);
        }
    }
}

static void test_default_far_down(void **state)
{
    (void)state;
    many(50, 80, 25);
    fake_add_text(CONF, "timeout 2\ndefault e-3\n");
    assert_string_equal(booted_options(), "3");
    assert_true(fake_screen_had(" > Entry 3. "));
}

static void test_odd_screens(void **state)
{
    static const struct {
        UINTN columns, rows;
    } sizes[] = {{0, 0}, {39, 25}, {80, 9}, {1, 1}};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        world("timeout 2\ndefault apple");
        fake.columns = 100; /* what firmware says is not what it has */
        fake.rows = 40;
        fake.said_columns = sizes[i].columns;
        fake.said_rows = sizes[i].rows;
        fake.says_size = true;
        assert_string_equal(booted_options(), "from apple");
        assert_true(fake_screen_had(" > Apple 7"));
    }
    world("timeout 2\ndefault apple");
    fake.system.ConOut->Mode = NULL;
    struct fake_outcome outcome = fake_boot();
    assert_good_handoff(&outcome);
    assert_true(fake_screen_had(" > Apple 7"));
}

/* What goes on in a second row goes on between two characters. */
static void test_long_names(void **state)
{
    char entry[400] = "kernel /", first[100] = "/apple.conf: kernel /", second[100] = "\n ";

    (void)state;
    for (int i = 0; i < 99; i++) {
        strcat(entry, "\u00e4");
        strcat(i < 77 - 36 ? first : second, "#");
    }
    world("timeout 2\ndefault apple");
    fake_add_text(ENTRIES "/apple.conf", entry);
    fake_boot();
    assert_true(fake_screen_had(strcat(first, "  ")));
    assert_true(fake_screen_had(strcat(second, "  ")));
}

/* ---- consoles that are not there, or broken -------------------------------------------- */

static void test_no_console(void **state)
{
    (void)state;
    for (int what = 0; what < 2; what++) {
        for (int force = 0; force < 2; force++) {
            world(force ? "timeout menu-force\ndefault apple" : "timeout 9\ndefault apple");
            if (what == 0)
                fake.system.ConIn = NULL;
            else
                fake.system.ConOut = NULL;
            struct fake_outcome outcome = fake_boot();
            assert_good_handoff(&outcome);
            assert_int_equal(fake.seconds, 0);
            assert_int_equal(fake.open_events, 0);
        }
    }
}

static void test_keyboard_fails(void **state)
{
    (void)state;
    for (int force = 0; force < 2; force++) {
        for (int events = 0; events < 3; events++) {
            world(force ? "timeout menu-force\ndefault apple" : "timeout 9\ndefault apple");
            fake.key_fails = true;
            if (events == 1)
                fake.system.ConIn->WaitForKey = NULL;
            fake.keys_never_end = events == 2;
            assert_string_equal(booted_options(), "from apple");
            assert_true(fake.seconds < 100);
        }
    }
}

/* WaitForKey is signalled for ever, and there is no key: the clock goes on all the same. */
static void test_keys_never_end(void **state)
{
    (void)state;
    world("timeout 9\ndefault apple");
    fake.keys_never_end = true;
    assert_string_equal(booted_options(), "from apple");
    assert_int_equal(fake.seconds, 9);
}

/* No events, no timers: the keyboard is polled. */
static void test_polling(void **state)
{
    static const enum fake_service services[] = {FAKE_CREATE_EVENT, FAKE_SET_TIMER,
                                                 FAKE_WAIT_FOR_EVENT};

    (void)state;
    for (size_t i = 0; i < COUNT(services) + 1; i++) {
        for (int press = 0; press < 2; press++) {
            world("timeout 9\ndefault apple");
            if (i == COUNT(services))
                fake.system.ConIn->WaitForKey = NULL;
            else {
                fake.nth_service = services[i];
                fake.fail_nth = 1;
            }
            if (press) {
                fake_pause(3);
                fake_press(UP);
                fake_pause(20);
                fake_type("\r");
            }
            assert_string_equal(booted_options(), press ? "yellow" : "from apple");
            assert_int_equal(fake.seconds, press ? 23 : 9);
            assert_true(fake.calls_of[FAKE_STALL] >= 800);
        }
    }
}

/* Keys that firmware can tell by neither code are none. */
static void test_partial_keys(void **state)
{
    (void)state;
    world("timeout 9\ndefault apple");
    for (int i = 0; i < 5; i++)
        fake_press(0);
    assert_string_equal(booted_options(), "from apple");
    assert_int_equal(fake.seconds, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scrolling),      cmocka_unit_test(test_default_far_down),
        cmocka_unit_test(test_odd_screens),    cmocka_unit_test(test_no_console),
        cmocka_unit_test(test_keyboard_fails), cmocka_unit_test(test_keys_never_end),
        cmocka_unit_test(test_polling),        cmocka_unit_test(test_partial_keys),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
