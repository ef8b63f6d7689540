/* One high byte for several addresses:
 *
 *     ldi r31, high(2*one)
 *     ldi r30, low(2*one)
 *     lpm r0, Z
 *     ldi r30, low(2*two)
 *     lpm r1, Z
 *
 * The high byte can be relocated for one of them only. It is right for the others as well where
 * all move by a multiple of what one high byte reaches, so the section gets that alignment. */
#include "avr.h"

#define BYTES_PAGE 256u
#define WORDS_PAGE 512u

uint64_t avr_find_before(const struct avr_program *program, uint64_t address, unsigned rd,
                         unsigned window)
{
    for (uint64_t at = address;
         at >= program->image->base + 2 && address - at < UINT64_C(2) * window;) {
        at -= 2;
        if (!avr_is(program, at, WORD_START))
            continue;
        struct avr_instruction instruction = avr_at(program, at);
        if (instruction.op == AVR_OP_LDI && instruction.rd == rd)
            return at;
        if (avr_overwrites(&instruction, rd) ||
            (!avr_goes_on(instruction.op) && instruction.op != AVR_OP_BRANCH &&
             instruction.op != AVR_OP_SKIP))
            break;
    }
    return NOWHERE;
}

void avr_find_shared(struct avr_program *program, uint64_t address, unsigned rd)
{
    uint64_t follows = avr_after(program, address);
    uint64_t high = avr_find_before(program, address, rd + 1, FAR_WINDOW);
    struct pair pair = {.low = address, .high = high, .doubtful = true};

    if (high == NOWHERE)
        return;
    pair.shared = avr_is(program, high, WORD_PAIRED);
    avr_add_pair(program, pair, follows, rd, rd + 1);
}

/* Of the same kind: the same bits of the same sort of address. */
static bool same_kind(const struct pair *one, const struct meaning *first, const struct pair *two,
                      const struct meaning *second)
{
    return first->words == second->words && first->ram == second->ram &&
           one->negated == two->negated;
}

/* Whose address the high byte is relocated for. */
static const struct pair *owner_of(const struct avr_program *program, const struct pair *pair)
{
    for (size_t i = 0; i < program->pair_count; i++) {
        const struct pair *other = &program->pairs[i];

        if (other != pair && other->moved_high && other->high == pair->high)
            return other;
    }
    return NULL;
}

/* Raises an alignment, if the section begins at a multiple of it already. */
static bool align(uint64_t start, uint64_t page, uint64_t *alignment)
{
    if (start % page != 0)
        return false;
    *alignment = *alignment < page ? page : *alignment;
    return true;
}

static bool is_extern(const struct avr_program *program, const struct meaning *meaning)
{
    return meaning->symbol != NO_SYMBOL &&
           program->symbols->at[meaning->symbol].place == PLACE_EXTERN;
}

bool avr_share(struct avr_program *program, const struct pair *pair, const struct meaning *meaning)
{
    const struct symbols *symbols = program->symbols;
    const struct pair *owner = owner_of(program, pair);
    enum confidence confidence;
    struct meaning other;

    if (!owner || !avr_decide_pair(program, owner, &other, &confidence) ||
        !same_kind(owner, &other, pair, meaning) || is_extern(program, meaning) ||
        is_extern(program, &other))
        return false;
    if (meaning->ram)
        return align(symbols->at[symbols->data[0]].value, BYTES_PAGE, &program->object->data_align);
    /* A pointer to a jump of the linker's is right for one target only. */
    if (meaning->words && program->device.features & AVR_EIND)
        return false;
    return align(program->image->base, meaning->words ? WORDS_PAGE : BYTES_PAGE,
                 &program->object->text_align);
}
