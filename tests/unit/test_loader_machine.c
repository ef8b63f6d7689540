/* What the loader finds out about the machine: framebuffer, ACPI and SMBIOS, the seed. */
/* links: loader/ tests/unit/fake_cpu.c tests/unit/fake_firmware.c tests/unit/fake_console.c */
/* links: tests/unit/fake_programs.c tests/unit/fake_pages.c tests/unit/fake_files.c */
/* links: tests/unit/fake_variables.c tests/unit/fake_boot.c */
/* links: tests/unit/kernel_file.c tests/unit/handoff_check.c */
/* links: tests/unit/table_check.c */
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

/* Each screen by its width; 0: BltOnly. The one that is chosen. */
static void test_several_screens(void **state)
{
    static const struct {
        uint32_t widths[1 + FAKE_MORE_SCREENS];
        unsigned consoles; /* by ConsoleOutDevice */
        int console;       /* ConsoleOutHandle; -1: none of them */
        unsigned chosen;
        const char *says;
    } worlds[] = {
        {{1024, 800, 640}, 0, -1, 0, "of 3"},         /* the largest */
        {{640, 1024, 1024}, 0, -1, 1, "of 3"},        /* the first of these */
        {{640, 1024, 800}, 0, 0, 0, "the console's"}, /* however small */
        {{640, 1024, 800}, 1 << 2, -1, 2, "of 3 the console's"},
        {{640, 1024, 800}, 3, -1, 1, "the console's"}, /* the larger of two */
        {{0, 640, 1024}, 1, 0, 2, "of 2"},             /* the splitter's cannot be drawn on */
        {{0, 640, 1024}, 3, 0, 1, "of 2 the console's"},
        {{0, 0, 333}, 1, 0, 2, "framebuffer 333x"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(worlds); i++) {
        fake_world();
        fake.more_screens = FAKE_MORE_SCREENS;
        fake.consoles = worlds[i].consoles;
        fake.system.ConsoleOutHandle =
            worlds[i].console < 0 ? NULL : fake_screen_handle((unsigned)worlds[i].console);
        for (unsigned screen = 0; screen < 1 + FAKE_MORE_SCREENS; screen++) {
            EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info =
                screen == 0 ? &fake.mode_info : &fake.more_info[screen - 1];
            info->HorizontalResolution = info->PixelsPerScanLine = worlds[i].widths[screen];
            if (worlds[i].widths[screen] == 0)
                info->PixelFormat = PixelBltOnly;
        }
        const struct boot_info *info = boot_well();
        assert_int_equal(info->framebuffer.width, worlds[i].widths[worlds[i].chosen]);
        assert_int_equal(info->framebuffer.address,
                         UINT64_C(0x380000000000) + ((uint64_t)worlds[i].chosen << 30));
        assert_true(log_has(info, worlds[i].says));
        assert_false(log_has(info, "no framebuffer"));
    }
}

/* A screen that cannot be used is told by what is wrong with it. */
static void test_reasons(void **state)
{
    static const struct {
        struct mode mode;
        const char *says;
    } bad[] = {
        {{PixelBltOnly, {0}, 1280, 800, 1280, 0},
         "pixel format 3, 1280x800, at 0x0: firmware draws"},
        {{PixelBitMask, {0xf800, 0x7e0, 0x1f, 0}, 1024, 768, 1024, BASE}, "fewer than 4 bytes"},
        {{PixelFormatMax, {0}, 1024, 768, 1024, BASE},
         "pixel format 4, 1024x768, at 0x380000000000:"},
        {{PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 768, 1023, BASE}, "lines that cannot"},
        {{PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 0, 1024, BASE}, "no pixels"},
        {{PixelBlueGreenRedReserved8BitPerColor, {0}, 1024, 768, 1024, 0}, "an address that"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        set_mode(&bad[i].mode);
        assert_true(log_has(boot_well(), bad[i].says));
    }
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
            set_table(which & 16 ? 4 - i : 1 + i, which >> i & 1 ? guids[i] : other, 0xe1000 + i);
        const struct boot_info *info = boot_well();
        assert_int_equal(info->rsdp, which & 2 ? 0xe1001 : which & 1 ? 0xe1000 : 0);
        assert_int_equal(info->smbios, which & 8 ? 0xe1003 : which & 4 ? 0xe1002 : 0);
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

/* One MiB of a GiB of RAM is uncached: that GiB is mapped by leaves of 2 MiB, and the two MiB in
 * which that one lies by pages. */
static void test_memory_types(void **state)
{
    const uint64_t all = (UINT64_C(1) << 48) - 1, mib = UINT64_C(1) << 20;

    (void)state;
    fake_plain_world();
    boot_well();
    const unsigned pages = checked_leaves[1], large = checked_leaves[2], huge = checked_leaves[3];
    assert_true(huge >= 2);
    fake_plain_world();
    fake_cpu.mtrrs = (struct mtrrs){
        .present = true,
        .phys_bits = 48,
        .default_type = UINT64_C(0x800) | MTRR_WRITE_BACK,
        .variable_count = 1,
        .variable = {{UINT64_C(0x180040300000) | MTRR_UNCACHED, (all & ~(mib - 1)) | 0x800}},
    };
    boot_well();
    assert_int_equal(checked_leaves[3], huge - 1);
    assert_int_equal(checked_leaves[2], large + 511);
    assert_int_equal(checked_leaves[1], pages + 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framebuffers),
        cmocka_unit_test(test_no_framebuffer),
        cmocka_unit_test(test_several_screens),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_no_graphics),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_seed_fails),
        cmocka_unit_test(test_memory_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
