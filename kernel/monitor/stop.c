/* See stop.h. */
#include "stop.h"

#include "input.h"
#include "loaded_tables.h"
#include "log.h"

/* To read a table takes a microsecond or two, to look for a key in a guest ten: so few tables that
 * nobody notices the wait, so many that nobody notices the looks. */
#define TABLES_A_LOOK 64U

static bool came;
static unsigned tables;

void stop_begin(void)
{
    came = false;
}

bool stop_look(void)
{
    if (came || !input_interrupted())
        return came;
    came = true;
    log_raw("^C\n");
    return true;
}

bool stop_came(void)
{
    return came;
}

bool stop_can_read(phys_addr_t table)
{
    (void)table;
    return !(++tables % TABLES_A_LOOK == 0 ? stop_look() : came);
}

static bool (*loaded_can_read)(phys_addr_t table);

static bool can_read(phys_addr_t table)
{
    return stop_can_read(table) && loaded_can_read(table);
}

struct pt_space stop_tables(void)
{
    struct pt_space space = loaded_tables();

    loaded_can_read = space.can_read;
    space.can_read = can_read;
    return space;
}
