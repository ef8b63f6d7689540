/* NMIs that a handler on a stack of its own lets go: two by INT, two from outside, which the test
 * sends once this kernel stands at nmi_wait. The interrupted code finds its registers, its
 * stack and its flags as they were. */
#include "run.h"

#include "attempt.h"
#include "cpu.h"
#include "image.h"

#define JUMP_TO_ITSELF UINT16_C(0xfeeb) /* `jmp .` */
/* All that an instruction here may set: CF, PF, AF, ZF, SF, DF, OF, and bit 1 (SDM Vol. 1,
 * 3.4.3). */
#define FLAGS UINT64_C(0xcd7)

extern const char nmi_stack_bottom[];

static unsigned handled, elsewhere;

/* Ends the wait: it is the interrupted code's own instruction that never does. */
static bool on_nmi(struct registers *registers)
{
    const struct image_segment *stack = image_stack_at(virt_of(__builtin_frame_address(0)));

    elsewhere += stack == NULL || stack->start != nmi_stack_bottom;
    handled++;
    if (*(const uint16_t *)registers->rip == JUMP_TO_ITSELF)
        registers->rip += sizeof(uint16_t);
    return true;
}

/* Fills all registers and the flags, and returns a word that is 0 when they are still the
 * same afterwards. */
static __attribute__((noinline)) uint64_t interrupt_here(uint64_t from_outside)
{
    uint64_t flags = from_outside, wrong;

    __asm__ volatile(
        "mov $0x10, %%rbx\n\tmov $0x11, %%rcx\n\tmov $0x12, %%rdx\n\tmov $0x13, %%rsi\n\t"
        "mov $0x14, %%rdi\n\tmov $0x15, %%r8\n\tmov $0x16, %%r9\n\tmov $0x17, %%r10\n\t"
        "mov $0x18, %%r11\n\tmov $0x19, %%r12\n\tmov $0x1a, %%r13\n\t"
        "mov %%rbp, %%r14\n\tmov %%rsp, %%r15\n\t"
        "test %%rax, %%rax\n\tmov $0x1d, %%rax\n\tjnz 1f\n\t"
        "push %[flags]\n\tpopfq\n\tint $2\n\tjmp 2f\n"
        "1:\tpush %[flags]\n\tpopfq\n"
        ".globl nmi_wait\nnmi_wait:\n3:\tjmp 3b\n"
        "2:\tpushfq\n\tcld\n\t"
        "sub $8, %%r15\n\txor %%rsp, %%r15\n\t"
        "xor %%rbp, %%r14\n\txor $0x1d, %%rax\n\t"
        "xor $0x10, %%rbx\n\txor $0x11, %%rcx\n\txor $0x12, %%rdx\n\txor $0x13, %%rsi\n\t"
        "xor $0x14, %%rdi\n\txor $0x15, %%r8\n\txor $0x16, %%r9\n\txor $0x17, %%r10\n\t"
        "xor $0x18, %%r11\n\txor $0x19, %%r12\n\txor $0x1a, %%r13\n\t"
        "or %%rax, %%rbx\n\tor %%rcx, %%rbx\n\tor %%rdx, %%rbx\n\tor %%rsi, %%rbx\n\t"
        "or %%rdi, %%rbx\n\tor %%r8, %%rbx\n\tor %%r9, %%rbx\n\tor %%r10, %%rbx\n\t"
        "or %%r11, %%rbx\n\tor %%r12, %%rbx\n\tor %%r13, %%rbx\n\tor %%r14, %%rbx\n\t"
        "or %%r15, %%rbx\n\tpop %%rax\n\t"
        : "+a"(flags), "=b"(wrong)
        : [flags] "i"(FLAGS)
        : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "memory", "cc");
    return wrong | (flags ^ FLAGS);
}

void run(void)
{
    uint64_t wrong = 0;

    exception_handle(VECTOR_NMI, on_nmi);
    for (unsigned i = 0; i < 4; i++) {
        if (i >= 2)
            log_raw("test: waiting for NMI %u\n", i);
        wrong |= interrupt_here(i >= 2);
        must(handled == i + 1, "an NMI was not handled");
        must(wrong == 0, "a register changed");
    }
    must(elsewhere == 0, "a handler was on another stack");
    log_raw("test: passed\n");
    exception_handle(VECTOR_NMI, NULL);
    __asm__ volatile("int $2" ::: "memory");
    survived();
}
