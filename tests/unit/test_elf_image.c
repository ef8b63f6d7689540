/* elf_read_header, elf_read_segments, elf_next_segment and elf_describe on a
 * good file, at the ends of the region, at every length. test_elf_checks.c has
 * the tables of bad files, test_elf_mutations.c the random ones. */
#include "elf_sample.h"

#include "x86_paging.h"

/* A good file. */

static void expect_segment(const struct elf_image *image, unsigned *cursor,
                           const struct elf_segment *expected)
{
    struct elf_segment got;
    assert_true(elf_next_segment(image, cursor, &got));
    assert_int_equal(got.memory.start.raw, expected->memory.start.raw);
    assert_int_equal(got.memory.size, expected->memory.size);
    assert_int_equal(got.phys.raw, expected->phys.raw);
    assert_int_equal(got.file_offset, expected->file_offset);
    assert_int_equal(got.file_size, expected->file_size);
    assert_int_equal(got.rights, expected->rights);
    assert_int_equal(got.index, expected->index);
}

static void good_file_is_accepted(void **state)
{
    (void)state;
    const struct elf_sample sample = elf_sample_good();
    struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    assert_int_equal(reading.status, ELF_OK);
    assert_int_equal(reading.header.entry, SAMPLE_V + 0x2345);
    assert_int_equal(reading.header.table_offset, 64);
    assert_int_equal(reading.header.table_size, SAMPLE_HEADERS * 56);
    assert_int_equal(reading.header.segments, SAMPLE_HEADERS);
    assert_int_equal(reading.header.file_size, SAMPLE_FILE_SIZE);
    assert_memory_equal(&reading.image.header, &reading.header, sizeof(reading.header));
    assert_ptr_equal(reading.image.table, reading.table);
    assert_int_equal(reading.image.span.start.raw, SAMPLE_V);
    assert_int_equal(reading.image.span.size, 0x7000);
    assert_int_equal(reading.image.phys.raw, SAMPLE_P);
    elf_reading_free(&reading);
}

static void segments_come_one_by_one(void **state)
{
    (void)state;
    const struct elf_segment expected[] = {
        {virt_range(SAMPLE_V + 0x10, 0x7f0), phys(SAMPLE_P + 0x10), 0x1010, 0x7f0, PT_RIGHT_READ,
         0},
        {virt_range(SAMPLE_V + 0x2000, 0x1000), phys(SAMPLE_P + 0x2000), 0x2000, 0x1000,
         PT_RIGHT_READ | PT_RIGHT_EXECUTE, 1},
        {virt_range(SAMPLE_V + 0x4080, 0x1f81), phys(SAMPLE_P + 0x4080), 0x4080, 0x700,
         PT_RIGHT_READ | PT_RIGHT_WRITE, 3},
    };
    const struct elf_sample sample = elf_sample_good();
    struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    struct elf_segment segment;
    unsigned cursor = 0;
    for (size_t i = 0; i < COUNT(expected); i++)
        expect_segment(&reading.image, &cursor, &expected[i]);
    assert_false(elf_next_segment(&reading.image, &cursor, &segment));
    assert_false(elf_next_segment(&reading.image, &cursor, &segment));
    elf_reading_free(&reading);
}

/* Where a region may end, an image may end. */
static void region_ends_are_exact(void **state)
{
    (void)state;
    static const struct {
        struct virt_range region;
        enum elf_status status;
    } rows[] = {
        {{{SAMPLE_V}, 0x7000}, ELF_OK},
        {{{SAMPLE_V}, 0x6000}, ELF_OUTSIDE_REGION},
        {{{SAMPLE_V + 0x1000}, 0x6000}, ELF_OUTSIDE_REGION},
        {{{SAMPLE_V - 0x1000}, 0x1000}, ELF_OUTSIDE_REGION},
        {{{SAMPLE_V - 0x1000}, 0}, ELF_OUTSIDE_REGION},
        {{{0}, -UINT64_C(0x1000)}, ELF_OK},
        {{{KERNEL_REGION}, -KERNEL_REGION}, ELF_OK},
    };
    const struct elf_sample sample = elf_sample_good();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, rows[i].region);
        assert_int_equal(reading.status, rows[i].status);
        elf_reading_free(&reading);
    }
}

/* The last segment ends at 2^64, and what overlaps or shares its page is seen. */
static void top_of_address_space(void **state)
{
    (void)state;
    const struct virt_range region = virt_range(KERNEL_REGION, -KERNEL_REGION);
    const uint64_t top = -UINT64_C(0x7000);
    struct elf_sample sample = elf_sample_good();
    for (size_t i = 0; i < SAMPLE_HEADERS; i++)
        sample.ph[i].p_vaddr += top - SAMPLE_V;
    sample.elf.e_entry += top - SAMPLE_V;
    sample.ph[3].p_memsz = 0x2f80;
    struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, region);
    assert_int_equal(reading.status, ELF_OK);
    assert_int_equal(reading.image.span.start.raw, top);
    assert_int_equal(reading.image.span.size, 0x7000);
    elf_reading_free(&reading);

    sample.ph[3].p_memsz = 0x2f81;
    reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, region);
    assert_int_equal(reading.status, ELF_OUTSIDE_REGION);
    elf_reading_free(&reading);

    sample.ph[3].p_memsz = 0x1000;
    sample.ph[1].p_memsz = 0x5000;
    reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, region);
    assert_int_equal(reading.status, ELF_OVERLAP);
    elf_reading_free(&reading);
}

/* Many linker scripts leave p_paddr = p_vaddr: no such memory exists, but the
 * file is good and the loader will find another place. */
static void physical_addresses_may_be_virtual_ones(void **state)
{
    (void)state;
    struct elf_sample sample = elf_sample_good();
    for (size_t i = 0; i < SAMPLE_HEADERS; i++)
        sample.ph[i].p_paddr = sample.ph[i].p_vaddr;
    struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    assert_int_equal(reading.status, ELF_OK);
    assert_int_equal(reading.image.phys.raw, SAMPLE_V);
    elf_reading_free(&reading);
}

static void a_table_elsewhere_is_found(void **state)
{
    (void)state;
    struct elf_sample sample = elf_sample_good();
    sample.elf.e_phoff = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    sample.elf.e_phnum = SAMPLE_HEADERS - 1;
    struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    assert_int_equal(reading.status, ELF_OK);
    assert_int_equal(reading.image.span.start.raw, SAMPLE_V + 0x2000);
    assert_int_equal(reading.image.phys.raw, SAMPLE_P + 0x2000);
    elf_reading_free(&reading);
}

/* Only what stands in the file counts, however much of it was read. */
static void every_length_is_safe(void **state)
{
    (void)state;
    const struct elf_sample sample = elf_sample_good();
    const uint64_t needed = 0x4780; /* where the last segment's bytes end */
    for (uint64_t size = 0; size <= SAMPLE_FILE_SIZE; size++) {
        struct elf_reading reading = elf_sample_read(&sample, size, kernel_region());
        enum elf_status expected = size < sizeof(sample.elf) ? ELF_TOO_SHORT
                                   : size < sizeof(sample)   ? ELF_BAD_PHOFF
                                   : size < needed           ? ELF_FILE_BOUNDS
                                                             : ELF_OK;
        assert_int_equal(reading.status, expected);
        elf_reading_free(&reading);
    }
}

static void a_short_head_is_named(void **state)
{
    (void)state;
    const struct elf_sample sample = elf_sample_good();
    struct elf_header header;
    struct elf_error error;
    char text[80];
    assert_int_equal(elf_read_header(&sample, 63, SAMPLE_FILE_SIZE, &header, &error),
                     ELF_TOO_SHORT);
    elf_describe(&error, text, sizeof(text));
    assert_string_equal(text, "file size 0x3f is less than e_ehsize 0x40");
    assert_int_equal(elf_read_header(&sample, sizeof(sample), 62, &header, &error), ELF_TOO_SHORT);
    assert_int_equal(error.value, 62);
}

/* Nothing but `error` is written on failure, nothing but the result on success. */
static void results_are_all_or_nothing(void **state)
{
    (void)state;
    struct elf_sample sample = elf_sample_good();
    struct elf_reading untouched = {0};
    struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    assert_memory_equal(&reading.error, &untouched.error, sizeof(reading.error));
    elf_reading_free(&reading);
    sample.elf.e_entry = 0;
    reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    assert_memory_equal(&reading.image, &untouched.image, sizeof(reading.image));
    elf_reading_free(&reading);
    sample.elf.e_phoff = 1;
    reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    assert_memory_equal(&reading.header, &untouched.header, sizeof(reading.header));
    elf_reading_free(&reading);
}

static void describe_counts_what_does_not_fit(void **state)
{
    (void)state;
    const struct elf_error error = {ELF_RELOCATION_RANGE, "r_offset", 70000, 0x12, 0, "is lost"};
    const char *whole = "relocation 70000: r_offset 0x12 is lost";
    char text[10];
    assert_int_equal(elf_describe(&error, text, sizeof(text)), strlen(whole));
    assert_string_equal(text, "relocatio");
    assert_int_equal(elf_describe(&error, NULL, 0), strlen(whole));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file_is_accepted),
        cmocka_unit_test(segments_come_one_by_one),
        cmocka_unit_test(region_ends_are_exact),
        cmocka_unit_test(top_of_address_space),
        cmocka_unit_test(physical_addresses_may_be_virtual_ones),
        cmocka_unit_test(a_table_elsewhere_is_found),
        cmocka_unit_test(every_length_is_safe),
        cmocka_unit_test(a_short_head_is_named),
        cmocka_unit_test(results_are_all_or_nothing),
        cmocka_unit_test(describe_counts_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
