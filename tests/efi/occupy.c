/* Takes the memory that the kernel is linked for, then starts the loader. */
#include "_chain.h"

#include "layout.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_PHYSICAL_ADDRESS at = KERNEL_LINK_ADDRESS - KERNEL_REGION;

    chain_open(image, system);
    must(services->AllocatePages(AllocateAddress, EfiLoaderData, 1, &at), "the linked address");
    return start_loader(NULL, NULL);
}
