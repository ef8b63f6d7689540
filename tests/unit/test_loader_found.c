/* Programs that the loader finds by itself, on the fake firmware: unified kernel images and the
 * shell. */
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
#include "pe_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ENTRIES      "/loader/entries"

static void world(const char *conf, const char *entry)
{
    fake_world();
    fake_remove(ENTRIES "/bestla-1.conf");
    fake_remove(ENTRIES "/zebra.conf");
    fake_add_text("/loader/loader.conf", conf);
    fake_add_text(ENTRIES "/program.conf", entry);
    fake_add_text("/tools/program.efi", "MZ");
}

static EFI_STATUS plain_program(void)
{
    return EFI_SUCCESS;
}

static void run(EFI_STATUS status, const char *words)
{
    struct fake_outcome outcome = fake_boot();

    assert_int_equal(outcome.ending, FAKE_RETURNED);
    assert_int_equal(outcome.status, status);
    if (strstr(fake.console, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, fake.console);
    assert_all_given_back();
}

static void test_found_programs(void **state)
{
    (void)state;
    for (int automatic = 0; automatic < 2; automatic++) {
        world(automatic ? "timeout 5\n" : "timeout 5\nauto-entries no\n",
              "efi /tools/program.efi\n");
        fake_add_folder("/EFI/Linux");
        fake_add_text("/EFI/Linux/debian-6.1.efi", "MZ");
        fake_add_text("/EFI/Linux/readme.txt", "no");
        fake_add_text("/shellx64.efi", "MZ");
        fake.program = plain_program;
        fake_press(6); /* the last one */
        fake_type("\r");
        fake.keys_then_fail = true;
        struct fake_outcome outcome = fake_boot();
        assert_int_equal(fake_screen_had("   debian-6.1.efi  "), automatic);
        assert_int_equal(fake_screen_had(" > UEFI shell  "), automatic);
        assert_false(fake_screen_had("readme"));
        if (automatic)
            assert_string_equal(fake.loaded_path, "/shellx64.efi");
        else
            assert_good_handoff(&outcome);
    }
}

/* A volume that has nothing else. */
static void test_unified_kernel_alone(void **state)
{
    static const char *const patterns[] = {"", "default debian*\n", "default debian-6.1.efi\n",
                                           "default debian-6.1\n"};

    (void)state;
    for (size_t i = 0; i < COUNT(patterns); i++) {
        world(patterns[i], "efi /tools/program.efi\n");
        if (i == 0) {
            fake_remove(ENTRIES "/program.conf");
            fake_remove(ENTRIES "/bestla-2.conf");
            fake_remove(ENTRIES);
        }
        fake_add_folder("/EFI/Linux");
        fake_add_text("/EFI/Linux/debian-6.1.efi", "MZ");
        fake.program = plain_program;
        run(EFI_SUCCESS, "returned (Success)");
        assert_string_equal(fake.loaded_path, "/EFI/Linux/debian-6.1.efi");
    }
}

/* By what .osrel says; a program without one, or a file that is no program, by its name, with a
 * line that says why. */
static void test_described(void **state)
{
    static unsigned char debian[PE_SAMPLE_MAX], fedora[PE_SAMPLE_MAX], other[PE_SAMPLE_MAX];
    size_t size = pe_sample(debian, "PRETTY_NAME=\"Debian 12 (bookworm)\"\nVERSION_ID=12\nID=zz\n");

    (void)state;
    world("timeout 5\ndefault program", "efi /tools/program.efi\n");
    fake.program = plain_program;
    fake_add_folder("/EFI/Linux");
    fake_add_file("/EFI/Linux/a+3-0.efi", debian, size);
    size = pe_sample(fedora, "NAME='Fedora Linux'\nVERSION_ID=41\nID=fedora\n");
    fake_add_file("/EFI/Linux/b.efi", fedora, size);
    size = pe_sample(other, "ID=x\n");
    other[PE_TABLE + 40] = ',';
    fake_add_file("/EFI/Linux/c.efi", other, size);
    fake_add_text("/EFI/Linux/d.efi", "MZ");
    fake_add_file("/EFI/Linux/e.efi", fedora, PE_OSREL_AT + 1);
    fake_add_text("/EFI/Linux/empty.efi", "");
    fake_press(5); /* home */
    fake_type("\r");
    fake.keys_then_fail = true;
    run(EFI_SUCCESS, "warning: /EFI/Linux/c.efi: .osrel: no such section; listed by its file name");
    assert_non_null(strstr(fake.console, "/EFI/Linux/d.efi: .osrel: no PE image; listed by"));
    assert_non_null(strstr(fake.console, "/EFI/Linux/e.efi: .osrel: a section that is not in the"));
    assert_non_null(strstr(fake.console, "/EFI/Linux/empty.efi: .osrel: no PE image; listed by"));
    assert_true(fake_screen_had(" > Fedora Linux 41  "));
    assert_true(fake_screen_had("   Debian 12 (bookworm)  "));
    assert_true(fake_screen_had("   c.efi  "));
    assert_string_equal(fake.loaded_path, "/EFI/Linux/b.efi"); /* its sort-key is the first */
}

/* Where the file cannot be read, it is listed all the same. */
static void test_reads_fail(void **state)
{
    static unsigned char image[PE_SAMPLE_MAX];
    size_t size = pe_sample(image, "ID=linux\n");

    (void)state;
    for (unsigned at = 0; at < 2; at++) {
        world("default a", "efi /none.efi\n");
        fake.program = plain_program;
        fake_add_folder("/EFI/Linux");
        fake_add_file("/EFI/Linux/a.efi", image, size);
        fake.error_at = at == 0 ? 0x40 : PE_OSREL_AT + 2;
        fake.errors = UINT32_MAX;
        fake_remove("/loader/loader.conf");
        fake_remove(ENTRIES "/program.conf");
        fake_remove(ENTRIES "/bestla-2.conf");
        run(EFI_SUCCESS, "/EFI/Linux/a.efi: reading at 0x");
        assert_string_equal(fake.loaded_path, "/EFI/Linux/a.efi");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_programs),
        cmocka_unit_test(test_unified_kernel_alone),
        cmocka_unit_test(test_described),
        cmocka_unit_test(test_reads_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
