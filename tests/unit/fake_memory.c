/* See fake_memory.h. */
#include "fake_memory.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

static bool take(struct frame_source *source, phys_addr_t *frame)
{
    struct fake_memory *memory = (struct fake_memory *)source;

    if (memory->budget == 0)
        return false;
    for (size_t i = 0; i < FAKE_FRAMES; i += 2) {
        if (memory->taken[i])
            continue;
        memory->taken[i] = 1;
        memory->taken_count++;
        memory->budget--;
        ASAN_UNPOISON_MEMORY_REGION(memory->host + i * PAGE_SIZE, PAGE_SIZE);
        memset(memory->host + i * PAGE_SIZE, 0xa5, PAGE_SIZE); /* contents are unspecified */
        *frame = phys(FAKE_BASE + i * PAGE_SIZE);
        return true;
    }
    fail_msg("the fake memory is too small");
    return false;
}

static void give(struct frame_source *source, phys_addr_t frame)
{
    struct fake_memory *memory = (struct fake_memory *)source;
    uint64_t index = (frame.raw - FAKE_BASE) / PAGE_SIZE;

    assert_true(index < FAKE_FRAMES && frame.raw % PAGE_SIZE == 0);
    assert_true(memory->taken[index]);
    memory->taken[index] = 0;
    memory->taken_count--;
    if (memory->budget != SIZE_MAX)
        memory->budget++;
    ASAN_POISON_MEMORY_REGION(memory->host + index * PAGE_SIZE, PAGE_SIZE);
}

void fake_memory_open(struct fake_memory *memory)
{
    memset(memory, 0, sizeof(*memory));
    memory->source = (struct frame_source){take, give};
    memory->host = aligned_alloc(PAGE_SIZE, FAKE_FRAMES * PAGE_SIZE);
    ASAN_POISON_MEMORY_REGION(memory->host, FAKE_FRAMES * PAGE_SIZE);
    memory->budget = SIZE_MAX;
}

void fake_memory_close(struct fake_memory *memory)
{
    ASAN_UNPOISON_MEMORY_REGION(memory->host, FAKE_FRAMES * PAGE_SIZE);
    free(memory->host);
}

struct pt_space fake_space(struct fake_memory *memory, enum pt_level top)
{
    struct pt_space space = {
        .top = top,
        .features = {.no_execute = true, .leaf_1gib = true, .phys_bits = 52},
        .phys_to_virt = (uintptr_t)memory->host - FAKE_BASE,
        .frames = &memory->source,
    };

    assert_int_equal(pt_create(&space), PT_OK);
    return space;
}

struct fake_snapshot fake_memory_save(const struct fake_memory *memory)
{
    struct fake_snapshot saved = {.bytes = malloc(FAKE_FRAMES * PAGE_SIZE)};

    memcpy(saved.taken, memory->taken, sizeof(saved.taken));
    for (size_t i = 0; i < FAKE_FRAMES; i++) {
        if (memory->taken[i])
            memcpy(saved.bytes + i * PAGE_SIZE, memory->host + i * PAGE_SIZE, PAGE_SIZE);
    }
    return saved;
}

void fake_memory_assert_same(const struct fake_memory *memory, struct fake_snapshot *saved)
{
    assert_memory_equal(memory->taken, saved->taken, sizeof(saved->taken));
    for (size_t i = 0; i < FAKE_FRAMES; i++) {
        if (memory->taken[i])
            assert_memory_equal(memory->host + i * PAGE_SIZE, saved->bytes + i * PAGE_SIZE,
                                PAGE_SIZE);
    }
    free(saved->bytes);
}

static const uint64_t *table_of(const struct pt_space *space, uint64_t entry)
{
    return (const uint64_t *)((entry & 0xffffffffff000) + space->phys_to_virt);
}

struct seen look_up(const struct pt_space *space, uint64_t address)
{
    struct seen seen = {.write = true, .execute = true, .user = true};
    uint64_t entry = space->root.raw;

    for (int shift = space->top == PT_LEVEL_PML5 ? 48 : 39;; shift -= 9) {
        entry = table_of(space, entry)[address >> shift & 511];
        if (!(entry & 1))
            return (struct seen){0};
        seen.write &= entry >> 1 & 1;
        seen.user &= entry >> 2 & 1;
        seen.execute &= !(entry >> 63);
        if (shift > 12 && !(entry & 0x80))
            continue;
        assert_true(shift <= 30);
        seen.mapped = true;
        seen.page_size = UINT64_C(1) << shift;
        seen.phys =
            (entry & 0xffffffffff000 & ~(seen.page_size - 1)) | (address & (seen.page_size - 1));
        seen.global = entry >> 8 & 1;
        seen.pat = (unsigned)((entry >> 3 & 3) | (entry >> (shift == 12 ? 7 : 12) & 1) << 2);
        return seen;
    }
}

static void count_below(const struct pt_space *space, uint64_t table, int shift, size_t *tables,
                        size_t *empty)
{
    const uint64_t *entries = table_of(space, table);
    bool used = false;

    ++*tables;
    for (size_t i = 0; i < 512; i++) {
        used |= entries[i] & 1;
        if ((entries[i] & 1) && shift > 12 && !(entries[i] & 0x80))
            count_below(space, entries[i], shift - 9, tables, empty);
    }
    *empty += !used;
}

void count_tables(const struct pt_space *space, size_t *tables, size_t *empty)
{
    *tables = *empty = 0;
    count_below(space, space->root.raw, space->top == PT_LEVEL_PML5 ? 48 : 39, tables, empty);
}
