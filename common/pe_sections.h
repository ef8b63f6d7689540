/* Where the sections of a PE image lie in its file, by name ("PE Format", Microsoft: 3 "PE
 * Signature", 4 "Section Table"). Enough for a unified kernel image, whose parts are sections; what
 * firmware is to load it checks itself. */
#ifndef BESTLA_PE_SECTIONS_H
#define BESTLA_PE_SECTIONS_H

#include <stddef.h>
#include <stdint.h>

enum pe_status {
    PE_OK,
    PE_NO_SECTION,      /* a PE image without a section of that name */
    PE_NO_SIGNATURE,    /* no PE image: one of its two signatures is missing */
    PE_HEADERS_TOO_FAR, /* headers that do not end in `head` */
    PE_SECTION_OUTSIDE, /* the section is not, or not in full, in the file */
};

struct pe_section {
    uint64_t offset; /* in the file */
    uint64_t size;   /* bytes of the file that are meant: offset + size <= file_size */
};

/* `head` is the start of the file, of which it may hold less than `file_size`; the name has at most
 * 8 bytes. *section is set with PE_OK alone. Of several with that name the first counts. */
__attribute__((warn_unused_result)) enum pe_status pe_find_section(const void *head,
                                                                   size_t head_size,
                                                                   uint64_t file_size,
                                                                   const char *name,
                                                                   struct pe_section *section);

/* One sentence, for "FILE: sentence". */
const char *pe_status_text(enum pe_status status);

#endif
