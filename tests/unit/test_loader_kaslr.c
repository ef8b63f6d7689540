/* Where the loader puts the kernel, by which random source, and what it does when there is none.
 * All else that a boot must come to is checked as ever. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include "kaslr_boot.h"

#define BOOTS 200

static void assert_unmoved(const struct boot_info *info)
{
    assert_int_equal(info->kernel_virt, KERNEL_LINK_ADDRESS);
    assert_int_equal(info->kernel_phys, LINKED);
    assert_int_equal(info->direct_map_base, DIRECT_MAP_BASE);
}

static unsigned distinct(const uint64_t *values, size_t count)
{
    unsigned found = 0;

    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        while (before < i && values[before] != values[i])
            before++;
        found += before == i;
    }
    return found;
}

/* 511 slides, 28 places for the frames, 18,000 bases: of 200 draws each so many differ. */
static void test_places_vary(void **state)
{
    static uint64_t slides[BOOTS], places[BOOTS], bases[BOOTS];

    (void)state;
    for (unsigned i = 0; i < BOOTS; i++) {
        fake_world();
        fake.random = i * UINT64_C(0x123456789abcdef1);
        const struct boot_info *info = boot_well();
        slides[i] = slide_of(info);
        places[i] = info->kernel_phys;
        bases[i] = info->direct_map_base;
        assert_true(log_has(info, "KASLR by EFI_RNG_PROTOCOL: pages at 0x"));
        assert_int_equal(fake.given_count, 2); /* and the second is the seed */
        assert_memory_not_equal(fake.given[0], fake.given[1], 32);
    }
    assert_in_range(distinct(slides, BOOTS), 140, 190);
    assert_in_range(distinct(places, BOOTS), 24, 28);
    assert_in_range(distinct(bases, BOOTS), 190, 200);
}

static void test_first_and_last(void **state)
{
    (void)state;
    fake_world();
    fake.random_word = 1;
    assert_unmoved(boot_well());

    fake_world();
    fake.random_word = UINT64_MAX;
    const struct boot_info *info = boot_well();
    assert_int_equal(slide_of(info), 510 * STEP);
    assert_in_range(info->kernel_phys, FAKE_HIGH_BASE + FAKE_HIGH_PAGES * PAGE_SIZE - 2 * STEP,
                    FAKE_HIGH_BASE + FAKE_HIGH_PAGES * PAGE_SIZE);
    struct memory_map map = {(struct memory_range *)(uintptr_t)info->memory_map.address,
                             info->memory_map.count, info->memory_map.count};
    uint64_t end = UINT64_C(0x280000000000) + (UINT64_C(12) << 39) + PAGE_SIZE;
    assert_true(memory_map_covers(&map, phys_range(end - PAGE_SIZE, PAGE_SIZE), MEMORY_RAM));
    assert_in_range(DIRECT_MAP_LIMIT - info->direct_map_base, end, end + (1 << 30) - 1);
}

/* With more memory than the window takes, the direct map stays; the rest moves. */
static void test_too_much_memory(void **state)
{
    (void)state;
    fake_world();
    fake_add_range(UINT64_C(0x400000000000), 1, EfiBootServicesData, EFI_MEMORY_WB);
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    const struct boot_info *info = (const void *)(uintptr_t)outcome.boot_info;
    assert_int_equal(info->direct_map_base, DIRECT_MAP_BASE);
    assert_int_not_equal(slide_of(info), 0);
    assert_true(log_has(info, "direct map at 0xffff888000000000 (as linked)"));
    assert_good_tables(info, 4);
}

static const struct boot_info *boot_by_cpu(unsigned refusals, bool stuck, bool firmware_fails)
{
    fake_world();
    fake.has_rng = firmware_fails;
    fake.nth_service = FAKE_GET_RNG;
    fake.fail_nth = firmware_fails ? 1 : 0;
    fake_cpu.has_rdrand = true;
    fake_cpu.rdrand_refusals = refusals;
    fake_cpu.rdrand_stuck = stuck;
    return boot_well();
}

static void test_cpu_source(void **state)
{
    const char *none = "KASLR off: neither firmware nor the CPU gives random numbers";

    (void)state;
    for (unsigned refusals = 0; refusals < 10; refusals++) {
        const struct boot_info *info = boot_by_cpu(refusals, false, false);
        assert_true(log_has(info, "KASLR by RDRAND: "));
        assert_int_not_equal(slide_of(info), 0);
        assert_int_equal(info->seed_size, 0);
    }
    const struct boot_info *info = boot_by_cpu(0, false, true);
    assert_true(log_has(info, "KASLR by RDRAND: "));
    assert_int_equal(info->seed_size, 32);

    info = boot_by_cpu(10, false, false);
    assert_true(log_has(info, none));
    assert_unmoved(info);
    info = boot_by_cpu(0, true, false);
    assert_true(log_has(info, none));
    assert_unmoved(info);
}

/* Firmware that gives one word for ever is one that gives none. */
static void test_stuck_firmware(void **state)
{
    (void)state;
    for (int has_rdrand = 0; has_rdrand < 2; has_rdrand++) {
        fake_world();
        fake.random_word = UINT64_C(0x0123456789abcdef);
        fake.random_stuck = true;
        fake_cpu.has_rdrand = has_rdrand != 0;
        const struct boot_info *info = boot_well();
        assert_true(log_has(info, has_rdrand ? "KASLR by RDRAND: " : "KASLR off: neither"));
        assert_int_equal(slide_of(info) != 0, has_rdrand);
        assert_int_equal(info->seed_size, 0);
    }
}

static void test_options(void **state)
{
    static const struct {
        const char *options;
        bool has_rng, moved, warned;
        const char *words;
    } rows[] = {
        {"kaslr", true, true, false, "KASLR by EFI_RNG_PROTOCOL"},
        {"quiet nokaslr", true, false, false, "KASLR off: nokaslr"},
        {"nokaslr kaslr", true, false, false, "KASLR off: nokaslr"},
        {"nokaslrs", true, true, false, "KASLR by EFI_RNG_PROTOCOL"},
        {"nokaslr=1", true, true, false, "KASLR by EFI_RNG_PROTOCOL"},
        {"kaslr", false, false, true, "KASLR off: neither"},
        {"quiet", false, false, false, "KASLR off: neither"},
        {"nokaslr", false, false, false, "KASLR off: nokaslr"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fake_world();
        set_options(rows[i].options);
        fake.has_rng = rows[i].has_rng;
        const struct boot_info *info = boot_well();
        assert_true(log_has(info, rows[i].words));
        assert_int_equal(slide_of(info) != 0, rows[i].moved);
        if (!rows[i].moved)
            assert_unmoved(info);
        assert_int_equal(info->seed_size, rows[i].has_rng ? 32 : 0);
        assert_int_equal(has_warning(info), rows[i].warned);
    }
}

static void lose_dynamic(struct kernel_file *kernel)
{
    kernel->ph[5].p_type = PT_NULL;
}

/* As ld.lld -static -E leaves it. */
static void lose_pie(struct kernel_file *kernel)
{
    Elf64_Dyn *entry = (Elf64_Dyn *)(void *)(kernel->bytes + kernel->ph[5].p_offset);

    while (entry->d_tag != DT_FLAGS_1)
        entry++;
    entry->d_un.d_val = 0;
}

/* A kernel that was not linked to move runs where it is linked; its frames and the direct map are
 * drawn all the same. */
static void test_cannot_move(void **state)
{
    static void (*const spoils[])(struct kernel_file *) = {lose_dynamic, lose_pie};
    uint64_t frames[20], bases[20];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        fake_world();
        set_options(i % 4 < 2 ? "kaslr" : "quiet");
        fake.random = i * UINT64_C(0x123456789abcdef1);
        spoils[i % 2](kernel_file_make());
        struct fake_outcome outcome = fake_boot();
        assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
        const struct boot_info *info = (const void *)(uintptr_t)outcome.boot_info;
        assert_int_equal(info->kernel_virt, KERNEL_LINK_ADDRESS);
        assert_int_equal(outcome.entry, KERNEL_FILE_ENTRY);
        assert_true(log_has(info, "pages at 0xffffffff80100000 (as linked), frames at 0x"));
        assert_int_equal(has_warning(info), i % 4 < 2);
        assert_good_tables(info, 4);
        frames[i] = info->kernel_phys;
        bases[i] = info->direct_map_base;
    }
    assert_in_range(distinct(frames, 20), 8, 20);
    assert_in_range(distinct(bases, 20), 18, 20);
}

/* Firmware fails when more words are asked for: what it began RDRAND ends. */
static void test_cpu_takes_over(void **state)
{
    (void)state;
    fake_world();
    fake.random_word = UINT64_MAX;
    uint64_t last = boot_well()->kernel_phys;

    fake_world();
    fake.random_word = UINT64_MAX;
    fake.nth_service = FAKE_GET_RNG;
    fake.fail_nth = 2;
    fake_cpu.stack = phys(last);
    fake_cpu.has_rdrand = true;
    const struct boot_info *info = boot_well();
    assert_true(info->kernel_phys != last && info->kernel_phys != LINKED);
    assert_int_equal(slide_of(info), 510 * STEP);
    assert_true(log_has(info, "KASLR by EFI_RNG_PROTOCOL, then RDRAND: pages at 0x"));
    assert_int_equal(info->seed_size, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_vary),     cmocka_unit_test(test_first_and_last),
        cmocka_unit_test(test_too_much_memory), cmocka_unit_test(test_cpu_source),
        cmocka_unit_test(test_stuck_firmware),  cmocka_unit_test(test_cpu_takes_over),
        cmocka_unit_test(test_options),         cmocka_unit_test(test_cannot_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
