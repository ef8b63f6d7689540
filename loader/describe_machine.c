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

/* With bit masks a pixel has as many bytes as the highest bit of any mask needs. */
static bool has_wide_pixels(const EFI_PIXEL_BITMASK *masks)
{
    return (masks->RedMask | masks->GreenMask | masks->BlueMask | masks->ReservedMask) >> 24 != 0;
}

/* UEFI 2.10, 12.9: PixelBltOnly has no framebuffer to hand on. False: not a
 * format that 32-bit masks can tell. */
static bool pixel_masks(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode,
                        struct boot_framebuffer *out)
{
    switch (mode->PixelFormat) {
    case PixelRedGreenBlueReserved8BitPerColor:
        out->red_mask = 0xff, out->green_mask = 0xff00, out->blue_mask = 0xff0000;
        return true;
    case PixelBlueGreenRedReserved8BitPerColor:
        out->blue_mask = 0xff, out->green_mask = 0xff00, out->red_mask = 0xff0000;
        return true;
    case PixelBitMask:
        out->red_mask = mode->PixelInformation.RedMask;
        out->green_mask = mode->PixelInformation.GreenMask;
        out->blue_mask = mode->PixelInformation.BlueMask;
        return has_wide_pixels(&mode->PixelInformation);
    default:
        return false;
    }
}

/* The size that the mode needs, not FrameBufferSize: firmware rounds that up at will. */
static bool describe_mode(const EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE *mode,
                          struct boot_framebuffer *out)
{
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = mode->Info;
    uint64_t end;

    out->address = mode->FrameBufferBase;
    out->width = info->HorizontalResolution;
    out->height = info->VerticalResolution;
    out->pitch = info->PixelsPerScanLine * 4;
    out->size = (uint64_t)out->pitch * out->height;
    return pixel_masks(info, out) && out->address != 0 && out->size != 0 &&
           out->pitch / 4 >= out->width && info->PixelsPerScanLine <= UINT32_MAX / 4 &&
           !__builtin_add_overflow(out->address, out->size + PAGE_SIZE, &end);
}

void find_framebuffer(struct boot *boot)
{
    EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;
    struct boot_framebuffer framebuffer = {0};

    if (EFI_ERROR(boot->system->BootServices->LocateProtocol(&guid, NULL, (void **)&gop)) ||
        gop->Mode == NULL || gop->Mode->Info == NULL) {
        log_line(boot, LOG_INFO, "no framebuffer: no graphics output protocol");
        return;
    }
    if (!describe_mode(gop->Mode, &framebuffer)) {
        log_line(boot, LOG_INFO, "no framebuffer: pixel format %u, %ux%u, at 0x%lx",
                 (unsigned)gop->Mode->Info->PixelFormat, framebuffer.width, framebuffer.height,
                 framebuffer.address);
        return;
    }
    boot->info->framebuffer = framebuffer;
    log_line(boot, LOG_INFO, "framebuffer %ux%u at 0x%lx, pitch %u", framebuffer.width,
             framebuffer.height, framebuffer.address, framebuffer.pitch);
}

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
