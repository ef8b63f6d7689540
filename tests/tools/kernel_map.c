/* The kernel's own walker and the monitor's commands on any physical memory: what the kernel would
 * say if it stood on these tables. The tests hold it against the readers of the host.
 *
 *     kernel_map FILE BASE CR0 CR3 CR4 EFER PHYS_BITS 1GIB map|walk|find [WORD]
 *
 * FILE is raw memory whose first byte is the one at BASE, and all the RAM that there is. Numbers
 * are hexadecimal; 1GIB is 0 or 1, whether the CPU has leaves of 1 GiB. The PAT is that of
 * power-on. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address_space.h"
#include "audit.h"
#include "commands.h"
#include "handoff.h"
#include "image.h"
#include "loaded_tables.h"
#include "log.h"
#include "stop.h"
#include "symbols.h"
#include "x86_cpu.h"

/* ---- the memory ------------------------------------------------------------------------ */

static struct {
    uint64_t base, size;
    const uint8_t *bytes;
    uint64_t cr0, cr3, cr4, efer;
    struct pt_features features;
} machine;

static bool is_ram(phys_addr_t frame)
{
    uint64_t offset = frame.raw - machine.base;

    return frame.raw >= machine.base && offset < machine.size && PAGE_SIZE <= machine.size - offset;
}

struct pt_space loaded_tables(void)
{
    return (struct pt_space){
        .root = phys(machine.cr3 & ENTRY_ADDRESS),
        .top = machine.cr4 & CR4_LA57 ? PT_LEVEL_PML5 : PT_LEVEL_PML4,
        .features = machine.features,
        .phys_to_virt = (uintptr_t)machine.bytes - machine.base,
        .can_read = is_ram,
    };
}

uint64_t read_msr(uint32_t msr)
{
    (void)msr; /* EFER */
    return machine.efer;
}

uint64_t cpu_memory_types(void)
{
    return PAT_AFTER_RESET;
}

uint64_t read_cr0(void)
{
    return machine.cr0;
}

uint64_t read_cr4(void)
{
    return machine.cr4;
}

/* ---- what of the kernel is not here ---------------------------------------------------- */

struct boot_info boot_info;
struct memory_map kernel_memory;
const struct image_segment image_segments[1];
const size_t image_segment_count = 0;

struct virt_range direct_map_range(void)
{
    return virt_range(0, 0);
}

struct virt_range framebuffer_range(void)
{
    return virt_range(0, 0);
}

struct virt_range image_range(void)
{
    return virt_range(0, 0);
}

const struct image_segment *image_segment_at(virt_addr_t address)
{
    (void)address;
    return NULL;
}

const struct image_segment *image_guard_at(virt_addr_t address, bool *below)
{
    (void)address, (void)below;
    return NULL;
}

bool symbol_lookup(virt_addr_t address, struct symbol *symbol)
{
    (void)address, (void)symbol;
    return false;
}

bool symbol_nearest(virt_addr_t address, struct symbol *symbol)
{
    (void)address, (void)symbol;
    return false;
}

virt_addr_t symbol_start(const struct symbol *symbol)
{
    return virt(symbol->start);
}

void symbol_print_name(const struct symbol *symbol)
{
    (void)symbol;
}

void symbol_print(virt_addr_t address)
{
    (void)address;
}

size_t audit_check(bool (*can_read)(phys_addr_t table), size_t *checked)
{
    (void)can_read;
    *checked = AUDIT_RULES;
    return 0;
}

struct pt_space stop_tables(void)
{
    return loaded_tables();
}

bool stop_look(void)
{
    return false;
}

bool stop_came(void)
{
    return false;
}

bool stop_can_read(phys_addr_t table)
{
    (void)table;
    return true;
}

/* ---- words in and out ------------------------------------------------------------------ */

static void sink(void *context, const char *text, size_t length)
{
    (void)context;
    fwrite(text, 1, length, stdout);
}

void log_raw(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    format_to(sink, NULL, format, args);
    va_end(args);
}

bool typed_number(struct text word, uint64_t *number)
{
    return parse_number(word, number) == PARSE_OK;
}

bool typed_address(struct text word, virt_addr_t *address)
{
    return typed_number(word, &address->raw);
}

bool typed_range(struct text word, struct virt_range *range)
{
    return parse_range(word, NULL, range) == PARSE_OK;
}

/* ---- the program ----------------------------------------------------------------------- */

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 16);
}

static bool load(const char *path)
{
    struct stat about;
    int file = open(path, O_RDONLY);

    if (file < 0 || fstat(file, &about) != 0 || about.st_size == 0)
        return false;
    machine.size = (uint64_t)about.st_size;
    void *at = mmap(NULL, machine.size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    machine.bytes = at;
    return at != MAP_FAILED;
}

static const struct {
    const char *name;
    command_function run;
} verbs[] = {{"map", command_map}, {"walk", command_walk}, {"find", command_find}};

int main(int count, char **arguments)
{
    if (count < 10 || !load(arguments[1]))
        return 2;
    machine.base = number(arguments[2]);
    machine.cr0 = number(arguments[3]);
    machine.cr3 = number(arguments[4]);
    machine.cr4 = number(arguments[5]);
    machine.efer = number(arguments[6]);
    machine.features = (struct pt_features){
        .no_execute = (machine.efer & EFER_NXE) != 0,
        .leaf_1gib = number(arguments[8]) != 0,
        .phys_bits = (uint8_t)number(arguments[7]),
    };
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        struct text word = text_of(count > 10 ? arguments[10] : "");
        if (strcmp(verbs[i].name, arguments[9]) == 0)
            verbs[i].run(&word, count > 10);
    }
    return 0;
}
