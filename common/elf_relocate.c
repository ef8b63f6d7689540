/* Applies the relocations of a static PIE that lies in memory: gABI chapter 5,
 * "Dynamic Section", and AMD64 psABI 4.4. The loader calls it to fill in
 * the addends, which a file need not hold in place, and to slide an image.
 *
 * The tables are the file's own and lie where the relocations write. So
 * everything is checked before the first write, no relocation may change the
 * relocation table, and the second pass reads nothing else. */
#include "elf_image.h"

#include <elf.h>

#include "elf_check.h"

static bool is_inside(struct virt_range outer, struct virt_range inner)
{
    uint64_t offset = inner.start.raw - outer.start.raw;
    return offset < outer.size && inner.size <= outer.size - offset;
}

static bool is_in_a_segment(const struct elf_image *image, struct virt_range wanted)
{
    struct elf_segment segment;

    return elf_find_segment(image, wanted, &segment);
}

static uint64_t offset_of(const struct elf_image *image, uint64_t address)
{
    return address - image->span.start.raw;
}

/* The dynamic section. */

static const Elf64_Phdr *find_dynamic(const struct elf_image *image)
{
    const Elf64_Phdr *headers = image->table;
    for (unsigned i = 0; i < image->header.segments; i++) {
        if (headers[i].p_type == PT_DYNAMIC)
            return &headers[i];
    }
    return NULL;
}

static enum elf_status check_dynamic(const struct elf_image *image, const Elf64_Phdr *ph,
                                     unsigned index, struct elf_error *error)
{
    const struct elf_check checks[] = {
        {!is_aligned(ph->p_vaddr, _Alignof(Elf64_Dyn)), ELF_BAD_DYNAMIC, "p_vaddr", ph->p_vaddr,
         "is not a multiple of", _Alignof(Elf64_Dyn)},
        {!is_in_a_segment(image, virt_range(ph->p_vaddr, ph->p_memsz)), ELF_BAD_DYNAMIC, "p_vaddr",
         ph->p_vaddr, "is in no PT_LOAD that has room for p_memsz", ph->p_memsz},
    };
    return elf_judge(checks, ELF_CHECKS(checks), index, error);
}

struct rela_tags {
    bool has_address;
    bool has_size;
    uint64_t address;    /* DT_RELA */
    uint64_t size;       /* DT_RELASZ, bytes */
    uint64_t entry_size; /* DT_RELAENT */
    uint64_t flags_1;    /* DT_FLAGS_1 */
    uint64_t foreign;    /* the tag of a table of another kind: an image relocated in part
                            is worse than none */
};

/* The index of DT_NULL, or `count`. */
static size_t take_tags(const Elf64_Dyn *entries, size_t count, struct rela_tags *tags)
{
    for (size_t i = 0; i < count; i++) {
        const uint64_t value = entries[i].d_un.d_val;
        switch (entries[i].d_tag) {
        case DT_NULL:
            return i;
        case DT_RELA:
            tags->has_address = true;
            tags->address = value;
            break;
        case DT_RELASZ:
            tags->has_size = true;
            tags->size = value;
            break;
        case DT_RELAENT:
            tags->entry_size = value;
            break;
        case DT_FLAGS_1:
            tags->flags_1 = value;
            break;
        case DT_REL:
        case DT_JMPREL:
        case DT_RELR:
            tags->foreign = (uint64_t)entries[i].d_tag;
            break;
        }
    }
    return count;
}

static enum elf_status read_dynamic(const struct elf_image *image, const Elf64_Phdr *ph,
                                    const void *memory, struct rela_tags *tags,
                                    struct elf_error *error)
{
    const unsigned index = (unsigned)(ph - (const Elf64_Phdr *)image->table);
    enum elf_status status = check_dynamic(image, ph, index, error);
    if (status != ELF_OK)
        return status;
    const size_t count = ph->p_memsz / sizeof(Elf64_Dyn);
    const void *entries = (const unsigned char *)memory + offset_of(image, ph->p_vaddr);
    const size_t end = take_tags(entries, count, tags);
    const struct elf_check endless = {end == count, ELF_BAD_DYNAMIC,         "p_memsz",
                                      ph->p_memsz,  "ends before a DT_NULL", 0};
    return elf_judge(&endless, 1, index, error);
}

static bool says_pie(const struct rela_tags *tags)
{
    return (tags->flags_1 & DF_1_PIE) != 0;
}

static enum elf_status check_tags(const struct elf_image *image, const struct rela_tags *tags,
                                  uint64_t slide, struct elf_error *error)
{
    const bool empty = tags->size == 0;
    const bool placed = is_in_a_segment(image, virt_range(tags->address, tags->size));
    const struct elf_check checks[] = {
        {tags->foreign != 0, ELF_BAD_RELOCATION, "d_tag", tags->foreign,
         "names a relocation table other than DT_RELA", 0},
        {slide != 0 && !says_pie(tags), ELF_BAD_DYNAMIC, "DT_FLAGS_1", tags->flags_1,
         "has no DF_1_PIE to move the image by", slide},
        {tags->has_address && !tags->has_size, ELF_BAD_RELA, "DT_RELA", tags->address,
         "has no DT_RELASZ", 0},
        {!tags->has_address && !empty, ELF_BAD_RELA, "DT_RELASZ", tags->size, "has no DT_RELA", 0},
        {!empty && tags->entry_size != sizeof(Elf64_Rela), ELF_BAD_RELA, "DT_RELAENT",
         tags->entry_size, "is not", sizeof(Elf64_Rela)},
        {tags->size % sizeof(Elf64_Rela) != 0, ELF_BAD_RELA, "DT_RELASZ", tags->size,
         "is not a multiple of", sizeof(Elf64_Rela)},
        {!empty && !is_aligned(tags->address, _Alignof(Elf64_Rela)), ELF_BAD_RELA, "DT_RELA",
         tags->address, "is not a multiple of", _Alignof(Elf64_Rela)},
        {!empty && !placed, ELF_BAD_RELA, "DT_RELA", tags->address,
         "is in no PT_LOAD that has room for DT_RELASZ", tags->size},
    };
    return elf_judge(checks, ELF_CHECKS(checks), 0, error);
}

/* The relocations. */

struct rela_table {
    const Elf64_Rela *entries;
    size_t count;
    struct virt_range where; /* not empty if count is not 0 */
};

/* The table is at least as long as a place: they overlap exactly if an end of
 * the place is inside it. */
static bool touches(struct virt_range table, struct virt_range target)
{
    return virt_range_has(table, target.start) ||
           virt_range_has(table, virt(target.start.raw + target.size - 1));
}

/* `segment` is where the last place was found: the linker sorts them, so that
 * a search is needed once a segment. A symbol may mark the end of the image, so
 * an addend one past its last byte is good. */
static enum elf_status check_relocation(const struct elf_image *image,
                                        const struct rela_table *table, size_t index,
                                        struct elf_segment *segment, struct elf_error *error)
{
    const Elf64_Rela *entry = &table->entries[index];
    const uint64_t addend = (uint64_t)entry->r_addend;
    const struct virt_range target = virt_range(entry->r_offset, sizeof(uint64_t));
    const bool relative = ELF64_R_TYPE(entry->r_info) == R_X86_64_RELATIVE;
    const bool placed =
        is_inside(segment->memory, target) || elf_find_segment(image, target, segment);
    const bool on_table = touches(table->where, target);
    const bool far = addend - image->span.start.raw > image->span.size;
    if (relative && placed && !on_table && !far)
        return ELF_OK;
    const struct elf_check checks[] = {
        {!relative, ELF_BAD_RELOCATION, "r_info", entry->r_info, "is not R_X86_64_RELATIVE",
         R_X86_64_RELATIVE},
        {!placed, ELF_RELOCATION_RANGE, "r_offset", entry->r_offset,
         "is in no PT_LOAD that has room for", sizeof(uint64_t)},
        {on_table, ELF_RELOCATION_RANGE, "r_offset", entry->r_offset,
         "is on the relocation table, which starts at", table->where.start.raw},
        {far, ELF_RELOCATION_RANGE, "r_addend", addend, "is outside the image, which starts at",
         image->span.start.raw},
    };
    return elf_judge(checks, ELF_CHECKS(checks), (unsigned)index, error);
}

static enum elf_status check_relocations(const struct elf_image *image,
                                         const struct rela_table *table, struct elf_error *error)
{
    struct elf_segment segment = {0};
    for (size_t i = 0; i < table->count; i++) {
        if (ELF64_R_TYPE(table->entries[i].r_info) == R_X86_64_NONE)
            continue;
        enum elf_status status = check_relocation(image, table, i, &segment, error);
        if (status != ELF_OK)
            return status;
    }
    return ELF_OK;
}

/* A place need not be aligned. Freestanding, a plain memcpy would be a call. */
static void apply(const struct elf_image *image, const struct rela_table *table, void *memory,
                  uint64_t slide)
{
    for (size_t i = 0; i < table->count; i++) {
        const Elf64_Rela *entry = &table->entries[i];
        const uint64_t value = (uint64_t)entry->r_addend + slide;
        if (ELF64_R_TYPE(entry->r_info) == R_X86_64_RELATIVE)
            __builtin_memcpy((unsigned char *)memory + offset_of(image, entry->r_offset), &value,
                             sizeof(value));
    }
}

bool elf_can_move(const struct elf_image *image, const void *memory)
{
    const Elf64_Phdr *dynamic = find_dynamic(image);
    struct rela_tags tags = {0};
    struct elf_error error;

    return dynamic != NULL && read_dynamic(image, dynamic, memory, &tags, &error) == ELF_OK &&
           says_pie(&tags);
}

enum elf_status elf_relocate(const struct elf_image *image, void *memory, uint64_t slide,
                             struct elf_error *error)
{
    const Elf64_Phdr *dynamic = find_dynamic(image);
    const struct elf_check immovable = {slide != 0,
                                        ELF_BAD_DYNAMIC,
                                        "e_phnum",
                                        image->header.segments,
                                        "has no PT_DYNAMIC among them to move the image by",
                                        slide};
    if (dynamic == NULL)
        return elf_judge(&immovable, 1, 0, error);
    struct rela_tags tags = {0};
    enum elf_status status = read_dynamic(image, dynamic, memory, &tags, error);
    if (status == ELF_OK)
        status = check_tags(image, &tags, slide, error);
    if (status != ELF_OK || tags.size == 0)
        return status;
    const struct rela_table table = {
        (void *)((unsigned char *)memory + offset_of(image, tags.address)),
        tags.size / sizeof(Elf64_Rela), virt_range(tags.address, tags.size)};
    status = check_relocations(image, &table, error);
    if (status == ELF_OK)
        apply(image, &table, memory, slide);
    return status;
}
