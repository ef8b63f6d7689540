/* What must hold, with the values for which it did not. */
#ifndef BESTLA_KERNEL_ASSERT_H
#define BESTLA_KERNEL_ASSERT_H

#include "panic.h"

/* assert_that(count, <=, limit): panics with
 * `assertion failed at FILE:LINE: count <= limit: 0x5 (5) <= 0x3 (3)`. Each side, an integer of up
 * to 64 bits or a pointer, is evaluated once; a negative one is shown in two's complement and
 * with its sign. */
#define assert_that(left, op, right)                                                            \
    do {                                                                                        \
        __auto_type left_value = (left);                                                        \
        __auto_type right_value = (right);                                                      \
        if (!(left_value op right_value))                                                       \
            panic("assertion failed at %s:%d: %s %s %s: 0x%lx (%ld) %s 0x%lx (%ld)", __FILE__,  \
                  __LINE__, #left, #op, #right, (uint64_t)left_value, (int64_t)left_value, #op, \
                  (uint64_t)right_value, (int64_t)right_value);                                 \
    } while (0)

#endif
