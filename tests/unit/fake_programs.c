/* See fake_firmware.h: programs that are loaded and started, and protocols that the loader offers
 * them (UEFI 2.10, 7.3 and 7.4). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fake_firmware.h"

static char program_handle, initrd_handle;

/* A device of two nodes, the second of a length that leaves what follows unaligned; and a partition
 * of its GPT disk. */
static const unsigned char device_path[] = {
    0x02, 0x01, 0x0c, 0x00, 0xd0, 0x41, 0x03, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x03, 0x17, 0x07, 0x00,
    0x01, 0x02, 0x03, /* NVMe, in part */
    0x04, 0x01, 0x2a, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
    0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x02, 0x02, 0x7f, 0xff, 0x04, 0x00,
};

#define DEVICE_SIZE (sizeof(device_path) - 4)

const void *fake_device_path(void)
{
    return device_path;
}

EFI_HANDLE fake_program_handle(void)
{
    return &program_handle;
}

/* ---- images ---------------------------------------------------------------------------- */

/* The device's path, one node with a file's name, the end. */
static void keep_path(const unsigned char *path)
{
    const unsigned char *node = path + DEVICE_SIZE;
    size_t length = node[2] | (size_t)node[3] << 8, used = 0;

    assert_memory_equal(path, device_path, DEVICE_SIZE);
    assert_int_equal(node[0], 0x04);
    assert_int_equal(node[1], 0x04);
    for (size_t at = 4; at + 2 <= length; at += 2) {
        assert_int_equal(node[at + 1], 0); /* these tests' names are ASCII */
        fake.loaded_path[used++] = node[at] == '\\' ? '/' : (char)node[at];
    }
    assert_int_equal(fake.loaded_path[used - 1], '\0');
    assert_memory_equal(node + length, device_path + DEVICE_SIZE, 4);
}

static EFI_STATUS EFIAPI load_image(BOOLEAN policy, EFI_HANDLE parent, EFI_DEVICE_PATH *path,
                                    void *source, UINTN size, EFI_HANDLE *image)
{
    if (fake_call_fails(FAKE_LOAD_IMAGE))
        return fake.fail_status;
    assert_false(policy);
    assert_ptr_equal(parent, fake_image_handle());
    assert_null(source);
    assert_int_equal(size, 0);
    keep_path((const unsigned char *)path);
    if (!fake_file_is_there(fake.loaded_path))
        return EFI_NOT_FOUND;
    if (EFI_ERROR(fake.load_status) && fake.load_status != EFI_SECURITY_VIOLATION)
        return fake.load_status;
    fake.open_images++;
    fake.program_image = (EFI_LOADED_IMAGE_PROTOCOL){.ParentHandle = parent};
    *image = &program_handle;
    return fake.load_status;
}

/* The words are the caller's to free. */
static EFI_STATUS EFIAPI start_image(EFI_HANDLE image, UINTN *size, CHAR16 **words)
{
    if (fake_call_fails(FAKE_START_IMAGE))
        return fake.fail_status;
    assert_ptr_equal(image, &program_handle);
    assert_int_equal(fake.open_images, 1);
    assert_int_equal(fake.open_events, 0);
    assert_int_equal(fake.open_handles, 0);
    EFI_STATUS status = fake.program == NULL ? EFI_SUCCESS : fake.program();
    fake.open_images--;
    if (fake.program_leaves_words) {
        *words = calloc(4, sizeof(CHAR16));
        *size = 4 * sizeof(CHAR16);
        fake.open_pools++;
    }
    return status;
}

static EFI_STATUS EFIAPI unload_image(EFI_HANDLE image)
{
    bool fails = fake_call_fails(FAKE_UNLOAD_IMAGE);

    assert_ptr_equal(image, &program_handle);
    if (fake.open_images == 0)
        return EFI_INVALID_PARAMETER; /* it was started, and is no more */
    fake.open_images--;
    return fails ? fake.fail_status : EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pool(void *pool)
{
    bool fails = fake_call_fails(FAKE_FREE_POOL);

    assert_true(fake.open_pools > 0);
    fake.open_pools--;
    free(pool);
    return fails ? fake.fail_status : EFI_SUCCESS;
}

/* ---- protocols ------------------------------------------------------------------------- */

static const EFI_GUID path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
static const unsigned char load_file2_guid[16] = {0xc1, 0xc0, 0x06, 0x40, 0xb3, 0xfc, 0x3e, 0x40,
                                                  0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d};

/* Two pairs and the end: a device path, and the protocol. */
static void take_pairs(__builtin_ms_va_list args, const void **path, void **protocol)
{
    assert_memory_equal(__builtin_va_arg(args, const void *), &path_guid, 16);
    *path = __builtin_va_arg(args, const void *);
    assert_memory_equal(__builtin_va_arg(args, const void *), load_file2_guid, 16);
    *protocol = __builtin_va_arg(args, void *);
    assert_null(__builtin_va_arg(args, void *));
}

static EFI_STATUS EFIAPI install(EFI_HANDLE *handle, ...)
{
    __builtin_ms_va_list args;
    const void *path;
    void *protocol;

    if (fake_call_fails(FAKE_INSTALL_PROTOCOLS))
        return fake.fail_status;
    assert_null(*handle);
    assert_null(fake.initrd_handle);
    if (fake.initrd_is_offered)
        return EFI_ALREADY_STARTED;
    __builtin_ms_va_start(args, handle);
    take_pairs(args, &path, &protocol);
    __builtin_ms_va_end(args);
    fake.initrd_path = path;
    fake.initrd_protocol = protocol;
    fake.initrd_handle = *handle = &initrd_handle;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI uninstall(EFI_HANDLE handle, ...)
{
    __builtin_ms_va_list args;
    const void *path;
    void *protocol;

    if (fake_call_fails(FAKE_UNINSTALL_PROTOCOLS))
        return fake.fail_status;
    assert_ptr_equal(handle, &initrd_handle);
    assert_ptr_equal(handle, fake.initrd_handle);
    __builtin_ms_va_start(args, handle);
    take_pairs(args, &path, &protocol);
    __builtin_ms_va_end(args);
    assert_ptr_equal(path, fake.initrd_path);
    assert_ptr_equal(protocol, fake.initrd_protocol);
    fake.initrd_handle = NULL;
    return EFI_SUCCESS;
}

void fake_set_program_services(EFI_BOOT_SERVICES *services)
{
    services->LoadImage = load_image;
    services->StartImage = start_image;
    services->UnloadImage = unload_image;
    services->FreePool = free_pool;
    services->InstallMultipleProtocolInterfaces = install;
    services->UninstallMultipleProtocolInterfaces = uninstall;
}

void fake_reset_programs(void)
{
    fake.load_status = EFI_SUCCESS;
}
