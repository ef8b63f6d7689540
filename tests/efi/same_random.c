/* Gives firmware an EFI_RNG_PROTOCOL (UEFI 2.10, 37.5) all of whose words are the one in the file
 * \random.bin but for bits 1 and 2, then starts the loader: with 1 it draws the first place of all,
 * with 2^64 - 1 the last. (The loader takes firmware with but one word to be out of order; what it
 * draws goes by a word's high bits.) */
#include "_chain.h"

#include "mem.h"

static uint64_t word;

static EFI_STATUS EFIAPI get_info(EFI_RNG_PROTOCOL *self, UINTN *size, EFI_RNG_ALGORITHM *list)
{
    (void)self;
    (void)size;
    (void)list;
    return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI get_rng(EFI_RNG_PROTOCOL *self, EFI_RNG_ALGORITHM *algorithm, UINTN size,
                                 UINT8 *value)
{
    (void)self;
    (void)algorithm;
    for (UINTN i = 0; i < size; i++) {
        const uint64_t here = word ^ (i / sizeof(word) % 4) << 1;
        value[i] = (UINT8)(here >> 8 * (i % sizeof(word)));
    }
    return EFI_SUCCESS;
}

static void read_word(void)
{
    EFI_FILE_PROTOCOL *root = open_volume(), *file;
    UINTN size = sizeof(word);

    must(root->Open(root, &file, (CHAR16 *)u"\\random.bin", EFI_FILE_MODE_READ, 0), "random.bin");
    must(file->Read(file, &size, &word), "reading random.bin");
    file->Close(file);
    root->Close(root);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    static EFI_RNG_PROTOCOL protocol = {.GetInfo = get_info, .GetRNG = get_rng};
    EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
    EFI_HANDLE handle = NULL;

    chain_open(image, system);
    read_word();
    must(services->InstallProtocolInterface(&handle, &guid, EFI_NATIVE_INTERFACE, &protocol),
         "EFI_RNG_PROTOCOL");
    return start_loader(NULL, NULL);
}
