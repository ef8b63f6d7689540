/* See object.h. */
#include "object.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(const char *format, va_list args)
{
    char *text;

    if (vasprintf(&text, format, args) < 0)
        exit((int)complain(TOOL_NO_MEMORY, "no memory for a message"));
    return text;
}

void object_relocate(struct object *object, uint64_t address, unsigned kind, size_t symbol,
                     int64_t addend)
{
    object->relocations = array_grow(object->relocations, object->relocation_count,
                                     &object->relocation_room, sizeof(*object->relocations));
    object->relocations[object->relocation_count++] =
        (struct relocation){address, kind, symbol, addend};
}

void object_guess(struct object *object, uint64_t address, enum confidence confidence, bool taken,
                  const char *format, ...)
{
    va_list args;

    object->guesses = array_grow(object->guesses, object->guess_count, &object->guess_room,
                                 sizeof(*object->guesses));
    va_start(args, format);
    object->guesses[object->guess_count++] =
        (struct guess){address, confidence, taken, text_of(format, args)};
    va_end(args);
}

void object_note(struct object *object, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = text_of(format, args);
    va_end(args);
    object->notes =
        array_grow(object->notes, object->note_count, &object->note_room, sizeof(*object->notes));
    object->notes[object->note_count++] = text;
}

static int by_place(const void *a, const void *b)
{
    const struct relocation *one = a, *two = b;

    return one->address < two->address ? -1 : one->address > two->address;
}

static int by_address(const void *a, const void *b)
{
    const struct guess *one = a, *two = b;

    if (one->address != two->address)
        return one->address < two->address ? -1 : 1;
    return strcmp(one->text, two->text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same thing is seen twice where two paths meet. */
void object_finish(struct object *object)
{
    size_t kept = 0;

    array_sort(object->relocations, object->relocation_count, sizeof(*object->relocations),
               by_place);
    array_sort(object->guesses, object->guess_count, sizeof(*object->guesses), by_address);
    array_sort(object->notes, object->note_count, sizeof(*object->notes), by_text);
    for (size_t i = 0; i < object->note_count; i++) {
        if (kept > 0 && strcmp(object->notes[kept - 1], object->notes[i]) == 0)
            free(object->notes[i]);
        else
            object->notes[kept++] = object->notes[i];
    }
    object->note_count = kept;
}

void object_free(struct object *object)
{
    for (size_t i = 0; i < object->guess_count; i++)
        free(object->guesses[i].text);
    for (size_t i = 0; i < object->note_count; i++)
        free(object->notes[i]);
    free(object->guesses);
    free(object->notes);
    free(object->relocations);
}
