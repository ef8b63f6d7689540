/* elf_relocate: a good image, and each check by itself in tables of images with
 * a few fields overwritten. test_elf_relocate_mutations.c has the random ones. */
#include "elf_moved.h"

static void good_image_is_moved(void **state)
{
    (void)state;
    static const uint64_t slides[] = {0, 0x200000, -UINT64_C(0x100000), UINT64_C(1) << 63};
    const struct moved moved = good_image();
    for (size_t i = 0; i < COUNT(slides); i++) {
        struct run run = relocate(&moved, slides[i]);
        assert_int_equal(run.status, ELF_OK);
        check_result(&run, &moved, RELA_COUNT, slides[i]);
        free_run(&run);
    }
}

/* Images with a few fields overwritten. */

struct row {
    struct spoil spoils[5];
    enum elf_status status;
    const char *text;
    size_t applied; /* on ELF_OK: the relocations there are */
};

static void check_row(const struct row *row)
{
    char text[160];
    struct moved moved = good_image();
    spoil_with(&moved, row->spoils, COUNT(row->spoils));
    struct run run = relocate(&moved, 0x1000);
    elf_describe(&run.error, text, sizeof(text));
    assert_string_equal(text, row->text);
    assert_int_equal(run.status, row->status);
    assert_int_equal(run.error.status, row->status);
    if (text[0] != 'p' && text[0] != 'r')
        assert_int_equal(run.error.segment, 0);
    check_result(&run, &moved, row->applied, 0x1000);
    free_run(&run);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}

static void variants_are_accepted(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{DYN(2, d_un.d_val), 0}}, ELF_OK, "no error", 0},
        {{{DYN(2, d_un.d_val), 0}, {DYN(1, d_un.d_ptr), 1}, {DYN(3, d_un.d_val), 1}},
         ELF_OK,
         "no error",
         0},
        {{{DYN(2, d_un.d_val), 0}, {DYN(1, d_tag), DT_DEBUG}}, ELF_OK, "no error", 0},
        {{{DYN(1, d_tag), DT_NULL}}, ELF_OK, "no error", 0},
        {{{DYN(0, d_un.d_val), UINT64_MAX}}, ELF_OK, "no error", RELA_COUNT},
        {{{DYN(2, d_un.d_val), 24}}, ELF_OK, "no error", 1},
        {{{DYN(2, d_un.d_val), 120}}, ELF_OK, "no error", 5},
        /* The table ends with its segment. */
        {{{MPHDR(0, p_memsz), RELA_AT + RELA_COUNT * 24 - 0x10}, {MPHDR(0, p_filesz), 0x20}},
         ELF_OK,
         "no error",
         RELA_COUNT},
        /* DT_NULL is the last entry that fits. */
        {{{MPHDR(4, p_memsz), 6 * 16 + 15}}, ELF_OK, "no error", RELA_COUNT},
        /* The symbol part of r_info belongs to other kinds. */
        {{{RELA(0, r_info), UINT64_C(5) << 32 | R_X86_64_RELATIVE}},
         ELF_OK,
         "no error",
         RELA_COUNT},
        /* A place right before the table and one right behind it. */
        {{{RELA(0, r_offset), SAMPLE_V + RELA_AT - 8},
          {RELA(1, r_offset), SAMPLE_V + RELA_AT + RELA_COUNT * 24}},
         ELF_OK,
         "no error",
         RELA_COUNT},
        {{{RELA(0, r_offset), SAMPLE_V + DYNAMIC_AT}}, ELF_OK, "no error", RELA_COUNT},
    };
    check_rows(rows, COUNT(rows));
}

static const struct row bad_dynamic_sections[] = {
    {{{MPHDR(4, p_type), PT_NULL}},
     ELF_BAD_DYNAMIC,
     "e_phnum 0x6 has no PT_DYNAMIC among them to move the image by 0x1000",
     0},
    {{{MPHDR(4, p_vaddr), SAMPLE_V + 0x4104}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_vaddr 0xffffffff80104104 is not a multiple of 0x8",
     0},
    {{{MPHDR(4, p_vaddr), SAMPLE_V + 0x4078}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_vaddr 0xffffffff80104078 is in no PT_LOAD that has room for p_memsz "
     "0x70",
     0},
    {{{MPHDR(4, p_vaddr), SAMPLE_V + 0x5f98}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_vaddr 0xffffffff80105f98 is in no PT_LOAD that has room for p_memsz "
     "0x70",
     0},
    {{{MPHDR(4, p_vaddr), SAMPLE_V + 0x6008}, {MPHDR(4, p_memsz), 0}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_vaddr 0xffffffff80106008 is in no PT_LOAD that has room for p_memsz",
     0},
    {{{MPHDR(4, p_memsz), -(SAMPLE_V + 0x4100)}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_vaddr 0xffffffff80104100 is in no PT_LOAD that has room for p_memsz "
     "0x7fefbf00",
     0},
    {{{MPHDR(4, p_memsz), UINT64_MAX}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_vaddr 0xffffffff80104100 is in no PT_LOAD that has room for p_memsz "
     "0xffffffffffffffff",
     0},
    /* Empty, where a segment ends. */
    {{{MPHDR(4, p_vaddr), SAMPLE_V + 0x3000}, {MPHDR(4, p_memsz), 0}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_vaddr 0xffffffff80103000 is in no PT_LOAD that has room for p_memsz",
     0},
    /* The last bytes of the memory: there is no entry to look at behind them. */
    {{{MPHDR(3, p_memsz), 0x2f80}, {MPHDR(4, p_vaddr), SAMPLE_V + 0x6ff0}, {MPHDR(4, p_memsz), 16}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_memsz 0x10 ends before a DT_NULL",
     0},
    {{{MPHDR(4, p_memsz), 0}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_memsz 0x0 ends before a DT_NULL",
     0},
    {{{MPHDR(4, p_memsz), 6 * 16 - 1}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_memsz 0x5f ends before a DT_NULL",
     0},
    {{{DYN(5, d_tag), DT_DEBUG}, {DYN(6, d_tag), DT_DEBUG}},
     ELF_BAD_DYNAMIC,
     "program header 4: p_memsz 0x70 ends before a DT_NULL",
     0},
};

static void bad_dynamic_sections_are_named(void **state)
{
    (void)state;
    check_rows(bad_dynamic_sections, COUNT(bad_dynamic_sections));
}

/* A dynamic section that does not say that all of its addresses have relocations. */
static void images_not_linked_to_move_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{DYN(0, d_un.d_val), 0}},
         ELF_BAD_DYNAMIC,
         "DT_FLAGS_1 0x0 has no DF_1_PIE to move the image by 0x1000",
         0},
        {{{DYN(0, d_un.d_val), ~(uint64_t)DF_1_PIE}},
         ELF_BAD_DYNAMIC,
         "DT_FLAGS_1 0xfffffffff7ffffff has no DF_1_PIE to move the image by 0x1000",
         0},
        {{{DYN(0, d_tag), DT_FLAGS}},
         ELF_BAD_DYNAMIC,
         "DT_FLAGS_1 0x0 has no DF_1_PIE to move the image by 0x1000",
         0},
        {{{DYN(0, d_tag), DT_NULL}},
         ELF_BAD_DYNAMIC,
         "DT_FLAGS_1 0x0 has no DF_1_PIE to move the image by 0x1000",
         0},
        {{{DYN(0, d_tag), DT_DEBUG}, {DYN(2, d_un.d_val), 0}},
         ELF_BAD_DYNAMIC,
         "DT_FLAGS_1 0x0 has no DF_1_PIE to move the image by 0x1000",
         0},
    };
    check_rows(rows, COUNT(rows));
}

static bool can_move(const struct moved *moved)
{
    struct elf_reading reading = elf_sample_read(&moved->sample, SAMPLE_FILE_SIZE, kernel_region());
    unsigned char *memory = lay_out(moved);

    assert_int_equal(reading.status, ELF_OK);
    bool can = elf_can_move(&reading.image, memory);
    free(memory);
    elf_reading_free(&reading);
    return can;
}

static void only_pie_can_move(void **state)
{
    (void)state;
    static const struct {
        struct spoil spoil;
        bool can;
    } rows[] = {
        {{DYN(0, d_un.d_val), DF_1_PIE}, true},
        {{DYN(0, d_un.d_val), DF_1_PIE | DF_1_NOW}, true},
        {{DYN(0, d_un.d_val), DF_1_NOW}, false},
        {{DYN(0, d_tag), DT_FLAGS}, false},
        {{DYN(0, d_tag), DT_NULL}, false},
        {{MPHDR(4, p_type), PT_NULL}, false},
        {{MPHDR(4, p_vaddr), SAMPLE_V + 0x5f98}, false}, /* outside the segments */
        {{MPHDR(4, p_memsz), 16}, false},                /* without an end */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct moved moved = good_image();
        spoil_with(&moved, &rows[i].spoil, 1);
        assert_int_equal(can_move(&moved), rows[i].can);
    }
}

/* Where it is linked it may stay: the relocations that there are fill in the addends. */
static void without_pie_stays(void **state)
{
    (void)state;
    struct moved moved = good_image();
    moved.dynamic[0].d_un.d_val = 0;
    struct run run = relocate(&moved, 0);
    assert_int_equal(run.status, ELF_OK);
    check_result(&run, &moved, RELA_COUNT, 0);
    free_run(&run);
}

static void other_tables_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{DYN(0, d_tag), DT_REL}},
         ELF_BAD_RELOCATION,
         "d_tag 0x11 names a relocation table other than DT_RELA",
         0},
        {{{DYN(0, d_tag), DT_JMPREL}},
         ELF_BAD_RELOCATION,
         "d_tag 0x17 names a relocation table other than DT_RELA",
         0},
        {{{DYN(4, d_tag), DT_RELR}},
         ELF_BAD_RELOCATION,
         "d_tag 0x24 names a relocation table other than DT_RELA",
         0},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_tables_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{DYN(2, d_tag), DT_DEBUG}},
         ELF_BAD_RELA,
         "DT_RELA 0xffffffff80100020 has no DT_RELASZ",
         0},
        {{{DYN(1, d_tag), DT_DEBUG}}, ELF_BAD_RELA, "DT_RELASZ 0x90 has no DT_RELA", 0},
        {{{DYN(3, d_tag), DT_DEBUG}}, ELF_BAD_RELA, "DT_RELAENT 0x0 is not 0x18", 0},
        {{{DYN(3, d_un.d_val), 16}}, ELF_BAD_RELA, "DT_RELAENT 0x10 is not 0x18", 0},
        {{{DYN(2, d_un.d_val), 0x91}}, ELF_BAD_RELA, "DT_RELASZ 0x91 is not a multiple of 0x18", 0},
        {{{DYN(2, d_un.d_val), 0x17}}, ELF_BAD_RELA, "DT_RELASZ 0x17 is not a multiple of 0x18", 0},
        {{{DYN(1, d_un.d_ptr), SAMPLE_V + 0x24}},
         ELF_BAD_RELA,
         "DT_RELA 0xffffffff80100024 is not a multiple of 0x8",
         0},
        {{{DYN(1, d_un.d_ptr), SAMPLE_V + 8}},
         ELF_BAD_RELA,
         "DT_RELA 0xffffffff80100008 is in no PT_LOAD that has room for DT_RELASZ 0x90",
         0},
        {{{DYN(1, d_un.d_ptr), SAMPLE_V + 0x778}},
         ELF_BAD_RELA,
         "DT_RELA 0xffffffff80100778 is in no PT_LOAD that has room for DT_RELASZ 0x90",
         0},
        {{{DYN(1, d_un.d_ptr), 0}},
         ELF_BAD_RELA,
         "DT_RELA 0x0 is in no PT_LOAD that has room for DT_RELASZ 0x90",
         0},
        {{{DYN(2, d_un.d_val), 0xfffffffffffffff0}},
         ELF_BAD_RELA,
         "DT_RELA 0xffffffff80100020 is in no PT_LOAD that has room for DT_RELASZ "
         "0xfffffffffffffff0",
         0},
        {{{DYN(2, d_un.d_val), 0x7feffff0}},
         ELF_BAD_RELA,
         "DT_RELA 0xffffffff80100020 is in no PT_LOAD that has room for DT_RELASZ 0x7feffff0",
         0},
        {{{MPHDR(0, p_memsz), RELA_AT + RELA_COUNT * 24 - 0x11}, {MPHDR(0, p_filesz), 0x20}},
         ELF_BAD_RELA,
         "DT_RELA 0xffffffff80100020 is in no PT_LOAD that has room for DT_RELASZ 0x90",
         0},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_relocations_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{RELA(1, r_info), R_X86_64_64}},
         ELF_BAD_RELOCATION,
         "relocation 1: r_info 0x1 is not R_X86_64_RELATIVE 0x8",
         0},
        {{{RELA(5, r_info), UINT64_C(2) << 32 | R_X86_64_GLOB_DAT}},
         ELF_BAD_RELOCATION,
         "relocation 5: r_info 0x200000006 is not R_X86_64_RELATIVE 0x8",
         0},
        {{{RELA(0, r_info), R_X86_64_IRELATIVE}},
         ELF_BAD_RELOCATION,
         "relocation 0: r_info 0x25 is not R_X86_64_RELATIVE 0x8",
         0},
        {{{RELA(3, r_info), R_X86_64_RELATIVE}},
         ELF_RELOCATION_RANGE,
         "relocation 3: r_offset 0x0 is in no PT_LOAD that has room for 0x8",
         0},
        {{{RELA(5, r_offset), SAMPLE_V + 0x5ffa}},
         ELF_RELOCATION_RANGE,
         "relocation 5: r_offset 0xffffffff80105ffa is in no PT_LOAD that has room for 0x8",
         0},
        {{{RELA(0, r_offset), SAMPLE_V + 0x407f}},
         ELF_RELOCATION_RANGE,
         "relocation 0: r_offset 0xffffffff8010407f is in no PT_LOAD that has room for 0x8",
         0},
        {{{RELA(4, r_offset), SAMPLE_V + 0x2ff9}},
         ELF_RELOCATION_RANGE,
         "relocation 4: r_offset 0xffffffff80102ff9 is in no PT_LOAD that has room for 0x8",
         0},
        {{{RELA(4, r_offset), SAMPLE_V + 0x1800}},
         ELF_RELOCATION_RANGE,
         "relocation 4: r_offset 0xffffffff80101800 is in no PT_LOAD that has room for 0x8",
         0},
        {{{RELA(2, r_offset), UINT64_MAX - 3}},
         ELF_RELOCATION_RANGE,
         "relocation 2: r_offset 0xfffffffffffffffc is in no PT_LOAD that has room for 0x8",
         0},
        {{{RELA(0, r_offset), SAMPLE_V + RELA_AT - 7}},
         ELF_RELOCATION_RANGE,
         "relocation 0: r_offset 0xffffffff80100019 is on the relocation table, which starts at "
         "0xffffffff80100020",
         0},
        {{{RELA(0, r_offset), SAMPLE_V + RELA_AT + 24}},
         ELF_RELOCATION_RANGE,
         "relocation 0: r_offset 0xffffffff80100038 is on the relocation table, which starts at "
         "0xffffffff80100020",
         0},
        {{{RELA(5, r_offset), SAMPLE_V + RELA_AT + RELA_COUNT * 24 - 1}},
         ELF_RELOCATION_RANGE,
         "relocation 5: r_offset 0xffffffff801000af is on the relocation table, which starts at "
         "0xffffffff80100020",
         0},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_addends_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{RELA(0, r_addend), SAMPLE_V - 1}},
         ELF_RELOCATION_RANGE,
         "relocation 0: r_addend 0xffffffff800fffff is outside the image, which starts at "
         "0xffffffff80100000",
         0},
        {{{RELA(4, r_addend), SAMPLE_V + IMAGE_SIZE + 1}},
         ELF_RELOCATION_RANGE,
         "relocation 4: r_addend 0xffffffff80107001 is outside the image, which starts at "
         "0xffffffff80100000",
         0},
        {{{RELA(1, r_addend), 0}},
         ELF_RELOCATION_RANGE,
         "relocation 1: r_addend 0x0 is outside the image, which starts at 0xffffffff80100000",
         0},
    };
    check_rows(rows, COUNT(rows));
}

static void without_dynamic_nothing_moves(void **state)
{
    (void)state;
    struct moved moved = good_image();
    moved.sample.ph[4].p_type = PT_NULL;
    struct run run = relocate(&moved, 0);
    assert_int_equal(run.status, ELF_OK);
    check_result(&run, &moved, 0, 0);
    free_run(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_image_is_moved),
        cmocka_unit_test(variants_are_accepted),
        cmocka_unit_test(bad_dynamic_sections_are_named),
        cmocka_unit_test(images_not_linked_to_move_are_named),
        cmocka_unit_test(only_pie_can_move),
        cmocka_unit_test(without_pie_stays),
        cmocka_unit_test(other_tables_are_named),
        cmocka_unit_test(bad_tables_are_named),
        cmocka_unit_test(bad_relocations_are_named),
        cmocka_unit_test(bad_addends_are_named),
        cmocka_unit_test(without_dynamic_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
