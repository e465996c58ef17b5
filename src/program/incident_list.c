/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Incidents as they are shown: lists with filters, page by page by the time of the latest alert; one with its
 * time line and its links; those of events. incident.c changes them.
 */
#include "program/incident.h"
#include "program/shape.h"
#include <stdlib.h>

/* ---- lists ---- */

enum { SQL_BYTES = 2048, SQL_ARGS = 64 };
struct question {
    char sql_bytes[SQL_BYTES];
    struct text sql;
    struct db_value args[SQL_ARGS];
    unsigned count;
    char like[160];
};

static void ask(struct question *q, const char *sql, struct db_value value)
{
    text_string(&q->sql, sql);
    if (q->count < SQL_ARGS)
        q->args[q->count++] = value;
}

/* " and COLUMN in (?, ?)" for words of a list. */
static bool ask_list(struct act *a, struct question *q, const char *column, const char *key, const char *list,
                     bool numbers, struct imw_error_info *err)
{
    struct view rest = view_string(list);
    unsigned count = 0;

    text_format(&q->sql, " and %s in (", column);
    while (rest.len > 0) {
        struct view word = view_trim(view_token(&rest, ','));
        uint64_t number = 0;
        if (numbers ? !view_decimal(word, INT64_MAX, &number) : incident_state_find(word) < 0)
            return act_no(a, err, ACT_WRONG, key,
                          numbers ? "numbers are needed"
                                  : "it is new, open, contained, closed or false-alarm");
        if (++count > 16)
            return act_no(a, err, ACT_WRONG, key, "too many values");
        ask(q, count > 1 ? ", ?" : "?", numbers ? db_int((int64_t)number) : db_view(word));
    }
    text_char(&q->sql, ')');
    return count > 0 || act_no(a, err, ACT_WRONG, key, "a value is needed");
}

/* `%text%`, with what `like` reads otherwise escaped. */
static void like_any(struct question *q, const char *text)
{
    struct text t = TEXT(q->like);

    text_char(&t, '%');
    for (const char *p = text; *p != '\0' && t.len < sizeof q->like - 8; p++) {
        if (*p == '%' || *p == '_' || *p == '!')
            text_char(&t, '!');
        text_char(&t, (char)ascii_lower((uint8_t)*p));
    }
    text_char(&t, '%');
}

/* The conditions of a filter but state's. */
static bool ask_filter(struct act *a, struct question *q, const struct incident_filter *f,
                       struct imw_error_info *err)
{
    uint64_t number = 0;

    if (f->assignee != NULL && strcmp(f->assignee, "none") == 0)
        text_string(&q->sql, " and i.assignee is null");
    else if (f->assignee != NULL && strcmp(f->assignee, "me") == 0)
        ask(q, " and i.assignee = ?", db_int(a->actor->account));
    else if (f->assignee != NULL && !ask_list(a, q, "i.assignee", "assignee", f->assignee, true, err))
        return false;
    if (f->severity != NULL && !ask_list(a, q, "i.severity", "severity", f->severity, true, err))
        return false;
    if (f->q == NULL || f->q[0] == '\0')
        return true;
    if (view_decimal(view_string(f->q), INT64_MAX, &number)) {
        ask(q, " and i.id = ?", db_int((int64_t)number));
        return true;
    }
    like_any(q, f->q);
    ask(q, " and (lower(i.title) like ? escape '!'", db_text(q->like));
    ask(q, " or i.detector like ? escape '!')", db_text(q->like));
    return true;
}

#define INCIDENT_COLUMNS                                                                                     \
    "select i.id, i.title, i.detector, i.severity, i.state, i.assignee, a.name, t.value, i.who, "            \
    "i.first_us, i.last_us, i.alerts, i.version, i.outcome, i.closed_us from incident i "                    \
    "left join account a on a.id = i.assignee left join term t on t.id = i.service "

static json_t *row_value(const struct db_rows *rows)
{
    json_t *assignee = db_is_null(rows, 5) ? json_null()
                                           : json_pack("{s:I,s:o}", "id", (json_int_t)db_get_int(rows, 5),
                                                       "name", shape_text(rows, 6));

    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", shape_int(rows, 0), "title",
                     shape_text(rows, 1), "detector", shape_text(rows, 2), "severity", shape_int(rows, 3),
                     "state", shape_text(rows, 4), "assignee", assignee, "service", shape_text(rows, 7),
                     "who", shape_int(rows, 8), "first", shape_time_of(rows, 9), "last",
                     shape_time_of(rows, 10), "alerts", shape_int(rows, 11), "version", shape_int(rows, 12));
}

/* Rows, and where the next page begins ("LAST_US.ID"). */
static bool list_rows(struct act *a, struct question *q, unsigned limit, json_t *list, char cursor[48],
                      struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    bool ok = true;
    unsigned count = 0;

    cursor[0] = '\0';
    if (!db_query(a->db, q->sql.at, q->args, q->count, &rows, err))
        return false;
    int64_t last_us = 0, id = 0;
    while (ok && db_next(rows, &failed)) {
        if (count++ == limit) {
            snprintf(cursor, 48, "%lld.%lld", (long long)last_us, (long long)id);
            break;
        }
        last_us = db_get_int(rows, 10);
        id = db_get_int(rows, 0);
        ok = json_array_append_new(list, row_value(rows)) == 0;
    }
    db_rows_end(rows);
    if (!ok)
        return error_memory(err);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

static bool read_cursor(const char *cursor, int64_t *out_us, int64_t *out_id)
{
    struct view rest = view_string(cursor);
    uint64_t us, id;

    if (!view_decimal(view_token(&rest, '.'), INT64_MAX, &us) || !view_decimal(rest, INT64_MAX, &id))
        return false;
    *out_us = (int64_t)us;
    *out_id = (int64_t)id;
    return true;
}

static bool count_states(struct act *a, const struct incident_filter *f, json_t *counts,
                         struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct question q = { .count = 0 };
    struct db_rows *rows;
    char word[16];

    q.sql = TEXT(q.sql_bytes);
    text_string(&q.sql, "select i.state, count(*) from incident i where i.merged_into is null");
    if (!ask_filter(a, &q, f, err))
        return false;
    text_string(&q.sql, " group by i.state");
    for (unsigned s = 0; incident_state_word(s) != NULL; s++)
        (void)json_object_set_new(counts, incident_state_word(s), json_integer(0));
    if (!db_query(a->db, q.sql.at, q.args, q.count, &rows, err))
        return false;
    while (db_next(rows, &failed)) {
        struct text t = TEXT(word);
        text_add(&t, db_get_text(rows, 0));
        (void)json_object_set_new(counts, word, json_integer(db_get_int(rows, 1)));
    }
    db_rows_end(rows);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

bool incident_list(struct act *a, const struct incident_filter *f, json_t **out, struct imw_error_info *err)
{
    unsigned limit = f->limit == 0 || f->limit > INCIDENT_PAGE ? INCIDENT_PAGE : f->limit;
    struct question q = { .count = 0 };
    int64_t us, id;
    char cursor[48];

    q.sql = TEXT(q.sql_bytes);
    text_string(&q.sql, INCIDENT_COLUMNS "where i.merged_into is null");
    if (!ask_filter(a, &q, f, err) ||
        (f->state != NULL && !ask_list(a, &q, "i.state", "state", f->state, false, err)))
        return false;
    if (f->cursor != NULL) {
        if (!read_cursor(f->cursor, &us, &id))
            return act_no(a, err, ACT_WRONG, "cursor", "a cursor of an answer before is needed");
        ask(&q, " and (i.last_us, i.id) < (?", db_int(us));
        ask(&q, ", ?)", db_int(id));
    }
    ask(&q, " order by i.last_us desc, i.id desc limit ?", db_int((int64_t)limit + 1));
    json_t *list = json_pack("[]"), *counts = json_pack("{}");
    if (list == NULL || counts == NULL || !list_rows(a, &q, limit, list, cursor, err) ||
        !count_states(a, f, counts, err)) {
        if (list == NULL || counts == NULL)
            error_memory(err);
        json_decref(list);
        json_decref(counts);
        return false;
    }
    *out = json_pack("{s:o,s:o,s:o}", "incidents", list, "cursor",
                     cursor[0] != '\0' ? json_pack("s", cursor) : json_null(), "counts", counts);
    return *out != NULL || error_memory(err);
}

/* ---- one, with all that belongs to it ---- */

struct entry {
    uint64_t time_us;
    json_t *value;
};
struct timeline {
    struct entry *entries;
    unsigned count, room;
};

/* `value` is taken over. */
static bool add_entry(struct timeline *t, uint64_t time_us, json_t *value)
{
    if (value != NULL && t->count == t->room) {
        unsigned room = t->room == 0 ? 64 : t->room * 2;
        struct entry *grown = realloc(t->entries, room * sizeof *grown);
        if (grown == NULL) {
            json_decref(value);
            return false;
        }
        t->entries = grown;
        t->room = room;
    }
    if (value == NULL)
        return false;
    t->entries[t->count++] = (struct entry){ time_us, value };
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return x->time_us < y->time_us ? -1 : x->time_us > y->time_us;
}

static bool read_notes(struct act *a, int64_t id, struct timeline *t, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    bool ok = true;

    if (!db_query(a->db,
                  "select n.time_us, n.kind, c.name, n.text from incident_note n "
                  "left join account c on c.id = n.account "
                  "where n.incident = ? order by n.time_us, n.id",
                  DB_ARGS(db_int(id)), &rows, err))
        return false;
    while (ok && db_next(rows, &failed)) {
        struct view text = db_get_text(rows, 3);
        json_t *value =
            json_pack("{s:o,s:o,s:o,s:o}", "time", shape_time_of(rows, 0), "kind", shape_text(rows, 1), "by",
                      shape_text(rows, 2), "text", json_stringn((const char *)text.at, text.len));
        ok = add_entry(t, (uint64_t)db_get_int(rows, 0), value);
    }
    db_rows_end(rows);
    if (!ok)
        return error_memory(err);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

/* How a link is called, without names of people: they are the caller's to put in words. */
static bool link_label(struct act *a, const char *kind, int64_t object, char *out, size_t size,
                       struct imw_error_info *err)
{
    static const struct {
        const char *kind, *sql;
    } of[] = {
        { "person", "select pseudonym from person where id = ?" },
        { "who", "select p.pseudonym from who w join person p on p.id = w.person where w.id = ?" },
        { "incident", "select title from incident where id = ?" },
        { "file", "select value from term where id = ?" },
    };
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;

    snprintf(out, size, strcmp(kind, "who") == 0 ? "Machine %lld" : "%lld", (long long)object);
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        if (strcmp(of[i].kind, kind) != 0)
            continue;
        if (!db_query(a->db, of[i].sql, DB_ARGS(db_int(object)), &rows, err))
            return false;
        if (db_next(rows, &failed)) {
            struct text t = text_over(out, size);
            text_add(&t, db_get_text(rows, 0));
        }
        db_rows_end(rows);
    }
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

/* A link of kind event is in the time line, too. */
static bool label_links(struct act *a, json_t *links, struct timeline *t, struct imw_error_info *err)
{
    for (size_t i = 0; i < json_array_size(links); i++) {
        json_t *link = json_array_get(links, i);
        const char *kind = json_string_value(json_object_get(link, "kind"));
        int64_t object = json_integer_value(json_object_get(link, "object"));
        char label[256];
        if (strcmp(kind, "event") == 0) {
            struct incident_event e = { .signature = "" };
            bool found = false;
            if (!incident_event_find(a->db, object, &e, &found, err))
                return false;
            snprintf(label, sizeof label, "%s", found ? e.signature : "event that is no longer kept");
            uint64_t time_us = found ? e.time_us : (uint64_t)json_integer_value(json_object_get(link, "us"));
            if (!add_entry(t, time_us,
                           json_pack("{s:o,s:s,s:n,s:s,s:I}", "time", shape_time(time_us), "kind", "alert",
                                     "by", "text", label, "event", (json_int_t)object)))
                return error_memory(err);
        } else if (!link_label(a, kind, object, label, sizeof label, err)) {
            return false;
        }
        (void)json_object_del(link, "us");
        if (json_object_set_new(link, "label", json_pack("s", label)) != 0)
            return error_memory(err);
    }
    return true;
}

static bool read_links(struct act *a, int64_t id, json_t *links, struct timeline *t,
                       struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    bool ok = true;

    if (!db_query(
            a->db,
            "select kind, object, time_us from incident_link where incident = ? order by time_us, object",
            DB_ARGS(db_int(id)), &rows, err))
        return false;
    while (ok && db_next(rows, &failed))
        ok = json_array_append_new(links, json_pack("{s:o,s:o,s:o,s:o}", "kind", shape_text(rows, 0),
                                                    "object", shape_int(rows, 1), "time",
                                                    shape_time_of(rows, 2), "us", shape_int(rows, 2))) == 0;
    db_rows_end(rows);
    if (!ok)
        return error_memory(err);
    if (failed.code != IMW_OK) {
        *err = failed;
        return false;
    }
    return label_links(a, links, t, err);
}

static bool read_row(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    json_t *row = NULL;

    if (!db_query(a->db, INCIDENT_COLUMNS "where i.id = ?", DB_ARGS(db_int(id)), &rows, err))
        return false;
    bool found = db_next(rows, &failed);
    if (found) {
        row = row_value(rows);
        if (row != NULL) {
            (void)json_object_set_new(row, "outcome", shape_text(rows, 13));
            (void)json_object_set_new(row, "closed", shape_time_of(rows, 14));
        }
    }
    db_rows_end(rows);
    if (found && row == NULL)
        return error_memory(err);
    *out = row;
    if (found)
        return true;
    if (failed.code == IMW_OK)
        return act_no(a, err, ACT_MISSING, "", "there is no such incident");
    *err = failed;
    return false;
}

bool incident_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *row = NULL, *links = json_pack("[]"), *lines = json_pack("[]");
    struct timeline t = { .count = 0 };
    char advice[1024];

    bool ok = links != NULL && lines != NULL;
    if (!ok)
        error_memory(err);
    ok = ok && read_row(a, id, &row, err) && read_notes(a, id, &t, err) &&
         read_links(a, id, links, &t, err) &&
         incident_advice_of(a->db, id, json_string_value(json_object_get(row, "detector")), advice,
                            sizeof advice, err);
    if (t.count > 0)
        qsort(t.entries, t.count, sizeof *t.entries, by_time);
    for (unsigned i = 0; i < t.count; i++)
        (void)json_array_append_new(lines, t.entries[i].value);
    free(t.entries);
    if (ok) {
        (void)json_object_set(row, "timeline", lines);
        (void)json_object_set(row, "links", links);
        (void)json_object_set_new(row, "advice", json_pack("s", advice));
        *out = json_incref(row);
    }
    json_decref(lines);
    json_decref(links);
    json_decref(row);
    return ok;
}

bool incidents_of_events(struct db *db, const int64_t *events, unsigned count, json_t **out,
                         struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    json_t *list = json_pack("[]"), *seen = json_pack("{}");
    bool ok = list != NULL && seen != NULL;

    if (!ok)
        error_memory(err);
    for (unsigned i = 0; ok && i < count; i++) {
        struct db_rows *rows;
        char key[24];
        ok = db_query(db,
                      "select i.id, i.title from incident_link l join incident i on i.id = l.incident "
                      "where l.kind = 'event' and l.object = ? order by i.id",
                      DB_ARGS(db_int(events[i])), &rows, err);
        if (!ok)
            break;
        while (db_next(rows, &failed)) {
            snprintf(key, sizeof key, "%lld", (long long)db_get_int(rows, 0));
            if (json_object_get(seen, key) == NULL && json_object_set_new(seen, key, json_true()) == 0)
                (void)json_array_append_new(
                    list, json_pack("{s:o,s:o}", "id", shape_int(rows, 0), "title", shape_text(rows, 1)));
        }
        db_rows_end(rows);
        if (failed.code != IMW_OK) {
            *err = failed;
            ok = false;
        }
    }
    json_decref(seen);
    if (ok)
        *out = list;
    else
        json_decref(list);
    return ok;
}
