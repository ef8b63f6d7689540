/* Words between code that are addresses: `.dw first, second` to jump to, `.dw 2*text` to read
 * through. A table begins at a label, and each of its words must be a label's address. */
#include "avr.h"
#include "avr_relocations.h"

#include <stdlib.h>

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

/* That which begins at a label, of several there the first; false: none does. */
static bool table_at(const struct avr_program *program, size_t index, struct table *table)
{
    const struct symbol *symbol = &program->symbols->at[index];

    *table = (struct table){.start = symbol->value, .end = symbol->value, .symbol = index};
    while (table->end < symbol->value + symbol->size && is_data(program, table->end))
        table->end += 2;
    return table->end > table->start && symbols_code_at(program->symbols, symbol->value) == index;
}

static uint32_t word_at(const struct avr_program *program, uint64_t address)
{
    return (uint32_t)image_number(program->image, address, 2);
}

/* A word as an address of this kind: the start of what a label names. */
static bool fits(const struct avr_program *program, uint32_t word, enum table_kind kind,
                 struct meaning *meaning)
{
    if (kind == TABLE_CODE)
        *meaning = avr_code_meaning(program, word * UINT64_C(2));
    else if (kind == TABLE_RAM)
        *meaning = avr_ram_meaning(program, word);
    else if (!avr_flash_meaning(program, word, meaning))
        return false;
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
        avr_learn_uses(program, meaning.symbol, USE_FLASH);
    else if (table->kind == TABLE_CODE)
        avr_reach(program, word * UINT64_C(2));
}

static void reach_table(struct avr_program *program, size_t index)
{
    struct table table;

    if (!table_at(program, index, &table))
        return;
    judge(program, &table);
    if (table.confidence < CONFIDENCE_MEDIUM)
        return;
    for (uint64_t address = table.start; address < table.fits_to; address += 2)
        reach_word(program, &table, address);
}

/* ---- which tables to look at again ----------------------------------------------------- */

static void add_reference(struct avr_program *program, uint64_t target, uint64_t from)
{
    if (!avr_has_label(program, target))
        return;
    program->references = array_grow(program->references, program->reference_count,
                                     &program->reference_room, sizeof(*program->references));
    program->references[program->reference_count++] = (struct reference){target, from};
}

static int by_target(const void *a, const void *b)
{
    const struct reference *one = a, *two = b;

    if (one->target != two->target)
        return one->target < two->target ? -1 : 1;
    return one->from < two->from ? -1 : one->from > two->from;
}

void avr_index_words(struct avr_program *program)
{
    const struct image *image = program->image;
    uint64_t mapped = program->device.features & AVR_TINY ? AVR_TINY_FLASH : 0;

    for (uint64_t address = image->base; address < image->end; address += 2) {
        if (!image_has(image, address, 2))
            continue;
        add_reference(program, word_at(program, address) - mapped, address);
        add_reference(program, word_at(program, address) * UINT64_C(2), address);
    }
    array_sort(program->references, program->reference_count, sizeof(*program->references),
               by_target);
}

static void add_table(const struct avr_program *program, uint64_t address, struct addresses *tables)
{
    size_t symbol = symbols_code_at(program->symbols, address);

    if (symbol != NO_SYMBOL)
        addresses_add(tables, program->symbols->at[symbol].value);
}

/* What is new there concerns the table that it lies in, and those that have its address. */
static void add_tables(const struct avr_program *program, uint64_t address,
                       struct addresses *tables)
{
    size_t low = 0, high = program->reference_count;

    add_table(program, address, tables);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (program->references[middle].target < address)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < program->reference_count && program->references[low].target == address; low++)
        add_table(program, program->references[low].from, tables);
}

static void reach_touched(struct avr_program *program)
{
    struct addresses tables = {0};

    for (size_t i = 0; i < program->touched.count; i++)
        add_tables(program, program->touched.at[i], &tables);
    program->touched.count = 0;
    addresses_sort(&tables);
    for (size_t i = 0; i < tables.count; i++) {
        if (i == 0 || tables.at[i] != tables.at[i - 1])
            reach_table(program, symbols_code_at(program->symbols, tables.at[i]));
    }
    free(tables.at);
}

void avr_reach_tables(struct avr_program *program)
{
    if (!program->all_touched) {
        reach_touched(program);
        return;
    }
    program->all_touched = false;
    program->touched.count = 0;
    for (size_t i = 0; i < program->symbols->codes; i++)
        reach_table(program, program->symbols->code[i]);
}

/* ---- relocating ------------------------------------------------------------------------ */

static void relocate(struct avr_program *program, uint64_t address, const struct meaning *meaning)
{
    avr_mark(program, address, WORD_MOVED);
    avr_relocate(program, address, meaning->words ? R_AVR_16_PM : R_AVR_16, meaning);
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

    for (size_t i = 0; i < program->symbols->codes; i++) {
        if (!table_at(program, program->symbols->code[i], &table))
            continue;
        judge(program, &table);
        if (table.kind != TABLE_NONE)
            settle(program, &table);
    }
    settle_named(program);
}
