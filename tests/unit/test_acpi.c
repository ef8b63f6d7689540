/* kernel/acpi/tables.c: tables that are good, damaged, too long or nowhere. */
/* links: kernel/acpi/tables.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acpi.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

/* ---- memory ---------------------------------------------------------------------------------- */

#define MEMORY_BASE UINT64_C(0x7fe00000)
#define MEMORY_SIZE 0x4000

static uint8_t memory[MEMORY_SIZE];
static void *given[256];
static size_t given_count;

/* Of exactly the size that was asked for, so that a byte too many is seen. */
static const uint8_t *read_memory(phys_addr_t at, uint64_t size)
{
    uint64_t offset = at.raw - MEMORY_BASE;

    if (at.raw < MEMORY_BASE || offset >= MEMORY_SIZE || size > MEMORY_SIZE - offset)
        return NULL;
    assert_true(given_count < ROWS(given));
    void *copy = malloc(size);
    memcpy(copy, memory + offset, size);
    return given[given_count++] = copy;
}

static void give_back(void)
{
    while (given_count > 0)
        free(given[--given_count]);
}

static void store(uint64_t at, uint64_t value, size_t size)
{
    memcpy(memory + (at - MEMORY_BASE), &value, size);
}

static void set_sum(uint64_t at, size_t length, size_t sum_at)
{
    uint8_t sum = 0;

    store(at + sum_at, 0, 1);
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + memory[at - MEMORY_BASE + i]);
    store(at + sum_at, (uint8_t)-sum, 1);
}

/* Signature, length and a right checksum; what is between stays. */
static void seal(uint64_t at, const char *signature, uint32_t length)
{
    memcpy(memory + (at - MEMORY_BASE), signature, 4);
    store(at + 4, length, 4);
    set_sum(at, length, 9);
}

/* ---- a machine's tables ---------------------------------------------------------------------- */

#define RSDP (MEMORY_BASE + 0x10)
#define RSDT (MEMORY_BASE + 0x100)
#define XSDT (MEMORY_BASE + 0x204) /* aligned to 4, its entries of 8 bytes are not to 8 */
#define FADT (MEMORY_BASE + 0x300)
#define DSDT (MEMORY_BASE + 0x500)
#define SSDT (MEMORY_BASE + MEMORY_SIZE - 0x10) /* its end is outside */

#define DSDT_LENGTH (ACPI_HEADER + 10)
#define XSDT_LENGTH (ACPI_HEADER + 4 * 8)
#define RSDT_LENGTH (ACPI_HEADER + 4)

static void set_rsdp(unsigned revision)
{
    memcpy(memory + 0x10, "RSD PTR ", 8);
    store(RSDP + 15, revision, 1);
    store(RSDP + 16, RSDT, 4);
    store(RSDP + 20, 36, 4);
    store(RSDP + 24, XSDT, 8);
    set_sum(RSDP, 20, 8);
    set_sum(RSDP, 36, 32);
}

static void make_machine(void)
{
    static const uint8_t s5[] = {0x08, '_', 'S', '5', '_', 0x12, 0x04, 0x02, 0x0a, 0x05};

    give_back();
    memset(memory, 0xcc, sizeof(memory));
    set_rsdp(2);
    store(XSDT + 36, 0, 8);
    store(XSDT + 44, UINT64_MAX - 10, 8);
    store(XSDT + 52, SSDT, 8);
    store(XSDT + 60, FADT, 8);
    seal(XSDT, "XSDT", XSDT_LENGTH);
    store(RSDT + 36, FADT, 4);
    seal(RSDT, "RSDT", RSDT_LENGTH);
    memset(memory + (FADT - MEMORY_BASE), 0, 276);
    store(FADT + 40, DSDT, 4);
    store(FADT + 48, 0xb2, 4);
    store(FADT + 52, 2, 1);
    store(FADT + 64, 0x604, 4);
    store(FADT + 112, 1 << 10, 4);
    store(FADT + 116, 0x0801, 4); /* I/O, 8 bits */
    store(FADT + 120, 0xcf9, 8);
    store(FADT + 128, 0x0f, 1);
    store(FADT + 184, 0, 4); /* X_PM1b: memory, 0 bits */
    store(FADT + 188, 0xfed00000, 8);
    seal(FADT, "FACP", 244);
    memcpy(memory + (DSDT - MEMORY_BASE) + ACPI_HEADER, s5, sizeof(s5));
    seal(DSDT, "DSDT", DSDT_LENGTH);
    memcpy(memory + (SSDT - MEMORY_BASE), "SSDT", 4);
}

static enum acpi_status find_fadt(struct acpi_fadt *fadt)
{
    struct acpi_root root;
    struct acpi_table table;
    phys_addr_t bad;

    enum acpi_status status = acpi_root_find(read_memory, phys(RSDP), &root, &bad);
    if (status == ACPI_OK)
        status = acpi_table_find(read_memory, &root, "FACP", &table);
    if (status == ACPI_OK)
        acpi_fadt_read(&table, fadt);
    return status;
}

/* ---- finding --------------------------------------------------------------------------------- */

static void tables_are_found(void **state)
{
    struct acpi_root root;
    struct acpi_table table;
    struct acpi_fadt fadt;
    phys_addr_t bad;
    (void)state;

    make_machine();
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_OK);
    assert_int_equal(root.entry_size, 8);
    assert_int_equal(root.count, 4);
    assert_int_equal(root.table.at.raw, XSDT);
    assert_int_equal(acpi_entry(&root, 3).raw, FADT);
    assert_int_equal(acpi_table_find(read_memory, &root, "HPET", &table), ACPI_OUTSIDE);
    assert_int_equal(find_fadt(&fadt), ACPI_OK);
    assert_int_equal(fadt.dsdt.raw, DSDT);
    assert_true(fadt.has_reset && !fadt.hardware_reduced);
    assert_int_equal(fadt.smi_command, 0xb2);
    assert_int_equal(fadt.acpi_enable, 2);
    assert_int_equal(fadt.reset.address, 0xcf9);
    assert_int_equal(fadt.reset.space, ACPI_SPACE_IO);
    assert_int_equal(fadt.reset.bits, 8);
    assert_int_equal(fadt.reset_value, 0x0f);
    assert_int_equal(fadt.pm1a_control.address, 0x604);
    assert_int_equal(fadt.pm1a_control.bits, 16);
    assert_int_equal(fadt.pm1b_control.address, 0xfed00000);
    assert_int_equal(fadt.pm1b_control.bits, 16); /* not what the table says */
    assert_int_equal(fadt.pm1b_control.space, ACPI_SPACE_MEMORY);
    assert_int_equal(fadt.sleep_control.address, 0); /* the table ends before */

    set_rsdp(0);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_OK);
    assert_int_equal(root.entry_size, 4);
    assert_int_equal(root.table.at.raw, RSDT);
    assert_int_equal(find_fadt(&fadt), ACPI_OK);
    assert_int_equal(fadt.dsdt.raw, DSDT);
    give_back();
}

static void a_short_fadt_has_what_it_has(void **state)
{
    struct acpi_fadt fadt;
    (void)state;

    for (uint32_t length = ACPI_HEADER; length <= 276; length++) {
        make_machine();
        seal(FADT, "FACP", length);
        assert_int_equal(find_fadt(&fadt), ACPI_OK);
        assert_int_equal(fadt.dsdt.raw, length >= 44 ? DSDT : 0);
        assert_int_equal(fadt.pm1a_control.address, length >= 68 ? 0x604 : 0);
        assert_int_equal(fadt.has_reset, length >= 116);
        assert_int_equal(fadt.reset.address, length >= 128 ? 0xcf9 : 0);
        assert_int_equal(fadt.reset_value, length >= 129 ? 0x0f : 0);
        assert_int_equal(fadt.pm1b_control.address, length >= 196 ? 0xfed00000 : 0);
    }
    give_back();
}

/* ---- what is wrong is told ------------------------------------------------------------------- */

static void every_bit_counts(void **state)
{
    static const struct {
        uint64_t at;
        uint32_t length;
    } tables[] = {{RSDP, 36}, {XSDT, XSDT_LENGTH}, {FADT, 244}};
    struct acpi_fadt fadt;
    (void)state;

    for (size_t i = 0; i < ROWS(tables); i++) {
        for (uint32_t bit = 0; bit < 8 * tables[i].length; bit++) {
            make_machine();
            memory[tables[i].at - MEMORY_BASE + bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_not_equal(find_fadt(&fadt), ACPI_OK);
        }
    }
    give_back();
}

static void a_root_that_is_wrong_is_named(void **state)
{
    struct acpi_root root;
    phys_addr_t bad;
    (void)state;

    make_machine();
    assert_int_equal(acpi_root_find(read_memory, phys(0), &root, &bad), ACPI_ABSENT);
    assert_int_equal(acpi_root_find(read_memory, phys(0x1000), &root, &bad), ACPI_OUTSIDE);
    assert_int_equal(acpi_root_find(read_memory, phys(UINT64_MAX - 3), &root, &bad), ACPI_OUTSIDE);
    assert_int_equal(acpi_root_find(read_memory, phys(MEMORY_BASE + MEMORY_SIZE - 20), &root, &bad),
                     ACPI_BAD_SIGNATURE);
    memory[0x10]++;
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_BAD_SIGNATURE);
    memory[0x10]--;
    store(RSDP + 24, 0x1000, 8);
    set_sum(RSDP, 36, 32);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_OUTSIDE);
    assert_int_equal(bad.raw, 0x1000);
    store(RSDP + 24, FADT, 8);
    set_sum(RSDP, 36, 32);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_BAD_SIGNATURE);
    assert_int_equal(bad.raw, FADT);
    store(RSDP + 20, 35, 4);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_BAD_LENGTH);
    store(RSDP + 20, UINT32_MAX, 4);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_BAD_LENGTH);
    give_back();
}

static void lengths_are_checked(void **state)
{
    static const struct {
        uint32_t length;
        enum acpi_status status;
    } rows[] = {
        {0, ACPI_BAD_LENGTH},
        {ACPI_HEADER - 1, ACPI_BAD_LENGTH},
        {ACPI_HEADER, ACPI_BAD_CHECKSUM},
        {MEMORY_SIZE, ACPI_OUTSIDE},
        {ACPI_LENGTH_MAX, ACPI_OUTSIDE},
        {ACPI_LENGTH_MAX + 1, ACPI_BAD_LENGTH},
        {UINT32_MAX, ACPI_BAD_LENGTH},
    };
    struct acpi_table table;
    (void)state;

    for (size_t i = 0; i < ROWS(rows); i++) {
        make_machine();
        store(FADT + 4, rows[i].length, 4);
        assert_int_equal(acpi_table_at(read_memory, phys(FADT), "FACP", &table), rows[i].status);
    }
    make_machine();
    assert_int_equal(acpi_table_at(read_memory, phys(SSDT), NULL, &table), ACPI_OUTSIDE);
    assert_int_equal(acpi_table_at(read_memory, phys(0), NULL, &table), ACPI_ABSENT);
    for (enum acpi_status status = ACPI_OK; status <= ACPI_BAD_CHECKSUM; status++)
        assert_string_not_equal(acpi_status_text(status), "unknown");
    give_back();
}

/* Of a table that cannot be read nobody knows that it is not the one; damage says more. */
static void absence_is_known_or_not_said(void **state)
{
    struct acpi_root root;
    struct acpi_table table;
    phys_addr_t bad;
    (void)state;

    make_machine();
    set_rsdp(0);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_OK);
    assert_int_equal(acpi_table_find(read_memory, &root, "HPET", &table), ACPI_ABSENT);
    store(FADT + 4, MEMORY_SIZE, 4);
    assert_int_equal(acpi_table_find(read_memory, &root, "FACP", &table), ACPI_OUTSIDE);
    set_rsdp(2);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_OK);
    store(FADT + 4, 0, 4);
    assert_int_equal(acpi_table_find(read_memory, &root, "FACP", &table), ACPI_BAD_LENGTH);
    assert_int_equal(acpi_table_find(read_memory, &root, "HPET", &table), ACPI_OUTSIDE);
    give_back();
}

static void only_newer_fadts_speak_of_an_8042(void **state)
{
    static const struct {
        uint32_t length;
        uint8_t revision;
        uint16_t boot_arch;
        enum acpi_answer answer;
    } rows[] = {
        {244, 3, 2, ACPI_YES},     {244, 6, 0xffff, ACPI_YES}, {244, 3, 0, ACPI_NO},
        {244, 6, 0xfffd, ACPI_NO}, {244, 1, 2, ACPI_UNSAID},   {244, 2, 2, ACPI_UNSAID},
        {110, 3, 2, ACPI_UNSAID},  {111, 3, 2, ACPI_YES},
    };
    struct acpi_fadt fadt;
    (void)state;

    for (size_t i = 0; i < ROWS(rows); i++) {
        make_machine();
        store(FADT + 8, rows[i].revision, 1);
        store(FADT + 109, rows[i].boot_arch, 2);
        seal(FADT, "FACP", rows[i].length);
        assert_int_equal(find_fadt(&fadt), ACPI_OK);
        assert_int_equal(fadt.has_8042, rows[i].answer);
    }
    give_back();
}

static void a_root_of_too_many_is_refused(void **state)
{
    const uint64_t many = MEMORY_BASE + 0x1000;
    struct acpi_root root;
    phys_addr_t bad;
    (void)state;

    make_machine();
    store(RSDP + 24, many, 8);
    set_sum(RSDP, 36, 32);
    seal(many, "XSDT", ACPI_HEADER + 8 * ACPI_ENTRIES_MAX);
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_OK);
    assert_int_equal(root.count, ACPI_ENTRIES_MAX);
    seal(many, "XSDT", ACPI_HEADER + 8 * (ACPI_ENTRIES_MAX + 1));
    assert_int_equal(acpi_root_find(read_memory, phys(RSDP), &root, &bad), ACPI_BAD_LENGTH);
    assert_int_equal(bad.raw, many);
    give_back();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_found),
        cmocka_unit_test(a_short_fadt_has_what_it_has),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(a_root_that_is_wrong_is_named),
        cmocka_unit_test(lengths_are_checked),
        cmocka_unit_test(absence_is_known_or_not_said),
        cmocka_unit_test(only_newer_fadts_speak_of_an_8042),
        cmocka_unit_test(a_root_of_too_many_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
