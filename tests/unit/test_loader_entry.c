/* Which entry is booted with which options: loader.conf, the folder of entries, LoadOptions. */
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
#define ENTRIES      "/loader/entries"
#define GOOD_ENTRY   "title It\nkernel /kernel.elf\noptions from entry\n"

static const struct boot_info *boot_well(void)
{
    struct fake_outcome outcome = fake_boot();
    return assert_good_handoff(&outcome);
}

static void refuse(EFI_STATUS status, const char *words)
{
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, status, words);
}

static void assert_boots(const char *entry)
{
    char line[1200];
    const struct boot_info *info = boot_well();

    snprintf(line, sizeof(line), "%s: It", entry);
    if (!log_has(info, line))
        fail_msg("%s was not booted", entry);
}

/* A volume with these entries, all good, in this order. */
static void world_of(const char *conf, const char *const *names, size_t count)
{
    char path[64];

    fake_world();
    fake_remove(ENTRIES "/bestla-1.conf");
    fake_remove(ENTRIES "/bestla-2.conf");
    fake_remove(ENTRIES "/zebra.conf");
    if (conf == NULL)
        fake_remove(CONF);
    else
        fake_add_text(CONF, conf);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof(path), ENTRIES "/%s", names[i]);
        fake_add_text(path, GOOD_ENTRY);
    }
}

/* The last by name of those that match, wherever it stands in the folder. */
static void test_choice(void **state)
{
    static const char *const names[] = {"b.conf",     "c-9.conf", "a.conf", "c-10.conf",
                                        "README.txt", "z.cfg",    ".conf",  "c-1.conf~",
                                        "D.CONF",     "z.confx",  "zconf",  "zz"};
    static const struct {
        const char *conf, *chosen;
    } cases[] = {
        {NULL, "c-10.conf"},
        {"", "c-10.conf"},
        {"# nothing\n", "c-10.conf"},
        {"timeout 3\n", "c-10.conf"},
        {"default a.conf\n", "a.conf"},
        {"default a\n", "a.conf"},
        {"default A.CONF", "a.conf"},
        {"default c-*\n", "c-10.conf"},
        {"default c-1*.conf\n", "c-10.conf"},
        {"default c-?\n", "c-9.conf"},
        {"default ?.conf\n", "b.conf"},
        {"default d\n", "D.CONF"},
        {"default z*\n", "c-10.conf"},
        {"default nothing-like-it\n", "c-10.conf"},
    };
    char path[64];

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world_of(cases[i].conf, names, COUNT(names));
        snprintf(path, sizeof(path), ENTRIES "/%s", cases[i].chosen);
        assert_boots(path);
    }
}

static void test_warnings(void **state)
{
    static const char *const one[] = {"one.conf"};

    (void)state;
    world_of(NULL, one, 1);
    assert_true(log_has(boot_well(), CONF ": not there"));
    world_of("\n", one, 1);
    assert_true(log_has(boot_well(), CONF ": nothing in it"));
    world_of("default two\n", one, 1);
    assert_true(log_has(boot_well(), CONF ": no entry is called two"));
    assert_string_equal(fake.console, "");
}

static void test_prefixes(void **state)
{
    static const char *const names[] = {"ab.conf", "a.conf", "abc.conf", "ab-.conf"};

    (void)state;
    world_of(NULL, names, COUNT(names));
    assert_boots(ENTRIES "/abc.conf");
}

static void test_broken_conf(void **state)
{
    static const char *const one[] = {"one.conf"};
    static char large[65 * 1024];

    (void)state;
    world_of("# 1\nno-key-but-fine\ntimeout x\n", one, 1);
    refuse(EFI_LOAD_ERROR, CONF ":3: the timeout must be a number");
    world_of("default\n", one, 1);
    refuse(EFI_LOAD_ERROR, CONF ":1: the key has no value: default");
    memset(large, '\n', sizeof(large));
    world_of("", one, 1);
    fake_add_file(CONF, large, 64 * 1024);
    assert_boots(ENTRIES "/one.conf");
    world_of("", one, 1);
    fake_add_file(CONF, large, 64 * 1024 + 1);
    refuse(EFI_LOAD_ERROR, CONF ": 65537 bytes, more than 65536");
    world_of("", one, 1);
    fake_claim_size(CONF, UINT64_MAX);
    refuse(EFI_LOAD_ERROR, CONF ": 18446744073709551615 bytes");
    world_of("", one, 1);
    fake_claim_size(CONF, 5);
    refuse(EFI_END_OF_FILE, CONF ": reading at 0x0 (End of File)");
    world_of("", one, 1);
    fake_add_folder(CONF);
    refuse(EFI_UNSUPPORTED, CONF ": has no size; is it a folder?");
}

static void test_broken_entry(void **state)
{
    static const struct {
        const char *entry, *words;
    } cases[] = {
        {"", "the file is empty"},
        {"title only\n", ENTRIES "/one.conf: no kernel, linux or efi line"},
        {"title a\nkernal /kernel.elf\n",
         ENTRIES "/one.conf:2: no kernel, linux or efi line, but a word that is not known: kernal"},
        {"efi /kernel.elf\ninitrd /initrd\n",
         ENTRIES "/one.conf:2: module goes with kernel, initrd with linux, and with nothing else: "
                 "initrd"},
        {"title a\n\nkernel kernel.elf\n", ENTRIES "/one.conf:3: the path must start with"},
        {"kernel /../kernel.elf\n", ":1: the path must start with"},
        {"kernel /kernel.elf\nkernel /kernel.elf\n", ":2: the key stands a second time: kernel"},
        {"kernel /kernel.elf\noptions \x01\n", ":2: a control character"},
        {"kernel /kernel.elf\nmodule\n", ":2: the key has no value: module"},
        {"kernel /nowhere.elf\n", "/nowhere.elf: cannot be opened (Not Found)"},
        {"kernel /loader\n", "/loader: has no size; is it a folder? (Unsupported)"},
        {"kernel /kernel.elf\nmodule /nothing\n", "/nothing: cannot be opened (Not Found)"},
        {"kernel /kernel.elf\nmodule /empty\n", "/empty: the module is empty (Load Error)"},
        {"kernel /kernel.elf\nmodule /modules/second\nmodule /large\n",
         "KiB of memory for module (Out of Resources)"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        world_of("", NULL, 0);
        fake_add_text(ENTRIES "/one.conf", cases[i].entry);
        fake_add_text("/empty", "");
        fake_add_text("/large", "x");
        fake_claim_size("/large", UINT64_MAX);
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, outcome.status, cases[i].words);
        assert_true(EFI_ERROR(outcome.status));
    }
}

static void test_folder(void **state)
{
    (void)state;
    world_of("", NULL, 0);
    refuse(EFI_NOT_FOUND, ENTRIES ": no entry (a file *.conf) in it");
    world_of("default x", NULL, 0);
    fake_add_folder(ENTRIES "/x.conf");
    refuse(EFI_NOT_FOUND, ENTRIES ": no entry (a file *.conf) in it");
    world_of("", NULL, 0);
    fake_add_text(ENTRIES "/.conf", GOOD_ENTRY);
    refuse(EFI_NOT_FOUND, ENTRIES ": no entry (a file *.conf) in it");
    world_of("", NULL, 0);
    fake_add_text(ENTRIES "/._a.conf", GOOD_ENTRY); /* macOS puts its own beside each file */
    refuse(EFI_NOT_FOUND, ENTRIES ": no entry (a file *.conf) in it");
    world_of("", NULL, 0);
    fake_remove(ENTRIES);
    refuse(EFI_NOT_FOUND, ENTRIES ": cannot be opened (Not Found)");
    world_of("", NULL, 0);
    fake_add_text(ENTRIES, "this is a file, and not one that anybody could take for a folder, "
                           "though it is as long as a name in one might be: 0123456789");
    refuse(EFI_NOT_FOUND, ENTRIES ": no entry (a file *.conf) in it");
    fake_world();
    fake.has_file_system = false;
    refuse(EFI_UNSUPPORTED, "the device that the loader came from has no file system");
}

/* On a volume that is damaged a folder may come to no end. */
static void test_folder_without_end(void **state)
{
    static const char *const others[] = {"README.txt"}, *const some[] = {"a.conf", "b.txt"};

    (void)state;
    world_of("", others, COUNT(others));
    fake.folders_go_on = true;
    refuse(EFI_NOT_FOUND, ENTRIES ": no entry (a file *.conf) in it");
    world_of("default a", some, COUNT(some));
    fake.folders_go_on = true;
    const struct boot_info *info = boot_well();
    assert_true(log_has(info, ENTRIES ": more than 1024 entries"));
    assert_true(log_has(info, ENTRIES "/a.conf: It"));
}

/* FAT allows 255 characters, which are up to 765 bytes. */
static void test_long_names(void **state)
{
    char path[1000] = ENTRIES "/";
    const size_t start = sizeof(ENTRIES);

    (void)state;
    for (size_t length = 252; length <= 255; length++) {
        world_of("", NULL, 0);
        memset(path + start, 'n', length - 5);
        strcpy(path + start + length - 5, ".conf");
        fake_add_text(path, GOOD_ENTRY);
        boot_well();
    }
    world_of("default \xe9\xbc\x91*", NULL, 0);
    for (size_t i = 0; i < 250; i++)
        memcpy(path + start + 3 * i, "\xe9\xbc\x91", 3);
    strcpy(path + start + 750, ".conf");
    fake_add_text(path, GOOD_ENTRY);
    fake_add_text(ENTRIES "/\xd0\x96.conf", "kernel /none");
    boot_well();
    world_of("default \xd0\x96", NULL, 0);
    fake_add_text(ENTRIES "/\xd0\x96.conf", GOOD_ENTRY);
    assert_boots(ENTRIES "/\xd0\x96.conf");
}

static void test_options_too_long(void **state)
{
    static char entry[8192];
    static const size_t lengths[] = {2000, 2040, 3};
    size_t used = (size_t)snprintf(entry, sizeof(entry), "kernel /kernel.elf\n");

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        memcpy(entry + used, "\noptions ", 9);
        memset(entry + used + 9, 'o', lengths[i]);
        used += 9 + lengths[i];
    }
    for (int over = 0; over < 50; over++) {
        entry[used + (size_t)over] = '\0';
        world_of("", NULL, 0);
        fake_add_text(ENTRIES "/one.conf", entry);
        if (2000 + 2040 + 3 + 2 + over > 4095)
            refuse(EFI_LOAD_ERROR, ENTRIES "/one.conf: options longer than 4095 bytes");
        else
            assert_int_equal(boot_well()->options_size, 2000 + 2040 + 3 + 2 + over + 1);
        entry[used + (size_t)over] = 'o';
    }
}

static const char *options_of(const struct boot_info *info)
{
    return (const char *)(uintptr_t)info->options;
}

/* `units` of UTF-16, of which the loader must not read one more. */
static void load_options(const CHAR16 *units, size_t count)
{
    static CHAR16 buffer[8192];
    CHAR16 *place = buffer + COUNT(buffer) - count;

    world_of("", NULL, 0);
    fake_add_text(ENTRIES "/one.conf", GOOD_ENTRY);
    if (count != 0)
        memcpy(place, units, count * sizeof(CHAR16));
    fake.loaded.LoadOptions = place;
    fake.loaded.LoadOptionsSize = (UINT32)(count * sizeof(CHAR16));
}

static void test_load_options(void **state)
{
    static const struct {
        CHAR16 units[64];
        size_t count; /* with what stands behind the text */
        const char *options;
    } cases[] = {
        {L"verbose x=1", 11, "verbose x=1"},
        {L"verbose", 8, "verbose"},
        {L"verbose\0\0", 10, "verbose"},
        {L" two  words ", 12, "two  words"},
        {L"BOOTX64.EFI a b", 16, "a b"},
        {L"FS0:\\EFI\\BOOT\\bootx64.efi   a", 30, "a"},
        {L"BOOTX64.EFI", 12, "from entry"},
        {L"BOOTX64.EFI ", 13, "from entry"},
        {L"x.efi y.efi z", 13, "y.efi z"},
        {L"efi x", 5, "efi x"},
        {L"gr\x00fc\x00df \x20ac", 6, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac"},
        {L"", 0, "from entry"},
        {L"\0\0\0", 3, "from entry"},
        {L"   ", 3, "from entry"},
        {L"bin\1ary", 7, "from entry"},
        {L"a\0b", 3, "from entry"},
        {L"del\x7f", 4, "from entry"},
        {L"c1\x0085", 3, "from entry"},
        {L"pair\xd83d\xde00", 6, "from entry"},
        {L"\x6576\x6272\x736f", 3, "from entry"}, /* "verbos" of bytes */
        {L"\xac4e\x8108\x9f11\x4d59\x0e85\x1ae2\x2c52\xb259", 8, "from entry"}, /* a GUID */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        load_options(cases[i].units, cases[i].count);
        const struct boot_info *info = boot_well();
        assert_string_equal(options_of(info), cases[i].options);
        assert_int_equal(info->options_size, strlen(cases[i].options) + 1);
    }
}

/* An odd byte at the end belongs to no character; a size without a pointer means nothing. */
static void test_load_options_sizes(void **state)
{
    (void)state;
    load_options(L"ab", 2);
    fake.loaded.LoadOptionsSize = 3;
    assert_string_equal(options_of(boot_well()), "a");
    load_options(L"ab", 2);
    fake.loaded.LoadOptions = NULL;
    assert_string_equal(options_of(boot_well()), "from entry");
}

static void test_load_options_too_long(void **state)
{
    static CHAR16 units[5000];

    (void)state;
    for (size_t i = 0; i < COUNT(units); i++)
        units[i] = 'o';
    for (size_t length = 4080; length < 4110; length++) {
        load_options(units, length);
        struct fake_outcome outcome = fake_boot();
        if (outcome.ending == FAKE_HANDED_OFF)
            assert_int_equal(assert_good_handoff(&outcome)->options_size, length + 1);
        else
            assert_refused(&outcome, EFI_INVALID_PARAMETER, "LoadOptions: longer than 4095 bytes");
        assert_int_equal(outcome.ending == FAKE_HANDED_OFF, length <= 4095);
    }
}

/* They decide on `verbose` too. */
static void test_load_options_verbose(void **state)
{
    (void)state;
    load_options(L"verbose", 7);
    boot_well();
    assert_non_null(strstr(fake.console, "bestla: image at 0x7e000000"));
    load_options(L"quiet", 5);
    fake_add_text(ENTRIES "/one.conf", "kernel /kernel.elf\noptions verbose\n");
    boot_well();
    assert_string_equal(fake.console, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_broken_conf),
        cmocka_unit_test(test_broken_entry),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_folder_without_end),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_options_too_long),
        cmocka_unit_test(test_load_options),
        cmocka_unit_test(test_load_options_sizes),
        cmocka_unit_test(test_load_options_too_long),
        cmocka_unit_test(test_load_options_verbose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
