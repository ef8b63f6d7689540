/* The page-table library: one walker with the level as a parameter, over any
 * number of levels, in any world. The loader, the kernel and the host's tests
 * all run this code.
 *
 * Sources: Intel SDM Vol. 3A, 4.5 (translation), 4.6 (rights), 4.10 (caching
 * of translations). Entry bits live in x86_paging.h.
 *
 * Editing (pt_map, pt_link, pt_unmap, pt_protect, pt_set_global, pt_split, pt_clone) is all or
 * nothing: a first pass over the range finds every reason to fail and counts
 * the table frames that are needed, these are then taken, and only then is an entry
 * written. Any status but PT_OK means that the tables and the frame source are as they
 * were, and space->where holds the address at which the operation gave up.
 *
 * Not safe against concurrent edits of one space: callers serialise. */
#ifndef BESTLA_PAGE_TABLE_H
#define BESTLA_PAGE_TABLE_H

#include "x86_paging.h"

enum pt_status {
    PT_OK,
    PT_MISALIGNED,     /* virtual address, physical address or size not whole pages */
    PT_BAD_RANGE,      /* empty, wraps, not canonical, or past MAXPHYADDR; pt_link: a table that
                          no entry of the space can lead to */
    PT_BAD_ATTRIBUTES, /* no read right, write and execute together, user, PAT past 7 */
    PT_ALREADY_MAPPED, /* pt_map, pt_link, pt_clone: something is mapped there */
    PT_NOT_MAPPED,     /* pt_unmap, pt_protect, pt_set_global, pt_split: a hole in the range */
    PT_NO_FRAMES,      /* the frame source ran dry */
};

/* Where table frames come from and go back to. A frame is 4 KiB, aligned, and
 * reachable at physical address + space->phys_to_virt; its contents are
 * unspecified. `take` returns false when there is none. */
struct frame_source {
    bool (*take)(struct frame_source *source, phys_addr_t *frame);
    void (*give)(struct frame_source *source, phys_addr_t frame);
};

struct pt_space {
    phys_addr_t root;
    enum pt_level top; /* PT_LEVEL_PML4, or PT_LEVEL_PML5 with CR4.LA57 */
    struct pt_features features;
    uint64_t phys_to_virt;       /* 0 while physical memory is mapped at itself */
    struct frame_source *frames; /* NULL for a space that is only read */

    /* For reading tables that may be wrong: a table in a frame that it denies is not looked into,
     * as if the entry that names it were not present. NULL: every table can be read. */
    bool (*can_read)(phys_addr_t frame);

    /* Called after entries of a live space have changed, before table frames that
     * went out of use are given back (SDM Vol. 3A, 4.10.4.2). NULL while no
     * CPU has the space loaded. */
    void (*invalidate)(struct virt_range range);

    virt_addr_t where; /* of the last failure */
};

/* Takes a frame for the root and clears it. The other members must be set.
 * PT_NO_FRAMES, or PT_OK. */
__attribute__((warn_unused_result)) enum pt_status pt_create(struct pt_space *space);

/* Gives every table frame back, the root last. The space must not be loaded. */
void pt_destroy(struct pt_space *space);

/* Maps `range` to the physical range of the same size at `to`, in the largest
 * leaves that alignment, the CPU and `largest` allow. PT_MISALIGNED,
 * PT_BAD_RANGE, PT_BAD_ATTRIBUTES, PT_ALREADY_MAPPED, PT_NO_FRAMES. */
__attribute__((warn_unused_result)) enum pt_status pt_map(struct pt_space *space,
                                                          struct virt_range range, phys_addr_t to,
                                                          struct pt_attributes attributes,
                                                          enum pt_level largest);

/* Puts a table that somebody else made under the entry that stands for `address` one level above
 * it. `level` is the table's, and the table, with those below it, belongs to the space from then
 * on. PT_MISALIGNED, PT_BAD_RANGE (also where `level` is not below the space's top),
 * PT_ALREADY_MAPPED, PT_NO_FRAMES. */
__attribute__((warn_unused_result)) enum pt_status pt_link(struct pt_space *space,
                                                           virt_addr_t address, phys_addr_t table,
                                                           enum pt_level level);

/* Removes the mapping of the whole range, splitting leaves that reach past it
 * and giving back the tables that become empty. PT_MISALIGNED, PT_BAD_RANGE,
 * PT_NOT_MAPPED, PT_NO_FRAMES. */
__attribute__((warn_unused_result)) enum pt_status pt_unmap(struct pt_space *space,
                                                            struct virt_range range);

/* Gives the whole range these rights, splitting leaves that reach past it.
 * Memory type and global bit stay. PT_MISALIGNED, PT_BAD_RANGE,
 * PT_BAD_ATTRIBUTES, PT_NOT_MAPPED, PT_NO_FRAMES. */
__attribute__((warn_unused_result)) enum pt_status pt_protect(struct pt_space *space,
                                                              struct virt_range range,
                                                              unsigned rights);

/* Sets or clears the global bit of every leaf in the range. Statuses as
 * pt_unmap. */
__attribute__((warn_unused_result)) enum pt_status pt_set_global(struct pt_space *space,
                                                                 struct virt_range range,
                                                                 bool global);

/* Makes every leaf in the range at most as large as a leaf of `largest`; the
 * translation stays what it is. PT_MISALIGNED, PT_BAD_RANGE, PT_NOT_MAPPED,
 * PT_NO_FRAMES. */
__attribute__((warn_unused_result)) enum pt_status pt_split(struct pt_space *space,
                                                            struct virt_range range,
                                                            enum pt_level largest);

/* Gives `space` the same translations and effective rights for the range as `from` has, holes
 * included, leaf by leaf and of the same sizes (a leaf that reaches past the range is
 * split), in table frames of its own. Nothing may be mapped there yet. Both have the
 * same number of levels. PT_MISALIGNED, PT_BAD_RANGE, PT_ALREADY_MAPPED,
 * PT_NO_FRAMES. */
__attribute__((warn_unused_result)) enum pt_status pt_clone(struct pt_space *space,
                                                            const struct pt_space *from,
                                                            struct virt_range range);

/* A page (4 KiB, 2 MiB or 1 GiB) and what all levels together allow. */
struct pt_leaf {
    virt_addr_t virt; /* of the page */
    phys_addr_t phys;
    enum pt_level level;             /* 1, 2 or 3 */
    struct pt_attributes attributes; /* rights effective, the rest the leaf's */
    uint64_t entry;                  /* as it stands in the table */
};

/* Reading goes where the CPU goes: what lies behind an entry with a reserved bit that is set
 * (entry_reserved(), by space->features) is mapped for nobody. */

/* Translates one address. False: not mapped (or not canonical). `leaf` may be NULL. */
bool pt_translate(const struct pt_space *space, virt_addr_t address, struct pt_leaf *leaf);

/* One step of a walk: the entry of each level from the top, until one is not present, has reserved
 * bits set or is a leaf. Returns how many steps there are. */
struct pt_step {
    enum pt_level level;
    phys_addr_t at; /* of the entry itself */
    uint64_t entry;
    unsigned rights; /* that this and the levels above allow */
};
#define PT_STEPS_MAX 5
size_t pt_walk(const struct pt_space *space, virt_addr_t address,
               struct pt_step steps[PT_STEPS_MAX]);

/* Calls `visit` for each leaf that overlaps the range, in ascending order,
 * until it returns false. Returns false when it did. The range's ends need not be
 * aligned; parts that are not canonical hold no leaf. */
typedef bool (*pt_leaf_visitor)(void *context, const struct pt_leaf *leaf);
bool pt_visit_leaves(const struct pt_space *space, struct virt_range range, pt_leaf_visitor visit,
                     void *context);

/* Leaves that follow each other in both worlds with the same size and
 * attributes; accessed and dirty bits do not split a run. */
struct pt_run {
    struct virt_range virt;
    phys_addr_t phys;
    enum pt_level level;
    uint64_t count; /* of leaves */
    struct pt_attributes attributes;
};
typedef bool (*pt_run_visitor)(void *context, const struct pt_run *run);
bool pt_visit_runs(const struct pt_space *space, struct virt_range range, pt_run_visitor visit,
                   void *context);

/* Calls `visit` for each table frame that a walk can reach, the root first. */
typedef bool (*pt_table_visitor)(void *context, phys_addr_t frame, enum pt_level level);
bool pt_visit_tables(const struct pt_space *space, pt_table_visitor visit, void *context);

/* The same, for tables of which most were never used: what stands behind a table that translates
 * nothing of `range`, and that the CPU has not gone through since it was made, is not looked for.
 * The table itself is visited. (The CPU sets the accessed flag of each entry that it goes through:
 * SDM Vol. 3A, 4.8.) */
bool pt_visit_tables_used(const struct pt_space *space, struct virt_range range,
                          pt_table_visitor visit, void *context);

/* The half below the non-canonical hole, and the half above it. */
struct virt_range pt_lower_half(const struct pt_space *space);
struct virt_range pt_upper_half(const struct pt_space *space);

const char *pt_status_text(enum pt_status status);

#endif
