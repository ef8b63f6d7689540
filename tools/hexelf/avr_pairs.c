/* Two immediate bytes that together are an address:
 *
 *     ldi r30, low(2*table)       subi r30, low(-2*table)     cpi r30, low(2*end)
 *     ldi r31, high(2*table)      sbci r31, high(-2*table)    ldi r16, high(2*end)
 *                                                             cpc r31, r16
 *
 * What it is an address of, only its use can tell; where none is seen, nobody can. */
#include "avr.h"

#include <stdlib.h>

#define IS_ADDRESS (USE_FLASH | USE_RAM | USE_CODE)
#define NOT_PASSED (ON_STACK + 1)
#define IN_RAM     (ON_STACK + 2) /* and its address */

/* ---- finding --------------------------------------------------------------------------- */

/* On avrtiny the value tells whether ld reads RAM or flash. */
void avr_use_pair(struct avr_program *program, struct pair *pair, unsigned uses)
{
    pair->uses |= uses;
    if (program->device.features & AVR_TINY && pair->uses & USE_RAM &&
        pair->value >= AVR_TINY_FLASH)
        pair->uses = (pair->uses & ~(unsigned)USE_RAM) | USE_FLASH | USE_MAPPED;
    if (pair->uses & USE_RAM && !pair->negated && pair->value < 0x10000)
        avr_learn_ram(program, pair->value);
}

void avr_add_pair(struct avr_program *program, struct pair pair, uint64_t follows, unsigned low,
                  unsigned high)
{
    uint32_t value = avr_at(program, pair.low).number | avr_at(program, pair.high).number << 8;
    unsigned uses = low < IN_RAM ? avr_uses(program, follows, low, high, &pair.kept) : 0;

    pair.value = pair.negated ? -value & 0xffff : value;
    if (low >= IN_RAM)
        pair.kept = (uint16_t)(low - IN_RAM);
    if (pair.doubtful && !(uses & IS_ADDRESS) && !pair.kept)
        return;
    avr_use_pair(program, &pair, uses);
    program->pairs =
        array_grow(program->pairs, program->pair_count, &program->pair_room, sizeof(pair));
    program->pairs[program->pair_count++] = pair;
    avr_mark(program, pair.low, WORD_PAIRED);
    avr_mark(program, pair.high, WORD_PAIRED);
    if (pair.kept)
        avr_keep_pair(program);
}

/* The next instruction of this kind that has a byte for this register, before something else is in
 * it, or in the one that has the other byte. */
static uint64_t find_partner(const struct avr_program *program, uint64_t address, enum avr_op op,
                             unsigned rd, unsigned window)
{
    for (unsigned i = 0; i < window; i++) {
        struct avr_instruction instruction = avr_at(program, address);

        if (instruction.op == op && instruction.rd == rd)
            return avr_is(program, address, WORD_PAIRED) ? 0 : address;
        if (!avr_goes_on(instruction.op) || avr_overwrites(&instruction, rd) ||
            avr_overwrites(&instruction, rd ^ 1))
            return 0;
        address += 2 * instruction.words;
    }
    return 0;
}

/* The other half goes better with an ldi behind it. */
static bool has_closer(const struct avr_program *program, uint64_t other, unsigned rd,
                       uint64_t distance)
{
    uint64_t third = find_partner(program, avr_after(program, other), AVR_OP_LDI, rd, PAIR_WINDOW);

    return third && third - other < distance;
}

/* The lower register has the low byte, unless only the other order is used for something. */
static bool find_ldi(struct avr_program *program, uint64_t address, unsigned rd)
{
    uint64_t next = avr_after(program, address);
    uint64_t near = find_partner(program, next, AVR_OP_LDI, rd ^ 1, PAIR_WINDOW);
    uint64_t other = near ? near : find_partner(program, next, AVR_OP_LDI, rd ^ 1, FAR_WINDOW);
    uint64_t follows = avr_after(program, other);
    unsigned low = rd & ~1u;
    uint16_t kept = 0;

    if (!other)
        return false;
    bool straight = avr_uses(program, follows, low, low + 1, &kept) & IS_ADDRESS || kept;
    bool turned = !straight && avr_uses(program, follows, low + 1, low, NULL) & IS_ADDRESS;
    if (!straight && !turned && (!near || has_closer(program, other, rd, other - address)))
        return false;
    struct pair pair = {
        .low = rd == low ? address : other, .high = rd == low ? other : address, .doubtful = !near};
    if (turned)
        pair = (struct pair){.low = pair.high, .high = pair.low, .doubtful = true};
    avr_add_pair(program, pair, follows, low + turned, low + !turned);
    return true;
}

/* Side by side, but into registers that are no pair: both orders are tried. */
static void find_doubtful(struct avr_program *program, uint64_t address, unsigned rd)
{
    uint64_t other = avr_after(program, address);
    struct avr_instruction second = avr_at(program, other);

    if (second.op != AVR_OP_LDI || second.rd == rd || avr_is(program, other, WORD_PAIRED) ||
        find_partner(program, avr_after(program, other), AVR_OP_LDI, second.rd ^ 1, PAIR_WINDOW))
        return;
    uint64_t follows = avr_after(program, other);
    avr_add_pair(program, (struct pair){.low = address, .high = other, .doubtful = true}, follows,
                 rd, second.rd);
    if (!avr_is(program, address, WORD_PAIRED))
        avr_add_pair(program, (struct pair){.low = other, .high = address, .doubtful = true},
                     follows, second.rd, rd);
}

/* A byte that goes on at once, so that its register is free for the other: to which register, to
 * the stack or to RAM; NOT_PASSED: it does not. */
static unsigned passed_to(const struct avr_program *program, uint64_t address)
{
    uint64_t next = avr_after(program, address);
    struct avr_instruction load = avr_at(program, address), pass = avr_at(program, next);

    if (load.op == AVR_OP_LDI && pass.op == AVR_OP_PUSH && pass.rd == load.rd)
        return ON_STACK;
    if (load.op == AVR_OP_LDI && pass.op == AVR_OP_STS && pass.rd == load.rd &&
        pass.number >= program->device.ram_start)
        return IN_RAM + pass.number;
    return load.op == AVR_OP_LDI && pass.op == AVR_OP_MOV && pass.rr == load.rd ? pass.rd
                                                                                : NOT_PASSED;
}

/* Both to registers, to the stack or, side by side, to RAM. */
static bool pass_together(unsigned one, unsigned two)
{
    if (one >= IN_RAM || two >= IN_RAM)
        return one >= IN_RAM && two >= IN_RAM && (one == two + 1 || two == one + 1);
    return one != NOT_PASSED && two != NOT_PASSED && (one == ON_STACK) == (two == ON_STACK);
}

/* ldi, push, ldi, push of one register, or the same with mov or sts. */
static bool find_passed(struct avr_program *program, uint64_t address, unsigned rd)
{
    uint64_t other = avr_after(program, avr_after(program, address));
    uint64_t follows = avr_after(program, avr_after(program, other));
    unsigned one = passed_to(program, address), two = passed_to(program, other);
    struct pair pair = {.low = address, .high = other, .doubtful = true};

    if (!pass_together(one, two) || avr_at(program, other).rd != rd ||
        avr_is(program, other, WORD_PAIRED))
        return false;
    if (one > two) {
        pair = (struct pair){.low = other, .high = address, .doubtful = true};
        avr_add_pair(program, pair, follows, two, one);
    } else {
        avr_add_pair(program, pair, follows, one, two);
    }
    return avr_is(program, address, WORD_PAIRED);
}

static void find_subi(struct avr_program *program, uint64_t address, unsigned rd)
{
    uint64_t other =
        find_partner(program, avr_after(program, address), AVR_OP_SBCI, rd + 1, PAIR_WINDOW);

    if (other)
        avr_add_pair(program, (struct pair){.low = address, .high = other, .negated = true},
                     avr_after(program, other), rd, rd + 1);
}

static void find_cpi(struct avr_program *program, uint64_t address, unsigned rd)
{
    uint64_t compare =
        find_partner(program, avr_after(program, address), AVR_OP_CPC, rd + 1, PAIR_WINDOW);
    uint64_t other =
        compare ? avr_find_before(program, compare, avr_at(program, compare).rr, PAIR_WINDOW)
                : NOWHERE;

    if (other != NOWHERE && !avr_is(program, other, WORD_PAIRED))
        avr_add_pair(program, (struct pair){.low = address, .high = other, .uses = USE_COMPARED},
                     avr_after(program, compare), rd, rd + 1);
}

/* ---- deciding -------------------------------------------------------------------------- */

/* An index to which a small number is added looks the same as one to which a table is, and so does
 * a distance that is added to a pointer. */
static enum confidence pair_confidence(const struct avr_program *program, const struct pair *pair,
                                       const struct meaning *meaning)
{
    enum confidence confidence = avr_confidence(program, meaning, pair->uses);

    if (confidence == CONFIDENCE_HIGH && (pair->negated || pair->doubtful || pair->kept))
        confidence = CONFIDENCE_MEDIUM;
    if ((pair->negated || pair->shared || pair->uses & USE_ADDED) && meaning->addend != 0)
        confidence = CONFIDENCE_LOW;
    return pair->adopted && confidence == CONFIDENCE_LOW ? CONFIDENCE_MEDIUM : confidence;
}

/* What the settled or guessed symbol is used for is known from now on. */
static void learn(struct avr_program *program, const struct pair *pair,
                  const struct meaning *meaning)
{
    if (meaning->symbol == NO_SYMBOL)
        return;
    /* The end of a table is the start of what may be anything. */
    if (!(pair->uses & USE_COMPARED))
        avr_learn_uses(program, meaning->symbol, pair->uses);
    const struct symbol *symbol = &program->symbols->at[meaning->symbol];
    if (!meaning->words || symbol->place != PLACE_CODE)
        return;
    uint64_t address = symbol->value + (uint64_t)meaning->addend;
    avr_reach(program, address);
    /* Computed jumps go into lists of jumps. */
    while (avr_at(program, address).op == AVR_OP_RJMP ||
           avr_at(program, address).op == AVR_OP_JMP) {
        avr_reach(program, address);
        address = avr_after(program, address);
    }
}

uint64_t avr_pair_start(const struct pair *pair)
{
    return pair->low < pair->high || pair->shared ? pair->low : pair->high;
}

struct settlement *avr_pair_settlement(const struct avr_program *program, const struct pair *pair)
{
    return pair->named ? pair->named : avr_settlement(program, avr_pair_start(pair));
}

bool avr_decide_pair(const struct avr_program *program, const struct pair *pair,
                     struct meaning *meaning, enum confidence *confidence)
{
    const struct settlement *settlement = avr_pair_settlement(program, pair);
    bool found = avr_best_meaning(program, pair->value, pair->uses, meaning);

    *confidence = pair_confidence(program, pair, meaning);
    if (settlement) {
        *confidence = CONFIDENCE_SETTLED;
        if (settlement->symbol)
            return avr_meaning_of(program, settlement->symbol, pair->value, settlement->units,
                                  meaning);
        return found;
    }
    return found && (!pair->doubtful || pair->uses & IS_ADDRESS);
}

void avr_study_pair(struct avr_program *program, struct pair *pair)
{
    enum confidence confidence;
    struct meaning meaning;

    avr_find_third(program, pair);
    if (avr_decide_pair(program, pair, &meaning, &confidence) && confidence >= CONFIDENCE_MEDIUM)
        learn(program, pair, &meaning);
}

static void find_any(struct avr_program *program, uint64_t address, unsigned rd)
{
    if (find_passed(program, address, rd) || find_ldi(program, address, rd))
        return;
    find_doubtful(program, address, rd);
    if (rd % 2 == 0 && !avr_is(program, address, WORD_PAIRED))
        avr_find_shared(program, address, rd);
}

void avr_find_pairs(struct avr_program *program)
{
    size_t done = program->pair_count;

    addresses_sort(&program->fresh);
    for (size_t i = 0; i < program->fresh.count; i++) {
        uint64_t address = program->fresh.at[i];
        struct avr_instruction instruction = avr_at(program, address);

        if (instruction.op == AVR_OP_LDS || instruction.op == AVR_OP_STS)
            avr_learn_ram(program, instruction.number);
        if (instruction.op == AVR_OP_LDS)
            avr_find_loads(program, address);
        if (avr_is(program, address, WORD_PAIRED))
            continue;
        if (instruction.op == AVR_OP_LDI)
            find_any(program, address, instruction.rd);
        else if (instruction.op == AVR_OP_SUBI && instruction.rd % 2 == 0)
            find_subi(program, address, instruction.rd);
        else if (instruction.op == AVR_OP_CPI && instruction.rd % 2 == 0)
            find_cpi(program, address, instruction.rd);
    }
    program->fresh.count = 0;
    for (; done < program->pair_count; done++)
        avr_study_pair(program, &program->pairs[done]);
}

/* It would be just the address of a label that nothing reaches. */
static bool may_adopt(const struct avr_program *program, const struct pair *pair,
                      struct meaning *meaning)
{
    enum confidence confidence;

    return avr_decide_pair(program, pair, meaning, &confidence) && confidence == CONFIDENCE_LOW &&
           !(pair->uses & USE_NUMBER) && !meaning->ram && meaning->addend == 0 &&
           program->symbols->at[meaning->symbol].place == PLACE_CODE &&
           !avr_is_reached(program, meaning->symbol);
}

static void adopt(struct avr_program *program, struct pair *pair, const struct meaning *meaning)
{
    pair->adopted = true;
    avr_learn_uses(program, meaning->symbol, meaning->words ? USE_CODE : USE_FLASH);
    learn(program, pair, meaning);
}

bool avr_adopt_label(struct avr_program *program)
{
    while (program->adopted_to < program->pair_count) {
        struct pair *pair = &program->pairs[program->adopted_to++];
        struct meaning meaning;

        if (!may_adopt(program, pair, &meaning))
            continue;
        const struct symbol *symbol = &program->symbols->at[meaning.symbol];
        if (avr_looks_like_code(program, symbol->value, symbol->value + symbol->size) ==
            meaning.words) {
            adopt(program, pair, &meaning);
            return true;
        }
        pair->waits = program->waiting[meaning.symbol];
        program->waiting[meaning.symbol] = program->adopted_to;
    }
    return false;
}

bool avr_adopt_waiting(struct avr_program *program, size_t symbol, bool code)
{
    struct meaning meaning;

    for (size_t next = program->waiting[symbol]; next > 0; next = program->pairs[next - 1].waits) {
        struct pair *pair = &program->pairs[next - 1];

        if (may_adopt(program, pair, &meaning) && meaning.symbol == symbol &&
            meaning.words == code) {
            adopt(program, pair, &meaning);
            return true;
        }
    }
    return false;
}

static bool has_immediate(enum avr_op op)
{
    return op == AVR_OP_LDI || op == AVR_OP_SUBI || op == AVR_OP_SBCI || op == AVR_OP_CPI;
}

/* The user knows best, but the bytes must be there. subi takes away what would be added. */
enum tool_status avr_named_pairs(struct avr_program *program)
{
    for (size_t i = 0; i < program->options->settlement_count; i++) {
        struct settlement *settlement = &program->options->settlements[i];
        struct pair pair = {
            .low = settlement->address, .high = settlement->high, .named = settlement};

        if (!settlement->has_high)
            continue;
        struct avr_instruction low = avr_at(program, pair.low), high = avr_at(program, pair.high);
        if (!has_immediate(low.op) || !has_immediate(high.op) || pair.low == pair.high)
            return complain(TOOL_CONTRADICTION, "%s: no ldi, subi, sbci or cpi at %s",
                            settlement->text, has_immediate(low.op) ? "the second" : "the first");
        pair.negated = low.op == AVR_OP_SUBI;
        pair.shared = avr_is(program, pair.high, WORD_PAIRED);
        avr_add_pair(program, pair, avr_after(program, pair.low > pair.high ? pair.low : pair.high),
                     low.rd, high.rd);
    }
    return TOOL_OK;
}
