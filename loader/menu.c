/* The menu: what keys do, and what time does. */
#include "menu.h"

#include "mem.h"
#include "x86_cpu.h"

/* ---- choosing -------------------------------------------------------------------------- */

/* The list scrolls no further than needed; only then is all of it drawn again. */
static void choose(struct menu *menu, size_t at)
{
    size_t before = menu->at, top = menu->top, seen = menu_rows_seen(menu);

    menu->at = at;
    if (at < menu->top)
        menu->top = at;
    if (at - menu->top >= seen)
        menu->top = at - seen + 1;
    if (menu->top != top || menu->list->count > seen) {
        draw_menu(menu);
        return;
    }
    draw_entry(menu, before);
    draw_entry(menu, at);
    draw_below(menu);
}

static void choose_by_scan_code(struct menu *menu, UINT16 code)
{
    size_t last = menu->list->count - 1, page = menu_rows_seen(menu), at = menu->at;

    switch (code) {
    case SCAN_CODE_UP:
        at = at > 0 ? at - 1 : 0;
        break;
    case SCAN_CODE_DOWN:
        at = at + 1;
        break;
    case SCAN_CODE_PAGE_UP:
        at = at > page ? at - page : 0;
        break;
    case SCAN_CODE_PAGE_DOWN:
        at = at + page;
        break;
    case SCAN_CODE_HOME:
        at = 0;
        break;
    case SCAN_CODE_END:
        at = last;
        break;
    default:
        break;
    }
    choose(menu, at < last ? at : last);
}

/* ---- keys ------------------------------------------------------------------------------ */

static bool can_be_booted(struct menu *menu)
{
    const struct listed_entry *listed = menu_entry(menu, menu->at);

    if (!EFI_ERROR(listed->unreadable) && listed->error.status == BOOT_ENTRY_OK)
        return true;
    format_text(menu->message, sizeof(menu->message), "This entry cannot be booted.");
    return false;
}

static enum menu_end begin_editing(struct menu *menu)
{
    if (!menu->wish->editor) {
        format_text(menu->message, sizeof(menu->message),
                    "Options are not to be edited: /loader/loader.conf says so.");
        draw_below(menu);
        return MENU_GOES_ON;
    }
    enum menu_end end = can_be_booted(menu) ? edit_options(menu) : MENU_GOES_ON;
    if (end == MENU_GOES_ON)
        draw_menu(menu);
    return end;
}

static enum menu_end show_help(struct menu *menu)
{
    EFI_INPUT_KEY key;
    enum key_event event;

    draw_help(menu);
    while ((event = wait_for_key(&menu->keyboard, &key)) == KEY_SECOND)
        continue;
    draw_menu(menu);
    return event == KEY_LOST ? MENU_LOSES_KEYS : MENU_GOES_ON;
}

static enum menu_end begin_boot(struct menu *menu)
{
    if (can_be_booted(menu))
        return MENU_BOOTS;
    draw_below(menu);
    return MENU_GOES_ON;
}

static enum menu_end obey(struct menu *menu, EFI_INPUT_KEY key)
{
    menu->left = 0;
    menu->message[0] = '\0';
    if (key.ScanCode == SCAN_CODE_ESC)
        return MENU_LEAVES;
    switch (key.UnicodeChar) {
    case '\r':
    case '\n':
        return begin_boot(menu);
    case 'e':
    case 'E':
        return begin_editing(menu);
    case '?':
        return show_help(menu);
    default:
        choose_by_scan_code(menu, key.ScanCode);
        return MENU_GOES_ON;
    }
}

/* ---- time ------------------------------------------------------------------------------ */

static enum menu_end count_down(struct menu *menu)
{
    if (menu->left == 0)
        return MENU_GOES_ON;
    if (--menu->left == 0)
        return MENU_BOOTS_DEFAULT;
    draw_below(menu);
    return MENU_GOES_ON;
}

static enum menu_end run(struct menu *menu)
{
    EFI_INPUT_KEY key;
    enum menu_end end = MENU_GOES_ON;

    draw_menu(menu);
    while (end == MENU_GOES_ON) {
        switch (wait_for_key(&menu->keyboard, &key)) {
        case KEY_PRESSED:
            end = obey(menu, key);
            break;
        case KEY_SECOND:
            end = count_down(menu);
            break;
        case KEY_LOST:
            end = MENU_LOSES_KEYS;
            break;
        }
    }
    return end;
}

/* ---- the menu -------------------------------------------------------------------------- */

static void choose_default(struct menu *menu)
{
    while (menu_entry(menu, menu->at) != menu->wish->best)
        menu->at++;
    if (menu->at >= menu_rows_seen(menu))
        menu->top = menu->at - menu_rows_seen(menu) + 1;
}

static EFI_STATUS finish(struct menu *menu, enum menu_end end, struct listed_entry **choice,
                         bool *edited)
{
    if (end == MENU_LEAVES) {
        menu->boot->sent_back = true;
        return EFI_ABORTED;
    }
    if (end == MENU_LOSES_KEYS)
        log_line(menu->boot, LOG_WARNING, "the keyboard fails: booting the default entry");
    menu->boot->chosen = end == MENU_BOOTS || end == MENU_BOOTS_EDITED;
    *edited = end == MENU_BOOTS_EDITED;
    *choice = menu->boot->chosen ? menu_entry(menu, menu->at) : menu->wish->best;
    return EFI_SUCCESS;
}

EFI_STATUS run_menu(struct boot *boot, const struct entry_list *list, const struct menu_wish *wish,
                    struct listed_entry **choice, bool *edited)
{
    struct menu menu = {.boot = boot, .list = list, .wish = wish, .left = wish->timeout};

    *choice = wish->best;
    *edited = false;
    if (!open_keyboard(boot, &menu.keyboard)) {
        log_line(boot, LOG_WARNING, "no menu: firmware has no keyboard");
        return EFI_SUCCESS;
    }
    if (!open_screen(boot, &menu.screen)) {
        close_keyboard(&menu.keyboard);
        log_line(boot, LOG_WARNING, "no menu: firmware has no console");
        return EFI_SUCCESS;
    }
    boot->menu_shown = read_tsc();
    if (wish->timeout == 0)
        drain_keyboard(&menu.keyboard);
    choose_default(&menu);
    enum menu_end end = run(&menu);
    close_screen(&menu.screen);
    close_keyboard(&menu.keyboard);
    return finish(&menu, end, choice, edited);
}
