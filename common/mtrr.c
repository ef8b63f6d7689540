/* See mtrr.h. */
#include "mtrr.h"

#define FIXED_ENABLE  (UINT64_C(1) << 10)
#define ENABLE        (UINT64_C(1) << 11)
#define RANGE_VALID   (UINT64_C(1) << 11)
#define FIXED_END     UINT64_C(0x100000)
#define FOUR_GIB      (UINT64_C(1) << 32)
#define ADDRESS_OF(r) ((r) & ~UINT64_C(0xfff))

/* No firmware sets a mask with holes, which repeats its range all over memory: there one look
 * for each so many bytes must do. */
#define HOLED_STEP (UINT64_C(2) << 20)

static bool uses_fixed(const struct mtrrs *mtrrs, uint64_t at)
{
    return at < FIXED_END && (mtrrs->default_type & FIXED_ENABLE) != 0;
}

/* Table 11-9: one register of 64-KiB ranges, two of 16 KiB, eight of 4 KiB. */
static uint64_t fixed_granule(uint64_t at)
{
    return at < 0x80000 ? 0x10000 : at < 0xc0000 ? 0x4000 : 0x1000;
}

static enum mtrr_type fixed_type(const struct mtrrs *mtrrs, uint64_t at)
{
    const uint64_t index = at < 0x80000   ? at / 0x10000
                           : at < 0xc0000 ? 8 + (at - 0x80000) / 0x4000
                                          : 24 + (at - 0xc0000) / 0x1000;

    return (enum mtrr_type)(mtrrs->fixed[index / 8] >> index % 8 * 8 & 0xff);
}

static uint64_t mask_of(const struct mtrrs *mtrrs, size_t i)
{
    return ADDRESS_OF(mtrrs->variable[i].mask) & ((UINT64_C(1) << mtrrs->phys_bits) - 1);
}

/* 11.11.3: base and mask as a range. */
static bool matches(const struct mtrrs *mtrrs, size_t i, uint64_t at)
{
    const uint64_t mask = mask_of(mtrrs, i);

    return (mtrrs->variable[i].mask & RANGE_VALID) != 0 &&
           (at & mask) == (mtrrs->variable[i].base & mask);
}

/* 11.11.4.1: where ranges overlap UC wins, then WT over WB; anything else is undefined. */
static enum mtrr_type both(enum mtrr_type a, enum mtrr_type b)
{
    const bool write_through = (a == MTRR_WRITE_THROUGH && b == MTRR_WRITE_BACK) ||
                               (a == MTRR_WRITE_BACK && b == MTRR_WRITE_THROUGH);

    return a == b ? a : write_through ? MTRR_WRITE_THROUGH : MTRR_UNCACHED;
}

enum mtrr_type mtrr_type_at(const struct mtrrs *mtrrs, phys_addr_t at)
{
    enum mtrr_type type = (enum mtrr_type)(mtrrs->default_type & 0xff);
    bool matched = false;

    if (!mtrrs->present)
        return MTRR_WRITE_BACK;
    if (!(mtrrs->default_type & ENABLE))
        return MTRR_UNCACHED;
    if (uses_fixed(mtrrs, at.raw))
        return fixed_type(mtrrs, at.raw);
    if (at.raw >= FOUR_GIB && at.raw < mtrrs->write_back_end)
        type = MTRR_WRITE_BACK;
    for (size_t i = 0; i < mtrrs->variable_count; i++) {
        if (!matches(mtrrs, i, at.raw))
            continue;
        const enum mtrr_type own = (enum mtrr_type)(mtrrs->variable[i].base & 0xff);
        type = matched ? both(type, own) : own;
        matched = true;
    }
    return type;
}

/* The next address at which range `i` may begin or end; UINT64_MAX: none. */
static uint64_t next_edge(const struct mtrrs *mtrrs, size_t i, uint64_t at)
{
    const uint64_t mask = mask_of(mtrrs, i), base = mtrrs->variable[i].base & mask;
    const uint64_t size = mask & -mask;

    if (!(mtrrs->variable[i].mask & RANGE_VALID) || mask == 0)
        return UINT64_MAX;
    if (mask != (((UINT64_C(1) << mtrrs->phys_bits) - 1) & ~(size - 1)))
        return align_down(at, max_u64(size, HOLED_STEP)) + max_u64(size, HOLED_STEP);
    if (at < base)
        return base;
    return at - base < size ? base + size : UINT64_MAX;
}

static uint64_t next_boundary(const struct mtrrs *mtrrs, uint64_t at)
{
    uint64_t next = UINT64_MAX;

    if (uses_fixed(mtrrs, at))
        return align_down(at, fixed_granule(at)) + fixed_granule(at);
    if (at < FOUR_GIB)
        next = FOUR_GIB;
    else if (at < mtrrs->write_back_end)
        next = mtrrs->write_back_end;
    for (size_t i = 0; i < mtrrs->variable_count; i++)
        next = min_u64(next, next_edge(mtrrs, i, at));
    return next;
}

uint64_t mtrr_stretch_end(const struct mtrrs *mtrrs, uint64_t start, uint64_t end)
{
    const enum mtrr_type type = mtrr_type_at(mtrrs, phys(start));
    uint64_t at = start;

    if (!mtrrs->present || !(mtrrs->default_type & ENABLE))
        return end;
    do
        at = next_boundary(mtrrs, at);
    while (at < end && mtrr_type_at(mtrrs, phys(at)) == type);
    return min_u64(at, end);
}

const char *mtrr_type_name(enum mtrr_type type)
{
    static const char *const names[] = {
        [MTRR_UNCACHED] = "UC",        [MTRR_WRITE_COMBINING] = "WC", [MTRR_WRITE_THROUGH] = "WT",
        [MTRR_WRITE_PROTECTED] = "WP", [MTRR_WRITE_BACK] = "WB",
    };
    const bool known = (size_t)type < sizeof(names) / sizeof(names[0]) && names[type] != NULL;

    return known ? names[type] : "unknown";
}
