/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EVE lines into a file. Whole lines gather in a buffer, which is written when it holds 256 KiB, when no
 * event is waiting, or 200 ms after its oldest line came, so that a process that is killed loses no more than
 * that.
 *
 * A write that fails or comes short (disk full) leaves no broken line: the file is cut back to its last whole
 * one. Where that is impossible (a pipe) the next write goes on in the middle of the line. The buffer keeps
 * what is not written, 1 MiB of it; then new events are lost. Tried again every second.
 *
 * A file that ends in a broken line when it is opened, because the machine stopped, is cut back likewise.
 *
 * Rotation renames PATH to PATH.YYYYMMDD-HHMMSS (UTC), with -2, -3 ... behind it where that name is taken.
 */
#include "base/log.h"
#include "event/output.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 1024 * 1024,
    FLUSH_BYTES = 256 * 1024,
    FLUSH_MS = 200,
    RETRY_MS = 1000,
    LOOK_MS = 1000, /* between looks whether the file is still there */
    ROTATE_RETRY_MS = 60 * 1000,
    TAIL_BYTES = 65536,  /* looked through for the beginning of a broken line */
    STAMP_BYTES = 15,    /* YYYYMMDD-HHMMSS */
    SAME_SECOND = 10000, /* rotations in one second */
};

struct output_file {
    struct output base;
    char path[PATH_MAX];
    int fd; /* -1: none */
    uint64_t size, opened_ms, now_ms, oldest_ms, retry_ms, rotate_after_ms, looked_ms;
    uint64_t rotate_bytes, rotate_ms;
    uint32_t rotate_keep;
    size_t flush_bytes, len;
    uint64_t events; /* in the buffer */
    bool in_line;    /* what was written last is half a line, the buffer begins with its rest */
    char buffer[BUFFER_BYTES];
};

static struct output_file *file_of(struct output *o)
{
    return (struct output_file *)(void *)o;
}

/* ---- opening ---- */

/* Cut a broken line off the end of a file that we open; one that is not ours gets a line end. */
static void heal(struct output_file *f)
{
    static const char ours[] = "{\"";
    size_t n = f->size < TAIL_BYTES ? (size_t)f->size : TAIL_BYTES;
    char *tail = f->buffer; /* empty while a file is opened at start; see file_open */
    ssize_t got = n > 0 ? pread(f->fd, tail, n, (off_t)(f->size - n)) : 0;

    if (got != (ssize_t)n || n == 0 || tail[n - 1] == '\n')
        return;
    const char *end = memrchr(tail, '\n', n);
    size_t keep = end != NULL ? (size_t)(end - tail) + 1 : 0;
    bool whole = end != NULL || n == f->size;
    if (whole && view_starts(view_of(tail + keep, n - keep), view_string(ours)) &&
        ftruncate(f->fd, (off_t)(f->size - n + keep)) == 0) {
        log_warning("event_file_healed", "file=%s cut_bytes=%zu: it ended in a broken line", f->path,
                    n - keep);
        f->size -= n - keep;
    } else if (write(f->fd, "\n", 1) == 1) {
        f->size++;
    }
}

static bool file_open(struct output_file *f)
{
    struct stat st;

    f->fd = strcmp(f->path, "-") == 0
                ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                : open(f->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return false;
    f->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    f->opened_ms = f->now_ms;
    if (f->len == 0)
        heal(f);
    return true;
}

static void file_shut(struct output_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

static void failed(struct output_file *f, const char *what)
{
    output_down(&f->base, "%s: %s", what, strerror(errno));
    f->retry_ms = f->now_ms + RETRY_MS;
}

/* ---- rotation ---- */

struct old_file {
    char stamp[STAMP_BYTES + 1];
    uint64_t number;
    char name[NAME_MAX + 1];
};

static int by_age(const void *a, const void *b)
{
    const struct old_file *x = a, *y = b;
    int order = memcmp(x->stamp, y->stamp, STAMP_BYTES);

    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* Is `name` that of an old file of `base`? */
static bool old_file_parse(const char *name, const char *base, struct old_file *out)
{
    struct view v = view_string(name);
    uint64_t date, time;

    if (!view_starts(v, view_string(base)))
        return false;
    v = view_from(v, strlen(base));
    if (v.len < 1 + STAMP_BYTES || v.at[0] != '.' || v.at[9] != '-' ||
        !view_decimal(view_slice(v, 1, 9), 99999999, &date) ||
        !view_decimal(view_slice(v, 10, 16), 999999, &time))
        return false;
    memcpy(out->stamp, v.at + 1, STAMP_BYTES);
    out->stamp[STAMP_BYTES] = '\0';
    out->number = 1;
    v = view_from(v, 1 + STAMP_BYTES);
    if (v.len > 0 && (v.at[0] != '-' || !view_decimal(view_from(v, 1), SAME_SECOND, &out->number)))
        return false;
    snprintf(out->name, sizeof out->name, "%s", name);
    return true;
}

/* Remove the oldest files beyond those to keep. */
static void prune(const struct output_file *f)
{
    char folder[PATH_MAX], victim[PATH_MAX + NAME_MAX + 2];
    const char *slash = strrchr(f->path, '/'), *base = slash != NULL ? slash + 1 : f->path;
    struct old_file *files = NULL;
    size_t count = 0, room = 0;

    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - f->path + 1) : 2,
             slash != NULL ? f->path : "./");
    DIR *d = opendir(folder);
    if (d == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (count == room) {
            room = room > 0 ? room * 2 : 16;
            struct old_file *more = realloc(files, room * sizeof *files);
            if (more == NULL)
                break;
            files = more;
        }
        count += old_file_parse(entry->d_name, base, &files[count]);
    }
    if (count > 0)
        qsort(files, count, sizeof *files, by_age);
    for (size_t i = 0; i + f->rotate_keep < count; i++) {
        snprintf(victim, sizeof victim, "%s%s", folder, files[i].name);
        if (unlink(victim) != 0)
            log_warning("event_file_kept", "file=%s error=\"%s\": remove it by hand", victim,
                        strerror(errno));
    }
    closedir(d);
    free(files);
}

static bool may_rotate(const struct output_file *f)
{
    return f->fd >= 0 && f->size > 0 && !f->in_line && f->now_ms >= f->rotate_after_ms;
}

static void rotate(struct output_file *f)
{
    char name[PATH_MAX + 32], stamp[STAMP_BYTES + 1];
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
    snprintf(name, sizeof name, "%s.%s", f->path, stamp);
    for (unsigned n = 2; access(name, F_OK) == 0 && n < SAME_SECOND; n++)
        snprintf(name, sizeof name, "%s.%s-%u", f->path, stamp, n);
    if (rename(f->path, name) != 0 && errno != ENOENT) {
        log_warning("event_file_not_rotated", "file=%s error=\"%s\": it grows on; tried again", f->path,
                    strerror(errno));
        f->rotate_after_ms = f->now_ms + ROTATE_RETRY_MS;
        return;
    }
    file_shut(f);
    if (!file_open(f))
        failed(f, "open");
    if (f->rotate_keep > 0)
        prune(f);
}

/* ---- writing ---- */

/* `n` bytes of the buffer are written. */
static void drop(struct output_file *f, size_t n)
{
    uint64_t lines = 0;

    if (n == 0)
        return;
    if (n == f->len) {
        lines = f->events;
    } else {
        for (const char *at = f->buffer; (at = memchr(at, '\n', n - (size_t)(at - f->buffer))) != NULL; at++)
            lines++;
    }
    f->in_line = f->buffer[n - 1] != '\n';
    f->base.written += lines;
    f->events -= lines;
    f->base.bytes += n;
    memmove(f->buffer, f->buffer + n, f->len - n);
    f->len -= n;
}

/* Only `n` bytes of the buffer could be written: leave the file with whole lines, if it can be. Its size is
 * asked for: somebody may have cut it meanwhile. */
static void cut_back(struct output_file *f, size_t n)
{
    const char *end = memrchr(f->buffer, '\n', n);
    size_t whole = end != NULL ? (size_t)(end - f->buffer) + 1 : 0;
    struct stat st;

    if (!f->in_line && whole < n && fstat(f->fd, &st) == 0 && (uint64_t)st.st_size >= n - whole &&
        ftruncate(f->fd, st.st_size - (off_t)(n - whole)) == 0) {
        f->size -= n - whole;
        n = whole;
    }
    drop(f, n);
}

static void flush(struct output_file *f)
{
    size_t n = 0;
    ssize_t got = 0;

    if (f->len == 0 || (f->fd < 0 && !file_open(f))) {
        if (f->len > 0)
            failed(f, "open");
        return;
    }
    if (f->rotate_bytes > 0 && f->size + f->len > f->rotate_bytes && may_rotate(f))
        rotate(f);
    while (f->fd >= 0 && n < f->len) {
        got = write(f->fd, f->buffer + n, f->len - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
        f->size += (size_t)got;
    }
    if (n == f->len) {
        drop(f, n);
        output_up(&f->base);
    } else if (f->fd >= 0) {
        bool busy = got < 0 && errno == EAGAIN; /* a pipe whose reader is slow */
        if (!busy)
            failed(f, "write");
        cut_back(f, n);
        f->retry_ms = f->now_ms + (busy ? 1 : RETRY_MS);
    }
}

/* A file that somebody removed takes what we write with it. */
static void begin_anew_if_removed(struct output_file *f)
{
    struct stat st;

    f->looked_ms = f->now_ms;
    if (f->fd < 0 || fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink > 0)
        return;
    log_warning("event_file_removed", "file=%s: somebody removed it; a new one is begun", f->path);
    file_shut(f);
    f->in_line = false;
    if (!file_open(f))
        failed(f, "open");
}

static bool may_write(const struct output_file *f)
{
    return f->now_ms >= f->retry_ms;
}

static void file_take(struct output *o, const struct message *m)
{
    struct output_file *f = file_of(o);
    struct view line = m->form[FORM_EVE];

    if (line.len > BUFFER_BYTES - f->len) {
        if (may_write(f))
            flush(f);
        if (line.len > BUFFER_BYTES - f->len) {
            o->lost++;
            return;
        }
    }
    if (f->len == 0)
        f->oldest_ms = f->now_ms;
    memcpy(f->buffer + f->len, line.at, line.len);
    f->len += line.len;
    f->events++;
    if (f->len >= f->flush_bytes && may_write(f))
        flush(f);
}

static void file_tick(struct output *o, uint64_t now_ms, bool idle)
{
    struct output_file *f = file_of(o);

    if (f->now_ms == 0)
        f->opened_ms = now_ms; /* opened before the first tick */
    f->now_ms = now_ms;
    if (!may_write(f))
        return;
    if (now_ms - f->looked_ms >= LOOK_MS)
        begin_anew_if_removed(f);
    if (f->len > 0 && (idle || now_ms - f->oldest_ms >= FLUSH_MS))
        flush(f);
    if (f->rotate_ms > 0 && now_ms - f->opened_ms >= f->rotate_ms && may_rotate(f))
        rotate(f);
}

static unsigned file_wants(struct output *o, struct pollfd *out, unsigned room)
{
    (void)o;
    (void)out;
    (void)room;
    return 0;
}

/* The rest of a line whose beginning is in a file that we leave is of no use. */
static void drop_rest_of_line(struct output_file *f)
{
    const char *end = f->in_line ? memchr(f->buffer, '\n', f->len) : NULL;

    if (end == NULL)
        return;
    size_t n = (size_t)(end - f->buffer) + 1;
    memmove(f->buffer, f->buffer + n, f->len - n);
    f->len -= n;
    f->events--;
    f->base.lost++;
    f->in_line = false;
}

static void file_reopen(struct output *o)
{
    struct output_file *f = file_of(o);

    flush(f);
    drop_rest_of_line(f);
    file_shut(f);
    if (!file_open(f))
        failed(f, "open");
}

static void file_finish(struct output *o)
{
    struct output_file *f = file_of(o);

    flush(f);
    o->lost += f->events;
    if (f->events > 0)
        log_error("event_file_unwritten", "file=%s lost_events=%llu: could not be written before the end",
                  f->path, (unsigned long long)f->events);
    if (f->fd >= 0)
        fdatasync(f->fd);
    file_shut(f);
}

static void file_free(struct output *o)
{
    file_shut(file_of(o));
    free(o);
}

static const struct output_methods methods = { file_take,   file_tick,   file_wants,
                                               file_reopen, file_finish, file_free };

bool output_file_new(const char *path, const struct event_writer_config *config, struct output **out,
                     struct imw_error_info *err)
{
    struct output_file *f;

    if (path[0] == '\0' || strlen(path) >= sizeof f->path - 32)
        return error_set(err, IMW_ERROR_VALUE, "output: a path is wanted, as file:/var/log/imward/eve.json");
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "output: no memory");
    f->base.methods = &methods;
    f->base.up = true;
    f->fd = -1;
    f->rotate_bytes = config->rotate_bytes;
    f->rotate_ms = (uint64_t)config->rotate_s * 1000;
    f->rotate_keep = config->rotate_keep;
    f->flush_bytes = FLUSH_BYTES;
    if (f->rotate_bytes > 0 && f->rotate_bytes / 4 < FLUSH_BYTES)
        f->flush_bytes = (size_t)f->rotate_bytes / 4 + 1;
    snprintf(f->path, sizeof f->path, "%s", path);
    if (!file_open(f)) {
        error_errno(err, path);
        file_free(&f->base);
        return false;
    }
    *out = &f->base;
    return true;
}
