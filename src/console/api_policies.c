/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts and versions of the policy: program/policy_text.h; what one would have done: program/what_if.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/catalog_view.h"
#include "program/event_show.h"
#include "program/policy_text.h"
#include "program/what_if.h"
#include "store/event_store.h"

enum { WHAT_IF_US = 5000000, CLERK_WAIT_MS = 5000 };

static void answer_done(struct call *c, const struct act *a, bool ok, int64_t id, unsigned status,
                        const struct imw_error_info *err)
{
    if (ok)
        call_changed(c, CHANGE_POLICY);
    answer_done_to(c, a, ok, policy_text_get, id, status, err);
}

void policy_list_show(struct call *c)
{
    answer_asked(c, policy_text_list);
}

void policy_show(struct call *c)
{
    answer_id(c, policy_text_get);
}

void policy_add(struct call *c)
{
    int64_t id = 0, from = json_integer_value(json_object_get(c->body, "from"));
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *text;

    if (!call_text(c, "text", POLICY_TEXT_BYTES, &text))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = policy_text_new(&a, catalog, text, from, &id, &err);
    catalog_view_close(catalog);
    answer_done(c, &a, ok, id, 201, &err);
}

void policy_update(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *text;
    int64_t id;

    if (!call_id(c, 0, &id) || !call_text(c, "text", POLICY_TEXT_BYTES, &text))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = policy_text_change(&a, catalog, id, text, &err);
    catalog_view_close(catalog);
    answer_done(c, &a, ok, id, 200, &err);
}

void policy_publish(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *row = NULL;
    int64_t id;

    if (!call_id(c, 0, &id) || !call_strong(c))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = policy_text_publish(&a, catalog, id, &err);
    catalog_view_close(catalog);
    if (!ok || !policy_text_get(&a, id, &row, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    /* The clerk writes the file when this has been committed. */
    const char *file = c->api->config != NULL ? c->api->config->policy_file : NULL;
    call_changed(c, CHANGE_POLICY);
    call_wake(c, "enforcement");
    (void)json_object_set_new(row, "file", file != NULL ? json_pack("s", file) : json_null());
    call_json(c, 200, row);
}

void policy_check_text(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *report = NULL;
    const char *text;

    if (!call_text(c, "text", POLICY_TEXT_BYTES, &text) || !begin_again(c, false))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    if (policy_report(view_string(text), catalog, c->now_us, &report, &err))
        call_json(c, 200, report);
    else
        call_failed(c, &err);
    catalog_view_close(catalog);
}

/* Examples with their rows, in the words that this caller may see. */
static bool add_rows(struct call *c, json_t *answer, struct imw_error_info *err)
{
    struct viewer v;
    json_t *example;
    bool ok = true;
    size_t i;

    if (!viewer_begin(c->db, &c->actor, c->now_us, &v, err))
        return false;
    json_array_foreach(json_object_get(answer, "examples"), i, example)
    {
        json_t *row = NULL;
        ok = ok && events_get(c->db, json_integer_value(json_object_get(example, "event")), &row, err);
        if (!ok)
            break;
        (void)json_object_del(row, "eve");
        event_show(&v, row);
        ok = json_object_set_new(example, "event", row) == 0 || error_memory(err);
    }
    viewer_end(&v);
    return ok;
}

void policy_what_if(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *text, *rule;
    json_t *answer = NULL;
    int64_t days;

    if (!call_text(c, "text", POLICY_TEXT_BYTES, &text) || !call_text_optional(c, "rule", 256, &rule) ||
        !call_number(c, "days", 1, WHAT_IF_DAYS, &days) || !begin_again(c, false))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = what_if(c->db, view_string(text), catalog, rule, (unsigned)days, c->now_us, WHAT_IF_US, &answer,
                      &err);
    catalog_view_close(catalog);
    if (ok && !add_rows(c, answer, &err)) {
        json_decref(answer);
        ok = false;
    }
    if (ok)
        call_json(c, 200, answer);
    else if (err.code == IMW_ERROR_VALUE || err.code == IMW_ERROR_FORMAT || err.code == IMW_ERROR_LIMIT)
        call_problem(c, 422, "text", "line %u: %s", err.line, err.text);
    else
        call_failed(c, &err);
}
