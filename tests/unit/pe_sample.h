/* A small PE image: its headers, a section .text, then .osrel with a text in it. */
#ifndef BESTLA_TEST_PE_SAMPLE_H
#define BESTLA_TEST_PE_SAMPLE_H

#include <stdint.h>
#include <string.h>

#define PE_AT         0x80
#define PE_OPTIONAL   0xf0
#define PE_TABLE      (PE_AT + 24 + PE_OPTIONAL)
#define PE_TEXT_AT    0x400
#define PE_OSREL_AT   0x600
#define PE_SAMPLE_MAX 0x1000

static inline void pe_put(unsigned char *at, uint32_t number, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (unsigned char)(number >> 8 * i);
}

static inline void pe_put_section(unsigned char *header, const char *name, uint32_t wanted,
                                  uint32_t raw, uint32_t offset)
{
    memset(header, 0, 40);
    memcpy(header, name, strlen(name));
    pe_put(header + 8, wanted, 4);
    pe_put(header + 16, raw, 4);
    pe_put(header + 20, offset, 4);
}

/* Returns its size: a multiple of 512. */
static inline size_t pe_sample(unsigned char image[PE_SAMPLE_MAX], const char *text)
{
    uint32_t length = (uint32_t)strlen(text), raw = (length + 511) & ~511U;

    memset(image, 0, PE_SAMPLE_MAX);
    memcpy(image, "MZ", 2);
    pe_put(image + 0x3c, PE_AT, 4);
    memcpy(image + PE_AT, "PE\0\0", 4);
    pe_put(image + PE_AT + 6, 2, 2);
    pe_put(image + PE_AT + 20, PE_OPTIONAL, 2);
    pe_put_section(image + PE_TABLE, ".text", 0x100, 0x200, PE_TEXT_AT);
    pe_put_section(image + PE_TABLE + 40, ".osrel", length, raw, PE_OSREL_AT);
    memcpy(image + PE_OSREL_AT, text, length);
    return PE_OSREL_AT + raw;
}

#endif
