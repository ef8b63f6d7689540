/* Who owns which physical memory: ranges with a type, sorted, not overlapping,
 * merged. The loader makes one from the firmware's map; the kernel lives on
 * it. */
#ifndef BESTLA_MEMORY_MAP_H
#define BESTLA_MEMORY_MAP_H

#include "addr.h"

/* Part of the loader-to-kernel ABI: values never change. Where ranges of
 * different types overlap, the higher value wins: what is least safe to
 * touch prevails. */
enum memory_type {
    MEMORY_USABLE = 1,        /* free for anyone */
    MEMORY_BOOT_SERVICES = 2, /* firmware's until ExitBootServices: free for the kernel */
    MEMORY_LOADER = 3,        /* loader's code, tables, boot info: free once copied */
    MEMORY_MODULE = 4,        /* files loaded for the kernel */
    MEMORY_KERNEL_IMAGE = 5,  /* the kernel's segments and the gaps between */
    MEMORY_ACPI_TABLES = 6,   /* ACPI reclaim, and what of ACPI's and SMBIOS's tables and the boot
                                 logo lay in memory to be reclaimed: free once read */
    MEMORY_ACPI_NVS = 7,
    MEMORY_RUNTIME_CODE = 8, /* UEFI runtime services */
    MEMORY_RUNTIME_DATA = 9,
    MEMORY_PERSISTENT = 10, /* NVDIMM: nobody's to allocate */
    MEMORY_UNACCEPTED = 11, /* touching it faults in a confidential guest */
    MEMORY_RESERVED = 12,
    MEMORY_MMIO = 13,
    MEMORY_UNUSABLE = 14, /* the firmware saw errors in it */
    MEMORY_TYPES = 15,
};

/* A set of types: one bit each. */
typedef uint32_t memory_types_t;
#define MEMORY_TYPE_BIT(type) (UINT32_C(1) << (type))

/* What is RAM and may be mapped write-back: the direct map covers exactly these. */
#define MEMORY_RAM                                                                \
    (MEMORY_TYPE_BIT(MEMORY_USABLE) | MEMORY_TYPE_BIT(MEMORY_BOOT_SERVICES) |     \
     MEMORY_TYPE_BIT(MEMORY_LOADER) | MEMORY_TYPE_BIT(MEMORY_MODULE) |            \
     MEMORY_TYPE_BIT(MEMORY_KERNEL_IMAGE) | MEMORY_TYPE_BIT(MEMORY_ACPI_TABLES) | \
     MEMORY_TYPE_BIT(MEMORY_ACPI_NVS) | MEMORY_TYPE_BIT(MEMORY_RUNTIME_CODE) |    \
     MEMORY_TYPE_BIT(MEMORY_RUNTIME_DATA))

/* What the kernel's allocator will manage: now, or after the switch. */
#define MEMORY_RECLAIMABLE (MEMORY_TYPE_BIT(MEMORY_BOOT_SERVICES) | MEMORY_TYPE_BIT(MEMORY_LOADER))
#define MEMORY_MANAGED     (MEMORY_TYPE_BIT(MEMORY_USABLE) | MEMORY_RECLAIMABLE)

struct memory_range {
    uint64_t base;     /* multiple of 4 KiB */
    uint64_t size;     /* multiple of 4 KiB, not 0; base + size <= 2^52 */
    uint32_t type;     /* enum memory_type */
    uint32_t reserved; /* 0 */
};

struct memory_map {
    struct memory_range *ranges; /* owned by the caller */
    size_t count;
    size_t capacity;
};

enum memory_map_status {
    MEMORY_MAP_OK,
    MEMORY_MAP_FULL,       /* capacity reached; nothing was added */
    MEMORY_MAP_BAD_RANGE,  /* base + size overflows or passes 2^52; an empty range in
                              memory_map_check */
    MEMORY_MAP_BAD_TYPE,   /* not an enum memory_type, or `reserved` not 0 */
    MEMORY_MAP_MISALIGNED, /* memory_map_check only: not whole pages */
    MEMORY_MAP_UNSORTED,   /* memory_map_check only: out of order, overlapping, or two
                              neighbours that should be one */
};

/* Appends a range as it was found: unsorted, overlapping, odd ends allowed.
 * Usable memory shrinks to whole pages, everything else grows to them; what
 * is then empty is dropped (MEMORY_MAP_OK). */
__attribute__((warn_unused_result)) enum memory_map_status memory_map_add(struct memory_map *map,
                                                                          uint64_t base,
                                                                          uint64_t size,
                                                                          uint32_t type);

/* Sorts, resolves overlaps and merges neighbours of one type, over ranges that
 * memory_map_add accepted. `scratch` has room for 2 * map->count elements. The
 * result may have up to 2 * count - 1 ranges: MEMORY_MAP_FULL (and the map
 * unchanged) when it does not fit. Linear in count, no recursion. */
struct memory_edge {
    uint64_t key[2]; /* memory_map_normalise's own: one end of a range, in two columns */
};
__attribute__((warn_unused_result)) enum memory_map_status memory_map_normalise(
    struct memory_map *map, struct memory_edge *scratch);

/* Is it what memory_map_normalise leaves? `bad` (may be NULL) gets the index
 * of the first range that is not; it is left alone on MEMORY_MAP_OK. Works on
 * any bytes. Everything below takes only a map that passes. */
__attribute__((warn_unused_result)) enum memory_map_status memory_map_check(
    const struct memory_map *map, size_t *bad);

/* The range an address lies in, NULL for a hole. O(log n). */
const struct memory_range *memory_map_find(const struct memory_map *map, phys_addr_t address);

/* Does every byte of `range` lie in ranges of these types? True of an empty one. */
bool memory_map_covers(const struct memory_map *map, struct phys_range range, memory_types_t types);

/* Steps upward over the maximal runs of touching ranges whose types are all in
 * `types`: start with *cursor = 0. */
bool memory_map_next_run(const struct memory_map *map, memory_types_t types, size_t *cursor,
                         struct phys_range *run);

/* Gives every range whose type is in `from` the type `to`, and merges. Returns
 * the bytes that changed their type (those that had it before do not count). */
uint64_t memory_map_retype(struct memory_map *map, memory_types_t from, enum memory_type to);

/* Bytes in ranges of these types. */
uint64_t memory_map_size(const struct memory_map *map, memory_types_t types);

/* The end of the highest range of these types; 0 if there is none. O(count). */
uint64_t memory_map_end(const struct memory_map *map, memory_types_t types);

/* "usable", "boot services", … ; "unknown" for any other number. */
const char *memory_type_name(uint32_t type);

#endif
