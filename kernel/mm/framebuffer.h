/* The framebuffer in the kernel's address space: a region of its own (common/layout.h),
 * write-combining where the CPU's page attribute table has that. */
#ifndef BESTLA_KERNEL_FRAMEBUFFER_H
#define BESTLA_KERNEL_FRAMEBUFFER_H

#include "boot_info.h"
#include "page_table.h"

enum framebuffer_status {
    FRAMEBUFFER_OK,
    FRAMEBUFFER_NONE,
    FRAMEBUFFER_BAD_RANGE, /* of size 0, wraps, or ends past MAXPHYADDR */
    FRAMEBUFFER_TOO_LARGE, /* for its region */
    FRAMEBUFFER_IN_RAM,    /* reaches into memory that is mapped as such */
    FRAMEBUFFER_IN_USE,    /* something is mapped in its region */
    FRAMEBUFFER_NO_FRAMES, /* no frames for tables */
};

/* The pages that hold a framebuffer, and where they go. */
struct framebuffer_place {
    struct virt_range virt;
    phys_addr_t phys; /* congruent to virt.start modulo 1 GiB */
};

/* Where in its region it goes: so that leaves may be as large as its own pages allow. `ram` says
 * what is mapped already. FRAMEBUFFER_NONE, _BAD_RANGE, _TOO_LARGE, _IN_RAM. */
__attribute__((warn_unused_result)) enum framebuffer_status framebuffer_place(
    const struct boot_framebuffer *framebuffer, uint8_t phys_bits, const struct memory_map *ram,
    struct framebuffer_place *place);

/* Maps it there, RW, never X, global, of this memory type, in leaves that never reach outside of
 * it. Where `alias` maps the same frames at one offset (a direct map of everything), the mapping
 * there is taken away: no frame has two memory types (SDM Vol. 3A, 12.12.4). `alias` may have size
 * 0. FRAMEBUFFER_IN_USE, _NO_FRAMES: the space is as it was. */
__attribute__((warn_unused_result)) enum framebuffer_status framebuffer_map(
    struct pt_space *space, const struct framebuffer_place *place, unsigned pat,
    struct virt_range alias);

const char *framebuffer_status_text(enum framebuffer_status status);

#endif
