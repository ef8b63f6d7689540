/* What was made of the program, for people. */
#include "object.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const confidences[] = {
    [CONFIDENCE_LOW] = "low",
    [CONFIDENCE_MEDIUM] = "medium",
    [CONFIDENCE_HIGH] = "high",
    [CONFIDENCE_SETTLED] = "settled",
};

static const char *section_of(const struct object *object, const struct symbol *symbol)
{
    switch (symbol->place) {
    case PLACE_CODE:
        return ".text";
    case PLACE_DATA:
        return object->machine == MACHINE_AVR ? ".noinit" : ".bss";
    case PLACE_EXTERN:
        return "*UND*";
    default:
        return "*ABS*";
    }
}

static uint64_t offset_of(const struct object *object, const struct symbol *symbol)
{
    const struct symbols *symbols = object->symbols;

    if (symbol->place == PLACE_CODE)
        return symbol->value - object->image->base;
    if (symbol->place == PLACE_DATA)
        return symbol->value - symbols->at[symbols->data[0]].value;
    return symbol->place == PLACE_EXTERN ? 0 : symbol->value;
}

void print_symbols(const struct object *object)
{
    puts("SYMBOLS:\nOFFSET   BIND TYPE   SECTION  SIZE     NAME");
    for (size_t i = 0; i < object->symbols->count; i++) {
        const struct symbol *symbol = &object->symbols->at[i];

        if (symbol->place == PLACE_CONSTANT)
            continue;
        printf("%08llx %-4s %-6s %-8s %08llx %s\n", (unsigned long long)offset_of(object, symbol),
               symbol->is_local ? "l" : "g",
               symbol->place == PLACE_EXTERN || symbol->place == PLACE_ABSOLUTE || symbol->is_inside
                   ? "NOTYPE"
               : symbol->is_code ? "FUNC"
                                 : "OBJECT",
               section_of(object, symbol), (unsigned long long)symbol->size, symbol->name);
    }
}

void print_relocations(const struct object *object)
{
    puts("RELOCATIONS OF .text:\nOFFSET   TYPE                 VALUE");
    for (size_t i = 0; i < object->relocation_count; i++) {
        const struct relocation *relocation = &object->relocations[i];
        const char *name = relocation->symbol == NO_SYMBOL
                               ? ".text"
                               : object->symbols->at[relocation->symbol].name;

        printf("%08llx %-20s %s", (unsigned long long)(relocation->address - object->image->base),
               relocation_name(object->machine, relocation->kind), name);
        if (relocation->addend)
            printf("%c0x%llx", relocation->addend < 0 ? '-' : '+',
                   (unsigned long long)llabs(relocation->addend));
        putchar('\n');
    }
}

static size_t named(const struct object *object)
{
    size_t count = 0;

    for (size_t i = 0; i < object->symbols->count; i++)
        count += object->symbols->at[i].place != PLACE_CONSTANT;
    return count;
}

void print_summary(const struct object *object, const char *output)
{
    const struct image *image = object->image;

    for (size_t i = 0; i < object->note_count; i++)
        printf("note: %s\n", object->notes[i]);
    for (size_t i = 0; i < object->guess_count; i++)
        printf("guess: 0x%04llx %s%s: %s\n", (unsigned long long)object->guesses[i].address,
               confidences[object->guesses[i].confidence],
               object->guesses[i].taken ? "" : ", not taken", object->guesses[i].text);
    printf("%s: 0x%llx bytes from 0x%llx, 0x%llx of them gaps; %zu symbols, %zu relocations, %zu "
           "guesses, %zu notes\n",
           output, (unsigned long long)(image->end - image->base), (unsigned long long)image->base,
           (unsigned long long)image->gaps, named(object), object->relocation_count,
           object->guess_count, object->note_count);
}
