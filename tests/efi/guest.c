/* A program that the loader starts from the boot volume: says which options it was given, and
 * comes to an end as they ask. */
#include "_chain.h"

#include "text.h"

#define OPTIONS_MAX 128

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE_PROTOCOL *loaded;
    char options[OPTIONS_MAX] = "";

    firmware = system;
    services = system->BootServices;
    must(services->HandleProtocol(image, &guid, (void **)&loaded), "LoadedImage");
    const CHAR16 *units = loaded->LoadOptions;
    for (UINTN i = 0; i < loaded->LoadOptionsSize / sizeof(CHAR16) && i < OPTIONS_MAX - 1; i++)
        options[i] = (char)units[i];
    say("guest: %u bytes of options: %s", loaded->LoadOptionsSize, options);
    return text_equal(text_of(options), text_of("abort")) ? EFI_ABORTED : EFI_SUCCESS;
}
