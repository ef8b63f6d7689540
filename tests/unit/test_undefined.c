/* links: tests/unit/undefined_acts.c */
/* kernel/diagnosis/ubsan.c: what it says of each thing in undefined_acts.c. That object file
 * holds both, and the kernel's handlers are seen by it alone: all else here calls libubsan's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "panic.h"
#include "undefined_acts.h"

#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNNOTICED 3 /* the exit status after an act that went well */

#define PLACE "undefined behaviour at tests/unit/undefined_acts.c:"

/* In the process that does the act: where panic() writes. */
static int told;

void panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vdprintf(told, format, args);
    va_end(args);
    _exit(0);
}

/* Does it in a process of its own, which must die of it; the wait status. */
static int act(void (*run)(void), char text[static 512])
{
    int pipes[2], status;
    pid_t child;
    ssize_t length;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka's would go on with the next test */
        told = pipes[1];
        run();
        _exit(UNNOTICED);
    }
    close(pipes[1]);
    length = read(pipes[0], text, 511);
    assert_true(length >= 0);
    text[length] = '\0';
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void check(const struct undefined_act *row)
{
    char text[512], *end;
    int status = act(row->run, text);

    if (!row->told && status == UNNOTICED << 8)
        return;
    if (status != 0 || strncmp(text, PLACE, strlen(PLACE)) != 0)
        fail_msg("line %u: status 0x%x, \"%s\"", row->line, (unsigned)status, text);
    unsigned long line = strtoul(text + strlen(PLACE), &end, 10);
    unsigned long column = strtoul(end + 1, &end, 10);
    if (line != row->line || column == 0 || column > 100 || strncmp(end, ": ", 2) != 0 ||
        fnmatch(row->message, end + 2, 0) != 0)
        fail_msg("line %u: \"%s\", expected \"%s\"", row->line, text, row->message);
}

static void every_act_is_told(void **state)
{
    (void)state;

    for (size_t i = 0; i < undefined_acts_count; i++)
        check(&undefined_acts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_act_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
