/* What symbol_cost.c prepares and symbol_measure.c measures. */
#ifndef BESTLA_BENCH_SYMBOL_COST_H
#define BESTLA_BENCH_SYMBOL_COST_H

#include "ksyms/ksyms.h"
#include "symbol_kallsyms.h"
#include "symbol_table.h"

struct subject {
    struct symbol_table table;
    uint64_t base;                   /* what its offsets count from */
    struct symbol_list symbols;      /* in the table's order; one at least */
    const struct kallsyms *kallsyms; /* NULL: there is none */
};

struct text {
    char at[KALLSYMS_NAME_ROOM];
    size_t length;
};

/* A format_sink that keeps what fits; the context is a struct text. */
void text_append(void *context, const char *bytes, size_t length);

/* The name of the symbol that an address lies in, and where it starts; false: it is in none. */
typedef bool (*lookup)(const struct subject *subject, uint64_t address, struct text *name,
                       uint64_t *start);
bool find_ours(const struct subject *subject, uint64_t address, struct text *name, uint64_t *start);
bool find_theirs(const struct subject *subject, uint64_t address, struct text *name,
                 uint64_t *start);

/* Bytes and lookups a second of both tables, to standard output. */
void print_bytes(const struct subject *subject);
void print_lookups(const struct subject *subject);

#endif
