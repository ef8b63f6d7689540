/* Gives 1 MiB of free memory another type by an MTRR, as a machine has it whose firmware took
 * memory for a device, then starts the loader. The page tables must not have a leaf across. */
#include "_chain.h"

#include "x86_cpu.h"

#define SIZE  (UINT64_C(1) << 20)
#define STEP  (UINT64_C(1) << 30)
#define VALID (UINT64_C(1) << 11)

/* In the highest GiB of RAM that is free, at 3 MiB into it. */
static uint64_t free_place(void)
{
    const struct descriptors map = read_map();
    uint64_t place = 0;

    for (size_t i = 0; i < map.count; i++) {
        const EFI_MEMORY_DESCRIPTOR *each = descriptor_at(&map, i);
        uint64_t end = each->PhysicalStart + each->NumberOfPages * PAGE_SIZE;
        uint64_t at = align_down(end - 1, STEP);
        if (each->Type == EfiConventionalMemory && at >= each->PhysicalStart && end - at > 4 * SIZE)
            place = max_u64(place, at + 3 * SIZE);
    }
    return place;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    const struct mtrrs mtrrs = cpu_mtrrs();
    const uint64_t all = (UINT64_C(1) << mtrrs.phys_bits) - 1;
    uint32_t unused = 0;

    chain_open(image, system);
    const uint64_t place = free_place();
    while (unused < mtrrs.variable_count && (mtrrs.variable[unused].mask & VALID))
        unused++;
    if (place == 0 || unused == mtrrs.variable_count)
        must(EFI_NOT_FOUND, "free memory and an unused MTRR");
    write_msr(MSR_MTRR_BASE_0 + 2 * unused, place | MTRR_UNCACHED);
    write_msr(MSR_MTRR_BASE_0 + 2 * unused + 1, (all & ~(SIZE - 1)) | VALID);
    say("MTRR %u: 0x%lx bytes at 0x%lx are UC", unused, SIZE, place);
    return start_loader(NULL, NULL);
}
