/* Words between code that are addresses: `.dw first, second` to jump to, `.dw 2*text` to read
 * through. A table begins at a label, and each of its words must be a label's address. */
#include "avr.h"
#include "avr_relocations.h"

enum table_kind { TABLE_NONE, TABLE_CODE, TABLE_FLASH, TABLE_RAM, TABLE_KINDS };

/* Words from one label to the next that no instruction has. */
struct table {
    uint64_t start, end;
    uint64_t fits_to; /* where use tells the kind: the first word that is no such address */
    size_t symbol;
    enum table_kind kind;
    enum confidence confidence;
};

static bool is_data(const struct avr_program *program, uint64_t address)
{
    return image_has(program->image, address, 2) &&
           !avr_is(program, address, WORD_START | WORD_REST);
}

/* The label at or after `from` that begins a table. */
static bool next_table(const struct avr_program *program, size_t *index, struct table *table)
{
    const struct symbols *symbols = program->symbols;

    for (; *index < symbols->codes; (*index)++) {
        const struct symbol *symbol = &symbols->at[symbols->code[*index]];
        uint64_t end = symbol->value;

        if (*index > 0 && symbols->at[symbols->code[*index - 1]].value == symbol->value)
            continue;
        while (end < symbol->value + symbol->size && is_data(program, end))
            end += 2;
        if (end == symbol->value)
            continue;
        *table =
            (struct table){.start = symbol->value, .end = end, .symbol = symbols->code[*index]};
        (*index)++;
        return true;
    }
    return false;
}

static uint32_t word_at(const struct avr_program *program, uint64_t address)
{
    return (uint32_t)image_number(program->image, address, 2);
}

/* A word as an address of this kind: the start of what a label names. */
static bool fits(const struct avr_program *program, uint32_t word, enum table_kind kind,
                 struct meaning *meaning)
{
    *meaning = kind == TABLE_RAM
                   ? avr_ram_meaning(program, word)
                   : avr_code_meaning(program, kind == TABLE_CODE ? word * UINT64_C(2) : word);
    if (meaning->symbol == NO_SYMBOL || meaning->addend != 0)
        return false;
    if (kind == TABLE_RAM)
        return true;
    /* A label that is known to be read is not jumped to, and the other way about. */
    const struct symbol *symbol = &program->symbols->at[meaning->symbol];
    unsigned other = kind == TABLE_CODE ? USE_FLASH : USE_CODE;
    bool is_code = avr_is(program, symbol->value, WORD_START);
    meaning->words = kind == TABLE_CODE;
    return kind == TABLE_CODE ? is_code || !(program->uses[meaning->symbol] & other) : !is_code;
}

/* The same, or what others have. */
static bool leads_somewhere(const struct avr_program *program, uint32_t word, enum table_kind kind,
                            struct meaning *meaning)
{
    if (kind == TABLE_NONE)
        return false;
    if (fits(program, word, kind, meaning))
        return true;
    *meaning =
        (struct meaning){.symbol = avr_extern_code(program, word * UINT64_C(2)), .words = true};
    return kind == TABLE_CODE && meaning->symbol != NO_SYMBOL;
}

static size_t fitting(const struct avr_program *program, const struct table *table,
                      enum table_kind kind)
{
    uint64_t address = table->start;
    struct meaning meaning;

    while (address < table->end &&
           leads_somewhere(program, word_at(program, address), kind, &meaning))
        address += 2;
    return (size_t)(address - table->start) / 2;
}

/* What use tells first: up to a word that does not fit, for what comes behind may be something
 * else. Where none is seen every word must fit, and into one kind only. */
static void judge(const struct avr_program *program, struct table *table)
{
    unsigned uses = program->uses[table->symbol];
    size_t all = (size_t)(table->end - table->start) / 2, kinds = 0;

    for (enum table_kind kind = TABLE_CODE; kind < TABLE_KINDS; kind++) {
        size_t count = fitting(program, table, kind);
        bool told =
            (kind == TABLE_CODE && uses & USE_TABLE) || (kind == TABLE_FLASH && uses & USE_STRINGS);

        if (told) {
            table->kind = kind;
            table->confidence = count == all ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
            table->fits_to = table->start + 2 * count;
            return;
        }
        if (count == all) {
            table->kind = table->kind ? table->kind : kind;
            kinds++;
        }
    }
    table->fits_to = table->end;
    bool jumps = table->kind != TABLE_CODE || program->jumps_by_pointer;
    table->confidence = kinds == 1 && all > 1 && jumps ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
}

/* What a word of a table leads to: code, or a table that nothing else need name. */
static void reach_word(struct avr_program *program, const struct table *table, uint64_t address)
{
    const struct settlement *settlement = avr_settlement(program, address);
    uint32_t word = word_at(program, address);
    struct meaning meaning;

    if ((settlement && settlement->never) || !fits(program, word, table->kind, &meaning))
        return;
    if (table->kind == TABLE_FLASH)
        program->uses[meaning.symbol] |= USE_FLASH;
    else if (table->kind == TABLE_CODE)
        avr_reach(program, word * UINT64_C(2));
}

void avr_reach_tables(struct avr_program *program)
{
    struct table table;

    for (size_t i = 0; next_table(program, &i, &table);) {
        judge(program, &table);
        if (table.confidence < CONFIDENCE_MEDIUM)
            continue;
        for (uint64_t address = table.start; address < table.fits_to; address += 2)
            reach_word(program, &table, address);
    }
}

static void relocate(struct avr_program *program, uint64_t address, const struct meaning *meaning)
{
    avr_mark(program, address, WORD_MOVED);
    object_relocate(program->object, address, meaning->words ? R_AVR_16_PM : R_AVR_16,
                    meaning->symbol, meaning->addend);
    image_put(program->image, address, 2, 0);
}

/* What the user says of a word goes before all. */
static bool settle_word(struct avr_program *program, uint64_t address,
                        struct settlement *settlement, struct meaning *meaning,
                        enum table_kind kind)
{
    uint32_t word = word_at(program, address);
    bool known = leads_somewhere(program, word, kind, meaning);

    if (settlement && settlement->symbol)
        known = avr_meaning_of(program, settlement->symbol, word, settlement->units, meaning);
    if (known && settlement)
        settlement->used = true;
    return known;
}

static void settle(struct avr_program *program, const struct table *table)
{
    static const char *const whys[TABLE_KINDS] = {
        [TABLE_NONE] = "",
        [TABLE_CODE] = "all words are labels of code",
        [TABLE_FLASH] = "all words are labels of tables",
        [TABLE_RAM] = "all words are labels of data",
    };
    unsigned uses = program->uses[table->symbol];
    const char *why = uses & USE_TABLE     ? "what is read here is jumped to"
                      : uses & USE_STRINGS ? "what is read here is read through"
                                           : whys[table->kind];

    for (uint64_t address = table->start; address < table->end; address += 2) {
        struct settlement *settlement = avr_settlement(program, address);
        struct meaning meaning;
        uint32_t word = word_at(program, address);

        if ((table->kind == TABLE_NONE && !settlement) ||
            !settle_word(program, address, settlement, &meaning, table->kind))
            continue;
        enum confidence confidence = settlement                 ? CONFIDENCE_SETTLED
                                     : address < table->fits_to ? table->confidence
                                                                : CONFIDENCE_LOW;
        bool taken = confidence >= CONFIDENCE_MEDIUM && !(settlement && settlement->never);
        object_guess(program->object, address, confidence, taken, ".dw 0x%04x is %s%s: %s", word,
                     taken ? "" : "not ", avr_describe(program, &meaning),
                     settlement ? settlement->text : why);
        if (taken)
            relocate(program, address, &meaning);
    }
}

/* Words that --assume names lie anywhere, also before the first label and behind a table's end. */
static void settle_named(struct avr_program *program)
{
    for (size_t i = 0; i < program->options->settlement_count; i++) {
        struct settlement *settlement = &program->options->settlements[i];
        uint64_t address = settlement->address;

        if (settlement->used || settlement->has_high || !settlement->symbol || address % 2 != 0 ||
            !is_data(program, address) || avr_is(program, address, WORD_MOVED))
            continue;
        settle(program, &(struct table){.start = address,
                                        .end = address + 2,
                                        .symbol = symbols_code_at(program->symbols, address)});
    }
}

void avr_settle_tables(struct avr_program *program)
{
    struct table table;

    for (size_t i = 0; next_table(program, &i, &table);) {
        judge(program, &table);
        if (table.kind != TABLE_NONE)
            settle(program, &table);
    }
    settle_named(program);
}
