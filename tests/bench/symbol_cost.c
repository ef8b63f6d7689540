/* For tests/bench/symbol-cost: what a table of symbols costs in bytes and by the lookup.
 *
 *     symbol_cost VMLINUX     a table of the names that Linux's own kallsyms has, beside kallsyms
 *     symbol_cost KERNEL      the table that ksyms has written into a kernel
 *
 * Lines of source files are not part of it. Before anything is measured, each symbol is looked up
 * by its address in both tables. */
#include "symbol_cost.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the table of a Linux kernel's names ----------------------------------------------- */

static int by_address(const void *left, const void *right)
{
    const struct linked_symbol *a = left, *b = right;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* A symbol without a size reaches up to the next. */
static void give_sizes(struct symbol_list *symbols)
{
    uint32_t next = symbols->at[symbols->count - 1].start + 1;

    for (size_t i = symbols->count; i-- > 0;) {
        if (i + 1 < symbols->count && symbols->at[i + 1].start != symbols->at[i].start)
            next = symbols->at[i + 1].start;
        if (symbols->at[i].size == 0)
            symbols->at[i].size = next - symbols->at[i].start;
    }
}

/* The symbols of kallsyms with the sizes of .symtab. A per-CPU symbol's address, far below the
 * image, is one far above it modulo 2^64, and still within the reach of a table. */
static enum tool_status take_symbols(const struct elf_file *kernel, const struct symtab *symtab,
                                     struct subject *subject)
{
    const struct kallsyms *from = subject->kallsyms;
    struct symbol_list *to = &subject->symbols;
    static struct text name;

    for (uint32_t i = 0; i < from->count; i++) {
        uint64_t address = kallsyms_address(from, i), start = address - subject->base;

        name.length = kallsyms_spell(from, kallsyms_position(from, i), name.at);
        const struct symtab_entry *entry = symtab_find(symtab, address, name.at);
        if (!entry)
            return complain(TOOL_NO_SYMBOLS, "%s: .symtab has no %s at 0x%" PRIx64, kernel->path,
                            name.at, address);
        if (start >= IMAGE_SIZE_MAX || entry->size > IMAGE_SIZE_MAX - start)
            return complain(TOOL_TOO_LARGE, "%s: %s at 0x%" PRIx64 " with 0x%" PRIx64 " bytes",
                            kernel->path, name.at, address, entry->size);
        to->at = array_grow(to->at, to->count, &to->room, sizeof(*to->at));
        to->at[to->count++] = (struct linked_symbol){.start = (uint32_t)start,
                                                     .size = (uint32_t)entry->size,
                                                     .object = entry->object,
                                                     .name = entry->name};
    }
    qsort(to->at, to->count, sizeof(*to->at), by_address);
    give_sizes(to);
    qsort(to->at, to->count, sizeof(*to->at), by_address);
    return TOOL_OK;
}

/* ---- are both right? ------------------------------------------------------------------- */

static bool is_named(const struct subject *subject, uint64_t address, const char *name)
{
    const struct symbol_list *symbols = &subject->symbols;
    size_t low = 0, high = symbols->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbols->at[middle].start < address - subject->base)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < symbols->count && symbols->at[low].start == address - subject->base; low++) {
        if (strcmp(symbols->at[low].name, name) == 0)
            return true;
    }
    return false;
}

/* Every symbol's first address is found, and gets one of the names that it has. */
static enum tool_status check_lookups(const struct subject *subject, const char *whose, lookup find)
{
    static struct text name;

    for (size_t i = 0; i < subject->symbols.count; i++) {
        uint64_t address = subject->base + subject->symbols.at[i].start, start;

        if (!find(subject, address, &name, &start) || start != address ||
            !is_named(subject, address, name.at))
            return complain(TOOL_NO_TABLE, "%s table: 0x%" PRIx64 " is not %s but %s", whose,
                            address, subject->symbols.at[i].name, name.at);
    }
    return TOOL_OK;
}

struct listing {
    const struct subject *subject;
    size_t at;
    bool wrong;
    struct text name;
};

static bool is_next(void *context, const struct symbol *symbol)
{
    struct listing *listing = context;
    const struct linked_symbol *want = &listing->subject->symbols.at[listing->at];

    listing->name.length = 0;
    symbol_name_to(&listing->subject->table, symbol, text_append, &listing->name);
    listing->name.at[listing->name.length] = '\0';
    listing->wrong = listing->at == listing->subject->symbols.count ||
                     symbol->start != want->start || symbol->size != want->size ||
                     strcmp(listing->name.at, want->name) != 0;
    listing->at += !listing->wrong;
    return !listing->wrong;
}

/* The table has these symbols and no others, aliases too, to the byte. */
static enum tool_status check_listing(const struct subject *subject)
{
    static struct listing listing;

    listing.subject = subject;
    symbol_table_visit(&subject->table, is_next, &listing);
    if (listing.wrong || listing.at != subject->symbols.count)
        return complain(TOOL_NO_TABLE, "the table ends with %s, symbol %zu of %zu, or has it wrong",
                        listing.name.at, listing.at, subject->symbols.count);
    return TOOL_OK;
}

/* ---- the two commands ------------------------------------------------------------------ */

static enum tool_status open_table(struct subject *subject, const void *bytes, uint64_t size)
{
    enum symbol_table_status status = symbol_table_open(bytes, size, &subject->table);

    if (status != SYMBOL_TABLE_OK)
        return complain(TOOL_NO_TABLE, "the table is %s", symbol_table_status_text(status));
    return TOOL_OK;
}

static enum tool_status compare(const struct elf_file *kernel, const struct symtab *symtab,
                                struct subject *subject)
{
    const struct line_list no_lines = {0};
    const struct file_names no_files = {0};
    struct encoded_table encoded = {0};
    enum tool_status status;

    subject->base = subject->kallsyms->base;
    if ((status = take_symbols(kernel, symtab, subject)) != TOOL_OK)
        return status;
    clock_t begin = clock();
    if ((status = table_encode(kernel->path, &subject->symbols, &no_lines, &no_files, &encoded)) !=
        TOOL_OK)
        return status;
    double took = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if ((status = open_table(subject, encoded.bytes, encoded.size)) == TOOL_OK &&
        (status = check_listing(subject)) == TOOL_OK &&
        (status = check_lookups(subject, "Bestla's", find_ours)) == TOOL_OK &&
        (status = check_lookups(subject, "kallsyms'", find_theirs)) == TOOL_OK) {
        printf("%s: %zu symbols, in %" PRIu32 " pieces, encoded in %.1f s\n", kernel->path,
               subject->symbols.count, subject->table.header->pieces, took);
        print_bytes(subject);
        print_lookups(subject);
    }
    free(encoded.bytes);
    return status;
}

static bool collect(void *context, const struct symbol *symbol)
{
    struct symbol_list *to = context;

    to->at = array_grow(to->at, to->count, &to->room, sizeof(*to->at));
    to->at[to->count++] = (struct linked_symbol){.start = symbol->start, .size = symbol->size};
    return true;
}

static enum tool_status measure_own(const struct elf_file *kernel, struct subject *subject)
{
    struct elf_section section;

    if (!elf_file_section(kernel, PLACEHOLDER, &section) || section.type == SHT_NOBITS)
        return complain(TOOL_NO_TABLE, "%s: neither kallsyms nor " PLACEHOLDER, kernel->path);
    enum tool_status status = open_table(subject, kernel->bytes + section.offset, section.size);
    if (status != TOOL_OK)
        return status;
    subject->base = kernel->base;
    symbol_table_visit(&subject->table, collect, &subject->symbols);
    if (subject->symbols.count == 0)
        return complain(TOOL_NO_SYMBOLS, "%s: its table is empty", kernel->path);
    printf("%s: %zu symbols, in %" PRIu32 " pieces\n", kernel->path, subject->symbols.count,
           subject->table.header->pieces);
    print_bytes(subject);
    print_lookups(subject);
    return TOOL_OK;
}

int main(int count, char **words)
{
    struct subject subject = {0};
    struct symtab symtab = {0};
    struct kallsyms kallsyms = {0};
    struct elf_file kernel;

    if (count != 2)
        return (int)complain(TOOL_USAGE, "usage: symbol_cost VMLINUX | KERNEL");
    enum tool_status status = elf_file_open(words[1], &kernel);
    if (status == TOOL_OK)
        status = symtab_read(&kernel, &symtab);
    if (status == TOOL_OK)
        status = kallsyms_read(&kernel, &symtab, &kallsyms);
    if (status == TOOL_OK) {
        subject.kallsyms = kallsyms.count ? &kallsyms : NULL;
        status =
            subject.kallsyms ? compare(&kernel, &symtab, &subject) : measure_own(&kernel, &subject);
    }
    free(subject.symbols.at);
    free(symtab.at);
    elf_file_close(&kernel);
    return (int)status;
}
