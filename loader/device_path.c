/* See device_path.h. */
#include "device_path.h"

#include "mem.h"

#define DEVICE_PATH_MAX (64 * 1024) /* bytes */
#define DISK_NODE_SIZE  42          /* which C pads */

_Static_assert(offsetof(HARDDRIVE_DEVICE_PATH, SignatureType) + 1 == DISK_NODE_SIZE,
               "UEFI 2.10, table 10.32");

size_t device_path_size(const EFI_DEVICE_PATH_PROTOCOL *path)
{
    const EFI_DEVICE_PATH_PROTOCOL *node = path;
    size_t size = 0;

    if (path == NULL)
        return 0;
    while (!IsDevicePathEnd(node)) {
        size_t length = (size_t)DevicePathNodeLength(node);
        if (length < sizeof(*node) || size + length > DEVICE_PATH_MAX)
            return 0;
        size += length;
        node = NextDevicePathNode(node);
    }
    return size;
}

/* UEFI 2.10, 10.3.5.4: a file's name as a node, which need not be aligned. */
void device_path_put_file(char *to, const CHAR16 *name, size_t units)
{
    size_t bytes = (units + 1) * sizeof(CHAR16), length = sizeof(EFI_DEVICE_PATH_PROTOCOL) + bytes;
    EFI_DEVICE_PATH_PROTOCOL node = {
        MEDIA_DEVICE_PATH, MEDIA_FILEPATH_DP, {(UINT8)length, (UINT8)(length >> 8)}};
    EFI_DEVICE_PATH_PROTOCOL end = {END_DEVICE_PATH_TYPE,
                                    END_ENTIRE_DEVICE_PATH_SUBTYPE,
                                    {sizeof(EFI_DEVICE_PATH_PROTOCOL), 0}};

    memcpy(to, &node, sizeof(node));
    memcpy(to + sizeof(node), name, bytes);
    memcpy(to + length, &end, sizeof(end));
}

/* UEFI 2.10, 10.3.5.1: of a GPT disk's partition; the first three fields are numbers in little
 * endian. */
static bool partition_guid(const EFI_DEVICE_PATH_PROTOCOL *node, char text[GUID_TEXT_SIZE])
{
    HARDDRIVE_DEVICE_PATH disk = {0};
    const UINT8 *g = disk.Signature;

    if (node->Type != MEDIA_DEVICE_PATH || node->SubType != MEDIA_HARDDRIVE_DP ||
        (size_t)DevicePathNodeLength(node) < DISK_NODE_SIZE)
        return false;
    memcpy(&disk, node, DISK_NODE_SIZE);
    if (disk.SignatureType != SIGNATURE_TYPE_GUID)
        return false;
    format_text(text, GUID_TEXT_SIZE,
                "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2],
                g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14],
                g[15]);
    return true;
}

bool device_path_partition(const EFI_DEVICE_PATH_PROTOCOL *path, char text[GUID_TEXT_SIZE])
{
    bool found = false;

    if (device_path_size(path) == 0)
        return false;
    for (; !IsDevicePathEnd(path); path = NextDevicePathNode(path))
        found |= partition_guid(path, text);
    return found;
}

/* A name may be spread over several nodes, with or without the separators between. */
static bool add_file_name(const EFI_DEVICE_PATH_PROTOCOL *node, char *text, size_t size)
{
    CHAR16 units[FILE_NAME_UNITS];
    size_t used = strlen(text), bytes = (size_t)DevicePathNodeLength(node) - sizeof(*node);

    if (node->Type != MEDIA_DEVICE_PATH || node->SubType != MEDIA_FILEPATH_DP ||
        bytes < sizeof(CHAR16) || bytes > sizeof(units))
        return false;
    memcpy(units, node + 1, bytes);
    if (used != 0 && used + 1 < size && text[used - 1] != '\\' && units[0] != '\\')
        text[used++] = '\\';
    return utf8_from_utf16(units, bytes / sizeof(CHAR16), text + used, size - used) != 0;
}

bool device_path_file(const EFI_DEVICE_PATH_PROTOCOL *path, char *text, size_t size)
{
    text[0] = '\0';
    if (device_path_size(path) == 0)
        return false;
    for (; !IsDevicePathEnd(path); path = NextDevicePathNode(path)) {
        if (!add_file_name(path, text, size))
            return false;
    }
    return true;
}
