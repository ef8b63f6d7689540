/* What a unified kernel image says of its system, in the syntax of os-release (os-release(5)):
 * `NAME=VALUE` a line, the value quoted or not, `#` starts a comment line. */
#ifndef BESTLA_OS_RELEASE_H
#define BESTLA_OS_RELEASE_H

#include "text.h"

#define OS_RELEASE_VALUE_MAX 256 /* bytes of one value */

/* Each empty when not given, not to be shown on one line, or too long. */
struct os_release {
    struct text title;    /* PRETTY_NAME, else IMAGE_ID, NAME or ID */
    struct text sort_key; /* IMAGE_ID, else ID */
    struct text version;  /* IMAGE_VERSION, else VERSION, VERSION_ID or BUILD_ID */
};

/* `file` is changed, for values are unquoted in place, and must outlive *release. Lines that are
 * none are passed over; the last of several with one name counts. */
void os_release_parse(char *file, size_t size, struct os_release *release);

#endif
