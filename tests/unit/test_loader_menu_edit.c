/* The options of an entry, edited in the menu on the fake firmware: what the kernel then gets. */
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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CONF         "/loader/loader.conf"
#define ENTRY        "/loader/entries/bestla-2.conf"
#define OPTIONS_MAX  4096

enum { UP = 1, DOWN, RIGHT, LEFT, HOME, END, DELETE = 8, ESC = 0x17 };

static char entry[8192];

static void world(const char *options)
{
    fake_world();
    fake_add_text(CONF, "timeout 9\ndefault bestla-2.conf\n");
    snprintf(entry, sizeof(entry), "title It\nkernel /kernel.elf\n%s", options);
    fake_add_text(ENTRY, entry);
}

static const char *booted_options(void)
{
    struct fake_outcome outcome = fake_boot();
    const struct boot_info *info = assert_good_handoff(&outcome);

    assert_true(fake.cursor);
    return (const char *)(uintptr_t)info->options;
}

/* `<` and `>` stand for the arrows, `[` and `]` for Home and End, `#` for Delete. */
static void press_all(const char *keys)
{
    static const char names[] = "<>[]#";
    static const uint16_t codes[] = {LEFT, RIGHT, HOME, END, DELETE};

    for (; *keys != '\0'; keys++) {
        const char *name = strchr(names, *keys);
        char text[2] = {*keys, '\0'};
        if (name != NULL)
            fake_press(codes[name - names]);
        else
            fake_type(text);
    }
}

static void test_edits(void **state)
{
    static const struct {
        const char *options, *keys, *booted;
    } cases[] = {
        {"options a b", "e\r", "a b"},
        {"options a b", "e c\r", "a b c"},
        {"options a b", "Ec\n", "a bc"},
        {"", "enew\r", "new"},
        {"options a b", "e[x \r", "x a b"},
        {"options a b", "e[#\r", " b"},
        {"options a b", "e<<x\r", "ax b"},
        {"options a b", "e[>x]y\r", "ax by"},
        {"options a b", "e\b\b\bxy\r", "xy"},
        {"options a b", "e\x7f\x7f\r", "a"},
        {"options one two", "e\x17\r", "one "},
        {"options one two", "e\x15z\r", "z"},
        {"options one two", "e[\x0b\r", ""},
        {"options one two", "e\x01x\x05y\x04\r", "xone twoy"},
        {"options one two", "e\x01\x04\x04\r", "e two"},
        {"options a\noptions b", "e?e\r", "a b?e"},
        {"options \xc3\xa4 \xe2\x82\xac", "e<\bo\r", "\xc3\xa4o\xe2\x82\xac"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world(cases[i].options);
        press_all(cases[i].keys);
        assert_string_equal(booted_options(), cases[i].booted);
    }
}

/* Esc goes back to the list and forgets; the entry is then booted as it was. */
static void test_cancelled(void **state)
{
    (void)state;
    world("options a b");
    press_all("e changed");
    fake_press(ESC);
    fake_pause(1000);
    press_all("\r");
    assert_string_equal(booted_options(), "a b");
    assert_true(fake_screen_had("a b changed"));
    assert_int_equal(fake.seconds, 1000);

    world("options a b");
    press_all("ex");
    fake_press(ESC);
    press_all("ey\r"); /* begins anew */
    assert_string_equal(booted_options(), "a by");
}

/* Keys that firmware does not know by their sequences: Esc, and the rest as it was sent. */
static void test_sequences(void **state)
{
    static const struct {
        const char *rest, *booted;
    } cases[] = {
        {"[3~", "a bx"}, /* at the line's end there is nothing to delete */
        {"[1~", "xa b"},
        {"[7~", "xa b"},
        {"[H", "xa b"},
        {"OH", "xa b"},
        {"[4~", "a bx"},
        {"[8~", "a bx"},
        {"OF", "a bx"},
        {"[D", "a xb"},
        {"OD", "a xb"},
        {"[1;5D", "a xb"},
        {"[5~", "a bx"},
        {"[33~", "a bx"},
        {"[1;3~", "xa b"},
        {"[", "a bx"},
        {"[3", "a bx"},
        {"[Z", "a bx"},
        {"[;3~", "a bx"},
        {"[~", "a bx"},
        {"[00000000000000000000x", "a b0000xx"}, /* sixteen are enough */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world("options a b");
        press_all("e");
        fake_press(ESC);
        fake_type(cases[i].rest);
        fake_pause(1);
        fake_type("x\r");
        assert_string_equal(booted_options(), cases[i].booted);
    }
    world("options a b");
    press_all("e<");
    fake_press(ESC);
    fake_type("[3~x\r");
    assert_string_equal(booted_options(), "a x");
    /* What is no part of one ends it, and counts. */
    world("options a b");
    press_all("e");
    fake_press(ESC);
    fake_type("[3");
    fake_press(HOME);
    fake_type("x\r");
    assert_string_equal(booted_options(), "xa b");
}

static void test_look(void **state)
{
    (void)state;
    world("options a b");
    press_all("e");
    fake_pause(2);
    press_all("\r");
    booted_options();
    assert_true(fake_screen_had(" options: a b  "));
    assert_true(fake_screen_had(" Enter boot with these   Esc cancel   ^W ^U ^K erase"));
}

/* A long line is seen in part, with the cursor in that part. */
static void test_long_line(void **state)
{
    char options[320] = "options ";

    (void)state;
    for (unsigned i = 0; i < 30; i++)
        snprintf(options + 8 + i * 10, 11, "%09u ", i);
    options[8 + 299] = '\0';
    world(options);
    press_all("e");
    fake_pause(1);
    press_all("[");
    fake_pause(1);
    press_all("x\r");
    assert_string_equal(booted_options() + 1, options + 8);
    assert_true(fake_screen_had("options:<"));
    assert_true(fake_screen_had(" 000000028 000000029  "));
    assert_true(fake_screen_had(" options: 000000000 000000001 "));
    assert_true(fake_screen_had(" 00000000>"));
}

/* As long as the kernel takes it, in bytes, and not one more. */
static void test_too_long(void **state)
{
    char options[4200];
    static const char word[] = "options ";

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        size_t length = OPTIONS_MAX - 1 - 3;
        size_t used = 0;
        for (size_t left = length; left > 0;) {
            size_t part = left > 2000 ? 1999 : left;
            memcpy(options + used, word, 8);
            memset(options + used + 8, 'o', part);
            used += 8 + part;
            options[used++] = '\n';
            left -= part + (left > 2000 ? 1 : 0);
        }
        options[used] = '\0';
        world(options);
        press_all(wide ? "e" : "e123456");
        if (wide)
            fake_press_character(0x20ac);
        press_all("4");
        fake_pause(1);
        press_all("\r");
        const char *booted = booted_options();
        assert_int_equal(strlen(booted), OPTIONS_MAX - 1);
        assert_string_equal(booted + OPTIONS_MAX - 1 - 3, wide ? "\xe2\x82\xac" : "123");
        assert_true(fake_screen_had("no more than 4095 bytes fit"));
    }
}

/* What UCS-2 lacks could not be shown, and so not be kept either. */
static void test_strange_characters(void **state)
{
    (void)state;
    world("options a \xf0\x9f\x98\x80");
    press_all("e");
    fake_pause(1);
    press_all("\r");
    assert_string_equal(booted_options(), "a \xf0\x9f\x98\x80");
    assert_true(fake_screen_had("its options have characters that this console lacks"));
}

static void test_options_cannot_be_had(void **state)
{
    static char options[8192];
    size_t used = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        used += (size_t)sprintf(options + used, "options %01800d\n", 1);
    world(options);
    press_all("e");
    fake_pause(1);
    fake_press(ESC);
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.status, EFI_SUCCESS);
    assert_all_given_back();
    assert_true(fake_screen_had("its options cannot be had"));
}

static void test_no_editor(void **state)
{
    (void)state;
    world("options a b");
    fake_add_text(CONF, "timeout 9\ndefault bestla-2.conf\neditor no\n");
    press_all("exyz");
    fake_pause(1);
    press_all("e");
    fake_pause(1);
    press_all("\r");
    assert_string_equal(booted_options(), "a b");
    assert_true(fake_screen_had("Options are not to be edited: /loader/loader.conf says so."));
}

/* Firmware's LoadOptions stand in for those of the entry here too. */
static void test_load_options(void **state)
{
    (void)state;
    world("options a b");
    fake.loaded.LoadOptions = u"from firmware";
    fake.loaded.LoadOptionsSize = 28;
    press_all("e too\r");
    assert_string_equal(booted_options(), "from firmware too");
}

static void test_keyboard_fails(void **state)
{
    (void)state;
    world("options a b");
    press_all("ex");
    fake.keys_then_fail = true;
    assert_string_equal(booted_options(), "a b");
}

/* `verbose` takes effect in the loader too. */
static void test_verbose(void **state)
{
    (void)state;
    world("options a");
    press_all("e verbose\r");
    assert_string_equal(booted_options(), "a verbose");
    assert_non_null(strstr(fake.console, "bestla: image at 0x7e000000"));
    assert_non_null(strstr(fake.console, ": It  (chosen in the menu)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_look),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_strange_characters),
        cmocka_unit_test(test_options_cannot_be_had),
        cmocka_unit_test(test_no_editor),
        cmocka_unit_test(test_load_options),
        cmocka_unit_test(test_keyboard_fails),
        cmocka_unit_test(test_verbose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
