/* A good boot info in fake physical memory. Only what its map calls MEMORY_LOADER can be read:
 * any other read ends the test. */
#ifndef BESTLA_TEST_BOOT_INFO_SAMPLE_H
#define BESTLA_TEST_BOOT_INFO_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot_info.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Physical, frame by frame:
 *   0 to 3    loader        boot info and map; firmware's map; modules and log; root table
 *   4 to 19   kernel image
 *   20 to 22  module        two of them
 *   23        loader        options, up to its last byte
 *   24 to 27  usable
 *   28 to 29  reserved
 *   30 to 31  a hole
 *   32        loader        words of the modules, up to its last byte */
#define ARENA        UINT64_C(0x7654321000)
#define FRAME(n)     (ARENA + (n)*PAGE_SIZE)
#define ARENA_FRAMES 34

#define INFO_AT     (FRAME(0) + 0x100)
#define MAP_AT      (FRAME(0) + 0x400)
#define MAP_COUNT   7
#define FIRMWARE_AT FRAME(1)
#define MODULES_AT  FRAME(2)
#define LOG_AT      (FRAME(2) + 0x800)
#define LOG_SIZE    (16 + 16 + 8 + 16 + 16)
#define ROOT_AT     FRAME(3)
#define OPTIONS     "console=serial quiet"
#define OPTIONS_AT  (FRAME(24) - sizeof(OPTIONS))
#define WORDS_0     "initrd"
#define WORDS_1     "\\boot\\symbols with words"
#define WORDS_1_AT  (FRAME(33) - sizeof(WORDS_1))
#define WORDS_0_AT  (WORDS_1_AT - sizeof(WORDS_0))

struct sample {
    unsigned char *host; /* of ARENA */
    struct boot_info *info;
};

void open_sample(struct sample *sample);
void close_sample(struct sample *sample);

/* What lies at a physical address. */
static inline void *in_sample(const struct sample *sample, uint64_t address)
{
    return (void *)((uintptr_t)sample->host + (address - ARENA));
}

/* Makes a frame readable that is not the loader's. */
void allow_frame(const struct sample *sample, unsigned frame);

/* Is [address, address + size) readable as it was made? Not what allow_frame added. */
bool sample_can_read(uint64_t address, uint64_t size);

enum boot_info_status check_sample(const struct sample *sample, uint64_t at,
                                   struct boot_info_error *error);

#endif
