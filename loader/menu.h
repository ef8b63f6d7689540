/* The menu's parts, and nobody else's: what it shows (menu_draw.c), what keys do (menu.c), and the
 * editor (menu_edit.c). */
#ifndef BESTLA_LOADER_MENU_H
#define BESTLA_LOADER_MENU_H

#include "menu_console.h"

struct menu {
    struct boot *boot;
    const struct entry_list *list;
    const struct menu_wish *wish;
    struct keyboard keyboard;
    struct screen screen;

    size_t at;     /* the entry that is chosen, counted from 0 */
    size_t top;    /* the first that is seen */
    unsigned left; /* seconds; 0: they are not counted */
    char message[REFUSAL_MAX];
};

enum menu_end {
    MENU_GOES_ON,
    MENU_BOOTS,        /* what is chosen */
    MENU_BOOTS_EDITED, /* that, with boot->options as they are */
    MENU_BOOTS_DEFAULT,
    MENU_LOSES_KEYS, /* and so boots the default */
    MENU_LEAVES,     /* for firmware */
};

struct listed_entry *menu_entry(const struct menu *menu, size_t at);
size_t menu_rows_seen(const struct menu *menu);

/* Everything; or one entry's row; or what stands below the list. */
void draw_menu(struct menu *menu);
void draw_entry(struct menu *menu, size_t at);
void draw_below(struct menu *menu);
void draw_help(struct menu *menu);

/* The editor's keys, once; its line and the cursor in it, after each. */
void draw_editing(struct menu *menu);
void draw_edited(struct menu *menu, struct edit_line *line);

enum menu_end edit_options(struct menu *menu);

#endif
