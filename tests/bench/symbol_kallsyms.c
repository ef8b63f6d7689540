/* See symbol_kallsyms.h. */
#include "symbol_kallsyms.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define MARKER_EVERY 256U /* names */
#define TOKENS       256U

/* ---- .symtab --------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const struct symtab_entry *left = a, *right = b;

    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    return strcmp(left->name, right->name);
}

enum tool_status symtab_read(const struct elf_file *file, struct symtab *symtab)
{
    struct elf_section section = {0};
    size_t room = 0;

    do {
        if (!elf_file_next_section(file, &section))
            return complain(TOOL_NO_SYMBOLS, "%s: no symbol table (.symtab)", file->path);
    } while (section.type != SHT_SYMTAB);
    Elf_Data *data = elf_getdata(section.scn, NULL);
    const Elf64_Shdr *header = elf64_getshdr(section.scn);
    for (int i = 1; data && header && i < (int)(section.size / sizeof(Elf64_Sym)); i++) {
        GElf_Sym sym;
        const char *name =
            gelf_getsym(data, i, &sym) ? elf_strptr(file->elf, header->sh_link, sym.st_name) : NULL;
        if (!name || sym.st_shndx == SHN_UNDEF)
            continue;
        symtab->at = array_grow(symtab->at, symtab->count, &room, sizeof(*symtab->at));
        symtab->at[symtab->count++] = (struct symtab_entry){
            sym.st_value, sym.st_size, name, GELF_ST_TYPE(sym.st_info) == STT_OBJECT};
    }
    if (symtab->count)
        qsort(symtab->at, symtab->count, sizeof(*symtab->at), by_address);
    return TOOL_OK;
}

const struct symtab_entry *symtab_find(const struct symtab *symtab, uint64_t address,
                                       const char *name)
{
    const struct symtab_entry wanted = {.address = address, .name = name};

    return bsearch(&wanted, symtab->at, symtab->count, sizeof(wanted), by_address);
}

/* ---- where the tables are -------------------------------------------------------------- */

/* The file's bytes behind a symbol, `least` of them or more; NULL: it has none. */
static const void *bytes_of(const struct elf_file *kernel, const struct symtab *symtab,
                            const char *name, uint64_t least, uint64_t *size)
{
    struct elf_section section = {0};
    const struct symtab_entry *entry = NULL;

    for (size_t i = 0; i < symtab->count && !entry; i++) {
        if (strcmp(symtab->at[i].name, name) == 0)
            entry = &symtab->at[i];
    }
    while (entry && elf_file_next_section(kernel, &section)) {
        uint64_t into = entry->address - section.address;

        if (!(section.flags & SHF_ALLOC) || section.type == SHT_NOBITS ||
            entry->address < section.address || into >= section.size)
            continue;
        if (section.size - into < least)
            return NULL;
        if (size)
            *size = section.size - into;
        return kernel->bytes + section.offset + into;
    }
    return NULL;
}

/* ---- names ----------------------------------------------------------------------------- */

/* How many codes a name has; `*position` moves on to the first. */
static uint32_t read_length(const struct kallsyms *table, uint32_t *position)
{
    uint32_t length = table->names[(*position)++];

    if (length & 0x80)
        length = (length & 0x7f) | (uint32_t)table->names[(*position)++] << 7;
    return length;
}

uint32_t kallsyms_position(const struct kallsyms *table, uint32_t number)
{
    uint32_t position = table->markers[number / MARKER_EVERY];

    for (uint32_t i = 0; i < number % MARKER_EVERY; i++) {
        uint32_t length = read_length(table, &position);
        position += length;
    }
    return position;
}

size_t kallsyms_spell(const struct kallsyms *table, uint32_t position, char *name)
{
    uint32_t codes = read_length(table, &position);
    bool type = true; /* the first letter */
    size_t length = 0;

    for (; codes > 0; codes--) {
        const char *token = &table->token_table[table->token_index[table->names[position++]]];

        for (; *token && length < KALLSYMS_NAME_ROOM - 1; token++) {
            if (type)
                type = false;
            else
                name[length++] = *token;
        }
    }
    name[length] = '\0';
    return length;
}

/* ---- addresses ------------------------------------------------------------------------- */

uint64_t kallsyms_address(const struct kallsyms *table, uint32_t number)
{
    int32_t offset = table->offsets[number];

    if (!table->absolute)
        return table->base + (uint32_t)offset;
    return offset < 0 ? table->base - 1 - (uint64_t)(int64_t)offset : (uint64_t)offset;
}

uint32_t kallsyms_find(const struct kallsyms *table, uint64_t address, uint64_t *size)
{
    uint32_t low = 0, high = table->count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (kallsyms_address(table, middle) <= address)
            low = middle;
        else
            high = middle;
    }
    /* The first of those that share an address, and where the next address is. */
    uint64_t start = kallsyms_address(table, low), end = start;
    while (low > 0 && kallsyms_address(table, low - 1) == start)
        low--;
    for (uint32_t i = low + 1; i < table->count && end == start; i++)
        end = kallsyms_address(table, i);
    *size = end - start;
    return low;
}

/* ---- reading --------------------------------------------------------------------------- */

static bool names_end(struct kallsyms *table, uint64_t room)
{
    uint32_t position = 0;

    for (uint32_t i = 0; i < table->count; i++) {
        if (room < 2 || position > room - 2)
            return false;
        if (i % MARKER_EVERY == 0 && table->markers[i / MARKER_EVERY] != position)
            return false;
        uint32_t length = read_length(table, &position);
        if (length == 0 || length > room - position)
            return false;
        position += length;
    }
    table->names_size = position;
    return true;
}

static bool tokens_end(struct kallsyms *table, uint64_t room)
{
    for (uint32_t i = 0; i < TOKENS; i++) {
        uint32_t at = table->token_index[i];
        const char *end = at < room ? memchr(&table->token_table[at], 0, room - at) : NULL;
        if (!end)
            return false;
        size_t size = (size_t)(end + 1 - table->token_table);
        if (size > table->token_table_size)
            table->token_table_size = size;
    }
    return true;
}

/* A large image still spans less than 2 GiB, so a negative offset tells which kind they are. */
static bool offsets_rise(struct kallsyms *table)
{
    for (uint32_t i = 0; i < table->count && !table->absolute; i++)
        table->absolute = table->offsets[i] < 0;
    for (uint32_t i = 1; i < table->count; i++) {
        if (kallsyms_address(table, i - 1) > kallsyms_address(table, i))
            return false;
    }
    return true;
}

enum tool_status kallsyms_read(const struct elf_file *kernel, const struct symtab *symtab,
                               struct kallsyms *table)
{
    const uint32_t *count = bytes_of(kernel, symtab, "kallsyms_num_syms", 4, NULL);
    const uint64_t *base = bytes_of(kernel, symtab, "kallsyms_relative_base", 8, NULL);
    uint64_t names_room = 0, token_room = 0;

    if (!count || !base || *count == 0)
        return TOOL_OK;
    *table = (struct kallsyms){
        .count = *count,
        .base = *base,
        .offsets = bytes_of(kernel, symtab, "kallsyms_offsets", *count * UINT64_C(4), NULL),
        .names = bytes_of(kernel, symtab, "kallsyms_names", 1, &names_room),
        .markers = bytes_of(kernel, symtab, "kallsyms_markers",
                            (*count + MARKER_EVERY - 1) / MARKER_EVERY * UINT64_C(4), NULL),
        .token_table = bytes_of(kernel, symtab, "kallsyms_token_table", 1, &token_room),
        .token_index = bytes_of(kernel, symtab, "kallsyms_token_index", TOKENS * 2, NULL),
        .by_name = bytes_of(kernel, symtab, "kallsyms_seqs_of_names", 1, NULL) != NULL,
    };
    if (!table->offsets || !table->names || !table->markers || !table->token_table ||
        !table->token_index || !names_end(table, names_room) || !tokens_end(table, token_room) ||
        !offsets_rise(table))
        return complain(TOOL_NO_TABLE, "%s: kallsyms is not of the kind that Linux 6 has",
                        kernel->path);
    return TOOL_OK;
}
