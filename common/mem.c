/* The memory functions where there is no C library: in the loader and the
 * kernel, whose own code calls them and whose compiler may call them unasked.
 * The host build leaves this file out.
 *
 * Bulk goes through string instructions on eight bytes: the emulator counts
 * each iteration of `rep` as one instruction, and a CPU moves whole cache
 * lines. General registers only, so a panic may call these at any moment.
 *
 * The Makefile compiles this file with -fno-builtin and, where the compiler
 * knows it, -fno-tree-loop-distribute-patterns: otherwise the compiler would
 * see that a loop below is a memmove and call memmove. */
#include "mem.h"

#include <stdint.h>

#define WORD sizeof(uint64_t)

/* Eight bytes of any object at any address. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;

/* Right for overlapping ranges too as long as `to` lies below `from`: each
 * word is read before anything is written at or above it. */
static void copy_upward(void *to, const void *from, size_t size)
{
    size_t words = size / WORD;
    size_t bytes = size % WORD;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/* For `to` above `from`. A loop and not `std; rep movsq`: an exception in the
 * middle would enter C with the direction flag set, which the ABI forbids
 * (System V x86-64, 3.2.1), and CPUs have no fast path for it. */
static void copy_downward(unsigned char *to, const unsigned char *from, size_t size)
{
    while (size >= WORD) {
        size -= WORD;
        *(word_t *)(to + size) = *(const word_t *)(from + size);
    }
    while (size > 0) {
        size--;
        to[size] = from[size];
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    copy_upward(to, from, size);
    return to;
}

/* The unsigned distance is at least `size` both when `to` lies below `from`
 * and when the ranges do not meet. */
void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        copy_upward(to, from, size);
    else
        copy_downward(to, from, size);
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    uint64_t pattern = (uint8_t)byte * UINT64_C(0x0101010101010101);
    size_t words = size / WORD;
    size_t bytes = size % WORD;
    void *at = to;

    __asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(pattern) : "memory");
    return to;
}

/* Words only find where the difference lies; their byte order says nothing
 * about which side is less. */
int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *left = a;
    const unsigned char *right = b;
    size_t at = 0;

    while (size - at >= WORD && *(const word_t *)(left + at) == *(const word_t *)(right + at))
        at += WORD;
    while (at < size && left[at] == right[at])
        at++;
    return at == size ? 0 : left[at] - right[at];
}

size_t strlen(const char *string)
{
    size_t length = 0;

    while (string[length] != '\0')
        length++;
    return length;
}
