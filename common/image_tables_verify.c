/* See image_tables.h: tables held against the segments, entry by entry. The pass goes through the
 * tables once and through the segments' pages beside them. What a table entry must be does not
 * depend on what was read, so no pointer is followed before it is known to be right: that, and not
 * a limit, is why a loop cannot hold the pass up. */
#include "image_tables.h"

#include "format.h"

struct checker {
    const struct elf_image *image;
    const struct image_tables *tables;
    const uint64_t *frames;
    uint32_t next;          /* frame that no entry has led to yet */
    struct image_pages now; /* the pages to come; */
    uint64_t start, end;    /* where, from IMAGE_TABLES_PDPT: UINT64_MAX after the last */
    struct image_tables_error *error;
};

/* ---- the note -------------------------------------------------------------------------- */

/* Written or executed, the frames would be no page tables to trust for long. */
static bool are_only_read(const struct elf_image *image, const struct image_tables *tables)
{
    uint64_t start = image->span.start.raw + tables->root;
    uint64_t size = tables->frames * PAGE_SIZE;
    struct elf_segment segment;

    for (unsigned cursor = 0; elf_next_segment(image, &cursor, &segment);) {
        uint64_t into = start - segment.memory.start.raw;
        if (segment.rights == PT_RIGHT_READ && into < segment.memory.size &&
            size <= segment.memory.size - into)
            return true;
    }
    return false;
}

static enum image_tables_status note_lies(struct image_tables_error *error,
                                          enum image_tables_status status, uint64_t value,
                                          uint64_t expected)
{
    *error = (struct image_tables_error){.status = status, .value = value, .expected = expected};
    return status;
}

static enum image_tables_status verify_note(const struct elf_image *image,
                                            const struct image_tables *tables,
                                            struct image_tables_error *error)
{
    if (tables->base != image->span.start.raw)
        return note_lies(error, IMAGE_TABLES_BAD_BASE, tables->base, image->span.start.raw);
    if (!is_aligned(tables->root, PAGE_SIZE) || tables->root >= image->span.size)
        return note_lies(error, IMAGE_TABLES_BAD_ROOT, tables->root, image->span.size);
    if (tables->frames == 0 || !are_only_read(image, tables))
        return note_lies(error, IMAGE_TABLES_BAD_FRAMES, tables->frames, tables->root);
    return IMAGE_TABLES_OK;
}

/* ---- entries --------------------------------------------------------------------------- */

/* Of two entries, the second what the first must be and present: in what they differ. */
static enum image_tables_status name_lie(const struct checker *checker, uint64_t entry,
                                         uint64_t expected, enum pt_level level)
{
    const uint64_t differ = entry ^ expected, at = entry & ENTRY_ADDRESS;
    const uint64_t types =
        ENTRY_WRITE_THROUGH | ENTRY_CACHE_DISABLE | (level == PT_LEVEL_PT ? ENTRY_PAT_SMALL : 0);

    if (!entry_is_present(entry))
        return IMAGE_TABLES_MISSING;
    if (entry & ENTRY_USER)
        return IMAGE_TABLES_USER;
    if (level > PT_LEVEL_PT && entry_is_leaf(entry, level))
        return IMAGE_TABLES_LARGE;
    if (differ & types)
        return IMAGE_TABLES_MEMORY_TYPE;
    if (differ & ENTRY_GLOBAL)
        return IMAGE_TABLES_GLOBAL;
    if (differ & ~(ENTRY_ADDRESS | ENTRY_WRITE | ENTRY_NO_EXECUTE))
        return IMAGE_TABLES_RESERVED;
    if (differ & ENTRY_ADDRESS && level > PT_LEVEL_PT)
        return at - checker->tables->root < checker->tables->frames * PAGE_SIZE
                   ? IMAGE_TABLES_NOT_NEXT
                   : IMAGE_TABLES_OUTSIDE_TABLES;
    if (differ & ENTRY_ADDRESS)
        return at < checker->image->span.size ? IMAGE_TABLES_WRONG_FRAME
                                              : IMAGE_TABLES_OUTSIDE_IMAGE;
    return entry_rights(entry) & ~entry_rights(expected) ? IMAGE_TABLES_MORE_RIGHTS
                                                         : IMAGE_TABLES_FEWER_RIGHTS;
}

/* A table that is being looked at. */
struct view {
    uint32_t frame;
    enum pt_level level;
    uint64_t start; /* from IMAGE_TABLES_PDPT */
};

static bool refuse(const struct checker *checker, const struct view *view, size_t index,
                   uint64_t expected)
{
    uint64_t entry = checker->frames[view->frame * (uint64_t)PT_ENTRIES + index];

    *checker->error = (struct image_tables_error){
        .status =
            expected == 0 ? IMAGE_TABLES_STRAY : name_lie(checker, entry, expected, view->level),
        .frame = view->frame,
        .level = view->level,
        .index = (unsigned)index,
        .virt = IMAGE_TABLES_PDPT + view->start + index * level_size(view->level),
        .value = entry,
        .expected = expected,
    };
    return false;
}

/* ---- tables ---------------------------------------------------------------------------- */

static void next_pages(struct checker *checker)
{
    if (!image_next_pages(checker->image, &checker->now)) {
        checker->start = checker->end = UINT64_MAX;
        return;
    }
    checker->start = checker->now.range.start.raw - IMAGE_TABLES_PDPT;
    checker->end = checker->start + checker->now.range.size;
}

/* The entry of this table that stands for an address at or after its start. */
static size_t index_of(const struct view *view, uint64_t address)
{
    return (size_t)min_u64((address - view->start) >> level_shift(view->level), PT_ENTRIES);
}

/* The first of these entries that is not 0, or `end`. Most are: eight at a time. */
static size_t skip_zeros(const uint64_t *entries, size_t at, size_t end)
{
    for (; end - at >= 8; at += 8) {
        if (entries[at] | entries[at + 1] | entries[at + 2] | entries[at + 3] | entries[at + 4] |
            entries[at + 5] | entries[at + 6] | entries[at + 7])
            break;
    }
    while (at < end && entries[at] == 0)
        at++;
    return at;
}

/* The first of these entries that is not the leaf of its page, the first of which is `*leaf`, or
 * `end`. *leaf is then what it should have been. */
static size_t skip_leaves(const uint64_t *entries, size_t at, size_t end, uint64_t *leaf)
{
    uint64_t next = *leaf;

    for (; end - at >= 4; at += 4, next += 4 * PAGE_SIZE) {
        if ((entries[at] ^ next) | (entries[at + 1] ^ (next + PAGE_SIZE)) |
            (entries[at + 2] ^ (next + 2 * PAGE_SIZE)) | (entries[at + 3] ^ (next + 3 * PAGE_SIZE)))
            break;
    }
    for (; at < end && entries[at] == next; at++)
        next += PAGE_SIZE;
    *leaf = next;
    return at;
}

static uint64_t leaf_for(const struct checker *checker, uint64_t address)
{
    uint64_t offset = address + IMAGE_TABLES_PDPT - checker->image->span.start.raw;

    return entry_make_leaf(phys(offset), PT_LEVEL_PT,
                           (struct pt_attributes){checker->now.rights, PAT_WRITE_BACK, false},
                           true);
}

/* A PT goes by runs of pages: large images have many thousand entries. */
static bool check_pt(struct checker *checker, const struct view *view)
{
    const uint64_t *entries = checker->frames + view->frame * (uint64_t)PT_ENTRIES;
    size_t i = 0;

    for (;;) {
        uint64_t from = max_u64(checker->start, view->start + i * PAGE_SIZE);
        size_t gap = index_of(view, from);

        i = skip_zeros(entries, i, gap);
        if (i < gap)
            return refuse(checker, view, i, 0);
        if (i == PT_ENTRIES)
            return true;
        uint64_t leaf = leaf_for(checker, from);
        size_t run = index_of(view, checker->end);
        i = skip_leaves(entries, i, run, &leaf);
        if (i < run)
            return refuse(checker, view, i, leaf);
        if (checker->end <= view->start + i * PAGE_SIZE)
            next_pages(checker);
    }
}

static bool check_table(struct checker *checker, const struct view *view);

/* An entry that leads to the frame that is next, and the table there. */
static bool check_pointer(struct checker *checker, const struct view *view, size_t index)
{
    struct view below = {checker->next, level_below(view->level),
                         view->start + index * level_size(view->level)};
    uint64_t expected = entry_make_table(phys(checker->tables->root + below.frame * PAGE_SIZE));

    if (checker->frames[view->frame * (uint64_t)PT_ENTRIES + index] != expected)
        return refuse(checker, view, index, expected);
    if (checker->next == checker->tables->frames) {
        /* Right as the entry is, the frame it leads to is none of the note's. */
        (void)refuse(checker, view, index, expected);
        checker->error->status = IMAGE_TABLES_OUTSIDE_TABLES;
        return false;
    }
    checker->next++;
    return below.level == PT_LEVEL_PT ? check_pt(checker, &below) : check_table(checker, &below);
}

static bool check_table(struct checker *checker, const struct view *view)
{
    const uint64_t *entries = checker->frames + view->frame * (uint64_t)PT_ENTRIES;

    for (size_t i = 0;; i++) {
        /* A run of pages may have begun before. */
        uint64_t here = view->start + i * level_size(view->level);
        size_t used = index_of(view, max_u64(checker->start, here));

        i = skip_zeros(entries, i, used);
        if (i < used)
            return refuse(checker, view, i, 0);
        if (i == PT_ENTRIES)
            return true;
        if (!check_pointer(checker, view, i))
            return false;
    }
}

enum image_tables_status image_tables_verify(const struct elf_image *image, const void *memory,
                                             const struct image_tables *tables,
                                             struct image_tables_error *error)
{
    enum image_tables_status status = verify_note(image, tables, error);

    if (status != IMAGE_TABLES_OK)
        return status;
    if (image->span.start.raw < IMAGE_TABLES_REGION)
        return note_lies(error, IMAGE_TABLES_BAD_BASE, tables->base, IMAGE_TABLES_REGION);
    struct checker checker = {
        .image = image,
        .tables = tables,
        .frames = (const uint64_t *)(const void *)((const char *)memory + tables->root),
        .next = 1,
        .error = error,
    };
    next_pages(&checker);
    if (!check_table(&checker, &(struct view){0, PT_LEVEL_PDPT, 0}))
        return error->status;
    if (checker.next != tables->frames)
        return note_lies(error, IMAGE_TABLES_UNUSED_FRAMES, tables->frames, checker.next);
    return IMAGE_TABLES_OK;
}

/* ---- words ----------------------------------------------------------------------------- */

static const char *const texts[] = {
    [IMAGE_TABLES_OK] = "is as it must be",
    [IMAGE_TABLES_BAD_BASE] = "note: base is not the image's first page",
    [IMAGE_TABLES_BAD_ROOT] = "note: root is no page of the image's, of bytes",
    [IMAGE_TABLES_BAD_FRAMES] = "note: frames do not lie in one read-only segment, from root",
    [IMAGE_TABLES_UNUSED_FRAMES] = "note: frames are more than the tables use",
    [IMAGE_TABLES_MISSING] = "maps nothing where a segment has a page",
    [IMAGE_TABLES_STRAY] = "stands where no segment has a page",
    [IMAGE_TABLES_USER] = "has the user bit",
    [IMAGE_TABLES_LARGE] = "is a large leaf",
    [IMAGE_TABLES_MEMORY_TYPE] = "is not write-back",
    [IMAGE_TABLES_GLOBAL] = "has the global bit",
    [IMAGE_TABLES_RESERVED] = "has a bit that must be 0",
    [IMAGE_TABLES_OUTSIDE_TABLES] = "leads out of the tables",
    [IMAGE_TABLES_NOT_NEXT] = "leads to a table that is not the next",
    [IMAGE_TABLES_OUTSIDE_IMAGE] = "maps what is not the image's",
    [IMAGE_TABLES_WRONG_FRAME] = "maps another page of the image",
    [IMAGE_TABLES_MORE_RIGHTS] = "grants more than its segment",
    [IMAGE_TABLES_FEWER_RIGHTS] = "grants less than its segment",
};

size_t image_tables_describe(const struct image_tables_error *error, char *buffer, size_t size)
{
    static const char *const levels[] = {"", "PT", "PD", "PDPT"};

    if (error->level == 0)
        return format_text(buffer, size, "%s: 0x%lx, 0x%lx", texts[error->status], error->value,
                           error->expected);
    return format_text(buffer, size,
                       "page table %u (%s), entry %u, for 0x%lx: 0x%lx %s; 0x%lx is right",
                       error->frame, levels[error->level], error->index, error->virt, error->value,
                       texts[error->status], error->expected);
}
