/* The kernel, told from its first line of C. entry.asm calls kernel_main on the boot stack,
 * on the loader's tables, interrupts off. */
#include "address_space.h"
#include "audit.h"
#include "clock.h"
#include "cpu.h"
#include "display.h"
#include "frames.h"
#include "handoff.h"
#include "log.h"
#include "main.h"
#include "mapping_record.h"
#include "page_map.h"
#include "panic.h"
#include "run.h"
#include "stack_guard.h"
#include "symbols.h"
#include "x86_cpu.h"

static void take_memory_over(void)
{
    enum frames_status status = frames_init(&kernel_frames, &kernel_memory);

    if (status != FRAMES_OK)
        panic("frame allocator, books of %lu KiB: %s", kernel_frames.books_size >> 10,
              frames_status_text(status));
}

void kernel_main(phys_addr_t handed_over)
{
    struct pt_space own;
    unsigned framebuffer_type; /* index of the page attribute table */
    uint64_t entered = read_tsc();

    clock_start(entered);
    log_open();
    cpu_load_tables();
    cpu_mask_pic();

    address_space_adopt(cpu_table_root(), cpu_paging_features());
    handoff_check(handed_over);
    display_prepare(&boot_info.framebuffer);
    handoff_print_log(entered);
    clock_report();
    symbols_report();
    stack_guard_start();
    cpu_guard_kernel();

    take_memory_over();
    handoff_copy(&kernel_frames);

    address_space_build(&own, &kernel_frames);
    framebuffer_type = cpu_set_memory_types();
    address_space_add_framebuffer(&own, framebuffer_type);
    address_space_switch(&own);
    display_show(framebuffer_pixels());
    address_space_reclaim(&kernel_frames);

    address_space_record(&kernel_frames);
    mapping_record_print(&kernel_space);
    (void)page_map_print(&kernel_space, NULL);
    audit();
    run();
}
