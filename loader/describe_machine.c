/* What the kernel will want to know of the machine and cannot ask once firmware is gone. */
#include "boot.h"

#include "layout.h"
#include "mem.h"

EFI_STATUS open_boot_info(struct boot *boot)
{
    phys_addr_t at;

    TRY(allocate_pages(boot, MEMORY_LOADER, sizeof(struct boot_info), &at));
    boot->info = (struct boot_info *)(uintptr_t)at.raw;
    *boot->info = (struct boot_info){
        .magic = BOOT_INFO_MAGIC,
        .version = BOOT_INFO_VERSION,
        .size = sizeof(struct boot_info),
        .direct_map_base = DIRECT_MAP_BASE,
        .efi_system_table = (uintptr_t)boot->system,
    };
    return EFI_SUCCESS;
}

/* ---- the screen ------------------------------------------------------------------------ */

/* With bit masks a pixel has as many bytes as the highest bit of any mask needs. */
static bool has_wide_pixels(const EFI_PIXEL_BITMASK *masks)
{
    return (masks->RedMask | masks->GreenMask | masks->BlueMask | masks->ReservedMask) >> 24 != 0;
}

/* UEFI 2.10, 12.9: PixelBltOnly has no framebuffer to hand on. NULL, or why 32-bit masks cannot
 * tell the format. */
static const char *pixel_masks(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode,
                               struct boot_framebuffer *out)
{
    switch (mode->PixelFormat) {
    case PixelRedGreenBlueReserved8BitPerColor:
        out->red_mask = 0xff, out->green_mask = 0xff00, out->blue_mask = 0xff0000;
        return NULL;
    case PixelBlueGreenRedReserved8BitPerColor:
        out->blue_mask = 0xff, out->green_mask = 0xff00, out->red_mask = 0xff0000;
        return NULL;
    case PixelBitMask:
        out->red_mask = mode->PixelInformation.RedMask;
        out->green_mask = mode->PixelInformation.GreenMask;
        out->blue_mask = mode->PixelInformation.BlueMask;
        return has_wide_pixels(&mode->PixelInformation) ? NULL : "pixels of fewer than 4 bytes";
    case PixelBltOnly:
        return "firmware draws, and shows no memory";
    default:
        return "not a format of UEFI 2.10";
    }
}

/* The size that the mode needs, not FrameBufferSize: firmware rounds that up at will. NULL, or why
 * it cannot be handed on. */
static const char *describe_mode(const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode,
                                 struct boot_framebuffer *out)
{
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = mode->Info;
    const char *why = pixel_masks(info, out);
    uint64_t end;

    out->address = mode->FrameBufferBase;
    out->width = info->HorizontalResolution;
    out->height = info->VerticalResolution;
    out->pitch = info->PixelsPerScanLine * 4;
    out->size = (uint64_t)out->pitch * out->height;
    if (why != NULL)
        return why;
    if (out->width == 0 || out->height == 0)
        return "no pixels";
    if (info->PixelsPerScanLine < out->width || info->PixelsPerScanLine > UINT32_MAX / 4)
        return "lines that cannot be";
    if (out->address == 0 || __builtin_add_overflow(out->address, out->size + PAGE_SIZE, &end))
        return "an address that cannot be";
    return NULL;
}

/* What EDK2 puts on the handle of each device that the console is shown on (MdeModulePkg,
 * ConsoleOutDevice.h). ConsoleOutHandle itself may be a splitter's, which has no framebuffer when
 * there are several screens. */
static bool is_consoles(const struct boot *boot, EFI_HANDLE handle)
{
    EFI_GUID console_out_device = {
        0xd3b36f2c, 0xd551, 0x11d4, {0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};
    void *ignored;

    return handle == boot->system->ConsoleOutHandle ||
           !EFI_ERROR(
               boot->system->BootServices->HandleProtocol(handle, &console_out_device, &ignored));
}

struct found_screen {
    struct boot_framebuffer framebuffer;
    UINTN handles;      /* how many have graphics */
    UINTN framebuffers; /* and how many framebuffers these show */
    bool consoles;
    const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *unusable; /* the first such */
    const char *why;
};

/* The console's before others; then the one with more pixels; then the first. */
static bool is_better(const struct found_screen *found, const struct boot_framebuffer *other,
                      bool consoles)
{
    uint64_t pixels = (uint64_t)found->framebuffer.width * found->framebuffer.height;

    if (found->framebuffer.address == 0 || consoles != found->consoles)
        return found->framebuffer.address == 0 || consoles;
    return (uint64_t)other->width * other->height > pixels;
}

static void consider(const struct boot *boot, EFI_HANDLE handle, struct found_screen *found)
{
    EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
    struct boot_framebuffer framebuffer = {0};

    if (EFI_ERROR(boot->system->BootServices->HandleProtocol(handle, &guid, (void **)&gop)) ||
        gop->Mode == NULL || gop->Mode->Info == NULL)
        return;
    found->handles++;
    const char *why = describe_mode(gop->Mode, &framebuffer);
    if (why != NULL && found->unusable == NULL) {
        found->unusable = gop->Mode;
        found->why = why;
    }
    if (why != NULL)
        return;
    /* The splitter's is that of the one device, where there is one. */
    if (found->framebuffer.address != framebuffer.address)
        found->framebuffers++;
    bool consoles = is_consoles(boot, handle);
    if (is_better(found, &framebuffer, consoles)) {
        found->framebuffer = framebuffer;
        found->consoles = consoles;
    }
}

static void log_screen(struct boot *boot, const struct found_screen *found)
{
    const struct boot_framebuffer *f = &found->framebuffer;
    char others[32] = "";

    if (found->handles == 0) {
        log_line(boot, LOG_INFO, "no framebuffer: no graphics output protocol");
    } else if (f->address == 0) {
        log_line(boot, LOG_INFO, "no framebuffer: pixel format %u, %ux%u, at 0x%lx: %s",
                 (unsigned)found->unusable->Info->PixelFormat,
                 found->unusable->Info->HorizontalResolution,
                 found->unusable->Info->VerticalResolution, found->unusable->FrameBufferBase,
                 found->why);
    } else {
        if (found->framebuffers > 1)
            format_text(others, sizeof(others), ", of %lu", found->framebuffers);
        log_line(boot, LOG_INFO, "framebuffer %ux%u at 0x%lx, pitch %u%s%s", f->width, f->height,
                 f->address, f->pitch, others,
                 found->framebuffers > 1 && found->consoles ? " the console's" : "");
    }
}

/* UEFI 2.10, 7.3.15: the buffer is the caller's to free. */
void find_framebuffer(struct boot *boot)
{
    EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    struct found_screen found = {0};
    EFI_HANDLE *handles;
    UINTN count = 0;

    if (!EFI_ERROR(services->LocateHandleBuffer(ByProtocol, &guid, NULL, &count, &handles))) {
        for (UINTN i = 0; i < count; i++)
            consider(boot, handles[i], &found);
        services->FreePool(handles);
    }
    boot->info->framebuffer = found.framebuffer;
    log_screen(boot, &found);
}

/* ---- tables and seed ------------------------------------------------------------------- */

static uint64_t configuration_table(const EFI_SYSTEM_TABLE *system, EFI_GUID guid)
{
    for (UINTN i = 0; i < system->NumberOfTableEntries; i++) {
        if (memcmp(&system->ConfigurationTable[i].VendorGuid, &guid, sizeof(guid)) == 0)
            return (uintptr_t)system->ConfigurationTable[i].VendorTable;
    }
    return 0;
}

static void find_tables(struct boot *boot)
{
    EFI_GUID acpi_20 = ACPI_20_TABLE_GUID, acpi_10 = ACPI_TABLE_GUID;
    EFI_GUID smbios_3 = SMBIOS3_TABLE_GUID, smbios = SMBIOS_TABLE_GUID;
    struct boot_info *info = boot->info;

    info->rsdp = configuration_table(boot->system, acpi_20);
    if (info->rsdp == 0)
        info->rsdp = configuration_table(boot->system, acpi_10);
    info->smbios = configuration_table(boot->system, smbios_3);
    if (info->smbios == 0)
        info->smbios = configuration_table(boot->system, smbios);
    log_line(boot, LOG_INFO, "ACPI RSDP 0x%lx, SMBIOS 0x%lx", info->rsdp, info->smbios);
}

/* A call of its own: what the places were drawn by is known to who knows them. */
static void find_seed(struct boot *boot)
{
    struct boot_info *info = boot->info;

    if (!firmware_random(boot, info->seed, sizeof(info->seed))) {
        memset(info->seed, 0, sizeof(info->seed));
        log_line(boot, LOG_INFO, "firmware offers no random seed");
        return;
    }
    info->seed_size = sizeof(info->seed);
}

void describe_machine(struct boot *boot)
{
    find_framebuffer(boot);
    find_tables(boot);
    find_seed(boot);
}
