/* The tables of a kernel, by the code that the loader reads and maps kernels with. */
#include "ptables.h"

#include <stdlib.h>
#include <string.h>

/* Frames are this process's own memory, and physical addresses its pointers. */
static bool take_frame(struct frame_source *source, phys_addr_t *frame)
{
    void *memory = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

    (void)source;
    if (!memory)
        exit((int)complain(TOOL_NO_MEMORY, "no memory for a page table"));
    *frame = phys((uintptr_t)memory);
    return true;
}

static void give_frame(struct frame_source *source, phys_addr_t frame)
{
    (void)source;
    free((void *)(uintptr_t)frame.raw);
}

static struct frame_source source = {take_frame, give_frame};

static enum tool_status refuse(const struct elf_file *kernel, const struct elf_error *error)
{
    enum tool_status status = TOOL_BAD_IMAGE;
    char text[256];

    if (error->status == ELF_OVERLAP || error->status == ELF_SHARED_PAGE)
        status = TOOL_OVERLAP;
    if (error->status == ELF_WRITE_EXECUTE)
        status = TOOL_WRITE_EXECUTE;
    elf_describe(error, text, sizeof(text));
    return complain(status, "%s: %s", kernel->path, text);
}

/* elf_file_open has seen that the program headers lie inside the file. */
static enum tool_status read_image(const struct elf_file *kernel, struct elf_image *image)
{
    struct virt_range region = virt_range(IMAGE_TABLES_REGION, IMAGE_TABLES_REGION_SIZE);
    struct elf_header header;
    struct elf_error error;

    if (elf_read_header(kernel->bytes, kernel->size, kernel->size, &header, &error) != ELF_OK ||
        elf_read_segments(&header, kernel->bytes + header.table_offset, region, image, &error) !=
            ELF_OK)
        return refuse(kernel, &error);
    return TOOL_OK;
}

enum tool_status tables_make(const struct elf_file *kernel, struct tables *tables)
{
    enum tool_status status = read_image(kernel, &tables->image);

    if (status != TOOL_OK)
        return status;
    tables->space = (struct pt_space){
        .top = PT_LEVEL_PDPT,
        .features = {.no_execute = true, .leaf_1gib = false, .phys_bits = 52},
        .frames = &source,
    };
    enum pt_status mapped = image_tables_build(&tables->image, &tables->space);
    if (mapped != PT_OK)
        return complain(TOOL_BAD_IMAGE, "%s: mapping at 0x%llx: %s", kernel->path,
                        (unsigned long long)tables->space.where.raw, pt_status_text(mapped));
    tables->count = image_tables_count(&tables->space);
    return TOOL_OK;
}

void tables_free(struct tables *tables)
{
    if (tables->space.root.raw != 0)
        pt_destroy(&tables->space);
}
