/* links: kernel/diagnosis/backtrace.c tests/unit/backtrace_world.c tests/unit/fake_log.c */
/* kernel/diagnosis/backtrace.c: chains as compilers make them, from every place in a
 * function, and what is taken for a return address. */
#include "backtrace_world.h"

#define OTHER " ? <entry" /* which calls kernel_main */

/* ---- chains that are good -------------------------------------------------------------- */

static void from_an_interrupted_function(void **state)
{
    struct thread thread = in_inner(first_stack);
    (void)state;

    expect_frame(inner_framed, " inner");
    expect_outer("");
    check(interrupted_at(&thread, inner_framed));
}

static void from_a_function_that_called(void **state)
{
    struct thread thread = in_inner(second_stack);
    (void)state;

    expect_frame(inner_called, " <inner");
    expect_outer("");
    check(called_from(&thread, inner_called));
}

/* Before `push rbp`, after it, and after `pop rbp` the frame pointer is still, or again, the
 * caller's; and so it is all the time in a function that makes no record. */
static void where_there_is_no_record(void **state)
{
    static const struct {
        const char *place, *how;
        bool pushed;
    } rows[] = {
        {inner, " inner", false}, {inner_pushed, " inner", true}, {inner_popped, " inner", false}};
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct thread thread = thread_on(first_stack);

        call_from(&thread, entry_returned);
        call_from(&thread, main_called);
        push(&thread, address_of(middle_called));
        if (rows[i].pushed)
            push(&thread, thread.rbp);
        expect_frame(rows[i].place, rows[i].how);
        expect_outer("");
        check(interrupted_at(&thread, rows[i].place));
    }
}

/* Each call's frame is there once, also from a `ret`, where the frame pointer is the caller's and
 * leads to what looks like a caller too. */
static void in_a_recursion(void **state)
{
    static const char *const places[] = {dive, dive_popped};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct thread thread = thread_on(first_stack);

        call_from(&thread, entry_returned);
        for (int n = 0; n < 3; n++)
            call_from(&thread, dive_called);
        push(&thread, address_of(dive_called));
        expect_frame(places[i], " dive");
        for (int n = 0; n < 4; n++)
            expect_frame(dive_called, " <dive");
        expect_frame(entry_returned, OTHER);
        check(interrupted_at(&thread, places[i]));
    }
}

/* A call that ends its function returns, if ever, to the next one. */
static void behind_the_end_of_a_function(void **state)
{
    struct thread thread = thread_on(first_stack);
    (void)state;

    call_from(&thread, entry_returned);
    call_from(&thread, before_ending_called);
    expect_frame(ending_called, " <ending");
    expect_frame(before_ending_called, " <before_ending");
    expect_frame(entry_returned, OTHER);
    check(called_from(&thread, ending_called));
}

static void in_a_function_without_record(void **state)
{
    struct thread thread = in_inner(first_stack);
    (void)state;

    push(&thread, address_of(inner_called));
    expect_frame(bare + 1, " bare");
    expect_frame(inner_called, " <inner");
    expect_outer("");
    check(interrupted_at(&thread, bare + 1));
    /* Under words of its own the return address is not seen: the frame above comes next. */
    push(&thread, 1);
    push(&thread, 2);
    expect_frame(bare + 1, " bare");
    expect_frame(middle_called, " ? <middle");
    expect_frame(main_called, " <kernel_main");
    expect_frame(entry_returned, " <entry");
    check(interrupted_at(&thread, bare + 1));
}

/* A call of what is no function: what is there now is known from the top of the stack alone. */
static void from_a_place_that_is_no_text(void **state)
{
    const char *const places[] = {NULL, (const char *)8, (const char *)first_stack.bottom,
                                  (const char *)UINT64_MAX};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct thread thread = thread_on(first_stack);

        call_from(&thread, entry_returned);
        push(&thread, address_of(main_indirect));
        expect_frame(places[i], "");
        expect_frame(main_indirect, " <kernel_main");
        expect_frame(entry_returned, " <entry");
        check(interrupted_at(&thread, places[i]));
    }
}

/* ---- is it a return address? ----------------------------------------------------------- */

/* Behind a call in inner's frame comes `place`. What comes after that is certain only where
 * `place` is in no function that is known, for then any function before it may be what entry
 * calls. */
static void check_called_from(const char *place, const char *how, const char *entered)
{
    struct thread thread = thread_on(first_stack);

    call_from(&thread, entry_returned);
    call_from(&thread, place);
    expect_frame(inner_called, " <inner");
    expect_frame(place, how);
    expect_frame(entry_returned, entered);
    check(called_from(&thread, inner_called));
}

static void every_length_of_an_indirect_call(void **state)
{
    size_t next = 0;
    (void)state;

    for (const char *place = indirect + 5; place < indirect_end; place++) {
        bool is_end = place == indirect + indirect_ends[next];

        next += is_end;
        check_called_from(place, is_end ? " <indirect" : " ? <indirect", OTHER);
    }
    assert_int_equal(next, 17);
    assert_int_equal(indirect_ends[next], 0);
}

static void what_no_call_of_this_function_precedes(void **state)
{
    (void)state;
    check_called_from(middle_called, " <middle", OTHER);
    check_called_from(middle_called + 1, " ? <middle", OTHER);
    check_called_from(dive_called, " ? <dive", OTHER); /* of another function */
    check_called_from(outward, " ?", " <entry");
    check_called_from(data_word, " ?", " <entry");
    check_called_from(entry, " ?", OTHER); /* the bytes before it are no text */
    check_called_from(entry + 7, " ? <entry", OTHER);
}

static void where_the_text_is_not_mapped(void **state)
{
    struct thread thread = in_inner(first_stack);
    (void)state;

    world_unmap(address_of(entry));
    expect_frame(inner_framed, " inner");
    expect_frame(middle_called, " ? <middle");
    expect_frame(main_called, " ? <kernel_main");
    expect_frame(entry_returned, " ? <entry");
    check(interrupted_at(&thread, inner_framed));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)
    const struct CMUnitTest tests[] = {
        TEST(from_an_interrupted_function),
        TEST(from_a_function_that_called),
        TEST(where_there_is_no_record),
        TEST(in_a_recursion),
        TEST(behind_the_end_of_a_function),
        TEST(in_a_function_without_record),
        TEST(from_a_place_that_is_no_text),
        TEST(every_length_of_an_indirect_call),
        TEST(what_no_call_of_this_function_precedes),
        TEST(where_the_text_is_not_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
