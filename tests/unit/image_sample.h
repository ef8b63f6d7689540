/* Images of any segments for test_image_tables.c, read by the loader's ELF code from program
 * headers that nobody linked; and their tables, which lie in memory as if in the image. */
#ifndef BESTLA_TEST_IMAGE_SAMPLE_H
#define BESTLA_TEST_IMAGE_SAMPLE_H

#include <stdlib.h>
#include <string.h>

#include "elf_sample.h"
#include "fake_memory.h"
#include "image_tables.h"

#define SEGMENTS_MAX 40
#define MIB_2        UINT64_C(0x200000)
#define GIB_1        UINT64_C(0x40000000)

/* A file's first bytes, and what was read from them. */
struct sample_file {
    Elf64_Ehdr elf;
    Elf64_Phdr ph[SEGMENTS_MAX + 1];
};

struct sample {
    struct sample_file file;
    struct elf_image image;
    struct image_tables tables;
    uint64_t *frames; /* tables.frames of them, to the byte: ASan guards the end */
    char *memory;     /* where the image would begin: only the frames are there */
};

/* A PT_LOAD without bytes; image_sample_read gives the rest. */
static inline void add_segment(struct sample *sample, uint64_t start, uint64_t size, unsigned flags)
{
    sample->file.ph[sample->file.elf.e_phnum++] =
        (Elf64_Phdr){PT_LOAD, flags, 0, start, 0, 0, size, PAGE_SIZE};
}

static inline void image_sample_read(struct sample *sample)
{
    struct virt_range region = virt_range(IMAGE_TABLES_REGION, IMAGE_TABLES_REGION_SIZE);
    Elf64_Ehdr *elf = &sample->file.elf;
    Elf64_Phdr *ph = sample->file.ph;
    struct elf_header header;
    struct elf_error error;
    char text[200];

    memcpy(elf->e_ident, elf_sample_good().elf.e_ident, EI_NIDENT);
    elf->e_type = ET_EXEC;
    elf->e_machine = EM_X86_64;
    elf->e_version = EV_CURRENT;
    elf->e_phoff = elf->e_ehsize = sizeof(*elf);
    elf->e_phentsize = sizeof(*ph);
    for (size_t i = 0; i < elf->e_phnum; i++) {
        ph[i].p_offset = ph[i].p_vaddr % PAGE_SIZE;
        ph[i].p_paddr = 0x100000 + ph[i].p_vaddr - (ph[0].p_vaddr & -PAGE_SIZE);
        if (ph[i].p_flags & PF_X)
            elf->e_entry = ph[i].p_vaddr;
    }
    if (elf_read_header(elf, sizeof(*elf), sizeof(sample->file), &header, &error) != ELF_OK ||
        elf_read_segments(&header, ph, region, &sample->image, &error) != ELF_OK) {
        elf_describe(&error, text, sizeof(text));
        fail_msg("%s", text);
    }
}

/* The frames lie at the start of segment `holder`'s first whole page. */
static inline void image_sample_place(struct sample *sample, size_t holder)
{
    uint64_t base = sample->image.span.start.raw;
    uint64_t at = (sample->file.ph[holder].p_vaddr + PAGE_SIZE - 1) & -PAGE_SIZE;

    sample->tables = (struct image_tables){IMAGE_TABLES_VERSION, 0, at - base, base};
}

static inline struct pt_space image_sample_space(struct fake_memory *memory)
{
    struct pt_space space = fake_space(memory, PT_LEVEL_PML4);

    pt_destroy(&space); /* image_tables_build makes its own root */
    space.top = PT_LEVEL_PDPT;
    return space;
}

/* As the tool does it. */
static inline void image_sample_build(struct sample *sample)
{
    struct fake_memory memory;

    fake_memory_open(&memory);
    struct pt_space space = image_sample_space(&memory);
    assert_int_equal(image_tables_build(&sample->image, &space), PT_OK);
    sample->tables.frames = image_tables_count(&space);
    assert_int_equal(sample->tables.frames, memory.taken_count);
    sample->frames = aligned_alloc(PAGE_SIZE, sample->tables.frames * PAGE_SIZE);
    assert_non_null(sample->frames);
    sample->memory = (char *)((uintptr_t)sample->frames - sample->tables.root);
    image_tables_pack(&space, sample->tables.root, sample->frames);
    pt_destroy(&space);
    assert_int_equal(memory.taken_count, 0);
    fake_memory_close(&memory);
}

static inline enum image_tables_status image_sample_verify(const struct sample *sample,
                                                           struct image_tables_error *error)
{
    return image_tables_verify(&sample->image, sample->memory, &sample->tables, error);
}

/* What the library sees in tables that were moved for an image at `phys`. */
static inline struct pt_space image_sample_moved(const struct sample *sample, uint64_t phys_base)
{
    return (struct pt_space){
        .root = phys(phys_base + sample->tables.root),
        .top = PT_LEVEL_PDPT,
        .features = {true, true, 52},
        .phys_to_virt = (uintptr_t)sample->memory - phys_base,
    };
}

#endif
