/* For kernels that do what the tables forbid, and must die of it. tests/boot/test_rights.py
 * reads what they print. */
#ifndef BESTLA_TESTS_ATTEMPT_H
#define BESTLA_TESTS_ATTEMPT_H

#include "log.h"
#include "panic.h"
#include "translate.h"

/* Hides from the compiler where a pointer comes from, so that it does not judge its use. */
static inline void *attempt_at(const void *address)
{
    void *hidden;

    __asm__ volatile("" : "=r"(hidden) : "0"(address));
    log_raw("attempt: 0x%016llx\n", (unsigned long long)virt_of(address).raw);
    return hidden;
}

static inline void attempt_read(const void *address)
{
    *(const volatile uint8_t *)attempt_at(address);
}

/* Writes what is there already: a kernel that allows it does not die of something else. */
static inline void attempt_write(const void *address)
{
    volatile uint8_t *byte = attempt_at(address);
    *byte = *byte;
}

static inline void attempt_call(const void *address)
{
    void (*function)(void);

    *(void **)&function = attempt_at(address);
    function();
}

_Noreturn static inline void survived(void)
{
    panic("survived");
}

/* What must not fail on the way to the attempt. */
static inline void must(bool good, const char *what)
{
    if (!good)
        panic("test: %s", what);
}

#endif
