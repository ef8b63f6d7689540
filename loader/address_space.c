/* The first tables: the kernel's image where it is to run, memory and framebuffer at
 * their own addresses. Only frames of the loader's, nothing of firmware's tables. */
#include "boot.h"

#include "image_tables.h"
#include "x86_cpu.h"

/* handoff.asm: the page whose code loads CR3. */
extern const char handoff_page[];

#define READ_WRITE   (PT_RIGHT_READ | PT_RIGHT_WRITE)
#define READ_EXECUTE (PT_RIGHT_READ | PT_RIGHT_EXECUTE)

static EFI_STATUS efi_status(enum pt_status status)
{
    return status == PT_NO_FRAMES ? EFI_OUT_OF_RESOURCES : EFI_LOAD_ERROR;
}

static EFI_STATUS map(struct boot *boot, const char *what, struct virt_range range, phys_addr_t to,
                      struct pt_attributes attributes, enum pt_level largest)
{
    enum pt_status status = pt_map(&boot->space, range, to, attributes, largest);

    if (status == PT_OK)
        return EFI_SUCCESS;
    return fail(boot, efi_status(status), "mapping %s, 0x%lx bytes at 0x%lx to 0x%lx: %s at 0x%lx",
                what, range.size, range.start.raw, to.raw, pt_status_text(status),
                boot->space.where.raw);
}

/* Rights of memory at its own address. */
static EFI_STATUS protect(struct boot *boot, struct phys_range range, unsigned rights)
{
    enum pt_status status =
        pt_protect(&boot->space, virt_range(range.start.raw, range.size), rights);

    return status == PT_OK ? EFI_SUCCESS
                           : fail(boot, efi_status(status), "protecting 0x%lx bytes at 0x%lx: %s",
                                  range.size, range.start.raw, pt_status_text(status));
}

static phys_addr_t image_phys(const struct boot *boot, virt_addr_t linked)
{
    return phys(boot->kernel.phys.raw + (linked.raw - boot->kernel.image.span.start.raw));
}

/* What is not to be written is not writable at its own address either: memory is mapped
 * before. */
static EFI_STATUS seal_kernel(struct boot *boot)
{
    struct image_pages pages = {0};

    while (image_next_pages(&boot->kernel.image, &pages)) {
        phys_addr_t at = image_phys(boot, pages.range.start);
        if (!(pages.rights & PT_RIGHT_WRITE))
            TRY(protect(boot, phys_range(at.raw, pages.range.size), PT_RIGHT_READ));
    }
    return EFI_SUCCESS;
}

/* By the tables that it brings along, or page by page: either gives the same map. */
static EFI_STATUS map_kernel(struct boot *boot)
{
    struct image_pages pages = {0};
    bool linked;

    TRY(link_precomputed_tables(boot, &linked));
    if (linked)
        return EFI_SUCCESS;
    uint64_t start = read_tsc();
    while (image_next_pages(&boot->kernel.image, &pages)) {
        virt_addr_t at = kernel_virt(&boot->kernel, pages.range.start);
        TRY(map(boot, "a kernel segment", (struct virt_range){at, pages.range.size},
                image_phys(boot, pages.range.start),
                (struct pt_attributes){pages.rights, PAT_WRITE_BACK, false}, PT_LEVEL_PT));
    }
    log_line(boot, LOG_INFO, "the kernel's page tables are built in %lu ticks", read_tsc() - start);
    return EFI_SUCCESS;
}

/* Memory at its own address, no leaf across memory types (SDM Vol. 3A, 11.11.9). Page 0 stays
 * out, so that a null pointer faults. */
static EFI_STATUS map_memory(struct boot *boot, const struct memory_map *memory)
{
    const struct mtrrs mtrrs = cpu_mtrrs();
    struct pt_attributes data = {READ_WRITE, PAT_WRITE_BACK, false};
    struct phys_range run;
    size_t cursor = 0;

    while (memory_map_next_run(memory, MEMORY_RAM, &cursor, &run)) {
        uint64_t at = max_u64(run.start.raw, PAGE_SIZE), end;
        for (; at < phys_end(run); at = end) {
            end = mtrr_stretch_end(&mtrrs, at, phys_end(run));
            TRY(map(boot, "memory", virt_range(at, end - at), phys(at), data, PT_LEVEL_PDPT));
        }
    }
    return EFI_SUCCESS;
}

/* It may lie anywhere in 64 bits. Inside RAM it is mapped already, and not as a framebuffer
 * should be: two memory types for one frame are undefined (SDM Vol. 3A, 11.12.4). */
static EFI_STATUS map_framebuffer(struct boot *boot)
{
    const struct boot_framebuffer *framebuffer = &boot->info->framebuffer;
    uint64_t start = align_down(framebuffer->address, PAGE_SIZE);
    uint64_t end = align_up(framebuffer->address + framebuffer->size, PAGE_SIZE);
    struct virt_range range = virt_range(start, end - start);

    if (framebuffer->address == 0)
        return EFI_SUCCESS;
    enum pt_status status =
        pt_map(&boot->space, range, phys(start),
               (struct pt_attributes){READ_WRITE, PAT_UNCACHED_MINUS, false}, PT_LEVEL_PD);
    if (status == PT_NO_FRAMES)
        return EFI_OUT_OF_RESOURCES; /* frames.c has said so */
    if (status != PT_OK) {
        log_line(boot, LOG_WARNING, "no framebuffer: 0x%lx bytes at 0x%lx: %s at 0x%lx",
                 framebuffer->size, framebuffer->address, pt_status_text(status),
                 boot->space.where.raw);
        boot->info->framebuffer = (struct boot_framebuffer){0};
    }
    return EFI_SUCCESS;
}

static EFI_STATUS map_everything(struct boot *boot, struct firmware_map *firmware)
{
    TRY(read_memory_map(boot, firmware));
    TRY(map_memory(boot, &firmware->map));
    TRY(map_framebuffer(boot));
    /* The only code that runs on firmware's tables and on these. */
    TRY(protect(boot, phys_range((uintptr_t)handoff_page, PAGE_SIZE), READ_EXECUTE));
    TRY(seal_kernel(boot));
    return map_kernel(boot);
}

EFI_STATUS build_address_space(struct boot *boot)
{
    struct firmware_map firmware;

    /* These tables would not survive their own CR3 load. */
    if (cpu_memory_is_encrypted())
        return fail(boot, EFI_UNSUPPORTED, "this guest's memory is encrypted (SEV)");

    open_table_frames(boot);
    boot->space = (struct pt_space){
        .top = cpu_top_level(),
        .features = boot->paging,
        .frames = &boot->tables.source,
    };
    TRY(allocate_pages(boot, MEMORY_LOADER, HANDOFF_STACK, &boot->stack));
    if (pt_create(&boot->space) != PT_OK)
        return EFI_OUT_OF_RESOURCES;
    boot->info->page_table_root = boot->space.root.raw;

    TRY(allocate_firmware_map(boot, 0, &firmware));
    EFI_STATUS status = map_everything(boot, &firmware);
    free_firmware_map(boot, &firmware);
    TRY(status);
    log_line(boot, LOG_INFO, "tables at 0x%lx, %d levels, %s, %s", boot->space.root.raw,
             (int)boot->space.top, boot->paging.no_execute ? "NX" : "no NX",
             boot->paging.leaf_1gib ? "1-GiB leaves" : "no 1-GiB leaves");
    return EFI_SUCCESS;
}
