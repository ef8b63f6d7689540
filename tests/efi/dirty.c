/* Fills all free memory with bytes that are not zero, then starts the loader: QEMU's memory is
 * zero at first, and hides what was never cleared. */
#include "_chain.h"

#include "mem.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    chain_open(image, system);

    struct descriptors map = read_map();
    for (size_t i = 0; i < map.count; i++) {
        const EFI_MEMORY_DESCRIPTOR *free = descriptor_at(&map, i);
        EFI_PHYSICAL_ADDRESS at = free->PhysicalStart;
        UINTN pages = free->NumberOfPages;

        /* Frame 0 is what a NULL would lead to; firmware may guard it. */
        if (free->Type != EfiConventionalMemory || at == 0)
            continue;
        must(services->AllocatePages(AllocateAddress, EfiLoaderData, pages, &at), "free memory");
        memset((void *)(uintptr_t)at, 0xa5, pages * PAGE_SIZE);
        must(services->FreePages(at, pages), "FreePages");
    }
    say("memory is dirty");
    return start_loader(NULL, NULL);
}
