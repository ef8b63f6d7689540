/* The one way to die: everything that is wrong ends in one report, on every console. */
#ifndef BESTLA_KERNEL_PANIC_H
#define BESTLA_KERNEL_PANIC_H

#include "cpu.h"
#include "format.h"
#include "x86_cpu.h"

/* Reports what was called for (up to 319 bytes of it), where, the registers, how the kernel got
 * there and what memory looks like, `kernel panic: …` last, and halts this CPU for good. A panic
 * while another is reported prints one line and halts; a third halts. NMIs are passed over. */
FORMAT_LIKE_PRINTF(1, 2)
_Noreturn void panic(const char *format, ...);

/* The same from registers that somebody else has: those of an exception, whose cause is then
 * explained (exception_explain of cpu.h), or of a caller. */
FORMAT_LIKE_PRINTF(2, 3)
_Noreturn void panic_at(const struct registers *registers, const char *format, ...);

/* Is one being reported, or has it been? */
bool panic_has_begun(void);

/* Of the function that called the one this stands in: the place, the stack and the frame. The
 * call itself has used up the rest. */
static inline __attribute__((always_inline)) struct registers registers_of_caller(void)
{
    const uint64_t *frame = __builtin_frame_address(0);

    return (struct registers){
        .vector = VECTOR_NONE,
        .cr2 = read_cr2(),
        .rbp = frame[0],
        .rip = frame[1],
        .rsp = (uintptr_t)(frame + 2),
    };
}

#endif
