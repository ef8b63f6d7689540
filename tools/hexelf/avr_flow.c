/* Code is what control reaches: from the entries, along each path, until nothing new comes. */
#include "avr.h"

#include <stdlib.h>
#include <string.h>

#define WRAPPING_FLASH (8u << 10) /* what rjmp's 12 bits of words reach all around */

bool avr_is(const struct avr_program *program, uint64_t address, unsigned marks)
{
    const struct image *image = program->image;

    return address >= image->base && address < image->end &&
           (program->words[(address - image->base) / 2] & marks);
}

void avr_mark(struct avr_program *program, uint64_t address, unsigned marks)
{
    program->words[(address - program->image->base) / 2] |= (uint8_t)marks;
}

struct avr_instruction avr_at(const struct avr_program *program, uint64_t address)
{
    const struct image *image = program->image;

    if (address % 2 != 0 || !image_has(image, address, 2))
        return (struct avr_instruction){.op = AVR_INVALID, .words = 1};
    bool more = image_has(image, address + 2, 2);
    struct avr_instruction instruction =
        avr_decode(&program->device, (uint16_t)image_number(image, address, 2),
                   more ? (uint16_t)image_number(image, address + 2, 2) : 0);
    if (instruction.words == 2 && !more)
        instruction.op = AVR_INVALID;
    return instruction;
}

uint64_t avr_target(const struct avr_program *program, uint64_t address,
                    const struct avr_instruction *instruction)
{
    uint32_t flash = program->device.flash;

    if (instruction->op == AVR_OP_CALL || instruction->op == AVR_OP_JMP)
        return (uint64_t)(uint32_t)instruction->target;
    uint64_t target = address + 2 + (uint64_t)(int64_t)instruction->target;
    return flash <= WRAPPING_FLASH ? target & (flash - 1) : target;
}

uint64_t avr_after(const struct avr_program *program, uint64_t address)
{
    return address + 2 * avr_at(program, address).words;
}

bool avr_has_label(const struct avr_program *program, uint64_t address)
{
    size_t index = symbols_code_at(program->symbols, address);

    return index != NO_SYMBOL && program->symbols->at[index].value == address;
}

/* ---- following ------------------------------------------------------------------------- */

static void push(struct avr_program *program, uint64_t address)
{
    if (address % 2 == 0 && address >= program->image->base && address < program->image->end)
        avr_learn_target(program, address);
    addresses_add(&program->pending, address);
}

static bool names_target(enum avr_op op)
{
    return op == AVR_OP_CALL || op == AVR_OP_JMP || op == AVR_OP_RCALL || op == AVR_OP_RJMP ||
           op == AVR_OP_BRANCH;
}

static bool ends_path(enum avr_op op)
{
    return op == AVR_OP_JMP || op == AVR_OP_RJMP || op == AVR_OP_RETURN || op == AVR_OP_IJMP ||
           op == AVR_OP_EIJMP;
}

static void push_target(struct avr_program *program, uint64_t address,
                        const struct avr_instruction *instruction)
{
    uint64_t target = avr_target(program, address, instruction);

    if (target >= program->image->base && target < program->image->end &&
        avr_extern_code(program, target) == NO_SYMBOL)
        push(program, target);
}

static bool take_instruction(struct avr_program *program, uint64_t address,
                             const struct avr_instruction *instruction)
{
    unsigned long long shown_address = address;

    if (instruction->op == AVR_INVALID) {
        object_note(program->object, "0x%llx: control reaches what is no instruction of %s%s",
                    shown_address, program->device.name,
                    image_has(program->image, address, 2) ? "" : ": a gap");
        return false;
    }
    if (avr_is(program, address, WORD_TABLE)) {
        object_note(program->object, "0x%llx: control reaches a table", shown_address);
        return false;
    }
    if (avr_is(program, address, WORD_REST) ||
        (instruction->words == 2 && avr_is(program, address + 2, WORD_START)))
        object_note(program->object, "0x%llx: two instructions overlap", shown_address);
    avr_mark(program, address, WORD_START);
    if (instruction->words == 2)
        avr_mark(program, address + 2, WORD_REST);
    addresses_add(&program->fresh, address);
    addresses_add(&program->touched, address);
    return true;
}

/* Nobody needs a label to skip to. */
static void skip(struct avr_program *program, uint64_t address)
{
    bool target = avr_is(program, address, WORD_TARGET);

    push(program, address);
    if (!target && address < program->image->end)
        program->words[(address - program->image->base) / 2] &= (uint8_t)~WORD_TARGET;
}

/* From then on any table may be one of code. */
static void jumps_by_pointer(struct avr_program *program)
{
    program->all_touched |= !program->jumps_by_pointer;
    program->jumps_by_pointer = true;
}

static void follow(struct avr_program *program, uint64_t address)
{
    while (address < program->image->end && !avr_is(program, address, WORD_START)) {
        struct avr_instruction instruction = avr_at(program, address);
        uint64_t next = address + 2 * instruction.words;

        if (!take_instruction(program, address, &instruction))
            return;
        if (names_target(instruction.op))
            push_target(program, address, &instruction);
        if (instruction.op == AVR_OP_SKIP)
            skip(program, next + 2 * avr_at(program, next).words);
        if (instruction.op >= AVR_OP_IJMP && instruction.op <= AVR_OP_EICALL)
            jumps_by_pointer(program);
        if (ends_path(instruction.op))
            return;
        address = next;
    }
    if (address >= program->image->end)
        object_note(program->object, "0x%llx: control leaves the program at its end",
                    (unsigned long long)address);
}

void avr_reach(struct avr_program *program, uint64_t address)
{
    push(program, address);
    while (program->pending.count > 0)
        follow(program, program->pending.at[--program->pending.count]);
}

/* ---- what nothing reaches -------------------------------------------------------------- */

/* Somewhere that control may well go: what is code already, or a label. */
static bool good_target(const struct avr_program *program, uint64_t target, uint64_t start,
                        uint64_t end)
{
    return avr_is(program, target, WORD_START) || (target >= start && target < end) ||
           avr_has_label(program, target) || avr_extern_code(program, target) != NO_SYMBOL;
}

/* Letters make instructions, too, but code is not made of letters. */
bool avr_is_text(const struct avr_program *program, uint64_t address, uint64_t end)
{
    for (uint64_t at = address; at < end; at++) {
        uint64_t byte = image_number(program->image, at, 1);

        if (!(byte >= ' ' && byte <= '~') && byte != 0 && byte != '\n' && byte != '\r')
            return false;
    }
    return true;
}

/* Control may run past a label, into what could be code as well. Where that is table, or text,
 * it does not. */
static bool goes_on_past(const struct avr_program *program, uint64_t label, uint64_t *end)
{
    size_t index = symbols_code_at(program->symbols, label);
    const struct symbol *symbol = index == NO_SYMBOL ? NULL : &program->symbols->at[index];

    if (!symbol || symbol->value != label || symbol->size == 0 ||
        (program->uses[index] & USE_FLASH))
        return false;
    *end = label + symbol->size;
    return !avr_is_text(program, label, *end);
}

bool avr_looks_like_code(const struct avr_program *program, uint64_t address, uint64_t end)
{
    uint64_t start = address;

    if (avr_is_text(program, start, end))
        return false;
    while (!avr_is(program, address, WORD_START)) {
        if (address >= end && !goes_on_past(program, address, &end))
            return false;
        struct avr_instruction instruction = avr_at(program, address);

        if (instruction.op == AVR_INVALID || avr_is(program, address, WORD_REST | WORD_TABLE) ||
            (names_target(instruction.op) &&
             !good_target(program, avr_target(program, address, &instruction), start, end)))
            return false;
        address += 2 * instruction.words;
        if (ends_path(instruction.op))
            return true;
    }
    return true;
}

/* Of words that have no label and come behind code: a jump that is computed may go there. */
void avr_note_unreached(struct avr_program *program)
{
    const struct image *image = program->image;
    bool code = false;

    for (uint64_t address = image->base; address < image->end;) {
        uint64_t end = address;

        while (image_has(image, end, 2) &&
               !avr_is(program, end, WORD_START | WORD_REST | WORD_TABLE) &&
               (end == address || !avr_has_label(program, end)))
            end += 2;
        if (code && end > address && !avr_has_label(program, address) &&
            avr_looks_like_code(program, address, end))
            object_note(program->object,
                        "0x%llx: reads as code, but nothing reaches it: stays so (a label and "
                        "--entry)",
                        (unsigned long long)address);
        code = end == address && avr_is(program, end, WORD_START | WORD_REST);
        address = end == address ? end + 2 : end;
    }
}
