/* See power.h. */
#include "power.h"

#include "address_space.h"
#include "clock.h"
#include "handoff.h"
#include "keyboard.h"
#include "layout.h"
#include "loaded_tables.h"
#include "log.h"
#include "translate.h"
#include "x86_cpu.h"

#define PM1_WAKE_STATUS  UINT32_C(0x8000) /* writing 1 clears, 0 does nothing */
#define PM1_SCI_ENABLE   UINT32_C(0x0001) /* the machine is in ACPI mode */
#define PM1_SLEEP_TYPE   10
#define PM1_SLEEP_ENABLE UINT32_C(0x2000)
#define PM1_SLEEP_BITS   UINT32_C(0x3c00) /* type and enable */

#define SLEEP_CONTROL_TYPE   2 /* of SLEEP_CONTROL_REG (4.8.3.7) */
#define SLEEP_CONTROL_ENABLE UINT32_C(0x20)
#define SLEEP_WAKE_STATUS    UINT32_C(0x80) /* of SLEEP_STATUS_REG */

#define PCI_ADDRESS UINT16_C(0xcf8) /* PCI Local Bus 3.0, 3.2.2.3.2 */
#define PCI_DATA    UINT16_C(0xcfc)

/* ---- the tables ------------------------------------------------------------------------ */

const uint8_t *power_read(phys_addr_t at, uint64_t size)
{
    struct phys_range range = {at, size};
    const uint8_t *bytes = phys2virt(at);
    struct pt_space tables = loaded_tables();

    if (at.raw >> 52 != 0 || !memory_map_covers(&kernel_memory, range, MEMORY_RAM) ||
        !loaded_tables_map(&tables, virt_range(virt_of(bytes).raw, size)))
        return NULL;
    return bytes;
}

enum acpi_status power_find_fadt(struct acpi_fadt *fadt, const char **what)
{
    struct acpi_root root;
    struct acpi_table table;
    phys_addr_t bad;

    *what = "the root table";
    enum acpi_status status = acpi_root_find(power_read, phys(boot_info.rsdp), &root, &bad);
    if (status != ACPI_OK)
        return status;
    *what = "the FADT";
    status = acpi_table_find(power_read, &root, "FACP", &table);
    if (status == ACPI_OK)
        acpi_fadt_read(&table, fadt);
    return status;
}

enum acpi_answer power_has_8042(void)
{
    struct acpi_fadt fadt;
    const char *what;

    return power_find_fadt(&fadt, &what) == ACPI_OK ? fadt.has_8042 : ACPI_UNSAID;
}

static bool find_s5_beside(struct acpi_sleep_type *type)
{
    struct acpi_root root;
    struct acpi_table block;
    phys_addr_t bad;

    if (acpi_root_find(power_read, phys(boot_info.rsdp), &root, &bad) != ACPI_OK)
        return false;
    for (uint32_t i = 0; i < root.count; i++) {
        if (acpi_table_at(power_read, acpi_entry(&root, i), "SSDT", &block) == ACPI_OK &&
            acpi_find_s5(&block, type))
            return true;
    }
    return false;
}

bool power_find_s5(const struct acpi_fadt *fadt, struct acpi_sleep_type *type)
{
    struct acpi_table dsdt;

    if (acpi_table_at(power_read, fadt->dsdt, "DSDT", &dsdt) == ACPI_OK &&
        acpi_find_s5(&dsdt, type))
        return true;
    return find_s5_beside(type);
}

/* ---- registers ------------------------------------------------------------------------- */

/* A page for a moment, in the gap behind the direct map. */
static virt_addr_t window(void)
{
    struct virt_range direct = direct_map_range();

    return virt(align_up(direct.start.raw + direct.size, level_size(PT_LEVEL_PDPT)) +
                level_size(PT_LEVEL_PDPT));
}

static void touch(virt_addr_t at, unsigned bits, bool write, uint32_t *value)
{
    volatile void *there = (volatile void *)(uintptr_t)at.raw;

    if (bits == 32 && write)
        *(volatile uint32_t *)there = *value;
    else if (bits == 32)
        *value = *(volatile uint32_t *)there;
    else if (bits == 16 && write)
        *(volatile uint16_t *)there = (uint16_t)*value;
    else if (bits == 16)
        *value = *(volatile uint16_t *)there;
    else if (write)
        *(volatile uint8_t *)there = (uint8_t)*value;
    else
        *value = *(volatile uint8_t *)there;
}

/* Where registers may be; nothing else that the memory map knows is touched. */
#define MEMORY_DEVICES (MEMORY_TYPE_BIT(MEMORY_MMIO) | MEMORY_TYPE_BIT(MEMORY_RESERVED))

/* SDM Vol. 3A, 11.12.2 and 11.12.4: the type at PAT index 3 is UC after a reset, and firmware's
 * choice. */
static bool pat_has_uncached(void)
{
    return (cpu_memory_types() >> (8 * PAT_UNCACHED) & 7) == 0;
}

/* Device memory is mapped by nobody, so for this one access it is, uncached. (But with
 * directmap=full, which maps it write-back: docs/memory.md warns of that.) The framebuffer is
 * mapped, and otherwise. */
static bool touch_memory(uint64_t address, unsigned bits, bool write, uint32_t *value)
{
    const struct pt_attributes device = {PT_RIGHT_READ | PT_RIGHT_WRITE, PAT_UNCACHED, false};
    phys_addr_t page = phys(align_down(address, PAGE_SIZE));
    struct virt_range at = {window(), PAGE_SIZE};
    const struct memory_range *known = memory_map_find(&kernel_memory, phys(address));

    if (address >> 52 != 0 || (known != NULL && !(MEMORY_TYPE_BIT(known->type) & MEMORY_DEVICES)) ||
        at.start.raw >= KERNEL_REGION || !pat_has_uncached() || is_framebuffers(page))
        return false;
    if (pt_map(&kernel_space, at, page, device, PT_LEVEL_PT) != PT_OK)
        return false;
    touch(virt(at.start.raw + address - page.raw), bits, write, value);
    return pt_unmap(&kernel_space, at) == PT_OK;
}

static bool touch_port(uint64_t address, unsigned bits, bool write, uint32_t *value)
{
    uint16_t port = (uint16_t)address;

    if (address > UINT16_MAX)
        return false;
    if (bits == 32 && write)
        out32(port, *value);
    else if (bits == 32)
        *value = in32(port);
    else if (bits == 16 && write)
        out16(port, (uint16_t)*value);
    else if (bits == 16)
        *value = in16(port);
    else if (write)
        out8(port, (uint8_t)*value);
    else
        *value = in8(port);
    return true;
}

static bool touch_pci(uint64_t address, unsigned bits, bool write, uint32_t *value)
{
    uint32_t device = address >> 32 & 0xffff, function = address >> 16 & 0xffff;
    uint32_t offset = address & 0xffff;

    if (device > 31 || function > 7 || offset > 255)
        return false;
    out32(PCI_ADDRESS, UINT32_C(1) << 31 | device << 11 | function << 8 | (offset & 0xfc));
    return touch_port(PCI_DATA + (offset & 3), bits, write, value);
}

/* False: there is no such register, or it is where nobody can get at it. */
static bool touch_register(const struct acpi_register *where, bool write, uint32_t *value)
{
    unsigned bits = where->bits == 16 || where->bits == 32 ? where->bits : 8;

    if (where->address == 0 || !is_aligned(where->address, bits / 8))
        return false;
    if (where->space == ACPI_SPACE_IO)
        return touch_port(where->address, bits, write, value);
    if (where->space == ACPI_SPACE_MEMORY)
        return touch_memory(where->address, bits, write, value);
    return where->space == ACPI_SPACE_PCI && touch_pci(where->address, bits, write, value);
}

/* ---- time ------------------------------------------------------------------------------ */

static bool second_has_passed(int64_t start)
{
    return clock_microseconds(read_tsc()) - start >= 1000000;
}

static void wait_a_second(void)
{
    int64_t start = clock_microseconds(read_tsc());

    while (!second_has_passed(start))
        cpu_relax();
}

/* ---- off ------------------------------------------------------------------------------- */

/* Firmware owns the registers until it is told (4.8.2.3); then SCI_EN rises. */
static void enter_acpi_mode(const struct acpi_fadt *fadt)
{
    const struct acpi_register command = {fadt->smi_command, ACPI_SPACE_IO, 8};
    uint32_t control = 0, enable = fadt->acpi_enable;
    int64_t start = clock_microseconds(read_tsc());

    if (fadt->smi_command == 0 || fadt->acpi_enable == 0 ||
        !touch_register(&fadt->pm1a_control, false, &control) || (control & PM1_SCI_ENABLE) ||
        !touch_register(&command, true, &enable))
        return;
    while (!(control & PM1_SCI_ENABLE) && !second_has_passed(start)) {
        if (!touch_register(&fadt->pm1a_control, false, &control))
            return;
    }
}

/* The type first, then the same with the bit that makes it so. */
static bool write_sleep(const struct acpi_register *where, uint8_t type, uint32_t enable)
{
    uint32_t control;

    if (!touch_register(where, false, &control))
        return false;
    control = (control & ~PM1_SLEEP_BITS) | (uint32_t)type << PM1_SLEEP_TYPE | enable;
    return touch_register(where, true, &control);
}

/* WAK_STS is cleared by writing it. Left set by a sleep before, it would wake the machine at once
 * (16.1). A register that is not there needs none. */
static void clear_wake_status(const struct acpi_register *where, uint32_t bit)
{
    (void)touch_register(where, true, &bit);
}

static bool sleep_by_pm1(const struct acpi_fadt *fadt, struct acpi_sleep_type type)
{
    enter_acpi_mode(fadt);
    clear_wake_status(&fadt->pm1a_status, PM1_WAKE_STATUS);
    clear_wake_status(&fadt->pm1b_status, PM1_WAKE_STATUS);
    if (!write_sleep(&fadt->pm1a_control, type.a, 0))
        return false;
    (void)write_sleep(&fadt->pm1b_control, type.b, 0);
    bool written = write_sleep(&fadt->pm1a_control, type.a, PM1_SLEEP_ENABLE);
    (void)write_sleep(&fadt->pm1b_control, type.b, PM1_SLEEP_ENABLE);
    return written;
}

static bool sleep_by_control(const struct acpi_fadt *fadt, struct acpi_sleep_type type)
{
    uint32_t value = (uint32_t)type.a << SLEEP_CONTROL_TYPE | SLEEP_CONTROL_ENABLE;

    clear_wake_status(&fadt->sleep_status, SLEEP_WAKE_STATUS);
    return touch_register(&fadt->sleep_control, true, &value);
}

const char *power_off(void)
{
    struct acpi_fadt fadt;
    struct acpi_sleep_type type;
    const char *what;
    static char why[128];

    enum acpi_status status = power_find_fadt(&fadt, &what);
    if (status != ACPI_OK) {
        format_text(why, sizeof(why), "%s is %s", what, acpi_status_text(status));
        return why;
    }
    if (!power_find_s5(&fadt, &type))
        return "neither the DSDT nor an SSDT has a \\_S5 that can be read";
    if (!(fadt.hardware_reduced ? sleep_by_control(&fadt, type) : sleep_by_pm1(&fadt, type)))
        return "the FADT names no control register that can be reached";
    wait_a_second();
    return "the control register was written, and nothing came of it";
}

/* ---- and on again ---------------------------------------------------------------------- */

static void reset_by_acpi(void)
{
    struct acpi_fadt fadt;
    const char *what;

    enum acpi_status status = power_find_fadt(&fadt, &what);
    if (status != ACPI_OK) {
        log_warning("reset", "%s is %s", what, acpi_status_text(status));
        return;
    }
    uint32_t value = fadt.reset_value;
    if (!fadt.has_reset || !touch_register(&fadt.reset, true, &value))
        log_warning("reset", "the FADT has no reset register that can be reached");
    else
        wait_a_second();
}

void power_reset(void)
{
    const struct cpu_table none = {0, 0};

    reset_by_acpi();
    i8042_reset_cpu(&keyboard_controller);
    wait_a_second();
    __asm__ volatile("lidt %0; int3" ::"m"(none));
    halt_forever();
}
