/* See options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPT_MACHINE = 256,
    OPT_DEVICE,
    OPT_TARGET,
    OPT_MAP,
    OPT_MAP_FORMAT,
    OPT_RAW,
    OPT_BASE,
    OPT_DATA_END,
    OPT_ASSUME,
    OPT_NEVER,
    OPT_STRICT,
    OPT_RELOC,
    OPT_RELOCS,
    OPT_PRINT,
    OPT_CONSTANTS,
    OPT_HELP,
    OPT_NAMES, /* and enum naming */
};

static const struct option long_options[] = {
    {"machine", required_argument, NULL, OPT_MACHINE},
    {"device", required_argument, NULL, OPT_DEVICE},
    {"target", required_argument, NULL, OPT_TARGET},
    {"map", required_argument, NULL, OPT_MAP},
    {"map-format", required_argument, NULL, OPT_MAP_FORMAT},
    {"output", required_argument, NULL, 'o'},
    {"raw", no_argument, NULL, OPT_RAW},
    {"base", required_argument, NULL, OPT_BASE},
    {"data-end", required_argument, NULL, OPT_DATA_END},
    {"assume", required_argument, NULL, OPT_ASSUME},
    {"never", required_argument, NULL, OPT_NEVER},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"reloc", required_argument, NULL, OPT_RELOC},
    {"relocs", required_argument, NULL, OPT_RELOCS},
    {"print", no_argument, NULL, OPT_PRINT},
    {"constants", no_argument, NULL, OPT_CONSTANTS},
    {"help", no_argument, NULL, OPT_HELP},
    {"entry", required_argument, NULL, OPT_NAMES + NAME_ENTRY},
    {"table", required_argument, NULL, OPT_NAMES + NAME_TABLE},
    {"data", required_argument, NULL, OPT_NAMES + NAME_DATA},
    {"absolute", required_argument, NULL, OPT_NAMES + NAME_ABSOLUTE},
    {"extern", required_argument, NULL, OPT_NAMES + NAME_EXTERN},
    {"export", required_argument, NULL, OPT_NAMES + NAME_EXPORT},
    {0},
};

void options_help(void)
{
    puts("usage: hexelf --machine avr|x86-64 --map MAP [OPTION...] INPUT -o OUTPUT\n"
         "INPUT is Intel HEX; OUTPUT a relocatable ELF file. Numbers are decimal, or hexadecimal "
         "with 0x.\n\n"
         "  --map-format FORMAT   avrasm2, avra, nasm or list; else the map's first line tells\n"
         "  --raw                 INPUT is a flat file\n"
         "  --base ADDRESS        where its first byte lies\n"
         "  --export NAME         make this symbol global, and no other\n"
         "  --extern NAME[=ADDRESS]  others have it; the program thinks it is at ADDRESS\n"
         "  --absolute NAME       its value stays\n"
         "  --data NAME           it lies in RAM\n"
         "  --data-end ADDRESS    where the last symbol in RAM ends\n"
         "  --constants           keep the map's constants, as local symbols\n"
         "  --print               print symbols and relocations\n"
         "  --strict              no output where something had to be guessed\n\n"
         "AVR:\n"
         "  --device NAME         the part (atmega328p) or architecture (avr5)\n"
         "  --target NAME         the one that it is linked for, if another\n"
         "  --entry NAME          code that nothing in the program calls\n"
         "  --table NAME          constants in flash, never code\n"
         "  --assume ADDRESS[=SYMBOL[:bytes|:words]]  the guess at ADDRESS is right\n"
         "  --assume LOW,HIGH=SYMBOL[:bytes|:words]   two instructions hold its address\n"
         "  --never ADDRESS       it is wrong\n\n"
         "x86-64:\n"
         "  --reloc ADDRESS:KIND:SYMBOL  KIND is 64, 32, 32S, 16, PC64, PC32 or PC16\n"
         "  --relocs FILE         such lines");
}

static struct word word_of(const char *text)
{
    return (struct word){text, strlen(text)};
}

/* ---- arguments ------------------------------------------------------------------------- */

static enum tool_status take_number(const char *option, const char *text, uint64_t *number)
{
    if (!word_c_number(word_of(text), number))
        return complain(TOOL_USAGE, "--%s %s: no number, decimal or hexadecimal with 0x", option,
                        text);
    return TOOL_OK;
}

static enum tool_status take_machine(struct options *options, const char *text, bool *given)
{
    *given = true;
    if (strcmp(text, "avr") == 0)
        options->machine = MACHINE_AVR;
    else if (strcmp(text, "x86-64") == 0)
        options->machine = MACHINE_X86_64;
    else
        return complain(TOOL_USAGE, "--machine %s: neither avr nor x86-64", text);
    return TOOL_OK;
}

static enum tool_status take_format(struct options *options, const char *text)
{
    static const char *const formats[] = {
        [MAP_AVRASM2] = "avrasm2", [MAP_AVRA] = "avra", [MAP_NASM] = "nasm", [MAP_LIST] = "list"};

    for (enum map_format format = MAP_AVRASM2; format <= MAP_LIST; format++) {
        if (strcmp(text, formats[format]) == 0) {
            options->map_format = format;
            return TOOL_OK;
        }
    }
    return complain(TOOL_USAGE, "--map-format %s: none of avrasm2, avra, nasm, list", text);
}

static enum tool_status take_name(struct options *options, enum naming naming, const char *text)
{
    const char *equals = naming == NAME_EXTERN ? strchr(text, '=') : NULL;
    struct naming_option option = {.naming = naming, .has_value = equals != NULL};

    if (equals) {
        enum tool_status status = take_number("extern", equals + 1, &option.value);
        if (status != TOOL_OK)
            return status;
    }
    option.name = word_copy((struct word){text, equals ? (size_t)(equals - text) : strlen(text)});
    options->names =
        array_grow(options->names, options->name_count, &options->name_room, sizeof(option));
    options->names[options->name_count++] = option;
    return TOOL_OK;
}

/* ADDRESS, ADDRESS=SYMBOL, LOW,HIGH=SYMBOL, each symbol with :bytes or :words behind it. */
static enum tool_status take_settlement(struct options *options, const char *text, bool never)
{
    struct settlement settlement = {.text = text, .never = never};
    const char *option = never ? "--never" : "--assume";
    const char *equals = never ? NULL : strchr(text, '=');
    const char *end = equals ? equals : text + strlen(text);
    const char *comma = equals ? memchr(text, ',', (size_t)(end - text)) : NULL;
    const char *first_end = comma ? comma : end;

    if (!word_c_number((struct word){text, (size_t)(first_end - text)}, &settlement.address) ||
        (comma &&
         !word_c_number((struct word){comma + 1, (size_t)(end - comma - 1)}, &settlement.high)))
        return complain(TOOL_USAGE, "%s %s: no address, decimal or hexadecimal with 0x", option,
                        text);
    settlement.has_high = comma != NULL;
    if (equals) {
        const char *colon = strrchr(equals, ':');
        bool bytes = colon && strcmp(colon, ":bytes") == 0;
        bool words = colon && strcmp(colon, ":words") == 0;
        const char *name_end = bytes || words ? colon : text + strlen(text);

        settlement.units = bytes ? UNITS_BYTES : words ? UNITS_WORDS : UNITS_ANY;
        settlement.symbol = word_copy((struct word){equals + 1, (size_t)(name_end - equals - 1)});
    }
    options->settlements = array_grow(options->settlements, options->settlement_count,
                                      &options->settlement_room, sizeof(settlement));
    options->settlements[options->settlement_count++] = settlement;
    return TOOL_OK;
}

/* "R_X86_64_32S" or "32S". */
static bool kind_of(struct word word, unsigned *kind)
{
    static const char prefix[] = "R_X86_64_";

    for (unsigned i = 0; i < 64; i++) {
        const char *name = relocation_name(MACHINE_X86_64, i);

        if (name && (word_is(word, name) || word_is(word, name + sizeof(prefix) - 1))) {
            *kind = i;
            return true;
        }
    }
    return false;
}

/* What is wrong with ADDRESS:KIND:SYMBOL, and where; NULL: nothing. */
static const char *parse_order(struct word word, struct order *order, size_t *column)
{
    const char *first = memchr(word.at, ':', word.length);
    const char *rest = first ? first + 1 : NULL;
    size_t left = first ? word.length - (size_t)(rest - word.at) : 0;
    const char *second = first ? memchr(rest, ':', left) : NULL;

    *column = 0;
    if (!second)
        return "not ADDRESS:KIND:SYMBOL";
    if (!word_c_number((struct word){word.at, (size_t)(first - word.at)}, &order->address))
        return "no address, decimal or hexadecimal with 0x";
    *column = (size_t)(rest - word.at);
    if (!kind_of((struct word){rest, (size_t)(second - rest)}, &order->kind))
        return "the kind is none of 64, 32, 32S, 16, PC64, PC32, PC16";
    *column = (size_t)(second - word.at) + 1;
    if (*column == word.length)
        return "no symbol";
    order->symbol = word_copy((struct word){second + 1, word.length - *column});
    return NULL;
}

static void add_order(struct options *options, struct order order)
{
    options->orders =
        array_grow(options->orders, options->order_count, &options->order_room, sizeof(order));
    options->orders[options->order_count++] = order;
}

static enum tool_status take_order(struct options *options, const char *text)
{
    struct order order = {.text = text};
    size_t column;
    const char *wrong = parse_order(word_of(text), &order, &column);

    if (wrong)
        return complain(TOOL_USAGE, "--reloc %s: %s", text, wrong);
    add_order(options, order);
    return TOOL_OK;
}

static enum tool_status take_order_line(struct options *options, const struct line *line)
{
    struct order order = {0};
    struct word words[1];
    size_t count = line_words(line, words, 1), column;

    if (count == 0 || words[0].at[0] == '#')
        return TOOL_OK;
    const char *wrong = count == 1 ? parse_order(words[0], &order, &column) : "more than one word";
    if (wrong)
        return complain_at(line, words[0].at + (count == 1 ? column : 0), "%s", wrong);
    char *text = word_copy(words[0]);
    options->texts =
        array_grow(options->texts, options->text_count, &options->text_room, sizeof(text));
    options->texts[options->text_count++] = text;
    order.text = text;
    add_order(options, order);
    return TOOL_OK;
}

static enum tool_status take_orders(struct options *options, const char *path)
{
    struct text_file file;
    struct line line = {.file = &file};
    enum tool_status status = text_open(path, &file);

    options->order_files = array_grow(options->order_files, options->order_file_count,
                                      &options->order_file_room, sizeof(path));
    options->order_files[options->order_file_count++] = path;
    while (status == TOOL_OK && text_next(&line))
        status = take_order_line(options, &line);
    text_close(&file);
    return status;
}

/* ---- the line -------------------------------------------------------------------------- */

static enum tool_status take(struct options *options, int option, char *text, bool *machine)
{
    switch (option) {
    case OPT_MACHINE:
        return take_machine(options, text, machine);
    case OPT_MAP_FORMAT:
        return take_format(options, text);
    case OPT_BASE:
        return take_number("base", text, &options->base);
    case OPT_DATA_END:
        options->has_data_end = true;
        return take_number("data-end", text, &options->data_end);
    case OPT_ASSUME:
    case OPT_NEVER:
        return take_settlement(options, text, option == OPT_NEVER);
    case OPT_RELOC:
        return take_order(options, text);
    case OPT_RELOCS:
        return take_orders(options, text);
    case OPT_DEVICE:
        options->device = text;
        break;
    case OPT_TARGET:
        options->target = text;
        break;
    case OPT_MAP:
        options->map = text;
        break;
    case 'o':
        options->output = text;
        break;
    case OPT_RAW:
        options->raw = true;
        break;
    case OPT_STRICT:
        options->strict = true;
        break;
    case OPT_PRINT:
        options->tables = true;
        break;
    case OPT_CONSTANTS:
        options->constants = true;
        break;
    default:
        return take_name(options, (enum naming)(option - OPT_NAMES), text);
    }
    return TOOL_OK;
}

static enum tool_status check(const struct options *options, bool machine)
{
    const char *lacks = !machine           ? "--machine"
                        : !options->map    ? "--map"
                        : !options->output ? "-o"
                        : !options->input  ? "an input file"
                                           : NULL;
    bool x86 = options->machine == MACHINE_X86_64;

    if (lacks)
        return complain(TOOL_USAGE, "%s is missing; hexelf --help lists the options", lacks);
    if (options->base && !options->raw)
        return complain(TOOL_USAGE, "--base is for --raw: Intel HEX has its own addresses");
    if (x86 && (options->device || options->target || options->settlement_count > 0))
        return complain(TOOL_USAGE, "%s is for --machine avr",
                        options->device   ? "--device"
                        : options->target ? "--target"
                                          : "--assume or --never");
    if (!x86 && options->order_count > 0)
        return complain(TOOL_USAGE, "--reloc is for --machine x86-64");
    return TOOL_OK;
}

enum tool_status options_read(int count, char **words, struct options *options, bool *help)
{
    bool machine = false;
    int option;

    *options = (struct options){0};
    *help = false;
    opterr = 0;
    while ((option = getopt_long(count, words, ":o:", long_options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return complain(TOOL_USAGE, "%s: %s; hexelf --help lists the options",
                            words[optind - 1],
                            option == '?' ? "no such option" : "its argument is missing");
        if (option == OPT_HELP) {
            *help = true;
            return TOOL_OK;
        }
        enum tool_status status = take(options, option, optarg, &machine);
        if (status != TOOL_OK)
            return status;
    }
    if (optind < count)
        options->input = words[optind];
    if (optind + 1 < count)
        return complain(TOOL_USAGE, "%s: a second input file", words[optind + 1]);
    return check(options, machine);
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->name_count; i++)
        free(options->names[i].name);
    for (size_t i = 0; i < options->settlement_count; i++)
        free(options->settlements[i].symbol);
    for (size_t i = 0; i < options->order_count; i++)
        free(options->orders[i].symbol);
    for (size_t i = 0; i < options->text_count; i++)
        free(options->texts[i]);
    free(options->names);
    free(options->settlements);
    free(options->orders);
    free(options->order_files);
    free(options->texts);
}
