/* What the tool did, for people. */
#include "ptables.h"

#include <stdio.h>
#include <string.h>

#define NAMES_WIDTH 34

/* The names of the sections that lie in a segment, cut where the column ends. */
static void section_names(const struct elf_file *kernel, struct virt_range memory, char *names,
                          size_t size)
{
    struct elf_section section = {0};
    size_t used = 0;

    names[0] = '\0';
    while (elf_file_next_section(kernel, &section)) {
        if (!(section.flags & SHF_ALLOC) || section.size == 0 ||
            !virt_range_has(memory, virt(section.address)))
            continue;
        int wrote = snprintf(names + used, size - used, "%s%s", used ? " " : "", section.name);
        if (wrote < 0 || (size_t)wrote >= size - used) {
            memcpy(names + size - 4, "...", 4);
            return;
        }
        used += (size_t)wrote;
    }
}

/* "0xffff_ffff_8010_0000" */
static void print_address(uint64_t address)
{
    printf("0x%04llx_%04llx_%04llx_%04llx", (unsigned long long)(address >> 48),
           (unsigned long long)(address >> 32 & 0xffff),
           (unsigned long long)(address >> 16 & 0xffff), (unsigned long long)(address & 0xffff));
}

static const char *attributes(unsigned rights)
{
    return rights & PT_RIGHT_EXECUTE ? "C RO X" : rights & PT_RIGHT_WRITE ? "C RW XN" : "C RO XN";
}

void print_mappings(const struct elf_file *kernel, const struct tables *tables)
{
    struct elf_segment segment;
    char names[NAMES_WIDTH + 1];

    printf("%s: page tables\n  %-*s | %-21s | %-21s | %9s | %s\n", kernel->path, NAMES_WIDTH,
           "Sections", "Virtual start", "Physical start", "Size", "Attr");
    for (unsigned cursor = 0; elf_next_segment(&tables->image, &cursor, &segment);) {
        uint64_t start = align_down(segment.memory.start.raw, PAGE_SIZE);
        uint64_t end = align_up(segment.memory.start.raw + segment.memory.size, PAGE_SIZE);

        section_names(kernel, segment.memory, names, sizeof(names));
        printf("  %-*s | ", NAMES_WIDTH, names);
        print_address(start);
        printf(" | ");
        print_address(align_down(segment.phys.raw, PAGE_SIZE));
        printf(" | %5llu KiB | %s\n", (unsigned long long)((end - start) >> 10),
               attributes(segment.rights));
    }
}

void print_patches(const struct tables *tables, const struct placeholders *found)
{
    printf("  %u tables of 4 KiB into " PLACEHOLDER " (%llu KiB) at file offset 0x%llx\n"
           "  their root, 0x%llx from the image's start, into the note at file offset 0x%llx\n",
           tables->count, (unsigned long long)(found->tables.size >> 10),
           (unsigned long long)found->tables.offset, (unsigned long long)found->descriptor.root,
           (unsigned long long)found->note);
}
