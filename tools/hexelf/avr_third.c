/* Bits 16 to 23 of a pointer to flash, which are in RAMPZ or EIND. */
#include "avr.h"

#define RAMPZ 0x3b
#define EIND  0x3c

/* `ldi rd` whose value goes to RAMPZ or EIND within a few instructions. */
static bool goes_to(const struct avr_program *program, uint64_t address, unsigned rd, unsigned io)
{
    for (unsigned i = 0; i < PAIR_WINDOW; i++) {
        struct avr_instruction instruction = avr_at(program, address);

        if ((instruction.op == AVR_OP_OUT && instruction.number == io && instruction.rd == rd) ||
            (instruction.op == AVR_OP_STS && instruction.number == io + 0x20 &&
             instruction.rd == rd))
            return true;
        if (!avr_goes_on(instruction.op) || (instruction.op == AVR_OP_LDI && instruction.rd == rd))
            return false;
        address += 2 * instruction.words;
    }
    return false;
}

static bool is_third(const struct avr_program *program, const struct pair *pair, uint64_t address,
                     unsigned io)
{
    struct avr_instruction instruction = avr_at(program, address);

    return avr_is(program, address, WORD_START) && !avr_is(program, address, WORD_PAIRED) &&
           instruction.op == AVR_OP_LDI && address != pair->low && address != pair->high &&
           goes_to(program, address + 2, instruction.rd, io);
}

/* RAMPZ was set elsewhere: of the addresses with these lower bits the first that has a label, or
 * that is in the program at all. */
static uint32_t with_rampz(const struct avr_program *program, uint32_t value)
{
    const struct image *image = program->image;
    uint32_t found = value;

    for (uint64_t at = value; at <= image->end; at += 0x10000) {
        if (avr_has_label(program, at))
            return (uint32_t)at;
        if (at >= image->base && found < image->base)
            found = (uint32_t)at;
    }
    return found;
}

/* The nearest one before or behind. */
void avr_find_third(struct avr_program *program, struct pair *pair)
{
    unsigned io = pair->uses & USE_FAR ? EIND : RAMPZ;
    uint64_t from = pair->low < pair->high ? pair->low : pair->high;

    if (!(pair->uses & (USE_FAR | USE_ELPM)))
        return;
    for (uint64_t away = 2; away <= 4 * PAIR_WINDOW && !pair->has_third; away += 2) {
        pair->has_third = true;
        if (is_third(program, pair, from + away, io))
            pair->third = from + away;
        else if (away <= from && is_third(program, pair, from - away, io))
            pair->third = from - away;
        else
            pair->has_third = false;
    }
    if (!pair->has_third) {
        if (pair->uses & USE_ELPM && !pair->negated)
            pair->value = with_rampz(program, pair->value);
        return;
    }
    avr_mark(program, pair->third, WORD_PAIRED);
    pair->value |= avr_at(program, pair->third).number << 16;
}
