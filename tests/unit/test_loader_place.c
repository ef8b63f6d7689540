/* Places for the kernel that cannot be had, and what the loader does then. All else that a boot
 * must come to is checked as ever. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include "kaslr_boot.h"

#include <sanitizer/asan_interface.h>

/* A place that firmware's map calls free and that is not: another is drawn, all else stays. */
static void test_place_refused(void **state)
{
    (void)state;
    fake_world();
    const struct boot_info *info = boot_well();
    uint64_t place = info->kernel_phys, slide = slide_of(info), base = info->direct_map_base;

    fake_world();
    fake_cpu.stack = phys(place + KERNEL_FILE_SPAN - 1);
    info = boot_well();
    assert_int_not_equal(info->kernel_phys, place);
    assert_int_not_equal(info->kernel_phys, LINKED);
    assert_int_equal(slide_of(info), slide);
    assert_int_equal(info->direct_map_base, base);
    assert_false(log_has(info, "is taken"));
}

/* A table of firmware's own: cleared, and readable though firmware has not given the page. */
static uint64_t *make_table(uint64_t at)
{
    uint64_t *table = (uint64_t *)(uintptr_t)at;

    ASAN_UNPOISON_MEMORY_REGION(table, PAGE_SIZE);
    memset(table, 0, PAGE_SIZE);
    return table;
}

/* Where the kernel goes when firmware's tables, one of each level, have that of one level at `at`,
 * which the map calls free. They map the page at 512 GiB * `index` + 200 GiB; `flags` are those of
 * each entry. */
static uint64_t place_with_table(unsigned level, uint64_t at, unsigned index, uint64_t flags)
{
    static _Alignas(4096) uint64_t others[3][512];
    uint64_t chain[4], other = 0;

    fake_world();
    memset(others, 0, sizeof(others));
    for (unsigned k = 0; k < 4; k++)
        chain[k] = k == level ? at : (uintptr_t)others[other++];
    make_table(at);
    for (unsigned k = 0; k < 3; k++)
        ((uint64_t *)(uintptr_t)chain[k])[k == 0 ? index : k * 200] = chain[k + 1] | flags;
    fake_cpu.table_root = phys(chain[0]);
    const struct boot_info *info = boot_well();
    assert_int_not_equal(info->kernel_phys, LINKED);
    return info->kernel_phys;
}

/* Firmware's page tables, of each level, in memory that its map calls free: first and last page of
 * the place, and the pages beside it, which are no reason to leave it. */
static void test_tables_in_the_way(void **state)
{
    static const int64_t offsets[] = {0, KERNEL_FILE_SPAN - PAGE_SIZE, -(int64_t)PAGE_SIZE,
                                      KERNEL_FILE_SPAN};

    (void)state;
    fake_world();
    const uint64_t place = boot_well()->kernel_phys;
    for (unsigned level = 0; level < 4; level++) {
        for (unsigned i = 0; i < 4; i++) {
            uint64_t got = place_with_table(level, place + (uint64_t)offsets[i], 0, 3);
            assert_int_equal(got != place, i < 2);
        }
    }
}

/* Tables that map no memory count from where the CPU has used them; RAM ends with the first
 * page of the root's entry 92. A table that an entry in use names is one more. */
static void test_unused_tables_in_the_way(void **state)
{
    static const struct {
        unsigned index;
        uint64_t flags;
        unsigned levels; /* that are looked at */
    } rows[] = {{91, 3, 4}, {92, 3, 3}, {93, 3, 2}, {92, 0x23, 4}, {93, 0x23, 4}, {255, 0x23, 4}};

    (void)state;
    fake_world();
    const uint64_t place = boot_well()->kernel_phys;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned level = 0; level < 4; level++) {
            uint64_t got = place_with_table(level, place, rows[i].index, rows[i].flags);
            assert_int_equal(got != place, level < rows[i].levels);
        }
    }
}

/* A guest's tables have a bit in them that is no address: they are not looked into. */
static void test_encrypted_tables(void **state)
{
    static _Alignas(4096) uint64_t root[512];

    (void)state;
    fake_world();
    root[7] = UINT64_C(1) << 47 | 3;
    fake_cpu.table_root = phys((uintptr_t)root);
    fake_cpu.encrypted = true;
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_UNSUPPORTED, "memory is encrypted");
}

/* Firmware that keeps below 16 MiB and cannot read to memory above, not even by a buffer: what was
 * drawn there goes back, and the kernel to where it is linked, or near. */
static void test_place_unreadable(void **state)
{
    const uint64_t limit = UINT64_C(16) << 20;

    (void)state;
    for (int taken = 0; taken < 2; taken++) {
        fake_world();
        set_options("kaslr");
        fake.any_below = fake.read_below = limit;
        fake.random_word = UINT64_MAX;
        if (taken)
            fake_take_pages(LINKED, 1);
        const struct boot_info *info = boot_well();
        assert_int_equal(info->kernel_phys, taken ? LINKED + STEP : LINKED);
        assert_int_equal(slide_of(info), 510 * STEP);
        assert_true(log_has(info, "which was drawn: once more"));
        assert_true(log_has(info, taken ? "(the first free)" : "frames at 0x100000 (as linked)"));
        assert_true(has_warning(info));
    }
    /* Nor there: an error, and no third time. */
    fake_world();
    fake.any_below = limit;
    fake.random_word = UINT64_MAX;
    fake.error_at = 0x6010;
    fake.errors = 1000;
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_DEVICE_ERROR, "/kernel.elf: reading at 0x");
}

/* One allocation of a boot without KASLR fails, at the linked place's being taken. */
static bool boots_at_the_second_place(unsigned fails)
{
    fake_world();
    set_options("nokaslr");
    fake_take_pages(LINKED, 1);
    fake.nth_service = FAKE_ALLOCATE_PAGES;
    fake.fail_nth = fails;
    struct fake_outcome outcome = fake_boot();
    return outcome.ending == FAKE_HANDED_OFF &&
           assert_good_handoff(&outcome)->kernel_phys == LINKED + 2 * STEP;
}

/* A place that firmware refuses though its map calls it free: the next one of the same stretch. */
static void test_next_place(void **state)
{
    unsigned found = 0;

    (void)state;
    for (unsigned fails = 1; fails < 40; fails++)
        found += boots_at_the_second_place(fails);
    assert_int_equal(found, 1);
}

/* The first place of all that is free; a map that cannot be had has a message of its own. */
static void test_first_free_place(void **state)
{
    (void)state;
    for (unsigned wedges = 1; wedges < 6; wedges++) {
        fake_world();
        set_options("nokaslr");
        for (unsigned i = 0; i < wedges; i++)
            fake_take_pages(LINKED + i * STEP + 3 * PAGE_SIZE, 1);
        const struct boot_info *info = boot_well();
        assert_int_equal(info->kernel_phys, LINKED + wedges * STEP);
    }
    /* In one stretch the stack lies on the first place: the second of the same is taken. */
    fake_world();
    set_options("nokaslr");
    fake_take_pages(LINKED, 1);
    fake_cpu.stack = phys(LINKED + STEP);
    assert_int_equal(boot_well()->kernel_phys, LINKED + 2 * STEP);

    fake_world();
    set_options("nokaslr");
    fake_take_pages(LINKED, 1);
    fake.nth_service = FAKE_GET_MEMORY_MAP;
    fake.fail_nth = 2;
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_DEVICE_ERROR, "firmware's memory map");
    /* Nor is a place taken before the map is there, though nothing is drawn from it. */
    fake_world();
    set_options("nokaslr");
    fake.nth_service = FAKE_GET_MEMORY_MAP;
    fake.fail_nth = 2;
    outcome = fake_boot();
    assert_refused(&outcome, EFI_DEVICE_ERROR, "firmware's memory map");
}

/* The last place again and again, which cannot be had; nor in the end the linked one. */
static void test_every_place_refused(void **state)
{
    (void)state;
    fake_world();
    fake.random_word = UINT64_MAX;
    uint64_t last = boot_well()->kernel_phys;

    for (unsigned fails = 0; fails < 3; fails++) {
        fake_world();
        fake.random_word = UINT64_MAX;
        fake.nth_service = FAKE_GET_RNG;
        fake.fail_nth = fails == 0 ? 0 : fails + 1; /* or it runs dry meanwhile */
        fake_cpu.stack = phys(last);
        const struct boot_info *info = boot_well();
        assert_int_equal(info->kernel_phys, LINKED);
        assert_int_equal(slide_of(info), 510 * STEP);
        assert_int_equal(fake.calls_of[FAKE_GET_RNG], fails == 0 ? 4 : fails + 2);
    }
    fake_world();
    fake.random_word = UINT64_MAX;
    fake_cpu.stack = phys(last);
    fake_take_pages(LINKED, 1);
    const struct boot_info *info = boot_well();
    assert_true(info->kernel_phys != LINKED && info->kernel_phys != last);
    assert_true(log_has(info, "0x100000 is taken, the kernel goes to"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place_refused),
        cmocka_unit_test(test_tables_in_the_way),
        cmocka_unit_test(test_unused_tables_in_the_way),
        cmocka_unit_test(test_encrypted_tables),
        cmocka_unit_test(test_place_unreadable),
        cmocka_unit_test(test_next_place),
        cmocka_unit_test(test_first_free_place),
        cmocka_unit_test(test_every_place_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
