/* links: tests/unit/boot_info_sample.c */
/* A boot info with random damage is refused or can be read to the last byte: the check itself
 * reads nothing that it was not promised (boot_info.h), and what passes has no traps. */
#include "boot_info_sample.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 200000

static uint64_t state = 0x2545f4914f6cdd1d;

static uint64_t draw(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % below;
}

/* ---- damage --------------------------------------------------------------------------------- */

/* All that the check may look at. */
static const struct {
    uint64_t at, size;
} objects[] = {
    {INFO_AT, sizeof(struct boot_info)},
    {INFO_AT, 216}, /* without what is only passed on */
    {MAP_AT, MAP_COUNT * sizeof(struct memory_range)},
    {MODULES_AT, 2 * sizeof(struct boot_module)},
    {LOG_AT, LOG_SIZE},
    {OPTIONS_AT, sizeof(OPTIONS)},
    {WORDS_0_AT, sizeof(WORDS_0) + sizeof(WORDS_1)},
};

static uint64_t draw_number(uint64_t old)
{
    static const uint64_t places[] = {
        0,         INFO_AT,    MAP_AT,     FIRMWARE_AT,       MODULES_AT,        LOG_AT,
        ROOT_AT,   OPTIONS_AT, FRAME(4),   FRAME(20),         FRAME(24),         FRAME(28),
        FRAME(32), FRAME(33),  UINT64_MAX, UINT64_C(1) << 52, UINT64_C(1) << 63, UINT32_MAX,
    };
    static const uint64_t steps[] = {1, 4, 8, 16, 24, 48, PAGE_SIZE, 4 * PAGE_SIZE};
    uint64_t number = draw(3) ? old : places[draw(COUNT(places))];

    switch (draw(4)) {
    case 0:
        return number + steps[draw(COUNT(steps))];
    case 1:
        return number - steps[draw(COUNT(steps))];
    case 2:
        return number ^ UINT64_C(1) << draw(64);
    default:
        return draw(2) ? number : draw(64);
    }
}

static void damage(const struct sample *sample)
{
    size_t object = draw(COUNT(objects));
    unsigned char *bytes = in_sample(sample, objects[object].at);
    uint64_t number = 0, at = draw(objects[object].size);

    if (draw(3) == 0) {
        bytes[at] = (unsigned char)(draw(2) ? draw(256) : bytes[at] ^ 1U << draw(8));
        return;
    }
    uint64_t size = draw(4) == 0 ? 4 : 8;
    at = at / size * size;
    size = min_u64(size, objects[object].size - at);
    memcpy(&number, bytes + at, size);
    number = draw_number(number);
    memcpy(bytes + at, &number, size);
}

/* ---- what boot_info.h asks for -------------------------------------------------------------- */

/* The ranges one by one up to the first bad one: is each readable, and does the map then call
 * nothing the loader's that is not? */
static bool promise_is_kept(const struct sample *sample)
{
    const struct boot_array *array = &sample->info->memory_map;
    struct memory_map map = {.count = 0};

    if (array->address == 0 || array->address % 8 != 0 ||
        array->address > (UINT64_C(1) << 52) - array->count * sizeof(struct memory_range))
        return true; /* then it is not read */
    map.ranges = in_sample(sample, array->address);
    for (uint32_t i = 0; i < array->count; i++) {
        if (!sample_can_read(array->address + i * sizeof(struct memory_range),
                             sizeof(struct memory_range)))
            return false;
        map.count++;
        if (memory_map_check(&map, NULL) != MEMORY_MAP_OK)
            return true;
    }
    for (size_t i = 0; i < map.count; i++) {
        const struct memory_range *range = &map.ranges[i];
        if (range->type == MEMORY_LOADER && !sample_can_read(range->base, range->size))
            return false;
    }
    return true;
}

/* ---- what the kernel does with one that passes ----------------------------------------------- */

static void read_all(const struct sample *sample, uint64_t address, uint64_t size)
{
    volatile const unsigned char *bytes = in_sample(sample, address);

    assert_true(size == 0 || sample_can_read(address, size));
    for (uint64_t i = 0; i < size; i++)
        (void)bytes[i];
}

static void read_string(const struct sample *sample, uint64_t address, uint64_t size)
{
    read_all(sample, address, size);
    assert_in_range(strlen(in_sample(sample, address)), 0, size - 1);
}

static void read_array(const struct sample *sample, const struct boot_array *array)
{
    read_all(sample, array->address, (uint64_t)array->count * array->element_size);
}

static void read_as_the_kernel_does(const struct sample *sample)
{
    const struct boot_info *info = sample->info;

    read_array(sample, &info->memory_map);
    read_array(sample, &info->firmware_map);
    read_array(sample, &info->modules);
    read_string(sample, info->options, info->options_size);
    for (uint32_t i = 0; i < info->modules.count; i++) {
        const struct boot_module *module =
            in_sample(sample, info->modules.address + i * info->modules.element_size);
        assert_true(module->size == 0 || module->address % PAGE_SIZE == 0);
        read_string(sample, module->words, module->words_size);
    }
    read_all(sample, info->log, info->log_size);
    for (uint64_t at = 0; at < info->log_size;) {
        const struct boot_log_record *record = in_sample(sample, info->log + at);
        assert_in_range(record->length, 0, info->log_size - at - sizeof(*record));
        at += sizeof(*record) + (record->length + UINT64_C(7)) / 8 * 8;
    }
}

/* ---- rounds --------------------------------------------------------------------------------- */

/* The objects lie in frames 0 to 2, 23 and 32. */
static const struct {
    uint64_t at, size;
} saved[] = {{INFO_AT, 0x400},
             {MODULES_AT, 64},
             {LOG_AT, LOG_SIZE},
             {OPTIONS_AT, sizeof(OPTIONS)},
             {WORDS_0_AT, sizeof(WORDS_0) + sizeof(WORDS_1)}};

static void copy_objects(const struct sample *to, const struct sample *from)
{
    for (size_t i = 0; i < COUNT(saved); i++)
        memcpy(in_sample(to, saved[i].at), in_sample(from, saved[i].at), saved[i].size);
}

static void damage_is_survived(void **unused)
{
    unsigned counts[BOOT_INFO_UNTERMINATED + 1] = {0}, checked = 0;
    struct sample sample, whole;
    (void)unused;

    open_sample(&sample);
    open_sample(&whole);
    for (int round = 0; round < ROUNDS; round++) {
        struct boot_info_error error = {.field = NULL};

        for (uint64_t i = draw(4) == 0 ? draw(8) : 0; i != UINT64_MAX; i--)
            damage(&sample);
        if (promise_is_kept(&sample)) {
            enum boot_info_status status = check_sample(&sample, INFO_AT, &error);
            assert_in_range(status, BOOT_INFO_OK, BOOT_INFO_UNTERMINATED);
            assert_int_equal(error.status, status);
            assert_int_equal(error.field != NULL, status != BOOT_INFO_OK);
            if (status == BOOT_INFO_OK)
                read_as_the_kernel_does(&sample);
            counts[status]++;
            checked++;
        }
        copy_objects(&sample, &whole);
    }
    assert_true(checked > ROUNDS / 10 * 9);
    for (size_t i = 0; i < COUNT(counts); i++)
        assert_true(i == BOOT_INFO_BAD_ADDRESS || counts[i] > ROUNDS / 1000);
    close_sample(&sample);
    close_sample(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
