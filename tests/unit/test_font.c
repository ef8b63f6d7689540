/* kernel/console/font.c: PSF files good and bad, and the one that the kernel brings. */
/* links: kernel/console/font.c kernel/console/font_file.c kernel/console/utf8.c */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "font.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A copy without a byte to spare, so that ASan sees a read past the end. */
static uint8_t *copy_of(const void *bytes, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void test_own_font(void **state)
{
    struct font font;

    (void)state;
    assert_int_equal(font_open(&font, font_file, font_file_size), FONT_OK);
    assert_int_equal(font.width, 8);
    assert_int_equal(font.height, 16);
    /* A glyph of its own for each that the kernel shows. */
    for (uint32_t code = ' ' + 1; code < 0x7f; code++)
        assert_true(code == '?' || font_glyph(&font, code) != font_glyph(&font, '?'));
    for (uint32_t code = 0x2500; code < 0x2580; code++)
        assert_int_not_equal(font_glyph(&font, code), font.replacement);
    assert_int_equal(font_glyph(&font, 0xfffd), font.replacement);
    assert_int_equal(font_glyph(&font, 0x1f600), font.replacement);
    for (uint32_t row = 0; row < 16; row++) {
        assert_int_equal(font_row(&font, font_glyph(&font, ' '), row), 0);
        assert_int_equal(font_row(&font, font_glyph(&font, 0x2588), row), 0xff000000);
        assert_int_equal(font_row(&font, font_glyph(&font, 0x2580), row), row < 8 ? 0xff000000 : 0);
        assert_int_equal(font_row(&font, font_glyph(&font, 0x2584), row), row < 8 ? 0 : 0xff000000);
    }
}

/* ---- PSF 1 ----------------------------------------------------------------------------- */

/* 256 glyphs of a row each, glyph n being n; two of them are U+0020 and `?`, and glyph 5 is the
 * first of a sequence. */
static size_t make_psf1(uint8_t *file)
{
    size_t size = 4 + 256;

    memcpy(file, (const uint8_t[]){0x36, 0x04, 0x02, 1}, 4);
    for (unsigned i = 0; i < 256; i++)
        file[4 + i] = (uint8_t)i;
    for (unsigned i = 0; i < 256; i++) {
        static const uint8_t codes[] = {' ', 0, '?', 0, 0x00, 0x25, 0xfe, 0xff, 'A', 0, 'B', 0};
        if (i == 3)
            memcpy(file + size, codes, 2);
        if (i == 4)
            memcpy(file + size, codes + 2, 4);
        if (i == 5)
            memcpy(file + size, codes + 6, 6);
        size += i == 3 ? 2 : i == 4 ? 4 : i == 5 ? 6 : 0;
        file[size++] = 0xff;
        file[size++] = 0xff;
    }
    return size;
}

static void test_psf1(void **state)
{
    uint8_t file[2048];
    struct font font;
    size_t size = make_psf1(file);
    uint8_t *copy = copy_of(file, size);

    (void)state;
    assert_int_equal(font_open(&font, copy, size), FONT_OK);
    assert_int_equal(font.count, 256);
    assert_int_equal(font_glyph(&font, ' '), 3);
    assert_int_equal(font_glyph(&font, '?'), 4);
    assert_int_equal(font_glyph(&font, 0x2500), 4);
    assert_int_equal(font_glyph(&font, 'A'), 4); /* only in a sequence: not by itself */
    assert_int_equal(font_row(&font, 4, 0), 4U << 24);
    free(copy);
}

static void test_bad_psf1(void **state)
{
    uint8_t file[2048];
    struct font font;
    size_t size = make_psf1(file);

    (void)state;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = copy_of(file, cut);
        enum font_status expected = cut < 4          ? FONT_NOT_PSF
                                    : cut < 4 + 256  ? FONT_TRUNCATED
                                    : cut < 260 + 12 ? FONT_NO_TABLE /* `?` has not come yet */
                                                     : FONT_OK;
        assert_int_equal(font_open(&font, copy, cut), expected);
        free(copy);
    }
    file[2] = 0x03; /* 512 glyphs */
    assert_int_equal(font_open(&font, file, 4 + 300), FONT_TRUNCATED);
    file[2] = 0; /* no table */
    assert_int_equal(font_open(&font, file, size), FONT_NO_TABLE);
    file[2] = 0x02;
    file[3] = 0;
    assert_int_equal(font_open(&font, file, size), FONT_BAD_HEADER);
    file[3] = FONT_HEIGHT_MAX + 1;
    assert_int_equal(font_open(&font, file, size), FONT_BAD_HEADER);
}

/* ---- PSF 2 ----------------------------------------------------------------------------- */

struct psf2 {
    uint32_t magic, version, header_size, flags, count, glyph_size, height, width;
    uint8_t glyphs[2 * 4];
    char table[12];
};

/* Two glyphs of 12 by 2. */
static const struct psf2 good = {
    0x864ab572,
    0,
    32,
    1,
    2,
    4,
    2,
    12,
    {0xab, 0xc0, 0, 0, 0, 0, 0x80, 0x10},
    " ?\xff\xe2\x94\x80\xfe"
    "AB\xff",
};

static void test_psf2(void **state)
{
    struct font font;
    uint8_t *copy = copy_of(&good, sizeof(good));

    (void)state;
    assert_int_equal(font_open(&font, copy, sizeof(good)), FONT_OK);
    assert_int_equal(font.width, 12);
    assert_int_equal(font.height, 2);
    assert_int_equal(font_glyph(&font, ' '), 0);
    assert_int_equal(font_glyph(&font, 0x2500), 1);
    assert_int_equal(font_glyph(&font, 'A'), 0);
    assert_int_equal(font_row(&font, 0, 0), 0xabc00000);
    assert_int_equal(font_row(&font, 1, 1), 0x80100000);
    free(copy);
}

static void test_bad_psf2(void **state)
{
    static const struct {
        size_t field; /* of 32 bits */
        uint32_t value;
        enum font_status status;
    } bad[] = {
        {offsetof(struct psf2, magic), 0x864ab573, FONT_NOT_PSF},
        {offsetof(struct psf2, version), 1, FONT_BAD_HEADER},
        {offsetof(struct psf2, header_size), 31, FONT_BAD_HEADER},
        {offsetof(struct psf2, header_size), 45, FONT_TRUNCATED},
        {offsetof(struct psf2, header_size), UINT32_MAX, FONT_TRUNCATED},
        {offsetof(struct psf2, flags), 0, FONT_NO_TABLE},
        {offsetof(struct psf2, count), 0, FONT_BAD_HEADER},
        {offsetof(struct psf2, count), 6, FONT_TRUNCATED},
        {offsetof(struct psf2, count), 0xffff, FONT_TRUNCATED},
        {offsetof(struct psf2, count), 0x10000, FONT_BAD_HEADER},
        {offsetof(struct psf2, count), 0x40000001, FONT_BAD_HEADER},
        {offsetof(struct psf2, glyph_size), 2, FONT_BAD_HEADER},
        {offsetof(struct psf2, glyph_size), 8, FONT_BAD_HEADER},
        {offsetof(struct psf2, height), 0, FONT_BAD_HEADER},
        {offsetof(struct psf2, height), 65, FONT_BAD_HEADER},
        {offsetof(struct psf2, width), 0, FONT_BAD_HEADER},
        {offsetof(struct psf2, width), 8, FONT_BAD_HEADER},
        {offsetof(struct psf2, width), 33, FONT_BAD_HEADER},
        {offsetof(struct psf2, width), UINT32_MAX, FONT_BAD_HEADER},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct font font;
        uint8_t *copy = copy_of(&good, sizeof(good));
        memcpy(copy + bad[i].field, &bad[i].value, sizeof(bad[i].value));
        assert_int_equal(font_open(&font, copy, sizeof(good)), bad[i].status);
        free(copy);
    }
    for (size_t cut = 0; cut < offsetof(struct psf2, table) + 2; cut++) {
        struct font font;
        uint8_t *copy = copy_of(&good, cut);
        assert_int_not_equal(font_open(&font, copy, cut), FONT_OK);
        free(copy);
    }
}

/* Every status has words of its own. */
static void test_texts(void **state)
{
    (void)state;
    for (enum font_status a = FONT_OK; a <= FONT_NO_TABLE; a++) {
        for (enum font_status b = FONT_OK; b < a; b++)
            assert_string_not_equal(font_status_text(a), font_status_text(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_font), cmocka_unit_test(test_psf1),
        cmocka_unit_test(test_bad_psf1), cmocka_unit_test(test_psf2),
        cmocka_unit_test(test_bad_psf2), cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
