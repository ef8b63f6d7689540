/* links: kernel/diagnosis/backtrace.c tests/unit/backtrace_world.c tests/unit/fake_log.c */
/* kernel/diagnosis/backtrace.c over stacks on which every word that it follows is wrong in turn:
 * it reads nothing that is not there, says why it stops, and always does. */
#include "backtrace_world.h"

#define NO_STACK "the frame pointer is on no stack of the kernel's"
#define BACK     "the frame pointer leads back"
#define NO_ROOM  "the frame pointer leaves no room for a return address"
#define NO_PAGE  "the frame pointer is misaligned, or its page is not mapped"
#define NO_TEXT  "the return address is not in the kernel's text"

static void expect_stop(const char *why)
{
    expect_line("  stops here: %s", why);
}

/* ---- frame pointers that are wrong ----------------------------------------------------- */

/* Only the last word of the stack looks like a return address. */
static void check_frame_pointer(uint64_t rbp, const char *why)
{
    struct thread thread = thread_on(first_stack);

    push(&thread, address_of(entry_returned));
    thread.rsp -= 64;
    thread.rbp = rbp;
    expect_frame(inner_called, " <inner");
    expect_stop(why);
    expect_frame(entry_returned, " ? <entry");
    check(called_from(&thread, inner_called));
}

static void frame_pointers_that_lead_nowhere(void **state)
{
    uint64_t top = first_stack.top, rsp = top - 72;
    const struct {
        uint64_t rbp;
        const char *why;
    } rows[] = {
        {0, NO_STACK},
        {1, NO_STACK},
        {8, NO_STACK},
        {UINT64_C(0x00007ffffffffff8), NO_STACK},
        {UINT64_C(0x0000800000000000), NO_STACK},
        {UINT64_C(0x8000000000000000), NO_STACK},
        {UINT64_C(0xffff7fffffffffff), NO_STACK},
        {-UINT64_C(16), NO_STACK},
        {-UINT64_C(8), NO_STACK},
        {-UINT64_C(7), NO_STACK},
        {-UINT64_C(1), NO_STACK},
        {address_of(inner), NO_STACK},
        {first_stack.bottom - 8, NO_STACK},
        {first_stack.bottom - 4096, NO_STACK},
        {top, NO_STACK},
        {top + 4088, NO_STACK},
        {top - 1, NO_ROOM},
        {top - 8, NO_ROOM},
        {top - 9, NO_ROOM},
        {top - 15, NO_ROOM},
        {top - 17, NO_PAGE},
        {top - 20, NO_PAGE},
        {rsp + 1, NO_PAGE},
        {rsp, NO_TEXT},
        {rsp - 8, BACK},
        {rsp - 1, BACK},
        {first_stack.bottom, BACK},
        {second_stack.bottom + 4096, "the frame pointer leads to another stack"},
    };
    (void)state;

    *(uint64_t *)(rsp + 8) = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_frame_pointer(rows[i].rbp, rows[i].why);
}

/* The last record for which there is room. */
static void a_record_at_the_end_of_the_stack(void **state)
{
    struct thread thread = thread_on(first_stack);
    (void)state;

    call_from(&thread, entry_returned);
    expect_frame(main_called, " <kernel_main");
    expect_frame(entry_returned, " <entry");
    check(called_from(&thread, main_called));
}

static void a_record_that_leads_to_itself(void **state)
{
    struct thread thread = in_inner(first_stack);
    (void)state;

    *(uint64_t *)thread.rbp = thread.rbp;
    expect_frame(inner_framed, " inner");
    expect_frame(middle_called, " <middle");
    expect_stop(BACK);
    expect_frame(main_called, " ? <kernel_main");
    expect_frame(entry_returned, " ? <entry");
    check(interrupted_at(&thread, inner_framed));
}

static void a_return_address_outside_of_the_text(void **state)
{
    const uint64_t addresses[] = {
        0,           7, first_stack.bottom, UINT64_C(0x8000000000000000), address_of(entry) - 1,
        -UINT64_C(1)};
    (void)state;

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct thread thread = in_inner(first_stack);

        *(uint64_t *)(thread.rbp + 8) = addresses[i];
        expect_frame(inner_called, " <inner");
        expect_stop(NO_TEXT);
        expect_frame(main_called, " ? <kernel_main");
        expect_frame(entry_returned, " ? <entry");
        check(called_from(&thread, inner_called));
    }
}

/* The page under the one that RSP is in, and RSP's own. */
static void a_page_that_is_not_mapped(void **state)
{
    struct thread thread = {.rsp = first_stack.bottom + 4096};
    (void)state;

    call_from(&thread, main_called);
    thread.rbp = first_stack.bottom + 4096 + 64;
    world_unmap(thread.rbp);
    expect_frame(inner_called, " <inner");
    expect_stop(NO_PAGE);
    expect_frame(main_called, " ? <kernel_main");
    check(called_from(&thread, inner_called));

    thread.rsp = thread.rbp;
    expect_frame(inner, " inner");
    expect_stop(NO_PAGE);
    check(interrupted_at(&thread, inner));
}

/* An empty stack is still the one that its thread is on. */
static void from_the_top_of_a_stack(void **state)
{
    struct thread thread = {first_stack.top, second_stack.bottom};
    (void)state;

    expect_frame(inner_called, " <inner");
    expect_stop("the frame pointer leads to another stack");
    check(called_from(&thread, inner_called));
    thread.rbp = first_stack.bottom;
    expect_frame(inner_called, " <inner");
    expect_stop(BACK);
    check(called_from(&thread, inner_called));
}

/* ---- stack pointers that are wrong ----------------------------------------------------- */

static void stack_pointers_that_lead_nowhere(void **state)
{
    uint64_t top = first_stack.top;
    (void)state;

    for (uint64_t i = 0; i <= 64; i++) {
        const uint64_t pointers[] = {i,
                                     -i,
                                     first_stack.bottom - 4096 + i,
                                     top + i,
                                     UINT64_C(0x8000000000000000) - i,
                                     top - (i & 7)};

        for (size_t p = 0; p < sizeof(pointers) / sizeof(pointers[0]); p++) {
            struct thread thread = {.rsp = pointers[p]};

            expect_frame(bare, " bare");
            expect_stop(NO_STACK);
            check(interrupted_at(&thread, bare));
            expect_frame(inner_called, " <inner");
            expect_stop(NO_STACK);
            check(called_from(&thread, inner_called));
        }
    }
}

/* The frame pointer still is one. */
static void a_stack_pointer_that_is_lost(void **state)
{
    const uint64_t pointers[] = {
        0, 8, -UINT64_C(16), -UINT64_C(8), -UINT64_C(1), first_stack.bottom - 64};
    (void)state;

    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        struct thread thread = in_inner(first_stack);

        thread.rsp = pointers[i];
        expect_frame(inner_framed, " inner");
        expect_outer("");
        check(interrupted_at(&thread, inner_framed));
    }
}

/* ---- how much is printed --------------------------------------------------------------- */

static void more_frames_than_are_printed(void **state)
{
    struct thread thread = in_inner(first_stack);
    (void)state;

    for (int i = 0; i < 100; i++)
        call_from(&thread, dive_called);
    expect_frame(dive_called, " <dive");
    for (int i = 0; i < 63; i++)
        expect_frame(dive_called, " <dive");
    expect_stop("there are more frames than are printed");
    for (int i = 0; i < 16; i++)
        expect_frame(dive_called, " ? <dive");
    check(called_from(&thread, dive_called));
}

/* What no call precedes is no guess; what only looks like one is. */
static void guesses(void **state)
{
    struct thread thread = thread_on(first_stack);
    (void)state;

    for (int i = 0; i < 40; i++) {
        push(&thread, address_of(i < 24 ? dive_called : main_indirect));
        push(&thread, address_of(inner_framed));
        push(&thread, first_stack.bottom);
    }
    expect_frame(inner_called, " <inner");
    expect_stop(NO_STACK);
    for (int i = 0; i < 16; i++)
        expect_frame(main_indirect, " ? <kernel_main");
    push(&thread, address_of(outward));
    thread.rsp -= 4; /* from the next whole word on */
    check(called_from(&thread, inner_called));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(frame_pointers_that_lead_nowhere), TEST(a_record_at_the_end_of_the_stack),
        TEST(a_record_that_leads_to_itself),    TEST(a_return_address_outside_of_the_text),
        TEST(a_page_that_is_not_mapped),        TEST(from_the_top_of_a_stack),
        TEST(stack_pointers_that_lead_nowhere), TEST(a_stack_pointer_that_is_lost),
        TEST(more_frames_than_are_printed),     TEST(guesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
