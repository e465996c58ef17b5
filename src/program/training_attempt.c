/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test. What is asked is drawn by the server from the pool of the published version, with the options in
 * random order, and kept with the attempt; so an attempt that is shown again is the same, and an answer is
 * the place of an option in the order that it was shown in. Right answers and explanations are read from the
 * pool when the attempt is over, never before.
 */
#include "program/course.h"
#include "program/setting.h"
#include "program/shape_list.h"
#include "program/training.h"
#include <sodium.h>
#include <stdlib.h>

enum { NUMBER_LETTERS = 10 };
/* What was sent in time may come a moment later. */
static const uint64_t grace_us = 15 * UINT64_C(1000000);

/* ---- beginning ---- */

struct course_now {
    int64_t version, asked, minutes, a_day, must_read;
};

static bool load_course(struct act *a, int64_t course, struct course_now *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (a->actor->person == 0)
        return act_no(a, err, ACT_LATE, "",
                      "your account is not joined to a person of the directory, and a test is a person's: an "
                      "administrator can set the account's person");
    if (!db_query(
            a->db,
            "select v.id, v.asked, v.minutes_most, v.attempts_a_day, v.must_read from course c join "
            "course_version v on v.course = c.id and v.number = c.published where c.id = ? and c.state = "
            "'published'",
            DB_ARGS(db_int(course)), &rows, err))
        return false;
    bool found = db_next(rows, &why);
    if (found)
        *out = (struct course_now){ db_get_int(rows, 0), db_get_int(rows, 1), db_get_int(rows, 2),
                                    db_get_int(rows, 3), db_get_int(rows, 4) };
    if (!rows_done(rows, &why, err))
        return false;
    return found || act_no(a, err, ACT_MISSING, "", "there is no such course to learn");
}

/* May a new one begin now? */
static bool check_begin(struct act *a, int64_t course, const struct course_now *c, struct imw_error_info *err)
{
    const struct db_value me = db_int(a->actor->person), id = db_int(course);
    int64_t n = 0;
    bool found;

    if (c->must_read != 0) {
        if (!db_query_int(a->db,
                          "select count(*) from course_module m where m.version = ? and not exists (select 1 "
                          "from training_read r where r.person = ? and r.version = m.version and r.module = "
                          "m.number)",
                          DB_ARGS(db_int(c->version), me), &n, NULL, err))
            return false;
        if (n > 0)
            return act_no(a, err, ACT_LATE, "", "first read all of the course: %lld modules are left",
                          (long long)n);
    }
    if (!db_query_int(a->db,
                      "select x.id from training_certificate x where x.person = ? and x.course = ? and "
                      "(x.valid_until_us is null or x.valid_until_us > ?) and not exists (select 1 from "
                      "training_duty d where d.course = x.course and d.person = x.person and d.state in "
                      "('open', 'renew', 'overdue')) limit 1",
                      DB_ARGS(me, id, db_int((int64_t)(a->now_us + TRAINING_AHEAD_DAYS * DAY_OF_US))), &n,
                      &found, err))
        return false;
    if (found)
        return act_no(a, err, ACT_LATE, "", "you have a certificate of this course that counts");
    if (!db_query_int(
            a->db,
            "select count(*) from training_attempt where person = ? and course = ? and started_us > "
            "? and state <> 'passed'",
            DB_ARGS(me, id, db_int((int64_t)(a->now_us - DAY_OF_US))), &n, NULL, err))
        return false;
    return c->a_day == 0 || n < c->a_day ||
           act_no(a, err, ACT_LATE, "",
                  "that were %lld attempts within a day: read the course again, and try tomorrow",
                  (long long)n);
}

struct pool {
    struct {
        int64_t number;
        unsigned options;
    } at[COURSE_QUESTIONS];
    unsigned count;
};

static bool load_pool(struct act *a, int64_t version, struct pool *p, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    if (!db_query(a->db, "select number, options from course_question where version = ? order by number",
                  DB_ARGS(db_int(version)), &rows, err))
        return false;
    while (p->count < COURSE_QUESTIONS && db_next(rows, &why)) {
        struct view text = db_get_text(rows, 1);
        json_t *options = json_loadb((const char *)text.at, text.len, 0, NULL);
        p->at[p->count].number = db_get_int(rows, 0);
        p->at[p->count++].options = (unsigned)json_array_size(options);
        json_decref(options);
    }
    return rows_done(rows, &why, err);
}

/* [[number, [0, 1, 2 … in random order]], …]: `asked` of the pool, each at most once. */
static json_t *draw(struct pool *p, int64_t asked)
{
    json_t *list = json_pack("[]");

    for (unsigned i = 0; i < asked && i < p->count; i++) {
        unsigned order[COURSE_OPTIONS], pick = i + randombytes_uniform(p->count - i);
        json_t *places = json_pack("[]");
        const int64_t number = p->at[pick].number;
        const unsigned options = p->at[pick].options < COURSE_OPTIONS ? p->at[pick].options : COURSE_OPTIONS;
        p->at[pick] = p->at[i];
        for (unsigned k = 0; k < options; k++)
            order[k] = k;
        for (unsigned k = 0; k < options; k++) {
            unsigned other = k + randombytes_uniform(options - k), kept = order[other];
            order[other] = order[k];
            order[k] = kept;
            json_array_append_new(places, json_integer(kept));
        }
        json_array_append_new(list, json_pack("[Io]", (json_int_t)number, places));
    }
    return list;
}

bool attempt_begin(struct act *a, int64_t course, int64_t *out_id, struct imw_error_info *err)
{
    struct course_now c;
    bool found;

    if (!load_course(a, course, &c, err) ||
        !db_run(a->db,
                "update training_attempt set state = 'expired', ended_us = until_us where person = ? and "
                "course = ? and state = 'running' and until_us <= ?",
                DB_ARGS(db_int(a->actor->person), db_int(course), db_int((int64_t)a->now_us)), NULL, err) ||
        !db_query_int(a->db,
                      "select id from training_attempt where person = ? and course = ? and state = 'running'",
                      DB_ARGS(db_int(a->actor->person), db_int(course)), out_id, &found, err))
        return false;
    if (found)
        return true;
    if (!check_begin(a, course, &c, err))
        return false;
    struct pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return error_memory(err);
    bool ok = load_pool(a, c.version, p, err);
    json_t *asked = ok ? draw(p, c.asked) : NULL;
    free(p);
    char *text = asked != NULL ? json_dumps(asked, JSON_COMPACT) : NULL;
    const size_t total = json_array_size(asked);
    json_decref(asked);
    if (text == NULL)
        return ok ? error_memory(err) : false;
    ok = db_insert(a->db,
                   "insert into training_attempt (person, account, course, version, state, started_us, "
                   "until_us, asked, total) values (?, ?, ?, ?, 'running', ?, ?, ?, ?) returning id",
                   DB_ARGS(db_int(a->actor->person), db_int(a->actor->account), db_int(course),
                           db_int(c.version), db_int((int64_t)a->now_us),
                           c.minutes > 0 ? db_int((int64_t)a->now_us + c.minutes * 60000000) : db_null(),
                           db_text(text), db_int((int64_t)total)),
                   out_id, err) &&
         act_record(a, "training.attempt", "attempt", *out_id,
                    json_pack("{sI}", "course", (json_int_t)course), err);
    free(text);
    return ok;
}

/* ---- one of mine ---- */

struct attempt {
    int64_t id, course, version, total, pass_percent;
    uint64_t started_us, until_us; /* until 0: no limit */
    char state[16];
    json_t *asked, *answers; /* answers NULL: none */
};

static void attempt_free(struct attempt *t)
{
    json_decref(t->asked);
    json_decref(t->answers);
}

static json_t *json_of(const struct db_rows *rows, unsigned column)
{
    struct view text = db_get_text(rows, column);

    return json_loadb((const char *)text.at, text.len, 0, NULL);
}

static bool load_attempt(struct act *a, int64_t id, struct attempt *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct attempt){ .id = id };
    if (!db_query(
            a->db,
            "select t.course, t.version, t.total, v.pass_percent, t.started_us, t.until_us, t.state, "
            "t.asked, t.answers from training_attempt t join course_version v on v.id = t.version where "
            "t.id = ? and t.person = ?",
            DB_ARGS(db_int(id), db_int(a->actor->person)), &rows, err))
        return false;
    bool found = db_next(rows, &why);
    if (found) {
        struct text state = TEXT(out->state);
        out->course = db_get_int(rows, 0);
        out->version = db_get_int(rows, 1);
        out->total = db_get_int(rows, 2);
        out->pass_percent = db_get_int(rows, 3);
        out->started_us = (uint64_t)db_get_int(rows, 4);
        out->until_us = (uint64_t)db_get_int(rows, 5);
        text_add(&state, db_get_text(rows, 6));
        out->asked = json_of(rows, 7);
        out->answers = db_is_null(rows, 8) ? NULL : json_of(rows, 8);
    }
    if (!rows_done(rows, &why, err)) {
        attempt_free(out);
        return false;
    }
    return found || act_no(a, err, ACT_MISSING, "", "you have no such attempt");
}

/* A question of the pool, as the attempt asked it. */
struct asked {
    json_t *options, *order, *row; /* borrowed: order */
    bool over;
    const json_t *chosen; /* NULL: none */
    bool correct;
};

/* The right places, in the order that was shown, and whether just these were chosen. */
static json_t *right_places(const json_t *options, const json_t *order, const json_t *chosen,
                            bool *out_correct)
{
    json_t *list = json_pack("[]"), *place;
    size_t i, k, hits = 0;

    for (i = 0; i < json_array_size(order); i++) {
        const json_t *option = json_array_get(options, (size_t)json_integer_value(json_array_get(order, i)));
        if (!json_is_true(json_object_get(option, "right")))
            continue;
        json_array_append_new(list, json_integer((json_int_t)i));
        json_array_foreach(chosen, k, place) hits += json_integer_value(place) == (json_int_t)i;
    }
    *out_correct = hits == json_array_size(list) && hits == json_array_size(chosen);
    return list;
}

static json_t *question(const struct db_rows *rows, void *context)
{
    struct asked *q = context;
    json_t *options = json_of(rows, 3), *shown = json_pack("[]"), *place, *right;
    size_t i;

    json_array_foreach(q->order, i, place) json_array_append(
        shown, json_object_get(json_array_get(options, (size_t)json_integer_value(place)), "text"));
    right = right_places(options, q->order, q->chosen, &q->correct);
    json_t *row = json_pack("{so so so so sO? so so so}", "module", shape_int(rows, 0), "kind",
                            shape_text(rows, 1), "text", shape_text(rows, 2), "options", shown, "chosen",
                            q->chosen, "right", q->over ? json_incref(right) : json_null(), "correct",
                            q->over ? json_boolean(q->correct) : json_null(), "explanation",
                            q->over ? shape_text(rows, 4) : json_null());
    json_decref(right);
    json_decref(options);
    return row;
}

/* All questions of an attempt, with what may be told of them. *out_score: how many are right. */
static bool questions(struct act *a, const struct attempt *t, bool over, const json_t *answers, json_t **out,
                      int64_t *out_score, struct imw_error_info *err)
{
    json_t *list = json_pack("[]"), *one;
    size_t i;

    *out_score = 0;
    json_array_foreach(t->asked, i, one)
    {
        struct asked q = { .order = json_array_get(one, 1),
                           .over = over,
                           .chosen = json_array_get(answers, i) };
        json_t *row = NULL;
        if (!shape_one(a->db,
                       "select module, kind, text, options, explanation from course_question where version = "
                       "? and number = ?",
                       DB_ARGS(db_int(t->version), db_int(json_integer_value(json_array_get(one, 0)))),
                       question, &q, &row, err)) {
            json_decref(list);
            return false;
        }
        *out_score += q.correct;
        if (row == NULL || json_array_append_new(list, row) != 0) {
            json_decref(list);
            return error_set(err, IMW_ERROR_FORMAT, "a question of attempt %lld is gone", (long long)t->id);
        }
    }
    *out = list;
    return true;
}

static json_t *attempt_head(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so so so so so so}", "id", shape_int(rows, 0), "course",
                     shape_int(rows, 1), "title", shape_text(rows, 2), "version", shape_int(rows, 3), "state",
                     shape_text(rows, 4), "started", shape_time_of(rows, 5), "until", shape_time_of(rows, 6),
                     "ended", shape_time_of(rows, 7), "score", shape_int(rows, 8), "of", shape_int(rows, 9),
                     "pass_percent", shape_int(rows, 10));
}

bool attempt_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *head = NULL, *list = NULL, *certificate = NULL;
    struct attempt t;
    int64_t score;

    if (!load_attempt(a, id, &t, err))
        return false;
    const bool late =
                   strcmp(t.state, "running") == 0 && t.until_us != 0 && t.until_us + grace_us <= a->now_us,
               over = late || strcmp(t.state, "running") != 0;
    bool ok = shape_one(a->db,
                        "select t.id, t.course, v.title, v.number, t.state, t.started_us, t.until_us, "
                        "t.ended_us, t.score, t.total, v.pass_percent from training_attempt t join "
                        "course_version v on v.id = t.version where t.id = ?",
                        DB_ARGS(db_int(id)), attempt_head, NULL, &head, err) &&
              questions(a, &t, over, t.answers, &list, &score, err) &&
              shape_one(a->db, "select " CERTIFICATE_COLUMNS " from " CERTIFICATE_FROM " where c.attempt = ?",
                        DB_ARGS(db_int(id)), certificate_row, &a->now_us, &certificate, err);
    attempt_free(&t);
    if (!ok) {
        json_decref(head);
        json_decref(list);
        return false;
    }
    ok = (!late || (json_object_set_new(head, "state", json_pack("s", "expired")) == 0 &&
                    json_object_set_new(head, "ended", shape_time(t.until_us)) == 0)) &&
         json_object_set_new(head, "questions", list) == 0 &&
         json_object_set_new(head, "certificate", certificate != NULL ? certificate : json_null()) == 0;
    *out = head;
    return ok || error_memory(err);
}

/* ---- handing in ---- */

/* A list for each question, of places that its options have, none twice. */
static bool check_answers(struct act *a, const struct attempt *t, const json_t *answers,
                          struct imw_error_info *err)
{
    const json_t *one, *place;
    size_t i, k;

    if (!json_is_array(answers) || json_array_size(answers) != json_array_size(t->asked))
        return act_no(a, err, ACT_WRONG, "answers",
                      "a list of answers for each of the %zu questions is needed", json_array_size(t->asked));
    json_array_foreach(answers, i, one)
    {
        const size_t options = json_array_size(json_array_get(json_array_get(t->asked, i), 1));
        unsigned seen = 0;
        if (!json_is_array(one))
            return act_no(a, err, ACT_WRONG, "answers", "answer %zu is no list", i + 1);
        json_array_foreach(one, k, place)
        {
            const json_int_t n = json_integer_value(place);
            if (!json_is_integer(place) || n < 0 || (size_t)n >= options || (seen >> n & 1) != 0)
                return act_no(a, err, ACT_WRONG, "answers",
                              "answer %zu names an option that question has not, or one twice", i + 1);
            seen |= 1u << n;
        }
    }
    return true;
}

static void make_number(uint64_t now_us, char *out, size_t size)
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char when[WHEN_SIZE];
    struct text t = text_over(out, size);

    when_text(now_us, when);
    text_format(&t, "IM-%.4s-", when);
    for (unsigned i = 0; i < NUMBER_LETTERS; i++)
        text_char(&t, letters[randombytes_uniform(32)]);
}

struct certified {
    char number[32], hash[SHA256_TEXT];
    char *document; /* the caller's */
    int64_t first;  /* 1: the person's first of this course */
    uint64_t valid_until_us;
};

static json_t *document_row(const struct db_rows *rows, void *context)
{
    struct certified *c = context;

    c->first = db_get_int(rows, 8) == 0;
    c->valid_until_us = (uint64_t)db_get_int(rows, 9); /* months */
    return json_pack("{ss ss so s{so so so} s{so so so so}}", "imward", "certificate 1", "number", c->number,
                     "institution", shape_text(rows, 0), "person", "name", shape_text(rows, 1), "number",
                     shape_text(rows, 2), "pseudonym", shape_text(rows, 3), "course", "number",
                     shape_int(rows, 4), "title", shape_text(rows, 5), "version", shape_int(rows, 6),
                     "sha256", shape_text(rows, 7));
}

static bool make_document(struct act *a, const struct attempt *t, int64_t score, struct certified *out,
                          struct imw_error_info *err)
{
    json_t *document = NULL;

    make_number(a->now_us, out->number, sizeof out->number);
    if (!shape_one(
            a->db,
            "select coalesce((select value from setting where name = 'institution'), ''), p.name, "
            "p.number, p.pseudonym, v.course, v.title, v.number, v.sha256, (select count(*) from "
            "training_certificate x where x.person = p.id and x.course = v.course), v.valid_months from "
            "person p join course_version v on v.id = ? where p.id = ?",
            DB_ARGS(db_int(t->version), db_int(a->actor->person)), document_row, out, &document, err))
        return false;
    const int64_t months = (int64_t)out->valid_until_us;
    out->valid_until_us = months > 0 ? months_after(a->now_us, months) : 0;
    bool ok =
        document != NULL &&
        json_object_set_new(document, "result",
                            json_pack("{sI sI sI}", "right", (json_int_t)score, "of", (json_int_t)t->total,
                                      "pass_percent", (json_int_t)t->pass_percent)) == 0 &&
        json_object_set_new(document, "issued", shape_time(a->now_us)) == 0 &&
        json_object_set_new(document, "valid_until",
                            months > 0 ? shape_time(out->valid_until_us) : json_null()) == 0;
    out->document = ok ? json_dumps(document, JSON_INDENT(2)) : NULL;
    json_decref(document);
    if (out->document == NULL)
        return error_memory(err);
    sha256_text(view_string(out->document), out->hash);
    return true;
}

/* The duty that it does, where there is one. */
static bool duty_done(struct act *a, const struct attempt *t, int64_t certificate, uint64_t valid_until_us,
                      struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    int64_t department = 0, repeat = 0;
    struct db_rows *rows;
    char state[16];

    if (!db_query(a->db,
                  "select d.department, s.repeat_months, d.state from training_duty d join "
                  "training_assignment s on s.id = d.assignment where d.course = ? and d.person = ?",
                  DB_ARGS(db_int(t->course), db_int(a->actor->person)), &rows, err))
        return false;
    bool found = db_next(rows, &why);
    if (found) {
        struct text s = TEXT(state);
        department = db_get_int(rows, 0);
        repeat = db_get_int(rows, 1);
        text_add(&s, db_get_text(rows, 2));
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (!found)
        return true;
    const uint64_t again = repeat > 0 ? months_after(a->now_us, repeat) : 0;
    if (again != 0 && (valid_until_us == 0 || again < valid_until_us))
        valid_until_us = again;
    return db_run(a->db,
                  "update training_duty set state = 'done', certificate = ?, valid_until_us = ?, remind_us = "
                  "null, excused_by = null, excused_us = null, excused_why = null, excused_until_us = null "
                  "where course = ? and person = ?",
                  DB_ARGS(db_int(certificate),
                          valid_until_us != 0 ? db_int((int64_t)valid_until_us) : db_null(),
                          db_int(t->course), db_int(a->actor->person)),
                  NULL, err) &&
           sum_move(a->db, t->course, department, state, "done", err);
}

static bool certify(struct act *a, const struct attempt *t, int64_t score, struct imw_error_info *err)
{
    struct certified c = { .document = NULL };
    int64_t id = 0;

    bool ok =
        make_document(a, t, score, &c, err) &&
        db_insert(a->db,
                  "insert into training_certificate (number, person, course, version, attempt, first, "
                  "issued_us, valid_until_us, score, total, document, hash) values (?, ?, ?, ?, ?, ?, "
                  "?, ?, ?, ?, ?, ?) returning id",
                  DB_ARGS(db_text(c.number), db_int(a->actor->person), db_int(t->course), db_int(t->version),
                          db_int(t->id), db_int(c.first), db_int((int64_t)a->now_us),
                          c.valid_until_us != 0 ? db_int((int64_t)c.valid_until_us) : db_null(),
                          db_int(score), db_int(t->total), db_text(c.document), db_text(c.hash)),
                  &id, err) &&
        duty_done(a, t, id, c.valid_until_us, err) &&
        act_record(
            a, "training.certificate", "certificate", id,
            json_pack("{ss sI ss}", "number", c.number, "course", (json_int_t)t->course, "sha256", c.hash),
            err);
    free(c.document);
    return ok;
}

static bool hand_in(struct act *a, struct attempt *t, const json_t *answers, bool *out_certified,
                    struct imw_error_info *err)
{
    json_t *list = NULL;
    uint64_t changed = 0;
    int64_t score;

    if (strcmp(t->state, "running") != 0)
        return act_no(a, err, ACT_LATE, "", "this attempt is over");
    if (t->until_us != 0 && t->until_us + grace_us <= a->now_us)
        return act_no(a, err, ACT_LATE, "", "the time for this attempt is over: begin another");
    if (!check_answers(a, t, answers, err) || !questions(a, t, true, answers, &list, &score, err))
        return false;
    json_decref(list);
    const bool passed = score * 100 >= t->pass_percent * t->total;
    char *text = json_dumps(answers, JSON_COMPACT);
    if (text == NULL)
        return error_memory(err);
    bool ok =
        db_run(a->db,
               "update training_attempt set state = ?, ended_us = ?, answers = ?, score = ? where id = ? "
               "and state = 'running'",
               DB_ARGS(db_text(passed ? "passed" : "failed"), db_int((int64_t)a->now_us), db_text(text),
                       db_int(score), db_int(t->id)),
               &changed, err);
    free(text);
    if (!ok)
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "", "this attempt is over");
    *out_certified = passed;
    return passed ? certify(a, t, score, err)
                  : act_record(a, "training.failed", "attempt", t->id,
                               json_pack("{sI sI sI}", "course", (json_int_t)t->course, "right",
                                         (json_int_t)score, "of", (json_int_t)t->total),
                               err);
}

bool attempt_hand_in(struct act *a, int64_t id, const json_t *answers, bool *out_certified,
                     struct imw_error_info *err)
{
    struct attempt t;

    *out_certified = false;
    if (!load_attempt(a, id, &t, err))
        return false;
    bool ok = hand_in(a, &t, answers, out_certified, err);
    attempt_free(&t);
    return ok;
}

/* ---- certificates ---- */

static json_t *whole_certificate(const struct db_rows *rows, void *context)
{
    struct view text = db_get_text(rows, 10);

    return json_pack("{so so}", "certificate", certificate_row(rows, context), "document",
                     json_stringn((const char *)text.at, text.len));
}

bool certificate_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    *out = NULL;
    if (!shape_one(a->db,
                   "select " CERTIFICATE_COLUMNS ", c.document from " CERTIFICATE_FROM
                   " where c.id = ? and c.person = ?",
                   DB_ARGS(db_int(id), db_int(a->actor->person)), whole_certificate, &a->now_us, out, err))
        return false;
    return *out != NULL || act_no(a, err, ACT_MISSING, "", "you have no such certificate");
}
