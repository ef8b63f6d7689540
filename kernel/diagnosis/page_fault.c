/* See page_fault.h. The tables are those that the CPU walked, as they are now. */
#include "page_fault.h"

#include "address_space.h"
#include "handoff.h"
#include "image.h"
#include "loaded_tables.h"
#include "log.h"
#include "symbols.h"

static const char *const levels[] = {"", "PT", "PD", "PDPT", "PML4", "PML5"};

/* ---- what lies there ------------------------------------------------------------------- */

static void describe_symbol(virt_addr_t address)
{
    struct symbol symbol;

    if (symbol_lookup(address, &symbol)) {
        log_raw(":");
        symbol_print(address);
    } else if (symbol_nearest(address, &symbol)) {
        log_raw(", 0x%lx bytes past the end of ",
                address.raw - symbol_start(&symbol).raw - symbol.size);
        symbol_print_name(&symbol);
    }
    log_raw("\n");
}

/* Where the image maps a frame of its own. */
static virt_addr_t image_alias(phys_addr_t address)
{
    return virt(boot_info.kernel_virt + (address.raw - boot_info.kernel_phys));
}

static void describe_direct_map(phys_addr_t address)
{
    const struct memory_range *range = memory_map_find(&kernel_memory, address);
    const struct image_segment *segment = image_segment_at(image_alias(address));

    log_raw("  that is the direct map of physical 0x%lx, %s\n", address.raw,
            range == NULL ? "which is in no range of the memory map"
                          : memory_type_name(range->type));
    if (range != NULL && range->type == MEMORY_KERNEL_IMAGE && segment != NULL) {
        log_raw("  where the kernel's %s is", segment->name);
        describe_symbol(image_alias(address));
    }
}

void address_describe(virt_addr_t address)
{
    bool below;
    const struct image_segment *stack = image_guard_at(address, &below);
    const struct image_segment *segment = image_segment_at(address);

    if (stack != NULL) {
        log_raw("  that is the guard page %s the %s\n", below ? "below" : "above", stack->name);
    } else if (segment != NULL) {
        log_raw("  that is in the kernel's %s", segment->name);
        describe_symbol(address);
    } else if (virt_range_has(image_range(), address)) {
        log_raw("  that is a gap in the kernel's image");
        describe_symbol(address);
    } else if (virt_range_has(direct_map_range(), address)) {
        describe_direct_map(phys(address.raw - boot_info.direct_map_base));
    } else if (address.raw < PAGE_SIZE) {
        log_raw("  that is a null pointer, or little more\n");
    }
}

/* ---- the walk -------------------------------------------------------------------------- */

static void print_step(const struct pt_space *space, virt_addr_t address,
                       const struct pt_step *step)
{
    unsigned rights = entry_rights(step->entry);

    log_raw("  %-4s[%3lu] at 0x%012lx: 0x%016lx ", levels[step->level],
            level_index(address, step->level), step->at.raw, step->entry);
    if (!entry_is_present(step->entry)) {
        log_raw("not present\n");
        return;
    }
    log_raw("R%c%c %s %s", rights & PT_RIGHT_WRITE ? 'W' : '-',
            rights & PT_RIGHT_EXECUTE ? 'X' : '-', rights & PT_RIGHT_USER ? "user" : "supervisor",
            entry_is_leaf(step->entry, step->level) ? "leaf" : "table");
    uint64_t reserved = entry_reserved(step->entry, step->level, space->features);
    if (reserved != 0)
        log_raw(", reserved bits 0x%lx", reserved);
    log_raw("\n");
}

static size_t print_walk(const struct pt_space *space, virt_addr_t address,
                         struct pt_step steps[PT_STEPS_MAX])
{
    size_t count = pt_walk(space, address, steps);

    for (size_t i = 0; i < count; i++)
        print_step(space, address, &steps[i]);
    if (count == 0)
        log_raw("  %s\n", is_canonical(address, space->top) ? "CR3 leads outside of RAM"
                                                            : "not a canonical address");
    return count;
}

void address_print_walk(virt_addr_t address)
{
    struct pt_step steps[PT_STEPS_MAX];
    struct pt_space space = loaded_tables();

    (void)print_walk(&space, address, steps);
}

/* ---- who forbade it -------------------------------------------------------------------- */

/* The first step that withholds a right which all before it allow. */
static const struct pt_step *withheld(const struct pt_step *steps, size_t count, unsigned right)
{
    for (size_t i = 0; i < count; i++) {
        if (!(steps[i].rights & right))
            return &steps[i];
    }
    return NULL;
}

/* SDM Vol. 3A, 4.6.1, in the order of what is most telling. */
static void explain_rights(uint64_t error, const struct pt_step *steps, size_t count)
{
    const struct pt_step *no_execute = withheld(steps, count, PT_RIGHT_EXECUTE);
    const struct pt_step *no_write = withheld(steps, count, PT_RIGHT_WRITE);
    const struct pt_step *no_user = withheld(steps, count, PT_RIGHT_USER);

    if (error & PAGE_FAULT_PROTECTION_KEY)
        log_raw("  missing: the leaf's protection key (bits 62:59) allows no such access\n");
    else if (error & PAGE_FAULT_USER && no_user != NULL)
        log_raw("  missing: the user bit, which the %s entry has not\n", levels[no_user->level]);
    else if (error & PAGE_FAULT_FETCH && no_execute != NULL)
        log_raw("  missing: the right to execute, which the %s entry withholds\n",
                levels[no_execute->level]);
    else if (error & PAGE_FAULT_WRITE && no_write != NULL)
        log_raw("  missing: the right to write, which the %s entry withholds\n",
                levels[no_write->level]);
    else if (!(error & PAGE_FAULT_USER) && no_user == NULL)
        log_raw("  wrong: a user page, from which %s keeps the kernel\n",
                error & PAGE_FAULT_FETCH ? "SMEP" : "SMAP");
    else
        log_raw("  missing: nothing now; the entries were others when the CPU read them\n");
}

static void explain(const struct pt_space *space, uint64_t error, virt_addr_t address,
                    const struct pt_step *steps, size_t count)
{
    const struct pt_step *last = &steps[count - 1];

    bool leads_on = entry_leads_on(last->entry, last->level, space->features);

    if (entry_is_present(last->entry) && !leads_on)
        log_raw("  wrong: the %s entry has reserved bits set\n", levels[last->level]);
    else if (!entry_is_present(last->entry) && error & PAGE_FAULT_RIGHTS)
        log_raw("  wrong: the %s entry is not present now, and was when the CPU read it\n",
                levels[last->level]);
    else if (!entry_is_present(last->entry))
        log_raw("  missing: the %s entry; nothing is mapped in the 0x%lx bytes from 0x%016lx\n",
                levels[last->level], level_size(last->level),
                align_down(address.raw, level_size(last->level)));
    else if (!entry_is_leaf(last->entry, last->level))
        log_raw("  wrong: the %s entry leads to a table outside of RAM\n", levels[last->level]);
    else
        explain_rights(error, steps, count);
}

void page_fault_explain(uint64_t error, virt_addr_t address)
{
    struct pt_step steps[PT_STEPS_MAX];
    struct pt_space space = loaded_tables();

    log_raw("  %s of 0x%016lx: %s%s%s%s%s, by %s mode\n",
            error & PAGE_FAULT_FETCH   ? "fetch"
            : error & PAGE_FAULT_WRITE ? "write"
                                       : "read",
            address.raw, error & PAGE_FAULT_RIGHTS ? "the rights forbid it" : "not mapped",
            error & PAGE_FAULT_RESERVED ? ", a reserved bit is set in an entry" : "",
            error & PAGE_FAULT_PROTECTION_KEY ? ", protection key" : "",
            error & PAGE_FAULT_SHADOW_STACK ? ", shadow stack" : "",
            error & PAGE_FAULT_SGX ? ", SGX" : "", error & PAGE_FAULT_USER ? "user" : "supervisor");
    address_describe(address);
    size_t count = print_walk(&space, address, steps);
    if (count != 0)
        explain(&space, error, address, steps, count);
}
