/* Physical memory by type and by who has it; and the bytes that lie at an address. */
#include "commands.h"

#include "cpu.h"
#include "frames.h"
#include "handoff.h"
#include "loaded_tables.h"
#include "log.h"
#include "stop.h"

/* ---- mem ------------------------------------------------------------------------------- */

static void print_ranges(void)
{
    for (size_t i = 0; i < kernel_memory.count && !stop_look(); i++) {
        const struct memory_range *range = &kernel_memory.ranges[i];
        log_raw("  0x%012lx-0x%012lx  %12lu KiB  %s\n", range->base, range->base + range->size,
                range->size >> 10, memory_type_name(range->type));
    }
}

static void print_types(void)
{
    log_raw("by type:\n");
    for (uint32_t type = 0; type < MEMORY_TYPES; type++) {
        uint64_t size = memory_map_size(&kernel_memory, MEMORY_TYPE_BIT(type));
        if (size != 0)
            log_raw("  %12lu KiB  %s\n", size >> 10, memory_type_name(type));
    }
}

void command_mem(const struct text *words, size_t count)
{
    const struct frame_allocator *frames = &kernel_frames;

    (void)words, (void)count;
    print_ranges();
    if (stop_came()) {
        log_raw("  stopped: not all ranges are shown\n");
        return;
    }
    print_types();
    log_raw("frame allocator:\n  %lu of %lu frames free, in %lu zones; books of %lu KiB\n",
            frames->free_frames, frames->managed_frames, frames->zone_count,
            frames->books_size >> 10);
    if (frames->orders != 0)
        log_raw("  largest free block: %lu KiB\n", UINT64_C(4)
                                                       << (63 - __builtin_clzll(frames->orders)));
}

/* ---- x --------------------------------------------------------------------------------- */

#define ROW       16
#define COUNT_MAX UINT64_C(65536)

/* The read that may fault in spite of the tables (a machine that answers with an error, tables
 * that are changed meanwhile), and where it then goes on. */
static struct {
    uint64_t at, go_on;
    bool faulted;
} probe;

static bool skip(struct registers *registers)
{
    if (registers->rip != probe.at)
        return false;
    probe.faulted = true;
    registers->rip = probe.go_on;
    return true;
}

static __attribute__((noinline)) bool read_byte(uint64_t address, uint8_t *byte)
{
    uint32_t value = 0;
    struct pt_space tables = loaded_tables();

    if (!loaded_tables_map(&tables, virt_range(address, 1)))
        return false;
    probe.faulted = false;
    exception_handle(VECTOR_PAGE_FAULT, skip);
    exception_handle(VECTOR_GENERAL_PROTECTION, skip);
    __asm__ volatile("lea 1f(%%rip), %%rax\n\t"
                     "mov %%rax, %1\n\t"
                     "lea 2f(%%rip), %%rax\n\t"
                     "mov %%rax, %2\n"
                     "1:\n\t"
                     "movzbl (%3), %0\n"
                     "2:"
                     : "+r"(value), "=m"(probe.at), "=m"(probe.go_on)
                     : "r"(address)
                     : "rax", "memory");
    exception_handle(VECTOR_PAGE_FAULT, NULL);
    exception_handle(VECTOR_GENERAL_PROTECTION, NULL);
    *byte = (uint8_t)value;
    return !probe.faulted;
}

static void print_row(uint64_t address, const uint8_t *bytes, size_t count)
{
    log_raw("  0x%016lx ", address);
    for (size_t i = 0; i < ROW; i++) {
        if (i < count)
            log_raw("%s%02x", i == ROW / 2 ? "  " : " ", bytes[i]);
        else
            log_raw("%s", i == ROW / 2 ? "    " : "   ");
    }
    log_raw("  |");
    for (size_t i = 0; i < count; i++)
        log_raw("%c", bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '.');
    log_raw("|\n");
}

/* Up to a row from an address on; false when it ended early. */
static bool show_row(uint64_t address, uint64_t count)
{
    uint8_t bytes[ROW];
    size_t good = 0;

    while (good < count && read_byte(address + good, &bytes[good]))
        good++;
    if (good != 0)
        print_row(address, bytes, good);
    if (good != count)
        log_raw("  0x%016lx %s\n", address + good,
                probe.faulted ? "could not be read" : "is not mapped");
    return good == count;
}

void command_x(const struct text *words, size_t count)
{
    uint64_t bytes = 4 * (uint64_t)ROW;
    virt_addr_t address;

    if (!typed_address(words[0], &address) || (count > 1 && !typed_number(words[1], &bytes)))
        return;
    if (bytes == 0 || bytes > COUNT_MAX || bytes - 1 > UINT64_MAX - address.raw) {
        log_raw("%lu bytes from 0x%016lx: 1 to %lu, and not past the end\n", bytes, address.raw,
                COUNT_MAX);
        return;
    }
    probe.faulted = false;
    for (uint64_t done = 0; done < bytes; done += ROW) {
        if (stop_look()) {
            log_raw("  stopped: not shown is what lies from 0x%016lx on\n", address.raw + done);
            return;
        }
        if (!show_row(address.raw + done, min_u64(ROW, bytes - done)))
            return;
    }
}
