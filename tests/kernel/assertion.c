/* Asserts what is not so. */
#include "run.h"

#include "assert_that.h"

static volatile uint64_t counted = 5;
static volatile int64_t change = -2;

void run(void)
{
    assert_that(counted, ==, UINT64_C(5));
    assert_that(change, <, INT64_C(0));
    assert_that(counted, <=, UINT64_C(3));
    panic("survived");
}
