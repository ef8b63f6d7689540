/* What the menu looks like, from 40x10 to whatever firmware's console has:
 *
 *     Bestla: what to boot                        and which of how many, where not all fit
 *
 *     > the entry that is chosen
 *       one more
 *
 *     where it comes from and what it boots, or why it cannot be booted: two rows
 *     how long until the default is booted, or a message; the options that are edited
 *     the keys
 */
#include "menu.h"

#include "mem.h"

#define LIST_ROW     2
#define ROWS_BESIDES 8 /* the list's */

#define PROMPT "options: "

size_t menu_rows_seen(const struct menu *menu)
{
    return menu->screen.rows - ROWS_BESIDES;
}

struct listed_entry *menu_entry(const struct menu *menu, size_t at)
{
    struct listed_entry *listed = menu->list->first;

    for (; at > 0; at--)
        listed = listed->next;
    return listed;
}

/* PRETTY_NAME of os-release often has the version in it. */
static bool is_in(struct text part, struct text whole)
{
    for (size_t at = 0; at + part.length <= whole.length; at++) {
        if (text_equal(part, (struct text){whole.start + at, part.length}))
            return true;
    }
    return false;
}

static struct text version_shown(const struct boot_entry *entry)
{
    return is_in(entry->version, entry->title) ? text_of("") : entry->version;
}

static bool looks_like(const struct listed_entry *a, const struct listed_entry *b)
{
    return text_equal(a->entry.title, b->entry.title) &&
           text_equal(version_shown(&a->entry), version_shown(&b->entry));
}

/* Two entries that look the same are told apart by their files. */
static bool needs_name(const struct menu *menu, const struct listed_entry *listed)
{
    for (struct listed_entry *at = menu->list->first; at != NULL; at = at->next) {
        if (at != listed && looks_like(at, listed))
            return true;
    }
    return listed->entry.title.length == 0;
}

static void label_of(const struct menu *menu, const struct listed_entry *listed,
                     char label[REFUSAL_MAX])
{
    struct entry_tries tries;
    const struct boot_entry *entry = &listed->entry;
    struct text version = version_shown(entry);
    bool named = needs_name(menu, listed);

    entry_refusal(listed, label);
    if (label[0] != '\0') {
        size_t folder = listed->path.length - listed->name.length;
        memmove(label, label + folder, strlen(label + folder) + 1);
        return;
    }
    (void)entry_stem(listed->name, &tries);
    format_text(label, REFUSAL_MAX, "%.*s%s%.*s%s%.*s%s", TEXT_ARG(entry->title),
                version.length != 0 && entry->title.length != 0 ? " " : "", TEXT_ARG(version),
                named && entry->title.length != 0 ? ", " : "", named ? (int)listed->name.length : 0,
                listed->name.start, tries.exhausted ? " (no tries left)" : "");
}

void draw_entry(struct menu *menu, size_t at)
{
    const struct listed_entry *listed = menu_entry(menu, at);
    char label[REFUSAL_MAX];
    bool bad = EFI_ERROR(listed->unreadable) || listed->error.status != BOOT_ENTRY_OK;
    bool chosen = at == menu->at;
    enum screen_look look =
        chosen ? (bad ? LOOK_BAD_CHOSEN : LOOK_CHOSEN) : (bad ? LOOK_BAD : LOOK_PLAIN);

    label_of(menu, listed, label);
    draw_row(&menu->screen, LIST_ROW + at - menu->top, look, " %c %s", chosen ? '>' : ' ', label);
}

static const char *key_of(enum boot_kind kind)
{
    return kind == BOOT_KERNEL ? "kernel" : kind == BOOT_LINUX ? "linux" : "efi";
}

/* The path alone says it of a program that was found. */
static void describe(const struct listed_entry *listed, char text[REFUSAL_MAX])
{
    entry_refusal(listed, text);
    if (text[0] == '\0')
        format_text(text, REFUSAL_MAX, "%.*s: %s %.*s", TEXT_ARG(listed->path),
                    key_of(listed->entry.kind), TEXT_ARG(listed->entry.program));
}

void draw_below(struct menu *menu)
{
    struct screen *screen = &menu->screen;
    char text[REFUSAL_MAX];

    describe(menu_entry(menu, menu->at), text);
    struct text rest = text_of(text);
    for (size_t fits = screen->columns - 3; fits > 0 && rest.length > 0; fits--)
        (void)next_utf16(&rest);
    draw_row(screen, screen->rows - 5, LOOK_PLAIN, " %.*s", (int)(rest.start - text), text);
    draw_row(screen, screen->rows - 4, LOOK_PLAIN, " %.*s", TEXT_ARG(rest));
    if (menu->left > 0)
        draw_row(screen, screen->rows - 3, LOOK_TITLE, " Booting in %u s; any key stops the clock",
                 menu->left);
    else
        draw_row(screen, screen->rows - 3, LOOK_TITLE, " %s", menu->message);
    draw_row(screen, screen->rows - 2, LOOK_PLAIN,
             " Up Down choose   Enter boot   e options   ? help   Esc firmware");
}

void draw_menu(struct menu *menu)
{
    size_t seen = menu_rows_seen(menu);

    clear_screen(&menu->screen);
    if (menu->list->count > seen)
        draw_row(&menu->screen, 0, LOOK_TITLE, " Bestla: what to boot (%lu of %lu)", menu->at + 1,
                 menu->list->count);
    else
        draw_row(&menu->screen, 0, LOOK_TITLE, " Bestla: what to boot");
    for (size_t at = menu->top; at < menu->list->count && at - menu->top < seen; at++)
        draw_entry(menu, at);
    draw_below(menu);
}

void draw_help(struct menu *menu)
{
    static const char *const lines[] = {
        "Up Down PgUp PgDn Home End   choose an entry",
        "Enter   boot it",
        "e       edit its options, for this boot",
        "Esc     back to firmware",
        "while editing: Left Right Home End Delete,",
        "  ^W ^U ^K erase, Enter boots, Esc cancels",
        "Any key goes back to the list.",
    };

    clear_screen(&menu->screen);
    draw_row(&menu->screen, 0, LOOK_TITLE, " Bestla: the menu's keys");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        draw_row(&menu->screen, LIST_ROW + i, LOOK_PLAIN, " %s", lines[i]);
}

void draw_editing(struct menu *menu)
{
    draw_row(&menu->screen, menu->screen.rows - 2, LOOK_PLAIN,
             " Enter boot with these   Esc cancel   ^W ^U ^K erase");
}

void draw_edited(struct menu *menu, struct edit_line *line)
{
    struct screen *screen = &menu->screen;
    size_t start = sizeof(PROMPT), columns = screen->columns - start - 2;
    size_t row = screen->rows - 3;

    edit_scroll(line, columns);
    bool more = line->length - line->first > columns;
    draw_row(screen, row - 1, LOOK_PLAIN, " %s", menu->message);
    draw_row(screen, row, LOOK_TITLE, " " PROMPT);
    draw_units(screen, row, start, line->units + line->first,
               more ? columns : line->length - line->first);
    if (line->first > 0)
        draw_units(screen, row, start - 1, u"<", 1);
    if (more)
        draw_units(screen, row, start + columns, u">", 1);
    show_cursor(screen, row, start + line->cursor - line->first);
}
