/* See backtrace.h. */
#include "backtrace.h"

#include "image.h"
#include "loaded_tables.h"
#include "log.h"
#include "symbols.h"

#define FRAMES_MAX  64 /* what comes after them is a recursion's */
#define GUESSES_MAX 16

/* Where the calls of kernel_main (entry.asm) and exception (vectors.asm) would return to. */
extern const char kernel_main_return[] __asm__("kernel_entry.return");
extern const char exception_return[] __asm__("enter_exception.return");

/* A function that called, or was interrupted. */
struct frame {
    const struct pt_space *tables;
    virt_addr_t address; /* where it goes on */
    uint64_t rbp;
    const struct image_segment *stack; /* that it is on; NULL: on none, or nobody knows */
    uint64_t floor;                    /* of its part of the stack; its RSP if it was interrupted */
    bool returned_to; /* by the frame before it; else it was interrupted at `address` */
    bool certain;
};

static bool read_word(const struct pt_space *tables, uint64_t address, uint64_t *word)
{
    if (!is_aligned(address, sizeof(*word)) ||
        !loaded_tables_map(tables, virt_range(address, sizeof(*word))))
        return false;
    *word = *(const uint64_t *)(uintptr_t)address;
    return true;
}

/* The stack that RSP is on; at its upper end it is empty. */
static const struct image_segment *stack_of(uint64_t rsp)
{
    const struct image_segment *stack = image_stack_at(virt(rsp));
    return stack != NULL ? stack : image_stack_at(virt(rsp - 1));
}

/* Eight bytes of this stack? */
static bool is_on(const struct image_segment *stack, uint64_t address)
{
    return stack != NULL && image_stack_at(virt(address)) == stack &&
           image_stack_at(virt(address + 7)) == stack;
}

static bool is_text(uint64_t address)
{
    const struct image_segment *segment = image_segment_at(virt(address));
    return segment != NULL && (segment->rights & PT_RIGHT_EXECUTE) != 0;
}

/* ---- is this a return address? --------------------------------------------------------- */

enum call {
    CALL_NONE,
    CALL_INDIRECT, /* SDM Vol. 2A, CALL: FF /2 */
    CALL_DIRECT,   /* E8 and a displacement */
};

/* Bytes of an FF /2: what ModRM asks for behind it (SDM Vol. 2A, table 2-2). */
static int indirect_call_length(uint8_t modrm, uint8_t sib)
{
    int mode = modrm >> 6, base = modrm & 7;
    int displacement = mode == 1 ? 1 : mode == 2 || (mode == 0 && base == 5) ? 4 : 0;

    if (mode == 3 || base != 4)
        return 2 + (mode == 3 ? 0 : displacement);
    return 3 + (mode == 0 && (sib & 7) == 5 ? 4 : displacement);
}

/* What call instruction ends at an address, and for a direct one where it leads. */
static enum call call_before(const struct pt_space *tables, uint64_t address, uint64_t *target)
{
    const uint8_t *after = (const uint8_t *)(uintptr_t)address;

    if (!is_text(address - 8) || !is_text(address - 1) ||
        !loaded_tables_map(tables, virt_range(address - 8, 8)))
        return CALL_NONE;
    if (after[-5] == 0xe8) {
        uint32_t displacement = after[-4] | (uint32_t)after[-3] << 8 | (uint32_t)after[-2] << 16 |
                                (uint32_t)after[-1] << 24;
        *target = address + (uint64_t)(int64_t)(int32_t)displacement;
        if (is_text(*target))
            return CALL_DIRECT;
    }
    for (int length = 2; length <= 7; length++) {
        const uint8_t *code = after - length;
        if (code[0] == 0xff && (code[1] >> 3 & 7) == 2 &&
            indirect_call_length(code[1], length > 2 ? code[2] : 0) == length)
            return CALL_INDIRECT;
    }
    return CALL_NONE;
}

/* Does a call of the function that `inner` is in end at `address`? An indirect one may. */
static bool calls(uint64_t address, const struct frame *inner)
{
    struct symbol function;
    virt_addr_t inside = virt(inner->address.raw - (inner->returned_to ? 1 : 0));
    uint64_t target;
    enum call call = call_before(inner->tables, address, &target);

    if (call != CALL_DIRECT)
        return call == CALL_INDIRECT;
    if (!symbol_lookup(inside, &function))
        return target <= inside.raw;
    return target == symbol_start(&function).raw;
}

/* ---- from one frame to the next -------------------------------------------------------- */

/* Has an interrupted function made its frame record, and not yet taken it down? Told by its
 * code: `mov rbp, rsp` before, and no `ret` here. The compiler may move other instructions in
 * between. */
static bool has_record(const struct frame *frame)
{
    struct symbol function;
    const uint8_t *at = (const uint8_t *)(uintptr_t)frame->address.raw;

    if (!is_text(frame->address.raw) || !symbol_lookup(frame->address, &function))
        return is_text(frame->address.raw);
    const uint8_t *start = (const uint8_t *)(uintptr_t)symbol_start(&function).raw;
    if (!loaded_tables_map(frame->tables,
                           virt_range(virt_of(start).raw, (uint64_t)(at + 1 - start))))
        return true;
    for (const uint8_t *code = start; code + 3 <= at; code++) {
        if (code[0] == 0x48 && code[1] == 0x89 && code[2] == 0xe5)
            return *at != 0xc3;
    }
    return false;
}

/* A frame record: the caller's RBP, and above it the return address (psABI 3.2.2). */
static const char *read_record(const struct frame *inner, struct frame *next)
{
    const struct image_segment *stack = image_stack_at(virt(inner->rbp));

    if (stack == NULL)
        return "the frame pointer is on no stack of the kernel's";
    if (inner->stack != NULL && stack != inner->stack)
        return "the frame pointer leads to another stack";
    if (inner->stack != NULL && inner->rbp < inner->floor)
        return "the frame pointer leads back";
    if (!is_on(stack, inner->rbp + 8))
        return "the frame pointer leaves no room for a return address";
    *next = (struct frame){
        .tables = inner->tables, .stack = stack, .floor = inner->rbp + 16, .returned_to = true};
    if (!read_word(inner->tables, inner->rbp, &next->rbp) ||
        !read_word(inner->tables, inner->rbp + 8, &next->address.raw))
        return "the frame pointer is misaligned, or its page is not mapped";
    if (!is_text(next->address.raw))
        return "the return address is not in the kernel's text";
    next->certain = calls(next->address.raw, inner);
    return NULL;
}

/* Without a record the return address is on top of the stack, or above the RBP pushed last. */
static bool read_stack_top(const struct frame *inner, struct frame *next)
{
    for (uint64_t slot = 0; slot < 2; slot++) {
        uint64_t at = inner->floor + 8 * slot;

        *next = (struct frame){.tables = inner->tables,
                               .rbp = inner->rbp,
                               .stack = inner->stack,
                               .floor = at + 8,
                               .returned_to = true,
                               .certain = true};
        if (is_on(inner->stack, at) && read_word(inner->tables, at, &next->address.raw) &&
            calls(next->address.raw, inner))
            return true;
    }
    return false;
}

/* NULL, or why there is no next frame. */
static const char *find_caller(const struct frame *inner, struct frame *next)
{
    struct frame top;
    bool record_first = inner->returned_to || has_record(inner);

    if (!record_first && read_stack_top(inner, next))
        return NULL;
    const char *why = read_record(inner, next);
    if (inner->returned_to || (why == NULL && next->certain) || !record_first ||
        !read_stack_top(inner, &top))
        return why;
    *next = top;
    return NULL;
}

static struct frame frame_of(const struct registers *r, const struct pt_space *tables)
{
    return (struct frame){
        .tables = tables,
        .address = virt(r->rip),
        .rbp = r->rbp,
        .stack = stack_of(r->rsp),
        .floor = r->rsp,
        .returned_to = r->vector == VECTOR_NONE,
        .certain = true,
    };
}

/* Below the registers that it saved, vectors.asm makes a record; NULL for any other frame, and
 * where there are no such registers. */
static const struct registers *interrupted_by(const struct frame *frame)
{
    uint64_t at = frame->rbp + 16;
    uint64_t last = at + sizeof(struct registers) - 8;

    if (frame->address.raw != virt_of(exception_return).raw || !is_aligned(at, 8) ||
        frame->rbp < frame->floor || !is_on(frame->stack, at) || !is_on(frame->stack, last) ||
        !loaded_tables_map(frame->tables, virt_range(at, sizeof(struct registers))))
        return NULL;
    const struct registers *r = (const struct registers *)(uintptr_t)at;
    return r->vector < VECTOR_NONE && r->cs == SELECTOR_CODE ? r : NULL;
}

/* ---- printing -------------------------------------------------------------------------- */

static void print_frame(const struct frame *frame)
{
    log_raw("  0x%016lx%s", frame->address.raw, frame->certain ? "" : " ?");
    if (frame->returned_to)
        symbol_print_return(frame->address);
    else
        symbol_print(frame->address);
    log_raw("\n");
}

/* What on the rest of a stack may be return addresses. */
static void print_guesses(const struct frame *last)
{
    struct frame guess = {.tables = last->tables, .returned_to = true};
    uint64_t target;
    unsigned printed = 0;

    for (uint64_t at = align_up(last->floor, 8); is_on(last->stack, at) && printed < GUESSES_MAX;
         at += 8) {
        if (!read_word(guess.tables, at, &guess.address.raw))
            return;
        if (call_before(guess.tables, guess.address.raw, &target) == CALL_NONE)
            continue;
        print_frame(&guess);
        printed++;
    }
}

void backtrace_print(const struct registers *from)
{
    struct pt_space tables = loaded_tables();
    struct frame frame = frame_of(from, &tables), next;
    const struct registers *interrupted;
    const char *why = NULL;

    log_raw("backtrace:\n");
    for (unsigned i = 0; i < FRAMES_MAX && why == NULL; i++) {
        print_frame(&frame);
        if (frame.address.raw == virt_of(kernel_main_return).raw)
            return;
        if ((interrupted = interrupted_by(&frame)) != NULL) {
            log_raw("  exception %lu, error code 0x%lx, came at\n", interrupted->vector,
                    interrupted->error_code);
            frame = frame_of(interrupted, &tables);
        } else if ((why = find_caller(&frame, &next)) == NULL) {
            frame = next;
        }
    }
    log_raw("  stops here: %s\n", why == NULL ? "there are more frames than are printed" : why);
    print_guesses(&frame);
}
