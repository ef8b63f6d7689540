/* A small kernel as the loader gets it: a static PIE linked at KERNEL_LINK_ADDRESS with five
 * segments, of which two share a page; a guard gap, a BSS of more than a page, relocations.
 * Every byte of the file is told by its offset, so that one out of place shows. */
#ifndef BESTLA_KERNEL_FILE_H
#define BESTLA_KERNEL_FILE_H

#include <elf.h>

#include "addr.h"
#include "layout.h"

#define KERNEL_FILE_SEGMENTS 5 /* PT_LOAD */
#define KERNEL_FILE_HEADERS  7
#define KERNEL_FILE_SPAN     UINT64_C(0xf000)
#define KERNEL_FILE_ENTRY    (KERNEL_LINK_ADDRESS + 0x3123)

struct kernel_file {
    unsigned char *bytes;
    uint64_t size;
    Elf64_Ehdr *elf; /* in `bytes`, as are the next: what a test breaks */
    Elf64_Phdr *ph;
};

/* The one file; each call makes it good again. */
struct kernel_file *kernel_file_make(void);

/* The image as it should lie in memory to run `slide` further up, KERNEL_FILE_SPAN bytes; `known`
 * (as many) tells what of it counts: not the pages of the guard. */
void kernel_file_image(const struct kernel_file *file, uint64_t slide, unsigned char *image,
                       bool *known);

/* PT_RIGHT_… of the page at this offset in the span, 0 for a guard. */
unsigned kernel_file_rights(uint64_t offset);

#endif
