/* The parts of ptables. */
#ifndef BESTLA_PTABLES_H
#define BESTLA_PTABLES_H

#include "elf_file.h"
#include "image_tables.h"

#define PLACEHOLDER ".page_tables"

/* A kernel's image as the loader would see it, and its page tables. */
struct tables {
    struct elf_image image;
    struct pt_space space; /* in memory of this process, at its own addresses */
    uint32_t count;        /* of frames */
};

/* What is to be written where. */
struct placeholders {
    struct elf_section tables;
    uint64_t note; /* file offset of the descriptor */
    struct image_tables descriptor;
};

/* tables.c: reads the program headers by the loader's code, and builds the tables. Refuses what the
 * loader would; but an image may lie anywhere in IMAGE_TABLES_REGION, of which KERNEL_REGION, the
 * loader's, is a part. tables_free is to be called then, too. */
__attribute__((warn_unused_result)) enum tool_status tables_make(const struct elf_file *kernel,
                                                                 struct tables *tables);
void tables_free(struct tables *tables);

/* placeholders.c: finds the section, by its name, and the note, by the program headers as the
 * loader will; and checks that the tables fit and that what was found is what a PT_LOAD brings. */
__attribute__((warn_unused_result)) enum tool_status placeholders_find(
    const struct elf_file *kernel, const struct tables *tables, struct placeholders *found);

/* print.c: what is mapped, a line a PT_LOAD; and what was written. */
void print_mappings(const struct elf_file *kernel, const struct tables *tables);
void print_patches(const struct tables *tables, const struct placeholders *found);

#endif
