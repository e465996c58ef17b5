/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents and their versions: program/document.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/catalog_view.h"
#include "program/document.h"
#include "program/when.h"

static void answer_document(struct call *c, struct act *a, bool ok, int64_t id, unsigned status,
                            struct imw_error_info *err)
{
    json_t *row = NULL;

    ok = ok && document_get(a, id, &row, err);
    if (ok)
        call_changed(c, CHANGE_DOCUMENTS);
    answer_made(c, a, ok, status, row, err);
}

/* {id} and {version} of a route. */
static bool numbers(struct call *c, int64_t *out_document, int64_t *out_version)
{
    return call_id(c, 0, out_document) && call_id(c, 1, out_version);
}

/* An act on the version of the route, with the catalog that its rules are read by. */
struct version_act {
    struct imw_error_info err;
    struct act a;
    struct catalog *catalog;
    int64_t document, id;
};

/* False: answered. */
static bool version_begin(struct call *c, struct version_act *v)
{
    *v = (struct version_act){ .a = act_of(c) };
    return numbers(c, &v->document, &v->id) && (v->catalog = call_catalog(c)) != NULL;
}

/* The version as it is now, or why not. */
static void version_end(struct call *c, struct version_act *v, bool ok, unsigned status)
{
    json_t *row = NULL;

    ok = ok && document_version_get(&v->a, v->catalog, v->document, v->id, &row, &v->err);
    if (ok && c->route->method != METHOD_GET)
        call_changed(c, CHANGE_DOCUMENTS);
    answer_made(c, &v->a, ok, status, row, &v->err);
    catalog_view_close(v->catalog);
}

/* ---- documents ---- */

void document_list_show(struct call *c)
{
    answer_asked(c, document_list);
}

void document_templates_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *list = json_pack("[]");
    bool ok = list != NULL;

    for (const struct document_template *t = document_templates; ok && t->name != NULL; t++) {
        char *text = NULL;
        ok = document_template_fill(a.db, t, &text, &err) &&
             json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "name", t->name, "title", t->title,
                                                   "about", t->about, "text", text)) == 0;
        free(text);
    }
    json_t *body = ok ? json_pack("{s:O}", "templates", list) : NULL;
    json_decref(list);
    answer_made(c, &a, ok, 200, body, &err);
}

void document_show(struct call *c)
{
    answer_id(c, document_get);
}

static bool wished_days(struct call *c, const char *name, int64_t *out)
{
    *out = -1;
    return json_object_get(c->body, name) == NULL || call_number(c, name, 0, DOCUMENT_DAYS, out);
}

static bool read_wish(struct call *c, struct document_wish *out)
{
    *out = (struct document_wish){ .departments = json_object_get(c->body, "departments") };
    return call_text_optional(c, "title", DOCUMENT_TITLE_BYTES, &out->title) &&
           call_text_optional(c, "audience", 32, &out->audience) &&
           wished_days(c, "due_days", &out->due_days) &&
           wished_days(c, "remind_before", &out->remind_before) &&
           wished_days(c, "remind_every", &out->remind_every) &&
           wished_days(c, "escalate_after", &out->escalate_after);
}

void document_add(struct call *c)
{
    const char *title, *template, *text, *edition;
    struct imw_error_info err = { 0 };
    struct document_wish wish;
    struct act a = act_of(c);
    int64_t id = 0;

    if (!call_text(c, "title", DOCUMENT_TITLE_BYTES, &title) ||
        !call_text_optional(c, "template", 64, &template) ||
        !call_text_optional(c, "text", DOCUMENT_TEXT_BYTES, &text) ||
        !call_text_optional(c, "edition", DOCUMENT_EDITION_BYTES, &edition) || !read_wish(c, &wish))
        return;
    const struct document_template *t = text == NULL && template != NULL ? document_template(template) : NULL;
    if (text == NULL && t == NULL) {
        call_problem(c, 422, template != NULL ? "template" : "text",
                     template != NULL ? "there is no such template" : "a text or a template is needed");
        return;
    }
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    char *filled = NULL;
    bool ok = (t == NULL || document_template_fill(a.db, t, &filled, &err)) &&
              document_new(&a, catalog, &wish, t != NULL ? filled : text, edition, &id, &err);
    free(filled);
    catalog_view_close(catalog);
    answer_document(c, &a, ok, id, 201, &err);
}

void document_patch(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct document_wish wish;
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id) || !read_wish(c, &wish))
        return;
    bool ok = document_change(&a, id, &wish, &err);
    if (ok)
        call_changed(c, CHANGE_DUTIES);
    answer_document(c, &a, ok, id, 200, &err);
}

/* ---- versions ---- */

void document_check(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *text, *edition;
    json_t *report = NULL;

    if (!call_text(c, "text", DOCUMENT_TEXT_BYTES, &text) ||
        !call_text_optional(c, "edition", DOCUMENT_EDITION_BYTES, &edition) || !begin_again(c, false))
        return;
    struct act a = act_of(c);
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_check_json(&a, catalog, text, edition, &report, &err);
    catalog_view_close(catalog);
    answer_made(c, &a, ok, 200, report, &err);
}

void document_version_add(struct call *c)
{
    struct version_act v = { .a = act_of(c) };
    const char *edition;
    int64_t from = 0;

    if (!call_id(c, 0, &v.document) || !call_text_optional(c, "edition", DOCUMENT_EDITION_BYTES, &edition) ||
        (json_object_get(c->body, "from") != NULL && !call_number(c, "from", 1, INT64_MAX, &from)) ||
        (v.catalog = call_catalog(c)) == NULL)
        return;
    bool ok = document_version_new(&v.a, v.catalog, v.document, from, edition, &v.id, &v.err);
    version_end(c, &v, ok, 201);
}

void document_version_show(struct call *c)
{
    struct version_act v;

    if (version_begin(c, &v))
        version_end(c, &v, true, 200);
}

void document_version_put(struct call *c)
{
    struct version_wish wish = { .sign = -1 };
    const json_t *sign = json_object_get(c->body, "sign");
    struct version_act v;

    if (!call_text(c, "sha256", 64, &wish.base) ||
        !call_text_optional(c, "text", DOCUMENT_TEXT_BYTES, &wish.text) ||
        !call_text_optional(c, "edition", DOCUMENT_EDITION_BYTES, &wish.edition) ||
        !call_text_optional(c, "summary", DOCUMENT_SUMMARY_BYTES, &wish.summary))
        return;
    if (sign != NULL && !json_is_boolean(sign)) {
        call_problem(c, 422, "sign", "true or false is needed");
        return;
    }
    if (sign != NULL)
        wish.sign = json_is_true(sign);
    if (!version_begin(c, &v))
        return;
    bool ok = document_version_change(&v.a, v.catalog, v.document, v.id, &wish, &v.err);
    version_end(c, &v, ok, 200);
}

void document_version_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t document, id;

    if (!numbers(c, &document, &id))
        return;
    if (!document_draft_remove(&a, document, id, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_DOCUMENTS);
    call_nothing(c);
}

void document_version_diff(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *diff = NULL;
    int64_t document, id, from;

    if (!numbers(c, &document, &id) || !call_query_number(c, "from", 0, INT64_MAX, 0, &from))
        return;
    bool ok = document_diff(&a, document, id, from, &diff, &err);
    answer_made(c, &a, ok, 200, diff, &err);
}

/* ---- deciding ---- */

void document_version_propose(struct call *c)
{
    struct version_act v;

    if (!version_begin(c, &v))
        return;
    bool ok = document_propose(&v.a, v.catalog, v.document, v.id, &v.err);
    if (ok)
        call_wake(c, "mail");
    version_end(c, &v, ok, 200);
}

void document_version_withdraw(struct call *c)
{
    struct version_act v;

    if (version_begin(c, &v))
        version_end(c, &v, document_withdraw(&v.a, v.document, v.id, &v.err), 200);
}

void document_version_decide(struct call *c)
{
    const json_t *approve = json_object_get(c->body, "approve");
    const char *why, *sha256;
    struct version_act v;

    if (!call_text_optional(c, "why", DOCUMENT_WHY_BYTES, &why) || !call_text(c, "sha256", 64, &sha256))
        return;
    if (!json_is_boolean(approve)) {
        call_problem(c, 422, "approve", "true or false is needed");
        return;
    }
    if (!call_strong(c) || !version_begin(c, &v))
        return;
    bool ok = document_decide(&v.a, v.document, v.id, json_is_true(approve), why != NULL ? why : "", sha256,
                              &v.err);
    version_end(c, &v, ok, 200);
}

void document_version_publish(struct call *c)
{
    struct version_act v;
    uint64_t on_us = 0;
    const char *on;

    if (!call_text_optional(c, "on", 40, &on))
        return;
    if (on != NULL && !when_read(on, &on_us)) {
        call_problem(c, 422, "on", "a day or a time is expected: 2026-12-01");
        return;
    }
    if (!call_strong(c) || !version_begin(c, &v))
        return;
    bool ok = document_publish(&v.a, v.catalog, v.document, v.id, on_us, &v.err);
    if (ok) {
        call_changed(c, CHANGE_DUTIES);
        call_changed(c, CHANGE_POLICY);
        call_wake(c, "enforcement");
        call_wake(c, "duties");
    }
    version_end(c, &v, ok, 200);
}

void document_version_unpublish(struct call *c)
{
    struct version_act v;

    if (version_begin(c, &v))
        version_end(c, &v, document_unpublish(&v.a, v.document, v.id, &v.err), 200);
}
