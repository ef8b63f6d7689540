/* Linux' initial RAM disk: read from the volume, offered by EFI_LOAD_FILE2_PROTOCOL. */
#include "program.h"

#include "mem.h"

/* The stub finds the protocol by LocateDevicePath, on a path of this one vendor node. */
#define LINUX_EFI_INITRD_MEDIA_GUID                        \
    {                                                      \
        0x5568e427, 0x68fc, 0x4f3d,                        \
        {                                                  \
            0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68 \
        }                                                  \
    }
#define EFI_LOAD_FILE2_PROTOCOL_GUID                       \
    {                                                      \
        0x4006c0c1, 0xfcb3, 0x403e,                        \
        {                                                  \
            0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d \
        }                                                  \
    }

/* Documentation/driver-api/early-userspace/buffer-format.rst: each archive begins at a multiple of
 * 4 bytes, and what lies between is 0. */
#define ARCHIVE_ALIGNMENT 4

/* So that no size overflows, nor one rounded up to whole pages. */
#define INITRD_MAX (UINT64_C(1) << 62)

static const struct {
    VENDOR_DEVICE_PATH vendor;
    EFI_DEVICE_PATH_PROTOCOL end;
} initrd_path = {
    .vendor = {.Header = {MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, {sizeof(VENDOR_DEVICE_PATH), 0}},
               .Guid = LINUX_EFI_INITRD_MEDIA_GUID},
    .end = {END_DEVICE_PATH_TYPE,
            END_ENTIRE_DEVICE_PATH_SUBTYPE,
            {sizeof(EFI_DEVICE_PATH_PROTOCOL), 0}},
};

/* ---- reading --------------------------------------------------------------------------- */

static EFI_STATUS add_size(struct boot *boot, struct text path, uint64_t *total)
{
    struct file file;

    TRY(open_file(boot, path, &file));
    close_file(&file);
    if (file.size == 0)
        return fail(boot, EFI_LOAD_ERROR, "%.*s: the initrd is empty", TEXT_ARG(path));
    if (*total > INITRD_MAX || file.size > INITRD_MAX - *total)
        return fail(boot, EFI_OUT_OF_RESOURCES, "%.*s: 0x%lx bytes are too many", TEXT_ARG(path),
                    file.size);
    *total = align_up(*total, ARCHIVE_ALIGNMENT) + file.size;
    return EFI_SUCCESS;
}

/* Between two looks at a file its size may have changed: never past the end. */
static EFI_STATUS read_archive(struct boot *boot, struct text path, const struct initrd *initrd,
                               uint64_t *used)
{
    struct file file;
    char *to = (char *)(uintptr_t)initrd->at;
    uint64_t start = align_up(*used, ARCHIVE_ALIGNMENT);

    TRY(open_file(boot, path, &file));
    EFI_STATUS status = EFI_SUCCESS;
    if (start > initrd->size || file.size > initrd->size - start)
        status =
            fail(boot, EFI_LOAD_ERROR, "%.*s: has grown to 0x%lx bytes", TEXT_ARG(path), file.size);
    if (!EFI_ERROR(status)) {
        memset(to + *used, 0, start - *used);
        status = read_file(boot, &file, 0, to + start, file.size);
    }
    close_file(&file);
    *used = start + file.size;
    return status;
}

static EFI_STATUS read_archives(struct boot *boot, const struct initrd *initrd)
{
    struct text rest = boot->entry.file, path;
    uint64_t used = 0;

    while (boot_entry_next_initrd(&rest, &path))
        TRY(read_archive(boot, path, initrd, &used));
    return used == initrd->size
               ? EFI_SUCCESS
               : fail(boot, EFI_LOAD_ERROR, "the initrd has shrunk to 0x%lx bytes", used);
}

/* Not in the ledger, and of a type that every program knows: Linux takes memory of types that it
 * does not know for reserved. */
EFI_STATUS read_initrd(struct boot *boot, struct initrd *initrd)
{
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    struct text rest = boot->entry.file, path;
    uint64_t size = 0;

    *initrd = (struct initrd){.services = services};
    while (boot_entry_next_initrd(&rest, &path))
        TRY(add_size(boot, path, &size));
    if (size == 0)
        return EFI_SUCCESS;

    initrd->size = size;
    initrd->pages = align_up(size, PAGE_SIZE) / PAGE_SIZE;
    EFI_STATUS status =
        services->AllocatePages(AllocateAnyPages, EfiLoaderData, initrd->pages, &initrd->at);
    if (EFI_ERROR(status)) {
        initrd->pages = 0;
        return fail(boot, status, "no %lu KiB of memory for the initrd", size >> 10);
    }
    log_line(boot, LOG_INFO, "initrd: 0x%lx bytes at 0x%lx", size, initrd->at);
    return read_archives(boot, initrd);
}

/* ---- offering -------------------------------------------------------------------------- */

/* UEFI 2.10, 13.2.1: with too small a buffer the size comes back; there is no boot policy. */
static EFI_STATUS EFIAPI load_file(EFI_LOAD_FILE_PROTOCOL *self, EFI_DEVICE_PATH *path,
                                   BOOLEAN boot_policy, UINTN *size, void *buffer)
{
    const struct initrd *initrd = (const struct initrd *)self;

    if (path == NULL || size == NULL)
        return EFI_INVALID_PARAMETER;
    if (boot_policy)
        return EFI_UNSUPPORTED;
    if (buffer == NULL || *size < initrd->size) {
        *size = initrd->size;
        return EFI_BUFFER_TOO_SMALL;
    }
    memcpy(buffer, (const void *)(uintptr_t)initrd->at, initrd->size);
    *size = initrd->size;
    return EFI_SUCCESS;
}

EFI_STATUS offer_initrd(struct boot *boot, struct initrd *initrd)
{
    EFI_GUID path = EFI_DEVICE_PATH_PROTOCOL_GUID, file = EFI_LOAD_FILE2_PROTOCOL_GUID;

    if (initrd->pages == 0)
        return EFI_SUCCESS;
    initrd->protocol.LoadFile = load_file;
    EFI_STATUS status = initrd->services->InstallMultipleProtocolInterfaces(
        &initrd->handle, &path, &initrd_path, &file, &initrd->protocol, NULL);
    if (EFI_ERROR(status))
        initrd->handle = NULL;
    /* UEFI 2.10, 7.3.15: no device path twice. */
    if (status == EFI_ALREADY_STARTED)
        return fail(boot, status, "somebody else offers Linux an initrd already");
    return EFI_ERROR(status) ? fail(boot, status, "firmware does not take the initrd's protocol")
                             : status;
}

void close_initrd(struct initrd *initrd)
{
    EFI_GUID path = EFI_DEVICE_PATH_PROTOCOL_GUID, file = EFI_LOAD_FILE2_PROTOCOL_GUID;

    if (initrd->handle != NULL &&
        EFI_ERROR(initrd->services->UninstallMultipleProtocolInterfaces(
            initrd->handle, &path, &initrd_path, &file, &initrd->protocol, NULL)))
        return; /* somebody may still call it: its memory stays */
    initrd->handle = NULL;
    if (initrd->pages != 0)
        initrd->services->FreePages(initrd->at, initrd->pages);
    initrd->pages = 0;
}
