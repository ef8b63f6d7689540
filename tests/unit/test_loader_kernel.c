/* The kernel's file as the loader meets it: what is broken gets a message that names field and
 * value, and everything is given back; what is odd but right boots. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "handoff_check.h"
#include "kernel_file.h"
#include "page_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void break_magic(struct kernel_file *kernel)
{
    kernel->elf->e_ident[EI_MAG1] = 'e';
}

static void break_class(struct kernel_file *kernel)
{
    kernel->elf->e_ident[EI_CLASS] = ELFCLASS32;
}

static void break_machine(struct kernel_file *kernel)
{
    kernel->elf->e_machine = EM_AARCH64;
}

static void break_rights(struct kernel_file *kernel)
{
    kernel->ph[2].p_flags |= PF_W;
}

static void break_entry(struct kernel_file *kernel)
{
    kernel->elf->e_entry = KERNEL_LINK_ADDRESS + 0x7010;
}

static void break_region(struct kernel_file *kernel)
{
    kernel->ph[4].p_memsz = KERNEL_REGION_SIZE;
}

static void break_headers(struct kernel_file *kernel)
{
    kernel->elf->e_phoff = kernel->size;
}

static void break_end(struct kernel_file *kernel)
{
    kernel->ph[3].p_filesz = 0x7000 - 0x6010 + 1;
    kernel->ph[3].p_memsz = 0x5003;
}

/* Found only when the segments are in memory. */
static void break_relocation(struct kernel_file *kernel)
{
    Elf64_Rela *rela = (Elf64_Rela *)(void *)(kernel->bytes + 0x1020);
    rela->r_info = R_X86_64_64;
}

static void break_dynamic(struct kernel_file *kernel)
{
    kernel->ph[5].p_memsz = 0x40;
}

static void make_short(struct kernel_file *kernel)
{
    kernel->size = 63;
}

static void make_empty(struct kernel_file *kernel)
{
    kernel->size = 0;
}

static void make_truncated(struct kernel_file *kernel)
{
    kernel->size = 0x5000;
}

static void make_huge(struct kernel_file *kernel)
{
    kernel->ph[3].p_memsz = 0x5000000;
    kernel->elf->e_phnum = 4;
}

static const struct {
    void (*spoil)(struct kernel_file *kernel);
    EFI_STATUS status;
    const char *words;
} broken[] = {
    {break_magic, EFI_LOAD_ERROR, "/kernel.elf: e_ident[EI_MAG0..3] 0x464c657f is not ELF's"},
    {break_class, EFI_LOAD_ERROR, "/kernel.elf: e_ident[EI_CLASS] 0x1 is not ELFCLASS64"},
    {break_machine, EFI_LOAD_ERROR, "/kernel.elf: e_machine 0xb7 is not EM_X86_64"},
    {break_rights, EFI_LOAD_ERROR, "/kernel.elf: program header 2: p_flags"},
    {break_entry, EFI_LOAD_ERROR, "/kernel.elf: e_entry 0xffffffff80107010 is inside no segment"},
    {break_region, EFI_LOAD_ERROR, "/kernel.elf: program header 4: p_memsz 0x40000000"},
    {break_headers, EFI_LOAD_ERROR, "/kernel.elf: e_phoff 0x7000 puts program headers past"},
    {break_end, EFI_LOAD_ERROR, "/kernel.elf: program header 3: p_filesz 0xff1 is more than"},
    {break_relocation, EFI_LOAD_ERROR, "/kernel.elf: relocation 0: r_info 0x1"},
    {break_dynamic, EFI_LOAD_ERROR, "/kernel.elf: program header 5: p_memsz 0x40 ends before"},
    {make_short, EFI_LOAD_ERROR, "/kernel.elf: file size 0x3f"},
    {make_empty, EFI_LOAD_ERROR, "/kernel.elf: file size 0x0"},
    {make_truncated, EFI_LOAD_ERROR, "/kernel.elf: program header 2: p_filesz"},
    {make_huge, EFI_OUT_OF_RESOURCES, "no free memory of 0x5008000 bytes for the kernel"},
};

static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        fake_world();
        struct kernel_file *kernel = kernel_file_make();
        broken[i].spoil(kernel);
        fake_add_file("/kernel.elf", kernel->bytes, kernel->size);
        struct fake_outcome outcome = fake_boot();
        assert_refused(&outcome, broken[i].status, broken[i].words);
    }
}

/* The file ends before the size that firmware tells. */
static void test_shorter_than_it_says(void **state)
{
    (void)state;
    fake_world();
    struct kernel_file *kernel = kernel_file_make();
    fake_add_file("/kernel.elf", kernel->bytes, 0x6900);
    fake_claim_size("/kernel.elf", kernel->size);
    struct fake_outcome outcome = fake_boot();
    assert_refused(&outcome, EFI_END_OF_FILE, "/kernel.elf: reading at 0x6900 (End of File)");
}

static void relocate_nothing(struct kernel_file *kernel)
{
    kernel->ph[5].p_type = PT_NULL;
}

/* Program headers that end with what is read of the file at first, cross that, start behind it,
 * end with the file. Those that cross it lie over the first segment, so that only the tables are
 * compared, and its relocations left out. */
static void test_headers_elsewhere(void **state)
{
    static const uint64_t places[] = {0xe78, 0xe80, 0xfc8, 0x7000, 0x8e78};
    static unsigned char bytes[0x9000];
    const size_t size = KERNEL_FILE_HEADERS * sizeof(Elf64_Phdr);

    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        fake_world();
        struct kernel_file *kernel = kernel_file_make();
        bool crosses = places[i] == 0xe80 || places[i] == 0xfc8;
        if (crosses)
            relocate_nothing(kernel);
        memcpy(bytes, kernel->bytes, kernel->size);
        memcpy(bytes + places[i], kernel->ph, size);
        memset(bytes + sizeof(Elf64_Ehdr), 0xff, size);
        ((Elf64_Ehdr *)(void *)bytes)->e_phoff = places[i];
        fake_add_file("/kernel.elf", bytes, sizeof(bytes));
        struct fake_outcome outcome = fake_boot();
        if (crosses) {
            assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
            assert_good_tables((const void *)(uintptr_t)outcome.boot_info, 4);
        } else {
            assert_good_handoff(&outcome);
        }
    }
}

/* An image without relocations: its places hold what the file has, and it runs where it is linked,
 * though its frames may lie anywhere. */
static void test_not_relocated(void **state)
{
    (void)state;
    fake_world();
    relocate_nothing(kernel_file_make());
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    const struct boot_info *info = (const void *)(uintptr_t)outcome.boot_info;
    const unsigned char *image = (const void *)(uintptr_t)info->kernel_phys;
    assert_int_equal(info->kernel_virt, KERNEL_LINK_ADDRESS);
    assert_int_equal(outcome.entry, KERNEL_FILE_ENTRY);
    assert_true(log_has(info, "(as linked), frames at 0x"));
    assert_memory_equal(image + 0x7010, kernel_file_make()->bytes + 0x6010, 0x900);
    for (size_t i = 0; i < 0x5000 - 0x910; i++)
        assert_int_equal(image[0x7910 + i], 0);
}

static bool is_in_small_leaf(struct pt_space *space, uint64_t address)
{
    struct pt_leaf leaf;

    return pt_translate(space, virt(address), &leaf) && leaf.level == PT_LEVEL_PT;
}

/* However large a segment is, the image lies in leaves of 4 KiB. */
static void test_small_leaves(void **state)
{
    (void)state;
    fake_world();
    kernel_file_make()->ph[4].p_memsz = 0x600000;
    struct fake_outcome outcome = fake_boot();
    assert_int_equal(outcome.ending, FAKE_HANDED_OFF);
    struct pt_space space = {
        .root = phys(outcome.root), .top = PT_LEVEL_PML4, .features = fake_cpu.features};
    const struct boot_info *info = (const void *)(uintptr_t)outcome.boot_info;
    for (uint64_t at = 0xe000; at < 0x60e000; at += PAGE_SIZE)
        assert_true(is_in_small_leaf(&space, info->kernel_virt + at));
    assert_false(is_in_small_leaf(&space, info->kernel_virt + 0x60e000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_shorter_than_it_says),
        cmocka_unit_test(test_headers_elsewhere),
        cmocka_unit_test(test_not_relocated),
        cmocka_unit_test(test_small_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
