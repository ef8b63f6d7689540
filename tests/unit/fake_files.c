/* See fake_firmware.h: a volume of files and folders (UEFI 2.10, 13.4 and 13.5). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "fake_firmware.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NODES_MAX    512
#define PATH_BYTES   1024
#define SCRIBBLE     0x66
#define INFO_HEAD    offsetof(EFI_FILE_INFO, FileName)

struct node {
    char path[PATH_BYTES]; /* "" for the root; no `/` at the end */
    const unsigned char *bytes;
    uint64_t size;
    uint64_t claimed; /* what position ~0 becomes */
    bool folder;
    bool removed;
};

struct handle {
    EFI_FILE_PROTOCOL protocol;
    struct node *node;
    bool writes;
    uint64_t position; /* of a folder: how many nodes it has gone past */
};

static struct node nodes[NODES_MAX];
static size_t node_count;

static struct node *find(const char *path)
{
    for (size_t i = 0; i < node_count; i++) {
        if (!nodes[i].removed && strcasecmp(nodes[i].path, path) == 0)
            return &nodes[i];
    }
    return NULL;
}

static void add(const char *path, const void *bytes, uint64_t size, bool folder)
{
    struct node *node = find(path);

    if (node == NULL) {
        assert_true(node_count < NODES_MAX);
        node = &nodes[node_count++];
    }
    assert_true(strlen(path) < PATH_BYTES);
    *node = (struct node){.bytes = bytes, .size = size, .claimed = size, .folder = folder};
    strcpy(node->path, path);
}

void fake_add_folder(const char *path)
{
    add(path, NULL, 0, true);
}

void fake_add_file(const char *path, const void *bytes, uint64_t size)
{
    add(path, bytes, size, false);
}

void fake_remove(const char *path)
{
    struct node *node = find(path);

    assert_non_null(node);
    node->removed = true;
}

void fake_claim_size(const char *path, uint64_t size)
{
    struct node *node = find(path);

    assert_non_null(node);
    node->claimed = size;
}

void fake_reset_files(void)
{
    node_count = 0;
    fake_add_folder("");
}

bool fake_file_is_there(const char *path)
{
    const struct node *node = find(path);

    return node != NULL && !node->folder;
}

static struct handle *handle_of(EFI_FILE_PROTOCOL *file)
{
    return (struct handle *)file;
}

/* UCS-2 to UTF-8, `\` to `/`: at most three bytes a character. */
static void path_of(const CHAR16 *name, char *path)
{
    size_t used = strlen(path);

    for (; *name != 0; name++) {
        assert_true(used + 4 < PATH_BYTES);
        assert_int_not_equal(*name, '/'); /* UEFI knows only the other one */
        if (*name < 0x80) {
            path[used++] = *name == '\\' ? '/' : (char)*name;
        } else if (*name < 0x800) {
            path[used++] = (char)(0xc0 + *name / 64);
            path[used++] = (char)(0x80 + *name % 64);
        } else {
            path[used++] = (char)(0xe0 + *name / 4096);
            path[used++] = (char)(0x80 + *name / 64 % 64);
            path[used++] = (char)(0x80 + *name % 64);
        }
    }
    path[used] = '\0';
}

/* The other way; returns the units with the terminator. */
static size_t name_of(const char *path, CHAR16 *name)
{
    const unsigned char *from = (const unsigned char *)path;
    size_t units = 0;

    while (*from != 0) {
        unsigned size = *from < 0x80 ? 1 : *from < 0xe0 ? 2 : 3;
        unsigned code = size == 1 ? *from : *from % (size == 2 ? 32U : 16U);
        for (unsigned i = 1; i < size; i++)
            code = code * 64 + from[i] % 64;
        name[units++] = (CHAR16)code;
        from += size;
    }
    name[units] = 0;
    return units + 1;
}

static EFI_FILE_PROTOCOL *open_node(struct node *node);

static EFI_STATUS EFIAPI file_open(EFI_FILE_PROTOCOL *self, EFI_FILE_PROTOCOL **opened,
                                   CHAR16 *name, UINT64 mode, UINT64 attributes)
{
    char path[PATH_BYTES] = "";

    if (fake_call_fails(FAKE_OPEN))
        return fake.fail_status;
    bool writes = mode == (EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE);
    assert_true(writes || mode == EFI_FILE_MODE_READ);
    assert_int_equal(attributes, 0);
    assert_true(handle_of(self)->node->folder);
    if (name[0] != '\\')
        strcpy(path, "/");
    path_of(name, path);
    struct node *node = find(path);
    if (node == NULL)
        return EFI_NOT_FOUND;
    if (writes && fake.read_only_volume)
        return EFI_WRITE_PROTECTED;
    if (writes && fake.read_only_file != NULL && strcmp(path, fake.read_only_file) == 0)
        return EFI_ACCESS_DENIED;
    *opened = open_node(node);
    handle_of(*opened)->writes = writes;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_close(EFI_FILE_PROTOCOL *self)
{
    bool fails = fake_call_fails(FAKE_CLOSE);

    assert_true(fake.open_handles > 0);
    fake.open_handles--;
    free(handle_of(self));
    return fails ? fake.fail_status : EFI_SUCCESS;
}

static bool refuses(const struct fake_read *read)
{
    if (read->wanted > fake.read_limit)
        return true;
    if (read->to > fake.read_below || read->wanted > fake.read_below - read->to)
        return true;
    if (fake.errors == 0 || fake.error_at - read->offset >= read->got)
        return false;
    fake.errors--;
    return true;
}

/* A read that fails leaves a mess: some bytes written, and the position anywhere. */
static EFI_STATUS read_file_node(struct handle *handle, UINTN *size, void *to, bool fails)
{
    const struct node *node = handle->node;
    uint64_t left = handle->position < node->size ? node->size - handle->position : 0;
    uint64_t got = *size < left ? *size : left;

    if (got > fake.short_limit)
        got = fake.short_limit;
    assert_true(fake.read_count < COUNT(fake.reads));
    struct fake_read *read = &fake.reads[fake.read_count++];
    *read = (struct fake_read){node->path, handle->position, *size, got, false, (uintptr_t)to};
    read->failed = refuses(read) || fails;
    if (read->failed) {
        memset(to, SCRIBBLE, got / 2);
        handle->position += got / 3;
        *size = got / 2;
        return fake.fail_status;
    }
    if (got != 0)
        memcpy(to, node->bytes + handle->position, got);
    handle->position += got;
    *size = got;
    return EFI_SUCCESS;
}

/* The last component, if the node lies in this folder. */
static const char *name_in(const struct node *folder, const struct node *node)
{
    size_t length = strlen(folder->path);
    const char *slash = strrchr(node->path, '/');

    if (node->removed || slash == NULL || (size_t)(slash - node->path) != length ||
        strncasecmp(node->path, folder->path, length) != 0)
        return NULL;
    return slash + 1;
}

/* The entry at handle->position; FAT's folders start with `.` and `..`. */
static const char *entry_at(const struct handle *handle, bool *folder)
{
    *folder = true;
    if (handle->position == 0)
        return ".";
    if (handle->position == 1)
        return "..";
    const struct node *node = &nodes[handle->position - 2];
    *folder = node->folder;
    return name_in(handle->node, node);
}

static EFI_STATUS read_folder_node(struct handle *handle, UINTN *size, void *to)
{
    char buffer[INFO_HEAD + 256 * sizeof(CHAR16)] __attribute__((aligned(8))) = {0};
    EFI_FILE_INFO *info = (EFI_FILE_INFO *)(void *)buffer;
    const char *name = NULL;
    bool folder = false;

    /* What FAT allows in a folder is 65,536; nobody asks for so many. */
    assert_true(fake.calls_of[FAKE_READ] < 200000);
    if (fake.folders_go_on && handle->position >= node_count + 2)
        handle->position = 0;
    for (; handle->position < node_count + 2; handle->position++) {
        name = entry_at(handle, &folder);
        if (name != NULL)
            break;
    }
    if (name == NULL) {
        *size = 0;
        return EFI_SUCCESS;
    }
    UINTN wanted = INFO_HEAD + name_of(name, info->FileName) * sizeof(CHAR16);
    UINTN room = *size;
    *size = info->Size = wanted;
    if (room < wanted)
        return EFI_BUFFER_TOO_SMALL;
    info->Attribute = folder ? EFI_FILE_DIRECTORY : EFI_FILE_ARCHIVE;
    memcpy(to, buffer, wanted);
    handle->position++;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_read(EFI_FILE_PROTOCOL *self, UINTN *size, void *to)
{
    struct handle *handle = handle_of(self);
    bool fails = fake_call_fails(FAKE_READ);

    if (!handle->node->folder)
        return read_file_node(handle, size, to, fails);
    return fails ? fake.fail_status : read_folder_node(handle, size, to);
}

static EFI_STATUS EFIAPI file_set_position(EFI_FILE_PROTOCOL *self, UINT64 position)
{
    struct handle *handle = handle_of(self);

    if (fake_call_fails(FAKE_SET_POSITION))
        return fake.fail_status;
    if (handle->node->folder && position != 0)
        return EFI_UNSUPPORTED;
    handle->position = position == UINT64_MAX ? handle->node->claimed : position;
    return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_get_position(EFI_FILE_PROTOCOL *self, UINT64 *position)
{
    if (fake_call_fails(FAKE_GET_POSITION))
        return fake.fail_status;
    if (handle_of(self)->node->folder)
        return EFI_UNSUPPORTED;
    *position = handle_of(self)->position;
    return EFI_SUCCESS;
}

static const EFI_GUID info_guid = EFI_FILE_INFO_ID;

static const char *last_part(const char *path)
{
    return strrchr(path, '/') + 1;
}

static EFI_STATUS EFIAPI file_get_info(EFI_FILE_PROTOCOL *self, EFI_GUID *guid, UINTN *size,
                                       void *to)
{
    struct node *node = handle_of(self)->node;
    _Alignas(8) char buffer[INFO_HEAD + PATH_BYTES * sizeof(CHAR16)] = {0};
    EFI_FILE_INFO *info = (EFI_FILE_INFO *)(void *)buffer;

    if (fake_call_fails(FAKE_GET_INFO))
        return fake.fail_status;
    if (fake_volume_info(guid, size, to))
        return EFI_SUCCESS;
    assert_memory_equal(guid, &info_guid, sizeof(info_guid));
    UINTN wanted = INFO_HEAD + name_of(last_part(node->path), info->FileName) * sizeof(CHAR16);
    assert_true(*size >= wanted);
    *size = info->Size = wanted;
    info->FileSize = node->size;
    info->ModificationTime.Year = 2001;
    info->Attribute = EFI_FILE_ARCHIVE;
    memcpy(to, buffer, wanted);
    return EFI_SUCCESS;
}

/* Only the name may change. On a full volume the file is lost, as with EDK II. */
static EFI_STATUS EFIAPI file_set_info(EFI_FILE_PROTOCOL *self, EFI_GUID *guid, UINTN size,
                                       void *from)
{
    struct node *node = handle_of(self)->node;
    const EFI_FILE_INFO *info = from;
    char path[PATH_BYTES] = "";

    if (fake_call_fails(FAKE_SET_INFO))
        return fake.fail_status;
    assert_memory_equal(guid, &info_guid, sizeof(info_guid));
    assert_true(handle_of(self)->writes);
    assert_int_equal(info->Size, size);
    assert_int_equal(info->FileSize, node->size);
    assert_int_equal(info->ModificationTime.Year, 2001);
    assert_int_equal(info->Attribute, EFI_FILE_ARCHIVE);
    memcpy(path, node->path, (size_t)(last_part(node->path) - node->path));
    path_of(info->FileName, path);
    assert_int_equal(size, INFO_HEAD + (strlen(last_part(path)) + 1) * sizeof(CHAR16));
    if (find(path) != NULL)
        return EFI_ACCESS_DENIED;
    node->removed = fake.full_volume;
    if (!fake.renames_in_vain)
        strcpy(node->path, path);
    return fake.full_volume ? EFI_VOLUME_FULL : EFI_SUCCESS;
}

static EFI_STATUS EFIAPI file_flush(EFI_FILE_PROTOCOL *self)
{
    assert_true(handle_of(self)->writes);
    return fake_call_fails(FAKE_FLUSH) ? fake.fail_status : EFI_SUCCESS;
}

static EFI_FILE_PROTOCOL *open_node(struct node *node)
{
    struct handle *handle = calloc(1, sizeof(*handle));

    assert_non_null(handle);
    handle->node = node;
    handle->protocol = (EFI_FILE_PROTOCOL){
        .Open = file_open,
        .Close = file_close,
        .Read = file_read,
        .SetPosition = file_set_position,
        .GetPosition = file_get_position,
        .GetInfo = file_get_info,
        .SetInfo = file_set_info,
        .Flush = file_flush,
    };
    fake.open_handles++;
    return &handle->protocol;
}

EFI_STATUS EFIAPI fake_open_volume(EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *self, EFI_FILE_PROTOCOL **root)
{
    (void)self;
    if (fake_call_fails(FAKE_OPEN_VOLUME))
        return fake.fail_status;
    *root = open_node(find(""));
    return EFI_SUCCESS;
}
