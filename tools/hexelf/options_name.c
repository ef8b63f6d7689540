/* What the options say of symbols. */
#include "options.h"

#include <string.h>

static const char *const names[] = {"entry", "table", "data", "absolute", "extern", "export"};

static enum tool_status refuse(const struct naming_option *option, const char *why)
{
    return complain(TOOL_CONTRADICTION, "--%s %s: %s", names[option->naming], option->name, why);
}

static void make_extern(const struct naming_option *option, struct symbol *symbol)
{
    symbol->was = symbol->place;
    symbol->place = PLACE_EXTERN;
    symbol->size = 0;
    if (option->has_value)
        symbol->raw = symbol->value = option->value;
}

static enum tool_status make_code(const struct naming_option *option, struct symbol *symbol,
                                  unsigned unit)
{
    if (symbol->place != PLACE_CODE && symbol->place != PLACE_LABEL)
        return refuse(option, "the map has it elsewhere than in the program");
    symbol->place = PLACE_CODE;
    symbol->value = symbol->raw * unit;
    symbol->is_code = option->naming == NAME_ENTRY;
    symbol->sure = true;
    return TOOL_OK;
}

static enum tool_status apply(const struct naming_option *option, struct symbols *symbols,
                              unsigned unit)
{
    struct symbol *symbol = symbols_find(symbols, option->name);

    if (!symbol && option->naming == NAME_EXTERN) {
        symbols_add(symbols, NULL, (struct word){option->name, strlen(option->name)},
                    PLACE_CONSTANT, NOWHERE);
        symbol = symbols_find(symbols, option->name);
    }
    if (!symbol)
        return refuse(option, "the map has no such name");
    switch (option->naming) {
    case NAME_ENTRY:
    case NAME_TABLE:
        return make_code(option, symbol, unit);
    case NAME_DATA:
        if (symbol->place == PLACE_CODE)
            return refuse(option, "the map has it in the program");
        symbol->place = PLACE_DATA;
        symbol->value = symbol->raw;
        break;
    case NAME_ABSOLUTE:
        symbol->place = PLACE_ABSOLUTE;
        symbol->value = symbol->raw;
        break;
    case NAME_EXTERN:
        make_extern(option, symbol);
        break;
    case NAME_EXPORT:
        break;
    }
    return TOOL_OK;
}

/* Constants are never global: every program has RAMEND. Undefined symbols always are. */
static void bind(const struct options *options, struct symbols *symbols)
{
    bool chosen = false;

    for (size_t i = 0; i < options->name_count; i++)
        chosen = chosen || options->names[i].naming == NAME_EXPORT;
    for (size_t i = 0; i < symbols->count; i++) {
        struct symbol *symbol = &symbols->at[i];

        symbol->is_local = symbol->place == PLACE_CONSTANT || symbol->is_inside ||
                           (chosen && symbol->place != PLACE_EXTERN);
    }
    for (size_t i = 0; i < options->name_count; i++) {
        if (options->names[i].naming == NAME_EXPORT)
            symbols_find(symbols, options->names[i].name)->is_local = false;
    }
}

enum tool_status options_name(const struct options *options, struct symbols *symbols)
{
    unsigned unit = options->machine == MACHINE_AVR ? 2 : 1;

    for (size_t i = 0; i < options->name_count; i++) {
        enum tool_status status = apply(&options->names[i], symbols, unit);

        if (status != TOOL_OK)
            return status;
    }
    for (size_t i = 0; i < options->settlement_count; i++) {
        const struct settlement *settlement = &options->settlements[i];

        if (settlement->symbol && !symbols_find(symbols, settlement->symbol))
            return complain(TOOL_CONTRADICTION, "--assume %s: the map has no such name",
                            settlement->text);
    }
    bind(options, symbols);
    return TOOL_OK;
}
