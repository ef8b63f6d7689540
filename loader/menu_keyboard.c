/* See menu_console.h. */
#include "menu_console.h"

#define SECOND       UINT64_C(10000000) /* in units of 100 ns (UEFI 2.10, 7.1.7) */
#define POLL         10000              /* microseconds */
#define POLLS        100                /* a second of them */
#define FAILURES_MAX 64
#define DRAIN_MAX    64
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

/* A key that firmware can tell by neither is none: a shift key alone. */
static bool read_key(struct keyboard *keyboard, EFI_INPUT_KEY *key)
{
    EFI_STATUS status = keyboard->in->ReadKeyStroke(keyboard->in, key);

    if (EFI_ERROR(status)) {
        keyboard->failures += status != EFI_NOT_READY;
        return false;
    }
    keyboard->failures = 0;
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
