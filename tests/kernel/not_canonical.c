/* Reads an address that no level of tables can reach. */
#include "run.h"

#include "attempt.h"

void run(void)
{
    attempt_read((const void *)(UINT64_C(0xdead) << 48));
    survived();
}
