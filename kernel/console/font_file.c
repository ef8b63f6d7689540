/* The font's bytes. scripts/make-font checks them and writes them down for the compiler;
 * docs/screen.md says which font it is and why. */
#include "font.h"

const uint8_t font_file[] = {
#include "font_bytes.inc"
};
const size_t font_file_size = sizeof(font_file);
