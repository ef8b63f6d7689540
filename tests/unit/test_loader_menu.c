/* The menu on the fake firmware: when it is shown, what keys do, and what it looks like. */
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

enum { UP = 1, DOWN, RIGHT, LEFT, HOME, END, DELETE = 8, PAGE_UP, PAGE_DOWN, ESC = 0x17 };

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

static void assert_sent_back(void)
{
    struct fake_outcome outcome = fake_boot();

    assert_int_equal(outcome.ending, FAKE_RETURNED);
    assert_int_equal(outcome.status, EFI_SUCCESS);
    assert_string_equal(fake.console, "");
    assert_all_given_back();
}

/* ---- when ------------------------------------------------------------------------------ */

static void test_not_shown(void **state)
{
    (void)state;
    world("default apple\n");
    assert_string_equal(booted_options(), "from apple");
    assert_int_equal(fake.calls_of[FAKE_READ_KEY], 1); /* one look */
    for (int service = FAKE_FIRST_OF_MENU; service < FAKE_SERVICES; service++)
        assert_int_equal(fake.calls_of[service], 0);

    world("default apple\ntimeout menu-disabled\n");
    fake.keys_at_once = true;
    fake_type("x");
    assert_string_equal(booted_options(), "from apple");
    assert_int_equal(fake.calls_of[FAKE_READ_KEY], 0);

    world("default banana\ntimeout 5\n"); /* one entry only */
    fake_remove(ENTRIES "/apple.conf");
    fake_remove(ENTRIES "/cherry.conf");
    assert_string_equal(booted_options(), "yellow");
    assert_int_equal(fake.seconds, 0);
    assert_false(fake_screen_had(TITLE));
}

/* Nothing is pressed: the default is booted when the time is over, and not sooner. */
static void test_timeout(void **state)
{
    static const unsigned timeouts[] = {1, 5, 3600};

    (void)state;
    for (size_t i = 0; i < COUNT(timeouts); i++) {
        char conf[64];
        snprintf(conf, sizeof(conf), "timeout %u\ndefault apple", timeouts[i]);
        world(conf);
        assert_string_equal(booted_options(), "from apple");
        assert_int_equal(fake.seconds, timeouts[i]);
        snprintf(conf, sizeof(conf), "Booting in %u s", timeouts[i]);
        assert_true(fake_screen_had(conf));
        assert_true(fake_screen_had("Booting in 1 s"));
        assert_false(fake_screen_had("Booting in 0 s"));
    }
}

/* A key stops the clock, even one that does nothing else; then a person has all the time. */
static void test_key_stops_clock(void **state)
{
    (void)state;
    world("timeout 5\ndefault apple");
    fake_pause(4);
    fake_type("x");
    fake_pause(3000);
    fake_type("\r");
    assert_string_equal(booted_options(), "from apple");
    assert_int_equal(fake.seconds, 3004);
    assert_true(fake_screen_had("Booting in 2 s"));
}

/* A key that is down when the loader starts shows the menu, whatever the timeout, and that is all
 * it does; so does `menu-force`. */
static void test_held_key(void **state)
{
    static const char *const confs[] = {"default apple", "default apple\ntimeout 5",
                                        "default apple\ntimeout menu-hidden"};

    (void)state;
    for (size_t i = 0; i < COUNT(confs); i++) {
        world(confs[i]);
        fake.keys_at_once = true;
        fake_type("\r\r\r\r");
        fake_pause(100);
        fake_press(UP);
        fake_type("\r");
        assert_string_equal(booted_options(), "yellow");
        assert_int_equal(fake.seconds, 100);
    }
    world("default apple\ntimeout menu-force");
    fake_pause(100);
    fake_type("\r");
    assert_string_equal(booted_options(), "from apple");
    world("default apple");
    fake_remove(ENTRIES "/banana.conf"); /* even of one */
    fake_remove(ENTRIES "/cherry.conf");
    fake.keys_at_once = true;
    fake_type("x");
    fake_pause(1);
    fake_press(ESC);
    assert_sent_back();
}

/* ---- choosing -------------------------------------------------------------------------- */

static void test_choosing(void **state)
{
    static const struct {
        uint16_t keys[6];
        const char *options;
    } cases[] = {
        {{0}, "yellow"},
        {{DOWN}, "from apple"},
        {{DOWN, DOWN, DOWN}, "from apple"},
        {{DOWN, UP}, "yellow"},
        {{UP, UP, UP, DOWN}, "yellow"},
        {{END}, "from apple"},
        {{HOME, DOWN}, "yellow"},
        {{PAGE_DOWN, PAGE_DOWN}, "from apple"},
        {{PAGE_UP, DOWN, DOWN}, "from apple"},
        {{LEFT, RIGHT, DELETE}, "yellow"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world("timeout 9\ndefault banana");
        for (size_t key = 0; key < COUNT(cases[i].keys) && cases[i].keys[key] != 0; key++)
            fake_press(cases[i].keys[key]);
        fake_type(i % 2 == 0 ? "\r" : "\n");
        assert_string_equal(booted_options(), cases[i].options);
    }
}

static void test_look(void **state)
{
    (void)state;
    world("timeout 9\ndefault banana");
    fake_press(ESC);
    fake_remove(ENTRIES "/apple.conf");
    fake_add_text(ENTRIES "/apple.conf", "title \xc3\x84pfel\nversion 7\nlinux /apple\n");
    assert_sent_back();
    assert_true(fake_screen_had(" " TITLE "  "));
    assert_true(fake_screen_had("   cherry.conf:2: the path must start with / or \\ and must not "
                                "contain ..: ch"));
    assert_true(fake_screen_had(" > Banana  "));
    assert_true(fake_screen_had("   #pfel 7  "));
    assert_true(fake_screen_had(" /loader/entries/banana.conf: kernel /kernel.elf  "));
    assert_true(fake_screen_had(" Booting in 9 s; any key stops the clock"));
    assert_true(
        fake_screen_had(" Up Down choose   Enter boot   e options   ? help   Esc firmware"));
}

/* Each row is told apart: by its file where title and version are the same, or there is none. */
static void test_labels(void **state)
{
    (void)state;
    world("timeout 9\n");
    fake_add_text(ENTRIES "/apple.conf", "title Same\nversion 1\nkernel /kernel.elf\n");
    fake_add_text(ENTRIES "/banana.conf", "title Same\nversion 1\nkernel /kernel.elf\n");
    fake_add_text(ENTRIES "/cherry+0-3.conf", "title Same\nversion 2\nkernel /kernel.elf\n");
    fake_add_text(ENTRIES "/date.conf", "kernel /kernel.elf\n");
    fake_add_text(ENTRIES "/elder.conf", "title Other machine\narchitecture aa64\nefi /x\n");
    fake_press(ESC);
    assert_sent_back();
    assert_true(fake_screen_had(" Same 1, apple.conf  "));
    assert_true(fake_screen_had(" Same 1, banana.conf  "));
    assert_true(fake_screen_had(" Same 2 (no tries left)  "));
    assert_true(fake_screen_had(" > date.conf  "));
    assert_false(fake_screen_had("Other machine"));
}

/* The version is not shown where the title has it; and then it does not tell them apart. */
static void test_versions_in_titles(void **state)
{
    (void)state;
    world("timeout 9\n");
    fake_add_text(ENTRIES "/apple.conf", "title Fruit 6.12\nversion 6.12\nkernel /kernel.elf\n");
    fake_add_text(ENTRIES "/banana.conf", "title Fruit 6.12\nversion 6.1\nkernel /kernel.elf\n");
    fake_add_text(ENTRIES "/cherry.conf", "title Fruit 6.12\nversion 7\nkernel /kernel.elf\n");
    fake_press(ESC);
    assert_sent_back();
    assert_true(fake_screen_had(" Fruit 6.12, apple.conf  "));
    assert_true(fake_screen_had(" Fruit 6.12, banana.conf  "));
    assert_true(fake_screen_had(" Fruit 6.12 7  "));
}

static void test_broken_entry(void **state)
{
    (void)state;
    world("timeout 9\ndefault banana");
    fake_press(UP);
    fake_type("\r");
    fake_pause(100);
    fake_type("e");
    fake_pause(1);
    fake_press(DOWN);
    fake_type("\r");
    assert_string_equal(booted_options(), "yellow");
    assert_true(fake_screen_had("This entry cannot be booted."));
    assert_true(fake_screen_had(" > cherry.conf:2: the path must start with"));
    assert_true(fake_screen_had(" start with / or \\ and must not contain ..: c"));

    world("timeout 3\ndefault cherry"); /* none falls through to a neighbour */
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_LOAD_ERROR, ENTRIES "/cherry.conf:2: the path must start with");
    assert_int_equal(fake.seconds, 3);
}

static void test_unreadable_entry(void **state)
{
    (void)state;
    world("timeout 3\ndefault banana");
    fake_claim_size(ENTRIES "/cherry.conf", 70000);
    assert_string_equal(booted_options(), "yellow");
    assert_true(fake_screen_had("cherry.conf: cannot be read (Load Error)"));
}

static void test_help(void **state)
{
    (void)state;
    world("timeout 9\ndefault banana");
    fake_type("?");
    fake_pause(50);
    fake_type("\r"); /* no more than goes back */
    fake_press(DOWN);
    fake_type("\r");
    assert_string_equal(booted_options(), "from apple");
    assert_true(fake_screen_had(" e       edit its options, for this boot"));
}

static void test_escape(void **state)
{
    (void)state;
    world("timeout 9\n");
    fake_press(ESC);
    assert_sent_back();
    world("timeout menu-force\ndefault apple");
    fake_pause(1);
    fake_press(ESC);
    assert_sent_back();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_shown),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_key_stops_clock),
        cmocka_unit_test(test_held_key),
        cmocka_unit_test(test_choosing),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_versions_in_titles),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_broken_entry),
        cmocka_unit_test(test_unreadable_entry),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
