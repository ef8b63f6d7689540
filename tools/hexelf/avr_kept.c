/* Pointers that are kept in RAM: who stores one by sts and who loads it by lds know each other by
 * the address of its low byte alone. Something else may be stored there in between, so what is
 * known in this way is never more than likely. */
#include "avr.h"

void avr_keep_pair(struct avr_program *program)
{
    struct pair *pair = &program->pairs[program->pair_count - 1];
    struct keeper *keeper = &program->keepers[pair->kept];

    pair->next_kept = keeper->first;
    keeper->first = program->pair_count;
    avr_use_pair(program, pair, keeper->uses);
}

/* lds of the byte behind or before, while the first one is still where it was loaded to. */
static uint64_t find_other(const struct avr_program *program, uint64_t address, uint32_t number,
                           unsigned rd)
{
    for (unsigned i = 0; i < PAIR_WINDOW; i++) {
        struct avr_instruction instruction = avr_at(program, address);

        if (instruction.op == AVR_OP_LDS && instruction.rd != rd &&
            (instruction.number == number + 1 || instruction.number + 1 == number))
            return address;
        if (!avr_goes_on(instruction.op) || avr_overwrites(&instruction, rd))
            return 0;
        address += 2 * instruction.words;
    }
    return 0;
}

void avr_find_loads(struct avr_program *program, uint64_t address)
{
    struct avr_instruction one = avr_at(program, address);
    uint64_t other = find_other(program, avr_after(program, address), one.number, one.rd);
    struct avr_instruction two = avr_at(program, other);

    if (!other)
        return;
    struct avr_instruction low = one.number < two.number ? one : two;
    struct avr_instruction high = one.number < two.number ? two : one;
    struct keeper *keeper = &program->keepers[low.number & 0xffff];
    unsigned uses = avr_uses(program, avr_after(program, other), low.rd, high.rd, NULL);

    if (!(uses & ~keeper->uses))
        return;
    keeper->uses |= (uint16_t)(uses | USE_KEPT);
    for (size_t next = keeper->first; next > 0; next = program->pairs[next - 1].next_kept) {
        struct pair *pair = &program->pairs[next - 1];

        avr_use_pair(program, pair, keeper->uses);
        avr_study_pair(program, pair);
    }
}
