/* The last thing that a dead kernel does: its report once more, laid out for the screen that there
 * is, around a QR code of it for whoever has a phone and no serial port. For panic.c alone: usable
 * in any context, on any stack, once.
 *
 * While the report is made it is written to the screen as it comes, so that something is seen of
 * one that does not come to its end. */
#ifndef BESTLA_KERNEL_PANIC_PAGE_H
#define BESTLA_KERNEL_PANIC_PAGE_H

/* What is logged from now on is the report. */
void panic_page_begin(void);

/* What has been logged of it until now must be seen: the code is made smaller for that. */
void panic_page_essential(void);

/* Draws it, the code as large as leaves room for the text, and a last row that says how many lines
 * did not fit and where they are. Nothing where there is no screen. */
void panic_page_draw(void);

#endif
