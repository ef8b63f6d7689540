/* Whole boots that succeed, on the fake firmware: whatever the world is like, what is handed
 * over is checked to the last byte and leaf. */
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
#include "kernel_file.h"

#define PAGE       UINT64_C(4096)
#define LINKED     UINT64_C(0x100000)
#define CONGRUENCE (UINT64_C(2) << 20)

static const struct boot_info *boot_well(void)
{
    struct fake_outcome outcome = fake_boot();
    return assert_good_handoff(&outcome);
}

static const char *string_at(uint64_t address)
{
    return (const char *)(uintptr_t)address;
}

static const struct boot_module *modules_of(const struct boot_info *info)
{
    return (const struct boot_module *)(uintptr_t)info->modules.address;
}

static void test_good(void **state)
{
    (void)state;
    fake_world();
    const struct boot_info *info = boot_well();

    assert_string_equal(fake.console, "");
    assert_int_equal(fake.watchdog, 0);
    assert_int_equal(fake.exits, 1);
    assert_string_equal(string_at(info->options), "one two three");
    assert_int_equal(info->options_size, sizeof("one two three"));
    assert_int_equal(info->seed_size, 32);
    assert_true(log_has(info, "/loader/entries/bestla-2.conf: Bestla 2"));
    assert_true(checked_leaves[3] >= 2); /* there is RAM for 1-GiB leaves */
}

static void test_modules(void **state)
{
    (void)state;
    fake_world();
    const struct boot_info *info = boot_well();
    const struct boot_module *modules = modules_of(info);

    assert_int_equal(info->modules.count, 2);
    assert_int_equal(info->modules.element_size, sizeof(*modules));
    assert_string_equal(string_at(modules[0].words), "\\modules\\first with words");
    assert_int_equal(modules[0].words_size, sizeof("\\modules\\first with words"));
    assert_int_equal(modules[0].size, 5000);
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal((uint8_t)string_at(modules[0].address)[i], (uint8_t)(i * 7 + i / 256));
    assert_string_equal(string_at(modules[1].words), "/modules/second");
    assert_int_equal(modules[1].words_size, sizeof("/modules/second"));
    assert_int_equal(modules[1].size, 1);
    assert_int_equal(string_at(modules[1].address)[0], 'x');
    assert_int_equal(modules[0].address % PAGE | modules[1].address % PAGE, 0);
}

static const struct fake_read *next_read(const char *path, size_t *cursor)
{
    while (*cursor < fake.read_count) {
        const struct fake_read *read = &fake.reads[(*cursor)++];
        if (strcmp(read->path, path) == 0)
            return read;
    }
    return NULL;
}

/* The head, then the segments that have bytes, each to its place, those that follow each other in
 * file and memory alike by one call; a module by one. */
static void test_reads_each_once(void **state)
{
    static const struct {
        uint64_t offset, size, place;
    } expected[] = {{0x1000, 0x1800 + 0x700, 0}, /* two segments */
                    {0x3000, 0x2801, 0x3000},
                    {0x6010, 0x900, 0x7010}};
    size_t cursor = 0;

    (void)state;
    fake_world();
    const struct boot_info *info = boot_well();
    const struct fake_read *read = next_read("/kernel.elf", &cursor);
    assert_int_equal(read->offset, 0);
    assert_int_equal(read->wanted, PAGE);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        read = next_read("/kernel.elf", &cursor);
        assert_non_null(read);
        assert_int_equal(read->offset, expected[i].offset);
        assert_int_equal(read->wanted, expected[i].size);
        assert_int_equal(read->to, info->kernel_phys + expected[i].place);
    }
    assert_null(next_read("/kernel.elf", &cursor));
    cursor = 0;
    assert_int_equal(next_read("/MODULES/first", &cursor)->wanted, 5000);
    assert_null(next_read("/MODULES/first", &cursor));
}

static void test_descriptor_sizes(void **state)
{
    (void)state;
    for (UINTN size = 0x28; size <= 0x48; size += 8) {
        fake_world();
        fake.element_size = size;
        boot_well();
    }
}

static void test_own_types_refused(void **state)
{
    (void)state;
    fake_world();
    fake.refuse_own_types = true;
    boot_well();
    assert_string_equal(fake.console, "");
}

/* Each time another key, and a map that outgrows every slack. */
static void test_exit_refused(void **state)
{
    static const unsigned refusals[] = {1, 5, 127}, growths[] = {0, 1, 100};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            fake_world();
            fake.refuse_exits = refusals[i];
            fake.refused_growth = growths[j];
            boot_well();
            assert_int_equal(fake.exits, refusals[i] + 1);
        }
    }
}

/* Between the question how large the map is and the map itself. */
static void test_map_grows(void **state)
{
    (void)state;
    fake_world();
    boot_well();
    unsigned asks = fake.calls_of[FAKE_GET_MEMORY_MAP];

    fake_world();
    fake.asked_growth = 100;
    fake.grow_from = fake.grow_to = asks;
    boot_well();
    assert_int_equal(fake.exits, 1);
    assert_int_equal(fake.calls_of[FAKE_GET_MEMORY_MAP], asks + 2);
}

/* Leaves no place above 4 GiB that is congruent to the linked address. */
static void spoil_high_memory(uint64_t linked)
{
    uint64_t end = FAKE_HIGH_BASE + FAKE_HIGH_PAGES * PAGE;

    for (uint64_t at = FAKE_HIGH_BASE + linked % CONGRUENCE; at < end; at += CONGRUENCE)
        fake_take_pages(at + PAGE, 1);
}

static void test_linked_address_taken(void **state)
{
    (void)state;
    fake_plain_world();
    boot_well();
    size_t pages = fake_leaked_pages();

    fake_plain_world();
    spoil_high_memory(LINKED);
    fake_take_pages(LINKED + KERNEL_FILE_SPAN - PAGE, 1);
    const struct boot_info *info = boot_well();
    assert_int_equal(info->kernel_phys, LINKED + CONGRUENCE);
    assert_true(log_has(info, "0x100000 is taken, the kernel goes to 0x300000"));
    /* The map that was looked at is given back; the last one may be longer by a page. */
    assert_in_range(fake_leaked_pages(), pages, pages + 1);

    fake_plain_world();
    fake_take_pages(FAKE_LOW_BASE, FAKE_LOW_PAGES - 1);
    info = boot_well();
    assert_true(info->kernel_phys > FAKE_HIGH_BASE);
    assert_int_equal(info->kernel_phys % CONGRUENCE, LINKED % CONGRUENCE);
}

/* U-Boot gives away what its own stack lies in, by address and by its map. */
static void test_stack_in_the_way(void **state)
{
    const uint64_t stacks[] = {LINKED, LINKED + KERNEL_FILE_SPAN - 1};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        fake_plain_world();
        spoil_high_memory(LINKED);
        fake_cpu.stack = phys(stacks[i]);
        assert_int_equal(boot_well()->kernel_phys, LINKED + CONGRUENCE);
    }
    fake_plain_world();
    fake_cpu.stack = phys(LINKED + KERNEL_FILE_SPAN);
    assert_int_equal(boot_well()->kernel_phys, LINKED);
}

/* Too small by a page, just large enough: holes between pages that are taken. */
static void test_holes(void **state)
{
    const uint64_t hole = LINKED + 3 * CONGRUENCE, pages = KERNEL_FILE_SPAN / PAGE;

    (void)state;
    for (uint64_t short_by = 0; short_by < 2; short_by++) {
        fake_plain_world();
        spoil_high_memory(LINKED);
        fake_take_pages(FAKE_LOW_BASE, (hole - FAKE_LOW_BASE) / PAGE);
        fake_take_pages(hole + (pages - short_by) * PAGE, 1);
        fake_take_pages(hole + CONGRUENCE, 1);
        const struct boot_info *info = boot_well();
        assert_int_equal(info->kernel_phys, hole + (short_by == 0 ? 0 : 2 * CONGRUENCE));
    }
}

/* Memory below 1 MiB is never asked for, free or not. */
static void test_linked_low(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        fake_plain_world();
        struct kernel_file *kernel = kernel_file_make();
        for (int segment = 0; segment < KERNEL_FILE_SEGMENTS; segment++)
            kernel->ph[segment].p_paddr -= i == 0 ? 0xff000 : 0x5000;
        spoil_high_memory(kernel->ph[0].p_paddr);
        struct fake_outcome outcome = fake_boot();
        assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
        const struct boot_info *info = assert_good_handoff(&outcome);
        assert_int_equal(info->kernel_phys % CONGRUENCE, i == 0 ? 0x1000 : 0xfb000);
        assert_true(info->kernel_phys >= LINKED);
    }
}

static void test_cpus(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        fake_world();
        fake_cpu.features.no_execute = kind & 1;
        fake_cpu.features.leaf_1gib = kind & 2;
        fake_cpu.cr4 |= kind & 4 ? UINT64_C(1) << 12 : 0;
        const struct boot_info *info = boot_well();
        assert_int_equal(checked_leaves[3] != 0, (kind & 2) != 0);
        assert_true(checked_leaves[2] > 10);
        assert_true(log_has(info, kind & 4 ? "5 levels" : "4 levels"));
        assert_true(log_has(info, kind & 1 ? ", NX" : ", no NX"));
        assert_true(log_has(info, kind & 2 ? ", 1-GiB leaves" : ", no 1-GiB leaves"));
    }
}

/* What firmware may have left on, and what cannot be changed at will. */
static void test_control_register(void **state)
{
    const uint64_t kept = UINT64_C(0x6000); /* VMXE SMXE */

    (void)state;
    fake_world();
    fake_cpu.cr4 = UINT64_C(0x3f6fff);
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    assert_int_equal(fake_cpu.cr4, kept | 0x60);
    fake_world();
    fake_cpu.cr4 = UINT64_C(0x20); /* U-Boot's: no MCE, and none is turned on */
    outcome = fake_boot();
    assert_int_equal(fake_cpu.cr4, 0x20);
}

static void test_verbose(void **state)
{
    (void)state;
    fake_world();
    fake_add_text("/loader/entries/bestla-2.conf", "kernel /kernel.elf\noptions verbose\n");
    const struct boot_info *info = boot_well();
    for (uint64_t offset = 0; offset < info->log_size;) {
        const struct boot_log_record *record =
            (const struct boot_log_record *)(uintptr_t)(info->log + offset);
        char line[600];
        snprintf(line, sizeof(line), "bestla: %.*s\r\n", (int)record->length,
                 (const char *)(record + 1));
        const char *first = strstr(fake.console, line);
        assert_non_null(first);
        assert_null(strstr(first + 1, line));
        offset += sizeof(*record) + align_up(record->length, 8);
    }
}

static void test_no_console(void **state)
{
    (void)state;
    fake_world();
    fake.system.ConOut = NULL;
    fake_add_text("/loader/entries/bestla-2.conf", "kernel /kernel.elf\noptions verbose\n");
    boot_well();
}

/* More than one page of the ledger, and more lines than the log takes. */
static void test_many_modules(void **state)
{
    static char conf[16384];
    size_t used = (size_t)snprintf(conf, sizeof(conf), "kernel /kernel.elf\n");

    (void)state;
    fake_world();
    for (unsigned i = 0; i < 400; i++)
        used +=
            (size_t)snprintf(conf + used, sizeof(conf) - used, "module /modules/second %u\n", i);
    fake_add_text("/loader/entries/bestla-2.conf", conf);
    const struct boot_info *info = (const void *)(uintptr_t)fake_boot().boot_info;
    struct boot_info_error error;
    assert_int_equal(info->modules.count, 400);
    assert_int_equal(boot_info_check(phys((uintptr_t)info), 0, &error), BOOT_INFO_OK);
    for (unsigned i = 0; i < 400; i++) {
        char words[64];
        snprintf(words, sizeof(words), "/modules/second %u", i);
        assert_string_equal(string_at(modules_of(info)[i].words), words);
        assert_int_equal(string_at(modules_of(info)[i].address)[0], 'x');
    }
    assert_true(log_has(info, "the log is full"));
    assert_false(log_has(info, "leaving firmware"));
}

/* Firmware that reads in small pieces only, or not to high memory: the kernel comes whole. */
static void test_poor_reads(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        fake_world();
        fake_take_pages(FAKE_LOW_BASE, 1);
        fake.read_limit = kind == 0 ? 0x10000 : UINT64_MAX;
        fake.short_limit = kind == 1 ? 0x10000 : UINT64_MAX;
        fake.read_below = kind == 2 ? UINT64_C(1) << 32 : UINT64_MAX;
        fake.error_at = 0x3800;
        fake.errors = kind == 3 ? 2 : 0;
        boot_well();
        assert_string_equal(fake.console, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_reads_each_once),
        cmocka_unit_test(test_descriptor_sizes),
        cmocka_unit_test(test_own_types_refused),
        cmocka_unit_test(test_exit_refused),
        cmocka_unit_test(test_map_grows),
        cmocka_unit_test(test_linked_address_taken),
        cmocka_unit_test(test_stack_in_the_way),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_linked_low),
        cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_control_register),
        cmocka_unit_test(test_verbose),
        cmocka_unit_test(test_no_console),
        cmocka_unit_test(test_many_modules),
        cmocka_unit_test(test_poor_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
