/* How hard a QR code is to read: ISO/IEC 18004:2015, 7.8.3.1 and table 11. See qr_code.h. */
#include "qr_code.h"

#define RUN          3U  /* N1: five modules in a row of one colour, and 1 for each more */
#define SQUARE       3U  /* N2: two by two of one colour */
#define FINDER       40U /* N3: what looks like a finder pattern */
#define UNBALANCE    10U /* N4: each 5 % away from as many dark as light ones */
#define FINDER_QUIET 4U  /* light modules beside a pattern that make it one, of its unit */

/* The lengths of a line's runs, beginning and ending with light ones. The quiet zone counts: what
 * lies at the edge has light beside it. */
struct runs {
    unsigned count;
    uint16_t length[QR_SIDE_MAX + 3];
};

static bool dark_at(const struct qr_code *code, bool across, unsigned line, unsigned at)
{
    return across ? qr_is_dark(code, line, at) : qr_is_dark(code, at, line);
}

static unsigned score_run(unsigned length)
{
    return length < 5 ? 0 : RUN + length - 5;
}

/* Scores the runs too, before the quiet zone is added to them. */
static unsigned find_runs(const struct qr_code *code, bool across, unsigned line, struct runs *runs)
{
    unsigned score = 0;
    bool dark = false;

    runs->count = 1;
    runs->length[0] = 0;
    for (unsigned at = 0; at < code->side; at++) {
        if (dark_at(code, across, line, at) != dark) {
            score += score_run(runs->length[runs->count - 1]);
            runs->length[runs->count++] = 0;
            dark = !dark;
        }
        runs->length[runs->count - 1]++;
    }
    score += score_run(runs->length[runs->count - 1]);
    if (dark)
        runs->length[runs->count++] = 0;
    runs->length[0] += QR_SIDE_MAX;
    runs->length[runs->count - 1] += QR_SIDE_MAX;
    return score;
}

/* Dark runs are those of odd index. */
static unsigned score_finders(const struct runs *runs)
{
    unsigned score = 0;

    for (unsigned i = 1; i + 5 < runs->count; i += 2) {
        const uint16_t *r = runs->length + i;
        unsigned unit = r[0];
        bool ratio = r[1] == unit && r[2] == 3 * unit && r[3] == unit && r[4] == unit;
        if (ratio && (r[-1] >= FINDER_QUIET * unit || r[5] >= FINDER_QUIET * unit))
            score += FINDER;
    }
    return score;
}

static unsigned score_lines(const struct qr_code *code, bool across)
{
    struct runs runs;
    unsigned score = 0;

    for (unsigned line = 0; line < code->side; line++) {
        score += find_runs(code, across, line, &runs);
        score += score_finders(&runs);
    }
    return score;
}

static unsigned score_squares(const struct qr_code *code)
{
    unsigned score = 0;

    for (unsigned row = 0; row + 1 < code->side; row++) {
        for (unsigned column = 0; column + 1 < code->side; column++) {
            bool dark = qr_is_dark(code, row, column);
            if (qr_is_dark(code, row, column + 1) == dark &&
                qr_is_dark(code, row + 1, column) == dark &&
                qr_is_dark(code, row + 1, column + 1) == dark)
                score += SQUARE;
        }
    }
    return score;
}

static unsigned score_balance(const struct qr_code *code)
{
    unsigned dark = 0, side = qr_side(code->version), all = side * side;

    for (unsigned row = 0; row < side; row++) {
        for (unsigned column = 0; column < side; column++)
            dark += qr_is_dark(code, row, column);
    }
    unsigned away = 2 * dark > all ? 2 * dark - all : all - 2 * dark;
    return all == 0 ? 0 : away * 10 / all * UNBALANCE; /* away / (2 * all) in 1/20 */
}

unsigned qr_penalty(const struct qr_code *code)
{
    return score_lines(code, true) + score_lines(code, false) + score_squares(code) +
           score_balance(code);
}
