/* See loaded_tables.h. */
#include "loaded_tables.h"

#include "translate.h"
#include "x86_cpu.h"

static struct phys_range ram[LOADED_TABLES_RUNS];
static size_t ram_runs;

/* The root that is, or is about to be, another than that of kernel_space. */
static struct {
    phys_addr_t root;
    uint64_t phys_to_virt;
} expected;

void loaded_tables_note_ram(const struct memory_map *map)
{
    size_t cursor = 0;

    ram_runs = 0;
    while (ram_runs < LOADED_TABLES_RUNS &&
           memory_map_next_run(map, MEMORY_RAM, &cursor, &ram[ram_runs]))
        ram_runs++;
}

void loaded_tables_expect(phys_addr_t root, uint64_t phys_to_virt)
{
    expected.phys_to_virt = phys_to_virt;
    expected.root = root;
}

static bool is_ram(phys_addr_t frame)
{
    for (size_t i = 0; i < ram_runs; i++) {
        if (frame.raw >= ram[i].start.raw && frame.raw < phys_end(ram[i]))
            return true;
    }
    return ram_runs == 0;
}

/* CPUID once: in a guest each costs an exit, and a panic may ask for thousands of words. */
static struct pt_features features_now(void)
{
    static struct pt_features features;
    static bool known;

    if (!known)
        features = cpu_paging_features();
    known = true;

    struct pt_features now = features;
    if (now.no_execute)
        now.no_execute = (read_msr(MSR_EFER) & EFER_NXE) != 0;
    return now;
}

struct pt_space loaded_tables(void)
{
    phys_addr_t root = cpu_table_root();

    return (struct pt_space){
        .root = root,
        .top = cpu_top_level(),
        .features = features_now(),
        .phys_to_virt = root.raw == expected.root.raw && root.raw != 0 ? expected.phys_to_virt
                                                                       : kernel_space.phys_to_virt,
        .can_read = is_ram,
    };
}

static bool page_can_be_read(const struct pt_space *space, virt_addr_t page)
{
    struct pt_step steps[PT_STEPS_MAX];
    size_t count = pt_walk(space, page, steps);

    if (count == 0)
        return false;
    const struct pt_step *last = &steps[count - 1];
    return entry_is_leaf(last->entry, last->level) &&
           entry_leads_on(last->entry, last->level, space->features) &&
           !(last->rights & PT_RIGHT_USER);
}

bool loaded_tables_map(const struct pt_space *space, struct virt_range range)
{
    uint64_t last = range.start.raw + range.size - 1;
    uint64_t last_page = align_down(last, PAGE_SIZE);

    if (range.size == 0 || last < range.start.raw)
        return false;
    for (uint64_t page = align_down(range.start.raw, PAGE_SIZE);; page += PAGE_SIZE) {
        if (!page_can_be_read(space, virt(page)))
            return false;
        if (page == last_page)
            return true;
    }
}
