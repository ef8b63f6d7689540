/* links: kernel/diagnosis/backtrace.c tests/unit/backtrace_world.c tests/unit/fake_log.c */
/* kernel/diagnosis/backtrace.c where exceptions are part of the chain: through the registers that
 * vectors.asm saved, from one stack to another, and where these are no such registers. */
#include "backtrace_world.h"

static void expect_handler(void)
{
    expect_frame(handler_called, " <handler");
    expect_frame(stub_returned, " <stub");
}

static void expect_came(unsigned vector)
{
    expect_line("  exception %u, error code 0x2, came at", vector);
}

static void on_the_stack_that_was_interrupted(void **state)
{
    struct thread thread = in_inner(first_stack);
    (void)state;

    except(&thread, interrupted_at(&thread, inner_framed));
    expect_handler();
    expect_came(14);
    expect_frame(inner_framed, " inner");
    expect_outer("");
    check(called_from(&thread, handler_called));
}

static void on_a_stack_of_its_own(void **state)
{
    struct thread interrupted = in_inner(first_stack), thread = thread_on(second_stack);
    struct registers registers = interrupted_at(&interrupted, inner_framed);
    (void)state;

    registers.vector = VECTOR_NMI;
    except(&thread, registers);
    expect_handler();
    expect_came(2);
    expect_frame(inner_framed, " inner");
    expect_outer("");
    check(called_from(&thread, handler_called));
}

/* In the handler of one comes another, of an instruction before the handler's record. */
static void one_in_another(void **state)
{
    struct thread interrupted = in_inner(first_stack), thread = thread_on(second_stack);
    (void)state;

    except(&thread, interrupted_at(&interrupted, inner_framed));
    push(&thread, address_of(handler_called));
    except(&thread, interrupted_at(&thread, bare));
    expect_handler();
    expect_came(14);
    expect_frame(bare, " bare");
    expect_handler();
    expect_came(14);
    expect_frame(inner_framed, " inner");
    expect_outer("");
    check(called_from(&thread, handler_called));
}

/* ---- no registers ---------------------------------------------------------------------- */

/* Then the record is one as any other: that of stub, which `inner_framed` did not call. */
static void expect_no_registers(void)
{
    expect_handler();
    expect_frame(inner_framed, " ? <inner");
    expect_outer("");
}

static void what_no_exception_left(void **state)
{
    const struct {
        uint64_t vector, cs;
    } rows[] = {{256, SELECTOR_CODE},
                {257, SELECTOR_CODE},
                {UINT64_MAX, SELECTOR_CODE},
                {14, 0},
                {14, SELECTOR_DATA},
                {14, SELECTOR_CODE | UINT64_C(3)},
                {14, 0x10008}};
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct thread thread = in_inner(first_stack);
        struct registers *saved = except(&thread, interrupted_at(&thread, inner_framed));

        saved->vector = rows[i].vector;
        saved->cs = rows[i].cs;
        expect_no_registers();
        check(called_from(&thread, handler_called));
    }
}

static void every_vector_that_there_is(void **state)
{
    (void)state;
    for (unsigned vector = 0; vector < 256; vector++) {
        struct thread thread = in_inner(first_stack);
        struct registers *saved = except(&thread, interrupted_at(&thread, inner_framed));

        saved->vector = vector;
        expect_handler();
        expect_came(vector);
        expect_frame(inner_framed, " inner");
        expect_outer("");
        check(called_from(&thread, handler_called));
    }
}

/* Where the saved registers would go on past the stack: each word of them in turn is the last one
 * on it. Of the record under them nothing is left to go by but its return address. */
static void partly_beyond_the_stack(void **state)
{
    (void)state;
    for (uint64_t room = 0; room <= sizeof(struct registers); room += 8) {
        struct thread thread = {.rsp = second_stack.top - room};
        struct thread interrupted = in_inner(first_stack);
        struct registers registers = interrupted_at(&interrupted, inner_framed);

        for (uint64_t i = 0; i < room / 8; i++)
            ((uint64_t *)thread.rsp)[i] = ((const uint64_t *)&registers)[i];
        thread.rbp = interrupted.rbp;
        call_from(&thread, inner_framed);
        call_from(&thread, stub_returned);
        expect_handler();
        if (room == sizeof(registers)) {
            expect_came(14);
            expect_frame(inner_framed, " inner");
            expect_outer("");
        } else {
            expect_frame(inner_framed, " ? <inner");
            expect_line("  stops here: the frame pointer leads to another stack");
        }
        check(called_from(&thread, handler_called));
    }
}

static void misaligned(void **state)
{
    (void)state;
    for (uint64_t by = 1; by < 8; by++) {
        struct thread thread = in_inner(first_stack);

        except(&thread, interrupted_at(&thread, inner_framed));
        *(uint64_t *)thread.rbp += by;
        expect_handler();
        expect_line("  stops here: the frame pointer is misaligned, or its page is not mapped");
        expect_frame(middle_called, " ? <middle");
        expect_frame(main_called, " ? <kernel_main");
        expect_frame(entry_returned, " ? <entry");
        check(called_from(&thread, handler_called));
    }
}

/* Registers as they should be, but below the frame that leads there. */
static void further_down_the_stack(void **state)
{
    struct thread thread = in_inner(first_stack), lower = thread;
    uint64_t record;
    (void)state;

    lower.rsp -= 1024;
    except(&lower, interrupted_at(&thread, inner_framed));
    record = *(uint64_t *)lower.rbp;
    call_from(&thread, stub_returned);
    *(uint64_t *)thread.rbp = record;
    expect_handler();
    expect_line("  stops here: the frame pointer leads back");
    expect_frame(middle_called, " ? <middle");
    expect_frame(main_called, " ? <kernel_main");
    expect_frame(entry_returned, " ? <entry");
    check(called_from(&thread, handler_called));
}

static void on_a_page_that_is_not_mapped(void **state)
{
    struct thread thread = {.rsp = second_stack.bottom + PAGE_SIZE + 64};
    struct thread interrupted = in_inner(first_stack);
    (void)state;

    /* The saved registers lie on both pages of the stack. */
    except(&thread, interrupted_at(&interrupted, inner_framed));
    world_unmap(second_stack.bottom + PAGE_SIZE);
    expect_handler();
    expect_frame(inner_framed, " ? <inner");
    expect_line("  stops here: the frame pointer leads to another stack");
    check(called_from(&thread, handler_called));
}

/* ---- loops ----------------------------------------------------------------------------- */

/* Registers that were saved where the chain has been: only the number of frames ends it. */
static void check_loop(struct thread thread)
{
    expect_handler();
    for (unsigned i = 2; i < 64; i++) {
        expect_came(14);
        expect_frame(stub_returned, " stub");
    }
    expect_came(14);
    expect_line("  stops here: there are more frames than are printed");
    /* stub's call of handler, what is below the registers, and their RIP. */
    for (unsigned i = 0; i < 3; i++)
        expect_frame(stub_returned, " ? <stub");
    check(called_from(&thread, handler_called));
}

static void registers_that_name_themselves(void **state)
{
    struct thread thread = thread_on(second_stack);
    struct registers *saved = except(&thread, (struct registers){.rip = address_of(inner_framed)});
    uint64_t record = (uintptr_t)saved - 16;
    (void)state;

    *saved = interrupted_at(&(struct thread){record, record}, stub_returned);
    saved->rsp = record - 16;
    *(uint64_t *)(record + 8) = saved->rip;
    check_loop(thread);
}

static void two_that_name_each_other(void **state)
{
    struct thread one = thread_on(first_stack), two = thread_on(second_stack);
    struct registers *first = except(&one, (struct registers){.rip = address_of(inner_framed)});
    struct registers *second = except(&two, (struct registers){.rip = address_of(inner_framed)});
    struct thread to_first = {(uintptr_t)first - 32, (uintptr_t)first - 16};
    struct thread to_second = {(uintptr_t)second - 32, (uintptr_t)second - 16};
    (void)state;

    *first = interrupted_at(&to_second, stub_returned);
    *second = interrupted_at(&to_first, stub_returned);
    ((uint64_t *)first)[-1] = first->rip;
    ((uint64_t *)second)[-1] = second->rip;
    check_loop(two);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(on_the_stack_that_was_interrupted),
        TEST(on_a_stack_of_its_own),
        TEST(one_in_another),
        TEST(what_no_exception_left),
        TEST(every_vector_that_there_is),
        TEST(partly_beyond_the_stack),
        TEST(misaligned),
        TEST(further_down_the_stack),
        TEST(on_a_page_that_is_not_mapped),
        TEST(registers_that_name_themselves),
        TEST(two_that_name_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
