/* `\_S5` in a definition block's bytes: see acpi.h. The object is only ever a package of
 * constants under the root, and its encoding (ACPI 6.5, 20.2) so characteristic that it needs no
 * interpreter: NameOp, the name, PackageOp, a length, how many elements, the elements. */
#include "acpi.h"

#include "mem.h"

#define NAME_OP     0x08
#define PACKAGE_OP  0x12
#define BYTE_PREFIX 0x0a /* one byte follows; with the next two prefixes 2 and 4 bytes */
#define QWORD       0x0e
#define ONES_OP     0xff

#define SLEEP_TYPE_MAX 7 /* 3 bits of PM1_CNT (4.8.3.2.1) */

/* What is left of a block. */
struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool take(struct cursor *cursor, uint8_t *byte)
{
    if (cursor->left == 0)
        return false;
    *byte = *cursor->at++;
    cursor->left--;
    return true;
}

/* 20.2.4: bits 7:6 of the first byte say how many follow, which hold the higher bits. The length
 * counts these bytes too. Ends the cursor with the package. */
static bool enter_package(struct cursor *cursor)
{
    size_t whole = cursor->left;
    uint8_t first, next;

    if (!take(cursor, &first))
        return false;
    unsigned following = first >> 6;
    size_t length = following == 0 ? first & 0x3f : first & 0x0f;
    for (unsigned i = 0; i < following; i++) {
        if (!take(cursor, &next))
            return false;
        length |= (size_t)next << (4 + 8 * i);
    }
    if (length > whole || length < whole - cursor->left)
        return false;
    cursor->left = length - (whole - cursor->left);
    return true;
}

/* 20.2.3: ZeroOp and OneOp are their own values. */
static bool take_integer(struct cursor *cursor, uint64_t *value)
{
    uint8_t op, byte;

    if (!take(cursor, &op))
        return false;
    *value = op;
    if (op <= 1)
        return true;
    *value = UINT64_MAX;
    if (op == ONES_OP)
        return true;
    if (op < BYTE_PREFIX || op > QWORD || op == 0x0d)
        return false;
    unsigned size = op == QWORD ? 8 : 1U << (op - BYTE_PREFIX);
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        if (!take(cursor, &byte))
            return false;
        *value |= (uint64_t)byte << 8 * i;
    }
    return true;
}

/* What follows the name. Where only one value stands it is that of both registers. */
static bool read_package(struct cursor cursor, struct acpi_sleep_type *type)
{
    uint8_t op, count;
    uint64_t a, b;

    if (!take(&cursor, &op) || op != PACKAGE_OP || !enter_package(&cursor) ||
        !take(&cursor, &count) || count == 0 || !take_integer(&cursor, &a))
        return false;
    b = a;
    if (count > 1 && !take_integer(&cursor, &b))
        return false;
    if (a > SLEEP_TYPE_MAX || b > SLEEP_TYPE_MAX)
        return false;
    *type = (struct acpi_sleep_type){(uint8_t)a, (uint8_t)b};
    return true;
}

bool acpi_find_s5(const struct acpi_table *block, struct acpi_sleep_type *type)
{
    static const uint8_t plain[] = {NAME_OP, '_', 'S', '5', '_'};
    static const uint8_t rooted[] = {NAME_OP, '\\', '_', 'S', '5', '_'};

    for (size_t i = ACPI_HEADER; i + sizeof(plain) <= block->length; i++) {
        const uint8_t *at = block->bytes + i;
        size_t left = block->length - i, name = 0;

        if (memcmp(at, plain, sizeof(plain)) == 0)
            name = sizeof(plain);
        else if (left >= sizeof(rooted) && memcmp(at, rooted, sizeof(rooted)) == 0)
            name = sizeof(rooted);
        if (name != 0 && read_package((struct cursor){at + name, left - name}, type))
            return true;
    }
    return false;
}
