/* See elf_file.h. */
#include "elf_file.h"

#include "whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading --------------------------------------------------------------------------- */

static bool inside(const struct elf_file *file, uint64_t offset, uint64_t size)
{
    return offset <= file->size && size <= file->size - offset;
}

/* What tells an ELF header of ours from others; the order gives each file its own message. */
static enum tool_status check_header(const struct elf_file *file, const Elf64_Ehdr *header)
{
    if (file->size < SELFMAG || memcmp(file->bytes, ELFMAG, SELFMAG) != 0)
        return complain(TOOL_NOT_ELF, "%s: not an ELF file", file->path);
    if (file->size < EI_NIDENT)
        return complain(TOOL_TRUNCATED, "%s: ends inside e_ident, %zu bytes", file->path,
                        file->size);
    if (file->bytes[EI_CLASS] != ELFCLASS64)
        return complain(TOOL_NOT_64_BIT, "%s: e_ident[EI_CLASS] is %u: not a 64-bit ELF file",
                        file->path, file->bytes[EI_CLASS]);
    if (file->bytes[EI_DATA] != ELFDATA2LSB)
        return complain(TOOL_NOT_ELF, "%s: e_ident[EI_DATA] is %u: not little-endian", file->path,
                        file->bytes[EI_DATA]);
    if (file->size < sizeof(*header))
        return complain(TOOL_TRUNCATED, "%s: ends inside the ELF header, %zu bytes", file->path,
                        file->size);
    if (header->e_machine != EM_X86_64)
        return complain(TOOL_NOT_X86_64, "%s: e_machine is %u: not x86-64", file->path,
                        header->e_machine);
    if (header->e_phoff && (header->e_phentsize != sizeof(Elf64_Phdr) ||
                            !inside(file, header->e_phoff, header->e_phnum * UINT64_C(56))))
        return complain(TOOL_TRUNCATED, "%s: %u program headers at 0x%llx do not lie in %zu bytes",
                        file->path, header->e_phnum, (unsigned long long)header->e_phoff,
                        file->size);
    if (header->e_shoff &&
        (header->e_shentsize != sizeof(Elf64_Shdr) ||
         !inside(file, header->e_shoff, (header->e_shnum ? header->e_shnum : 1) * UINT64_C(64))))
        return complain(TOOL_TRUNCATED, "%s: %u section headers at 0x%llx do not lie in %zu bytes",
                        file->path, header->e_shnum, (unsigned long long)header->e_shoff,
                        file->size);
    return TOOL_OK;
}

static enum tool_status check_sections(const struct elf_file *file)
{
    struct elf_section section = {0};

    while (elf_file_next_section(file, &section)) {
        if (section.type != SHT_NOBITS && !inside(file, section.offset, section.size))
            return complain(TOOL_TRUNCATED, "%s: section %zu (%s) at 0x%llx ends past %zu bytes",
                            file->path, section.index, section.name,
                            (unsigned long long)section.offset, file->size);
    }
    return TOOL_OK;
}

static enum tool_status find_image(struct elf_file *file)
{
    size_t count = 0;
    Elf64_Phdr *headers = elf64_getphdr(file->elf);

    file->base = UINT64_MAX;
    if (headers && elf_getphdrnum(file->elf, &count) == 0) {
        for (size_t i = 0; i < count; i++) {
            uint64_t start = headers[i].p_vaddr, end;
            if (headers[i].p_type != PT_LOAD)
                continue;
            if (__builtin_add_overflow(start, headers[i].p_memsz, &end))
                return complain(TOOL_TOO_LARGE, "%s: program header %zu ends past 2^64", file->path,
                                i);
            file->base = start < file->base ? start : file->base;
            file->end = end > file->end ? end : file->end;
        }
    }
    if (file->end <= file->base)
        return complain(TOOL_NOT_LINKED, "%s: no PT_LOAD: not a linked image", file->path);
    return TOOL_OK;
}

enum tool_status elf_file_open(const char *path, struct elf_file *file)
{
    enum tool_status status;

    *file = (struct elf_file){.path = path};
    elf_version(EV_CURRENT);
    if ((status = whole_file_read(path, &file->bytes, &file->size, &file->mode)) != TOOL_OK ||
        (status = check_header(file, (const Elf64_Ehdr *)(const void *)file->bytes)) != TOOL_OK)
        return status;
    /* elf_memory would keep the bytes as its own. */
    char *copy = memcpy(allocate(file->size, 1), file->bytes, file->size);
    file->elf = elf_memory(copy, file->size);
    if (!file->elf) {
        free(copy);
        return complain(TOOL_NOT_ELF, "%s: %s", path, elf_errmsg(-1));
    }
    file->copy = copy;
    if ((status = check_sections(file)) != TOOL_OK)
        return status;
    return find_image(file);
}

void elf_file_close(struct elf_file *file)
{
    elf_end(file->elf);
    free(file->copy);
    free(file->bytes);
    *file = (struct elf_file){0};
}

/* ---- sections -------------------------------------------------------------------------- */

bool elf_file_next_section(const struct elf_file *file, struct elf_section *section)
{
    size_t names;
    Elf_Scn *scn = elf_nextscn(file->elf, section->scn);
    const Elf64_Shdr *header = scn ? elf64_getshdr(scn) : NULL;

    if (!header)
        return false;
    const char *name = elf_getshdrstrndx(file->elf, &names) == 0
                           ? elf_strptr(file->elf, names, header->sh_name)
                           : NULL;
    *section = (struct elf_section){
        .index = elf_ndxscn(scn),
        .name = name ? name : "",
        .type = header->sh_type,
        .flags = header->sh_flags,
        .address = header->sh_addr,
        .offset = header->sh_offset,
        .size = header->sh_size,
        .scn = scn,
    };
    return true;
}

bool elf_file_section(const struct elf_file *file, const char *name, struct elf_section *section)
{
    *section = (struct elf_section){0};
    while (elf_file_next_section(file, section)) {
        if (strcmp(section->name, name) == 0)
            return true;
    }
    return false;
}

/* ---- writing --------------------------------------------------------------------------- */

enum tool_status elf_file_patch(const struct elf_file *file, const struct elf_patch *patches,
                                size_t count)
{
    uint8_t *bytes = memcpy(allocate(file->size, 1), file->bytes, file->size);
    bool done = true;

    for (size_t i = 0; i < count; i++)
        memcpy(bytes + patches[i].offset, patches[i].bytes, patches[i].size);
    if (memcmp(bytes, file->bytes, file->size) != 0)
        done = whole_file_write(file->path, file->mode, bytes, file->size);
    int error = errno;
    free(bytes);
    return done ? TOOL_OK
                : complain(TOOL_WRITE_FAILED, "%s: cannot be replaced: %s", file->path,
                           strerror(error));
}

enum tool_status elf_file_replace(const struct elf_file *file, const struct elf_section *section,
                                  const void *content)
{
    return elf_file_patch(file, &(struct elf_patch){section->offset, section->size, content}, 1);
}
