/* What must hold, with the values for which it did not. */
#ifndef BESTLA_KERNEL_ASSERT_THAT_H
#define BESTLA_KERNEL_ASSERT_THAT_H

#include "panic.h"

/* assert_that(count, <=, limit): panics with
 * `assertion failed: 0x5 (5) <= 0x3 (3): count <= limit, at FILE:LINE`. Each side, an integer of up
 * to 64 bits or a pointer, is evaluated once; a negative one is shown in two's complement and
 * with its sign. */
#define assert_that(left, op, right)                                                           \
    do {                                                                                       \
        __auto_type assert_left_ = (left);                                                     \
        __auto_type assert_right_ = (right);                                                   \
        if (!(assert_left_ op assert_right_))                                                  \
            panic("assertion failed: 0x%lx (%ld) %s 0x%lx (%ld): %s %s %s, at %s:%d",          \
                  (uint64_t)assert_left_, (int64_t)assert_left_, #op, (uint64_t)assert_right_, \
                  (int64_t)assert_right_, #left, #op, #right, __FILE__, __LINE__);             \
    } while (0)

#endif
