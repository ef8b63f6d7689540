/* Starts the loader with LoadOptions, as a boot entry of firmware's may. */
#include "_chain.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    chain_open(image, system);
    return start_loader(NULL, u"verbose directmap=full");
}
