/* Random mutations of a good ELF file: common/elf_image.c and a second opinion,
 * written for brevity in 128-bit numbers, must agree on every one of them, and
 * on what an accepted file holds. */
#include "elf_sample.h"

#include "x86_paging.h"

#define MUTATIONS 200000
#define TWO_64    ((u128)1 << 64)

typedef unsigned __int128 u128;

/* The second opinion. */

static bool header_is_good(const Elf64_Ehdr *elf, uint64_t file_size)
{
    return file_size >= 64 && memcmp(elf->e_ident, "\177ELF\2\1\1", 7) == 0 &&
           elf->e_version == 1 && elf->e_machine == 62 && (elf->e_type == 2 || elf->e_type == 3) &&
           elf->e_ehsize == 64 && elf->e_phentsize == 56 && elf->e_phnum >= 1 &&
           elf->e_phnum <= 64 && elf->e_phoff % 8 == 0 &&
           (u128)elf->e_phoff + elf->e_phnum * 56U <= file_size;
}

static bool is_load(const Elf64_Phdr *ph)
{
    return ph->p_type == 1 && ph->p_memsz > 0;
}

static u128 end_of(const Elf64_Phdr *ph)
{
    return (u128)ph->p_vaddr + ph->p_memsz;
}

static bool file_part_is_good(const Elf64_Phdr *ph, uint64_t file_size)
{
    return ph->p_filesz <= ph->p_memsz &&
           (ph->p_filesz == 0 || (u128)ph->p_offset + ph->p_filesz <= file_size);
}

static bool segment_is_good(const Elf64_Phdr *ph, struct virt_range region)
{
    return ph->p_vaddr >= region.start.raw && end_of(ph) <= (u128)region.start.raw + region.size &&
           ph->p_align >= 4096 && __builtin_popcountll(ph->p_align) == 1 &&
           ph->p_vaddr % ph->p_align == ph->p_offset % ph->p_align &&
           ph->p_vaddr % 4096 == ph->p_paddr % 4096 &&
           ((u128)ph->p_paddr + ph->p_memsz + 4095) / 4096 * 4096 < TWO_64 &&
           (ph->p_flags & 3) != 3 && (ph->p_flags & 4) != 0;
}

static bool pair_is_good(const Elf64_Phdr *low, const Elf64_Phdr *high)
{
    bool one_page = (end_of(low) - 1) / 4096 == high->p_vaddr / 4096;
    return end_of(low) <= high->p_vaddr &&
           (u128)low->p_paddr + (high->p_vaddr - low->p_vaddr) == high->p_paddr &&
           (!one_page || (low->p_flags & 7) == (high->p_flags & 7));
}

static bool runs_at(const Elf64_Phdr *ph, uint64_t entry)
{
    return is_load(ph) && (ph->p_flags & 1) && entry >= ph->p_vaddr && entry < end_of(ph);
}

static bool table_is_good(const Elf64_Phdr *ph, unsigned count, uint64_t file_size,
                          struct virt_range region, uint64_t entry)
{
    bool runs = false;
    for (unsigned i = 0; i < count; i++) {
        if (ph[i].p_type == 3 || (ph[i].p_type == 1 && !file_part_is_good(&ph[i], file_size)))
            return false;
        if (is_load(&ph[i]) && !segment_is_good(&ph[i], region))
            return false;
        for (unsigned k = i + 1; k < count; k++) {
            if (is_load(&ph[i]) && is_load(&ph[k]) && !pair_is_good(&ph[i], &ph[k]))
                return false;
        }
        runs = runs || runs_at(&ph[i], entry);
    }
    return runs;
}

/* What the header promises of an accepted image. */

static void check_span(const struct elf_image *image)
{
    const Elf64_Phdr *ph = image->table;
    u128 low = TWO_64;
    u128 high = 0;
    uint64_t distance = 0;
    for (unsigned i = 0; i < image->header.segments; i++) {
        if (!is_load(&ph[i]))
            continue;
        low = ph[i].p_vaddr < low ? ph[i].p_vaddr : low;
        high = end_of(&ph[i]) > high ? end_of(&ph[i]) : high;
        distance = ph[i].p_paddr - ph[i].p_vaddr;
    }
    assert_int_equal(image->span.start.raw, low / 4096 * 4096);
    assert_int_equal(image->span.size, (high + 4095) / 4096 * 4096 - low / 4096 * 4096);
    assert_int_equal(image->phys.raw, image->span.start.raw + distance);
    assert_true((u128)image->phys.raw + image->span.size < TWO_64);
}

static void check_segments(const struct elf_image *image)
{
    const Elf64_Phdr *ph = image->table;
    struct elf_segment segment;
    unsigned cursor = 0;
    for (unsigned i = 0; i < image->header.segments; i++) {
        if (!is_load(&ph[i]))
            continue;
        assert_true(elf_next_segment(image, &cursor, &segment));
        assert_int_equal(segment.index, i);
        assert_int_equal(segment.memory.start.raw, ph[i].p_vaddr);
        assert_int_equal(segment.memory.size, ph[i].p_memsz);
        assert_int_equal(segment.phys.raw, ph[i].p_paddr);
        assert_int_equal(segment.file_offset, ph[i].p_offset);
        assert_int_equal(segment.file_size, ph[i].p_filesz);
        assert_int_equal(segment.rights, (ph[i].p_flags & 4 ? PT_RIGHT_READ : 0) |
                                             (ph[i].p_flags & 2 ? PT_RIGHT_WRITE : 0) |
                                             (ph[i].p_flags & 1 ? PT_RIGHT_EXECUTE : 0));
    }
    assert_false(elf_next_segment(image, &cursor, &segment));
}

/* The mutations. */

static uint64_t pick(uint64_t *random, uint64_t below)
{
    return next_random(random) % below;
}

/* Values that stand close to some border. */
static uint64_t interesting(uint64_t *random, uint64_t now, uint64_t other)
{
    static const uint64_t values[] = {0,
                                      1,
                                      3,
                                      0xffff,
                                      0x1000,
                                      0x2000,
                                      SAMPLE_FILE_SIZE,
                                      SAMPLE_V,
                                      SAMPLE_V + 0x2000,
                                      KERNEL_REGION + KERNEL_REGION_SIZE,
                                      UINT64_MAX,
                                      -UINT64_C(0x1000)};
    switch (pick(random, 6)) {
    case 0:
        return values[pick(random, COUNT(values))];
    case 1:
        return now + pick(random, 5) - 2;
    case 2:
        return now ^ UINT64_C(1) << pick(random, 64);
    case 3:
        return now + (pick(random, 9) - 4) * 0x1000;
    case 4:
        return other - now + pick(random, 3) - 1;
    default:
        return other;
    }
}

/* One word of the file: any two bytes before the program headers, any eight in
 * them (p_type and p_flags are two halves of one). */
static void mutate_word(struct elf_sample *sample, uint64_t *random)
{
    unsigned char *bytes = (unsigned char *)sample;
    size_t width = pick(random, 3) == 0 ? 2 : 8;
    size_t from = pick(random, 8) == 0 ? 0 : sizeof(sample->elf);
    uint64_t now = 0;
    uint64_t other = 0;
    size_t at = from + pick(random, (sizeof(*sample) - from) / width) * width;
    memcpy(&now, bytes + at, width);
    memcpy(&other, bytes + from + pick(random, (sizeof(*sample) - from) / 8) * 8, 8);
    now = interesting(random, now, other);
    memcpy(bytes + at, &now, width);
}

/* A whole segment elsewhere, so that its numbers still fit each other. */
static void move_segment(struct elf_sample *sample, uint64_t *random)
{
    Elf64_Phdr *ph = &sample->ph[pick(random, SAMPLE_HEADERS)];
    uint64_t step = (pick(random, 17) - 8) * (pick(random, 2) ? 0x1000 : 0x40);
    ph->p_vaddr += step;
    ph->p_paddr += step;
    ph->p_offset += pick(random, 4) ? step : 0;
}

static void resize_segment(struct elf_sample *sample, uint64_t *random)
{
    Elf64_Phdr *ph = &sample->ph[pick(random, SAMPLE_HEADERS)];
    ph->p_memsz = ph->p_filesz + pick(random, 0x2200);
    ph->p_flags = (uint32_t)pick(random, 8);
}

/* All physical addresses, to where they may wrap; or all virtual ones. */
static void move_image(struct elf_sample *sample, uint64_t *random)
{
    uint64_t step =
        pick(random, 3) ? pick(random, 16) * 0x1000 - SAMPLE_P - 0x8000 : pick(random, 4) * 0x8000;
    bool virtual = pick(random, 4) == 0;
    for (size_t i = 0; i < SAMPLE_HEADERS; i++) {
        if (virtual)
            sample->ph[i].p_vaddr += step;
        else
            sample->ph[i].p_paddr += step;
    }
    sample->elf.e_entry += virtual ? step : 0;
}

static void mutate(struct elf_sample *sample, uint64_t *random)
{
    static void (*const ways[])(struct elf_sample *, uint64_t *) = {mutate_word, move_segment,
                                                                    resize_segment, move_image};
    uint64_t times = 1 + pick(random, 3);
    for (uint64_t i = 0; i < times; i++)
        ways[pick(random, COUNT(ways))](sample, random);
}

/* Returns whether the file was accepted. */
static bool check_one(const struct elf_sample *sample, uint64_t file_size)
{
    struct elf_reading reading = elf_sample_read(sample, file_size, kernel_region());
    bool good_header = header_is_good(&sample->elf, file_size);
    bool accepted = reading.status == ELF_OK;
    assert_int_equal(reading.table != NULL, good_header);
    assert_int_equal(accepted,
                     good_header && table_is_good(reading.table, sample->elf.e_phnum, file_size,
                                                  kernel_region(), sample->elf.e_entry));
    if (accepted) {
        check_span(&reading.image);
        check_segments(&reading.image);
    } else {
        char text[200];
        assert_int_equal(reading.error.status, reading.status);
        assert_true(elf_describe(&reading.error, text, sizeof(text)) < sizeof(text));
    }
    elf_reading_free(&reading);
    return accepted;
}

static void both_opinions_agree(void **state)
{
    (void)state;
    uint64_t random = 0x0bad5eedULL;
    unsigned accepted = 0;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct elf_sample sample = elf_sample_good();
        mutate(&sample, &random);
        uint64_t size = pick(&random, 8) ? SAMPLE_FILE_SIZE : pick(&random, SAMPLE_FILE_SIZE);
        accepted += check_one(&sample, size);
    }
    print_message("%u of %u accepted\n", accepted, MUTATIONS);
    assert_in_range(accepted, MUTATIONS / 20, MUTATIONS - MUTATIONS / 20);
}

/* Bytes alone: what a broken medium or a fuzzer would give. */
static void random_bytes_are_safe(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct elf_sample sample = elf_sample_good();
        uint64_t times = 1 + pick(&random, 4);
        for (uint64_t k = 0; k < times; k++)
            ((unsigned char *)&sample)[pick(&random, sizeof(sample))] =
                (unsigned char)next_random(&random);
        check_one(&sample, SAMPLE_FILE_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_opinions_agree),
        cmocka_unit_test(random_bytes_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
