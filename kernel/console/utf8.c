/* See utf8.h. */
#include "utf8.h"

#include <stdbool.h>

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte can tell already that nothing good comes of it: Unicode 15, table 3-7. */
static bool can_follow(const struct utf8 *decoder, unsigned char byte)
{
    unsigned shift = 6 * (decoder->remaining - 1);
    uint32_t low = (decoder->code << 6 | (byte & 0x3f)) << shift;
    uint32_t high = low | ((UINT32_C(1) << shift) - 1);

    return is_continuation(byte) && high >= decoder->least && low <= 0x10ffff &&
           !(low >= 0xd800 && high <= 0xdfff);
}

/* The number of code points that the byte is by itself, or begins: 1 or 0. */
static size_t begin(struct utf8 *decoder, unsigned char byte, uint32_t *out)
{
    if (byte < 0x80) {
        *out = byte;
        return 1;
    }
    if (byte < 0xc2 || byte > 0xf4) {
        *out = UTF8_REPLACEMENT;
        return 1;
    }
    if (byte < 0xe0)
        *decoder = (struct utf8){byte & 0x1f, 0x80, 1};
    else if (byte < 0xf0)
        *decoder = (struct utf8){byte & 0x0f, 0x800, 2};
    else
        *decoder = (struct utf8){byte & 0x07, 0x10000, 3};
    return 0;
}

size_t utf8_feed(struct utf8 *decoder, unsigned char byte, uint32_t out[2])
{
    if (decoder->remaining == 0)
        return begin(decoder, byte, out);
    if (!can_follow(decoder, byte)) {
        decoder->remaining = 0;
        out[0] = UTF8_REPLACEMENT;
        return 1 + begin(decoder, byte, out + 1);
    }
    decoder->code = decoder->code << 6 | (byte & 0x3f);
    out[0] = decoder->code;
    return --decoder->remaining == 0 ? 1 : 0;
}
