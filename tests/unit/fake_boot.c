/* See fake_boot.h. */
#include "boot.h" /* before cmocka.h, which makes `fail` a macro */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "fake_boot.h"
#include "kernel_file.h"

static struct fake_outcome outcome;
static jmp_buf end_of_boot;

_Alignas(4096) const char handoff_page[4096] = {0};

void handoff(uint64_t root, uint64_t entry, uint64_t stack_top, uint64_t boot_info, uint64_t cr0)
{
    outcome =
        (struct fake_outcome){FAKE_HANDED_OFF, EFI_SUCCESS, root, entry, stack_top, boot_info, cr0};
    longjmp(end_of_boot, 1);
}

void fake_halt(void)
{
    outcome = (struct fake_outcome){.ending = FAKE_HALTED};
    longjmp(end_of_boot, 1);
}

void fake_reset_machine(void)
{
    outcome = (struct fake_outcome){.ending = FAKE_RESET};
    longjmp(end_of_boot, 1);
}

struct fake_outcome fake_boot(void)
{
    if (setjmp(end_of_boot) == 0) {
        EFI_STATUS status = efi_main(fake_image_handle(), &fake.system);
        outcome = (struct fake_outcome){.ending = FAKE_RETURNED, .status = status};
    }
    return outcome;
}

/* What real maps have beside RAM; and RAM enough for 1-GiB leaves, which nobody touches. */
static void add_ranges(void)
{
    const uint64_t gib_512 = UINT64_C(1) << 39;
    const uint64_t wb = EFI_MEMORY_WB | EFI_MEMORY_UC, runtime = wb | EFI_MEMORY_RUNTIME;

    fake_add_range(UINT64_C(0x180000000000), 0xc0500, EfiBootServicesData, wb);
    for (uint64_t i = 1; i <= 12; i++) /* each wants three tables */
        fake_add_range(UINT64_C(0x280000000000) + i * gib_512, 1, EfiBootServicesData, wb);
    fake_add_range(0, 0xa0, EfiConventionalMemory, wb);
    fake_add_range((uintptr_t)handoff_page, 1, EfiLoaderCode, wb);
    fake_add_range(UINT64_C(0x80000000), 16, EfiRuntimeServicesCode, runtime);
    fake_add_range(UINT64_C(0x80010000), 16, EfiRuntimeServicesData, runtime);
    fake_add_range(UINT64_C(0x80030000), 3, EfiBootServicesCode, wb);
    fake_add_range(UINT64_C(0x80100000), 8, EfiACPIReclaimMemory, wb);
    fake_add_range(UINT64_C(0x80108000), 8, EfiACPIMemoryNVS, wb);
    fake_add_range(UINT64_C(0x80200000), 0x400, EfiReservedMemoryType, wb);
    fake_add_range(UINT64_C(0x90000000), 4, EfiConventionalMemory, EFI_MEMORY_UC);
    fake_add_range(UINT64_C(0x90010000), 4, EfiUnusableMemory, wb);
    fake_add_range(UINT64_C(0x90020000), 4, 14, wb); /* EfiPersistentMemory */
    fake_add_range(UINT64_C(0x90030000), 4, 15, wb); /* EfiUnacceptedMemoryType */
    fake_add_range(UINT64_C(0x90040000), 4, EfiPalCode, wb);
    fake_add_range(UINT64_C(0x90050000), 4, UINT32_C(0x70000001), wb);
    fake_add_range(UINT64_C(0x90060000), 4, UINT32_C(0x80000001), wb);
    fake_add_range(UINT64_C(0x90070000), 4, UINT32_C(0x80000006), wb);
    fake_add_range(UINT64_C(0x90080000), 4, 3 + 16, wb);
    fake_add_range(UINT64_C(0xfec00000), 1, EfiMemoryMappedIO, EFI_MEMORY_UC);
    fake_add_range(UINT64_C(0xfed00000), 1, EfiMemoryMappedIOPortSpace, EFI_MEMORY_UC);
}

void fake_world(void)
{
    static unsigned char module[5000];

    fake_cpu_reset();
    fake_reset();
    add_ranges();
    fake_add_folder("/loader");
    fake_add_folder("/loader/entries");
    fake_add_text("/loader/loader.conf", "timeout 0\r\ndefault bestla-*\r\n");
    fake_add_text("/loader/entries/bestla-1.conf", "title Old\nkernel /nowhere.elf\n");
    fake_add_text("/loader/entries/bestla-2.conf",
                  "title Bestla\nversion 2\nkernel /kernel.elf\noptions one two\n"
                  "module \\modules\\first  with words \nmodule /modules/second\noptions three\n");
    fake_add_text("/loader/entries/zebra.conf", "title Zebra\nkernel /nowhere.elf\n");
    for (size_t i = 0; i < sizeof(module); i++)
        module[i] = (unsigned char)(i * 7 + i / 256);
    fake_add_file("/MODULES/first", module, sizeof(module));
    fake_add_text("/modules/Second", "x");
    struct kernel_file *kernel = kernel_file_make();
    fake_add_file("/kernel.elf", kernel->bytes, kernel->size);
}

void fake_plain_world(void)
{
    fake_world();
    fake.has_rng = false;
}

void assert_all_given_back(void)
{
    assert_int_equal(fake_leaked_pages(), 0);
    assert_int_equal(fake.open_handles, 0);
    assert_int_equal(fake.open_events, 0);
    assert_int_equal(fake.open_images, 0);
    assert_int_equal(fake.open_pools, 0);
    assert_null(fake.initrd_handle);
}

void assert_refused(const struct fake_outcome *got, EFI_STATUS status, const char *words)
{
    if (got->ending != FAKE_RETURNED)
        fail_msg("not refused: \"%s\" was to be said", words);
    if (strstr(fake.console, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, fake.console);
    assert_non_null(strstr(fake.console, "bestla: error: "));
    assert_int_equal(got->status, status);
    assert_all_given_back();
}
