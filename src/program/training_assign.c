/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assignments, and what the clerk makes of them. Each step looks first, without the writer's turn, whether
 * there is anything to do, and then does at most STEP of it in one transaction; so a hundred thousand people
 * are assigned in some seconds, and nobody waits for it.
 */
#include "program/course.h"
#include "program/setting.h"
#include "program/shape_list.h"
#include "program/training.h"
#include <stdlib.h>

enum {
    STEP = 5000,
    STEPS = 8 /* of a kind in one run */,
    INCIDENTS = 200,
    REMINDERS = 200,
    REMIND_MOST = 5,
    WEEK_DAYS = 7,
    DAYS_MOST = 3650
};

/* ---- assignments ---- */

static json_t *department_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so}", "id", shape_int(rows, 0), "name", shape_text(rows, 1));
}

/* "14 3" as [14, 3]. */
static json_t *days_list(struct view words)
{
    json_t *list = json_pack("[]");
    uint64_t n;

    while (words.len > 0)
        if (view_decimal(view_token(&words, ' '), DAYS_MOST, &n))
            json_array_append_new(list, json_integer((json_int_t)n));
    return list;
}

static json_t *assignment_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so sb s[] so so so sb so so so so so so}", "id", shape_int(rows, 0), "course",
                     shape_int(rows, 1), "title", shape_text(rows, 2), "everybody", db_get_int(rows, 3) != 0,
                     "departments", "people", shape_int(rows, 4), "due_days", shape_int(rows, 5),
                     "repeat_months", shape_int(rows, 6), "after_incident", db_get_int(rows, 7) != 0,
                     "remind_days", days_list(db_get_text(rows, 8)), "escalate_days", shape_int(rows, 9),
                     "state", shape_text(rows, 10), "created", shape_time_of(rows, 11), "by",
                     shape_text(rows, 12), "assigned", shape_int(rows, 13));
}

static bool list_assignments(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *list, *one, *departments;
    size_t i;

    if (!shape_list(a->db,
                    "select a.id, a.course, v.title, a.everybody, (select count(*) from training_audience u "
                    "where u.assignment = a.id and u.kind = 'person'), a.due_days, a.repeat_months, "
                    "a.after_incident, a.remind_days, a.escalate_days, a.state, a.created_us, x.name, "
                    "a.assigned from training_assignment a join "
                    "course c on c.id = a.course join course_version v on v.course = c.id and v.number = "
                    "coalesce(c.published, c.draft) left join account x on x.id = a.account where (a.id = ? "
                    "or ? = 0) order by a.state, a.id desc limit 500",
                    DB_ARGS(db_int(id), db_int(id)), assignment_row, NULL, &list, err))
        return false;
    json_array_foreach(list, i, one)
    {
        if (!shape_list(a->db,
                        "select d.id, d.name from training_audience u join department d on d.id = u.object "
                        "where u.assignment = ? and u.kind = 'department' order by d.name",
                        DB_ARGS(db_int(json_integer_value(json_object_get(one, "id")))), department_row, NULL,
                        &departments, err)) {
            json_decref(list);
            return false;
        }
        json_object_set_new(one, "departments", departments);
    }
    *out = list;
    return true;
}

bool assignments_json(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *list;

    if (!list_assignments(a, 0, &list, err))
        return false;
    *out = json_pack("{so}", "assignments", list);
    return *out != NULL || error_memory(err);
}

bool assignment_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *list;

    if (!list_assignments(a, id, &list, err))
        return false;
    *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return *out != NULL || act_no(a, err, ACT_MISSING, "", "there is no such assignment");
}

/* A number of the question, or null where it may be left out (*out_given). */
static bool take_number(struct act *a, const json_t *body, const char *key, int64_t min, int64_t max,
                        bool *out_given, int64_t *out, struct imw_error_info *err)
{
    const json_t *value = json_object_get(body, key);

    *out_given = value != NULL && !json_is_null(value);
    if (!*out_given)
        return true;
    *out = json_integer_value(value);
    return (json_is_integer(value) && *out >= min && *out <= max) ||
           act_no(a, err, ACT_WRONG, key, "a number from %lld to %lld is needed", (long long)min,
                  (long long)max);
}

static bool take_days(struct act *a, const json_t *body, char *out, size_t size, struct imw_error_info *err)
{
    const json_t *list = json_object_get(body, "remind_days"), *one;
    struct text t = text_over(out, size);
    size_t i;

    if (list == NULL || json_is_null(list)) {
        text_string(&t, "14 3");
        return true;
    }
    if (!json_is_array(list) || json_array_size(list) > REMIND_MOST)
        return act_no(a, err, ACT_WRONG, "remind_days", "at most %d numbers of days are needed", REMIND_MOST);
    json_array_foreach(list, i, one)
    {
        if (!json_is_integer(one) || json_integer_value(one) < 0 || json_integer_value(one) > 365)
            return act_no(a, err, ACT_WRONG, "remind_days", "each is a number of days from 0 to 365");
        text_format(&t, "%s%lld", i > 0 ? " " : "", (long long)json_integer_value(one));
    }
    return true;
}

static bool take_audience(struct act *a, int64_t id, const json_t *body, const char *key, const char *kind,
                          const char *there, struct imw_error_info *err)
{
    const json_t *list = json_object_get(body, key), *one;
    int64_t object;
    bool found;
    size_t i;

    if (list != NULL && !json_is_null(list) &&
        (!json_is_array(list) || json_array_size(list) > TRAINING_AUDIENCE))
        return act_no(a, err, ACT_WRONG, key, "a list of at most %d numbers is needed", TRAINING_AUDIENCE);
    json_array_foreach(list, i, one)
    {
        if (!db_query_int(a->db, there, DB_ARGS(db_int(json_integer_value(one))), &object, &found, err))
            return false;
        if (!found)
            return act_no(a, err, ACT_WRONG, key, "there is no %s of the number %lld", kind,
                          (long long)json_integer_value(one));
        if (!db_run(a->db,
                    "insert into training_audience (assignment, kind, object) values (?, ?, ?) on conflict "
                    "(assignment, kind, object) do nothing",
                    DB_ARGS(db_int(id), db_text(kind), db_int(object)), NULL, err))
            return false;
    }
    return true;
}

bool assignment_begin(struct act *a, const json_t *body, int64_t *out_id, struct imw_error_info *err)
{
    const json_t *after = json_object_get(body, "after_incident");
    int64_t course = 0, due_days = 0, repeat = 0, escalate = 0, published = 0, id;
    bool has_course, has_due, has_repeat, has_escalate, found;
    char days[64];

    if (!take_number(a, body, "course", 1, INT64_MAX, &has_course, &course, err) ||
        !take_number(a, body, "due_days", 0, 365, &has_due, &due_days, err) ||
        !take_number(a, body, "repeat_months", 1, 120, &has_repeat, &repeat, err) ||
        !take_number(a, body, "escalate_days", 0, 365, &has_escalate, &escalate, err) ||
        !take_days(a, body, days, sizeof days, err))
        return false;
    if (!has_course)
        return act_no(a, err, ACT_WRONG, "course", "the number of a course is needed");
    if (!has_due)
        return act_no(a, err, ACT_WRONG, "due_days", "say in how many days it is due");
    if (after != NULL && !json_is_null(after) && !json_is_boolean(after))
        return act_no(a, err, ACT_WRONG, "after_incident", "true or false is needed");
    if (!db_query_int(a->db, "select published from course where id = ? and state = 'published'",
                      DB_ARGS(db_int(course)), &published, &found, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_WRONG, "course", "there is no such published course: publish it first");
    const bool everybody = json_array_size(json_object_get(body, "departments")) == 0 &&
                           json_array_size(json_object_get(body, "people")) == 0;
    if (!db_insert(a->db,
                   "insert into training_assignment (course, everybody, due_days, repeat_months, "
                   "after_incident, remind_days, escalate_days, state, created_us, account) values (?, ?, ?, "
                   "?, ?, ?, ?, 'active', ?, ?) returning id",
                   DB_ARGS(db_int(course), db_int(everybody), db_int(due_days),
                           has_repeat ? db_int(repeat) : db_null(), db_int(json_is_true(after)),
                           db_text(days), has_escalate ? db_int(escalate) : db_null(),
                           db_int((int64_t)a->now_us),
                           a->actor->account != 0 ? db_int(a->actor->account) : db_null()),
                   &id, err) ||
        !take_audience(a, id, body, "departments", "department", "select id from department where id = ?",
                       err) ||
        !take_audience(a, id, body, "people", "person",
                       "select id from person where id = ? and state = 'active'", err))
        return false;
    *out_id = id;
    return act_record(a, "training.assign", "assignment", id, json_deep_copy(body), err);
}

bool assignment_stop(struct act *a, int64_t id, struct imw_error_info *err)
{
    uint64_t changed = 0;
    int64_t there = 0;
    bool found;

    if (!db_query_int(a->db, "select id from training_assignment where id = ?", DB_ARGS(db_int(id)), &there,
                      &found, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "", "there is no such assignment");
    if (!db_run(a->db,
                "update training_assignment set state = 'ended', ended_us = ? where id = ? and state = "
                "'active'",
                DB_ARGS(db_int((int64_t)a->now_us), db_int(id)), &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "it has ended already");
    return act_record(a, "training.assign.end", "assignment", id, json_pack("{}"), err);
}

/* ---- the clerk ---- */

uint64_t months_after(uint64_t time_us, int64_t months)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    char text[WHEN_SIZE], day[WHEN_SIZE];
    uint64_t year = 0, month = 0, date = 0, out = 0;

    when_text(time_us, text);
    if (!view_decimal(view_of(text, 4), 9999, &year) || !view_decimal(view_of(text + 5, 2), 12, &month) ||
        !view_decimal(view_of(text + 8, 2), 31, &date))
        return time_us;
    const uint64_t all = year * 12 + month - 1 + (uint64_t)months;
    year = all / 12;
    const unsigned m = (unsigned)(all % 12);
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    const uint64_t last = (uint64_t)days[m] + (m == 1 && leap);
    snprintf(day, sizeof day, "%04u-%02u-%02u", (unsigned)year, m + 1, (unsigned)(date < last ? date : last));
    return when_read(day, &out) ? out + time_us % DAY_OF_US : time_us;
}

static const struct actor the_system = { .name = "system" };

/* Is there anything to do? Asked without the writer's turn. */
static bool any(struct db *db, const char *sql, const struct db_value *args, unsigned count, bool *out,
                struct imw_error_info *err)
{
    int64_t one = 0;

    if (!db_begin(db, false, err))
        return false;
    bool ok = db_query_int(db, sql, args, count, &one, out, err);
    db_rollback(db);
    return ok;
}

/* Whoever is meant, p, by an assignment, a. */
#define MEANT                                                                                                 \
    "(a.everybody = 1 or exists (select 1 from training_audience u where u.assignment = a.id and ((u.kind = " \
    "'department' and u.object = p.department) or (u.kind = 'person' and u.object = p.id))))"

struct task {
    struct db *db;
    struct act act;
    struct training_counts *counts;
};

/* One write of a step, and its record. *out_changed 0: nothing to keep. */
static bool write_step(struct task *t, const char *sql, const struct db_value *args, unsigned count,
                       const char *word, const char *kind, int64_t id, uint64_t *out_changed,
                       struct imw_error_info *err)
{
    *out_changed = 0;
    if (!db_begin(t->db, true, err))
        return false;
    bool ok = db_run(t->db, sql, args, count, out_changed, err);
    if (ok && *out_changed > 0)
        ok =
            sums_stale(t->db, err) &&
            act_record(&t->act, word, kind, id, json_pack("{sI}", "people", (json_int_t)*out_changed), err) &&
            db_commit(t->db, err);
    db_rollback(t->db);
    return ok;
}

struct assignment {
    int64_t id, course, due_days, repeat;
    bool everybody;
    uint64_t created_us;
};

static bool load_assignments(struct db *db, struct assignment **out, unsigned *out_count,
                             struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    enum { MOST = 1000 };
    struct assignment *all = calloc(MOST, sizeof *all);
    struct db_rows *rows;
    unsigned count = 0;

    if (all == NULL)
        return error_memory(err);
    if (!db_query(db,
                  "select a.id, a.course, a.due_days, a.repeat_months, a.everybody, a.created_us from "
                  "training_assignment a join course c on c.id = a.course where a.state = 'active' and "
                  "c.state = 'published' order by a.id limit 1000",
                  DB_NONE, &rows, err)) {
        free(all);
        return false;
    }
    while (count < MOST && db_next(rows, &why))
        all[count++] = (struct assignment){ db_get_int(rows, 0),      db_get_int(rows, 1),
                                            db_get_int(rows, 2),      db_get_int(rows, 3),
                                            db_get_int(rows, 4) != 0, (uint64_t)db_get_int(rows, 5) };
    if (!rows_done(rows, &why, err)) {
        free(all);
        return false;
    }
    *out = all;
    *out_count = count;
    return true;
}

/* People who are meant and have no duty yet; who has a certificate that counts owes nothing. A month is here
 * the twelfth part of 365.25 days. */
static bool assign_one(struct task *t, const struct assignment *s, struct imw_error_info *err)
{
#define LACKING                                                                                              \
    "from person p join training_assignment a on a.id = ? where p.state = 'active' and " MEANT               \
    " and not exists (select 1 from training_duty d where d.course = a.course and d.person = p.id)"
    const struct db_value id = db_int(s->id), now = db_int((int64_t)t->act.now_us);
    uint64_t changed;
    bool there;

    if (!any(t->db, "select 1 " LACKING " limit 1", DB_ARGS(id), &there, err))
        return false;
    for (unsigned i = 0; there && i < STEPS; i++) {
        if (!write_step(
                t,
                "insert into training_duty (course, person, assignment, department, state, reason, assigned_us, "
                "due_us, certificate, valid_until_us, remind_us) select m.course, m.person, m.assignment, "
                "m.department, case when c.id is null then 'open' else 'done' end, 'assigned', ?, ?, c.id, "
                "case when m.months is not null and (c.valid_until_us is null or c.issued_us + m.months * "
                "2629800000000 < c.valid_until_us) then c.issued_us + m.months * 2629800000000 else "
                "c.valid_until_us end, case when c.id is null then cast(? as bigint) else null end from (select "
                "a.course as course, p.id as person, a.id as assignment, coalesce(p.department, 0) as department, "
                "a.repeat_months as months, (select max(x.id) from training_certificate x where x.person = p.id and "
                "x.course = a.course and (x.valid_until_us is null or x.valid_until_us > ?)) as certificate " LACKING
                " order by p.id limit ?) m left join training_certificate c on c.id = m.certificate",
                DB_ARGS(now, db_int((int64_t)(t->act.now_us + (uint64_t)s->due_days * DAY_OF_US)), now, now,
                        id, db_int(STEP)),
                "training.assigned", "assignment", s->id, &changed, err))
            return false;
        t->counts->assigned += changed;
        there = changed == STEP;
    }
    t->counts->more |= there;
    return true;
}

/* Duties of people who left, of assignments that ended, of courses that are retired, and of people who are
 * not meant any more. What they learnt stays: certificates are apart. */
static bool end_duties(struct task *t, struct imw_error_info *err)
{
#define NOT_MEANT                                                                                            \
    "select d.course, d.person from training_duty d join person p on p.id = d.person join "                  \
    "training_assignment a on a.id = d.assignment join course c on c.id = d.course where p.state <> "        \
    "'active' or a.state <> 'active' or c.state <> 'published' or not " MEANT
    uint64_t changed;
    bool there;

    if (!any(t->db, NOT_MEANT " limit 1", DB_NONE, &there, err))
        return false;
    if (!there)
        return true;
    if (!write_step(t, "delete from training_duty where (course, person) in (" NOT_MEANT " limit ?)",
                    DB_ARGS(db_int(STEP)), "training.ended", "training", 0, &changed, err))
        return false;
    t->counts->ended += changed;
    t->counts->more |= changed == STEP;
    return true;
}

static bool move_departments(struct task *t, struct imw_error_info *err)
{
#define MOVED                                                                                                \
    "select d.course, d.person from training_duty d join person p on p.id = d.person where d.department <> " \
    "coalesce(p.department, 0)"
    uint64_t changed;
    bool there;

    if (!any(t->db, MOVED " limit 1", DB_NONE, &there, err))
        return false;
    if (!there)
        return true;
    if (!write_step(t,
                    "update training_duty set department = (select coalesce(p.department, 0) from person p "
                    "where p.id = training_duty.person) where (course, person) in (" MOVED " limit ?)",
                    DB_ARGS(db_int(STEP)), "training.moved", "training", 0, &changed, err))
        return false;
    t->counts->moved += changed;
    t->counts->more |= changed == STEP;
    return true;
}

/* What is due has become overdue; what was renewed in vain does not count any more. */
static bool mark_overdue(struct task *t, const char *state, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)t->act.now_us), from = db_text(state);
    uint64_t changed;
    bool there;

    if (!any(t->db, "select 1 from training_duty where state = ? and due_us <= ? limit 1", DB_ARGS(from, now),
             &there, err))
        return false;
    for (unsigned i = 0; there && i < STEPS; i++) {
        if (!write_step(t,
                        "update training_duty set state = 'overdue', remind_us = ? where (course, person) in "
                        "(select course, person from training_duty where state = ? and due_us <= ? order by "
                        "due_us limit ?)",
                        DB_ARGS(now, from, now, db_int(STEP)), "training.overdue", "training", 0, &changed,
                        err))
            return false;
        t->counts->overdue += changed;
        there = changed == STEP;
    }
    t->counts->more |= there;
    return true;
}

static bool renew(struct task *t, struct imw_error_info *err)
{
    const struct db_value soon = db_int((int64_t)(t->act.now_us + TRAINING_AHEAD_DAYS * DAY_OF_US)),
                          now = db_int((int64_t)t->act.now_us);
    uint64_t changed;
    bool there;

    if (!any(t->db, "select 1 from training_duty where state = 'done' and valid_until_us <= ? limit 1",
             DB_ARGS(soon), &there, err))
        return false;
    if (!there)
        return true;
    if (!write_step(t,
                    "update training_duty set state = 'renew', reason = 'repeat', assigned_us = ?, due_us = "
                    "valid_until_us, remind_us = ?, reminded = 0, escalated_us = null where (course, person) "
                    "in (select course, person from training_duty where state = 'done' and valid_until_us <= "
                    "? order by valid_until_us limit ?)",
                    DB_ARGS(now, now, soon, db_int(STEP)), "training.renew", "training", 0, &changed, err))
        return false;
    t->counts->renewed += changed;
    t->counts->more |= changed == STEP;
    return true;
}

static bool end_excuses(struct task *t, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)t->act.now_us);
    uint64_t changed;
    bool there;

    if (!any(t->db, "select 1 from training_duty where state = 'excused' and excused_until_us <= ? limit 1",
             DB_ARGS(now), &there, err))
        return false;
    return !there ||
           write_step(
               t,
               "update training_duty set state = 'open', excused_by = null, excused_us = null, "
               "excused_why = null, excused_until_us = null, remind_us = ?, reminded = 0, due_us = ? + "
               "(select due_days from training_assignment a where a.id = training_duty.assignment) * "
               "86400000000 where state = 'excused' and excused_until_us <= ?",
               DB_ARGS(now, now, now), "training.unexcused", "training", 0, &changed, err);
}

static bool expire_attempts(struct task *t, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)t->act.now_us);
    bool there;

    if (!any(t->db, "select 1 from training_attempt where state = 'running' and until_us <= ? limit 1",
             DB_ARGS(now), &there, err))
        return false;
    if (!there)
        return true;
    bool ok = db_begin(t->db, true, err) &&
              db_run(t->db,
                     "update training_attempt set state = 'expired', ended_us = until_us where state = "
                     "'running' and until_us <= ?",
                     DB_ARGS(now), &t->counts->expired, err) &&
              db_commit(t->db, err);
    db_rollback(t->db);
    return ok;
}

/* ---- after incidents ---- */

/* Incidents that were closed as real after the assignment began, and the people they name, each once. */
#define TO_REPEAT                                                                                            \
    "select i.id, d.course, d.person, d.department, d.state, a.due_days, i.closed_us, "                      \
    "coalesce(c.issued_us, 0) from incident i join incident_link l on l.incident = i.id and l.kind in "      \
    "('person', 'who') left join who w on l.kind = 'who' and w.id = l.object join training_duty d on "       \
    "d.person = case when l.kind = 'person' then l.object else w.person end join training_assignment a on "  \
    "a.id = d.assignment left join training_certificate c on c.id = d.certificate where i.state = "          \
    "'closed' and a.state = 'active' and a.after_incident = 1 and i.closed_us > a.created_us and not "       \
    "exists (select 1 from training_incident x where x.incident = i.id and x.person = d.person and "         \
    "x.course = d.course) order by i.id limit 200"

struct repeat {
    int64_t incident, course, person, department, due_days;
    uint64_t closed_us, issued_us;
    bool trained;
    char state[16];
};

static bool repeat_one(struct task *t, const struct repeat *r, struct imw_error_info *err)
{
    const int64_t now = (int64_t)t->act.now_us;
    uint64_t changed = 0;

    if (!db_run(t->db,
                "insert into training_incident (incident, person, course, time_us) values (?, ?, ?, ?) on "
                "conflict (incident, person, course) do nothing",
                DB_ARGS(db_int(r->incident), db_int(r->person), db_int(r->course), db_int(now)), &changed,
                err))
        return false;
    /* Who owes it anyhow, or learnt it since, does not owe it twice. */
    if (changed == 0 || !r->trained || r->issued_us > r->closed_us)
        return true;
    t->counts->incidents++;
    return db_run(
               t->db,
               "update training_duty set state = 'renew', reason = 'incident', incident = ?, assigned_us = "
               "?, due_us = ?, remind_us = ?, reminded = 0, escalated_us = null where course = ? and "
               "person = ?",
               DB_ARGS(db_int(r->incident), db_int(now), db_int(now + r->due_days * (int64_t)DAY_OF_US),
                       db_int(now), db_int(r->course), db_int(r->person)),
               NULL, err) &&
           sum_move(t->db, r->course, r->department, r->state, "renew", err) &&
           act_record(&t->act, "training.repeat", "incident", r->incident,
                      json_pack("{sI sI}", "course", (json_int_t)r->course, "person", (json_int_t)r->person),
                      err);
}

static bool repeat_after_incidents(struct task *t, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct repeat *all;
    struct db_rows *rows;
    unsigned count = 0;
    bool there, ok = true;

    if (!any(t->db, TO_REPEAT, DB_NONE, &there, err))
        return false;
    if (!there)
        return true;
    all = calloc(INCIDENTS, sizeof *all);
    if (all == NULL)
        return error_memory(err);
    if (!db_begin(t->db, true, err) || !db_query(t->db, TO_REPEAT, DB_NONE, &rows, err)) {
        db_rollback(t->db);
        free(all);
        return false;
    }
    while (count < INCIDENTS && db_next(rows, &why)) {
        struct repeat *r = &all[count++];
        *r = (struct repeat){ .incident = db_get_int(rows, 0),
                              .course = db_get_int(rows, 1),
                              .person = db_get_int(rows, 2),
                              .department = db_get_int(rows, 3),
                              .due_days = db_get_int(rows, 5),
                              .closed_us = (uint64_t)db_get_int(rows, 6),
                              .issued_us = (uint64_t)db_get_int(rows, 7) };
        struct text s = TEXT(r->state);
        text_add(&s, db_get_text(rows, 4));
        r->trained = strcmp(r->state, "done") == 0 || strcmp(r->state, "renew") == 0;
    }
    ok = rows_done(rows, &why, err);
    for (unsigned i = 0; ok && i < count; i++)
        ok = repeat_one(t, &all[i], err);
    ok = ok && db_commit(t->db, err);
    db_rollback(t->db);
    free(all);
    t->counts->more |= count == INCIDENTS;
    return ok;
}

/* ---- reminders ---- */

struct owed {
    struct training_reminder r;
    int64_t escalate_days; /* -1: never */
    bool escalated;
    char title[COURSE_TITLE_BYTES + 1], state[16], reason[16], days[64], name[256];
};

/* When to say it next: on the days before it is due, when it is due (mark_overdue() says so), then weekly;
 * and when the manager is to be told. 0: never. */
static uint64_t next_reminder(const struct owed *o, uint64_t now_us)
{
    const bool overdue = strcmp(o->state, "overdue") == 0;
    const uint64_t escalate_us = o->r.due_us + (uint64_t)o->escalate_days * DAY_OF_US;
    struct view days = view_string(o->days);
    uint64_t next = overdue ? now_us + WEEK_DAYS * DAY_OF_US : 0, n;

    while (!overdue && days.len > 0) {
        if (!view_decimal(view_token(&days, ' '), DAYS_MOST, &n) || o->r.due_us < n * DAY_OF_US)
            continue;
        const uint64_t at = o->r.due_us - n * DAY_OF_US;
        if (at > now_us && (next == 0 || at < next))
            next = at;
    }
    if (overdue && o->escalate_days >= 0 && !o->escalated && escalate_us > now_us && escalate_us < next)
        next = escalate_us;
    return next;
}

static bool remind_one(struct task *t, struct owed *o, struct imw_error_info *err)
{
    const uint64_t now = t->act.now_us;
    const bool escalate = strcmp(o->state, "overdue") == 0 && o->escalate_days >= 0 && !o->escalated &&
                          now >= o->r.due_us + (uint64_t)o->escalate_days * DAY_OF_US;
    uint64_t next;

    o->r.title = o->title;
    o->r.state = o->state;
    o->r.reason = o->reason;
    o->r.name = o->name;
    o->r.escalate = false;
    if (!training_mail(&t->act, &o->r, err))
        return false;
    o->r.escalate = true;
    if (escalate && o->r.manager != 0 && !training_mail(&t->act, &o->r, err))
        return false;
    o->escalated |= escalate;
    next = next_reminder(o, now);
    t->counts->reminded++;
    return db_run(t->db,
                  "update training_duty set remind_us = ?, reminded = reminded + 1, escalated_us = case when "
                  "? = 1 then cast(? as bigint) else escalated_us end where course = ? and person = ?",
                  DB_ARGS(next != 0 ? db_int((int64_t)next) : db_null(), db_int(escalate),
                          db_int((int64_t)now), db_int(o->r.course), db_int(o->r.person)),
                  NULL, err);
}

static void keep_text(char *out, size_t size, const struct db_rows *rows, unsigned column)
{
    struct text t = text_over(out, size);

    text_add(&t, db_get_text(rows, column));
}

static bool remind(struct task *t, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    const struct db_value now = db_int((int64_t)t->act.now_us);
    struct owed *all;
    struct db_rows *rows;
    unsigned count = 0;
    bool there;

    if (!any(t->db, "select 1 from training_duty where remind_us <= ? limit 1", DB_ARGS(now), &there, err))
        return false;
    if (!there)
        return true;
    all = calloc(REMINDERS, sizeof *all);
    if (all == NULL)
        return error_memory(err);
    if (!db_begin(t->db, true, err) ||
        !db_query(t->db,
                  "select d.person, p.manager, d.course, d.due_us, d.reminded, v.title, d.state, d.reason, "
                  "a.remind_days, a.escalate_days, d.escalated_us, p.name from (select * from training_duty "
                  "where remind_us <= ? order by remind_us limit ?) d join person p on p.id = d.person join "
                  "course c on c.id = d.course join course_version v on v.course = c.id and v.number = "
                  "coalesce(c.published, c.draft) join training_assignment a on a.id = d.assignment",
                  DB_ARGS(now, db_int(REMINDERS)), &rows, err)) {
        db_rollback(t->db);
        free(all);
        return false;
    }
    while (count < REMINDERS && db_next(rows, &why)) {
        struct owed *o = &all[count++];
        o->r = (struct training_reminder){ .person = db_get_int(rows, 0),
                                           .manager = db_get_int(rows, 1),
                                           .course = db_get_int(rows, 2),
                                           .due_us = (uint64_t)db_get_int(rows, 3),
                                           .number = db_get_int(rows, 4) };
        keep_text(o->title, sizeof o->title, rows, 5);
        keep_text(o->state, sizeof o->state, rows, 6);
        keep_text(o->reason, sizeof o->reason, rows, 7);
        keep_text(o->days, sizeof o->days, rows, 8);
        o->escalate_days = db_is_null(rows, 9) ? -1 : db_get_int(rows, 9);
        o->escalated = !db_is_null(rows, 10);
        keep_text(o->name, sizeof o->name, rows, 11);
    }
    bool ok = rows_done(rows, &why, err);
    for (unsigned i = 0; ok && i < count; i++)
        ok = remind_one(t, &all[i], err);
    ok = ok && db_commit(t->db, err);
    db_rollback(t->db);
    free(all);
    t->counts->more |= count == REMINDERS;
    return ok;
}

/* What duties follow: people, assignments, courses. While that is as it was when all was done, nobody need
 * look at everybody again. */
static bool read_signature(struct db *db, char *out, size_t size, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(
            db,
            "select count(*), coalesce(max(changed_us), 0), sum(case when state = 'active' then 1 else 0 "
            "end), (select coalesce(max(id), 0) from training_assignment), (select count(*) from "
            "training_assignment where state = 'active'), (select count(*) from course where state = "
            "'published') from person",
            DB_NONE, &rows, err))
        return false;
    if (db_next(rows, &why))
        snprintf(out, size, "%lld %lld %lld %lld %lld %lld", (long long)db_get_int(rows, 0),
                 (long long)db_get_int(rows, 1), (long long)db_get_int(rows, 2),
                 (long long)db_get_int(rows, 3), (long long)db_get_int(rows, 4),
                 (long long)db_get_int(rows, 5));
    return rows_done(rows, &why, err);
}

static bool keep_signature(struct task *t, const char *signature, struct imw_error_info *err)
{
    bool ok = db_begin(t->db, true, err) &&
              setting_set(t->db, SETTING_ID_TRAINING_SWEPT, signature, t->act.now_us, err) &&
              db_commit(t->db, err);

    db_rollback(t->db);
    return ok;
}

static bool follow_people(struct task *t, struct imw_error_info *err)
{
    struct assignment *all;
    char signature[200] = "", *before = NULL;
    unsigned count;

    if (!read_signature(t->db, signature, sizeof signature, err) ||
        !setting_get(t->db, SETTING_ID_TRAINING_SWEPT, &before, err))
        return false;
    const bool same = strcmp(before, signature) == 0;
    free(before);
    if (same)
        return true;
    if (!load_assignments(t->db, &all, &count, err))
        return false;
    bool ok = end_duties(t, err) && move_departments(t, err);
    for (unsigned i = 0; ok && i < count; i++)
        ok = assign_one(t, &all[i], err);
    free(all);
    /* What changed meanwhile has another signature, and is seen the next time. */
    return ok && (t->counts->more || keep_signature(t, signature, err));
}

bool training_run(struct db *db, uint64_t now_us, struct training_counts *out, struct imw_error_info *err)
{
    struct task t = { .db = db, .act = { .db = db, .actor = &the_system, .now_us = now_us }, .counts = out };

    *out = (struct training_counts){ 0 };
    return follow_people(&t, err) && expire_attempts(&t, err) && end_excuses(&t, err) && renew(&t, err) &&
           repeat_after_incidents(&t, err) && mark_overdue(&t, "open", err) &&
           mark_overdue(&t, "renew", err) && sums_recount(db, err) && remind(&t, err);
}
