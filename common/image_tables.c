/* See image_tables.h: the note, the making, and the moving; image_tables_verify.c has the rest. */
#include "image_tables.h"

#include <elf.h>

#include "mem.h"

#define FRAME_ENTRIES (PAGE_SIZE / sizeof(uint64_t))

bool image_next_pages(const struct elf_image *image, struct image_pages *pages)
{
    uint64_t done = pages->range.start.raw + pages->range.size;
    bool first = pages->cursor == 0;
    struct elf_segment segment;

    while (elf_next_segment(image, &pages->cursor, &segment)) {
        uint64_t start = align_down(segment.memory.start.raw, PAGE_SIZE);
        uint64_t size = align_up(segment.memory.start.raw + segment.memory.size, PAGE_SIZE) - start;
        uint64_t shared = first || done <= start ? 0 : done - start;

        first = false;
        if (size <= shared)
            continue;
        pages->range = virt_range(start + shared, size - shared);
        pages->rights = segment.rights;
        return true;
    }
    return false;
}

/* ---- the note -------------------------------------------------------------------------- */

static enum image_tables_status refuse(struct image_tables_error *error,
                                       enum image_tables_status status, uint64_t value,
                                       uint64_t limit)
{
    *error = (struct image_tables_error){.status = status, .value = value, .expected = limit};
    return status;
}

static bool is_ours(const Elf64_Nhdr *header, const char *name)
{
    return header->n_type == IMAGE_TABLES_TYPE && header->n_namesz == sizeof(IMAGE_TABLES_OWNER) &&
           memcmp(name, IMAGE_TABLES_OWNER, sizeof(IMAGE_TABLES_OWNER)) == 0;
}

enum image_tables_status image_tables_in_notes(const void *notes, uint64_t size, uint64_t align,
                                               struct image_tables *tables, uint64_t *offset,
                                               struct image_tables_error *error)
{
    const char *bytes = notes;
    const uint64_t unit = align == 8 ? 8 : 4;
    Elf64_Nhdr header;

    for (uint64_t at = 0; at < size;) {
        if (size - at < sizeof(header))
            return refuse(error, IMAGE_TABLES_CUT_NOTE, size - at, sizeof(header));
        memcpy(&header, bytes + at, sizeof(header));
        uint64_t name = at + sizeof(header);
        uint64_t descriptor = align_up(name + header.n_namesz, unit);
        if (descriptor > size)
            return refuse(error, IMAGE_TABLES_LONG_OWNER, header.n_namesz, size - name);
        if (header.n_descsz > size - descriptor)
            return refuse(error, IMAGE_TABLES_LONG_NOTE, header.n_descsz, size - descriptor);
        if (is_ours(&header, bytes + name)) {
            if (header.n_descsz < sizeof(*tables))
                return refuse(error, IMAGE_TABLES_SHORT_NOTE, header.n_descsz, sizeof(*tables));
            memcpy(tables, bytes + descriptor, sizeof(*tables));
            *offset = descriptor;
            return IMAGE_TABLES_OK;
        }
        at = align_up(descriptor + header.n_descsz, unit);
    }
    return IMAGE_TABLES_NONE;
}

enum image_tables_status image_next_notes(const struct elf_image *image, struct image_notes *notes,
                                          struct image_tables_error *error)
{
    const Elf64_Phdr *headers = image->table;

    while (notes->cursor < image->header.segments) {
        const Elf64_Phdr *ph = &headers[notes->cursor++];
        if (ph->p_type != PT_NOTE || ph->p_filesz == 0)
            continue;
        notes->range = virt_range(ph->p_vaddr, ph->p_filesz);
        notes->align = ph->p_align;
        if (!elf_find_segment(image, notes->range, &notes->segment))
            return refuse(error, IMAGE_TABLES_NOTE_OUTSIDE, ph->p_vaddr, ph->p_filesz);
        return IMAGE_TABLES_OK;
    }
    return IMAGE_TABLES_NONE;
}

enum image_tables_status image_tables_find(const struct elf_image *image, const void *memory,
                                           struct image_tables *tables,
                                           struct image_tables_error *error)
{
    enum image_tables_status status;
    struct image_notes notes = {0};
    uint64_t offset;

    while ((status = image_next_notes(image, &notes, error)) == IMAGE_TABLES_OK) {
        uint64_t at = notes.range.start.raw - image->span.start.raw;
        status = image_tables_in_notes((const char *)memory + at, notes.range.size, notes.align,
                                       tables, &offset, error);
        if (status != IMAGE_TABLES_NONE)
            return status;
    }
    return status;
}

/* ---- making them ----------------------------------------------------------------------- */

enum pt_status image_tables_build(const struct elf_image *image, struct pt_space *space)
{
    const uint64_t base = image->span.start.raw;
    struct image_pages pages = {0};

    space->where = image->span.start;
    if (base < IMAGE_TABLES_REGION || image->span.size > -base)
        return PT_BAD_RANGE;
    enum pt_status status = pt_create(space);
    while (status == PT_OK && image_next_pages(image, &pages))
        status = pt_map(space, pages.range, phys(pages.range.start.raw - base),
                        (struct pt_attributes){pages.rights, PAT_WRITE_BACK, false}, PT_LEVEL_PT);
    return status;
}

static bool count_table(void *context, phys_addr_t frame, enum pt_level level)
{
    (void)frame;
    (void)level;
    ++*(uint32_t *)context;
    return true;
}

uint32_t image_tables_count(const struct pt_space *space)
{
    uint32_t count = 0;

    (void)pt_visit_tables(space, count_table, &count);
    return count;
}

struct packing {
    uint64_t root, to_host;
    uint64_t *frames;
    uint32_t used;
};

/* The library's reader of tables meets each before those below it, in the order of addresses: that
 * order is the format's. Which frame an entry leads to is counted along. */
static bool pack_table(void *context, phys_addr_t frame, enum pt_level level)
{
    struct packing *packing = context;
    const uint64_t *from = (const uint64_t *)(uintptr_t)(frame.raw + packing->to_host);
    uint64_t *to = packing->frames + (uint64_t)packing->used++ * FRAME_ENTRIES;

    (void)level;
    memcpy(to, from, PAGE_SIZE);
    return true;
}

/* Entries of a packed table that lead to others get the numbers that these have; returns the
 * number after the last. */
static uint32_t number_tables(const struct packing *packing, uint32_t table, enum pt_level level)
{
    uint64_t *entries = packing->frames + (uint64_t)table * FRAME_ENTRIES;
    uint32_t next = table + 1;

    for (size_t i = 0; i < FRAME_ENTRIES && level > PT_LEVEL_PT; i++) {
        if (!entry_is_table(entries[i], level))
            continue;
        entries[i] = entry_make_table(phys(packing->root + (uint64_t)next * PAGE_SIZE));
        next = number_tables(packing, next, level_below(level));
    }
    return next;
}

void image_tables_pack(const struct pt_space *space, uint64_t root, uint64_t *frames)
{
    struct packing packing = {root, space->phys_to_virt, frames, 0};

    (void)pt_visit_tables(space, pack_table, &packing);
    (void)number_tables(&packing, 0, space->top);
}

/* ---- moving them ----------------------------------------------------------------------- */

/* Everything between a PDPT entry and its PD while frames are offsets in the image. A place is
 * such an offset, too, so that who only reads needs no pointer to write by; no PD lies at 0, for
 * the PDPT comes before it. */
struct directories {
    const char *memory;
    const uint64_t *pdpt;
};

static struct directories directories(const void *memory, const struct image_tables *tables)
{
    const char *bytes = memory;
    return (struct directories){bytes, (const uint64_t *)(const void *)(bytes + tables->root)};
}

#define SLOTS ((uint64_t)PT_ENTRIES * PT_ENTRIES) /* PD entries under one PDPT */

static const uint64_t *entries_at(const struct directories *all, uint64_t place)
{
    return (const uint64_t *)(const void *)(all->memory + place);
}

static uint64_t *entries_to_write(char *memory, uint64_t place)
{
    return (uint64_t *)(void *)(memory + place);
}

/* The place of PDPT entry `index`'s PD, 0 where there is none. */
static uint64_t directory_at(const struct directories *all, uint64_t index)
{
    uint64_t entry = all->pdpt[index];

    return entry == 0 ? 0 : entry_table(entry).raw;
}

/* The place of PD entry number `slot` of all that the PDPT could have, 0 where it has no PD. */
static uint64_t slot_at(const struct directories *all, uint64_t slot)
{
    uint64_t directory = slot < SLOTS ? directory_at(all, slot / PT_ENTRIES) : 0;

    return directory == 0 ? 0 : directory + slot % PT_ENTRIES * sizeof(uint64_t);
}

/* The first slot from `slot` on, going up or down, that is in use; SLOTS or more: none. */
static uint64_t next_slot(const struct directories *all, uint64_t slot, bool up)
{
    while (slot < SLOTS) {
        uint64_t directory = directory_at(all, slot / PT_ENTRIES);
        uint64_t first = align_down(slot, PT_ENTRIES), index = slot % PT_ENTRIES;
        const uint64_t *entries = entries_at(all, directory);

        while (directory != 0 && index < PT_ENTRIES && entries[index] == 0)
            index = up ? index + 1 : index - 1; /* below 0 is far above, too */
        if (directory != 0 && index < PT_ENTRIES)
            return first + index;
        slot = up ? first + PT_ENTRIES : first - 1;
    }
    return slot;
}

static uint64_t steps_of(uint64_t slide)
{
    return (uint64_t)((int64_t)slide >> level_shift(PT_LEVEL_PD));
}

bool image_tables_can_slide(const void *memory, const struct image_tables *tables, uint64_t slide)
{
    const struct directories all = directories(memory, tables);
    const uint64_t steps = steps_of(slide);

    if (slide == 0 || !is_aligned(slide, IMAGE_TABLES_STEP))
        return slide == 0;
    for (uint64_t slot = next_slot(&all, 0, true); slot < SLOTS;
         slot = next_slot(&all, slot + 1, true)) {
        if (slot_at(&all, slot + steps) == 0)
            return false;
    }
    return true;
}

/* From the end that they move towards, so that none is written over before it has moved. */
static void slide_entries(const struct directories *all, char *memory, uint64_t steps)
{
    const bool up = steps >> 63 != 0; /* they go down */

    for (uint64_t slot = next_slot(all, up ? 0 : SLOTS - 1, up); slot < SLOTS;
         slot = next_slot(all, up ? slot + 1 : slot - 1, up)) {
        uint64_t *entry = entries_to_write(memory, slot_at(all, slot));
        *entries_to_write(memory, slot_at(all, slot + steps)) = *entry;
        *entry = 0;
    }
}

/* Adds `delta` to entries that are all in use. */
static void move_run(uint64_t *entries, size_t count, uint64_t delta, uint64_t kept)
{
    for (; count >= 4; count -= 4, entries += 4) {
        entries[0] = (entries[0] + delta) & kept;
        entries[1] = (entries[1] + delta) & kept;
        entries[2] = (entries[2] + delta) & kept;
        entries[3] = (entries[3] + delta) & kept;
    }
    for (; count > 0; count--, entries++)
        *entries = (*entries + delta) & kept;
}

/* The leaves of a run of pages, a PT at a time. */
static void move_leaves(const struct directories *all, char *memory, struct virt_range pages,
                        uint64_t delta, uint64_t kept)
{
    while (pages.size > 0) {
        uint64_t slot = (pages.start.raw - IMAGE_TABLES_PDPT) >> level_shift(PT_LEVEL_PD);
        uint64_t entry = *entries_at(all, slot_at(all, slot));
        uint64_t *pt = entries_to_write(memory, entry_table(entry).raw);
        size_t index = level_index(pages.start, PT_LEVEL_PT);
        uint64_t size = min_u64(pages.size, (PT_ENTRIES - index) * PAGE_SIZE);

        move_run(pt + index, size / PAGE_SIZE, delta, kept);
        pages.start.raw += size;
        pages.size -= size;
    }
}

static void move_pointers(uint64_t *entries, uint64_t delta)
{
    for (size_t i = 0; i < PT_ENTRIES; i++) {
        if (entries[i] != 0)
            entries[i] += delta;
    }
}

void image_tables_move(const struct elf_image *image, void *memory,
                       const struct image_tables *tables, phys_addr_t phys, uint64_t slide,
                       bool no_execute)
{
    const struct directories all = directories(memory, tables);
    uint64_t *pdpt = entries_to_write(memory, tables->root);
    const uint64_t kept = no_execute ? ~UINT64_C(0) : ~ENTRY_NO_EXECUTE;
    struct image_pages pages = {0};

    while (image_next_pages(image, &pages))
        move_leaves(&all, memory, pages.range, phys.raw, kept);
    if (slide != 0)
        slide_entries(&all, memory, steps_of(slide));
    for (size_t i = 0; i < PT_ENTRIES; i++) {
        uint64_t directory = directory_at(&all, i);
        if (directory == 0)
            continue;
        move_pointers(entries_to_write(memory, directory), phys.raw);
        pdpt[i] += phys.raw;
    }
}
