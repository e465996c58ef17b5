/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents out of stored alerts. How far alerts were taken is event_counter 'incident', moved in the same
 * transaction as what came out of them: so each is taken once, whatever dies in between. Numbers of events
 * are given and committed in order, so nothing appears behind that mark later.
 *
 * Columns of an event say when, who and how bad; which detector told about whom is in its line. What was
 * stopped as the policy says ("policy: …", as many as there are blocked connections) is passed over without
 * reading that.
 */
#include "program/incident.h"
#include "program/shape.h"
#include "store/event_store.h"
#include <stdlib.h>

enum {
    BATCH = 500,
    KEY_BYTES = 400,
    FAILED_ID = 9010,
    DRILL_ID = 9100,
    ENFORCED_FIRST = 9001,
    SCANNED_INFECTED = 2
};

static const struct actor the_system = { .name = "system" };

/* What an alert is about, out of its line. */
struct told {
    char detector[48], subject[300], title[INCIDENT_TITLE_BYTES + 1];
};

struct taking {
    struct db *db;
    uint64_t window_us, now_us;
    struct incident_counts counts;
    struct incident_event batch[BATCH + 1];
    unsigned count;
};

/* ---- events ---- */

#define EVENT_COLUMNS                                                                                        \
    "select e.id, e.time_us, e.who, e.service, e.sha256, e.severity, e.kind, t.value "                       \
    "from event_%d e left join term t on t.id = e.signature "

static void read_event(const struct db_rows *rows, struct incident_event *out)
{
    *out = (struct incident_event){ .id = db_get_int(rows, 0),
                                    .time_us = (uint64_t)db_get_int(rows, 1),
                                    .who = db_get_int(rows, 2),
                                    .service = db_get_int(rows, 3),
                                    .sha256 = db_get_int(rows, 4),
                                    .severity = (unsigned)db_get_int(rows, 5),
                                    .is_alert = db_get_int(rows, 6) == EVENT_ALERT };
    struct text t = TEXT(out->signature);
    text_add(&t, view_slice(db_get_text(rows, 7), 0, sizeof out->signature - 4));
    if (out->signature[0] == '\0')
        text_string(&t, db_get_int(rows, 6) == EVENT_FILEINFO ? "file"
                        : db_get_int(rows, 6) == EVENT_FLOW   ? "flow"
                        : out->is_alert                       ? "alert"
                                                              : "event");
}

/* Days whose events may have these numbers. At most `room`. */
static bool find_days(struct db *db, int64_t from_id, int64_t to_id, int *out, unsigned room,
                      unsigned *out_count, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;

    *out_count = 0;
    if (!db_query(db, "select day from event_day where last_id >= ? and first_id <= ? order by first_id",
                  DB_ARGS(db_int(from_id), db_int(to_id)), &rows, err))
        return false;
    while (*out_count < room && db_next(rows, &failed))
        out[(*out_count)++] = (int)db_get_int(rows, 0);
    db_rows_end(rows);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

enum { DAYS = 4000 };

bool incident_event_find(struct db *db, int64_t id, struct incident_event *out, bool *out_found,
                         struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    int days[64];
    unsigned count;
    char sql[256];

    *out_found = false;
    if (!find_days(db, id, id, days, 64, &count, err))
        return false;
    for (unsigned i = 0; i < count && !*out_found; i++) {
        struct db_rows *rows;
        snprintf(sql, sizeof sql, EVENT_COLUMNS "where e.id = ?", days[i]);
        if (!db_query(db, sql, DB_ARGS(db_int(id)), &rows, err))
            return false;
        if (db_next(rows, &failed)) {
            read_event(rows, out);
            *out_found = true;
        }
        db_rows_end(rows);
        if (failed.code != IMW_OK) {
            *err = failed;
            return false;
        }
    }
    return true;
}

/* The whole line of an event; NULL where it is gone. */
static bool read_line(struct db *db, int64_t id, json_t **out_eve, struct imw_error_info *err)
{
    json_t *event = NULL;

    if (!events_get(db, id, &event, err))
        return false;
    *out_eve = json_incref(json_object_get(event, "eve"));
    json_decref(event);
    return true;
}

static const char *text_at(const json_t *map, const char *key)
{
    const char *text = json_string_value(json_object_get(map, key));

    return text != NULL ? text : "";
}

bool incident_advice_of(struct db *db, int64_t incident, const char *detector, char *out, size_t size,
                        struct imw_error_info *err)
{
    json_t *eve = NULL;
    int64_t event = 0;
    bool found = false;

    if (!db_query_int(db,
                      "select object from incident_link where incident = ? and kind = 'event' "
                      "order by object desc limit 1",
                      DB_ARGS(db_int(incident)), &event, &found, err) ||
        (found && !read_line(db, event, &eve, err)))
        return false;
    const char *said = text_at(json_object_get(eve, "imward"), "advice");
    unsigned id =
        (unsigned)json_integer_value(json_object_get(json_object_get(eve, "alert"), "signature_id"));
    snprintf(out, size, "%s", said[0] != '\0' ? said : incident_advice(detector, id));
    /* Detectors write what may follow other words: here it stands alone. */
    const size_t end = strlen(out);
    if (out[0] >= 'a' && out[0] <= 'z')
        out[0] -= 'a' - 'A';
    if (end > 0 && end + 1 < size && strchr(".!?", out[end - 1]) == NULL)
        memcpy(out + end, ".", 2);
    json_decref(eve);
    return true;
}

/* ---- what an alert is about ---- */

/* Who a flow's client is, as the event names it. */
static const char *client_of(const json_t *eve)
{
    const char *user = text_at(json_object_get(eve, "src_who"), "user");

    return user[0] != '\0' ? user : text_at(eve, "src_ip");
}

/* False: it makes no incident. */
static bool tell(const json_t *eve, const struct incident_event *e, struct told *out)
{
    const json_t *imward = json_object_get(eve, "imward"), *alert = json_object_get(eve, "alert");
    unsigned id = (unsigned)json_integer_value(json_object_get(alert, "signature_id"));
    const char *detector = text_at(imward, "detector"), *subject = text_at(imward, "subject"), *title = NULL;

    if (!e->is_alert) {
        detector = "malware";
        subject = text_at(json_object_get(eve, "fileinfo"), "sha256");
    } else if (detector[0] != '\0') {
        title = incident_title(detector, id);
    } else if (id == FAILED_ID) {
        detector = "enforcement";
        subject = client_of(eve);
    } else if (id == DRILL_ID) {
        detector = "drill";
        subject = "gateway";
    } else if (id >= ENFORCED_FIRST && id < FAILED_ID) {
        return false;
    } else {
        detector = "other";
        subject = client_of(eve);
        title = e->signature;
    }
    snprintf(out->detector, sizeof out->detector, "%s", detector);
    snprintf(out->subject, sizeof out->subject, "%s", subject);
    snprintf(out->title, sizeof out->title, "%s", title != NULL ? title : incident_title(detector, id));
    return true;
}

/* ---- the incident that it belongs to ---- */

struct place {
    int64_t id, before; /* 0: none; `before`: one of the same that is over */
    int64_t alerts;
    unsigned severity;
};

static bool is_near(const struct taking *t, uint64_t time_us, int64_t first_us, int64_t last_us)
{
    return (int64_t)time_us <= last_us + (int64_t)t->window_us &&
           (int64_t)time_us >= first_us - (int64_t)t->window_us;
}

/* One that was merged stands for that into which it was: at most one step, see incident_merge(). */
static bool find_place(struct taking *t, const char *key, uint64_t time_us, struct place *out,
                       struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct place){ .id = 0 };
    if (!db_query(t->db,
                  "select i.id, i.state, i.first_us, i.last_us, i.alerts, i.severity from incident k "
                  "join incident i on i.id = coalesce(k.merged_into, k.id) where k.key = ? "
                  "order by i.last_us desc, i.id desc",
                  DB_ARGS(db_text(key)), &rows, err))
        return false;
    while (out->id == 0 && db_next(rows, &failed)) {
        struct view state = db_get_text(rows, 1);
        bool over = view_equal(state, VIEW("closed")) || view_equal(state, VIEW("false-alarm"));
        if (!over && is_near(t, time_us, db_get_int(rows, 2), db_get_int(rows, 3))) {
            out->id = db_get_int(rows, 0);
            out->alerts = db_get_int(rows, 4);
            out->severity = (unsigned)db_get_int(rows, 5);
        } else if (out->before == 0) {
            out->before = db_get_int(rows, 0);
        }
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

static bool note(struct taking *t, int64_t incident, const char *kind, const char *text,
                 struct imw_error_info *err)
{
    return db_run(
        t->db, "insert into incident_note (incident, account, time_us, kind, text) values (?, null, ?, ?, ?)",
        DB_ARGS(db_int(incident), db_int((int64_t)t->now_us), db_text(kind), db_text(text)), NULL, err);
}

static bool link_to(struct taking *t, int64_t incident, const char *kind, int64_t object, uint64_t time_us,
                    struct imw_error_info *err)
{
    return object == 0 ||
           db_run(t->db,
                  "insert into incident_link (incident, kind, object, time_us, account) "
                  "values (?, ?, ?, ?, null) "
                  "on conflict (incident, kind, object) do nothing",
                  DB_ARGS(db_int(incident), db_text(kind), db_int(object), db_int((int64_t)time_us)), NULL,
                  err);
}

static bool open_new(struct taking *t, const struct incident_event *e, const struct told *what,
                     const char *key, struct place *p, struct imw_error_info *err)
{
    struct act a = { .db = t->db, .actor = &the_system, .now_us = t->now_us };
    unsigned severity = e->severity >= 1 && e->severity <= 3 ? e->severity : 1;
    char text[64];

    if (!db_insert(
            t->db,
            "insert into incident (title, detector, key, severity, state, service, who, first_us, last_us, "
            "alerts, changed_us) values (?, ?, ?, ?, 'new', ?, ?, ?, ?, 0, ?) returning id",
            DB_ARGS(db_text(what->title), db_text(what->detector), db_text(key), db_int(severity),
                    e->service != 0 ? db_int(e->service) : db_null(),
                    e->who != 0 ? db_int(e->who) : db_null(), db_int((int64_t)e->time_us),
                    db_int((int64_t)e->time_us), db_int((int64_t)t->now_us)),
            &p->id, err) ||
        !note(t, p->id, "state", "new", err) ||
        !act_record(&a, "incident.open", "incident", p->id,
                    json_pack("{s:s,s:I,s:I}", "detector", what->detector, "event", (json_int_t)e->id,
                              "before", (json_int_t)p->before),
                    err))
        return false;
    p->severity = severity;
    p->alerts = 0;
    t->counts.opened++;
    snprintf(text, sizeof text, "seen again after incident %lld", (long long)p->before);
    return p->before == 0 ||
           (link_to(t, p->id, "incident", p->before, t->now_us, err) && note(t, p->id, "link", text, err));
}

static bool join(struct taking *t, const struct incident_event *e, const struct place *p, bool counts,
                 struct imw_error_info *err)
{
    unsigned severity = e->severity >= 1 && e->severity < p->severity ? e->severity : p->severity;
    int64_t time_us = (int64_t)e->time_us;
    char text[32];

    if (!db_run(t->db,
                "update incident set alerts = alerts + ?, severity = ?, "
                "first_us = case when first_us < ? then first_us else ? end, "
                "last_us = case when last_us > ? then last_us else ? end, changed_us = ? where id = ?",
                DB_ARGS(db_int(counts), db_int(severity), db_int(time_us), db_int(time_us), db_int(time_us),
                        db_int(time_us), db_int((int64_t)t->now_us), db_int(p->id)),
                NULL, err))
        return false;
    snprintf(text, sizeof text, "%u -> %u", p->severity, severity);
    if (severity != p->severity && !note(t, p->id, "severity", text, err))
        return false;
    return (p->alerts >= INCIDENT_LINKED_EVENTS || link_to(t, p->id, "event", e->id, e->time_us, err)) &&
           link_to(t, p->id, "who", e->who, e->time_us, err) &&
           link_to(t, p->id, "file", e->sha256, e->time_us, err);
}

static bool take_one(struct taking *t, const struct incident_event *e, struct imw_error_info *err)
{
    bool as_policy_says = view_starts(view_string(e->signature), VIEW("policy: ")) && e->severity != 1;
    struct told what;
    struct place p;
    json_t *eve = NULL;
    char key[KEY_BYTES];

    if (e->is_alert && as_policy_says)
        return true;
    if (!read_line(t->db, e->id, &eve, err))
        return false;
    bool is_one = tell(eve, e, &what);
    json_decref(eve);
    if (!is_one)
        return true;
    snprintf(key, sizeof key, "%s %lld %s", what.detector, (long long)e->service, what.subject);
    if (!find_place(t, key, e->time_us, &p, err))
        return false;
    bool there = p.id != 0;
    if (!there && !open_new(t, e, &what, key, &p, err))
        return false;
    t->counts.alerts++;
    t->counts.joined += there;
    return join(t, e, &p, e->is_alert || !there, err);
}

/* ---- a batch ---- */

static int by_id(const void *a, const void *b)
{
    const struct incident_event *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

/* The first of this day behind the mark, up to `top`; the batch keeps the lowest numbers of all days. */
static bool read_day(struct taking *t, int day, int64_t after, int64_t top, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    char sql[512];

    snprintf(
        sql, sizeof sql,
        EVENT_COLUMNS
        "where e.id > ? and e.id <= ? and (e.kind = ? or (e.kind = ? and e.scan = ?)) order by e.id limit ?",
        day);
    if (!db_query(t->db, sql,
                  DB_ARGS(db_int(after), db_int(top), db_int(EVENT_ALERT), db_int(EVENT_FILEINFO),
                          db_int(SCANNED_INFECTED), db_int(BATCH + 1)),
                  &rows, err))
        return false;
    while (db_next(rows, &failed)) {
        struct incident_event e;
        read_event(rows, &e);
        if (t->count <= BATCH) {
            t->batch[t->count++] = e;
            if (t->count == BATCH + 1)
                qsort(t->batch, t->count, sizeof *t->batch, by_id);
        } else if (e.id < t->batch[BATCH].id) {
            t->batch[BATCH] = e;
            qsort(t->batch, t->count, sizeof *t->batch, by_id);
        } else {
            break;
        }
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

static bool read_batch(struct taking *t, int64_t after, int64_t top, struct imw_error_info *err)
{
    int *days = malloc(DAYS * sizeof *days);
    unsigned count = 0;

    if (days == NULL)
        return error_memory(err);
    bool ok = find_days(t->db, after + 1, top, days, DAYS, &count, err);
    for (unsigned i = 0; ok && i < count; i++)
        ok = read_day(t, days[i], after, top, err);
    free(days);
    if (t->count > 0)
        qsort(t->batch, t->count, sizeof *t->batch, by_id);
    t->counts.more = t->count > BATCH;
    t->counts.last_event = t->counts.more ? t->batch[BATCH - 1].id : top;
    t->count = t->counts.more ? BATCH : t->count;
    return ok;
}

/* Alerts were taken up to *after; events are there up to *top. */
static bool read_marks(struct taking *t, int64_t *after, int64_t *top, struct imw_error_info *err)
{
    *after = *top = 0;
    if (!db_query_int(t->db, "select value from event_counter where name = 'incident'", DB_NONE, after, NULL,
                      err) ||
        !db_query_int(t->db, "select value from event_counter where name = 'event'", DB_NONE, top, NULL, err))
        return false;
    t->counts.last_event = *after;
    return true;
}

static bool take(struct taking *t, struct imw_error_info *err)
{
    struct act a = { .db = t->db, .actor = &the_system, .now_us = t->now_us };
    int64_t after, top;

    if (!read_marks(t, &after, &top, err))
        return false;
    if (top <= after)
        return true;
    if (!read_batch(t, after, top, err))
        return false;
    for (unsigned i = 0; i < t->count; i++)
        if (!take_one(t, &t->batch[i], err))
            return false;
    if (t->counts.alerts > 0 &&
        !act_record(&a, "incident.alerts", "event", t->counts.last_event,
                    json_pack("{s:I,s:I,s:I}", "alerts", (json_int_t)t->counts.alerts, "opened",
                              (json_int_t)t->counts.opened, "joined", (json_int_t)t->counts.joined),
                    err))
        return false;
    return db_run(t->db,
                  "insert into event_counter (name, value) values ('incident', ?) "
                  "on conflict (name) do update set value = excluded.value",
                  DB_ARGS(db_int(t->counts.last_event)), NULL, err);
}

bool incident_take_alerts(struct db *db, uint64_t window_us, uint64_t now_us, struct incident_counts *out,
                          struct imw_error_info *err)
{
    struct taking *t = calloc(1, sizeof *t);

    if (t == NULL)
        return error_memory(err);
    t->db = db;
    t->window_us = window_us;
    t->now_us = now_us;
    int64_t after, top;
    bool ok = read_marks(t, &after, &top, err);
    if (ok && top > after) { /* else nobody's turn to write is taken */
        ok = db_begin(db, true, err) && take(t, err) && db_commit(db, err);
        if (!ok)
            db_rollback(db);
    }
    if (ok)
        *out = t->counts;
    free(t);
    return ok;
}
