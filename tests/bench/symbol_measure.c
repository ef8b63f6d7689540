/* Bytes and lookups of the tables of symbols: see symbol_cost.h. */
#include "symbol_cost.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define LOOKUPS 20000U
#define ROUNDS  40U

/* ---- the lookups ----------------------------------------------------------------------- */

void text_append(void *context, const char *bytes, size_t length)
{
    struct text *text = context;

    for (size_t i = 0; i < length && text->length < sizeof(text->at) - 1; i++)
        text->at[text->length++] = bytes[i];
}

bool find_ours(const struct subject *subject, uint64_t address, struct text *name, uint64_t *start)
{
    struct symbol symbol;

    name->length = 0;
    if (!symbol_table_find(&subject->table, address - subject->base, &symbol))
        return false;
    symbol_name_to(&subject->table, &symbol, text_append, name);
    name->at[name->length] = '\0';
    *start = subject->base + symbol.start;
    return true;
}

bool find_theirs(const struct subject *subject, uint64_t address, struct text *name,
                 uint64_t *start)
{
    uint64_t size;
    uint32_t number = kallsyms_find(subject->kallsyms, address, &size);

    name->length =
        kallsyms_spell(subject->kallsyms, kallsyms_position(subject->kallsyms, number), name->at);
    *start = kallsyms_address(subject->kallsyms, number);
    return true;
}

/* ---- measuring ------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* xorshift64* (Vigna 2016): the same addresses at each run. */
static uint64_t random_number(void)
{
    static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Each lies in a random symbol, all symbols alike. */
static void choose_addresses(const struct subject *subject, uint64_t *addresses)
{
    for (size_t i = 0; i < LOOKUPS; i++) {
        const struct linked_symbol *symbol =
            &subject->symbols.at[(random_number() >> 32) % subject->symbols.count];
        addresses[i] = subject->base + symbol->start + (random_number() >> 32) % symbol->size;
    }
}

static double seconds_of(const struct subject *subject, const uint64_t *addresses, lookup find)
{
    static struct text name;
    size_t found = 0;
    uint64_t start;
    double begin = now();

    for (size_t i = 0; i < LOOKUPS; i++)
        found += find(subject, addresses[i], &name, &start);
    double took = now() - begin;
    if (found != LOOKUPS)
        printf("%zu of %u addresses are in no symbol\n", LOOKUPS - found, LOOKUPS);
    return took;
}

static void print_speed(const char *whose, double seconds)
{
    printf("%-24s%10.0f lookups a second, %.0f ns each\n", whose, LOOKUPS / seconds,
           seconds * 1e9 / LOOKUPS);
}

/* By turns, so that what else the machine does meets both; the best round of each counts. */
void print_lookups(const struct subject *subject)
{
    static uint64_t addresses[LOOKUPS];
    double ours = 1e9, theirs = 1e9;

    choose_addresses(subject, addresses);
    for (unsigned round = 0; round < ROUNDS; round++) {
        double took = seconds_of(subject, addresses, find_ours);
        ours = took < ours ? took : ours;
        took = subject->kallsyms ? seconds_of(subject, addresses, find_theirs) : theirs;
        theirs = took < theirs ? took : theirs;
    }
    print_speed("Bestla", ours);
    if (subject->kallsyms) {
        print_speed("kallsyms", theirs);
        printf("Bestla's are %.2f times as many.\n", theirs / ours);
    }
}

/* ---- bytes ----------------------------------------------------------------------------- */

static uint64_t print_part(const char *what, uint64_t bytes, uint64_t symbols)
{
    printf("  %-22s%10" PRIu64 "%8.2f\n", what, bytes, (double)bytes / (double)symbols);
    return bytes;
}

static void print_ours(const struct symbol_table *table)
{
    const struct symbol_table_header *header = table->header;
    uint64_t n = header->symbols;
    uint64_t blocks = (header->pieces + SYMBOL_BLOCK - 1) / SYMBOL_BLOCK;

    printf("Bestla                       bytes  a symbol\n");
    uint64_t all = print_part("header", sizeof(*header), n);
    all += print_part("index", blocks * sizeof(struct symbol_block), n);
    all += print_part("literals and pairs", table->literal_count + 2 * table->pair_count, n);
    all += print_part("pieces", header->line_stream - header->piece_stream, n);
    print_part("in all", all, n);
}

static void print_theirs(const struct kallsyms *table)
{
    uint64_t n = table->count;

    printf("kallsyms                     bytes  a symbol\n");
    uint64_t all = print_part("offsets", 4 * n, n);
    all += print_part("names", table->names_size, n);
    all += print_part("markers", (n + 255) / 256 * 4, n);
    all += print_part("token table", table->token_table_size, n);
    all += print_part("token index", 512, n);
    print_part("in all", all, n);
    if (table->by_name) {
        all += print_part("to look up by name", 3 * n, n);
        print_part("with that", all, n);
    }
}

void print_bytes(const struct subject *subject)
{
    print_ours(&subject->table);
    if (subject->kallsyms)
        print_theirs(subject->kallsyms);
}
