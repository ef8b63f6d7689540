/* links: kernel/diagnosis/page_fault.c kernel/image.c tests/unit/kernel_image_sample.c */
/* links: tests/unit/fake_log.c */
/* kernel/diagnosis/page_fault.c: what it says lies at an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "fake_log.h"
#include "handoff.h"
#include "image.h"
#include "kernel_image_sample.h"
#include "page_fault.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define SIZE        (UINT64_C(1) << 30) /* of the direct map */

static int open_image(void **state)
{
    (void)state;
    image_sample_open();
    return 0;
}

static void check_place(uint64_t address, const char *words)
{
    fake_log_clear();
    address_describe(virt(address));
    assert_string_equal(fake_log, words);
}

static void guards(void **state)
{
    const struct {
        const char *name, *bottom, *top;
    } stacks[] = {{"boot stack", boot_stack_bottom, boot_stack_top},
                  {"#DF stack", double_fault_stack_bottom, double_fault_stack_top},
                  {"NMI stack", nmi_stack_bottom, nmi_stack_top},
                  {"#MC stack", machine_check_stack_bottom, machine_check_stack_top}};
    char below[80], above[80], inside[80];
    (void)state;

    for (size_t i = 0; i < ROWS(stacks); i++) {
        uint64_t bottom = virt_of(stacks[i].bottom).raw, top = virt_of(stacks[i].top).raw;

        snprintf(below, sizeof(below), "  that is the guard page below the %s\n", stacks[i].name);
        snprintf(above, sizeof(above), "  that is the guard page above the %s\n", stacks[i].name);
        snprintf(inside, sizeof(inside), "  that is in the kernel's %s\n", stacks[i].name);
        check_place(bottom - 1, below);
        check_place(bottom - 4096, below);
        check_place(bottom, inside);
        check_place(top - 1, inside);
        check_place(top, above);
        check_place(top + 4095, above);
    }
}

static void segments(void **state)
{
    uint64_t text = virt_of(text_start).raw, image = virt_of(image_start).raw;
    (void)state;

    check_place(image, "  that is in the kernel's data\n");
    check_place(image + 4095, "  that is in the kernel's data\n");
    check_place(image + 4096, "  that is a gap in the kernel's image\n");
    check_place(text - 1, "  that is a gap in the kernel's image\n");
    check_place(text, "  that is in the kernel's text\n");
    check_place(text + FUNCTION, "  that is in the kernel's text: function+0x0\n");
    check_place(text + FUNCTION + 0x3f, "  that is in the kernel's text: function+0x3f\n");
    check_place(text + FUNCTION + 0x40,
                "  that is in the kernel's text, 0x0 bytes past the end of function\n");
    check_place(text + FUNCTION + 0x45,
                "  that is in the kernel's text, 0x5 bytes past the end of function\n");
    check_place(text + 8191,
                "  that is in the kernel's text, 0x1ebf bytes past the end of function\n");
    check_place(image - 1, "");
    check_place(image + image_range().size, "");
}

static void the_direct_map(void **state)
{
    uint64_t image = DIRECT_MAP + KERNEL_PHYS,
             text = virt_of(text_start).raw - virt_of(image_start).raw;
    char words[200];
    (void)state;

    check_place(DIRECT_MAP, "  that is the direct map of physical 0x0, usable\n");
    check_place(DIRECT_MAP + 0xfffff, "  that is the direct map of physical 0xfffff, usable\n");
    check_place(DIRECT_MAP + 0x100000,
                "  that is the direct map of physical 0x100000, which is in no "
                "range of the memory map\n");
    check_place(DIRECT_MAP + SIZE - 1,
                "  that is the direct map of physical 0x3fffffff, which is in no "
                "range of the memory map\n");
    check_place(DIRECT_MAP + SIZE, "");
    check_place(DIRECT_MAP - 1, "");
    check_place(image + 8, "  that is the direct map of physical 0x200008, kernel image\n"
                           "  where the kernel's data is\n");
    check_place(image + 4096, "  that is the direct map of physical 0x201000, kernel image\n");
    snprintf(words, sizeof(words),
             "  that is the direct map of physical 0x%lx, kernel image\n"
             "  where the kernel's text is: function+0x4\n",
             KERNEL_PHYS + text + FUNCTION + 4);
    check_place(image + text + FUNCTION + 4, words);
    kernel_memory.ranges[1].type = MEMORY_LOADER; /* somebody else's frame */
    check_place(image + 8, "  that is the direct map of physical 0x200008, loader\n");
}

static void null_and_nothing(void **state)
{
    (void)state;
    check_place(0, "  that is a null pointer, or little more\n");
    check_place(4095, "  that is a null pointer, or little more\n");
    check_place(4096, "");
    check_place(UINT64_C(0xffffc90000000000), "");
    check_place(UINT64_C(0x8000000000000000), "");
    check_place(UINT64_MAX, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, open_image)
    const struct CMUnitTest tests[] = {
        TEST(guards),
        TEST(segments),
        TEST(the_direct_map),
        TEST(null_and_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
