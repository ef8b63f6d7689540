/* Executes its own data. */
#include "run.h"

#include "attempt.h"

static uint8_t data[] = {0xc3}; /* ret */

void run(void)
{
    attempt_call(data);
    survived();
}
