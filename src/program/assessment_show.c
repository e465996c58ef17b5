/* SPDX-License-Identifier: Apache-2.0 */
/* What the API says of risk assessments: the register, one, the summary, the method. */
#include "base/text.h"
#include "program/assessment.h"
#include "program/service_facts.h"
#include "program/shape_list.h"
#include "store/event_store.h"
#include <stdlib.h>

enum { SQL_BYTES = 4000, TOP = 10 };

static int64_t soon_us(const struct act *a)
{
    return (int64_t)a->now_us + RISK_SOON_DAYS * DAY_US;
}

#define COLUMNS                                                                                              \
    "select a.id, a.number, a.name, a.service, a.class, a.department, d.name, a.state, o.name, a.decision, " \
    "a.conditions, a.inherent_likelihood, a.inherent_impact, a.residual_likelihood, a.residual_impact, "     \
    "a.worst, a.benefit_level, a.review_us, a.created_us, a.changed_us, a.proposed_us, p.name, "             \
    "a.signed_us, s.name, a.replaced_us, a.residual from assessment a left join department d on d.id = "     \
    "a.department left join account o on o.id = a.owner left join account p on p.id = a.proposed_by left "   \
    "join account s on s.id = a.signed_by "

static json_t *score(const struct db_rows *rows, unsigned at)
{
    const int64_t l = db_get_int(rows, at), i = db_get_int(rows, at + 1);

    return l == 0 || i == 0 ? json_null()
                            : json_pack("{sI sI sI ss}", "likelihood", (json_int_t)l, "impact", (json_int_t)i,
                                        "score", (json_int_t)(l * i), "level", risk_level(l * i));
}

static json_t *words_list(struct view words)
{
    json_t *list = json_pack("[]");

    while (words.len > 0) {
        const struct view one = view_token(&words, ' ');
        json_array_append_new(list, json_stringn((const char *)one.at, one.len));
    }
    return list;
}

static json_t *row_json(const struct db_rows *rows, void *context)
{
    const struct act *a = context;
    const bool in_force = view_equal(db_get_text(rows, 7), VIEW("signed"));
    const int64_t review = db_get_int(rows, 17);
    const char *due = !in_force || review > soon_us(a) ? "no" : review > (int64_t)a->now_us ? "soon" : "over";
    char title[520];
    struct text t = TEXT(title);

    text_add(&t, db_get_text(rows, 2));
    if (!db_is_null(rows, 5)) {
        text_string(&t, ", ");
        text_add(&t, db_get_text(rows, 6));
    }
    json_t *row = json_pack("{so so ss so so so so}", "id", shape_int(rows, 0), "number", shape_int(rows, 1),
                            "title", title, "service", shape_text(rows, 3), "class", shape_text(rows, 4),
                            "state", shape_text(rows, 7), "owner", shape_text(rows, 8));
    json_t *more = json_pack(
        "{so so so so so so so so ss so so so so so so so}", "department",
        db_is_null(rows, 5) ? json_null()
                            : json_pack("{so so}", "id", shape_int(rows, 5), "name", shape_text(rows, 6)),
        "decision", shape_text(rows, 9), "conditions", words_list(db_get_text(rows, 10)), "inherent",
        score(rows, 11), "residual", score(rows, 13), "worst", shape_text(rows, 15), "benefit_level",
        shape_int(rows, 16), "review", shape_time_of(rows, 17), "due", due, "created",
        shape_time_of(rows, 18), "changed", shape_time_of(rows, 19), "proposed", shape_time_of(rows, 20),
        "proposed_by", shape_text(rows, 21), "signed", shape_time_of(rows, 22), "signed_by",
        shape_text(rows, 23), "replaced", shape_time_of(rows, 24));
    json_object_update(row, more);
    json_decref(more);
    return row;
}

/* ---- the register ---- */

static json_t *counts_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so}", "draft", shape_int(rows, 0), "proposed", shape_int(rows, 1),
                     "signed", shape_int(rows, 2), "soon", shape_int(rows, 3), "over", shape_int(rows, 4));
}

static bool counts(struct act *a, json_t **out, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us), soon = db_int(soon_us(a));

    return shape_one(
        a->db,
        "select coalesce(sum(case when state = 'draft' then 1 else 0 end), 0), coalesce(sum(case when state = "
        "'proposed' then 1 else 0 end), 0), coalesce(sum(case when state = 'signed' then 1 else 0 end), 0), "
        "coalesce(sum(case when state = 'signed' and review_us > ? and review_us <= ? then 1 else 0 end), 0), "
        "coalesce(sum(case when state = 'signed' and review_us <= ? then 1 else 0 end), 0) from assessment "
        "where state <> 'replaced'",
        DB_ARGS(now, soon, now), counts_row, NULL, out, err);
}

static void like_of(const char *text, struct text *out)
{
    text_char(out, '%');
    for (struct view v = view_slice(view_string(text), 0, 100); v.len > 0; v = view_from(v, 1)) {
        if (v.at[0] == '%' || v.at[0] == '_' || v.at[0] == '\\')
            text_char(out, '\\');
        text_char(out, (char)ascii_lower(v.at[0]));
    }
    text_char(out, '%');
}

/* "RESIDUAL.ID" of the last of a page. */
static bool read_cursor(struct act *a, const char *text, uint64_t *residual, uint64_t *id,
                        struct imw_error_info *err)
{
    struct view v = view_string(text), first = view_token(&v, '.');

    return (view_decimal(first, 25, residual) && view_decimal(v, INT64_MAX, id)) ||
           act_no(a, err, ACT_WRONG, "cursor", "that is no cursor of an answer");
}

bool assessments_json(struct act *a, const struct assessment_filter *f, json_t **out,
                      struct imw_error_info *err)
{
    static const char *const states[] = { "current", "draft", "proposed", "signed", "replaced", "all", NULL },
                             *const levels[] = { "low", "medium", "high", "critical", NULL };
    static const int from[] = { 1, 5, 10, 15 }, until[] = { 4, 9, 14, 25 };
    const unsigned limit = f->limit > 0 && f->limit < RISK_LISTED ? f->limit : RISK_LISTED;
    const char *state = f->state != NULL ? f->state : "current";
    char sql[SQL_BYTES], like[300];
    struct text t = TEXT(sql), words = TEXT(like);
    json_t *list = NULL, *sums = NULL, *cursor = json_null();
    struct db_value args[24];
    uint64_t residual = 0, id = 0;
    unsigned n = 0;

    if (!risk_is_word(state, states))
        return act_no(a, err, ACT_WRONG, "state",
                      "current, draft, proposed, signed, replaced and all are known");
    text_string(&t, COLUMNS "where ");
    if (strcmp(state, "current") == 0) {
        text_string(&t, "a.state in ('draft', 'proposed', 'signed')");
    } else if (strcmp(state, "all") == 0) {
        text_string(&t, "1 = 1");
    } else {
        text_string(&t, "a.state = ?");
        args[n++] = db_text(state);
    }
    for (unsigned i = 0; f->level != NULL && levels[i] != NULL; i++)
        if (strcmp(f->level, levels[i]) == 0) {
            text_string(&t, " and a.residual between ? and ?");
            args[n++] = db_int(from[i]);
            args[n++] = db_int(until[i]);
        }
    if (f->level != NULL && !risk_is_word(f->level, levels))
        return act_no(a, err, ACT_WRONG, "level", "low, medium, high and critical are known");
    const struct {
        const char *sql, *text;
        int64_t number;
    } equals[] = {
        { " and a.decision = ?", f->decision, 0 },
        { " and a.service = ?", f->service, 0 },
        { " and a.class = ?", f->class, 0 },
        { " and a.department = ?", NULL, f->department },
        { " and a.residual_likelihood = ?", NULL, f->likelihood },
        { " and a.residual_impact = ?", NULL, f->impact },
    };
    for (size_t i = 0; i < sizeof equals / sizeof equals[0]; i++)
        if (equals[i].text != NULL || equals[i].number != 0) {
            text_string(&t, equals[i].sql);
            args[n++] = equals[i].text != NULL ? db_text(equals[i].text) : db_int(equals[i].number);
        }
    if (f->due) {
        text_string(&t, " and a.state = 'signed' and a.review_us <= ?");
        args[n++] = db_int(soon_us(a));
    }
    if (f->text != NULL && f->text[0] != '\0') {
        like_of(f->text, &words);
        text_string(
            &t, " and (lower(a.name) like ? escape '\\' or a.service like ? escape '\\' or a.class like ? "
                "escape '\\' or lower(d.name) like ? escape '\\')");
        for (unsigned i = 0; i < 4; i++)
            args[n++] = db_text(like);
    }
    if (f->cursor != NULL) {
        if (!read_cursor(a, f->cursor, &residual, &id, err))
            return false;
        text_string(&t, " and (a.residual < ? or (a.residual = ? and a.id < ?))");
        args[n++] = db_int((int64_t)residual);
        args[n++] = db_int((int64_t)residual);
        args[n++] = db_int((int64_t)id);
    }
    text_string(&t, " order by a.residual desc, a.id desc limit ?");
    args[n++] = db_int(limit + 1);
    if (!shape_list(a->db, sql, args, n, row_json, a, &list, err) || !counts(a, &sums, err)) {
        json_decref(list);
        return false;
    }
    if (json_array_size(list) > limit) {
        (void)json_array_remove(list, limit);
        const json_t *last = json_array_get(list, limit - 1);
        cursor = json_sprintf(
            "%lld.%lld",
            (long long)json_integer_value(json_object_get(json_object_get(last, "residual"), "score")),
            (long long)json_integer_value(json_object_get(last, "id")));
    }
    *out = json_pack("{so so so}", "assessments", list, "cursor", cursor, "counts", sums);
    return *out != NULL || error_memory(err);
}

/* ---- one ---- */

static json_t *text_row(const struct db_rows *rows, void *context)
{
    (void)context;
    json_error_t wrong;
    const struct view observed = db_get_text(rows, 4);
    json_t *facts = json_loadb((const char *)observed.at, observed.len, 0, &wrong);

    return json_pack("{so so so so so}", "sha256", shape_text(rows, 0), "scope", shape_text(rows, 1),
                     "benefit", shape_text(rows, 2), "reason", shape_text(rows, 3), "facts",
                     facts != NULL ? facts : json_null());
}

static json_t *step_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so}", "time", shape_time_of(rows, 0), "who", shape_text(rows, 1), "act",
                     shape_text(rows, 2), "why", shape_text(rows, 3));
}

static json_t *name_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return shape_text(rows, 0);
}

static json_t *version_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so}", "id", shape_int(rows, 0), "number", shape_int(rows, 1), "state",
                     shape_text(rows, 2), "changed", shape_time_of(rows, 3), "signed_by",
                     shape_text(rows, 4));
}

static json_t *drafted_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so so}", "document", shape_int(rows, 0), "version", shape_int(rows, 1),
                     "policy", shape_int(rows, 2), "title",
                     db_is_null(rows, 3) ? json_pack("s", "the policy") : shape_text(rows, 3), "state",
                     shape_text(rows, 4), "time", shape_time_of(rows, 5), "by", shape_text(rows, 6));
}

/* One part of the answer, from a question about the assessment. */
static bool add_list(struct act *a, json_t *to, const char *key, const char *sql, int64_t id, shape_row *row,
                     struct imw_error_info *err)
{
    json_t *list = NULL;

    return shape_list(a->db, sql, DB_ARGS(db_int(id)), row, NULL, &list, err) &&
           json_object_set_new(to, key, list) == 0;
}

static bool add_may(struct act *a, const struct assessment_row *r, bool ready, json_t *to,
                    struct imw_error_info *err)
{
    const uint64_t p = a->actor->permissions;
    const bool write = (p >> PERMISSION_RISK_WRITE & 1) != 0,
               compliance = write && actor_is(a->actor, ROLE_COMPLIANCE),
               person = !a->actor->token && a->actor->account != 0, draft = strcmp(r->state, "draft") == 0,
               proposed = strcmp(r->state, "proposed") == 0, in_force = strcmp(r->state, "signed") == 0;
    int64_t open = 0;
    bool author = false;

    if (!assessment_is_author(a, r->id, &author, err) ||
        !db_query_int(a->db,
                      "select count(*) from assessment where state in ('draft', 'proposed') and "
                      "coalesce(service, '') = ? and coalesce(class, '') = ? and coalesce(department, 0) = ?",
                      DB_ARGS(db_text(r->service), db_text(r->class), db_int(r->department)), &open, NULL,
                      err))
        return false;
    return json_object_set_new(
               to, "may",
               json_pack("{sb sb sb sb sb sb sb sb}", "write", write && draft, "decide", compliance && draft,
                         "propose", compliance && person && draft && ready, "withdraw",
                         compliance && person && proposed, "sign",
                         (p >> PERMISSION_RISK_SIGN & 1) != 0 && person && proposed && !author, "draft_rule",
                         write && in_force && !r->drafted && (p >> PERMISSION_DOCUMENT_WRITE & 1) != 0,
                         "renew", write && in_force && open == 0, "remove", write && draft)) == 0;
}

bool assessment_json(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    struct assessment_row r;
    json_t *row = NULL, *texts = NULL, *answers = NULL, *risks = NULL, *controls = NULL, *lacking = NULL,
           *rule = NULL, *drafted = NULL, *departments = NULL;
    int64_t stopped = 0;

    if (!assessment_load(a, id, &r, err))
        return false;
    bool ok =
        shape_one(a->db, COLUMNS "where a.id = ?", DB_ARGS(db_int(id)), row_json, a, &row, err) &&
        shape_one(a->db, "select sha256, scope, benefit, reason, observed from assessment where id = ?",
                  DB_ARGS(db_int(id)), text_row, NULL, &texts, err) &&
        assessment_answers(a->db, id, &answers, err) && assessment_risks(a->db, id, &risks, err) &&
        assessment_controls(a->db, id, &controls, err) &&
        assessment_departments(a->db, id, &departments, err) && assessment_lacking(a, id, &lacking, err) &&
        assessment_rule(a, &r, &rule, err) &&
        shape_one(
            a->db,
            "select a.document, a.document_version, a.policy, d.title, coalesce(v.state, p.state), "
            "a.drafted_us, x.name from assessment a left join document d on d.id = a.document left join "
            "document_version v on v.id = a.document_version left join policy_text p on p.id = a.policy "
            "left join account x on x.id = a.drafted_by where a.id = ? and (a.document_version is not "
            "null or a.policy is not null)",
            DB_ARGS(db_int(id)), drafted_row, NULL, &drafted, err);
    if (ok) {
        const json_t *facts = json_object_get(texts, "facts");
        ok = assessment_suggest(risks, answers, controls, facts);
        if (strcmp(r.state, "signed") == 0)
            ok = ok && assessment_stopped(a->db, json_object_get(facts, "services"), r.department,
                                          r.signed_us, &stopped, err);
        json_object_update(row, texts);
        json_object_set(row, "answers", answers);
        json_object_set(row, "risks", risks);
        json_object_set(row, "controls", controls);
        json_object_set(row, "departments", departments);
        json_object_set(row, "lacking", lacking);
        json_object_set(row, "rule", rule);
        json_object_set_new(row, "drafted", drafted != NULL ? json_incref(drafted) : json_null());
        json_object_set_new(row, "stopped",
                            strcmp(r.state, "signed") == 0 ? json_integer(stopped) : json_null());
    }
    ok = ok &&
         add_list(
             a, row, "steps",
             "select s.time_us, x.name, s.act, s.why from assessment_step s left join account x on x.id = "
             "s.account where s.assessment = ? order by s.id",
             id, step_row, err) &&
         add_list(a, row, "authors",
                  "select x.name from assessment_author u join account x on x.id = u.account where "
                  "u.assessment = ? order by x.name",
                  id, name_row, err) &&
         add_list(
             a, row, "versions",
             "select b.id, b.number, b.state, b.changed_us, x.name from assessment a join assessment b on "
             "coalesce(b.service, '') = coalesce(a.service, '') and coalesce(b.class, '') = "
             "coalesce(a.class, '') and coalesce(b.department, 0) = coalesce(a.department, 0) left join "
             "account x on x.id = b.signed_by where a.id = ? order by b.number desc",
             id, version_row, err) &&
         add_may(a, &r, json_array_size(lacking) == 0, row, err);
    json_decref(texts);
    json_decref(answers);
    json_decref(risks);
    json_decref(controls);
    json_decref(departments);
    json_decref(lacking);
    json_decref(rule);
    json_decref(drafted);
    if (ok)
        *out = row;
    else
        json_decref(row);
    return ok;
}

static json_t *short_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so}", "id", shape_int(rows, 0), "title", shape_text(rows, 1), "decision",
                     shape_text(rows, 2), "inherent", shape_int(rows, 3), "residual", shape_int(rows, 4));
}

bool assessment_of(struct db *db, const char *service, const char *class, json_t **out,
                   struct imw_error_info *err)
{
    json_t *row = NULL;

    if (!shape_one(
            db,
            "select id, name, decision, inherent_likelihood * inherent_impact, residual from assessment "
            "where state = 'signed' and department is null and (service = ? or class = ?) order by case "
            "when service is null then 1 else 0 end, signed_us desc, id desc limit 1",
            DB_ARGS(db_text(service != NULL ? service : ""), db_text(class != NULL ? class : "")), short_row,
            NULL, &row, err))
        return false;
    *out = row != NULL ? row : json_null();
    return true;
}

/* ---- the summary ---- */

static bool fill_matrix(struct act *a, const char *sql, json_t *into, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    for (unsigned i = 0; i < 5; i++)
        json_array_append_new(into, json_pack("[iiiii]", 0, 0, 0, 0, 0));
    if (!db_query(a->db, sql, DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why))
        json_array_set_new(json_array_get(into, (size_t)db_get_int(rows, 1) - 1),
                           (size_t)db_get_int(rows, 0) - 1, json_integer(db_get_int(rows, 2)));
    return rows_done(rows, &why, err);
}

static json_t *unassessed_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so ss so so}", "service", shape_text(rows, 0), "name", shape_text(rows, 0), "class",
                     "", "flows", shape_int(rows, 1), "stopped", shape_int(rows, 2));
}

#define NO_ASSESSMENT                                                                                        \
    "not exists (select 1 from assessment x where x.service = t.value and x.state in ('draft', 'proposed', " \
    "'signed'))"

/* Services that are used, of which nobody wrote down what they risk. */
static bool add_unassessed(struct act *a, json_t *to, struct imw_error_info *err)
{
    const int64_t from_us = (int64_t)a->now_us - RISK_DAYS * DAY_US;
    const struct db_value day = db_int(day_of(from_us));
    json_t *list = NULL;
    int64_t count = 0;

    if (!shape_list(
            a->db,
            "select t.value, sum(u.flows), sum(u.stopped) from usage_service_day u join term t on t.id = "
            "u.service where u.day >= ? and t.kind = 'service' and t.value <> '' and " NO_ASSESSMENT
            " group by t.value having sum(u.flows) > 0 order by sum(u.flows) desc, t.value limit 20",
            DB_ARGS(day), unassessed_row, NULL, &list, err) ||
        !db_query_int(a->db,
                      "select count(*) from (select t.value from usage_service_day u join term t on t.id = "
                      "u.service where u.day >= ? and t.kind = 'service' and t.value <> '' and " NO_ASSESSMENT
                      " group by t.value having sum(u.flows) > 0) x",
                      DB_ARGS(day), &count, NULL, err) ||
        !services_describe(list, err)) {
        json_decref(list);
        return false;
    }
    json_object_set_new(to, "unassessed", list);
    json_object_set_new(to, "unassessed_count", json_integer(count));
    return true;
}

bool risk_summary_json(struct act *a, const struct catalog *catalog, json_t **out, struct imw_error_info *err)
{
    static const char *const levels[] = { "low", "medium", "high", "critical" };
    json_t *all = json_pack("{s[] s[] s{}}", "matrix", "inherent", "levels"), *sums = NULL, *top = NULL;
    int64_t gaps = 0, n[4] = { 0 };
    const json_t *line, *cell;
    size_t i, l;

    bool ok =
        fill_matrix(a,
                    "select residual_likelihood, residual_impact, count(*) from assessment where state = "
                    "'signed' group by residual_likelihood, residual_impact",
                    json_object_get(all, "matrix"), err) &&
        fill_matrix(a,
                    "select inherent_likelihood, inherent_impact, count(*) from assessment where state = "
                    "'signed' group by inherent_likelihood, inherent_impact",
                    json_object_get(all, "inherent"), err) &&
        counts(a, &sums, err) && add_unassessed(a, all, err) && protection_gaps(a, catalog, &gaps, err) &&
        shape_list(a->db, COLUMNS "where a.state = 'signed' order by a.residual desc, a.id desc limit ?",
                   DB_ARGS(db_int(TOP)), row_json, a, &top, err);
    if (ok) {
        json_array_foreach(json_object_get(all, "matrix"), i, line) json_array_foreach(line, l, cell)
        {
            const char *level = risk_level((int64_t)((i + 1) * (l + 1)));
            for (unsigned k = 0; k < 4; k++)
                n[k] += strcmp(level, levels[k]) == 0 ? json_integer_value(cell) : 0;
        }
        for (unsigned k = 0; k < 4; k++)
            json_object_set_new(json_object_get(all, "levels"), levels[k], json_integer(n[k]));
        json_object_set(all, "signed", json_object_get(sums, "signed"));
        json_object_set(all, "waiting", json_object_get(sums, "proposed"));
        json_object_set(all, "drafts", json_object_get(sums, "draft"));
        json_object_set(all, "soon", json_object_get(sums, "soon"));
        json_object_set(all, "over", json_object_get(sums, "over"));
        json_object_set(all, "top", top);
        json_object_set_new(all, "gaps", json_integer(gaps));
    }
    json_decref(sums);
    json_decref(top);
    if (ok)
        *out = all;
    else
        json_decref(all);
    return ok;
}

/* ---- the method ---- */

bool risk_method_json(json_t **out, struct imw_error_info *err)
{
    json_t *threats = json_pack("[]"), *questions = json_pack("[]");

    for (unsigned i = 0; i < risk_threats_count; i++) {
        const struct risk_threat *t = &risk_threats[i];
        json_array_append_new(threats,
                              json_pack("{ss ss ss ss si}", "key", t->key, "title", t->title, "about",
                                        t->about, "guidance", t->guidance, "impact", t->impact));
    }
    for (unsigned i = 0; i < risk_questions_count; i++) {
        const struct risk_question *q = &risk_questions[i];
        json_array_append_new(questions, json_pack("{ss ss ss ss ss ss?}", "key", q->key, "threat", q->threat,
                                                   "text", q->text, "good", q->good, "part", q->part, "fact",
                                                   q->fact[0] != '\0' ? q->fact : NULL));
    }
    *out = json_pack(
        "{s[sssss] s[sssss] s[{ss si si ss} {ss si si ss} {ss si si ss} {ss si si ss}] so so}", "likelihood",
        "rare", "unlikely", "possible", "likely", "almost certain", "impact", "negligible", "minor",
        "moderate", "major", "severe", "levels", "level", "low", "from", 1, "until", 4, "text",
        "accepted as it is; looked at again on its day", "level", "medium", "from", 5, "until", 9, "text",
        "its owner watches it; controls where they cost little", "level", "high", "from", 10, "until", 14,
        "text", "not just allowed: conditions, a block, or somebody accepts it by name", "level", "critical",
        "from", 15, "until", 25, "text", "blocked, or accepted by name with a near review", "threats",
        threats, "questions", questions);
    if (*out == NULL)
        return error_memory(err);
    json_object_set_new(*out, "conditions",
                        json_pack("[{ss ss} {ss ss} {ss ss} {ss ss} {ss ss}]", "key", "acknowledged", "text",
                                  "who uses it has signed the policy", "key", "trained", "text",
                                  "who uses it has passed the training", "key", "no-files", "text",
                                  "no files", "key", "scan-files", "text", "files are scanned first", "key",
                                  "departments", "text", "only the departments that are named"));
    json_object_set_new(*out, "decisions",
                        json_pack("[{ss ss} {ss ss} {ss ss} {ss ss}]", "key", "allow", "text", "Allow it",
                                  "key", "conditions", "text", "Allow it under conditions", "key", "block",
                                  "text", "Block it", "key", "accept", "text", "Accept the risk"));
    return true;
}
