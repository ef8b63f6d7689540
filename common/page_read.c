/* Reading a page table: translations, walks, leaves, runs, tables. Nothing here writes. */
#include "page_walk.h"

struct virt_range pt_lower_half(const struct pt_space *space)
{
    return virt_range(0, level_size(space->top) * (PT_ENTRIES / 2));
}

struct virt_range pt_upper_half(const struct pt_space *space)
{
    uint64_t size = level_size(space->top) * (PT_ENTRIES / 2);
    return virt_range(-size, size);
}

static struct virt_range intersect(struct virt_range a, struct virt_range b)
{
    uint64_t start = max_u64(a.start.raw, b.start.raw);
    /* The last addresses, since an end may be 2^64. */
    uint64_t last = min_u64(a.start.raw + a.size - 1, b.start.raw + b.size - 1);

    if (a.size == 0 || b.size == 0 || last < start)
        return virt_range(start, 0);
    return virt_range(start, last - start + 1);
}

/* Walks the canonical parts of a range. */
static bool read_range(struct pt_walker *walker, struct virt_range range)
{
    struct virt_range lower = intersect(range, pt_lower_half(walker->space));
    struct virt_range upper = intersect(range, pt_upper_half(walker->space));

    return pt_walk_range(walker, lower) == PT_OK && pt_walk_range(walker, upper) == PT_OK;
}

static bool leads_on(const struct pt_walker *walker, const struct pt_slot *slot)
{
    return entry_leads_on(slot->value, slot->level, walker->space->features);
}

struct leaf_reader {
    struct pt_walker walker;
    pt_leaf_visitor visit;
    void *context;
};

static struct pt_verdict read_leaf(struct pt_walker *walker, const struct pt_slot *slot)
{
    struct leaf_reader *reader = (struct leaf_reader *)walker;

    if (!leads_on(walker, slot))
        return pt_move_on(1);
    if (!entry_is_leaf(slot->value, slot->level))
        return pt_descend();

    struct pt_leaf leaf = {
        .virt = virt(align_down(slot->part.start.raw, level_size(slot->level))),
        .phys = entry_leaf_phys(slot->value, slot->level),
        .level = slot->level,
        .attributes = entry_attributes(slot->value, slot->level),
        .entry = slot->value,
    };
    leaf.attributes.rights &= slot->rights;
    return reader->visit(reader->context, &leaf) ? pt_move_on(1) : pt_stop(PT_NOT_MAPPED);
}

bool pt_visit_leaves(const struct pt_space *space, struct virt_range range, pt_leaf_visitor visit,
                     void *context)
{
    struct leaf_reader reader = {
        {.space = space, .pass = PT_READ, .at = read_leaf}, visit, context};
    return read_range(&reader.walker, range);
}

struct run_builder {
    struct pt_run run; /* count 0: none yet */
    pt_run_visitor visit;
    void *context;
};

static bool run_continues(const struct pt_run *run, const struct pt_leaf *leaf)
{
    return run->count != 0 && run->level == leaf->level &&
           run->virt.start.raw + run->virt.size == leaf->virt.raw &&
           run->phys.raw + run->virt.size == leaf->phys.raw &&
           run->attributes.rights == leaf->attributes.rights &&
           run->attributes.pat == leaf->attributes.pat &&
           run->attributes.global == leaf->attributes.global;
}

static bool add_to_run(void *context, const struct pt_leaf *leaf)
{
    struct run_builder *builder = context;
    struct pt_run *run = &builder->run;

    if (!run_continues(run, leaf)) {
        if (run->count != 0 && !builder->visit(builder->context, run))
            return false;
        *run = (struct pt_run){{leaf->virt, 0}, leaf->phys, leaf->level, 0, leaf->attributes};
    }
    run->virt.size += level_size(leaf->level);
    run->count++;
    return true;
}

bool pt_visit_runs(const struct pt_space *space, struct virt_range range, pt_run_visitor visit,
                   void *context)
{
    struct run_builder builder = {.visit = visit, .context = context};

    if (!pt_visit_leaves(space, range, add_to_run, &builder))
        return false;
    return builder.run.count == 0 || visit(context, &builder.run);
}

static bool take_leaf(void *context, const struct pt_leaf *leaf)
{
    *(struct pt_leaf *)context = *leaf;
    return false;
}

bool pt_translate(const struct pt_space *space, virt_addr_t address, struct pt_leaf *leaf)
{
    struct pt_leaf found;
    bool mapped = !pt_visit_leaves(space, (struct virt_range){address, 1}, take_leaf, &found);

    if (mapped && leaf != NULL)
        *leaf = found;
    return mapped;
}

struct step_recorder {
    struct pt_walker walker;
    struct pt_step *steps;
    size_t count;
};

static struct pt_verdict record_step(struct pt_walker *walker, const struct pt_slot *slot)
{
    struct step_recorder *recorder = (struct step_recorder *)walker;

    recorder->steps[recorder->count++] = (struct pt_step){slot->level, slot->at, slot->value,
                                                          slot->rights & entry_rights(slot->value)};
    return leads_on(walker, slot) ? pt_descend() : pt_move_on(1);
}

size_t pt_walk(const struct pt_space *space, virt_addr_t address,
               struct pt_step steps[PT_STEPS_MAX])
{
    struct step_recorder recorder = {
        {.space = space, .pass = PT_READ, .at = record_step}, steps, 0};

    (void)read_range(&recorder.walker, (struct virt_range){address, 1});
    return recorder.count;
}

struct table_reader {
    struct pt_walker walker;
    pt_table_visitor visit;
    void *context;
    const struct virt_range *range; /* outside it only what was used; NULL: everything */
};

#define AT_ONCE 8

/* Whatever else they are: at PML4 and PML5 the bit is a reserved one. */
static bool are_no_tables(const uint64_t e[AT_ONCE])
{
    return (e[0] & e[1] & e[2] & e[3] & e[4] & e[5] & e[6] & e[7] & ENTRY_PAGE_SIZE) != 0;
}

/* How many entries from a slot on, which leads to no table, do not either. Firmware's tables are
 * many and full of leaves: a call of the walker for each would be most of what booting costs. */
static size_t without_tables(const struct pt_slot *slot)
{
    size_t count = 1;

    while (count + AT_ONCE <= slot->whole && are_no_tables(slot->entry + count))
        count += AT_ONCE;
    while (count < slot->whole && !entry_is_table(slot->entry[count], slot->level))
        count++;
    return count;
}

static bool is_used(const struct table_reader *reader, const struct pt_slot *slot)
{
    return reader->range == NULL || (slot->value & ENTRY_ACCESSED) != 0 ||
           intersect(slot->part, *reader->range).size != 0;
}

static struct pt_verdict read_table(struct pt_walker *walker, const struct pt_slot *slot)
{
    const struct table_reader *reader = (const struct table_reader *)walker;

    if (!leads_on(walker, slot) || entry_is_leaf(slot->value, slot->level))
        return pt_move_on(without_tables(slot));
    if (!reader->visit(reader->context, entry_table(slot->value), level_below(slot->level)))
        return pt_stop(PT_NOT_MAPPED);
    if (level_below(slot->level) == PT_LEVEL_PT || !is_used(reader, slot))
        return pt_move_on(1);
    return pt_descend();
}

static bool read_tables(struct table_reader *reader)
{
    const struct pt_space *space = reader->walker.space;

    reader->walker.pass = PT_READ;
    reader->walker.at = read_table;
    return reader->visit(reader->context, space->root, space->top) &&
           read_range(&reader->walker, pt_lower_half(space)) &&
           read_range(&reader->walker, pt_upper_half(space));
}

bool pt_visit_tables(const struct pt_space *space, pt_table_visitor visit, void *context)
{
    struct table_reader reader = {{.space = space}, visit, context, NULL};
    return read_tables(&reader);
}

bool pt_visit_tables_used(const struct pt_space *space, struct virt_range range,
                          pt_table_visitor visit, void *context)
{
    struct table_reader reader = {{.space = space}, visit, context, &range};
    return read_tables(&reader);
}

const char *pt_status_text(enum pt_status status)
{
    static const char *const texts[] = {
        [PT_OK] = "done",
        [PT_MISALIGNED] = "an address or a size is not a multiple of 4 KiB",
        [PT_BAD_RANGE] = "the range is empty, wraps, is not canonical or passes MAXPHYADDR",
        [PT_BAD_ATTRIBUTES] = "these rights or this memory type cannot be mapped",
        [PT_ALREADY_MAPPED] = "something is mapped there already",
        [PT_NOT_MAPPED] = "nothing is mapped there",
        [PT_NO_FRAMES] = "no frame is left for a table",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}
