/* Stands for a system that runs before the loader: does what the lines of \asked say, one by one.
 *
 *     set NAME VALUE  sets one of the Boot Loader Interface's variables, so that it lasts
 *     raw NAME N      sets one to N bytes, no two of which are a terminator
 *     reset           resets the machine, once, and goes on behind this line afterwards
 *     start           starts the loader and, if that comes back, goes on */
#include "_chain.h"

#include "text.h"

#define FILE_MAX  4096
#define NAME_MAX  64
#define VALUE_MAX 1024

#define LASTING \
    (EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS)

static EFI_GUID vendor = {
    0x4a67b082, 0x0a4c, 0x41cf, {0xb6, 0xc7, 0x44, 0x0b, 0x29, 0xbb, 0x8c, 0x4f}};

/* ASCII, as all that these tests write. */
static UINTN widen(struct text text, CHAR16 *units, size_t room)
{
    size_t length = text.length < room - 1 ? text.length : room - 1;

    for (size_t i = 0; i < length; i++)
        units[i] = (CHAR16)text.start[i];
    units[length] = 0;
    return (length + 1) * sizeof(CHAR16);
}

static void set(struct text name, const void *value, UINTN size)
{
    CHAR16 units[NAME_MAX];

    widen(name, units, NAME_MAX);
    must(firmware->RuntimeServices->SetVariable(units, &vendor, LASTING, size,
                                                (void *)(uintptr_t)value),
         "SetVariable");
}

static void set_raw(struct text name, struct text digits)
{
    static CHAR16 units[VALUE_MAX];
    UINTN size = 0;

    for (size_t i = 0; i < digits.length; i++)
        size = size * 10 + (UINTN)(digits.start[i] - '0');
    for (size_t i = 0; i < VALUE_MAX; i++)
        units[i] = 'x';
    set(name, units, size);
}

/* A variable of its own remembers that it has been. */
static bool was_reset(void)
{
    CHAR16 value;
    UINTN size = sizeof(value);

    return !EFI_ERROR(firmware->RuntimeServices->GetVariable((CHAR16 *)u"TestHasReset", &vendor,
                                                             NULL, &size, &value));
}

static void reset(void)
{
    set(text_of("TestHasReset"), u"", sizeof(CHAR16));
    firmware->RuntimeServices->ResetSystem(EfiResetCold, EFI_SUCCESS, 0, NULL);
}

static struct text read_lines(void)
{
    static char text[FILE_MAX];
    EFI_FILE_PROTOCOL *root = open_volume(), *file;
    UINTN size = sizeof(text);

    must(root->Open(root, &file, (CHAR16 *)u"\\asked", EFI_FILE_MODE_READ, 0), "asked");
    must(file->Read(file, &size, text), "reading asked");
    file->Close(file);
    root->Close(root);
    return (struct text){text, size};
}

static void obey(struct text line)
{
    CHAR16 units[VALUE_MAX];
    struct text word, name;

    if (!text_next_word(&line, &word))
        return;
    if (text_equal(word, text_of("start"))) {
        EFI_STATUS status = start_loader(NULL, NULL);
        say("the loader is back: %lx", status);
    } else if (text_equal(word, text_of("set")) && text_next_word(&line, &name)) {
        line = text_trim(line);
        set(name, units, widen(line, units, VALUE_MAX));
    } else if (text_equal(word, text_of("raw")) && text_next_word(&line, &name)) {
        set_raw(name, text_trim(line));
    }
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    chain_open(image, system);
    struct text lines = read_lines(), line;
    bool again = was_reset(), done = again; /* what stands before `reset` */

    while (text_next_line(&lines, &line)) {
        bool resets = text_equal(line, text_of("reset"));
        if (resets && !again)
            reset();
        else if (resets)
            done = false;
        else if (!done)
            obey(line);
    }
    say("asked: the end");
    return EFI_SUCCESS;
}
