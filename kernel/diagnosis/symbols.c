/* See symbols.h. */
#include "symbols.h"

#include "log.h"

extern const char image_start[], image_end[];
extern const char symbols_start[], symbols_end[];

static struct {
    bool opened;
    enum symbol_table_status status;
    struct symbol_table table;
} symbols;

/* At the first use, for that may be a panic on the kernel's first line. */
static const struct symbol_table *table(void)
{
    if (!symbols.opened) {
        symbols.status = symbol_table_open(symbols_start, (uint64_t)(symbols_end - symbols_start),
                                           &symbols.table);
        symbols.opened = true;
    }
    return symbols.status == SYMBOL_TABLE_OK ? &symbols.table : NULL;
}

void symbols_report(void)
{
    const struct symbol_table *good = table();

    if (good == NULL)
        log_warning("symbols", "the table is %s: addresses will stand without names",
                    symbol_table_status_text(symbols.status));
    else
        log_info("symbols", "%u symbols, %u line records, %u bytes", good->header->symbols,
                 good->header->lines, good->header->size);
}

static bool offset_of(virt_addr_t address, uint64_t *offset)
{
    *offset = address.raw - virt_of(image_start).raw;
    return address.raw - virt_of(image_start).raw < (uint64_t)(image_end - image_start);
}

bool symbol_lookup(virt_addr_t address, struct symbol *symbol)
{
    uint64_t offset;

    return offset_of(address, &offset) && table() != NULL &&
           symbol_table_find(table(), offset, symbol);
}

bool symbol_nearest(virt_addr_t address, struct symbol *symbol)
{
    uint64_t offset;

    return offset_of(address, &offset) && table() != NULL &&
           symbol_table_nearest(table(), offset, symbol);
}

void symbols_visit(symbol_visitor visit, void *context)
{
    if (table() != NULL)
        symbol_table_visit(table(), visit, context);
}

struct name_buffer {
    char *text;
    size_t size, length; /* the length may pass the size */
};

static void add_to_name(void *context, const char *text, size_t length)
{
    struct name_buffer *name = context;

    for (size_t i = 0; i < length; i++, name->length++) {
        if (name->length + 1 < name->size)
            name->text[name->length] = text[i];
    }
}

size_t symbol_name(const struct symbol *symbol, char *buffer, size_t size)
{
    struct name_buffer name = {buffer, size, 0};

    symbol_name_to(table(), symbol, add_to_name, &name);
    buffer[min_u64(name.length, size - 1)] = '\0';
    return name.length;
}

virt_addr_t symbol_start(const struct symbol *symbol)
{
    return virt(virt_of(image_start).raw + symbol->start);
}

void symbol_print_name(const struct symbol *symbol)
{
    symbol_name_to(table(), symbol, log_sink, NULL);
}

static void print_line(virt_addr_t code)
{
    struct source_line line;
    uint64_t offset;

    if (!offset_of(code, &offset) || !symbol_table_line(table(), offset, &line))
        return;
    log_raw(" (");
    symbol_file_to(table(), line.file, log_sink, NULL);
    log_raw(":%u)", line.line);
}

static void print(virt_addr_t address, virt_addr_t code)
{
    struct symbol symbol;

    if (!symbol_lookup(code, &symbol))
        return;
    log_raw(" ");
    symbol_print_name(&symbol);
    log_raw("+0x%lx", address.raw - symbol_start(&symbol).raw);
    if (!symbol.object) {
        print_line(code);
    } else if (symbol.file != 0) {
        log_raw(" (");
        symbol_file_to(table(), symbol.file - 1, log_sink, NULL);
        log_raw(")");
    }
}

void symbol_print(virt_addr_t address)
{
    print(address, address);
}

void symbol_print_return(virt_addr_t address)
{
    print(address, virt(address.raw - 1));
}
