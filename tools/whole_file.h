/* A file is read whole, and written whole or not at all: the new one is made beside the place that
 * it is for and takes its name when it is complete (rename(2)), so no failure, and no loss of
 * power, leaves half of one. */
#ifndef BESTLA_TOOLS_WHOLE_FILE_H
#define BESTLA_TOOLS_WHOLE_FILE_H

#include "status.h"

#include <stdint.h>
#include <sys/types.h>

/* `bytes` is the caller's, also where reading failed; never NULL when it did not. Says what went
 * wrong: TOOL_UNREADABLE. */
__attribute__((warn_unused_result)) enum tool_status whole_file_read(const char *path,
                                                                     uint8_t **bytes, size_t *size,
                                                                     mode_t *mode);

/* The file that is not yet there. */
struct new_file {
    char *target, *beside; /* where links lead to; where it is now */
    int fd;
};

/* Opens one for `path`, which need not exist; false: errno says why, and nothing is to be undone.
 */
__attribute__((warn_unused_result)) bool new_file_open(const char *path, struct new_file *file);

/* Gives it its rights and its name; false: errno says why, and nothing of it is left. */
__attribute__((warn_unused_result)) bool new_file_keep(struct new_file *file, mode_t mode);

/* Takes it away. errno stays. */
void new_file_drop(struct new_file *file);

/* All three for bytes that are there already. */
__attribute__((warn_unused_result)) bool whole_file_write(const char *path, mode_t mode,
                                                          const uint8_t *bytes, size_t size);

#endif
