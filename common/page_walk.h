/* The walker under page_table.c (edits) and page_read.c (queries). Private to
 * these two: everyone else includes page_table.h. */
#ifndef BESTLA_PAGE_WALK_H
#define BESTLA_PAGE_WALK_H

#include "page_table.h"

/* Where the walker stands: one entry, and what of the range lies behind it. */
struct pt_slot {
    enum pt_level level;
    struct virt_range part; /* of the range, within this entry */
    size_t whole;           /* entries from here that the range covers wholly, in this table */
    uint64_t value;         /* the entry; in a table that is only planned, what it would hold */
    uint64_t *entry;        /* NULL in a table that is only planned */
    phys_addr_t at;         /* of the entry */
    unsigned rights;        /* that the levels above leave over */
};

/* What an operation makes of a slot. */
enum pt_move {
    PT_MOVE_ON, /* done with `count` entries, or with `whole` if that is fewer; always with one */
    PT_DESCEND, /* look at the table behind it; an edit makes it where there is none */
    PT_STOP,    /* give up with `status` */
};

struct pt_verdict {
    enum pt_move move;
    size_t count;
    enum pt_status status;
};

enum pt_pass {
    PT_READ,   /* nothing changes; slots without a table are not descended into */
    PT_PLAN,   /* nothing changes; table frames that an edit will need are counted */
    PT_COMMIT, /* entries are written; frames come from `reserve` */
};

struct pt_walker {
    const struct pt_space *space;
    enum pt_pass pass;
    struct pt_verdict (*at)(struct pt_walker *walker, const struct pt_slot *slot);
    bool prune; /* PT_COMMIT: take out tables that have become empty */

    size_t needed;         /* PT_PLAN: table frames */
    phys_addr_t reserve;   /* PT_COMMIT: frames to use, chained by their first word; 0 ends */
    phys_addr_t discarded; /* PT_COMMIT: frames pruned, chained likewise */
    virt_addr_t where;     /* of PT_STOP */
};

enum pt_status pt_walk_range(struct pt_walker *walker, struct virt_range range);

/* The table at a physical address, as this world sees it. */
static inline uint64_t *pt_table_at(const struct pt_space *space, phys_addr_t table)
{
    return (uint64_t *)(uintptr_t)(table.raw + space->phys_to_virt);
}

static inline struct pt_verdict pt_move_on(size_t count)
{
    return (struct pt_verdict){PT_MOVE_ON, count, PT_OK};
}

static inline struct pt_verdict pt_descend(void)
{
    return (struct pt_verdict){PT_DESCEND, 1, PT_OK};
}

static inline struct pt_verdict pt_stop(enum pt_status status)
{
    return (struct pt_verdict){PT_STOP, 0, status};
}

/* The chain of frames that a walker's `reserve` and `discarded` are. */
void pt_chain_push(const struct pt_space *space, phys_addr_t *chain, phys_addr_t frame);
phys_addr_t pt_chain_pop(const struct pt_space *space, phys_addr_t *chain);

#endif
