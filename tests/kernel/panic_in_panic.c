/* Takes the symbols away from under the panic, which reads them: the second failure must be one
 * line. */
#include "run.h"

#include "attempt.h"

extern const char symbols_start[];

void run(void)
{
    uint64_t page = align_up(virt_of(symbols_start).raw, PAGE_SIZE);

    must(pt_unmap(&kernel_space, virt_range(page, PAGE_SIZE)) == PT_OK, "pt_unmap");
    attempt_at((const void *)(uintptr_t)page);
    panic("the first");
}
