/* Which file a symbol is from, for those that share their name with another: the unit whose ranges
 * a function lies in, the unit that has a variable at an object's address, or else
 * what the symbol table says by STT_FILE, a file's last name only. */
#include "ksyms.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

/* A stretch of addresses, or with size 0 a variable's, and the file that it is from. */
struct owned {
    uint64_t start, end;
    uint32_t file;
};

struct owned_list {
    struct owned *at;
    size_t count, room;
};

static void own(struct owned_list *list, uint64_t start, uint64_t end, uint32_t file)
{
    list->at = array_grow(list->at, list->count, &list->room, sizeof(*list->at));
    list->at[list->count++] = (struct owned){start, end, file};
}

static int by_start(const void *a, const void *b)
{
    const struct owned *left = a, *right = b;

    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    return (left->file > right->file) - (left->file < right->file);
}

static void sort(struct owned_list *list)
{
    if (list->count)
        qsort(list->at, list->count, sizeof(*list->at), by_start);
}

/* The last entry that starts at or below an address. */
static const struct owned *find(const struct owned_list *list, uint64_t address)
{
    size_t low = 0, high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->at[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &list->at[low - 1] : NULL;
}

/* ---- units and variables --------------------------------------------------------------- */

/* Scopes nest as deep as the source does; deeper than this the input is not a compiler's. */
#define SCOPES_MAX 200

static bool variable_address(Dwarf_Die *die, uint64_t *address)
{
    Dwarf_Attribute attribute, operand;
    Dwarf_Op *operations;
    size_t count;

    if (!dwarf_attr(die, DW_AT_location, &attribute) ||
        dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1)
        return false;
    if (operations[0].atom == DW_OP_addr) {
        *address = operations[0].number;
        return true;
    }
    /* DWARF 5, 2.5.1.1: DW_OP_addrx holds a place in .debug_addr. */
    return operations[0].atom == DW_OP_addrx &&
           dwarf_getlocation_attr(&attribute, operations, &operand) == 0 &&
           dwarf_formaddr(&operand, address) == 0;
}

/* Variables of a unit, those inside of functions, too. */
static void own_variables(struct owned_list *list, Dwarf_Die *parent, uint32_t file, unsigned depth)
{
    Dwarf_Die die;
    uint64_t address;

    if (depth == SCOPES_MAX || dwarf_child(parent, &die) != 0)
        return;
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_variable:
            if (variable_address(&die, &address))
                own(list, address, address, file);
            break;
        case DW_TAG_subprogram:
        case DW_TAG_lexical_block:
        case DW_TAG_inlined_subroutine:
        case DW_TAG_namespace:
            own_variables(list, &die, file, depth + 1);
            break;
        default:
            break;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
}

static void own_ranges(struct owned_list *list, Dwarf_Die *unit, uint32_t file)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t at = 0;

    while ((at = dwarf_ranges(unit, at, &base, &start, &end)) > 0)
        own(list, start, end, file);
}

/* ---- symbols --------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct linked_symbol *const *)a)->name,
                  (*(struct linked_symbol *const *)b)->name);
}

/* The symbols that share their name with another, by name. */
static struct linked_symbol **find_shared(struct symbol_list *symbols, size_t *count)
{
    struct linked_symbol **sorted = allocate(symbols->count, sizeof(void *));
    size_t kept = 0;

    for (size_t i = 0; i < symbols->count; i++)
        sorted[i] = &symbols->at[i];
    qsort(sorted, symbols->count, sizeof(void *), by_name);
    for (size_t i = 0, end; i < symbols->count; i = end) {
        for (end = i + 1; end < symbols->count && by_name(&sorted[i], &sorted[end]) == 0; end++)
            ;
        for (size_t j = i; end - i > 1 && j < end; j++)
            sorted[kept++] = sorted[j];
    }
    *count = kept;
    return sorted;
}

void find_owners(const struct elf_file *kernel, Dwarf *dwarf, struct symbol_list *symbols,
                 struct file_names *files)
{
    struct owned_list text = {0}, data = {0};
    size_t count;
    struct linked_symbol **shared = find_shared(symbols, &count);
    Dwarf_CU *cu = NULL;
    Dwarf_Die unit;
    uint32_t file;

    while (count && dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL) == 0) {
        if (!unit_file_number(&unit, files, &file))
            continue;
        own_ranges(&text, &unit, file);
        own_variables(&data, &unit, file, 0);
    }
    sort(&text);
    sort(&data);
    for (size_t i = 0; i < count; i++) {
        struct linked_symbol *symbol = shared[i];
        uint64_t address = kernel->base + symbol->start;
        const struct owned *owner = find(symbol->object ? &data : &text, address);

        if (owner && (address < owner->end || (symbol->object && address == owner->start)))
            symbol->file = owner->file + 1;
        else if (symbol->unit)
            symbol->file = file_number(files, symbol->unit) + 1;
    }
    free(text.at);
    free(data.at);
    free(shared);
}
