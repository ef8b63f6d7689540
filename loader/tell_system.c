/* What the system that is started may want to know of the loader: variables that are gone with the
 * next reset. All of it is asked for and said in vain where firmware keeps no variables. */
#include "interface.h"

#include "device_path.h"
#include "x86_cpu.h"

#define COUNT_PATH  "LoaderBootCountPath"
#define LOADER_NAME "bestla 0.1"
#define TEXT_SIZE   256
#define VENDOR_MAX  64 /* UTF-16 units of firmware's name for itself */

/* The bits that are true of this loader. */
#define FEATURES                                          \
    (UINT64_C(1) << 0    /* heeds LoaderConfigTimeout */  \
     | UINT64_C(1) << 1  /* LoaderConfigTimeoutOneShot */ \
     | UINT64_C(1) << 2  /* LoaderEntryDefault */         \
     | UINT64_C(1) << 3  /* LoaderEntryOneShot */         \
     | UINT64_C(1) << 4  /* counts boots */               \
     | UINT64_C(1) << 8  /* sorts by sort-key */          \
     | UINT64_C(1) << 9  /* knows @saved */               \
     | UINT64_C(1) << 13 /* knows menu-disabled */        \
     | UINT64_C(1) << 16 /* boots a unified kernel by an entry's `uki` */)

/* ---- telling --------------------------------------------------------------------------- */

/* How many variables were set; and of those that firmware does not take, the first. */
struct telling {
    struct boot *boot;
    unsigned told, refused;
    const char *first;
    EFI_STATUS status;
};

static void note(struct telling *telling, const char *name, EFI_STATUS status)
{
    if (!EFI_ERROR(status)) {
        telling->told++;
        return;
    }
    if (telling->refused++ == 0) {
        telling->first = name;
        telling->status = status;
    }
}

static void tell_bytes(struct telling *telling, const char *name, const void *bytes, size_t size)
{
    note(telling, name, set_variable(telling->boot, name, VARIABLE_VOLATILE, bytes, size));
}

static void tell_text(struct telling *telling, const char *name, struct text text)
{
    note(telling, name, set_text_variable(telling->boot, name, VARIABLE_VOLATILE, text));
}

FORMAT_LIKE_PRINTF(3, 4)
static void tell(struct telling *telling, const char *name, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;

    va_start(args, format);
    format_text_args(text, sizeof(text), format, args);
    va_end(args);
    tell_text(telling, name, text_of(text));
}

/* ---- firmware and loader --------------------------------------------------------------- */

static void tell_firmware(struct telling *telling)
{
    const EFI_SYSTEM_TABLE *system = telling->boot->system;
    char vendor[3 * VENDOR_MAX + 1] = "";
    UINT32 revision = system->Hdr.Revision;

    if (system->FirmwareVendor != NULL)
        utf8_from_utf16(system->FirmwareVendor, VENDOR_MAX, vendor, sizeof(vendor));
    tell(telling, "LoaderFirmwareInfo", "%s %u.%02u", vendor, system->FirmwareRevision >> 16,
         system->FirmwareRevision & 0xffff);
    tell(telling, "LoaderFirmwareType", "UEFI %u.%02u", revision >> 16, revision & 0xffff);
}

static void tell_loader(struct telling *telling)
{
    EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID, path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
    EFI_BOOT_SERVICES *services = telling->boot->system->BootServices;
    const EFI_DEVICE_PATH_PROTOCOL *device;
    EFI_LOADED_IMAGE_PROTOCOL *loaded;
    char text[TEXT_SIZE];

    tell_text(telling, "LoaderInfo", text_of(LOADER_NAME));
    tell_bytes(telling, "LoaderFeatures", &(uint64_t){FEATURES}, sizeof(uint64_t));
    if (EFI_ERROR(services->HandleProtocol(telling->boot->image, &image_guid, (void **)&loaded)))
        return;
    if (!EFI_ERROR(services->HandleProtocol(loaded->DeviceHandle, &path_guid, (void **)&device)) &&
        device_path_partition(device, text))
        tell_text(telling, "LoaderDevicePartUUID", text_of(text));
    if (device_path_file(loaded->FilePath, text, sizeof(text)))
        tell_text(telling, "LoaderImageIdentifier", text_of(text));
}

/* ---- entries --------------------------------------------------------------------------- */

/* UEFI's variables are bytes: names one behind the other, each terminated. */
static void tell_entries(struct telling *telling, const struct entry_list *list)
{
    size_t room = 0, used = 0;
    void *at;

    for (const struct listed_entry *entry = list->first; entry != NULL; entry = entry->next)
        room += entry->id.length + 1;
    if (EFI_ERROR(allocate_bytes(telling->boot, room * sizeof(CHAR16), &at)))
        return;
    CHAR16 *units = at;
    for (const struct listed_entry *entry = list->first; entry != NULL; entry = entry->next) {
        size_t length = utf16_from_utf8(entry->id, units + used, room - used);
        used += length == 0 ? 0 : length + 1;
    }
    tell_bytes(telling, "LoaderEntries", units, used * sizeof(CHAR16));
}

/* One that is left from earlier, and may be one that lasts, would make the system bless another
 * entry. */
static void tell_counted(struct telling *telling, const struct listed_entry *listed)
{
    struct entry_tries tries;
    CHAR16 path[FILE_NAME_UNITS * 2];

    (void)entry_stem(listed->name, &tries);
    forget_variable(telling->boot, COUNT_PATH);
    if (!tries.counted)
        return;
    size_t length = firmware_path(listed->path, path, sizeof(path) / sizeof(path[0]));
    if (length != 0)
        tell_bytes(telling, COUNT_PATH, path, (length + 1) * sizeof(CHAR16));
}

/* ---- time ------------------------------------------------------------------------------ */

/* Since the time stamp counter started, which is when the machine did. */
static void tell_time(struct telling *telling, const char *name, uint64_t tsc)
{
    uint64_t rate = telling->boot->ticks_per_ms;

    if (rate != 0 && tsc != 0)
        tell(telling, name, "%lu", tsc / rate * 1000 + tsc % rate * 1000 / rate);
}

/* A millisecond of firmware's: whoever wants these times starts a system that takes far longer. */
static void measure_clock(struct boot *boot)
{
    uint64_t start = read_tsc();

    if (boot->ticks_per_ms == 0 && !EFI_ERROR(boot->system->BootServices->Stall(1000)))
        boot->ticks_per_ms = read_tsc() - start;
}

void tell_system(struct boot *boot, const struct entry_list *list,
                 const struct listed_entry *listed)
{
    struct telling telling = {.boot = boot};

    measure_clock(boot);
    tell_loader(&telling);
    tell_firmware(&telling);
    tell_entries(&telling, list);
    tell_text(&telling, "LoaderEntrySelected", listed->id);
    tell_counted(&telling, listed);
    tell_time(&telling, "LoaderTimeInitUSec", boot->started);
    tell_time(&telling, "LoaderTimeMenuUSec", boot->menu_shown);
    if (telling.refused != 0)
        log_line(boot, LOG_WARNING, "%u of the loader's %u variables cannot be set, first %s (%s)",
                 telling.refused, telling.refused + telling.told, telling.first,
                 status_text(telling.status));
}

/* If firmware does not take it, that was said of the others. */
void tell_time_of_start(struct boot *boot)
{
    struct telling telling = {.boot = boot};

    tell_time(&telling, "LoaderTimeExecUSec", read_tsc());
}
