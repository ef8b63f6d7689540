/* See pe_sections.h. All offsets are the file's, and so may be anything. */
#include "pe_sections.h"

#include <stdbool.h>

#include "mem.h"

#define DOS_HEADER_SIZE  64
#define PE_OFFSET_AT     0x3c
#define PE_HEADER_SIZE   24 /* the signature and the COFF header */
#define SECTION_COUNT_AT 6
#define OPTIONAL_SIZE_AT 20
#define SECTION_SIZE     40
#define NAME_SIZE        8

/* Of a section's header. */
#define VIRTUAL_SIZE_AT 8
#define RAW_SIZE_AT     16
#define RAW_OFFSET_AT   20

static uint32_t number_at(const unsigned char *bytes, unsigned size)
{
    uint32_t number = 0;

    for (unsigned i = 0; i < size; i++)
        number |= (uint32_t)bytes[i] << 8 * i;
    return number;
}

/* The section table, of *count headers, in full; it lies wherever its offsets say. */
static enum pe_status find_table(const unsigned char *head, size_t size,
                                 const unsigned char **table, uint32_t *count)
{
    if (size < DOS_HEADER_SIZE || memcmp(head, "MZ", 2) != 0)
        return PE_NO_SIGNATURE;
    uint64_t pe = number_at(head + PE_OFFSET_AT, 4);
    if (pe + PE_HEADER_SIZE > size)
        return PE_HEADERS_TOO_FAR;
    if (memcmp(head + pe, "PE\0\0", 4) != 0)
        return PE_NO_SIGNATURE;
    *count = number_at(head + pe + SECTION_COUNT_AT, 2);
    uint64_t start = pe + PE_HEADER_SIZE + number_at(head + pe + OPTIONAL_SIZE_AT, 2);
    if (start + (uint64_t)*count * SECTION_SIZE > size)
        return PE_HEADERS_TOO_FAR;
    *table = head + start;
    return PE_OK;
}

/* Names shorter than the field end with NULs. */
static bool is_called(const unsigned char *header, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < NAME_SIZE; i++) {
        if (header[i] != (i < length ? (unsigned char)name[i] : 0))
            return false;
    }
    return length <= NAME_SIZE;
}

/* The raw size is rounded up to the file's alignment, the virtual one is not; what is beyond the
 * raw data is 0 in memory and not in the file. */
static enum pe_status take_section(const unsigned char *header, uint64_t file_size,
                                   struct pe_section *section)
{
    uint64_t offset = number_at(header + RAW_OFFSET_AT, 4);
    uint64_t size = number_at(header + RAW_SIZE_AT, 4);
    uint64_t wanted = number_at(header + VIRTUAL_SIZE_AT, 4);

    if (wanted != 0 && wanted < size)
        size = wanted;
    if (size == 0 || offset + size > file_size)
        return PE_SECTION_OUTSIDE;
    *section = (struct pe_section){offset, size};
    return PE_OK;
}

enum pe_status pe_find_section(const void *head, size_t head_size, uint64_t file_size,
                               const char *name, struct pe_section *section)
{
    const unsigned char *table;
    uint32_t count;
    enum pe_status status = find_table(head, head_size, &table, &count);

    if (status != PE_OK)
        return status;
    for (uint32_t i = 0; i < count; i++) {
        if (is_called(table + (size_t)i * SECTION_SIZE, name))
            return take_section(table + (size_t)i * SECTION_SIZE, file_size, section);
    }
    return PE_NO_SECTION;
}

const char *pe_status_text(enum pe_status status)
{
    switch (status) {
    case PE_OK:
        return "no error";
    case PE_NO_SECTION:
        return "no such section";
    case PE_NO_SIGNATURE:
        return "no PE image";
    case PE_HEADERS_TOO_FAR:
        return "a PE image whose headers end too far from its start";
    case PE_SECTION_OUTSIDE:
        return "a section that is not in the file";
    }
    return "unknown status";
}
