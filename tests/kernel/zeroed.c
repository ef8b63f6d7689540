/* Looks at memory that the loader must have cleared: tests/boot/test_dirty_memory.py fills all
 * free memory with other bytes first. */
#include "run.h"

#include "attempt.h"
#include "x86_cpu.h"

static uint64_t cleared[16 * 1024];

void run(void)
{
    for (size_t i = 0; i < sizeof(cleared) / sizeof(cleared[0]); i++) {
        if (cleared[i] != 0)
            panic("test: bss holds 0x%llx at %p", (unsigned long long)cleared[i],
                  (void *)&cleared[i]);
    }
    log_raw("test: passed\n");
    halt_forever();
}
