/* The machine as a whole: ACPI, the times of its boot, off and on. */
#include "commands.h"

#include "clock.h"
#include "handoff.h"
#include "log.h"
#include "power.h"
#include "stop.h"
#include "x86_cpu.h"

/* ---- acpi ------------------------------------------------------------------------------ */

static void print_register(const char *name, const struct acpi_register *where)
{
    static const char *const spaces[] = {"memory", "port", "PCI configuration"};

    if (where->address != 0)
        log_raw("  %s: %s 0x%lx, %u bits\n", name,
                where->space < 3 ? spaces[where->space] : "unknown space", where->address,
                where->bits);
}

/* A signature is whatever firmware wrote. */
static void print_signature(const uint8_t *bytes)
{
    for (size_t i = 0; i < 4; i++)
        log_raw("%c", bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '?');
}

static void print_table(phys_addr_t at)
{
    struct acpi_table table;
    enum acpi_status status = acpi_table_at(power_read, at, NULL, &table);

    log_raw("  0x%012lx  ", at.raw);
    if (status != ACPI_OK && status != ACPI_BAD_CHECKSUM) {
        log_raw("%s\n", acpi_status_text(status));
        return;
    }
    print_signature(table.bytes);
    log_raw("  0x%x bytes%s\n", table.length,
            status == ACPI_OK ? "" : ", damaged: its checksum is wrong");
}

static void print_power(const struct acpi_fadt *fadt)
{
    struct acpi_sleep_type type;

    print_table(fadt->dsdt);
    log_raw("  %s\n", fadt->hardware_reduced ? "hardware-reduced ACPI" : "fixed hardware");
    print_register("PM1a control", &fadt->pm1a_control);
    print_register("PM1b control", &fadt->pm1b_control);
    print_register("sleep control", &fadt->sleep_control);
    if (fadt->has_reset) {
        print_register("reset", &fadt->reset);
        log_raw("  reset value: 0x%x\n", fadt->reset_value);
    }
    if (power_find_s5(fadt, &type))
        log_raw("  \\_S5: %u, %u\n", type.a, type.b);
    else
        log_raw("  \\_S5: not found\n");
}

void command_acpi(const struct text *words, size_t count)
{
    struct acpi_root root;
    struct acpi_fadt fadt;
    phys_addr_t bad;
    const char *what;

    (void)words, (void)count;
    enum acpi_status status = acpi_root_find(power_read, phys(boot_info.rsdp), &root, &bad);
    if (status != ACPI_OK) {
        log_raw("the RSDP, or what it leads to at 0x%lx, is %s\n", bad.raw,
                acpi_status_text(status));
        return;
    }
    log_raw("  0x%012lx  RSDP, revision %u\n", root.rsdp.raw, root.revision);
    print_table(root.table.at);
    for (uint32_t i = 0; i < root.count && !stop_look(); i++)
        print_table(acpi_entry(&root, i));
    if (stop_came()) {
        log_raw("  stopped: not all tables are shown\n");
        return;
    }
    status = power_find_fadt(&fadt, &what);
    if (status != ACPI_OK)
        log_raw("%s is %s\n", what, acpi_status_text(status));
    else
        print_power(&fadt);
}

/* ---- boot ------------------------------------------------------------------------------ */

static void print_time(const char *name, uint64_t tsc, uint64_t before)
{
    int64_t at = clock_microseconds(tsc), took = at - clock_microseconds(before);

    log_raw("  %12ld us  %10ld us  %s\n", at, took, name);
}

void command_boot(const struct text *words, size_t count)
{
    static const char *const names[BOOT_STEPS] = {
        "the loader's entry", "configuration read", "kernel loaded",
        "modules loaded",     "tables built",       "firmware left",
    };
    const uint64_t *tsc = boot_info.step_tsc;

    (void)words, (void)count;
    log_raw("  since the kernel's entry, and how long it took:\n");
    for (size_t i = 0; i < BOOT_STEPS; i++)
        print_time(names[i], tsc[i], tsc[i == 0 ? 0 : i - 1]);
    print_time("the kernel's entry", clock_entry(), tsc[BOOT_STEPS - 1]);
    print_time("the kernel is ready", monitor_started(), clock_entry());
    print_time("now", read_tsc(), monitor_started());
}

/* ---- poweroff, reboot ------------------------------------------------------------------ */

void command_poweroff(const struct text *words, size_t count)
{
    (void)words, (void)count;
    log_raw("still on: %s\n", power_off());
}

void command_reboot(const struct text *words, size_t count)
{
    (void)words, (void)count;
    power_reset();
}
