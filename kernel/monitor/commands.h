/* The monitor's commands. Each gets the words behind its name, as many as its row of the table in
 * monitor.c allows; it prints, and returns. None may fault, whatever the words are. */
#ifndef BESTLA_MONITOR_COMMANDS_H
#define BESTLA_MONITOR_COMMANDS_H

#include "line.h"
#include "parse.h"

typedef void (*command_function)(const struct text *words, size_t count);

/* tables.c: what the page tables say. */
void command_map(const struct text *words, size_t count);
void command_walk(const struct text *words, size_t count);
void command_find(const struct text *words, size_t count);
void command_audit(const struct text *words, size_t count);

/* memory.c */
void command_mem(const struct text *words, size_t count);
void command_x(const struct text *words, size_t count);

/* dump.c: the tables themselves, for the reader in scripts/gdb/bestla. */
void command_dump(const struct text *words, size_t count);

/* names.c: symbols, and what is typed for addresses. */
void command_sym(const struct text *words, size_t count);
void command_bt(const struct text *words, size_t count);

/* processor.c */
void command_cpu(const struct text *words, size_t count);

/* machine.c */
void command_acpi(const struct text *words, size_t count);
void command_boot(const struct text *words, size_t count);
void command_poweroff(const struct text *words, size_t count);
void command_reboot(const struct text *words, size_t count);

/* fault.c */
void command_fault(const struct text *words, size_t count);
void fault_complete(struct line_completion *completion);

/* names.c: what was typed, as an address or a range; false when it is none, which has then been
 * said. A symbol's name stands for its address. */
bool typed_number(struct text word, uint64_t *number);
bool typed_address(struct text word, virt_addr_t *address);
bool typed_range(struct text word, struct virt_range *range);

/* All symbols, as completions. */
void names_complete(struct line_completion *completion);

/* monitor.c: the time stamp counter when the first prompt was due. */
uint64_t monitor_started(void);

/* monitor.c: asks for y or n, and waits for either; ^C and ^D mean n. */
bool monitor_ask(const char *question);

#endif
