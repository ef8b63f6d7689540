/* Codes of common/qr_code.c, drawn and read back by zbarimg (package zbar-tools). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "qr_code.h"

#define IMAGES 240 /* of each version six */

static struct qr_code code;
static char folder[256], texts[IMAGES][3000];

static const char *path_of(unsigned number)
{
    static char path[300];

    snprintf(path, sizeof(path), "%s/%u.pgm", folder, number);
    return path;
}

/* Codewords of every value that ASCII has, line ends among them. */
static void make_text(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(rand() % 40 == 0 ? '\n' : ' ' + rand() % 95);
    text[length] = '\0';
}

static void draw(unsigned number, unsigned scale)
{
    unsigned side = (code.side + 2 * QR_QUIET_ZONE) * scale;
    FILE *file = fopen(path_of(number), "w");

    assert_non_null(file);
    fprintf(file, "P5 %u %u 255\n", side, side);
    for (unsigned pixel = 0; pixel < side * side; pixel++) {
        unsigned row = pixel / side / scale - QR_QUIET_ZONE;
        unsigned column = pixel % side / scale - QR_QUIET_ZONE;
        bool inside = row < code.side && column < code.side;
        fputc(inside && qr_is_dark(&code, row, column) ? 0 : 255, file);
    }
    assert_int_equal(fclose(file), 0);
}

/* Reads `expected`, and nothing more. */
static void expect(FILE *output, const char *expected, unsigned number)
{
    static char read[3000];
    size_t length = strlen(expected);

    if (fread(read, 1, length, output) != length || memcmp(read, expected, length) != 0)
        fail_msg("image %u was read as something else", number);
}

static void test_zbarimg(void **state)
{
    char command[400];

    (void)state;
    for (unsigned i = 0; i < IMAGES; i++) {
        enum qr_level level = i % 2 == 0 ? QR_LEVEL_L : QR_LEVEL_M;
        unsigned version = 1 + i * QR_VERSION_MAX / IMAGES;
        size_t most = qr_capacity(version, level), least = qr_capacity(version - 1, level);
        make_text(texts[i], most - (size_t)rand() % (most - least));
        assert_int_equal(qr_encode(&code, texts[i], strlen(texts[i]), level, 40), QR_OK);
        assert_int_equal(code.version, version);
        draw(i, 2 + i % 3);
    }
    snprintf(
        command, sizeof(command),
        "cd %s && ls | sort -n | xargs zbarimg --nodbus --quiet --raw -Sdisable -Sqrcode.enable",
        folder);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    for (unsigned i = 0; i < IMAGES; i++) {
        expect(output, texts[i], i);
        expect(output, "\n", i); /* zbarimg's own */
    }
    assert_int_equal(fgetc(output), EOF);
    assert_int_equal(pclose(output), 0);
}

static int make_folder(void **state)
{
    const char *parent = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof(folder), "%s/bestla-qr-XXXXXX", parent != NULL ? parent : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    for (unsigned i = 0; i < IMAGES; i++)
        unlink(path_of(i));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zbarimg)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
