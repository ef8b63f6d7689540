/* Where the tables go, and the note that says so. */
#include "ptables.h"

static enum tool_status refuse_notes(const struct elf_file *kernel,
                                     const struct image_tables_error *error)
{
    char text[256];

    image_tables_describe(error, text, sizeof(text));
    return complain(TOOL_BAD_PLACE, "%s: %s", kernel->path, text);
}

/* In the notes of one PT_NOTE, whose bytes are the PT_LOAD's: the loader sees no others. */
static enum image_tables_status find_in_notes(const struct elf_file *kernel,
                                              const struct image_notes *notes,
                                              struct placeholders *found,
                                              struct image_tables_error *error)
{
    const struct elf_segment *segment = &notes->segment;
    uint64_t into = notes->range.start.raw - segment->memory.start.raw, offset;

    if (into >= segment->file_size || notes->range.size > segment->file_size - into) {
        *error = (struct image_tables_error){.status = IMAGE_TABLES_NOTE_OUTSIDE,
                                             .value = notes->range.start.raw,
                                             .expected = notes->range.size};
        return error->status;
    }
    enum image_tables_status status =
        image_tables_in_notes(kernel->bytes + segment->file_offset + into, notes->range.size,
                              notes->align, &found->descriptor, &offset, error);
    if (status == IMAGE_TABLES_OK)
        found->note = segment->file_offset + into + offset;
    return status;
}

static enum tool_status find_note(const struct elf_file *kernel, const struct elf_image *image,
                                  struct placeholders *found)
{
    struct image_notes notes = {0};
    struct image_tables_error error;
    enum image_tables_status status;

    while ((status = image_next_notes(image, &notes, &error)) == IMAGE_TABLES_OK) {
        status = find_in_notes(kernel, &notes, found, &error);
        if (status == IMAGE_TABLES_OK)
            return TOOL_OK;
        if (status != IMAGE_TABLES_NONE)
            return refuse_notes(kernel, &error);
    }
    if (status != IMAGE_TABLES_NONE)
        return refuse_notes(kernel, &error);
    return complain(TOOL_NO_PLACEHOLDER,
                    "%s: no PT_NOTE has a note of type %u and owner " IMAGE_TABLES_OWNER
                    " to say where the tables are",
                    kernel->path, IMAGE_TABLES_TYPE);
}

/* Does this PT_LOAD bring the whole section from the file, read-only, in whole pages? */
static bool is_place(const struct elf_segment *segment, const struct elf_section *section)
{
    uint64_t into = section->address - segment->memory.start.raw;

    return segment->rights == PT_RIGHT_READ && into < segment->file_size &&
           section->size <= segment->file_size - into &&
           section->offset == segment->file_offset + into &&
           is_aligned(section->address, PAGE_SIZE);
}

static enum tool_status check_place(const struct elf_file *kernel, const struct elf_image *image,
                                    const struct elf_section *section)
{
    struct elf_segment segment;

    for (unsigned cursor = 0; elf_next_segment(image, &cursor, &segment);) {
        if (is_place(&segment, section))
            return TOOL_OK;
    }
    return complain(TOOL_BAD_PLACE,
                    "%s: " PLACEHOLDER " at 0x%llx is not a page of a PT_LOAD that is read-only",
                    kernel->path, (unsigned long long)section->address);
}

enum tool_status placeholders_find(const struct elf_file *kernel, const struct tables *tables,
                                   struct placeholders *found)
{
    struct elf_section *section = &found->tables;
    enum tool_status status;

    if (!elf_file_section(kernel, PLACEHOLDER, section) || section->type == SHT_NOBITS)
        return complain(TOOL_NO_PLACEHOLDER, "%s: no section " PLACEHOLDER " with bytes to fill",
                        kernel->path);
    if (section->size < tables->count * PAGE_SIZE)
        return complain(TOOL_PLACEHOLDER_SMALL,
                        "%s: " PLACEHOLDER " has %llu bytes, the tables need %llu", kernel->path,
                        (unsigned long long)section->size,
                        (unsigned long long)(tables->count * PAGE_SIZE));
    if ((status = check_place(kernel, &tables->image, section)) != TOOL_OK ||
        (status = find_note(kernel, &tables->image, found)) != TOOL_OK)
        return status;
    found->descriptor = (struct image_tables){
        .version = IMAGE_TABLES_VERSION,
        .frames = tables->count,
        .root = section->address - tables->image.span.start.raw,
        .base = tables->image.span.start.raw,
    };
    return TOOL_OK;
}
