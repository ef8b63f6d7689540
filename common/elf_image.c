/* Checks an ELF64 executable field by field and hands out its segments. The
 * loader calls it on the kernel's file before a byte of it is placed.
 *
 * The checks stand in tables (elf_check.h), to be read against enum elf_status. */
#include "elf_image.h"

#include <elf.h>

#include "elf_check.h"
#include "format.h"
#include "x86_paging.h"

/* The last multiple of the page size: what ends below rounds up without overflow. */
#define LAST_PAGE (UINT64_MAX - PAGE_SIZE + 1)

_Static_assert(sizeof(Elf64_Ehdr) == ELF_HEADER_SIZE, "gABI, figure 4-3");

enum elf_status elf_judge(const struct elf_check *checks, size_t count, unsigned segment,
                          struct elf_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct elf_check *check = &checks[i];
        if (check->failed) {
            *error = (struct elf_error){check->status, check->field, segment,
                                        check->value,  check->limit, check->reason};
            return check->status;
        }
    }
    return ELF_OK;
}

static bool fits(uint64_t start, uint64_t size, uint64_t limit)
{
    uint64_t end;
    return !__builtin_add_overflow(start, size, &end) && end <= limit;
}

/* The file header: gABI chapter 4, "ELF Header". */

static enum elf_status check_size(uint64_t size, struct elf_error *error)
{
    const struct elf_check check = {size < ELF_HEADER_SIZE,  ELF_TOO_SHORT,  "file size", size,
                                    "is less than e_ehsize", ELF_HEADER_SIZE};
    return elf_judge(&check, 1, 0, error);
}

static uint32_t magic_of(const unsigned char *ident)
{
    return ident[EI_MAG0] | (uint32_t)ident[EI_MAG1] << 8 | (uint32_t)ident[EI_MAG2] << 16 |
           (uint32_t)ident[EI_MAG3] << 24;
}

static enum elf_status check_ident(const unsigned char *ident, struct elf_error *error)
{
    const uint32_t magic = magic_of((const unsigned char *)ELFMAG);
    const struct elf_check checks[] = {
        {magic_of(ident) != magic, ELF_BAD_MAGIC, "e_ident[EI_MAG0..3]", magic_of(ident),
         "is not ELF's", magic},
        {ident[EI_CLASS] != ELFCLASS64, ELF_NOT_64_BIT, "e_ident[EI_CLASS]", ident[EI_CLASS],
         "is not ELFCLASS64", ELFCLASS64},
        {ident[EI_DATA] != ELFDATA2LSB, ELF_NOT_LITTLE, "e_ident[EI_DATA]", ident[EI_DATA],
         "is not ELFDATA2LSB", ELFDATA2LSB},
        {ident[EI_VERSION] != EV_CURRENT, ELF_BAD_VERSION, "e_ident[EI_VERSION]", ident[EI_VERSION],
         "is not EV_CURRENT", EV_CURRENT},
    };
    return elf_judge(checks, ELF_CHECKS(checks), 0, error);
}

/* GNU ld calls a static PIE with a base other than 0 ET_EXEC, lld ET_DYN: the
 * type says nothing more, PT_DYNAMIC does. */
static enum elf_status check_kind(const Elf64_Ehdr *elf, struct elf_error *error)
{
    const struct elf_check checks[] = {
        {elf->e_version != EV_CURRENT, ELF_BAD_VERSION, "e_version", elf->e_version,
         "is not EV_CURRENT", EV_CURRENT},
        {elf->e_machine != EM_X86_64, ELF_NOT_X86_64, "e_machine", elf->e_machine,
         "is not EM_X86_64", EM_X86_64},
        {elf->e_type != ET_EXEC && elf->e_type != ET_DYN, ELF_BAD_TYPE, "e_type", elf->e_type,
         "is neither ET_EXEC nor ET_DYN", 0},
    };
    return elf_judge(checks, ELF_CHECKS(checks), 0, error);
}

static enum elf_status check_table(const Elf64_Ehdr *elf, uint64_t file_size,
                                   struct elf_error *error)
{
    const uint64_t table_size = (uint64_t)elf->e_phnum * sizeof(Elf64_Phdr);
    const struct elf_check checks[] = {
        {elf->e_ehsize != sizeof(Elf64_Ehdr), ELF_BAD_EHSIZE, "e_ehsize", elf->e_ehsize, "is not",
         sizeof(Elf64_Ehdr)},
        {elf->e_phentsize != sizeof(Elf64_Phdr), ELF_BAD_PHENTSIZE, "e_phentsize", elf->e_phentsize,
         "is not", sizeof(Elf64_Phdr)},
        {elf->e_phnum == 0, ELF_BAD_PHNUM, "e_phnum", elf->e_phnum, "means nothing to load", 0},
        {elf->e_phnum > ELF_SEGMENTS_MAX, ELF_BAD_PHNUM, "e_phnum", elf->e_phnum, "is more than",
         ELF_SEGMENTS_MAX},
        {!is_aligned(elf->e_phoff, _Alignof(Elf64_Phdr)), ELF_BAD_PHOFF, "e_phoff", elf->e_phoff,
         "is not a multiple of", _Alignof(Elf64_Phdr)},
        {!fits(elf->e_phoff, table_size, file_size), ELF_BAD_PHOFF, "e_phoff", elf->e_phoff,
         "puts program headers past the end of the file at", file_size},
    };
    return elf_judge(checks, ELF_CHECKS(checks), 0, error);
}

enum elf_status elf_read_header(const void *head, size_t size, uint64_t file_size,
                                struct elf_header *header, struct elf_error *error)
{
    const Elf64_Ehdr *elf = head;
    enum elf_status status = check_size(min_u64(size, file_size), error);
    if (status == ELF_OK)
        status = check_ident(elf->e_ident, error);
    if (status == ELF_OK)
        status = check_kind(elf, error);
    if (status == ELF_OK)
        status = check_table(elf, file_size, error);
    if (status == ELF_OK)
        *header =
            (struct elf_header){elf->e_entry, elf->e_phoff,
                                (size_t)elf->e_phnum * sizeof(Elf64_Phdr), elf->e_phnum, file_size};
    return status;
}

/* The program headers: gABI chapter 5, "Program Header". */

/* What is known while they are gone through. */
struct scan {
    struct virt_range region;
    uint64_t file_size;
    const Elf64_Phdr *first; /* the PT_LOADs of non-zero size, NULL before there is one */
    const Elf64_Phdr *last;
};

static enum elf_status check_sizes(const struct scan *scan, const Elf64_Phdr *ph, unsigned index,
                                   struct elf_error *error)
{
    const bool in_file = ph->p_filesz != 0;
    const uint64_t file_left = scan->file_size - ph->p_offset;
    const uint64_t region_left = scan->region.size - (ph->p_vaddr - scan->region.start.raw);
    const struct elf_check checks[] = {
        {in_file && ph->p_offset >= scan->file_size, ELF_FILE_BOUNDS, "p_offset", ph->p_offset,
         "is not inside the file, which ends at", scan->file_size},
        {in_file && ph->p_filesz > file_left, ELF_FILE_BOUNDS, "p_filesz", ph->p_filesz,
         "is more than the file has from p_offset,", file_left},
        {ph->p_filesz > ph->p_memsz, ELF_FILESZ_OVER_MEMSZ, "p_filesz", ph->p_filesz,
         "is more than p_memsz", ph->p_memsz},
        {!virt_range_has(scan->region, virt(ph->p_vaddr)), ELF_OUTSIDE_REGION, "p_vaddr",
         ph->p_vaddr, "is outside the region that starts at", scan->region.start.raw},
        {ph->p_memsz > region_left, ELF_OUTSIDE_REGION, "p_memsz", ph->p_memsz,
         "is more than the region has from p_vaddr,", region_left},
    };
    /* An empty segment lies nowhere: only its bytes in the file could be wrong. */
    return elf_judge(checks, ph->p_memsz == 0 ? 3 : ELF_CHECKS(checks), index, error);
}

static enum elf_status check_placement(const Elf64_Phdr *ph, unsigned index,
                                       struct elf_error *error)
{
    const bool power_of_two = (ph->p_align & (ph->p_align - 1)) == 0;
    const struct elf_check checks[] = {
        {ph->p_align < PAGE_SIZE, ELF_BAD_ALIGN, "p_align", ph->p_align, "is less than", PAGE_SIZE},
        {!power_of_two, ELF_BAD_ALIGN, "p_align", ph->p_align, "is not a power of two", 0},
        {!is_aligned(ph->p_vaddr - ph->p_offset, ph->p_align), ELF_BAD_ALIGN, "p_offset",
         ph->p_offset, "is not congruent to p_vaddr modulo", ph->p_align},
        {!is_aligned(ph->p_vaddr - ph->p_paddr, PAGE_SIZE), ELF_BAD_PHYS, "p_paddr", ph->p_paddr,
         "is not congruent to p_vaddr modulo", PAGE_SIZE},
        {!fits(ph->p_paddr, ph->p_memsz, LAST_PAGE), ELF_BAD_PHYS, "p_paddr", ph->p_paddr,
         "leaves no room below 2^64 for p_memsz", ph->p_memsz},
        {(ph->p_flags & PF_W) && (ph->p_flags & PF_X), ELF_WRITE_EXECUTE, "p_flags", ph->p_flags,
         "allows both PF_W and PF_X", 0},
        {!(ph->p_flags & PF_R), ELF_NO_RIGHTS, "p_flags", ph->p_flags, "lacks PF_R", PF_R},
    };
    return elf_judge(checks, ELF_CHECKS(checks), index, error);
}

/* Against the first segment and the one before: both exist, and all three have
 * passed what stands above. Two that share a page with a third between them
 * share it with that one too, so looking one back is enough. */
static enum elf_status check_neighbours(const struct scan *scan, const Elf64_Phdr *ph,
                                        unsigned index, struct elf_error *error)
{
    const Elf64_Phdr *first = scan->first;
    const Elf64_Phdr *last = scan->last;
    const bool same_rights = ((ph->p_flags ^ last->p_flags) & (PF_R | PF_W | PF_X)) == 0;
    const uint64_t page = align_down(ph->p_vaddr, PAGE_SIZE);
    const uint64_t last_page = align_down(last->p_vaddr + (last->p_memsz - 1), PAGE_SIZE);
    const uint64_t expected = first->p_paddr + (ph->p_vaddr - first->p_vaddr);
    const struct elf_check checks[] = {
        {ph->p_vaddr < last->p_vaddr, ELF_UNSORTED, "p_vaddr", ph->p_vaddr,
         "is below the previous segment's", last->p_vaddr},
        {ph->p_vaddr - last->p_vaddr < last->p_memsz, ELF_OVERLAP, "p_vaddr", ph->p_vaddr,
         "is inside the segment that starts at", last->p_vaddr},
        {!same_rights && page == last_page, ELF_SHARED_PAGE, "p_vaddr", ph->p_vaddr,
         "shares with a segment of other rights the page", page},
        {ph->p_paddr != expected, ELF_BAD_PHYS, "p_paddr", ph->p_paddr,
         "is not at the first segment's distance from p_vaddr, which gives", expected},
        /* Equal distances modulo 2^64: this one wrapped past the end. */
        {ph->p_paddr < first->p_paddr, ELF_BAD_PHYS, "p_paddr", ph->p_paddr,
         "is below the first segment's", first->p_paddr},
    };
    return elf_judge(checks, ELF_CHECKS(checks), index, error);
}

static enum elf_status check_load(struct scan *scan, const Elf64_Phdr *ph, unsigned index,
                                  struct elf_error *error)
{
    enum elf_status status = check_sizes(scan, ph, index, error);
    if (status != ELF_OK || ph->p_memsz == 0)
        return status;
    status = check_placement(ph, index, error);
    if (status == ELF_OK && scan->last != NULL)
        status = check_neighbours(scan, ph, index, error);
    if (scan->first == NULL)
        scan->first = ph;
    scan->last = ph;
    return status;
}

static enum elf_status check_program_header(struct scan *scan, const Elf64_Phdr *ph, unsigned index,
                                            struct elf_error *error)
{
    const struct elf_check interpreted = {ph->p_type == PT_INTERP,
                                          ELF_INTERPRETED,
                                          "p_type",
                                          ph->p_type,
                                          "is PT_INTERP: a dynamic linker",
                                          0};
    if (ph->p_type == PT_LOAD)
        return check_load(scan, ph, index, error);
    return elf_judge(&interpreted, 1, index, error);
}

static bool may_execute(const struct elf_image *image, virt_addr_t address)
{
    struct elf_segment segment;
    for (unsigned cursor = 0; elf_next_segment(image, &cursor, &segment);) {
        if ((segment.rights & PT_RIGHT_EXECUTE) && virt_range_has(segment.memory, address))
            return true;
    }
    return false;
}

/* What only all of them together show. */
static enum elf_status check_image(const struct elf_image *image, struct elf_error *error)
{
    const struct elf_header *header = &image->header;
    const struct elf_check checks[] = {
        {image->span.size == 0, ELF_NO_SEGMENT, "e_phnum", header->segments,
         "has no PT_LOAD that is not empty among them", 0},
        {!may_execute(image, virt(header->entry)), ELF_BAD_ENTRY, "e_entry", header->entry,
         "is inside no segment that may be executed", 0},
    };
    return elf_judge(checks, ELF_CHECKS(checks), 0, error);
}

static struct virt_range span_of(const struct scan *scan)
{
    if (scan->first == NULL)
        return virt_range(0, 0);
    /* The end may be 2^64: then align_up gives 0 and the difference is right. */
    uint64_t start = align_down(scan->first->p_vaddr, PAGE_SIZE);
    uint64_t end = align_up(scan->last->p_vaddr + scan->last->p_memsz, PAGE_SIZE);
    return virt_range(start, end - start);
}

enum elf_status elf_read_segments(const struct elf_header *header, const void *table,
                                  struct virt_range region, struct elf_image *image,
                                  struct elf_error *error)
{
    const Elf64_Phdr *headers = table;
    struct scan scan = {region, header->file_size, NULL, NULL};
    for (unsigned i = 0; i < header->segments; i++) {
        enum elf_status status = check_program_header(&scan, &headers[i], i, error);
        if (status != ELF_OK)
            return status;
    }
    struct elf_image found = {*header, table, span_of(&scan), phys(0)};
    if (scan.first != NULL)
        found.phys = phys(align_down(scan.first->p_paddr, PAGE_SIZE));
    enum elf_status status = check_image(&found, error);
    if (status == ELF_OK)
        *image = found;
    return status;
}

static unsigned rights_of(Elf64_Word flags)
{
    return (flags & PF_R ? PT_RIGHT_READ : 0) | (flags & PF_W ? PT_RIGHT_WRITE : 0) |
           (flags & PF_X ? PT_RIGHT_EXECUTE : 0);
}

bool elf_next_segment(const struct elf_image *image, unsigned *cursor, struct elf_segment *segment)
{
    const Elf64_Phdr *headers = image->table;
    while (*cursor < image->header.segments) {
        unsigned index = (*cursor)++;
        const Elf64_Phdr *ph = &headers[index];
        if (ph->p_type != PT_LOAD || ph->p_memsz == 0)
            continue;
        *segment = (struct elf_segment){virt_range(ph->p_vaddr, ph->p_memsz),
                                        phys(ph->p_paddr),
                                        ph->p_offset,
                                        ph->p_filesz,
                                        rights_of(ph->p_flags),
                                        index};
        return true;
    }
    return false;
}

bool elf_find_segment(const struct elf_image *image, struct virt_range wanted,
                      struct elf_segment *segment)
{
    struct elf_segment each;

    for (unsigned cursor = 0; elf_next_segment(image, &cursor, &each);) {
        uint64_t into = wanted.start.raw - each.memory.start.raw;
        if (into < each.memory.size && wanted.size <= each.memory.size - into) {
            *segment = each;
            return true;
        }
    }
    return false;
}

/* "p_" and "r_" fields stand in a table: say in which row. */
static const char *row_name(const char *field)
{
    if (field[0] == 'p' && field[1] == '_')
        return "program header";
    if (field[0] == 'r' && field[1] == '_')
        return "relocation";
    return NULL;
}

size_t elf_describe(const struct elf_error *error, char *buffer, size_t size)
{
    if (error->status == ELF_OK)
        return format_text(buffer, size, "no error");
    char row[40] = "";
    char limit[24] = "";
    if (row_name(error->field) != NULL)
        format_text(row, sizeof(row), "%s %u: ", row_name(error->field), error->segment);
    if (error->limit != 0)
        format_text(limit, sizeof(limit), " 0x%lx", error->limit);
    return format_text(buffer, size, "%s%s 0x%lx %s%s", row, error->field, error->value,
                       error->reason, limit);
}
