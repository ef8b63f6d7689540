/* One boot through efi_main on the fake firmware and CPU: how it ended, and with what. */
#ifndef BESTLA_FAKE_BOOT_H
#define BESTLA_FAKE_BOOT_H

#include "fake_cpu.h"
#include "fake_firmware.h"

enum fake_ending {
    FAKE_RETURNED,
    FAKE_HANDED_OFF,
    FAKE_HALTED,
    FAKE_RESET,
};

struct fake_outcome {
    enum fake_ending ending;
    EFI_STATUS status; /* FAKE_RETURNED */

    uint64_t root; /* FAKE_HANDED_OFF: what handoff() was given */
    uint64_t entry;
    uint64_t stack_top;
    uint64_t boot_info;
    uint64_t cr0;
};

/* What handoff.asm gives the loader. The page is in the memory map of a fake world. */
extern const char handoff_page[4096];
_Noreturn void handoff(uint64_t root, uint64_t entry, uint64_t stack_top, uint64_t boot_info,
                       uint64_t cr0);

struct fake_outcome fake_boot(void);

/* What firmware's ResetSystem calls. */
_Noreturn void fake_reset_machine(void);

/* Firmware with a memory map of all kinds, and a volume with a loader.conf, three entries, two
 * modules and the kernel of kernel_file.h. */
void fake_world(void);

/* Firmware that has nothing random, so that the kernel goes where it is linked. */
void fake_plain_world(void);

/* The boot failed as it should: status an error, a line that has `words` in it, everything
 * given back. */
void assert_refused(const struct fake_outcome *outcome, EFI_STATUS status, const char *words);
void assert_all_given_back(void);

#endif
