/* Firmware that never lets go: its ExitBootServices fails each time, as where an event at each call
 * changes the memory map. */
#include "_chain.h"

static EFIAPI EFI_STATUS refuse(EFI_HANDLE image, UINTN key)
{
    (void)image;
    (void)key;
    return EFI_INVALID_PARAMETER;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    chain_open(image, system);
    services->ExitBootServices = refuse;
    say("no way out");
    return start_loader(NULL, NULL);
}
