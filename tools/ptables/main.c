/* ptables: a kernel's page tables into the kernel.
 *
 *     ptables KERNEL          fill the placeholder section .page_tables and the note that tells the
 *                             loader of it, in place; print what was mapped and written
 *     ptables --size KERNEL   print how many bytes the tables need
 *
 * docs/precomputed-tables.md has the format and the exit codes. */
#include "ptables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum tool_status fill(const struct elf_file *kernel, const struct tables *tables)
{
    struct placeholders found;
    enum tool_status status = placeholders_find(kernel, tables, &found);

    if (status != TOOL_OK)
        return status;
    /* What the placeholder has beyond the tables stays 0. */
    uint64_t *frames = allocate(found.tables.size, 1);
    image_tables_pack(&tables->space, found.descriptor.root, frames);
    const struct elf_patch patches[] = {
        {found.tables.offset, found.tables.size, frames},
        {found.note, sizeof(found.descriptor), &found.descriptor},
    };
    status = elf_file_patch(kernel, patches, 2);
    free(frames);
    if (status == TOOL_OK) {
        print_mappings(kernel, tables);
        print_patches(tables, &found);
    }
    return status;
}

static enum tool_status run(const char *path, bool size_only)
{
    struct tables tables = {0};
    struct elf_file kernel;
    enum tool_status status = elf_file_open(path, &kernel);

    if (status == TOOL_OK)
        status = tables_make(&kernel, &tables);
    if (status == TOOL_OK && size_only)
        printf("%llu\n", (unsigned long long)(tables.count * PAGE_SIZE));
    else if (status == TOOL_OK)
        status = fill(&kernel, &tables);
    tables_free(&tables);
    elf_file_close(&kernel);
    return status;
}

int main(int count, char **words)
{
    bool size_only = count > 1 && strcmp(words[1], "--size") == 0;

    if (count != (size_only ? 3 : 2) || (!size_only && words[1][0] == '-'))
        return (int)complain(TOOL_USAGE, "usage: ptables KERNEL | --size KERNEL");
    return (int)run(words[count - 1], size_only);
}
