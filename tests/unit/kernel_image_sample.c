/* See kernel_image_sample.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel_image_sample.h"

#include "address_space.h"
#include "handoff.h"
#include "image.h"
#include "loaded_tables.h"
#include "log.h"
#include "symbols.h"

#define STACK(name)                                                                                \
    ".globl " name "_bottom, " name "_top\n.skip 8192\n" name "_bottom: .skip 8192\n" name "_top:" \
    "\n"

__asm__(
    ".pushsection .bss\n.balign 4096\n"
    ".globl image_start, image_end, data_start, data_end, text_start, text_end\n"
    ".globl rodata_start, rodata_end\n"
    "image_start: data_start: .skip 4000\ndata_end: .skip 96\n" STACK("boot_stack")
        STACK("double_fault_stack") STACK("nmi_stack") STACK(
            "machine_check_stack") ".skip 8192\ntext_start: .skip 5000\ntext_end: .balign 4096\n"
                                   "rodata_start: .skip 100\nrodata_end: image_end: .balign "
                                   "4096\n.popsection\n");

static bool find(virt_addr_t address, uint64_t size, struct symbol *symbol)
{
    uint64_t start = virt_of(text_start).raw + FUNCTION;

    *symbol = (struct symbol){.start = (uint32_t)(start - virt_of(image_start).raw),
                              .size = FUNCTION_SIZE};
    return address.raw >= start && address.raw - start < size;
}

bool symbol_lookup(virt_addr_t address, struct symbol *symbol)
{
    return find(address, FUNCTION_SIZE, symbol);
}

bool symbol_nearest(virt_addr_t address, struct symbol *symbol)
{
    return find(address, virt_of(image_end).raw - virt_of(text_start).raw, symbol);
}

virt_addr_t symbol_start(const struct symbol *symbol)
{
    return virt(virt_of(image_start).raw + symbol->start);
}

void symbol_print_name(const struct symbol *symbol)
{
    (void)symbol;
    log_raw("function");
}

void symbol_print(virt_addr_t address)
{
    struct symbol symbol;

    assert_true(symbol_lookup(address, &symbol));
    log_raw(" function+0x%lx", address.raw - symbol_start(&symbol).raw);
}

struct boot_info boot_info;
struct memory_map kernel_memory;
struct pt_space sample_tables;

struct virt_range direct_map_range(void)
{
    return virt_range(DIRECT_MAP, UINT64_C(1) << 30);
}

struct pt_space loaded_tables(void)
{
    return sample_tables;
}

void image_sample_open(void)
{
    static struct memory_range ranges[2];

    ranges[0] = (struct memory_range){0, 0x100000, MEMORY_USABLE, 0};
    ranges[1] = (struct memory_range){KERNEL_PHYS, image_range().size, MEMORY_KERNEL_IMAGE, 0};
    kernel_memory = (struct memory_map){ranges, 2, 2};
    boot_info = (struct boot_info){.kernel_phys = KERNEL_PHYS,
                                   .kernel_virt = virt_of(image_start).raw,
                                   .direct_map_base = DIRECT_MAP};
}
