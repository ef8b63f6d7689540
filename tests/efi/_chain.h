/* What the programs of this folder share: firmware starts them in the loader's place, they make
 * the machine what a test wants it to be, and then start the loader. */
#ifndef BESTLA_TESTS_CHAIN_H
#define BESTLA_TESTS_CHAIN_H

#include <efi.h>

#include "addr.h"
#include "format.h"

/* What gnu-efi's start code calls. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* To be called first. */
void chain_open(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

extern EFI_SYSTEM_TABLE *firmware;
extern EFI_BOOT_SERVICES *services;

/* A line on firmware's console, "test: …". */
FORMAT_LIKE_PRINTF(1, 2)
void say(const char *format, ...);

/* Says what failed and halts: the test sees that the loader was never started. */
void must(EFI_STATUS status, const char *what);

/* The root of the volume that this program came from. */
EFI_FILE_PROTOCOL *open_volume(void);

/* Starts /EFI/bestla/loader.efi as if from `device` (NULL: from where this program came from),
 * with these LoadOptions (NULL: none). Returns what the loader returns. */
EFI_STATUS start_loader(EFI_HANDLE device, const CHAR16 *options);

/* Firmware's memory map, the descriptors as they are; it lies in a buffer that lasts until the
 * next call. */
struct descriptors {
    const char *first;
    size_t count;
    size_t element_size;
};
struct descriptors read_map(void);

static inline const EFI_MEMORY_DESCRIPTOR *descriptor_at(const struct descriptors *map, size_t i)
{
    return (const void *)(map->first + i * map->element_size);
}

#endif
