/* Each check of common/elf_image.c by itself: tables of files with a few fields
 * overwritten, and the sentence that elf_describe makes of each. */
#include "elf_sample.h"

/* Tables of files: some fields overwritten. */

struct row {
    struct spoil spoils[5];
    enum elf_status status;
    const char *text; /* elf_describe's: field, value, program header and limit are in it */
};

static void check_row(const struct row *row)
{
    struct elf_sample sample = elf_sample_good();
    spoil_with(&sample, row->spoils, COUNT(row->spoils));
    struct elf_reading reading = elf_sample_read(&sample, SAMPLE_FILE_SIZE, kernel_region());
    char text[160];
    size_t length = elf_describe(&reading.error, text, sizeof(text));
    assert_int_equal(length, strlen(text));
    assert_string_equal(text, row->text);
    assert_int_equal(reading.status, row->status);
    assert_int_equal(reading.error.status, row->status);
    if (strncmp(row->text, "program header", 14) != 0)
        assert_int_equal(reading.error.segment, 0);
    elf_reading_free(&reading);
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
        {{{EHDR(e_type), ET_DYN}}, ELF_OK, "no error"},
        {{{EHDR(e_entry), SAMPLE_V + 0x2000}}, ELF_OK, "no error"},
        {{{EHDR(e_entry), SAMPLE_V + 0x2fff}}, ELF_OK, "no error"},
        /* 64 headers that end with the file: those past the sample are PT_NULL. */
        {{{EHDR(e_phnum), ELF_SEGMENTS_MAX}}, ELF_OK, "no error"},
        /* .bss alone: its p_offset may be anywhere, as a stripped file shows. */
        {{{PHDR(3, p_filesz), 0}, {PHDR(3, p_offset), 0x99080}}, ELF_OK, "no error"},
        /* p_offset + p_filesz is the end of the file. */
        {{{PHDR(3, p_filesz), 0x1780}}, ELF_OK, "no error"},
        {{{PHDR(3, p_filesz), 0x1780}, {PHDR(3, p_memsz), 0x1780}}, ELF_OK, "no error"},
        /* Right after the one before; and with its rights on its page. */
        {{{PHDR(0, p_memsz), 0x1ff0}}, ELF_OK, "no error"},
        {{{PHDR(0, p_memsz), 0x27f0},
          {PHDR(0, p_flags), PF_R | PF_X | 0x100000},
          {PHDR(1, p_vaddr), SAMPLE_V + 0x2800},
          {PHDR(1, p_paddr), SAMPLE_P + 0x2800},
          {PHDR(1, p_offset), 0x2800}},
         ELF_OK,
         "no error"},
        /* Bits of PF_MASKOS and PF_MASKPROC are not rights. */
        {{{PHDR(0, p_flags), PF_R | 0xfff00000}}, ELF_OK, "no error"},
        {{{PHDR(1, p_align), 0x2000}}, ELF_OK, "no error"},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_headers_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{EHDR(e_ident[0]), 'M'}},
         ELF_BAD_MAGIC,
         "e_ident[EI_MAG0..3] 0x464c454d is not ELF's 0x464c457f"},
        {{{EHDR(e_ident[1]), 'e'}},
         ELF_BAD_MAGIC,
         "e_ident[EI_MAG0..3] 0x464c657f is not ELF's 0x464c457f"},
        {{{EHDR(e_ident[2]), 0}},
         ELF_BAD_MAGIC,
         "e_ident[EI_MAG0..3] 0x4600457f is not ELF's 0x464c457f"},
        {{{EHDR(e_ident[3]), 0xff}},
         ELF_BAD_MAGIC,
         "e_ident[EI_MAG0..3] 0xff4c457f is not ELF's 0x464c457f"},
        {{{EHDR(e_ident[EI_CLASS]), ELFCLASS32}},
         ELF_NOT_64_BIT,
         "e_ident[EI_CLASS] 0x1 is not ELFCLASS64 0x2"},
        {{{EHDR(e_ident[EI_DATA]), ELFDATA2MSB}},
         ELF_NOT_LITTLE,
         "e_ident[EI_DATA] 0x2 is not ELFDATA2LSB 0x1"},
        {{{EHDR(e_ident[EI_VERSION]), 0}},
         ELF_BAD_VERSION,
         "e_ident[EI_VERSION] 0x0 is not EV_CURRENT 0x1"},
        {{{EHDR(e_version), 2}}, ELF_BAD_VERSION, "e_version 0x2 is not EV_CURRENT 0x1"},
        {{{EHDR(e_machine), EM_386}}, ELF_NOT_X86_64, "e_machine 0x3 is not EM_X86_64 0x3e"},
        {{{EHDR(e_type), ET_REL}}, ELF_BAD_TYPE, "e_type 0x1 is neither ET_EXEC nor ET_DYN"},
        {{{EHDR(e_type), ET_CORE}}, ELF_BAD_TYPE, "e_type 0x4 is neither ET_EXEC nor ET_DYN"},
        {{{EHDR(e_ehsize), 52}}, ELF_BAD_EHSIZE, "e_ehsize 0x34 is not 0x40"},
        {{{EHDR(e_ehsize), 65}}, ELF_BAD_EHSIZE, "e_ehsize 0x41 is not 0x40"},
        {{{EHDR(e_phentsize), 32}}, ELF_BAD_PHENTSIZE, "e_phentsize 0x20 is not 0x38"},
        {{{EHDR(e_phentsize), 64}}, ELF_BAD_PHENTSIZE, "e_phentsize 0x40 is not 0x38"},
        {{{EHDR(e_phnum), 0}}, ELF_BAD_PHNUM, "e_phnum 0x0 means nothing to load"},
        {{{EHDR(e_phnum), 65}}, ELF_BAD_PHNUM, "e_phnum 0x41 is more than 0x40"},
        {{{EHDR(e_phnum), PN_XNUM}}, ELF_BAD_PHNUM, "e_phnum 0xffff is more than 0x40"},
        {{{EHDR(e_phoff), 65}}, ELF_BAD_PHOFF, "e_phoff 0x41 is not a multiple of 0x8"},
        {{{EHDR(e_phoff), 68}}, ELF_BAD_PHOFF, "e_phoff 0x44 is not a multiple of 0x8"},
        {{{EHDR(e_phoff), SAMPLE_FILE_SIZE - 0x148}},
         ELF_BAD_PHOFF,
         "e_phoff 0x56b8 puts program headers past the end of the file at 0x5800"},
        {{{EHDR(e_phoff), UINT64_MAX - 0x14f}},
         ELF_BAD_PHOFF,
         "e_phoff 0xfffffffffffffeb0 puts program headers past the end of the file at 0x5800"},
        {{{EHDR(e_entry), SAMPLE_V + 0x1fff}},
         ELF_BAD_ENTRY,
         "e_entry 0xffffffff80101fff is inside no segment that may be executed"},
        {{{EHDR(e_entry), SAMPLE_V + 0x3000}},
         ELF_BAD_ENTRY,
         "e_entry 0xffffffff80103000 is inside no segment that may be executed"},
        {{{EHDR(e_entry), SAMPLE_V + 0x4100}},
         ELF_BAD_ENTRY,
         "e_entry 0xffffffff80104100 is inside no segment that may be executed"},
        {{{EHDR(e_entry), 0}},
         ELF_BAD_ENTRY,
         "e_entry 0x0 is inside no segment that may be executed"},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_segments_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{PHDR(5, p_type), PT_INTERP}},
         ELF_INTERPRETED,
         "program header 5: p_type 0x3 is PT_INTERP: a dynamic linker"},
        {{{PHDR(0, p_type), 0},
          {PHDR(1, p_memsz), 0},
          {PHDR(1, p_filesz), 0},
          {PHDR(3, p_type), PT_NOTE}},
         ELF_NO_SEGMENT,
         "e_phnum 0x6 has no PT_LOAD that is not empty among them"},
        {{{PHDR(1, p_offset), 0x6000}},
         ELF_FILE_BOUNDS,
         "program header 1: p_offset 0x6000 is not inside the file, which ends at 0x5800"},
        {{{PHDR(1, p_offset), 0xfffffffffffff000}},
         ELF_FILE_BOUNDS,
         "program header 1: p_offset 0xfffffffffffff000 is not inside the file, which ends at "
         "0x5800"},
        {{{PHDR(3, p_offset), SAMPLE_FILE_SIZE}},
         ELF_FILE_BOUNDS,
         "program header 3: p_offset 0x5800 is not inside the file, which ends at 0x5800"},
        {{{PHDR(3, p_offset), SAMPLE_FILE_SIZE - 1}},
         ELF_FILE_BOUNDS,
         "program header 3: p_filesz 0x700 is more than the file has from p_offset, 0x1"},
        {{{PHDR(3, p_filesz), 0x1781}},
         ELF_FILE_BOUNDS,
         "program header 3: p_filesz 0x1781 is more than the file has from p_offset, 0x1780"},
        {{{PHDR(3, p_filesz), UINT64_MAX}},
         ELF_FILE_BOUNDS,
         "program header 3: p_filesz 0xffffffffffffffff is more than the file has from p_offset, "
         "0x1780"},
        {{{PHDR(3, p_filesz), -UINT64_C(0x4080)}},
         ELF_FILE_BOUNDS,
         "program header 3: p_filesz 0xffffffffffffbf80 is more than the file has from p_offset, "
         "0x1780"},
        {{{PHDR(1, p_filesz), 0x1001}},
         ELF_FILESZ_OVER_MEMSZ,
         "program header 1: p_filesz 0x1001 is more than p_memsz 0x1000"},
        {{{PHDR(2, p_filesz), 5}},
         ELF_FILESZ_OVER_MEMSZ,
         "program header 2: p_filesz 0x5 is more than p_memsz"},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_placements_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{PHDR(0, p_align), 0x800}},
         ELF_BAD_ALIGN,
         "program header 0: p_align 0x800 is less than 0x1000"},
        {{{PHDR(0, p_align), 0}},
         ELF_BAD_ALIGN,
         "program header 0: p_align 0x0 is less than 0x1000"},
        {{{PHDR(1, p_align), 0x3000}},
         ELF_BAD_ALIGN,
         "program header 1: p_align 0x3000 is not a power of two"},
        {{{PHDR(0, p_offset), 0x1018}},
         ELF_BAD_ALIGN,
         "program header 0: p_offset 0x1018 is not congruent to p_vaddr modulo 0x1000"},
        {{{PHDR(0, p_align), 0x2000}},
         ELF_BAD_ALIGN,
         "program header 0: p_offset 0x1010 is not congruent to p_vaddr modulo 0x2000"},
        {{{PHDR(0, p_vaddr), 0xffffffff7ffff010}},
         ELF_OUTSIDE_REGION,
         "program header 0: p_vaddr 0xffffffff7ffff010 is outside the region that starts at "
         "0xffffffff80000000"},
        {{{PHDR(0, p_vaddr), 0xffffffffc0000010}},
         ELF_OUTSIDE_REGION,
         "program header 0: p_vaddr 0xffffffffc0000010 is outside the region that starts at "
         "0xffffffff80000000"},
        {{{PHDR(3, p_memsz), KERNEL_REGION_SIZE - 0x104080 + 1}},
         ELF_OUTSIDE_REGION,
         "program header 3: p_memsz 0x3fefbf81 is more than the region has from p_vaddr, "
         "0x3fefbf80"},
        {{{PHDR(3, p_memsz), UINT64_MAX}},
         ELF_OUTSIDE_REGION,
         "program header 3: p_memsz 0xffffffffffffffff is more than the region has from p_vaddr, "
         "0x3fefbf80"},
        {{{PHDR(3, p_memsz), -(SAMPLE_V + 0x4080)}},
         ELF_OUTSIDE_REGION,
         "program header 3: p_memsz 0x7fefbf80 is more than the region has from p_vaddr, "
         "0x3fefbf80"},
        {{{PHDR(0, p_flags), PF_R | PF_W | PF_X}},
         ELF_WRITE_EXECUTE,
         "program header 0: p_flags 0x7 allows both PF_W and PF_X"},
        {{{PHDR(0, p_flags), PF_W | PF_X}},
         ELF_WRITE_EXECUTE,
         "program header 0: p_flags 0x3 allows both PF_W and PF_X"},
        {{{PHDR(0, p_flags), 0}}, ELF_NO_RIGHTS, "program header 0: p_flags 0x0 lacks PF_R 0x4"},
        {{{PHDR(0, p_flags), PF_W}}, ELF_NO_RIGHTS, "program header 0: p_flags 0x2 lacks PF_R 0x4"},
        {{{PHDR(1, p_flags), PF_X}}, ELF_NO_RIGHTS, "program header 1: p_flags 0x1 lacks PF_R 0x4"},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_neighbours_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{PHDR(3, p_vaddr), SAMPLE_V + 0x1080}},
         ELF_UNSORTED,
         "program header 3: p_vaddr 0xffffffff80101080 is below the previous segment's "
         "0xffffffff80102000"},
        {{{PHDR(1, p_vaddr), SAMPLE_V + 0x8000}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0x102000 is not at the first segment's distance from p_vaddr, "
         "which gives 0x108000"},
        {{{PHDR(1, p_vaddr), SAMPLE_V + 0x8000}, {PHDR(1, p_paddr), SAMPLE_P + 0x8000}},
         ELF_UNSORTED,
         "program header 3: p_vaddr 0xffffffff80104080 is below the previous segment's "
         "0xffffffff80108000"},
        {{{PHDR(0, p_memsz), 0x1ff1}},
         ELF_OVERLAP,
         "program header 1: p_vaddr 0xffffffff80102000 is inside the segment that starts at "
         "0xffffffff80100010"},
        {{{PHDR(1, p_memsz), 0x3000}},
         ELF_OVERLAP,
         "program header 3: p_vaddr 0xffffffff80104080 is inside the segment that starts at "
         "0xffffffff80102000"},
        {{{PHDR(1, p_memsz), 0x2081}, {PHDR(3, p_flags), PF_R | PF_X}},
         ELF_OVERLAP,
         "program header 3: p_vaddr 0xffffffff80104080 is inside the segment that starts at "
         "0xffffffff80102000"},
        {{{PHDR(3, p_vaddr), SAMPLE_V + 0x2000},
          {PHDR(3, p_offset), 0x2000},
          {PHDR(3, p_paddr), SAMPLE_P + 0x2000}},
         ELF_OVERLAP,
         "program header 3: p_vaddr 0xffffffff80102000 is inside the segment that starts at "
         "0xffffffff80102000"},
        {{{PHDR(1, p_memsz), 0x2001}},
         ELF_SHARED_PAGE,
         "program header 3: p_vaddr 0xffffffff80104080 shares with a segment of other rights the "
         "page 0xffffffff80104000"},
        {{{PHDR(1, p_memsz), 0x2080}},
         ELF_SHARED_PAGE,
         "program header 3: p_vaddr 0xffffffff80104080 shares with a segment of other rights the "
         "page 0xffffffff80104000"},
        /* Each right counts: R beside RW, R beside RX. */
        {{{PHDR(1, p_memsz), 0x2080}, {PHDR(1, p_flags), PF_R}},
         ELF_SHARED_PAGE,
         "program header 3: p_vaddr 0xffffffff80104080 shares with a segment of other rights the "
         "page 0xffffffff80104000"},
        {{{PHDR(0, p_memsz), 0x27f0},
          {PHDR(1, p_vaddr), SAMPLE_V + 0x2800},
          {PHDR(1, p_paddr), SAMPLE_P + 0x2800},
          {PHDR(1, p_offset), 0x2800}},
         ELF_SHARED_PAGE,
         "program header 1: p_vaddr 0xffffffff80102800 shares with a segment of other rights the "
         "page 0xffffffff80102000"},
    };
    check_rows(rows, COUNT(rows));
}

static void bad_physical_addresses_are_named(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {{{PHDR(1, p_paddr), SAMPLE_P + 0x2800}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0x102800 is not congruent to p_vaddr modulo 0x1000"},
        {{{PHDR(1, p_paddr), SAMPLE_P + 0x2001}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0x102001 is not congruent to p_vaddr modulo 0x1000"},
        {{{PHDR(1, p_paddr), SAMPLE_P + 0x3000}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0x103000 is not at the first segment's distance from p_vaddr, "
         "which gives 0x102000"},
        {{{PHDR(1, p_paddr), 0xfffffffffffff000}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0xfffffffffffff000 leaves no room below 2^64 for p_memsz "
         "0x1000"},
        {{{PHDR(1, p_paddr), 0xffffffffffffe000}, {PHDR(1, p_memsz), 0x1001}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0xffffffffffffe000 leaves no room below 2^64 for p_memsz "
         "0x1001"},
        {{{PHDR(1, p_paddr), 0xffffffffffffe000}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0xffffffffffffe000 is not at the first segment's distance "
         "from p_vaddr, which gives 0x102000"},
        {{{PHDR(0, p_paddr), 0xffffffffffffe010}, {PHDR(1, p_paddr), 0}},
         ELF_BAD_PHYS,
         "program header 1: p_paddr 0x0 is below the first segment's 0xffffffffffffe010"},
    };
    check_rows(rows, COUNT(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_are_accepted),
        cmocka_unit_test(bad_headers_are_named),
        cmocka_unit_test(bad_segments_are_named),
        cmocka_unit_test(bad_placements_are_named),
        cmocka_unit_test(bad_neighbours_are_named),
        cmocka_unit_test(bad_physical_addresses_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
