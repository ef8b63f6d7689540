/* See panic_sight.h. */
#include "panic_sight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "display.h"
#include "qr_code.h"

#define WHITE 0xffffffU

uint32_t sight_pixels[SIGHT_HEIGHT_MAX * SIGHT_WIDTH_MAX], sight_width, sight_height;

/* ---- the code -------------------------------------------------------------------------------- */

static uint32_t pixel(uint32_t x, uint32_t y)
{
    return sight_pixels[(size_t)y * sight_width + x];
}

/* The square ends in the lower right corner; white nowhere else reaches there. */
void sight_find_code(struct sight_code *found)
{
    uint32_t most = sight_width < sight_height ? sight_width : sight_height;

    *found = (struct sight_code){0};
    while (found->side < most && pixel(sight_width - 1, sight_height - 1 - found->side) == WHITE)
        found->side++;
    found->x = sight_width - found->side;
    found->y = sight_height - found->side;
}

static unsigned measure_scale(const struct sight_code *found)
{
    uint32_t at = 0, end;

    while (at < found->side && pixel(found->x + at, found->y + at) == WHITE)
        at++;
    for (end = at; end < found->side && pixel(found->x + end, found->y + at) == 0;)
        end++;
    return (end - at) / 7; /* the finder pattern */
}

static bool shows(const struct sight_code *found, const struct qr_code *code)
{
    for (uint32_t y = 0; y < found->side; y++) {
        for (uint32_t x = 0; x < found->side; x++) {
            unsigned row = y / found->scale - QR_QUIET_ZONE;
            unsigned column = x / found->scale - QR_QUIET_ZONE;
            bool dark = row < code->side && column < code->side && qr_is_dark(code, row, column);
            if (pixel(found->x + x, found->y + y) != (dark ? 0 : WHITE))
                return false;
        }
    }
    return true;
}

/* Whole lines, from the first on. */
static void recognize(struct sight_code *found, const char *report)
{
    static struct qr_code code;

    found->scale = measure_scale(found);
    assert_true(found->scale != 0 && found->side % found->scale == 0);
    unsigned side = found->side / found->scale - 2 * QR_QUIET_ZONE;
    for (size_t length = strlen(report); length > 0; length--) {
        if (report[length - 1] != '\n')
            continue;
        for (enum qr_level level = QR_LEVEL_L; level <= QR_LEVEL_M; level++) {
            unsigned version = qr_version_for(length, level, QR_VERSION_MAX);
            found->length = length;
            if (version != 0 && qr_side(version) == side &&
                qr_encode(&code, report, length, level, QR_VERSION_MAX) == QR_OK &&
                shows(found, &code))
                return;
        }
    }
    fail_msg("no code of the report: side %u scale %u, %zu bytes", found->side, found->scale,
             strlen(report));
}

/* ---- the text -------------------------------------------------------------------------------- */

static char read_cell(const struct font *font, uint32_t left, uint32_t top, unsigned scale)
{
    uint32_t paper = pixel(left + 8 * scale - 1, top + 16 * scale - 1);

    for (unsigned character = ' '; character < 0x7f; character++) {
        uint32_t glyph = font_glyph(font, character);
        bool same = true;
        for (unsigned y = 0; y < 16 && same; y++) {
            for (unsigned x = 0; x < 8 && same; x++) {
                bool on = font_row(font, glyph, y) >> (31 - x) & 1;
                same = on == (pixel(left + x * scale, top + y * scale) != paper);
            }
        }
        if (same)
            return (char)character;
    }
    return '?';
}

static bool overlaps(const struct sight_code *code, uint32_t right, uint32_t bottom)
{
    return code->side != 0 && right > code->x && bottom > code->y;
}

/* All rows, with spaces in the code's place. */
static char seen[1 << 16];

static void read_text(const struct display_page *page, const struct sight_code *code)
{
    struct font font;
    unsigned scale = page->cell_width / 8;
    size_t at = 0;

    assert_int_equal(font_open(&font, font_file, font_file_size), FONT_OK);
    for (uint32_t row = 0; row < page->grid.rows; row++) {
        for (uint32_t column = 0; column < page->grid.columns; column++) {
            uint32_t x = page->grid.left + column * page->cell_width;
            uint32_t y = page->grid.top + row * page->cell_height;
            seen[at++] = overlaps(code, x + page->cell_width, y + page->cell_height)
                             ? ' '
                             : read_cell(&font, x, y, scale);
        }
        seen[at++] = '\n';
    }
    seen[at] = '\0';
}

/* Whichever of the pages it is on that the title can be read on. */
static void read_page(const struct sight_code *code)
{
    struct display_page page;

    for (unsigned most = 1; most <= CANVAS_SCALE_MAX; most++) {
        assert_true(display_page(false, most, &page));
        if (page.free.x == 0 || code->x < page.free.x)
            assert_true(display_page(true, most, &page));
        read_text(&page, code);
        if (memcmp(seen, "Title ", 6) == 0)
            return;
    }
    fail_msg("no title");
}

size_t sight_next_word(const char **at, const char **word)
{
    *word = *at + strspn(*at, " \n");
    size_t length = strcspn(*word, " \n");
    *at = *word + length;
    return length;
}

/* Word for word as far as it goes, then nothing or how much is left out. */
void sight_look(struct sight *sight, const char *report)
{
    const char *word, *expected, *at, *in_report = report;
    size_t length;

    sight_find_code(&sight->code);
    if (sight->code.side != 0)
        recognize(&sight->code, report);
    read_page(&sight->code);
    at = seen + strlen("Title");
    for (sight->words = 0; (length = sight_next_word(&at, &word)) != 0; sight->words++) {
        if (strspn(word, "0123456789") == length && strncmp(word + length, " lines more", 11) == 0)
            break;
        assert_int_equal(sight_next_word(&in_report, &expected), length);
        assert_memory_equal(word, expected, length);
    }
    sight->lines_more = length == 0 ? 0 : strtoul(word, NULL, 10);
    sight->notes_code = strstr(seen, ", in the code") != NULL;
    sight->notes_serial = strstr(seen, ", on serial") != NULL;
}
