/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From proposal to sign-off. A change of state names the state and the hash that it comes from, so that of
 * two who act at once one changes a row and the other none.
 */
#include "program/assessment.h"
#include "program/shape_list.h"
#include "store/event_store.h"
#include <stdarg.h>

enum { HIGH = 10, WHY_LEAST = 10 };

static bool not_a_token(struct act *a, struct imw_error_info *err)
{
    return (!a->actor->token && a->actor->account != 0) ||
           act_no(a, err, ACT_FORBIDDEN, "", "a person decides on risks: sign in");
}

static void lack(json_t *list, const char *format, ...) IMW_PRINTF(2, 3);
static void lack(json_t *list, const char *format, ...)
{
    char text[300];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(list, json_pack("s", text));
}

static int64_t number_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static bool has_control(const json_t *controls, const char *threat)
{
    const json_t *one;
    size_t i;

    json_array_foreach(controls, i,
                       one) if (strcmp(json_string_value(json_object_get(one, "threat")), threat) == 0 &&
                                strcmp(json_string_value(json_object_get(one, "state")), "in place") ==
                                    0) return true;
    return false;
}

static void lacking_of_risks(const json_t *risks, const json_t *controls, json_t *out)
{
    for (unsigned t = 0; t < risk_threats_count; t++) {
        const json_t *one, *risk = NULL;
        size_t i;
        json_array_foreach(risks, i, one) if (strcmp(json_string_value(json_object_get(one, "threat")),
                                                     risk_threats[t].key) == 0) risk = one;
        const int64_t l = number_of(risk, "likelihood"), m = number_of(risk, "impact"),
                      rl = number_of(risk, "residual_likelihood"), rm = number_of(risk, "residual_impact");
        if (l == 0 || m == 0 || rl == 0 || rm == 0)
            lack(out, "rate \"%s\", without and with its controls", risk_threats[t].title);
        else if (rl > l || rm > m)
            lack(out, "\"%s\": controls do not make a risk greater", risk_threats[t].title);
        else if ((rl < l || rm < m) && !has_control(controls, risk_threats[t].key))
            lack(out, "\"%s\" is rated lower with controls, but names none that is in place",
                 risk_threats[t].title);
    }
}

static json_t *decided_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so so so so so so so so}", "decision", shape_text(rows, 0), "conditions",
                     shape_text(rows, 1), "reason", shape_text(rows, 2), "benefit", shape_text(rows, 3),
                     "benefit_level", shape_int(rows, 4), "review", shape_int(rows, 5), "residual",
                     shape_int(rows, 6), "departments", shape_int(rows, 7), "owner", shape_int(rows, 8));
}

static void lacking_of_decision(const struct act *a, const json_t *d, json_t *out)
{
    const char *decision = json_string_value(json_object_get(d, "decision")),
               *conditions = json_string_value(json_object_get(d, "conditions"));

    if (json_string_length(json_object_get(d, "benefit")) == 0 || number_of(d, "benefit_level") == 0)
        lack(out, "say what the business gains from it, and how much");
    if (decision == NULL)
        lack(out, "decide");
    else if (strcmp(decision, "conditions") == 0 && conditions[0] == '\0')
        lack(out, "name the conditions under which it is allowed");
    else if (strcmp(decision, "allow") == 0 && number_of(d, "residual") >= HIGH)
        lack(out, "a risk that stays high is not just allowed: block it, set conditions, or accept it");
    if (decision != NULL && strcmp(decision, "conditions") == 0 &&
        strstr(conditions, "departments") != NULL && number_of(d, "departments") == 0)
        lack(out, "name the departments that may use it");
    if (json_string_length(json_object_get(d, "reason")) == 0)
        lack(out, "give the reason for the decision");
    if (number_of(d, "review") == 0)
        lack(out, "set the day on which it is looked at again");
    else if ((uint64_t)number_of(d, "review") <= a->now_us)
        lack(out, "the day of its review is past: set another");
    if (number_of(d, "owner") == 0)
        lack(out, "name its owner");
}

bool assessment_lacking(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    json_t *answers = NULL, *risks = NULL, *controls = NULL, *decided = NULL, *list = json_pack("[]");

    const bool ok =
        assessment_answers(a->db, id, &answers, err) && assessment_risks(a->db, id, &risks, err) &&
        assessment_controls(a->db, id, &controls, err) &&
        shape_one(a->db,
                  "select decision, conditions, reason, benefit, benefit_level, review_us, residual, (select "
                  "count(*) from assessment_department d where d.assessment = a.id), owner from assessment a "
                  "where id = ?",
                  DB_ARGS(db_int(id)), decided_row, NULL, &decided, err);
    if (ok) {
        unsigned open = risk_questions_count;
        for (unsigned q = 0; q < risk_questions_count; q++) {
            const json_t *one;
            size_t i;
            json_array_foreach(answers, i,
                               one) if (strcmp(json_string_value(json_object_get(one, "question")),
                                               risk_questions[q].key) == 0)
            {
                open--;
                break;
            }
        }
        if (open > 0)
            lack(list, "answer %u more question%s", open, open == 1 ? "" : "s");
        lacking_of_risks(risks, controls, list);
        lacking_of_decision(a, decided, list);
    }
    json_decref(answers);
    json_decref(risks);
    json_decref(controls);
    json_decref(decided);
    if (ok)
        *out = list;
    else
        json_decref(list);
    return ok;
}

bool assessment_put_forward(struct act *a, int64_t id, struct imw_error_info *err)
{
    struct assessment_row r;
    json_t *lacking = NULL;
    uint64_t changed = 0;

    if (!not_a_token(a, err) || !assessment_load(a, id, &r, err))
        return false;
    if (!actor_is(a->actor, ROLE_COMPLIANCE))
        return act_no(a, err, ACT_FORBIDDEN, "", "compliance puts an assessment forward");
    if (strcmp(r.state, "draft") != 0)
        return act_no(a, err, ACT_LATE, "", "it is no draft any more");
    if (!assessment_lacking(a, id, &lacking, err))
        return false;
    const bool ready = json_array_size(lacking) == 0;
    if (!ready)
        act_no(a, err, ACT_WRONG, "", "not ready: %s", json_string_value(json_array_get(lacking, 0)));
    json_decref(lacking);
    if (!ready ||
        !db_run(a->db,
                "update assessment set state = 'proposed', proposed_by = ?, proposed_us = ?, changed_us = ? "
                "where id = ? and state = 'draft' and sha256 = ?",
                DB_ARGS(db_int(a->actor->account), db_int((int64_t)a->now_us), db_int((int64_t)a->now_us),
                        db_int(id), db_text(r.sha256)),
                &changed, err))
        return false;
    return (changed == 1 || act_no(a, err, ACT_LATE, "", "somebody was quicker")) &&
           db_run(a->db,
                  "insert into assessment_author (assessment, account) values (?, ?) on conflict do nothing",
                  DB_ARGS(db_int(id), db_int(a->actor->account)), NULL, err) &&
           assessment_step(a, id, "propose", "", err) &&
           act_record(a, "assessment.propose", "assessment", id, json_pack("{s:s}", "sha256", r.sha256), err);
}

static bool to_draft(struct act *a, int64_t id, const char *step, const char *word, const char *why,
                     struct imw_error_info *err)
{
    uint64_t changed = 0;

    return db_run(
               a->db,
               "update assessment set state = 'draft', proposed_by = null, proposed_us = null, changed_us = "
               "? where id = ? and state = 'proposed'",
               DB_ARGS(db_int((int64_t)a->now_us), db_int(id)), &changed, err) &&
           (changed == 1 || act_no(a, err, ACT_LATE, "", "it does not wait for a sign-off")) &&
           assessment_step(a, id, step, why, err) &&
           act_record(a, word, "assessment", id, json_pack("{s:s}", "why", why), err);
}

bool assessment_take_back(struct act *a, int64_t id, struct imw_error_info *err)
{
    struct assessment_row r;

    if (!not_a_token(a, err) || !assessment_load(a, id, &r, err))
        return false;
    if (!actor_is(a->actor, ROLE_COMPLIANCE))
        return act_no(a, err, ACT_FORBIDDEN, "", "compliance takes it back");
    return to_draft(a, id, "withdraw", "assessment.withdraw", "", err);
}

/* The version in force of the same subject makes way. */
static bool replace_before(struct act *a, const struct assessment_row *r, struct imw_error_info *err)
{
    int64_t before = 0;
    bool found;

    if (!db_query_int(a->db,
                      "select id from assessment where state = 'signed' and coalesce(service, '') = ? and "
                      "coalesce(class, '') = ? and coalesce(department, 0) = ? and id <> ?",
                      DB_ARGS(db_text(r->service), db_text(r->class), db_int(r->department), db_int(r->id)),
                      &before, &found, err))
        return false;
    return !found || (db_run(a->db, "update assessment set state = 'replaced', replaced_us = ? where id = ?",
                             DB_ARGS(db_int((int64_t)a->now_us), db_int(before)), NULL, err) &&
                      assessment_step(a, before, "replace", "", err));
}

bool assessment_sign(struct act *a, int64_t id, bool sign, const char *why, const char *sha256,
                     struct imw_error_info *err)
{
    struct assessment_row r;
    bool author = false;
    uint64_t changed = 0;

    if (!not_a_token(a, err) || !assessment_load(a, id, &r, err))
        return false;
    if (strcmp(r.state, "proposed") != 0)
        return act_no(a, err, ACT_LATE, "", "it does not wait for a sign-off");
    if (strcmp(sha256, r.sha256) != 0)
        return act_no(a, err, ACT_LATE, "sha256", "that is not what you read: load it again");
    if (!assessment_is_author(a, id, &author, err))
        return false;
    if (author)
        return act_no(a, err, ACT_FORBIDDEN, "", "another person signs it off: you wrote some of it");
    if (!sign)
        return (view_trim(view_string(why)).len >= WHY_LEAST ||
                act_no(a, err, ACT_WRONG, "why", "say in %d characters or more what is to be changed",
                       WHY_LEAST)) &&
               to_draft(a, id, "send back", "assessment.send_back", why, err);
    if (r.review_us <= (int64_t)a->now_us)
        return act_no(a, err, ACT_LATE, "", "the day of its review is past: send it back");
    return replace_before(a, &r, err) &&
           db_run(
               a->db,
               "update assessment set state = 'signed', signed_by = ?, signed_us = ?, changed_us = ? where "
               "id = ? and state = 'proposed' and sha256 = ?",
               DB_ARGS(db_int(a->actor->account), db_int((int64_t)a->now_us), db_int((int64_t)a->now_us),
                       db_int(id), db_text(r.sha256)),
               &changed, err) &&
           (changed == 1 || act_no(a, err, ACT_LATE, "", "somebody was quicker")) &&
           assessment_step(a, id, "sign", why, err) &&
           act_record(a, "assessment.sign", "assessment", id,
                      json_pack("{s:s,s:s,s:s,s:I}", "sha256", r.sha256, "decision", r.decision, "why", why,
                                "residual", (json_int_t)(r.likelihood * r.impact)),
                      err);
}
