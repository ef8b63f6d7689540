/* See mapping_record.h. */
#include "mapping_record.h"

#include "log.h"
#include "page_map.h"
#include "panic.h"

struct mapping {
    struct virt_range range;
    const char *entity;
};

static struct mapping record[MAPPING_RECORD_MAX];
static size_t record_count;

/* Ascending; of two that start together the longer one first. */
static bool stands_before(const struct virt_range *a, const struct virt_range *b)
{
    return a->start.raw < b->start.raw || (a->start.raw == b->start.raw && a->size >= b->size);
}

void mapping_record_add(struct virt_range range, const char *entity)
{
    size_t at = record_count;

    if (record_count == MAPPING_RECORD_MAX)
        panic("the mapping record is full: no room for %s at 0x%016lx", entity, range.start.raw);
    for (; at > 0 && !stands_before(&record[at - 1].range, &range); at--)
        record[at] = record[at - 1];
    record[at] = (struct mapping){range, entity};
    record_count++;
}

/* A stretch of a mapping that is continuous in both worlds and has the same attributes
 * throughout, whatever the sizes of its pages. */
struct stretch {
    struct mapping mapping;
    struct virt_range virt; /* size 0: none yet */
    phys_addr_t phys;
    struct pt_attributes attributes;
};

static void print_size(uint64_t size)
{
    static const char units[] = "KMGT";
    unsigned unit = 0;

    for (size >>= 10; unit < 3 && size >= 1024 && size % 1024 == 0; unit++)
        size >>= 10;
    log_raw("%8lu %ciB", size, units[unit]);
}

static void print_stretch(const struct stretch *s)
{
    log_raw("  0x%016lx-0x%016lx  0x%012lx-0x%012lx  ", s->virt.start.raw,
            s->virt.start.raw + s->virt.size, s->phys.raw, s->phys.raw + s->virt.size);
    print_size(s->virt.size);
    log_raw("  %-3s %s %s  %s\n", page_memory_type(s->attributes.pat),
            s->attributes.rights & PT_RIGHT_WRITE ? "RW" : "RO",
            s->attributes.rights & PT_RIGHT_EXECUTE ? "X " : "XN", s->mapping.entity);
}

/* The part of a run that lies in the mapping; a leaf may reach past both its ends. */
static struct virt_range part_of(const struct virt_range *mapping, const struct pt_run *run)
{
    uint64_t start = max_u64(mapping->start.raw, run->virt.start.raw);
    uint64_t last =
        min_u64(mapping->start.raw + mapping->size - 1, run->virt.start.raw + run->virt.size - 1);

    return virt_range(start, last - start + 1);
}

static bool add_run(void *context, const struct pt_run *run)
{
    struct stretch *s = context;
    struct virt_range part = part_of(&s->mapping.range, run);
    phys_addr_t phys = {run->phys.raw + (part.start.raw - run->virt.start.raw)};

    if (s->virt.size != 0 && s->virt.start.raw + s->virt.size == part.start.raw &&
        s->phys.raw + s->virt.size == phys.raw && s->attributes.rights == run->attributes.rights &&
        s->attributes.pat == run->attributes.pat) {
        s->virt.size += part.size;
        return true;
    }
    if (s->virt.size != 0)
        print_stretch(s);
    s->virt = part;
    s->phys = phys;
    s->attributes = run->attributes;
    return true;
}

static void print_mapping(const struct pt_space *space, const struct mapping *mapping)
{
    struct stretch stretch = {.mapping = *mapping};

    pt_visit_runs(space, mapping->range, add_run, &stretch);
    if (stretch.virt.size != 0)
        print_stretch(&stretch);
    else
        log_raw("  0x%016lx-0x%016lx  %-55s  %s\n", mapping->range.start.raw,
                mapping->range.start.raw + mapping->range.size, "not mapped", mapping->entity);
}

static bool same_range(const struct mapping *a, const struct mapping *b)
{
    return a->range.start.raw == b->range.start.raw && a->range.size == b->range.size;
}

void mapping_record_print(const struct pt_space *space)
{
    log_raw("MMU online:\n  %-37s  %-29s  %12s  %-9s  %s\n", "Virtual", "Physical", "Size", "Attr",
            "Entity");
    for (size_t i = 0; i < record_count; i++) {
        if (i > 0 && same_range(&record[i - 1], &record[i]))
            log_raw("%96s  %s\n", "", record[i].entity);
        else
            print_mapping(space, &record[i]);
    }
}
