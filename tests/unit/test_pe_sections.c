/* common/pe_sections.c: a good image, and images that are cut, damaged or lie. */
#include "entry_sample.h"

#include "pe_sample.h"
#include "pe_sections.h"

static unsigned char sample[PE_SAMPLE_MAX];
static size_t sample_size;

static int make_sample(void **state)
{
    (void)state;
    sample_size = pe_sample(sample, "ID=x\n");
    return 0;
}

/* In memory of just that size; a section that is found lies in the file. */
static enum pe_status find(const unsigned char *bytes, size_t head, uint64_t file_size,
                           const char *name, struct pe_section *section)
{
    struct text copy = exact_copy(bytes, head);
    enum pe_status status = pe_find_section(copy.start, head, file_size, name, section);

    if (status == PE_OK)
        assert_true(section->size > 0 && section->offset <= file_size &&
                    section->size <= file_size - section->offset);
    release(copy);
    return status;
}

static void test_good(void **state)
{
    struct pe_section section = {0};

    (void)state;
    assert_int_equal(find(sample, sample_size, sample_size, ".osrel", &section), PE_OK);
    assert_int_equal(section.offset, PE_OSREL_AT);
    assert_int_equal(section.size, 5);
    assert_int_equal(find(sample, PE_TABLE + 80, sample_size, ".text", &section), PE_OK);
    assert_int_equal(section.offset, PE_TEXT_AT);
    assert_int_equal(section.size, 0x100);
}

/* A name is the whole field, up to its NULs. */
static void test_names(void **state)
{
    static const char *const none[] = {"",        ".tex",      ".text1", ".osre",
                                       ".osrelx", ".osrelxyz", "osrel"};
    struct pe_section section = {0};

    (void)state;
    for (size_t i = 0; i < ROWS(none); i++)
        assert_int_equal(find(sample, sample_size, sample_size, none[i], &section), PE_NO_SECTION);
    memcpy(sample + PE_TABLE, "longname", 8);
    assert_int_equal(find(sample, sample_size, sample_size, "longname", &section), PE_OK);
    assert_int_equal(find(sample, sample_size, sample_size, "longnames", &section), PE_NO_SECTION);
    memcpy(sample + PE_TABLE, ".osrel\0\0", 8);
    assert_int_equal(find(sample, sample_size, sample_size, ".osrel", &section), PE_OK);
    assert_int_equal(section.offset, PE_TEXT_AT); /* the first */
}

/* A number of `size` bytes at an offset, and what comes of it. */
static void test_lies(void **state)
{
    static const struct {
        size_t at;
        uint32_t number;
        unsigned size;
        enum pe_status status;
    } rows[] = {
        {0, 0x5a4e, 2, PE_NO_SIGNATURE},
        {0x3c, 0, 4, PE_NO_SIGNATURE},
        {0x3c, PE_AT + 1, 4, PE_NO_SIGNATURE},
        {0x3c, 0xfffffff0, 4, PE_HEADERS_TOO_FAR},
        {0x3c, 0xffffffff, 4, PE_HEADERS_TOO_FAR},
        {PE_AT, 0x4550, 4, PE_OK},
        {PE_AT + 2, 1, 1, PE_NO_SIGNATURE},
        {PE_AT + 6, 0, 2, PE_NO_SECTION},
        {PE_AT + 6, 1, 2, PE_NO_SECTION},
        {PE_AT + 6, 0xffff, 2, PE_HEADERS_TOO_FAR},
        {PE_AT + 20, 0xffff, 2, PE_HEADERS_TOO_FAR},
        {PE_AT + 20, 0, 2, PE_NO_SECTION},
        {PE_TABLE + 48, 0, 4, PE_OK},          /* linkers may leave the virtual size out */
        {PE_TABLE + 48, 0xffffffff, 4, PE_OK}, /* the rest is no bytes of the file */
        {PE_TABLE + 56, 0, 4, PE_SECTION_OUTSIDE},
        {PE_TABLE + 60, PE_OSREL_AT + 0x200 - 5, 4, PE_OK},
        {PE_TABLE + 60, PE_OSREL_AT + 0x200 - 4, 4, PE_SECTION_OUTSIDE},
        {PE_TABLE + 60, 0xffffffff, 4, PE_SECTION_OUTSIDE},
    };
    struct pe_section section = {0};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        make_sample(NULL);
        pe_put(sample + rows[i].at, rows[i].number, rows[i].size);
        enum pe_status status = find(sample, sample_size, sample_size, ".osrel", &section);
        if (status != rows[i].status)
            fail_msg("row %zu: status %d, not %d", i, status, rows[i].status);
        assert_true(strlen(pe_status_text(status)) > 0);
    }
}

static void test_truncated(void **state)
{
    struct pe_section section = {0};

    (void)state;
    for (size_t head = 0; head <= sample_size; head++) {
        enum pe_status status = find(sample, head, sample_size, ".osrel", &section);
        assert_int_equal(status, head < 64              ? PE_NO_SIGNATURE
                                 : head < PE_TABLE + 80 ? PE_HEADERS_TOO_FAR
                                                        : PE_OK);
    }
    for (size_t size = PE_TABLE + 80; size <= sample_size; size++)
        assert_int_equal(find(sample, PE_TABLE + 80, size, ".osrel", &section),
                         size < PE_OSREL_AT + 5 ? PE_SECTION_OUTSIDE : PE_OK);
}

/* Bytes of the headers, changed at random. */
static void test_mutations(void **state)
{
    size_t found[PE_SECTION_OUTSIDE + 1] = {0};
    struct pe_section section = {0};

    (void)state;
    srandom(4);
    for (size_t i = 0; i < 50000; i++) {
        make_sample(NULL);
        for (size_t count = 1 + (size_t)random() % 4; count > 0; count--) {
            static const unsigned char bytes[] = {0, 1, 0x7f, 0x80, 0xff, 0x40};
            size_t at = (size_t)random() % 2 == 0 ? PE_AT + (size_t)random() % 24
                                                  : PE_TABLE + (size_t)random() % 80;
            sample[(size_t)random() % 8 == 0 ? 0x3c + (size_t)random() % 4 : at] =
                bytes[(size_t)random() % sizeof(bytes)];
        }
        size_t head = PE_TABLE + (size_t)random() % 200;
        found[find(sample, head, sample_size, ".osrel", &section)]++;
    }
    for (size_t status = 0; status < ROWS(found); status++)
        assert_in_range(found[status], 500, 45000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good, make_sample),
        cmocka_unit_test_setup(test_names, make_sample),
        cmocka_unit_test_setup(test_lies, make_sample),
        cmocka_unit_test_setup(test_truncated, make_sample),
        cmocka_unit_test_setup(test_mutations, make_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
