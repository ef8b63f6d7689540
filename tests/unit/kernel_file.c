/* See kernel_file.h. */
#include "kernel_file.h"

#include <string.h>

#include "x86_paging.h"

#define V KERNEL_LINK_ADDRESS
#define P UINT64_C(0x100000)

#define DYNAMIC_OFFSET 0x6100 /* in the file; 0x1000 more in the image */
#define RELA_OFFSET    0x1020 /* in the file; 0x1000 less in the image */
#define RELAS          3

static unsigned char bytes[0x7000];

static const Elf64_Phdr headers[KERNEL_FILE_HEADERS] = {
    {PT_LOAD, PF_R, 0x1000, V, P, 0x1234, 0x1234, 0x1000},
    {PT_LOAD, PF_R, 0x2800, V + 0x1800, P + 0x1800, 0x700, 0x700, 0x1000},
    {PT_LOAD, PF_R | PF_X, 0x3000, V + 0x3000, P + 0x3000, 0x2801, 0x2801, 0x1000},
    {PT_LOAD, PF_R | PF_W, 0x6010, V + 0x7010, P + 0x7010, 0x900, 0x5003, 0x1000},
    {PT_LOAD, PF_R | PF_W, 0x7000000, V + 0xe000, P + 0xe000, 0, 0x18, 0x1000},
    {PT_DYNAMIC, PF_R | PF_W, DYNAMIC_OFFSET, V + 0x7100, P + 0x7100, 0x50, 0x50, 8},
    {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 0},
};

static const Elf64_Rela relas[RELAS] = {
    {V + 0x7200, R_X86_64_RELATIVE, (int64_t)V + 0x3123},
    {V + 0x7209, R_X86_64_RELATIVE, (int64_t)(V + KERNEL_FILE_SPAN)},
    {V + 0xb008, R_X86_64_RELATIVE, (int64_t)V}, /* in the BSS */
};

static const Elf64_Dyn dynamic[] = {
    {DT_RELA, {V + 0x20}},
    {DT_RELASZ, {sizeof(relas)}},
    {DT_RELAENT, {sizeof(relas[0])}},
    {DT_FLAGS_1, {DF_1_PIE}},
    {DT_NULL, {0}},
};

struct kernel_file *kernel_file_make(void)
{
    static struct kernel_file file;
    const Elf64_Ehdr elf = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_entry = KERNEL_FILE_ENTRY,
        .e_phoff = sizeof(Elf64_Ehdr),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = KERNEL_FILE_HEADERS,
    };

    file = (struct kernel_file){bytes, sizeof(bytes), (Elf64_Ehdr *)(void *)bytes,
                                (Elf64_Phdr *)(void *)(bytes + sizeof(elf))};
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(1 + (i * 13 + i / 256 * 5) % 255); /* never 0 */
    memcpy(bytes, &elf, sizeof(elf));
    memcpy(bytes + sizeof(elf), headers, sizeof(headers));
    memcpy(bytes + RELA_OFFSET, relas, sizeof(relas));
    memcpy(bytes + DYNAMIC_OFFSET, dynamic, sizeof(dynamic));
    return &file;
}

void kernel_file_image(const struct kernel_file *file, uint64_t slide, unsigned char *image,
                       bool *known)
{
    memset(image, 0, KERNEL_FILE_SPAN);
    for (size_t i = 0; i < KERNEL_FILE_SEGMENTS; i++)
        memcpy(image + (headers[i].p_vaddr - V), file->bytes + headers[i].p_offset,
               headers[i].p_filesz);
    for (size_t i = 0; i < RELAS; i++) {
        uint64_t value = (uint64_t)relas[i].r_addend + slide;
        memcpy(image + (relas[i].r_offset - V), &value, sizeof(value));
    }
    for (uint64_t offset = 0; offset < KERNEL_FILE_SPAN; offset++)
        known[offset] = kernel_file_rights(offset) != 0;
}

unsigned kernel_file_rights(uint64_t offset)
{
    static const unsigned char pages[] = {
        PF_R,        PF_R,        0,           PF_R | PF_X, PF_R | PF_X,
        PF_R | PF_X, 0,           PF_R | PF_W, PF_R | PF_W, PF_R | PF_W,
        PF_R | PF_W, PF_R | PF_W, PF_R | PF_W, 0,           PF_R | PF_W,
    };
    unsigned flags = pages[offset / PAGE_SIZE];

    return (flags & PF_R ? PT_RIGHT_READ : 0) | (flags & PF_W ? PT_RIGHT_WRITE : 0) |
           (flags & PF_X ? PT_RIGHT_EXECUTE : 0);
}
