/* The boot, told from firmware's call to the kernel's first instruction.
 *
 * Firmware calls efi_main (through gnu-efi's start code, which has relocated the image).
 * Until leave_firmware each step may fail: then everything is given back and
 * firmware gets the status, or a person who had chosen the entry the menu again. */
#include "boot.h"

#include "x86_cpu.h"

void step_done(struct boot *boot, enum boot_step step)
{
    boot->info->step_tsc[step] = read_tsc();
}

static EFI_STATUS boot_once(struct boot *boot)
{
    TRY(open_log(boot));
    TRY(open_boot_info(boot));
    boot->info->step_tsc[BOOT_STEP_ENTRY] = boot->entered;

    TRY(open_boot_volume(boot));
    TRY(choose_boot_entry(boot));
    if (boot->entry.kind != BOOT_KERNEL)
        return start_program(boot);
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

/* True: a person chose what has now come to an end, and is to choose again. */
static bool try_to_boot(struct boot *boot, EFI_STATUS *status)
{
    *status = boot_once(boot);
    close_boot_volume(boot);
    free_all_pages(boot);
    if (boot->sent_back)
        *status = EFI_SUCCESS; /* UEFI 2.10, 3.1.1: firmware then shows a menu of its own */
    return boot->chosen && wait_for_person(boot, *status);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    const uint64_t started = read_tsc();
    EFI_STATUS status;
    bool again = false;

    /* UEFI 2.10, 7.5: the watchdog that firmware starts resets the machine after 5 minutes. */
    system->BootServices->SetWatchdogTimer(0, 0, 0, NULL);
    do {
        struct boot boot = {
            .image = image,
            .system = system,
            .started = started,
            .entered = read_tsc(),
            .menu_again = again,
            .paging = cpu_paging_features(),
        };
        again = try_to_boot(&boot, &status);
    } while (again);
    return status;
}
