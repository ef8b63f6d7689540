/* common/qr_code.c against the standard's own figures, against libqrencode module by module, and
 * its penalties against a plain reading of the rules. tests/unit/test_qr_read.c has codes read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <qrencode.h>

#include "qr_code.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static struct qr_code code;
static uint8_t bytes[4096];

static void fill_random(size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)rand();
}

/* ---- the standard's figures ------------------------------------------------------------------ */

/* ISO/IEC 18004, table 7. */
static void test_capacity(void **state)
{
    static const struct {
        unsigned version;
        size_t low, medium;
    } rows[] = {
        {1, 17, 14},      {2, 32, 26},      {6, 134, 106},    {7, 154, 122},    {9, 230, 180},
        {10, 271, 213},   {14, 458, 362},   {20, 858, 666},   {21, 929, 711},   {26, 1367, 1059},
        {27, 1465, 1125}, {32, 1952, 1538}, {39, 2809, 2213}, {40, 2953, 2331},
    };

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(qr_capacity(rows[i].version, QR_LEVEL_L), rows[i].low);
        assert_int_equal(qr_capacity(rows[i].version, QR_LEVEL_M), rows[i].medium);
        assert_int_equal(qr_version_for(rows[i].low, QR_LEVEL_L, 40), rows[i].version);
        assert_int_equal(qr_version_for(rows[i].medium, QR_LEVEL_M, 40), rows[i].version);
        if (rows[i].version < 40)
            assert_int_equal(qr_version_for(rows[i].low + 1, QR_LEVEL_L, 40), rows[i].version + 1);
    }
    assert_int_equal(qr_capacity(0, QR_LEVEL_L), 0);
    assert_int_equal(qr_capacity(41, QR_LEVEL_L), 0);
}

static unsigned module(unsigned row, unsigned column)
{
    return qr_is_dark(&code, row, column);
}

/* As figure 25 numbers them, the most significant bit first: along the top left finder pattern, and
 * beside the other two. */
static unsigned read_format(bool second)
{
    unsigned bits = 0, far = code.side - 1;

    for (unsigned i = 0; i < 15; i++) {
        static const uint8_t along[] = {0, 1, 2, 3, 4, 5, 7, 8};
        unsigned down = 14 - i;
        unsigned one = i < 7 ? module(8, along[i]) : module(i == 7 ? 8 : along[down], 8);
        unsigned two = i < 7 ? module(far - i, 8) : module(8, far - down);
        bits = bits << 1 | (second ? two : one);
    }
    return bits;
}

/* Annex C: the 15 bits of each level and mask. */
static void test_format_information(void **state)
{
    static const unsigned known[][QR_MASKS] = {
        [QR_LEVEL_L] = {0x77c4, 0x72f3, 0x7daa, 0x789d, 0x662f, 0x6318, 0x6c41, 0x6976},
        [QR_LEVEL_M] = {0x5412, 0x5125, 0x5e7c, 0x5b4b, 0x45f9, 0x40ce, 0x4f97, 0x4aa0},
    };

    (void)state;
    for (enum qr_level level = QR_LEVEL_L; level <= QR_LEVEL_M; level++) {
        assert_int_equal(qr_encode(&code, "x", 1, level, 40), QR_OK);
        for (unsigned mask = 0; mask < QR_MASKS; mask++) {
            qr_set_mask(&code, mask);
            assert_int_equal(read_format(false), known[level][mask]);
            assert_int_equal(read_format(true), known[level][mask]);
            assert_true(module(code.side - 8, 8));
        }
    }
}

/* Annex D. */
static void test_version_information(void **state)
{
    static const struct {
        unsigned version, bits;
    } rows[] = {{7, 0x07c94}, {8, 0x085bc}, {21, 0x15683}, {32, 0x209d5}, {40, 0x28c69}};

    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        size_t length = qr_capacity(rows[i].version, QR_LEVEL_L);
        unsigned right = 0, below = 0;
        fill_random(length);
        assert_int_equal(qr_encode(&code, bytes, length, QR_LEVEL_L, 40), QR_OK);
        for (unsigned bit = 18; bit-- > 0;) {
            right = right << 1 | module(bit / 3, code.side - 11 + bit % 3);
            below = below << 1 | module(code.side - 11 + bit % 3, bit / 3);
        }
        assert_int_equal(right, rows[i].bits);
        assert_int_equal(below, rows[i].bits);
    }
}

/* ---- what does not fit ----------------------------------------------------------------------- */

static void test_refused(void **state)
{
    static struct qr_code before;
    const struct {
        size_t length;
        enum qr_level level;
        unsigned most;
    } rows[] = {{2954, QR_LEVEL_L, 40}, {2332, QR_LEVEL_M, 40}, {2954, QR_LEVEL_L, 1000},
                {18, QR_LEVEL_L, 1},    {1, QR_LEVEL_L, 0},     {SIZE_MAX, QR_LEVEL_L, 40}};

    (void)state;
    memset(&code, 0x5a, sizeof(code));
    before = code;
    for (size_t i = 0; i < ROWS(rows); i++) {
        assert_int_equal(qr_encode(&code, bytes, rows[i].length, rows[i].level, rows[i].most),
                         QR_TOO_LONG);
        assert_memory_equal(&code, &before, sizeof(code));
    }
}

static void test_smallest_version(void **state)
{
    (void)state;
    assert_int_equal(qr_encode(&code, bytes, 0, QR_LEVEL_M, 40), QR_OK);
    assert_int_equal(code.version, 1);
    assert_int_equal(code.side, 21);
    assert_int_equal(qr_encode(&code, bytes, 2953, QR_LEVEL_L, 40), QR_OK);
    assert_int_equal(code.side, QR_SIDE_MAX);
}

/* ---- against libqrencode --------------------------------------------------------------------- */

/* The three bits behind the level's, as they are before 0x5412 is added. */
static unsigned mask_of(const QRcode *other)
{
    unsigned mask = 0;

    for (unsigned i = 2; i < 5; i++)
        mask = mask << 1 | (other->data[8 * (unsigned)other->width + i] & 1);
    return mask ^ 5;
}

static void compare(const QRcode *other)
{
    assert_int_equal(code.side, other->width);
    assert_int_equal(code.version, other->version);
    for (unsigned row = 0; row < code.side; row++) {
        for (unsigned column = 0; column < code.side; column++) {
            if (module(row, column) != (other->data[row * code.side + column] & 1))
                fail_msg("version %u level %u mask %u: row %u, column %u", code.version, code.level,
                         code.mask, row, column);
        }
    }
}

/* Which mask is best both say for themselves: where 5 % are exact or rounded they may differ. */
static bool same_as_libqrencode(size_t length, enum qr_level level)
{
    QRcode *other =
        QRcode_encodeData((int)length, bytes, 0, level == QR_LEVEL_L ? QR_ECLEVEL_L : QR_ECLEVEL_M);

    assert_non_null(other);
    assert_int_equal(qr_encode(&code, bytes, length, level, 40), QR_OK);
    bool same_choice = code.mask == mask_of(other);
    qr_set_mask(&code, mask_of(other));
    compare(other);
    QRcode_free(other);
    return same_choice;
}

/* Every version and level, full and with one byte more than the version before holds. */
static void test_libqrencode(void **state)
{
    unsigned same = 0, all = 0;

    (void)state;
    for (enum qr_level level = QR_LEVEL_L; level <= QR_LEVEL_M; level++) {
        for (unsigned version = 1; version <= QR_VERSION_MAX; version++) {
            size_t most = qr_capacity(version, level), least = qr_capacity(version - 1, level) + 1;
            size_t lengths[] = {least, most, least + (size_t)rand() % (most - least)};
            for (size_t i = 0; i < ROWS(lengths); i++, all++) {
                fill_random(lengths[i]);
                same += same_as_libqrencode(lengths[i], level);
                assert_int_equal(code.version, version);
            }
        }
    }
    print_message("the same mask of %u in %u\n", same, all);
    assert_true(same * 20 >= all * 19);
}

/* ---- the penalty, by a plain reading of the rules -------------------------------------------- */

/* What lies outside is light. */
static unsigned at(bool turned, long line, long place)
{
    if (line < 0 || place < 0 || line >= code.side || place >= code.side)
        return 0;
    return turned ? module((unsigned)place, (unsigned)line)
                  : module((unsigned)line, (unsigned)place);
}

static bool starts_run(bool turned, long line, long place)
{
    return place == 0 || at(turned, line, place - 1) != at(turned, line, place);
}

static unsigned run_penalty(bool turned, long line, long place)
{
    long end = place;

    if (!starts_run(turned, line, place))
        return 0;
    while (end < code.side && at(turned, line, end) == at(turned, line, place))
        end++;
    return end - place >= 5 ? 3 + (unsigned)(end - place - 5) : 0;
}

static bool all_of(bool turned, long line, long from, long to, unsigned colour)
{
    for (; from < to; from++) {
        if (at(turned, line, from) != colour)
            return false;
    }
    return true;
}

/* Dark, light, dark, light, dark as 1 : 1 : 3 : 1 : 1, of any unit, and no longer. */
static bool is_finder(bool turned, long line, long place, long unit)
{
    static const unsigned parts[] = {1, 1, 3, 1, 1};
    long from = place;

    for (size_t i = 0; i < ROWS(parts); from += (long)parts[i++] * unit) {
        if (!all_of(turned, line, from, from + (long)parts[i] * unit, i % 2 == 0))
            return false;
    }
    return at(turned, line, place - 1) == 0 && at(turned, line, from) == 0 &&
           (all_of(turned, line, place - 4 * unit, place, 0) ||
            all_of(turned, line, from, from + 4 * unit, 0));
}

static unsigned plain_penalty(void)
{
    unsigned sum = 0, dark = 0;
    long side = (long)code.side;

    for (long line = 0; line < side; line++) {
        for (long place = 0; place < side; place++) {
            dark += at(false, line, place);
            for (int turned = 0; turned < 2; turned++) {
                sum += run_penalty(turned, line, place);
                for (long unit = 1; 7 * unit <= side - place; unit++)
                    sum += is_finder(turned, line, place, unit) ? 40 : 0;
            }
            unsigned square = at(false, line, place) + at(false, line, place + 1) +
                              at(false, line + 1, place) + at(false, line + 1, place + 1);
            if (line + 1 < side && place + 1 < side && square % 4 == 0)
                sum += 3;
        }
    }
    double percent = 100.0 * dark / (double)(side * side);
    return sum + 10 * (unsigned)((percent > 50 ? percent - 50 : 50 - percent) / 5);
}

/* Codes of text, of bytes that leave patterns behind, and of noise. */
static void test_penalty(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 30; round++) {
        size_t length = (size_t)rand() % (round < 20 ? 100 : 600);
        unsigned penalties[QR_MASKS], chosen, least = UINT32_MAX;

        fill_random(length);
        if (round % 3 != 0)
            memset(bytes, round % 3 == 1 ? 0 : 0xae, length);
        assert_int_equal(qr_encode(&code, bytes, length, QR_LEVEL_L, 40), QR_OK);
        chosen = code.mask;
        for (unsigned mask = 0; mask < QR_MASKS; mask++) {
            qr_set_mask(&code, mask);
            penalties[mask] = plain_penalty();
            assert_int_equal(qr_penalty(&code), penalties[mask]);
            least = penalties[mask] < least ? penalties[mask] : least;
        }
        assert_int_equal(penalties[chosen], least);
    }
}

/* Light and dark beyond 50 %, which codes of noise never reach. */
static void test_balance(void **state)
{
    (void)state;
    code = (struct qr_code){.version = 1, .side = 21};
    assert_int_equal(qr_penalty(&code), plain_penalty());
    for (unsigned row = 0; row < 21; row++) {
        for (unsigned column = 0; column < 21; column++) {
            code.modules[row][column] = 1;
            assert_int_equal(qr_penalty(&code), plain_penalty());
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_format_information),
        cmocka_unit_test(test_version_information),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_smallest_version),
        cmocka_unit_test(test_libqrencode),
        cmocka_unit_test(test_penalty),
        cmocka_unit_test(test_balance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
