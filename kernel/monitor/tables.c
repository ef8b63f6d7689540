/* What the page tables that are loaded say: map, walk, find, audit. */
#include "commands.h"

#include "audit.h"
#include "loaded_tables.h"
#include "log.h"
#include "page_fault.h"
#include "page_map.h"
#include "stop.h"
#include "symbols.h"
#include "x86_cpu.h"

/* ---- map ------------------------------------------------------------------------------- */

void command_map(const struct text *words, size_t count)
{
    struct pt_space space = stop_tables();
    struct virt_range range;
    virt_addr_t end = virt(0);

    if (count == 0)
        end = page_map_print(&space, stop_look);
    else if (typed_range(words[0], &range))
        end = page_map_print_range(&space, range, stop_look);
    if (stop_came())
        log_raw("  stopped: not shown is what lies from 0x%016lx on\n", end.raw);
}

/* ---- walk ------------------------------------------------------------------------------ */

/* What the kernel may try. */
static const struct access {
    const char *name;
    unsigned right;
    uint64_t error; /* bits of the error code whatever the cause */
} accesses[] = {
    {"read", PT_RIGHT_READ, 0},
    {"write", PT_RIGHT_WRITE, PAGE_FAULT_WRITE},
    {"fetch", PT_RIGHT_EXECUTE, PAGE_FAULT_FETCH},
};

/* SDM Vol. 3A, 4.6.1: of supervisor mode, EFLAGS.AC being clear. */
static bool is_allowed(const struct access *access, unsigned rights)
{
    bool user = (rights & PT_RIGHT_USER) != 0;

    if (access->right == PT_RIGHT_EXECUTE)
        return (rights & PT_RIGHT_EXECUTE) && !(user && read_cr4() & CR4_SMEP);
    if (user && read_cr4() & CR4_SMAP)
        return false;
    return (rights & access->right) || !(read_cr0() & CR0_WP);
}

/* The error code that an access would get; false when it would succeed. */
static bool would_fault(const struct pt_space *space, const struct access *access,
                        const struct pt_step *steps, size_t count, uint64_t *error)
{
    const struct pt_step *last = &steps[count - 1];
    bool tells_fetch = space->features.no_execute || (read_cr4() & CR4_SMEP);

    *error = access->right == PT_RIGHT_EXECUTE && !tells_fetch ? 0 : access->error;
    if (!entry_is_present(last->entry))
        return true;
    *error |= PAGE_FAULT_RIGHTS;
    if (!entry_leads_on(last->entry, last->level, space->features)) {
        *error |= PAGE_FAULT_RESERVED;
        return true;
    }
    return !is_allowed(access, last->rights);
}

static void print_accesses(const struct pt_space *space, const struct pt_step *steps, size_t count)
{
    uint64_t error;

    for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        const struct access *access = &accesses[i];
        if (would_fault(space, access, steps, count, &error))
            log_raw("  %-5s  #PF, error code 0x%lx\n", access->name, error);
        else
            log_raw("  %-5s  succeeds\n", access->name);
    }
}

static const char *page_size_name(enum pt_level level)
{
    return level == PT_LEVEL_PT ? "4 KiB" : level == PT_LEVEL_PD ? "2 MiB" : "1 GiB";
}

static void print_translation(const struct pt_step *last, virt_addr_t address)
{
    uint64_t into = address.raw & (level_size(last->level) - 1);

    log_raw("  physical 0x%012lx, in a page of %s, %s\n",
            entry_leaf_phys(last->entry, last->level).raw + into, page_size_name(last->level),
            page_memory_type(entry_pat(last->entry, last->level)));
}

void command_walk(const struct text *words, size_t count)
{
    struct pt_space space = loaded_tables();
    struct pt_step steps[PT_STEPS_MAX];
    virt_addr_t address;

    (void)count;
    if (!typed_address(words[0], &address))
        return;
    address_describe(address);
    address_print_walk(address);
    size_t depth = pt_walk(&space, address, steps);
    if (depth == 0 && !is_canonical(address, space.top))
        log_raw("  any access: #GP, or #SS through the stack\n");
    if (depth == 0)
        return;
    const struct pt_step *last = &steps[depth - 1];
    bool leads_on = entry_leads_on(last->entry, last->level, space.features);
    if (leads_on && entry_is_table(last->entry, last->level)) {
        log_raw("  the next table lies outside of RAM, and is not looked into\n");
        return;
    }
    if (leads_on)
        print_translation(last, address);
    print_accesses(&space, steps, depth);
}

/* ---- find ------------------------------------------------------------------------------ */

struct search {
    phys_addr_t wanted;
    size_t count;
    virt_addr_t end; /* of the last leaf that was looked at */
};

static bool match(void *context, const struct pt_leaf *leaf)
{
    struct search *search = context;
    struct symbol symbol;
    uint64_t into = search->wanted.raw - leaf->phys.raw, size = level_size(leaf->level);

    /* Once ^C has come the tables before this leaf may have been passed over. */
    if (stop_came() || (into < size && stop_look()))
        return false;
    search->end = virt(leaf->virt.raw + size);
    if (into >= size)
        return true;
    search->count++;
    log_raw("  0x%016lx  R%c%c %s, page of %s", leaf->virt.raw + into,
            leaf->attributes.rights & PT_RIGHT_WRITE ? 'W' : '-',
            leaf->attributes.rights & PT_RIGHT_EXECUTE ? 'X' : '-',
            page_memory_type(leaf->attributes.pat), page_size_name(leaf->level));
    if (symbol_lookup(virt(leaf->virt.raw + into), &symbol))
        log_raw(",");
    symbol_print(virt(leaf->virt.raw + into));
    log_raw("\n");
    return true;
}

void command_find(const struct text *words, size_t count)
{
    struct pt_space space = stop_tables();
    struct search search = {.count = 0};

    (void)count;
    if (!typed_number(words[0], &search.wanted.raw))
        return;
    if (search.wanted.raw >> space.features.phys_bits != 0) {
        log_raw("%.*s: physical addresses have %u bits here\n", TEXT_ARG(words[0]),
                space.features.phys_bits);
        return;
    }
    (void)(pt_visit_leaves(&space, pt_lower_half(&space), match, &search) &&
           pt_visit_leaves(&space, pt_upper_half(&space), match, &search));
    if (stop_came())
        log_raw("  stopped: not looked at is what lies from 0x%016lx on\n", search.end.raw);
    else if (search.count == 0)
        log_raw("  no address leads to physical 0x%lx\n", search.wanted.raw);
}

/* ---- audit ----------------------------------------------------------------------------- */

void command_audit(const struct text *words, size_t count)
{
    size_t checked, failed = audit_check(stop_can_read, &checked);

    (void)words, (void)count;
    if (checked != AUDIT_RULES)
        log_raw("  stopped at rule %lu: of those before it %lu do not hold\n", checked + 1, failed);
    else if (failed == 0)
        log_raw("  every rule that can be enforced holds\n");
    else
        log_raw("  %lu rules do not hold\n", failed);
}
