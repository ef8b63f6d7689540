/* See _chain.h. */
#include "_chain.h"

#include "mem.h"

#define LOADER_PATH u"\\EFI\\bestla\\loader.efi"
#define LOADER_MAX  (4 << 20) /* bytes */
#define LINE_MAX    240

EFI_SYSTEM_TABLE *firmware;
EFI_BOOT_SERVICES *services;

static EFI_HANDLE self, self_device;
static void *loader;
static UINTN loader_size;

void say(const char *format, ...)
{
    char text[LINE_MAX];
    CHAR16 line[LINE_MAX + 9] = u"test: ";
    size_t used = 6;
    va_list args;

    va_start(args, format);
    format_text_args(text, sizeof(text), format, args);
    va_end(args);
    for (size_t i = 0; text[i] != '\0'; i++)
        line[used++] = (CHAR16)text[i];
    memcpy(line + used, u"\r\n", 3 * sizeof(CHAR16));
    firmware->ConOut->OutputString(firmware->ConOut, line);
}

void must(EFI_STATUS status, const char *what)
{
    if (!EFI_ERROR(status))
        return;
    say("%s: 0x%llx", what, (unsigned long long)status);
    for (;;)
        __asm__ volatile("hlt");
}

static EFI_LOADED_IMAGE_PROTOCOL *loaded_image(EFI_HANDLE image)
{
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE_PROTOCOL *loaded;

    must(services->HandleProtocol(image, &guid, (void **)&loaded), "LoadedImage");
    return loaded;
}

EFI_FILE_PROTOCOL *open_volume(void)
{
    EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *volume;
    EFI_FILE_PROTOCOL *root;

    must(services->HandleProtocol(self_device, &guid, (void **)&volume), "the boot volume");
    must(volume->OpenVolume(volume, &root), "OpenVolume");
    return root;
}

/* Once, so that starting the loader again and again allocates nothing here. */
static void read_loader(void)
{
    EFI_FILE_PROTOCOL *root = open_volume(), *file;
    EFI_PHYSICAL_ADDRESS at;

    must(services->AllocatePages(AllocateAnyPages, EfiLoaderData, LOADER_MAX / PAGE_SIZE, &at),
         "memory for the loader's file");
    loader = (void *)(uintptr_t)at;
    loader_size = LOADER_MAX;
    must(root->Open(root, &file, (CHAR16 *)LOADER_PATH, EFI_FILE_MODE_READ, 0), "loader.efi");
    must(file->Read(file, &loader_size, loader), "reading loader.efi");
    file->Close(file);
    root->Close(root);
}

void chain_open(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    firmware = system;
    services = system->BootServices;
    self = image;
    self_device = loaded_image(image)->DeviceHandle;
    read_loader();
}

EFI_STATUS start_loader(EFI_HANDLE device, const CHAR16 *options)
{
    EFI_LOADED_IMAGE_PROTOCOL *loaded;
    EFI_HANDLE image;
    size_t length = 0;

    must(services->LoadImage(FALSE, self, NULL, loader, loader_size, &image), "LoadImage");
    loaded = loaded_image(image);
    loaded->DeviceHandle = device == NULL ? self_device : device;
    if (options != NULL) {
        while (options[length] != 0)
            length++;
        loaded->LoadOptions = (void *)(uintptr_t)options;
        loaded->LoadOptionsSize = (UINT32)((length + 1) * sizeof(CHAR16));
    }
    return services->StartImage(image, NULL, NULL);
}

struct descriptors read_map(void)
{
    static _Alignas(8) char buffer[64 * 1024];
    UINTN size = sizeof(buffer), key, element_size;
    UINT32 version;

    must(services->GetMemoryMap(&size, (void *)buffer, &key, &element_size, &version),
         "GetMemoryMap");
    return (struct descriptors){buffer, size / element_size, element_size};
}
