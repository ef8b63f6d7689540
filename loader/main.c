/* The boot, told from firmware's call to the kernel's first instruction.
 *
 * Firmware calls efi_main (through gnu-efi's start code, which has relocated the image).
 * Until leave_firmware each step may fail: then everything is given back and
 * firmware gets the status. */
#include "boot.h"

#include "x86_cpu.h"

void step_done(struct boot *boot, enum boot_step step)
{
    boot->info->step_tsc[step] = read_tsc();
}

static EFI_STATUS boot_kernel(struct boot *boot)
{
    TRY(open_log(boot));
    TRY(open_boot_info(boot));
    boot->info->step_tsc[BOOT_STEP_ENTRY] = boot->entered;

    TRY(open_boot_volume(boot));
    TRY(choose_boot_entry(boot));
    step_done(boot, BOOT_STEP_CONFIGURED);

    open_random_source(boot);
    TRY(load_kernel(boot));
    step_done(boot, BOOT_STEP_KERNEL_LOADED);

    TRY(load_modules(boot));
    step_done(boot, BOOT_STEP_MODULES_LOADED);
    close_boot_volume(boot);

    describe_machine(boot);
    TRY(keep_firmware_tables(boot));
    TRY(build_address_space(boot));
    step_done(boot, BOOT_STEP_TABLES_BUILT);

    TRY(leave_firmware(boot));
    step_done(boot, BOOT_STEP_LEFT_FIRMWARE);
    enter_kernel(boot);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    struct boot boot = {
        .image = image,
        .system = system,
        .entered = read_tsc(),
        .paging = cpu_paging_features(),
    };

    /* UEFI 2.10, 7.5: the watchdog that firmware starts resets the machine after 5 minutes. */
    system->BootServices->SetWatchdogTimer(0, 0, 0, NULL);

    EFI_STATUS status = boot_kernel(&boot);
    close_boot_volume(&boot);
    free_all_pages(&boot);
    return status;
}
