/* One AVR instruction: what the tool must know of it, and no more. Microchip DS40002198, "AVR
 * Instruction Set Manual". */
#ifndef BESTLA_TOOLS_HEXELF_AVR_DECODE_H
#define BESTLA_TOOLS_HEXELF_AVR_DECODE_H

#include "avr_device.h"

enum avr_op {
    AVR_INVALID, /* no instruction, or none of this part */
    AVR_OTHER,   /* changes and uses nothing that the tool follows */
    /* Where control goes. */
    AVR_OP_CALL,
    AVR_OP_JMP,
    AVR_OP_RCALL,
    AVR_OP_RJMP,
    AVR_OP_BRANCH,
    AVR_OP_SKIP,
    AVR_OP_RETURN,
    AVR_OP_IJMP,
    AVR_OP_ICALL,
    AVR_OP_EIJMP,
    AVR_OP_EICALL,
    /* Immediate values: rd is a byte of them. */
    AVR_OP_LDI,
    AVR_OP_SUBI,
    AVR_OP_SBCI,
    AVR_OP_CPI,
    /* What is done with registers. */
    AVR_OP_COMPARE, /* of rd and rr, changes none */
    AVR_OP_CPC,
    AVR_OP_MOV,
    AVR_OP_MOVW,
    AVR_OP_ADD,      /* add, adc: rd is of both */
    AVR_OP_ADJUST,   /* sub, sbc, adiw, sbiw, inc, dec: rd is still what it was, a bit further */
    AVR_OP_CLOBBER,  /* rd is something else */
    AVR_OP_MULTIPLY, /* into r1:r0 */
    AVR_OP_PUSH,
    AVR_OP_POP,
    AVR_OP_OUT,
    /* Memory: `pointer` is the lower of two registers. */
    AVR_OP_LDS,
    AVR_OP_STS,
    AVR_OP_LD,
    AVR_OP_ST,
    AVR_OP_LPM,
    AVR_OP_ELPM,
};

struct avr_instruction {
    enum avr_op op;
    unsigned words;   /* 1 or 2 */
    unsigned rd, rr;  /* 0-31 */
    unsigned pointer; /* 26 (X), 28 (Y), 30 (Z) */
    uint32_t number;  /* immediate value, or address in RAM or I/O */
    int32_t target;   /* for calls, jumps and branches, in bytes: of the flash or, if relative, from
                         the next instruction */
};

/* `second` is what follows, for the few that have two words. */
struct avr_instruction avr_decode(const struct avr_device *device, uint16_t first, uint16_t second);

/* Behind it comes the next one, sooner or later in every case, with nothing done in between. */
bool avr_goes_on(enum avr_op op);

/* Nothing of what the register held is left. */
bool avr_overwrites(const struct avr_instruction *instruction, unsigned reg);

#endif
