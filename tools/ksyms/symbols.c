/* Which of .symtab's entries are symbols of the table (System V gABI, chapter 4, "Symbol Table").
 *
 * Functions and objects with a size are. An entry point in assembly often has none: it
 * is one, too, and reaches to the next symbol, if no symbol with a size lies over it. Labels inside
 * of a function have a dot in NASM and in GNU as (.L1, main.end), and are not; neither is what
 * a linker script defines at the end of a section. */
#include "ksyms.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* Of two names for the same bytes, the one to show comes last: a global one, then the one with
 * fewer leading underscores, then the first in alphabetical order. */
static int by_preference(const struct linked_symbol *a, const struct linked_symbol *b)
{
    size_t bars_a = strspn(a->name, "_"), bars_b = strspn(b->name, "_");

    if (a->global != b->global)
        return a->global ? 1 : -1;
    if (bars_a != bars_b)
        return bars_a < bars_b ? 1 : -1;
    return strcmp(b->name, a->name);
}

static int by_address(const void *left, const void *right)
{
    const struct linked_symbol *a = left, *b = right;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    int order = by_preference(a, b);
    if (order == 0 && a->unit && b->unit)
        order = strcmp(a->unit, b->unit);
    return order;
}

static void sort(struct symbol_list *symbols)
{
    if (symbols->count)
        qsort(symbols->at, symbols->count, sizeof(*symbols->at), by_address);
}

static void add(struct symbol_list *symbols, const struct linked_symbol *symbol)
{
    symbols->at = array_grow(symbols->at, symbols->count, &symbols->room, sizeof(*symbols->at));
    symbols->at[symbols->count++] = *symbol;
}

/* An entry of .symtab with what is needed to judge it. */
struct entry {
    GElf_Sym sym;
    unsigned type;
    uint64_t section_start, section_end;
    uint64_t section_flags; /* 0 where it is in no section */
};

static void find_section(const struct elf_file *kernel, Elf32_Word extended, struct entry *entry)
{
    size_t index = entry->sym.st_shndx == SHN_XINDEX ? extended : entry->sym.st_shndx;
    bool reserved = entry->sym.st_shndx >= SHN_LORESERVE && entry->sym.st_shndx != SHN_XINDEX;
    Elf_Scn *scn = index == SHN_UNDEF || reserved ? NULL : elf_getscn(kernel->elf, index);
    const Elf64_Shdr *header = scn ? elf64_getshdr(scn) : NULL;

    entry->type = GELF_ST_TYPE(entry->sym.st_info);
    if (!header)
        return;
    entry->section_start = header->sh_addr;
    entry->section_end = header->sh_addr + header->sh_size;
    entry->section_flags = header->sh_flags;
}

static bool has_size(const struct entry *entry)
{
    return entry->sym.st_size > 0 && (entry->section_flags & SHF_ALLOC) &&
           (entry->type == STT_FUNC || entry->type == STT_OBJECT);
}

static bool may_be_entry_point(const struct entry *entry, const char *name)
{
    return entry->sym.st_size == 0 && (entry->section_flags & SHF_ALLOC) &&
           (entry->section_flags & SHF_EXECINSTR) &&
           (entry->type == STT_FUNC || entry->type == STT_NOTYPE) &&
           entry->sym.st_value >= entry->section_start &&
           entry->sym.st_value < entry->section_end && !strchr(name, '.');
}

/* A symbol without a size and the end of its section. */
struct unsized {
    struct linked_symbol symbol;
    uint32_t limit;
};

struct gathering {
    const struct elf_file *kernel;
    struct symbol_list *symbols;
    struct unsized *unsized;
    size_t unsized_count, unsized_room;
    const char *unit;
};

static enum tool_status gather(struct gathering *to, const struct entry *entry, const char *name)
{
    const struct elf_file *kernel = to->kernel;
    bool global = GELF_ST_BIND(entry->sym.st_info) != STB_LOCAL;
    uint64_t start = entry->sym.st_value - kernel->base;

    if (entry->type == STT_FILE)
        to->unit = *name ? name : NULL;
    if (!*name || !(has_size(entry) || may_be_entry_point(entry, name)) ||
        entry->sym.st_value < kernel->base || entry->sym.st_value >= kernel->end)
        return TOOL_OK;
    if (entry->sym.st_size > IMAGE_SIZE_MAX - start)
        return complain(TOOL_TOO_LARGE, "%s: symbol %s at 0x%llx has 0x%llx bytes", kernel->path,
                        name, (unsigned long long)entry->sym.st_value,
                        (unsigned long long)entry->sym.st_size);
    struct linked_symbol symbol = {.start = (uint32_t)start,
                                   .size = (uint32_t)entry->sym.st_size,
                                   .object = entry->type == STT_OBJECT,
                                   .global = global,
                                   .name = name,
                                   .unit = global ? NULL : to->unit};
    if (symbol.size) {
        add(to->symbols, &symbol);
        return TOOL_OK;
    }
    uint64_t limit = entry->section_end - kernel->base;
    to->unsized =
        array_grow(to->unsized, to->unsized_count, &to->unsized_room, sizeof(*to->unsized));
    to->unsized[to->unsized_count++] =
        (struct unsized){symbol, limit < IMAGE_SIZE_MAX ? (uint32_t)limit : IMAGE_SIZE_MAX - 1};
    return TOOL_OK;
}

static int by_start(const void *a, const void *b)
{
    const struct unsized *left = a, *right = b;

    return (left->symbol.start > right->symbol.start) - (left->symbol.start < right->symbol.start);
}

/* Adds the symbols without a size that nothing lies over. `symbols` is sorted. */
static void add_entry_points(struct gathering *from)
{
    const struct symbol_list *sized = from->symbols;
    size_t next = 0, sized_count = sized->count;
    uint32_t covered = 0;

    if (from->unsized_count)
        qsort(from->unsized, from->unsized_count, sizeof(*from->unsized), by_start);
    for (size_t i = 0; i < from->unsized_count; i++) {
        struct linked_symbol symbol = from->unsized[i].symbol;
        uint32_t end = from->unsized[i].limit;

        for (; next < sized_count && sized->at[next].start <= symbol.start; next++) {
            uint32_t reach = sized->at[next].start + sized->at[next].size;
            covered = reach > covered ? reach : covered;
        }
        if (symbol.start < covered)
            continue;
        if (next < sized_count && sized->at[next].start < end)
            end = sized->at[next].start;
        for (size_t j = i + 1; j < from->unsized_count; j++) {
            if (from->unsized[j].symbol.start > symbol.start) {
                end = from->unsized[j].symbol.start < end ? from->unsized[j].symbol.start : end;
                break;
            }
        }
        symbol.size = end - symbol.start;
        add(from->symbols, &symbol);
    }
}

static enum tool_status gather_all(struct gathering *to, const struct elf_section *section,
                                   Elf_Data *data, Elf_Data *extended)
{
    const Elf64_Shdr *header = elf64_getshdr(section->scn);

    for (int i = 1; i < (int)(section->size / sizeof(Elf64_Sym)); i++) {
        struct entry entry = {0};
        Elf32_Word index = 0;

        if (!gelf_getsymshndx(data, extended, i, &entry.sym, &index))
            return complain(TOOL_TRUNCATED, "%s: .symtab: entry %d: %s", to->kernel->path, i,
                            elf_errmsg(-1));
        find_section(to->kernel, index, &entry);
        const char *name = elf_strptr(to->kernel->elf, header->sh_link, entry.sym.st_name);
        if (!name)
            return complain(TOOL_TRUNCATED, "%s: .symtab: entry %d: st_name 0x%x: %s",
                            to->kernel->path, i, entry.sym.st_name, elf_errmsg(-1));
        enum tool_status status = gather(to, &entry, name);
        if (status != TOOL_OK)
            return status;
    }
    return TOOL_OK;
}

enum tool_status symbols_read(const struct elf_file *kernel, struct symbol_list *symbols)
{
    struct gathering gathering = {.kernel = kernel, .symbols = symbols};
    struct elf_section symtab = {0}, other = {0};
    Elf_Data *extended = NULL;

    do {
        if (!elf_file_next_section(kernel, &symtab))
            return complain(TOOL_NO_SYMBOLS, "%s: no symbol table (.symtab): it is stripped",
                            kernel->path);
    } while (symtab.type != SHT_SYMTAB);
    while (elf_file_next_section(kernel, &other)) {
        if (other.type == SHT_SYMTAB_SHNDX)
            extended = elf_getdata(other.scn, NULL);
    }
    Elf_Data *data = elf_getdata(symtab.scn, NULL);
    enum tool_status status =
        data ? gather_all(&gathering, &symtab, data, extended)
             : complain(TOOL_TRUNCATED, "%s: .symtab: %s", kernel->path, elf_errmsg(-1));
    if (status == TOOL_OK) {
        sort(symbols);
        add_entry_points(&gathering);
        sort(symbols);
    }
    free(gathering.unsized);
    return status;
}
