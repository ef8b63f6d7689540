/* kernel/monitor/memory.c, stopped on order: `x` and `mem` print whole lines up to where ^C comes,
 * and say what they have not shown. */
/* links: kernel/monitor/memory.c tests/unit/fake_log.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "cpu.h"
#include "fake_log.h"
#include "frames.h"
#include "handoff.h"
#include "loaded_tables.h"
#include "stop.h"

#define NEVER  SIZE_MAX
#define RANGES 5U

/* ---- the kernel around it -------------------------------------------------------------------- */

static const uint8_t bytes[160] = "the bytes that are looked at";
static uint64_t asked_for = sizeof(bytes);
static size_t lines_left;
static struct memory_range ranges[RANGES];

struct memory_map kernel_memory = {ranges, RANGES, RANGES};
struct frame_allocator kernel_frames;

struct pt_space loaded_tables(void)
{
    return (struct pt_space){0};
}

bool loaded_tables_map(const struct pt_space *space, struct virt_range range)
{
    (void)space;
    return range.start.raw - (uintptr_t)bytes < sizeof(bytes);
}

void exception_handle(enum vector vector, exception_handler handler)
{
    (void)vector, (void)handler;
}

bool typed_address(struct text word, virt_addr_t *address)
{
    (void)word;
    address->raw = (uintptr_t)bytes;
    return true;
}

bool typed_number(struct text word, uint64_t *number)
{
    (void)word;
    *number = asked_for;
    return true;
}

bool stop_came(void)
{
    return lines_left == 0;
}

bool stop_look(void)
{
    if (lines_left != 0 && lines_left != NEVER)
        lines_left--;
    return stop_came();
}

/* ---- tests ----------------------------------------------------------------------------------- */

static size_t lines_said(void)
{
    size_t count = 0;

    for (const char *at = fake_log; *at != '\0'; at++)
        count += *at == '\n';
    return count;
}

static const char *last_line(void)
{
    const char *end = fake_log + strlen(fake_log) - 1;

    while (end > fake_log && end[-1] != '\n')
        end--;
    return end;
}

static void run(command_function command, size_t rows)
{
    static const struct text words[2];

    fake_log_clear();
    lines_left = rows == NEVER ? NEVER : rows + 1;
    command(words, 2);
}

static void test_x(void **state)
{
    (void)state;
    run(command_x, NEVER);
    assert_int_equal(lines_said(), sizeof(bytes) / 16);
    assert_null(strstr(fake_log, "stopped"));
    for (size_t rows = 0; rows < sizeof(bytes) / 16; rows++) {
        char expected[100];
        run(command_x, rows);
        assert_int_equal(lines_said(), rows + 1);
        format_text(expected, sizeof(expected),
                    "  stopped: not shown is what lies from 0x%016lx on\n",
                    (uintptr_t)bytes + 16 * rows);
        assert_string_equal(last_line(), expected);
    }
}

static void test_mem(void **state)
{
    (void)state;
    for (size_t i = 0; i < RANGES; i++)
        ranges[i] = (struct memory_range){i << 20, 1 << 20, MEMORY_USABLE + i % 2, 0};
    run(command_mem, NEVER);
    assert_non_null(strstr(fake_log, "by type:"));
    assert_null(strstr(fake_log, "stopped"));
    for (size_t rows = 0; rows < RANGES; rows++) {
        run(command_mem, rows);
        assert_int_equal(lines_said(), rows + 1);
        assert_string_equal(last_line(), "  stopped: not all ranges are shown\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x),
        cmocka_unit_test(test_mem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
