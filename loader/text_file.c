/* Configuration files, and the folders that hold them (UEFI 2.10, 13.5). */
#include "boot.h"

#include "mem.h"

#define FILE_INFO offsetof(EFI_FILE_INFO, FileName)

EFI_STATUS read_text_file(struct boot *boot, struct text path, struct text *text)
{
    struct file file;
    void *at;

    TRY(open_file(boot, path, &file));
    EFI_STATUS status = EFI_SUCCESS;
    if (file.size > TEXT_FILE_MAX)
        status = fail(boot, EFI_LOAD_ERROR, "%.*s: %lu bytes, more than %d", TEXT_ARG(path),
                      file.size, TEXT_FILE_MAX);
    if (!EFI_ERROR(status))
        status = allocate_bytes(boot, file.size, &at);
    if (!EFI_ERROR(status)) {
        *text = (struct text){at, file.size};
        status = read_file(boot, &file, 0, at, file.size);
    }
    close_file(&file);
    return status;
}

EFI_STATUS next_file_name(EFI_FILE_PROTOCOL *folder, char name[FILE_NAME_MAX])
{
    _Alignas(8) char buffer[FILE_INFO + FILE_NAME_UNITS * sizeof(CHAR16)];
    UINTN size = sizeof(buffer);

    EFI_STATUS status = folder->Read(folder, &size, buffer);
    if (EFI_ERROR(status))
        return status;
    if (size <= FILE_INFO)
        return EFI_NOT_FOUND;

    const EFI_FILE_INFO *info = (const void *)buffer;
    size_t units = (size - FILE_INFO) / sizeof(CHAR16);
    if (info->Attribute & EFI_FILE_DIRECTORY ||
        utf8_from_utf16(info->FileName, units, name, FILE_NAME_MAX) == 0)
        name[0] = '\0'; /* none of ours */
    return EFI_SUCCESS;
}
