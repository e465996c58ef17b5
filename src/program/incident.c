/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents as people work on them. What somebody did is an audit record, and where the time line should show
 * it a row of incident_note, whose kind says what changed.
 */
#include "program/incident.h"
#include "program/shape.h"
#include <stdlib.h>

#define STATES(X) X("new") X("open") X("contained") X("closed") X("false-alarm")
#define X(word) word,
static const char *const state_words[] = { STATES(X) };
#undef X
enum { NEW, OPEN, CONTAINED, CLOSED, FALSE_ALARM, STATE_COUNT };
/* Bits of the states that may follow. */
static const unsigned allowed[STATE_COUNT] = {
    [NEW] = 1 << OPEN | 1 << CONTAINED | 1 << CLOSED | 1 << FALSE_ALARM,
    [OPEN] = 1 << CONTAINED | 1 << CLOSED | 1 << FALSE_ALARM,
    [CONTAINED] = 1 << OPEN | 1 << CLOSED | 1 << FALSE_ALARM,
    [CLOSED] = 1 << OPEN,
    [FALSE_ALARM] = 1 << OPEN,
};
enum { SHA256_DIGITS = 64 };

int incident_state_find(struct view word)
{
    for (int i = 0; i < STATE_COUNT; i++)
        if (view_equal(word, view_string(state_words[i])))
            return i;
    return -1;
}

const char *incident_state_word(unsigned state)
{
    return state < STATE_COUNT ? state_words[state] : NULL;
}

static bool is_over(int state)
{
    return state == CLOSED || state == FALSE_ALARM;
}

static bool add_note(struct act *a, int64_t id, const char *kind, const char *text,
                     struct imw_error_info *err)
{
    return db_run(a->db,
                  "insert into incident_note (incident, account, time_us, kind, text) values (?, ?, ?, ?, ?)",
                  DB_ARGS(db_int(id), a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                          db_int((int64_t)a->now_us), db_text(kind), db_text(text)),
                  NULL, err);
}

/* ---- one incident as it is ---- */

struct incident {
    int64_t id, version, severity, assignee; /* assignee 0: nobody */
    int state;
    bool merged;
    char title[INCIDENT_TITLE_BYTES + 1];
};

static bool load(struct act *a, int64_t id, struct incident *out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(a->db,
                  "select version, severity, assignee, state, title, merged_into from incident where id = ?",
                  DB_ARGS(db_int(id)), &rows, err))
        return false;
    bool found = db_next(rows, &failed);
    if (found) {
        *out = (struct incident){ .id = id,
                                  .version = db_get_int(rows, 0),
                                  .severity = db_get_int(rows, 1),
                                  .assignee = db_get_int(rows, 2),
                                  .state = incident_state_find(db_get_text(rows, 3)),
                                  .merged = !db_is_null(rows, 5) };
        struct text t = TEXT(out->title);
        text_add(&t, db_get_text(rows, 4));
    }
    db_rows_end(rows);
    if (found)
        return true;
    if (failed.code == IMW_OK)
        return act_no(a, err, ACT_MISSING, "", "there is no such incident");
    *err = failed;
    return false;
}

/* ---- by hand ---- */

/* Text of the question: there, not longer than `most`, not blank. False: said so. */
static bool take_text(struct act *a, const json_t *body, const char *key, size_t most, const char **out,
                      struct imw_error_info *err)
{
    const char *text = json_string_value(json_object_get(body, key));

    if (text == NULL || view_trim(view_string(text)).len == 0)
        return act_no(a, err, ACT_WRONG, key, "a text is needed");
    if (strlen(text) > most)
        return act_no(a, err, ACT_WRONG, key, "at most %zu bytes", most);
    *out = text;
    return true;
}

static bool take_severity(struct act *a, const json_t *body, int64_t *out, struct imw_error_info *err)
{
    const json_t *n = json_object_get(body, "severity");

    if (!json_is_integer(n) || json_integer_value(n) < 1 || json_integer_value(n) > 3)
        return act_no(a, err, ACT_WRONG, "severity", "it is 1 (high), 2 (medium) or 3 (low)");
    *out = json_integer_value(n);
    return true;
}

static bool link_events(struct act *a, int64_t id, const json_t *events, struct imw_error_info *err)
{
    char object[32];

    if (events != NULL && !json_is_null(events) && !json_is_array(events))
        return act_no(a, err, ACT_WRONG, "events", "a list of events is needed");
    if (json_array_size(events) > INCIDENT_LINKED_EVENTS)
        return act_no(a, err, ACT_WRONG, "events", "at most %d events", INCIDENT_LINKED_EVENTS);
    for (size_t i = 0; i < json_array_size(events); i++) {
        snprintf(object, sizeof object, "%lld", (long long)json_integer_value(json_array_get(events, i)));
        if (!incident_link(a, id, "event", object, err))
            return false;
    }
    return true;
}

bool incident_open(struct act *a, const json_t *body, int64_t *out_id, struct imw_error_info *err)
{
    const json_t *note = json_object_get(body, "note");
    const char *title, *text = NULL;
    int64_t severity, id;

    if (!take_text(a, body, "title", INCIDENT_TITLE_BYTES, &title, err) ||
        !take_severity(a, body, &severity, err))
        return false;
    if (note != NULL && !json_is_null(note) && !take_text(a, body, "note", INCIDENT_TEXT_BYTES, &text, err))
        return false;
    if (!db_insert(a->db,
                   "insert into incident (title, detector, key, severity, state, first_us, last_us, alerts, "
                   "changed_us) values (?, 'manual', '', ?, 'new', ?, ?, 0, ?) returning id",
                   DB_ARGS(db_text(title), db_int(severity), db_int((int64_t)a->now_us),
                           db_int((int64_t)a->now_us), db_int((int64_t)a->now_us)),
                   &id, err) ||
        !add_note(a, id, "state", "new", err) || (text != NULL && !add_note(a, id, "note", text, err)) ||
        !act_record(a, "incident.open", "incident", id,
                    json_pack("{s:s,s:I}", "title", title, "severity", (json_int_t)severity), err) ||
        !link_events(a, id, json_object_get(body, "events"), err))
        return false;
    *out_id = id;
    return true;
}

/* ---- changes ---- */

static bool change_state(struct act *a, struct incident *i, const json_t *value, const json_t *body,
                         struct imw_error_info *err)
{
    const char *word = json_string_value(value), *outcome = NULL;
    int to = word != NULL ? incident_state_find(view_string(word)) : -1;
    char text[64];

    if (to < 0)
        return act_no(a, err, ACT_WRONG, "state", "it is new, open, contained, closed or false-alarm");
    if (to == i->state)
        return true;
    if (i->merged)
        return act_no(a, err, ACT_LATE, "state", "it was merged into another: work on that one");
    if ((allowed[i->state] >> to & 1) == 0)
        return act_no(a, err, ACT_LATE, "state", "what is %s cannot become %s", state_words[i->state], word);
    if (is_over(to) && !take_text(a, body, "outcome", INCIDENT_TEXT_BYTES, &outcome, err))
        return act_no(a, err, ACT_WRONG, "outcome", "say what came out of it");
    if (!db_run(a->db, "update incident set state = ?, closed_us = ? where id = ?",
                DB_ARGS(db_text(word), is_over(to) ? db_int((int64_t)a->now_us) : db_null(), db_int(i->id)),
                NULL, err))
        return false;
    snprintf(text, sizeof text, "%s -> %s", state_words[i->state], word);
    i->state = to;
    return add_note(a, i->id, "state", text, err);
}

/* An active account that may work on incidents. */
static bool find_assignee(struct act *a, int64_t account, char *out_name, size_t size,
                          struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    char words[256];
    struct text t = TEXT(words), name = text_over(out_name, size);
    unsigned roles = 0;

    if (!db_query(a->db,
                  "select roles, name from account where id = ? and state = 'active' and "
                  "(expires_us is null or expires_us > ?)",
                  DB_ARGS(db_int(account), db_int((int64_t)a->now_us)), &rows, err))
        return false;
    if (db_next(rows, &failed)) {
        text_add(&t, db_get_text(rows, 0));
        text_add(&name, db_get_text(rows, 1));
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK) {
        *err = failed;
        return false;
    }
    return (words[0] != '\0' && roles_parse(words, &roles) &&
            (permissions_of(roles) >> PERMISSION_INCIDENT_WRITE & 1) != 0) ||
           act_no(a, err, ACT_WRONG, "assignee", "there is no such account that works on incidents");
}

bool incident_assignees(struct act *a, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    json_t *list = json_pack("[]");
    struct db_rows *rows;
    char words[256];
    unsigned roles;
    bool ok = list != NULL;

    if (!db_query(a->db,
                  "select roles, id, name from account where state = 'active' and "
                  "(expires_us is null or expires_us > ?) order by name",
                  DB_ARGS(db_int((int64_t)a->now_us)), &rows, err)) {
        json_decref(list);
        return false;
    }
    while (ok && db_next(rows, &failed)) {
        struct text t = TEXT(words);
        text_add(&t, db_get_text(rows, 0));
        if (roles_parse(words, &roles) && (permissions_of(roles) >> PERMISSION_INCIDENT_WRITE & 1) != 0)
            ok = json_array_append_new(list, json_pack("{s:o,s:o}", "id", shape_int(rows, 1), "name",
                                                       shape_text(rows, 2))) == 0;
    }
    db_rows_end(rows);
    if (!ok || failed.code != IMW_OK) {
        json_decref(list);
        if (!ok)
            return error_memory(err);
        *err = failed;
        return false;
    }
    *out = json_pack("{s:o}", "assignees", list);
    return *out != NULL || error_memory(err);
}

static bool change_assignee(struct act *a, struct incident *i, const json_t *value,
                            struct imw_error_info *err)
{
    int64_t account = json_integer_value(value);
    char name[128] = "nobody", text[160];

    if (!json_is_null(value) && !json_is_integer(value))
        return act_no(a, err, ACT_WRONG, "assignee", "the number of an account is needed, or null");
    if (account == i->assignee)
        return true;
    if (account != 0 && !find_assignee(a, account, name, sizeof name, err))
        return false;
    if (!db_run(a->db, "update incident set assignee = ? where id = ?",
                DB_ARGS(account != 0 ? db_int(account) : db_null(), db_int(i->id)), NULL, err))
        return false;
    snprintf(text, sizeof text, "given to %s", name);
    return add_note(a, i->id, "assignee", text, err);
}

static bool change_severity(struct act *a, struct incident *i, const json_t *body, struct imw_error_info *err)
{
    int64_t severity;
    char text[32];

    if (!take_severity(a, body, &severity, err))
        return false;
    if (severity == i->severity)
        return true;
    snprintf(text, sizeof text, "%d -> %d", (int)i->severity, (int)severity);
    return db_run(a->db, "update incident set severity = ? where id = ?",
                  DB_ARGS(db_int(severity), db_int(i->id)), NULL, err) &&
           add_note(a, i->id, "severity", text, err);
}

static bool change_title(struct act *a, struct incident *i, const json_t *body, struct imw_error_info *err)
{
    char text[2 * INCIDENT_TITLE_BYTES + 64];
    const char *title;

    if (!take_text(a, body, "title", INCIDENT_TITLE_BYTES, &title, err))
        return false;
    if (strcmp(title, i->title) == 0)
        return true;
    snprintf(text, sizeof text, "title: %s", title);
    return db_run(a->db, "update incident set title = ? where id = ?", DB_ARGS(db_text(title), db_int(i->id)),
                  NULL, err) &&
           add_note(a, i->id, "note", text, err);
}

static bool change_outcome(struct act *a, struct incident *i, const json_t *value, const json_t *body,
                           struct imw_error_info *err)
{
    const char *outcome = NULL;

    if (!json_is_null(value) && !take_text(a, body, "outcome", INCIDENT_TEXT_BYTES, &outcome, err))
        return false;
    if (outcome == NULL && is_over(i->state))
        return act_no(a, err, ACT_WRONG, "outcome", "say what came out of it");
    return db_run(a->db, "update incident set outcome = ? where id = ?",
                  DB_ARGS(db_text(outcome), db_int(i->id)), NULL, err) &&
           (outcome == NULL || add_note(a, i->id, "note", outcome, err));
}

/* Take the version that was seen: whoever comes with an older one is told so. */
static bool take_version(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    const json_t *version = json_object_get(body, "version");
    uint64_t changed = 0;

    if (!json_is_integer(version))
        return act_no(a, err, ACT_WRONG, "version", "the version that was seen is needed");
    if (!db_run(a->db,
                "update incident set version = version + 1, changed_us = ? where id = ? and version = ?",
                DB_ARGS(db_int((int64_t)a->now_us), db_int(id), db_int(json_integer_value(version))),
                &changed, err))
        return false;
    return changed == 1 ||
           act_no(a, err, ACT_LATE, "version", "somebody changed it meanwhile: look at it again");
}

bool incident_change(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    static const char *const keys[] = { "state", "assignee", "severity", "title", "outcome" };
    const json_t *values[sizeof keys / sizeof keys[0]];
    json_t *detail = json_pack("{}");
    struct incident i;

    for (unsigned k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        values[k] = json_object_get(body, keys[k]);
        if (values[k] != NULL)
            (void)json_object_set(detail, keys[k], json_object_get(body, keys[k]));
    }
    bool ok = load(a, id, &i, err) && take_version(a, id, body, err) &&
              (values[0] == NULL || change_state(a, &i, values[0], body, err)) &&
              (values[1] == NULL || change_assignee(a, &i, values[1], err)) &&
              (values[2] == NULL || change_severity(a, &i, body, err)) &&
              (values[3] == NULL || change_title(a, &i, body, err)) &&
              (values[4] == NULL || change_outcome(a, &i, values[4], body, err));
    if (ok)
        return act_record(a, values[0] != NULL && is_over(i.state) ? "incident.close" : "incident.change",
                          "incident", id, detail, err);
    json_decref(detail);
    return false;
}

bool incident_note(struct act *a, int64_t id, const char *text, struct imw_error_info *err)
{
    struct incident i;

    if (view_trim(view_string(text)).len == 0)
        return act_no(a, err, ACT_WRONG, "text", "a text is needed");
    if (strlen(text) > INCIDENT_TEXT_BYTES)
        return act_no(a, err, ACT_WRONG, "text", "at most %d bytes", INCIDENT_TEXT_BYTES);
    return load(a, id, &i, err) && add_note(a, id, "note", text, err) &&
           act_record(a, "incident.note", "incident", id, json_pack("{s:i}", "bytes", (int)strlen(text)),
                      err);
}

/* ---- links ---- */

static const struct {
    const char *kind, *there; /* gives the object's id where it is there */
} linkable[] = {
    { "event", NULL },
    { "who", "select id from who where id = ?" },
    { "person", "select id from person where id = ?" },
    { "incident", "select id from incident where id = ?" },
    { "file", "select id from term where kind = 'sha256' and value = ?" },
};
enum { LINK_KINDS = sizeof linkable / sizeof linkable[0] };

/* What a link's text stands for; `time_us` is that of the event, else now. */
static bool find_object(struct act *a, const char *kind, const char *object, int64_t *out, uint64_t *time_us,
                        struct imw_error_info *err)
{
    bool is_file = strcmp(kind, "file") == 0, hex = strlen(object) == SHA256_DIGITS, found = false;
    uint64_t number = 0;
    unsigned k = 0;

    while (k < LINK_KINDS && strcmp(linkable[k].kind, kind) != 0)
        k++;
    if (k == LINK_KINDS)
        return act_no(a, err, ACT_WRONG, "kind", "it is event, who, person, file or incident");
    if (!(is_file && hex) && (!view_decimal(view_string(object), INT64_MAX, &number) || number == 0))
        return act_no(a, err, ACT_WRONG, "object", is_file ? "its SHA-256 is needed" : "a number is needed");
    *time_us = a->now_us;
    if (k == 0) {
        struct incident_event e;
        if (!incident_event_find(a->db, (int64_t)number, &e, &found, err))
            return false;
        *out = (int64_t)number;
        *time_us = e.time_us;
    } else if (is_file && !hex) {
        if (!db_query_int(a->db, "select id from term where kind = 'sha256' and id = ?",
                          DB_ARGS(db_int((int64_t)number)), out, &found, err))
            return false;
    } else if (!db_query_int(a->db, linkable[k].there,
                             DB_ARGS(is_file ? db_text(object) : db_int((int64_t)number)), out, &found,
                             err)) {
        return false;
    }
    return found || act_no(a, err, ACT_WRONG, "object", "there is no such %s",
                           strcmp(kind, "who") == 0 ? "client" : kind);
}

bool incident_link(struct act *a, int64_t id, const char *kind, const char *object,
                   struct imw_error_info *err)
{
    struct incident i;
    uint64_t time_us, added = 0;
    int64_t number = 0;
    char text[64];

    if (!load(a, id, &i, err) || !find_object(a, kind, object, &number, &time_us, err))
        return false;
    if (strcmp(kind, "incident") == 0 && number == id)
        return act_no(a, err, ACT_WRONG, "object", "an incident is not linked with itself");
    if (!db_run(a->db,
                "insert into incident_link (incident, kind, object, time_us, account) values (?, ?, ?, ?, ?) "
                "on conflict (incident, kind, object) do nothing",
                DB_ARGS(db_int(id), db_text(kind), db_int(number), db_int((int64_t)time_us),
                        a->actor->account != 0 ? db_int(a->actor->account) : db_null()),
                &added, err))
        return false;
    if (added == 0)
        return true;
    snprintf(text, sizeof text, "linked: %s %lld", kind, (long long)number);
    return add_note(a, id, "link", text, err) &&
           act_record(a, "incident.link", "incident", id,
                      json_pack("{s:s,s:I}", "kind", kind, "object", (json_int_t)number), err);
}

bool incident_unlink(struct act *a, int64_t id, const char *kind, const char *object,
                     struct imw_error_info *err)
{
    uint64_t removed = 0, number = 0;
    struct incident i;
    char text[64];

    if (!load(a, id, &i, err))
        return false;
    if (!view_decimal(view_string(object), INT64_MAX, &number))
        return act_no(a, err, ACT_MISSING, "", "there is no such link");
    if (!db_run(a->db, "delete from incident_link where incident = ? and kind = ? and object = ?",
                DB_ARGS(db_int(id), db_text(kind), db_int((int64_t)number)), &removed, err))
        return false;
    if (removed == 0)
        return act_no(a, err, ACT_MISSING, "", "there is no such link");
    snprintf(text, sizeof text, "no longer linked: %s %llu", kind, (unsigned long long)number);
    return add_note(a, id, "link", text, err) &&
           act_record(a, "incident.unlink", "incident", id,
                      json_pack("{s:s,s:I}", "kind", kind, "object", (json_int_t)number), err);
}

/* ---- merging ---- */

/* Move what belongs to `from`. */
static bool merge_one(struct act *a, const struct incident *into, int64_t from, struct imw_error_info *err)
{
    struct incident other;
    char text[64];

    if (!load(a, from, &other, err))
        return false;
    if (from == into->id)
        return act_no(a, err, ACT_WRONG, "from", "an incident is not merged into itself");
    if (other.merged)
        return act_no(a, err, ACT_LATE, "from", "incident %lld was merged already", (long long)from);
    snprintf(text, sizeof text, "merged into incident %lld", (long long)into->id);
    const struct db_value both[] = { db_int(into->id), db_int(from) };
    const struct db_value closing[] = { db_int((int64_t)a->now_us), db_text(text), db_int(into->id),
                                        db_int((int64_t)a->now_us), db_int(from) };
    const struct db_value joining[] = { db_int(from), db_int(from), db_int(from), db_int(from),
                                        db_int(into->id) };
    const struct db_value linked[] = { db_int(into->id), db_int(from), db_int((int64_t)a->now_us),
                                       a->actor->account != 0 ? db_int(a->actor->account) : db_null() };
    if (!db_run(a->db,
                "insert into incident_link (incident, kind, object, time_us, account) "
                "select ?, kind, object, time_us, account from incident_link where incident = ? "
                "on conflict (incident, kind, object) do nothing",
                both, 2, NULL, err) ||
        !db_run(a->db, "delete from incident_link where incident = ? and kind = 'incident' and object = ?",
                DB_ARGS(db_int(into->id), db_int(into->id)), NULL, err) ||
        !db_run(a->db, "update incident_note set incident = ? where incident = ?", both, 2, NULL, err) ||
        !db_run(a->db, "update incident set merged_into = ? where merged_into = ?", both, 2, NULL, err) ||
        !db_run(a->db,
                "update incident set state = 'closed', closed_us = ?, outcome = ?, merged_into = ?, "
                "changed_us = ?, version = version + 1 where id = ?",
                closing, 5, NULL, err) ||
        !db_run(a->db,
                "update incident set alerts = alerts + (select f.alerts from incident f where f.id = ?), "
                "first_us = (select case when f.first_us < incident.first_us then f.first_us else "
                "incident.first_us end from incident f where f.id = ?), "
                "last_us = (select case when f.last_us > incident.last_us then f.last_us else "
                "incident.last_us end "
                "from incident f where f.id = ?), "
                "severity = (select case when f.severity < incident.severity then f.severity else "
                "incident.severity end from incident f where f.id = ?) where id = ?",
                joining, 5, NULL, err) ||
        !db_run(a->db,
                "insert into incident_link (incident, kind, object, time_us, account) "
                "values (?, 'incident', ?, ?, ?) on conflict (incident, kind, object) do nothing",
                linked, 4, NULL, err))
        return false;
    return add_note(a, from, "state", text, err) &&
           act_record(a, "incident.merge", "incident", from, json_pack("{s:I}", "into", (json_int_t)into->id),
                      err);
}

bool incident_merge(struct act *a, int64_t into, const int64_t *from, unsigned count,
                    struct imw_error_info *err)
{
    struct incident i;
    char text[64];

    if (!load(a, into, &i, err))
        return false;
    if (count == 0 || count > INCIDENT_MERGED)
        return act_no(a, err, ACT_WRONG, "from", "from 1 to %d incidents", INCIDENT_MERGED);
    if (i.merged)
        return act_no(a, err, ACT_LATE, "into", "it was merged into another itself");
    for (unsigned k = 0; k < count; k++) {
        snprintf(text, sizeof text, "incident %lld came in", (long long)from[k]);
        if (!merge_one(a, &i, from[k], err) || !add_note(a, into, "link", text, err))
            return false;
    }
    return db_run(a->db, "update incident set version = version + 1, changed_us = ? where id = ?",
                  DB_ARGS(db_int((int64_t)a->now_us), db_int(into)), NULL, err);
}
