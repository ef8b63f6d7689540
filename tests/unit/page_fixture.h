/* A space of 4 or 5 levels in fake memory, and what its tests assert, each by a reader that is not
 * the library's and by the library's own. */
#ifndef BESTLA_TEST_PAGE_FIXTURE_H
#define BESTLA_TEST_PAGE_FIXTURE_H

#include "fake_memory.h"

#define KIB_4    UINT64_C(0x1000)
#define MIB_2    UINT64_C(0x200000)
#define GIB_1    UINT64_C(0x40000000)
#define TIB_HALF UINT64_C(0x8000000000)
#define HIGH     UINT64_C(0xffff888000000000)

static const struct pt_attributes read_write = {PT_RIGHT_READ | PT_RIGHT_WRITE, 0, false};
static const struct pt_attributes read_only = {PT_RIGHT_READ, 0, false};

struct fixture {
    struct fake_memory memory;
    struct pt_space space;
};

static inline void open_fixture(struct fixture *f, enum pt_level top)
{
    fake_memory_open(&f->memory);
    f->space = fake_space(&f->memory, top);
}

static inline void close_fixture(struct fixture *f)
{
    pt_destroy(&f->space);
    assert_int_equal(f->memory.taken_count, 0);
    fake_memory_close(&f->memory);
}

static inline void assert_maps(const struct pt_space *space, uint64_t address, uint64_t to,
                               uint64_t page_size)
{
    struct seen seen = look_up(space, address);
    struct pt_leaf leaf;

    assert_true(seen.mapped);
    assert_int_equal(seen.phys, to);
    assert_int_equal(seen.page_size, page_size);
    assert_true(pt_translate(space, virt(address), &leaf));
    assert_int_equal(leaf.phys.raw + (address - leaf.virt.raw), to);
    assert_int_equal(level_size(leaf.level), page_size);
}

static inline void assert_hole(const struct pt_space *space, uint64_t address)
{
    assert_false(look_up(space, address).mapped);
    assert_false(pt_translate(space, virt(address), NULL));
}

#endif
