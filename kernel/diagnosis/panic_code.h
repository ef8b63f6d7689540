/* The report of a panic as a QR code on the screen, for whoever has a phone and no serial port. For
 * panic.c alone: usable in any context, on any stack, once. */
#ifndef BESTLA_KERNEL_PANIC_CODE_H
#define BESTLA_KERNEL_PANIC_CODE_H

/* What is logged from now on is the report. */
void panic_code_begin(void);

/* Draws the report so far, as far as a phone can read it: beside the text where there is room, else
 * over its right half, where the first rows stay free. Of what no code on this screen can hold the
 * last lines are left out. Nothing where there is no screen, or none that is large enough. */
void panic_code_draw(void);

#endif
