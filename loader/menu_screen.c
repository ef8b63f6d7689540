/* See menu_console.h. */
#include "menu_console.h"

#define TEXT_MAX 1024 /* bytes of a row's text */

/* What most firmware has on a serial port; UEFI 2.10, 12.4 asks for it of every device. */
#define COLUMNS 80
#define ROWS    25

static void measure(struct screen *screen)
{
    UINTN columns = 0, rows = 0;
    UINTN mode = screen->out->Mode == NULL ? 0 : (UINTN)screen->out->Mode->Mode;

    screen->columns = COLUMNS;
    screen->rows = ROWS;
    if (EFI_ERROR(screen->out->QueryMode(screen->out, mode, &columns, &rows)) || columns < 40 ||
        rows < 10)
        return;
    screen->columns = columns < SCREEN_COLUMNS_MAX ? columns : SCREEN_COLUMNS_MAX;
    screen->rows = rows;
}

bool open_screen(struct boot *boot, struct screen *screen)
{
    SIMPLE_TEXT_OUTPUT_INTERFACE *out = boot->system->ConOut;

    *screen = (struct screen){.out = out, .attribute = LOOK_PLAIN};
    if (out == NULL)
        return false;
    if (out->Mode != NULL) {
        screen->attribute = (UINTN)out->Mode->Attribute;
        screen->cursor = out->Mode->CursorVisible;
    }
    measure(screen);
    hide_cursor(screen);
    clear_screen(screen);
    return true;
}

void clear_screen(struct screen *screen)
{
    screen->out->SetAttribute(screen->out, LOOK_PLAIN);
    screen->out->ClearScreen(screen->out);
}

void close_screen(struct screen *screen)
{
    screen->out->SetAttribute(screen->out, screen->attribute);
    screen->out->ClearScreen(screen->out);
    screen->out->EnableCursor(screen->out, screen->cursor);
}

void hide_cursor(struct screen *screen)
{
    screen->out->EnableCursor(screen->out, FALSE);
}

void show_cursor(struct screen *screen, size_t row, size_t column)
{
    screen->out->SetCursorPosition(screen->out, column, row);
    screen->out->EnableCursor(screen->out, TRUE);
}

void draw_units(struct screen *screen, size_t row, size_t column, const CHAR16 *units, size_t count)
{
    CHAR16 text[SCREEN_COLUMNS_MAX];
    size_t used = 0;

    while (used < count && column + used + 1 < screen->columns) {
        text[used] = units[used];
        used++;
    }
    text[used] = 0;
    screen->out->SetCursorPosition(screen->out, column, row);
    screen->out->OutputString(screen->out, text);
}

void draw_row(struct screen *screen, size_t row, enum screen_look look, const char *format, ...)
{
    char bytes[TEXT_MAX];
    CHAR16 units[SCREEN_COLUMNS_MAX];
    va_list args;

    va_start(args, format);
    size_t length = format_text_args(bytes, sizeof(bytes), format, args);
    va_end(args);
    struct text text = {bytes, length < sizeof(bytes) ? length : sizeof(bytes) - 1};
    for (size_t i = 0; i < screen->columns; i++)
        units[i] = text.length > 0 ? next_utf16(&text) : ' ';
    screen->out->SetAttribute(screen->out, look);
    draw_units(screen, row, 0, units, screen->columns);
}
