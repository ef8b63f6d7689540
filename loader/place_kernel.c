/* Where the kernel goes: its frames, its pages, and its direct map. Each is drawn for itself from
 * all places that are allowed (common/kaslr.h), where there is something random to draw by. Else,
 * and where what was drawn cannot be had: the frames that the file asks for or the first that are
 * free, the pages it is linked for, the direct map at its usual base. */
#include "boot.h"

#include "kaslr.h"
#include "x86_cpu.h"

#define LOW_MEMORY (UINT64_C(1) << 20) /* firmware's and the VGA's; never a kernel's */

/* Firmware may refuse what its map calls free. */
#define PLACE_TRIES 8

/* U-Boot's map calls the memory free that its own stack and IDT lie in. */
static bool is_free(const struct elf_image *image, uint64_t place)
{
    return place >= LOW_MEMORY && !cpu_stands_on(phys_range(place, image->span.size));
}

/* Gets these frames, if they can be had. */
static bool take_place(struct boot *boot, phys_addr_t at)
{
    const struct elf_image *image = &boot->kernel.image;

    if (!is_free(image, at.raw) ||
        EFI_ERROR(allocate_pages_at(boot, MEMORY_KERNEL_IMAGE, image->span.size, at)))
        return false;
    boot->kernel.phys = at;
    return true;
}

/* ---- as linked ------------------------------------------------------------------------- */

/* The first place in a free range that is congruent to the linked address. */
static bool place_in(const struct boot *boot, const EFI_MEMORY_DESCRIPTOR *descriptor,
                     phys_addr_t *at)
{
    const struct elf_image *image = &boot->kernel.image;
    uint64_t start = descriptor->PhysicalStart;
    uint64_t end = start + descriptor->NumberOfPages * PAGE_SIZE;
    uint64_t place = align_down(start, KASLR_IMAGE_STEP) + image->phys.raw % KASLR_IMAGE_STEP;

    if (descriptor->Type != EfiConventionalMemory || !is_plain_memory(boot, descriptor))
        return false;
    while (place < start || (place < end && !is_free(image, place)))
        place += KASLR_IMAGE_STEP;
    *at = phys(place);
    return place < end && end - place >= image->span.size;
}

static EFI_STATUS place_elsewhere(struct boot *boot)
{
    struct firmware_map map;
    phys_addr_t at;

    TRY(allocate_firmware_map(boot, 0, &map));
    EFI_STATUS status = read_firmware_map(boot->system, &map);
    for (UINTN i = 0; !EFI_ERROR(status) && i < map.size / map.element_size; i++) {
        const EFI_MEMORY_DESCRIPTOR *descriptor =
            (const void *)((const char *)map.descriptors + i * map.element_size);
        if (place_in(boot, descriptor, &at) && take_place(boot, at)) {
            free_firmware_map(boot, &map);
            return EFI_SUCCESS;
        }
    }
    free_firmware_map(boot, &map);
    return fail(boot, EFI_OUT_OF_RESOURCES, "no free memory of 0x%lx bytes for the kernel",
                boot->kernel.image.span.size);
}

static EFI_STATUS place_as_linked(struct boot *boot)
{
    const phys_addr_t wanted = boot->kernel.image.phys;

    if (take_place(boot, wanted))
        return EFI_SUCCESS;
    TRY(place_elsewhere(boot));
    log_line(boot, LOG_INFO, "0x%lx is taken, the kernel goes to 0x%lx", wanted.raw,
             boot->kernel.phys.raw);
    return EFI_SUCCESS;
}

/* ---- at random ------------------------------------------------------------------------- */

static bool draw(struct boot *boot, uint64_t places, uint64_t *index)
{
    return places != 0 && random_below(&boot->random.source, places, index);
}

static bool draw_frames(struct boot *boot, const struct memory_map *memory, uint64_t places)
{
    const struct elf_image *image = &boot->kernel.image;
    const struct phys_range linked = {image->phys, image->span.size};
    uint64_t index;

    for (int tries = 0; tries < PLACE_TRIES; tries++) {
        if (!draw(boot, places, &index))
            return false;
        if (take_place(boot, kaslr_phys_place(memory, linked, index)))
            return true;
    }
    return false;
}

static void draw_pages(struct boot *boot, uint64_t places)
{
    const struct virt_range linked = boot->kernel.image.span;
    uint64_t index;

    if (draw(boot, places, &index))
        boot->kernel.slide = kaslr_virt_place(linked, index).raw - linked.start.raw;
}

static void draw_direct_map(struct boot *boot, uint64_t places)
{
    uint64_t index;

    if (draw(boot, places, &index))
        boot->info->direct_map_base = kaslr_direct_map_place(index).raw;
}

static EFI_STATUS place_at_random(struct boot *boot, const struct memory_map *memory)
{
    const struct elf_image *image = &boot->kernel.image;
    const uint64_t frames =
        kaslr_phys_places(memory, (struct phys_range){image->phys, image->span.size});
    const uint64_t pages = elf_can_move(image) ? kaslr_virt_places(image->span) : 0;
    const uint64_t bases = kaslr_direct_map_places(memory);

    draw_pages(boot, pages);
    draw_direct_map(boot, bases);
    if (!draw_frames(boot, memory, frames))
        TRY(place_as_linked(boot));
    log_line(boot, LOG_INFO,
             "KASLR by %s: pages at 0x%lx (of %lu places), frames at 0x%lx (of %lu), direct map "
             "at 0x%lx (of %lu)",
             boot->random.name, kernel_virt(&boot->kernel, image->span.start).raw, pages,
             boot->kernel.phys.raw, frames, boot->info->direct_map_base, bases);
    return EFI_SUCCESS;
}

EFI_STATUS place_kernel(struct boot *boot)
{
    struct firmware_map map;

    if (boot->random.name == NULL)
        return place_as_linked(boot);
    TRY(allocate_firmware_map(boot, 0, &map));
    EFI_STATUS status = read_memory_map(boot, &map);
    if (!EFI_ERROR(status))
        status = place_at_random(boot, &map.map);
    free_firmware_map(boot, &map);
    return status;
}
