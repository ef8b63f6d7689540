/* The kernel's own image as the linker laid it out (kernel.ld). Rights and addresses of
 * what is mapped are always read from the tables; this gives the names, and what the audit
 * holds the tables against. */
#ifndef BESTLA_KERNEL_IMAGE_H
#define BESTLA_KERNEL_IMAGE_H

#include "x86_paging.h"

/* One PT_LOAD. Before and after a stack there is a page that is never mapped: its
 * guard. */
struct image_segment {
    const char *name;
    const char *start, *end; /* the mapping ends with the page of the last byte */
    unsigned rights;         /* PT_RIGHT_… */
    bool stack;
};

extern const struct image_segment image_segments[];
extern const size_t image_segment_count;

/* The pages of a segment. */
struct virt_range image_segment_range(const struct image_segment *segment);

/* The pages from the first segment to the last, gaps included. */
struct virt_range image_range(void);

/* The segment an address lies in, NULL for none. */
const struct image_segment *image_segment_at(virt_addr_t address);

/* The stack an address lies in, NULL for none. */
const struct image_segment *image_stack_at(virt_addr_t address);

/* The stack whose guard page an address lies in, NULL for none; *below tells which. */
const struct image_segment *image_guard_at(virt_addr_t address, bool *below);

#endif
