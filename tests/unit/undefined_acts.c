/* Each function does one thing that C17 leaves undefined, in the line that its row of the table
 * names. Compiled as the debug build's kernel is, so that the very compiler calls the handlers
 * with arguments of its own making. */
#include "undefined_acts.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* Read and written where the compiler cannot follow. */
static volatile int one = 1, minus_one = -1, zero = 0, forty = 40;
static volatile unsigned char two = 2;
static volatile uint64_t uint64_max = UINT64_MAX;
static volatile long long_max = LONG_MAX, long_min = LONG_MIN;
static volatile int int_max = INT_MAX, int_min = INT_MIN;
static volatile uintptr_t sink;
static volatile __int128 wide_sink, wide_min = (__int128)((unsigned __int128)1 << 127);
static int array[4];
static _Alignas(16) char bytes[32];

static void *hidden(uintptr_t address)
{
    void *pointer = (void *)address;

    __asm__ volatile("" : "+r"(pointer));
    return pointer;
}

/* A function of one statement, and its line. */
#define ACT(name, ...)                  \
    enum { line_of_##name = __LINE__ }; \
    static void name(void)              \
    {                                   \
        __VA_ARGS__;                    \
    }

struct pair {
    int first, second;
};

__attribute__((nonnull)) static void want(const void *pointer)
{
    sink = (uintptr_t)pointer;
}

// clang-format off
enum { line_of_null_returned = __LINE__ + 1 };
__attribute__((returns_nonnull)) static void *give(void) { return hidden((uintptr_t)zero); }

static void null_returned(void)
{
    sink = (uintptr_t)give();
}

ACT(add, sink = (uintptr_t)(int_max + one))
ACT(add_long, sink = (uintptr_t)(long_min + long_min))
ACT(subtract, sink = (uintptr_t)(int_min - one))
ACT(multiply, sink = (uintptr_t)(long_max * long_max))
ACT(multiply_short, sink = (uintptr_t)((uint16_t)int_max * (uint16_t)int_max))
ACT(wide_add, wide_sink = (((__int128)long_max << 64 | (__int128)uint64_max) + one))
ACT(negate, sink = (uintptr_t)-int_min)
ACT(negate_wide, wide_sink = -wide_min)
ACT(divide, sink = (uintptr_t)(forty / zero))
ACT(divide_unsigned, sink = uint64_max / (uint64_t)zero)
ACT(divide_wide, wide_sink = ((__int128)forty / (__int128)zero))
ACT(modulo, sink = (uintptr_t)(int_min % minus_one))
ACT(shift_far, sink = (uintptr_t)(one << forty))
ACT(shift_back, sink = (uintptr_t)(one << minus_one))
ACT(shift_right, sink = (uintptr_t)(one >> forty))
ACT(shift_negative, sink = (uintptr_t)(minus_one << one))
ACT(shift_out, sink = (uintptr_t)(int_max << two))
ACT(shift_wide, sink = (uintptr_t)(one << (((__int128)one << 64) + 1)))
ACT(shift_unsigned, sink = (uintptr_t)((uint64_t)one << (unsigned long)uint64_max))
ACT(index_past, sink = (uintptr_t)array[4 + zero])
ACT(index_before, sink = (uintptr_t)array[minus_one])
ACT(read_null, sink = (uintptr_t)*(int *)hidden(0))
ACT(write_null, *(int *)hidden(0) = 1)
ACT(member_of_null, sink = (uintptr_t)&((struct pair *)hidden(0))->second)
ACT(read_misaligned, sink = *(uint64_t *)hidden(0x7001))
ACT(write_misaligned, *(int *)hidden(0x7002) = 1)
ACT(pointer_wraps, sink = (uintptr_t)((char *)hidden(UINTPTR_MAX) + forty))
ACT(pointer_from_null, sink = (uintptr_t)((char *)hidden(0) + forty))
ACT(not_a_bool, sink = *(bool *)(uintptr_t)&two)
ACT(unreachable, if (one) __builtin_unreachable())
ACT(no_elements, int none[minus_one]; sink = (uintptr_t)none)
ACT(null_argument, want(hidden(0)))
ACT(not_aligned, sink = (uintptr_t)__builtin_assume_aligned(bytes + one, 16))
ACT(trailing_zeros, sink = (uintptr_t)__builtin_ctz((unsigned)zero))
ACT(leading_zeros, sink = (uintptr_t)__builtin_clzl((unsigned long)zero))
// clang-format on

/* gcc looks neither at __builtin_assume_aligned() nor at sums with a null pointer. */
#ifdef __clang__
#define CLANG true
#else
#define CLANG false
#endif

#define ROW(name, message)                  \
    {                                       \
        name, line_of_##name, message, true \
    }
#define ROW_IF(name, tells, message)         \
    {                                        \
        name, line_of_##name, message, tells \
    }

const struct undefined_act undefined_acts[] = {
    ROW(add, "2147483647 + 1 does not fit 'int'"),
    ROW(add_long, "-9223372036854775808 + -9223372036854775808 does not fit 'long*'"),
    ROW(subtract, "-2147483648 - 1 does not fit 'int'"),
    ROW(multiply, "9223372036854775807 \\* 9223372036854775807 does not fit 'long*'"),
    ROW(multiply_short, "65535 \\* 65535 does not fit 'int'"),
    ROW(wide_add, "0x7fffffffffffffffffffffffffffffff + 0x00000000000000000000000000000001 "
                  "does not fit '__int128'"),
    ROW(negate, "-(-2147483648) does not fit 'int'"),
    ROW(negate_wide, "-(0x80000000000000000000000000000000) does not fit '__int128'"),
    ROW(divide, "40 divided by 0"),
    ROW(divide_unsigned, "18446744073709551615 divided by 0"),
    ROW(divide_wide, "0x00000000000000000000000000000028 divided by 0"),
    ROW(modulo, "-2147483648 divided by -1 does not fit 'int'"),
    ROW(shift_far, "shift of 'int' by 40 bits"),
    ROW(shift_back, "shift of 'int' by -1 bits"),
    ROW(shift_right, "shift of 'int' by 40 bits"),
    ROW(shift_negative, "shift of the negative -1 to the left"),
    ROW(shift_out, "2147483647 << 2 does not fit 'int'"),
    ROW(shift_wide, "shift of 'int' by 0x00000000000000010000000000000001 bits"),
    ROW(shift_unsigned, "shift of * by 18446744073709551615 bits"),
    ROW(index_past, "index 4 past the end of 'int*\\[4]'"),
    ROW(index_before, "index -1 before the start of 'int*\\[4]'"),
    ROW(read_null, "read through a pointer that is null, for 'int'"),
    ROW(write_null, "write through a pointer that is null, for 'int'"),
    ROW(member_of_null, "access to a member through a pointer that is null, for 'struct pair'"),
    ROW(read_misaligned, "read through a pointer that is misaligned: 0x7001 for * wants 8"),
    ROW(write_misaligned, "write through a pointer that is misaligned: 0x7002 for 'int' wants 4"),
    ROW(pointer_wraps, "pointer 0xffffffffffffffff moved past the end of memory to 0x27"),
    ROW_IF(pointer_from_null, CLANG, "0x28 added to a pointer that is null"),
    ROW(not_a_bool, "2 is no value of *"),
    ROW(unreachable, "reached what is declared unreachable"),
    ROW(no_elements, "array of -1 elements"),
    ROW(null_argument, "argument 1 is null but declared not to be"),
    ROW(null_returned, "the returned pointer is null but declared not to be"),
    ROW_IF(not_aligned, CLANG, "0x* less 0 is not aligned to 16 as assumed, for *"),
    ROW(trailing_zeros, "__builtin_ctz of 0"),
    ROW(leading_zeros, "__builtin_clz of 0"),
};

const size_t undefined_acts_count = sizeof(undefined_acts) / sizeof(undefined_acts[0]);
