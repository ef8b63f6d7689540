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
    struct elf_segment segment;

    return elf_find_segment(image, virt_range(start, tables->frames * PAGE_SIZE), &segment) &&
           segment.rights == PT_RIGHT_READ;
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
    if (tables->base < IMAGE_TABLES_REGION)
        return note_lies(error, IMAGE_TABLES_BAD_REGION, tables->base, IMAGE_TABLES_REGION);
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
        /* The entry is right: it is the note that knows of too few. */
        (void)note_lies(checker->error, IMAGE_TABLES_FEW_FRAMES, checker->next,
                        checker->next + UINT64_C(1));
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

/* Of a note: its field, and the words between the two numbers and behind them. Of an entry: what it
 * does. */
static const struct words {
    const char *field, *fault, *end;
} words[] = {
    [IMAGE_TABLES_OK] = {NULL, "is as it must be", NULL},
    [IMAGE_TABLES_NONE] = {NULL, "is not there", NULL},
    [IMAGE_TABLES_NOTE_OUTSIDE] = {"p_vaddr", "is in no PT_LOAD that has room for p_filesz", ""},
    [IMAGE_TABLES_CUT_NOTE] = {"the last", "bytes are less than a header's", ""},
    [IMAGE_TABLES_LONG_OWNER] = {"n_namesz", "reaches past the notes, of which", " bytes are left"},
    [IMAGE_TABLES_LONG_NOTE] = {"n_descsz", "reaches past the notes, of which", " bytes are left"},
    [IMAGE_TABLES_SHORT_NOTE] = {"n_descsz", "is less than the descriptor's", " bytes"},
    [IMAGE_TABLES_BAD_BASE] = {"base", "is not the image's first page", ""},
    [IMAGE_TABLES_BAD_REGION] = {"base", "is below where images may lie, from", " on"},
    [IMAGE_TABLES_BAD_ROOT] = {"root", "is not a page inside the image of", " bytes"},
    [IMAGE_TABLES_BAD_FRAMES] = {"frames", "do not lie in one read-only segment, from root", ""},
    [IMAGE_TABLES_FEW_FRAMES] = {"frames", "are less than the tables have,", " or more"},
    [IMAGE_TABLES_UNUSED_FRAMES] = {"frames", "are more than the tables use,", ""},
    [IMAGE_TABLES_MISSING] = {NULL, "maps nothing where a segment has a page", NULL},
    [IMAGE_TABLES_STRAY] = {NULL, "stands where no segment has a page", NULL},
    [IMAGE_TABLES_USER] = {NULL, "has the user bit", NULL},
    [IMAGE_TABLES_LARGE] = {NULL, "is a large leaf", NULL},
    [IMAGE_TABLES_MEMORY_TYPE] = {NULL, "is not write-back", NULL},
    [IMAGE_TABLES_GLOBAL] = {NULL, "has the global bit", NULL},
    [IMAGE_TABLES_RESERVED] = {NULL, "has a bit that must be 0", NULL},
    [IMAGE_TABLES_OUTSIDE_TABLES] = {NULL, "leads out of the tables", NULL},
    [IMAGE_TABLES_NOT_NEXT] = {NULL, "leads to a table that is not the next", NULL},
    [IMAGE_TABLES_OUTSIDE_IMAGE] = {NULL, "maps what is not the image's", NULL},
    [IMAGE_TABLES_WRONG_FRAME] = {NULL, "maps another page of the image", NULL},
    [IMAGE_TABLES_MORE_RIGHTS] = {NULL, "grants more than its segment", NULL},
    [IMAGE_TABLES_FEWER_RIGHTS] = {NULL, "grants less than its segment", NULL},
};

size_t image_tables_describe(const struct image_tables_error *error, char *buffer, size_t size)
{
    static const char *const levels[] = {"", "PT", "PD", "PDPT"};
    const struct words *say = &words[error->status];

    if (error->level == 0)
        return format_text(buffer, size, "note: %s 0x%lx %s 0x%lx%s", say->field, error->value,
                           say->fault, error->expected, say->end);
    return format_text(buffer, size,
                       "page table %u (%s), entry %u, for 0x%lx: 0x%lx %s; 0x%lx is right",
                       error->frame, levels[error->level], error->index, error->virt, error->value,
                       say->fault, error->expected);
}
