/* Maps more pages than are invalidated one by one, reads them and unmaps them: nothing is left,
 * neither a translation that the CPU has kept nor a table. */
#include "run.h"

#include "edit_tables.h"

#define PAGES UINT64_C(64)

void run(void)
{
    const volatile uint64_t *last = (void *)(uintptr_t)(EDIT_BASE + (PAGES - 1) * PAGE_SIZE);
    uint64_t free = kernel_frames.free_frames;
    phys_addr_t found;

    (void)edit_map(PAGES);
    must(*last == PAGES, "lost a write"); /* as late as can be, so that it is still kept */
    must(pt_unmap(&kernel_space, virt_range(EDIT_BASE, PAGES * PAGE_SIZE)) == PT_OK, "pt_unmap");
    must(!try_virt_to_phys(virt_of((const void *)last), &found), "still translated");
    must(kernel_frames.free_frames == free - PAGES, "table frames were not given back");
    attempt_read((const void *)last);
    survived();
}
