/* Starts the loader on volumes that it must refuse, again and again, and says each time what it
 * left behind: memory, open files, handles. Each folder of /cases is a volume; the loader is
 * handed a file system that shows the folder as if it were the root, and that counts.
 *
 * At last it starts the loader on the volume itself, which must still boot. */
#include "_chain.h"

#include "mem.h"
#include "text.h"

#define CASES     u"\\cases"
#define FILES_MAX 16
#define PATH_MAX  512
#define NAME_MAX  64
#define RUNS_MAX  512
#define TYPES_MAX 32
#define STARTS    3

/* ---- a file system that counts --------------------------------------------------------- */

struct counted_file {
    EFI_FILE_PROTOCOL face;
    EFI_FILE_PROTOCOL *real; /* NULL: free */
};

static struct counted_file files[FILES_MAX];
static EFI_FILE_PROTOCOL *volume;
static CHAR16 prefix[NAME_MAX * 2];

static size_t length_of(const CHAR16 *text)
{
    size_t length = 0;

    while (text[length] != 0)
        length++;
    return length;
}

static size_t open_files(void)
{
    size_t count = 0;

    for (size_t i = 0; i < FILES_MAX; i++)
        count += files[i].real != NULL;
    return count;
}

/* What a case left open, so that the next starts with nothing. */
static void close_all(void)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (files[i].real != NULL)
            files[i].real->Close(files[i].real);
        files[i].real = NULL;
    }
}

static EFI_FILE_PROTOCOL *real_of(EFI_FILE_PROTOCOL *face)
{
    struct counted_file *file = (struct counted_file *)face;

    must(file->real == NULL ? EFI_INVALID_PARAMETER : EFI_SUCCESS, "a file used once closed");
    return file->real;
}

static EFI_STATUS EFIAPI close(EFI_FILE_PROTOCOL *face)
{
    EFI_FILE_PROTOCOL *real = real_of(face);

    ((struct counted_file *)face)->real = NULL;
    return real->Close(real);
}

static EFI_STATUS EFIAPI read(EFI_FILE_PROTOCOL *face, UINTN *size, void *to)
{
    return real_of(face)->Read(real_of(face), size, to);
}

static EFI_STATUS EFIAPI get_position(EFI_FILE_PROTOCOL *face, UINT64 *position)
{
    return real_of(face)->GetPosition(real_of(face), position);
}

static EFI_STATUS EFIAPI set_position(EFI_FILE_PROTOCOL *face, UINT64 position)
{
    return real_of(face)->SetPosition(real_of(face), position);
}

static EFI_STATUS EFIAPI get_info(EFI_FILE_PROTOCOL *face, EFI_GUID *kind, UINTN *size, void *to)
{
    return real_of(face)->GetInfo(real_of(face), kind, size, to);
}

static EFI_STATUS EFIAPI open(EFI_FILE_PROTOCOL *face, EFI_FILE_PROTOCOL **to, CHAR16 *path,
                              UINT64 mode, UINT64 attributes);

static EFI_STATUS count_file(EFI_FILE_PROTOCOL *real, EFI_FILE_PROTOCOL **to)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        if (files[i].real != NULL)
            continue;
        files[i] = (struct counted_file){
            .face = {.Revision = EFI_FILE_PROTOCOL_REVISION,
                     .Open = open,
                     .Close = close,
                     .Read = read,
                     .GetPosition = get_position,
                     .SetPosition = set_position,
                     .GetInfo = get_info},
            .real = real,
        };
        *to = &files[i].face;
        return EFI_SUCCESS;
    }
    must(EFI_OUT_OF_RESOURCES, "too many open files");
    return EFI_OUT_OF_RESOURCES;
}

/* Every path is one from the root: of the folder. */
static EFI_STATUS EFIAPI open(EFI_FILE_PROTOCOL *face, EFI_FILE_PROTOCOL **to, CHAR16 *path,
                              UINT64 mode, UINT64 attributes)
{
    CHAR16 whole[PATH_MAX];
    EFI_FILE_PROTOCOL *real;
    size_t before = length_of(prefix), length = length_of(path);

    (void)real_of(face);
    must(path[0] == '\\' && before + length < PATH_MAX ? EFI_SUCCESS : EFI_INVALID_PARAMETER,
         "a path from the root");
    memcpy(whole, prefix, before * sizeof(CHAR16));
    memcpy(whole + before, path, (length + 1) * sizeof(CHAR16));
    EFI_STATUS status = volume->Open(volume, &real, whole, mode, attributes);
    return EFI_ERROR(status) ? status : count_file(real, to);
}

static EFI_STATUS EFIAPI open_root(EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *system, EFI_FILE_PROTOCOL **to)
{
    EFI_FILE_PROTOCOL *real;
    EFI_STATUS status = volume->Open(volume, &real, prefix, EFI_FILE_MODE_READ, 0);

    (void)system;
    return EFI_ERROR(status) ? status : count_file(real, to);
}

/* With a device path, so that programs can be loaded from it. */
static EFI_HANDLE install_file_system(void)
{
    static EFI_SIMPLE_FILE_SYSTEM_PROTOCOL counted = {
        .Revision = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_REVISION, .OpenVolume = open_root};
    static struct {
        VENDOR_DEVICE_PATH vendor;
        EFI_DEVICE_PATH_PROTOCOL end;
    } path = {
        {{HARDWARE_DEVICE_PATH, HW_VENDOR_DP, {sizeof(VENDOR_DEVICE_PATH), 0}},
         {0xbe571a00, 1, 2, {3, 4, 5, 6, 7, 8, 9, 10}}},
        {END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, {sizeof(path.end), 0}},
    };
    EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_GUID path_guid = EFI_DEVICE_PATH_PROTOCOL_GUID;
    EFI_HANDLE handle = NULL;

    must(services->InstallProtocolInterface(&handle, &path_guid, EFI_NATIVE_INTERFACE, &path),
         "a device path of our own");
    must(services->InstallProtocolInterface(&handle, &guid, EFI_NATIVE_INTERFACE, &counted),
         "a file system of our own");
    return handle;
}

/* ---- what is in use -------------------------------------------------------------------- */

struct stretch {
    uint64_t start, pages;
    uint32_t type;
};

/* The memory map, sorted and merged, and how many handles there are. */
struct usage {
    struct stretch stretches[RUNS_MAX];
    size_t count;
    size_t handles;
};

static void insert(struct usage *usage, struct stretch new)
{
    size_t at = usage->count++;

    must(at < RUNS_MAX ? EFI_SUCCESS : EFI_BUFFER_TOO_SMALL, "room for the memory map");
    for (; at > 0 && usage->stretches[at - 1].start > new.start; at--)
        usage->stretches[at] = usage->stretches[at - 1];
    usage->stretches[at] = new;
}

static void merge(struct usage *usage)
{
    size_t kept = 0;

    for (size_t i = 1; i < usage->count; i++) {
        struct stretch *last = &usage->stretches[kept], next = usage->stretches[i];
        if (last->type == next.type && last->start + last->pages * PAGE_SIZE == next.start)
            last->pages += next.pages;
        else
            usage->stretches[++kept] = next;
    }
    usage->count = kept + 1;
}

static void look(struct usage *usage)
{
    UINTN size = 0;
    struct descriptors map = read_map();

    usage->count = 0;
    for (size_t i = 0; i < map.count; i++) {
        const EFI_MEMORY_DESCRIPTOR *at = descriptor_at(&map, i);
        insert(usage, (struct stretch){at->PhysicalStart, at->NumberOfPages, at->Type});
    }
    merge(usage);
    services->LocateHandle(AllHandles, NULL, NULL, &size, NULL);
    usage->handles = size / sizeof(EFI_HANDLE);
}

/* In the first start firmware's own pools grow: that is no news, and a slow console. */
static bool is_pool(const struct stretch *at)
{
    return at->type == EfiBootServicesData || at->type == EfiConventionalMemory;
}

static void say_stretches(const char *when, const struct usage *usage, const struct usage *other,
                          bool pools)
{
    for (size_t i = 0; i < usage->count; i++) {
        const struct stretch *at = &usage->stretches[i];
        bool same = false;
        for (size_t j = 0; j < other->count; j++)
            same |= memcmp(at, &other->stretches[j], sizeof(*at)) == 0;
        if (!same && (pools || !is_pool(at)))
            say("%s: 0x%llx, %llu pages of type 0x%x", when, (unsigned long long)at->start,
                (unsigned long long)at->pages, at->type);
    }
}

static bool same_memory(const struct usage *a, const struct usage *b)
{
    return a->count == b->count &&
           memcmp(a->stretches, b->stretches, a->count * sizeof(a->stretches[0])) == 0;
}

/* ---- the cases ------------------------------------------------------------------------- */

static void run_case(EFI_HANDLE device, const char *name, int start)
{
    static struct usage before, after;

    say("case %s, start %d", name, start);
    look(&before);
    EFI_STATUS status = start_loader(device, NULL);
    look(&after);
    bool same = same_memory(&before, &after);
    say("status 0x%llx, %llu files open, %lld handles more, memory %s", (unsigned long long)status,
        (unsigned long long)open_files(), (long long)(after.handles - before.handles),
        same ? "the same" : "not the same");
    if (!same) {
        say_stretches("before", &before, &after, start > 1);
        say_stretches("after", &after, &before, start > 1);
    }
    close_all();
    say("end");
}

/* The next folder's name; false after the last. */
static bool next_case(EFI_FILE_PROTOCOL *cases, char name[NAME_MAX])
{
    static _Alignas(8) char buffer[1024];
    const EFI_FILE_INFO *info = (const void *)buffer;
    UINTN size = sizeof(buffer);

    must(cases->Read(cases, &size, buffer), "reading the cases");
    if (size == 0)
        return false;
    size_t length = length_of(info->FileName);
    must(length < NAME_MAX ? EFI_SUCCESS : EFI_BUFFER_TOO_SMALL, "a short name");
    for (size_t i = 0; i <= length; i++)
        name[i] = (char)info->FileName[i];
    memcpy(prefix, CASES u"\\", sizeof(CASES) + sizeof(CHAR16));
    memcpy(prefix + length_of(CASES) + 1, info->FileName, (length + 1) * sizeof(CHAR16));
    return true;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    EFI_FILE_PROTOCOL *cases;
    char name[NAME_MAX];

    chain_open(image, system);
    volume = open_volume();
    must(volume->Open(volume, &cases, (CHAR16 *)CASES, EFI_FILE_MODE_READ, 0), "the cases");
    EFI_HANDLE device = install_file_system();
    while (next_case(cases, name)) {
        for (int start = 1; name[0] != '.' && start <= STARTS; start++)
            run_case(device, name, start);
    }
    cases->Close(cases);
    say("all cases done");
    return start_loader(NULL, NULL);
}
