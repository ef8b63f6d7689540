/* See x86.h. System V ABI, AMD64 supplement, 4.4.1. */
#include "x86.h"

#include <elf.h>

static size_t field_size(unsigned kind)
{
    return kind == R_X86_64_64 || kind == R_X86_64_PC64   ? 8
           : kind == R_X86_64_16 || kind == R_X86_64_PC16 ? 2
                                                          : 4;
}

static bool is_relative(unsigned kind)
{
    return kind == R_X86_64_PC16 || kind == R_X86_64_PC32 || kind == R_X86_64_PC64;
}

/* The number that these lower bits of it are, the one nearest to 0. */
static int64_t sign_extend(uint64_t number, size_t size)
{
    return size == 8   ? (int64_t)number
           : size == 4 ? (int32_t)(uint32_t)number
                       : (int16_t)(uint16_t)number;
}

static enum tool_status check_order(const struct order *order, struct object *object,
                                    const struct symbol *symbol)
{
    const struct image *image = object->image;
    size_t size = field_size(order->kind);

    if (symbol && symbol->place == PLACE_ABSOLUTE)
        return complain(TOOL_CONTRADICTION,
                        "%s: %s is 0x%llx, not in the image, 0x%llx to 0x%llx: it does not move",
                        order->text, order->symbol, (unsigned long long)symbol->value,
                        (unsigned long long)image->base, (unsigned long long)image->end);
    if (!symbol || symbol->place == PLACE_CONSTANT)
        return complain(TOOL_CONTRADICTION, "%s: %s %s", order->text, order->symbol,
                        symbol ? "is no label: it does not move"
                               : "is neither in the map nor named by --extern");
    if (!image_has(image, order->address, size))
        return complain(TOOL_CONTRADICTION,
                        "%s: %zu bytes at 0x%llx are not all in the image, 0x%llx to 0x%llx",
                        order->text, size, (unsigned long long)order->address,
                        (unsigned long long)image->base, (unsigned long long)image->end);
    for (size_t i = 0; i < object->relocation_count; i++) {
        const struct relocation *other = &object->relocations[i];

        if (order->address < other->address + field_size(other->kind) &&
            other->address < order->address + size)
            return complain(TOOL_CONTRADICTION, "%s: overlaps the one at 0x%llx", order->text,
                            (unsigned long long)other->address);
    }
    return TOOL_OK;
}

/* The field holds S + A, or S + A - P, for the addresses of the flat image. What is not in the map
 * lies nowhere yet: the field holds A alone. */
static void relocate(struct object *object, const struct order *order, const struct symbol *symbol)
{
    size_t size = field_size(order->kind);
    uint64_t addend = image_number(object->image, order->address, size);

    if (symbol->place != PLACE_EXTERN || symbol->raw != NOWHERE)
        addend += (is_relative(order->kind) ? order->address : 0) - symbol->value;
    image_put(object->image, order->address, size, 0);
    object_relocate(object, order->address, order->kind, (size_t)(symbol - object->symbols->at),
                    sign_extend(addend, size));
}

/* A label of the program that is not in the image has bytes nowhere. */
static void check_places(struct object *object)
{
    struct symbols *symbols = object->symbols;

    for (size_t i = 0; i < symbols->count; i++) {
        struct symbol *symbol = &symbols->at[i];

        if (symbol->place == PLACE_LABEL)
            symbol->place = PLACE_CODE;
        if (symbol->place != PLACE_CODE ||
            (symbol->value >= object->image->base && symbol->value <= object->image->end))
            continue;
        object_note(object, "%s is not in the program: its value stays 0x%llx", symbol->name,
                    (unsigned long long)symbol->value);
        symbol->place = PLACE_ABSOLUTE;
    }
}

/* The one guess on x86: no map has it. */
static enum tool_status find_data_end(const struct options *options, struct object *object)
{
    struct symbols *symbols = object->symbols;
    const struct symbol *last =
        symbols->datas ? &symbols->at[symbols->data[symbols->datas - 1]] : NULL;

    symbols->data_end = options->data_end;
    if (options->has_data_end || !last)
        return symbols_check_end(symbols, UINT64_MAX);
    if (__builtin_add_overflow(last->value, 1u, &symbols->data_end))
        return complain(TOOL_CONTRADICTION, "%s: nothing can lie at 0x%llx", last->name,
                        (unsigned long long)last->value);
    object_guess(object, last->value, CONFIDENCE_MEDIUM, true,
                 "data ends at 0x%llx: no map says how long %s is (--data-end)",
                 (unsigned long long)symbols->data_end, last->name);
    return TOOL_OK;
}

enum tool_status x86_convert(const struct options *options, struct object *object)
{
    struct symbols *symbols = object->symbols;

    object->text_align = object->data_align = 16;
    check_places(object);
    symbols_sort(symbols, object->image);
    enum tool_status status = find_data_end(options, object);
    if (status != TOOL_OK)
        return status;
    symbols_sort(symbols, object->image);
    for (size_t i = 0; i < options->order_count; i++) {
        const struct order *order = &options->orders[i];
        const struct symbol *symbol = symbols_find(symbols, order->symbol);

        status = check_order(order, object, symbol);
        if (status != TOOL_OK)
            return status;
        relocate(object, order, symbol);
    }
    return TOOL_OK;
}
