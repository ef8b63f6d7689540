/* See fake_firmware.h: the system table, protocols, and the counting of calls. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "fake_boot.h"

#define BIT(service) (UINT64_C(1) << (service))

struct fake_firmware fake;

static char image_handle, device_handle, screen_handles[1 + FAKE_MORE_SCREENS];
static EFI_BOOT_SERVICES services;
static EFI_RUNTIME_SERVICES runtime_services;
static EFI_SIMPLE_FILE_SYSTEM_PROTOCOL volume;
static EFI_GRAPHICS_OUTPUT_PROTOCOL graphics[1 + FAKE_MORE_SCREENS];
static EFI_RNG_PROTOCOL rng;

EFI_HANDLE fake_image_handle(void)
{
    return &image_handle;
}

const char *fake_service_name(enum fake_service service)
{
    static const char *const names[] = {
        "AllocatePages",
        "FreePages",
        "GetMemoryMap",
        "ExitBootServices",
        "HandleProtocol",
        "LocateProtocol",
        "LocateHandleBuffer",
        "HandleProtocol of a screen",
        "FreePool",
        "SetWatchdogTimer",
        "OutputString",
        "GetRNG",
        "OpenVolume",
        "Open",
        "Close",
        "Read",
        "SetPosition",
        "GetPosition",
        "ReadKeyStroke",
        "GetVariable",
        "CreateEvent",
        "SetTimer",
        "WaitForEvent",
        "CloseEvent",
        "Stall",
        "QueryMode",
        "a call that draws",
        "LoadImage",
        "StartImage",
        "UnloadImage",
        "InstallMultipleProtocolInterfaces",
        "UninstallMultipleProtocolInterfaces",
        "SetVariable",
        "GetInfo",
        "SetInfo",
        "Flush",
    };
    return names[service];
}

/* UEFI 2.10, 7.4.6: once ExitBootServices was tried only the memory services may be
 * called, and after it nothing. */
bool fake_call_fails(enum fake_service service)
{
    const uint64_t memory = BIT(FAKE_ALLOCATE_PAGES) | BIT(FAKE_FREE_PAGES) |
                            BIT(FAKE_GET_MEMORY_MAP) | BIT(FAKE_EXIT_BOOT_SERVICES);

    fake.calls++;
    fake.calls_of[service]++;
    if (fake.has_left)
        fail_msg("%s was called after ExitBootServices", fake_service_name(service));
    if (fake.exits > 0 && !(memory & BIT(service)))
        fail_msg("%s was called after a try of ExitBootServices", fake_service_name(service));
    if (fake.fail_nth != 0 && service == fake.nth_service)
        return fake.calls_of[service] == fake.fail_nth;
    if (fake.calls == fake.fail_call) {
        fake.failed = service;
        return true;
    }
    return fake.fail_call != 0 && fake.calls > fake.fail_call && fake.fail_lastingly &&
           service == fake.failed;
}

static EFI_STATUS EFIAPI exit_boot_services(EFI_HANDLE image, UINTN key)
{
    bool fails = fake_call_fails(FAKE_EXIT_BOOT_SERVICES);

    fake.exits++;
    assert_ptr_equal(image, &image_handle);
    assert_int_equal(key, fake_map_key());
    if (fails || fake.exits <= fake.refuse_exits) {
        fake_stir_map(fake.refused_growth);
        return EFI_INVALID_PARAMETER;
    }
    fake.has_left = true;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI reset_system(EFI_RESET_TYPE type, EFI_STATUS status, UINTN size,
                                      CHAR16 *data)
{
    assert_int_equal(type, EfiResetCold);
    assert_true(EFI_ERROR(status));
    assert_int_equal(size, 0);
    assert_null(data);
    assert_true(fake.exits > 0); /* till then the loader returns */
    if (!fake.reset_fails)
        fake_reset_machine();
    return EFI_DEVICE_ERROR;
}

static EFI_STATUS EFIAPI set_watchdog(UINTN seconds, UINT64 code, UINTN size, CHAR16 *data)
{
    (void)code;
    (void)size;
    (void)data;
    if (fake_call_fails(FAKE_WATCHDOG))
        return fake.fail_status;
    fake.watchdog = seconds;
    return EFI_SUCCESS;
}

static bool is_guid(const EFI_GUID *guid, EFI_GUID other)
{
    return memcmp(guid, &other, sizeof(other)) == 0;
}

EFI_HANDLE fake_screen_handle(unsigned screen)
{
    return &screen_handles[screen];
}

static EFI_STATUS screen_protocol(size_t screen, EFI_GUID *guid, void **interface)
{
    EFI_GUID gop = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GUID console_out_device = {
        0xd3b36f2c, 0xd551, 0x11d4, {0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};

    if (fake_call_fails(FAKE_SCREEN_PROTOCOL))
        return fake.fail_status;
    if (is_guid(guid, gop))
        *interface = &graphics[screen];
    else if (is_guid(guid, console_out_device) && fake.consoles >> screen & 1)
        *interface = NULL; /* it has none */
    else
        return EFI_UNSUPPORTED;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_handle_buffer(EFI_LOCATE_SEARCH_TYPE type, EFI_GUID *guid,
                                              void *key, UINTN *count, EFI_HANDLE **handles)
{
    EFI_GUID gop = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

    assert_int_equal(type, ByProtocol);
    assert_null(key);
    if (fake_call_fails(FAKE_LOCATE_HANDLES))
        return fake.fail_status;
    if (!is_guid(guid, gop) || !fake.has_framebuffer)
        return EFI_NOT_FOUND;
    *count = 1 + fake.more_screens;
    *handles = calloc(*count, sizeof(**handles));
    assert_non_null(*handles);
    for (size_t i = 0; i < *count; i++)
        (*handles)[i] = &screen_handles[i];
    fake.open_pools++;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, void **interface)
{
    EFI_GUID loaded = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    EFI_GUID file_system = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_GUID path = EFI_DEVICE_PATH_PROTOCOL_GUID;

    for (size_t i = 0; i < 1 + FAKE_MORE_SCREENS; i++) {
        if (handle == &screen_handles[i])
            return screen_protocol(i, guid, interface);
    }
    if (fake_call_fails(FAKE_HANDLE_PROTOCOL))
        return fake.fail_status;
    if (handle == &image_handle && is_guid(guid, loaded))
        *interface = &fake.loaded;
    else if (handle == &device_handle && is_guid(guid, file_system) && fake.has_file_system)
        *interface = &volume;
    else if (handle == &device_handle && is_guid(guid, path) && fake.has_device_path)
        *interface = (void *)(uintptr_t)fake_device_path();
    else if (handle == fake_program_handle() && is_guid(guid, loaded) && fake.open_images == 1)
        *interface = &fake.program_image;
    else
        return EFI_UNSUPPORTED;
    return EFI_SUCCESS;
}

/* A file system that is located is any: the boot volume is the device's own. */
static EFI_STATUS EFIAPI locate_protocol(EFI_GUID *guid, void *registration, void **interface)
{
    EFI_GUID random = EFI_RNG_PROTOCOL_GUID;

    assert_null(registration);
    if (fake_call_fails(FAKE_LOCATE_PROTOCOL))
        return fake.fail_status;
    if (is_guid(guid, random) && fake.has_rng)
        *interface = &rng;
    else
        return EFI_NOT_FOUND;
    return EFI_SUCCESS;
}

/* splitmix64 */
static uint64_t random_word(void)
{
    uint64_t z = fake.random += UINT64_C(0x9e3779b97f4a7c15);

    if (fake.random_word != 0)
        return fake.random_stuck ? fake.random_word : fake.random_word ^ (fake.words++ % 4) << 1;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* What comes before a failure has been written all the same. */
static EFI_STATUS EFIAPI get_rng(EFI_RNG_PROTOCOL *self, EFI_RNG_ALGORITHM *algorithm, UINTN size,
                                 UINT8 *value)
{
    bool fails = fake_call_fails(FAKE_GET_RNG);

    assert_ptr_equal(self, &rng);
    assert_null(algorithm);
    assert_int_equal(size, sizeof(fake.given[0])); /* some firmware gives no fewer */
    assert_true(fake.given_count < sizeof(fake.given) / sizeof(fake.given[0]));
    uint8_t *given = fake.given[fake.given_count++];
    for (UINTN at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = random_word();
        memcpy(given + at, &word, sizeof(word));
    }
    memcpy(value, given, fails ? size / 2 : size);
    return fails ? fake.fail_status : EFI_SUCCESS;
}

void fake_add_text(const char *path, const char *text)
{
    fake_add_file(path, text, strlen(text));
}

bool fake_volume_info(const EFI_GUID *guid, UINTN *size, void *to)
{
    static const EFI_GUID asked = EFI_FILE_SYSTEM_INFO_ID;
    const EFI_FILE_SYSTEM_INFO info = {
        .Size = sizeof(info),
        .FreeSpace = fake.full_volume ? 4095 : 4096,
        .BlockSize = 4096,
    };

    if (memcmp(guid, &asked, sizeof(asked)) != 0)
        return false;
    assert_true(*size >= sizeof(info));
    *size = sizeof(info);
    memcpy(to, &info, sizeof(info));
    return true;
}

static void set_up_services(void)
{
    services = (EFI_BOOT_SERVICES){
        .ExitBootServices = exit_boot_services,
        .SetWatchdogTimer = set_watchdog,
        .HandleProtocol = handle_protocol,
        .LocateProtocol = locate_protocol,
        .LocateHandleBuffer = locate_handle_buffer,
    };
    runtime_services = (EFI_RUNTIME_SERVICES){.ResetSystem = reset_system};
    fake_set_runtime_services(&runtime_services);
    fake_set_memory_services(&services);
    fake_set_event_services(&services);
    fake_set_program_services(&services);
    volume = (EFI_SIMPLE_FILE_SYSTEM_PROTOCOL){.OpenVolume = fake_open_volume};
    graphics[0] = (EFI_GRAPHICS_OUTPUT_PROTOCOL){.Mode = &fake.mode};
    for (size_t i = 0; i < FAKE_MORE_SCREENS; i++)
        graphics[1 + i] = (EFI_GRAPHICS_OUTPUT_PROTOCOL){.Mode = &fake.more_modes[i]};
    rng = (EFI_RNG_PROTOCOL){.GetRNG = get_rng};
}

/* Where a card with a large BAR puts it: far above all RAM. */
static void set_up_framebuffer(void)
{
    fake.has_framebuffer = true;
    fake.mode_info = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION){
        .HorizontalResolution = 1024,
        .VerticalResolution = 768,
        .PixelFormat = PixelBlueGreenRedReserved8BitPerColor,
        .PixelsPerScanLine = 1024,
    };
    fake.mode = (EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE){
        .MaxMode = 1,
        .Info = &fake.mode_info,
        .SizeOfInfo = sizeof(fake.mode_info),
        .FrameBufferBase = UINT64_C(0x380000000000),
        .FrameBufferSize = UINT64_C(16) << 20,
    };
    for (size_t i = 0; i < FAKE_MORE_SCREENS; i++) {
        fake.more_info[i] = fake.mode_info;
        fake.more_modes[i] = fake.mode;
        fake.more_modes[i].Info = &fake.more_info[i];
        fake.more_modes[i].FrameBufferBase += (1 + i) << 30;
    }
}

void fake_reset(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.fail_status = EFI_DEVICE_ERROR;
    fake.element_size = 0x30;
    fake.any_below = fake.read_limit = fake.short_limit = fake.read_below = fake.error_at =
        UINT64_MAX;
    fake.has_rng = fake.has_file_system = fake.has_device_path = true;
    fake.watchdog = 300;
    set_up_framebuffer();
    set_up_services();
    fake.loaded = (EFI_LOADED_IMAGE_PROTOCOL){
        .DeviceHandle = &device_handle,
        .ImageBase = (void *)UINT64_C(0x7e000000),
        .ImageSize = 0x20000,
    };
    fake.system = (EFI_SYSTEM_TABLE){
        .ConIn = fake_keyboard(),
        .ConOut = fake_screen(),
        .BootServices = &services,
        .RuntimeServices = &runtime_services,
        .Hdr.Revision = 2 << 16 | 70,
        .FirmwareVendor = (CHAR16 *)(uintptr_t)u"Fake",
        .FirmwareRevision = 7 << 16 | 5,
        .ConfigurationTable = fake.tables,
    };
    fake_reset_pages();
    fake_reset_files();
    fake_reset_console();
    fake_reset_programs();
    fake_reset_variables();
}
