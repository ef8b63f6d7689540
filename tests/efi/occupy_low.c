/* Takes nearly all memory below 4 GiB, then starts the loader: what is left there is in pieces
 * too small for a kernel. */
#include "_chain.h"

#define LIMIT (UINT64_C(4) << 30)
#define LEFT  UINT64_C(16) /* pages of each piece */

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    chain_open(image, system);

    struct descriptors map = read_map();
    for (size_t i = 0; i < map.count; i++) {
        const EFI_MEMORY_DESCRIPTOR *free = descriptor_at(&map, i);
        EFI_PHYSICAL_ADDRESS at = free->PhysicalStart;

        if (free->Type == EfiConventionalMemory && at < LIMIT && free->NumberOfPages > LEFT)
            must(services->AllocatePages(AllocateAddress, EfiLoaderData, free->NumberOfPages - LEFT,
                                         &at),
                 "low memory");
    }
    return start_loader(NULL, NULL);
}
