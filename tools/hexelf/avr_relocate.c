/* What names its target itself: calls, jumps, branches, lds and sts. Nothing is guessed here. */
#include "avr.h"
#include "avr_relocations.h"

/* The fields are cleared, for the linker adds to some of them what they hold. */
static void relocate(struct avr_program *program, uint64_t address, unsigned kind,
                     const struct meaning *meaning)
{
    struct image *image = program->image;

    if (kind == R_AVR_CALL) {
        image_put(image, address, 2, image_number(image, address, 2) & 0xfe0e);
        image_put(image, address + 2, 2, 0);
    } else if (kind == R_AVR_13_PCREL) {
        image_put(image, address, 2, image_number(image, address, 2) & 0xf000);
    } else if (kind == R_AVR_7_PCREL) {
        image_put(image, address, 2, image_number(image, address, 2) & 0xfc07);
    } else if (kind == R_AVR_LDS_STS_16) {
        image_put(image, address, 2, image_number(image, address, 2) & 0xf8f0);
    } else {
        image_put(image, address, 2, 0);
    }
    avr_relocate(program, address, kind, meaning);
}

/* Inside of one symbol a relative target moves along, but not around the end of flash. */
static bool moves_along(const struct avr_program *program, uint64_t address, uint64_t target,
                        const struct avr_instruction *instruction)
{
    if (instruction->op == AVR_OP_CALL || instruction->op == AVR_OP_JMP)
        return false;
    return target == address + 2 + (uint64_t)(int64_t)instruction->target &&
           symbols_code_at(program->symbols, address) == symbols_code_at(program->symbols, target);
}

static void relocate_target(struct avr_program *program, uint64_t address,
                            const struct avr_instruction *instruction)
{
    const struct image *image = program->image;
    uint64_t target = avr_target(program, address, instruction);
    size_t other = avr_extern_code(program, target);
    unsigned kind = instruction->op == AVR_OP_CALL || instruction->op == AVR_OP_JMP ? R_AVR_CALL
                    : instruction->op == AVR_OP_BRANCH                              ? R_AVR_7_PCREL
                                                       : R_AVR_13_PCREL;

    if (other != NO_SYMBOL) {
        relocate(program, address, kind, &(struct meaning){.symbol = other});
    } else if (target < image->base || target > image->end) {
        object_note(program->object, "0x%llx: goes to 0x%llx, outside of the program: %s",
                    (unsigned long long)address, (unsigned long long)target,
                    kind == R_AVR_CALL ? "stays so" : "moves along");
    } else if (!moves_along(program, address, target, instruction)) {
        struct meaning meaning = avr_code_meaning(program, target);
        relocate(program, address, kind, &meaning);
    }
}

/* Below RAM are the registers of the part, which do not move. */
static void relocate_ram(struct avr_program *program, uint64_t address,
                         const struct avr_instruction *instruction)
{
    bool tiny = instruction->words == 1;
    size_t other = avr_extern_ram(program, instruction->number);
    struct meaning meaning = other == NO_SYMBOL ? avr_ram_meaning(program, instruction->number)
                                                : (struct meaning){.symbol = other};

    if (meaning.symbol != NO_SYMBOL)
        relocate(program, tiny ? address : address + 2, tiny ? R_AVR_LDS_STS_16 : R_AVR_16,
                 &meaning);
    else if (instruction->number >= program->device.ram_start)
        object_note(program->object, "0x%llx: RAM at 0x%x has no label: stays so",
                    (unsigned long long)address, instruction->number);
}

void avr_relocate_code(struct avr_program *program)
{
    for (uint64_t address = program->image->base; address < program->image->end; address += 2) {
        struct avr_instruction instruction;

        if (!avr_is(program, address, WORD_START))
            continue;
        instruction = avr_at(program, address);
        if (instruction.op == AVR_OP_LDS || instruction.op == AVR_OP_STS)
            relocate_ram(program, address, &instruction);
        else if (instruction.op >= AVR_OP_CALL && instruction.op <= AVR_OP_BRANCH)
            relocate_target(program, address, &instruction);
    }
}
