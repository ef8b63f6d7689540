/* The bytes of a program, where they are known, and the gaps between. */
#ifndef BESTLA_TOOLS_HEXELF_IMAGE_H
#define BESTLA_TOOLS_HEXELF_IMAGE_H

#include "text.h"

/* No part of AVR has more flash than 8 MiB, and a flat x86 program has at most what real mode can
 * reach. */
#define IMAGE_SPAN_MAX (16u << 20)

struct image {
    const char *path;
    uint64_t base, end; /* of all that is known: byte addresses */
    uint8_t *bytes;     /* from `base`; a gap holds 0xff, as erased flash does */
    bool *known;        /* one a byte */
    uint64_t gaps;      /* how many bytes of these are none */
};

/* Intel HEX: what comes after the end-of-file record, a second definition of a byte (even with the
 * same value) and a file without end-of-file record are refused. Says what is wrong. */
__attribute__((warn_unused_result)) enum tool_status intel_hex_read(const char *path,
                                                                    struct image *image);

/* A flat file whose first byte lies at `base`. */
__attribute__((warn_unused_result)) enum tool_status raw_image_read(const char *path, uint64_t base,
                                                                    struct image *image);

/* Reaches out to multiples of `unit`; what comes to it is gap. */
void image_align(struct image *image, size_t unit);

void image_free(struct image *image);

/* All of `size` bytes at `address` are known. */
bool image_has(const struct image *image, uint64_t address, size_t size);

/* A little-endian number of these bytes, which must lie inside. */
uint64_t image_number(const struct image *image, uint64_t address, size_t size);
void image_put(struct image *image, uint64_t address, size_t size, uint64_t number);

#endif
