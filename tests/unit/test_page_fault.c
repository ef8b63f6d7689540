/* links: kernel/diagnosis/page_fault.c kernel/image.c tests/unit/kernel_image_sample.c */
/* links: tests/unit/fake_memory.c tests/unit/fake_log.c */
/* kernel/diagnosis/page_fault.c: for error codes and tables of every kind the line that says what
 * was tried, the entries, and the line that says why not. */
#include "page_fixture.h"

#include <stdio.h>
#include <string.h>

#include "fake_log.h"
#include "kernel_image_sample.h"
#include "page_fault.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* ---- the tables ------------------------------------------------------------------------ */

static struct fixture fixture;

#define PAGE         UINT64_C(0xffffc90000203000)
#define PHYS_BITS    40
#define RESERVED_BIT (UINT64_C(1) << 45)

static bool is_ram(phys_addr_t frame)
{
    return frame.raw - FAKE_BASE < FAKE_FRAMES * KIB_4;
}

static int open_tables(void **state)
{
    (void)state;
    open_fixture(&fixture, PT_LEVEL_PML4);
    fixture.space.features.phys_bits = PHYS_BITS;
    image_sample_open();
    fake_log_clear();
    return 0;
}

static int close_tables(void **state)
{
    (void)state;
    fixture.space.features = (struct pt_features){true, true, 52};
    close_fixture(&fixture);
    return 0;
}

/* What the CPU is on from now on: the fixture as it is. */
static void load(void)
{
    sample_tables = fixture.space;
    sample_tables.can_read = is_ram;
}

/* Maps PAGE as read_write, changes an entry of each level, and asks about an access of 8 bytes
 * into it. */
struct tables {
    uint64_t flip[PT_STEPS_MAX]; /* by level; 0 is not one */
};

#define P ENTRY_PRESENT
#define W ENTRY_WRITE
#define U ENTRY_USER
#define X ENTRY_NO_EXECUTE /* flipped in the leaf: may be executed */

static void explain(uint64_t error, const struct tables *tables, const char *last)
{
    struct pt_step steps[PT_STEPS_MAX];

    assert_int_equal(
        pt_map(&fixture.space, virt_range(PAGE, KIB_4), phys(0x5000), read_write, PT_LEVEL_PT),
        PT_OK);
    assert_int_equal(pt_walk(&fixture.space, virt(PAGE), steps), 4);
    for (size_t i = 0; i < 4; i++)
        *(uint64_t *)(steps[i].at.raw + fixture.space.phys_to_virt) ^= tables->flip[steps[i].level];
    fake_log_clear();
    load();
    page_fault_explain(error, virt(PAGE + 8));
    for (size_t i = 0; i < 4; i++)
        *(uint64_t *)(steps[i].at.raw + fixture.space.phys_to_virt) = steps[i].entry;
    assert_int_equal(pt_unmap(&fixture.space, virt_range(PAGE, KIB_4)), PT_OK);

    const char *end = strrchr(fake_log, '\n');
    assert_non_null(end);
    assert_int_equal(end[1], '\0');
    while (end > fake_log && end[-1] != '\n')
        end--;
    char line[256];
    snprintf(line, sizeof(line), "  %s\n", last);
    assert_string_equal(end, line);
}

struct row {
    uint64_t error; /* SDM Vol. 3A, 4.7 */
    struct tables tables;
    const char *last;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        explain(rows[i].error, &rows[i].tables, rows[i].last);
}

#define NOTHING "missing: nothing now; the entries were others when the CPU read them"

/* ---- who forbade it -------------------------------------------------------------------- */

static void rights(void **state)
{
    static const struct row rows[] = {
        {0x3, {{0, W}}, "missing: the right to write, which the PT entry withholds"},
        {0x3, {{0, 0, W}}, "missing: the right to write, which the PD entry withholds"},
        {0x3, {{0, W, 0, W}}, "missing: the right to write, which the PDPT entry withholds"},
        {0x3, {{0, W, W, W, W}}, "missing: the right to write, which the PML4 entry withholds"},
        {0x11, {{0}}, "missing: the right to execute, which the PT entry withholds"},
        {0x11, {{0, X, X}}, "missing: the right to execute, which the PD entry withholds"},
        {0x11, {{0, 0, 0, 0, X}}, "missing: the right to execute, which the PML4 entry withholds"},
        {0x5, {{0}}, "missing: the user bit, which the PML4 entry has not"},
        {0x7, {{0, U, 0, U, U}}, "missing: the user bit, which the PD entry has not"},
        {0x15, {{0, 0, U, U, U}}, "missing: the user bit, which the PT entry has not"},
        {0x7, {{0, U | W, U, U, U}}, "missing: the right to write, which the PT entry withholds"},
        {0x15, {{0, U, U, U, U}}, "missing: the right to execute, which the PT entry withholds"},
        {0x1, {{0}}, NOTHING},
        {0x3, {{0}}, NOTHING},
        {0x0, {{0}}, NOTHING},
        {0x1, {{0, W}}, NOTHING},
        {0x11, {{0, X}}, NOTHING},
        {0x5, {{0, U, U, U, U}}, NOTHING},
        {0x7, {{0, U, U, U, U}}, NOTHING},
    };
    (void)state;
    check_rows(rows, ROWS(rows));
}

static void user_pages_and_keys(void **state)
{
    static const struct row rows[] = {
        {0x1, {{0, U, U, U, U}}, "wrong: a user page, from which SMAP keeps the kernel"},
        {0x3, {{0, U, U, U, U}}, "wrong: a user page, from which SMAP keeps the kernel"},
        {0x11, {{0, U | X, U, U, U}}, "wrong: a user page, from which SMEP keeps the kernel"},
        {0x1, {{0, U, U, U, 0}}, NOTHING},
        {0x3, {{0, U | W, U, U, U}}, "missing: the right to write, which the PT entry withholds"},
        {0x21,
         {{0, U, U, U, U}},
         "missing: the leaf's protection key (bits 62:59) allows no such access"},
        {0x25,
         {{0, U | UINT64_C(5) << 59, U, U, U}},
         "missing: the leaf's protection key (bits 62:59) allows no such access"},
    };
    (void)state;
    check_rows(rows, ROWS(rows));
}

static void reserved_bits(void **state)
{
    static const struct row rows[] = {
        {0x9, {{0, RESERVED_BIT}}, "wrong: the PT entry has reserved bits set"},
        {0xb, {{0, 0, RESERVED_BIT}}, "wrong: the PD entry has reserved bits set"},
        {0x9, {{0, RESERVED_BIT, 0, RESERVED_BIT}}, "wrong: the PDPT entry has reserved bits set"},
        {0x9, {{0, 0, 0, 0, ENTRY_PAGE_SIZE}}, "wrong: the PML4 entry has reserved bits set"},
        {0x9, {{0, 0, ENTRY_PAGE_SIZE | 0x2000}}, "wrong: the PD entry has reserved bits set"},
        /* Of an entry that is not present no bit is reserved. */
        {0x0,
         {{0, P | RESERVED_BIT}},
         "missing: the PT entry; nothing is mapped in the 0x1000 bytes from 0xffffc90000203000"},
    };
    (void)state;
    check_rows(rows, ROWS(rows));
    fixture.space.features.leaf_1gib = false;
    explain(0x9, &(struct tables){{0, 0, 0, ENTRY_PAGE_SIZE}},
            "wrong: the PDPT entry has reserved bits set");
    fixture.space.features.leaf_1gib = true;
    /* NX off: pt_map then sets no such bit, so it is flipped into being. */
    fixture.space.features.no_execute = false;
    explain(0x9, &(struct tables){{0, X}}, "wrong: the PT entry has reserved bits set");
    explain(0x9, &(struct tables){{0, X, 0, X}}, "wrong: the PDPT entry has reserved bits set");
    explain(0x1, &(struct tables){{0}}, NOTHING);
}

static void absent_entries(void **state)
{
    static const struct row rows[] = {
        {0x0,
         {{0, P}},
         "missing: the PT entry; nothing is mapped in the 0x1000 bytes from 0xffffc90000203000"},
        {0x2,
         {{0, 0, P}},
         "missing: the PD entry; nothing is mapped in the 0x200000 bytes from 0xffffc90000200000"},
        {0x10,
         {{0, P, 0, P}},
         "missing: the PDPT entry; nothing is mapped in the 0x40000000 bytes from "
         "0xffffc90000000000"},
        {0x4,
         {{0, 0, 0, 0, P}},
         "missing: the PML4 entry; nothing is mapped in the 0x8000000000 bytes from "
         "0xffffc90000000000"},
        {0x1, {{0, P}}, "wrong: the PT entry is not present now, and was when the CPU read it"},
        {0x3,
         {{0, 0, 0, P}},
         "wrong: the PDPT entry is not present now, and was when the CPU read it"},
        /* Bit 38 is no reserved one, and no frame of ours has it clear. */
        {0x1, {{0, 0, UINT64_C(1) << 38}}, "wrong: the PD entry leads to a table outside of RAM"},
        {0x0,
         {{0, 0, 0, 0, UINT64_C(1) << 38}},
         "wrong: the PML4 entry leads to a table outside of RAM"},
    };
    (void)state;
    check_rows(rows, ROWS(rows));
}

static void no_walk(void **state)
{
    phys_addr_t root = fixture.space.root;
    (void)state;

    fixture.space.root = phys(0x1000);
    load();
    page_fault_explain(0, virt(PAGE));
    fixture.space.root = root;
    load();
    assert_string_equal(fake_log, "  read of 0xffffc90000203000: not mapped, by supervisor mode\n"
                                  "  CR3 leads outside of RAM\n");
    fake_log_clear();
    page_fault_explain(0, virt(UINT64_C(0x8000000000000000)));
    assert_string_equal(fake_log, "  read of 0x8000000000000000: not mapped, by supervisor mode\n"
                                  "  not a canonical address\n");
}

/* ---- what was tried -------------------------------------------------------------------- */

static void what_was_tried(void **state)
{
    static const struct {
        uint64_t error;
        const char *words;
    } rows[] = {
        {0x0, "  read of 0xffffc90000203008: not mapped, by supervisor mode\n"},
        {0x2, "  write of 0xffffc90000203008: not mapped, by supervisor mode\n"},
        {0x10, "  fetch of 0xffffc90000203008: not mapped, by supervisor mode\n"},
        {0x5, "  read of 0xffffc90000203008: the rights forbid it, by user mode\n"},
        {0xb, "  write of 0xffffc90000203008: the rights forbid it, a reserved bit is set in an "
              "entry, by supervisor mode\n"},
        {0x27, "  write of 0xffffc90000203008: the rights forbid it, protection key, by user "
               "mode\n"},
        {0x41, "  read of 0xffffc90000203008: the rights forbid it, shadow stack, by supervisor "
               "mode\n"},
        {0x8007, "  write of 0xffffc90000203008: the rights forbid it, SGX, by user mode\n"},
    };
    (void)state;

    load();
    for (size_t i = 0; i < ROWS(rows); i++) {
        fake_log_clear();
        page_fault_explain(rows[i].error, virt(PAGE + 8));
        assert_memory_equal(fake_log, rows[i].words, strlen(rows[i].words));
    }
}

static void the_walk(void **state)
{
    char lines[512];
    struct pt_step steps[PT_STEPS_MAX];
    (void)state;

    assert_int_equal(
        pt_map(&fixture.space, virt_range(PAGE, KIB_4), phys(0x5000), read_write, PT_LEVEL_PT),
        PT_OK);
    assert_int_equal(pt_walk(&fixture.space, virt(PAGE), steps), 4);
    *(uint64_t *)(steps[3].at.raw + fixture.space.phys_to_virt) |= RESERVED_BIT;
    *(uint64_t *)(steps[2].at.raw + fixture.space.phys_to_virt) ^= W | U;
    fake_log_clear();
    load();
    address_print_walk(virt(PAGE + 8));
    snprintf(lines, sizeof(lines),
             "  PML4[402] at 0x%012lx: 0x%016lx RWX supervisor table\n"
             "  PDPT[  0] at 0x%012lx: 0x%016lx RWX supervisor table\n"
             "  PD  [  1] at 0x%012lx: 0x%016lx R-X user table\n"
             "  PT  [  3] at 0x%012lx: 0x%016lx RW- supervisor leaf, reserved bits 0x%lx\n",
             steps[0].at.raw, steps[0].entry, steps[1].at.raw, steps[1].entry, steps[2].at.raw,
             steps[2].entry ^ (W | U), steps[3].at.raw, steps[3].entry | RESERVED_BIT,
             RESERVED_BIT);
    assert_string_equal(fake_log, lines);
    fake_log_clear();
    address_print_walk(virt(PAGE + KIB_4));
    assert_non_null(strstr(fake_log, ": 0x0000000000000000 not present\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_tables, close_tables)
    const struct CMUnitTest tests[] = {
        TEST(rights),  TEST(user_pages_and_keys), TEST(reserved_bits), TEST(absent_entries),
        TEST(no_walk), TEST(what_was_tried),      TEST(the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
