/* The one walker: descends from the root, shows each entry that the range touches to
 * an operation and does as it says. Planning and committing run through the same
 * code, so that what was counted is what is taken. */
#include "page_walk.h"

#include "mem.h"

/* A table as the walker sees it. One that is only planned has no entries yet:
 * they would all derive from the entry above, a leaf to be split or nothing. */
struct table_view {
    uint64_t *entries;
    phys_addr_t frame;
    uint64_t above;
    enum pt_level level;
    unsigned rights;
};

void pt_chain_push(const struct pt_space *space, phys_addr_t *chain, phys_addr_t frame)
{
    *pt_table_at(space, frame) = chain->raw;
    *chain = frame;
}

phys_addr_t pt_chain_pop(const struct pt_space *space, phys_addr_t *chain)
{
    phys_addr_t frame = *chain;
    *chain = phys(*pt_table_at(space, frame));
    return frame;
}

static uint64_t view_value(const struct table_view *table, size_t index)
{
    if (table->entries != NULL)
        return table->entries[index];
    if (entry_is_present(table->above))
        return entry_split(table->above, (enum pt_level)(table->level + 1), index);
    return 0;
}

static struct pt_slot slot_at(const struct table_view *table, struct virt_range range)
{
    uint64_t entry_size = level_size(table->level);
    size_t index = level_index(range.start, table->level);
    uint64_t into = range.start.raw & (entry_size - 1);
    size_t whole = into != 0 ? 0 : (size_t)(range.size >> level_shift(table->level));

    return (struct pt_slot){
        .level = table->level,
        .part = {range.start, min_u64(range.size, entry_size - into)},
        .whole = whole < PT_ENTRIES - index ? whole : PT_ENTRIES - index,
        .value = view_value(table, index),
        .entry = table->entries == NULL ? NULL : &table->entries[index],
        .at = phys(table->frame.raw + index * sizeof(uint64_t)),
        .rights = table->rights,
    };
}

/* Puts a table where a leaf or nothing was; the translation stays what it is. Returns the new
 * entry. */
static uint64_t grow_table(struct pt_walker *walker, const struct pt_slot *slot)
{
    phys_addr_t frame = pt_chain_pop(walker->space, &walker->reserve);
    uint64_t *entries = pt_table_at(walker->space, frame);

    if (entry_is_present(slot->value)) {
        for (size_t i = 0; i < PT_ENTRIES; i++)
            entries[i] = entry_split(slot->value, slot->level, i);
    } else {
        memset(entries, 0, PAGE_SIZE);
    }
    entry_write(slot->entry, entry_make_table(frame));
    return entry_make_table(frame);
}

static bool table_is_empty(const uint64_t *entries)
{
    for (size_t i = 0; i < PT_ENTRIES; i++) {
        if (entry_is_present(entries[i]))
            return false;
    }
    return true;
}

static void prune_table(struct pt_walker *walker, const struct pt_slot *slot)
{
    phys_addr_t frame = entry_table(*slot->entry);

    if (!walker->prune || !table_is_empty(pt_table_at(walker->space, frame)))
        return;
    entry_write(slot->entry, 0);
    /* A CPU may still walk the table until the invalidation: the chain's word, an aligned
     * address, reads as an entry that is not present. */
    pt_chain_push(walker->space, &walker->discarded, frame);
}

static enum pt_status walk_table(struct pt_walker *walker, const struct table_view *table,
                                 struct virt_range range);

static bool can_read(const struct pt_walker *walker, phys_addr_t table)
{
    return walker->pass != PT_READ || walker->space->can_read == NULL ||
           walker->space->can_read(table);
}

/* The table behind a slot; one that is missing is counted, made or passed over,
 * by pass. */
static enum pt_status walk_below(struct pt_walker *walker, const struct pt_slot *slot)
{
    struct table_view below = {
        .above = slot->value,
        .level = level_below(slot->level),
        .rights = slot->rights & entry_rights(slot->value),
    };
    uint64_t table = slot->value;

    if (!entry_is_table(slot->value, slot->level)) {
        if (walker->pass == PT_READ)
            return PT_OK;
        if (walker->pass == PT_PLAN) {
            walker->needed++;
            return walk_table(walker, &below, slot->part);
        }
        table = grow_table(walker, slot);
    }

    if (!can_read(walker, entry_table(table)))
        return PT_OK;
    below.frame = entry_table(table);
    below.entries = pt_table_at(walker->space, below.frame);
    enum pt_status status = walk_table(walker, &below, slot->part);
    if (walker->pass == PT_COMMIT)
        prune_table(walker, slot);
    return status;
}

static enum pt_status walk_table(struct pt_walker *walker, const struct table_view *table,
                                 struct virt_range range)
{
    while (range.size != 0) {
        struct pt_slot slot = slot_at(table, range);
        struct pt_verdict verdict = walker->at(walker, &slot);
        uint64_t done = slot.part.size;

        if (verdict.move == PT_STOP) {
            walker->where = slot.part.start;
            return verdict.status;
        }
        if (verdict.move == PT_DESCEND) {
            enum pt_status status = walk_below(walker, &slot);
            if (status != PT_OK)
                return status;
        } else if (min_u64(verdict.count, slot.whole) > 1) {
            /* Whatever an operation claims, no further than the range and the table go. */
            done = min_u64(verdict.count, slot.whole) << level_shift(table->level);
        }
        range.start.raw += done;
        range.size -= done;
    }
    return PT_OK;
}

enum pt_status pt_walk_range(struct pt_walker *walker, struct virt_range range)
{
    struct table_view root = {
        .entries = pt_table_at(walker->space, walker->space->root),
        .frame = walker->space->root,
        .level = walker->space->top,
        .rights = PT_RIGHT_READ | PT_RIGHT_WRITE | PT_RIGHT_EXECUTE | PT_RIGHT_USER,
    };
    if (!can_read(walker, root.frame))
        return PT_OK;
    return walk_table(walker, &root, range);
}
