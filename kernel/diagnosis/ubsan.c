/* What a debug build does about undefined behaviour: it says what and where, and dies of it.
 *
 * The code that -fsanitize=undefined puts before each operation calls these functions when the
 * operation has no meaning. Their names and arguments are the interface of compiler-rt's ubsan
 * (compiler-rt/lib/ubsan/ubsan_handlers.h and ubsan_value.h in LLVM), to which gcc 12 and
 * clang 14 both compile; here is what they call for C. In a build without the sanitizer nothing
 * calls them, and the linker leaves them out. */
#include "panic.h"
#include "x86_cpu.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- what the compiler tells --------------------------------------------------------------- */

struct location {
    const char *file;
    uint32_t line, column;
};

enum type_kind {
    TYPE_INTEGER = 0,
};

struct type {
    uint16_t kind;
    uint16_t info;     /* of an integer: bit 0 signed, above it the logarithm of its bits */
    const char name[]; /* in quotes, as `'int'` */
};

/* The value itself if it has at most 64 bits (those above its own are anything), else a pointer
 * to it. */
typedef uintptr_t value_t;

struct typed {
    struct location at;
    const struct type *type;
};

struct shift {
    struct location at;
    const struct type *type, *by_type;
};

struct bounds {
    struct location at;
    const struct type *array_type, *index_type;
};

struct access {
    struct location at;
    const struct type *type;
    uint8_t align_shift;
    uint8_t kind;
};

struct assumption {
    struct location at;
    struct location made_at;
    const struct type *type;
};

struct argument {
    struct location at;
    struct location declared_at;
    int index; /* from 1 */
};

struct builtin {
    struct location at;
    uint8_t kind;
};

/* ---- in words ------------------------------------------------------------------------------ */

struct words {
    char text[40]; /* 128 bits in hexadecimal */
};

/* As __int128 lies in memory. */
struct wide {
    uint64_t low, high;
};

static bool is_integer(const struct type *type)
{
    return type->kind == TYPE_INTEGER;
}

static bool is_signed(const struct type *type)
{
    return is_integer(type) && type->info & 1;
}

static unsigned bits_of(const struct type *type)
{
    return 1U << (type->info >> 1);
}

/* An integer with its sign carried up to 128 bits. */
static struct wide widened(const struct type *type, value_t value)
{
    struct wide wide = {value, 0};

    if (bits_of(type) > 64)
        return *(const struct wide *)value;
    if (bits_of(type) < 64)
        wide.low &= (UINT64_C(1) << bits_of(type)) - 1;
    if (is_signed(type) && wide.low >> (bits_of(type) - 1)) {
        wide.low |= ~((UINT64_C(2) << (bits_of(type) - 1)) - 1);
        wide.high = UINT64_MAX;
    }
    return wide;
}

static bool is_negative(const struct type *type, value_t value)
{
    return is_signed(type) && widened(type, value).high >> 63;
}

static bool is_below(const struct type *type, value_t value, uint64_t limit)
{
    struct wide wide = widened(type, value);

    return wide.high == 0 && wide.low < limit;
}

static struct words words_of(const struct type *type, value_t value)
{
    struct wide wide = is_integer(type) ? widened(type, value) : (struct wide){0, 0};
    struct words words;

    if (!is_integer(type))
        format_text(words.text, sizeof(words.text), "a value");
    else if (bits_of(type) > 64)
        format_text(words.text, sizeof(words.text), "0x%016lx%016lx", wide.high, wide.low);
    else if (is_signed(type))
        format_text(words.text, sizeof(words.text), "%ld", (int64_t)wide.low);
    else
        format_text(words.text, sizeof(words.text), "%lu", wide.low);
    return words;
}

FORMAT_LIKE_PRINTF(2, 3)
_Noreturn static void report(const struct location *at, const char *format, ...)
{
    char text[192];
    va_list args;

    va_start(args, format);
    format_text_args(text, sizeof(text), format, args);
    va_end(args);
    panic("undefined behaviour at %s:%u:%u: %s", at->file, at->line, at->column, text);
}

_Noreturn static void report_overflow(const struct typed *where, value_t left,
                                      const char *operation, value_t right)
{
    report(&where->at, "%s %s %s does not fit %s", words_of(where->type, left).text, operation,
           words_of(where->type, right).text, where->type->name);
}

/* ---- what the compiler calls --------------------------------------------------------------- */

/* By a label: gcc has ideas of its own about a C function of that name. */
#define HANDLER(name, ...)                                   \
    void name(__VA_ARGS__) __asm__("__ubsan_handle_" #name); \
    void name(__VA_ARGS__)

HANDLER(add_overflow, const struct typed *where, value_t left, value_t right)
{
    report_overflow(where, left, "+", right);
}

HANDLER(sub_overflow, const struct typed *where, value_t left, value_t right)
{
    report_overflow(where, left, "-", right);
}

HANDLER(mul_overflow, const struct typed *where, value_t left, value_t right)
{
    report_overflow(where, left, "*", right);
}

HANDLER(negate_overflow, const struct typed *where, value_t value)
{
    report(&where->at, "-(%s) does not fit %s", words_of(where->type, value).text,
           where->type->name);
}

/* Of / and of %. */
HANDLER(divrem_overflow, const struct typed *where, value_t left, value_t right)
{
    if (is_integer(where->type) && is_below(where->type, right, 1))
        report(&where->at, "%s divided by 0", words_of(where->type, left).text);
    report_overflow(where, left, "divided by", right);
}

/* C17 6.5.7: by less than the width of the promoted left side, which to the left must be
 * positive and the result fit. */
HANDLER(shift_out_of_bounds, const struct shift *where, value_t value, value_t by)
{
    if (!is_below(where->by_type, by, bits_of(where->type)))
        report(&where->at, "shift of %s by %s bits", where->type->name,
               words_of(where->by_type, by).text);
    if (is_negative(where->type, value))
        report(&where->at, "shift of the negative %s to the left",
               words_of(where->type, value).text);
    report(&where->at, "%s << %s does not fit %s", words_of(where->type, value).text,
           words_of(where->by_type, by).text, where->type->name);
}

HANDLER(out_of_bounds, const struct bounds *where, value_t index)
{
    report(&where->at, "index %s %s of %s", words_of(where->index_type, index).text,
           is_negative(where->index_type, index) ? "before the start" : "past the end",
           where->array_type->name);
}

/* Null, misaligned, or, by __builtin_object_size(), not inside an object. */
HANDLER(type_mismatch_v1, const struct access *where, value_t pointer)
{
    static const char *const kinds[] = {"read", "write", "reference", "access to a member"};
    uint64_t align = UINT64_C(1) << where->align_shift;
    const char *what =
        where->kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[where->kind] : "access";

    if (pointer == 0)
        report(&where->at, "%s through a pointer that is null, for %s", what, where->type->name);
    if (pointer & (align - 1))
        report(&where->at, "%s through a pointer that is misaligned: 0x%lx for %s wants %lu", what,
               pointer, where->type->name, align);
    report(&where->at, "%s through 0x%lx, where there is no room for %s", what, pointer,
           where->type->name);
}

HANDLER(pointer_overflow, const struct location *at, value_t base, value_t result)
{
    if (base == 0)
        report(at, "0x%lx added to a pointer that is null", result);
    report(at, "pointer 0x%lx moved past the end of memory to 0x%lx", base, result);
}

HANDLER(load_invalid_value, const struct typed *where, value_t value)
{
    report(&where->at, "%s is no value of %s", words_of(where->type, value).text,
           where->type->name);
}

HANDLER(builtin_unreachable, const struct location *at)
{
    report(at, "reached what is declared unreachable");
}

HANDLER(vla_bound_not_positive, const struct typed *where, value_t length)
{
    report(&where->at, "array of %s elements", words_of(where->type, length).text);
}

HANDLER(nonnull_arg, const struct argument *where)
{
    report(&where->at, "argument %d is null but declared not to be", where->index);
}

HANDLER(nonnull_return_v1, const struct location *declared_at, const struct location *at)
{
    (void)declared_at;
    report(at, "the returned pointer is null but declared not to be");
}

HANDLER(alignment_assumption, const struct assumption *where, value_t pointer, value_t align,
        value_t offset)
{
    report(&where->at, "0x%lx less %lu is not aligned to %lu as assumed, for %s", pointer, offset,
           align, where->type->name);
}

HANDLER(invalid_builtin, const struct builtin *where)
{
    report(&where->at, "%s of 0", where->kind == 0 ? "__builtin_ctz" : "__builtin_clz");
}
