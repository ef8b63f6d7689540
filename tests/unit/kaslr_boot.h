/* Boots of the loader for the tests of KASLR. */
#ifndef BESTLA_KASLR_BOOT_H
#define BESTLA_KASLR_BOOT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "handoff_check.h"
#include "kernel_file.h"
#include "log_level.h"

#define STEP   (UINT64_C(2) << 20)
#define LINKED UINT64_C(0x100000) /* p_paddr of the kernel's first page */

/* A boot that comes to the kernel, and is checked. */
static inline const struct boot_info *boot_well(void)
{
    struct fake_outcome outcome = fake_boot();
    return assert_good_handoff(&outcome);
}

/* For the next boot, in its entry. */
static inline void set_options(const char *options)
{
    static char conf[256]; /* firmware reads it later */

    strcpy(conf, "kernel /kernel.elf\noptions ");
    strcat(conf, options);
    fake_add_text("/loader/entries/bestla-2.conf", conf);
}

static inline bool has_warning(const struct boot_info *info)
{
    for (uint64_t offset = 0; offset < info->log_size;) {
        const struct boot_log_record *record = (const void *)(uintptr_t)(info->log + offset);
        if (record->level == LOG_WARNING)
            return true;
        offset += boot_log_record_size(record->length);
    }
    return false;
}

#endif
