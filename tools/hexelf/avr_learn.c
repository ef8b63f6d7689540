/* What was learned, and whom it concerns. A program may have thousands of labels, and each may
 * show something new: who then looked at all of the others again would never be done. */
#include "avr.h"

#include <string.h>

void addresses_add(struct addresses *addresses, uint64_t address)
{
    addresses->at =
        array_grow(addresses->at, addresses->count, &addresses->room, sizeof(*addresses->at));
    addresses->at[addresses->count++] = address;
}

static int by_address(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;

    return one < two ? -1 : one > two;
}

void addresses_sort(struct addresses *addresses)
{
    array_sort(addresses->at, addresses->count, sizeof(*addresses->at), by_address);
}

void avr_learn_uses(struct avr_program *program, size_t symbol, unsigned uses)
{
    uint64_t address = program->symbols->at[symbol].value;

    if (!(uses & ~program->uses[symbol]))
        return;
    program->uses[symbol] |= (uint16_t)uses;
    addresses_add(&program->hints, address);
    addresses_add(&program->touched, address);
}

/* A label whose value is this address of RAM is, if it is of flash, this word there. */
void avr_learn_ram(struct avr_program *program, uint32_t address)
{
    program->ram_used[address & 0xffff] = true;
    addresses_add(&program->hints, 2 * (uint64_t)(address & 0xffff));
}

void avr_learn_target(struct avr_program *program, uint64_t address)
{
    avr_mark(program, address, WORD_TARGET);
    addresses_add(&program->hints, address);
}

void avr_sort_labels(struct avr_program *program)
{
    symbols_sort(program->symbols, program->image);
    program->all_touched = true;
    program->adopted_to = 0;
    memset(program->waiting, 0, program->symbols->count * sizeof(*program->waiting));
}
