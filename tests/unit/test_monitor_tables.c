/* kernel/monitor/tables.c, stopped on order: `find` says from where on nothing was looked at. */
/* links: kernel/monitor/tables.c kernel/monitor/stop.c */
/* links: tests/unit/fake_log.c tests/unit/fake_memory.c */
#include <stdlib.h>
#include <string.h>

#include "page_fixture.h"

#include "audit.h"
#include "commands.h"
#include "fake_log.h"
#include "input.h"
#include "loaded_tables.h"
#include "page_fault.h"
#include "page_map.h"
#include "stop.h"
#include "symbols.h"
#include "x86_cpu.h"

#define NEVER SIZE_MAX

/* ---- the kernel around it -------------------------------------------------------------------- */

static struct fixture fixture;
static size_t looks_left; /* before ^C comes */
static uint64_t wanted;

static bool is_ram(phys_addr_t table)
{
    (void)table;
    return true;
}

struct pt_space loaded_tables(void)
{
    struct pt_space space = fixture.space;

    space.can_read = is_ram;
    return space;
}

bool input_interrupted(void)
{
    return looks_left != NEVER && looks_left-- == 0;
}

bool typed_number(struct text word, uint64_t *number)
{
    (void)word;
    *number = wanted;
    return true;
}

bool typed_address(struct text word, virt_addr_t *address)
{
    (void)word, (void)address;
    return false;
}

bool typed_range(struct text word, struct virt_range *range)
{
    (void)word, (void)range;
    return false;
}

bool symbol_lookup(virt_addr_t address, struct symbol *symbol)
{
    (void)address, (void)symbol;
    return false;
}

void symbol_print(virt_addr_t address)
{
    (void)address;
}

void address_describe(virt_addr_t address)
{
    (void)address;
}

void address_print_walk(virt_addr_t address)
{
    (void)address;
}

uint64_t read_cr0(void)
{
    return 0;
}

uint64_t read_cr4(void)
{
    return 0;
}

const char *page_memory_type(unsigned pat)
{
    (void)pat;
    return "WB";
}

virt_addr_t page_map_print(const struct pt_space *space, page_map_stop stop)
{
    (void)space, (void)stop;
    return virt(0);
}

virt_addr_t page_map_print_range(const struct pt_space *space, struct virt_range range,
                                 page_map_stop stop)
{
    (void)space, (void)stop;
    return range.start;
}

size_t audit_check(bool (*can_read)(phys_addr_t table), size_t *checked)
{
    (void)can_read;
    *checked = 0;
    return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

#define TABLES UINT64_C(100) /* each with one page, in the first 2 MiB of its GiB */

/* Behind the tables a page that is seen without one. */
static void open_tables(void)
{
    open_fixture(&fixture, PT_LEVEL_PML4);
    for (uint64_t i = 0; i < TABLES; i++)
        assert_int_equal(pt_map(&fixture.space, virt_range(i * GIB_1, MIB_2), phys(i * MIB_2),
                                read_write, PT_LEVEL_PD),
                         PT_OK);
    assert_int_equal(pt_map(&fixture.space, virt_range(2 * TABLES * GIB_1, GIB_1),
                            phys(2 * TABLES * GIB_1), read_write, PT_LEVEL_PDPT),
                     PT_OK);
}

static void find(uint64_t phys, size_t looks)
{
    static const struct text words[1];

    wanted = phys;
    looks_left = looks;
    fake_log_clear();
    stop_begin();
    command_find(words, 1);
}

/* A page behind tables that were not looked into says nothing of them. */
static void test_find_stopped_at_a_table(void **state)
{
    static const char said[] = "^C\n  stopped: not looked at is what lies from 0x";

    (void)state;
    open_tables();
    find(TABLES * GIB_1, 0);
    assert_memory_equal(fake_log, said, strlen(said));
    uint64_t from = strtoull(fake_log + strlen(said), NULL, 16);
    assert_int_equal(from % GIB_1, MIB_2);
    assert_true(from < TABLES * GIB_1);
    close_fixture(&fixture);
}

static void test_find_stopped_at_a_line(void **state)
{
    (void)state;
    open_tables();
    assert_int_equal(
        pt_map(&fixture.space, virt_range(GIB_1 + MIB_2, MIB_2), phys(0), read_write, PT_LEVEL_PD),
        PT_OK);
    find(KIB_4, 1);
    assert_string_equal(fake_log, "  0x0000000000001000  RW- WB, page of 2 MiB\n^C\n"
                                  "  stopped: not looked at is what lies from "
                                  "0x0000000040200000 on\n");
    close_fixture(&fixture);
}

static void test_find_not_stopped(void **state)
{
    (void)state;
    open_tables();
    find(2 * TABLES * GIB_1 + KIB_4, NEVER);
    assert_string_equal(fake_log, "  0x0000003200001000  RW- WB, page of 1 GiB\n");
    find(TABLES * GIB_1, NEVER);
    assert_string_equal(fake_log, "  no address leads to physical 0x1900000000\n");
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_stopped_at_a_table),
        cmocka_unit_test(test_find_stopped_at_a_line),
        cmocka_unit_test(test_find_not_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
