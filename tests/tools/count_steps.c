/* How many basic blocks a program enters: the compiler puts a call into each
 * (-fsanitize-coverage=trace-pc), and the sum goes to stderr at the end. It does not depend on how
 * busy the machine is, so a test can say how work grows with input. This file is compiled without
 * the option. */
#include <stdio.h>

void __sanitizer_cov_trace_pc(void);

static unsigned long long steps;

void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

__attribute__((destructor)) static void say(void)
{
    fprintf(stderr, "steps: %llu\n", steps);
}
