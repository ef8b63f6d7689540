/* See page_map.h. */
#include "page_map.h"

#include "address_space.h"
#include "handoff.h"
#include "image.h"
#include "layout.h"
#include "log.h"
#include "x86_cpu.h"

/* SDM Vol. 3A, 11.12.2: a byte of the MSR an index. */
const char *page_memory_type(unsigned pat)
{
    static const char *const types[8] = {"UC", "WC", "?", "?", "WT", "WP", "WB", "UC-"};
    return types[cpu_memory_types() >> (8 * pat) & 7];
}

/* The types of memory behind a run of the direct map, each once, in ascending order. */
static void print_memory_types(struct phys_range range)
{
    memory_types_t seen = 0;

    for (size_t i = 0; i < kernel_memory.count; i++) {
        const struct memory_range *at = &kernel_memory.ranges[i];
        if (at->base < phys_end(range) && at->base + at->size > range.start.raw)
            seen |= MEMORY_TYPE_BIT(at->type);
    }
    for (uint32_t type = 0; type < MEMORY_TYPES; type++) {
        if (!(seen & MEMORY_TYPE_BIT(type)))
            continue;
        seen &= ~MEMORY_TYPE_BIT(type);
        log_raw("%s%s", memory_type_name(type), seen == 0 ? "" : ", ");
    }
}

static void print_what_lies_there(const struct pt_run *run)
{
    const struct image_segment *segment = image_segment_at(run->virt.start);

    if (segment != NULL) {
        log_raw("kernel %s", segment->name);
    } else if (virt_range_has(direct_map_range(), run->virt.start)) {
        log_raw("direct map: ");
        print_memory_types((struct phys_range){run->phys, run->virt.size});
    } else if (virt_range_has(framebuffer_range(), run->virt.start)) {
        log_raw("framebuffer");
    }
}

static void print_row(const struct pt_run *run)
{
    const struct pt_attributes *attributes = &run->attributes;
    char total[24], page[24], flags[32];

    format_text(total, sizeof(total), "0x%lx", run->virt.size);
    format_text(page, sizeof(page), "0x%lx", level_size(run->level));
    format_text(flags, sizeof(flags), "[%c%c%c %s%s %s]",
                attributes->rights & PT_RIGHT_READ ? 'R' : '-',
                attributes->rights & PT_RIGHT_WRITE ? 'W' : '-',
                attributes->rights & PT_RIGHT_EXECUTE ? 'X' : '-',
                attributes->rights & PT_RIGHT_USER ? "USER" : "KERN",
                attributes->global ? " GLOBAL" : "", page_memory_type(attributes->pat));
    log_raw("0x%016lx-0x%016lx  0x%016lx-0x%016lx  %-12s %-11s %-6lu %-21s  ", run->virt.start.raw,
            (run->virt.start.raw + run->virt.size), run->phys.raw, (run->phys.raw + run->virt.size),
            total, page, run->count, flags);
    print_what_lies_there(run);
    log_raw("\n");
}

struct printing {
    page_map_stop stop;
    virt_addr_t end; /* of the last row */
    size_t rows;
};

static bool is_to_stop(const struct printing *printing)
{
    return printing->stop != NULL && printing->stop();
}

static bool print_run(void *context, const struct pt_run *run)
{
    struct printing *printing = context;

    if (is_to_stop(printing))
        return false;
    print_row(run);
    printing->rows++;
    printing->end = virt(run->virt.start.raw + run->virt.size);
    return true;
}

static void print_heading(void)
{
    log_raw("%-37s  %-37s  %-12s %-11s %-6s %-21s  %s\n", "Virtual address start-end",
            "Physical address start-end", "Total size", "Page size", "Count", "Flags",
            "What lies there");
}

virt_addr_t page_map_print_range(const struct pt_space *space, struct virt_range range,
                                 page_map_stop stop)
{
    struct printing printing = {.stop = stop, .end = range.start};

    print_heading();
    pt_visit_runs(space, range, print_run, &printing);
    if (printing.rows == 0 && !is_to_stop(&printing))
        log_raw("  nothing is mapped there\n");
    return printing.end;
}

virt_addr_t page_map_print(const struct pt_space *space, page_map_stop stop)
{
    struct printing printing = {.stop = stop};

    print_heading();
    (void)(pt_visit_runs(space, pt_lower_half(space), print_run, &printing) &&
           pt_visit_runs(space, pt_upper_half(space), print_run, &printing));
    return printing.end;
}
