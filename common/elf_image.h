/* An ELF64 executable, checked before use (System V gABI chapters 4 and 5,
 * AMD64 psABI chapter 4), its segments one by one, and its relocations.
 *
 * Nothing here reads files: the caller brings the bytes. The order is
 *   elf_read_header   on the file's first bytes,
 *   elf_read_segments on the program header table that the header names,
 *   elf_next_segment  once a PT_LOAD,
 *   elf_relocate      when the segments are in memory. */
#ifndef BESTLA_ELF_IMAGE_H
#define BESTLA_ELF_IMAGE_H

#include "addr.h"

#define ELF_HEADER_SIZE  64 /* bytes elf_read_header wants to see */
#define ELF_SEGMENTS_MAX 64 /* PT_LOAD and all others together */

enum elf_status {
    ELF_OK,
    ELF_TOO_SHORT,     /* file ends inside the ELF header */
    ELF_BAD_MAGIC,     /* e_ident[0..3] */
    ELF_NOT_64_BIT,    /* e_ident[EI_CLASS] */
    ELF_NOT_LITTLE,    /* e_ident[EI_DATA] */
    ELF_BAD_VERSION,   /* e_ident[EI_VERSION] or e_version */
    ELF_NOT_X86_64,    /* e_machine */
    ELF_BAD_TYPE,      /* e_type: neither ET_EXEC nor ET_DYN */
    ELF_BAD_EHSIZE,    /* e_ehsize */
    ELF_BAD_PHENTSIZE, /* e_phentsize */
    ELF_BAD_PHNUM,     /* e_phnum: 0, PN_XNUM, or more than ELF_SEGMENTS_MAX */
    ELF_BAD_PHOFF,     /* table misaligned or past the end of the file */
    ELF_NO_SEGMENT,    /* no PT_LOAD of non-zero size */
    ELF_INTERPRETED,   /* PT_INTERP: wants a dynamic linker */
    ELF_FILE_BOUNDS,   /* p_offset + p_filesz past the end of the file; p_offset means
                          nothing where p_filesz is 0 */
    ELF_FILESZ_OVER_MEMSZ,
    ELF_BAD_ALIGN,        /* p_align not a power of two >= 4 KiB, or p_vaddr and
                             p_offset not congruent modulo p_align */
    ELF_OUTSIDE_REGION,   /* [p_vaddr, +p_memsz) not inside the region given */
    ELF_BAD_PHYS,         /* p_paddr + p_memsz, in whole pages, reaches 2^64; p_paddr not
                             congruent to p_vaddr modulo 4 KiB; or p_paddr - p_vaddr not
                             the first segment's: the image is loaded as one piece */
    ELF_UNSORTED,         /* PT_LOADs not in ascending p_vaddr (gABI) */
    ELF_OVERLAP,          /* two segments share an address */
    ELF_SHARED_PAGE,      /* two segments of different rights share a page */
    ELF_WRITE_EXECUTE,    /* PF_W and PF_X */
    ELF_NO_RIGHTS,        /* not PF_R: x86 cannot map a page that may not be read */
    ELF_BAD_ENTRY,        /* e_entry not inside a segment that may be executed */
    ELF_BAD_DYNAMIC,      /* PT_DYNAMIC misaligned, outside the segments, without an end;
                             missing, or without DF_1_PIE, where the image is moved */
    ELF_BAD_RELA,         /* DT_RELA, DT_RELASZ, DT_RELAENT: one missing, misaligned,
                             outside the segments, or not fitting each other */
    ELF_BAD_RELOCATION,   /* a kind other than R_X86_64_RELATIVE (or NONE), or DT_REL,
                             DT_JMPREL, DT_RELR */
    ELF_RELOCATION_RANGE, /* the 8 bytes at r_offset not inside one segment's memory, or
                             on the relocation table itself; or r_addend neither inside
                             image->span nor its end */
};

/* Filled on failure, left alone on ELF_OK. The strings are constants. */
struct elf_error {
    enum elf_status status;
    const char *field;  /* the field's name in the ELF specification */
    unsigned segment;   /* p_ fields: index in the program header table;
                           r_ fields: index in the relocation table; else 0 */
    uint64_t value;     /* what the field holds */
    uint64_t limit;     /* what it was held against; 0 where that says nothing */
    const char *reason; /* what is wrong, as words between value and limit */
};

struct elf_header {
    uint64_t entry;
    uint64_t table_offset; /* of the program headers in the file */
    size_t table_size;     /* bytes */
    unsigned segments;     /* program headers of all kinds */
    uint64_t file_size;
};

struct elf_segment {
    struct virt_range memory; /* p_vaddr, p_memsz */
    phys_addr_t phys;         /* p_paddr: where it would like to be */
    uint64_t file_offset;     /* file_offset + file_size <= header.file_size if file_size > 0 */
    uint64_t file_size;       /* bytes in the file; the rest up to memory.size is zero */
    unsigned rights;          /* PT_RIGHT_… of x86_paging.h */
    unsigned index;           /* in the program header table */
};

struct elf_image {
    struct elf_header header;
    const void *table;      /* the program headers; owned by the caller, aligned to 8 */
    struct virt_range span; /* page-aligned, from the first segment to the last */
    phys_addr_t phys;       /* what p_paddr asks for, of span.start; + span.size < 2^64 */
};

/* `head` holds the file's first `size` bytes, aligned to 8. `header` is filled
 * only on ELF_OK. */
__attribute__((warn_unused_result)) enum elf_status elf_read_header(const void *head, size_t size,
                                                                    uint64_t file_size,
                                                                    struct elf_header *header,
                                                                    struct elf_error *error);

/* `table` holds header->table_size bytes read at header->table_offset, aligned
 * to 8; it must stay as it is for as long as `image` is used. Every PT_LOAD of
 * non-zero p_memsz must lie inside `region`, which is page-aligned. `image` is
 * filled only on ELF_OK. */
__attribute__((warn_unused_result)) enum elf_status elf_read_segments(
    const struct elf_header *header, const void *table, struct virt_range region,
    struct elf_image *image, struct elf_error *error);

/* Steps over the PT_LOADs of non-zero size, in ascending address: start with
 * *cursor = 0. */
bool elf_next_segment(const struct elf_image *image, unsigned *cursor, struct elf_segment *segment);

/* Finds the segment whose memory has all of `wanted` (an empty one: has its address). `segment` is
 * filled only on true. */
bool elf_find_segment(const struct elf_image *image, struct virt_range wanted,
                      struct elf_segment *segment);

/* Can the image run at another address than its own? Only one that was linked to: DF_1_PIE in
 * DT_FLAGS_1 (GNU's linkers and LLVM's set it for -pie, and only then). A dynamic section alone
 * does not say so: `-static -E` makes one too, and leaves absolute addresses without relocations.
 * `memory` as for elf_relocate, which has not been called yet. */
bool elf_can_move(const struct elf_image *image, const void *memory);

/* Applies the R_X86_64_RELATIVE relocations. `memory` is where the image's span
 * can be read and written now (image->span.size bytes, aligned to 8); `slide` is
 * added to every address, modulo 2^64. The addends are written even if it is 0:
 * the linker leaves the places empty. Everything is checked before the first
 * byte is written. An image without PT_DYNAMIC needs none and gives ELF_OK. If slide
 * is not 0, one that elf_can_move denies is refused: ELF_BAD_DYNAMIC. */
__attribute__((warn_unused_result)) enum elf_status elf_relocate(const struct elf_image *image,
                                                                 void *memory, uint64_t slide,
                                                                 struct elf_error *error);

/* One line: "program header 2: p_filesz 0x5000 is more than p_memsz 0x4000",
 * "no error" for ELF_OK. Returns the length as format_text does. */
size_t elf_describe(const struct elf_error *error, char *buffer, size_t size);

#endif
