/* See image.h. */
#include "image.h"

#include "whole_file.h"

#include <stdlib.h>
#include <string.h>

enum tool_status raw_image_read(const char *path, uint64_t base, struct image *image)
{
    mode_t mode;
    size_t size;

    *image = (struct image){.path = path, .base = base};
    enum tool_status status = whole_file_read(path, &image->bytes, &size, &mode);
    if (status != TOOL_OK)
        return status;
    if (size == 0)
        return complain(TOOL_MALFORMED, "%s: empty", path);
    if (size > IMAGE_SPAN_MAX || __builtin_add_overflow(base, size, &image->end))
        return complain(TOOL_TOO_LARGE, "%s: %zu bytes at 0x%llx: more than %u, or past 2^64", path,
                        size, (unsigned long long)base, IMAGE_SPAN_MAX);
    image->known = allocate(size, sizeof(*image->known));
    memset(image->known, true, size);
    return TOOL_OK;
}

void image_align(struct image *image, size_t unit)
{
    size_t before = (size_t)(image->base % unit);
    size_t after = (size_t)(unit - image->end % unit) % unit;
    size_t size = (size_t)(image->end - image->base), all = before + size + after;

    if (before + after == 0)
        return;
    uint8_t *bytes = memset(allocate(all, 1), 0xff, all);
    bool *known = allocate(all, sizeof(*known));
    memcpy(bytes + before, image->bytes, size);
    memcpy(known + before, image->known, size);
    free(image->bytes);
    free(image->known);
    image->bytes = bytes;
    image->known = known;
    image->base -= before;
    image->end += after;
    image->gaps += before + after;
}

void image_free(struct image *image)
{
    free(image->bytes);
    free(image->known);
    *image = (struct image){0};
}

bool image_has(const struct image *image, uint64_t address, size_t size)
{
    if (address < image->base || address >= image->end || size > image->end - address)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!image->known[address - image->base + i])
            return false;
    }
    return true;
}

uint64_t image_number(const struct image *image, uint64_t address, size_t size)
{
    uint64_t number = 0;

    for (size_t i = size; i-- > 0;)
        number = number << 8 | image->bytes[address - image->base + i];
    return number;
}

void image_put(struct image *image, uint64_t address, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size; i++, number >>= 8)
        image->bytes[address - image->base + i] = (uint8_t)number;
}
