/* Calls two programs of which only the flat bytes and the map survived: a 64-bit one that is linked
 * into this kernel, calls it and counts in its BSS, and a 16-bit one that is linked for an
 * address that it was not written for. tests/kernel/flat/ has their sources. */
#include "run.h"

#include "address_space.h"
#include "attempt.h"
#include "cpu.h"
#include "mem.h"
#include "symbols.h"
#include "x86_cpu.h"

#define LOW_CODE  UINT64_C(0x6000)
#define LOW_STACK UINT64_C(0x8000)
#define WAY_BACK  UINT64_C(0x6ff0)
#define CODE_16   UINT64_C(0x00009b000000ffff) /* ring 0, code, readable, 16 bits, 64 KiB */
#define DATA_16   UINT64_C(0x000093000000ffff)

uint64_t flat64_sum(const uint64_t *numbers, uint64_t count);
extern uint32_t flat64_calls;
uint64_t flat64_double(uint64_t number);

uint16_t flat_call16(uint64_t entry, uint64_t argument, const struct cpu_table *gdt, uint64_t stack,
                     uint64_t back);
extern const char flat_low_start[], flat_low_end[], flat_return16[];

/* What the 64-bit program calls. */
uint64_t flat64_double(uint64_t number)
{
    return 2 * number;
}

static void expect_name(const void *address, const char *expected)
{
    struct symbol symbol;
    char name[32];

    must(symbol_lookup(virt_of(address), &symbol), expected);
    must(symbol_name(&symbol, name, sizeof(name)) < sizeof(name), expected);
    for (size_t i = 0; expected[i] || name[i]; i++)
        must(name[i] == expected[i], expected);
}

static void call_64(void)
{
    static const uint64_t numbers[] = {1, 20, 300};

    must(flat64_sum(numbers, 3) == 2 * (321 + 1000), "the 64-bit program's sum");
    must(flat64_sum(numbers, 1) == 2 * (1 + 1000), "the sum of one");
    must(flat64_calls == 2, "calls counted in BSS");
    expect_name((const void *)(uintptr_t)flat64_sum, "flat64_sum");
    log_raw("flat: 64-bit code is right\n");
}

/* A fresh frame, mapped where 16 bits reach. */
static uint8_t *map_low(uint64_t at, unsigned rights)
{
    phys_addr_t frame;

    must(frames_take(&kernel_frames, 1, PAGE_SIZE, &frame) == FRAMES_OK, "no frame");
    must(pt_map(&kernel_space, virt_range(at, PAGE_SIZE), frame,
                (struct pt_attributes){rights, PAT_WRITE_BACK, false}, PT_LEVEL_PT) == PT_OK,
         "pt_map");
    return phys2virt(frame);
}

/* jmp [rip], and where to. */
static void write_way_back(uint8_t *at)
{
    uint64_t target = (uintptr_t)flat_return16;
    const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0};

    memcpy(at, jump, sizeof(jump));
    memcpy(at + sizeof(jump), &target, sizeof(target));
}

static void call_16(void)
{
    static uint64_t gdt[7];
    struct cpu_table old, new = {sizeof(gdt) - 1, (uintptr_t)gdt};
    uint8_t *code = map_low(LOW_CODE, PT_RIGHT_READ | PT_RIGHT_EXECUTE);

    map_low(LOW_STACK, PT_RIGHT_READ | PT_RIGHT_WRITE);
    memcpy(code, flat_low_start, (size_t)(flat_low_end - flat_low_start));
    write_way_back(code + (WAY_BACK - LOW_CODE));
    __asm__ volatile("sgdt %0" : "=m"(old));
    must(old.limit == 5 * sizeof(*gdt) - 1, "the kernel's GDT has five entries");
    memcpy(gdt, (const void *)(uintptr_t)old.base, old.limit + 1u);
    gdt[5] = CODE_16;
    gdt[6] = DATA_16;
    must(flat_call16(LOW_CODE, 3, &new, LOW_STACK + PAGE_SIZE, WAY_BACK) == 2 * 321,
         "the 16-bit program's sum");
    log_raw("flat: 16-bit code is right\n");
}

void run(void)
{
    call_64();
    call_16();
    log_raw("test: passed\n");
    panic("done");
}
