/* Edits of a page table: each is an operation shown to the walker twice, once to
 * plan and once to commit. */
#include "page_table.h"

#include "mem.h"
#include "page_walk.h"

static bool rights_are_mappable(unsigned rights)
{
    /* No caller has a use for user pages yet, and one stray user bit is a hole: see
     * "What must always hold", 5. */
    return rights == PT_RIGHT_READ || rights == (PT_RIGHT_READ | PT_RIGHT_WRITE) ||
           rights == (PT_RIGHT_READ | PT_RIGHT_EXECUTE);
}

static enum pt_status check_range(struct pt_space *space, struct virt_range range)
{
    uint64_t last = range.start.raw + range.size - 1;

    space->where = range.start;
    if (!is_aligned(range.start.raw, PAGE_SIZE) || !is_aligned(range.size, PAGE_SIZE))
        return PT_MISALIGNED;
    if (range.size == 0 || last < range.start.raw)
        return PT_BAD_RANGE;
    if (!is_canonical(range.start, space->top) || !is_canonical(virt(last), space->top) ||
        (range.start.raw ^ last) >> 63 != 0)
        return PT_BAD_RANGE;
    return PT_OK;
}

static void give_chain(const struct pt_space *space, phys_addr_t *chain)
{
    while (chain->raw != 0)
        space->frames->give(space->frames, pt_chain_pop(space, chain));
}

static bool take_chain(const struct pt_space *space, size_t count, phys_addr_t *chain)
{
    for (size_t i = 0; i < count; i++) {
        phys_addr_t frame;
        if (!space->frames->take(space->frames, &frame)) {
            give_chain(space, chain);
            return false;
        }
        pt_chain_push(space, chain, frame);
    }
    return true;
}

/* Plan, reserve, commit: after the reserve nothing can fail. */
static enum pt_status edit(struct pt_space *space, struct pt_walker *walker,
                           struct virt_range range)
{
    walker->space = space;
    walker->pass = PT_PLAN;
    enum pt_status status = pt_walk_range(walker, range);
    if (status != PT_OK) {
        space->where = walker->where;
        return status;
    }
    if (!take_chain(space, walker->needed, &walker->reserve))
        return PT_NO_FRAMES;

    walker->pass = PT_COMMIT;
    status = pt_walk_range(walker, range);
    if (space->invalidate != NULL)
        space->invalidate(range);
    give_chain(space, &walker->discarded);
    return status;
}

enum pt_status pt_create(struct pt_space *space)
{
    if (!space->frames->take(space->frames, &space->root))
        return PT_NO_FRAMES;
    memset(pt_table_at(space, space->root), 0, PAGE_SIZE);
    return PT_OK;
}

static struct pt_verdict clear_leaf(struct pt_walker *walker, const struct pt_slot *slot)
{
    (void)walker;
    if (entry_is_table(slot->value, slot->level))
        return pt_descend();
    entry_write(slot->entry, 0);
    return pt_move_on(1);
}

void pt_destroy(struct pt_space *space)
{
    struct pt_walker walker = {.space = space, .pass = PT_COMMIT, .at = clear_leaf, .prune = true};

    (void)pt_walk_range(&walker, pt_lower_half(space));
    (void)pt_walk_range(&walker, pt_upper_half(space));
    give_chain(space, &walker.discarded);
    space->frames->give(space->frames, space->root);
    space->root = phys(0);
}

struct mapping {
    struct pt_walker walker;
    uint64_t virt_to_phys; /* to be added, wrapping */
    struct pt_attributes attributes;
    enum pt_level largest;
};

/* Leaves go in by the run: a large image is many thousand of them. A table that is only
 * planned is empty throughout. */
static struct pt_verdict map_slot(struct pt_walker *walker, const struct pt_slot *slot)
{
    const struct mapping *mapping = (const struct mapping *)walker;
    phys_addr_t to = phys(slot->part.start.raw + mapping->virt_to_phys);
    uint64_t step = level_size(slot->level);

    if (entry_is_leaf(slot->value, slot->level))
        return pt_stop(PT_ALREADY_MAPPED);
    if (entry_is_present(slot->value) || slot->level > mapping->largest || slot->whole == 0 ||
        !is_aligned(to.raw, step))
        return pt_descend();
    if (slot->entry == NULL)
        return pt_move_on(slot->whole);

    uint64_t leaf =
        entry_make_leaf(to, slot->level, mapping->attributes, walker->space->features.no_execute);
    size_t count = 0;
    for (; count < slot->whole && !entry_is_present(slot->entry[count]); count++) {
        if (walker->pass == PT_COMMIT)
            entry_write(&slot->entry[count], leaf);
        leaf += step;
    }
    return pt_move_on(count);
}

enum pt_status pt_map(struct pt_space *space, struct virt_range range, phys_addr_t to,
                      struct pt_attributes attributes, enum pt_level largest)
{
    struct mapping mapping = {
        .walker = {.at = map_slot},
        .virt_to_phys = to.raw - range.start.raw,
        .attributes = attributes,
        .largest = largest,
    };
    uint64_t end;
    enum pt_status status = check_range(space, range);

    if (status != PT_OK)
        return status;
    if (!is_aligned(to.raw, PAGE_SIZE))
        return PT_MISALIGNED;
    if (__builtin_add_overflow(to.raw, range.size, &end) || end > UINT64_C(1)
                                                                      << space->features.phys_bits)
        return PT_BAD_RANGE;
    if (!rights_are_mappable(attributes.rights) || attributes.pat > 7)
        return PT_BAD_ATTRIBUTES;
    if (largest > PT_LEVEL_PD)
        mapping.largest = space->features.leaf_1gib ? PT_LEVEL_PDPT : PT_LEVEL_PD;
    return edit(space, &mapping.walker, range);
}

struct linking {
    struct pt_walker walker;
    phys_addr_t table;
    enum pt_level level;
};

static struct pt_verdict link_slot(struct pt_walker *walker, const struct pt_slot *slot)
{
    const struct linking *linking = (const struct linking *)walker;

    if (level_below(slot->level) != linking->level)
        return entry_is_leaf(slot->value, slot->level) ? pt_stop(PT_ALREADY_MAPPED) : pt_descend();
    if (entry_is_present(slot->value))
        return pt_stop(PT_ALREADY_MAPPED);
    if (walker->pass == PT_COMMIT)
        entry_write(slot->entry, entry_make_table(linking->table));
    return pt_move_on(1);
}

enum pt_status pt_link(struct pt_space *space, virt_addr_t address, phys_addr_t table,
                       enum pt_level level)
{
    struct linking linking = {{.at = link_slot}, table, level};

    space->where = address;
    if (level >= space->top)
        return PT_BAD_RANGE;
    uint64_t size = level_size(level) * PT_ENTRIES;
    struct virt_range range = {virt(align_down(address.raw, size)), size};
    enum pt_status status = check_range(space, range);

    if (status != PT_OK)
        return status;
    if (!is_aligned(table.raw, PAGE_SIZE))
        return PT_MISALIGNED;
    if (table.raw >> space->features.phys_bits != 0)
        return PT_BAD_RANGE;
    return edit(space, &linking.walker, range);
}

/* The edits that give each leaf in a range another value: 0 takes it out. */
struct rewrite {
    struct pt_walker walker;
    uint64_t (*value)(const struct rewrite *rewrite, uint64_t leaf);
    unsigned rights;
    bool global;
};

/* How many leaves from a slot on, all wholly in the range, take the value that they are to have. */
static size_t rewrite_run(const struct rewrite *rewrite, const struct pt_slot *slot)
{
    size_t count = 0;

    for (; count < slot->whole && entry_is_leaf(slot->entry[count], slot->level); count++) {
        uint64_t value = rewrite->value(rewrite, slot->entry[count]);
        if (rewrite->walker.pass == PT_COMMIT && value != slot->entry[count])
            entry_write(&slot->entry[count], value);
    }
    return count;
}

static struct pt_verdict rewrite_slot(struct pt_walker *walker, const struct pt_slot *slot)
{
    const struct rewrite *rewrite = (const struct rewrite *)walker;

    if (!entry_is_present(slot->value))
        return pt_stop(PT_NOT_MAPPED);
    if (entry_is_table(slot->value, slot->level))
        return pt_descend();
    if (rewrite->value(rewrite, slot->value) == slot->value)
        return pt_move_on(1); /* do not split what would not change */
    if (slot->whole == 0)
        return pt_descend();
    /* A table that is only planned has leaves of one kind throughout. */
    return pt_move_on(slot->entry == NULL ? slot->whole : rewrite_run(rewrite, slot));
}

static enum pt_status rewrite_range(struct pt_space *space, struct rewrite *rewrite,
                                    struct virt_range range)
{
    enum pt_status status = check_range(space, range);

    rewrite->walker.at = rewrite_slot;
    return status != PT_OK ? status : edit(space, &rewrite->walker, range);
}

static uint64_t without_leaf(const struct rewrite *rewrite, uint64_t leaf)
{
    (void)rewrite;
    (void)leaf;
    return 0;
}

enum pt_status pt_unmap(struct pt_space *space, struct virt_range range)
{
    struct rewrite rewrite = {.walker = {.prune = true}, .value = without_leaf};
    return rewrite_range(space, &rewrite, range);
}

static uint64_t with_rights(const struct rewrite *rewrite, uint64_t leaf)
{
    return entry_with_rights(leaf, rewrite->rights, rewrite->walker.space->features.no_execute);
}

enum pt_status pt_protect(struct pt_space *space, struct virt_range range, unsigned rights)
{
    struct rewrite rewrite = {.value = with_rights, .rights = rights};

    space->where = range.start;
    return rights_are_mappable(rights) ? rewrite_range(space, &rewrite, range) : PT_BAD_ATTRIBUTES;
}

static uint64_t with_global(const struct rewrite *rewrite, uint64_t leaf)
{
    return rewrite->global ? leaf | ENTRY_GLOBAL : leaf & ~ENTRY_GLOBAL;
}

enum pt_status pt_set_global(struct pt_space *space, struct virt_range range, bool global)
{
    struct rewrite rewrite = {.value = with_global, .global = global};
    return rewrite_range(space, &rewrite, range);
}

struct split {
    struct pt_walker walker;
    enum pt_level largest;
};

static struct pt_verdict split_slot(struct pt_walker *walker, const struct pt_slot *slot)
{
    const struct split *split = (const struct split *)walker;

    if (!entry_is_present(slot->value))
        return pt_stop(PT_NOT_MAPPED);
    if (entry_is_table(slot->value, slot->level) || slot->level > split->largest)
        return pt_descend();
    return pt_move_on(1);
}

enum pt_status pt_split(struct pt_space *space, struct virt_range range, enum pt_level largest)
{
    struct split split = {.walker = {.at = split_slot}, .largest = largest};
    enum pt_status status = check_range(space, range);

    return status != PT_OK ? status : edit(space, &split.walker, range);
}

struct cloning {
    struct pt_walker walker;
    const struct pt_space *from;
};

/* What stands at `level` for an address: a table entry, a leaf with the rights that all levels
 * leave it, or, where a larger leaf translates, what splitting that would give. 0: nothing. */
static uint64_t entry_at(const struct pt_space *space, virt_addr_t address, enum pt_level level)
{
    struct pt_step steps[PT_STEPS_MAX];
    size_t last = pt_walk(space, address, steps) - 1;
    size_t wanted = (size_t)(space->top - level);
    size_t found = wanted < last ? wanted : last;
    enum pt_level at = steps[found].level;
    uint64_t entry = steps[found].entry;

    if (!entry_is_present(entry))
        return 0;
    if (entry_is_leaf(entry, at))
        entry = entry_with_rights(entry, steps[found].rights, space->features.no_execute);
    for (; at > level; at = level_below(at))
        entry = entry_split(entry, at, level_index(address, level_below(at)));
    return entry;
}

static struct pt_verdict clone_slot(struct pt_walker *walker, const struct pt_slot *slot)
{
    const struct cloning *cloning = (const struct cloning *)walker;
    uint64_t wanted = entry_at(cloning->from, slot->part.start, slot->level);

    if (entry_is_leaf(slot->value, slot->level))
        return pt_stop(PT_ALREADY_MAPPED);
    if (entry_is_present(slot->value))
        return pt_descend();
    if (!entry_is_present(wanted))
        return pt_move_on(1);
    if (slot->whole == 0 || entry_is_table(wanted, slot->level))
        return pt_descend();
    if (walker->pass == PT_COMMIT)
        entry_write(slot->entry, wanted);
    return pt_move_on(1);
}

enum pt_status pt_clone(struct pt_space *space, const struct pt_space *from,
                        struct virt_range range)
{
    struct cloning cloning = {.walker = {.at = clone_slot, .prune = true}, .from = from};
    enum pt_status status = check_range(space, range);

    return status != PT_OK ? status : edit(space, &cloning.walker, range);
}
