/* ksyms: a kernel's symbols and source lines into the kernel.
 *
 *     ksyms KERNEL                      fill the placeholder section .symbols, in place
 *     ksyms --size KERNEL               print how many bytes it needs
 *     ksyms --list KERNEL               print the table that it holds
 *     ksyms --lookup KERNEL [ADDRESS…]  print where addresses lie, by that table
 *
 * The Makefile links a kernel, asks for the size, links it again with a placeholder of that size,
 * and has it filled. docs/symbols.md has the format, what is a symbol, and the exit codes. */
#include "ksyms.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct knowledge {
    struct symbol_list symbols;
    struct line_list lines;
    struct file_names files;
};

static void forget(struct knowledge *known)
{
    free(known->symbols.at);
    free(known->lines.at);
    file_names_free(&known->files);
}

/* Files are numbered by name, not by who asked first, and only those that something is from. */
static void number_files(struct knowledge *known)
{
    bool *used = allocate(known->files.count, sizeof(*used));

    for (size_t i = 0; i < known->symbols.count; i++) {
        if (known->symbols.at[i].file)
            used[known->symbols.at[i].file - 1] = true;
    }
    for (size_t i = 0; i < known->lines.count; i++)
        used[known->lines.at[i].file] = true;
    uint32_t *numbers = file_names_sort(&known->files, used);
    for (size_t i = 0; i < known->symbols.count; i++) {
        if (known->symbols.at[i].file)
            known->symbols.at[i].file = numbers[known->symbols.at[i].file - 1] + 1;
    }
    for (size_t i = 0; i < known->lines.count; i++)
        known->lines.at[i].file = numbers[known->lines.at[i].file];
    free(numbers);
    free(used);
}

static enum tool_status read_dwarf(const struct elf_file *kernel, struct knowledge *known)
{
    struct elf_section section;
    Dwarf *dwarf = dwarf_begin_elf(kernel->elf, DWARF_C_READ, NULL);

    if (!dwarf || !elf_file_section(kernel, ".debug_info", &section)) {
        dwarf_end(dwarf);
        return complain(TOOL_NO_DWARF, "%s: no DWARF (.debug_info): built without -g or stripped",
                        kernel->path);
    }
    enum tool_status status = lines_read(kernel, dwarf, &known->files, &known->lines);
    if (status == TOOL_OK)
        find_owners(kernel, dwarf, &known->symbols, &known->files);
    dwarf_end(dwarf);
    return status;
}

static enum tool_status make_table(const struct elf_file *kernel, struct knowledge *known,
                                   struct encoded_table *table)
{
    enum tool_status status;

    if (kernel->end - kernel->base >= IMAGE_SIZE_MAX)
        return complain(TOOL_TOO_LARGE, "%s: the image spans 0x%llx bytes", kernel->path,
                        (unsigned long long)(kernel->end - kernel->base));
    if ((status = symbols_read(kernel, &known->symbols)) != TOOL_OK ||
        (status = read_dwarf(kernel, known)) != TOOL_OK)
        return status;
    number_files(known);
    return table_encode(kernel->path, &known->symbols, &known->lines, &known->files, table);
}

static double each(size_t bytes, size_t count)
{
    return count ? (double)bytes / (double)count : 0;
}

/* The placeholder must have the table's size to the byte: what is too small would cut, what is too
 * large was linked for another kernel. */
static enum tool_status fill(const struct elf_file *kernel, const struct encoded_table *table)
{
    struct elf_section section;

    if (!elf_file_section(kernel, PLACEHOLDER, &section) || section.type == SHT_NOBITS)
        return complain(TOOL_NO_PLACEHOLDER, "%s: no section " PLACEHOLDER " with bytes to fill",
                        kernel->path);
    if (section.size != table->size)
        return complain(section.size < table->size ? TOOL_PLACEHOLDER_SMALL
                                                   : TOOL_PLACEHOLDER_LARGE,
                        "%s: " PLACEHOLDER " has %llu bytes, the table needs %zu", kernel->path,
                        (unsigned long long)section.size, table->size);
    return elf_file_replace(kernel, &section, table->bytes);
}

static enum tool_status make(const struct elf_file *kernel, bool size_only)
{
    struct encoded_table table = {0};
    struct knowledge known = {0};
    enum tool_status status = make_table(kernel, &known, &table);

    if (status == TOOL_OK && size_only) {
        printf("%zu\n", table.size);
    } else if (status == TOOL_OK) {
        status = fill(kernel, &table);
        if (status == TOOL_OK)
            printf("%s: %zu symbols, %zu line records, %zu bytes: %.1f a symbol, %.1f a line "
                   "record\n",
                   kernel->path, known.symbols.count, known.lines.count, table.size,
                   each(table.symbol_bytes, known.symbols.count),
                   each(table.line_bytes, known.lines.count));
    }
    free(table.bytes);
    forget(&known);
    return status;
}

static int usage(void)
{
    return (int)complain(TOOL_USAGE, "usage: ksyms KERNEL | --size KERNEL | --list KERNEL | "
                                     "--lookup KERNEL [ADDRESS…]");
}

int main(int count, char **words)
{
    const char *option = count > 1 && words[1][0] == '-' ? words[1] : "";
    int path = *option ? 2 : 1;
    bool lookup = strcmp(option, "--lookup") == 0, list = strcmp(option, "--list") == 0;
    bool size_only = strcmp(option, "--size") == 0;
    struct elf_file kernel;

    if (count <= path || (count > path + 1 && !lookup) ||
        (*option && !lookup && !list && !size_only))
        return usage();
    enum tool_status status = elf_file_open(words[path], &kernel);
    if (status == TOOL_OK) {
        status = lookup ? look_up(&kernel, words + path + 1, count - path - 1)
                 : list ? list_table(&kernel)
                        : make(&kernel, size_only);
    }
    elf_file_close(&kernel);
    return (int)status;
}
