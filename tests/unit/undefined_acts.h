/* Undefined behaviour of every kind that the compiler tells, for test_undefined.c. */
#ifndef BESTLA_TESTS_UNDEFINED_ACTS_H
#define BESTLA_TESTS_UNDEFINED_ACTS_H

#include <stdbool.h>
#include <stddef.h>

struct undefined_act {
    void (*run)(void);
    unsigned line;       /* where it is undefined, in undefined_acts.c */
    const char *message; /* behind the place; a pattern, for compilers name types differently */
    bool told;           /* by every release of this compiler */
};

extern const struct undefined_act undefined_acts[];
extern const size_t undefined_acts_count;

#endif
