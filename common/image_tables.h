/* Page tables of the kernel's image that were computed when it was linked and lie in the image
 * itself: the format, the library's part in making them, and what a loader does with them. The
 * tool (tools/ptables), the loader and the tests run this code. docs/precomputed-tables.md has the
 * format in words.
 *
 * An ELF note says that they are there and where. They are whole 4-KiB frames: a PDPT, PDs and PTs,
 * in the order in which a walk up the addresses meets them, a table before those below it. A frame
 * in an entry is an offset from the image's first page, whose linked address is `base`. Leaves are
 * of 4 KiB, write-back, with the rights of their segment, NX where it is not executable; every
 * other bit is 0.
 *
 * So every bit of them follows from the segments, and what a loader is handed is either this or
 * a lie: image_tables_verify finds the first entry that is another than it must be. */
#ifndef BESTLA_IMAGE_TABLES_H
#define BESTLA_IMAGE_TABLES_H

#include "elf_image.h"
#include "page_table.h"

#define IMAGE_TABLES_OWNER   "Bestla"             /* of the note (gABI, "Note Section") */
#define IMAGE_TABLES_TYPE    UINT32_C(0x4c425450) /* "PTBL" */
#define IMAGE_TABLES_VERSION UINT32_C(1)

/* An image lies in what the upper half of the last PDPT maps: the last 256 GiB. */
#define IMAGE_TABLES_REGION      UINT64_C(0xffffffc000000000)
#define IMAGE_TABLES_REGION_SIZE (UINT64_C(1) << 38)

/* What entry 0 of that PDPT stands for. */
#define IMAGE_TABLES_PDPT (IMAGE_TABLES_REGION - IMAGE_TABLES_REGION_SIZE)

/* Slides are multiples of this: what a PD entry maps. */
#define IMAGE_TABLES_STEP (PT_ENTRIES * PAGE_SIZE)

/* The note's descriptor. In a file it may be aligned to 4 only. */
struct image_tables {
    uint32_t version; /* IMAGE_TABLES_VERSION; 0: the tool has not been run */
    uint32_t frames;
    uint64_t root; /* of the first frame, the PDPT: offset from the image's first page */
    uint64_t base; /* linked address of that page */
};

/* The whole note, as a kernel has it for the tool to fill in. */
struct image_tables_note {
    uint32_t owner_size, size, type;
    char owner[8];
    struct image_tables tables;
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct image_tables) == 24, "as docs/precomputed-tables.md has it");
_Static_assert(sizeof(struct image_tables_note) == 44, "no padding");

/* The pages of the segments in ascending order; what segments of equal rights share is given once.
 * Start with all 0. */
struct image_pages {
    struct virt_range range; /* whole pages, linked addresses */
    unsigned rights;         /* PT_RIGHT_… */
    unsigned cursor;         /* of elf_next_segment */
};
bool image_next_pages(const struct elf_image *image, struct image_pages *pages);

/* ---- what is wrong ---------------------------------------------------------------------- */

enum image_tables_status {
    IMAGE_TABLES_OK,
    IMAGE_TABLES_NONE,           /* no note of ours: no mistake, and no error is filled in */
    IMAGE_TABLES_NOTE_OUTSIDE,   /* a PT_NOTE's p_vaddr: no PT_LOAD has all of its p_filesz */
    IMAGE_TABLES_CUT_NOTE,       /* notes end inside a note's header */
    IMAGE_TABLES_LONG_OWNER,     /* n_namesz: past their end */
    IMAGE_TABLES_LONG_NOTE,      /* n_descsz: past their end */
    IMAGE_TABLES_SHORT_NOTE,     /* our n_descsz: less than the descriptor has */
    IMAGE_TABLES_BAD_BASE,       /* base: not the image's first page */
    IMAGE_TABLES_BAD_REGION,     /* base: below IMAGE_TABLES_REGION */
    IMAGE_TABLES_BAD_ROOT,       /* root: not a whole page of the image */
    IMAGE_TABLES_BAD_FRAMES,     /* frames: 0, or not inside one segment that is only read */
    IMAGE_TABLES_FEW_FRAMES,     /* frames: the tables lead to more */
    IMAGE_TABLES_UNUSED_FRAMES,  /* frames: no entry leads to the last of them */
    IMAGE_TABLES_MISSING,        /* not present, where a segment has a page */
    IMAGE_TABLES_STRAY,          /* not 0, where none has */
    IMAGE_TABLES_USER,           /* the user bit */
    IMAGE_TABLES_LARGE,          /* a leaf of 2 MiB or 1 GiB */
    IMAGE_TABLES_MEMORY_TYPE,    /* another than write-back */
    IMAGE_TABLES_GLOBAL,         /* the global bit */
    IMAGE_TABLES_RESERVED,       /* a bit that is reserved, ignored or the CPU's to set */
    IMAGE_TABLES_OUTSIDE_TABLES, /* leads to a table that is none of the frames */
    IMAGE_TABLES_NOT_NEXT,       /* leads to another frame than the next: used twice, a loop */
    IMAGE_TABLES_OUTSIDE_IMAGE,  /* maps what is not the image's */
    IMAGE_TABLES_WRONG_FRAME,    /* maps another page of the image */
    IMAGE_TABLES_MORE_RIGHTS,    /* than the segment, or than a table has */
    IMAGE_TABLES_FEWER_RIGHTS,
};

/* Where tables lie. */
struct image_tables_error {
    enum image_tables_status status;
    uint32_t frame;      /* of the table, counted from the root */
    enum pt_level level; /* of the table; 0: it is the note that lies */
    unsigned index;      /* of the entry */
    uint64_t virt;       /* linked address that the entry stands for */
    uint64_t value;      /* the entry, or the note's field */
    uint64_t expected;   /* what it must be; the note: what it was held against */
};

/* One line: "page table 2 (PT), entry 17, for 0xffffffff80011000: 0x11003 grants more than its
 * segment; 0x11001 is right", or "note: root 0x29008 is not a page inside the image of 0x33000
 * bytes". For every status from IMAGE_TABLES_NOTE_OUTSIDE on. Returns the length as format_text
 * does. */
size_t image_tables_describe(const struct image_tables_error *error, char *buffer, size_t size);

/* ---- the note -------------------------------------------------------------------------- */

/* Finds the descriptor among the notes of one PT_NOTE, `align` being its alignment (8, or else 4).
 * `tables` is filled and `offset` set to where the descriptor begins only on IMAGE_TABLES_OK. Else
 * IMAGE_TABLES_NONE, _CUT_NOTE, _LONG_OWNER, _LONG_NOTE, _SHORT_NOTE; notes behind ours are not
 * looked at. */
__attribute__((warn_unused_result)) enum image_tables_status image_tables_in_notes(
    const void *notes, uint64_t size, uint64_t align, struct image_tables *tables, uint64_t *offset,
    struct image_tables_error *error);

/* The image's PT_NOTEs that have bytes, one after the other. Start with all 0. */
struct image_notes {
    struct virt_range range;    /* p_vaddr, p_filesz */
    struct elf_segment segment; /* the PT_LOAD that has all of it */
    uint64_t align;             /* p_align */
    unsigned cursor;            /* in the program header table */
};

/* IMAGE_TABLES_OK, IMAGE_TABLES_NONE after the last, IMAGE_TABLES_NOTE_OUTSIDE. */
__attribute__((warn_unused_result)) enum image_tables_status image_next_notes(
    const struct elf_image *image, struct image_notes *notes, struct image_tables_error *error);

/* Finds the descriptor in an image that lies at `memory`: image->span.size bytes. Each status of
 * the two above. */
__attribute__((warn_unused_result)) enum image_tables_status image_tables_find(
    const struct elf_image *image, const void *memory, struct image_tables *tables,
    struct image_tables_error *error);

/* ---- making them ----------------------------------------------------------------------- */

/* Maps the image into `space`, whose members are as pt_create wants them, with top PT_LEVEL_PDPT,
 * NX, and 52 physical bits: the tables as they will be, but for where they lie. PT_OK, or what
 * pt_map says; PT_BAD_RANGE also where the image leaves IMAGE_TABLES_REGION. The caller destroys
 * the space if it was created (root not 0). */
__attribute__((warn_unused_result)) enum pt_status image_tables_build(const struct elf_image *image,
                                                                      struct pt_space *space);

/* How many frames the space has. */
uint32_t image_tables_count(const struct pt_space *space);

/* Writes the space's tables in their order to `frames`, image_tables_count() times 4 KiB, as they
 * are when the first of them lies `root` bytes into the image. */
void image_tables_pack(const struct pt_space *space, uint64_t root, uint64_t *frames);

/* ---- using them ------------------------------------------------------------------------ */

/* Holds tables that nobody vouches for against the image's segments. `memory` is the image as
 * above, aligned to 8. Nothing is written but `error`, and that only on failure. */
__attribute__((warn_unused_result)) enum image_tables_status image_tables_verify(
    const struct elf_image *image, const void *memory, const struct image_tables *tables,
    struct image_tables_error *error);

/* The next two are for tables that were verified and not moved yet. */

/* Can they be moved by this virtual slide? It is a multiple of IMAGE_TABLES_STEP, and what
 * they map lands in PDs that are there. */
bool image_tables_can_slide(const void *memory, const struct image_tables *tables, uint64_t slide);

/* Makes them what the CPU walks: for an image at `phys`, mapped `slide` from where it is linked
 * (modulo 2^64; image_tables_can_slide has said yes). Without `no_execute` NX goes. */
void image_tables_move(const struct elf_image *image, void *memory,
                       const struct image_tables *tables, phys_addr_t phys, uint64_t slide,
                       bool no_execute);

#endif
