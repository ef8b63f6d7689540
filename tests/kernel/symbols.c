/* Looks symbols up by address, in the kernel itself: at their start, inside, and where there are
 * none. */
#include "run.h"

#include "attempt.h"
#include "main.h"
#include "mem.h"
#include "symbols.h"

extern const char image_start[], image_end[], boot_stack_bottom[];

static void expect(virt_addr_t address, const char *expected, size_t size)
{
    struct symbol symbol;
    char name[64];

    must(symbol_lookup(address, &symbol), expected);
    must(symbol_name(&symbol, name, sizeof(name)) == size - 1 && memcmp(name, expected, size) == 0,
         expected);
}

static void expect_none(virt_addr_t address, const char *where)
{
    struct symbol symbol;

    must(!symbol_lookup(address, &symbol), where);
}

#define EXPECT(symbol)                                                  \
    do {                                                                \
        virt_addr_t start = virt_of((const void *)(uintptr_t)(symbol)); \
        expect(start, #symbol, sizeof(#symbol));                        \
        expect(virt(start.raw + 5), #symbol, sizeof(#symbol));          \
    } while (0)

void run(void)
{
    EXPECT(run);
    EXPECT(kernel_main);
    expect_none(virt(virt_of(image_start).raw - 1), "before the first symbol");
    expect_none(virt_of(image_end), "after the last symbol");
    expect_none(virt_of(boot_stack_bottom), "in a hole");
    expect_none(virt(0), "at 0");
    expect_none(virt(UINT64_MAX), "at the end of all addresses");
    log_raw("test: passed\n");
    panic("done");
}
