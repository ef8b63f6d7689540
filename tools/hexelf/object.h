/* What goes into the ELF file beside bytes and symbols: relocations; and what goes to the reader:
 * guesses and notes. */
#ifndef BESTLA_TOOLS_HEXELF_OBJECT_H
#define BESTLA_TOOLS_HEXELF_OBJECT_H

#include "symbols.h"

enum machine { MACHINE_AVR, MACHINE_X86_64 };

/* Of elf.h's R_AVR_ or R_X86_64_: `kind`. */
struct relocation {
    uint64_t address; /* in the image, of the field */
    unsigned kind;
    size_t symbol; /* NO_SYMBOL: the start of .text */
    int64_t addend;
};

enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH, CONFIDENCE_SETTLED };

/* Something that the bytes alone do not say. Only what is at least medium is taken. */
struct guess {
    uint64_t address;
    enum confidence confidence;
    bool taken;
    char *text; /* what was made of it, and why */
};

struct object {
    enum machine machine;
    unsigned flags; /* e_flags */
    uint64_t text_align, data_align;
    struct image *image;
    struct symbols *symbols;
    struct relocation *relocations; /* by address, once finished */
    size_t relocation_count, relocation_room;
    struct guess *guesses; /* by address, once finished */
    size_t guess_count, guess_room;
    char **notes; /* what may be wrong with the program */
    size_t note_count, note_room;
};

void object_relocate(struct object *object, uint64_t address, unsigned kind, size_t symbol,
                     int64_t addend);

FORMAT_LIKE_PRINTF(5, 6)
void object_guess(struct object *object, uint64_t address, enum confidence confidence, bool taken,
                  const char *format, ...);

FORMAT_LIKE_PRINTF(2, 3)
void object_note(struct object *object, const char *format, ...);

/* Sorts relocations and guesses. */
void object_finish(struct object *object);
void object_free(struct object *object);

/* "R_AVR_CALL"; NULL: none of this machine. */
const char *relocation_name(enum machine machine, unsigned kind);

/* A relocatable ELF file, whole or not at all. Says what went wrong. */
__attribute__((warn_unused_result)) enum tool_status object_write(struct object *object,
                                                                  const char *path, bool constants);

/* The two tables that objdump -t and -r would print. */
void print_symbols(const struct object *object);
void print_relocations(const struct object *object);
void print_summary(const struct object *object, const char *output);

#endif
