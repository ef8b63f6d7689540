/* The menu's keyboard and screen: firmware's console (UEFI 2.10, 12.3 and 12.4), which on a serial
 * port is a terminal, whose escape sequences firmware itself writes and reads. No call of
 * firmware's is relied on: what cannot be drawn is not, what cannot be waited for is polled. */
#ifndef BESTLA_LOADER_MENU_CONSOLE_H
#define BESTLA_LOADER_MENU_CONSOLE_H

#include "boot.h"

struct keyboard {
    EFI_BOOT_SERVICES *services;
    SIMPLE_INPUT_INTERFACE *in;
    EFI_EVENT timer;    /* each second; NULL: `in` is polled */
    unsigned failures;  /* of ReadKeyStroke, since a key came */
    EFI_INPUT_KEY next; /* read too early, if has_next */
    bool has_next;
};

enum key_event {
    KEY_PRESSED,
    KEY_SECOND, /* none, for a second */
    KEY_LOST,   /* the keyboard fails for good */
};

/* False where there is none. */
bool open_keyboard(struct boot *boot, struct keyboard *keyboard);
/* Waits for a key, a second at most. */
enum key_event wait_for_key(struct keyboard *keyboard, EFI_INPUT_KEY *key);
/* Forgets what is pressed already: a key that is held down. */
void drain_keyboard(struct keyboard *keyboard);
void close_keyboard(struct keyboard *keyboard);

/* UEFI 2.10, table 12.2. */
enum scan_code {
    SCAN_CODE_UP = 0x01,
    SCAN_CODE_DOWN = 0x02,
    SCAN_CODE_RIGHT = 0x03,
    SCAN_CODE_LEFT = 0x04,
    SCAN_CODE_HOME = 0x05,
    SCAN_CODE_END = 0x06,
    SCAN_CODE_DELETE = 0x08,
    SCAN_CODE_PAGE_UP = 0x09,
    SCAN_CODE_PAGE_DOWN = 0x0a,
    SCAN_CODE_ESC = 0x17,
};

#define SCREEN_COLUMNS_MAX 240

struct screen {
    SIMPLE_TEXT_OUTPUT_INTERFACE *out;
    size_t columns, rows; /* 80x25 where firmware does not say; more than 40x10 */
    UINTN attribute;      /* as firmware had them */
    bool cursor;
};

enum screen_look {
    LOOK_PLAIN = EFI_LIGHTGRAY,
    LOOK_TITLE = EFI_WHITE,
    LOOK_CHOSEN = EFI_BLACK | EFI_LIGHTGRAY << 4,
    LOOK_BAD = EFI_LIGHTRED,
    LOOK_BAD_CHOSEN = EFI_RED | EFI_LIGHTGRAY << 4,
};

/* False where there is none. The screen is clear then. */
bool open_screen(struct boot *boot, struct screen *screen);
void clear_screen(struct screen *screen);
/* A whole row but for its last column, where firmware would scroll: cut short, or filled up with
 * blanks. What UCS-2 lacks is shown as `?`. */
FORMAT_LIKE_PRINTF(4, 5)
void draw_row(struct screen *screen, size_t row, enum screen_look look, const char *format, ...);
/* As it is: not more than the columns from there on. */
void draw_units(struct screen *screen, size_t row, size_t column, const CHAR16 *units,
                size_t count);
void show_cursor(struct screen *screen, size_t row, size_t column);
void hide_cursor(struct screen *screen);
/* Clears it and gives firmware its attribute and cursor back. */
void close_screen(struct screen *screen);

#endif
