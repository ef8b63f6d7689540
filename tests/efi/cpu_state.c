/* Turns on what the CPU has and firmware may leave on: PCIDs, with one in CR3, x2APIC mode,
 * protection keys, FSGSBASE. Then starts the loader, and at its ExitBootServices turns CET on: with
 * it this firmware could no longer clear CR0.WP, as it does to change its own tables. */
#include "_chain.h"

#include "x86_cpu.h"

/* SDM Vol. 3A, 2.5 */
#define CR4_FSGSBASE (UINT64_C(1) << 16)
#define CR4_PCIDE    (UINT64_C(1) << 17)
#define CR4_PKE      (UINT64_C(1) << 22)
#define CR4_CET      (UINT64_C(1) << 23)

/* SDM Vol. 3A, 10.12.1 */
#define MSR_APIC_BASE UINT32_C(0x1b)
#define APIC_EXTD     (UINT64_C(1) << 10)
#define APIC_EN       (UINT64_C(1) << 11)

static void turn_on(bool has, uint64_t bit)
{
    if (has)
        write_cr4(read_cr4() | bit);
}

/* Shadow stacks or indirect-branch tracking; neither is enabled in IA32_S_CET. */
static bool has_cet(void)
{
    const struct cpuid seven = cpuid_if_known(7, 0);

    return (seven.ecx >> 7 & 1) || (seven.edx >> 20 & 1);
}

static EFI_EXIT_BOOT_SERVICES exit_boot_services;

static EFIAPI EFI_STATUS exit_with_cet(EFI_HANDLE image, UINTN key)
{
    EFI_STATUS status = exit_boot_services(image, key);

    turn_on(has_cet(), CR4_CET);
    return status;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    const struct cpuid one = cpuid_if_known(1, 0), seven = cpuid_if_known(7, 0);
    const bool pcid = one.ecx >> 17 & 1, x2apic = one.ecx >> 21 & 1;

    chain_open(image, system);
    turn_on(seven.ebx & 1, CR4_FSGSBASE);
    turn_on(seven.ecx >> 3 & 1, CR4_PKE);
    turn_on(pcid, CR4_PCIDE);
    if (pcid)
        write_cr3(cpu_table_root().raw | 5);
    if (x2apic)
        write_msr(MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | APIC_EN | APIC_EXTD);
    exit_boot_services = services->ExitBootServices;
    services->ExitBootServices = exit_with_cet;
    say("CR3 0x%lx, CR4 0x%lx, APIC base 0x%lx, CET %s", read_cr3(), read_cr4(),
        read_msr(MSR_APIC_BASE), has_cet() ? "at the end" : "absent");
    return start_loader(NULL, NULL);
}
