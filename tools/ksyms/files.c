/* Names of source files. Two builds of the same sources in two folders must give the same table, so
 * what is kept of a name is its path from the folder that the compiler ran in. */
#include "ksyms.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits (IETF draft-eastlake-fnv, 5). */
static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

/* Where a name is or would be. */
static uint32_t *slot_of(const struct file_names *files, const char *name)
{
    size_t at = (size_t)hash(name) & (files->slot_count - 1);

    while (files->slots[at] && strcmp(files->names[files->slots[at] - 1], name) != 0)
        at = (at + 1) & (files->slot_count - 1);
    return &files->slots[at];
}

/* At most half of the slots are taken, so that every search ends. */
static void make_slots(struct file_names *files)
{
    if (files->count * 2 < files->slot_count)
        return;
    free(files->slots);
    files->slot_count = files->slot_count ? files->slot_count * 2 : 64;
    files->slots = allocate(files->slot_count, sizeof(*files->slots));
    for (size_t i = 0; i < files->count; i++)
        *slot_of(files, files->names[i]) = (uint32_t)i + 1;
}

static char *copy_of(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(allocate(size, 1), text, size);
}

uint32_t file_number(struct file_names *files, const char *name)
{
    make_slots(files);
    uint32_t *slot = slot_of(files, name);

    if (!*slot) {
        files->names = array_grow(files->names, files->count, &files->room, sizeof(char *));
        files->names[files->count++] = copy_of(name);
        *slot = (uint32_t)files->count;
    }
    return *slot - 1;
}

/* `name` past `folder`, where that is its start. NASM gives the folder of the source for that of
 * the build and writes it before a path that has both, so a slash too many is common. */
static const char *past_folder(const char *folder, const char *name)
{
    size_t length = folder ? strlen(folder) : 0;

    while (length > 0 && folder[length - 1] == '/')
        length--;
    if (length == 0 || strncmp(name, folder, length) != 0 || name[length] != '/')
        return name;
    return name + length + strspn(name + length, "/");
}

/* Takes "", "." and "NAME/.." out of a path, in place. */
static void tidy(char *path)
{
    char *const start = path + (*path == '/');
    char *out = start;

    for (const char *in = start; *in;) {
        size_t length = strcspn(in, "/");
        bool up = length == 2 && in[0] == '.' && in[1] == '.';
        char *last = out;

        while (last > start && last[-1] != '/')
            last--;
        if (up && out > start && strncmp(last, "..", 2) != 0) {
            out = last > start ? last - 1 : start;
        } else if (length > 0 && !(length == 1 && *in == '.')) {
            if (out > start)
                *out++ = '/';
            memmove(out, in, length);
            out += length;
        }
        in += length;
        in += *in == '/';
    }
    *out = '\0';
}

uint32_t source_file_number(struct file_names *files, const char *folder, const char *name)
{
    name = past_folder(folder, name);
    char *path = copy_of(name);
    tidy(path);
    uint32_t number = file_number(files, path);
    free(path);
    return number;
}

struct numbered {
    char *name;
    uint32_t number;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct numbered *)a)->name, ((const struct numbered *)b)->name);
}

uint32_t *file_names_sort(struct file_names *files, const bool *used)
{
    struct numbered *sorted = allocate(files->count, sizeof(*sorted));
    uint32_t *numbers = allocate(files->count, sizeof(*numbers));
    size_t kept = 0;

    for (size_t i = 0; i < files->count; i++) {
        if (used[i])
            sorted[kept++] = (struct numbered){files->names[i], (uint32_t)i};
        else
            free(files->names[i]);
    }
    qsort(sorted, kept, sizeof(*sorted), by_name);
    for (size_t i = 0; i < kept; i++) {
        files->names[i] = sorted[i].name;
        numbers[sorted[i].number] = (uint32_t)i;
    }
    free(files->slots);
    files->slots = NULL;
    files->slot_count = 0;
    files->count = kept;
    free(sorted);
    return numbers;
}

void file_names_free(struct file_names *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->names[i]);
    free(files->names);
    free(files->slots);
    *files = (struct file_names){0};
}
