/* See loaded_tables.h. */
#include "loaded_tables.h"

#include "handoff.h"
#include "translate.h"
#include "x86_cpu.h"

/* Before the memory map is known the loader's tables are all there is, and they are good. */
static bool is_ram(phys_addr_t frame)
{
    return kernel_memory.count == 0 ||
           memory_map_covers(&kernel_memory, (struct phys_range){frame, PAGE_SIZE}, MEMORY_RAM);
}

struct pt_space loaded_tables(void)
{
    struct pt_space space = {
        .root = cpu_table_root(),
        .top = cpu_top_level(),
        .features = cpu_paging_features(),
        .phys_to_virt = kernel_space.phys_to_virt,
        .can_read = is_ram,
    };

    if (space.features.no_execute)
        space.features.no_execute = (read_msr(MSR_EFER) & EFER_NXE) != 0;
    return space;
}

static bool page_can_be_read(const struct pt_space *space, virt_addr_t page)
{
    struct pt_step steps[PT_STEPS_MAX];
    size_t count = pt_walk(space, page, steps);

    for (size_t i = 0; i < count; i++) {
        if (entry_reserved(steps[i].entry, steps[i].level, space->features) != 0)
            return false;
    }
    return count != 0 && entry_is_leaf(steps[count - 1].entry, steps[count - 1].level);
}

bool loaded_tables_map(struct virt_range range)
{
    struct pt_space space = loaded_tables();
    uint64_t last = range.start.raw + range.size - 1;

    for (uint64_t page = align_down(range.start.raw, PAGE_SIZE); page <= last; page += PAGE_SIZE) {
        if (!page_can_be_read(&space, virt(page)))
            return false;
        if (page + PAGE_SIZE == 0)
            break;
    }
    return true;
}
