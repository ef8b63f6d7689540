/* kernel/console/scancode.c: every key of a US keyboard, in both sets, and noise. */
/* links: kernel/console/scancode.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scancode.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* Codes of a key when it is pressed. */
struct key {
    uint8_t set_1, set_2;
    bool extended;
    const char *plain, *shifted, *control;
};

static const struct key keys[] = {
    {0x29, 0x0e, false, "`", "~", ""},
    {0x02, 0x16, false, "1", "!", ""},
    {0x03, 0x1e, false, "2", "@", ""},
    {0x04, 0x26, false, "3", "#", ""},
    {0x05, 0x25, false, "4", "$", ""},
    {0x06, 0x2e, false, "5", "%", ""},
    {0x07, 0x36, false, "6", "^", ""},
    {0x08, 0x3d, false, "7", "&", ""},
    {0x09, 0x3e, false, "8", "*", ""},
    {0x0a, 0x46, false, "9", "(", ""},
    {0x0b, 0x45, false, "0", ")", ""},
    {0x0c, 0x4e, false, "-", "_", ""},
    {0x0d, 0x55, false, "=", "+", ""},
    {0x0e, 0x66, false, "\x7f", "\x7f", "\x7f"},
    {0x0f, 0x0d, false, "\t", "\t", "\t"},
    {0x10, 0x15, false, "q", "Q", "\x11"},
    {0x11, 0x1d, false, "w", "W", "\x17"},
    {0x12, 0x24, false, "e", "E", "\x05"},
    {0x13, 0x2d, false, "r", "R", "\x12"},
    {0x14, 0x2c, false, "t", "T", "\x14"},
    {0x15, 0x35, false, "y", "Y", "\x19"},
    {0x16, 0x3c, false, "u", "U", "\x15"},
    {0x17, 0x43, false, "i", "I", "\x09"},
    {0x18, 0x44, false, "o", "O", "\x0f"},
    {0x19, 0x4d, false, "p", "P", "\x10"},
    {0x1a, 0x54, false, "[", "{", "\x1b"},
    {0x1b, 0x5b, false, "]", "}", "\x1d"},
    {0x2b, 0x5d, false, "\\", "|", "\x1c"},
    {0x1e, 0x1c, false, "a", "A", "\x01"},
    {0x1f, 0x1b, false, "s", "S", "\x13"},
    {0x20, 0x23, false, "d", "D", "\x04"},
    {0x21, 0x2b, false, "f", "F", "\x06"},
    {0x22, 0x34, false, "g", "G", "\x07"},
    {0x23, 0x33, false, "h", "H", "\x08"},
    {0x24, 0x3b, false, "j", "J", "\x0a"},
    {0x25, 0x42, false, "k", "K", "\x0b"},
    {0x26, 0x4b, false, "l", "L", "\x0c"},
    {0x27, 0x4c, false, ";", ":", ""},
    {0x28, 0x52, false, "'", "\"", ""},
    {0x1c, 0x5a, false, "\r", "\r", "\r"},
    {0x2c, 0x1a, false, "z", "Z", "\x1a"},
    {0x2d, 0x22, false, "x", "X", "\x18"},
    {0x2e, 0x21, false, "c", "C", "\x03"},
    {0x2f, 0x2a, false, "v", "V", "\x16"},
    {0x30, 0x32, false, "b", "B", "\x02"},
    {0x31, 0x31, false, "n", "N", "\x0e"},
    {0x32, 0x3a, false, "m", "M", "\x0d"},
    {0x33, 0x41, false, ",", "<", ""},
    {0x34, 0x49, false, ".", ">", ""},
    {0x35, 0x4a, false, "/", "?", ""},
    {0x39, 0x29, false, " ", " ", " "},
    {0x01, 0x76, false, "\x1b", "\x1b", "\x1b"},
    {0x56, 0x61, false, "\\", "|", "\x1c"},

    {0x37, 0x7c, false, "*", "*", ""},
    {0x4a, 0x7b, false, "-", "-", ""},
    {0x4e, 0x79, false, "+", "+", ""},
    {0x4c, 0x73, false, "5", "5", ""},
    {0x47, 0x6c, false, "7", "\x1b[H", ""},
    {0x48, 0x75, false, "8", "\x1b[A", ""},
    {0x49, 0x7d, false, "9", "\x1b[5~", ""},
    {0x4b, 0x6b, false, "4", "\x1b[D", ""},
    {0x4d, 0x74, false, "6", "\x1b[C", ""},
    {0x4f, 0x69, false, "1", "\x1b[F", ""},
    {0x50, 0x72, false, "2", "\x1b[B", ""},
    {0x51, 0x7a, false, "3", "\x1b[6~", ""},
    {0x52, 0x70, false, "0", "\x1b[2~", ""},
    {0x53, 0x71, false, ".", "\x1b[3~", ""},
    {0x35, 0x4a, true, "/", "/", "/"},
    {0x1c, 0x5a, true, "\r", "\r", "\r"},

    {0x47, 0x6c, true, "\x1b[H", "\x1b[H", "\x1b[H"},
    {0x48, 0x75, true, "\x1b[A", "\x1b[A", "\x1b[A"},
    {0x49, 0x7d, true, "\x1b[5~", "\x1b[5~", "\x1b[5~"},
    {0x4b, 0x6b, true, "\x1b[D", "\x1b[D", "\x1b[D"},
    {0x4d, 0x74, true, "\x1b[C", "\x1b[C", "\x1b[C"},
    {0x4f, 0x69, true, "\x1b[F", "\x1b[F", "\x1b[F"},
    {0x50, 0x72, true, "\x1b[B", "\x1b[B", "\x1b[B"},
    {0x51, 0x7a, true, "\x1b[6~", "\x1b[6~", "\x1b[6~"},
    {0x52, 0x70, true, "\x1b[2~", "\x1b[2~", "\x1b[2~"},
    {0x53, 0x71, true, "\x1b[3~", "\x1b[3~", "\x1b[3~"},

    /* F1 to F12, Alt, the left window key: nothing. */
    {0x3b, 0x05, false, "", "", ""},
    {0x3c, 0x06, false, "", "", ""},
    {0x3d, 0x04, false, "", "", ""},
    {0x3e, 0x0c, false, "", "", ""},
    {0x3f, 0x03, false, "", "", ""},
    {0x40, 0x0b, false, "", "", ""},
    {0x41, 0x83, false, "", "", ""},
    {0x42, 0x0a, false, "", "", ""},
    {0x43, 0x01, false, "", "", ""},
    {0x44, 0x09, false, "", "", ""},
    {0x57, 0x78, false, "", "", ""},
    {0x58, 0x07, false, "", "", ""},
    {0x38, 0x11, false, "", "", ""},
    {0x5b, 0x1f, true, "", "", ""},
};

static const struct key shift_left = {.set_1 = 0x2a, .set_2 = 0x12};
static const struct key shift_right = {.set_1 = 0x36, .set_2 = 0x59};
static const struct key control_left = {.set_1 = 0x1d, .set_2 = 0x14};
static const struct key control_right = {.set_1 = 0x1d, .set_2 = 0x14, .extended = true};
static const struct key caps_lock = {.set_1 = 0x3a, .set_2 = 0x58};
static const struct key num_lock = {.set_1 = 0x45, .set_2 = 0x77};
static const struct key keypad_7 = {.set_1 = 0x47, .set_2 = 0x6c};

static struct scancodes codes;
static char typed[64];

static void feed(uint8_t byte)
{
    char text[SCANCODE_TEXT_MAX];
    size_t length = scancode_feed(&codes, byte, text);

    assert_true(length <= SCANCODE_TEXT_MAX && strlen(typed) + length < sizeof(typed));
    strncat(typed, text, length);
}

static void send(const struct key *key, bool released)
{
    if (key->extended)
        feed(0xe0);
    if (released && codes.set_2)
        feed(0xf0);
    feed(codes.set_2 ? key->set_2 : (uint8_t)(key->set_1 | (released ? 0x80 : 0)));
}

static void press(const struct key *key)
{
    send(key, false);
    send(key, true);
}

static void expect(const char *text)
{
    assert_string_equal(typed, text);
    typed[0] = '\0';
}

static void begin(bool set_2)
{
    codes = (struct scancodes){.set_2 = set_2};
    typed[0] = '\0';
}

static void with(const struct key *held, const struct key *key, const char *text)
{
    send(held, false);
    press(key);
    send(held, true);
    expect(text);
}

static void test_every_key(void **state)
{
    (void)state;
    for (int set = 1; set <= 2; set++) {
        begin(set == 2);
        for (size_t i = 0; i < ROWS(keys); i++) {
            press(&keys[i]);
            expect(keys[i].plain);
            with(&shift_left, &keys[i], keys[i].shifted);
            with(&shift_right, &keys[i], keys[i].shifted);
            with(&control_left, &keys[i], keys[i].control);
            with(&control_right, &keys[i], keys[i].control);
            press(&keys[i]);
            expect(keys[i].plain);
        }
    }
}

static const struct key *key_of(const char *plain)
{
    for (size_t i = 0; i < ROWS(keys); i++) {
        if (strcmp(keys[i].plain, plain) == 0)
            return &keys[i];
    }
    fail_msg("no key %s", plain);
    return NULL;
}

static void test_locks(void **state)
{
    (void)state;
    for (int set = 1; set <= 2; set++) {
        begin(set == 2);
        for (int repeated = 0; repeated < 4; repeated++) /* held down, as keyboards tell it */
            send(&caps_lock, false);
        send(&caps_lock, true);
        press(key_of("a"));
        press(key_of("1"));
        with(&shift_left, key_of("a"), "A1a");
        press(&caps_lock);
        press(key_of("a"));
        expect("a");
        press(&num_lock);
        press(key_of("7"));
        expect("7");
        press(&keypad_7); /* the keypad's */
        expect("\x1b[H");
        with(&shift_left, &keypad_7, "7");
        press(&num_lock);
        press(&keypad_7);
        expect("7");
    }
}

/* Both of a pair, let go one after the other. */
static void test_held_keys(void **state)
{
    (void)state;
    for (int set = 1; set <= 2; set++) {
        begin(set == 2);
        send(&shift_left, false);
        send(&shift_right, false);
        send(&shift_left, true);
        press(key_of("a"));
        send(&shift_right, true);
        press(key_of("a"));
        expect("Aa");
        send(key_of("a"), false);
        send(key_of("a"), false);
        send(key_of("b"), false);
        send(key_of("a"), true);
        expect("aab");
    }
}

static void feed_all(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        feed(bytes[i]);
}

/* Pause, Print Screen, and an arrow with the shift that keyboards make up around it. */
static void test_long_keys(void **state)
{
    static const uint8_t set_1[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0xe0, 0x2a, 0xe0, 0x37,
                                    0xe0, 0xb7, 0xe0, 0xaa, 0xe0, 0x2a, 0xe0, 0x4b, 0xe0, 0xcb,
                                    0xe0, 0xaa, 0xe0, 0xb6, 0xe0, 0x4d, 0xe0, 0xcd, 0xe0, 0x36};
    static const uint8_t set_2[] = {0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77, 0xe0,
                                    0x12, 0xe0, 0x7c, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12,
                                    0xe0, 0x12, 0xe0, 0x6b, 0xe0, 0xf0, 0x6b, 0xe0, 0xf0,
                                    0x12, 0xe0, 0x74, 0xe0, 0xf0, 0x74};

    (void)state;
    begin(false);
    feed_all(set_1, sizeof(set_1));
    press(key_of("a"));
    press(&keypad_7); /* Pause has not let Num Lock go */
    expect("\x1b[D\x1b[Ca7");
    begin(true);
    feed_all(set_2, sizeof(set_2));
    press(key_of("a"));
    press(&keypad_7);
    expect("\x1b[D\x1b[Ca7");
}

/* Answers to commands are no keys; where bytes were lost nothing stays held. */
static void test_answers_and_overruns(void **state)
{
    (void)state;
    for (int set = 1; set <= 2; set++) {
        begin(set == 2);
        feed_all((const uint8_t[]){0xfa, 0xfe, 0xee, 0xaa}, 4);
        press(key_of("a"));
        expect("a");
        send(&shift_left, false);
        send(&control_right, false);
        feed(0xe0);
        feed(set == 2 ? 0x00 : 0xff);
        press(key_of("a"));
        expect("a");
    }
}

/* Whatever comes: no more than it may add, and a key is one again as soon as noise has ended. */
static void test_noise(void **state)
{
    char text[SCANCODE_TEXT_MAX];

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        if (round % 100 == 0)
            begin(round % 200 == 0);
        for (unsigned i = 0; i < 50; i++)
            assert_true(scancode_feed(&codes, (uint8_t)rand(), text) <= SCANCODE_TEXT_MAX);
        for (unsigned i = 0; i < 8; i++) /* of Pause there may be 7 to come */
            (void)scancode_feed(&codes, codes.set_2 ? 0x00 : 0xff, text);
        codes.caps_lock = codes.num_lock_off = false;
        typed[0] = '\0';
        press(key_of("a"));
        expect("a");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_held_keys),
        cmocka_unit_test(test_long_keys),
        cmocka_unit_test(test_answers_and_overruns),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
