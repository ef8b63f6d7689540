/* See image_tables.h: tables held against the segments, entry by entry. The pass goes through the
 * tables once and through the segments' pages beside them. What a table entry must be does not
 * depend on what was read, so no pointer is followed before it is known to be right: that, and not
 * a limit, is why a loop cannot hold the pass up. */
#include "image_tables.h"

#include "format.h"

/* What entry 0 of the PDPT stands for. */
#define PDPT_START (IMAGE_TABLES_REGION - IMAGE_TABLES_REGION_SIZE)

struct checker {
    const struct elf_image *image;
    const struct image_tables *tables;
    const uint64_t *frames;
    uint32_t next;          /* frame that no entry has led to yet */
    struct image_pages now; /* the pages to come; */
    uint64_t start, end;    /* where, from PDPT_START: UINT64_MAX after the last */
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
    uint64_t start; /* from PDPT_START */
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
        .virt = PDPT_START + view->start + index * level_size(view->level),
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
    checker->start = checker->now.range.start.raw - PDPT_START;
    checker->end = checker->start + checker->now.range.size;
}

/* The entry of this table that stands for an address at or after its start. */
static size_t index_of(const struct view *view, uint64_t address)
{
    return (size_t)min_u64((address - view->start) / PAGE_SIZE, PT_ENTRIES);
}

/* A PT goes by runs of pages: large images have many thousand entries. */
static bool check_pt(struct checker *checker, const struct view *view)
{
    const uint64_t *entries = checker->frames + view->frame * (uint64_t)PT_ENTRIES;
    size_t i = 0;

    while (i < PT_ENTRIES) {
        uint64_t from = max_u64(checker->start, view->start + i * PAGE_SIZE);

        for (size_t gap = index_of(view, from); i < gap; i++) {
            if (entries[i] != 0)
                return refuse(checker, view, i, 0);
        }
        if (i == PT_ENTRIES)
            break;
        uint64_t leaf = entry_make_leaf(
            phys(from + PDPT_START - checker->image->span.start.raw), PT_LEVEL_PT,
            (struct pt_attributes){checker->now.rights, PAT_WRITE_BACK, false}, true);
        for (size_t run = index_of(view, checker->end); i < run; i++, leaf += PAGE_SIZE) {
            if (entries[i] != leaf)
                return refuse(checker, view, i, leaf);
        }
        if (checker->end <= view->start + i * PAGE_SIZE)
            next_pages(checker);
    }
    return true;
}

static bool check_table(struct checker *checker, const struct view *view)
{
    const uint64_t *entries = checker->frames + view->frame * (uint64_t)PT_ENTRIES;

    if (view->level == PT_LEVEL_PT)
        return check_pt(checker, view);
    for (size_t i = 0; i < PT_ENTRIES; i++) {
        struct view below = {checker->next, level_below(view->level),
                             view->start + i * level_size(view->level)};
        bool used = checker->start < below.start + level_size(view->level);
        uint64_t at = checker->tables->root + below.frame * PAGE_SIZE;
        uint64_t expected = used ? entry_make_table(phys(at)) : 0;

        if (entries[i] != expected)
            return refuse(checker, view, i, expected);
        if (!used)
            continue;
        /* Right as the entry is, the frame it leads to is none of the note's. */
        if (checker->next == checker->tables->frames) {
            (void)refuse(checker, view, i, expected);
            checker->error->status = IMAGE_TABLES_OUTSIDE_TABLES;
            return false;
        }
        checker->next++;
        if (!check_table(checker, &below))
            return false;
    }
    return true;
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
