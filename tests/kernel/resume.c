/* Breakpoints that a handler counts and lets go: the interrupted code finds every register as it
 * was, and the one that the handler changes as that left it. */
#include "run.h"

#include "attempt.h"
#include "cpu.h"

static uint64_t handled;

static bool on_breakpoint(struct registers *registers)
{
    handled++;
    registers->rax = registers->rbx + handled;
    return true;
}

/* Fills all registers but RSP and RBP with values of their own, and returns a word that
 * is 0 when they still have them afterwards. */
static uint64_t break_here(uint64_t expected_rax)
{
    uint64_t rax, wrong;

    __asm__ volatile("mov $0x10, %%rbx\n\tmov $0x11, %%rcx\n\tmov $0x12, %%rdx\n\t"
                     "mov $0x13, %%rsi\n\tmov $0x14, %%rdi\n\tmov $0x15, %%r8\n\t"
                     "mov $0x16, %%r9\n\tmov $0x17, %%r10\n\tmov $0x18, %%r11\n\t"
                     "mov $0x19, %%r12\n\tmov $0x1a, %%r13\n\tmov $0x1b, %%r14\n\t"
                     "mov $0x1c, %%r15\n\t"
                     "int3\n\t"
                     "xor $0x10, %%rbx\n\txor $0x11, %%rcx\n\txor $0x12, %%rdx\n\t"
                     "xor $0x13, %%rsi\n\txor $0x14, %%rdi\n\txor $0x15, %%r8\n\t"
                     "xor $0x16, %%r9\n\txor $0x17, %%r10\n\txor $0x18, %%r11\n\t"
                     "xor $0x19, %%r12\n\txor $0x1a, %%r13\n\txor $0x1b, %%r14\n\t"
                     "xor $0x1c, %%r15\n\t"
                     "or %%rcx, %%rbx\n\tor %%rdx, %%rbx\n\tor %%rsi, %%rbx\n\t"
                     "or %%rdi, %%rbx\n\tor %%r8, %%rbx\n\tor %%r9, %%rbx\n\t"
                     "or %%r10, %%rbx\n\tor %%r11, %%rbx\n\tor %%r12, %%rbx\n\t"
                     "or %%r13, %%rbx\n\tor %%r14, %%rbx\n\tor %%r15, %%rbx\n\t"
                     : "=a"(rax), "=b"(wrong)::"rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                       "r12", "r13", "r14", "r15", "memory");
    return wrong | (rax ^ expected_rax);
}

void run(void)
{
    uint64_t wrong = 0;

    exception_handle(VECTOR_BREAKPOINT, on_breakpoint);
    for (uint64_t i = 1; i <= 3; i++)
        wrong |= break_here(0x10 + i);
    must(handled == 3, "three breakpoints");
    must(wrong == 0, "a register changed");
    exception_handle(VECTOR_BREAKPOINT, NULL);
    log_raw("test: passed\n");
    break_here(0);
    survived();
}
