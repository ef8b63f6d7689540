/* The framebuffer goes away under the kernel that draws on it: it dies of its own log, and the
 * report must not die of the same. */
#include "run.h"

#include "address_space.h"
#include "attempt.h"

void run(void)
{
    must(framebuffer_range().size != 0, "no screen");
    must(pt_unmap(&kernel_space, framebuffer_range()) == PT_OK, "pt_unmap");
    log_raw("this cannot be seen\n");
    survived();
}
