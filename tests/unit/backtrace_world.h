/* What kernel/diagnosis/backtrace.c walks over, on the host: two stacks of two pages between pages
 * that nobody may touch, and a text of real instructions that are never executed. A page that the
 * tables are said not to map is not readable either: who reads it is killed. */
#ifndef BESTLA_BACKTRACE_WORLD_H
#define BESTLA_BACKTRACE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu.h"

/* Places in the text; a name_… is within that function. Every function but bare makes a frame
 * record first. */
extern const char entry[];       /* calls kernel_main; no record */
extern const char kernel_main[]; /* calls middle, then by a register */
extern const char main_called[]; /* behind the first call */
extern const char main_indirect[];
extern const char middle[]; /* calls inner */
extern const char middle_called[];
extern const char inner[];        /* calls panic's like */
extern const char inner_pushed[]; /* behind `push rbp` */
extern const char inner_framed[]; /* behind `mov rbp, rsp` */
extern const char inner_called[];
extern const char inner_popped[]; /* at its `ret` */
extern const char bare[];         /* has no record */
extern const char dive[];         /* calls itself */
extern const char dive_called[];
extern const char dive_popped[];
extern const char before_ending[]; /* calls ending */
extern const char before_ending_called[];
extern const char ending[]; /* ends with a call */
extern const char ending_called[];
extern const char handler[]; /* of exceptions */
extern const char handler_called[];
extern const char stub[]; /* calls handler */
extern const char indirect[];
extern const char indirect_end[];
extern const char outward[]; /* behind a direct call of what is no text */
extern const char data_word[];
extern const char entry_returned[] __asm__("kernel_entry.return");
extern const char stub_returned[] __asm__("enter_exception.return");

/* Where the calls of `indirect` end; 0 ends. */
extern const uint16_t indirect_ends[];

struct stack {
    uint64_t bottom, top;
};
extern struct stack first_stack, second_stack;

/* A CPU at work. */
struct thread {
    uint64_t rsp, rbp;
};

/* cmocka's setup of each test: stacks of words that lead nowhere, everything mapped, a time
 * limit. */
int world_open(void **state);
int world_close(void **state);

/* The page is not mapped, and not readable, from now on. */
void world_unmap(uint64_t address);

uint64_t address_of(const char *place);

/* An empty stack. */
struct thread thread_on(struct stack stack);

void push(struct thread *thread, uint64_t word);

/* As a call that will return there, of a function that makes its record. */
void call_from(struct thread *thread, const char *returns_to);

/* A thread on the stack in inner's frame: entry, kernel_main, middle, inner. */
struct thread in_inner(struct stack stack);

/* The registers of a thread that was interrupted there, and those of a function that was called
 * and would return there. */
struct registers interrupted_at(const struct thread *thread, const char *place);
struct registers called_from(const struct thread *thread, const char *place);

/* What vectors.asm does, on the stack of `thread`, and handler's frame after it. Returns where
 * it has saved the registers. */
struct registers *except(struct thread *thread, struct registers interrupted);

/* The lines that should come: those of frames, and others. `how` is " name" of a place that was
 * interrupted, " <name" of one that is returned to, with " ?" before it when it is not certain. */
void expect_frame(const char *place, const char *how);
__attribute__((format(printf, 1, 2))) void expect_line(const char *format, ...);

/* kernel_entry returned to, middle and kernel_main: the end of what in_inner makes. */
void expect_outer(const char *marks);

/* Prints the backtrace and compares. */
void check(struct registers from);

#endif
