/* Symbols: by address, by name, as completions, and as addresses that are typed. */
#include "commands.h"

#include "backtrace.h"
#include "log.h"
#include "page_fault.h"
#include "panic.h"
#include "symbols.h"

#define NAME_MAX 128 /* what is longer cannot be typed */

/* ---- by name --------------------------------------------------------------------------- */

struct search {
    struct text name;
    bool print;
    size_t count;
    virt_addr_t first;
};

static bool match(void *context, const struct symbol *symbol)
{
    struct search *search = context;
    char name[NAME_MAX];

    if (symbol_name(symbol, name, sizeof(name)) != search->name.length ||
        !text_equal(text_of(name), search->name))
        return true;
    if (search->count++ == 0)
        search->first = symbol_start(symbol);
    if (search->print) {
        log_raw("  0x%016lx", symbol_start(symbol).raw);
        symbol_print(symbol_start(symbol));
        log_raw(", %s of 0x%x bytes\n", symbol->object ? "data" : "code", symbol->size);
    }
    return true;
}

static size_t find_name(struct text name, uint64_t *address)
{
    struct search search = {.name = name};

    symbols_visit(match, &search);
    *address = search.first.raw;
    return search.count;
}

static bool offer(void *context, const struct symbol *symbol)
{
    char name[NAME_MAX];

    if (symbol_name(symbol, name, sizeof(name)) < sizeof(name))
        line_completion_add(context, text_of(name));
    return true;
}

void names_complete(struct line_completion *completion)
{
    symbols_visit(offer, completion);
}

/* ---- what is typed --------------------------------------------------------------------- */

static bool good(struct text word, enum parse_status status)
{
    if (status != PARSE_OK)
        log_raw("%.*s: %s\n", TEXT_ARG(word), parse_status_text(status));
    return status == PARSE_OK;
}

bool typed_number(struct text word, uint64_t *number)
{
    return good(word, parse_number(word, number));
}

bool typed_address(struct text word, virt_addr_t *address)
{
    return good(word, parse_address(word, find_name, &address->raw));
}

bool typed_range(struct text word, struct virt_range *range)
{
    return good(word, parse_range(word, find_name, range));
}

/* ---- the commands ---------------------------------------------------------------------- */

void command_sym(const struct text *words, size_t count)
{
    struct search search = {.name = words[0], .print = true};
    virt_addr_t address;
    struct symbol symbol;

    (void)count;
    symbols_visit(match, &search);
    if (search.count != 0 || !typed_address(words[0], &address))
        return;
    log_raw("  0x%016lx", address.raw);
    if (symbol_lookup(address, &symbol)) {
        symbol_print(address);
        log_raw("\n");
        return;
    }
    log_raw(" is in no symbol\n");
    address_describe(address);
}

void command_bt(const struct text *words, size_t count)
{
    struct registers here = registers_of_caller();

    (void)words, (void)count;
    backtrace_print(&here);
}
