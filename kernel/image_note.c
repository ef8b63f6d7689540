/* The ELF note by which a loader finds the page tables that were computed for this image
 * (docs/precomputed-tables.md). tools/ptables fills in where they are; until then it says version
 * 0: none. The kernel itself never reads it. */
#include "image_tables.h"

__attribute__((used, aligned(4),
               section(".note.bestla"))) static const struct image_tables_note page_tables_note = {
    .owner_size = sizeof(IMAGE_TABLES_OWNER),
    .size = sizeof(struct image_tables),
    .type = IMAGE_TABLES_TYPE,
    .owner = IMAGE_TABLES_OWNER,
};
