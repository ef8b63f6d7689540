/* What becomes of a pointer: every path from where its two bytes are in registers is followed,
 * into calls too, until they are overwritten or the path ends. */
#include "avr.h"

#include <stdlib.h>
#include <string.h>

/* Enough for a few pages of code; beyond, what was seen is what there is. */
#define STATES 512
#define SLOTS  (2 * STATES)
#define NEAR   4 /* instructions between a count and its branch, at most */

struct state {
    uint64_t address;
    uint32_t low, high;       /* registers that hold the pointer's bytes: one bit each */
    uint32_t loaded;          /* that hold what it pointed to, in flash */
    uint8_t pushed;           /* 1: the low byte, 2: the high one after it */
    uint16_t low_at, high_at; /* where in RAM they were stored; 0: nowhere */
};

struct walk {
    const struct avr_program *program;
    struct state seen[SLOTS]; /* a hash table; address 0 with no registers is free */
    size_t seen_count;
    struct state waiting[STATES];
    size_t waiting_count;
    unsigned uses;
    uint16_t kept; /* both bytes were stored: the low one here, the high one behind it */
};

static uint32_t bit(unsigned number)
{
    return UINT32_C(1) << number;
}

static void visit(struct walk *walk, const struct state *state)
{
    uint64_t hash = (state->address * 31 + state->low * 7 + state->high * 13 + state->loaded * 17 +
                     state->pushed + state->low_at * 19 + state->high_at * 23) *
                    UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(hash >> 40) % SLOTS;

    if (state->low == 0 && state->high == 0 && state->loaded == 0 && state->pushed == 0)
        return;
    while (walk->seen[slot].low | walk->seen[slot].high | walk->seen[slot].loaded |
           walk->seen[slot].pushed) {
        const struct state *old = &walk->seen[slot];

        if (old->address == state->address && old->low == state->low && old->high == state->high &&
            old->loaded == state->loaded && old->pushed == state->pushed &&
            old->low_at == state->low_at && old->high_at == state->high_at)
            return;
        slot = (slot + 1) % SLOTS;
    }
    if (walk->seen_count == STATES || walk->waiting_count == STATES)
        return;
    walk->seen[slot] = *state;
    walk->seen_count++;
    walk->waiting[walk->waiting_count++] = *state;
}

/* ---- one instruction ------------------------------------------------------------------- */

static void overwrite(struct state *state, unsigned reg)
{
    state->low &= ~bit(reg);
    state->high &= ~bit(reg);
    state->loaded &= ~bit(reg);
}

static void copy(struct state *state, unsigned to, unsigned from)
{
    struct state before = *state;

    overwrite(state, to);
    state->low |= (before.low >> from & 1) << to;
    state->high |= (before.high >> from & 1) << to;
    state->loaded |= (before.loaded >> from & 1) << to;
}

/* What is added to it, or compared with it, is of its kind. */
static void join(struct state *state, unsigned to, unsigned from)
{
    state->low |= (state->low >> from & 1) << to;
    state->high |= (state->high >> from & 1) << to;
}

static bool is_in(const struct state *state, unsigned pointer)
{
    return state->low & bit(pointer) && state->high & bit(pointer + 1);
}

static bool has_mapped_flash(const struct walk *walk)
{
    return walk->program->device.features & AVR_TINY;
}

static void load(struct walk *walk, struct state *state, const struct avr_instruction *instruction)
{
    bool lpm = instruction->op == AVR_OP_LPM || instruction->op == AVR_OP_ELPM;
    bool flash = lpm || (instruction->op == AVR_OP_LD && has_mapped_flash(walk));
    bool ours = is_in(state, instruction->pointer);

    if (ours && lpm)
        walk->uses |= USE_FLASH | (instruction->op == AVR_OP_ELPM ? USE_ELPM : 0);
    else if (ours)
        walk->uses |= USE_RAM;
    if (flash && (state->loaded >> instruction->pointer & 3) == 3)
        walk->uses |= USE_STRINGS;
    if (instruction->op == AVR_OP_ST)
        return;
    overwrite(state, instruction->rd);
    if (ours && flash)
        state->loaded |= bit(instruction->rd);
}

static void jump_through(struct walk *walk, const struct state *state, enum avr_op op)
{
    if (is_in(state, 30))
        walk->uses |= USE_CODE | (op == AVR_OP_EIJMP || op == AVR_OP_EICALL ? USE_FAR : 0);
    if ((state->loaded & bit(30)) && (state->loaded & bit(31)))
        walk->uses |= USE_TABLE;
}

/* An address that is pushed, low byte first, and returned to is jumped to. */
static void stack(struct walk *walk, struct state *state, const struct avr_instruction *instruction)
{
    uint32_t reg = bit(instruction->rd);

    if (instruction->op == AVR_OP_PUSH) {
        state->pushed = state->low & reg                          ? 1
                        : state->high & reg && state->pushed == 1 ? 2
                        : state->pushed == 1                      ? 0
                                                                  : state->pushed;
    } else if (instruction->op == AVR_OP_POP) {
        state->pushed = 0;
        overwrite(state, instruction->rd);
    } else if (state->pushed == 2) {
        walk->uses |= USE_CODE;
    }
}

/* What an I/O register gets is a number; RAM may get a pointer to keep. */
static void put(struct walk *walk, struct state *state, const struct avr_instruction *instruction)
{
    const struct avr_device *device = &walk->program->device;
    bool io = instruction->op == AVR_OP_OUT || instruction->number < device->ram_start;

    if (io && (state->low | state->high) & bit(instruction->rd))
        walk->uses |= USE_NUMBER;
    if (io)
        return;
    if (state->low & bit(instruction->rd))
        state->low_at = (uint16_t)instruction->number;
    else if (state->high & bit(instruction->rd))
        state->high_at = (uint16_t)instruction->number;
    if (state->low_at > 0 && state->high_at == state->low_at + 1)
        walk->kept = state->low_at;
}

static bool keeps_flags(enum avr_op op)
{
    return op == AVR_OTHER || op == AVR_OP_MOV || op == AVR_OP_MOVW || op == AVR_OP_LDI ||
           op >= AVR_OP_PUSH;
}

/* What is counted down to 0 is a number. */
static void adjust(struct walk *walk, const struct state *state,
                   const struct avr_instruction *instruction)
{
    const struct avr_program *program = walk->program;
    uint64_t next = state->address + 2;

    for (unsigned i = 0; i < NEAR && keeps_flags(avr_at(program, next).op); i++)
        next += 2 * avr_at(program, next).words;
    if ((state->low | state->high) & bit(instruction->rd) &&
        avr_at(program, next).op == AVR_OP_BRANCH)
        walk->uses |= USE_NUMBER;
}

static void apply(struct walk *walk, struct state *state, const struct avr_instruction *instruction)
{
    switch (instruction->op) {
    case AVR_OP_MOV:
        copy(state, instruction->rd, instruction->rr);
        break;
    case AVR_OP_MOVW:
        copy(state, instruction->rd, instruction->rr);
        copy(state, instruction->rd + 1, instruction->rr + 1);
        break;
    case AVR_OP_ADD:
        if (instruction->rd == instruction->rr) { /* doubled: words became bytes */
            overwrite(state, instruction->rd);
            break;
        }
        if (((state->low | state->high) & bit(instruction->rr)) &&
            !((state->low | state->high) & bit(instruction->rd)))
            walk->uses |= USE_ADDED;
        join(state, instruction->rd, instruction->rr);
        break;
    case AVR_OP_COMPARE:
    case AVR_OP_CPC:
        if ((state->low | state->high) & bit(instruction->rr))
            walk->uses |= USE_COMPARED;
        join(state, instruction->rd, instruction->rr);
        break;
    case AVR_OP_LD:
    case AVR_OP_ST:
    case AVR_OP_LPM:
    case AVR_OP_ELPM:
        load(walk, state, instruction);
        break;
    case AVR_OP_PUSH:
    case AVR_OP_POP:
    case AVR_OP_RETURN:
        stack(walk, state, instruction);
        break;
    case AVR_OP_OUT:
    case AVR_OP_STS:
        put(walk, state, instruction);
        break;
    case AVR_OP_ADJUST:
    case AVR_OP_SBCI:
        adjust(walk, state, instruction);
        break;
    case AVR_OP_MULTIPLY:
        overwrite(state, 0);
        overwrite(state, 1);
        break;
    case AVR_OP_LDI:
    case AVR_OP_CLOBBER:
    case AVR_OP_LDS:
        overwrite(state, instruction->rd);
        break;
    default:
        break;
    }
    if (instruction->op >= AVR_OP_IJMP && instruction->op <= AVR_OP_EICALL)
        jump_through(walk, state, instruction->op);
}

/* ---- all paths ------------------------------------------------------------------------- */

static void go(struct walk *walk, struct state state, uint64_t address)
{
    state.address = address;
    visit(walk, &state);
}

static void step(struct walk *walk, struct state state)
{
    struct avr_instruction instruction = avr_at(walk->program, state.address);
    uint64_t next = state.address + 2 * instruction.words;

    if (instruction.op == AVR_INVALID)
        return;
    uint64_t target = avr_target(walk->program, state.address, &instruction);
    apply(walk, &state, &instruction);
    switch (instruction.op) {
    case AVR_OP_JMP:
    case AVR_OP_RJMP:
        go(walk, state, target);
        break;
    case AVR_OP_RETURN:
    case AVR_OP_IJMP:
    case AVR_OP_EIJMP:
        break;
    case AVR_OP_CALL:
    case AVR_OP_RCALL:
        go(walk, state, next);
        state.pushed = 0; /* it returns to here */
        go(walk, state, target);
        break;
    case AVR_OP_BRANCH:
        go(walk, state, target);
        go(walk, state, next);
        break;
    case AVR_OP_SKIP:
        go(walk, state, next + 2 * avr_at(walk->program, next).words);
        go(walk, state, next);
        break;
    default:
        go(walk, state, next);
    }
}

unsigned avr_uses(const struct avr_program *program, uint64_t address, unsigned low, unsigned high,
                  uint16_t *kept)
{
    struct walk *walk = allocate(1, sizeof(*walk));

    walk->program = program;
    if (low == ON_STACK)
        go(walk, (struct state){.pushed = 2}, address);
    else
        go(walk, (struct state){.low = bit(low), .high = bit(high)}, address);
    while (walk->waiting_count > 0)
        step(walk, walk->waiting[--walk->waiting_count]);
    unsigned uses = walk->uses;
    if (kept && walk->kept)
        *kept = walk->kept;
    free(walk);
    return uses;
}
