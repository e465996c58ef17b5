/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a capture's events into a console's database, beside a server that may run. */
#include "cli/read_store.h"
#include "base/thread.h"
#include "program/import.h"
#include "program/sensor.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct read_store {
    struct db *db;
    struct import import;
    uint8_t sha256[FEED_HEAD_BYTES];
};

/* In a folder of another user root leaves files that they can read. */
static bool open_folder(const char *folder, struct db **out, struct imw_error_info *err)
{
    struct stat st;

    if (geteuid() == 0 && stat(folder, &st) == 0 && st.st_uid != 0 &&
        (setgroups(0, NULL) != 0 || setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0))
        return error_errno(err, folder);
    return db_open_data(NULL, folder, out, err);
}

bool read_store_open(const char *where, struct read_store **out, struct imw_error_info *err)
{
    struct read_store *s = calloc(1, sizeof *s);
    bool url = strncmp(where, "sqlite:", 7) == 0 || strstr(where, "://") != NULL;

    if (s == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the store");
    if (!(url ? db_open(where, &s->db, err) : open_folder(where, &s->db, err))) {
        free(s);
        return false;
    }
    *out = s;
    return true;
}

void read_store_free(struct read_store *s)
{
    if (s != NULL)
        db_close(s->db);
    free(s);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static bool digest(struct read_store *s, const char *path, struct imw_error_info *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, path);
    bool ok = feed_digest(fd, path, s->sha256, &s->import.size, err);
    close(fd);
    return ok;
}

bool read_store_begin(struct read_store *s, const char *path, bool again, bool *out_known,
                      struct imw_error_info *err)
{
    uint64_t now_us = clock_us();

    *out_known = false;
    if (!digest(s, path, err))
        return false;
    snprintf(s->import.name, sizeof s->import.name, "%s", base_name(path));
    bool ok =
        db_begin(s->db, true, err) &&
        sensors_of_files(s->db, IMPORT_SENSOR, "import", now_us, &s->import.sensor, err) &&
        imports_add(s->db, 0, s->import.sensor, s->import.name, s->import.size, now_us, &s->import.id, err) &&
        db_commit(s->db, err);
    if (!ok) {
        db_rollback(s->db);
        return false;
    }
    if (import_begin(s->db, s->import.id, s->import.sensor, IMPORT_CAPTURE, s->sha256, again, err))
        return true;
    if (err->code != IMW_ERROR_VALUE)
        return false;
    *out_known = true; /* no import came of it */
    return db_begin(s->db, true, err) &&
           db_run(s->db, "delete from import where id = ?", DB_ARGS(db_int(s->import.id)), NULL, err) &&
           db_commit(s->db, err);
}

bool read_store_end(struct read_store *s, FILE *events, const char *why, uint64_t *out_events,
                    struct imw_error_info *err)
{
    struct imw_error_info fault = { 0 };
    bool ok = fflush(events) == 0
                  ? import_feed(s->db, &s->import, s->sha256, fileno(events), NULL, NULL, out_events, &fault)
                  : error_errno(&fault, "temporary file");

    if (!import_end(s->db, s->import.id, ok ? why : fault.text, clock_us(), err))
        return false;
    if (!ok)
        *err = fault;
    return ok;
}
