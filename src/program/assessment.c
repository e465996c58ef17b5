/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts of risk assessments: begun, written, thrown away. */
#include "program/assessment.h"
#include "base/text.h"
#include "identify/catalog.h"
#include "program/document.h"
#include "program/shape_list.h"
#include "store/event_store.h"
#include <stdlib.h>

static struct db_value by(const struct act *a)
{
    return a->actor->account != 0 ? db_int(a->actor->account) : db_null();
}

static void copy(char *out, size_t size, struct view v)
{
    struct text t = text_over(out, size);

    text_add(&t, v);
}

const char *risk_level(int64_t score)
{
    return score <= 4 ? "low" : score <= 9 ? "medium" : score <= 14 ? "high" : "critical";
}

bool risk_is_word(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(word, *words) != 0)
        words++;
    return *words != NULL;
}

bool assessment_load(struct act *a, int64_t id, struct assessment_row *out, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct assessment_row){ .id = id };
    if (!db_query(
            a->db,
            "select a.number, a.service, a.class, a.department, d.name, a.name, a.state, a.decision, "
            "a.conditions, a.sha256, a.author, a.proposed_by, a.residual_likelihood, a.residual_impact, "
            "a.review_us, a.signed_us, coalesce(a.document_version, a.policy) from assessment a left join "
            "department d on d.id = a.department where a.id = ?",
            DB_ARGS(db_int(id)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found) {
        out->number = db_get_int(rows, 0);
        copy(out->service, sizeof out->service, db_get_text(rows, 1));
        copy(out->class, sizeof out->class, db_get_text(rows, 2));
        out->department = db_get_int(rows, 3);
        copy(out->department_name, sizeof out->department_name, db_get_text(rows, 4));
        copy(out->name, sizeof out->name, db_get_text(rows, 5));
        copy(out->state, sizeof out->state, db_get_text(rows, 6));
        copy(out->decision, sizeof out->decision, db_get_text(rows, 7));
        copy(out->conditions, sizeof out->conditions, db_get_text(rows, 8));
        copy(out->sha256, sizeof out->sha256, db_get_text(rows, 9));
        out->author = db_get_int(rows, 10);
        out->proposed_by = db_get_int(rows, 11);
        out->likelihood = db_get_int(rows, 12);
        out->impact = db_get_int(rows, 13);
        out->review_us = db_get_int(rows, 14);
        out->signed_us = (uint64_t)db_get_int(rows, 15);
        out->drafted = !db_is_null(rows, 16);
    }
    return rows_done(rows, &why, err) &&
           (found || act_no(a, err, ACT_MISSING, "", "there is no such assessment"));
}

bool assessment_step(struct act *a, int64_t id, const char *word, const char *why, struct imw_error_info *err)
{
    return db_run(
        a->db, "insert into assessment_step (assessment, account, time_us, act, why) values (?, ?, ?, ?, ?)",
        DB_ARGS(db_int(id), by(a), db_int((int64_t)a->now_us), db_text(word), db_text(why)), NULL, err);
}

bool assessment_is_author(struct act *a, int64_t id, bool *out, struct imw_error_info *err)
{
    int64_t same = 0;

    if (!db_query_int(
            a->db,
            "select count(*) from assessment_author u join account x on x.id = u.account join account "
            "y on y.id = ? where u.assessment = ? and (x.id = y.id or x.person = y.person)",
            DB_ARGS(db_int(a->actor->account), db_int(id)), &same, NULL, err))
        return false;
    *out = same > 0;
    return true;
}

/* ---- what it consists of ---- */

static json_t *answer_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so}", "question", shape_text(rows, 0), "answer", shape_text(rows, 1), "note",
                     shape_text(rows, 2));
}

bool assessment_answers(struct db *db, int64_t id, json_t **out, struct imw_error_info *err)
{
    return shape_list(db,
                      "select question, answer, note from assessment_answer where assessment = ? order by "
                      "question",
                      DB_ARGS(db_int(id)), answer_row, NULL, out, err);
}

static json_t *risk_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so}", "threat", shape_text(rows, 0), "likelihood", shape_int(rows, 1),
                     "impact", shape_int(rows, 2), "residual_likelihood", shape_int(rows, 3),
                     "residual_impact", shape_int(rows, 4), "why", shape_text(rows, 5));
}

bool assessment_risks(struct db *db, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *all, *list = json_pack("[]");
    const json_t *one;
    size_t i;

    if (!shape_list(db,
                    "select threat, likelihood, impact, residual_likelihood, residual_impact, why from "
                    "assessment_risk where assessment = ? order by threat",
                    DB_ARGS(db_int(id)), risk_row, NULL, &all, err)) {
        json_decref(list);
        return false;
    }
    for (unsigned t = 0; t < risk_threats_count; t++) /* in the order of the table */
        json_array_foreach(all, i, one) if (strcmp(json_string_value(json_object_get(one, "threat")),
                                                   risk_threats[t].key) == 0)
            json_array_append(list, (json_t *)(uintptr_t)one);
    json_decref(all);
    *out = list;
    return true;
}

static json_t *control_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so}", "threat", shape_text(rows, 0), "what", shape_text(rows, 1),
                     "carrier", shape_text(rows, 2), "state", shape_text(rows, 3), "likelihood",
                     shape_int(rows, 4), "impact", shape_int(rows, 5));
}

bool assessment_controls(struct db *db, int64_t id, json_t **out, struct imw_error_info *err)
{
    return shape_list(db,
                      "select threat, what, carrier, state, likelihood, impact from assessment_control where "
                      "assessment = ? order by place",
                      DB_ARGS(db_int(id)), control_row, NULL, out, err);
}

static json_t *department_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so}", "id", shape_int(rows, 0), "name", shape_text(rows, 1));
}

bool assessment_departments(struct db *db, int64_t id, json_t **out, struct imw_error_info *err)
{
    return shape_list(db,
                      "select d.id, d.name from assessment_department x join department d on d.id = "
                      "x.department where x.assessment = ? order by d.name",
                      DB_ARGS(db_int(id)), department_row, NULL, out, err);
}

static json_t *signed_row(const struct db_rows *rows, void *context)
{
    json_t *all = json_pack("{}");

    (void)context;
    for (unsigned i = 0; i < 12; i++) {
        char key[8];
        snprintf(key, sizeof key, "%02u", i);
        json_object_set_new(all, key, shape_text(rows, i));
    }
    return all;
}

/* The worst of its risks, and the hash of all that is signed: kept with each change. */
static bool settle(struct act *a, int64_t id, struct imw_error_info *err)
{
    json_t *all = NULL, *answers = NULL, *risks = NULL, *controls = NULL, *departments = NULL;
    const json_t *one, *worst = NULL;
    int64_t score = 0;
    char sha256[65] = "";
    size_t i;

    bool ok =
        shape_one(a->db,
                  "select name, coalesce(service, class), scope, benefit, reason, decision, conditions, "
                  "observed, cast(number as text), cast(review_us as text), cast(benefit_level as text), "
                  "cast(department as text) from assessment where id = ?",
                  DB_ARGS(db_int(id)), signed_row, NULL, &all, err) &&
        assessment_answers(a->db, id, &answers, err) && assessment_risks(a->db, id, &risks, err) &&
        assessment_controls(a->db, id, &controls, err) &&
        assessment_departments(a->db, id, &departments, err);
    if (ok) {
        json_object_set(all, "answers", answers);
        json_object_set(all, "risks", risks);
        json_object_set(all, "controls", controls);
        json_object_set(all, "departments", departments);
        char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
        ok = text != NULL || error_memory(err);
        if (text != NULL)
            text_sha256(view_string(text), sha256);
        free(text);
    }
    json_array_foreach(risks, i, one)
    {
        const int64_t residual = json_integer_value(json_object_get(one, "residual_likelihood")) *
                                 json_integer_value(json_object_get(one, "residual_impact"));
        if (residual > score) {
            score = residual;
            worst = one;
        }
    }
#define NUMBER(key)                                                                                          \
    (json_is_integer(json_object_get(worst, key)) ? db_int(json_integer_value(json_object_get(worst, key)))  \
                                                  : db_null())
    ok =
        ok &&
        db_run(a->db,
               "update assessment set worst = ?, inherent_likelihood = ?, inherent_impact = ?, "
               "residual_likelihood = ?, residual_impact = ?, residual = ?, sha256 = ?, changed_us = ? where "
               "id = ?",
               DB_ARGS(db_text(json_string_value(json_object_get(worst, "threat"))), NUMBER("likelihood"),
                       NUMBER("impact"), NUMBER("residual_likelihood"), NUMBER("residual_impact"),
                       db_int(score), db_text(sha256), db_int((int64_t)a->now_us), db_int(id)),
               NULL, err);
#undef NUMBER
    json_decref(all);
    json_decref(answers);
    json_decref(risks);
    json_decref(controls);
    json_decref(departments);
    return ok;
}

static bool add_author(struct act *a, int64_t id, struct imw_error_info *err)
{
    return a->actor->account == 0 ||
           db_run(a->db,
                  "insert into assessment_author (assessment, account) values (?, ?) on conflict do nothing",
                  DB_ARGS(db_int(id), by(a)), NULL, err);
}

/* ---- beginning ---- */

static bool read_span(struct act *a, const json_t *body, uint64_t *from_us, uint64_t *until_us,
                      struct imw_error_info *err)
{
    const char *from = json_string_value(json_object_get(body, "from")),
               *until = json_string_value(json_object_get(body, "until"));

    *until_us = a->now_us;
    if (until != NULL && !when_read(until, until_us))
        return act_no(a, err, ACT_WRONG, "until", "a day such as 2026-11-23, or a time");
    if (until != NULL && strlen(until) == strlen("2026-11-23"))
        *until_us += DAY_US;
    *from_us = *until_us - (uint64_t)RISK_DAYS * DAY_US;
    if (from != NULL && !when_read(from, from_us))
        return act_no(a, err, ACT_WRONG, "from", "a day such as 2026-08-25, or a time");
    return *from_us < *until_us || act_no(a, err, ACT_WRONG, "from", "it begins before it ends");
}

static bool read_subject(struct act *a, const struct catalog *catalog, const json_t *body,
                         struct assessment_row *r, struct imw_error_info *err)
{
    const char *service = json_string_value(json_object_get(body, "service")),
               *class = json_string_value(json_object_get(body, "class"));
    const json_t *department = json_object_get(body, "department");
    int64_t there = 0;

    *r = (struct assessment_row){ .department = json_integer_value(department) };
    if ((service != NULL) == (class != NULL))
        return act_no(a, err, ACT_WRONG, "service", "a service or a class of services is needed");
    if (service != NULL) {
        const uint16_t n = catalog_find(catalog, view_string(service));
        if (n == 0 || strlen(service) >= sizeof r->service)
            return act_no(a, err, ACT_WRONG, "service", "the catalog has no such service");
        snprintf(r->service, sizeof r->service, "%s", service);
        snprintf(r->name, sizeof r->name, "%s", catalog_service(catalog, n)->name);
    } else {
        static const char *const names[CLASS_COUNT] = {
            [CLASS_IM] = "Public instant messaging", [CLASS_SOCIAL] = "Social networks",
            [CLASS_WORKPLACE] = "Workplace chat",    [CLASS_MEETING] = "Meetings",
            [CLASS_VOICE_CHAT] = "Voice chat",
        };
        const int c = class_find(view_string(class));
        if (c < 0)
            return act_no(a, err, ACT_WRONG, "class",
                          "im, social, workplace, meeting and voice-chat are known");
        snprintf(r->class, sizeof r->class, "%s", class);
        snprintf(r->name, sizeof r->name, "%s", names[c]);
    }
    if (r->department == 0)
        return department == NULL || json_is_null(department) ||
               act_no(a, err, ACT_WRONG, "department", "the number of a department is needed");
    if (!db_query_int(a->db, "select count(*) from department where id = ?", DB_ARGS(db_int(r->department)),
                      &there, NULL, err))
        return false;
    return there > 0 || act_no(a, err, ACT_WRONG, "department", "there is no such department");
}

#define SUBJECT "coalesce(service, '') = ? and coalesce(class, '') = ? and coalesce(department, 0) = ?"

static bool insert(struct act *a, const struct assessment_row *r, int64_t before, const json_t *facts,
                   int64_t *out_id, struct imw_error_info *err)
{
    char *observed = json_dumps(facts, JSON_COMPACT);

    if (observed == NULL)
        return error_memory(err);
    const bool ok = db_insert(
        a->db,
        "insert into assessment (number, before, service, class, department, name, state, owner, observed, "
        "observed_us, sha256, author, created_us, changed_us) values (?, ?, ?, ?, ?, ?, 'draft', ?, ?, ?, '', "
        "?, ?, ?) returning id",
        DB_ARGS(db_int(r->number), before != 0 ? db_int(before) : db_null(),
                r->service[0] != '\0' ? db_text(r->service) : db_null(),
                r->class[0] != '\0' ? db_text(r->class) : db_null(),
                r->department != 0 ? db_int(r->department) : db_null(), db_text(r->name), by(a),
                db_text(observed), db_int((int64_t)a->now_us), by(a), db_int((int64_t)a->now_us),
                db_int((int64_t)a->now_us)),
        out_id, err);
    free(observed);
    return ok;
}

/* What was written in the version before is where the next one begins; its decision is not. */
static bool copy_from(struct act *a, int64_t before, int64_t id, struct imw_error_info *err)
{
    const struct db_value to = db_int(id), from = db_int(before);

    return db_run(a->db,
                  "insert into assessment_answer (assessment, question, answer, note) select cast(? as "
                  "bigint), question, answer, note from assessment_answer where assessment = ?",
                  DB_ARGS(to, from), NULL, err) &&
           db_run(a->db,
                  "insert into assessment_control (assessment, place, threat, what, carrier, state, "
                  "likelihood, impact) select cast(? as bigint), place, threat, what, carrier, state, "
                  "likelihood, impact from assessment_control where assessment = ?",
                  DB_ARGS(to, from), NULL, err) &&
           db_run(a->db,
                  "insert into assessment_risk (assessment, threat, likelihood, impact, residual_likelihood, "
                  "residual_impact, why) select cast(? as bigint), threat, likelihood, impact, "
                  "residual_likelihood, residual_impact, why from assessment_risk where assessment = ?",
                  DB_ARGS(to, from), NULL, err) &&
           db_run(a->db,
                  "insert into assessment_department (assessment, department) select cast(? as bigint), "
                  "department from assessment_department where assessment = ?",
                  DB_ARGS(to, from), NULL, err) &&
           db_run(a->db,
                  "update assessment set scope = b.scope, benefit = b.benefit, benefit_level = "
                  "b.benefit_level, owner = b.owner from assessment b where b.id = ? and assessment.id = ?",
                  DB_ARGS(from, to), NULL, err);
}

bool assessment_begin(struct act *a, const struct catalog *catalog, const json_t *body, int64_t *out_id,
                      struct imw_error_info *err)
{
    uint64_t from_us, until_us;
    struct assessment_row r;
    int64_t open = 0, before = 0;
    json_t *facts = NULL;

    if (!read_subject(a, catalog, body, &r, err) || !read_span(a, body, &from_us, &until_us, err))
        return false;
    const struct db_value subject[] = { db_text(r.service), db_text(r.class), db_int(r.department) };
    if (!db_query_int(a->db,
                      "select count(*) from assessment where state in ('draft', 'proposed') and " SUBJECT,
                      subject, 3, &open, NULL, err) ||
        !db_query_int(a->db, "select coalesce(max(id), 0) from assessment where " SUBJECT, subject, 3,
                      &before, NULL, err) ||
        !db_query_int(a->db, "select coalesce(max(number), 0) + 1 from assessment where " SUBJECT, subject, 3,
                      &r.number, NULL, err))
        return false;
    if (open > 0)
        return act_no(a, err, ACT_LATE, "service", "one of it is being written already: go on with that");
    bool ok = assessment_observe(a, catalog, &r, from_us, until_us, &facts, err) &&
              insert(a, &r, before, facts, out_id, err);
    json_decref(facts);
    for (unsigned i = 0; ok && before == 0 && i < risk_threats_count; i++)
        ok = db_run(a->db, "insert into assessment_risk (assessment, threat, why) values (?, ?, '')",
                    DB_ARGS(db_int(*out_id), db_text(risk_threats[i].key)), NULL, err);
    return ok && (before == 0 || copy_from(a, before, *out_id, err)) && add_author(a, *out_id, err) &&
           settle(a, *out_id, err) && assessment_step(a, *out_id, "begin", "", err) &&
           act_record(a, "assessment.begin", "assessment", *out_id,
                      json_pack("{s:s,s:s,s:I,s:I}", "service", r.service, "class", r.class, "department",
                                (json_int_t)r.department, "number", (json_int_t)r.number),
                      err);
}

/* ---- writing ---- */

static bool good_text(struct act *a, const char *key, const json_t *value, size_t most,
                      struct imw_error_info *err)
{
    return (json_is_string(value) && json_string_length(value) <= most) ||
           act_no(a, err, ACT_WRONG, key, "a text of at most %zu bytes is needed", most);
}

static const struct risk_threat *threat_of(const char *key)
{
    for (unsigned i = 0; key != NULL && i < risk_threats_count; i++)
        if (strcmp(risk_threats[i].key, key) == 0)
            return &risk_threats[i];
    return NULL;
}

static bool put_answers(struct act *a, int64_t id, const json_t *list, struct imw_error_info *err)
{
    static const char *const words[] = { "yes", "partly", "no", "unknown", "none", NULL };
    const json_t *one;
    size_t i;

    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) > risk_questions_count)
        return act_no(a, err, ACT_WRONG, "answers", "a list of answers is needed");
    json_array_foreach(list, i, one)
    {
        const char *key = json_string_value(json_object_get(one, "question")),
                   *answer = json_string_value(json_object_get(one, "answer"));
        const json_t *note = json_object_get(one, "note");
        const struct risk_question *q = NULL;
        for (unsigned n = 0; key != NULL && n < risk_questions_count; n++)
            if (strcmp(risk_questions[n].key, key) == 0)
                q = &risk_questions[n];
        if (q == NULL)
            return act_no(a, err, ACT_WRONG, "answers", "there is no such question");
        if (answer == NULL || !risk_is_word(answer, words))
            return act_no(a, err, ACT_WRONG, "answers", "yes, partly, no, unknown and none are known");
        if (note != NULL && !good_text(a, "answers", note, RISK_NOTE_BYTES, err))
            return false;
        if (!actor_is(a->actor, ROLE_COMPLIANCE) && strcmp(q->part, "technical") != 0)
            return act_no(a, err, ACT_FORBIDDEN, "answers",
                          "questions of the business are answered by compliance");
        if (!db_run(a->db,
                    "insert into assessment_answer (assessment, question, answer, note) values (?, ?, ?, ?) "
                    "on conflict (assessment, question) do update set answer = excluded.answer, note = "
                    "excluded.note",
                    DB_ARGS(db_int(id), db_text(key), db_text(answer),
                            db_text(note != NULL ? json_string_value(note) : "")),
                    NULL, err))
            return false;
    }
    return true;
}

/* Put a step of the scale where the question names one; null takes it away. */
static bool put_step(struct act *a, int64_t id, const char *threat, const json_t *one, const char *key,
                     const char *sql, struct imw_error_info *err)
{
    const json_t *value = json_object_get(one, key);
    const int64_t n = json_integer_value(value);

    if (value == NULL)
        return true;
    if (!json_is_null(value) && (!json_is_integer(value) || n < 1 || n > 5))
        return act_no(a, err, ACT_WRONG, "risks", "%s is from 1 to 5", key);
    return db_run(a->db, sql,
                  DB_ARGS(json_is_null(value) ? db_null() : db_int(n), db_int(id), db_text(threat)), NULL,
                  err);
}

static bool put_risks(struct act *a, int64_t id, const json_t *list, struct imw_error_info *err)
{
    static const struct {
        const char *key, *sql;
    } steps[] = {
#define STEP(key) { #key, "update assessment_risk set " #key " = ? where assessment = ? and threat = ?" }
        STEP(likelihood), STEP(impact), STEP(residual_likelihood), STEP(residual_impact)
#undef STEP
    };
    const json_t *one;
    size_t i;

    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) > risk_threats_count)
        return act_no(a, err, ACT_WRONG, "risks", "a list of risks is needed");
    json_array_foreach(list, i, one)
    {
        const struct risk_threat *t = threat_of(json_string_value(json_object_get(one, "threat")));
        const json_t *why = json_object_get(one, "why");
        if (t == NULL)
            return act_no(a, err, ACT_WRONG, "risks", "there is no such threat");
        if (!db_run(a->db,
                    "insert into assessment_risk (assessment, threat, why) values (?, ?, '') on conflict "
                    "(assessment, threat) do nothing",
                    DB_ARGS(db_int(id), db_text(t->key)), NULL, err))
            return false;
        for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++)
            if (!put_step(a, id, t->key, one, steps[s].key, steps[s].sql, err))
                return false;
        if (why != NULL &&
            (!good_text(a, "risks", why, RISK_NOTE_BYTES, err) ||
             !db_run(a->db, "update assessment_risk set why = ? where assessment = ? and threat = ?",
                     DB_ARGS(db_text(json_string_value(why)), db_int(id), db_text(t->key)), NULL, err)))
            return false;
    }
    return true;
}

static bool put_controls(struct act *a, int64_t id, const json_t *list, struct imw_error_info *err)
{
    static const char *const carriers[] = { "imward", "product", "people", NULL }, *const states[] = {
        "in place", "planned", NULL
    };
    const json_t *one;
    size_t i;

    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) > RISK_CONTROLS)
        return act_no(a, err, ACT_WRONG, "controls", "a list of at most %d controls is needed",
                      RISK_CONTROLS);
    if (!db_run(a->db, "delete from assessment_control where assessment = ?", DB_ARGS(db_int(id)), NULL, err))
        return false;
    json_array_foreach(list, i, one)
    {
        const char *threat = json_string_value(json_object_get(one, "threat")),
                   *what = json_string_value(json_object_get(one, "what")),
                   *carrier = json_string_value(json_object_get(one, "carrier")),
                   *state = json_string_value(json_object_get(one, "state"));
        const json_t *l = json_object_get(one, "likelihood"), *m = json_object_get(one, "impact");
        if (threat_of(threat) == NULL || carrier == NULL || !risk_is_word(carrier, carriers) ||
            state == NULL || !risk_is_word(state, states))
            return act_no(a, err, ACT_WRONG, "controls",
                          "control %zu: its threat, who carries it and its state are needed", i + 1);
        if (what == NULL || view_trim(view_string(what)).len == 0 || strlen(what) > RISK_NOTE_BYTES)
            return act_no(a, err, ACT_WRONG, "controls", "control %zu: say what it is", i + 1);
        if (!json_is_integer(l) || !json_is_integer(m) || json_integer_value(l) < 0 ||
            json_integer_value(l) > 4 || json_integer_value(m) < 0 || json_integer_value(m) > 4)
            return act_no(a, err, ACT_WRONG, "controls", "control %zu: it lowers by 0 to 4 steps", i + 1);
        if (!db_run(a->db,
                    "insert into assessment_control (assessment, place, threat, what, carrier, state, "
                    "likelihood, impact) values (?, ?, ?, ?, ?, ?, ?, ?)",
                    DB_ARGS(db_int(id), db_int((int64_t)i), db_text(threat),
                            db_view(view_trim(view_string(what))), db_text(carrier), db_text(state),
                            db_int(json_integer_value(l)), db_int(json_integer_value(m))),
                    NULL, err))
            return false;
    }
    return true;
}

static bool put_conditions(struct act *a, int64_t id, const json_t *list, struct imw_error_info *err)
{
    static const char *const words[] = { "acknowledged", "trained",     "no-files",
                                         "scan-files",   "departments", NULL };
    char all[128] = "";
    struct text t = TEXT(all);
    const json_t *one;
    size_t i;

    if (list == NULL)
        return true;
    if (!json_is_array(list))
        return act_no(a, err, ACT_WRONG, "conditions", "a list of words is needed");
    json_array_foreach(list, i, one) if (
        !json_is_string(one) ||
        !risk_is_word(
            json_string_value(one),
            words)) return act_no(a, err, ACT_WRONG, "conditions",
                                  "acknowledged, trained, no-files, scan-files and departments are known");
    for (const char *const *w = words; *w != NULL; w++) /* in one order, once */
        json_array_foreach(list, i, one) if (strcmp(json_string_value(one), *w) == 0)
        {
            text_format(&t, "%s%s", t.len > 0 ? " " : "", *w);
            break;
        }
    return db_run(a->db, "update assessment set conditions = ? where id = ?",
                  DB_ARGS(db_text(all), db_int(id)), NULL, err);
}

static bool put_departments(struct act *a, int64_t id, const json_t *list, struct imw_error_info *err)
{
    const json_t *one;
    int64_t there = 0;
    size_t i;

    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) > DOCUMENT_DEPARTMENTS)
        return act_no(a, err, ACT_WRONG, "departments", "a list of departments' numbers is needed");
    if (!db_run(a->db, "delete from assessment_department where assessment = ?", DB_ARGS(db_int(id)), NULL,
                err))
        return false;
    json_array_foreach(list, i, one)
    {
        const struct db_value department = db_int(json_integer_value(one));
        if (!db_query_int(a->db, "select count(*) from department where id = ?", DB_ARGS(department), &there,
                          NULL, err))
            return false;
        if (there == 0)
            return act_no(a, err, ACT_WRONG, "departments", "there is no department of that number");
        if (!db_run(a->db,
                    "insert into assessment_department (assessment, department) values (?, ?) on conflict do "
                    "nothing",
                    DB_ARGS(db_int(id), department), NULL, err))
            return false;
    }
    return true;
}

static bool put_text(struct act *a, int64_t id, const json_t *body, const char *key, const char *sql,
                     struct imw_error_info *err)
{
    const json_t *value = json_object_get(body, key);

    return value == NULL ||
           (good_text(a, key, value, RISK_TEXT_BYTES, err) &&
            db_run(a->db, sql, DB_ARGS(db_view(view_trim(view_string(json_string_value(value)))), db_int(id)),
                   NULL, err));
}

/* What of it is decided. */
static bool put_decision(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    static const char *const decisions[] = { "allow", "conditions", "block", "accept", NULL };
    const json_t *decision = json_object_get(body, "decision"), *review = json_object_get(body, "review"),
                 *level = json_object_get(body, "benefit_level");
    uint64_t review_us = 0;

    if (decision != NULL && !json_is_null(decision) &&
        (!json_is_string(decision) || !risk_is_word(json_string_value(decision), decisions)))
        return act_no(a, err, ACT_WRONG, "decision", "allow, conditions, block and accept are known");
    if (decision != NULL && !db_run(a->db, "update assessment set decision = ? where id = ?",
                                    DB_ARGS(db_text(json_string_value(decision)), db_int(id)), NULL, err))
        return false;
    if (level != NULL && !json_is_null(level) &&
        (!json_is_integer(level) || json_integer_value(level) < 1 || json_integer_value(level) > 5))
        return act_no(a, err, ACT_WRONG, "benefit_level", "from 1 to 5");
    if (level != NULL &&
        !db_run(a->db, "update assessment set benefit_level = ? where id = ?",
                DB_ARGS(json_is_null(level) ? db_null() : db_int(json_integer_value(level)), db_int(id)),
                NULL, err))
        return false;
    if (review != NULL && !json_is_null(review) &&
        (!json_is_string(review) || !when_read(json_string_value(review), &review_us)))
        return act_no(a, err, ACT_WRONG, "review", "a day such as 2027-05-31");
    if (review_us != 0 &&
        (review_us <= a->now_us || review_us > a->now_us + (uint64_t)RISK_REVIEW_DAYS * DAY_US))
        return act_no(a, err, ACT_WRONG, "review", "a day within two years");
    return review == NULL ||
           db_run(a->db, "update assessment set review_us = ? where id = ?",
                  DB_ARGS(review_us != 0 ? db_int((int64_t)review_us) : db_null(), db_int(id)), NULL, err);
}

static bool put_owner(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    const json_t *owner = json_object_get(body, "owner");
    int64_t account = 0;
    bool found = false;

    if (owner == NULL)
        return true;
    if (json_is_string(owner) &&
        !db_query_int(a->db, "select id from account where name = ? and state = 'active'",
                      DB_ARGS(db_text(json_string_value(owner))), &account, &found, err))
        return false;
    if (!found && !json_is_null(owner))
        return act_no(a, err, ACT_WRONG, "owner", "there is no account of that name");
    return db_run(a->db, "update assessment set owner = ? where id = ?",
                  DB_ARGS(account != 0 ? db_int(account) : db_null(), db_int(id)), NULL, err);
}

static bool is_draft(struct act *a, const struct assessment_row *r, struct imw_error_info *err)
{
    return strcmp(r->state, "draft") == 0 ||
           act_no(a, err, ACT_LATE, "",
                  "it is no draft any more: withdraw it first, or begin its next version");
}

bool assessment_write(struct act *a, int64_t id, const json_t *body, struct imw_error_info *err)
{
    static const char *const business[] = { "benefit",     "benefit_level", "decision", "conditions",
                                            "departments", "reason",        "review",   "owner" };
    const char *base = json_string_value(json_object_get(body, "sha256")), *key;
    struct assessment_row r;
    const json_t *value;

    if (!assessment_load(a, id, &r, err) || !is_draft(a, &r, err))
        return false;
    if (base == NULL || strcmp(base, r.sha256) != 0)
        return act_no(a, err, ACT_LATE, "sha256", "somebody changed it meanwhile: load it again");
    for (size_t i = 0; !actor_is(a->actor, ROLE_COMPLIANCE) && i < sizeof business / sizeof business[0]; i++)
        if (json_object_get(body, business[i]) != NULL)
            return act_no(a, err, ACT_FORBIDDEN, business[i], "that is for compliance to write");
    if (!put_answers(a, id, json_object_get(body, "answers"), err) ||
        !put_risks(a, id, json_object_get(body, "risks"), err) ||
        !put_controls(a, id, json_object_get(body, "controls"), err) ||
        !put_conditions(a, id, json_object_get(body, "conditions"), err) ||
        !put_departments(a, id, json_object_get(body, "departments"), err) ||
        !put_text(a, id, body, "scope", "update assessment set scope = ? where id = ?", err) ||
        !put_text(a, id, body, "benefit", "update assessment set benefit = ? where id = ?", err) ||
        !put_text(a, id, body, "reason", "update assessment set reason = ? where id = ?", err) ||
        !put_decision(a, id, body, err) || !put_owner(a, id, body, err) || !add_author(a, id, err) ||
        !settle(a, id, err))
        return false;
    json_t *keys = json_pack("[]");
    json_object_foreach((json_t *)(uintptr_t)body, key, value) if (strcmp(key, "sha256") != 0)
        json_array_append_new(keys, json_pack("s", key));
    return act_record(a, "assessment.write", "assessment", id, json_pack("{s:o}", "changed", keys), err);
}

bool assessment_look_again(struct act *a, const struct catalog *catalog, int64_t id, const json_t *body,
                           struct imw_error_info *err)
{
    uint64_t from_us, until_us;
    struct assessment_row r;
    json_t *facts = NULL;

    if (!assessment_load(a, id, &r, err) || !is_draft(a, &r, err) ||
        !read_span(a, body, &from_us, &until_us, err) ||
        !assessment_observe(a, catalog, &r, from_us, until_us, &facts, err))
        return false;
    char *text = json_dumps(facts, JSON_COMPACT);
    json_decref(facts);
    if (text == NULL)
        return error_memory(err);
    const bool ok = db_run(a->db, "update assessment set observed = ?, observed_us = ? where id = ?",
                           DB_ARGS(db_text(text), db_int((int64_t)a->now_us), db_int(id)), NULL, err) &&
                    add_author(a, id, err) && settle(a, id, err);
    free(text);
    char from[WHEN_SIZE], until[WHEN_SIZE];
    when_text(from_us, from);
    when_text(until_us, until);
    return ok && act_record(a, "assessment.observe", "assessment", id,
                            json_pack("{s:s,s:s}", "from", from, "until", until), err);
}

bool assessment_drop(struct act *a, int64_t id, struct imw_error_info *err)
{
    struct assessment_row r;

    return assessment_load(a, id, &r, err) && is_draft(a, &r, err) &&
           db_run(a->db, "delete from assessment where id = ?", DB_ARGS(db_int(id)), NULL, err) &&
           act_record(a, "assessment.remove", "assessment", id,
                      json_pack("{s:s,s:I}", "name", r.name, "number", (json_int_t)r.number), err);
}
