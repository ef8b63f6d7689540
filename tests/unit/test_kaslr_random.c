/* common/kaslr.c, random_below(): every choice comes of as many words, and a bad source does no
 * harm. */
#include "random_sample.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Gives the words of an array, then nothing. */
struct script {
    struct random_source source;
    const uint64_t *words;
    size_t left;
};

static bool next_scripted(struct random_source *source, uint64_t *word)
{
    struct script *script = (struct script *)source;

    if (script->left == 0)
        return false;
    script->left--;
    *word = *script->words++;
    return true;
}

static struct script script_of(const uint64_t *words, size_t count)
{
    return (struct script){{next_scripted}, words, count};
}

/* True, and the choice, if this one word is enough. */
static bool choose_by(uint64_t word, uint64_t count, uint64_t *choice)
{
    struct script script = script_of(&word, 1);

    return random_below(&script.source, count, choice);
}

static void test_corners(void **state)
{
    static const uint64_t counts[] = {
        1, 2, 3, 107, 511, 512, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX};
    uint64_t choice;

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        choice = 99;
        assert_true(choose_by(UINT64_MAX, counts[i], &choice));
        assert_true(choice == counts[i] - 1);
        if (counts[i] > UINT64_C(1) << 32)
            continue;
        assert_true(choose_by(1, counts[i], &choice));
        assert_true(choice == 0);
    }
}

static void test_no_choice(void **state)
{
    uint64_t choice = 99;

    (void)state;
    assert_false(choose_by(UINT64_MAX, 0, &choice));
    assert_int_equal(choice, 99);
}

/* The first word whose choice is not below `choice`. */
static uint64_t first_word(uint64_t choice, uint64_t count)
{
    return (uint64_t)((((unsigned __int128)choice << 64) + count - 1) / count);
}

/* Words of which `choice` comes: all from its first to the next's but perhaps the first itself. */
static uint64_t words_for(uint64_t choice, uint64_t count)
{
    const uint64_t first = first_word(choice, count);
    const uint64_t last = choice + 1 == count ? UINT64_MAX : first_word(choice + 1, count) - 1;
    uint64_t got = UINT64_MAX;
    const bool refused = !choose_by(first, count, &got);

    assert_true(refused || got == choice);
    assert_true(choose_by(first + 1, count, &got) && got == choice);
    assert_true(choose_by(first + (last - first) / 2, count, &got) && got == choice);
    assert_true(choose_by(last, count, &got) && got == choice);
    return last - first + (refused ? 0 : 1);
}

/* Exactly as many of the 2^64 words lead to one choice as to any other. */
static void test_every_choice_has_as_many_words(void **state)
{
    (void)state;
    for (uint64_t count = 1; count < 600; count += count < 70 ? 1 : 49) {
        uint64_t each = count == 1 ? 0 : (uint64_t)(((unsigned __int128)1 << 64) / count);
        for (uint64_t choice = 0; choice < count; choice++)
            assert_true(words_for(choice, count) == each); /* of 1: 2^64 wraps */
    }
}

/* 2^63 + 1 refuses nearly every second word. */
static void test_words_refused(void **state)
{
    struct mixer mixer = {{next_mixed}, 1, 0};
    uint64_t zeros[65] = {0}, choice = 77;

    (void)state;
    for (int i = 0; i < 10000; i++)
        draw(&mixer, (UINT64_C(1) << 63) + 1);
    assert_in_range(mixer.taken, 19000, 21000);

    /* A source that gives nothing else does not hold the boot up. */
    struct script script = script_of(zeros, COUNT(zeros));
    assert_false(random_below(&script.source, 3, &choice));
    assert_int_equal(script.left, COUNT(zeros) - 64);
    zeros[63] = UINT64_MAX;
    script = script_of(zeros, COUNT(zeros));
    assert_true(random_below(&script.source, 3, &choice));
    assert_int_equal(choice, 2);
}

static void test_dry_source(void **state)
{
    const uint64_t words[] = {0, 0};
    uint64_t choice = 77;

    (void)state;
    for (size_t count = 0; count <= 2; count++) {
        struct script script = script_of(words, count);
        assert_false(random_below(&script.source, 5, &choice));
        assert_int_equal(choice, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners),
        cmocka_unit_test(test_no_choice),
        cmocka_unit_test(test_every_choice_has_as_many_words),
        cmocka_unit_test(test_words_refused),
        cmocka_unit_test(test_dry_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
