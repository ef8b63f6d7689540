/* ExitBootServices and what follows: from here there is no way back. */
#include "boot.h"

#include "x86_cpu.h"

/* Limine's bound. Firmware that changes its map more often than this will not stop. */
#define EXIT_TRIES 128

/* handoff.asm */
_Noreturn void handoff(uint64_t root, uint64_t entry, uint64_t stack_top, uint64_t boot_info,
                       uint64_t cr0);

/* How many describe_memory may add to the map. */
static size_t own_ranges(const struct boot *boot)
{
    return boot->info->modules.count + 1 + boot->kept.count;
}

/* The map as it is now, into a larger buffer if it has grown, and out. */
static EFI_STATUS try_to_exit(struct boot *boot, struct firmware_map *firmware)
{
    EFI_STATUS status = read_firmware_map(boot->system, firmware);

    if (status == EFI_BUFFER_TOO_SMALL) {
        free_firmware_map(boot, firmware);
        TRY(allocate_firmware_map(boot, own_ranges(boot), firmware));
        status = read_firmware_map(boot->system, firmware);
    }
    TRY(status);
    status = boot->system->BootServices->ExitBootServices(boot->image, firmware->key);
    boot->left_firmware = true; /* in part, when it failed: no more printing */
    return status;
}

/* UEFI 2.10, 7.4.6: a try that fails may have shut down part of firmware; then only the
 * memory services may be called. Before the first the way back is still open. */
static EFI_STATUS exit_boot_services(struct boot *boot, struct firmware_map *firmware)
{
    EFI_STATUS status = EFI_ABORTED;

    for (int tries = 0; tries < EXIT_TRIES; tries++) {
        status = try_to_exit(boot, firmware);
        if (!EFI_ERROR(status))
            return status;
        if (!boot->left_firmware)
            return fail(boot, status, "firmware's memory map, which it wants back to let go");
    }
    reset_with(boot, "firmware does not let go: ExitBootServices gives 0x%lx after %d tries",
               status, EXIT_TRIES);
}

static void add_own_range(struct boot *boot, struct firmware_map *firmware, uint64_t base,
                          uint64_t size, enum memory_type type)
{
    if (memory_map_add(&firmware->map, base, size, type) != MEMORY_MAP_OK)
        reset_with(boot, "the memory map has no room for 0x%lx bytes at 0x%lx", size, base);
}

static void normalise(struct boot *boot, struct firmware_map *firmware)
{
    if (memory_map_normalise(&firmware->map, firmware->scratch) != MEMORY_MAP_OK)
        reset_with(boot, "firmware's memory map has too many ranges");
}

/* The map may have changed since they were found. */
static void add_kept_ranges(struct boot *boot, struct firmware_map *firmware)
{
    const struct kept_memory *kept = &boot->kept;

    for (size_t i = 0; i < kept->count; i++) {
        if (is_still_to_be_kept(&firmware->map, kept->ranges[i])) {
            add_own_range(boot, firmware, kept->ranges[i].start.raw, kept->ranges[i].size,
                          MEMORY_ACPI_TABLES);
            normalise(boot, firmware);
        }
    }
}

/* Image and modules once more, for firmware that did not take our memory types. */
static void describe_memory(struct boot *boot, struct firmware_map *firmware)
{
    struct boot_info *info = boot->info;
    const struct boot_module *modules = (const void *)(uintptr_t)info->modules.address;

    convert_firmware_map(boot, firmware);
    add_own_range(boot, firmware, info->kernel_phys, info->kernel_size, MEMORY_KERNEL_IMAGE);
    for (uint32_t i = 0; i < info->modules.count; i++)
        add_own_range(boot, firmware, modules[i].address, modules[i].size, MEMORY_MODULE);
    normalise(boot, firmware);
    add_kept_ranges(boot, firmware);

    info->memory_map =
        (struct boot_array){(uintptr_t)firmware->map.ranges, (uint32_t)firmware->map.count,
                            sizeof(struct memory_range)};
    info->firmware_map = (struct boot_array){(uintptr_t)firmware->descriptors,
                                             (uint32_t)(firmware->size / firmware->element_size),
                                             (uint32_t)firmware->element_size};
    info->firmware_map_version = firmware->version;
}

EFI_STATUS leave_firmware(struct boot *boot)
{
    struct firmware_map firmware;

    TRY(allocate_firmware_map(boot, own_ranges(boot), &firmware));
    log_line(boot, LOG_INFO, "leaving firmware");
    TRY(exit_boot_services(boot, &firmware));
    disable_interrupts();
    describe_memory(boot, &firmware);
    return EFI_SUCCESS;
}

/* What docs/handoff.md promises of CR4. VMXE and SMXE cannot be changed at will, LA57
 * not in long mode; all else starts from nothing. */
static uint64_t handoff_cr4(void)
{
    return CR4_PAE | (read_cr4() & (CR4_MCE | CR4_LA57 | CR4_VMXE | CR4_SMXE));
}

void enter_kernel(const struct boot *boot)
{
    boot->info->log = (uintptr_t)boot->log;
    boot->info->log_size = boot->log_used;

    if (boot->paging.no_execute)
        write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
    write_cr4(handoff_cr4());
    handoff(boot->space.root.raw,
            kernel_virt(&boot->kernel, virt(boot->kernel.image.header.entry)).raw,
            boot->stack.raw + HANDOFF_STACK, (uintptr_t)boot->info,
            CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
}
