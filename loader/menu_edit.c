/* The options of the chosen entry, edited for this boot. */
#include "menu.h"

#include "mem.h"

#define CTRL(letter) ((letter) - '@')

/* Keys that firmware tells by a scan code. */
static void edit_by_scan_code(struct edit_line *line, UINT16 code)
{
    switch (code) {
    case SCAN_CODE_LEFT:
        edit_step(line, -1);
        break;
    case SCAN_CODE_RIGHT:
        edit_step(line, 1);
        break;
    case SCAN_CODE_HOME:
        edit_go(line, 0);
        break;
    case SCAN_CODE_END:
        edit_go(line, SIZE_MAX);
        break;
    case SCAN_CODE_DELETE:
        edit_erase_at(line);
        break;
    default:
        break;
    }
}

/* False: the character does not fit. Terminals send 0x7f for Backspace, some firmware hands it
 * on. */
static bool edit_by_character(struct edit_line *line, CHAR16 character)
{
    switch (character) {
    case CTRL('H'):
    case 0x7f:
        edit_erase_before(line);
        return true;
    case CTRL('A'):
        edit_go(line, 0);
        return true;
    case CTRL('E'):
        edit_go(line, SIZE_MAX);
        return true;
    case CTRL('D'):
        edit_erase_at(line);
        return true;
    case CTRL('K'):
        edit_erase_end(line);
        return true;
    case CTRL('U'):
        edit_erase_start(line);
        return true;
    case CTRL('W'):
        edit_erase_word(line);
        return true;
    default:
        return character < ' ' || edit_insert(line, character);
    }
}

/* True: the key ends the editing, with *end. */
static bool edit_by_key(struct menu *menu, struct edit_line *line, EFI_INPUT_KEY key,
                        enum menu_end *end)
{
    menu->message[0] = '\0';
    if (key.ScanCode == SCAN_CODE_ESC) {
        *end = MENU_GOES_ON;
        return true;
    }
    if (key.UnicodeChar == '\r' || key.UnicodeChar == '\n') {
        *end = MENU_BOOTS_EDITED;
        return true;
    }
    if (key.ScanCode != 0)
        edit_by_scan_code(line, key.ScanCode);
    else if (!edit_by_character(line, key.UnicodeChar))
        format_text(menu->message, sizeof(menu->message), "no more than %d bytes fit",
                    OPTIONS_MAX - 1);
    return false;
}

/* MENU_GOES_ON: cancelled. */
static enum menu_end edit(struct menu *menu, struct edit_line *line)
{
    EFI_INPUT_KEY key;
    enum menu_end end;

    draw_editing(menu);
    for (;;) {
        draw_edited(menu, line);
        enum key_event event;
        while ((event = wait_for_key(&menu->keyboard, &key)) == KEY_SECOND)
            continue;
        if (event == KEY_LOST)
            return MENU_LOSES_KEYS;
        if (edit_by_key(menu, line, key, &end))
            return end;
    }
}

enum menu_end edit_options(struct menu *menu)
{
    CHAR16 units[OPTIONS_MAX];
    char *options = menu->boot->options;

    if (EFI_ERROR(entry_options(menu->boot, menu_entry(menu, menu->at), options))) {
        format_text(menu->message, sizeof(menu->message), "its options cannot be had");
        return MENU_GOES_ON;
    }
    size_t length = utf16_from_utf8(text_of(options), units, OPTIONS_MAX);
    if (length == 0 && options[0] != '\0') {
        format_text(menu->message, sizeof(menu->message),
                    "its options have characters that this console lacks");
        return MENU_GOES_ON;
    }
    struct edit_line line = edit_line_of(units, length, OPTIONS_MAX - 1, OPTIONS_MAX - 1);
    enum menu_end end = edit(menu, &line);
    hide_cursor(&menu->screen);
    if (end == MENU_BOOTS_EDITED)
        (void)utf8_from_utf16(units, line.length, options, OPTIONS_MAX);
    return end;
}
