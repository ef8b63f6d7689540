/* common/mem.c under other names, against the C library. The sanitizers do not
 * see what string instructions touch, so every buffer has a margin that must
 * stay as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define memcpy  bestla_memcpy
#define memmove bestla_memmove
#define memset  bestla_memset
#define memcmp  bestla_memcmp
#define strlen  bestla_strlen
#include "mem.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

#define ARENA  512
#define ROUNDS 100000

static size_t random_below(size_t limit)
{
    return (size_t)random() % limit;
}

static void fill_random(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)random();
}

/* Two copies of one arena: one for ours, one for the C library's. */
struct twins {
    unsigned char ours[ARENA];
    unsigned char theirs[ARENA];
};

static void fill_twins(struct twins *twins)
{
    fill_random(twins->ours, ARENA);
    memcpy(twins->theirs, twins->ours, ARENA);
}

static void assert_twins(const struct twins *twins)
{
    assert_memory_equal(twins->ours, twins->theirs, ARENA);
}

static void test_memcpy(void **state)
{
    struct twins twins;

    (void)state;
    srandom(1);
    for (size_t i = 0; i < ROUNDS / 10; i++) {
        size_t size = random_below(ARENA / 2);
        size_t from = random_below(ARENA / 2 - size);
        size_t to = ARENA / 2 + random_below(ARENA / 2 - size);

        fill_twins(&twins);
        memcpy(twins.theirs + to, twins.theirs + from, size);
        assert_ptr_equal(bestla_memcpy(twins.ours + to, twins.ours + from, size), twins.ours + to);
        assert_twins(&twins);
    }
}

static void check_memmove(size_t to, size_t from, size_t size)
{
    struct twins twins;

    fill_twins(&twins);
    memmove(twins.theirs + to, twins.theirs + from, size);
    assert_ptr_equal(bestla_memmove(twins.ours + to, twins.ours + from, size), twins.ours + to);
    assert_twins(&twins);
}

static void test_memmove(void **state)
{
    (void)state;
    srandom(2);
    for (size_t i = 0; i < ROUNDS / 10; i++) {
        size_t size = random_below(ARENA);

        check_memmove(random_below(ARENA - size), random_below(ARENA - size), size);
    }
}

/* Every small size at every small distance, both directions. */
static void test_memmove_close(void **state)
{
    (void)state;
    for (size_t size = 0; size < 40; size++) {
        for (size_t distance = 0; distance <= 48; distance++) {
            check_memmove(100 + distance, 100, size);
            check_memmove(100, 100 + distance, size);
        }
    }
}

static void test_memset(void **state)
{
    struct twins twins;

    (void)state;
    srandom(3);
    for (size_t i = 0; i < ROUNDS / 10; i++) {
        size_t size = random_below(ARENA);
        size_t to = random_below(ARENA - size);
        int byte = (int)random(); /* only its low eight bits count */

        fill_twins(&twins);
        memset(twins.theirs + to, byte, size);
        assert_ptr_equal(bestla_memset(twins.ours + to, byte, size), twins.ours + to);
        assert_twins(&twins);
    }
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

/* Pairs that differ in no byte, or in one or two. */
static void test_memcmp(void **state)
{
    struct twins twins;

    (void)state;
    srandom(4);
    fill_twins(&twins);
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t size = random_below(40);
        size_t at = random_below(ARENA - size);
        unsigned char *different = &twins.ours[at + random_below(size + 1)];
        unsigned char *also = &twins.ours[at + random_below(size + 1)];

        *different = (unsigned char)random();
        *also ^= random() % 2 ? 0x80 : 0;
        assert_int_equal(sign(bestla_memcmp(twins.ours + at, twins.theirs + at, size)),
                         sign(memcmp(twins.ours + at, twins.theirs + at, size)));
        memcpy(twins.ours, twins.theirs, ARENA);
    }
}

static void test_memcmp_alignment(void **state)
{
    unsigned char arena[64];

    (void)state;
    srandom(5);
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t size = random_below(24);
        unsigned char *a = arena + random_below(8);
        unsigned char *b = arena + 32 + random_below(8);

        fill_random(arena, sizeof arena);
        memcpy(b, a, size);
        if (size > 0 && random() % 2)
            b[random_below(size)]++;
        assert_int_equal(sign(bestla_memcmp(a, b, size)), sign(memcmp(a, b, size)));
    }
}

static void test_strlen(void **state)
{
    char *string;

    (void)state;
    for (size_t length = 0; length < 100; length++) {
        string = malloc(length + 1);
        memset(string, 0xff, length);
        string[length] = '\0';
        assert_int_equal(bestla_strlen(string), length);
        free(string);
    }
}

/* Against a page that cannot be touched: nothing is read or written beyond. */
static void test_edge_of_memory(void **state)
{
    unsigned char *page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *end = page + 2 * 4096;
    unsigned char bytes[64] = {0};

    (void)state;
    assert_int_equal(mprotect(page + 4096, 4096, PROT_READ | PROT_WRITE), 0);
    for (size_t size = 0; size < sizeof bytes; size++) {
        bestla_memset(end - size, 0, size);
        bestla_memset(page + 4096, 0, size);
        assert_int_equal(bestla_memcmp(end - size, bytes, size), 0);
        bestla_memcpy(bytes, end - size, size);
        bestla_memmove(end - size, end - size - 3, size);
        bestla_memmove(page + 4096, page + 4096 + 3, size);
        bestla_memmove(page + 4096 + 3, page + 4096, size);
    }
    end[-1] = '\0';
    assert_int_equal(bestla_strlen((const char *)end - 1), 0);
    munmap(page, 3 * 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memcpy),        cmocka_unit_test(test_memmove),
        cmocka_unit_test(test_memmove_close), cmocka_unit_test(test_memset),
        cmocka_unit_test(test_memcmp),        cmocka_unit_test(test_memcmp_alignment),
        cmocka_unit_test(test_strlen),        cmocka_unit_test(test_edge_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
