/* Device paths (UEFI 2.10, 10): nodes of firmware's that need not be aligned, each with its length.
 */
#ifndef BESTLA_LOADER_DEVICE_PATH_H
#define BESTLA_LOADER_DEVICE_PATH_H

#include "boot.h"

#define GUID_TEXT_SIZE 37 /* with the NUL */

/* Bytes without its end; 0: it has none, or is none. NULL is none. */
size_t device_path_size(const EFI_DEVICE_PATH_PROTOCOL *path);
/* The node of a file's name and the end, for the `size` bytes of DEVICE_PATH_FILE_SIZE(units). */
#define DEVICE_PATH_FILE_SIZE(units) (((units) + 1) * sizeof(CHAR16) + 8)
void device_path_put_file(char *to, const CHAR16 *name, size_t units);
/* The GUID of the GPT partition that the path leads to; false: to none. */
bool device_path_partition(const EFI_DEVICE_PATH_PROTOCOL *path, char text[GUID_TEXT_SIZE]);
/* A path of file names alone as one text; false: it is another, or does not fit. */
bool device_path_file(const EFI_DEVICE_PATH_PROTOCOL *path, char *text, size_t size);

#endif
