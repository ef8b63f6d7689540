/* See complete.h. */
#include "complete.h"

#include "mem.h"

#define LISTED_MAX 64

static void draw(const struct line_user *user, const char *text, size_t length)
{
    user->draw(user->context, text, length);
}

static void draw_candidate(const struct line_user *user, struct text candidate)
{
    draw(user, candidate.start, candidate.length);
    draw(user, "  ", 2);
}

void line_completion_add(struct line_completion *completion, struct text candidate)
{
    size_t length = 0;

    if (candidate.length < completion->word.length || candidate.length > LINE_LENGTH_MAX ||
        !text_equal((struct text){candidate.start, completion->word.length}, completion->word))
        return;
    if (completion->list != NULL && completion->count < LISTED_MAX)
        draw_candidate(completion->list, candidate);
    if (completion->count++ == 0) {
        memcpy(completion->common, candidate.start, candidate.length);
        completion->common_length = candidate.length;
    }
    while (length < completion->common_length && length < candidate.length &&
           completion->common[length] == candidate.start[length])
        length++;
    completion->common_length = length;
}

static void ask(const struct line_user *user, struct text typed, struct line_completion *completion)
{
    size_t start = typed.length;

    while (start > 0 && typed.start[start - 1] != ' ')
        start--;
    completion->word = (struct text){typed.start + start, typed.length - start};
    user->complete(user->context, (struct text){typed.start, start}, completion->word, completion);
}

void completion_find(const struct line_user *user, struct text typed,
                     struct line_completion *completion)
{
    completion->count = completion->common_length = 0;
    completion->list = NULL;
    ask(user, typed, completion);
}

void completion_list(const struct line_user *user, struct text typed)
{
    struct line_completion completion = {.list = user};
    char rest[sizeof("and 18446744073709551615 more")];

    draw(user, "\n", 1);
    ask(user, typed, &completion);
    if (completion.count > LISTED_MAX)
        draw(user, rest,
             format_text(rest, sizeof(rest), "and %zu more", completion.count - LISTED_MAX));
    draw(user, "\n", 1);
}
