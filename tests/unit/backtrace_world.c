/* See backtrace_world.h. */
#define _GNU_SOURCE
#include "backtrace_world.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backtrace.h"
#include "fake_log.h"
#include "image.h"
#include "log.h"
#include "loaded_tables.h"
#include "symbols.h"

#define TIME_LIMIT 20 /* s, each test's */

/* ---- text ------------------------------------------------------------------------------ */

/* clang-format off */
#define END_OF_CALL "\n.pushsection .rodata.ends, \"a\"\n.short 77f - indirect\n.popsection\n77:\n"

__asm__(
    ".pushsection .rodata.ends, \"a\"\n.balign 2\n.globl indirect_ends\nindirect_ends:\n"
    ".popsection\n"
    ".pushsection .rodata.text, \"a\"\n.balign 4096\n"
    ".globl entry, kernel_main, main_called, main_indirect, middle, middle_called, inner\n"
    ".globl inner_pushed, inner_framed, inner_called, inner_popped, bare, dive, dive_called\n"
    ".globl dive_popped, before_ending, before_ending_called, ending, ending_called\n"
    ".globl handler, handler_called, stub, indirect, indirect_end, outward, data_word\n"
    ".globl kernel_entry.return, enter_exception.return, text_begin, text_finish\n"
    "text_begin:\n"
    "entry: .fill 16, 1, 0x90\n call kernel_main\nkernel_entry.return: hlt\n.balign 16\n"
    "kernel_main: push %rbp\n mov %rsp, %rbp\n call middle\nmain_called: nop\n"
    " call *%rax\nmain_indirect: pop %rbp\n ret\n.balign 16\n"
    "middle: push %rbp\n mov %rsp, %rbp\n call inner\nmiddle_called: pop %rbp\n ret\n.balign 16\n"
    "inner: push %rbp\ninner_pushed: mov %rsp, %rbp\ninner_framed: nop\n call bare\n"
    "inner_called: pop %rbp\ninner_popped: ret\n.balign 16\n"
    "bare: nop\n nop\n ret\n.balign 16\n"
    "dive: push %rbp\n mov %rsp, %rbp\n call dive\n"
    "dive_called: pop %rbp\ndive_popped: ret\n.balign 16\n"
    "before_ending: push %rbp\n mov %rsp, %rbp\n call ending\nbefore_ending_called: ret\n"
    "ending: push %rbp\n mov %rsp, %rbp\n call bare\nending_called:\n"
    "handler: push %rbp\n mov %rsp, %rbp\n call bare\nhandler_called: pop %rbp\n ret\n.balign 16\n"
    "stub: push %rbp\n mov %rsp, %rbp\n and $-16, %rsp\n call handler\n"
    "enter_exception.return: iretq\n.balign 16\n"
    /* Every form of ModRM and SIB that has a length of its own (SDM Vol. 2A, 2.1.5). */
    "indirect: push %rbp\n mov %rsp, %rbp\n .fill 8, 1, 0x90\n"
    " call *%rax" END_OF_CALL " call *%r15" END_OF_CALL
    " call *(%rax)" END_OF_CALL " call *(%r9)" END_OF_CALL
    " call *indirect(%rip)" END_OF_CALL
    " call *(%rsp)" END_OF_CALL " call *(%rax,%rbx,8)" END_OF_CALL
    " call *0x11223344" END_OF_CALL " call *0x11223344(,%rbx,4)" END_OF_CALL
    " call *0x12(%rax)" END_OF_CALL " call *(%rbp)" END_OF_CALL
    " call *0x12(%rsp)" END_OF_CALL " call *(%rbp,%rcx)" END_OF_CALL
    " call *0x11223344(%rax)" END_OF_CALL " call *0x11223344(%rbp)" END_OF_CALL
    " call *0x11223344(%rsp)" END_OF_CALL " call *0x11223344(%r12,%r13,2)" END_OF_CALL
    " .fill 8, 1, 0x90\nindirect_end: .balign 16\n"
    " .byte 0xe8\n .long 0x70000000\noutward: nop\n .balign 16\n"
    "data_word: .fill 16, 1, 0x90\n.balign 4096\n"
    "text_finish:\n.popsection\n"
    ".pushsection .rodata.ends, \"a\"\n.short 0\n.popsection\n");
/* clang-format on */

extern const char text_begin[], text_finish[];

uint64_t address_of(const char *place)
{
    return (uintptr_t)place;
}

static const struct {
    const char *name, *start, *end;
} functions[] = {
    {"entry", entry, kernel_main},
    {"kernel_main", kernel_main, middle},
    {"middle", middle, inner},
    {"inner", inner, bare},
    {"bare", bare, dive},
    {"dive", dive, before_ending},
    {"before_ending", before_ending, ending},
    {"ending", ending, ending_called},
    {"handler", handler, stub},
    {"stub", stub, indirect},
    {"indirect", indirect, indirect_end},
};

bool symbol_lookup(virt_addr_t address, struct symbol *symbol)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        uint64_t start = address_of(functions[i].start), end = address_of(functions[i].end);

        if (address.raw < start || address.raw >= end)
            continue;
        *symbol = (struct symbol){.start = (uint32_t)(start - address_of(text_begin)),
                                  .size = (uint32_t)(end - start),
                                  .name = (const uint8_t *)functions[i].name};
        return true;
    }
    return false;
}

virt_addr_t symbol_start(const struct symbol *symbol)
{
    return virt(address_of(text_begin) + symbol->start);
}

static void print_name(const char *before, virt_addr_t address)
{
    struct symbol symbol;

    if (symbol_lookup(address, &symbol)) {
        log_sink(NULL, before, strlen(before));
        log_sink(NULL, (const char *)symbol.name, strlen((const char *)symbol.name));
    }
}

void symbol_print(virt_addr_t address)
{
    print_name(" ", address);
}

void symbol_print_return(virt_addr_t address)
{
    print_name(" <", virt(address.raw - 1));
}

/* ---- memory ---------------------------------------------------------------------------- */

#define PAGES 7 /* guard, first stack, guard, second stack, guard */

static unsigned char *pages;
static struct image_segment segments[3];
static uint64_t unmapped; /* a page; 0: none */
struct stack first_stack, second_stack;

const struct image_segment *image_segment_at(virt_addr_t address)
{
    for (size_t i = 0; i < 3; i++) {
        if (address.raw >= address_of(segments[i].start) &&
            address.raw < address_of(segments[i].end))
            return &segments[i];
    }
    return NULL;
}

const struct image_segment *image_stack_at(virt_addr_t address)
{
    const struct image_segment *segment = image_segment_at(address);
    return segment != NULL && segment->stack ? segment : NULL;
}

struct pt_space loaded_tables(void)
{
    return (struct pt_space){.root = phys(0x1000)};
}

bool loaded_tables_map(const struct pt_space *space, struct virt_range range)
{
    assert_int_equal(space->root.raw, 0x1000);
    for (uint64_t i = 0; i < range.size; i++) {
        virt_addr_t address = virt(range.start.raw + i);

        if (image_segment_at(address) == NULL || align_down(address.raw, PAGE_SIZE) == unmapped)
            return false;
    }
    return range.size != 0;
}

static void set_readable(uint64_t page, bool readable)
{
    assert_int_equal(mprotect((void *)page, PAGE_SIZE, readable ? PROT_READ : PROT_NONE), 0);
}

void world_unmap(uint64_t address)
{
    assert_int_equal(unmapped, 0);
    unmapped = align_down(address, PAGE_SIZE);
    set_readable(unmapped, false);
}

static struct stack lay_stack(size_t index, size_t page, const char *name)
{
    char *start = (char *)pages + page * PAGE_SIZE;

    assert_int_equal(mprotect(start, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
    uint64_t *words = (uint64_t *)(void *)start;
    for (size_t i = 0; i < 2 * PAGE_SIZE / 8; i++)
        words[i] = address_of(data_word); /* text, but no call comes before it */
    segments[index] = (struct image_segment){name, start, start + 2 * PAGE_SIZE,
                                             PT_RIGHT_READ | PT_RIGHT_WRITE, true};
    return (struct stack){address_of(start), address_of(start) + 2 * PAGE_SIZE};
}

int world_open(void **state)
{
    (void)state;
    alarm(TIME_LIMIT);
    pages = mmap(NULL, PAGES * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return -1;
    first_stack = lay_stack(0, 1, "first stack");
    second_stack = lay_stack(1, 4, "second stack");
    segments[2] = (struct image_segment){"text", text_begin, text_finish,
                                         PT_RIGHT_READ | PT_RIGHT_EXECUTE, false};
    expect_line(NULL);
    return 0;
}

int world_close(void **state)
{
    (void)state;
    if (unmapped != 0)
        set_readable(unmapped, true);
    unmapped = 0;
    alarm(0);
    return munmap(pages, PAGES * PAGE_SIZE);
}

/* ---- threads --------------------------------------------------------------------------- */

struct thread thread_on(struct stack stack)
{
    return (struct thread){.rsp = stack.top};
}

void push(struct thread *thread, uint64_t word)
{
    thread->rsp -= 8;
    *(uint64_t *)thread->rsp = word;
}

void call_from(struct thread *thread, const char *returns_to)
{
    push(thread, address_of(returns_to));
    push(thread, thread->rbp);
    thread->rbp = thread->rsp;
}

struct thread in_inner(struct stack stack)
{
    struct thread thread = thread_on(stack);

    call_from(&thread, entry_returned);
    call_from(&thread, main_called);
    call_from(&thread, middle_called);
    return thread;
}

struct registers interrupted_at(const struct thread *thread, const char *place)
{
    return (struct registers){.vector = VECTOR_PAGE_FAULT,
                              .error_code = 2,
                              .rip = address_of(place),
                              .cs = SELECTOR_CODE,
                              .rsp = thread->rsp,
                              .rbp = thread->rbp};
}

struct registers called_from(const struct thread *thread, const char *place)
{
    struct registers registers = interrupted_at(thread, place);

    registers.vector = VECTOR_NONE;
    return registers;
}

struct registers *except(struct thread *thread, struct registers interrupted)
{
    uint64_t saved = align_down(thread->rsp, 16) - sizeof(interrupted);

    memcpy((void *)saved, &interrupted, sizeof(interrupted));
    *thread = (struct thread){.rsp = saved, .rbp = interrupted.rbp};
    call_from(thread, (const char *)interrupted.rip);
    thread->rsp = align_down(thread->rsp, 16);
    call_from(thread, stub_returned);
    return (struct registers *)saved;
}

/* ---- what should come ------------------------------------------------------------------ */

static char expected[1 << 14];

void expect_line(const char *format, ...)
{
    size_t used = strlen(expected);
    va_list args;

    if (format == NULL) {
        strcpy(expected, "backtrace:\n");
        return;
    }
    va_start(args, format);
    vsnprintf(expected + used, sizeof(expected) - used, format, args);
    va_end(args);
    assert_true(strlen(expected) + 2 < sizeof(expected));
    strcat(expected, "\n");
}

void expect_frame(const char *place, const char *how)
{
    expect_line("  0x%016lx%s", address_of(place), how);
}

void expect_outer(const char *marks)
{
    char how[32];

    snprintf(how, sizeof(how), "%s <middle", marks);
    expect_frame(middle_called, how);
    snprintf(how, sizeof(how), "%s <kernel_main", marks);
    expect_frame(main_called, how);
    snprintf(how, sizeof(how), "%s <entry", marks);
    expect_frame(entry_returned, how);
}

void check(struct registers from)
{
    fake_log_clear();
    backtrace_print(&from);
    assert_string_equal(fake_log, expected);
    expect_line(NULL);
}
