/* SPDX-License-Identifier: Apache-2.0 */
/* What is open, counted; and the people of a team with what each of them owes. */
#include "program/desk.h"
#include "program/person_text.h"
#include "program/shape.h"
#include "program/team.h"
#include <stdio.h>

static const uint64_t day_us = UINT64_C(86400000000);

/* ---- what is open ---- */

/* One figure: {"part": {"name": count}}. `sql` has the arguments in this order, as many as it asks for. */
struct figure {
    const char *part, *name, *sql;
    enum { OF_NONE, OF_NOW, OF_NOW_TWICE, OF_DUE, OF_REVIEW, OF_ME, OF_PERSON } arguments;
};

static const struct figure figures[] = {
    { "signatures", "owed", "select coalesce(sum(people), 0) from duty_sum", OF_NONE },
    { "signatures", "open", "select coalesce(sum(people), 0) from duty_sum where due_us > 0", OF_NONE },
    { "signatures", "overdue",
      "select coalesce(sum(people), 0) - (select count(*) from duty u where u.excused_us > ? and u.done_us is "
      "null "
      "and +u.due_us < ?) from duty_sum where due_us > 0 and due_us < ?",
      OF_NOW_TWICE },
    { "training", "done",
      "select coalesce(sum(people), 0) from training_sum where course <> 0 and state = 'done'", OF_NONE },
    { "training", "renew",
      "select coalesce(sum(people), 0) from training_sum where course <> 0 and state = 'renew'", OF_NONE },
    { "training", "open",
      "select coalesce(sum(people), 0) from training_sum where course <> 0 and state = 'open'", OF_NONE },
    { "training", "overdue",
      "select coalesce(sum(people), 0) from training_sum where course <> 0 and state = 'overdue'", OF_NONE },
    { "training", "excused",
      "select coalesce(sum(people), 0) from training_sum where course <> 0 and state = 'excused'", OF_NONE },
    { "documents", "in_force", "select count(*) from document_version where state = 'published'", OF_NONE },
    { "documents", "open",
      "select count(*) from document_version where state in ('draft', 'proposed', 'approved')", OF_NONE },
    { "documents", "waiting",
      "select count(*) from document_version v where v.state = 'proposed' and not exists (select 1 from "
      "document_author w join account x on x.id = w.account where w.version = v.id and (x.id = ? or x.person = "
      "?)) "
      "and not exists (select 1 from document_decision c join account y on y.id = c.account where c.version = "
      "v.id "
      "and c.void = 0 and (y.id = ? or y.person = ?))",
      OF_PERSON },
    { "documents", "old",
      "select count(*) from document_version where state = 'published' and published_us < ?", OF_REVIEW },
    { "exceptions", "waiting",
      "select count(*) from exception e left join account q on q.id = e.asked_by where e.state = 'asked' and "
      "e.asked_by <> ? and coalesce(q.person, 0) <> ? and ? <> 0 and coalesce(e.person, 0) <> ?",
      OF_PERSON },
    { "exceptions", "asked", "select count(*) from exception where state = 'asked'", OF_NONE },
    { "exceptions", "granted", "select count(*) from exception where state = 'granted'", OF_NONE },
    { "exceptions", "due", "select count(*) from exception where state = 'granted' and until_us <= ?",
      OF_DUE },
    { "exceptions", "open", "select count(*) from exception where kind = 'emergency' and closed_us is null",
      OF_NONE },
    { "mail", "waiting", "select count(*) from mail where state = 'waiting'", OF_NONE },
    { "mail", "failed", "select count(*) from mail where state = 'failed'", OF_NONE },
    { "incidents", "new", "select count(*) from incident where state = 'new'", OF_NONE },
    { "incidents", "open", "select count(*) from incident where state in ('new', 'open', 'contained')",
      OF_NONE },
};

static bool count(struct act *a, const struct figure *f, int64_t *out, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us), me = db_int(a->actor->account),
                          /* who is nobody of the directory is no person that somebody else is */
        person = db_int(a->actor->person != 0 ? a->actor->person : -1);
    const struct db_value args[][4] = {
        [OF_NONE] = { db_null() },
        [OF_NOW] = { now },
        [OF_NOW_TWICE] = { now, now, now },
        [OF_DUE] = { db_int((int64_t)(a->now_us + DESK_DUE_DAYS * day_us)) },
        [OF_REVIEW] = { db_int((int64_t)(a->now_us - DESK_REVIEW_DAYS * day_us)) },
        [OF_ME] = { me },
        [OF_PERSON] = { me, person, me, person },
    };
    static const unsigned counts[] = { 0, 1, 3, 1, 1, 1, 4 };

    return db_query_int(a->db, f->sql, args[f->arguments], counts[f->arguments], out, NULL, err);
}

static bool add_problem(struct act *a, json_t *desk, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    json_t *text = json_null();

    if (!db_query(a->db, "select text from mail_problem order by id limit 1", DB_NONE, &rows, err))
        return false;
    if (db_next(rows, &why))
        text = shape_text(rows, 0);
    if (!rows_done(rows, &why, err)) {
        json_decref(text);
        return false;
    }
    return json_object_set_new(json_object_get(desk, "mail"), "problem", text) == 0 || error_memory(err);
}

bool desk_show(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *desk = json_pack("{s:i,s:i}", "due_days", DESK_DUE_DAYS, "review_days", DESK_REVIEW_DAYS);
    bool ok = desk != NULL || error_memory(err);

    for (size_t i = 0; ok && i < sizeof figures / sizeof figures[0]; i++) {
        const struct figure *f = &figures[i];
        int64_t n = 0;
        ok = count(a, f, &n, err);
        if (ok && json_object_get(desk, f->part) == NULL)
            ok = json_object_set_new(desk, f->part, json_pack("{}")) == 0 || error_memory(err);
        ok = ok && (json_object_set_new(json_object_get(desk, f->part), f->name, json_integer(n)) == 0 ||
                    error_memory(err));
    }
    if (!ok || !add_problem(a, desk, err)) {
        json_decref(desk);
        return false;
    }
    *out = desk;
    return true;
}

/* ---- a team ---- */

enum { SQL_BYTES = 8000, ARGS = 2 * PEOPLE_FEW + 24 };
struct question {
    char sql[SQL_BYTES];
    struct text text;
    struct db_value args[ARGS];
    unsigned count;
};

static void ask(struct question *q, const char *sql, struct db_value value, unsigned times)
{
    text_string(&q->text, sql);
    for (unsigned i = 0; i < times && q->count < ARGS; i++)
        q->args[q->count++] = value;
}

#define SIGNS                                                                                                \
    "from duty u where u.person = p.id and u.done_us is null and (u.excused_us is null or u.excused_us <= ?)"
#define LEARNS "from training_duty t where t.person = p.id and t.state "
#define EXCEPTED "from exception e where e.person = p.id and e.state "
#define OWES "in ('open', 'renew', 'overdue')"

static bool ask_state(struct act *a, struct question *q, const char *state, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us);

    if (state == NULL || state[0] == '\0')
        return true;
    if (strcmp(state, "owes") == 0)
        ask(q, "and (exists (select 1 " SIGNS ") or exists (select 1 " LEARNS OWES ")) ", now, 1);
    else if (strcmp(state, "overdue") == 0)
        ask(q,
            "and (exists (select 1 " SIGNS " and u.due_us < ?) or exists (select 1 " LEARNS "= 'overdue')) ",
            now, 2);
    else if (strcmp(state, "exception") == 0)
        ask(q, "and exists (select 1 " EXCEPTED "in ('asked', 'granted')) ", now, 0);
    else
        return act_no(a, err, ACT_WRONG, "state", "owes, overdue and exception are known");
    return true;
}

static json_t *person_row(const struct db_rows *rows, bool names)
{
    return json_pack("{s:o,s:o,s:o,s:{s:o,s:o},s:{s:o,s:o},s:{s:o,s:o}}", "person", shape_int(rows, 0),
                     "label", shape_text(rows, names ? 1 : 2), "department", shape_text(rows, 3),
                     "signatures", "open", shape_int(rows, 4), "overdue", shape_int(rows, 5), "training",
                     "open", shape_int(rows, 6), "overdue", shape_int(rows, 7), "exceptions", "asked",
                     shape_int(rows, 8), "granted", shape_int(rows, 9));
}

bool team_list(struct act *a, const struct team_filter *f, json_t **out, struct imw_error_info *err)
{
    const unsigned limit = f->limit > 0 && f->limit < TEAM_ROWS_MOST ? f->limit : TEAM_ROWS_MOST;
    const struct db_value now = db_int((int64_t)a->now_us);
    struct imw_error_info why = { 0 };
    struct question q = { .count = 0 };
    struct team_view view;
    struct db_rows *rows;
    struct people_set found;
    char pattern[PERSON_PATTERN_SIZE];
    int64_t last = 0;
    unsigned n = 0;

    q.text = TEXT(q.sql);
    if (!team_view_of(a, &view, err))
        return false;
    ask(&q,
        "select p.id, p.name, p.pseudonym, d.name, (select count(*) " SIGNS "), (select count(*) " SIGNS
        " and u.due_us < ?), (select count(*) " LEARNS OWES "), (select count(*) " LEARNS
        "= 'overdue'), (select count(*) " EXCEPTED "= 'asked'), (select count(*) " EXCEPTED
        "= 'granted') from person p left join department d on d.id = p.department where p.state = 'active' ",
        now, 3);
    team_ask(&view, "p.id", &q.text, q.args, &q.count);
    if (!ask_state(a, &q, f->state, err))
        return false;
    if (f->text != NULL && f->text[0] != '\0') {
        if (!people_set_load(a->db, person_text_select(view.names), person_text_pattern(f->text, pattern),
                             &found, err))
            return false;
        people_set_ask(&found, "p.id", &q.text, q.args, &q.count);
    }
    /* A team is read from the front by name; a page of everybody goes on behind its last row. */
    if (view.people.few && view.manager != 0) {
        ask(&q, "order by lower(p.name), p.id limit ? ", db_int(limit + 1), 1);
        ask(&q, "offset ?", db_int(f->after), 1);
    } else {
        ask(&q, "and p.id > ? ", db_int(f->after), 1);
        ask(&q, "order by p.id limit ?", db_int(limit + 1), 1);
    }
    json_t *list = json_pack("[]");
    if (list == NULL)
        return error_memory(err);
    if (!db_query(a->db, q.sql, q.args, q.count, &rows, err)) {
        json_decref(list);
        return false;
    }
    bool ok = true, more = false;
    while (ok && !more && db_next(rows, &why)) {
        more = n == limit;
        if (more)
            continue;
        last = db_get_int(rows, 0);
        n++;
        ok = json_array_append_new(list, person_row(rows, view.names)) == 0;
    }
    if (!rows_done(rows, &why, err)) {
        json_decref(list);
        return false;
    }
    json_t *cursor =
        more ? json_sprintf("%lld",
                            (long long)(view.people.few && view.manager != 0 ? f->after + limit : last))
             : json_null();
    *out =
        ok ? json_pack("{s:O,s:o,s:b}", "people", list, "cursor", cursor, "team", view.manager != 0) : NULL;
    json_decref(list);
    return *out != NULL || error_memory(err);
}
