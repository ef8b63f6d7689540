/* The table in a kernel, read with the kernel's own reader. */
#include "ksyms.h"
#include "symbol_table.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum tool_status open_table(const struct elf_file *kernel, struct symbol_table *table)
{
    struct elf_section section;

    if (!elf_file_section(kernel, PLACEHOLDER, &section) || section.type == SHT_NOBITS)
        return complain(TOOL_NO_PLACEHOLDER, "%s: no section " PLACEHOLDER, kernel->path);
    /* In the file it need not be aligned. */
    const uint8_t *bytes = kernel->bytes + section.offset;
    if ((uintptr_t)bytes % _Alignof(struct symbol_table_header) != 0)
        return complain(TOOL_NO_TABLE, "%s: " PLACEHOLDER " is not aligned to 4", kernel->path);
    enum symbol_table_status status = symbol_table_open(bytes, section.size, table);
    if (status != SYMBOL_TABLE_OK)
        return complain(TOOL_NO_TABLE, "%s: " PLACEHOLDER ": the table is %s", kernel->path,
                        symbol_table_status_text(status));
    return TOOL_OK;
}

static void print(void *context, const char *text, size_t length)
{
    (void)context;
    fwrite(text, 1, length, stdout);
}

static bool list_one(void *context, const struct symbol *symbol)
{
    const struct symbol_table *table = context;

    printf("0x%08" PRIx32 " 0x%" PRIx32 " %s ", symbol->start, symbol->size,
           symbol->object ? "object" : "function");
    symbol_name_to(table, symbol, print, NULL);
    if (symbol->file) {
        putchar(' ');
        symbol_file_to(table, symbol->file - 1, print, NULL);
    }
    putchar('\n');
    return true;
}

static enum tool_status flush(void)
{
    if (fflush(stdout) == 0)
        return TOOL_OK;
    return complain(TOOL_WRITE_FAILED, "standard output: %m");
}

enum tool_status list_table(const struct elf_file *kernel)
{
    struct symbol_table table;
    enum tool_status status = open_table(kernel, &table);

    if (status != TOOL_OK)
        return status;
    symbol_table_visit(&table, list_one, &table);
    return flush();
}

/* NAME+0xOFFSET (FILE:LINE), with ? for what is not known. */
static void print_place(const struct symbol_table *table, uint64_t offset)
{
    struct source_line line;
    struct symbol symbol;

    if (symbol_table_find(table, offset, &symbol)) {
        symbol_name_to(table, &symbol, print, NULL);
        printf("+0x%" PRIx64 " (", offset - symbol.start);
    } else {
        printf("? (");
    }
    if (symbol_table_line(table, offset, &line)) {
        symbol_file_to(table, line.file, print, NULL);
        printf(":%" PRIu32 ")\n", line.line);
    } else {
        printf("?)\n");
    }
}

static enum tool_status look_up_word(const struct symbol_table *table, uint64_t base,
                                     const char *word)
{
    char *end;

    errno = 0;
    uint64_t address = strtoull(word, &end, 16);
    if (errno || !isxdigit((unsigned char)*word) || (*end && *end != '\n'))
        return complain(TOOL_USAGE, "not an address in hexadecimal: %.*s", (int)strcspn(word, "\n"),
                        word);
    print_place(table, address - base);
    return TOOL_OK;
}

enum tool_status look_up(const struct elf_file *kernel, char **words, int count)
{
    struct symbol_table table;
    enum tool_status status = open_table(kernel, &table);
    char *line = NULL;
    size_t room = 0;

    for (int i = 0; i < count && status == TOOL_OK; i++)
        status = look_up_word(&table, kernel->base, words[i]);
    while (count == 0 && status == TOOL_OK && getline(&line, &room, stdin) > 0)
        status = look_up_word(&table, kernel->base, line);
    free(line);
    if (count == 0 && ferror(stdin))
        return complain(TOOL_UNREADABLE, "standard input: %s", strerror(errno));
    return status == TOOL_OK ? flush() : status;
}
