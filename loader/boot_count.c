/* Boot counting (uapi-group.org, "Boot Loader Specification": "Boot counting"): a try of an entry
 * begins with a change of its file's name. Nothing else on the volume is ever written. */
#include "interface.h"

#include "mem.h"

#define FILE_INFO   offsetof(EFI_FILE_INFO, FileName)
#define VOLUME_INFO offsetof(EFI_FILE_SYSTEM_INFO, VolumeLabel)

/* EDK II takes the old name out of the folder, and then puts the new one behind all others. On a
 * full volume a full folder cannot grow for it: the file would be in no folder, and lost. */
static EFI_STATUS check_room(struct boot *boot)
{
    _Alignas(8) char buffer[VOLUME_INFO + FILE_NAME_UNITS * sizeof(CHAR16)];
    const EFI_FILE_SYSTEM_INFO *info = (const void *)buffer;
    EFI_GUID guid = EFI_FILE_SYSTEM_INFO_ID;
    UINTN size = sizeof(buffer);

    EFI_STATUS status = boot->root->GetInfo(boot->root, &guid, &size, buffer);
    if (EFI_ERROR(status))
        return status;
    return info->FreeSpace < max_u64(info->BlockSize, 1) ? EFI_VOLUME_FULL : EFI_SUCCESS;
}

/* UEFI 2.10, 13.5.16: a name without a folder stays in the folder. */
static EFI_STATUS set_name(EFI_FILE_PROTOCOL *file, const char *name)
{
    _Alignas(8) char buffer[FILE_INFO + FILE_NAME_UNITS * sizeof(CHAR16)];
    EFI_FILE_INFO *info = (void *)buffer;
    EFI_GUID guid = EFI_FILE_INFO_ID;
    UINTN size = sizeof(buffer);

    EFI_STATUS status = file->GetInfo(file, &guid, &size, info);
    if (EFI_ERROR(status))
        return status;
    size_t units = utf16_from_utf8(text_of(name), info->FileName, FILE_NAME_UNITS);
    if (units == 0)
        return EFI_INVALID_PARAMETER;
    info->Size = FILE_INFO + (units + 1) * sizeof(CHAR16);
    status = file->SetInfo(file, &guid, info->Size, info);
    return EFI_ERROR(status) ? status : file->Flush(file);
}

static EFI_STATUS rename_file(struct boot *boot, struct text path, const char *name)
{
    CHAR16 units[FILE_NAME_UNITS * 2];
    EFI_FILE_PROTOCOL *file;

    if (firmware_path(path, units, sizeof(units) / sizeof(units[0])) == 0)
        return EFI_UNSUPPORTED;
    EFI_STATUS status =
        boot->root->Open(boot->root, &file, units, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, 0);
    if (EFI_ERROR(status))
        return status;
    status = check_room(boot);
    if (!EFI_ERROR(status))
        status = set_name(file, name);
    file->Close(file);
    return status;
}

/* Whatever firmware said: where is it now? */
static bool is_there(struct boot *boot, struct text path)
{
    EFI_FILE_PROTOCOL *handle;

    if (EFI_ERROR(open_handle(boot, path, &handle)))
        return false;
    handle->Close(handle);
    return true;
}

/* A unified kernel is both the entry and what it boots. */
static void take_path(struct listed_entry *listed, struct text path, size_t folder)
{
    if (listed->entry.program.start == listed->path.start)
        listed->entry.program = path;
    listed->path = path;
    listed->name = (struct text){path.start + folder, path.length - folder};
}

void count_try(struct boot *boot, struct listed_entry *listed)
{
    char name[FILE_NAME_MAX];
    size_t folder = listed->path.length - listed->name.length;
    void *at;

    if (!entry_next_name(listed->name, name, sizeof(name)) ||
        EFI_ERROR(allocate_bytes(boot, folder + strlen(name) + 1, &at)))
        return;
    struct text path = {at, folder + strlen(name)};
    format_text(at, path.length + 1, "%.*s%s", (int)folder, listed->path.start, name);
    EFI_STATUS status = rename_file(boot, listed->path, name);
    if (is_there(boot, listed->path) || !is_there(boot, path)) {
        log_line(boot, LOG_WARNING, "%.*s: this try is not counted, the file keeps its name (%s)",
                 TEXT_ARG(listed->path), status_text(status));
        return;
    }
    log_line(boot, LOG_INFO, "%.*s: a try begins: now %s", TEXT_ARG(listed->path), name);
    take_path(listed, path, folder);
}
