/* For kernels that edit the tables they run on. */
#ifndef BESTLA_TESTS_EDIT_TABLES_H
#define BESTLA_TESTS_EDIT_TABLES_H

#include "address_space.h"
#include "attempt.h"

/* Far from the direct map and the image: nothing is mapped there. */
#define EDIT_BASE UINT64_C(0xffffc90000000000)

static const struct pt_attributes edit_attributes = {PT_RIGHT_READ | PT_RIGHT_WRITE, PAT_WRITE_BACK,
                                                     true};

/* Maps fresh frames at EDIT_BASE and sees that what is written there arrives. */
static inline phys_addr_t edit_map(uint64_t pages)
{
    struct virt_range range = virt_range(EDIT_BASE, pages * PAGE_SIZE);
    phys_addr_t frames;

    must(frames_take(&kernel_frames, pages, PAGE_SIZE, &frames) == FRAMES_OK, "no frames");
    must(pt_map(&kernel_space, range, frames, edit_attributes, PT_LEVEL_PDPT) == PT_OK, "pt_map");
    for (uint64_t i = 0; i < pages; i++) {
        *(volatile uint64_t *)(uintptr_t)(EDIT_BASE + i * PAGE_SIZE) = i + 1;
        must(*(uint64_t *)phys2virt(phys(frames.raw + i * PAGE_SIZE)) == i + 1, "lost a write");
    }
    return frames;
}

#endif
