/* What a label is of. avrasm2 says so; avra does not: its `L 0100` is word 0x100 of the flash or
 * byte 0x100 of RAM. And neither says which labels of flash are code. */
#include "avr.h"

#include <stdlib.h>

/* What is addressed farther than this behind the last label is not its own: the stack, say. */
#define FARTHEST 256

static bool in_flash(const struct avr_program *program, uint64_t raw)
{
    const struct image *image = program->image;
    uint64_t address;

    /* A label may also stand behind the last byte. */
    return !__builtin_mul_overflow(raw, 2u, &address) && address >= image->base &&
           address <= image->end;
}

static bool in_ram(const struct avr_program *program, uint64_t raw)
{
    return raw >= program->device.ram_start && raw <= program->device.ram_last;
}

static void place(struct symbol *symbol, enum place where)
{
    symbol->place = where;
    symbol->value = where == PLACE_CODE ? symbol->raw * 2 : symbol->raw;
}

/* What lies nowhere stays what it is. */
static void check_place(struct avr_program *program, struct symbol *symbol)
{
    bool flash = symbol->place == PLACE_CODE;

    if ((flash && in_flash(program, symbol->raw)) ||
        (symbol->place == PLACE_DATA && in_ram(program, symbol->raw)))
        return;
    object_note(program->object, "%s is not in %s: its value stays 0x%llx", symbol->name,
                flash ? "the program" : "RAM", (unsigned long long)symbol->raw);
    place(symbol, PLACE_ABSOLUTE);
}

/* Where something else may lie that the program thinks to know the address of. What is a constant
 * for it is a place outside of it. */
static void place_extern(const struct avr_program *program, struct symbol *symbol)
{
    bool flash = in_flash(program, symbol->raw), ram = in_ram(program, symbol->raw);

    if (symbol->raw == NOWHERE)
        return;
    symbol->in_code = symbol->was == PLACE_CODE || (symbol->was == PLACE_LABEL && flash) ||
                      (symbol->was == PLACE_CONSTANT && !flash);
    symbol->in_ram = symbol->was == PLACE_DATA || (symbol->was == PLACE_LABEL && !flash) ||
                     (symbol->was == PLACE_CONSTANT && ram);
}

size_t avr_extern_code(const struct avr_program *program, uint64_t address)
{
    for (size_t i = 0; i < program->extern_count; i++) {
        const struct symbol *symbol = &program->symbols->at[program->externs[i]];

        if (symbol->in_code && address % 2 == 0 && symbol->raw == address / 2)
            return program->externs[i];
    }
    return NO_SYMBOL;
}

size_t avr_extern_ram(const struct avr_program *program, uint64_t address)
{
    for (size_t i = 0; i < program->extern_count; i++) {
        const struct symbol *symbol = &program->symbols->at[program->externs[i]];

        if (symbol->in_ram && symbol->raw == address)
            return program->externs[i];
    }
    return NO_SYMBOL;
}

void avr_place_labels(struct avr_program *program)
{
    for (size_t i = 0; i < program->symbols->count; i++) {
        struct symbol *symbol = &program->symbols->at[i];

        if (symbol->place == PLACE_EXTERN) {
            place_extern(program, symbol);
            program->externs[program->extern_count++] = i;
        }
        if (symbol->place == PLACE_LABEL) {
            bool flash = in_flash(program, symbol->raw), ram = in_ram(program, symbol->raw);

            program->in_doubt[i] = flash && ram;
            place(symbol, flash || !ram ? PLACE_CODE : PLACE_DATA);
        }
        if (symbol->place == PLACE_CODE || symbol->place == PLACE_DATA)
            check_place(program, symbol);
    }
    avr_sort_labels(program);
}

/* Of several names for a place, the first has the uses. */
static unsigned uses_of(const struct avr_program *program, uint64_t address)
{
    size_t first = symbols_code_at(program->symbols, address);

    return first == NO_SYMBOL || program->symbols->at[first].value != address
               ? 0
               : program->uses[first];
}

/* Jumped to, or read from flash: of flash. Named by lds, sts or a pointer into RAM: of RAM. By
 * both: of flash, for RAM may be addressed by number, too. */
/* `moved`: those that are of RAM. */
static bool place_one_by_use(struct avr_program *program, size_t index, struct addresses *moved)
{
    const struct symbol *symbol = &program->symbols->at[index];
    bool ram = program->in_doubt[index] && program->ram_used[symbol->raw & 0xffff];
    bool flash =
        program->in_doubt[index] && (avr_is(program, symbol->value, WORD_TARGET) ||
                                     uses_of(program, symbol->value) & (USE_FLASH | USE_CODE));

    if (!flash && !ram)
        return false;
    object_guess(program->object, symbol->raw, flash && ram ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH,
                 true, "label %s is of %s: %s%s%s", symbol->name, flash ? "flash" : "RAM",
                 flash ? "something jumps there or reads there" : "", flash && ram ? ", but " : "",
                 ram ? "RAM is used there" : "");
    program->in_doubt[index] = false;
    if (!flash)
        addresses_add(moved, index);
    return true;
}

/* All those in doubt are sorted as of flash until all hints were looked at. */
bool avr_place_by_use(struct avr_program *program)
{
    const struct symbols *symbols = program->symbols;
    struct addresses moved = {0};
    bool changed = false;

    while (program->hints.count > 0) {
        uint64_t address = program->hints.at[--program->hints.count];

        for (size_t i = symbols_code_from(symbols, address);
             i < symbols->codes && symbols->at[symbols->code[i]].raw == address / 2; i++)
            changed |= place_one_by_use(program, symbols->code[i], &moved);
    }
    for (size_t i = 0; i < moved.count; i++)
        place(&program->symbols->at[moved.at[i]], PLACE_DATA);
    if (moved.count > 0)
        avr_sort_labels(program);
    free(moved.at);
    return changed;
}

/* Where nothing tells: an instruction may well have a label that nothing uses; its second word
 * has none. */
void avr_place_others(struct avr_program *program)
{
    bool changed = false;

    for (size_t i = 0; i < program->symbols->count; i++) {
        struct symbol *symbol = &program->symbols->at[i];
        bool flash = !avr_is(program, symbol->value, WORD_REST);

        if (!program->in_doubt[i])
            continue;
        object_guess(program->object, symbol->raw, CONFIDENCE_MEDIUM, true,
                     "label %s is of %s: nothing uses it (--data, --table)", symbol->name,
                     flash ? "flash" : "RAM");
        program->in_doubt[i] = false;
        changed = true;
        if (!flash)
            place(symbol, PLACE_DATA);
    }
    if (changed)
        avr_sort_labels(program);
}

bool avr_is_reached(const struct avr_program *program, size_t index)
{
    const struct symbol *symbol = &program->symbols->at[index];

    return symbol->sure || avr_is(program, symbol->value, WORD_START | WORD_REST) ||
           uses_of(program, symbol->value) || symbol->value >= program->image->end;
}

/* A symbol is only ever decided on once: `sure` then. */
bool avr_guess_label(struct avr_program *program)
{
    const struct symbols *symbols = program->symbols;

    for (size_t i = symbols_code_from(symbols, program->guessed_to); i < symbols->codes; i++) {
        size_t index = symbols->code[i];
        struct symbol *symbol = &symbols->at[index];

        program->guessed_to = symbol->value;
        if (avr_is_reached(program, index))
            continue;
        bool code = avr_looks_like_code(program, symbol->value, symbol->value + symbol->size);
        if (avr_adopt_waiting(program, index, code))
            return true;
        object_guess(program->object, symbol->value, CONFIDENCE_MEDIUM, true,
                     "label %s is %s: nothing reaches it, and it %s", symbol->name,
                     code ? "code" : "a table",
                     code ? "reads as a whole routine" : "reads as none");
        symbol->sure = true;
        program->in_doubt[index] = false;
        if (!code)
            continue; /* nothing else is known by that */
        avr_reach(program, symbol->value);
        return true;
    }
    return false;
}

enum tool_status avr_guess_data_end(struct avr_program *program)
{
    struct symbols *symbols = program->symbols;

    if (program->options->has_data_end || symbols->datas == 0) {
        symbols->data_end = program->options->data_end;
        return symbols_check_end(symbols, program->device.ram_last + UINT64_C(1));
    }
    const struct symbol *last = &symbols->at[symbols->data[symbols->datas - 1]];
    symbols->data_end = last->value + 1;
    for (uint64_t address = last->value; address < last->value + FARTHEST; address++) {
        if (address <= program->device.ram_last && program->ram_used[address])
            symbols->data_end = address + 1;
    }
    object_guess(program->object, last->value, CONFIDENCE_MEDIUM, true,
                 "data ends at 0x%llx: no map says how long %s is (--data-end)",
                 (unsigned long long)symbols->data_end, last->name);
    return TOOL_OK;
}
