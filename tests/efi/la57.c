/* Turns 5-level paging on below the firmware, then starts the loader: this OVMF never does it
 * by itself. The PML5 has one entry, which leads to firmware's own PML4. */
#include "_chain.h"

#include "mem.h"
#include "x86_cpu.h"

/* la57_switch.asm: runs where it is copied to. */
extern const char la57_switch[], la57_switch_end[];
typedef void (*switch_function)(uint64_t pml5, uint64_t own_page);

/* Below 4 GiB: paging is off for a moment, and with it 64-bit addresses. */
static uint64_t low_page(EFI_MEMORY_TYPE type)
{
    EFI_PHYSICAL_ADDRESS at = (UINT64_C(1) << 32) - 1;

    must(services->AllocatePages(AllocateMaxAddress, type, 1, &at), "a page below 4 GiB");
    memset((void *)(uintptr_t)at, 0, PAGE_SIZE);
    return at;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    chain_open(image, system);
    if (!(cpuid_if_known(7, 0).ecx >> 16 & 1))
        must(EFI_UNSUPPORTED, "the CPU has no LA57");

    uint64_t pml5 = low_page(EfiBootServicesData), code = low_page(EfiBootServicesCode);
    *(uint64_t *)(uintptr_t)pml5 = entry_make_table(phys(read_cr3() & ENTRY_ADDRESS));
    memcpy((void *)(uintptr_t)code, la57_switch, (size_t)(la57_switch_end - la57_switch));
    ((switch_function)(uintptr_t)code)(pml5, code);

    say("%d levels", (int)cpu_top_level());
    return start_loader(NULL, NULL);
}
