/* kernel/acpi/sleep_type.c: \_S5 in all its encodings, cut off and damaged. */
/* links: kernel/acpi/sleep_type.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acpi.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#define NAME "\x08_S5_"

/* Bytes that hold NULs, without the literal's own. */
#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
    const char *aml;
    size_t size;
    int a, b; /* -1: not found */
} aml_rows[] = {
    {BYTES(""), -1, -1},
    {BYTES(NAME), -1, -1},
    {BYTES(NAME "\x12"), -1, -1},
    {BYTES(NAME "\x12\x06\x04\x00\x00\x00\x00"), 0, 0},
    {BYTES(NAME "\x12\x06\x04\x01\x00\x00\x00"), 1, 0},
    {BYTES("\x08\\_S5_\x12\x08\x04\x0a\x05\x0a\x07\x00\x00"), 5, 7},
    {BYTES(NAME "\x12\x08\x02\x0b\x05\x00\x0b\x06\x00"), 5, 6},
    {BYTES(NAME "\x12\x0c\x02\x0c\x05\0\0\0\x0c\x06\0\0\0"), 5, 6},
    {BYTES(NAME "\x12\x14\x02\x0e\x05\0\0\0\0\0\0\0\x0e\x06\0\0\0\0\0\0\0"), 5, 6},
    {BYTES(NAME "\x12\x45\x01\x02\x0e\x05\0\0\0\0\0\0\0\x0e\x06\0\0\0\0\0\0\0"), 5, 6},
    {BYTES(NAME "\x12\x04\x01\x0a\x03"), 3, 3},                     /* one value for both */
    {BYTES(NAME "\x12\x47\x00\x02\x0a\x05\x0a\x06"), 5, 6},         /* PkgLength of 2 bytes */
    {BYTES(NAME "\x12\x88\x00\x00\x02\x0a\x05\x0a\x06"), 5, 6},     /* of 3 */
    {BYTES(NAME "\x12\xc9\x00\x00\x00\x02\x0a\x05\x0a\x06"), 5, 6}, /* of 4 */
    {BYTES(NAME "\x12\x05\x02\x0a\x05\x0a\x06"), -1, -1},           /* too short for its second */
    {BYTES(NAME "\x12\x07\x02\x0a\x05\x0a\x06"), -1, -1},           /* past the block's end */
    {BYTES(NAME "\x12\xff\xff\xff\xff\x02\x0a\x05"), -1, -1},
    {BYTES(NAME "\x12\x00\x02\x0a\x05\x0a\x06"), -1, -1},
    {BYTES(NAME "\x12\x40\x00\x02\x0a\x05\x0a\x06"), -1, -1}, /* shorter than itself */
    {BYTES(NAME "\x12\x06\x00\x0a\x05\x0a\x06"), -1, -1},     /* no element */
    {BYTES(NAME "\x12\x06\x02\x0a\x08\x0a\x06"), -1, -1},     /* 4 bits */
    {BYTES(NAME "\x12\x04\x02\x00\xff"), -1, -1},             /* Ones */
    {BYTES(NAME "\x12\x06\x02\x0d\x35\x00\x00"), -1, -1},     /* a string */
    {BYTES(NAME "\x12\x07\x02MAIN\x00"), -1, -1},             /* a name */
    {BYTES(NAME "\x11\x06\x02\x0a\x05\x0a\x06"), -1, -1},     /* a buffer */
    {BYTES("\x08_S4_\x12\x06\x02\x0a\x05\x0a\x06"), -1, -1},
    {BYTES("\x5b_S5_\x12\x06\x02\x0a\x05\x0a\x06"), -1, -1},
    /* A false one before the true one. */
    {BYTES(NAME NAME "\x12\x06\x02\x0a\x05\x0a\x06"), 5, 6},
    {BYTES("noise" NAME "\x12\x06\x02\x0a\x05\x0a\x06noise"), 5, 6},
};

static void s5_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(aml_rows); i++) {
        uint32_t length = ACPI_HEADER + (uint32_t)aml_rows[i].size;
        uint8_t *bytes = calloc(1, length);
        struct acpi_sleep_type type = {0x55, 0xaa};

        memcpy(bytes + ACPI_HEADER, aml_rows[i].aml, aml_rows[i].size);
        struct acpi_table block = {phys(0), bytes, length};
        bool found = acpi_find_s5(&block, &type);
        if (found != (aml_rows[i].a >= 0))
            fail_msg("row %zu", i);
        assert_int_equal(type.a, found ? aml_rows[i].a : 0x55);
        assert_int_equal(type.b, found ? aml_rows[i].b : 0xaa);
        free(bytes);
    }
}

/* Every length that cuts it off, and every byte replaced by every other: nothing beyond the block
 * is read, and what is found fits. */
static void damaged_s5_is_harmless(void **state)
{
    static const char whole[] = "\x08\\_S5_\x12\x49\x00\x04\x0a\x05\x0b\x06\x00\x0c\x01\x00";
    (void)state;

    for (size_t cut = 0; cut <= sizeof(whole); cut++) {
        uint8_t *bytes = calloc(1, ACPI_HEADER + cut);
        struct acpi_table block = {phys(0), bytes, ACPI_HEADER + (uint32_t)cut};
        for (size_t i = 0; i < cut * 256; i++) {
            struct acpi_sleep_type type;
            memcpy(bytes + ACPI_HEADER, whole, cut);
            bytes[ACPI_HEADER + i / 256] = (uint8_t)i;
            if (acpi_find_s5(&block, &type))
                assert_true(type.a <= 7 && type.b <= 7);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s5_is_found),
        cmocka_unit_test(damaged_s5_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
