/* Where the kernel goes: its frames, its pages, and its direct map. Each is drawn for itself from
 * all places that are allowed (common/kaslr.h), where there is something random to draw by. Else,
 * and where what was drawn cannot be had: the frames that the file asks for or the first that are
 * free, the pages it is linked for, the direct map at its usual base. */
#include "boot.h"

#include "kaslr.h"
#include "options.h"
#include "x86_cpu.h"

/* Firmware may refuse what its map calls free. */
#define PLACE_TRIES 8

static bool is_outside(void *context, phys_addr_t table, enum pt_level level)
{
    const struct phys_range *range = context;

    (void)level;
    return table.raw + PAGE_SIZE <= range->start.raw || table.raw >= phys_end(*range);
}

/* Firmware's tables lie at their own addresses, and map all memory at its own (UEFI 2.10, 2.3.4).
 * They may be many: 1 TiB in leaves of 2 MiB has 1,028, with half a million entries. Those that map
 * memory are all looked at, since the image may be the first to use it; of the others, which are
 * for devices or for nothing, those that the CPU has used.
 * An encrypted guest's entries have a bit more in them, and it will be refused (address_space.c).
 */
static bool holds_tables_in_use(const struct boot *boot, const struct memory_map *memory,
                                struct phys_range range)
{
    const struct virt_range mapped = virt_range(0, memory_map_end(memory, MEMORY_RAM));
    const struct pt_space space = {
        .root = cpu_table_root(),
        .top = cpu_top_level(),
        .features = boot->paging,
    };

    return !cpu_memory_is_encrypted() && !pt_visit_tables_used(&space, mapped, is_outside, &range);
}

/* U-Boot's map calls the memory free that its own stack, IDT and page tables lie in. */
static bool is_free(const struct boot *boot, const struct memory_map *memory,
                    struct phys_range range)
{
    return range.start.raw >= KASLR_LOW_MEMORY && !cpu_stands_on(range) &&
           !holds_tables_in_use(boot, memory, range);
}

/* Gets these frames, if they can be had. */
static bool take_place(struct boot *boot, const struct memory_map *memory, phys_addr_t at)
{
    const struct elf_image *image = &boot->kernel.image;

    if (!is_free(boot, memory, (struct phys_range){at, image->span.size}) ||
        EFI_ERROR(allocate_pages_at(boot, MEMORY_KERNEL_IMAGE, image->span.size, at)))
        return false;
    boot->kernel.phys = at;
    return true;
}

/* ---- as linked ------------------------------------------------------------------------- */

static struct phys_range linked_frames(const struct boot *boot)
{
    const struct elf_image *image = &boot->kernel.image;
    return (struct phys_range){image->phys, image->span.size};
}

static bool take_first_place(struct boot *boot, const struct memory_map *memory)
{
    const struct phys_range linked = linked_frames(boot);
    const uint64_t places = kaslr_phys_places(memory, linked);

    for (uint64_t i = 0; i < places; i++) {
        if (take_place(boot, memory, kaslr_phys_place(memory, linked, i)))
            return true;
    }
    return false;
}

static EFI_STATUS place_as_linked(struct boot *boot, const struct memory_map *memory)
{
    const phys_addr_t wanted = boot->kernel.image.phys;

    if (take_place(boot, memory, wanted))
        return EFI_SUCCESS;
    if (!take_first_place(boot, memory))
        return fail(boot, EFI_OUT_OF_RESOURCES, "no free memory of 0x%lx bytes for the kernel",
                    boot->kernel.image.span.size);
    log_line(boot, LOG_INFO, "0x%lx is taken, the kernel goes to 0x%lx", wanted.raw,
             boot->kernel.phys.raw);
    return EFI_SUCCESS;
}

/* ---- at random ------------------------------------------------------------------------- */

static bool draw(struct boot *boot, uint64_t places, uint64_t *index)
{
    return places != 0 && random_below(&boot->random.source, places, index);
}

static bool draw_frames(struct boot *boot, const struct memory_map *memory)
{
    const struct phys_range linked = linked_frames(boot);
    const uint64_t places = kaslr_phys_places(memory, linked);
    uint64_t index;

    for (int tries = 0; tries < PLACE_TRIES; tries++) {
        if (!draw(boot, places, &index))
            return false;
        if (take_place(boot, memory, kaslr_phys_place(memory, linked, index))) {
            boot->kernel.drawn.frames = places;
            return true;
        }
    }
    return false;
}

static void draw_pages(struct boot *boot)
{
    const struct virt_range linked = boot->kernel.image.span;
    const uint64_t places = kaslr_virt_places(linked);
    uint64_t index;

    if (!draw(boot, places, &index))
        return;
    boot->kernel.slide = kaslr_virt_place(linked, index).raw - linked.start.raw;
    boot->kernel.drawn.pages = places;
}

static void draw_direct_map(struct boot *boot, const struct memory_map *memory)
{
    const uint64_t places = kaslr_direct_map_places(memory);
    uint64_t index;

    if (!draw(boot, places, &index))
        return;
    boot->info->direct_map_base = kaslr_direct_map_place(index).raw;
    boot->kernel.drawn.bases = places;
}

static EFI_STATUS place_at_random(struct boot *boot, const struct memory_map *memory)
{
    draw_pages(boot);
    draw_direct_map(boot, memory);
    return draw_frames(boot, memory) ? EFI_SUCCESS : place_as_linked(boot, memory);
}

/* ---- either, by the memory map as it is ------------------------------------------------ */

static EFI_STATUS place_by_map(struct boot *boot,
                               EFI_STATUS (*place)(struct boot *, const struct memory_map *))
{
    struct firmware_map map;

    TRY(allocate_firmware_map(boot, 0, &map));
    EFI_STATUS status = read_memory_map(boot, &map);
    if (!EFI_ERROR(status))
        status = place(boot, &map.map);
    free_firmware_map(boot, &map);
    return status;
}

EFI_STATUS place_kernel(struct boot *boot)
{
    return place_by_map(boot, boot->random.name == NULL ? place_as_linked : place_at_random);
}

EFI_STATUS place_frames_again(struct boot *boot)
{
    free_pages(boot, boot->kernel.phys);
    boot->kernel.drawn.frames = 0;
    return place_by_map(boot, place_as_linked);
}

/* ---- what came of it ------------------------------------------------------------------- */

/* "of 511", or why there is no such number. */
struct choice {
    char text[32];
};

static struct choice choice(uint64_t places, const char *unit, bool linked)
{
    struct choice choice;

    if (places == 0)
        format_text(choice.text, sizeof(choice.text), linked ? "as linked" : "the first free");
    else
        format_text(choice.text, sizeof(choice.text), "of %lu%s", places, unit);
    return choice;
}

static void log_places(struct boot *boot)
{
    const struct kernel *kernel = &boot->kernel;
    const struct drawn_places *drawn = &kernel->drawn;
    const bool all = drawn->pages != 0 && drawn->frames != 0 && drawn->bases != 0;
    const bool asked = option_is_set(text_of(boot->options), "kaslr");
    const struct choice pages = choice(drawn->pages, " places", true);
    const struct choice frames =
        choice(drawn->frames, "", kernel->phys.raw == kernel->image.phys.raw);
    const struct choice base = choice(drawn->bases, "", true);

    log_line(boot, asked && !all ? LOG_WARNING : LOG_INFO,
             "KASLR by %s: pages at 0x%lx (%s), frames at 0x%lx (%s), direct map at 0x%lx (%s)",
             boot->random.name, kernel_virt(kernel, kernel->image.span.start).raw, pages.text,
             kernel->phys.raw, frames.text, boot->info->direct_map_base, base.text);
}

void settle_places(struct boot *boot)
{
    struct kernel *kernel = &boot->kernel;

    if (!elf_can_move(&kernel->image, (const void *)(uintptr_t)kernel->phys.raw)) {
        kernel->slide = 0;
        kernel->drawn.pages = 0;
    }
    if (boot->random.name != NULL)
        log_places(boot);
}
