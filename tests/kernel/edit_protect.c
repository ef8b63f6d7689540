/* Maps pages, writes to them, makes them read-only and writes again: the translation that the
 * CPU has kept must be gone. */
#include "run.h"

#include "edit_tables.h"

void run(void)
{
    (void)edit_map(2);
    must(pt_protect(&kernel_space, virt_range(EDIT_BASE + PAGE_SIZE, PAGE_SIZE), PT_RIGHT_READ) ==
             PT_OK,
         "pt_protect");
    *(volatile uint64_t *)(uintptr_t)EDIT_BASE = 3; /* its neighbour may be written */
    attempt_write((const void *)(uintptr_t)(EDIT_BASE + PAGE_SIZE));
    survived();
}
