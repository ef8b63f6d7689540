/* Page tables that the kernel brings along (common/image_tables.h), instead of ones built here. */
#include "boot.h"

#include "image_tables.h"
#include "kaslr.h"
#include "options.h"
#include "x86_cpu.h"

_Static_assert(KASLR_IMAGE_STEP % IMAGE_TABLES_STEP == 0, "slides that move PD entries alone");

static char *image_memory(const struct boot *boot)
{
    return (char *)(uintptr_t)boot->kernel.phys.raw;
}

static EFI_STATUS refuse(struct boot *boot, const struct image_tables_error *error)
{
    char text[256];

    image_tables_describe(error, text, sizeof(text));
    return fail(boot, EFI_LOAD_ERROR, "%.*s: %s", TEXT_ARG(boot->entry.program), text);
}

/* Are there tables that this loader knows, and are they wanted? Where `found` says no, the log has
 * why not. Notes that cannot be read are refused, unless nobody wants to read them. */
static EFI_STATUS find_own_tables(struct boot *boot, struct image_tables *tables, bool *found)
{
    struct image_tables_error error;
    enum image_tables_status status =
        image_tables_find(&boot->kernel.image, image_memory(boot), tables, &error);

    *found = false;
    if (status == IMAGE_TABLES_NONE || (status == IMAGE_TABLES_OK && tables->version == 0))
        log_line(boot, LOG_INFO, "the kernel has no page tables of its own: building them");
    else if (option_is(text_of(boot->options), "tables", "built"))
        log_line(boot, LOG_INFO, "tables=built: building the kernel's page tables");
    else if (status != IMAGE_TABLES_OK)
        return refuse(boot, &error);
    else if (tables->version != IMAGE_TABLES_VERSION)
        log_line(boot, LOG_WARNING, "the kernel's page tables are of version %u, not %u: building",
                 tables->version, IMAGE_TABLES_VERSION);
    else
        *found = true;
    return EFI_SUCCESS;
}

static EFI_STATUS link_tables(struct boot *boot, const struct image_tables *tables)
{
    virt_addr_t base = kernel_virt(&boot->kernel, virt(tables->base));
    phys_addr_t root = phys(boot->kernel.phys.raw + tables->root);
    enum pt_status status = pt_link(&boot->space, base, root, PT_LEVEL_PDPT);

    if (status == PT_OK)
        return EFI_SUCCESS;
    return fail(boot, status == PT_NO_FRAMES ? EFI_OUT_OF_RESOURCES : EFI_LOAD_ERROR,
                "the kernel's page tables at 0x%lx: %s at 0x%lx", root.raw, pt_status_text(status),
                boot->space.where.raw);
}

EFI_STATUS link_precomputed_tables(struct boot *boot, bool *linked)
{
    const uint64_t slide = boot->kernel.slide;
    struct image_tables tables;
    struct image_tables_error error;
    uint64_t start = read_tsc();
    bool found;

    *linked = false;
    TRY(find_own_tables(boot, &tables, &found));
    if (!found)
        return EFI_SUCCESS;
    if (image_tables_verify(&boot->kernel.image, image_memory(boot), &tables, &error) !=
        IMAGE_TABLES_OK)
        return refuse(boot, &error);
    if (!image_tables_can_slide(image_memory(boot), &tables, slide)) {
        log_line(boot, LOG_INFO, "the kernel's page tables cannot slide by 0x%lx: building", slide);
        return EFI_SUCCESS;
    }
    uint64_t checked = read_tsc();
    image_tables_move(&boot->kernel.image, image_memory(boot), &tables, boot->kernel.phys, slide,
                      boot->paging.no_execute);
    TRY(link_tables(boot, &tables));
    *linked = true;
    log_line(boot, LOG_INFO,
             "the kernel's own page tables, %u at 0x%lx: checked in %lu ticks, moved in %lu",
             tables.frames, boot->kernel.phys.raw + tables.root, checked - start,
             read_tsc() - checked);
    return EFI_SUCCESS;
}
