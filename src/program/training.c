/* SPDX-License-Identifier: Apache-2.0 */
/* The state of training: sums, people by page, excuses, certificates by number. */
#include "program/training.h"
#include "program/course.h"
#include "program/person_text.h"
#include "program/shape_list.h"
#include "store/team.h"
#include <stdlib.h>

enum { SQL_BYTES = 4096, ARGS = 24 + 2 * PEOPLE_FEW };

/* ---- who sees what ---- */

/* Managers see their team and nobody else, unless another role lets them see all. */
static bool is_cut(const struct actor *a)
{
    return (a->roles & (1u << ROLE_COMPLIANCE | 1u << ROLE_EXAMINER)) == 0;
}

/* Compliance and managers (of their team) see names; examiners and programs pseudonyms. */
static bool sees_names(const struct actor *a)
{
    return !a->token && (actor_is(a, ROLE_COMPLIANCE) || is_cut(a));
}

static bool check_team(struct act *a, struct imw_error_info *err)
{
    return !is_cut(a->actor) || a->actor->person != 0 ||
           act_no(a, err, ACT_FORBIDDEN, "",
                  "your account is not joined to a person, so your team is not known; an administrator can "
                  "set the account's person");
}

static bool may_see(struct act *a, int64_t person, struct imw_error_info *err)
{
    int64_t one = 0;
    bool found = true;

    if (!check_team(a, err))
        return false;
    if (is_cut(a->actor) &&
        !db_query_int(a->db, "select id from person where id = ? and id in " TEAM_BELOW,
                      DB_ARGS(db_int(person), db_int(a->actor->person)), &one, &found, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "there is no such person in your team");
}

/* ---- sums ---- */

static bool sum_add(struct db *db, int64_t course, int64_t department, const char *state, int n,
                    struct imw_error_info *err)
{
    return db_run(db,
                  "insert into training_sum (course, department, state, people) values (?, ?, ?, ?) on "
                  "conflict (course, department, state) do update set people = training_sum.people + "
                  "excluded.people",
                  DB_ARGS(db_int(course), db_int(department), db_text(state), db_int(n)), NULL, err);
}

bool sum_move(struct db *db, int64_t course, int64_t department, const char *from, const char *to,
              struct imw_error_info *err)
{
    return strcmp(from, to) == 0 ||
           (sum_add(db, course, department, from, -1, err) && sum_add(db, course, department, to, 1, err));
}

bool sums_stale(struct db *db, struct imw_error_info *err)
{
    return sum_add(db, 0, 0, "stale", 1, err);
}

bool sums_recount(struct db *db, struct imw_error_info *err)
{
    int64_t one = 0;
    bool stale;

    if (!db_begin(db, false, err))
        return false;
    bool ok =
        db_query_int(db, "select people from training_sum where course = 0", DB_NONE, &one, &stale, err);
    db_rollback(db);
    if (!ok || !stale)
        return ok;
    ok = db_begin(db, true, err) && db_run(db, "delete from training_sum", DB_NONE, NULL, err) &&
         db_run(db,
                "insert into training_sum (course, department, state, people) select course, department, "
                "state, count(*) from training_duty group by course, department, state",
                DB_NONE, NULL, err) &&
         db_run(db,
                "update training_assignment set assigned = (select count(*) from training_duty d where "
                "d.assignment = training_assignment.id) where state = 'active' or assigned > 0",
                DB_NONE, NULL, err) &&
         db_commit(db, err);
    db_rollback(db);
    return ok;
}

static json_t *no_counts(void)
{
    return json_pack("{si si si si si si}", "people", 0, "done", 0, "renew", 0, "open", 0, "overdue", 0,
                     "excused", 0);
}

static void add_count(json_t *counts, const char *state, int64_t n)
{
    json_t *all = json_object_get(counts, "people"), *one = json_object_get(counts, state);

    json_integer_set(all, json_integer_value(all) + n);
    if (one != NULL)
        json_integer_set(one, json_integer_value(one) + n);
}

/* Rows of id, state, number: into the entry of `list` that has this id under `key`. */
static bool add_counts(struct db *db, const char *sql, const struct db_value *args, unsigned count,
                       json_t *list, const char *key, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    json_t *by_id = json_pack("{}"), *entry;
    struct db_rows *rows;
    char name[32];
    size_t i;

    json_array_foreach(list, i, entry)
    {
        snprintf(name, sizeof name, "%lld", (long long)json_integer_value(json_object_get(entry, key)));
        json_object_set(by_id, name, json_object_get(entry, "counts"));
    }
    if (!db_query(db, sql, args, count, &rows, err)) {
        json_decref(by_id);
        return false;
    }
    while (db_next(rows, &why)) {
        snprintf(name, sizeof name, "%lld", (long long)db_get_int(rows, 0));
        add_count(json_object_get(by_id, name), (const char *)db_get_text(rows, 1).at, db_get_int(rows, 2));
    }
    json_decref(by_id);
    return rows_done(rows, &why, err);
}

static json_t *overview_course(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so}", "course", shape_int(rows, 0), "title", shape_text(rows, 1), "version",
                     shape_int(rows, 2), "counts", no_counts());
}

static json_t *overview_department(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so}", "department", shape_int(rows, 0), "name", shape_text(rows, 1), "counts",
                     no_counts());
}

bool training_overview(struct act *a, int64_t course, json_t **out, struct imw_error_info *err)
{
    const bool cut = is_cut(a->actor);
    const struct db_value team = db_int(a->actor->person), one = db_int(course);
    json_t *courses = NULL, *departments = NULL, *entry;
    size_t i;

    if (!check_team(a, err))
        return false;
    if (!shape_list(a->db,
                    "select c.id, v.title, c.published from course c join course_version v on v.course = "
                    "c.id and v.number = coalesce(c.published, c.draft) where c.state <> 'draft' and "
                    "(c.id = ? or ? = 0) order by v.title, c.id",
                    DB_ARGS(one, one), overview_course, NULL, &courses, err) ||
        !shape_list(
            a->db,
            cut ? "select distinct p.department, d.name from person p left join department d on d.id "
                  "= p.department where p.id in " TEAM_BELOW " and p.state = 'active' order by 2"
                : "select s.department, d.name from (select distinct department from training_sum where course <> 0) s "
                  "left join department d on d.id = s.department order by d.name",
            &team, cut ? 1 : 0, overview_department, NULL, &departments, err))
        goto failed;
    /* Nobody's department is null, in the sums 0. */
    json_array_foreach(departments, i, entry)
    {
        if (json_is_null(json_object_get(entry, "department")))
            json_object_set_new(entry, "department", json_integer(0));
    }
    if (cut ? !add_counts(a->db,
                          "select course, state, count(*) from training_duty where person in " TEAM_BELOW
                          " and (course = ? or ? = 0) group by course, state",
                          DB_ARGS(team, one, one), courses, "course", err) ||
                  !add_counts(
                      a->db,
                      "select department, state, count(*) from training_duty where person in " TEAM_BELOW
                      " and (course = ? or ? = 0) group by department, state",
                      DB_ARGS(team, one, one), departments, "department", err)
            : !add_counts(
                  a->db,
                  "select course, state, sum(people) from training_sum where course <> 0 and (course = ? or ? = 0) "
                  "group by course, state",
                  DB_ARGS(one, one), courses, "course", err) ||
                  !add_counts(
                      a->db,
                      "select department, state, sum(people) from training_sum where course <> 0 and (course = ? or "
                      "? = 0) group by department, state",
                      DB_ARGS(one, one), departments, "department", err))
        goto failed;
    json_array_foreach(departments, i, entry)
    {
        if (json_integer_value(json_object_get(entry, "department")) == 0)
            json_object_set_new(entry, "department", json_null());
    }
    *out = json_pack("{sb so so}", "team", cut, "courses", courses, "departments", departments);
    return *out != NULL || error_memory(err);
failed:
    json_decref(courses);
    json_decref(departments);
    return false;
}

/* ---- people ---- */

#define DUTY_COLUMNS                                                                                          \
    "d.person, case when cast(? as bigint) = 1 then p.name else p.pseudonym end, g.name, d.course, v.title, " \
    "d.state, d.reason, d.assigned_us, d.due_us, d.valid_until_us, c.number, x.name, d.excused_why, "         \
    "d.excused_until_us "
#define DUTY_JOINS                                                                                             \
    " join person p on p.id = d.person left join department g on g.id = p.department join course k on k.id = " \
    "d.course join course_version v on v.course = k.id and v.number = coalesce(k.published, k.draft) left "    \
    "join training_certificate c on c.id = d.certificate left join account x on x.id = d.excused_by "

static json_t *duty_row(const struct db_rows *rows, void *context)
{
    json_t *excused = db_is_null(rows, 12)
                          ? json_null()
                          : json_pack("{so so so}", "by", shape_text(rows, 11), "why", shape_text(rows, 12),
                                      "until", shape_time_of(rows, 13));

    (void)context;
    return json_pack("{so so so so so so so so so so so so}", "person", shape_int(rows, 0), "label",
                     shape_text(rows, 1), "department", shape_text(rows, 2), "course", shape_int(rows, 3),
                     "title", shape_text(rows, 4), "state", shape_text(rows, 5), "reason",
                     shape_text(rows, 6), "assigned", shape_time_of(rows, 7), "due", shape_time_of(rows, 8),
                     "valid_until", shape_time_of(rows, 9), "certificate", shape_text(rows, 10), "excused",
                     excused);
}

struct question {
    char sql[SQL_BYTES];
    struct text text;
    struct db_value args[ARGS];
    unsigned count;
};

static void with(struct question *q, const char *text, struct db_value v)
{
    text_string(&q->text, text);
    if (q->count < ARGS)
        q->args[q->count++] = v;
}

/* "12.3.45": what the last of the page before was due, its course and person. */
static bool read_cursor(struct act *a, const char *text, int64_t out[3], struct imw_error_info *err)
{
    struct view rest = view_string(text);

    for (unsigned i = 0; i < 3; i++) {
        uint64_t n = 0;
        if (!view_decimal(view_token(&rest, '.'), INT64_MAX, &n))
            return act_no(a, err, ACT_WRONG, "cursor", "it is not one of the answer before");
        out[i] = (int64_t)n;
    }
    return true;
}

static bool is_state(const char *word)
{
    static const char *const states[] = { "open", "renew", "overdue", "done", "excused" };

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(word, states[i]) == 0)
            return true;
    return false;
}

/* The keys of a page's rows, in order; what is shown of them is joined to those alone. A plus sign before a
 * column keeps SQLite, which knows nothing of how many there are, from an index that has not this order; of a
 * department or of some people other indexes fit better. */
static bool ask_page(struct act *a, const struct training_filter *f, struct question *q,
                     char pattern[PERSON_PATTERN_SIZE], struct imw_error_info *err)
{
    const bool cut = is_cut(a->actor), names = sees_names(a->actor);
    struct people_set team = { .many = true }, found = { .many = true };
    int64_t at[3];
    uint64_t department = 0;

    if ((cut && !people_set_load(a->db, TEAM_BELOW, db_int(a->actor->person), &team, err)) ||
        (f->q != NULL && f->q[0] != '\0' &&
         !people_set_load(a->db,
                          names ? person_text_select(true)
                                : "(select id as person from person where pseudonym = ?)",
                          names ? person_text_pattern(f->q, pattern) : db_text(f->q), &found, err)))
        return false;
    const bool sorted = !team.many || !found.many, apart = sorted || f->department != NULL;
    with(q, "select " DUTY_COLUMNS, db_int(names));
    text_string(&q->text, "from (select * from training_duty where 1 = 1");
    text_char(&q->text, ' ');
    if (cut)
        people_set_ask(&team, "training_duty.person", &q->text, q->args, &q->count);
    if (f->q != NULL && f->q[0] != '\0')
        people_set_ask(&found, "training_duty.person", &q->text, q->args, &q->count);
    if (f->course != 0)
        with(q, " and +course = ?", db_int(f->course));
    if (f->state != NULL) {
        if (!is_state(f->state))
            return act_no(a, err, ACT_WRONG, "state", "it is open, renew, overdue, done or excused");
        with(q, apart ? " and state || '' = ?" : " and state = ?", db_text(f->state));
    }
    if (f->department != NULL) {
        if (strcmp(f->department, "none") != 0 &&
            !view_decimal(view_string(f->department), INT64_MAX, &department))
            return act_no(a, err, ACT_WRONG, "department", "the number of a department is needed, or none");
        with(q, " and department = ?", db_int((int64_t)department));
    }
    if (f->cursor != NULL) {
        if (!read_cursor(a, f->cursor, at, err))
            return false;
        with(q, " and (due_us, course, person) > (?, ", db_int(at[0]));
        with(q, "?, ", db_int(at[1]));
        with(q, "?)", db_int(at[2]));
    }
    with(q,
         sorted ? " order by +due_us, course, person limit ?) d" DUTY_JOINS
                  "order by d.due_us, d.course, d.person"
                : " order by due_us, course, person limit ?) d" DUTY_JOINS
                  "order by d.due_us, d.course, d.person",
         db_int(f->limit));
    return true;
}

struct page {
    unsigned count;
    int64_t due_us, course, person;
};

static json_t *page_row(const struct db_rows *rows, void *context)
{
    struct page *p = context;

    *p = (struct page){ p->count + 1, db_get_int(rows, 8), db_get_int(rows, 3), db_get_int(rows, 0) };
    return duty_row(rows, NULL);
}

bool training_people(struct act *a, const struct training_filter *f, json_t **out, struct imw_error_info *err)
{
    struct question *q = calloc(1, sizeof *q);
    struct training_filter wanted = *f;
    struct page page = { 0 };
    char pattern[PERSON_PATTERN_SIZE], cursor[96];
    json_t *people = NULL;

    if (q == NULL)
        return error_memory(err);
    q->text = TEXT(q->sql);
    wanted.limit = f->limit == 0 || f->limit > TRAINING_PAGE ? TRAINING_PAGE : f->limit;
    bool ok = check_team(a, err) && ask_page(a, &wanted, q, pattern, err) &&
              shape_list(a->db, q->sql, q->args, q->count, page_row, &page, &people, err);
    free(q);
    if (!ok)
        return false;
    snprintf(cursor, sizeof cursor, "%lld.%lld.%lld", (long long)page.due_us, (long long)page.course,
             (long long)page.person);
    *out = json_pack("{so ss?}", "people", people, "cursor", page.count == wanted.limit ? cursor : NULL);
    return *out != NULL || error_memory(err);
}

json_t *certificate_row(const struct db_rows *rows, void *now_us)
{
    const uint64_t *now = now_us;
    const bool valid = db_is_null(rows, 6) || (uint64_t)db_get_int(rows, 6) > *now;

    return json_pack("{so so so so so so so so so so ss}", "id", shape_int(rows, 0), "number",
                     shape_text(rows, 1), "course", shape_int(rows, 2), "title", shape_text(rows, 3),
                     "version", shape_int(rows, 4), "issued", shape_time_of(rows, 5), "valid_until",
                     shape_time_of(rows, 6), "score", shape_int(rows, 7), "of", shape_int(rows, 8), "hash",
                     shape_text(rows, 9), "state", valid ? "valid" : "expired");
}

static json_t *attempt_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so}", "course", shape_int(rows, 0), "state", shape_text(rows, 1),
                     "started", shape_time_of(rows, 2), "score", shape_int(rows, 3), "of",
                     shape_int(rows, 4));
}

static json_t *person_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so}", "person", shape_int(rows, 0), "label", shape_text(rows, 1), "department",
                     shape_text(rows, 2));
}

bool training_person(struct act *a, int64_t person, json_t **out, struct imw_error_info *err)
{
    const struct db_value names = db_int(sees_names(a->actor)), id = db_int(person);
    json_t *one = NULL, *duties = NULL, *certificates = NULL, *attempts = NULL;

    if (!may_see(a, person, err))
        return false;
    if (!shape_one(a->db,
                   "select p.id, case when cast(? as bigint) = 1 then p.name else p.pseudonym end, g.name "
                   "from person p left join department g on g.id = p.department where p.id = ?",
                   DB_ARGS(names, id), person_row, NULL, &one, err))
        return false;
    if (one == NULL)
        return act_no(a, err, ACT_MISSING, "", "there is no such person");
    if (!shape_list(a->db,
                    "select " DUTY_COLUMNS "from training_duty d" DUTY_JOINS "where d.person = ? order by "
                    "d.due_us, d.course",
                    DB_ARGS(names, id), duty_row, NULL, &duties, err) ||
        !shape_list(a->db,
                    "select " CERTIFICATE_COLUMNS " from " CERTIFICATE_FROM " where c.person = ? order by "
                    "c.issued_us desc limit 100",
                    DB_ARGS(id), certificate_row, &a->now_us, &certificates, err) ||
        !shape_list(a->db,
                    "select course, state, started_us, score, total from training_attempt where person = ? "
                    "order by started_us desc limit 100",
                    DB_ARGS(id), attempt_row, NULL, &attempts, err)) {
        json_decref(one);
        json_decref(duties);
        json_decref(certificates);
        return false;
    }
    bool ok = json_object_set_new(one, "duties", duties) == 0 &&
              json_object_set_new(one, "certificates", certificates) == 0 &&
              json_object_set_new(one, "attempts", attempts) == 0;
    *out = one;
    return ok || error_memory(err);
}

/* ---- excuses ---- */

struct duty {
    int64_t department, assignment, certificate;
    char state[16];
};

static bool load_duty(struct act *a, int64_t person, int64_t course, struct duty *out,
                      struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(a->db,
                  "select department, assignment, certificate, state from training_duty where course = ? and "
                  "person = ?",
                  DB_ARGS(db_int(course), db_int(person)), &rows, err))
        return false;
    bool found = db_next(rows, &why);
    if (found) {
        *out = (struct duty){ db_get_int(rows, 0), db_get_int(rows, 1), db_get_int(rows, 2), "" };
        struct text t = TEXT(out->state);
        text_add(&t, db_get_text(rows, 3));
    }
    if (!rows_done(rows, &why, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "this person was not assigned that course");
}

static bool one_duty(struct act *a, int64_t person, int64_t course, json_t **out, struct imw_error_info *err)
{
    return shape_one(
        a->db, "select " DUTY_COLUMNS "from training_duty d" DUTY_JOINS "where d.course = ? and d.person = ?",
        DB_ARGS(db_int(sees_names(a->actor)), db_int(course), db_int(person)), duty_row, NULL, out, err);
}

bool training_let_off(struct act *a, int64_t person, const json_t *body, json_t **out,
                      struct imw_error_info *err)
{
    const json_t *course = json_object_get(body, "course"), *until = json_object_get(body, "until");
    uint64_t until_us = 0;
    const char *why;
    struct duty d;

    if (!json_is_integer(course))
        return act_no(a, err, ACT_WRONG, "course", "the number of a course is needed");
    if (!course_text(a, body, "why", TRAINING_WHY_BYTES, &why, err))
        return false;
    if (until != NULL && !json_is_null(until) &&
        (!json_is_string(until) || !when_read(json_string_value(until), &until_us) || until_us <= a->now_us))
        return act_no(a, err, ACT_WRONG, "until", "a day to come is needed, or null");
    if (a->actor->person != 0 && a->actor->person == person)
        return act_no(a, err, ACT_FORBIDDEN, "", "nobody excuses themselves: another person must");
    const int64_t id = json_integer_value(course);
    if (!may_see(a, person, err) || !load_duty(a, person, id, &d, err) ||
        !db_run(
            a->db,
            "update training_duty set state = 'excused', excused_by = ?, excused_us = ?, excused_why = ?, "
            "excused_until_us = ?, remind_us = null where course = ? and person = ?",
            DB_ARGS(a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                    db_int((int64_t)a->now_us), db_text(why),
                    until_us != 0 ? db_int((int64_t)until_us) : db_null(), db_int(id), db_int(person)),
            NULL, err) ||
        !sum_move(a->db, id, d.department, d.state, "excused", err) || !one_duty(a, person, id, out, err))
        return false;
    return act_record(a, "training.excuse", "person", person,
                      json_pack("{sI ss}", "course", (json_int_t)id, "why", why), err);
}

bool training_owe_again(struct act *a, int64_t person, int64_t course, json_t **out,
                        struct imw_error_info *err)
{
    struct duty d;
    int64_t days = 0;

    if (!may_see(a, person, err) || !load_duty(a, person, course, &d, err))
        return false;
    if (strcmp(d.state, "excused") != 0)
        return act_no(a, err, ACT_LATE, "", "this person is not excused");
    if (!db_query_int(a->db, "select due_days from training_assignment where id = ?",
                      DB_ARGS(db_int(d.assignment)), &days, NULL, err) ||
        !db_run(
            a->db,
            "update training_duty set state = 'open', excused_by = null, excused_us = null, excused_why = "
            "null, excused_until_us = null, due_us = ?, remind_us = ?, reminded = 0 where course = ? and "
            "person = ?",
            DB_ARGS(db_int((int64_t)(a->now_us + (uint64_t)days * DAY_OF_US)), db_int((int64_t)a->now_us),
                    db_int(course), db_int(person)),
            NULL, err) ||
        !sum_move(a->db, course, d.department, "excused", "open", err) ||
        !one_duty(a, person, course, out, err))
        return false;
    return act_record(a, "training.unexcuse", "person", person,
                      json_pack("{sI}", "course", (json_int_t)course), err);
}

/* ---- certificates ---- */

struct look {
    uint64_t now_us;
    int64_t person;
    bool whole;
};

static json_t *look_row(const struct db_rows *rows, void *context)
{
    struct look *l = context;
    char hash[SHA256_TEXT];

    sha256_text(db_get_text(rows, 12), hash);
    l->whole = view_equal(view_string(hash), db_get_text(rows, 9));
    l->person = db_get_int(rows, 10);
    return json_pack("{so so so sb}", "certificate", certificate_row(rows, &l->now_us), "person",
                     shape_int(rows, 10), "label", shape_text(rows, 11), "whole", l->whole);
}

bool certificate_look(struct act *a, const char *number, json_t **out, struct imw_error_info *err)
{
    struct look l = { .now_us = a->now_us };
    json_t *one = NULL;

    if (!shape_one(a->db,
                   "select " CERTIFICATE_COLUMNS ", c.person, case when cast(? as bigint) = 1 then p.name "
                   "else p.pseudonym end, c.document from " CERTIFICATE_FROM
                   " join person p on p.id = c.person where c.number = ?",
                   DB_ARGS(db_int(sees_names(a->actor)), db_text(number)), look_row, &l, &one, err))
        return false;
    if (one == NULL)
        return act_no(a, err, ACT_MISSING, "", "no certificate has this number");
    if (!may_see(a, l.person, err)) {
        json_decref(one);
        return false;
    }
    *out = one;
    return true;
}
