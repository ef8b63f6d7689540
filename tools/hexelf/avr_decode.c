/* See avr_decode.h. */
#include "avr_decode.h"

#include <stddef.h>

/* Where the operands are. */
enum form {
    NONE,
    RD,        /* ---- ---d dddd ---- */
    RD_RR,     /* ---- --rd dddd rrrr */
    RD_HIGH,   /* ---- KKKK dddd KKKK, r16-r31 */
    RD_WORD,   /* ---- ---- --dd ----, r24, r26, r28, r30 */
    PAIRS,     /* ---- ---- dddd rrrr, even registers */
    POINTER_X, /* a load or store through it: rd as in RD */
    POINTER_Y,
    POINTER_Z,
    R0_Z,    /* into r0, through Z */
    RD_RAM,  /* RD, the second word is an address */
    RD_TINY, /* avrtiny's seven bits of it, r16-r31 */
    RD_IO,   /* ---- -AAd dddd AAAA */
    TO_12,   /* ---- kkkk kkkk kkkk, words from the next one */
    TO_7,    /* ---- --kk kkkk k--- */
    TO_22,   /* ---- ---k kkkk ---k and the second word */
};

struct row {
    uint16_t mask, match;
    uint8_t op, form;
    uint16_t needs;
};

/* The first match counts. */
static const struct row rows[] = {
    {0xffff, 0x0000, AVR_OTHER, NONE, 0},                /* nop */
    {0xff00, 0x0100, AVR_OP_MOVW, PAIRS, AVR_MOVW},      /* movw */
    {0xff00, 0x0200, AVR_OP_MULTIPLY, NONE, AVR_MUL},    /* muls */
    {0xff00, 0x0300, AVR_OP_MULTIPLY, NONE, AVR_MUL},    /* mulsu, fmul, fmuls, fmulsu */
    {0xfc00, 0x0400, AVR_OP_CPC, RD_RR, 0},              /* cpc */
    {0xfc00, 0x0800, AVR_OP_ADJUST, RD_RR, 0},           /* sbc */
    {0xfc00, 0x0c00, AVR_OP_ADD, RD_RR, 0},              /* add */
    {0xfc00, 0x1000, AVR_OP_SKIP, RD_RR, 0},             /* cpse */
    {0xfc00, 0x1400, AVR_OP_COMPARE, RD_RR, 0},          /* cp */
    {0xfc00, 0x1800, AVR_OP_ADJUST, RD_RR, 0},           /* sub */
    {0xfc00, 0x1c00, AVR_OP_ADD, RD_RR, 0},              /* adc */
    {0xf800, 0x2000, AVR_OP_CLOBBER, RD_RR, 0},          /* and, eor */
    {0xfc00, 0x2800, AVR_OP_CLOBBER, RD_RR, 0},          /* or */
    {0xfc00, 0x2c00, AVR_OP_MOV, RD_RR, 0},              /* mov */
    {0xf000, 0x3000, AVR_OP_CPI, RD_HIGH, 0},            /* cpi */
    {0xf000, 0x4000, AVR_OP_SBCI, RD_HIGH, 0},           /* sbci */
    {0xf000, 0x5000, AVR_OP_SUBI, RD_HIGH, 0},           /* subi */
    {0xe000, 0x6000, AVR_OP_CLOBBER, RD_HIGH, 0},        /* ori, andi */
    {0xf800, 0xa000, AVR_OP_LDS, RD_TINY, AVR_TINY},     /* lds, 16 bits */
    {0xf800, 0xa800, AVR_OP_STS, RD_TINY, AVR_TINY},     /* sts, 16 bits */
    {0xfe0f, 0x8000, AVR_OP_LD, POINTER_Z, 0},           /* ld Z */
    {0xfe0f, 0x8008, AVR_OP_LD, POINTER_Y, 0},           /* ld Y */
    {0xfe0f, 0x8200, AVR_OP_ST, POINTER_Z, 0},           /* st Z */
    {0xfe0f, 0x8208, AVR_OP_ST, POINTER_Y, 0},           /* st Y */
    {0xd208, 0x8000, AVR_OP_LD, POINTER_Z, AVR_WIDE},    /* ldd Z+q */
    {0xd208, 0x8008, AVR_OP_LD, POINTER_Y, AVR_WIDE},    /* ldd Y+q */
    {0xd208, 0x8200, AVR_OP_ST, POINTER_Z, AVR_WIDE},    /* std Z+q */
    {0xd208, 0x8208, AVR_OP_ST, POINTER_Y, AVR_WIDE},    /* std Y+q */
    {0xfe0f, 0x9000, AVR_OP_LDS, RD_RAM, AVR_WIDE},      /* lds */
    {0xfe0f, 0x9001, AVR_OP_LD, POINTER_Z, 0},           /* ld Z+ */
    {0xfe0f, 0x9002, AVR_OP_LD, POINTER_Z, 0},           /* ld -Z */
    {0xfe0e, 0x9004, AVR_OP_LPM, POINTER_Z, AVR_MOVW},   /* lpm Z, lpm Z+ */
    {0xfe0e, 0x9006, AVR_OP_ELPM, POINTER_Z, AVR_ELPMX}, /* elpm Z, elpm Z+ */
    {0xfe0f, 0x9009, AVR_OP_LD, POINTER_Y, 0},           /* ld Y+ */
    {0xfe0f, 0x900a, AVR_OP_LD, POINTER_Y, 0},           /* ld -Y */
    {0xfe0f, 0x900c, AVR_OP_LD, POINTER_X, 0},           /* ld X */
    {0xfe0f, 0x900d, AVR_OP_LD, POINTER_X, 0},           /* ld X+ */
    {0xfe0f, 0x900e, AVR_OP_LD, POINTER_X, 0},           /* ld -X */
    {0xfe0f, 0x900f, AVR_OP_POP, RD, 0},                 /* pop */
    {0xfe0f, 0x9200, AVR_OP_STS, RD_RAM, AVR_WIDE},      /* sts */
    {0xfe0f, 0x9201, AVR_OP_ST, POINTER_Z, 0},           /* st Z+ */
    {0xfe0f, 0x9202, AVR_OP_ST, POINTER_Z, 0},           /* st -Z */
    {0xfe0c, 0x9204, AVR_OP_LD, POINTER_Z, AVR_XMEGA},   /* xch, las, lac, lat */
    {0xfe0f, 0x9209, AVR_OP_ST, POINTER_Y, 0},           /* st Y+ */
    {0xfe0f, 0x920a, AVR_OP_ST, POINTER_Y, 0},           /* st -Y */
    {0xfe0f, 0x920c, AVR_OP_ST, POINTER_X, 0},           /* st X */
    {0xfe0f, 0x920d, AVR_OP_ST, POINTER_X, 0},           /* st X+ */
    {0xfe0f, 0x920e, AVR_OP_ST, POINTER_X, 0},           /* st -X */
    {0xfe0f, 0x920f, AVR_OP_PUSH, RD, 0},                /* push */
    {0xff8f, 0x9408, AVR_OTHER, NONE, 0},                /* bset */
    {0xff8f, 0x9488, AVR_OTHER, NONE, 0},                /* bclr */
    {0xffff, 0x9409, AVR_OP_IJMP, NONE, 0},              /* ijmp */
    {0xffff, 0x9419, AVR_OP_EIJMP, NONE, AVR_EIND},      /* eijmp */
    {0xffff, 0x9509, AVR_OP_ICALL, NONE, 0},             /* icall */
    {0xffff, 0x9519, AVR_OP_EICALL, NONE, AVR_EIND},     /* eicall */
    {0xffff, 0x9508, AVR_OP_RETURN, NONE, 0},            /* ret */
    {0xffff, 0x9518, AVR_OP_RETURN, NONE, 0},            /* reti */
    {0xffff, 0x9588, AVR_OTHER, NONE, 0},                /* sleep */
    {0xffff, 0x9598, AVR_OTHER, NONE, 0},                /* break */
    {0xffff, 0x95a8, AVR_OTHER, NONE, 0},                /* wdr */
    {0xffff, 0x95c8, AVR_OP_LPM, R0_Z, AVR_WIDE},        /* lpm */
    {0xffff, 0x95d8, AVR_OP_ELPM, R0_Z, AVR_ELPM},       /* elpm */
    {0xffff, 0x95e8, AVR_OTHER, NONE, AVR_WIDE},         /* spm */
    {0xffff, 0x95f8, AVR_OTHER, NONE, AVR_XMEGA},        /* spm Z+ */
    {0xfe0f, 0x9400, AVR_OP_CLOBBER, RD, 0},             /* com */
    {0xfe0f, 0x9401, AVR_OP_CLOBBER, RD, 0},             /* neg */
    {0xfe0f, 0x9402, AVR_OP_CLOBBER, RD, 0},             /* swap */
    {0xfe0f, 0x9403, AVR_OP_ADJUST, RD, 0},              /* inc */
    {0xfe0f, 0x9405, AVR_OP_CLOBBER, RD, 0},             /* asr */
    {0xfe0f, 0x9406, AVR_OP_CLOBBER, RD, 0},             /* lsr */
    {0xfe0f, 0x9407, AVR_OP_CLOBBER, RD, 0},             /* ror */
    {0xfe0f, 0x940a, AVR_OP_ADJUST, RD, 0},              /* dec */
    {0xff0f, 0x940b, AVR_OTHER, NONE, AVR_XMEGA},        /* des */
    {0xfe0e, 0x940c, AVR_OP_JMP, TO_22, AVR_JMP},        /* jmp */
    {0xfe0e, 0x940e, AVR_OP_CALL, TO_22, AVR_JMP},       /* call */
    {0xfe00, 0x9600, AVR_OP_ADJUST, RD_WORD, AVR_WIDE},  /* adiw, sbiw */
    {0xfd00, 0x9800, AVR_OTHER, NONE, 0},                /* cbi, sbi */
    {0xfd00, 0x9900, AVR_OP_SKIP, NONE, 0},              /* sbic, sbis */
    {0xfc00, 0x9c00, AVR_OP_MULTIPLY, NONE, AVR_MUL},    /* mul */
    {0xf800, 0xb000, AVR_OP_CLOBBER, RD, 0},             /* in */
    {0xf800, 0xb800, AVR_OP_OUT, RD_IO, 0},              /* out */
    {0xf000, 0xc000, AVR_OP_RJMP, TO_12, 0},             /* rjmp */
    {0xf000, 0xd000, AVR_OP_RCALL, TO_12, 0},            /* rcall */
    {0xf000, 0xe000, AVR_OP_LDI, RD_HIGH, 0},            /* ldi */
    {0xf800, 0xf000, AVR_OP_BRANCH, TO_7, 0},            /* brbs, brbc */
    {0xfe08, 0xf800, AVR_OP_CLOBBER, RD, 0},             /* bld */
    {0xfe08, 0xfa00, AVR_OTHER, NONE, 0},                /* bst */
    {0xfc08, 0xfc00, AVR_OP_SKIP, NONE, 0},              /* sbrc, sbrs */
};

/* The number of `bits` bits that begins at bit 0, two's complement. */
static int32_t sign_extend(uint32_t number, unsigned bits)
{
    uint32_t sign = UINT32_C(1) << (bits - 1);

    return (int32_t)((number & (sign * 2 - 1)) ^ sign) - (int32_t)sign;
}

static void take_registers(struct avr_instruction *instruction, enum form form, uint16_t word)
{
    instruction->rd = word >> 4 & 31;
    if (form == RD_RR) {
        instruction->rr = (word >> 5 & 16) | (word & 15);
    } else if (form == RD_HIGH || form == RD_TINY) {
        instruction->rd = 16 + (word >> 4 & 15);
    } else if (form == RD_WORD) {
        instruction->rd = 24u + 2u * (word >> 4 & 3u);
    } else if (form == PAIRS) {
        instruction->rd = 2 * (word >> 4 & 15);
        instruction->rr = 2 * (word & 15);
    } else if (form == R0_Z) {
        instruction->rd = 0;
    }
    instruction->pointer = form == POINTER_X ? 26 : form == POINTER_Y ? 28 : 30;
}

static void take_numbers(struct avr_instruction *instruction, enum form form, uint16_t word,
                         uint16_t second)
{
    if (form == RD_HIGH) {
        instruction->number = (word >> 4 & 0xf0) | (word & 15);
    } else if (form == RD_IO) {
        instruction->number = (word >> 5 & 0x30) | (word & 15);
    } else if (form == RD_RAM) {
        instruction->number = second;
    } else if (form == RD_TINY) {
        /* ADDR[7:0] = /INST[8], INST[8], INST[10], INST[9], INST[3:0] */
        unsigned bit8 = word >> 8 & 1;
        instruction->number = (bit8 ^ 1) << 7 | bit8 << 6 | (word >> 10 & 1u) << 5 |
                              (word >> 9 & 1u) << 4 | (word & 15u);
    } else if (form == TO_12) {
        instruction->target = sign_extend(word, 12) * 2;
    } else if (form == TO_7) {
        instruction->target = sign_extend(word >> 3, 7) * 2;
    } else if (form == TO_22) {
        uint32_t high = (word >> 3 & 0x3e) | (word & 1);
        instruction->target = (int32_t)((high << 16 | second) * 2);
    }
    if (form == RD_RAM || form == TO_22)
        instruction->words = 2;
}

struct avr_instruction avr_decode(const struct avr_device *device, uint16_t first, uint16_t second)
{
    struct avr_instruction instruction = {.op = AVR_INVALID, .words = 1};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if ((first & rows[i].mask) != rows[i].match || (rows[i].needs & ~device->features))
            continue;
        instruction.op = rows[i].op;
        take_registers(&instruction, rows[i].form, first);
        take_numbers(&instruction, rows[i].form, first, second);
        break;
    }
    return instruction;
}

bool avr_goes_on(enum avr_op op)
{
    return op != AVR_INVALID && !(op >= AVR_OP_CALL && op <= AVR_OP_EICALL);
}

bool avr_overwrites(const struct avr_instruction *instruction, unsigned reg)
{
    switch (instruction->op) {
    case AVR_OP_MOVW:
        return reg == instruction->rd || reg == instruction->rd + 1;
    case AVR_OP_MULTIPLY:
        return reg <= 1;
    case AVR_OP_LDI:
    case AVR_OP_MOV:
    case AVR_OP_CLOBBER:
    case AVR_OP_POP:
    case AVR_OP_LDS:
    case AVR_OP_LD:
    case AVR_OP_LPM:
    case AVR_OP_ELPM:
        return reg == instruction->rd;
    default:
        return false;
    }
}
