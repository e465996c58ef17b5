/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in the spool as import-ID: analysed where it is a capture, stored, and removed. A break at any
 * point loses nothing and stores nothing twice: the analysis is begun anew where its result is not there
 * whole (import-ID.json), and a file of events goes on where it was.
 *
 * A file without a row that waits is of an upload whose transaction failed, or of a break after the last
 * commit: it goes at the next start, once it is old enough to be no upload under way.
 */
#include "base/log.h"
#include "base/thread.h"
#include "console/clerk.h"
#include "program/import.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FORGOTTEN_S = 600 }; /* since it was written */

struct paths {
    char in[600], json[600];
};

static struct paths paths_of(const struct clerk_task *t, int64_t id)
{
    const char *data = t->clerk->context->config->data;
    struct paths p;

    snprintf(p.in, sizeof p.in, "%s/spool/import-%" PRId64, data, id);
    snprintf(p.json, sizeof p.json, "%s/spool/import-%" PRId64 ".json", data, id);
    return p;
}

static bool tell(void *context, const struct feed_progress *p)
{
    struct clerk_task *t = context;

    (void)p;
    changes_tell(t->clerk->context->changes, CHANGE_IMPORTS);
    changes_tell(t->clerk->context->changes, CHANGE_EVENTS);
    return !atomic_load(&t->clerk->stopping);
}

static bool feed_path(struct clerk_task *t, const struct import *i, const uint8_t sha256[FEED_HEAD_BYTES],
                      const char *path, struct imw_error_info *err)
{
    uint64_t events;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, path);
    bool ok = import_feed(t->db, i, sha256, fd, tell, t, &events, err);
    close(fd);
    return ok;
}

/* True: all of it is stored. False with IMW_ERROR_FORMAT or _VALUE: it is at fault, and stays so; else try
 * again. */
static bool import_one(struct clerk_task *t, const struct import *i, const struct paths *p,
                       struct imw_error_info *err)
{
    struct imw_error_info broken = { 0 };
    uint8_t sha256[FEED_HEAD_BYTES];
    enum import_kind kind;
    uint64_t size;
    bool some = true;
    int fd = open(p->in, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, p->in);
    bool ok = import_kind_of(fd, i->name, &kind, err) && feed_digest(fd, i->name, sha256, &size, err);
    close(fd);
    if (!ok)
        return false;
    if (kind == IMPORT_UNKNOWN)
        return error_set(err, IMW_ERROR_FORMAT,
                         "neither a capture (pcap or pcapng) nor events (EVE, one JSON object a "
                         "line), plain or packed with gzip or zstd");
    if (!import_begin(t->db, i->id, i->sensor, kind, sha256, false, err))
        return false;
    changes_tell(t->clerk->context->changes, CHANGE_IMPORTS);
    if (kind == IMPORT_EVENTS)
        return feed_path(t, i, sha256, p->in, err);
    if (access(p->json, F_OK) != 0)
        ok = import_child_run(t->clerk->importer, i->id, &some, &broken);
    if (some && !feed_path(t, i, sha256, p->json, err))
        return false;
    if (!ok)
        *err = broken; /* what came before the fault is stored */
    return ok;
}

/* Files of the spool that no import waits for. */
static bool remove_forgotten(struct clerk_task *t, DIR *spool, struct imw_error_info *err)
{
    const int64_t now_s = (int64_t)(clock_us() / 1000000);
    bool waits = false;

    for (const struct dirent *e; (e = readdir(spool)) != NULL;) {
        struct view rest = view_string(e->d_name), kind = view_token(&rest, '-'), id = view_token(&rest, '.');
        struct stat st;
        uint64_t n;
        if (!view_equal(kind, VIEW("import")) || !view_decimal(id, INT64_MAX, &n) ||
            fstatat(dirfd(spool), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
            now_s - st.st_mtime < FORGOTTEN_S)
            continue;
        if (!import_waits(t->db, (int64_t)n, &waits, err))
            return false;
        if (!waits && unlinkat(dirfd(spool), e->d_name, 0) == 0)
            log_notice("import", "%s removed from the spool: no import waits for it", e->d_name);
    }
    return true;
}

static bool sweep(struct clerk_task *t, struct imw_error_info *err)
{
    char path[600];

    if (t->clerk->swept)
        return true;
    snprintf(path, sizeof path, "%s/spool", t->clerk->context->config->data);
    DIR *spool = opendir(path);
    if (spool == NULL)
        return error_errno(err, path);
    t->clerk->swept = remove_forgotten(t, spool, err);
    closedir(spool);
    return t->clerk->swept;
}

bool job_import(struct clerk_task *t, struct imw_error_info *err)
{
    struct import i = { 0 };
    bool found = true;

    if (!sweep(t, err))
        return false;
    while (!atomic_load(&t->clerk->stopping)) {
        if (!import_next(t->db, i.id, &i, &found, err))
            return false;
        if (!found)
            return true;
        struct paths p = paths_of(t, i.id);
        if (access(p.in, F_OK) != 0)
            continue; /* another process does it (imward read --store), or the upload is not there yet */
        struct imw_error_info fault = { 0 };
        bool ok = import_one(t, &i, &p, &fault);
        if (atomic_load(&t->clerk->stopping))
            return true;
        if (!ok && fault.code != IMW_ERROR_FORMAT && fault.code != IMW_ERROR_VALUE) {
            *err = fault;
            return false;
        }
        if (!import_end(t->db, i.id, ok ? NULL : fault.text, clock_us(), err))
            return false;
        (void)unlink(p.json);
        (void)unlink(p.in);
        log_notice("import", "import=%" PRId64 " %s", i.id, ok ? "done" : "failed, as its row says");
        changes_tell(t->clerk->context->changes, CHANGE_IMPORTS);
    }
    return true;
}
