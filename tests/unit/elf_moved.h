/* A small image in memory with a dynamic section and relocations, for the tests
 * of elf_relocate: the file of elf_sample.h, laid out in as many bytes as its
 * span has, so that ASan notices one too many. */
#ifndef BESTLA_ELF_MOVED_H
#define BESTLA_ELF_MOVED_H

#include "elf_sample.h"

/* What of the file's fields and of the memory decides. `sample` goes into the
 * program headers, the rest into the memory at the places below. */
#define DYNAMIC_COUNT 7
#define RELA_COUNT    6
#define DYNAMIC_AT    0x4100 /* in the writable segment, 0x4080 to 0x6001 */
#define RELA_AT       0x20   /* in the first, 0x10 to 0x800 */
#define IMAGE_SIZE    0x7000

struct moved {
    struct elf_sample sample;
    Elf64_Dyn dynamic[DYNAMIC_COUNT];
    Elf64_Rela rela[RELA_COUNT];
};

#define DYN(index, field)   SPOIL(struct moved, dynamic[index].field)
#define RELA(index, field)  SPOIL(struct moved, rela[index].field)
#define MPHDR(index, field) SPOIL(struct moved, sample.ph[index].field)

static inline struct moved good_image(void)
{
    struct moved image = {
        .dynamic = {{DT_FLAGS_1, {DF_1_PIE}},
                    {DT_RELA, {SAMPLE_V + RELA_AT}},
                    {DT_RELASZ, {RELA_COUNT * sizeof(Elf64_Rela)}},
                    {DT_RELAENT, {sizeof(Elf64_Rela)}},
                    {DT_RELACOUNT, {RELA_COUNT}},
                    {DT_NULL, {0}},
                    {DT_REL, {0}}},
        .rela = {{SAMPLE_V + 0x4200, R_X86_64_RELATIVE, (int64_t)SAMPLE_V + 0x10},
                 {SAMPLE_V + 0x4208, R_X86_64_RELATIVE, (int64_t)SAMPLE_V},
                 {SAMPLE_V + 0x5003, R_X86_64_RELATIVE, (int64_t)SAMPLE_V + 0x2345},
                 {0, R_X86_64_NONE, 0},
                 {SAMPLE_V + 0x2ff8, R_X86_64_RELATIVE, (int64_t)SAMPLE_V + IMAGE_SIZE},
                 {SAMPLE_V + 0x5ff9, R_X86_64_RELATIVE, (int64_t)SAMPLE_V + 0x6000}},
    };
    image.sample = elf_sample_good();
    image.sample.ph[4].p_memsz = sizeof(image.dynamic);
    return image;
}

/* The image before and after: exactly as long as its span. */
struct run {
    struct elf_reading reading;
    unsigned char *before;
    unsigned char *after;
    enum elf_status status;
    struct elf_error error;
};

static inline unsigned char *lay_out(const struct moved *moved)
{
    unsigned char *memory = malloc(IMAGE_SIZE);
    assert_non_null(memory);
    memset(memory, 0xa5, IMAGE_SIZE);
    memcpy(memory + DYNAMIC_AT, moved->dynamic, sizeof(moved->dynamic));
    memcpy(memory + RELA_AT, moved->rela, sizeof(moved->rela));
    return memory;
}

static inline struct run relocate(const struct moved *moved, uint64_t slide)
{
    struct run run = {0};
    run.reading = elf_sample_read(&moved->sample, SAMPLE_FILE_SIZE, kernel_region());
    assert_int_equal(run.reading.status, ELF_OK);
    assert_int_equal(run.reading.image.span.size, IMAGE_SIZE);
    run.before = lay_out(moved);
    run.after = lay_out(moved);
    run.status = elf_relocate(&run.reading.image, run.after, slide, &run.error);
    return run;
}

static inline void free_run(struct run *run)
{
    elf_reading_free(&run->reading);
    free(run->before);
    free(run->after);
}

/* The places of `moved->rela` hold addend + slide, all else is as it was. */
static inline void check_result(const struct run *run, const struct moved *moved, size_t count,
                                uint64_t slide)
{
    unsigned char *expected = run->before;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = (uint64_t)moved->rela[i].r_addend + slide;
        if ((uint32_t)moved->rela[i].r_info == R_X86_64_RELATIVE)
            memcpy(expected + (moved->rela[i].r_offset - SAMPLE_V), &value, 8);
    }
    assert_memory_equal(run->after, expected, IMAGE_SIZE);
}

#endif
