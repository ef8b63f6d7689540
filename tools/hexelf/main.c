/* hexelf: a program that survives as Intel HEX or as a flat file, and its assembler's map, into an
 * ELF file that links.
 *
 *     hexelf --machine avr --device atmega328p --map blink.map blink.hex -o blink.o
 *     hexelf --machine x86-64 --raw --map stub.map --reloc 0x3:16:message stub.bin -o stub.o
 *
 * docs/hexelf.md has the options, what is guessed and how to settle it, and the exit codes. */
#include "avr.h"
#include "x86.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static enum tool_status check_input(const struct options *options, const char *path)
{
    struct stat output, input;

    if (stat(options->output, &output) != 0 || stat(path, &input) != 0 ||
        input.st_dev != output.st_dev || input.st_ino != output.st_ino)
        return TOOL_OK;
    return complain(TOOL_USAGE, "-o %s: would overwrite %s, which is read", options->output, path);
}

/* The program survives only there. */
static enum tool_status check_output(const struct options *options)
{
    enum tool_status status = check_input(options, options->input);

    if (status == TOOL_OK)
        status = check_input(options, options->map);
    for (size_t i = 0; i < options->order_file_count && status == TOOL_OK; i++)
        status = check_input(options, options->order_files[i]);
    return status;
}

/* What was guessed must have been readable. */
static enum tool_status check_printed(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return TOOL_OK;
    return complain(TOOL_WRITE_FAILED, "standard output: %s", strerror(errno));
}

static enum tool_status read_input(const struct options *options, struct image *image,
                                   struct symbols *symbols)
{
    enum tool_status status = options->raw ? raw_image_read(options->input, options->base, image)
                                           : intel_hex_read(options->input, image);

    if (status == TOOL_OK)
        status =
            map_read(options->map, options->map_format, options->machine == MACHINE_AVR, symbols);
    return status;
}

/* A settlement that settles nothing is a mistake: an address of words, say. */
static enum tool_status check_settlements(const struct options *options)
{
    for (size_t i = 0; i < options->settlement_count; i++) {
        const struct settlement *settlement = &options->settlements[i];

        if (!settlement->used)
            return complain(TOOL_CONTRADICTION,
                            "--%s %s: nothing there that could be an address (in bytes)",
                            settlement->never ? "never" : "assume", settlement->text);
    }
    return TOOL_OK;
}

static enum tool_status check_guesses(const struct object *object)
{
    size_t guessed = 0;

    for (size_t i = 0; i < object->guess_count; i++)
        guessed += object->guesses[i].confidence != CONFIDENCE_SETTLED;
    if (guessed == 0)
        return TOOL_OK;
    return complain(TOOL_GUESS, "%zu guesses, and --strict forbids them: nothing is written",
                    guessed);
}

static enum tool_status convert(const struct options *options, struct object *object)
{
    enum tool_status status;

    object->machine = options->machine;
    if ((status = check_output(options)) != TOOL_OK ||
        (status = read_input(options, object->image, object->symbols)) != TOOL_OK ||
        (status = options_name(options, object->symbols)) != TOOL_OK)
        return status;
    status = options->machine == MACHINE_AVR ? avr_convert(options, object)
                                             : x86_convert(options, object);
    if (status != TOOL_OK || (status = check_settlements(options)) != TOOL_OK)
        return status;
    object_finish(object);
    if (options->strict)
        status = check_guesses(object);
    if (status == TOOL_OK)
        status = object_write(object, options->output, options->constants);
    if (status == TOOL_OK && options->tables) {
        print_symbols(object);
        print_relocations(object);
    }
    if (status == TOOL_OK || status == TOOL_GUESS)
        print_summary(object, options->output);
    return status;
}

int main(int count, char **words)
{
    struct options options;
    struct image image = {0};
    struct symbols symbols = {0};
    struct object object = {.image = &image, .symbols = &symbols};
    bool help;

    enum tool_status status = options_read(count, words, &options, &help);
    if (help)
        options_help();
    else if (status == TOOL_OK)
        status = convert(&options, &object);
    if (status == TOOL_OK)
        status = check_printed();
    object_free(&object);
    symbols_free(&symbols);
    image_free(&image);
    options_free(&options);
    return (int)status;
}
