/* Addresses as types: a physical address cannot be passed where a virtual one
 * is meant. Ranges are half-open, [start, start + size), and are checked once,
 * where they enter the program. */
#ifndef BESTLA_ADDR_H
#define BESTLA_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE UINT64_C(4096)

typedef struct {
    uint64_t raw;
} phys_addr_t;

typedef struct {
    uint64_t raw;
} virt_addr_t;

struct phys_range {
    phys_addr_t start;
    uint64_t size; /* bytes; start + size does not overflow */
};

struct virt_range {
    virt_addr_t start;
    uint64_t size; /* bytes; start + size may be exactly 2^64, never more */
};

static inline phys_addr_t phys(uint64_t raw)
{
    return (phys_addr_t){raw};
}

static inline virt_addr_t virt(uint64_t raw)
{
    return (virt_addr_t){raw};
}

static inline virt_addr_t virt_of(const void *pointer)
{
    return (virt_addr_t){(uintptr_t)pointer};
}

static inline struct phys_range phys_range(uint64_t start, uint64_t size)
{
    return (struct phys_range){{start}, size};
}

static inline struct virt_range virt_range(uint64_t start, uint64_t size)
{
    return (struct virt_range){{start}, size};
}

static inline uint64_t phys_end(struct phys_range range)
{
    return range.start.raw + range.size;
}

/* Subtraction keeps this right when the range ends at 2^64. */
static inline bool virt_range_has(struct virt_range range, virt_addr_t address)
{
    return address.raw - range.start.raw < range.size;
}

/* `unit` is a power of two. align_up wraps to 0 past 2^64 - unit: callers bound
 * their values first. */
static inline uint64_t align_down(uint64_t value, uint64_t unit)
{
    return value & ~(unit - 1);
}

static inline uint64_t align_up(uint64_t value, uint64_t unit)
{
    return align_down(value + unit - 1, unit);
}

static inline bool is_aligned(uint64_t value, uint64_t unit)
{
    return (value & (unit - 1)) == 0;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
