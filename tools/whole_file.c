/* See whole_file.h. */
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum tool_status read_all(const char *path, int fd, uint8_t *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, bytes + done, size - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return complain(TOOL_UNREADABLE, "%s: byte %zu of %zu: %s", path, done, size,
                            got < 0 ? strerror(errno) : "the file became shorter");
        done += (size_t)got;
    }
    return TOOL_OK;
}

enum tool_status whole_file_read(const char *path, uint8_t **bytes, size_t *size, mode_t *mode)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum tool_status status;
    struct stat about;

    *bytes = NULL;
    *size = 0;
    if (fd < 0 || fstat(fd, &about) < 0) {
        status = complain(TOOL_UNREADABLE, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(about.st_mode)) {
        status = complain(TOOL_UNREADABLE, "%s: not a regular file", path);
    } else {
        *size = (size_t)about.st_size;
        *mode = about.st_mode & 07777;
        *bytes = allocate(*size, 1);
        status = read_all(path, fd, *bytes, *size);
    }
    if (fd >= 0)
        close(fd);
    return status;
}

static char *joined(const char *first, const char *second)
{
    size_t size = strlen(first) + strlen(second) + 1;
    char *text = allocate(size, 1);

    snprintf(text, size, "%s%s", first, second);
    return text;
}

bool new_file_open(const char *path, struct new_file *file)
{
    char *target = realpath(path, NULL);

    if (!target && errno != ENOENT)
        return false;
    if (!target)
        target = joined(path, "");
    *file = (struct new_file){.target = target, .beside = joined(target, ".XXXXXX")};
    file->fd = mkstemp(file->beside);
    if (file->fd >= 0)
        return true;
    int error = errno;
    free(file->target);
    free(file->beside);
    errno = error;
    return false;
}

static void forget(struct new_file *file, bool unlink_it)
{
    int error = errno;

    if (unlink_it)
        unlink(file->beside);
    free(file->target);
    free(file->beside);
    *file = (struct new_file){.fd = -1};
    errno = error;
}

bool new_file_keep(struct new_file *file, mode_t mode)
{
    bool done = fchmod(file->fd, mode) == 0 && fsync(file->fd) == 0;
    int error = errno;

    if (close(file->fd) != 0 && done) {
        done = false;
        error = errno;
    }
    errno = error;
    done = done && rename(file->beside, file->target) == 0;
    forget(file, !done);
    return done;
}

void new_file_drop(struct new_file *file)
{
    int error = errno;

    close(file->fd);
    errno = error;
    forget(file, true);
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes += put;
        size -= (size_t)put;
    }
    return true;
}

bool whole_file_write(const char *path, mode_t mode, const uint8_t *bytes, size_t size)
{
    struct new_file file;

    if (!new_file_open(path, &file))
        return false;
    if (!write_all(file.fd, bytes, size)) {
        new_file_drop(&file);
        return false;
    }
    return new_file_keep(&file, mode);
}
