/* Numbers as addresses: of bytes in flash, of words in flash, of RAM. */
#include "avr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct meaning avr_code_meaning(const struct avr_program *program, uint64_t address)
{
    size_t symbol = symbols_code_at(program->symbols, address);
    uint64_t value =
        symbol == NO_SYMBOL ? program->image->base : program->symbols->at[symbol].value;

    return (struct meaning){.symbol = symbol, .addend = (int64_t)(address - value)};
}

/* The end of a table may be the program's. */
bool avr_flash_meaning(const struct avr_program *program, uint32_t value, struct meaning *meaning)
{
    bool mapped = program->device.features & AVR_TINY;
    uint64_t address = (uint64_t)value - (mapped ? AVR_TINY_FLASH : 0);

    *meaning = (struct meaning){.symbol = NO_SYMBOL};
    if (address < program->image->base || address > program->image->end)
        return false;
    *meaning = avr_code_meaning(program, address);
    meaning->mapped = mapped;
    return true;
}

void avr_relocate(struct avr_program *program, uint64_t address, unsigned kind,
                  const struct meaning *meaning)
{
    object_relocate(program->object, address, kind, meaning->symbol,
                    meaning->addend + (meaning->mapped ? AVR_TINY_FLASH : 0));
}

struct meaning avr_ram_meaning(const struct avr_program *program, uint64_t address)
{
    size_t symbol = symbols_data_at(program->symbols, address);

    /* A label may also stand behind the last byte. */
    if (symbol == NO_SYMBOL ||
        (address >= program->symbols->data_end && address != program->symbols->at[symbol].value))
        return (struct meaning){.symbol = NO_SYMBOL};
    return (struct meaning){
        .symbol = symbol,
        .addend = (int64_t)(address - program->symbols->at[symbol].value),
        .ram = true,
    };
}

static bool used_so(const struct meaning *meaning, unsigned uses)
{
    return uses & (meaning->ram ? USE_RAM : meaning->words ? USE_CODE : USE_FLASH);
}

static bool is_exact(const struct meaning *meaning)
{
    return meaning->symbol != NO_SYMBOL && meaning->addend == 0;
}

/* How well it fits; 0: not at all, for something inside of a symbol is only meant where use tells.
 */
static unsigned rank(const struct meaning *meaning, unsigned uses)
{
    if (used_so(meaning, uses))
        return is_exact(meaning) ? 3 : 2;
    return is_exact(meaning) ? 1 : 0;
}

struct best {
    struct meaning meaning;
    unsigned rank;
};

/* Of two that fit as well the first counts. */
static void consider(struct best *best, struct meaning meaning, unsigned uses)
{
    unsigned fits = rank(&meaning, uses);

    if (fits > best->rank)
        *best = (struct best){meaning, fits};
}

static void consider_externs(const struct avr_program *program, uint32_t value, unsigned uses,
                             struct best *best)
{
    const struct meaning found[] = {
        {.symbol = avr_extern_code(program, value * UINT64_C(2)), .words = true},
        {.symbol = avr_extern_code(program, value)},
        {.symbol = avr_extern_ram(program, value), .ram = true},
    };

    for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
        if (found[i].symbol != NO_SYMBOL)
            consider(best, found[i], uses);
    }
}

bool avr_best_meaning(const struct avr_program *program, uint32_t value, unsigned uses,
                      struct meaning *meaning)
{
    const struct image *image = program->image;
    struct best best = {.meaning.symbol = NO_SYMBOL};
    struct meaning flash;

    consider_externs(program, value, uses, &best);
    if (avr_flash_meaning(program, value, &flash))
        consider(&best, flash, uses);
    if (value * UINT64_C(2) >= image->base && value * UINT64_C(2) <= image->end) {
        struct meaning words = avr_code_meaning(program, value * UINT64_C(2));

        words.words = true;
        consider(&best, words, uses);
    }
    struct meaning ram = avr_ram_meaning(program, value);
    if (ram.symbol != NO_SYMBOL)
        consider(&best, ram, uses);
    *meaning = best.meaning;
    return best.rank > 0;
}

/* Who reads instructions as data? */
static bool reads_instructions(const struct avr_program *program, const struct meaning *meaning)
{
    const struct symbol *symbol =
        meaning->symbol == NO_SYMBOL ? NULL : &program->symbols->at[meaning->symbol];
    uint64_t start = symbol ? symbol->value : program->image->base;

    return !meaning->ram && !meaning->words && (!symbol || symbol->place == PLACE_CODE) &&
           avr_is(program, start + (uint64_t)meaning->addend, WORD_START | WORD_REST);
}

enum confidence avr_confidence(const struct avr_program *program, const struct meaning *meaning,
                               unsigned uses)
{
    unsigned kinds = uses & (USE_FLASH | USE_RAM | USE_CODE);
    bool odd = reads_instructions(program, meaning);

    if (!used_so(meaning, uses) || (odd && !is_exact(meaning)))
        return CONFIDENCE_LOW;
    if (odd || !is_exact(meaning) || (kinds & (kinds - 1)) || uses & (USE_ADDED | USE_NUMBER))
        return CONFIDENCE_MEDIUM;
    return CONFIDENCE_HIGH;
}

static uint64_t distance(int64_t addend)
{
    return addend < 0 ? -(uint64_t)addend : (uint64_t)addend;
}

bool avr_meaning_of(const struct avr_program *program, const char *name, uint32_t value,
                    enum units units, struct meaning *meaning)
{
    const struct symbol *symbol = symbols_find(program->symbols, name);

    if (!symbol || symbol->place == PLACE_CONSTANT || symbol->place == PLACE_ABSOLUTE)
        return false;
    uint64_t start =
        symbol->place == PLACE_EXTERN && symbol->in_code ? symbol->raw * 2 : symbol->value;
    struct meaning bytes = {.symbol = (size_t)(symbol - program->symbols->at),
                            .ram =
                                symbol->place == PLACE_DATA || (symbol->in_ram && !symbol->in_code),
                            .addend = (int64_t)(value - start)};
    struct meaning words = bytes;

    bytes.mapped = !bytes.ram && program->device.features & AVR_TINY && value >= AVR_TINY_FLASH;
    bytes.addend -= bytes.mapped ? AVR_TINY_FLASH : 0;
    words.words = true;
    words.addend = (int64_t)(value * UINT64_C(2) - start);
    bool as_words = units == UNITS_WORDS ||
                    (units == UNITS_ANY && distance(words.addend) < distance(bytes.addend));
    *meaning = as_words && !bytes.ram ? words : bytes;
    if (symbol->place == PLACE_EXTERN && symbol->raw == NOWHERE)
        *meaning = (struct meaning){.symbol = bytes.symbol, .words = units != UNITS_BYTES};
    return true;
}

const char *avr_describe(const struct avr_program *program, const struct meaning *meaning)
{
    static char *text;

    free(text);
    const char *name =
        meaning->symbol == NO_SYMBOL ? ".text" : program->symbols->at[meaning->symbol].name;
    const char *unit = meaning->words ? ", in words" : "";
    int length = meaning->addend
                     ? asprintf(&text, "%s%c0x%llx%s", name, meaning->addend < 0 ? '-' : '+',
                                (unsigned long long)distance(meaning->addend), unit)
                     : asprintf(&text, "%s%s", name, unit);
    if (length < 0)
        exit((int)complain(TOOL_NO_MEMORY, "no memory for a message"));
    return text;
}

const char *avr_uses_text(unsigned uses)
{
    static char text[128];
    const char *read = uses & USE_MAPPED ? ", read by ld" : ", read by lpm";

    snprintf(text, sizeof(text), "%s%s%s%s%s%s", uses & USE_KEPT ? ", kept in RAM" : "",
             uses & USE_FLASH ? read : "", uses & USE_RAM ? ", used by ld or st" : "",
             uses & USE_CODE ? ", jumped to" : "", uses & USE_ADDED ? ", added to another" : "",
             uses & USE_NUMBER ? ", counted or given to an I/O register" : "");
    return *text ? text + 2 : uses & USE_COMPARED ? "only compared with" : "no use seen";
}

struct settlement *avr_settlement(const struct avr_program *program, uint64_t address)
{
    for (size_t i = 0; i < program->options->settlement_count; i++) {
        struct settlement *settlement = &program->options->settlements[i];

        if (!settlement->has_high && settlement->address == address)
            return settlement;
    }
    return NULL;
}
