/* Files of the volume that the loader was started from (UEFI 2.10, 13.4 and 13.5):
 * that of LoadedImage's DeviceHandle, never the first file system that is found. */
#include "boot.h"

#include "mem.h"

#define PATH_MAX 512 /* UTF-16 units */

#define BOUNCE_SIZE  (UINT64_C(64) * 1024)
#define BOUNCE_LIMIT (UINT64_C(1) << 32)

EFI_STATUS open_boot_volume(struct boot *boot)
{
    EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    EFI_LOADED_IMAGE_PROTOCOL *loaded;
    EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *volume;

    EFI_STATUS status = services->HandleProtocol(boot->image, &loaded_image_guid, (void **)&loaded);
    if (EFI_ERROR(status))
        return fail(boot, status, "the loader's own LoadedImage protocol");
    status = services->HandleProtocol(loaded->DeviceHandle, &file_system_guid, (void **)&volume);
    if (EFI_ERROR(status))
        return fail(boot, status, "the device that the loader came from has no file system");
    status = volume->OpenVolume(volume, &boot->root);
    if (EFI_ERROR(status))
        return fail(boot, status, "opening the volume that the loader came from");
    log_line(boot, LOG_INFO, "image at 0x%lx, 0x%lx bytes", (uintptr_t)loaded->ImageBase,
             loaded->ImageSize);
    return EFI_SUCCESS;
}

void close_boot_volume(struct boot *boot)
{
    if (boot->root != NULL)
        boot->root->Close(boot->root);
    boot->root = NULL;
}

size_t firmware_path(struct text path, CHAR16 *name, size_t units)
{
    size_t length = utf16_from_utf8(path, name, units);

    for (size_t i = 0; i < length; i++) {
        if (name[i] == '/')
            name[i] = '\\';
    }
    return length;
}

EFI_STATUS open_handle(struct boot *boot, struct text path, EFI_FILE_PROTOCOL **handle)
{
    CHAR16 name[PATH_MAX];

    if (firmware_path(path, name, PATH_MAX) == 0)
        return EFI_UNSUPPORTED;
    return boot->root->Open(boot->root, handle, name, EFI_FILE_MODE_READ, 0);
}

EFI_STATUS open_file(struct boot *boot, struct text path, struct file *file)
{
    EFI_FILE_PROTOCOL *handle;
    EFI_STATUS status = open_handle(boot, path, &handle);

    if (EFI_ERROR(status))
        return fail(boot, status, "%.*s: cannot be opened", TEXT_ARG(path));

    /* UEFI 2.10, 13.5: position ~0 is the end; a folder has no such position. This spares
     * the buffer that GetInfo wants. */
    *file = (struct file){.handle = handle, .path = path};
    status = handle->SetPosition(handle, ~UINT64_C(0));
    if (!EFI_ERROR(status))
        status = handle->GetPosition(handle, &file->size);
    if (EFI_ERROR(status)) {
        close_file(file);
        return fail(boot, status, "%.*s: has no size; is it a folder?", TEXT_ARG(path));
    }
    return EFI_SUCCESS;
}

void close_file(struct file *file)
{
    if (file->handle != NULL)
        file->handle->Close(file->handle);
    file->handle = NULL;
}

/* What is still to be read, and where to. */
struct reading {
    const struct file *file;
    uint64_t offset;
    uint64_t left;
    char *to;
    char *bounce; /* BOUNCE_SIZE bytes, or NULL to read straight to `to` */
};

/* Reads on in pieces of this size until all is there, or firmware refuses or falls
 * short: what did arrive counts. */
static EFI_STATUS read_pieces(struct reading *reading, uint64_t piece)
{
    EFI_FILE_PROTOCOL *handle = reading->file->handle;
    EFI_STATUS status = handle->SetPosition(handle, reading->offset);

    while (!EFI_ERROR(status) && reading->left != 0) {
        UINTN wanted = min_u64(piece, reading->left), got = wanted;

        status = handle->Read(handle, &got, reading->bounce ? reading->bounce : reading->to);
        if (EFI_ERROR(status))
            break;
        if (got > wanted)
            return EFI_DEVICE_ERROR;
        if (reading->bounce)
            memcpy(reading->to, reading->bounce, got);
        reading->offset += got;
        reading->left -= got;
        reading->to += got;
        /* Short of the smallest piece there is none to change to: on, as long as anything comes. */
        if (got < wanted && (got == 0 || piece > BOUNCE_SIZE))
            status = EFI_END_OF_FILE;
    }
    return status;
}

/* Firmware that cannot read above 4 GiB by itself (USB controllers with 32-bit DMA). */
static EFI_STATUS read_through_bounce(struct boot *boot, struct reading *reading)
{
    phys_addr_t bounce;
    EFI_STATUS status =
        allocate_pages_below(boot, MEMORY_LOADER, BOUNCE_SIZE, BOUNCE_LIMIT, &bounce);

    if (EFI_ERROR(status))
        return status;
    reading->bounce = (char *)(uintptr_t)bounce.raw;
    status = read_pieces(reading, BOUNCE_SIZE);
    free_pages(boot, bounce);
    return status;
}

EFI_STATUS read_file(struct boot *boot, const struct file *file, uint64_t offset, void *to,
                     uint64_t size)
{
    static const uint64_t pieces[] = {UINT64_MAX, UINT64_C(1) << 20, UINT64_C(64) << 10};
    struct reading reading = {.file = file, .offset = offset, .left = size, .to = to};
    EFI_STATUS status = EFI_SUCCESS;

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        status = read_pieces(&reading, pieces[i]);
        if (!EFI_ERROR(status))
            return EFI_SUCCESS;
        log_line(boot, LOG_WARNING, "%.*s: firmware stops reading at 0x%lx of 0x%lx",
                 TEXT_ARG(file->path), reading.offset, file->size);
    }
    status = read_through_bounce(boot, &reading);
    return EFI_ERROR(status)
               ? fail(boot, status, "%.*s: reading at 0x%lx", TEXT_ARG(file->path), reading.offset)
               : status;
}
