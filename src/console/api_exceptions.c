/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions from the policy: program/exception.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/catalog_view.h"
#include "program/exception.h"

static void answer_done(struct call *c, const struct act *a, bool ok, int64_t id, unsigned status,
                        const struct imw_error_info *err)
{
    if (ok) {
        call_changed(c, CHANGE_EXCEPTIONS);
        call_changed(c, CHANGE_ENFORCEMENT);
        call_wake(c, "enforcement");
    }
    answer_done_to(c, a, ok, exception_get, id, status, err);
}

void exception_list_show(struct call *c)
{
    const char *open = call_query(c, "open");
    struct exception_filter f = { .state = call_query(c, "state"),
                                  .kind = call_query(c, "kind"),
                                  .text = call_query(c, "q"),
                                  .open = open != NULL && strcmp(open, "1") == 0 };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t limit;
    json_t *page = NULL;

    if (!call_query_number(c, "due", 1, 3650, 0, &f.due_days) ||
        !call_query_number(c, "cursor", 1, INT64_MAX, 0, &f.before) ||
        !call_query_number(c, "limit", 1, 200, 50, &limit))
        return;
    f.limit = (unsigned)limit;
    if (exception_list(&a, &f, &page, &err))
        call_json(c, 200, page);
    else
        answer_refused(c, &a, &err);
}

void exception_mine_show(struct call *c)
{
    answer_asked(c, exception_mine);
}

void exception_risk_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *risk = NULL;
    struct catalog *catalog = call_catalog(c);

    if (catalog == NULL)
        return;
    if (exception_risk(&a, catalog, call_query(c, "service"), call_query(c, "class"), &risk, &err))
        call_json(c, 200, risk);
    else
        answer_refused(c, &a, &err);
    catalog_view_close(catalog);
}

void exception_choices_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *choices = NULL;
    struct catalog *catalog = call_catalog(c);

    if (catalog == NULL)
        return;
    bool ok = exception_choices(&a, catalog, &choices, &err);
    answer_made(c, &a, ok, 200, choices, &err);
    catalog_view_close(catalog);
}

void exception_show(struct call *c)
{
    answer_id(c, exception_get);
}

void exception_mine_one(struct call *c)
{
    exception_show(c); /* exception_get() cuts to the caller's own */
}

/* False: answered. */
static bool read_wish(struct call *c, struct exception_wish *w)
{
    *w = (struct exception_wish){ .activities = json_object_get(c->body, "activities") };
    return call_text_optional(c, "service", 64, &w->service) &&
           call_text_optional(c, "class", 64, &w->class) &&
           (json_object_get(c->body, "person") == NULL ||
            call_number(c, "person", 1, INT64_MAX, &w->person)) &&
           (json_object_get(c->body, "department") == NULL ||
            call_number(c, "department", 1, INT64_MAX, &w->department)) &&
           call_text(c, "purpose", EXCEPTION_TEXT_BYTES, &w->purpose);
}

void exception_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct exception_wish w;
    int64_t id = 0;

    if (!read_wish(c, &w) || !call_text(c, "benefit", EXCEPTION_TEXT_BYTES, &w.benefit) ||
        !call_text(c, "until", 40, &w.until))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = exception_ask(&a, catalog, &w, &id, &err);
    catalog_view_close(catalog);
    answer_done(c, &a, ok, id, 201, &err);
}

void exception_start(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct exception_wish w;
    int64_t id = 0;

    if (!read_wish(c, &w) || !call_number(c, "hours", 1, 10000, &w.hours) || !call_strong(c))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = exception_start_emergency(&a, catalog, &w, &id, &err);
    catalog_view_close(catalog);
    answer_done(c, &a, ok, id, 201, &err);
}

void exception_decision(struct call *c)
{
    const json_t *grant = json_object_get(c->body, "grant");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *why, *until;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    if (!json_is_boolean(grant)) {
        call_problem(c, 422, "grant", "say true or false");
        return;
    }
    if (!call_text_optional(c, "why", EXCEPTION_TEXT_BYTES, &why) ||
        !call_text_optional(c, "until", 40, &until) || !call_strong(c))
        return;
    bool ok = exception_decide(&a, id, json_is_true(grant), why != NULL ? why : "", until, &err);
    answer_done(c, &a, ok, id, 200, &err);
}

void exception_end_now(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *why;
    int64_t id;

    if (!call_id(c, 0, &id) || !call_text_optional(c, "why", EXCEPTION_TEXT_BYTES, &why))
        return;
    bool ok = exception_end(&a, id, why != NULL ? why : "", &err);
    answer_done(c, &a, ok, id, 200, &err);
}

void exception_close_out(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *said, *archived;
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id) || !call_text(c, "said", EXCEPTION_TEXT_BYTES, &said) ||
        !call_text(c, "archived", EXCEPTION_TEXT_BYTES, &archived))
        return;
    bool ok = exception_close(&a, id, said, archived, &err);
    answer_done(c, &a, ok, id, 200, &err);
}
