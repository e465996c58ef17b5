/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read once, so that what is checked is what is used; replaced at once. */
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int fd, const char *path, char *data, size_t room, size_t *out_len,
                     struct imw_error_info *err)
{
    size_t len = 0;

    while (len < room) {
        ssize_t n = read(fd, data + len, room - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, path);
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *out_len = len;
    return true;
}

bool file_read(const char *path, size_t most, char **out, size_t *out_len, struct imw_error_info *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    struct stat st;
    char *data = NULL;
    size_t len = 0;
    bool ok = false;

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(err, path);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        error_file(err, IMW_ERROR_FORMAT, path, "not a file");
        goto out;
    }
    /* Room for one byte more than there should be: a file that grows meanwhile is not taken cut. */
    size_t room = ((uint64_t)st.st_size < most ? (size_t)st.st_size : most) + 1;
    data = malloc(room + 1);
    if (data == NULL) {
        error_memory(err);
        goto out;
    }
    if (!read_all(fd, path, data, room, &len, err))
        goto out;
    if (len == room) {
        if (len > most)
            error_file(err, IMW_ERROR_LIMIT, path, "longer than %zu bytes", most);
        else
            error_file(err, IMW_ERROR_FORMAT, path, "it grew while it was read; try again");
        goto out;
    }
    data[len] = '\0';
    *out = data;
    *out_len = len;
    data = NULL;
    ok = true;
out:
    free(data);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool write_all(int fd, struct view text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.at, text.len);
        if (n < 0 && errno != EINTR)
            return false;
        text = view_from(text, n > 0 ? (size_t)n : 0);
    }
    return true;
}

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

bool file_replace(const char *path, struct view text, struct imw_error_info *err)
{
    char beside[4096], folder[4096];
    struct stat was;

    if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= sizeof beside)
        return error_set(err, IMW_ERROR_VALUE, "a shorter path is needed");
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, path);
    mode_t mode = stat(path, &was) == 0 ? was.st_mode & 0777 : 0644;
    bool ok = write_all(fd, text) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && rename(beside, path) == 0;
    if (!ok) {
        error_errno(err, path);
        (void)unlink(beside);
        return false;
    }
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    sync_folder(slash != NULL ? folder : ".");
    return true;
}
