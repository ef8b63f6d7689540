/* See line_program.h. x86 has no instruction bundles: op_index stays 0. */
#include "line_program.h"
#include "status.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes ----------------------------------------------------------------------------- */

/* Behind the end all is 0, and `over` tells. */
struct cursor {
    const uint8_t *at, *end;
    bool over;
};

static uint64_t take(struct cursor *cursor, size_t size)
{
    uint64_t value = 0;

    if (size > 8 || size > (size_t)(cursor->end - cursor->at)) {
        cursor->over = true;
        cursor->at = cursor->end;
        return 0;
    }
    memcpy(&value, cursor->at, size);
    cursor->at += size;
    return value;
}

static uint64_t take_leb128(struct cursor *cursor, bool is_signed)
{
    uint64_t value = 0, byte;
    unsigned shift = 0;

    do {
        byte = take(cursor, 1);
        if (shift < 64)
            value |= (byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (is_signed && shift < 64 && (byte & 0x40))
        value |= UINT64_MAX << shift;
    return value;
}

static uint64_t take_unsigned(struct cursor *cursor)
{
    return take_leb128(cursor, false);
}

/* A signed number, as what is to be added modulo 2^64. */
static uint64_t take_signed(struct cursor *cursor)
{
    return take_leb128(cursor, true);
}

/* ---- the header (DWARF 5, 6.2.4) ------------------------------------------------------- */

struct program {
    struct cursor code;
    uint64_t instruction_size, line_base, line_range;
    uint8_t opcode_base;
    uint8_t operands[256]; /* of each standard opcode */
};

static bool read_header(struct cursor *in, struct program *program)
{
    size_t offset_size = 4;
    uint64_t length = take(in, 4);

    if (length == UINT32_MAX) {
        offset_size = 8;
        length = take(in, 8);
    }
    if (in->over || length > (uint64_t)(in->end - in->at))
        return false;
    in->end = in->at + length;
    uint64_t version = take(in, 2);
    if (version < 2 || version > 5)
        return false;
    if (version >= 5)
        take(in, 2); /* sizes of an address and of a segment selector */
    uint64_t header_length = take(in, offset_size);
    if (in->over || header_length > (uint64_t)(in->end - in->at))
        return false;
    program->code = (struct cursor){in->at + header_length, in->end, false};
    in->end = program->code.at;
    program->instruction_size = take(in, 1);
    if (version >= 4)
        take(in, 1);                                  /* operations in an instruction */
    take(in, 1);                                      /* default of is_stmt */
    program->line_base = (take(in, 1) ^ 0x80) - 0x80; /* signed, modulo 2^64 */
    program->line_range = take(in, 1);
    program->opcode_base = (uint8_t)take(in, 1);
    for (unsigned i = 1; i < program->opcode_base; i++)
        program->operands[i] = (uint8_t)take(in, 1);
    return !in->over && program->line_range != 0 && program->opcode_base != 0;
}

/* ---- the machine (6.2.2, 6.2.5) -------------------------------------------------------- */

struct machine {
    struct program program;
    struct line_row now;
    struct line_row *rows;
    size_t count, room;
    sequence_visitor visit;
    void *context;
};

static void reset(struct machine *machine)
{
    machine->now = (struct line_row){.address = 0, .file = 1, .line = 1};
    machine->count = 0;
}

static void append_row(struct machine *machine)
{
    machine->rows =
        array_grow(machine->rows, machine->count, &machine->room, sizeof(*machine->rows));
    machine->rows[machine->count++] = machine->now;
}

static void advance(struct machine *machine, uint64_t operations)
{
    machine->now.address += operations * machine->program.instruction_size;
}

static void run_special(struct machine *machine, uint8_t opcode)
{
    const struct program *program = &machine->program;
    uint8_t adjusted = (uint8_t)(opcode - program->opcode_base);

    advance(machine, adjusted / program->line_range);
    machine->now.line += program->line_base + adjusted % program->line_range;
    append_row(machine);
}

static bool run_extended(struct machine *machine)
{
    struct cursor *code = &machine->program.code;
    uint64_t length = take_unsigned(code);

    if (code->over || length == 0 || length > (uint64_t)(code->end - code->at))
        return false;
    struct cursor operands = {code->at, code->at + length, false};
    code->at = operands.end;
    switch (take(&operands, 1)) {
    case DW_LNE_end_sequence:
        append_row(machine);
        machine->visit(machine->context, machine->rows, machine->count);
        reset(machine);
        break;
    case DW_LNE_set_address:
        machine->now.address = take(&operands, length - 1);
        break;
    default: /* files, discriminators, what vendors add: no row */
        break;
    }
    return !operands.over;
}

static void skip_operands(struct machine *machine, uint8_t opcode)
{
    for (unsigned i = 0; i < machine->program.operands[opcode]; i++)
        take_unsigned(&machine->program.code);
}

static void run_standard(struct machine *machine, uint8_t opcode)
{
    struct cursor *code = &machine->program.code;

    switch (opcode) {
    case DW_LNS_copy:
        append_row(machine);
        break;
    case DW_LNS_advance_pc:
        advance(machine, take_unsigned(code));
        break;
    case DW_LNS_advance_line:
        machine->now.line += take_signed(code);
        break;
    case DW_LNS_set_file:
        machine->now.file = take_unsigned(code);
        break;
    case DW_LNS_const_add_pc:
        advance(machine, (UINT8_MAX - machine->program.opcode_base) / machine->program.line_range);
        break;
    case DW_LNS_fixed_advance_pc:
        machine->now.address += take(code, 2);
        break;
    default: /* columns, statements, blocks, and what is yet to come */
        skip_operands(machine, opcode);
        break;
    }
}

bool line_program_run(const uint8_t *section, size_t size, uint64_t offset, sequence_visitor visit,
                      void *context)
{
    struct machine machine = {.visit = visit, .context = context};
    bool good = offset <= size;
    struct cursor header = {section + (good ? offset : 0), section + size, false};

    good = good && read_header(&header, &machine.program);
    reset(&machine);
    for (struct cursor *code = &machine.program.code; good && code->at != code->end;) {
        uint8_t opcode = (uint8_t)take(code, 1);

        if (opcode == 0)
            good = run_extended(&machine);
        else if (opcode >= machine.program.opcode_base)
            run_special(&machine, opcode);
        else
            run_standard(&machine, opcode);
        good = good && !code->over;
    }
    free(machine.rows);
    return good;
}
