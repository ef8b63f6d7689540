/* `efi` and `linux` entries on the fake firmware: what the program is given, what it finds of the
 * loader, and what is left when it returns. */
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
#include <stdlib.h>
#include <string.h>

#include "handoff_check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ENTRIES      "/loader/entries"
#define PAGE         4096
#define DOWN         2
#define ESC          0x17

static unsigned starts;

static void world(const char *conf, const char *entry)
{
    fake_world();
    fake_remove(ENTRIES "/bestla-1.conf");
    fake_remove(ENTRIES "/zebra.conf");
    fake_add_text("/loader/loader.conf", conf);
    fake_add_text(ENTRIES "/program.conf", entry);
    fake_add_text("/tools/program.efi", "MZ");
    fake_add_text("/initrd/one", "first");
    fake_add_text("/initrd/two", "second!!");
    fake_add_text("/initrd/three", "3");
    fake_add_text("/initrd/empty", "");
    starts = 0;
}

/* ---- what the program finds ------------------------------------------------------------ */

/* The loader has given everything back but what the program needs; and the watchdog runs, as
 * if firmware itself had started it. */
static EFI_STATUS plain_program(void)
{
    starts++;
    assert_int_equal(fake_leaked_pages(), 0);
    assert_int_equal(fake.watchdog, 300);
    assert_null(fake.initrd_handle);
    assert_int_equal(fake.program_image.LoadOptionsSize, 0);
    return EFI_SUCCESS;
}

static EFI_STATUS program_with_options(void)
{
    static const CHAR16 options[] = u"a b \x20ac c";

    starts++;
    assert_int_equal(fake.program_image.LoadOptionsSize, sizeof(options));
    assert_memory_equal(fake.program_image.LoadOptions, options, sizeof(options));
    return EFI_ABORTED;
}

static EFI_STATUS failing_program(void)
{
    starts++;
    return EFI_CRC_ERROR;
}

/* What Linux' stub does: the size first, with no buffer or one too small. */
static void load_initrd(const char *expected, size_t size)
{
    char *buffer = malloc(size + 1);
    UINTN got = 0;
    EFI_DEVICE_PATH *end = (EFI_DEVICE_PATH *)((uintptr_t)fake.initrd_path + 20);
    EFI_LOAD_FILE load = fake.initrd_protocol->LoadFile;

    assert_int_equal(load(fake.initrd_protocol, NULL, FALSE, &got, NULL), EFI_INVALID_PARAMETER);
    assert_int_equal(load(fake.initrd_protocol, end, FALSE, NULL, NULL), EFI_INVALID_PARAMETER);
    assert_int_equal(load(fake.initrd_protocol, end, TRUE, &got, buffer), EFI_UNSUPPORTED);
    assert_int_equal(load(fake.initrd_protocol, end, FALSE, &got, NULL), EFI_BUFFER_TOO_SMALL);
    assert_int_equal(got, size);
    got = size - 1;
    assert_int_equal(load(fake.initrd_protocol, end, FALSE, &got, buffer), EFI_BUFFER_TOO_SMALL);
    assert_int_equal(got, size);
    got = size + 1;
    buffer[size] = 'x';
    assert_int_equal(load(fake.initrd_protocol, end, FALSE, &got, buffer), EFI_SUCCESS);
    assert_int_equal(got, size);
    assert_memory_equal(buffer, expected, size);
    assert_int_equal(buffer[size], 'x');
    free(buffer);
}

static EFI_STATUS linux_with_initrds(void)
{
    static const unsigned char path[] = {
        0x04, 0x03, 0x14, 0x00, 0x27, 0xe4, 0x68, 0x55, 0xfc, 0x68, 0x3d, 0x4f,
        0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68, 0x7f, 0xff, 0x04, 0x00,
    };

    starts++;
    assert_int_equal(fake_leaked_pages(), 1);
    assert_memory_equal(fake.initrd_path, path, sizeof(path));
    load_initrd("first\0\0\0second!!3", 17);
    return EFI_UNSUPPORTED;
}

static EFI_STATUS linux_with_one(void)
{
    starts++;
    load_initrd("3", 1);
    return EFI_SUCCESS;
}

/* ---- programs -------------------------------------------------------------------------- */

static void run(EFI_STATUS status, const char *words)
{
    struct fake_outcome outcome = fake_boot();

    assert_int_equal(outcome.ending, FAKE_RETURNED);
    assert_int_equal(outcome.status, status);
    assert_int_equal(starts, 1);
    if (strstr(fake.console, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, fake.console);
    assert_int_equal(fake.watchdog, 0);
    assert_all_given_back();
}

static void test_programs(void **state)
{
    (void)state;
    world("default program", "title It\nefi /tools/program.efi\n");
    fake.program = plain_program;
    run(EFI_SUCCESS, "bestla: /tools/program.efi: returned (Success)");
    assert_string_equal(fake.loaded_path, "/tools/program.efi");

    world("default program", "efi \\tools\\PROGRAM.efi\noptions a b\noptions \xe2\x82\xac c\n");
    fake.program = program_with_options;
    fake.program_leaves_words = true;
    run(EFI_ABORTED, "PROGRAM.efi: returned (Aborted)");

    world("default program", "linux /tools/program.efi\n");
    fake.program = plain_program;
    run(EFI_SUCCESS, "returned (Success)");
}

/* LoadOptions that the loader was started with are for its own kernel. */
static void test_load_options_stay(void **state)
{
    (void)state;
    world("default program", "efi /tools/program.efi\n");
    fake.loaded.LoadOptions = u"verbose x";
    fake.loaded.LoadOptionsSize = 18;
    fake.program = plain_program;
    run(EFI_SUCCESS, "returned (Success)");
}

static void test_initrds(void **state)
{
    (void)state;
    world("default program", "linux /tools/program.efi\ninitrd /initrd/one\n"
                             "initrd \\initrd\\two\ninitrd /initrd/three\n");
    fake.program = linux_with_initrds;
    run(EFI_UNSUPPORTED, "returned (Unsupported)");

    world("default program", "initrd /initrd/three\nlinux /tools/program.efi\n");
    fake.program = linux_with_one;
    run(EFI_SUCCESS, "returned (Success)");
}

static void test_refused(void **state)
{
    static const struct {
        const char *entry;
        EFI_STATUS status, load_status;
        const char *words;
    } cases[] = {
        {"efi /none.efi\n", EFI_NOT_FOUND, 0, "/none.efi: firmware does not load it (Not Found)"},
        {"efi /tools/program.efi\n", EFI_UNSUPPORTED, EFI_UNSUPPORTED,
         "/tools/program.efi: firmware does not load it (Unsupported)"},
        {"efi /tools/program.efi\n", EFI_SECURITY_VIOLATION, EFI_SECURITY_VIOLATION,
         "firmware does not load it (Security Violation)"},
        {"efi /tools/program.efi\noptions \xf0\x9f\x98\x80\n", EFI_UNSUPPORTED, 0,
         "the options have a character that UCS-2 lacks"},
        {"efi /\xf0\x9f\x98\x80\n", EFI_UNSUPPORTED, 0, "no path for firmware"},
        {"linux /tools/program.efi\ninitrd /none\n", EFI_NOT_FOUND, 0,
         "/none: cannot be opened (Not Found)"},
        {"linux /tools/program.efi\ninitrd /initrd\n", EFI_UNSUPPORTED, 0,
         "/initrd: has no size; is it a folder?"},
        {"linux /tools/program.efi\ninitrd /initrd/one\ninitrd /initrd/empty\n", EFI_LOAD_ERROR, 0,
         "/initrd/empty: the initrd is empty"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world("default program", cases[i].entry);
        fake_add_folder("/initrd");
        fake.load_status = cases[i].load_status;
        fake.program = plain_program;
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, cases[i].status, cases[i].words);
        assert_int_equal(starts, 0);
    }
}

static void test_refused_initrds(void **state)
{
    static const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX / 2, UINT64_C(1) << 40, 9};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        world("default program",
              "linux /tools/program.efi\ninitrd /initrd/one\ninitrd /initrd/two\n");
        fake_claim_size("/initrd/two", sizes[i]);
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, outcome.status, "bestla: error: ");
        assert_true(EFI_ERROR(outcome.status));
    }
    /* Twice 2^63 - 1 is 2^64 - 1 with what aligns the second: in whole pages none. */
    static const struct {
        uint64_t size;
        const char *words;
    } sums[] = {{INT64_MAX, "/initrd/one: 0x7fffffffffffffff bytes are too many"},
                {UINT64_C(1) << 62, "/initrd/two: 0x4000000000000000 bytes are too many"}};
    for (size_t i = 0; i < COUNT(sums); i++) {
        world("default program",
              "linux /tools/program.efi\ninitrd /initrd/one\ninitrd /initrd/two\n");
        fake_claim_size("/initrd/one", sums[i].size);
        fake_claim_size("/initrd/two", sums[i].size);
        struct fake_outcome huge = fake_boot();
        assert_refused(&huge, EFI_OUT_OF_RESOURCES, sums[i].words);
    }
    world("default program", "linux /tools/program.efi\ninitrd /initrd/one\n");
    fake.initrd_is_offered = true;
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_ALREADY_STARTED,
                   "somebody else offers Linux an initrd already (Already Started)");
    world("default program", "efi /tools/program.efi\n");
    fake.has_device_path = false;
    outcome = fake_boot();
    assert_refused(&outcome, EFI_UNSUPPORTED, "has no device path");
}

/* ---- and the menu ---------------------------------------------------------------------- */

/* What a person chose ends at the menu again; what nobody chose, in firmware. */
static void test_back_to_menu(void **state)
{
    (void)state;
    world("timeout 5\ndefault bestla-2", "title Program\nefi /tools/program.efi\n");
    fake.program = failing_program;
    fake_press(DOWN);
    fake_press(1);
    fake_type("\r");
    fake_pause(60);
    fake_type(" ");
    fake_pause(60);
    fake_press(1);
    fake_type("\r");
    fake_pause(1);
    fake_type(" ");
    fake_pause(1000); /* no clock runs now */
    fake_press(DOWN);
    fake_type("\r");
    struct fake_outcome outcome = fake_boot();
    assert_good_handoff(&outcome);
    assert_int_equal(starts, 2);
    assert_non_null(strstr(fake.console, "bestla: /tools/program.efi: returned (CRC Error)\r\n"));
    assert_non_null(strstr(fake.console, "press a key for the menu"));

    world("timeout 5\ndefault program", "title Program\nefi /tools/program.efi\n");
    fake.program = failing_program;
    run(EFI_CRC_ERROR, "returned (CRC Error)");
    assert_int_equal(fake.seconds, 5);
    assert_null(strstr(fake.console, "press a key"));
}

/* So does a kernel that cannot be loaded. */
static void test_refused_kernel(void **state)
{
    (void)state;
    world("timeout 5\ndefault program", "title Bad\nkernel /tools/program.efi\n");
    fake_type("\r");
    fake_pause(10);
    fake_type("x");
    fake_pause(10);
    fake_press(DOWN);
    fake_type("\r");
    struct fake_outcome outcome = fake_boot();
    assert_good_handoff(&outcome);
    assert_non_null(strstr(fake.console, "bestla: this entry could not be booted; press a key"));
}

/* An Enter that is held down boots what is chosen, and answers nothing that is asked afterwards. */
static void test_held_enter(void **state)
{
    (void)state;
    world("timeout 5\ndefault bestla-2", "title Program\nefi /tools/program.efi\n");
    fake.program = failing_program;
    fake_press(1);
    fake_type("\r\r\r\r\r\r");
    fake.keys_then_fail = true;
    run(EFI_CRC_ERROR, "press a key for the menu");
    assert_int_equal(starts, 1);
}

static void test_escape_after_program(void **state)
{
    (void)state;
    world("timeout 5\ndefault program", "title Program\nefi /tools/program.efi\n");
    fake.program = failing_program;
    fake_type("\r");
    fake_pause(1);
    fake_type("x");
    fake_pause(1);
    fake_press(ESC);
    run(EFI_SUCCESS, "returned (CRC Error)");
}

static void test_keyboard_goes_away(void **state)
{
    (void)state;
    world("timeout 5\ndefault program", "title Program\nefi /tools/program.efi\n");
    fake.program = failing_program;
    fake_type("\r");
    fake.keys_then_fail = true;
    run(EFI_CRC_ERROR, "returned (CRC Error)");
}

/* The program's options are edited as the kernel's are. */
static void test_edited_options(void **state)
{
    (void)state;
    world("timeout 5\ndefault program", "efi /tools/program.efi\noptions a b \xe2\x82\xac\n");
    fake.program = program_with_options;
    fake_type("e c\r");
    fake.keys_then_fail = true;
    run(EFI_ABORTED, "returned (Aborted)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_load_options_stay),
        cmocka_unit_test(test_initrds),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_initrds),
        cmocka_unit_test(test_back_to_menu),
        cmocka_unit_test(test_refused_kernel),
        cmocka_unit_test(test_held_enter),
        cmocka_unit_test(test_escape_after_program),
        cmocka_unit_test(test_keyboard_goes_away),
        cmocka_unit_test(test_edited_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
