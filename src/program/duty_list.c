/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owes, and how many. Pages go on behind the last row by its keys (time, document, person), which the
 * indices of the table have. Of some people (a team, a part of a name) the rows are looked up and sorted: the
 * plus before the time keeps both databases from reading all of an index for the few.
 */
#include "program/duty.h"
#include "program/person_text.h"
#include "program/shape.h"
#include "program/team.h"
#include <stdio.h>

enum { SQL_BYTES = 4096, ARGS = 32 + 2 * PEOPLE_FEW, DOCUMENTS_SHOWN = 200 };

struct question {
    char sql[SQL_BYTES];
    struct text text;
    struct db_value args[ARGS];
    unsigned count;
};

static void ask(struct question *q, const char *sql)
{
    text_string(&q->text, sql);
}

static void ask_with(struct question *q, const char *sql, struct db_value value)
{
    text_string(&q->text, sql);
    if (q->count < ARGS)
        q->args[q->count++] = value;
}

/* ---- rows ---- */

/* What is shown is joined to the rows of a page alone: "… from (select … from duty u …) u …". */
#define DUTY_COLUMNS                                                                                         \
    "select u.document, o.title, v.edition, p.id, p.name, p.pseudonym, d.name, u.since_us, u.due_us, "       \
    "u.done_us, u.reminders, u.reminded_us, u.escalated_us, u.excused_us, u.excuse, m.name, m.pseudonym "    \
    "from (select u.* from duty u "
#define DUTY_JOINS                                                                                           \
    ") u join document o on o.id = u.document join document_version v on v.id = u.version join person p on " \
    "p.id = u.person left join department d on d.id = u.department left join person m on m.id = p.manager "

static json_t *duty_row(const struct db_rows *rows, bool names, uint64_t now_us)
{
    const uint64_t excused_us = (uint64_t)db_get_int(rows, 13);
    const bool excused = excused_us > now_us;
    const bool overdue = db_is_null(rows, 9) && !excused && (uint64_t)db_get_int(rows, 8) < now_us;

    json_t *excuse =
        excused ? json_pack("{s:o,s:o}", "until", shape_time(excused_us), "why", shape_text(rows, 14))
                : json_null();
    return json_pack("{s:{s:o,s:o,s:o},s:{s:o,s:o,s:o,s:o,s:o},s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o}", "document",
                     "id", shape_int(rows, 0), "title", shape_text(rows, 1), "edition", shape_text(rows, 2),
                     "person", "id", shape_int(rows, 3), "label", shape_text(rows, names ? 4 : 5),
                     "pseudonym", shape_text(rows, 5), "department", shape_text(rows, 6), "manager",
                     shape_text(rows, names ? 15 : 16), "since", shape_time_of(rows, 7), "due",
                     shape_time_of(rows, 8), "signed", shape_time_of(rows, 9), "overdue", overdue,
                     "reminders", shape_int(rows, 10), "reminded", shape_time_of(rows, 11), "escalated",
                     shape_time_of(rows, 12), "excused", excuse);
}

static void see(struct question *q, const struct team_view *view)
{
    team_ask(view, "u.person", &q->text, q->args, &q->count);
}

/* "TIME.DOCUMENT.PERSON" */
static bool read_cursor(const char *text, int64_t out[3])
{
    struct view v = view_string(text);
    uint64_t n;

    for (unsigned i = 0; i < 3; i++) {
        if (!view_decimal(view_token(&v, '.'), INT64_MAX, &n))
            return false;
        out[i] = (int64_t)n;
    }
    return v.len == 0;
}

static bool add_state(struct act *a, struct question *q, const struct duty_filter *f,
                      struct imw_error_info *err)
{
    const char *state = f->state != NULL ? f->state : "open";
    const struct db_value now = db_int((int64_t)a->now_us);

    if (strcmp(state, "open") == 0) {
        ask(q, "where u.done_us is null ");
    } else if (strcmp(state, "overdue") == 0) {
        ask_with(q, "where u.done_us is null and u.due_us < ? ", now);
        ask_with(q, "and (u.excused_us is null or u.excused_us <= ?) ", now);
    } else if (strcmp(state, "signed") == 0) {
        ask(q, "where u.done_us is not null ");
    } else if (strcmp(state, "excused") == 0) {
        ask_with(q, "where u.excused_us > ? and u.done_us is null ", now);
    } else {
        return act_no(a, err, ACT_WRONG, "state", "it is open, overdue, signed or excused");
    }
    return true;
}

bool duty_list(struct act *a, const struct duty_filter *f, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct question q = { .count = 0 };
    struct team_view view;
    struct db_rows *rows;
    const bool done = f->state != NULL && strcmp(f->state, "signed") == 0;
    const bool looked = f->text != NULL && f->text[0] != '\0';
    const char *time = done ? "u.done_us" : "u.due_us";
    struct people_set found = { .many = true };
    char pattern[PERSON_PATTERN_SIZE], order[400], cursor[80] = "";
    int64_t after[3] = { 0 };
    json_t *list = json_pack("[]");
    unsigned count = 0;
    bool ok = list != NULL || error_memory(err);

    q.text = TEXT(q.sql);
    ask(&q, DUTY_COLUMNS);
    ok = ok && team_view_of(a, &view, err) && add_state(a, &q, f, err);
    if (ok)
        see(&q, &view);
    if (ok && f->cursor != NULL && !read_cursor(f->cursor, after))
        ok = act_no(a, err, ACT_WRONG, "cursor", "this cursor is none of ours");
    if (ok && f->document != 0)
        ask_with(&q, "and u.document = ? ", db_int(f->document));
    if (ok && f->department > 0)
        ask_with(&q, "and u.department = ? ", db_int(f->department));
    if (ok && f->department < 0)
        ask(&q, "and u.department = 0 ");
    if (ok && looked)
        ok = people_set_load(a->db, person_text_select(view.names), person_text_pattern(f->text, pattern),
                             &found, err);
    if (ok && looked)
        people_set_ask(&found, "u.person", &q.text, q.args, &q.count);
    const bool sorted = ok && (!found.many || (view.manager != 0 && !view.people.many));
    if (ok && f->cursor != NULL) {
        snprintf(order, sizeof order,
                 f->document != 0 ? "and (%s%s, u.person) > (?, " : "and (%s%s, u.document, u.person) > (?, ",
                 sorted ? "+" : "", time);
        ask_with(&q, order, db_int(after[0]));
        if (f->document == 0)
            ask_with(&q, "?, ", db_int(after[1]));
        ask_with(&q, "?) ", db_int(after[2]));
    }
    snprintf(order, sizeof order,
             f->document != 0 ? "order by %s%s, u.person limit ?"
                              : "order by %s%s, u.document, u.person limit ?",
             sorted ? "+" : "", time);
    ask_with(&q, order, db_int((int64_t)f->limit + 1));
    snprintf(order, sizeof order, DUTY_JOINS "order by %s, u.document, u.person", time);
    ask(&q, order);
    if (!ok || !db_query(a->db, q.sql, q.args, q.count, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (ok && count < f->limit && db_next(rows, &why)) {
        ok = json_array_append_new(list, duty_row(rows, view.names, a->now_us)) == 0;
        if (++count == f->limit)
            snprintf(cursor, sizeof cursor, "%lld.%lld.%lld", (long long)db_get_int(rows, done ? 9 : 8),
                     (long long)db_get_int(rows, 0), (long long)db_get_int(rows, 3));
    }
    if (cursor[0] != '\0' && !db_next(rows, &why))
        cursor[0] = '\0';
    ok = rows_done(rows, &why, err) && (ok || error_memory(err));
    if (ok)
        *out = json_pack("{s:O,s:s?}", "duties", list, "cursor", cursor[0] != '\0' ? cursor : NULL);
    json_decref(list);
    return ok && (*out != NULL || error_memory(err));
}

bool duty_get(struct act *a, int64_t document, int64_t person, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct question q = { .count = 0 };
    struct team_view view;
    struct db_rows *rows;

    q.text = TEXT(q.sql);
    ask_with(&q, DUTY_COLUMNS "where u.document = ? ", db_int(document));
    ask_with(&q, "and u.person = ? ", db_int(person));
    *out = NULL;
    if (!team_view_of(a, &view, err))
        return false;
    see(&q, &view);
    ask(&q, DUTY_JOINS);
    if (!db_query(a->db, q.sql, q.args, q.count, &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found)
        *out = duty_row(rows, view.names, a->now_us);
    if (!rows_done(rows, &why, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "", "this person owes no signature of this document");
    return *out != NULL || error_memory(err);
}

/* ---- how many ---- */

/* Those of whom the sums are: everybody, or a team. */
static void ask_sums(struct question *q, const struct team_view *view, int64_t document)
{
    if (view->manager != 0)
        ask_with(q, "from duty_team_sum s where s.manager = ? ", db_int(view->manager));
    else
        ask(q, "from duty_sum s where 1 = 1 ");
    ask_with(q, "and s.document = ? ", db_int(document));
}

/* Out of the sums. The pluses keep to the index of those few who are excused. */
static void ask_summed(struct question *q, const struct act *a, const struct team_view *view,
                       int64_t document)
{
    const struct db_value now = db_int((int64_t)a->now_us);

    ask_with(
        q,
        "select s.department, d.name, s.owed, s.open, s.late - coalesce(l.late, 0), coalesce(l.excused, 0), "
        "s.due from (select s.department, sum(s.people) as owed, sum(case when s.due_us > 0 then s.people "
        "else 0 end) as open, sum(case when s.due_us > 0 and s.due_us < ? then s.people else 0 end) as late, ",
        now);
    ask_with(q, "min(case when s.due_us >= ? and s.people > 0 then s.due_us end) as due ", now);
    ask_sums(q, view, document);
    ask_with(
        q,
        "group by s.department) s left join department d on d.id = s.department left join (select "
        "+u.department as department, count(*) as excused, sum(case when u.due_us < ? then 1 else 0 end) "
        "as late ",
        now);
    ask_with(q, "from duty u where u.excused_us > ? ", now);
    ask_with(q, "and u.done_us is null and +u.document = ? ", db_int(document));
    team_ask(view, "+u.person", &q->text, q->args, &q->count);
    ask(q, "group by +u.department) l on l.department = s.department order by d.name");
}

/* Of a team whose people changed since its sums were made. */
static void ask_counted(struct question *q, const struct act *a, const struct team_view *view,
                        int64_t document)
{
    const struct db_value now = db_int((int64_t)a->now_us);

    ask(q, "select u.department, d.name, count(*), sum(case when u.done_us is null then 1 else 0 end), ");
    ask_with(q, "sum(case when u.done_us is null and u.due_us < ? ", now);
    ask_with(q, "and (u.excused_us is null or u.excused_us <= ?) then 1 else 0 end), ", now);
    ask_with(q, "sum(case when u.done_us is null and u.excused_us > ? then 1 else 0 end), ", now);
    ask_with(q, "min(case when u.done_us is null and u.due_us >= ? then u.due_us end) ", now);
    ask_with(q, "from duty u left join department d on d.id = u.department where u.document = ? ",
             db_int(document));
    team_ask(view, "u.person", &q->text, q->args, &q->count);
    ask(q, "group by u.department, d.name order by d.name");
}

static bool add_departments(struct act *a, const struct team_view *view, json_t *row, bool summed,
                            int64_t document, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct question q = { .count = 0 };
    struct db_rows *rows;
    json_t *list = json_pack("[]");
    int64_t owed = 0, open = 0, overdue = 0, excused = 0, next = 0;
    bool ok = list != NULL;

    q.text = TEXT(q.sql);
    (summed || view->manager == 0 ? ask_summed : ask_counted)(&q, a, view, document);
    if (!db_query(a->db, q.sql, q.args, q.count, &rows, err)) {
        json_decref(list);
        return false;
    }
    while (ok && db_next(rows, &why)) {
        const int64_t due = db_is_null(rows, 6) ? 0 : db_get_int(rows, 6);
        owed += db_get_int(rows, 2);
        open += db_get_int(rows, 3);
        overdue += db_get_int(rows, 4);
        excused += db_get_int(rows, 5);
        next = due != 0 && (next == 0 || due < next) ? due : next;
        ok = json_array_append_new(
                 list, json_pack("{s:o,s:s,s:o,s:o,s:o}", "id",
                                 db_get_int(rows, 0) != 0 ? shape_int(rows, 0) : json_null(), "name",
                                 db_is_null(rows, 1) ? "" : (const char *)db_get_text(rows, 1).at, "owed",
                                 shape_int(rows, 2), "open", shape_int(rows, 3), "overdue",
                                 shape_int(rows, 4))) == 0;
    }
    if (!rows_done(rows, &why, err)) {
        json_decref(list);
        return false;
    }
    ok = ok && json_object_set_new(row, "departments", list) == 0 &&
         json_object_set_new(row, "owed", json_integer(owed)) == 0 &&
         json_object_set_new(row, "open", json_integer(open)) == 0 &&
         json_object_set_new(row, "signed", json_integer(owed - open)) == 0 &&
         json_object_set_new(row, "overdue", json_integer(overdue)) == 0 &&
         json_object_set_new(row, "excused", json_integer(excused)) == 0 &&
         json_object_set_new(row, "next_due", next != 0 ? shape_time((uint64_t)next) : json_null()) == 0;
    return ok || error_memory(err);
}

bool duty_summary(struct act *a, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct team_view view;
    struct db_rows *rows;
    json_t *list = json_pack("[]"), *row;
    bool summed[DOCUMENTS_SHOWN];
    size_t i, count = 0;
    bool ok = list != NULL || error_memory(err);

    ok = ok && team_view_of(a, &view, err) &&
         db_query(a->db,
                  "select d.id, d.title, (select v.edition from document_version v where v.document = "
                  "d.id and v.sign = "
                  "1 and v.state in ('published', 'replaced') order by v.published_us desc, v.id desc "
                  "limit 1), d.team_sums from "
                  "document d where exists (select 1 from duty_sum s where s.document = d.id) order by "
                  "d.title, d.id "
                  "limit ?",
                  DB_ARGS(db_int(DOCUMENTS_SHOWN)), &rows, err);
    if (ok) {
        while (ok && count < DOCUMENTS_SHOWN && db_next(rows, &why)) {
            summed[count++] = db_get_int(rows, 3) != 0;
            ok = json_array_append_new(list, json_pack("{s:{s:o,s:o,s:o}}", "document", "id",
                                                       shape_int(rows, 0), "title", shape_text(rows, 1),
                                                       "edition", shape_text(rows, 2))) == 0;
        }
        ok = rows_done(rows, &why, err) && (ok || error_memory(err));
    }
    json_array_foreach(list, i, row)
    {
        const int64_t id = json_integer_value(json_object_get(json_object_get(row, "document"), "id"));
        ok = ok && add_departments(a, &view, row, summed[i], id, err);
    }
    if (ok)
        *out = json_pack("{s:O,s:b}", "documents", list, "team", view.manager != 0);
    json_decref(list);
    return ok && (*out != NULL || error_memory(err));
}
