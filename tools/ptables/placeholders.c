/* Where the tables go, and the note that says so. */
#include "ptables.h"

static enum tool_status find_note(const struct elf_file *kernel, struct placeholders *found)
{
    struct elf_section section = {0};

    while (elf_file_next_section(kernel, &section)) {
        const Elf64_Shdr *header = elf64_getshdr(section.scn);
        uint64_t offset;

        if (section.type == SHT_NOTE && (section.flags & SHF_ALLOC) &&
            image_tables_in_notes(kernel->bytes + section.offset, section.size,
                                  header->sh_addralign, &found->descriptor, &offset)) {
            found->note = section.offset + offset;
            return TOOL_OK;
        }
    }
    return complain(TOOL_NO_PLACEHOLDER,
                    "%s: no note of type %u and owner " IMAGE_TABLES_OWNER
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
        (status = find_note(kernel, found)) != TOOL_OK)
        return status;
    found->descriptor = (struct image_tables){
        .version = IMAGE_TABLES_VERSION,
        .frames = tables->count,
        .root = section->address - tables->image.span.start.raw,
        .base = tables->image.span.start.raw,
    };
    return TOOL_OK;
}
