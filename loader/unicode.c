/* Between UTF-8, in which our files are written, and UEFI's UCS-2 (UEFI 2.10, 2.3.1). */
#include "boot.h"

#include "mem.h"

/* Splits one code point off `rest`; 0, and `rest` is as it was, for what UCS-2 lacks and for what
 * is not UTF-8 (Unicode, table 3-7). But for surrogates: file names are any units, and go back to
 * firmware as they came. */
static CHAR16 next_code(struct text *rest)
{
    static const uint32_t least[] = {0, 1, 0x80, 0x800};
    unsigned char first = (unsigned char)*rest->start;
    size_t length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 0;
    uint32_t code = length == 1 ? first : first & (0x7fU >> length);

    if (length == 0 || length > rest->length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if (((unsigned char)rest->start[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((unsigned char)rest->start[i] & 0x3f);
    }
    if (code < least[length])
        return 0;
    rest->start += length;
    rest->length -= length;
    return (CHAR16)code;
}

CHAR16 next_utf16(struct text *rest)
{
    CHAR16 code = next_code(rest);

    if (code != 0)
        return code < ' ' || (code >= 0xd800 && code < 0xe000) ? '?' : code;
    do {
        rest->start++;
        rest->length--;
    } while (rest->length > 0 && ((unsigned char)*rest->start & 0xc0) == 0x80);
    return '?';
}

size_t utf16_from_utf8(struct text text, CHAR16 *out, size_t units)
{
    size_t used = 0;

    while (text.length > 0) {
        CHAR16 code = next_code(&text);
        if (code == 0 || used + 1 >= units)
            return 0;
        out[used++] = code;
    }
    out[used] = 0;
    return used;
}

static size_t put_code(CHAR16 code, char out[3])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

size_t utf8_from_utf16(const CHAR16 *text, size_t units, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < units && text[i] != 0; i++) {
        char code[3];
        size_t length = put_code(text[i], code);
        if (size - used <= length)
            return 0;
        memcpy(out + used, code, length);
        used += length;
    }
    out[used] = '\0';
    return used;
}
