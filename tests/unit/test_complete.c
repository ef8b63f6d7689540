/* kernel/monitor/complete.c by itself: what is found, and how much of it is listed. */
/* links: kernel/monitor/complete.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "complete.h"

/* Offers as many candidates as are wanted: n000, n001, ... and one that is for no word here. */
struct offer {
    unsigned count;
    char drawn[1024];
    char before[32];
};

static void draw(void *context, const char *text, size_t length)
{
    struct offer *offer = context;
    size_t used = strlen(offer->drawn);

    assert_true(used + length < sizeof(offer->drawn));
    memcpy(offer->drawn + used, text, length);
}

static void complete(void *context, struct text before, struct text word,
                     struct line_completion *completion)
{
    struct offer *offer = context;
    char name[16];

    (void)word;
    snprintf(offer->before, sizeof(offer->before), "%.*s", TEXT_ARG(before));
    line_completion_add(completion, text_of("other"));
    for (unsigned i = 0; i < offer->count; i++)
        line_completion_add(completion,
                            (struct text){name, (size_t)snprintf(name, sizeof(name), "n%03u", i)});
}

static void candidates_are_counted_and_compared(void **state)
{
    static const struct {
        const char *typed, *before;
        unsigned offered;
        size_t word, count;
        const char *common;
    } rows[] = {
        {"n", "", 0, 1, 0, ""},        {"n", "", 1, 1, 1, "n000"},
        {"n", "", 10, 1, 10, "n00"},   {"n", "", 11, 1, 11, "n0"},
        {"n", "", 101, 1, 101, "n"},   {"n00", "", 101, 3, 10, "n00"},
        {"n0000", "", 101, 5, 0, ""},  {"map n01", "map ", 101, 3, 10, "n01"},
        {"map ", "map ", 1, 0, 2, ""}, {"", "", 0, 0, 1, "other"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct offer offer = {.count = rows[i].offered};
        struct line_user user = {.draw = draw, .complete = complete, .context = &offer};
        struct line_completion found;

        completion_find(&user, text_of(rows[i].typed), &found);
        assert_int_equal(found.word.length, rows[i].word);
        assert_string_equal(offer.before, rows[i].before);
        assert_int_equal(found.count, rows[i].count);
        assert_int_equal(found.common_length, strlen(rows[i].common));
        assert_memory_equal(found.common, rows[i].common, found.common_length);
        assert_string_equal(offer.drawn, "");
    }
}

/* 64 at most, and how many more: a kernel's symbols would run over the screen. */
static void lists_end(void **state)
{
    static const struct {
        unsigned offered, listed;
        const char *end;
    } rows[] = {
        {2, 2, "n001  \n"},
        {64, 64, "n063  \n"},
        {65, 64, "n063  and 1 more\n"},
        {100, 64, "n063  and 36 more\n"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct offer offer = {.count = rows[i].offered};
        struct line_user user = {.draw = draw, .complete = complete, .context = &offer};
        char wanted[1024] = "\n";

        for (unsigned k = 0; k + 1 < rows[i].listed; k++)
            snprintf(wanted + strlen(wanted), 16, "n%03u  ", k);
        strcat(wanted, rows[i].end);
        completion_list(&user, text_of("map n"));
        assert_string_equal(offer.drawn, wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candidates_are_counted_and_compared),
        cmocka_unit_test(lists_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
