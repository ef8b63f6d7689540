/* For tests/bench/boot-cost: reads \kernel.elf by one call into fresh pages and says how many
 * TSC ticks that call took: the least that loading the file can cost. */
#include <efi.h>

#include "boot.h"
#include "x86_cpu.h"

static EFI_STATUS read_once(struct boot *boot, uint64_t *ticks, uint64_t *size)
{
    struct file file;
    phys_addr_t at;

    TRY(open_boot_volume(boot));
    TRY(open_file(boot, text_of("/kernel.elf"), &file));
    TRY(allocate_pages(boot, MEMORY_LOADER, file.size, &at));
    file.handle->SetPosition(file.handle, 0);

    UINTN got = file.size;
    uint64_t start = read_tsc();
    TRY(file.handle->Read(file.handle, &got, (void *)(uintptr_t)at.raw));
    *ticks = read_tsc() - start;
    *size = file.size;
    return got == file.size ? EFI_SUCCESS : EFI_END_OF_FILE;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    struct boot boot = {.image = image, .system = system};
    uint64_t ticks = 0, size = 0;
    EFI_STATUS status = read_once(&boot, &ticks, &size);

    if (EFI_ERROR(status))
        reset_with(&boot, "read_cost: 0x%lx", status);
    reset_with(&boot, "one read of 0x%lx bytes: %lu ticks", size, ticks);
}
