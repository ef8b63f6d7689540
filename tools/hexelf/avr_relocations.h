/* Relocations of AVR, as binutils numbers them; elf.h has none. */
#ifndef BESTLA_TOOLS_HEXELF_AVR_RELOCATIONS_H
#define BESTLA_TOOLS_HEXELF_AVR_RELOCATIONS_H

enum {
    R_AVR_7_PCREL = 2,
    R_AVR_13_PCREL = 3,
    R_AVR_16 = 4,
    R_AVR_16_PM = 5,
    R_AVR_LO8_LDI = 6,
    R_AVR_HI8_LDI = 7,
    R_AVR_HH8_LDI = 8,
    R_AVR_LO8_LDI_NEG = 9,
    R_AVR_HI8_LDI_NEG = 10,
    R_AVR_HH8_LDI_NEG = 11,
    R_AVR_LO8_LDI_PM = 12,
    R_AVR_HI8_LDI_PM = 13,
    R_AVR_HH8_LDI_PM = 14,
    R_AVR_LO8_LDI_PM_NEG = 15,
    R_AVR_HI8_LDI_PM_NEG = 16,
    R_AVR_HH8_LDI_PM_NEG = 17,
    R_AVR_CALL = 18,
    R_AVR_LO8_LDI_GS = 24,
    R_AVR_HI8_LDI_GS = 25,
    R_AVR_LDS_STS_16 = 33,
};

#endif
