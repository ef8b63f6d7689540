/* Pairs that are addresses, relocated. */
#include "avr.h"
#include "avr_relocations.h"

/* On parts with EIND a pointer of two bytes reaches only the first 128 KiB, and the linker puts a
 * jump there for what lies beyond: the kinds with GS ask for that. */
static unsigned kind_of(const struct avr_program *program, const struct pair *pair,
                        const struct meaning *meaning, unsigned byte)
{
    static const unsigned kinds[2][2][3] = {
        {{R_AVR_LO8_LDI, R_AVR_HI8_LDI, R_AVR_HH8_LDI},
         {R_AVR_LO8_LDI_NEG, R_AVR_HI8_LDI_NEG, R_AVR_HH8_LDI_NEG}},
        {{R_AVR_LO8_LDI_PM, R_AVR_HI8_LDI_PM, R_AVR_HH8_LDI_PM},
         {R_AVR_LO8_LDI_PM_NEG, R_AVR_HI8_LDI_PM_NEG, R_AVR_HH8_LDI_PM_NEG}},
    };
    bool stub = program->device.features & AVR_EIND && !pair->has_third && !pair->negated;

    if (meaning->words && stub)
        return byte == 0 ? R_AVR_LO8_LDI_GS : R_AVR_HI8_LDI_GS;
    return kinds[meaning->words][pair->negated][byte];
}

static void relocate(struct avr_program *program, struct pair *pair, const struct meaning *meaning)
{
    const uint64_t places[3] = {pair->low, pair->high, pair->third};

    for (unsigned byte = 0; byte < (pair->has_third && !meaning->ram ? 3 : 2); byte++) {
        bool moved = avr_is(program, places[byte], WORD_MOVED);

        if (moved && byte == 1 && avr_share(program, pair, meaning))
            continue;
        if (moved) {
            object_note(program->object, "0x%llx: one byte for two addresses",
                        (unsigned long long)places[byte]);
            return;
        }
        avr_mark(program, places[byte], WORD_MOVED);
        pair->moved_high |= byte == 1;
        avr_relocate(program, places[byte], kind_of(program, pair, meaning, byte), meaning);
        image_put(program->image, places[byte], 2,
                  image_number(program->image, places[byte], 2) & 0xf0f0);
    }
}

static void settle(struct avr_program *program, struct pair *pair)
{
    struct settlement *settlement = avr_pair_settlement(program, pair);
    enum confidence confidence;
    struct meaning meaning;

    if (!avr_decide_pair(program, pair, &meaning, &confidence))
        return;
    if (!settlement && confidence >= CONFIDENCE_MEDIUM && pair->shared &&
        avr_is(program, pair->high, WORD_MOVED) && !avr_share(program, pair, &meaning))
        confidence = CONFIDENCE_LOW;
    bool taken = confidence >= CONFIDENCE_MEDIUM && !(settlement && settlement->never);
    object_guess(program->object, avr_pair_start(pair), confidence, taken, "0x%04x is %s%s: %s%s",
                 (unsigned)pair->value, taken ? "" : "not ", avr_describe(program, &meaning),
                 settlement      ? settlement->text
                 : pair->adopted ? "nothing else reaches that"
                                 : avr_uses_text(pair->uses),
                 pair->shared ? ", one high byte for several" : "");
    if (settlement)
        settlement->used = true;
    if (taken)
        relocate(program, pair, &meaning);
}

/* Who has a high byte alone is first: the others may depend on it. */
void avr_settle_pairs(struct avr_program *program)
{
    for (int shared = 0; shared < 2; shared++) {
        for (size_t i = 0; i < program->pair_count; i++) {
            if (program->pairs[i].shared == (shared == 1))
                settle(program, &program->pairs[i]);
        }
    }
}
