/* The kernel's own address space (common/layout.h has the picture). */
#ifndef BESTLA_KERNEL_ADDRESS_SPACE_H
#define BESTLA_KERNEL_ADDRESS_SPACE_H

#include "frames.h"
#include "page_table.h"
#include "translate.h"

/* Starts to describe the tables that the loader left, on which the kernel still runs:
 * physical memory at its own address. */
void address_space_adopt(phys_addr_t root, struct pt_features features);

/* New tables in the kernel's own frames: the direct map, read-only over what of the image
 * is, and the image as the loader mapped it. Panics when a step fails. */
void address_space_build(struct pt_space *space, struct frame_allocator *frames);

/* Adds the framebuffer in a region of its own, with the memory type of this PAT index. Where that
 * cannot be the log says why, the space is as it was, and there is no screen. */
void address_space_add_framebuffer(struct pt_space *space, unsigned pat);

/* Loads them, and switches the helpers of translate.h by their one offset. */
void address_space_switch(const struct pt_space *space);

/* Gives firmware's and loader's memory to the allocator. */
void address_space_reclaim(struct frame_allocator *frames);

/* Notes in the mapping record who lives in the address space. */
void address_space_record(const struct frame_allocator *frames);

/* The pages that the direct map takes: from its base to the end of RAM, or 512 GiB with
 * `directmap=full`. Of size 0 before address_space_build. */
struct virt_range direct_map_range(void);
bool direct_map_is_full(void);

/* The pages of the framebuffer, and the PAT index that they are mapped with; of size 0 where it is
 * not mapped. */
struct virt_range framebuffer_range(void);
unsigned framebuffer_pat(void);

/* Is this frame mapped there? */
bool is_framebuffers(phys_addr_t frame);

/* Its first pixel; NULL where it is not mapped. */
void *framebuffer_pixels(void);

/* The same by the tables that are loaded now, whoever made them and whatever has become of them: to
 * write there causes no fault and overwrites no RAM. */
void *framebuffer_pixels_now(void);

#endif
