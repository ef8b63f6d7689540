/* QR codes (ISO/IEC 18004:2015) of bytes: model 2, versions 1 to 40, error correction L or M, the
 * smallest version that fits. Pure arithmetic in the caller's memory: a kernel that dies draws one.
 *
 * Byte mode only: of a report in lower case the best mixture of all modes would save 6 %. Byte
 * mode's characters are ISO/IEC 8859-1 (7.3.5), so what is to be read the same by every reader is
 * ASCII. */
#ifndef BESTLA_QR_CODE_H
#define BESTLA_QR_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QR_VERSION_MAX   40U
#define QR_SIDE_MAX      177U
#define QR_CODEWORDS_MAX 3706U
#define QR_MASKS         8U
#define QR_QUIET_ZONE    4U /* light modules that a reader wants on every side (6.3.8) */

/* How much of the symbol may be lost: about 7 % and 15 % (6.5.1). */
enum qr_level {
    QR_LEVEL_L,
    QR_LEVEL_M,
};

enum qr_status {
    QR_OK,
    QR_TOO_LONG, /* for the largest version allowed */
};

/* 35 KiB: for a stack too much. */
struct qr_code {
    enum qr_level level;
    unsigned version, side, mask;              /* side: modules, without the quiet zone */
    uint8_t modules[QR_SIDE_MAX][QR_SIDE_MAX]; /* by row and column; see qr_is_dark() */
    uint8_t codewords[QR_CODEWORDS_MAX];       /* data, then error correction, block by block */
};

static inline unsigned qr_side(unsigned version)
{
    return 17 + 4 * version;
}

/* How many bytes a version holds; 0 for none of 1 to 40. */
size_t qr_capacity(unsigned version, enum qr_level level);

/* The smallest version, up to version_max, that holds so many bytes; 0: there is none. */
unsigned qr_version_for(size_t length, enum qr_level level, unsigned version_max);

/* Fills `code`, with the mask of least penalty (7.8.3). On QR_TOO_LONG it is left as it was. */
__attribute__((warn_unused_result)) enum qr_status qr_encode(struct qr_code *code,
                                                             const void *bytes, size_t length,
                                                             enum qr_level level,
                                                             unsigned version_max);

/* Another of the 8 masks, in place of the one that the code has; the code is as good, but may be
 * harder to read. */
void qr_set_mask(struct qr_code *code, unsigned mask);

/* The penalty of a code as it is (7.8.3.1): the more, the harder to read. */
unsigned qr_penalty(const struct qr_code *code);

/* Both below code->side. */
bool qr_is_dark(const struct qr_code *code, unsigned row, unsigned column);

#endif
