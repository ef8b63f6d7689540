/* ^C while a command runs. A command whose output or whose way through the tables may be long asks
 * before each line, or each table; once ^C has come the answer stays the same until the next
 * command, so that whatever is under way comes to its end, and the command says how far it got. */
#ifndef BESTLA_MONITOR_STOP_H
#define BESTLA_MONITOR_STOP_H

#include "page_table.h"

/* A command begins: no ^C has come. */
void stop_begin(void);

/* Has ^C come? Looks (input_interrupted of input.h) and echoes it, at the beginning of a line. */
bool stop_look(void);

/* Has it come, as far as anybody has looked? */
bool stop_came(void);

/* The tables that are loaded, none of which can be read any more once ^C has come: every walk then
 * ends, after as many entries as the tables above have. Of one user at a time. */
struct pt_space stop_tables(void);

/* The same as can_read of struct pt_space, of tables that can be read. */
bool stop_can_read(phys_addr_t table);

#endif
