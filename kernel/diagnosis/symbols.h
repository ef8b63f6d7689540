/* Names and source lines for addresses of the image, from the table that tools/ksyms wrote into
 * it. Without a good table every lookup says "not found" and addresses are printed bare. All of
 * it is usable in any context, a panic too: nothing is allocated, and only the image is read. */
#ifndef BESTLA_KERNEL_SYMBOLS_H
#define BESTLA_KERNEL_SYMBOLS_H

#include "addr.h"
#include "symbol_table.h"

/* Logs what the table holds, or what is wrong with it. */
void symbols_report(void);

/* The symbol that an address lies in; its `start` is an offset from the image's base. False: in
 * none, or there is no good table. O(log n), but for the first call of all, which sums the
 * table up. */
bool symbol_lookup(virt_addr_t address, struct symbol *symbol);

/* The same, or the last symbol before an address of the image that lies in none. */
bool symbol_nearest(virt_addr_t address, struct symbol *symbol);

/* Every symbol once, in ascending order, until `visit` returns false; none without a good table. */
void symbols_visit(symbol_visitor visit, void *context);

/* Writes a symbol's name, cut to `size` bytes with its NUL. Returns the length it has. */
size_t symbol_name(const struct symbol *symbol, char *buffer, size_t size);

/* Where a symbol starts. */
virt_addr_t symbol_start(const struct symbol *symbol);

/* Prints its name. */
void symbol_print_name(const struct symbol *symbol);

/* Prints ` name+0x14 (kernel/mm/probe.c:41)`, the blank before it too: of an instruction, or of a
 * return address, whose call ends where it points and so belongs to the byte before it. A data
 * symbol gets no line; one that shares its name gets its file. What is not known is left out, for
 * an address in no symbol all of it. */
void symbol_print(virt_addr_t address);
void symbol_print_return(virt_addr_t address);

#endif
