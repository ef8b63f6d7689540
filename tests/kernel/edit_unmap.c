/* Maps more pages than are invalidated one by one, reads them and unmaps them: nothing is left,
 * neither a translation that the CPU has kept nor a table. */
#include "run.h"

#include "edit_tables.h"

#define PAGES UINT64_C(64)

void run(void)
{
    uint64_t free = kernel_frames.free_frames;
    phys_addr_t frames = edit_map(PAGES), found;

    must(pt_unmap(&kernel_space, virt_range(EDIT_BASE, PAGES * PAGE_SIZE)) == PT_OK, "pt_unmap");
    must(!try_virt_to_phys(virt(EDIT_BASE), &found), "still translated");
    must(frames_give(&kernel_frames, frames, PAGES) == FRAMES_OK, "frames_give");
    must(kernel_frames.free_frames == free, "table frames were not given back");
    attempt_read((const void *)(uintptr_t)(EDIT_BASE + (PAGES - 1) * PAGE_SIZE));
    survived();
}
