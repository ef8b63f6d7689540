/* See address_space.h. */
#include "address_space.h"

#include "framebuffer.h"
#include "handoff.h"
#include "image.h"
#include "layout.h"
#include "loaded_tables.h"
#include "log.h"
#include "mapping_record.h"
#include "options.h"
#include "panic.h"
#include "x86_cpu.h"

static const struct pt_attributes direct_map_attributes = {PT_RIGHT_READ | PT_RIGHT_WRITE,
                                                           PAT_WRITE_BACK, true};

static void must(const struct pt_space *space, const char *what, enum pt_status status)
{
    if (status != PT_OK)
        panic("%s: %s, at 0x%016lx", what, pt_status_text(status), space->where.raw);
}

void address_space_adopt(phys_addr_t root, struct pt_features features)
{
    kernel_space = (struct pt_space){
        .root = root,
        .top = cpu_top_level(),
        .features = features,
    };
}

/* ---- the direct map -------------------------------------------------------------------- */

bool direct_map_is_full(void)
{
    return option_is(boot_options(), "directmap", "full");
}

/* What `directmap=full` maps without asking the memory map: never past MAXPHYADDR. */
static uint64_t full_size(const struct pt_space *space)
{
    return min_u64(DIRECT_MAP_FULL_SIZE, UINT64_C(1) << space->features.phys_bits);
}

/* Found once, so that a panic need not ask the memory map. */
static struct virt_range direct_map;

static void find_direct_map(const struct pt_space *space)
{
    uint64_t size = memory_map_end(&kernel_memory, MEMORY_RAM);

    if (direct_map_is_full())
        size = max_u64(size, full_size(space));
    direct_map = virt_range(boot_info.direct_map_base, size);
}

struct virt_range direct_map_range(void)
{
    return direct_map;
}

/* RAM that the tables call write-back and the MTRRs do not: it works, and is slow
 * (SDM Vol. 3A, 11.5.2.2). */
struct odd_memory {
    uint64_t size, first; /* bytes; where it begins */
    enum mtrr_type type;  /* there */
};

static void note_type(struct odd_memory *odd, enum mtrr_type type, uint64_t start, uint64_t end)
{
    if (type == MTRR_WRITE_BACK)
        return;
    if (odd->size == 0)
        *odd = (struct odd_memory){0, start, type};
    odd->size += end - start;
}

static void map_direct(struct pt_space *space, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    must(space, "direct map",
         pt_map(space, virt_range(boot_info.direct_map_base + start, end - start), phys(start),
                direct_map_attributes, PT_LEVEL_PDPT));
}

/* No leaf across memory types (SDM Vol. 3A, 11.11.9, "Large Page Size Considerations"). */
static void map_run(struct pt_space *space, const struct mtrrs *mtrrs, uint64_t start, uint64_t end,
                    struct odd_memory *odd)
{
    for (uint64_t next; start < end; start = next) {
        next = mtrr_stretch_end(mtrrs, start, end);
        note_type(odd, mtrr_type_at(mtrrs, phys(start)), start, next);
        map_direct(space, start, next);
    }
}

static void map_memory(struct pt_space *space)
{
    const struct mtrrs mtrrs = cpu_mtrrs();
    struct odd_memory odd = {0};
    struct phys_range run;
    size_t cursor = 0;
    uint64_t done = direct_map_is_full() ? full_size(space) : 0;

    find_direct_map(space);
    if (direct_map_range().size > KERNEL_REGION - boot_info.direct_map_base)
        panic("RAM ends at 0x%lx: the direct map would run into the kernel region",
              direct_map_range().size);
    map_direct(space, 0, done);
    while (memory_map_next_run(&kernel_memory, MEMORY_RAM, &cursor, &run))
        map_run(space, &mtrrs, max_u64(run.start.raw, done), phys_end(run), &odd);
    if (odd.size != 0)
        log_warning("mm", "%lu KiB of RAM are not write-back by the MTRRs, the first %s at 0x%lx",
                    odd.size >> 10, mtrr_type_name(odd.type), odd.first);
}

/* ---- the image ------------------------------------------------------------------------- */

static bool protect_alias(void *context, const struct pt_run *run)
{
    struct pt_space *space = context;
    struct virt_range alias = virt_range(boot_info.direct_map_base + run->phys.raw, run->virt.size);

    if (!(run->attributes.rights & PT_RIGHT_WRITE))
        must(space, "direct map of the image", pt_protect(space, alias, PT_RIGHT_READ));
    return true;
}

/* The loader's mapping is the truth of which frames the image has, and which of them may be
 * written. */
static void map_image(struct pt_space *space)
{
    struct virt_range region = virt_range(KERNEL_REGION, KERNEL_REGION_SIZE);

    must(space, "kernel image", pt_clone(space, &kernel_space, region));
    pt_visit_runs(space, region, protect_alias, space);
}

static bool make_global(void *context, const struct pt_run *run)
{
    must(context, "kernel image", pt_set_global(context, run->virt, true));
    return true;
}

void address_space_build(struct pt_space *space, struct frame_allocator *frames)
{
    *space = (struct pt_space){
        .top = kernel_space.top,
        .features = kernel_space.features,
        .phys_to_virt = kernel_space.phys_to_virt,
        .frames = &frames->source,
    };
    must(space, "root table", pt_create(space));
    map_memory(space);
    map_image(space);
    pt_visit_runs(space, virt_range(KERNEL_REGION, KERNEL_REGION_SIZE), make_global, space);
}

/* ---- the framebuffer ------------------------------------------------------------------- */

static struct {
    struct framebuffer_place place;
    unsigned pat;
} framebuffer;

void address_space_add_framebuffer(struct pt_space *space, unsigned pat)
{
    struct virt_range alias =
        virt_range(boot_info.direct_map_base, direct_map_is_full() ? full_size(space) : 0);
    struct framebuffer_place place;
    enum framebuffer_status status = framebuffer_place(
        &boot_info.framebuffer, space->features.phys_bits, &kernel_memory, &place);

    if (status == FRAMEBUFFER_OK)
        status = framebuffer_map(space, &place, pat, alias);
    if (status == FRAMEBUFFER_NONE)
        return;
    if (status != FRAMEBUFFER_OK) {
        log_warning("mm", "no screen: framebuffer of 0x%lx bytes at 0x%lx: %s",
                    boot_info.framebuffer.size, boot_info.framebuffer.address,
                    framebuffer_status_text(status));
        return;
    }
    framebuffer.place = place;
    framebuffer.pat = pat;
    log_info("mm", "framebuffer at 0x%lx mapped at 0x%016lx, %s", boot_info.framebuffer.address,
             place.virt.start.raw, pat == PAT_WRITE_COMBINING ? "write-combining" : "uncached");
}

struct virt_range framebuffer_range(void)
{
    return framebuffer.place.virt;
}

bool is_framebuffers(phys_addr_t frame)
{
    return frame.raw - framebuffer.place.phys.raw < framebuffer.place.virt.size;
}

unsigned framebuffer_pat(void)
{
    return framebuffer.pat;
}

static void *pixels_in(struct virt_range pages)
{
    return (void *)(uintptr_t)(pages.start.raw + boot_info.framebuffer.address % PAGE_SIZE);
}

void *framebuffer_pixels(void)
{
    return framebuffer.place.virt.size == 0 ? NULL : pixels_in(framebuffer.place.virt);
}

/* What is mapped write-back is RAM: a report that is drawn there overwrites whatever it is. */
static bool count_drawable(void *context, const struct pt_leaf *leaf)
{
    if ((leaf->attributes.rights & PT_RIGHT_WRITE) && leaf->attributes.pat != PAT_WRITE_BACK)
        *(uint64_t *)context += level_size(leaf->level);
    return true;
}

static bool can_draw(const struct pt_space *space, struct virt_range range)
{
    uint64_t drawable = 0;

    if (range.size == 0 || !loaded_tables_map(space, range))
        return false;
    pt_visit_leaves(space, range, count_drawable, &drawable);
    return drawable >= range.size;
}

/* The kernel's own mapping; before the switch the loader's, at its own address (docs/handoff.md).
 */
void *framebuffer_pixels_now(void)
{
    const struct boot_framebuffer *f = &boot_info.framebuffer;
    struct pt_space space = loaded_tables();
    struct virt_range loaders = virt_range(align_down(f->address, PAGE_SIZE),
                                           align_up(f->address % PAGE_SIZE + f->size, PAGE_SIZE));

    if (can_draw(&space, framebuffer.place.virt))
        return pixels_in(framebuffer.place.virt);
    return f->address != 0 && can_draw(&space, loaders) ? pixels_in(loaders) : NULL;
}

/* ---- the switch ------------------------------------------------------------------------ */

/* SDM Vol. 3A, 4.10.4.1: clearing CR4.PGE drops global translations too; where it was never
 * set, loading CR3 drops all. */
static void invalidate_all(void)
{
    uint64_t cr4 = read_cr4();

    write_cr4(cr4 & ~CR4_PGE);
    write_cr3(read_cr3());
    write_cr4(cr4);
}

static void invalidate(struct virt_range range)
{
    /* One page a go is cheaper up to about here (Linux's tlb_single_page_flush_ceiling). */
    if (range.size > 33 * PAGE_SIZE) {
        invalidate_all();
        return;
    }
    for (uint64_t at = 0; at < range.size; at += PAGE_SIZE)
        invalidate_page(virt(range.start.raw + at));
}

void address_space_switch(const struct pt_space *space)
{
    uint64_t loader_root = kernel_space.root.raw;

    struct pt_space next = *space;

    next.phys_to_virt = boot_info.direct_map_base;
    next.invalidate = invalidate;
    loaded_tables_expect(next.root, next.phys_to_virt); /* an NMI may want to know */
    write_cr4(read_cr4() & ~CR4_PGE);
    write_cr3(next.root.raw);
    kernel_space = next;
    handoff_rebase();
    write_cr4(read_cr4() | (cpu_has_global_pages() ? CR4_PGE : 0));
    log_info("mm", "CR3 0x%lx, was the loader's 0x%lx; direct map at 0x%016lx", space->root.raw,
             loader_root, boot_info.direct_map_base);
}

static void reclaim(struct frame_allocator *frames, const struct memory_range *range)
{
    enum frames_status status = frames_reclaim(frames, phys_range(range->base, range->size));

    if (status != FRAMES_OK)
        panic("reclaiming 0x%lx bytes of %s at 0x%lx: %s", range->size,
              memory_type_name(range->type), range->base, frames_status_text(status));
}

void address_space_reclaim(struct frame_allocator *frames)
{
    for (size_t i = 0; i < kernel_memory.count; i++) {
        const struct memory_range *range = &kernel_memory.ranges[i];
        if (MEMORY_TYPE_BIT(range->type) & MEMORY_RECLAIMABLE)
            reclaim(frames, range);
    }
    uint64_t bytes = memory_map_retype(&kernel_memory, MEMORY_RECLAIMABLE, MEMORY_USABLE);
    log_info("mm", "%lu KiB of firmware's and the loader's reclaimed; %lu of %lu KiB free",
             bytes >> 10, frames->free_frames * 4, frames->managed_frames * 4);
}

void address_space_record(const struct frame_allocator *frames)
{
    uint64_t books = virt_of(phys2virt(frames->zones)).raw;

    for (size_t i = 0; i < image_segment_count; i++)
        mapping_record_add(image_segment_range(&image_segments[i]), image_segments[i].name);
    mapping_record_add(direct_map_range(), "direct map");
    if (framebuffer_range().size != 0)
        mapping_record_add(framebuffer_range(), "framebuffer");
    mapping_record_add(virt_range(books, align_up(frames->books_size, PAGE_SIZE)),
                       "the frame allocator's books");
    handoff_record();
}
