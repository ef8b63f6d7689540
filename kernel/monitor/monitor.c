/* See monitor.h: the loop, the table of commands, help, completion. */
#include "monitor.h"

#include "commands.h"
#include "input.h"
#include "log.h"
#include "power.h"
#include "stop.h"
#include "x86_cpu.h"

#define WORDS_MAX 4 /* a name, and one argument more than any command takes */

static void command_help(const struct text *words, size_t count);
static void command_history(const struct text *words, size_t count);

/* What an argument is, for completion. */
enum argument {
    ARGUMENT_NONE,
    ARGUMENT_SYMBOL,
    ARGUMENT_COMMAND,
    ARGUMENT_FAULT,
};

static const struct command {
    const char *name, *arguments, *help;
    size_t least, most; /* arguments */
    command_function run;
    enum argument complete;
} commands[] = {
    {"acpi", "", "ACPI's tables, and what they say of power", 0, 0, command_acpi, ARGUMENT_NONE},
    {"audit", "", "hold the tables against the rules of docs/memory.md", 0, 0, command_audit,
     ARGUMENT_NONE},
    {"boot", "", "when each step of the boot ended", 0, 0, command_boot, ARGUMENT_NONE},
    {"bt", "", "backtrace of the monitor itself", 0, 0, command_bt, ARGUMENT_NONE},
    {"cpu", "", "features, control registers, PAT, MTRRs", 0, 0, command_cpu, ARGUMENT_NONE},
    {"dump", "", "every page table, for the reader on the host", 0, 0, command_dump, ARGUMENT_NONE},
    {"fault", "KIND", "do something forbidden, to see the report; asks first", 1, 1, command_fault,
     ARGUMENT_FAULT},
    {"find", "PHYS", "all addresses that lead to a physical one", 1, 1, command_find,
     ARGUMENT_NONE},
    {"help", "[COMMAND]", "this list", 0, 1, command_help, ARGUMENT_COMMAND},
    {"history", "", "the last lines", 0, 0, command_history, ARGUMENT_NONE},
    {"map", "[RANGE]", "what is mapped, all or in A-B, A+SIZE, A", 0, 1, command_map,
     ARGUMENT_SYMBOL},
    {"mem", "", "the memory map by type, and the frame allocator", 0, 0, command_mem,
     ARGUMENT_NONE},
    {"poweroff", "", "turn the machine off", 0, 0, command_poweroff, ARGUMENT_NONE},
    {"reboot", "", "reset the machine", 0, 0, command_reboot, ARGUMENT_NONE},
    {"sym", "ADDR|NAME", "the symbol at an address, or the address of one", 1, 1, command_sym,
     ARGUMENT_SYMBOL},
    {"walk", "ADDR", "how an address is translated, level by level", 1, 1, command_walk,
     ARGUMENT_SYMBOL},
    {"x", "ADDR [COUNT]", "bytes of memory, where it is mapped", 1, 2, command_x, ARGUMENT_SYMBOL},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static struct line line;
static uint64_t started;

uint64_t monitor_started(void)
{
    return started;
}

static const struct command *command_of(struct text name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (text_equal(text_of(commands[i].name), name))
            return &commands[i];
    }
    return NULL;
}

/* ---- help, history --------------------------------------------------------------------- */

static void print_help(const struct command *command)
{
    log_raw("  %-8s  %-12s  %s\n", command->name, command->arguments, command->help);
}

static void print_unknown(struct text name)
{
    log_raw("%.*s: no such command; `help` lists them\n", TEXT_ARG(name));
}

static void command_help(const struct text *words, size_t count)
{
    const struct command *one = count == 0 ? NULL : command_of(words[0]);

    if (one != NULL)
        print_help(one);
    else if (count != 0)
        print_unknown(words[0]);
    for (size_t i = 0; i < COMMANDS && count == 0; i++)
        print_help(&commands[i]);
    if (count == 0)
        log_raw("Numbers are decimal or 0x hexadecimal, with K, M, G or T; an address may be\n"
                "NAME+OFFSET. Tab completes, the arrows edit and recall, ^C ends a line or a "
                "command.\n");
}

static void command_history(const struct text *words, size_t count)
{
    (void)words, (void)count;
    for (size_t back = LINE_HISTORY; back > 0; back--) {
        const char *text = line_history(&line, back);
        if (text != NULL)
            log_raw("  %s\n", text);
    }
}

/* ---- completion ------------------------------------------------------------------------ */

static void complete_commands(struct line_completion *completion)
{
    for (size_t i = 0; i < COMMANDS; i++)
        line_completion_add(completion, text_of(commands[i].name));
}

static void complete(void *context, struct text before, struct text word,
                     struct line_completion *completion)
{
    struct text name;
    bool first = parse_words(before, &name, 1) == 0;
    const struct command *command = first ? NULL : command_of(name);

    (void)context, (void)word;
    if (first || (command != NULL && command->complete == ARGUMENT_COMMAND))
        complete_commands(completion);
    else if (command != NULL && command->complete == ARGUMENT_SYMBOL)
        names_complete(completion);
    else if (command != NULL && command->complete == ARGUMENT_FAULT)
        fault_complete(completion);
}

/* ---- the loop -------------------------------------------------------------------------- */

static char next_character(void)
{
    char character;

    while (!input_read(&character))
        input_wait();
    return character;
}

#define CONTROL_C '\x03'
#define CONTROL_D '\x04'

bool monitor_ask(const char *question)
{
    log_raw("%s [y/n] ", question);
    for (;;) {
        char answer = next_character();
        bool given_up = answer == CONTROL_C || answer == CONTROL_D;
        if (answer == 'y' || answer == 'n')
            log_raw("%c\n", answer);
        else if (given_up)
            log_raw("^%c\n", answer + '@');
        if (answer == 'y' || answer == 'n' || given_up)
            return answer == 'y';
    }
}

static void run_command(const struct command *command, const struct text *words, size_t count)
{
    stop_begin();
    command->run(words, count);
}

static void run_line(struct text text)
{
    struct text words[WORDS_MAX];
    size_t count = parse_words(text, words, WORDS_MAX);
    const struct command *command = count == 0 ? NULL : command_of(words[0]);

    if (count == 0)
        return;
    if (command == NULL)
        print_unknown(words[0]);
    else if (count - 1 < command->least || count - 1 > command->most)
        log_raw("usage: %s %s\n", command->name, command->arguments);
    else
        run_command(command, words + 1, count - 1);
}

static enum line_event take_line(void)
{
    enum line_event event;

    line_begin(&line);
    do
        event = line_feed(&line, next_character());
    while (event == LINE_MORE);
    return event;
}

void monitor_run(void)
{
    static const struct line_user user = {
        .prompt = "bestla> ", .draw = log_sink, .complete = complete};

    started = read_tsc();
    if (!input_open(power_has_8042()))
        return;
    line_init(&line, &user);
    log_raw("The monitor waits by %s; `help` lists its commands.\n", input_way());
    for (;;) {
        enum line_event event = take_line();
        if (event == LINE_DONE)
            run_line(line_text(&line));
        else if (event == LINE_TOO_LONG)
            log_raw("longer than %u characters: not run\n", LINE_LENGTH_MAX);
    }
}
