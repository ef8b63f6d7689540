/* A small good ELF file for test_elf_image.c and test_elf_relocate.c, and ways
 * to spoil it. What lies between the program headers and the end of the file is
 * not kept: the code under test never sees it. Every buffer that it does see is
 * allocated to the byte, so that ASan notices one too many. */
#ifndef BESTLA_ELF_SAMPLE_H
#define BESTLA_ELF_SAMPLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "elf_image.h"
#include "layout.h"

#define SAMPLE_V         KERNEL_LINK_ADDRESS
#define SAMPLE_P         UINT64_C(0x100000)
#define SAMPLE_FILE_SIZE UINT64_C(0x5800)
#define SAMPLE_HEADERS   6

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The file's first bytes. */
struct elf_sample {
    Elf64_Ehdr elf;
    Elf64_Phdr ph[SAMPLE_HEADERS];
};

static inline struct elf_sample elf_sample_good(void)
{
    return (struct elf_sample){
        .elf = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                            EV_CURRENT},
                .e_type = ET_EXEC,
                .e_machine = EM_X86_64,
                .e_version = EV_CURRENT,
                .e_entry = SAMPLE_V + 0x2345,
                .e_phoff = sizeof(Elf64_Ehdr),
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = SAMPLE_HEADERS},
        .ph = {{PT_LOAD, PF_R, 0x1010, SAMPLE_V + 0x10, SAMPLE_P + 0x10, 0x7f0, 0x7f0, 0x1000},
               {PT_LOAD, PF_R | PF_X, 0x2000, SAMPLE_V + 0x2000, SAMPLE_P + 0x2000, 0x1000, 0x1000,
                0x1000},
               {PT_LOAD, 0, 1, 2, 3, 0, 0, 4},
               {PT_LOAD, PF_R | PF_W, 0x4080, SAMPLE_V + 0x4080, SAMPLE_P + 0x4080, 0x700, 0x1f81,
                0x1000},
               {PT_DYNAMIC, PF_R | PF_W, 0x4100, SAMPLE_V + 0x4100, SAMPLE_P + 0x4100, 0x60, 0x60,
                8},
               {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 0}},
    };
}

/* One field to overwrite, found by its place in a sample. */
struct spoil {
    size_t offset;
    size_t width; /* 0: nothing to do */
    uint64_t value;
};

#define SPOIL(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)
#define EHDR(field)         SPOIL(struct elf_sample, elf.field)
#define PHDR(index, field)  SPOIL(struct elf_sample, ph[index].field)

static inline void spoil_with(void *sample, const struct spoil *spoils, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memcpy((unsigned char *)sample + spoils[i].offset, &spoils[i].value, spoils[i].width);
}

/* What became of a file, with the copies that it was read from. */
struct elf_reading {
    void *head;
    void *table; /* NULL if the header was refused */
    enum elf_status status;
    struct elf_header header;
    struct elf_image image;
    struct elf_error error;
};

static inline void *copy_exactly(const void *bytes, size_t size)
{
    void *copy = malloc(size);
    assert_true(copy != NULL || size == 0);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

/* Bytes of the file past the sample are zero. */
static inline void *copy_from_file(const struct elf_sample *sample, uint64_t offset, size_t size)
{
    unsigned char *copy = calloc(1, size);
    assert_non_null(copy);
    for (size_t i = 0; i < size && offset + i < sizeof(*sample); i++)
        copy[i] = ((const unsigned char *)sample)[offset + i];
    return copy;
}

static inline struct elf_reading elf_sample_read(const struct elf_sample *sample,
                                                 uint64_t file_size, struct virt_range region)
{
    struct elf_reading reading = {0};
    size_t head_size = (size_t)min_u64(file_size, sizeof(sample->elf));
    reading.head = copy_exactly(sample, head_size);
    reading.status =
        elf_read_header(reading.head, head_size, file_size, &reading.header, &reading.error);
    if (reading.status != ELF_OK)
        return reading;
    reading.table = copy_from_file(sample, reading.header.table_offset, reading.header.table_size);
    reading.status =
        elf_read_segments(&reading.header, reading.table, region, &reading.image, &reading.error);
    return reading;
}

static inline struct virt_range kernel_region(void)
{
    return virt_range(KERNEL_REGION, KERNEL_REGION_SIZE);
}

static inline void elf_reading_free(struct elf_reading *reading)
{
    free(reading->head);
    free(reading->table);
}

/* xorshift64*: the same numbers everywhere, every time. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
