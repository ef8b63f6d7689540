/* See menu_console.h. */
#include "menu_console.h"

#define SECOND       UINT64_C(10000000) /* in units of 100 ns (UEFI 2.10, 7.1.7) */
#define POLL         10000              /* microseconds */
#define POLLS        100                /* a second of them */
#define FAILURES_MAX 64
#define DRAIN_MAX    64
#define BYTE_POLLS   10 /* for the next byte of a sequence: EDK2 looks at its port each 20 ms */
#define SEQUENCE_MAX 16 /* bytes */
#define SPINS_MAX    1000000 /* events that bring neither a key nor the second's end */

bool open_keyboard(struct boot *boot, struct keyboard *keyboard)
{
    EFI_BOOT_SERVICES *services = boot->system->BootServices;
    SIMPLE_INPUT_INTERFACE *in = boot->system->ConIn;

    *keyboard = (struct keyboard){.services = services, .in = in};
    if (in == NULL)
        return false;
    if (in->WaitForKey == NULL ||
        EFI_ERROR(services->CreateEvent(EVT_TIMER, 0, NULL, NULL, &keyboard->timer))) {
        keyboard->timer = NULL;
        return true;
    }
    if (EFI_ERROR(services->SetTimer(keyboard->timer, TimerPeriodic, SECOND)))
        close_keyboard(keyboard);
    return true;
}

void close_keyboard(struct keyboard *keyboard)
{
    if (keyboard->timer != NULL)
        keyboard->services->CloseEvent(keyboard->timer);
    keyboard->timer = NULL;
}

static bool take_key(struct keyboard *keyboard, EFI_INPUT_KEY *key)
{
    if (keyboard->has_next) {
        *key = keyboard->next;
        keyboard->has_next = false;
        return true;
    }
    EFI_STATUS status = keyboard->in->ReadKeyStroke(keyboard->in, key);
    if (EFI_ERROR(status)) {
        keyboard->failures += status != EFI_NOT_READY;
        return false;
    }
    keyboard->failures = 0;
    return true;
}

static void put_back(struct keyboard *keyboard, EFI_INPUT_KEY key)
{
    keyboard->next = key;
    keyboard->has_next = true;
}

/* ECMA-48, 5.4: what ends a sequence, and its first number. 0: no key of the menu's. */
static UINT16 scan_code_of(CHAR16 end, unsigned number)
{
    static const struct {
        CHAR16 end;
        UINT8 number; /* where it is `~` */
        UINT8 code;
    } keys[] = {
        {'A', 0, SCAN_CODE_UP},        {'B', 0, SCAN_CODE_DOWN},   {'C', 0, SCAN_CODE_RIGHT},
        {'D', 0, SCAN_CODE_LEFT},      {'H', 0, SCAN_CODE_HOME},   {'F', 0, SCAN_CODE_END},
        {'~', 1, SCAN_CODE_HOME},      {'~', 7, SCAN_CODE_HOME},   {'~', 4, SCAN_CODE_END},
        {'~', 8, SCAN_CODE_END},       {'~', 3, SCAN_CODE_DELETE}, {'~', 5, SCAN_CODE_PAGE_UP},
        {'~', 6, SCAN_CODE_PAGE_DOWN},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].end == end && (end != '~' || keys[i].number == number))
            return keys[i].code;
    }
    return 0;
}

static UINT16 read_sequence(struct keyboard *keyboard)
{
    EFI_INPUT_KEY key;
    unsigned number = 0;
    bool first = true; /* of its numbers */
    int read = 0;

    for (int polls = 0; polls < BYTE_POLLS && read < SEQUENCE_MAX;) {
        if (!take_key(keyboard, &key)) {
            keyboard->services->Stall(POLL);
            polls++;
            continue;
        }
        polls = 0;
        read++;
        if (key.ScanCode != 0 || key.UnicodeChar < ' ' || key.UnicodeChar > '~') {
            put_back(keyboard, key);
            return 0;
        }
        if (key.UnicodeChar >= '@')
            return scan_code_of(key.UnicodeChar, number);
        first &= key.UnicodeChar >= '0' && key.UnicodeChar <= '9';
        number = first ? number * 10 + (unsigned)(key.UnicodeChar - '0') : number;
    }
    return 0;
}

/* Firmware reads the sequences of the terminal that it takes a serial port for; any other's it
 * hands on as Esc and the rest, which then is there at once (EDK2, TerminalConIn.c). */
static void join_sequence(struct keyboard *keyboard, EFI_INPUT_KEY *key)
{
    EFI_INPUT_KEY next;

    if (key->ScanCode != SCAN_CODE_ESC || !take_key(keyboard, &next))
        return;
    if (next.UnicodeChar == '[' || next.UnicodeChar == 'O')
        *key = (EFI_INPUT_KEY){.ScanCode = read_sequence(keyboard)};
    else
        put_back(keyboard, next);
}

/* A key that firmware can tell by neither is none: a shift key alone. */
static bool read_key(struct keyboard *keyboard, EFI_INPUT_KEY *key)
{
    if (!take_key(keyboard, key))
        return false;
    join_sequence(keyboard, key);
    return key->ScanCode != 0 || key->UnicodeChar != 0;
}

void drain_keyboard(struct keyboard *keyboard)
{
    EFI_INPUT_KEY key;

    for (int i = 0; i < DRAIN_MAX && read_key(keyboard, &key); i++)
        continue;
}

/* True: a second has passed. The timer stands first, or a key that never ends would hide it. */
static bool wait_for_event(struct keyboard *keyboard)
{
    EFI_EVENT events[] = {keyboard->timer, keyboard->in->WaitForKey};
    UINTN index = 0;

    if (EFI_ERROR(keyboard->services->WaitForEvent(2, events, &index)))
        close_keyboard(keyboard);
    return keyboard->timer != NULL && index == 0;
}

static enum key_event poll(struct keyboard *keyboard, EFI_INPUT_KEY *key)
{
    for (int i = 0; i < POLLS; i++) {
        if (read_key(keyboard, key))
            return KEY_PRESSED;
        if (keyboard->failures > FAILURES_MAX)
            return KEY_LOST;
        keyboard->services->Stall(POLL);
    }
    return KEY_SECOND;
}

enum key_event wait_for_key(struct keyboard *keyboard, EFI_INPUT_KEY *key)
{
    for (unsigned spins = 0; keyboard->timer != NULL; spins++) {
        if (read_key(keyboard, key))
            return KEY_PRESSED;
        if (keyboard->failures > FAILURES_MAX)
            return KEY_LOST;
        if (wait_for_event(keyboard))
            return read_key(keyboard, key) ? KEY_PRESSED : KEY_SECOND;
        if (spins == SPINS_MAX)
            close_keyboard(keyboard);
    }
    return poll(keyboard, key);
}
