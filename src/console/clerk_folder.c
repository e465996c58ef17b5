/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that are watched: files of events that a sensor or Suricata writes there are followed, through
 * rotation, truncation and packing; captures that are put there are imported once they stop growing.
 *
 * A file of events is known by its first line, not by its name (store/feed.h): eve.json that became
 * eve.json.1 or eve.json.1.gz is still the same and goes on where it was, and what is begun under its name is
 * another. How far each is stored is in the database, in the transaction of its lines. A rotated file must
 * stay in the folder for some seconds, so that its end is read.
 *
 * Here is only what spares work: what each file was like when it was looked at last.
 */
#include "base/log.h"
#include "base/text.h"
#include "console/clerk.h"
#include "packet/capture_input.h"
#include "program/import.h"
#include "program/sensor.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FILES_MAX = 4096, /* of a folder */
    TURN_BYTES = 16 << 20,
    STILL_S = 5, /* a capture that is not written to for so long is whole */
    COPY_BYTES = 1 << 20,
};

struct seen {
    ino_t inode;
    off_t size;
    struct timespec changed;
    bool done;
};

struct folder {
    const char *path;
    int64_t sensor; /* 0: not asked for yet */
    bool missing;   /* told once */
    struct seen *seen;
    unsigned seen_count;
};

struct folder_watch {
    unsigned count;
    struct folder folders[];
};

struct entry {
    char name[256];
    struct stat st;
};

/* ---- what was seen ---- */

static struct seen *seen_get(struct folder *f, const struct stat *st)
{
    for (unsigned i = 0; i < f->seen_count; i++)
        if (f->seen[i].inode == st->st_ino)
            return &f->seen[i];
    struct seen *grown =
        f->seen_count < FILES_MAX ? realloc(f->seen, (f->seen_count + 1) * sizeof *grown) : NULL;
    if (grown == NULL)
        return NULL;
    f->seen = grown;
    grown[f->seen_count] = (struct seen){ .inode = st->st_ino, .size = -1 };
    return &grown[f->seen_count++];
}

/* Is it as it was? Notes how it is. */
static bool seen_same(struct seen *s, const struct stat *st)
{
    bool same = s->size == st->st_size && s->changed.tv_sec == st->st_mtim.tv_sec &&
                s->changed.tv_nsec == st->st_mtim.tv_nsec;

    s->size = st->st_size;
    s->changed = st->st_mtim;
    return same;
}

/* Files that are gone, so that the list does not grow for ever. */
static void seen_forget(struct folder *f, const struct entry *entries, unsigned count)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < f->seen_count; i++) {
        unsigned n = 0;
        while (n < count && entries[n].st.st_ino != f->seen[i].inode)
            n++;
        if (n < count)
            f->seen[kept++] = f->seen[i];
    }
    f->seen_count = kept;
}

/* ---- captures ---- */

static bool copy(int from, const char *to, struct imw_error_info *err)
{
    char *buffer = malloc(COPY_BYTES);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = buffer != NULL && fd >= 0 && lseek(from, 0, SEEK_SET) == 0;
    ssize_t n = 0;

    while (ok && (n = read(from, buffer, COPY_BYTES)) > 0)
        ok = write(fd, buffer, (size_t)n) == n;
    ok = ok && n == 0;
    if (!ok)
        error_errno(err, to);
    if (fd >= 0)
        ok &= close(fd) == 0;
    free(buffer);
    if (!ok)
        (void)unlink(to);
    return ok;
}

/* A row, and a copy in the spool under its number. */
static bool import_from(struct clerk_task *t, struct folder *f, const struct entry *e, int fd,
                        const char *digest, struct imw_error_info *err)
{
    const char *data = t->clerk->context->config->data;
    char part[600], spooled[600];
    int64_t id;

    snprintf(part, sizeof part, "%s/spool/folder.part", data);
    if (!copy(fd, part, err))
        return false;
    bool ok = db_begin(t->db, true, err) &&
              imports_add(t->db, 0, f->sensor, e->name, (uint64_t)e->st.st_size, t->now_us, &id, err) &&
              db_run(t->db, "update import set sha256 = ? where id = ?", DB_ARGS(db_text(digest), db_int(id)),
                     NULL, err);
    if (ok) {
        snprintf(spooled, sizeof spooled, "%s/spool/import-%" PRId64, data, id);
        ok = rename(part, spooled) == 0 || error_errno(err, spooled);
    }
    ok = ok && db_commit(t->db, err);
    if (!ok) {
        db_rollback(t->db);
        (void)unlink(part);
        return false;
    }
    log_notice("folder_capture", "folder=%s file=%s import=%" PRId64, f->path, e->name, id);
    changes_tell(t->clerk->context->changes, CHANGE_IMPORTS);
    (void)clerk_wake(t->clerk, "import");
    return true;
}

static bool take_capture(struct clerk_task *t, struct folder *f, const struct entry *e, int fd,
                         struct imw_error_info *err)
{
    char digest[2 * FEED_HEAD_BYTES + 1];
    uint8_t sha256[FEED_HEAD_BYTES];
    struct text text = TEXT(digest);
    uint64_t size;
    int64_t before = 0;

    if (!feed_digest(fd, e->name, sha256, &size, err))
        return false;
    text_hex(&text, view_of(sha256, sizeof sha256));
    if (!db_query_int(t->db, "select count(*) from import where sha256 = ?", DB_ARGS(db_text(digest)),
                      &before, NULL, err))
        return false;
    return before > 0 || import_from(t, f, e, fd, digest, err);
}

/* ---- events ---- */

static bool tell(void *context, const struct feed_progress *p)
{
    struct clerk_task *t = context;

    (void)p;
    changes_tell(t->clerk->context->changes, CHANGE_EVENTS);
    return !atomic_load(&t->clerk->stopping);
}

static bool is_packed(int fd)
{
    uint8_t start[8];
    ssize_t n = pread(fd, start, sizeof start, 0);

    return n > 0 && input_is_packed(view_of(start, (size_t)n));
}

/* *out_done: all that is there now is stored. */
static bool take_events(struct clerk_task *t, struct folder *f, const struct entry *e, int fd,
                        struct ingest *ingest, bool *out_done, struct imw_error_info *err)
{
    struct feed feed = { .db = t->db, .ingest = ingest, .sensor = f->sensor, .name = e->name };
    struct feed_progress p;
    bool found, never;

    if (!feed_head(fd, e->name, feed.head, &found, &never, err))
        return false;
    *out_done = true;
    if (never)
        log_warning("folder_file", "folder=%s file=%s: its first line is longer than 1 MiB, it is left out",
                    f->path, e->name);
    if (!found)
        return true;
    if (!feed_file(&feed, fd, is_packed(fd), TURN_BYTES, tell, t, &p, err))
        return false;
    if (p.counts.refused > 0)
        log_warning("folder_file", "folder=%s file=%s refused_lines=%" PRIu64 " first=\"%s\"", f->path,
                    e->name, p.counts.refused, p.counts.refusal);
    *out_done = !p.more;
    t->more |= p.more;
    return true;
}

/* ---- a folder ---- */

static bool take_file(struct clerk_task *t, struct folder *f, const struct entry *e, int fd, struct seen *s,
                      struct ingest *ingest, struct imw_error_info *err)
{
    bool same = seen_same(s, &e->st);
    enum import_kind kind;

    if (same && s->done)
        return true;
    s->done = false;
    if (!import_kind_of(fd, e->name, &kind, err))
        return false;
    if (kind == IMPORT_EVENTS)
        return take_events(t, f, e, fd, ingest, &s->done, err);
    if (kind == IMPORT_UNKNOWN) {
        s->done = true; /* until it changes */
        return true;
    }
    if (!same || e->st.st_mtim.tv_sec + STILL_S > (time_t)(t->now_us / 1000000))
        return true;
    s->done = take_capture(t, f, e, fd, err);
    return s->done;
}

/* One file. A fault of the file is told and does not hold up the others; true but for the store's. */
static bool look_at(struct clerk_task *t, struct folder *f, int at, const struct entry *e,
                    struct ingest *ingest, struct imw_error_info *err)
{
    struct seen *s = seen_get(f, &e->st);
    int fd = openat(at, e->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct imw_error_info fault = { 0 };
    char line[768];

    if (fd < 0 || s == NULL) {
        if (fd >= 0)
            close(fd);
        return true; /* gone, or not ours to read, which the next one may be */
    }
    bool ok = take_file(t, f, e, fd, s, ingest, &fault);
    close(fd);
    if (ok)
        return true;
    if (fault.code == IMW_ERROR_FORMAT) {
        log_warning("folder_file", "folder=%s file=%s: %s", f->path, e->name,
                    error_format(&fault, line, sizeof line));
        s->done = true; /* until it changes */
        return true;
    }
    *err = fault;
    return false;
}

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const struct entry *)a)->st.st_mtim,
                          *y = &((const struct entry *)b)->st.st_mtim;

    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* The plain files of a folder, the oldest first; the caller's. */
static struct entry *entries_of(DIR *d, unsigned *out_count)
{
    struct entry *list = malloc(FILES_MAX * sizeof *list);
    const struct dirent *e;

    *out_count = 0;
    while (list != NULL && *out_count < FILES_MAX && (e = readdir(d)) != NULL) {
        struct entry *to = &list[*out_count];
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &to->st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(to->st.st_mode) || to->st.st_size == 0)
            continue;
        snprintf(to->name, sizeof to->name, "%s", e->d_name);
        ++*out_count;
    }
    if (list != NULL)
        qsort(list, *out_count, sizeof *list, by_age);
    return list;
}

static bool sensor_of(struct clerk_task *t, struct folder *f, struct imw_error_info *err)
{
    if (f->sensor != 0)
        return true;
    bool ok = db_begin(t->db, true, err) &&
              sensors_of_files(t->db, f->path, "folder", t->now_us, &f->sensor, err) && db_commit(t->db, err);
    if (!ok) {
        db_rollback(t->db);
        f->sensor = 0;
    }
    return ok;
}

static bool folder_look(struct clerk_task *t, struct folder *f, struct imw_error_info *err)
{
    DIR *d = opendir(f->path);
    struct ingest *ingest = NULL;
    unsigned count = 0;

    if (d == NULL) {
        if (!f->missing)
            log_warning("folder_missing", "folder=%s: %s; looked for again every second", f->path,
                        strerror(errno));
        f->missing = true;
        return true;
    }
    f->missing = false;
    struct entry *entries = entries_of(d, &count);
    bool ok = entries != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for the files of a folder");
    ok = ok && sensor_of(t, f, err) && ingest_new(t->db, f->sensor, &ingest, err);
    for (unsigned i = 0; ok && i < count && !atomic_load(&t->clerk->stopping); i++)
        ok = look_at(t, f, dirfd(d), &entries[i], ingest, err);
    if (ok)
        seen_forget(f, entries, count);
    ingest_free(ingest);
    free(entries);
    closedir(d);
    return ok;
}

bool job_folders(struct clerk_task *t, struct imw_error_info *err)
{
    struct folder_watch *w = t->clerk->folders;

    for (unsigned i = 0; i < w->count; i++)
        if (!folder_look(t, &w->folders[i], err))
            return false;
    return true;
}

bool folder_watch_new(const struct console_config *config, struct folder_watch **out,
                      struct imw_error_info *err)
{
    struct folder_watch *w = calloc(1, sizeof *w + config->folder_count * sizeof w->folders[0]);

    if (w == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the folders");
    w->count = config->folder_count;
    for (unsigned i = 0; i < w->count; i++)
        w->folders[i].path = config->folders[i];
    *out = w;
    return true;
}

void folder_watch_free(struct folder_watch *w)
{
    if (w == NULL)
        return;
    for (unsigned i = 0; i < w->count; i++)
        free(w->folders[i].seen);
    free(w);
}
