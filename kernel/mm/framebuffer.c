/* See framebuffer.h. */
#include "framebuffer.h"

#include "layout.h"

enum framebuffer_status framebuffer_place(const struct boot_framebuffer *framebuffer,
                                          uint8_t phys_bits, const struct memory_map *ram,
                                          struct framebuffer_place *place)
{
    uint64_t limit = UINT64_C(1) << phys_bits;
    uint64_t start = align_down(framebuffer->address, PAGE_SIZE), end;
    size_t cursor = 0;
    struct phys_range run;

    if (framebuffer->address == 0)
        return FRAMEBUFFER_NONE;
    if (framebuffer->size == 0 ||
        __builtin_add_overflow(framebuffer->address, framebuffer->size, &end) || end > limit)
        return FRAMEBUFFER_BAD_RANGE;
    end = align_up(end, PAGE_SIZE);

    /* SDM Vol. 3A, 4.5: a leaf of any size then has the same offset in its frame and its page. */
    uint64_t into = start & (level_size(PT_LEVEL_PDPT) - 1);
    if (end - start > FRAMEBUFFER_REGION_SIZE - into)
        return FRAMEBUFFER_TOO_LARGE;
    while (memory_map_next_run(ram, MEMORY_RAM, &cursor, &run)) {
        if (run.start.raw < end && start < phys_end(run))
            return FRAMEBUFFER_IN_RAM;
    }
    place->virt = virt_range(FRAMEBUFFER_REGION + into, end - start);
    place->phys = phys(start);
    return FRAMEBUFFER_OK;
}

/* The part of the alias that has the framebuffer's frames; of size 0 where it has none. */
static struct virt_range part_of_alias(const struct framebuffer_place *place,
                                       struct virt_range alias)
{
    uint64_t start = place->phys.raw;
    uint64_t end = min_u64(start + place->virt.size, alias.size);

    return start < end ? virt_range(alias.start.raw + start, end - start) : virt_range(0, 0);
}

enum framebuffer_status framebuffer_map(struct pt_space *space,
                                        const struct framebuffer_place *place, unsigned pat,
                                        struct virt_range alias)
{
    struct pt_attributes attributes = {PT_RIGHT_READ | PT_RIGHT_WRITE, pat, true};
    struct virt_range other = part_of_alias(place, alias);
    enum pt_status status = pt_map(space, place->virt, place->phys, attributes, PT_LEVEL_PDPT);

    if (status != PT_OK)
        return status == PT_NO_FRAMES ? FRAMEBUFFER_NO_FRAMES : FRAMEBUFFER_IN_USE;
    if (other.size == 0 || pt_unmap(space, other) == PT_OK)
        return FRAMEBUFFER_OK;
    /* Splitting the alias takes frames; to take a whole mapping away takes none. */
    return pt_unmap(space, place->virt) == PT_OK ? FRAMEBUFFER_NO_FRAMES : FRAMEBUFFER_IN_USE;
}

const char *framebuffer_status_text(enum framebuffer_status status)
{
    static const char *const texts[] = {
        [FRAMEBUFFER_OK] = "good",
        [FRAMEBUFFER_NONE] = "there is none",
        [FRAMEBUFFER_BAD_RANGE] = "it is empty, wraps or ends past MAXPHYADDR",
        [FRAMEBUFFER_TOO_LARGE] = "it is larger than its region",
        [FRAMEBUFFER_IN_RAM] = "it reaches into RAM",
        [FRAMEBUFFER_IN_USE] = "something is mapped in its region",
        [FRAMEBUFFER_NO_FRAMES] = "no frames for tables",
    };
    return (size_t)status < sizeof(texts) / sizeof(texts[0]) ? texts[status] : "unknown";
}
