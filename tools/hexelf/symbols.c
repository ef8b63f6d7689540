/* See symbols.h. */
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

struct symbol *symbols_find(const struct symbols *symbols, const char *name)
{
    struct symbol *found = NULL;

    for (size_t i = 0; i < symbols->count; i++) {
        struct symbol *symbol = &symbols->at[i];

        if (strcmp(symbol->name, name) != 0)
            continue;
        if (symbol->place != PLACE_CONSTANT)
            return symbol;
        found = symbol;
    }
    return found;
}

void symbols_add(struct symbols *symbols, const struct line *line, struct word name,
                 enum place place, uint64_t raw)
{
    symbols->at = array_grow(symbols->at, symbols->count, &symbols->room, sizeof(*symbols->at));
    symbols->at[symbols->count++] = (struct symbol){
        .name = word_copy(name),
        .place = place,
        .raw = raw,
        .value = raw,
        .line = line ? line->number : 0,
    };
}

/* ---- by address ------------------------------------------------------------------------ */

static const struct symbol *compared; /* qsort has no place for it */

static int compare(const void *a, const void *b)
{
    size_t one = *(const size_t *)a, two = *(const size_t *)b;

    if (compared[one].value != compared[two].value)
        return compared[one].value < compared[two].value ? -1 : 1;
    return one < two ? -1 : one > two;
}

static size_t sort_place(struct symbols *symbols, enum place place, size_t **sorted)
{
    size_t count = 0;

    free(*sorted);
    *sorted = allocate(symbols->count, sizeof(**sorted));
    for (size_t i = 0; i < symbols->count; i++) {
        if (symbols->at[i].place == place)
            (*sorted)[count++] = i;
    }
    compared = symbols->at;
    array_sort(*sorted, count, sizeof(**sorted), compare);
    return count;
}

static void give_sizes(struct symbols *symbols, const size_t *sorted, size_t count, uint64_t end)
{
    uint64_t next = end;

    for (size_t i = count; i-- > 0;) {
        struct symbol *symbol = &symbols->at[sorted[i]];

        if (symbol->is_inside)
            continue;
        if (symbol->value < next) {
            end = next;
            next = symbol->value;
        }
        symbol->size = end > symbol->value ? end - symbol->value : 0;
    }
}

void symbols_sort(struct symbols *symbols, const struct image *image)
{
    symbols->codes = sort_place(symbols, PLACE_CODE, &symbols->code);
    symbols->datas = sort_place(symbols, PLACE_DATA, &symbols->data);
    give_sizes(symbols, symbols->code, symbols->codes, image->end);
    give_sizes(symbols, symbols->data, symbols->datas, symbols->data_end);
}

enum tool_status symbols_check_end(const struct symbols *symbols, uint64_t limit)
{
    const struct symbol *last =
        symbols->datas ? &symbols->at[symbols->data[symbols->datas - 1]] : NULL;
    unsigned long long end = symbols->data_end;

    if (last && last->value > end)
        return complain(TOOL_CONTRADICTION, "--data-end 0x%llx: %s lies at 0x%llx", end, last->name,
                        (unsigned long long)last->value);
    if (end > limit)
        return complain(TOOL_CONTRADICTION, "--data-end 0x%llx: RAM ends at 0x%llx", end,
                        (unsigned long long)limit);
    return TOOL_OK;
}

/* How many of these lie before an address. */
static size_t count_before(const struct symbols *symbols, const size_t *sorted, size_t count,
                           uint64_t address)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (symbols->at[sorted[middle]].value < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of several at the last place that is not behind the address, the first. */
static size_t find(const struct symbols *symbols, const size_t *sorted, size_t count,
                   uint64_t address)
{
    size_t at = count_before(symbols, sorted, count, address);

    if (at < count && symbols->at[sorted[at]].value == address)
        return sorted[at];
    if (at == 0)
        return NO_SYMBOL;
    return sorted[count_before(symbols, sorted, count, symbols->at[sorted[at - 1]].value)];
}

size_t symbols_code_from(const struct symbols *symbols, uint64_t address)
{
    return count_before(symbols, symbols->code, symbols->codes, address);
}

size_t symbols_code_at(const struct symbols *symbols, uint64_t address)
{
    return find(symbols, symbols->code, symbols->codes, address);
}

size_t symbols_data_at(const struct symbols *symbols, uint64_t address)
{
    return find(symbols, symbols->data, symbols->datas, address);
}

void symbols_free(struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->count; i++)
        free(symbols->at[i].name);
    free(symbols->at);
    free(symbols->code);
    free(symbols->data);
    *symbols = (struct symbols){0};
}
