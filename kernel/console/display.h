/* The kernel's one screen. It takes text from the log's first line on, before anybody knows whether
 * there is a framebuffer, and shows it all as soon as it is mapped.
 *
 * An NMI may come while it draws: what is written then, up to 2 KiB of it, is shown when that is
 * done. */
#ifndef BESTLA_KERNEL_DISPLAY_H
#define BESTLA_KERNEL_DISPLAY_H

#include "log_level.h"
#include "screen.h"

/* Makes a grid of what firmware says, and logs why not where there is none. The framebuffer need
 * not be mapped. */
void display_prepare(const struct boot_framebuffer *framebuffer);

/* The framebuffer is found here from now on, and shows what has been written so far. NULL: it is
 * not to be had, and the screen is given up. */
void display_show(void *pixels);

/* Whether what is written is seen. */
bool display_is_shown(void);

/* Text, as to a terminal; it is seen after display_flush. */
void display_write(const char *text, size_t length);
void display_flush(void);

/* The colours of a line of the log: its time, its subsystem, its text. */
void display_ink_time(void);
void display_ink_subsystem(void);
void display_ink_text(enum log_level level);

/* A clear screen for the report of a panic, at most 80 columns wide, with `title` above: what comes
 * then is drawn until it is full. `find_pixels` says where the framebuffer can be
 * written to now, NULL: nowhere. `interrupted`: whatever died may have died anywhere (an NMI).
 * Where else it was in drawing that the kernel died, the screen is given up. */
void display_begin_panic(void *(*find_pixels)(void), bool interrupted, const char *title);

/* The cells that a report is written to, and where they lie, in pixels. */
struct display_page {
    struct screen_grid grid; /* the first row is the title's */
    uint32_t cell_width, cell_height;
    uint32_t width, height;  /* of the whole screen */
    struct screen_area free; /* beside them, for a picture; see screen_grid_for_panic */
};

/* A page as display_begin_panic has it, which may leave room for a picture, or of the whole screen;
 * with characters enlarged `most` times at most. False: nothing is shown. */
bool display_page(bool whole, unsigned most, struct display_page *page);

/* Begins again with such a page, empty but for the title, after display_begin_panic. */
void display_begin_page(const struct display_page *page);

/* A rectangle of one colour, anywhere. */
void display_fill(struct screen_area area, colour_t colour);

/* Gives it up where the kernel is drawing right now: a report that died, died of that. */
bool display_give_up_if_busy(void);

#endif
