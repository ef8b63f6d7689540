/* How the ELF code says no: a table of checks, the first that failed becomes
 * the error. elf_image.c and elf_relocate.c alone use it.
 *
 * A table's conditions are all evaluated before the first is judged, so none
 * may count on an earlier row to be harmless. */
#ifndef BESTLA_ELF_CHECK_H
#define BESTLA_ELF_CHECK_H

#include "elf_image.h"

struct elf_check {
    bool failed;
    enum elf_status status;
    const char *field; /* from here on as in struct elf_error */
    uint64_t value;
    const char *reason;
    uint64_t limit;
};

#define ELF_CHECKS(table) (sizeof(table) / sizeof((table)[0]))

/* `segment` goes into the error as it is. */
__attribute__((warn_unused_result)) enum elf_status elf_judge(const struct elf_check *checks,
                                                              size_t count, unsigned segment,
                                                              struct elf_error *error);

#endif
