/* See handoff.h. */
#include "handoff.h"

#include "loaded_tables.h"
#include "log.h"
#include "mapping_record.h"
#include "mem.h"
#include "panic.h"
#include "translate.h"

struct boot_info boot_info;
struct memory_map kernel_memory;

/* The frames that handoff_copy took. */
static struct phys_range copied;

bool handoff_take_random(uint64_t *word)
{
    if (boot_info.seed_size < sizeof(*word))
        return false;
    boot_info.seed_size -= (uint32_t)sizeof(*word);
    memcpy(word, boot_info.seed + boot_info.seed_size, sizeof(*word));
    memset(boot_info.seed + boot_info.seed_size, 0, sizeof(*word));
    return true;
}

void handoff_rebase(void)
{
    kernel_memory = (struct memory_map){
        .ranges = phys2virt(phys(boot_info.memory_map.address)),
        .count = boot_info.memory_map.count,
        .capacity = boot_info.memory_map.count,
    };
}

void handoff_check(phys_addr_t at)
{
    struct boot_info_error error;

    if (boot_info_check(at, kernel_space.phys_to_virt, &error) != BOOT_INFO_OK)
        panic("boot info at 0x%lx: %s 0x%lx %s", at.raw, error.field, error.value,
              boot_info_status_text(error.status));
    memcpy(&boot_info, phys2virt(at), sizeof(boot_info));
    /* That memory will be somebody else's. */
    memset(((struct boot_info *)phys2virt(at))->seed, 0, sizeof(boot_info.seed));
    handoff_rebase();
    loaded_tables_note_ram(&kernel_memory);
}

static void print_steps(uint64_t kernel_entered)
{
    static const char *const names[] = {"configuration", "kernel", "modules", "tables",
                                        "leaving firmware"};
    const uint64_t *tsc = boot_info.step_tsc;
    char line[256];
    size_t used = 0;

    for (size_t i = 1; i < BOOT_STEPS; i++)
        used += format_text(line + used, sizeof(line) - used, "%s %lu, ", names[i - 1],
                            (tsc[i] - tsc[i - 1]));
    log_info("loader", "TSC ticks: %sin all %lu", line, (kernel_entered - tsc[BOOT_STEP_ENTRY]));
}

void handoff_print_log(uint64_t kernel_entered)
{
    for (uint64_t at = 0; at < boot_info.log_size;) {
        const struct boot_log_record *record = phys2virt(phys(boot_info.log + at));
        log_write_at(record->tsc, (enum log_level)record->level, "loader",
                     (const char *)(record + 1), record->length);
        at += boot_log_record_size(record->length);
    }
    print_steps(kernel_entered);
}

/* A region of the kernel's frames that is filled from its start. */
struct copies {
    uint64_t next;
};

static void copy(struct copies *copies, uint64_t *address, uint64_t size)
{
    if (size == 0)
        return;
    memcpy(phys2virt(phys(copies->next)), phys2virt(phys(*address)), size);
    *address = copies->next;
    copies->next += align_up(size, 8);
}

static uint64_t array_size(const struct boot_array *array)
{
    return (uint64_t)array->count * array->element_size;
}

static struct boot_module *module_at(uint32_t index)
{
    return phys2virt(
        phys(boot_info.modules.address + (uint64_t)index * boot_info.modules.element_size));
}

static uint64_t size_of_copies(void)
{
    uint64_t size = align_up(array_size(&boot_info.memory_map), 8) +
                    align_up(array_size(&boot_info.firmware_map), 8) +
                    align_up(array_size(&boot_info.modules), 8) +
                    align_up(boot_info.options_size, 8) + align_up(boot_info.log_size, 8);

    for (uint32_t i = 0; i < boot_info.modules.count; i++)
        size += align_up(module_at(i)->words_size, 8);
    return align_up(size, PAGE_SIZE);
}

void handoff_copy(struct frame_allocator *frames)
{
    phys_addr_t at;
    uint64_t size = size_of_copies();
    enum frames_status status = frames_take(frames, size / PAGE_SIZE, PAGE_SIZE, &at);

    if (status != FRAMES_OK)
        panic("copying the boot info, %lu KiB: %s", size >> 10, frames_status_text(status));

    struct copies copies = {at.raw};
    copied = (struct phys_range){at, size};
    copy(&copies, &boot_info.memory_map.address, array_size(&boot_info.memory_map));
    copy(&copies, &boot_info.firmware_map.address, array_size(&boot_info.firmware_map));
    copy(&copies, &boot_info.modules.address, array_size(&boot_info.modules));
    copy(&copies, &boot_info.options, boot_info.options_size);
    copy(&copies, &boot_info.log, boot_info.log_size);
    for (uint32_t i = 0; i < boot_info.modules.count; i++)
        copy(&copies, &module_at(i)->words, module_at(i)->words_size);
    handoff_rebase();
}

struct text boot_options(void)
{
    if (boot_info.options_size == 0)
        return (struct text){0};
    return (struct text){phys2virt(phys(boot_info.options)), boot_info.options_size - 1};
}

void handoff_record(void)
{
    struct virt_range range = virt_range(virt_of(phys2virt(copied.start)).raw, copied.size);

    mapping_record_add(range, "boot info: memory map");
    mapping_record_add(range, "boot info: firmware's memory map");
    mapping_record_add(range, "boot info: options");
    mapping_record_add(range, "boot info: the loader's log");
    if (boot_info.modules.count != 0)
        mapping_record_add(range, "boot info: modules");
}
