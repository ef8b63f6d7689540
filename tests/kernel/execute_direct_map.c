/* Executes a frame where the direct map shows it. */
#include "run.h"

#include "attempt.h"
#include "address_space.h"

void run(void)
{
    phys_addr_t frame;

    must(frames_take(&kernel_frames, 1, PAGE_SIZE, &frame) == FRAMES_OK, "no frame");
    *(uint8_t *)phys2virt(frame) = 0xc3; /* ret */
    attempt_call(phys2virt(frame));
    survived();
}
