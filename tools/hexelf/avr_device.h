/* What differs between AVR parts: instructions, flash, RAM. */
#ifndef BESTLA_TOOLS_HEXELF_AVR_DEVICE_H
#define BESTLA_TOOLS_HEXELF_AVR_DEVICE_H

#include "symbols.h"

/* What an instruction needs beyond avr2's. */
enum avr_feature {
    AVR_MOVW = 1 << 0,  /* movw, lpm with a register */
    AVR_JMP = 1 << 1,   /* jmp, call */
    AVR_MUL = 1 << 2,   /* mul, muls, fmul, ... */
    AVR_ELPM = 1 << 3,  /* elpm to r0 */
    AVR_ELPMX = 1 << 4, /* elpm with a register */
    AVR_EIND = 1 << 5,  /* eijmp, eicall */
    AVR_WIDE = 1 << 6,  /* r0-r15, adiw, 32-bit lds and sts, ldd: all but avrtiny */
    AVR_TINY = 1 << 7,  /* 16-bit lds and sts */
    AVR_XMEGA = 1 << 8, /* des, las, lac, lat, xch, spm with Z+ */
};

/* avrtiny has no lpm: ld finds flash from here on in data space (Atmel 8127, "ATtiny4/5/9/10",
 * "Memories"). */
#define AVR_TINY_FLASH 0x4000u

struct avr_device {
    char name[16];
    uint8_t arch; /* e_flags without EF_AVR_LINKRELAX_PREPARED: avr5 is 5, avr51 is 51 */
    unsigned features;
    uint32_t flash;               /* bytes; the program counter wraps there */
    uint32_t ram_start, ram_last; /* of internal SRAM; below are registers and I/O */
};

/* A part as avr-gcc or avrasm2 spells it, in any case, or an architecture (avr5), which then stands
 * for as much flash as it can have and RAM from where most of its parts have it. */
__attribute__((warn_unused_result)) bool avr_device_find(const char *name,
                                                         struct avr_device *device);

/* The part that avra's map names: its constant __PART__ has the value of __DEVICE__. */
const char *avr_device_of_map(const struct symbols *symbols);

#endif
