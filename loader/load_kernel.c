/* The kernel's segments into frames: each byte read once, straight to its place. */
#include "boot.h"

#include "layout.h"
#include "mem.h"

#define HEAD_SIZE 4096 /* usually holds the program headers too */

static EFI_STATUS refuse(struct boot *boot, const struct file *file, const struct elf_error *error)
{
    char text[256];

    elf_describe(error, text, sizeof(text));
    return fail(boot, EFI_LOAD_ERROR, "%.*s: %s", TEXT_ARG(file->path), text);
}

/* The ELF header and the program headers stay in loader memory: struct elf_image points
 * into them. */
static EFI_STATUS read_headers(struct boot *boot, const struct file *file)
{
    struct virt_range region = virt_range(KERNEL_REGION, KERNEL_REGION_SIZE);
    struct elf_header header;
    struct elf_error error;
    phys_addr_t head, table;
    uint64_t head_size = min_u64(file->size, HEAD_SIZE);

    TRY(allocate_pages(boot, MEMORY_LOADER, HEAD_SIZE, &head));
    TRY(read_file(boot, file, 0, (void *)(uintptr_t)head.raw, head_size));
    if (elf_read_header((const void *)(uintptr_t)head.raw, head_size, file->size, &header,
                        &error) != ELF_OK)
        return refuse(boot, file, &error);

    table = phys(head.raw + header.table_offset);
    if (header.table_offset + header.table_size > head_size) {
        TRY(allocate_pages(boot, MEMORY_LOADER, header.table_size, &table));
        TRY(read_file(boot, file, header.table_offset, (void *)(uintptr_t)table.raw,
                      header.table_size));
    }
    if (elf_read_segments(&header, (const void *)(uintptr_t)table.raw, region, &boot->kernel.image,
                          &error) != ELF_OK)
        return refuse(boot, file, &error);
    return EFI_SUCCESS;
}

/* In memory, of what is linked at `address`. */
static char *place_of(const struct kernel *kernel, virt_addr_t address)
{
    uint64_t offset = address.raw - kernel->image.span.start.raw;
    return (char *)(uintptr_t)(kernel->phys.raw + offset);
}

/* Where in memory the bytes of a segment's file part end. */
static uint64_t bytes_end(const struct elf_segment *segment)
{
    return segment->memory.start.raw + segment->file_size;
}

static uint64_t pages_end(const struct elf_segment *segment)
{
    return align_up(segment->memory.start.raw + segment->memory.size, PAGE_SIZE);
}

/* Do the bytes of `next` follow those of `last` at the same distance in the file as in memory,
 * with less than a page between? */
static bool follows(const struct elf_segment *last, const struct elf_segment *next)
{
    uint64_t file_distance = next->file_offset - last->file_offset;

    return next->file_size != 0 && last->file_size != 0 &&
           next->memory.start.raw - last->memory.start.raw == file_distance &&
           file_distance - last->file_size < PAGE_SIZE;
}

/* Segments that follow each other come by one call, with the padding between: firmware walks
 * a file's whole FAT chain for each call, so a call more after a large segment costs as much
 * as that segment. */
static EFI_STATUS read_segments(struct boot *boot, const struct file *file)
{
    struct elf_segment first = {0}, last = {0}, next;
    unsigned cursor = 0;
    bool more;

    do {
        more = elf_next_segment(&boot->kernel.image, &cursor, &next);
        if (more && follows(&last, &next)) {
            last = next;
            continue;
        }
        if (first.file_size != 0)
            TRY(read_file(boot, file, first.file_offset,
                          place_of(&boot->kernel, first.memory.start),
                          bytes_end(&last) - first.memory.start.raw));
        first = last = next;
    } while (more);
    return EFI_SUCCESS;
}

/* Firmware may have a driver that cannot write to every place that can be drawn: one with 32-bit
 * DMA that says nothing above 4 GiB, and then has no buffer of its own below. */
static EFI_STATUS read_image(struct boot *boot, const struct file *file)
{
    const EFI_STATUS status = read_segments(boot, file);

    if (!EFI_ERROR(status) || boot->kernel.drawn.frames == 0)
        return status;
    log_line(boot, LOG_WARNING, "%.*s: cannot be read to 0x%lx, which was drawn: once more",
             TEXT_ARG(file->path), boot->kernel.phys.raw);
    TRY(place_frames_again(boot));
    return read_segments(boot, file);
}

static void clear(const struct kernel *kernel, uint64_t from, uint64_t to)
{
    if (from < to)
        memset(place_of(kernel, virt(from)), 0, to - from);
}

/* Whole pages are mapped, so what of them is no segment's must not show what firmware or the
 * file had there. Segments of equal rights may share a page. */
static void clear_the_rest(const struct kernel *kernel)
{
    uint64_t bytes = 0, pages = 0; /* where those of the segment before end */
    struct elf_segment segment;
    unsigned cursor = 0;

    while (elf_next_segment(&kernel->image, &cursor, &segment)) {
        uint64_t start = segment.memory.start.raw;

        clear(kernel, bytes, min_u64(pages, start));
        clear(kernel, max_u64(pages, align_down(start, PAGE_SIZE)), start);
        bytes = bytes_end(&segment);
        pages = pages_end(&segment);
    }
    clear(kernel, bytes, pages);
}

static EFI_STATUS load_image(struct boot *boot, const struct file *file)
{
    const struct elf_image *image = &boot->kernel.image;
    struct elf_error error;

    TRY(read_headers(boot, file));
    TRY(place_kernel(boot));
    TRY(read_image(boot, file));
    clear_the_rest(&boot->kernel);
    settle_places(boot);
    if (elf_relocate(image, place_of(&boot->kernel, image->span.start), boot->kernel.slide,
                     &error) != ELF_OK)
        return refuse(boot, file, &error);

    boot->info->kernel_phys = boot->kernel.phys.raw;
    boot->info->kernel_virt = kernel_virt(&boot->kernel, image->span.start).raw;
    boot->info->kernel_size = image->span.size;
    log_line(boot, LOG_INFO, "%.*s: 0x%lx bytes at 0x%lx, to run at 0x%lx, entry 0x%lx",
             TEXT_ARG(file->path), image->span.size, boot->kernel.phys.raw, boot->info->kernel_virt,
             kernel_virt(&boot->kernel, virt(image->header.entry)).raw);
    return EFI_SUCCESS;
}

EFI_STATUS load_kernel(struct boot *boot)
{
    struct file file;

    TRY(open_file(boot, boot->entry.program, &file));
    EFI_STATUS status = load_image(boot, &file);
    close_file(&file);
    return status;
}
