/* `efi` and `linux` entries: a program that firmware loads from the boot volume and starts. */
#include "program.h"

#include "device_path.h"
#include "interface.h"
#include "mem.h"
#include "menu_console.h"

#define NAME_LENGTH 256 /* bytes of the path, for the last message */
#define PATH_UNITS  512 /* of a file's */

/* UEFI 2.10, 7.5: in seconds, what the boot manager gives each program that it starts. */
#define WATCHDOG 300

/* All that stays while it runs: it lies on the stack. */
struct program {
    EFI_HANDLE image;
    struct initrd initrd;
    char name[NAME_LENGTH];
    CHAR16 options[OPTIONS_MAX];
};

/* ---- loading --------------------------------------------------------------------------- */

/* The boot volume's device path and the file's name, in loader memory. */
static EFI_STATUS program_path(struct boot *boot, EFI_DEVICE_PATH_PROTOCOL **path)
{
    EFI_GUID loaded_image = EFI_LOADED_IMAGE_PROTOCOL_GUID, guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    EFI_LOADED_IMAGE_PROTOCOL *loader;
    EFI_DEVICE_PATH_PROTOCOL *device;
    CHAR16 name[PATH_UNITS];
    phys_addr_t at;

    size_t units = firmware_path(boot->entry.program, name, PATH_UNITS);
    if (units == 0)
        return fail(boot, EFI_UNSUPPORTED, "%.*s: no path for firmware",
                    TEXT_ARG(boot->entry.program));
    EFI_STATUS status = services->HandleProtocol(boot->image, &loaded_image, (void **)&loader);
    if (!EFI_ERROR(status))
        status = services->HandleProtocol(loader->DeviceHandle, &guid, (void **)&device);
    size_t size = EFI_ERROR(status) ? 0 : device_path_size(device);
    if (size == 0)
        return fail(boot, EFI_ERROR(status) ? status : EFI_UNSUPPORTED,
                    "the device that the loader came from has no device path");

    TRY(allocate_pages(boot, MEMORY_LOADER, size + sizeof(name) + 16, &at));
    memcpy((void *)(uintptr_t)at.raw, device, size);
    device_path_put_file((char *)(uintptr_t)at.raw + size, name, units);
    *path = (EFI_DEVICE_PATH_PROTOCOL *)(uintptr_t)at.raw;
    return EFI_SUCCESS;
}

/* UEFI 2.10, 7.4.1: EFI_SECURITY_VIOLATION leaves an image behind that is not to be started. */
static EFI_STATUS load_program(struct boot *boot, struct program *program)
{
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    EFI_DEVICE_PATH_PROTOCOL *path = NULL;

    TRY(program_path(boot, &path));
    EFI_STATUS status = services->LoadImage(FALSE, boot->image, path, NULL, 0, &program->image);
    if (!EFI_ERROR(status))
        return status;
    if (status == EFI_SECURITY_VIOLATION && program->image != NULL)
        services->UnloadImage(program->image);
    program->image = NULL;
    return fail(boot, status, "%.*s: firmware does not load it", TEXT_ARG(boot->entry.program));
}

/* UEFI 2.10, 9.1: terminated, and the size counts that too. */
static EFI_STATUS pass_options(struct boot *boot, struct program *program)
{
    EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_LOADED_IMAGE_PROTOCOL *loaded;

    if (boot->options[0] == '\0')
        return EFI_SUCCESS;
    size_t units = utf16_from_utf8(text_of(boot->options), program->options, OPTIONS_MAX);
    if (units == 0)
        return fail(boot, EFI_UNSUPPORTED, "the options have a character that UCS-2 lacks: %s",
                    boot->options);
    EFI_STATUS status =
        boot->system->BootServices->HandleProtocol(program->image, &guid, (void **)&loaded);
    if (EFI_ERROR(status))
        return fail(boot, status, "the program's LoadedImage protocol");
    loaded->LoadOptions = program->options;
    loaded->LoadOptionsSize = (UINT32)((units + 1) * sizeof(CHAR16));
    return EFI_SUCCESS;
}

/* The initrd first: what is missing then is named before anything is loaded. */
static EFI_STATUS prepare(struct boot *boot, struct program *program)
{
    format_text(program->name, NAME_LENGTH, "%.*s", TEXT_ARG(boot->entry.program));
    if (boot->entry.kind == BOOT_LINUX)
        TRY(read_initrd(boot, &program->initrd));
    TRY(load_program(boot, program));
    TRY(pass_options(boot, program));
    return offer_initrd(boot, &program->initrd);
}

/* ---- running --------------------------------------------------------------------------- */

/* UEFI 2.10, 7.4.2: what a program leaves to say is firmware's pool; what an error says may be that
 * it was never started, and then it is still loaded. (If it was, its handle is no longer known.) */
static EFI_STATUS run(struct boot *boot, struct program *program)
{
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    CHAR16 *words = NULL;
    UINTN size = 0;

    services->SetWatchdogTimer(WATCHDOG, 0, 0, NULL);
    EFI_STATUS status = services->StartImage(program->image, &size, &words);
    services->SetWatchdogTimer(0, 0, 0, NULL);
    if (!EFI_ERROR(status))
        program->image = NULL;
    if (words != NULL)
        services->FreePool(words);
    print(boot, "bestla: %s: returned (%s)", program->name, status_text(status));
    return status;
}

EFI_STATUS start_program(struct boot *boot)
{
    struct program program = {.initrd.services = boot->system->BootServices};
    EFI_STATUS status = prepare(boot, &program);

    if (!EFI_ERROR(status)) {
        print_warnings(boot); /* no kernel will print the log */
        tell_time_of_start(boot);
        close_boot_volume(boot);
        free_all_pages(boot);
        status = run(boot, &program);
    }
    if (program.image != NULL)
        boot->system->BootServices->UnloadImage(program.image);
    close_initrd(&program.initrd);
    return status;
}

bool wait_for_person(struct boot *boot, EFI_STATUS status)
{
    struct keyboard keyboard;
    EFI_INPUT_KEY key;
    enum key_event event;

    if (!open_keyboard(boot, &keyboard))
        return false;
    drain_keyboard(&keyboard); /* what is held down, or was pressed meanwhile, is no answer */
    print(boot, "bestla: %s; press a key for the menu",
          EFI_ERROR(status) ? "this entry could not be booted" : "this entry has ended");
    while ((event = wait_for_key(&keyboard, &key)) == KEY_SECOND)
        continue;
    close_keyboard(&keyboard);
    return event == KEY_PRESSED;
}
