/* What the loader tells the program that it starts, by variables, and how it counts tries, on the
 * fake firmware. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c tests/unit/table_check.c */
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
#define COUNT_PATH   "LoaderBootCountPath"

static unsigned starts;
static unsigned char file_path[64];

/* Nodes of file names, one behind the other, and the end. */
static EFI_DEVICE_PATH *path_of(const char *const *names, size_t count)
{
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        size_t units = strlen(names[i]) + 1;
        file_path[used++] = 0x04;
        file_path[used++] = 0x04;
        file_path[used++] = (unsigned char)(4 + 2 * units);
        file_path[used++] = 0;
        for (size_t at = 0; at < units; at++, used += 2) {
            file_path[used] = (unsigned char)names[i][at];
            file_path[used + 1] = 0;
        }
    }
    memcpy(file_path + used, "\x7f\xff\x04", 4);
    return (EFI_DEVICE_PATH *)(void *)file_path;
}

static EFI_STATUS plain_program(void)
{
    starts++;
    return EFI_SUCCESS;
}

/* The last entry is the default; it boots a program. */
static void world(const char *conf)
{
    fake_world();
    fake_remove(ENTRIES "/bestla-1.conf");
    fake_remove(ENTRIES "/zebra.conf");
    fake_add_text("/loader/loader.conf", conf);
    fake_add_text(ENTRIES "/guest.conf", "title Guest\nefi /tools/guest.efi\n");
    fake_add_text("/tools/guest.efi", "MZ");
    fake.program = plain_program;
    starts = 0;
}

static void run(void)
{
    struct fake_outcome outcome = fake_boot();

    assert_int_equal(outcome.ending, FAKE_RETURNED);
    assert_int_equal(outcome.status, EFI_SUCCESS);
    assert_int_equal(starts, 1);
    assert_all_given_back();
}

static void assert_variable(const char *name, const char *text)
{
    const char *got = fake_text_variable(name);

    if (text == NULL)
        assert_null(got);
    else
        assert_string_equal(got == NULL ? "(none)" : got, text);
}

static unsigned long time_of(const char *name)
{
    const char *text = fake_text_variable(name);

    assert_non_null(text);
    return strtoul(text, NULL, 10);
}

/* ---- telling --------------------------------------------------------------------------- */

static void test_told(void **state)
{
    static const char *const path[] = {"\\EFI\\BOOT", "BOOTX64.EFI"};
    static const char ids[] = "guest.conf\0more.conf\0other.efi\0bestla-2.conf\0auto-efi-shell";

    (void)state;
    world("default guest.conf");
    fake.loaded.FilePath = path_of(path, COUNT(path));
    fake_add_text(ENTRIES "/more+3-1.conf", "sort-key a\nlinux /none\n");
    fake_add_text("/EFI/Linux/other+2.efi", "MZ");
    fake_add_folder("/EFI/Linux");
    fake_add_text("/shellx64.efi", "MZ");
    fake_remove(ENTRIES "/guest.conf");
    fake_add_text(ENTRIES "/guest.conf", "sort-key A\nefi /tools/guest.efi\n");
    run();
    assert_variable("LoaderInfo", "bestla 0.1");
    assert_variable("LoaderFirmwareInfo", "Fake 7.05");
    assert_variable("LoaderFirmwareType", "UEFI 2.70");
    assert_variable("LoaderDevicePartUUID", "00112233-4455-6677-8899-aabbccddeeff");
    assert_variable("LoaderImageIdentifier", "\\EFI\\BOOT\\BOOTX64.EFI");
    assert_variable("LoaderEntrySelected", "guest.conf");
    assert_variable(COUNT_PATH, NULL);
    assert_null(fake_variable("LoaderTimeMenuUSec"));
    assert_in_range(time_of("LoaderTimeExecUSec"), time_of("LoaderTimeInitUSec") + 1, 2000000);

    const struct fake_variable *features = fake_variable("LoaderFeatures");
    assert_int_equal(features->size, 8);
    assert_memory_equal(features->data, "\x1f\x23\x01\0\0\0\0", 8);
    const struct fake_variable *entries = fake_variable("LoaderEntries");
    assert_int_equal(entries->size, 2 * sizeof(ids));
    for (size_t i = 0; i < sizeof(ids); i++)
        assert_int_equal(entries->data[2 * i], ids[i]);
}

/* Whichever way the entries came to be listed, each fault is said once. */
static void test_warned_once(void **state)
{
    static const char *const confs[] = {"default guest", "default nobody", "default gue*",
                                        "default guest\ntimeout 5"};
    static const char words[] = "broken.conf:1: no kernel, linux or efi line";

    (void)state;
    for (size_t i = 0; i < COUNT(confs); i++) {
        world(confs[i]);
        fake_remove(ENTRIES "/bestla-2.conf");
        fake_add_text(ENTRIES "/broken.conf", "kernal /kernel.elf\n");
        run();
        const char *first = strstr(fake.console, words);
        assert_non_null(first);
        if (strstr(first + 1, words) != NULL)
            fail_msg("%s: said twice: %s", confs[i], fake.console);
    }
}

/* Bestla's kernel asks firmware for nothing. */
static void test_kernel_is_told_nothing(void **state)
{
    (void)state;
    world("default bestla-2");
    struct fake_outcome outcome = fake_boot();
    assert_good_handoff(&outcome);
    assert_int_equal(fake.calls_of[FAKE_SET_VARIABLE], 0);
    assert_int_equal(fake.calls_of[FAKE_STALL], 0);
}

/* From the menu the second time; what the first start left behind is not so any more. */
static void test_told_again(void **state)
{
    (void)state;
    world("timeout 5\ndefault guest");
    fake_put_variable(COUNT_PATH, 6, u"\\x+1.conf", 20);
    fake_put_variable("LoaderEntrySelected", 6, u"x.conf", 14);
    run();
    assert_variable(COUNT_PATH, NULL);
    assert_variable("LoaderEntrySelected", "guest.conf");
    assert_in_range(time_of("LoaderTimeMenuUSec"), time_of("LoaderTimeInitUSec") + 1,
                    time_of("LoaderTimeExecUSec") - 1);
}

/* Of attributes with which the loader could not change it. */
static void test_lasting_count_path(void **state)
{
    (void)state;
    for (int counted = 0; counted < 2; counted++) {
        world("default guest");
        if (counted) {
            fake_remove(ENTRIES "/guest.conf");
            fake_add_text(ENTRIES "/guest+3.conf", "efi /tools/guest.efi\n");
        }
        fake_put_text_variable(COUNT_PATH, "\\x+1.conf");
        run();
        assert_variable(COUNT_PATH, counted ? "\\loader\\entries\\guest+2-1.conf" : NULL);
    }
}

/* Paths that are none, or no file's. */
static void test_odd_paths(void **state)
{
    static const unsigned char paths[][16] = {
        {0x04, 0x04, 0x03, 0x00, 0x7f, 0xff, 0x04, 0x00},
        {0x04, 0x04, 0x00, 0x00, 0x7f, 0xff, 0x04, 0x00},
        {0x04, 0x04, 0x04, 0x00, 0x7f, 0xff, 0x04, 0x00},
        {0x04, 0x04, 0x05, 0x00, 'a', 0x7f, 0xff, 0x04, 0x00},
        {0x04, 0x04, 0x06, 0x00, 0x00, 0x00, 0x7f, 0xff, 0x04, 0x00},
        {0x04, 0x03, 0x06, 0x00, 'a', 0x00, 0x7f, 0xff, 0x04, 0x00},
        {0x7f, 0xff, 0x04, 0x00},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        world("default guest");
        fake.loaded.FilePath = (EFI_DEVICE_PATH *)(uintptr_t)paths[i];
        run();
        assert_variable("LoaderImageIdentifier", NULL);
        assert_variable("LoaderInfo", "bestla 0.1");
    }
}

static void test_odd_firmware(void **state)
{
    static const CHAR16 endless[80] = {[0 ... 79] = 'v'};

    (void)state;
    world("default guest");
    fake.system.FirmwareVendor = NULL;
    run();
    assert_variable("LoaderFirmwareInfo", " 7.05");
    world("default guest");
    fake.system.FirmwareVendor = (CHAR16 *)(uintptr_t)endless;
    run();
    assert_int_equal(strlen(fake_text_variable("LoaderFirmwareInfo")), 64 + 5);
}

/* Firmware that keeps none, or refuses: one line, and the program runs. */
static void test_refused(void **state)
{
    (void)state;
    world("default guest");
    fake.no_variables = true;
    run();
    assert_non_null(strstr(fake.console, "bestla: warning: 8 of the loader's 8 variables cannot be "
                                         "set, first LoaderInfo (Unsupported)\r\n"));
    world("default guest");
    fake_put_text_variable("LoaderEntrySelected", "lasting");
    run();
    assert_non_null(strstr(fake.console, "1 of the loader's 8 variables cannot be set, first "
                                         "LoaderEntrySelected (Invalid Parameter)"));
}

/* Every call that telling and counting make, once: the program runs whatever fails of them. */
static void test_each_call_fails(void **state)
{
    static const enum fake_service services[] = {
        FAKE_GET_VARIABLE, FAKE_SET_VARIABLE, FAKE_GET_INFO, FAKE_SET_INFO, FAKE_FLUSH, FAKE_STALL};

    (void)state;
    for (size_t i = 0; i < COUNT(services); i++) {
        unsigned nth = 0;
        do {
            world("default guest");
            fake_remove(ENTRIES "/guest.conf");
            fake_add_text(ENTRIES "/guest+3.conf", "efi /tools/guest.efi\n");
            fake.nth_service = services[i];
            fake.fail_nth = ++nth;
            run();
        } while (fake.calls_of[services[i]] >= nth);
        assert_true(nth > 1);
    }
}

/* ---- counting -------------------------------------------------------------------------- */

static void test_counted(void **state)
{
    static const struct {
        const char *before, *after, *path;
    } rows[] = {
        {ENTRIES "/guest+3.conf", ENTRIES "/guest+2-1.conf", "\\loader\\entries\\guest+2-1.conf"},
        {ENTRIES "/guest+1-2.conf", ENTRIES "/guest+0-3.conf", "\\loader\\entries\\guest+0-3.conf"},
        {ENTRIES "/guest+0-3.conf", ENTRIES "/guest+0-3.conf", "\\loader\\entries\\guest+0-3.conf"},
        {"/EFI/Linux/guest+10-9.efi", "/EFI/Linux/guest+9-10.efi", "\\EFI\\Linux\\guest+9-10.efi"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        world("default guest");
        fake_remove(ENTRIES "/guest.conf");
        fake_add_folder("/EFI/Linux");
        fake_add_text(rows[i].before, "efi /tools/guest.efi\n");
        run();
        assert_true(fake_file_is_there(rows[i].after));
        assert_int_equal(fake_file_is_there(rows[i].before),
                         strcmp(rows[i].before, rows[i].after) == 0);
        assert_variable(COUNT_PATH, rows[i].path);
        assert_true(strncmp(fake_text_variable("LoaderEntrySelected"), "guest.", 6) == 0);
        assert_string_equal(fake.loaded_path, strstr(rows[i].after, ".efi") != NULL
                                                  ? rows[i].after
                                                  : "/tools/guest.efi");
        assert_null(strstr(fake.console, "keeps its name"));
    }
}

static bool read_only_volume(void)
{
    fake.read_only_volume = true;
    return true;
}

static bool read_only_file(void)
{
    fake.read_only_file = ENTRIES "/guest+3.conf";
    return true;
}

static bool full_volume(void)
{
    fake.full_volume = true;
    return true;
}

static bool name_taken(void)
{
    fake_add_text(ENTRIES "/guest+2-1.conf", "efi /none\nsort-key z\n");
    return true;
}

static bool renamed_in_vain(void)
{
    fake.renames_in_vain = true;
    return true;
}

/* The entry is booted all the same, and the system is told the name that the file has. */
static void test_not_counted(void **state)
{
    static const struct {
        bool (*spoil)(void);
        const char *words;
    } rows[] = {
        {read_only_volume, "the file keeps its name (Write Protected)"},
        {read_only_file, "the file keeps its name (Access Denied)"},
        {full_volume, "the file keeps its name (Volume Full)"},
        {name_taken, "the file keeps its name (Access Denied)"},
        {renamed_in_vain, "the file keeps its name (Success)"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        world("default guest+3");
        fake_remove(ENTRIES "/guest.conf");
        fake_add_text(ENTRIES "/guest+3.conf", "efi /tools/guest.efi\n");
        assert_true(rows[i].spoil());
        run();
        assert_true(fake_file_is_there(ENTRIES "/guest+3.conf"));
        assert_variable(COUNT_PATH, "\\loader\\entries\\guest+3.conf");
        if (strstr(fake.console, rows[i].words) == NULL)
            fail_msg("\"%s\" is not in: %s", rows[i].words, fake.console);
    }
}

/* A kernel of Bestla's is counted as well; one that cannot be booted uses up its tries, and then
 * the next is the default. */
static void test_kernels_are_counted(void **state)
{
    (void)state;
    world("default new* \n");
    fake_add_text(ENTRIES "/new+2.conf", "kernel /nowhere.elf\n");
    fake_add_text(ENTRIES "/new-old.conf", "title Old\nkernel /kernel.elf\n");
    for (int tries = 0; tries < 2; tries++) {
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, EFI_NOT_FOUND, "/nowhere.elf: cannot be opened");
    }
    assert_true(fake_file_is_there(ENTRIES "/new+0-2.conf"));
    struct fake_outcome outcome = fake_boot();
    assert_true(log_has(assert_good_handoff(&outcome), ENTRIES "/new-old.conf: Old"));
}

/* What is refused is not tried. */
static void test_malformed_is_not_counted(void **state)
{
    (void)state;
    world("default new");
    fake_add_text(ENTRIES "/new+2.conf", "kernal /kernel.elf\n");
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_LOAD_ERROR, "new+2.conf:1: no kernel, linux or efi line");
    assert_true(fake_file_is_there(ENTRIES "/new+2.conf"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_warned_once),
        cmocka_unit_test(test_kernel_is_told_nothing),
        cmocka_unit_test(test_told_again),
        cmocka_unit_test(test_lasting_count_path),
        cmocka_unit_test(test_odd_paths),
        cmocka_unit_test(test_odd_firmware),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_not_counted),
        cmocka_unit_test(test_kernels_are_counted),
        cmocka_unit_test(test_malformed_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
