/* SPDX-License-Identifier: Apache-2.0 */
/* Sensors: enrolled, revoked, and how they are. */
#include "program/sensor.h"
#include "base/text.h"
#include "program/audit.h"
#include "program/when.h"
#include <inttypes.h>
#include <stdio.h>

/* ---- who is there ---- */

static bool told(struct db *db, const struct actor *actor, const char *address, const char *act, int64_t id,
                 const char *name, uint64_t now_us, struct imw_error_info *err)
{
    char object[48];
    json_t *detail = json_pack("{s:s}", "name", name);

    snprintf(object, sizeof object, "sensor %" PRId64, id);
    bool ok = audit_add(db, actor, address, act, object, detail, now_us, err);
    json_decref(detail);
    return ok;
}

bool sensors_find(struct db *db, const char *name, int64_t *out, struct imw_error_info *err)
{
    int64_t id = 0;
    bool found;

    if (!db_query_int(db, "select id from sensor where name = ?", DB_ARGS(db_text(name)), &id, &found, err))
        return false;
    *out = found ? id : 0;
    return true;
}

bool sensors_enrol(struct db *db, const struct actor *actor, const char *address, const char *name,
                   const char *kind, bool renew, struct view fingerprint, uint64_t now_us, int64_t *out_id,
                   struct imw_error_info *err)
{
    uint64_t changed = 0;
    int64_t id;

    if (!sensors_find(db, name, &id, err))
        return false;
    if (id != 0 && !renew)
        return error_set(err, IMW_ERROR_VALUE,
                         "there is a sensor '%s' already; --renew gives it another certificate, after "
                         "which the one before is refused",
                         name);
    if (id == 0 && renew)
        return error_set(err, IMW_ERROR_VALUE,
                         "there is no sensor '%s' to renew; 'imward sensor list' lists them", name);
    if (!renew) {
        if (!db_insert(
                db,
                "insert into sensor (name, fingerprint, kind, state, enrolled_us) values (?, ?, ?, 'active', ?) "
                "returning id",
                DB_ARGS(db_text(name), db_blob(fingerprint), db_text(kind), db_int((int64_t)now_us)), &id,
                err))
            return false;
    } else if (
        !db_run(
            db,
            "update sensor set fingerprint = ?, state = 'active', enrolled_us = ? where id = ? and kind in "
            "('sensor', 'gateway')",
            DB_ARGS(db_blob(fingerprint), db_int((int64_t)now_us), db_int(id)), &changed, err)) {
        return false;
    } else if (changed == 0) {
        return error_set(err, IMW_ERROR_VALUE, "'%s' stands for files that are read, and has no certificate",
                         name);
    }
    if (!told(db, actor, address, renew ? "sensor.renew" : "sensor.add", id, name, now_us, err))
        return false;
    *out_id = id;
    return true;
}

bool sensors_revoke(struct db *db, const struct actor *actor, const char *address, int64_t id,
                    uint64_t now_us, struct imw_error_info *err)
{
    struct imw_error_info row_err = { 0 };
    struct db_rows *rows;
    uint64_t changed;
    char name[128] = "";

    if (!db_query(db, "select name from sensor where id = ?", DB_ARGS(db_int(id)), &rows, err))
        return false;
    if (db_next(rows, &row_err)) {
        struct text t = TEXT(name);
        text_printable(&t, db_get_text(rows, 0));
    }
    db_rows_end(rows);
    if (row_err.code != IMW_OK) {
        *err = row_err;
        return false;
    }
    if (!db_run(db, "update sensor set state = 'revoked' where id = ? and kind in ('sensor', 'gateway')",
                DB_ARGS(db_int(id)), &changed, err))
        return false;
    if (changed == 0)
        return error_set(err, IMW_ERROR_VALUE, "there is no such sensor with a certificate");
    return told(db, actor, address, "sensor.revoke", id, name, now_us, err);
}

bool sensors_of_files(struct db *db, const char *name, const char *kind, uint64_t now_us, int64_t *out,
                      struct imw_error_info *err)
{
    if (!sensors_find(db, name, out, err))
        return false;
    if (*out != 0)
        return true;
    /* Two may do this at once. */
    if (!db_run(db,
                "insert into sensor (name, kind, state, enrolled_us) values (?, ?, 'active', ?)"
                " on conflict (name) do nothing",
                DB_ARGS(db_text(name), db_text(kind), db_int((int64_t)now_us)), NULL, err))
        return false;
    return sensors_find(db, name, out, err) &&
           (*out != 0 || error_set(err, IMW_ERROR_SYSTEM, "the sensor '%s' could not be made", name));
}

/* ---- how they are ---- */

static json_int_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* The connection (NULL: it never had one) and the counters (NULL: none came yet), for people. */
static json_t *status_json(const json_t *link, const json_t *stats)
{
    const char *software = json_string_value(json_object_get(link, "software")),
               *version = json_string_value(json_object_get(stats, "version")),
               *policy = json_string_value(json_object_get(stats, "policy"));

    if (link == NULL && stats == NULL)
        return json_null();
    if (software == NULL)
        software = version != NULL ? version : "";
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s?}", "version", software, "uptime_s",
                     number(link != NULL ? link : stats, link != NULL ? "connected_s" : "uptime_s"),
                     "packets_per_s", number(stats, "packets_per_s"), "drops", number(stats, "drops"),
                     "flows", number(stats, "flows"), "lost", number(link, "lost"), "waiting",
                     number(link, "waiting"), "certificate_end",
                     when_json((uint64_t)number(link, "certificate_end_s") * 1000000), "policy", policy);
}

static const char *health(bool revoked, bool files, int64_t seen_us, bool connected, const json_t *link,
                          const json_t *stats)
{
    if (revoked)
        return "revoked";
    if (seen_us == 0)
        return "never seen";
    if (!files && !connected)
        return "silent";
    return number(stats, "drops") > 0 || number(link, "lost") > 0 ? "dropping" : "well";
}

static json_t *object_of(struct view text)
{
    return text.len > 0 ? json_loadb((const char *)text.at, text.len, 0, NULL) : NULL;
}

static json_t *sensor_json(const struct db_rows *rows, uint64_t now_us)
{
    struct view name = db_get_text(rows, 1), kind = db_get_text(rows, 2), state = db_get_text(rows, 3),
                status = db_get_text(rows, 7), counted = db_get_text(rows, 8);
    int64_t seen_us = db_get_int(rows, 5);
    bool files = !view_equal(kind, VIEW("sensor")) && !view_equal(kind, VIEW("gateway"));
    bool revoked = view_equal(state, VIEW("revoked"));
    bool connected = !files && !revoked && seen_us + (int64_t)SENSOR_SILENT_S * 1000000 > (int64_t)now_us;
    json_t *link = object_of(status), *stats = object_of(counted);
    json_t *sensor =
        json_pack("{s:I, s:s%, s:s%, s:s%, s:o, s:o, s:b, s:I, s:o, s:s}", "id",
                  (json_int_t)db_get_int(rows, 0), "name", (const char *)name.at, name.len, "kind",
                  (const char *)kind.at, kind.len, "state", (const char *)state.at, state.len, "enrolled",
                  when_json((uint64_t)db_get_int(rows, 4)), "seen", when_json((uint64_t)seen_us), "connected",
                  connected, "events", (json_int_t)db_get_int(rows, 6), "status", status_json(link, stats),
                  "health", health(revoked, files, seen_us, connected, link, stats));

    json_decref(link);
    json_decref(stats);
    return sensor;
}

#define SENSOR_COLUMNS "select id, name, kind, state, enrolled_us, seen_us, events, status, stats from sensor"

bool sensors_list(struct db *db, int64_t id, uint64_t now_us, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info row_err = { 0 };
    struct db_rows *rows;
    json_t *all = json_pack("[]"), *one = NULL;

    if (all == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the list of sensors");
    const char *sql = id == 0 ? SENSOR_COLUMNS " order by name" : SENSOR_COLUMNS " where id = ?";
    const struct db_value by_id = db_int(id);
    if (!db_query(db, sql, &by_id, id == 0 ? 0 : 1, &rows, err)) {
        json_decref(all);
        return false;
    }
    bool ok = true;
    while (ok && db_next(rows, &row_err))
        ok = json_array_append_new(all, sensor_json(rows, now_us)) == 0;
    db_rows_end(rows);
    if (!ok || row_err.code != IMW_OK) {
        json_decref(all);
        if (ok)
            *err = row_err;
        return ok ? false : error_set(err, IMW_ERROR_MEMORY, "no memory for the list of sensors");
    }
    if (id == 0) {
        *out = all;
        return true;
    }
    one = json_incref(json_array_size(all) > 0 ? json_array_get(all, 0) : json_null());
    json_decref(all);
    *out = one;
    return true;
}
