/* Makes one page of the direct map read-only, which splits the large leaf it lies in: the rest
 * can be written as before, the page cannot. */
#include "run.h"

#include "edit_tables.h"

#define ALIGN (UINT64_C(2) << 20)

void run(void)
{
    phys_addr_t frames;
    struct pt_leaf leaf;

    must(frames_take(&kernel_frames, 4, ALIGN, &frames) == FRAMES_OK, "no frames");
    uint8_t *bytes = phys2virt(frames);
    must(pt_translate(&kernel_space, virt_of(bytes), &leaf) && leaf.level > PT_LEVEL_PT,
         "no large leaf");
    bytes[0] = bytes[PAGE_SIZE] = 1;
    must(pt_protect(&kernel_space, virt_range(virt_of(bytes).raw + PAGE_SIZE, PAGE_SIZE),
                    PT_RIGHT_READ) == PT_OK,
         "pt_protect");
    bytes[0] = bytes[2 * PAGE_SIZE] = 2;
    attempt_write(bytes + PAGE_SIZE);
    survived();
}
