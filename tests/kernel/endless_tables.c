/* A kernel at its monitor on tables that have no end: 256 entries of the root lead to one PDPT, all
 * of whose entries lead to one PD, and so on to a PT in which every other entry is a leaf. That is
 * 2^34 leaves, of which no two make a run, in four tables. */
#include "run.h"

#include "edit_tables.h"
#include "monitor.h"

static phys_addr_t new_table(void)
{
    phys_addr_t frame;

    must(frames_take(&kernel_frames, 1, PAGE_SIZE, &frame) == FRAMES_OK, "no frames");
    return frame;
}

static void fill(phys_addr_t table, size_t every, uint64_t entry)
{
    uint64_t *entries = phys2virt(table);

    for (size_t i = 0; i < PT_ENTRIES; i++)
        entry_write(&entries[i], i % every == 0 ? entry : 0);
}

void run(void)
{
    uint64_t *root = phys2virt(kernel_space.root);
    phys_addr_t below = new_table();

    fill(below, 2, entry_make_leaf(new_table(), PT_LEVEL_PT, edit_attributes, true));
    for (unsigned level = PT_LEVEL_PD; level < PT_LEVEL_PML4; level++) {
        phys_addr_t table = new_table();
        fill(table, 1, entry_make_table(below));
        below = table;
    }
    for (size_t i = 0; i < PT_ENTRIES; i++) {
        if (!entry_is_present(root[i]) && i >= PT_ENTRIES / 2)
            entry_write(&root[i], entry_make_table(below));
    }
    log_raw("bestla: ready\n");
    monitor_run();
    halt_forever();
}
