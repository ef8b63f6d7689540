/* What the loader finds out about the machine: framebuffer, ACPI and SMBIOS, the seed. */
/* links: loader/main.c loader/console.c loader/frames.c loader/firmware_map.c */
/* links: loader/volume.c loader/unicode.c loader/choose_entry.c loader/load_kernel.c */
/* links: loader/precomputed_tables.c loader/entries.c loader/menu.c loader/menu_draw.c */
/* links: loader/menu_edit.c loader/keyboard.c loader/screen.c loader/start_program.c */
/* links: loader/initrd.c loader/text_file.c */
/* links: loader/load_modules.c loader/address_space.c loader/describe_machine.c */
/* links: loader/leave_firmware.c loader/random.c loader/place_kernel.c */
/* links: tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c */
/* links: tests/unit/fake_pages.c tests/unit/fake_files.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c tests/unit/table_check.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "handoff_check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct boot_info *boot_well(void)
{
    struct fake_outcome outcome = fake_boot();
    return assert_good_handoff(&outcome);
}

struct mode {
    EFI_GRAPHICS_PIXEL_FORMAT format;
    EFI_PIXEL_BITMASK masks;
    uint32_t width, height, line;
    uint64_t base;
};

#define BASE UINT64_C(0x380000000000)

static void set_mode(const struct mode *mode)
{
    fake_world();
    fake.mode_info.PixelFormat = mode->format;
    fake.mode_info.PixelInformation = mode->masks;
    fake.mode_info.HorizontalResolution = mode->width;
    fake.mode_info.VerticalResolution = mode->height;
    fake.mode_info.PixelsPerScanLine = mode->line;
    fake.mode.FrameBufferBase = mode->base;
}

/* As they should come out: masks, and the mode's own size whatever FrameBufferSize says. */
static void test_framebuffers(void **state)
{
    static const struct {
        struct mode mode;
        uint32_t red, green, blue;
    } good[] = {
        {{PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 768, 1024, BASE},
         0xff0000,
         0xff00,
         0xff},
        {{PixelRedGreenBlueReserved8BitPerColor, {0}, 1366, 768, 1376, BASE},
         0xff,
         0xff00,
         0xff0000},
        {{PixelBitMask, {0x3ff00000, 0xffc00, 0x3ff, 0xc0000000}, 800, 600, 832, BASE},
         0x3ff00000,
         0xffc00,
         0x3ff},
        {{PixelBitMask, {0xff0000, 0xff00, 0xff, 0xff000000}, 1, 1, 1, UINT64_C(0xb0000000)},
         0xff0000,
         0xff00,
         0xff},
        {{PixelBlueGreenRedReserved8BitPerColor, {0}, 333, 7, 333, BASE + 0x810},
         0xff0000,
         0xff00,
         0xff},
        {{PixelBlueGreenRedReserved8BitPerColor, {0}, 3840, 2160, 4096, UINT64_C(0x7000000000)},
         0xff0000,
         0xff00,
         0xff},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        const struct mode *mode = &good[i].mode;
        set_mode(mode);
        const struct boot_framebuffer *found = &boot_well()->framebuffer;
        assert_int_equal(found->address, mode->base);
        assert_int_equal(found->width, mode->width);
        assert_int_equal(found->height, mode->height);
        assert_int_equal(found->pitch, mode->line * 4);
        assert_int_equal(found->size, (uint64_t)mode->line * 4 * mode->height);
        assert_int_equal(found->red_mask, good[i].red);
        assert_int_equal(found->green_mask, good[i].green);
        assert_int_equal(found->blue_mask, good[i].blue);
    }
}

static void assert_no_framebuffer(void)
{
    const struct boot_framebuffer none = {0};
    const struct boot_info *info = boot_well();

    assert_memory_equal(&info->framebuffer, &none, sizeof(none));
    assert_true(log_has(info, "no framebuffer"));
}

/* None of these ends the boot: the kernel runs without a screen. */
static void test_no_framebuffer(void **state)
{
    static const struct mode bad[] = {
        {PixelBltOnly, {0}, 1024, 768, 1024, BASE},
        {PixelFormatMax, {0}, 1024, 768, 1024, BASE},
        {PixelBitMask, {0xf800, 0x7e0, 0x1f, 0}, 1024, 768, 1024, BASE},    /* 2 bytes a pixel */
        {PixelBitMask, {0xff0000, 0xff00, 0xff, 0}, 1024, 768, 1024, BASE}, /* 3 */
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 768, 1024, 0},
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 0, 1024, BASE},
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 0, 768, 0, BASE},
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 768, 1023, BASE},
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 64, 64, UINT32_C(0x40000040), BASE},
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 768, 1024, UINT64_C(0xfffffffffff00000)},
        /* Past MAXPHYADDR; not canonical; RAM, which is mapped already and otherwise. */
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 64, 64, 64, UINT64_C(0x2000000000000)},
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 64, 64, 64, UINT64_C(0x7fffffffe000)},
        {PixelBlueGreenRedReserved8BitPerColor, {0}, 64, 64, 64, UINT64_C(0x180000001000)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        set_mode(&bad[i]);
        assert_no_framebuffer();
    }
}

static void test_no_graphics(void **state)
{
    (void)state;
    fake_world();
    fake.has_framebuffer = false;
    assert_no_framebuffer();
    fake_world();
    fake.mode.Info = NULL;
    assert_no_framebuffer();
}

static void set_table(size_t index, EFI_GUID guid, uint64_t address)
{
    fake.tables[index] = (EFI_CONFIGURATION_TABLE){guid, (void *)(uintptr_t)address};
    if (fake.system.NumberOfTableEntries <= index)
        fake.system.NumberOfTableEntries = index + 1;
}

/* The newer one wins wherever it stands. */
static void test_tables(void **state)
{
    const EFI_GUID guids[] = {ACPI_TABLE_GUID, ACPI_20_TABLE_GUID, SMBIOS_TABLE_GUID,
                              SMBIOS3_TABLE_GUID};
    const EFI_GUID other = EFI_RNG_PROTOCOL_GUID;

    (void)state;
    for (unsigned which = 0; which < 32; which++) {
        fake_world();
        set_table(0, other, 0x11);
        for (unsigned i = 0; i < 4; i++)
            set_table(which & 16 ? 4 - i : 1 + i, which >> i & 1 ? guids[i] : other, 0x1000 + i);
        const struct boot_info *info = boot_well();
        assert_int_equal(info->rsdp, which & 2 ? 0x1001 : which & 1 ? 0x1000 : 0);
        assert_int_equal(info->smbios, which & 8 ? 0x1003 : which & 4 ? 0x1002 : 0);
    }
}

static void test_seed(void **state)
{
    (void)state;
    fake_world();
    assert_int_equal(boot_well()->seed_size, 32);
    fake_world();
    fake.has_rng = false;
    assert_int_equal(boot_well()->seed_size, 0);
}

/* Half a seed is none: what GetRNG wrote before it failed does not stay. */
static void test_seed_fails(void **state)
{
    (void)state;
    fake_world();
    fake_boot();
    unsigned last = fake.calls_of[FAKE_GET_RNG]; /* those before are not for the seed */
    fake_world();
    fake.nth_service = FAKE_GET_RNG;
    fake.fail_nth = last;
    const struct boot_info *info = boot_well();
    assert_int_equal(fake.calls_of[FAKE_GET_RNG], last);
    assert_int_equal(info->seed_size, 0);
    assert_true(log_has(info, "firmware offers no random seed"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framebuffers), cmocka_unit_test(test_no_framebuffer),
        cmocka_unit_test(test_no_graphics),  cmocka_unit_test(test_tables),
        cmocka_unit_test(test_seed),         cmocka_unit_test(test_seed_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
