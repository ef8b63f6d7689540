/* `dump`: every page table as text, with a checksum, in the form that docs/monitor.md fixes and
 * the Python reader takes. */
#include "commands.h"

#include "frames.h"
#include "log.h"
#include "mem.h"
#include "stop.h"
#include "symbol_table.h"
#include "translate.h"
#include "x86_cpu.h"

#define ENTRIES_PER_LINE 8

/* ---- frames that were printed already -------------------------------------------------- */

/* In ascending order, in a run of frames that grows with it. */
struct frame_set {
    uint64_t *frames;
    size_t count;
    uint64_t pages; /* of the run; 0: none yet */
};

static void free_set(struct frame_set *set)
{
    if (set->pages != 0 &&
        frames_give(&kernel_frames, virt2phys(set->frames), set->pages) != FRAMES_OK)
        log_warning("dump", "%lu frames could not be given back", set->pages);
}

static bool grow_set(struct frame_set *set)
{
    struct frame_set larger = {.count = set->count, .pages = set->pages == 0 ? 1 : 2 * set->pages};
    phys_addr_t run;

    if (frames_take(&kernel_frames, larger.pages, PAGE_SIZE, &run) != FRAMES_OK)
        return false;
    larger.frames = phys2virt(run);
    if (set->count != 0)
        memcpy(larger.frames, set->frames, set->count * sizeof(uint64_t));
    free_set(set);
    *set = larger;
    return true;
}

enum added {
    ADDED,
    WAS_THERE,
    NO_ROOM,
};

static enum added add_to_set(struct frame_set *set, uint64_t frame)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->frames[middle] < frame)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < set->count && set->frames[low] == frame)
        return WAS_THERE;
    if (set->count == set->pages * (PAGE_SIZE / sizeof(uint64_t)) && !grow_set(set))
        return NO_ROOM;
    memmove(&set->frames[low + 1], &set->frames[low], (set->count - low) * sizeof(uint64_t));
    set->frames[low] = frame;
    set->count++;
    return ADDED;
}

/* ---- printing -------------------------------------------------------------------------- */

struct dump {
    struct pt_space space;
    struct frame_set printed;
    uint32_t crc;
    bool failed;
};

static void print_line(phys_addr_t table, enum pt_level level, const uint64_t *entries,
                       size_t first, size_t end)
{
    while (first < end && entries[first] == 0)
        first++;
    while (end > first && entries[end - 1] == 0)
        end--;
    if (first == end)
        return;
    log_raw("table 0x%lx %u %lu:", table.raw, (unsigned)level, first);
    for (size_t i = first; i < end; i++)
        log_raw(" %lx", entries[i]);
    log_raw("\n");
}

/* From a copy: the CPU sets accessed and dirty bits at any time, and printed is what is summed. */
static bool print_table(void *context, phys_addr_t table, enum pt_level level)
{
    static uint64_t entries[PT_ENTRIES];
    struct dump *dump = context;

    if (!dump->space.can_read(table))
        return true;
    enum added added = add_to_set(&dump->printed, table.raw);
    dump->failed = added == NO_ROOM;
    if (added != ADDED)
        return !dump->failed;
    memcpy(entries, phys2virt(table), sizeof(entries));
    dump->crc = crc32_more(dump->crc, &table.raw, sizeof(table.raw));
    dump->crc = crc32_more(dump->crc, entries, sizeof(entries));
    for (size_t i = 0; i < PT_ENTRIES && !stop_look(); i += ENTRIES_PER_LINE)
        print_line(table, level, entries, i, i + ENTRIES_PER_LINE);
    return !stop_came();
}

void command_dump(const struct text *words, size_t count)
{
    struct dump dump = {.space = stop_tables()};

    (void)words, (void)count;
    log_raw("tables: cr0=0x%lx cr3=0x%lx cr4=0x%lx efer=0x%lx pat=0x%lx maxphyaddr=%u\n",
            read_cr0(), read_cr3(), read_cr4(), read_msr(MSR_EFER), cpu_memory_types(),
            dump.space.features.phys_bits);
    pt_visit_tables(&dump.space, print_table, &dump);
    if (stop_came())
        log_raw("stopped: not finished; of %lu tables the last may be printed in part\n",
                dump.printed.count);
    else if (dump.failed)
        log_raw("no frame is left to remember tables in: not finished\n");
    else
        log_raw("tables: end %lu crc 0x%08x\n", dump.printed.count, dump.crc);
    free_set(&dump.printed);
}
