/* SPDX-License-Identifier: Apache-2.0 */
/* What is due goes, and how: retention.h. The table below is the list of kinds. */
#include "program/retention.h"
#include "base/text.h"
#include "program/audit.h"
#include "program/setting.h"
#include "program/when.h"
#include "store/event_store.h"
#include <openssl/evp.h>
#include <stdlib.h>

enum { STATEMENTS = 8, RUNS_SHOWN = 100, DIGEST_BYTES = 32, YEAR_DAYS = 365 };
#define YEAR_US (366 * DAY_US) /* rather late than early */

/* What a statement's only `?` counts in. */
enum unit { UNIT_US, UNIT_HOUR, UNIT_DAY };

struct statement {
    enum unit unit;
    const char *sql;
};
struct kind {
    const char *name;
    enum setting setting;
    bool feed; /* touches what those who store events own */
    /* The time of the oldest row, in `unit`; and of those before a time a text each, in order. NULL: events,
     * which the store removes. */
    struct statement oldest, rows, remove[STATEMENTS];
};

#define CLOSED "state in ('closed', 'false-alarm') and closed_us < ?"
/* A signal that was decided, and does not go on. */
#define OVER "state in ('dismissed', 'incident') and going_on = 0"
/* An attempt that a certificate rests on stays with it. */
#define UNCERTIFIED "id not in (select attempt from training_certificate)"
#define PAST                                                                                                 \
    "state in ('refused', 'withdrawn', 'expired', 'ended') and (kind = 'request' or closed_us is not null)"
#define UNNAMED                                                                                              \
    "insert into expired_who (id) select id from who where id not in (select who from usage_who)"            \
    " and id not in (select who from incident where who is not null)"                                        \
    " and id not in (select object from incident_link where kind = 'who')"

static const struct kind kinds[] = {
    { "events",
      SETTING_ID_RETENTION_EVENTS,
      true,
      { UNIT_DAY, "select min(day) from event_day" },
      { 0 },
      { { 0 } } },
    { "usage",
      SETTING_ID_RETENTION_EVENTS,
      true,
      { UNIT_DAY, "select min(day) from usage_who" },
      { UNIT_DAY,
        "select 'usage ' || day || ' ' || who || ' ' || service || ' ' || action || ' ' || flows from "
        "usage_who where day < ? order by day, who, service, action" },
      { { UNIT_DAY, "delete from usage_who where day < ?" },
        { UNIT_DAY, "delete from usage_client where day < ?" },
        { UNIT_DAY, "delete from usage_seen where day < ?" } } },
    { "clients",
      SETTING_ID_RETENTION_EVENTS,
      true,
      { UNIT_US, "select min(last_us) from client_seen" },
      { UNIT_US,
        "select 'client ' || who || ' ' || program || ' ' || service || ' ' || last_us from client_seen where "
        "last_us < ? order by who, program, service" },
      { { UNIT_US, "delete from client_seen where last_us < ?" },
        { UNIT_US, "delete from client_install where last_us < ?" } } },
    { "imports",
      SETTING_ID_RETENTION_EVENTS,
      false,
      { UNIT_US, "select min(ended_us) from import" },
      { UNIT_US, "select 'import ' || id || ' ' || sha256 || ' ' || events from import where ended_us < ? "
                 "order by id" },
      { { UNIT_US, "delete from import where ended_us < ?" } } },
    { "sums",
      SETTING_ID_RETENTION_INCIDENTS,
      true,
      { UNIT_DAY, "select min(day) from usage_day" },
      { UNIT_DAY,
        "select 'sums ' || day || ' ' || department || ' ' || service || ' ' || action || ' ' || flows from "
        "usage_day where day < ? order by day, department, service, action" },
      { { UNIT_DAY, "delete from usage_day where day < ?" },
        { UNIT_HOUR, "delete from usage_hour where hour < ?" },
        { UNIT_DAY, "delete from usage_service_day where day < ?" },
        { UNIT_HOUR, "delete from usage_service_hour where hour < ?" },
        { UNIT_DAY, "delete from usage_port where day < ?" },
        { UNIT_DAY, "delete from usage_source where day < ?" },
        { UNIT_DAY, "delete from scan_day where day < ?" } } },
    { "incidents",
      SETTING_ID_RETENTION_INCIDENTS,
      false,
      { UNIT_US, "select min(closed_us) from incident where state in ('closed', 'false-alarm')" },
      { UNIT_US,
        "select 'incident ' || id || ' ' || first_us || ' ' || closed_us || ' ' || alerts from incident "
        "where " CLOSED " order by id" },
      { { UNIT_US,
          "update reveal set incident = null where incident in (select id from incident where " CLOSED ")" },
        { UNIT_US,
          "update signal set incident = null where incident in (select id from incident where " CLOSED ")" },
        { UNIT_US,
          "update incident set merged_into = null where merged_into in (select id from incident where " CLOSED
          ")" },
        { UNIT_US, "delete from incident_link where kind = 'incident' and object in (select id from incident "
                   "where " CLOSED ")" },
        { UNIT_US, "delete from incident where " CLOSED } } },
    { "evidence", /* the clerk's next look removes the files */
      SETTING_ID_RETENTION_INCIDENTS,
      false,
      { UNIT_US, "select min(asked_us) from evidence_package where state not in ('waiting', 'making')" },
      { UNIT_US,
        "select 'evidence ' || id || ' ' || state || ' ' || coalesce(sha256, '-') from evidence_package "
        "where state not in ('waiting', 'making') and asked_us < ? order by id" },
      { { UNIT_US,
          "delete from evidence_package where state not in ('waiting', 'making') and asked_us < ?" } } },
    { "sessions",
      SETTING_ID_RETENTION_SESSIONS,
      false,
      { UNIT_US, "select min(expires_us) from session" },
      { UNIT_US, "select 'session ' || account || ' ' || created_us || ' ' || expires_us from session where "
                 "expires_us < ? order by created_us, account, expires_us" },
      { { UNIT_US, "delete from session where expires_us < ?" },
        { UNIT_US, "delete from token where expires_us < ?" },
        { UNIT_US, "delete from sign_in where last_us < ?" } } },
    { "counts",
      SETTING_ID_RETENTION_EVENTS,
      false,
      { UNIT_DAY, "select min(day) from approved_day" },
      { UNIT_DAY, "select 'counts ' || day || ' ' || channel || ' ' || person || ' ' || messages from "
                  "approved_count where day < ? order by day, channel, person" },
      { { UNIT_DAY, "delete from approved_count where day < ?" },
        { UNIT_DAY, "delete from approved_department where day < ?" },
        { UNIT_DAY, "delete from approved_day where day < ?" },
        { UNIT_DAY, "delete from approved_import where last_day < ?" },
        { UNIT_US, "delete from signal_run where time_us < ? and id < (select max(id) from signal_run)" } } },
    { "signals",
      SETTING_ID_RETENTION_INCIDENTS,
      false,
      { UNIT_US, "select min(changed_us) from signal where " OVER },
      { UNIT_US,
        "select 'signal ' || id || ' ' || person || ' ' || level || ' ' || state || ' ' || first_day || ' ' "
        "|| last_day from signal where " OVER " and changed_us < ? order by id" },
      { { UNIT_US, "delete from signal where " OVER " and changed_us < ?" } } },
    { "attempts",
      SETTING_ID_RETENTION_INCIDENTS,
      false,
      { UNIT_US, "select min(ended_us) from training_attempt where " UNCERTIFIED },
      { UNIT_US,
        "select 'attempt ' || id || ' ' || person || ' ' || version || ' ' || state || ' ' || ended_us from "
        "training_attempt where " UNCERTIFIED " and ended_us < ? order by id" },
      { { UNIT_US, "delete from training_attempt where " UNCERTIFIED " and ended_us < ?" } } },
    { "exceptions",
      SETTING_ID_RETENTION_INCIDENTS,
      false,
      { UNIT_US, "select min(changed_us) from exception where " PAST },
      { UNIT_US,
        "select 'exception ' || id || ' ' || kind || ' ' || state || ' ' || changed_us from exception where " PAST
        " and changed_us < ? order by id" },
      { { UNIT_US, "delete from exception where " PAST " and changed_us < ?" } } },
    { "mail",
      SETTING_ID_RETENTION_SESSIONS,
      false,
      { UNIT_US, "select min(ended_us) from mail where state <> 'waiting'" },
      { UNIT_US, "select 'mail ' || id || ' ' || state || ' ' || ended_us from mail where state <> "
                 "'waiting' and ended_us < "
                 "? order by id" },
      { { UNIT_US, "delete from mail where state <> 'waiting' and ended_us < ?" } } },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct actor the_system = { .name = "system" };

static int64_t in_unit(enum unit unit, int64_t time_us)
{
    return unit == UNIT_DAY ? day_of(time_us) : unit == UNIT_HOUR ? time_us / HOUR_US : time_us;
}

static int64_t from_unit(enum unit unit, int64_t number)
{
    return unit == UNIT_DAY ? day_start((int)number) : unit == UNIT_HOUR ? number * HOUR_US : number;
}

/* Before this time it is due: the beginning of a day (UTC). */
static bool due_before(struct db *db, const struct kind *k, uint64_t now_us, int64_t *out_days,
                       int64_t *out_us, struct imw_error_info *err)
{
    if (!setting_number(db, k->setting, out_days, err))
        return false;
    *out_us = (int64_t)now_us - *out_days * DAY_US;
    *out_us = *out_us > 0 ? day_start(day_of(*out_us)) : 0;
    return true;
}

/* ---- proof ---- */

static bool told(struct db *db, const char *kind, int64_t before_us, uint64_t removed, struct view digest,
                 uint64_t now_us, struct imw_error_info *err)
{
    char hex[2 * DIGEST_BYTES + 1], before[WHEN_SIZE];
    struct text t = TEXT(hex);

    text_hex(&t, digest);
    when_text((uint64_t)before_us, before);
    json_t *detail =
        json_pack("{s:s,s:I,s:s}", "before", before, "removed", (json_int_t)removed, "digest", hex);
    const bool ok = detail != NULL
                        ? audit_add(db, &the_system, NULL, "retention.remove", kind, detail, now_us, err)
                        : error_memory(err);

    json_decref(detail);
    return ok;
}

struct day_context {
    struct db *db;
    uint64_t now_us, removed;
    struct imw_error_info *err;
};

static bool day_told(void *context, int day, uint64_t events, struct view digest)
{
    struct day_context *c = context;

    c->removed += events;
    return told(c->db, "events", day_start(day) + DAY_US, events, digest, c->now_us, c->err);
}

/* How many rows are due, and their digest. */
static bool rows_digest(struct db *db, const struct kind *k, int64_t before_us, uint64_t *out_rows,
                        uint8_t digest[DIGEST_BYTES], struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows = NULL;
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    bool ok = false;

    *out_rows = 0;
    if (sum == NULL || EVP_DigestInit_ex(sum, EVP_sha256(), NULL) != 1) {
        error_memory(err);
        goto out;
    }
    if (!db_query(db, k->rows.sql, DB_ARGS(db_int(in_unit(k->rows.unit, before_us))), &rows, err))
        goto out;
    while (db_next(rows, &why)) {
        const struct view line = db_get_text(rows, 0);

        EVP_DigestUpdate(sum, line.at, line.len);
        EVP_DigestUpdate(sum, "\n", 1);
        ++*out_rows;
    }
    EVP_DigestFinal_ex(sum, digest, NULL);
    ok = rows_done(rows, &why, err);
out:
    EVP_MD_CTX_free(sum);
    return ok;
}

/* ---- the end ---- */

/* Clients that no sum, no incident and no event that stays names: their addresses go, too. */
static bool clients_remove(struct db *db, struct imw_error_info *err)
{
    int64_t day = 0;
    bool found = true;

    if (!db_script(db,
                   "create temporary table if not exists expired_who (id bigint primary key);"
                   " delete from expired_who; " UNNAMED,
                   err))
        return false;
    while (found) {
        char sql[160];
        struct text t = TEXT(sql);

        if (!db_query_int(db, "select day from event_day where day > ? order by day limit 1",
                          DB_ARGS(db_int(day)), &day, &found, err))
            return false;
        text_format(
            &t, "delete from expired_who where exists (select 1 from event_%d where who = expired_who.id)",
            (int)day);
        if (found && !db_script(db, sql, err))
            return false;
    }
    /* The collector forgets whom it knew by number. */
    return db_run(db, "delete from who where id in (select id from expired_who)", DB_NONE, NULL, err) &&
           db_run(db,
                  "insert into event_counter (name, value) values ('people', 1) on conflict (name) do "
                  "update set value "
                  "= event_counter.value + 1",
                  DB_NONE, NULL, err);
}

static bool run_add(struct db *db, const char *kind, int64_t before_us, uint64_t removed, struct view digest,
                    uint64_t now_us, struct imw_error_info *err)
{
    return db_run(
        db, "insert into retention_run (kind, before_us, removed, digest, time_us) values (?, ?, ?, ?, ?)",
        DB_ARGS(db_text(kind), db_int(before_us), db_int((int64_t)removed), db_blob(digest),
                db_int((int64_t)now_us)),
        NULL, err);
}

static bool rows_remove(struct db *db, const struct kind *k, int64_t before_us, uint64_t now_us,
                        uint64_t *out_removed, struct imw_error_info *err)
{
    uint8_t digest[DIGEST_BYTES] = { 0 };
    const struct view proof = { digest, sizeof digest };
    uint64_t changed;

    if (!rows_digest(db, k, before_us, out_removed, digest, err))
        return false;
    for (unsigned i = 0; i < STATEMENTS && k->remove[i].sql != NULL; i++)
        if (!db_run(db, k->remove[i].sql, DB_ARGS(db_int(in_unit(k->remove[i].unit, before_us))), &changed,
                    err))
            return false;
    if (*out_removed == 0)
        return true;
    if (k->setting == SETTING_ID_RETENTION_EVENTS && k->feed && !clients_remove(db, err))
        return false;
    return run_add(db, k->name, before_us, *out_removed, proof, now_us, err) &&
           told(db, k->name, before_us, *out_removed, proof, now_us, err);
}

/* In a transaction to write. */
static bool kind_run(struct db *db, const struct kind *k, uint64_t now_us, uint64_t *out_removed,
                     struct imw_error_info *err)
{
    struct day_context context = { .db = db, .now_us = now_us, .err = err };
    int64_t days, before_us;

    if ((k->feed && !db_take_feed(db, err)) || !due_before(db, k, now_us, &days, &before_us, err))
        return false;
    if (k->rows.sql != NULL)
        return rows_remove(db, k, before_us, now_us, out_removed, err);
    const bool ok = events_expire(db, day_of(before_us), now_us, day_told, &context, err);
    *out_removed = context.removed;
    return ok;
}

/* The trail is due before this time. */
static bool trail_before(struct db *db, uint64_t now_us, int64_t *out_years, int64_t *out_us,
                         struct imw_error_info *err)
{
    if (!setting_number(db, SETTING_ID_RETENTION_AUDIT, out_years, err))
        return false;
    *out_us = (int64_t)now_us - *out_years * YEAR_US;
    *out_us = *out_us > 0 ? *out_us : 0;
    return true;
}

/* In a transaction to write. audit_expire() says in the trail itself what went. */
static bool trail_run(struct db *db, uint64_t now_us, uint64_t *out_removed, struct imw_error_info *err)
{
    uint8_t digest[DIGEST_BYTES] = { 0 };
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    int64_t years, before_us;

    if (!trail_before(db, now_us, &years, &before_us, err) ||
        !audit_expire(db, (uint64_t)before_us, now_us, out_removed, err))
        return false;
    if (*out_removed == 0)
        return true;
    if (!db_query(db, "select hash from audit_checkpoint order by seq limit 1", DB_NONE, &rows, err))
        return false;
    if (db_next(rows, &why) && db_get_blob(rows, 0).len == sizeof digest)
        memcpy(digest, db_get_blob(rows, 0).at, sizeof digest);
    return rows_done(rows, &why, err) &&
           run_add(db, "audit", before_us, *out_removed, view_of(digest, sizeof digest), now_us, err);
}

bool retention_run(struct db *db, uint64_t now_us, uint64_t *out_removed, struct imw_error_info *err)
{
    uint64_t all = 0;

    for (unsigned i = 0; i <= KINDS; i++) { /* the trail is the last: it has what the others say */
        uint64_t removed = 0;

        if (!db_begin(db, true, err))
            return false;
        if (!(i < KINDS ? kind_run(db, &kinds[i], now_us, &removed, err)
                        : trail_run(db, now_us, &removed, err)) ||
            !db_commit(db, err)) {
            db_rollback(db);
            return false;
        }
        all += removed;
    }
    /* What went is in the log of SQLite still. Where somebody reads now, the next run sees to it. */
    if (all > 0 && db_kind(db) == DB_SQLITE) {
        struct imw_error_info ignored = { 0 };
        const bool cut = db_script(db, "pragma wal_checkpoint(truncate)", &ignored);

        (void)cut;
    }
    if (out_removed != NULL)
        *out_removed = all;
    return true;
}

/* ---- shown ---- */

static bool kind_json(struct db *db, const struct kind *k, uint64_t now_us, json_t *list,
                      struct imw_error_info *err)
{
    int64_t days, before_us, oldest = 0, bytes = 0;
    struct db_rows *rows = NULL;
    struct imw_error_info why = { 0 };
    bool there = false;

    if (!due_before(db, k, now_us, &days, &before_us, err) ||
        !db_query(db, k->oldest.sql, DB_NONE, &rows, err))
        return false;
    if (db_next(rows, &why) && !db_is_null(rows, 0)) {
        there = true;
        oldest = from_unit(k->oldest.unit, db_get_int(rows, 0));
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (k->rows.sql == NULL &&
        !db_query_int(db, "select coalesce(sum(bytes), 0) from event_day", DB_NONE, &bytes, NULL, err))
        return false;

    /* A session that has not ended yet is no record of the past, though it is known when it will go. */
    const bool past = there && oldest <= (int64_t)now_us;
    /* A day goes when all of it is due. */
    const int64_t next = day_start(day_of(oldest)) + (days + 1) * DAY_US;
    json_t *item = json_pack("{s:s,s:I,s:o,s:o,s:o}", "kind", k->name, "days", (json_int_t)days, "oldest",
                             past ? when_json((uint64_t)oldest) : json_null(), "bytes",
                             k->rows.sql == NULL ? json_integer(bytes) : json_null(), "next",
                             there ? when_json((uint64_t)next) : json_null());
    return json_array_append_new(list, item) == 0 || error_memory(err);
}

/* It goes up to a checkpoint: when the next time is, nobody knows to the day. */
static bool trail_json(struct db *db, uint64_t now_us, json_t *list, struct imw_error_info *err)
{
    int64_t years, before_us, oldest = 0;

    if (!trail_before(db, now_us, &years, &before_us, err) ||
        !db_query_int(db, "select coalesce(min(time_us), 0) from audit", DB_NONE, &oldest, NULL, err))
        return false;
    return json_array_append_new(list, json_pack("{s:s,s:I,s:o,s:n,s:n}", "kind", "audit", "days",
                                                 (json_int_t)(years * YEAR_DAYS), "oldest",
                                                 when_json((uint64_t)oldest), "bytes", "next")) == 0 ||
           error_memory(err);
}

static bool runs_json(struct db *db, json_t *list, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows = NULL;
    bool ok = true;

    if (!db_query(
            db,
            "select kind, before_us, removed, digest, time_us from retention_run order by id desc limit ?",
            DB_ARGS(db_int(RUNS_SHOWN)), &rows, err))
        return false;
    while (ok && db_next(rows, &why)) {
        char hex[2 * DIGEST_BYTES + 1];
        struct text t = TEXT(hex);

        text_hex(&t, db_get_blob(rows, 3));
        ok = json_array_append_new(list, json_pack("{s:s,s:o,s:I,s:s,s:o}", "kind",
                                                   (const char *)db_get_text(rows, 0).at, "before",
                                                   when_json((uint64_t)db_get_int(rows, 1)), "removed",
                                                   (json_int_t)db_get_int(rows, 2), "digest", hex, "time",
                                                   when_json((uint64_t)db_get_int(rows, 4)))) == 0;
    }
    return rows_done(rows, &why, err) && (ok || error_memory(err));
}

bool retention_json(struct db *db, uint64_t now_us, json_t **out, struct imw_error_info *err)
{
    json_t *list = json_pack("[]"), *runs = json_pack("[]");
    bool ok = list != NULL && runs != NULL;

    if (!ok)
        error_memory(err);
    for (unsigned i = 0; ok && i < KINDS; i++)
        ok = kind_json(db, &kinds[i], now_us, list, err);
    ok = ok && trail_json(db, now_us, list, err) && runs_json(db, runs, err);
    if (ok)
        *out = json_pack("{s:O,s:O}", "kinds", list, "runs", runs);
    json_decref(list);
    json_decref(runs);
    return ok && (*out != NULL || error_memory(err));
}
