/* A program that the loader starts from the boot volume: says what the loader has told it. */
#include "_chain.h"

#define VALUE_MAX 4096

static EFI_GUID vendor = {
    0x4a67b082, 0x0a4c, 0x41cf, {0xb6, 0xc7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f}};

static const CHAR16 *const names[] = {
    u"LoaderInfo",          u"LoaderFirmwareInfo",    u"LoaderFirmwareType",
    u"LoaderEntries",       u"LoaderDevicePartUUID",  u"LoaderImageIdentifier",
    u"LoaderEntrySelected", u"LoaderTimeInitUSec",    u"LoaderTimeMenuUSec",
    u"LoaderTimeExecUSec",  u"LoaderBootCountPath",   u"LoaderEntryOneShot",
    u"LoaderEntryDefault",  u"LoaderEntryLastBooted", u"LoaderConfigTimeoutOneShot",
};

static void narrow(const CHAR16 *units, UINTN count, char *text)
{
    for (UINTN i = 0; i < count; i++)
        text[i] = units[i] == 0 ? (i + 1 < count ? '|' : '\0') : (char)units[i];
}

static void tell(const CHAR16 *name)
{
    static CHAR16 value[VALUE_MAX];
    static char text[VALUE_MAX];
    char ascii[64];
    UINTN size = sizeof(value), length = 0;

    while (name[length] != 0)
        length++;
    narrow(name, length + 1, ascii);
    if (EFI_ERROR(firmware->RuntimeServices->GetVariable((CHAR16 *)(uintptr_t)name, &vendor, NULL,
                                                         &size, value)))
        return;
    narrow(value, size / sizeof(CHAR16), text);
    say("told: %s: %s", ascii, text);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    UINTN size = sizeof(uint64_t);
    uint64_t features = 0;

    (void)image;
    firmware = system;
    services = system->BootServices;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        tell(names[i]);
    must(system->RuntimeServices->GetVariable((CHAR16 *)u"LoaderFeatures", &vendor, NULL, &size,
                                              &features),
         "LoaderFeatures");
    say("told: LoaderFeatures: 0x%lx", features);
    return EFI_SUCCESS;
}
