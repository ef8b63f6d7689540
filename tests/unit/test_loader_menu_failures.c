/* The menu and what is started from it on firmware that fails: each of its calls once, and from
 * there on for good. It may refuse, boot the default or what was chosen, or go back; it never
 * hangs, never starts what nobody asked for, and leaves nothing behind. */
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
#include <string.h>

#include "handoff_check.h"

#define ENTRIES "/loader/entries"
#define UP      1
#define ESC     0x17

static unsigned starts;

static EFI_STATUS program(void)
{
    starts++;
    /* No more than the initrd, and what firmware would not take back. */
    assert_true(fake_leaked_pages() <= 1);
    assert_int_equal(fake.open_events, 0);
    return EFI_LOAD_ERROR;
}

/* The default is Bestla's kernel; above it is Linux, with an initrd. */
static void world(unsigned call, bool lastingly, EFI_STATUS status)
{
    fake_world();
    fake_remove(ENTRIES "/bestla-1.conf");
    fake_remove(ENTRIES "/zebra.conf");
    fake_add_text("/loader/loader.conf", "timeout 5\ndefault bestla-2\n");
    fake_add_text(ENTRIES "/linux.conf", "title Linux\nlinux /vmlinuz\ninitrd /initrd\n");
    fake_add_text("/vmlinuz", "MZ");
    fake_add_text("/initrd", "070701");
    fake.program = program;
    fake.program_leaves_words = true;
    fake.fail_call = call;
    fake.fail_lastingly = lastingly;
    fake.fail_status = status;
    starts = 0;
}

/* Nothing is left open: of what firmware would not close or take back this is said by the fake. */
static void assert_clean(const struct fake_outcome *outcome)
{
    if (fake.failed != FAKE_UNINSTALL_PROTOCOLS || fake.calls < fake.fail_call) {
        assert_int_equal(fake.open_events, 0);
        assert_null(fake.initrd_handle);
        if (outcome->ending == FAKE_RETURNED)
            assert_all_given_back();
    }
    assert_int_equal(fake.open_images, 0);
    if (outcome->ending == FAKE_HANDED_OFF)
        assert_good_handoff(outcome);
}

/* Up, Enter: Linux; it returns; a key: the menu; Esc. */
static void press_for_linux(void)
{
    fake_press(UP);
    fake_type("\r");
    fake_pause(3);
    fake_type("x");
    fake_pause(3);
    fake_press(ESC);
}

static void try_linux(bool lastingly, EFI_STATUS status)
{
    unsigned started = 0, tries = 0;

    for (unsigned call = 1;; call++, tries++) {
        world(call, lastingly, status);
        press_for_linux();
        fake.keys_then_fail = true;
        struct fake_outcome outcome = fake_boot();
        if (fake.calls < call)
            break;
        assert_int_not_equal(outcome.ending, FAKE_RESET);
        assert_clean(&outcome);
        assert_true(starts <= 1);
        started += starts;
    }
    assert_true(tries > 100);
    assert_true(started > 10); /* what the menu draws can fail at will */
}

static void test_linux_each_call_fails_once(void **state)
{
    (void)state;
    try_linux(false, EFI_DEVICE_ERROR);
    try_linux(false, EFI_OUT_OF_RESOURCES);
    try_linux(false, EFI_NOT_FOUND);
    try_linux(false, EFI_INVALID_PARAMETER);
}

/* A chosen kernel boots after a failure or not at all. */
static void test_each_call_fails_from_then_on(void **state)
{
    (void)state;
    for (unsigned call = 1;; call++) {
        world(call, true, EFI_DEVICE_ERROR);
        fake_type("e more\r");
        fake.keys_then_fail = true;
        struct fake_outcome outcome = fake_boot();
        if (fake.calls < call)
            break;
        if (outcome.ending == FAKE_RESET)
            assert_int_equal(fake.failed, FAKE_EXIT_BOOT_SERVICES);
        else
            assert_clean(&outcome);
        assert_int_equal(starts, 0);
    }
}

static void test_linux_fails_from_then_on(void **state)
{
    (void)state;
    for (unsigned call = 1;; call++) {
        world(call, true, EFI_DEVICE_ERROR);
        press_for_linux();
        fake.keys_then_fail = true;
        struct fake_outcome outcome = fake_boot();
        if (fake.calls < call)
            break;
        if (outcome.ending == FAKE_RESET)
            assert_int_equal(fake.failed, FAKE_EXIT_BOOT_SERVICES);
        else
            assert_clean(&outcome);
        assert_true(starts <= 1);
    }
}

/* The clock runs out whatever fails, and the default is what is booted. */
static void test_nobody_there(void **state)
{
    (void)state;
    for (int lastingly = 0; lastingly < 2; lastingly++) {
        for (unsigned call = 1;; call++) {
            world(call, lastingly != 0, EFI_DEVICE_ERROR);
            struct fake_outcome outcome = fake_boot();
            if (fake.calls < call)
                break;
            assert_int_equal(starts, 0);
            assert_true(fake.seconds <= 6);
            if (outcome.ending != FAKE_RESET)
                assert_clean(&outcome);
            if (fake.failed >= FAKE_FIRST_OF_MENU || fake.failed == FAKE_READ_KEY ||
                fake.failed == FAKE_OUTPUT_STRING)
                assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
        }
    }
}

/* Firmware that does not let go of the initrd's protocol: then its memory must stay. */
static void test_protocol_stays(void **state)
{
    (void)state;
    world(0, false, EFI_ACCESS_DENIED);
    fake.nth_service = FAKE_UNINSTALL_PROTOCOLS;
    fake.fail_nth = 1;
    press_for_linux();
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.ending, FAKE_RETURNED);
    assert_int_equal(starts, 1);
    assert_non_null(fake.initrd_handle);
    assert_int_equal(fake_leaked_pages(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linux_each_call_fails_once),
        cmocka_unit_test(test_each_call_fails_from_then_on),
        cmocka_unit_test(test_linux_fails_from_then_on),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_protocol_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
