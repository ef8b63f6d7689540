/* What the numbers of relocations are called. */
#include "avr_relocations.h"
#include "object.h"

#include <elf.h>

#define NAME(kind) [kind] = #kind

const char *relocation_name(enum machine machine, unsigned kind)
{
    static const char *const avr[] = {
        NAME(R_AVR_7_PCREL),        NAME(R_AVR_13_PCREL),       NAME(R_AVR_16),
        NAME(R_AVR_16_PM),          NAME(R_AVR_LO8_LDI),        NAME(R_AVR_HI8_LDI),
        NAME(R_AVR_HH8_LDI),        NAME(R_AVR_LO8_LDI_NEG),    NAME(R_AVR_HI8_LDI_NEG),
        NAME(R_AVR_HH8_LDI_NEG),    NAME(R_AVR_LO8_LDI_PM),     NAME(R_AVR_HI8_LDI_PM),
        NAME(R_AVR_HH8_LDI_PM),     NAME(R_AVR_LO8_LDI_PM_NEG), NAME(R_AVR_HI8_LDI_PM_NEG),
        NAME(R_AVR_HH8_LDI_PM_NEG), NAME(R_AVR_CALL),           NAME(R_AVR_LO8_LDI_GS),
        NAME(R_AVR_HI8_LDI_GS),     NAME(R_AVR_LDS_STS_16),
    };
    static const char *const x86[] = {
        NAME(R_X86_64_64), NAME(R_X86_64_PC32), NAME(R_X86_64_32),   NAME(R_X86_64_32S),
        NAME(R_X86_64_16), NAME(R_X86_64_PC16), NAME(R_X86_64_PC64),
    };

    if (machine == MACHINE_AVR)
        return kind < sizeof(avr) / sizeof(*avr) ? avr[kind] : NULL;
    return kind < sizeof(x86) / sizeof(*x86) ? x86[kind] : NULL;
}
