/* The loader-to-kernel ABI. docs/handoff.md is the contract in prose; the
 * assertions below freeze it. Every address is physical and lies in memory of
 * type MEMORY_LOADER unless it says otherwise: valid until the kernel
 * gives that memory to its allocator, so what is wanted longer is copied. */
#ifndef BESTLA_BOOT_INFO_H
#define BESTLA_BOOT_INFO_H

#include "memory_map.h"

#define BOOT_INFO_MAGIC   UINT64_C(0x21616c7473654221) /* "!Bestla!" in memory */
#define BOOT_INFO_VERSION 3U

/* `count` elements of `element_size` bytes at `address`; 0 and 0 for none. */
struct boot_array {
    uint64_t address;
    uint32_t count;
    uint32_t element_size;
};

/* UEFI 2.10, 12.9 (EFI_GRAPHICS_OUTPUT_PROTOCOL). Masks are of a 32-bit pixel. */
struct boot_framebuffer {
    uint64_t address; /* 0: none; MMIO, mapped RW, PAT index 2 (UC-) */
    uint64_t size;
    uint32_t width; /* pixels */
    uint32_t height;
    uint32_t pitch; /* bytes from line to line */
    uint32_t red_mask;
    uint32_t green_mask;
    uint32_t blue_mask;
};

struct boot_module {
    uint64_t address; /* MEMORY_MODULE, 4-KiB aligned */
    uint64_t size;    /* bytes of the file */
    uint64_t words;   /* NUL-terminated: path and what stood behind it */
    uint64_t words_size;
};

/* A line of the loader's log: this header, then `length` bytes of text without
 * NUL or LF, padded to 8 bytes. */
struct boot_log_record {
    uint64_t tsc;
    uint32_t level; /* enum log_level of log_level.h */
    uint32_t length;
};

static inline uint64_t boot_log_record_size(uint32_t length)
{
    return sizeof(struct boot_log_record) + align_up(length, 8);
}

/* Time stamp counter at the loader's entry and at the end of each step of loader/main.c. */
enum boot_step {
    BOOT_STEP_ENTRY,
    BOOT_STEP_CONFIGURED,
    BOOT_STEP_KERNEL_LOADED,
    BOOT_STEP_MODULES_LOADED,
    BOOT_STEP_TABLES_BUILT,
    BOOT_STEP_LEFT_FIRMWARE,
    BOOT_STEPS,
};

struct boot_info {
    uint64_t magic;
    uint32_t version;
    uint32_t size; /* of this struct */

    uint64_t kernel_phys;     /* of the first byte of the kernel's first page */
    uint64_t kernel_virt;     /* where the tables map it: linked there, or slid (docs/kaslr.md) */
    uint64_t kernel_size;     /* bytes up to the end of the last page, gaps included */
    uint64_t direct_map_base; /* where the kernel is asked to put it */
    uint64_t page_table_root; /* what CR3 holds */

    struct boot_array memory_map; /* struct memory_range, normalised */

    struct boot_array firmware_map; /* EFI_MEMORY_DESCRIPTORs, element_size apart, as they were */
    uint32_t firmware_map_version;
    uint32_t reserved;

    struct boot_framebuffer framebuffer;

    uint64_t rsdp;   /* ACPI 2.0 where there is one, else 1.0; 0: none. Firmware's memory */
    uint64_t smbios; /* 3.0 entry point where there is one; 0: none. Firmware's memory */
    uint64_t efi_system_table; /* runtime services only; firmware's memory */

    uint64_t options;      /* NUL-terminated */
    uint64_t options_size; /* with the NUL */

    struct boot_array modules; /* struct boot_module */

    uint64_t log; /* struct boot_log_record one after the other */
    uint64_t log_size;

    uint64_t step_tsc[BOOT_STEPS];

    uint8_t seed[32];   /* from EFI_RNG_PROTOCOL */
    uint32_t seed_size; /* bytes of it that are random: 32, or 0 where firmware offers none */
    uint32_t reserved2;
};

_Static_assert(sizeof(struct boot_array) == 16, "ABI");
_Static_assert(sizeof(struct memory_range) == 24, "ABI");
_Static_assert(sizeof(struct boot_framebuffer) == 40, "ABI");
_Static_assert(sizeof(struct boot_module) == 32, "ABI");
_Static_assert(sizeof(struct boot_log_record) == 16, "ABI");
_Static_assert(offsetof(struct boot_info, kernel_phys) == 16, "ABI");
_Static_assert(offsetof(struct boot_info, memory_map) == 56, "ABI");
_Static_assert(offsetof(struct boot_info, framebuffer) == 96, "ABI");
_Static_assert(offsetof(struct boot_info, rsdp) == 136, "ABI");
_Static_assert(offsetof(struct boot_info, modules) == 176, "ABI");
_Static_assert(offsetof(struct boot_info, step_tsc) == 208, "ABI");
_Static_assert(offsetof(struct boot_info, seed) == 256, "ABI");
_Static_assert(sizeof(struct boot_info) == 296, "ABI");

enum boot_info_status {
    BOOT_INFO_OK,
    BOOT_INFO_BAD_ADDRESS, /* of boot_info itself: 0 or not 8-byte aligned */
    BOOT_INFO_BAD_MAGIC,
    BOOT_INFO_BAD_VERSION,
    BOOT_INFO_BAD_SIZE,     /* a size, count or element size */
    BOOT_INFO_BAD_MAP,      /* the memory map is not normalised, or has no usable memory */
    BOOT_INFO_BAD_KERNEL,   /* misaligned, or not in MEMORY_KERNEL_IMAGE */
    BOOT_INFO_OUTSIDE_MAP,  /* an address whose memory is not of the right type */
    BOOT_INFO_UNTERMINATED, /* a string without its NUL */
};

struct boot_info_error {
    enum boot_info_status status;
    const char *field; /* of struct boot_info */
    uint64_t value;
};

/* Everything that can be checked without trusting any of it. `at` is the physical address of
 * the struct; all memory is read at physical address + phys_to_virt.
 *
 * Two things must be read before anything vouches for them: the struct, once `at` is known to be
 * a multiple of 8 with room for it below 2^52; and the ranges of memory_map, once address,
 * count and size are found to be such too, in ascending order up to the first that is out of
 * order. Where these are not mapped the read faults: the kernel has its exception handlers by
 * then. All else is read only inside of what that map calls MEMORY_LOADER, which must be
 * mapped. What the framebuffer, rsdp, smbios, efi_system_table, step_tsc and the seed hold is
 * not checked: nothing here follows it.
 *
 * The first thing that is bad goes to `error`, which is left alone on BOOT_INFO_OK. "address" is
 * `at`; `value` is the number that is bad: of an array or a string its address or its size (an
 * array's of one element), 0 for a map without ranges; with BOOT_INFO_BAD_MAP the index of
 * the range, 0 where none is usable. */
__attribute__((warn_unused_result)) enum boot_info_status boot_info_check(
    phys_addr_t at, uint64_t phys_to_virt, struct boot_info_error *error);

const char *boot_info_status_text(enum boot_info_status status);

#endif
