/* Waits until a key is pressed, and does not read it: then it is still down when the loader
 * starts. */
#include "_chain.h"

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    UINTN index;

    chain_open(image, system);
    say("press a key");
    must(services->WaitForEvent(1, &system->ConIn->WaitForKey, &index), "waiting for a key");
    return start_loader(NULL, NULL);
}
