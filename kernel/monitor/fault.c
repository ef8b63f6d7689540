/* `fault KIND`: the ways to die, on purpose, each by the plainest means. */
#include "commands.h"

#include "assert_that.h"
#include "image.h"
#include "log.h"
#include "panic.h"

static void write_null(void)
{
    __asm__ volatile("xor %%eax, %%eax\n\tmovb $1, (%%rax)" ::: "rax", "cc", "memory");
}

static void write_text(void)
{
    *(volatile uint8_t *)(uintptr_t)write_text = 0xc3;
}

static uint64_t dive(uint64_t depth)
{
    volatile uint8_t frame[512];

    frame[depth % sizeof(frame)] = 1;
    if (depth == UINT64_MAX)
        return 0;
    return dive(depth + 1) + frame[depth % sizeof(frame)];
}

static void overflow_stack(void)
{
    log_raw("%lu\n", dive(0));
}

static void execute_data(void)
{
    static uint8_t data[] = {0xc3}; /* ret */
    __asm__ volatile("call *%0" ::"r"(data) : "memory");
}

static void divide(void)
{
    __asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::: "eax", "ecx", "edx", "cc");
}

/* SDM Vol. 1, 3.3.7.1: not canonical. */
static void protection(void)
{
    (void)*(volatile uint8_t *)(UINT64_C(1) << 63);
}

static void invalid_opcode(void)
{
    __asm__ volatile("ud2");
}

/* A page fault whose report finds no stack either. */
static void double_fault(void)
{
    __asm__ volatile("xor %%esp, %%esp\n\tpush %%rax" ::: "memory");
}

static void call_panic(void)
{
    panic("asked for");
}

static void fail_assertion(void)
{
    size_t none = 0;
    assert_that(image_segment_count, ==, none);
}

static const struct kind {
    const char *name, *help;
    void (*act)(void);
} kinds[] = {
    {"null", "write through a null pointer", write_null},
    {"write-text", "write to the kernel's text", write_text},
    {"stack-overflow", "recurse into the guard page", overflow_stack},
    {"nx", "execute data", execute_data},
    {"divide", "#DE: divide by 0", divide},
    {"gp", "#GP: read from an address that is not canonical", protection},
    {"ud", "#UD: an invalid opcode", invalid_opcode},
    {"df", "#DF: push to a stack that is not there", double_fault},
    {"panic", "call panic()", call_panic},
    {"assert", "an assertion that fails", fail_assertion},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void fault_complete(struct line_completion *completion)
{
    for (size_t i = 0; i < KINDS; i++)
        line_completion_add(completion, text_of(kinds[i].name));
}

void command_fault(const struct text *words, size_t count)
{
    (void)count;
    for (size_t i = 0; i < KINDS; i++) {
        if (!text_equal(text_of(kinds[i].name), words[0]))
            continue;
        log_raw("%s: the kernel will not survive it. ", kinds[i].help);
        if (monitor_ask("Go on?"))
            kinds[i].act();
        return;
    }
    log_raw("%.*s: no such kind; there are\n", TEXT_ARG(words[0]));
    for (size_t i = 0; i < KINDS; i++)
        log_raw("  %-15s %s\n", kinds[i].name, kinds[i].help);
}
