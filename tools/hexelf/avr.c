/* The order in which an AVR program is understood: what is surely code first, then what that
 * code shows, and at last what nothing reaches. */
#include "avr.h"

#include <stdlib.h>

static enum tool_status find_device(const struct options *options, const struct object *object,
                                    struct avr_device *device)
{
    const char *name = options->device ? options->device : avr_device_of_map(object->symbols);
    const struct image *image = object->image;

    if (!name)
        return complain(TOOL_USAGE, "--device is needed: the map does not name the part");
    if (!avr_device_find(name, device))
        return complain(TOOL_USAGE, "--device %s: neither a part nor an architecture (avr5)", name);
    if (image->end > device->flash)
        return complain(TOOL_CONTRADICTION, "%s: bytes up to 0x%llx, but %s has 0x%x", image->path,
                        (unsigned long long)image->end, device->name, device->flash);
    return TOOL_OK;
}

/* The linker joins only what is for one architecture. */
static enum tool_status find_target(const struct options *options, const struct avr_device *device,
                                    struct object *object)
{
    struct avr_device target = *device;

    if (options->target && !avr_device_find(options->target, &target))
        return complain(TOOL_USAGE, "--target %s: neither a part nor an architecture (avr5)",
                        options->target);
    if (device->features & ~target.features)
        return complain(TOOL_CONTRADICTION, "--target %s: it lacks instructions of %s",
                        options->target, device->name);
    object->flags = target.arch;
    return TOOL_OK;
}

static void mark_tables(struct avr_program *program)
{
    for (size_t i = 0; i < program->symbols->codes; i++) {
        const struct symbol *symbol = &program->symbols->at[program->symbols->code[i]];

        if (!symbol->sure || symbol->is_code)
            continue;
        for (uint64_t at = symbol->value; at < symbol->value + symbol->size; at += 2)
            avr_mark(program, at, WORD_TABLE);
    }
}

/* From address 0 on there is a jump for each interrupt, up to where the first of them goes that
 * goes forward. A slot that is not used holds reti, or nothing. What has a label of its own and
 * does not go to one is a table that the first jump goes past. */
static void reach_vectors(struct avr_program *program)
{
    unsigned slot = program->device.features & AVR_JMP ? 4 : 2;
    uint64_t end = program->image->end;

    for (uint64_t at = 0; at < end; at += slot) {
        struct avr_instruction instruction = avr_at(program, at);
        bool jump = instruction.op == AVR_OP_RJMP || instruction.op == AVR_OP_JMP;
        uint64_t target = jump ? avr_target(program, at, &instruction) : end;

        if (at > 0 && avr_has_label(program, at) && !(jump && avr_has_label(program, target)))
            break;
        if (target > at && target < end)
            end = target;
        if (jump || instruction.op == AVR_OP_RETURN)
            avr_reach(program, at);
        else if (at == 0 || image_has(program->image, at, 2))
            break;
    }
}

/* Execution begins at address 0, unless that is evidently something else. */
static void reach_entries(struct avr_program *program)
{
    const struct image *image = program->image;
    uint64_t end = symbols_code_at(program->symbols, 0) == NO_SYMBOL
                       ? 0
                       : program->symbols->at[symbols_code_at(program->symbols, 0)].size;

    for (size_t i = 0; i < program->symbols->count; i++) {
        const struct symbol *symbol = &program->symbols->at[i];

        if (symbol->place == PLACE_CODE && symbol->sure && symbol->is_code)
            avr_reach(program, symbol->value);
    }
    if (image->base != 0 || avr_is(program, 0, WORD_TABLE) ||
        (end > 0 && avr_is_text(program, 0, end)))
        return;
    avr_reach(program, 0);
    reach_vectors(program);
}

/* Each round may show code that the one before did not know. */
static void understand(struct avr_program *program)
{
    reach_entries(program);
    do {
        while (program->fresh.count > 0) {
            avr_find_pairs(program);
            avr_reach_tables(program);
        }
    } while (avr_place_by_use(program) || avr_adopt_label(program) || avr_guess_label(program));
}

static void type_symbols(struct avr_program *program)
{
    for (size_t i = 0; i < program->symbols->count; i++) {
        struct symbol *symbol = &program->symbols->at[i];

        if (symbol->place != PLACE_CODE)
            continue;
        symbol->is_code = avr_is(program, symbol->value, WORD_START);
        if (!symbol->is_code && avr_is(program, symbol->value, WORD_REST))
            object_note(program->object, "%s is inside of an instruction: another program's map?",
                        symbol->name);
    }
}

static void program_free(struct avr_program *program)
{
    free(program->words);
    free(program->pending.at);
    free(program->fresh.at);
    free(program->hints.at);
    free(program->touched.at);
    free(program->references);
    free(program->waiting);
    free(program->keepers);
    free(program->pairs);
    free(program->externs);
    free(program->uses);
    free(program->ram_used);
    free(program->in_doubt);
}

enum tool_status avr_convert(const struct options *options, struct object *object)
{
    struct avr_program program = {
        .options = options,
        .image = object->image,
        .symbols = object->symbols,
        .object = object,
    };
    enum tool_status status = find_device(options, object, &program.device);

    if (status == TOOL_OK)
        status = find_target(options, &program.device, object);
    if (status != TOOL_OK)
        return status;
    image_align(object->image, 2);
    object->text_align = 2;
    object->data_align = 1;
    program.words = allocate((object->image->end - object->image->base) / 2, 1);
    program.externs = allocate(object->symbols->count, sizeof(*program.externs));
    program.uses = allocate(object->symbols->count, sizeof(*program.uses));
    program.ram_used = allocate(0x10000, sizeof(*program.ram_used));
    program.in_doubt = allocate(object->symbols->count, sizeof(*program.in_doubt));
    program.keepers = allocate(0x10000, sizeof(*program.keepers));
    program.waiting = allocate(object->symbols->count, sizeof(*program.waiting));
    object->symbols->data_end = UINT64_MAX; /* until it is guessed */
    avr_place_labels(&program);
    avr_index_words(&program);
    mark_tables(&program);
    status = avr_named_pairs(&program);
    if (status == TOOL_OK) {
        understand(&program);
        avr_place_others(&program);
        status = avr_guess_data_end(&program);
    }
    if (status == TOOL_OK) {
        symbols_sort(object->symbols, object->image);
        avr_settle_pairs(&program);
        avr_settle_tables(&program);
        avr_relocate_code(&program);
        type_symbols(&program);
        avr_note_unreached(&program);
    }
    program_free(&program);
    return status;
}
