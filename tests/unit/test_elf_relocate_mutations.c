/* Random mutations of an image in memory: elf_relocate and a second opinion must
 * agree on whether it is good, and on every byte of the result. */
#include "elf_moved.h"

#define MUTATIONS  200000
#define BELIEVABLE 50000 /* most fields still fit each other */

/* The second opinion. */

static bool lies_inside(const Elf64_Phdr *ph, uint64_t start, uint64_t size)
{
    return ph->p_type == PT_LOAD && ph->p_memsz > 0 && start >= ph->p_vaddr &&
           start < ph->p_vaddr + ph->p_memsz &&
           (unsigned __int128)start + size <= ph->p_vaddr + ph->p_memsz;
}

static bool is_loaded(const struct moved *moved, uint64_t start, uint64_t size)
{
    for (size_t i = 0; i < SAMPLE_HEADERS; i++) {
        if (lies_inside(&moved->sample.ph[i], start, size))
            return true;
    }
    return false;
}

/* The first value of a tag before DT_NULL; the sample repeats none. */
static bool has_tag(const struct moved *moved, int64_t tag, uint64_t *value)
{
    for (size_t i = 0; i < DYNAMIC_COUNT && moved->dynamic[i].d_tag != DT_NULL; i++) {
        if (moved->dynamic[i].d_tag == tag) {
            *value = moved->dynamic[i].d_un.d_val;
            return true;
        }
    }
    return false;
}

static bool relocation_is_good(const struct moved *moved, const Elf64_Rela *rela, uint64_t size)
{
    const uint64_t table = SAMPLE_V + RELA_AT;
    const uint64_t addend = (uint64_t)rela->r_addend;
    if ((uint32_t)rela->r_info == R_X86_64_NONE)
        return true;
    return (uint32_t)rela->r_info == R_X86_64_RELATIVE && is_loaded(moved, rela->r_offset, 8) &&
           (rela->r_offset + 8 <= table || rela->r_offset >= table + size) && addend >= SAMPLE_V &&
           addend <= SAMPLE_V + IMAGE_SIZE;
}

/* True for a good image whose table lies where the sample has it. */
static bool image_is_good(const struct moved *moved, uint64_t slide, uint64_t *size)
{
    uint64_t table;
    uint64_t flags = 0;
    uint64_t entry = 0;
    uint64_t foreign;
    if (has_tag(moved, DT_REL, &foreign) || has_tag(moved, DT_RELR, &foreign) ||
        has_tag(moved, DT_JMPREL, &foreign))
        return false;
    if (slide != 0 && (!has_tag(moved, DT_FLAGS_1, &flags) || !(flags & 0x8000000)))
        return false;
    if (!has_tag(moved, DT_RELASZ, size))
        *size = 0;
    bool has_table = has_tag(moved, DT_RELA, &table);
    if (*size == 0)
        return !has_table || has_tag(moved, DT_RELASZ, size);
    if (!has_table || !has_tag(moved, DT_RELAENT, &entry) || entry != 24 || *size % 24 != 0 ||
        table % 8 != 0 || !is_loaded(moved, table, *size))
        return false;
    for (size_t i = 0; i < *size / 24; i++) {
        if (!relocation_is_good(moved, &moved->rela[i], *size))
            return false;
    }
    return true;
}

/* Random mutations: of the numbers, the borders of what they are held against. */

static uint64_t near_a_border(uint64_t *random)
{
    static const uint64_t borders[] = {0,          0x10,   RELA_AT, RELA_AT + RELA_COUNT * 24,
                                       0x800,      0x2000, 0x3000,  0x4080,
                                       DYNAMIC_AT, 0x6001, 0x7000,  -SAMPLE_V};
    return SAMPLE_V + borders[next_random(random) % COUNT(borders)] + next_random(random) % 17 - 8;
}

static void mutate_relocation(struct moved *moved, uint64_t *random)
{
    Elf64_Rela *rela = &moved->rela[next_random(random) % RELA_COUNT];
    switch (next_random(random) % 6) {
    case 0:
        rela->r_info = next_random(random) % 64;
        break;
    case 1:
        rela->r_addend = (int64_t)near_a_border(random);
        break;
    default:
        rela->r_offset = near_a_border(random);
        break;
    }
}

/* Sizes stay within the six entries that there are: where the table lies is
 * what the tables of bad images are for. */
static void mutate_tag(struct moved *moved, uint64_t *random)
{
    static const int64_t tags[] = {DT_DEBUG, DT_NULL, DT_REL, DT_RELR, DT_JMPREL, DT_TEXTREL};
    Elf64_Dyn *entry = &moved->dynamic[next_random(random) % 5];
    switch (next_random(random) % 3) {
    case 0:
        entry->d_tag = tags[next_random(random) % COUNT(tags)];
        break;
    case 1:
        moved->dynamic[2].d_un.d_val = next_random(random) % 7 * 24;
        break;
    default:
        if (entry->d_tag != DT_RELA)
            entry->d_un.d_val ^= next_random(random) % 4;
    }
}

static bool check_mutation(const struct moved *moved, uint64_t slide)
{
    uint64_t size;
    bool good = image_is_good(moved, slide, &size);
    struct run run = relocate(moved, slide);
    assert_int_equal(run.status == ELF_OK, good);
    check_result(&run, moved, good ? size / 24 : 0, slide);
    free_run(&run);
    return good;
}

static void both_opinions_agree(void **state)
{
    (void)state;
    uint64_t random = 7;
    unsigned accepted = 0;
    for (unsigned i = 0; i < BELIEVABLE; i++) {
        struct moved moved = good_image();
        uint64_t times = 1 + next_random(&random) % 3;
        for (uint64_t k = 0; k < times; k++)
            (next_random(&random) % 4 ? mutate_relocation : mutate_tag)(&moved, &random);
        accepted += check_mutation(&moved, next_random(&random) % 2 ? next_random(&random) : 0);
    }
    print_message("%u of %u accepted\n", accepted, BELIEVABLE);
    assert_in_range(accepted, BELIEVABLE / 10, BELIEVABLE - BELIEVABLE / 10);
}

/* Any bytes in tags, table and PT_DYNAMIC: a refusal leaves the image alone, and
 * ASan sees to the rest. */

static void spoil_byte(void *object, size_t size, uint64_t *random)
{
    size_t at = next_random(random) % size;
    ((unsigned char *)object)[at] = (unsigned char)next_random(random);
}

static void spoil_anything(struct moved *moved, uint64_t *random)
{
    const uint64_t times = 1 + next_random(random) % 4;
    for (uint64_t i = 0; i < times; i++) {
        spoil_byte(moved->dynamic, sizeof(moved->dynamic), random);
        spoil_byte(moved->rela, sizeof(moved->rela), random);
    }
    if (next_random(random) % 2)
        spoil_byte(&moved->sample.ph[4], sizeof(moved->sample.ph[4]), random);
}

static void relocate_anything(const struct elf_image *image, const struct moved *moved,
                              uint64_t slide)
{
    struct elf_error error;
    unsigned char *memory = lay_out(moved);
    unsigned char *before = copy_exactly(memory, IMAGE_SIZE);
    if (elf_relocate(image, memory, slide, &error) != ELF_OK)
        assert_memory_equal(memory, before, IMAGE_SIZE);
    free(memory);
    free(before);
}

static void random_bytes_are_safe(void **state)
{
    (void)state;
    uint64_t random = 99;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct moved moved = good_image();
        spoil_anything(&moved, &random);
        struct elf_reading reading =
            elf_sample_read(&moved.sample, SAMPLE_FILE_SIZE, kernel_region());
        /* What was PT_DYNAMIC may have become PT_LOAD or PT_INTERP. */
        if (reading.status == ELF_OK && reading.image.span.size == IMAGE_SIZE)
            relocate_anything(&reading.image, &moved, random);
        elf_reading_free(&reading);
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
