/* What the kernel is handed, held against what the fake firmware and CPU know, byte by byte and
 * leaf by leaf. The tables are walked by a walker of its own. Any difference fails the
 * test. */
#ifndef BESTLA_HANDOFF_CHECK_H
#define BESTLA_HANDOFF_CHECK_H

#include "boot_info.h"
#include "fake_boot.h"

/* Everything that does not depend on the test's own files: the whole boot_info, the CPU, the
 * image of kernel_file.h in memory, the tables. Returns the boot_info. */
const struct boot_info *assert_good_handoff(const struct fake_outcome *outcome);

/* table_check.c: exactly the image, RAM and the framebuffer are mapped, with their rights. */
void assert_good_tables(const struct boot_info *info, unsigned levels);
/* Leaves of each level that the tables just checked have: [1] of 4 KiB, [2], [3]. */
extern unsigned checked_leaves[4];

/* How far the kernel is from where it is linked. */
uint64_t slide_of(const struct boot_info *info);

/* Is there a line of the log with these words in it? */
bool log_has(const struct boot_info *info, const char *words);

#endif
