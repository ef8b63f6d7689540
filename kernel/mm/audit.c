/* See audit.h. Each rule is one function that says where it is broken first. */
#include "audit.h"

#include "address_space.h"
#include "handoff.h"
#include "image.h"
#include "layout.h"
#include "log.h"
#include "panic.h"
#include "x86_cpu.h"

/* An address where the rule does not hold, and in which words. */
struct finding {
    uint64_t address;
    const char *what; /* NULL: the rule holds */
};

static const struct finding holds = {0, NULL};

static struct finding broken(uint64_t address, const char *what)
{
    return (struct finding){address, what};
}

static struct virt_range kernel_region(void)
{
    return virt_range(KERNEL_REGION, KERNEL_REGION_SIZE);
}

/* Visits both halves. */
static void visit_all(pt_leaf_visitor visit, void *context)
{
    (void)(pt_visit_leaves(&kernel_space, pt_lower_half(&kernel_space), visit, context) &&
           pt_visit_leaves(&kernel_space, pt_upper_half(&kernel_space), visit, context));
}

/* ---- 1: no leaf is writable and executable --------------------------------------------- */

static bool find_write_execute(void *context, const struct pt_leaf *leaf)
{
    unsigned both = PT_RIGHT_WRITE | PT_RIGHT_EXECUTE;

    if ((leaf->attributes.rights & both) == both)
        *(struct finding *)context = broken(leaf->virt.raw, "is writable and executable");
    return ((struct finding *)context)->what == NULL;
}

/* Bits in tables hold only with the switches that the CPU has for them. */
static struct finding check_write_or_execute(void)
{
    struct finding finding = holds;

    if (!(read_cr0() & CR0_WP))
        return broken(read_cr0(), "is CR0, where WP is clear: no page is read-only");
    if (!(read_msr(MSR_EFER) & EFER_NXE))
        return broken(read_msr(MSR_EFER), "is EFER, where NXE is clear");
    visit_all(find_write_execute, &finding);
    return finding;
}

/* ---- 2: what is executed or read-only in one mapping no other may write ---------------- */

struct guarded {
    struct phys_range frames;
    struct finding finding;
};

static bool find_write_to(void *context, const struct pt_leaf *leaf)
{
    struct guarded *guarded = context;
    uint64_t end = leaf->phys.raw + level_size(leaf->level);

    if ((leaf->attributes.rights & PT_RIGHT_WRITE) && leaf->phys.raw < phys_end(guarded->frames) &&
        guarded->frames.start.raw < end)
        guarded->finding = broken(leaf->virt.raw, "may write frames that are guarded elsewhere");
    return guarded->finding.what == NULL;
}

static struct finding check_frames(struct phys_range frames)
{
    struct guarded guarded = {frames, holds};

    visit_all(find_write_to, &guarded);
    return guarded.finding;
}

static bool find_alias(void *context, const struct pt_run *run)
{
    struct finding *finding = context;

    if (run->attributes.rights & PT_RIGHT_EXECUTE)
        *finding = check_frames((struct phys_range){run->phys, run->virt.size});
    return finding->what == NULL;
}

/* The segments that are not to be written, and whatever else the tables execute: without NX
 * that is everything, and says nothing. */
static struct finding check_aliases(void)
{
    struct finding finding = holds;

    for (size_t i = 0; i < image_segment_count && finding.what == NULL; i++) {
        const struct image_segment *segment = &image_segments[i];
        phys_addr_t start = virt2phys(segment->start);
        if (!(segment->rights & PT_RIGHT_WRITE))
            finding = check_frames((struct phys_range){start, image_segment_range(segment).size});
    }
    if (finding.what == NULL && kernel_space.features.no_execute)
        pt_visit_runs(&kernel_space, pt_upper_half(&kernel_space), find_alias, &finding);
    return finding;
}

/* ---- 3: the image's pages have their segment's rights, and are all there is ------------- */

struct image_count {
    uint64_t pages;
    struct finding finding;
};

static bool check_image_page(void *context, const struct pt_leaf *leaf)
{
    struct image_count *count = context;
    const struct image_segment *segment = image_segment_at(leaf->virt);
    unsigned ignored = kernel_space.features.no_execute ? 0 : PT_RIGHT_EXECUTE;

    count->pages++;
    if (segment == NULL)
        count->finding = broken(leaf->virt.raw, "is mapped, but no segment's");
    else if ((leaf->attributes.rights | ignored) != (segment->rights | ignored))
        count->finding = broken(leaf->virt.raw, "has other rights than its segment");
    else if (leaf->level != PT_LEVEL_PT ||
             leaf->phys.raw != virt2phys((const void *)(uintptr_t)leaf->virt.raw).raw)
        count->finding = broken(leaf->virt.raw, "does not lead to the image's frame");
    return count->finding.what == NULL;
}

static struct finding check_image(void)
{
    struct image_count count = {0, holds};
    uint64_t expected = 0;

    for (size_t i = 0; i < image_segment_count; i++)
        expected += image_segment_range(&image_segments[i]).size / PAGE_SIZE;
    pt_visit_leaves(&kernel_space, kernel_region(), check_image_page, &count);
    if (count.finding.what == NULL && count.pages != expected)
        return broken(image_range().start.raw, "is an image of which pages are missing");
    return count.finding;
}

/* ---- 4: guards ------------------------------------------------------------------------- */

static struct finding check_guards(void)
{
    for (size_t i = 0; i < image_segment_count; i++) {
        struct virt_range stack = image_segment_range(&image_segments[i]);
        virt_addr_t below = virt(stack.start.raw - PAGE_SIZE);
        virt_addr_t above = virt(stack.start.raw + stack.size);

        if (!image_segments[i].stack)
            continue;
        if (pt_translate(&kernel_space, below, NULL))
            return broken(below.raw, "should be a guard page and is mapped");
        if (pt_translate(&kernel_space, above, NULL))
            return broken(above.raw, "should be a guard page and is mapped");
    }
    return holds;
}

/* ---- 5: nothing in the lower half, nothing for user mode ------------------------------- */

static bool find_user_bit(void *context, phys_addr_t frame, enum pt_level level)
{
    const uint64_t *entries = phys2virt(frame);
    size_t count = level == kernel_space.top ? PT_ENTRIES / 2 : 0;

    for (size_t i = 0; i < PT_ENTRIES; i++) {
        bool lower = i < count && entry_is_present(entries[i]);
        bool user = entry_is_present(entries[i]) && (entries[i] & ENTRY_USER);

        if (!lower && !user)
            continue;
        *(struct finding *)context =
            broken(frame.raw + i * sizeof(uint64_t),
                   lower ? "is an entry of the lower half" : "is an entry with the user bit");
        return false;
    }
    return true;
}

static struct finding check_kernel_only(void)
{
    struct finding finding = holds;

    pt_visit_tables(&kernel_space, find_user_bit, &finding);
    return finding;
}

/* ---- 6: translation is right for all RAM and all of the image -------------------------- */

static struct finding check_direct_map_of(struct phys_range run)
{
    uint64_t at = run.start.raw;

    while (at < phys_end(run)) {
        struct pt_leaf leaf;
        virt_addr_t address = virt_of(phys2virt(phys(at)));
        phys_addr_t back;

        if (!pt_translate(&kernel_space, address, &leaf))
            return broken(address.raw, "should be RAM and is not mapped");
        if (!try_virt_to_phys(address, &back) || back.raw != at ||
            virt2phys(phys2virt(phys(at))).raw != at)
            return broken(address.raw, "does not translate back");
        at = leaf.phys.raw + level_size(leaf.level);
    }
    return holds;
}

static struct finding check_translation(void)
{
    struct phys_range run;
    size_t cursor = 0;
    phys_addr_t to;

    while (memory_map_next_run(&kernel_memory, MEMORY_RAM, &cursor, &run)) {
        struct finding finding = check_direct_map_of(run);
        if (finding.what != NULL)
            return finding;
    }
    for (size_t i = 0; i < image_segment_count; i++) {
        const char *start = image_segments[i].start;
        if (!try_virt_to_phys(virt_of(start), &to) || to.raw != virt2phys(start).raw)
            return broken(virt_of(start).raw, "does not translate to its frame");
    }
    return holds;
}

/* ---- 7: table frames are the kernel's own ---------------------------------------------- */

static bool find_foreign_table(void *context, phys_addr_t frame, enum pt_level level)
{
    (void)level;
    if (frames_state(&kernel_frames, frame) != FRAME_ALLOCATED)
        *(struct finding *)context = broken(frame.raw, "is a table in a frame that is not ours");
    return ((struct finding *)context)->what == NULL;
}

static struct finding check_table_frames(void)
{
    struct finding finding = holds;

    if (kernel_frames.refused != 0)
        return broken(kernel_frames.refused, "is how many table frames were given back in error");
    pt_visit_tables(&kernel_space, find_foreign_table, &finding);
    return finding;
}

/* ---- 8: beside the image there is the direct map of RAM and the framebuffer ------------ */

static const char *fault_of_framebuffer_leaf(const struct pt_leaf *leaf)
{
    struct virt_range pages = framebuffer_range();
    uint64_t into = leaf->virt.raw - pages.start.raw;
    struct pt_attributes a = leaf->attributes;

    if (leaf->phys.raw != align_down(boot_info.framebuffer.address, PAGE_SIZE) + into)
        return "does not lead to the framebuffer's frame";
    if (level_size(leaf->level) > pages.size - into)
        return "reaches past the framebuffer";
    if ((a.rights | PT_RIGHT_EXECUTE) != (PT_RIGHT_READ | PT_RIGHT_WRITE | PT_RIGHT_EXECUTE) ||
        !a.global || a.pat != framebuffer_pat())
        return "is the framebuffer's, with other attributes than it was given";
    return NULL;
}

static bool find_excess(void *context, const struct pt_leaf *leaf)
{
    struct finding *finding = context;
    struct phys_range page = {leaf->phys, level_size(leaf->level)};

    if (virt_range_has(kernel_region(), leaf->virt))
        return true;
    if (virt_range_has(framebuffer_range(), leaf->virt))
        *finding = broken(leaf->virt.raw, fault_of_framebuffer_leaf(leaf));
    else if (!virt_range_has(direct_map_range(), leaf->virt) ||
             leaf->virt.raw - direct_map_range().start.raw != leaf->phys.raw)
        *finding = broken(leaf->virt.raw, "is mapped, but not the direct map's");
    else if (!direct_map_is_full() && !memory_map_covers(&kernel_memory, page, MEMORY_RAM))
        *finding = broken(leaf->virt.raw, "reaches past the RAM it maps");
    return finding->what == NULL;
}

static struct finding check_extent(void)
{
    struct finding finding = holds;

    pt_visit_leaves(&kernel_space, pt_upper_half(&kernel_space), find_excess, &finding);
    return finding;
}

/* ---- 9: no frame has two memory types -------------------------------------------------- */

/* SDM Vol. 3A, 12.12.4. RAM is write-back everywhere, so it is the others that are looked for. */
struct typed {
    struct phys_range frames;
    unsigned pat;
    struct finding finding;
};

static bool find_other_type(void *context, const struct pt_leaf *leaf)
{
    struct typed *typed = context;

    if (leaf->attributes.pat != typed->pat && leaf->phys.raw < phys_end(typed->frames) &&
        typed->frames.start.raw < leaf->phys.raw + level_size(leaf->level))
        typed->finding = broken(leaf->virt.raw, "has frames that another page has otherwise");
    return typed->finding.what == NULL;
}

static bool find_odd_type(void *context, const struct pt_run *run)
{
    struct typed typed = {{run->phys, run->virt.size}, run->attributes.pat, holds};

    if (typed.pat != PAT_WRITE_BACK)
        visit_all(find_other_type, &typed);
    *(struct finding *)context = typed.finding;
    return typed.finding.what == NULL;
}

static struct finding check_memory_types(void)
{
    struct finding finding = holds;

    pt_visit_runs(&kernel_space, pt_upper_half(&kernel_space), find_odd_type, &finding);
    return finding;
}

/* ---- all of them ----------------------------------------------------------------------- */

static const char *needs_nx(void)
{
    return kernel_space.features.no_execute ? NULL : "the CPU has no NX";
}

static const struct rule {
    const char *text;
    struct finding (*check)(void);
    const char *(*excuse)(void); /* why it cannot hold here; NULL, or gives NULL: it must */
} rules[] = {
    {"no leaf is writable and executable", check_write_or_execute, needs_nx},
    {"no executable or read-only frame is writable through another mapping", check_aliases, NULL},
    {"the image is mapped with its segments' rights, and alone", check_image, NULL},
    {"every stack has an unmapped guard page on both sides", check_guards, NULL},
    {"nothing in the lower half, no user bit", check_kernel_only, NULL},
    {"addresses of RAM and image translate both ways", check_translation, NULL},
    {"all tables lie in the kernel's own frames", check_table_frames, NULL},
    {"beside the image only direct map and framebuffer, no leaf past them", check_extent, NULL},
    {"no frame is mapped with two memory types", check_memory_types, NULL},
};

static void report(size_t number, const struct rule *rule, const char *excuse,
                   struct finding finding)
{
    if (excuse != NULL)
        log_info("audit", "%u not enforceable (%s): %s", (unsigned)number, excuse, rule->text);
    else if (finding.what == NULL)
        log_info("audit", "%u pass: %s", (unsigned)number, rule->text);
    else
        log_write(LOG_ERROR, "audit", "%u FAIL: %s: 0x%016lx %s", (unsigned)number, rule->text,
                  finding.address, finding.what);
}

_Static_assert(sizeof(rules) / sizeof(rules[0]) == AUDIT_RULES, "audit.h");

size_t audit_check(bool (*can_read)(phys_addr_t table), size_t *checked)
{
    size_t failed = 0;

    kernel_space.can_read = can_read;
    for (*checked = 0; *checked < AUDIT_RULES; ++*checked) {
        const struct rule *rule = &rules[*checked];
        const char *excuse = rule->excuse == NULL ? NULL : rule->excuse();
        struct finding finding = excuse == NULL ? rule->check() : holds;
        if (can_read != NULL && !can_read(kernel_space.root))
            break;
        report(*checked + 1, rule, excuse, finding);
        failed += finding.what != NULL;
    }
    kernel_space.can_read = NULL;
    return failed;
}

void audit(void)
{
    size_t checked, failed = audit_check(NULL, &checked);

    if (failed != 0)
        panic("%u of %u rules of the audit do not hold", (unsigned)failed, AUDIT_RULES);
}
