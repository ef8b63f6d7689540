/* An AVR program taken apart: what is code, which immediates are addresses, what must move. */
#ifndef BESTLA_TOOLS_HEXELF_AVR_H
#define BESTLA_TOOLS_HEXELF_AVR_H

#include "avr_decode.h"
#include "options.h"

/* One byte for each word of the image. */
enum {
    WORD_START = 1 << 0,  /* an instruction begins here */
    WORD_REST = 1 << 1,   /* its second word */
    WORD_TABLE = 1 << 2,  /* the user says: no code */
    WORD_MOVED = 1 << 3,  /* a relocation changes it */
    WORD_PAIRED = 1 << 4, /* a byte of a pair's */
    WORD_TARGET = 1 << 5, /* something goes there, not only past it */
};

#define PAIR_WINDOW 6  /* instructions between the parts of a pair, at most */
#define FAR_WINDOW  40 /* the same where use shows that they belong together */

/* What a pointer was seen to be used for. */
enum {
    USE_FLASH = 1 << 0,    /* lpm, elpm */
    USE_RAM = 1 << 1,      /* ld, st */
    USE_CODE = 1 << 2,     /* ijmp, icall, push and ret */
    USE_FAR = 1 << 3,      /* eijmp, eicall: EIND has the rest */
    USE_ELPM = 1 << 4,     /* RAMPZ has the rest */
    USE_NUMBER = 1 << 5,   /* to an I/O register, multiplied: no address */
    USE_TABLE = 1 << 6,    /* what it loads from flash is jumped to */
    USE_STRINGS = 1 << 7,  /* what it loads from flash is read through, from flash */
    USE_ADDED = 1 << 8,    /* it was added to something: may be a distance */
    USE_COMPARED = 1 << 9, /* another was compared with it: may be the end of a table */
    USE_MAPPED = 1 << 10,  /* USE_FLASH is by ld */
    USE_KEPT = 1 << 11,    /* by who loads it from RAM, where it is kept */
};

/* Two immediates that may be the halves of one address. */
struct pair {
    uint64_t low, high, third; /* addresses of the instructions; third: of bits 16-23, or 0 */
    uint32_t value;
    bool negated, has_third;
    struct settlement *named; /* --assume LOW,HIGH; NULL: found */
    bool doubtful;            /* the registers are no pair: only use can tell */
    bool shared;              /* the high byte is another's, too */
    bool moved_high;          /* the relocation of the high byte is for this one */
    bool adopted;             /* nothing else reaches what it would be the address of */
    uint16_t kept;            /* where in RAM it is stored, low byte first; 0: nowhere */
    size_t next_kept;         /* one more than the next that is stored there, too */
    size_t waits;             /* one more than the next in the list of avr_program.waiting */
    unsigned uses;
};

/* What an address may be of. */
struct meaning {
    size_t symbol;  /* NO_SYMBOL: it is nobody's */
    int64_t addend; /* bytes */
    bool words;     /* the value counts words */
    bool ram;
    bool mapped; /* the value is AVR_TINY_FLASH more */
};

/* A list of addresses that somebody still has to look at. */
struct addresses {
    uint64_t *at;
    size_t count, room;
};

/* A word of flash that is the address of a label, if it is an address. */
struct reference {
    uint64_t target, from;
};

/* Two bytes of RAM that hold pointers. */
struct keeper {
    uint16_t uses; /* of what is loaded from there */
    size_t first;  /* one more than the first pair that is stored there */
};

struct avr_program {
    const struct options *options;
    struct avr_device device;
    struct image *image;
    struct symbols *symbols;
    struct object *object;
    uint8_t *words;
    struct addresses pending;     /* that control reaches */
    struct addresses fresh;       /* instructions that nobody has looked for pairs at */
    struct addresses hints;       /* where something tells what a label in doubt is of */
    struct addresses touched;     /* where something tells what a table is of */
    struct reference *references; /* by target */
    size_t reference_count, reference_room;
    bool all_touched;
    struct pair *pairs;
    size_t pair_count, pair_room;
    struct keeper *keepers; /* one for each address below 64 KiB: of the low byte */
    size_t adopted_to;      /* pairs before were asked for labels to adopt */
    size_t *waiting;        /* for each symbol one more than the first pair that may adopt it */
    uint64_t guessed_to;    /* labels before need no guess */
    bool jumps_by_pointer;  /* there is an ijmp or icall */
    size_t *externs;        /* symbols of PLACE_EXTERN */
    size_t extern_count;
    uint16_t *uses; /* of each symbol, by pairs that are surely its address */
    bool *ram_used; /* by lds, sts or a pointer: one for each address below 64 KiB */
    bool *in_doubt; /* labels that could be code or data: one for each symbol */
};

/* Finds all relocations. Says what is wrong. */
__attribute__((warn_unused_result)) enum tool_status avr_convert(const struct options *options,
                                                                 struct object *object);

/* ---- avr_learn.c: what was learned, and whom it concerns ---- */

void addresses_add(struct addresses *addresses, uint64_t address);
void addresses_sort(struct addresses *addresses);

/* A symbol is surely used so. */
void avr_learn_uses(struct avr_program *program, size_t symbol, unsigned uses);

/* RAM is used there. */
void avr_learn_ram(struct avr_program *program, uint32_t address);

/* Something goes there. */
void avr_learn_target(struct avr_program *program, uint64_t address);

/* To be called again when a place changed: who has looked at labels has to look again. */
void avr_sort_labels(struct avr_program *program);

/* ---- avr_flow.c: what is code ---- */

/* The instruction at an address, AVR_INVALID where the image has none. */
struct avr_instruction avr_at(const struct avr_program *program, uint64_t address);

/* Where it goes, if it goes to an address that it names. Relative ones wrap at the end of flash on
 * parts of up to 8 KiB. */
uint64_t avr_target(const struct avr_program *program, uint64_t address,
                    const struct avr_instruction *instruction);

/* Where the one behind an instruction begins. */
uint64_t avr_after(const struct avr_program *program, uint64_t address);

/* A label of flash is just there. */
bool avr_has_label(const struct avr_program *program, uint64_t address);

bool avr_is(const struct avr_program *program, uint64_t address, unsigned marks);
void avr_mark(struct avr_program *program, uint64_t address, unsigned marks);

/* Control reaches this address: it and all that follows from it is code. */
void avr_reach(struct avr_program *program, uint64_t address);

/* All bytes are characters or 0. */
bool avr_is_text(const struct avr_program *program, uint64_t address, uint64_t end);

/* Whether what begins here could be code, and could not well be anything else. */
bool avr_looks_like_code(const struct avr_program *program, uint64_t address, uint64_t end);

/* Says where something reads as code that is none as far as is known. */
void avr_note_unreached(struct avr_program *program);

/* ---- avr_labels.c: what a label is of ---- */

/* By its address, as far as that tells. */
void avr_place_labels(struct avr_program *program);

/* What --extern names at an address of code, in bytes, or of RAM; NO_SYMBOL: nothing. */
size_t avr_extern_code(const struct avr_program *program, uint64_t address);
size_t avr_extern_ram(const struct avr_program *program, uint64_t address);

/* What use tells of those in doubt; true: something changed. */
bool avr_place_by_use(struct avr_program *program);

/* The rest of those in doubt, which nothing uses. */
void avr_place_others(struct avr_program *program);

/* Control or a pair reaches the symbol, or the user said what it is. */
bool avr_is_reached(const struct avr_program *program, size_t index);

/* Decides on labels that neither control nor a pointer reaches, up to the first that is code, which
 * is reached; false: there is none left. */
bool avr_guess_label(struct avr_program *program);

/* The end of RAM's symbols, unless the user said it. Says what is wrong with that. */
__attribute__((warn_unused_result)) enum tool_status avr_guess_data_end(
    struct avr_program *program);

/* ---- avr_track.c: what becomes of a pointer ---- */

/* Uses of the address whose bytes the registers `low` and `high` hold after the instruction before
 * `address`, or that was pushed by then. `kept` (NULL: no matter): where in RAM it is stored, else
 * unchanged. */
#define ON_STACK 32
unsigned avr_uses(const struct avr_program *program, uint64_t address, unsigned low, unsigned high,
                  uint16_t *kept);

/* ---- avr_kept.c: pointers that are kept in RAM ---- */

/* Remembers where the last pair is stored; who loads from there uses it. */
void avr_keep_pair(struct avr_program *program);

/* lds of a byte, and of the next one nearby: what becomes of them is a use of what is kept there.
 */
void avr_find_loads(struct avr_program *program, uint64_t address);

/* ---- avr_third.c: bits 16 to 23 ---- */

/* Of a pair that elpm, eijmp or eicall uses: which ldi has them, or, where none has, which they
 * must be. */
void avr_find_third(struct avr_program *program, struct pair *pair);

/* ---- avr_pairs.c: immediates that are addresses ---- */

/* Adds one whose bytes are in these registers from `follows` on; nothing, where it is doubtful and
 * has no use. */
void avr_add_pair(struct avr_program *program, struct pair pair, uint64_t follows, unsigned low,
                  unsigned high);

/* Adds those that --assume LOW,HIGH names. */
__attribute__((warn_unused_result)) enum tool_status avr_named_pairs(struct avr_program *program);

/* It was seen to be used so. */
void avr_use_pair(struct avr_program *program, struct pair *pair, unsigned uses);

/* Learns what can be learned from a pair whose uses are new. */
void avr_study_pair(struct avr_program *program, struct pair *pair);

/* Looks for pairs in the fresh code; what is surely a jump's target is reached. */
void avr_find_pairs(struct avr_program *program);

/* Where a label that nothing reaches is just what a pair without use would be the address of, it
 * is; true: there was one, and it is reached now. Of each pair this is asked once; where the label
 * does not read as what the pair takes it for, it waits. */
bool avr_adopt_label(struct avr_program *program);

/* The same of the pairs that wait for this label, which is code or not. */
bool avr_adopt_waiting(struct avr_program *program, size_t symbol, bool code);

/* Of the two instructions the first that is this pair's alone: what a guess is named by. */
uint64_t avr_pair_start(const struct pair *pair);

/* --assume or --never for a pair, or NULL. */
struct settlement *avr_pair_settlement(const struct avr_program *program, const struct pair *pair);

/* What a pair is the address of, and how sure that is; false: of nothing. */
bool avr_decide_pair(const struct avr_program *program, const struct pair *pair,
                     struct meaning *meaning, enum confidence *confidence);

/* ---- avr_shared.c: one high byte for several addresses ---- */

/* The last ldi of this register among the few instructions before; NOWHERE: none, or something else
 * is in it by now. */
uint64_t avr_find_before(const struct avr_program *program, uint64_t address, unsigned rd,
                         unsigned window);

/* ldi of a low byte alone, where the high one is still there from another pair. */
void avr_find_shared(struct avr_program *program, uint64_t address, unsigned rd);

/* True where the high byte, which is relocated for another address, stays right for this one: they
 * are of one section, whose alignment now keeps what shares a high byte together. */
bool avr_share(struct avr_program *program, const struct pair *pair, const struct meaning *meaning);

/* ---- avr_settle.c ---- */

/* Decides on each pair, and relocates those that are addresses. */
void avr_settle_pairs(struct avr_program *program);

/* ---- avr_meaning.c: numbers as addresses ---- */

/* What a value means, if it is an address; false: it can be none. `uses` says what it was seen to
 * be used for. */
bool avr_best_meaning(const struct avr_program *program, uint32_t value, unsigned uses,
                      struct meaning *meaning);

/* How sure that is, from what it was seen to be used for. */
enum confidence avr_confidence(const struct avr_program *program, const struct meaning *meaning,
                               unsigned uses);

/* "lpm reads it, icall jumps to it", or that nothing was seen. */
const char *avr_uses_text(unsigned uses);

/* The same for a symbol that the user names. */
bool avr_meaning_of(const struct avr_program *program, const char *name, uint32_t value,
                    enum units units, struct meaning *meaning);

/* The code symbol for an address in the image, or the section. */
struct meaning avr_code_meaning(const struct avr_program *program, uint64_t address);

/* The same for a pointer to bytes of flash as the part reads them; false: to none of the program.
 */
bool avr_flash_meaning(const struct avr_program *program, uint32_t value, struct meaning *meaning);

/* A relocation at this address with what the meaning says. */
void avr_relocate(struct avr_program *program, uint64_t address, unsigned kind,
                  const struct meaning *meaning);

/* The one at an address of RAM; symbol NO_SYMBOL: none has it. */
struct meaning avr_ram_meaning(const struct avr_program *program, uint64_t address);

/* "name", "name+0x3", "name as words" */
const char *avr_describe(const struct avr_program *program, const struct meaning *meaning);

/* --assume or --never for this address alone, or NULL. */
struct settlement *avr_settlement(const struct avr_program *program, uint64_t address);

/* ---- avr_tables.c: words between code that are addresses ---- */

/* Which words may be the address of which label. */
void avr_index_words(struct avr_program *program);

/* Words of tables that are surely jumped to are reached. */
void avr_reach_tables(struct avr_program *program);
void avr_settle_tables(struct avr_program *program);

/* ---- avr_relocate.c: what names its target itself ---- */

void avr_relocate_code(struct avr_program *program);

#endif
