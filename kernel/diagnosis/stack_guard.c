/* See stack_guard.h. The two __stack_chk_ names are the compilers' (GCC manual,
 * -mstack-protector-guard=global). */
#include "stack_guard.h"

#include "handoff.h"
#include "log.h"
#include "panic.h"
#include "x86_cpu.h"

#define RDRAND_TRIES 10 /* SDM Vol. 1, 7.3.17.1 */

extern uint64_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

/* Until there is something random it at least has bytes that no string has. */
uint64_t __stack_chk_guard = UINT64_C(0x00ff0a0d57ac9e00);

static bool take_rdrand(uint64_t *word)
{
    bool good = false;

    for (int i = 0; i < RDRAND_TRIES && cpu_has_rdrand() && !good; i++)
        good = rdrand(word);
    return good;
}

/* The lowest byte stays 0: a string that runs over cannot put the word back. */
__attribute__((no_stack_protector)) void stack_guard_start(void)
{
    uint64_t word = read_tsc();
    const char *source = handoff_take_random(&word) ? "the handoff's seed"
                         : take_rdrand(&word)       ? "RDRAND"
                                                    : NULL;

    if (source != NULL)
        log_info("cpu", "stack protector: canary from %s", source);
    else
        log_warning("cpu", "stack protector: canary from the time stamp counter, not random");
    __stack_chk_guard = word & ~UINT64_C(0xff);
}

/* Called from the function whose frame it is; the frame pointer still holds, what lies above it
 * may not. */
void __stack_chk_fail(void)
{
    struct registers caller = registers_of_caller();

    panic_at(&caller, "stack smashed: the canary of this function's frame was overwritten");
}
