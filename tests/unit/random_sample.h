/* Random sources for test_kaslr.c and test_kaslr_random.c, and a judge of what is drawn by them. */
#ifndef BESTLA_RANDOM_SAMPLE_H
#define BESTLA_RANDOM_SAMPLE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kaslr.h"

/* splitmix64: the same words everywhere, every time. */
struct mixer {
    struct random_source source;
    uint64_t state;
    uint64_t taken;
};

static inline bool next_mixed(struct random_source *source, uint64_t *word)
{
    struct mixer *mixer = (struct mixer *)source;
    uint64_t z = mixer->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    *word = z ^ z >> 31;
    mixer->taken++;
    return true;
}

static inline uint64_t draw(struct mixer *mixer, uint64_t count)
{
    uint64_t choice = UINT64_MAX;

    assert_true(random_below(&mixer->source, count, &choice));
    assert_true(choice < count);
    return choice;
}

/* Is chi-squared within six standard deviations of what it should be? */
static inline void assert_even(const unsigned *hits, size_t bins, uint64_t draws)
{
    const double expected = (double)draws / (double)bins;
    const double freedom = (double)bins - 1;
    double chi = 0;

    for (size_t i = 0; i < bins; i++)
        chi += (hits[i] - expected) * (hits[i] - expected) / expected;
    if ((chi - freedom) * (chi - freedom) > 36 * 2 * (freedom + 1) && chi > freedom)
        fail_msg("%zu bins, %llu draws: chi-squared is %f", bins, (unsigned long long)draws, chi);
}

#endif
