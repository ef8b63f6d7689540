/* See status.h. */
#include "status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum tool_status complain(enum tool_status status, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return status;
}

void *array_grow(void *array, size_t count, size_t *room, size_t element)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 16;
    array = reallocarray(array, *room, element);
    if (!array)
        exit((int)complain(TOOL_NO_MEMORY, "no memory for %zu bytes", *room * element));
    return array;
}

void array_sort(void *array, size_t count, size_t element,
                int (*compare)(const void *, const void *))
{
    if (count > 0)
        qsort(array, count, element, compare);
}

void *allocate(size_t count, size_t element)
{
    void *memory = calloc(count ? count : 1, element);

    if (!memory)
        exit((int)complain(TOOL_NO_MEMORY, "no memory for %zu bytes", count * element));
    return memory;
}
