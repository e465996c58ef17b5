/* SPDX-License-Identifier: Apache-2.0 */
/* Risk assessments, and what covers which threat: program/assessment.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/assessment.h"
#include "program/catalog_view.h"

static void answer_changed(struct call *c, struct act *a, bool ok, int64_t id, unsigned status,
                           struct imw_error_info *err)
{
    if (ok)
        call_changed(c, CHANGE_RISKS);
    answer_done_to(c, a, ok, assessment_json, id, status, err);
}

void assessment_list(struct call *c)
{
    const char *due = call_query(c, "due");
    struct assessment_filter f = { .state = call_query(c, "state"),
                                   .level = call_query(c, "level"),
                                   .decision = call_query(c, "decision"),
                                   .service = call_query(c, "service"),
                                   .class = call_query(c, "class"),
                                   .text = call_query(c, "q"),
                                   .cursor = call_query(c, "cursor"),
                                   .due = due != NULL && strcmp(due, "1") == 0 };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t limit;
    json_t *page = NULL;

    if (!call_query_number(c, "department", 1, INT64_MAX, 0, &f.department) ||
        !call_query_number(c, "likelihood", 1, 5, 0, &f.likelihood) ||
        !call_query_number(c, "impact", 1, 5, 0, &f.impact) ||
        !call_query_number(c, "limit", 1, 1000, 50, &limit))
        return;
    f.limit = (unsigned)limit;
    const bool ok = assessments_json(&a, &f, &page, &err);
    answer_made(c, &a, ok, 200, page, &err);
}

void assessment_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct catalog *catalog = call_catalog(c);
    int64_t id = 0;

    if (catalog == NULL)
        return;
    const bool ok = assessment_begin(&a, catalog, c->body, &id, &err);
    catalog_view_close(catalog);
    answer_changed(c, &a, ok, id, 201, &err);
}

void assessment_show(struct call *c)
{
    answer_id(c, assessment_json);
}

void assessment_patch(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        const bool ok = assessment_write(&a, id, c->body, &err);
        answer_changed(c, &a, ok, id, 200, &err);
    }
}

void assessment_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!assessment_drop(&a, id, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_RISKS);
    call_nothing(c);
}

void assessment_observe_again(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    const bool ok = assessment_look_again(&a, catalog, id, c->body, &err);
    catalog_view_close(catalog);
    answer_changed(c, &a, ok, id, 200, &err);
}

/* An act on the assessment of the route that needs no more. */
static void change(struct call *c, bool (*act)(struct act *a, int64_t id, struct imw_error_info *err))
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        const bool ok = act(&a, id, &err);
        answer_changed(c, &a, ok, id, 200, &err);
    }
}

void assessment_propose(struct call *c)
{
    change(c, assessment_put_forward);
}

void assessment_withdraw(struct call *c)
{
    change(c, assessment_take_back);
}

void assessment_decision(struct call *c)
{
    const json_t *sign = json_object_get(c->body, "sign");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *why, *sha256;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!json_is_boolean(sign)) {
        call_problem(c, 422, "sign", "say true or false");
        return;
    }
    if (!call_text_optional(c, "why", RISK_NOTE_BYTES, &why) || !call_text(c, "sha256", 64, &sha256) ||
        !call_strong(c))
        return;
    const bool ok = assessment_sign(&a, id, json_is_true(sign), why != NULL ? why : "", sha256, &err);
    answer_changed(c, &a, ok, id, 200, &err);
}

void assessment_rule_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    const bool ok = assessment_draft_rule(&a, catalog, id, &err);
    catalog_view_close(catalog);
    if (ok) {
        call_changed(c, CHANGE_DOCUMENTS);
        call_changed(c, CHANGE_POLICY);
    }
    answer_changed(c, &a, ok, id, 201, &err);
}

void risk_method_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *body = NULL;
    const bool ok = risk_method_json(&body, &err);

    answer_made(c, &a, ok, 200, body, &err);
}

void risk_summary_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct catalog *catalog = call_catalog(c);
    json_t *body = NULL;

    if (catalog == NULL)
        return;
    const bool ok = risk_summary_json(&a, catalog, &body, &err);
    catalog_view_close(catalog);
    answer_made(c, &a, ok, 200, body, &err);
}

/* All of them, after a change of one: `ok`. */
static void answer_protections(struct call *c, struct act *a, bool ok, unsigned status,
                               struct imw_error_info *err)
{
    struct catalog *catalog = call_catalog(c);
    json_t *body = NULL;

    if (catalog == NULL)
        return;
    ok = ok && protections_json(a, catalog, &body, err);
    catalog_view_close(catalog);
    answer_made(c, a, ok, status, body, err);
}

void protection_list(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);

    answer_protections(c, &a, true, 200, &err);
}

void protection_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const bool ok = protection_put(&a, 0, c->body, &err);

    call_changed(c, CHANGE_RISKS);
    answer_protections(c, &a, ok, 201, &err);
}

void protection_set(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        const bool ok = protection_put(&a, id, c->body, &err);
        call_changed(c, CHANGE_RISKS);
        answer_protections(c, &a, ok, 200, &err);
    }
}

void protection_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        const bool ok = protection_drop(&a, id, &err);
        call_changed(c, CHANGE_RISKS);
        answer_protections(c, &a, ok, 200, &err);
    }
}
