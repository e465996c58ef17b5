/* SPDX-License-Identifier: Apache-2.0 */
/* Imports: their rows, and their way into the store. */
#include "program/import.h"
#include "base/text.h"
#include "packet/capture_input.h"
#include "program/audit.h"
#include "program/sensor.h"
#include "program/when.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { LIST_MAX = 200 };

static const struct actor the_system = { .name = "system" };

const char *import_kind_name(enum import_kind k)
{
    return k == IMPORT_CAPTURE ? "capture" : "events";
}

/* ---- what it is ---- */

/* pcap (either order of octets, µs or ns) and pcapng begin so. */
static bool is_capture(struct view v)
{
    uint32_t first = view_u32(v, 0);

    return first == 0xa1b2c3d4 || first == 0xd4c3b2a1 || first == 0xa1b23c4d || first == 0x4d3cb2a1 ||
           first == 0x0a0d0d0a;
}

bool import_kind_of(int fd, const char *name, enum import_kind *out, struct imw_error_info *err)
{
    uint8_t start[64];
    size_t len = 0, n = 1;
    struct input *in;

    if (lseek(fd, 0, SEEK_SET) != 0)
        return error_errno(err, name);
    in = input_new(fd, name, err);
    if (in == NULL)
        return false;
    bool ok = true;
    while (ok && n > 0 && len < sizeof start) {
        ok = input_read(in, start + len, sizeof start - len, &n, err);
        len += ok ? n : 0;
    }
    input_free(in);
    struct view text = view_trim(view_of(start, len));
    *out = is_capture(view_of(start, len))     ? IMPORT_CAPTURE
           : text.len > 0 && text.at[0] == '{' ? IMPORT_EVENTS
                                               : IMPORT_UNKNOWN;
    return ok;
}

/* ---- rows ---- */

bool imports_add(struct db *db, int64_t account, int64_t sensor, const char *name, uint64_t size,
                 uint64_t now_us, int64_t *out_id, struct imw_error_info *err)
{
    if (sensor == 0 && !sensors_of_files(db, IMPORT_SENSOR, "import", now_us, &sensor, err))
        return false;
    return db_insert(
        db,
        "insert into import (name, kind, state, account, sensor, size, sha256, created_us) values (?, 'capture', "
        "'waiting', ?, ?, ?, '', ?) returning id",
        DB_ARGS(db_text(name), account != 0 ? db_int(account) : db_null(), db_int(sensor),
                db_int((int64_t)size), db_int((int64_t)now_us)),
        out_id, err);
}

bool import_next(struct db *db, int64_t after, struct import *out, bool *out_found,
                 struct imw_error_info *err)
{
    struct imw_error_info row_err = { 0 };
    struct db_rows *rows;

    if (!db_query(
            db,
            "select id, sensor, name, size from import where state in ('waiting', 'running') and id > ? order by id "
            "limit 1",
            DB_ARGS(db_int(after)), &rows, err))
        return false;
    *out_found = db_next(rows, &row_err);
    if (*out_found) {
        struct text name = TEXT(out->name);
        out->id = db_get_int(rows, 0);
        out->sensor = db_get_int(rows, 1);
        text_printable(&name, db_get_text(rows, 2));
        out->size = (uint64_t)db_get_int(rows, 3);
    }
    db_rows_end(rows);
    if (row_err.code != IMW_OK)
        *err = row_err;
    return row_err.code == IMW_OK;
}

bool import_waits(struct db *db, int64_t id, bool *out, struct imw_error_info *err)
{
    int64_t there;

    return db_query_int(db, "select id from import where id = ? and state in ('waiting', 'running')",
                        DB_ARGS(db_int(id)), &there, out, err);
}

bool import_begin(struct db *db, int64_t id, int64_t sensor, enum import_kind kind,
                  const uint8_t sha256[FEED_HEAD_BYTES], bool again, struct imw_error_info *err)
{
    char digest[2 * FEED_HEAD_BYTES + 1];
    struct text t = TEXT(digest);
    int64_t other = 0;
    bool found = false;

    text_hex(&t, view_of(sha256, FEED_HEAD_BYTES));
    if (!db_begin(db, true, err))
        return false;
    bool ok = db_query_int(
        db,
        "select id from import where sha256 = ? and id <> ? and state in ('running', 'done') order by id "
        "desc limit 1",
        DB_ARGS(db_text(digest), db_int(id)), &other, &found, err);
    if (ok && found && !again)
        ok = error_set(err, IMW_ERROR_VALUE, "the same file is stored already, by import %" PRId64, other);
    if (ok && again)
        ok = db_run(db, "delete from file_position where sensor = ? and head = ?",
                    DB_ARGS(db_int(sensor), db_blob(view_of(sha256, FEED_HEAD_BYTES))), NULL, err);
    ok = ok &&
         db_run(db, "update import set state = 'running', kind = ?, sha256 = ? where id = ?",
                DB_ARGS(db_text(import_kind_name(kind)), db_text(digest), db_int(id)), NULL, err) &&
         db_commit(db, err);
    if (!ok)
        db_rollback(db);
    return ok;
}

bool import_end(struct db *db, int64_t id, const char *why, uint64_t now_us, struct imw_error_info *err)
{
    char object[48];
    int64_t events = 0;
    json_t *detail = NULL;

    snprintf(object, sizeof object, "import %" PRId64, id);
    bool ok =
        db_begin(db, true, err) &&
        db_run(db, "update import set state = ?, error = ?, ended_us = ?, done = size where id = ?",
               DB_ARGS(db_text(why == NULL ? "done" : "failed"), db_text(why), db_int((int64_t)now_us),
                       db_int(id)),
               NULL, err) &&
        db_query_int(db, "select events from import where id = ?", DB_ARGS(db_int(id)), &events, NULL, err);
    if (ok) {
        detail = json_pack("{s:I, s:s?}", "events", (json_int_t)events, "error", why);
        ok = audit_add(db, &the_system, NULL, why == NULL ? "import.done" : "import.failed", object, detail,
                       now_us, err) &&
             db_commit(db, err);
        json_decref(detail);
    }
    if (!ok)
        db_rollback(db);
    return ok;
}

static json_t *row_json(const struct db_rows *rows)
{
    struct view name = db_get_text(rows, 1), kind = db_get_text(rows, 2), state = db_get_text(rows, 3),
                error = db_get_text(rows, 7);
    json_t *row = json_pack(
        "{s:I, s:s%, s:s%, s:s%, s:I, s:I, s:I, s:o, s:o}", "id", (json_int_t)db_get_int(rows, 0), "name",
        (const char *)name.at, name.len, "kind", (const char *)kind.at, kind.len, "state",
        (const char *)state.at, state.len, "size", (json_int_t)db_get_int(rows, 4), "done",
        (json_int_t)db_get_int(rows, 5), "events", (json_int_t)db_get_int(rows, 6), "created",
        when_json((uint64_t)db_get_int(rows, 8)), "ended", when_json((uint64_t)db_get_int(rows, 9)));

    json_t *why = db_is_null(rows, 7) ? json_null() : json_pack("s%", (const char *)error.at, error.len);
    if (row != NULL)
        json_object_set_new(row, "error", why);
    else
        json_decref(why);
    return row;
}

#define IMPORT_COLUMNS                                                                                       \
    "select id, name, kind, state, size, done, events, error, created_us, ended_us from import"

bool imports_list(struct db *db, int64_t id, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info row_err = { 0 };
    const struct db_value argument = db_int(id != 0 ? id : LIST_MAX);
    struct db_rows *rows;
    json_t *all = json_pack("[]");
    bool ok = all != NULL;

    if (!ok)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the list of imports");
    if (!db_query(db, id != 0 ? IMPORT_COLUMNS " where id = ?" : IMPORT_COLUMNS " order by id desc limit ?",
                  &argument, 1, &rows, err)) {
        json_decref(all);
        return false;
    }
    while (ok && db_next(rows, &row_err))
        ok = json_array_append_new(all, row_json(rows)) == 0;
    db_rows_end(rows);
    if (!ok || row_err.code != IMW_OK) {
        json_decref(all);
        if (ok)
            *err = row_err;
        return ok ? false : error_set(err, IMW_ERROR_MEMORY, "no memory for the list of imports");
    }
    if (id == 0) {
        *out = all;
        return true;
    }
    *out = json_incref(json_array_size(all) > 0 ? json_array_get(all, 0) : json_null());
    json_decref(all);
    return true;
}

/* ---- into the store ---- */

bool import_feed(struct db *db, const struct import *i, const uint8_t sha256[FEED_HEAD_BYTES], int fd,
                 bool (*tell)(void *context, const struct feed_progress *p), void *context,
                 uint64_t *out_events, struct imw_error_info *err)
{
    struct feed f = {
        .db = db, .sensor = i->sensor, .import = i->id, .import_size = i->size, .name = i->name
    };
    struct feed_progress p;
    int64_t events = 0;

    memcpy(f.head, sha256, sizeof f.head);
    if (!ingest_new(db, i->sensor, &f.ingest, err))
        return false;
    bool ok = feed_file(&f, fd, true, 0, tell, context, &p, err) &&
              db_query_int(db, "select events from import where id = ?", DB_ARGS(db_int(i->id)), &events,
                           NULL, err);
    ingest_free(f.ingest);
    if (ok && events == 0 && p.counts.refused > 0)
        ok = error_set(err, IMW_ERROR_FORMAT, "no line of it is an event: %s", p.counts.refusal);
    if (ok)
        *out_events = (uint64_t)events;
    return ok;
}
