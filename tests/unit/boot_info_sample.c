/* See boot_info_sample.h. */
#define _DEFAULT_SOURCE
#include "boot_info_sample.h"

#include <string.h>
#include <sys/mman.h>

#include "layout.h"

static const struct memory_range ranges[MAP_COUNT] = {
    {FRAME(0), 4 * PAGE_SIZE, MEMORY_LOADER, 0},
    {FRAME(4), 16 * PAGE_SIZE, MEMORY_KERNEL_IMAGE, 0},
    {FRAME(20), 3 * PAGE_SIZE, MEMORY_MODULE, 0},
    {FRAME(23), PAGE_SIZE, MEMORY_LOADER, 0},
    {FRAME(24), 4 * PAGE_SIZE, MEMORY_USABLE, 0},
    {FRAME(28), 2 * PAGE_SIZE, MEMORY_RESERVED, 0},
    {FRAME(32), PAGE_SIZE, MEMORY_LOADER, 0},
};

static const struct boot_module modules[] = {
    {FRAME(20), PAGE_SIZE + 5, WORDS_0_AT, sizeof(WORDS_0)},
    {FRAME(22), PAGE_SIZE, WORDS_1_AT, sizeof(WORDS_1)},
};

static const struct boot_info good = {
    .magic = BOOT_INFO_MAGIC,
    .version = BOOT_INFO_VERSION,
    .size = sizeof(struct boot_info),
    .kernel_phys = FRAME(4),
    .kernel_virt = KERNEL_LINK_ADDRESS,
    .kernel_size = 16 * PAGE_SIZE,
    .direct_map_base = DIRECT_MAP_BASE,
    .page_table_root = ROOT_AT,
    .memory_map = {MAP_AT, MAP_COUNT, sizeof(struct memory_range)},
    .firmware_map = {FIRMWARE_AT, 9, 48},
    .options = OPTIONS_AT,
    .options_size = sizeof(OPTIONS),
    .modules = {MODULES_AT, COUNT(modules), sizeof(struct boot_module)},
    .log = LOG_AT,
    .log_size = LOG_SIZE,
    .seed_size = 32,
};

bool sample_can_read(uint64_t address, uint64_t size)
{
    for (size_t i = 0; i < MAP_COUNT; i++) {
        uint64_t into = address - ranges[i].base;
        if (ranges[i].type == MEMORY_LOADER && into < ranges[i].size)
            return size <= ranges[i].size - into;
    }
    return false;
}

void allow_frame(const struct sample *sample, unsigned frame)
{
    assert_int_equal(mprotect(in_sample(sample, FRAME(frame)), PAGE_SIZE, PROT_READ | PROT_WRITE),
                     0);
}

static void put_record(const struct sample *sample, uint64_t at, const char *text)
{
    struct boot_log_record *record = in_sample(sample, at);

    *record = (struct boot_log_record){.tsc = at, .level = 3, .length = (uint32_t)strlen(text)};
    memcpy(record + 1, text, record->length);
}

void open_sample(struct sample *sample)
{
    sample->host =
        mmap(NULL, ARENA_FRAMES * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(sample->host != MAP_FAILED);
    for (unsigned frame = 0; frame < ARENA_FRAMES; frame++) {
        if (sample_can_read(FRAME(frame), PAGE_SIZE))
            allow_frame(sample, frame);
    }
    sample->info = in_sample(sample, INFO_AT);
    *sample->info = good;
    memcpy(in_sample(sample, MAP_AT), ranges, sizeof(ranges));
    memcpy(in_sample(sample, MODULES_AT), modules, sizeof(modules));
    memcpy(in_sample(sample, OPTIONS_AT), OPTIONS, sizeof(OPTIONS));
    memcpy(in_sample(sample, WORDS_0_AT), WORDS_0, sizeof(WORDS_0));
    memcpy(in_sample(sample, WORDS_1_AT), WORDS_1, sizeof(WORDS_1));
    put_record(sample, LOG_AT, "");
    put_record(sample, LOG_AT + 16, "8 bytes.");
    put_record(sample, LOG_AT + 40, "9 or more");
}

void close_sample(struct sample *sample)
{
    munmap(sample->host, ARENA_FRAMES * PAGE_SIZE);
}

enum boot_info_status check_sample(const struct sample *sample, uint64_t at,
                                   struct boot_info_error *error)
{
    return boot_info_check(phys(at), (uintptr_t)sample->host - ARENA, error);
}
