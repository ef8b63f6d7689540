/* links: tests/unit/boot_info_sample.c */
/* What boot_info_check finds, one row a reason; random damage is in test_boot_info_damage.c. */
#include "boot_info_sample.h"

#include <string.h>

#include "layout.h"

/* `size` bytes at `at` are written with `value`; a size of 0 does nothing. */
struct change {
    uint64_t at;
    size_t size;
    uint64_t value;
};

#define INFO(member, value)                                                                    \
    {                                                                                          \
        INFO_AT + offsetof(struct boot_info, member), sizeof(((struct boot_info *)0)->member), \
            value                                                                              \
    }
#define RANGE(i, member, value)                                  \
    {                                                            \
        MAP_AT + (i)*24 + offsetof(struct memory_range, member), \
            sizeof(((struct memory_range *)0)->member), value    \
    }
#define MODULE(i, member, value)                                             \
    {                                                                        \
        MODULES_AT + (i)*32 + offsetof(struct boot_module, member), 8, value \
    }
#define LENGTH(at, value)   \
    {                       \
        (at) + 12, 4, value \
    }
#define BYTE(at, value) \
    {                   \
        at, 1, value    \
    }

#define BIT(n) (UINT64_C(1) << (n))

static void make_changes(const struct sample *sample, const struct change changes[2])
{
    for (int i = 0; i < 2; i++) {
        if (changes[i].size != 0)
            memcpy(in_sample(sample, changes[i].at), &changes[i].value, changes[i].size);
    }
}

/* ---- good ones ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    struct change changes[2];
} good[] = {
    {"as it is", {{0}}},
    {"no firmware map", {INFO(firmware_map.count, 0), INFO(firmware_map.address, 1)}},
    {"no firmware map, no size", {INFO(firmware_map.count, 0), INFO(firmware_map.element_size, 0)}},
    {"descriptors of 40", {INFO(firmware_map.element_size, 40)}},
    {"a firmware map to the last byte",
     {INFO(firmware_map.count, 16), INFO(firmware_map.address, FRAME(4) - 16 * 48)}},
    {"no modules", {INFO(modules.count, 0), INFO(modules.address, 7)}},
    {"one module", {INFO(modules.count, 1)}},
    {"larger module records", {INFO(modules.count, 1), INFO(modules.element_size, 4096)}},
    {"an empty module", {MODULE(0, size, 0), MODULE(0, address, 5)}},
    {"a module to the last byte", {MODULE(0, size, 3 * PAGE_SIZE)}},
    {"no log", {INFO(log_size, 0), INFO(log, 3)}},
    {"one log line", {INFO(log_size, 16)}},
    {"two log lines", {INFO(log_size, 40)}},
    {"a log to the last byte", {INFO(log, FRAME(4) - 32), INFO(log_size, 32)}},
    {"empty options", {INFO(options, FRAME(24) - 1), INFO(options_size, 1)}},
    {"no seed", {INFO(seed_size, 0)}},
    {"a smaller kernel", {INFO(kernel_size, PAGE_SIZE), INFO(kernel_phys, FRAME(19))}},
    {"at an odd page", {INFO(kernel_virt, KERNEL_LINK_ADDRESS + PAGE_SIZE)}},
    {"at the region's start", {INFO(kernel_virt, KERNEL_REGION)}},
    {"up to the region's end",
     {INFO(kernel_virt, KERNEL_REGION + KERNEL_REGION_SIZE - 16 * PAGE_SIZE)}},
    {"the direct map elsewhere", {INFO(direct_map_base, DIRECT_MAP_BASE + BIT(30))}},
    {"the lowest direct map", {INFO(direct_map_base, UINT64_C(0xff00000000000000))}},
    {"the highest direct map", {INFO(direct_map_base, KERNEL_REGION - BIT(30))}},
    {"the root is the last frame", {INFO(page_table_root, FRAME(32))}},
    {"other memory", {RANGE(5, type, MEMORY_MMIO), RANGE(5, size, PAGE_SIZE)}},
    {"text to the last byte of its record", {LENGTH(LOG_AT + 40, 16)}},
};

static void good_ones_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct boot_info_error error = {BOOT_INFO_BAD_MAP, "untouched", 77};
        struct sample sample;

        open_sample(&sample);
        make_changes(&sample, good[i].changes);
        if (check_sample(&sample, INFO_AT, &error) != BOOT_INFO_OK)
            fail_msg("%s: %s 0x%llx %s", good[i].name, error.field, (unsigned long long)error.value,
                     boot_info_status_text(error.status));
        assert_int_equal(error.status, BOOT_INFO_BAD_MAP);
        assert_string_equal(error.field, "untouched");
        assert_int_equal(error.value, 77);
        close_sample(&sample);
    }
}

/* ---- bad ones ------------------------------------------------------------------------------- */

#define PAST_END (UINT64_C(0) - 8)

static const struct {
    struct change changes[2];
    enum boot_info_status status;
    const char *field;
    uint64_t value;
} bad[] = {
    {{INFO(magic, BOOT_INFO_MAGIC ^ 1)}, BOOT_INFO_BAD_MAGIC, "magic", BOOT_INFO_MAGIC ^ 1},
    {{INFO(magic, BOOT_INFO_MAGIC ^ BIT(63))},
     BOOT_INFO_BAD_MAGIC,
     "magic",
     BOOT_INFO_MAGIC ^ BIT(63)},
    {{INFO(version, 0)}, BOOT_INFO_BAD_VERSION, "version", 0},
    {{INFO(version, BOOT_INFO_VERSION + 1)},
     BOOT_INFO_BAD_VERSION,
     "version",
     BOOT_INFO_VERSION + 1},
    {{INFO(size, 288)}, BOOT_INFO_BAD_SIZE, "size", 288},
    {{INFO(size, 304)}, BOOT_INFO_BAD_SIZE, "size", 304},
    {{INFO(seed_size, 33)}, BOOT_INFO_BAD_SIZE, "seed_size", 33},

    {{INFO(memory_map.count, 0)}, BOOT_INFO_BAD_SIZE, "memory_map", 0},
    {{INFO(memory_map.element_size, 16)}, BOOT_INFO_BAD_SIZE, "memory_map", 16},
    {{INFO(memory_map.element_size, 32)}, BOOT_INFO_BAD_SIZE, "memory_map", 32},
    /* Not even looked at. */
    {{INFO(memory_map.address, 0)}, BOOT_INFO_OUTSIDE_MAP, "memory_map", 0},
    {{INFO(memory_map.address, MAP_AT + 4)}, BOOT_INFO_OUTSIDE_MAP, "memory_map", MAP_AT + 4},
    {{INFO(memory_map.address, BIT(52))}, BOOT_INFO_OUTSIDE_MAP, "memory_map", BIT(52)},
    {{INFO(memory_map.address, BIT(52) - 7 * 24 + 8)},
     BOOT_INFO_OUTSIDE_MAP,
     "memory_map",
     BIT(52) - 7 * 24 + 8},
    {{INFO(memory_map.address, PAST_END)}, BOOT_INFO_OUTSIDE_MAP, "memory_map", PAST_END},
    {{INFO(memory_map.address, BIT(52) - 8), INFO(memory_map.count, UINT32_MAX)},
     BOOT_INFO_OUTSIDE_MAP,
     "memory_map",
     BIT(52) - 8},
    /* The map itself. */
    {{INFO(memory_map.count, 8)}, BOOT_INFO_BAD_MAP, "memory_map", 7},
    {{INFO(memory_map.count, UINT32_MAX)}, BOOT_INFO_BAD_MAP, "memory_map", 7},
    {{INFO(memory_map.address, MODULES_AT + 1024)}, BOOT_INFO_BAD_MAP, "memory_map", 0},
    {{RANGE(0, base, ARENA + 1)}, BOOT_INFO_BAD_MAP, "memory_map", 0},
    {{RANGE(1, size, 0)}, BOOT_INFO_BAD_MAP, "memory_map", 1},
    {{RANGE(2, size, 4 * PAGE_SIZE)}, BOOT_INFO_BAD_MAP, "memory_map", 3},
    {{RANGE(3, type, MEMORY_USABLE)}, BOOT_INFO_BAD_MAP, "memory_map", 4},
    {{RANGE(4, type, 0)}, BOOT_INFO_BAD_MAP, "memory_map", 4},
    {{RANGE(5, type, MEMORY_TYPES)}, BOOT_INFO_BAD_MAP, "memory_map", 5},
    {{RANGE(6, reserved, 1)}, BOOT_INFO_BAD_MAP, "memory_map", 6},
    {{RANGE(6, size, BIT(52) - FRAME(32) + PAGE_SIZE)}, BOOT_INFO_BAD_MAP, "memory_map", 6},
    {{RANGE(4, type, MEMORY_MMIO)}, BOOT_INFO_BAD_MAP, "memory_map", 0}, /* nothing usable */
    {{RANGE(0, type, MEMORY_BOOT_SERVICES)}, BOOT_INFO_OUTSIDE_MAP, "memory_map", MAP_AT},
    /* The struct's own place is checked after the map's. */
    {{RANGE(0, base, FRAME(0) + 2 * PAGE_SIZE), RANGE(0, size, 2 * PAGE_SIZE)},
     BOOT_INFO_OUTSIDE_MAP,
     "memory_map",
     MAP_AT},

    {{INFO(kernel_size, 0)}, BOOT_INFO_BAD_KERNEL, "kernel_size", 0},
    {{INFO(kernel_size, PAGE_SIZE + 8)}, BOOT_INFO_BAD_KERNEL, "kernel_size", PAGE_SIZE + 8},
    {{INFO(kernel_size, 17 * PAGE_SIZE)}, BOOT_INFO_BAD_KERNEL, "kernel_phys", FRAME(4)},
    {{INFO(kernel_size, -PAGE_SIZE)}, BOOT_INFO_BAD_KERNEL, "kernel_virt", KERNEL_LINK_ADDRESS},
    {{INFO(kernel_size, KERNEL_REGION_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_virt",
     KERNEL_LINK_ADDRESS},
    {{INFO(kernel_virt, KERNEL_LINK_ADDRESS + 8)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_virt",
     KERNEL_LINK_ADDRESS + 8},
    {{INFO(kernel_virt, KERNEL_REGION - PAGE_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_virt",
     KERNEL_REGION - PAGE_SIZE},
    {{INFO(kernel_virt, KERNEL_REGION + KERNEL_REGION_SIZE - 15 * PAGE_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_virt",
     KERNEL_REGION + KERNEL_REGION_SIZE - 15 * PAGE_SIZE},
    {{INFO(kernel_virt, KERNEL_REGION + KERNEL_REGION_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_virt",
     KERNEL_REGION + KERNEL_REGION_SIZE},
    {{INFO(kernel_virt, 0)}, BOOT_INFO_BAD_KERNEL, "kernel_virt", 0},
    {{INFO(kernel_phys, FRAME(4) + 8), INFO(kernel_size, PAGE_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_phys",
     FRAME(4) + 8},
    {{INFO(kernel_phys, FRAME(3)), INFO(kernel_size, PAGE_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_phys",
     FRAME(3)},
    {{INFO(kernel_phys, FRAME(24)), INFO(kernel_size, PAGE_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_phys",
     FRAME(24)},
    {{INFO(kernel_phys, -PAGE_SIZE), INFO(kernel_size, PAGE_SIZE)},
     BOOT_INFO_BAD_KERNEL,
     "kernel_phys",
     -PAGE_SIZE},
    {{INFO(direct_map_base, DIRECT_MAP_BASE + BIT(29))},
     BOOT_INFO_BAD_KERNEL,
     "direct_map_base",
     DIRECT_MAP_BASE + BIT(29)},
    {{INFO(direct_map_base, 0)}, BOOT_INFO_BAD_KERNEL, "direct_map_base", 0},
    {{INFO(direct_map_base, UINT64_C(0xff00000000000000) - BIT(30))},
     BOOT_INFO_BAD_KERNEL,
     "direct_map_base",
     UINT64_C(0xff00000000000000) - BIT(30)},
    {{INFO(direct_map_base, KERNEL_REGION)},
     BOOT_INFO_BAD_KERNEL,
     "direct_map_base",
     KERNEL_REGION},
    {{INFO(page_table_root, 0)}, BOOT_INFO_OUTSIDE_MAP, "page_table_root", 0},
    {{INFO(page_table_root, ROOT_AT - 8)}, BOOT_INFO_OUTSIDE_MAP, "page_table_root", ROOT_AT - 8},
    {{INFO(page_table_root, FRAME(4))}, BOOT_INFO_OUTSIDE_MAP, "page_table_root", FRAME(4)},

    {{INFO(firmware_map.element_size, 32)}, BOOT_INFO_BAD_SIZE, "firmware_map", 32},
    {{INFO(firmware_map.element_size, 44)}, BOOT_INFO_BAD_SIZE, "firmware_map", 44},
    {{INFO(firmware_map.address, FIRMWARE_AT + 4)},
     BOOT_INFO_OUTSIDE_MAP,
     "firmware_map",
     FIRMWARE_AT + 4},
    {{INFO(firmware_map.address, FRAME(4) - 9 * 48 + 8)},
     BOOT_INFO_OUTSIDE_MAP,
     "firmware_map",
     FRAME(4) - 9 * 48 + 8},
    {{INFO(firmware_map.address, FRAME(24))}, BOOT_INFO_OUTSIDE_MAP, "firmware_map", FRAME(24)},
    {{INFO(firmware_map.address, PAST_END)}, BOOT_INFO_OUTSIDE_MAP, "firmware_map", PAST_END},
    {{INFO(firmware_map.count, UINT32_MAX), INFO(firmware_map.element_size, UINT32_MAX - 7)},
     BOOT_INFO_OUTSIDE_MAP,
     "firmware_map",
     FIRMWARE_AT},

    {{INFO(options_size, 0)}, BOOT_INFO_BAD_SIZE, "options", 0},
    {{INFO(options, FRAME(24))}, BOOT_INFO_OUTSIDE_MAP, "options", FRAME(24)},
    {{INFO(options, 0)}, BOOT_INFO_OUTSIDE_MAP, "options", 0},
    {{INFO(options_size, sizeof(OPTIONS) + 1)}, BOOT_INFO_OUTSIDE_MAP, "options", OPTIONS_AT},
    {{INFO(options_size, UINT64_MAX)}, BOOT_INFO_OUTSIDE_MAP, "options", OPTIONS_AT},
    {{INFO(options_size, sizeof(OPTIONS) - 1)}, BOOT_INFO_UNTERMINATED, "options", OPTIONS_AT},
    {{BYTE(FRAME(24) - 1, 'x')}, BOOT_INFO_UNTERMINATED, "options", OPTIONS_AT},

    {{INFO(modules.element_size, 24)}, BOOT_INFO_BAD_SIZE, "modules", 24},
    {{INFO(modules.element_size, 36)}, BOOT_INFO_BAD_SIZE, "modules", 36},
    {{INFO(modules.address, MODULES_AT + 4)}, BOOT_INFO_OUTSIDE_MAP, "modules", MODULES_AT + 4},
    {{INFO(modules.address, FRAME(4) - 56)}, BOOT_INFO_OUTSIDE_MAP, "modules", FRAME(4) - 56},
    {{INFO(modules.count, UINT32_MAX)}, BOOT_INFO_OUTSIDE_MAP, "modules", MODULES_AT},
    {{MODULE(0, address, FRAME(20) + 8)}, BOOT_INFO_OUTSIDE_MAP, "modules.address", FRAME(20) + 8},
    {{MODULE(1, address, FRAME(23))}, BOOT_INFO_OUTSIDE_MAP, "modules.address", FRAME(23)},
    {{MODULE(1, size, PAGE_SIZE + 1)}, BOOT_INFO_OUTSIDE_MAP, "modules.address", FRAME(22)},
    {{MODULE(0, size, UINT64_MAX)}, BOOT_INFO_OUTSIDE_MAP, "modules.address", FRAME(20)},
    {{MODULE(0, words, FRAME(33))}, BOOT_INFO_OUTSIDE_MAP, "modules.words", FRAME(33)},
    {{MODULE(1, words, FRAME(20))}, BOOT_INFO_OUTSIDE_MAP, "modules.words", FRAME(20)},
    {{MODULE(0, words_size, 0)}, BOOT_INFO_BAD_SIZE, "modules.words", 0},
    {{MODULE(1, words_size, sizeof(WORDS_1) + 1)},
     BOOT_INFO_OUTSIDE_MAP,
     "modules.words",
     WORDS_1_AT},
    {{MODULE(0, words_size, 3)}, BOOT_INFO_UNTERMINATED, "modules.words", WORDS_0_AT},
    {{BYTE(FRAME(33) - 1, '.')}, BOOT_INFO_UNTERMINATED, "modules.words", WORDS_1_AT},

    {{INFO(log, LOG_AT + 4)}, BOOT_INFO_OUTSIDE_MAP, "log", LOG_AT + 4},
    {{INFO(log, FRAME(4) - LOG_SIZE + 8)}, BOOT_INFO_OUTSIDE_MAP, "log", FRAME(4) - LOG_SIZE + 8},
    {{INFO(log, FRAME(20))}, BOOT_INFO_OUTSIDE_MAP, "log", FRAME(20)},
    {{INFO(log_size, UINT64_MAX)}, BOOT_INFO_OUTSIDE_MAP, "log", LOG_AT},
    {{INFO(log_size, 8)}, BOOT_INFO_BAD_SIZE, "log_size", 8},
    {{INFO(log_size, LOG_SIZE - 1)}, BOOT_INFO_BAD_SIZE, "log_size", LOG_SIZE - 1},
    {{INFO(log_size, LOG_SIZE + 8)}, BOOT_INFO_BAD_SIZE, "log_size", LOG_SIZE + 8},
    {{INFO(log, FRAME(4) - 8), INFO(log_size, 8)}, BOOT_INFO_BAD_SIZE, "log_size", 8},
    {{LENGTH(LOG_AT + 40, 17)}, BOOT_INFO_BAD_SIZE, "log_size", LOG_SIZE},
    {{LENGTH(LOG_AT + 16, UINT32_MAX)}, BOOT_INFO_BAD_SIZE, "log_size", LOG_SIZE},
};

static void assert_finds(const struct sample *sample, uint64_t at, struct boot_info_error expected,
                         size_t row)
{
    struct boot_info_error error = {0};
    enum boot_info_status status = check_sample(sample, at, &error);

    if (status != expected.status || error.status != status || error.field == NULL ||
        strcmp(error.field, expected.field) != 0 || error.value != expected.value)
        fail_msg("row %zu: %s 0x%llx %s; not %s 0x%llx %s", row, error.field,
                 (unsigned long long)error.value, boot_info_status_text(status), expected.field,
                 (unsigned long long)expected.value, boot_info_status_text(expected.status));
}

static void bad_ones_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct sample sample;

        open_sample(&sample);
        make_changes(&sample, bad[i].changes);
        assert_finds(&sample, INFO_AT,
                     (struct boot_info_error){bad[i].status, bad[i].field, bad[i].value}, i);
        close_sample(&sample);
    }
}

/* Nothing is read at any of these. */
static void the_struct_needs_an_address(void **state)
{
    static const uint64_t rows[] = {
        0, INFO_AT + 1, INFO_AT + 4, BIT(52), BIT(52) - 288, PAST_END, BIT(63),
    };
    struct sample sample;
    (void)state;

    open_sample(&sample);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_finds(&sample, rows[i],
                     (struct boot_info_error){BOOT_INFO_BAD_ADDRESS, "address", rows[i]}, i);
    close_sample(&sample);
}

/* The last place that has room for it is looked at. */
static void the_struct_may_end_where_memory_does(void **state)
{
    struct boot_info_error error = {0};
    struct sample sample;
    uint64_t at = BIT(52) - sizeof(struct boot_info);
    (void)state;

    open_sample(&sample);
    sample.info->magic = 1;
    assert_int_equal(boot_info_check(phys(at), (uintptr_t)sample.info - at, &error),
                     BOOT_INFO_BAD_MAGIC);
    close_sample(&sample);
}

/* It may be readable, and yet not be the loader's: soon it would be somebody else's. */
static void struct_and_map_lie_in_loader_memory(void **state)
{
    static const struct boot_info_error whole = {BOOT_INFO_OUTSIDE_MAP, "address", FRAME(24) + 8},
                                        part = {BOOT_INFO_OUTSIDE_MAP, "address", FRAME(24) - 8},
                                        map = {BOOT_INFO_OUTSIDE_MAP, "memory_map", FRAME(24)},
                                        end = {BOOT_INFO_OUTSIDE_MAP, "memory_map", FRAME(24) - 8};
    struct sample sample;
    (void)state;

    open_sample(&sample);
    allow_frame(&sample, 24);
    memcpy(in_sample(&sample, FRAME(24) + 8), sample.info, sizeof(*sample.info));
    assert_finds(&sample, FRAME(24) + 8, whole, 0);
    memmove(in_sample(&sample, FRAME(24) - 8), sample.info, sizeof(*sample.info));
    assert_finds(&sample, FRAME(24) - 8, part, 1);
    memcpy(in_sample(&sample, FRAME(24)), in_sample(&sample, MAP_AT), MAP_COUNT * 24);
    sample.info->memory_map.address = FRAME(24);
    assert_finds(&sample, INFO_AT, map, 2);
    memcpy(in_sample(&sample, FRAME(24) - 8), in_sample(&sample, MAP_AT), MAP_COUNT * 24);
    sample.info->memory_map.address = FRAME(24) - 8;
    assert_finds(&sample, INFO_AT, end, 3);
    close_sample(&sample);
}

static void statuses_have_texts(void **state)
{
    (void)state;
    for (int i = BOOT_INFO_OK; i <= BOOT_INFO_UNTERMINATED; i++)
        assert_string_not_equal(boot_info_status_text((enum boot_info_status)i), "unknown");
    assert_string_equal(boot_info_status_text((enum boot_info_status)(BOOT_INFO_UNTERMINATED + 1)),
                        "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_pass),
        cmocka_unit_test(bad_ones_are_named),
        cmocka_unit_test(the_struct_needs_an_address),
        cmocka_unit_test(the_struct_may_end_where_memory_does),
        cmocka_unit_test(struct_and_map_lie_in_loader_memory),
        cmocka_unit_test(statuses_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
