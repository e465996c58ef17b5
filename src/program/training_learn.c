/* SPDX-License-Identifier: Apache-2.0 */
/* One's own courses: what is owed, what may be learnt, modules that were read. */
#include "program/course.h"
#include "program/shape_list.h"
#include "program/training.h"

static bool check_person(struct act *a, struct imw_error_info *err)
{
    return a->actor->person != 0 ||
           act_no(a, err, ACT_LATE, "",
                  "your account is not joined to a person of the directory, and training is a person's: an "
                  "administrator can set the account's person");
}

/* ---- all ---- */

#define MY_DUTY                                                                                              \
    "select d.course, v.title, v.summary, (select coalesce(sum(m.minutes), 0) from course_module m where "   \
    "m.version = v.id), v.number, d.state, d.reason, d.assigned_us, d.due_us, d.valid_until_us, (select "    \
    "count(*) from course_module m where m.version = v.id), (select count(*) from training_read r where "    \
    "r.person = d.person and r.version = v.id), (select t.id from training_attempt t where t.person = "      \
    "d.person and t.course = d.course and t.state = 'running' and (t.until_us is null or t.until_us > ?)) "  \
    "from training_duty d join course c on c.id = d.course and c.state = 'published' join course_version v " \
    "on v.course = c.id and v.number = c.published where d.person = ? "

static json_t *my_duty(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so so so so so so so so}", "course", shape_int(rows, 0), "title",
                     shape_text(rows, 1), "summary", shape_text(rows, 2), "minutes", shape_int(rows, 3),
                     "version", shape_int(rows, 4), "state", shape_text(rows, 5), "reason",
                     shape_text(rows, 6), "assigned", shape_time_of(rows, 7), "due", shape_time_of(rows, 8),
                     "valid_until", shape_time_of(rows, 9), "modules", shape_int(rows, 10), "read",
                     shape_int(rows, 11), "running", shape_int(rows, 12));
}

static json_t *offered(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so}", "course", shape_int(rows, 0), "title", shape_text(rows, 1), "summary",
                     shape_text(rows, 2), "minutes", shape_int(rows, 3));
}

bool learn_all(struct act *a, json_t **out, struct imw_error_info *err)
{
    const struct db_value me = db_int(a->actor->person), now = db_int((int64_t)a->now_us);
    json_t *duties = NULL, *others = NULL, *certificates = NULL;

    if (!shape_list(a->db, MY_DUTY "order by d.due_us, d.course", DB_ARGS(now, me), my_duty, NULL, &duties,
                    err) ||
        !shape_list(a->db,
                    "select c.id, v.title, v.summary, (select coalesce(sum(m.minutes), 0) from course_module "
                    "m where m.version = v.id) from course c join course_version v on v.course = c.id and "
                    "v.number = c.published where c.state = 'published' and not exists (select 1 from "
                    "training_duty d where d.course = c.id and d.person = ?) order by v.title limit 200",
                    DB_ARGS(me), offered, NULL, &others, err) ||
        !shape_list(a->db,
                    "select " CERTIFICATE_COLUMNS " from " CERTIFICATE_FROM " where c.person = ? order by "
                    "c.issued_us desc limit 100",
                    DB_ARGS(me), certificate_row, &a->now_us, &certificates, err)) {
        json_decref(duties);
        json_decref(others);
        return false;
    }
    *out = json_pack("{sb so so so}", "person", a->actor->person != 0, "duties", duties, "offered", others,
                     "certificates", certificates);
    return *out != NULL || error_memory(err);
}

/* ---- one course ---- */

static json_t *head(const struct db_rows *rows, void *context)
{
    int64_t *version = context;

    *version = db_get_int(rows, 11);
    return json_pack("{so so so so so s{so so so so so sb}}", "course", shape_int(rows, 0), "title",
                     shape_text(rows, 1), "summary", shape_text(rows, 2), "version", shape_int(rows, 3),
                     "pool", shape_int(rows, 10), "rules", "pass_percent", shape_int(rows, 4), "asked",
                     shape_int(rows, 5), "minutes_most", shape_int(rows, 6), "attempts_a_day",
                     shape_int(rows, 7), "valid_months", shape_int(rows, 8), "must_read",
                     db_get_int(rows, 9) != 0);
}

static json_t *module(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so sb}", "number", shape_int(rows, 0), "title", shape_text(rows, 1), "body",
                     shape_text(rows, 2), "minutes", shape_int(rows, 3), "read", db_get_int(rows, 4) != 0);
}

static json_t *attempt(const struct db_rows *rows, void *context)
{
    const uint64_t *now_us = context;
    const bool over = view_equal(db_get_text(rows, 1), VIEW("running")) && !db_is_null(rows, 6) &&
                      (uint64_t)db_get_int(rows, 6) <= *now_us;

    return json_pack("{so so so so so so}", "id", shape_int(rows, 0), "state",
                     over ? json_pack("s", "expired") : shape_text(rows, 1), "started",
                     shape_time_of(rows, 2), "ended", shape_time_of(rows, 3), "score", shape_int(rows, 4),
                     "of", shape_int(rows, 5));
}

/* How many attempts are left today, and else when the next is. */
static bool attempts_left(struct act *a, int64_t course, int64_t a_day, json_t *into,
                          struct imw_error_info *err)
{
    const uint64_t since = a->now_us - DAY_OF_US;
    int64_t count = 0, first = 0;

    if (a_day == 0)
        return (json_object_set_new(into, "attempts_left", json_null()) == 0 &&
                json_object_set_new(into, "next_attempt", json_null()) == 0) ||
               error_memory(err);
    if (!db_query_int(
            a->db,
            "select count(*) from training_attempt where person = ? and course = ? and started_us > "
            "? and state <> 'passed'",
            DB_ARGS(db_int(a->actor->person), db_int(course), db_int((int64_t)since)), &count, NULL, err) ||
        !db_query_int(a->db,
                      "select coalesce(min(started_us), 0) from training_attempt where person = ? and course "
                      "= ? and started_us > ? and state <> 'passed'",
                      DB_ARGS(db_int(a->actor->person), db_int(course), db_int((int64_t)since)), &first, NULL,
                      err))
        return false;
    const int64_t left = count < a_day ? a_day - count : 0;
    return (json_object_set_new(into, "attempts_left", json_integer(left)) == 0 &&
            json_object_set_new(into, "next_attempt",
                                left > 0 ? json_null() : shape_time((uint64_t)first + DAY_OF_US)) == 0) ||
           error_memory(err);
}

bool learn_course(struct act *a, int64_t course, json_t **out, struct imw_error_info *err)
{
    const struct db_value me = db_int(a->actor->person), id = db_int(course),
                          now = db_int((int64_t)a->now_us);
    json_t *one = NULL, *modules = NULL, *duty = NULL, *attempts = NULL, *certificate = NULL;
    int64_t version = 0;

    if (!check_person(a, err) ||
        !shape_one(a->db,
                   "select c.id, v.title, v.summary, v.number, v.pass_percent, v.asked, v.minutes_most, "
                   "v.attempts_a_day, v.valid_months, v.must_read, (select count(*) from course_question q "
                   "where q.version = v.id), v.id from course c join course_version v on v.course = c.id and "
                   "v.number = c.published where c.id = ? and c.state = 'published'",
                   DB_ARGS(id), head, &version, &one, err))
        return false;
    if (one == NULL)
        return act_no(a, err, ACT_MISSING, "", "there is no such course to learn");
    const json_t *a_day = json_object_get(json_object_get(one, "rules"), "attempts_a_day");
    if (!shape_list(
            a->db,
            "select m.number, m.title, m.body, m.minutes, (select count(*) from training_read r where "
            "r.person = ? and r.version = m.version and r.module = m.number) from course_module m "
            "where m.version = ? order by m.place, m.number",
            DB_ARGS(me, db_int(version)), module, NULL, &modules, err) ||
        !shape_one(a->db, MY_DUTY "and d.course = ?", DB_ARGS(now, me, id), my_duty, NULL, &duty, err) ||
        !shape_list(a->db,
                    "select id, state, started_us, ended_us, score, total, until_us from training_attempt "
                    "where person = ? and course = ? order by started_us desc limit 20",
                    DB_ARGS(me, id), attempt, &a->now_us, &attempts, err) ||
        !shape_one(a->db,
                   "select " CERTIFICATE_COLUMNS " from " CERTIFICATE_FROM " where c.person = ? and c.course "
                   "= ? order by c.issued_us desc limit 1",
                   DB_ARGS(me, id), certificate_row, &a->now_us, &certificate, err) ||
        !attempts_left(a, course, json_integer_value(a_day), one, err)) {
        json_decref(one);
        json_decref(modules);
        json_decref(duty);
        json_decref(attempts);
        json_decref(certificate);
        return false;
    }
    bool ok = json_object_set_new(one, "modules", modules) == 0 &&
              json_object_set_new(one, "duty", duty != NULL ? duty : json_null()) == 0 &&
              json_object_set_new(one, "attempts", attempts) == 0 &&
              json_object_set_new(one, "certificate", certificate != NULL ? certificate : json_null()) == 0;
    *out = one;
    return ok || error_memory(err);
}

bool learn_read(struct act *a, int64_t course, int64_t number, struct imw_error_info *err)
{
    int64_t version = 0;
    bool found;

    if (!check_person(a, err) ||
        !db_query_int(a->db,
                      "select v.id from course c join course_version v on v.course = c.id and v.number = "
                      "c.published join course_module m on m.version = v.id where c.id = ? and c.state = "
                      "'published' and m.number = ?",
                      DB_ARGS(db_int(course), db_int(number)), &version, &found, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "", "there is no such module to learn");
    return db_run(
        a->db,
        "insert into training_read (person, version, module, time_us) values (?, ?, ?, ?) on "
        "conflict (person, version, module) do nothing",
        DB_ARGS(db_int(a->actor->person), db_int(version), db_int(number), db_int((int64_t)a->now_us)), NULL,
        err);
}
