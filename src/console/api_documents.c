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

static void answer_version(struct call *c, struct act *a, const struct catalog *catalog, bool ok,
                           int64_t document, int64_t id, unsigned status, struct imw_error_info *err)
{
    json_t *row = NULL;

    ok = ok && document_version_get(a, catalog, document, id, &row, err);
    if (ok && c->route->method != METHOD_GET)
        call_changed(c, CHANGE_DOCUMENTS);
    answer_made(c, a, ok, status, row, err);
}

/* {id} and {version} of a route. */
static bool numbers(struct call *c, int64_t *out_document, int64_t *out_version)
{
    return call_id(c, 0, out_document) && call_id(c, 1, out_version);
}

/* ---- documents ---- */

void document_list_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *list = NULL;
    bool ok = document_list(&a, &list, &err);

    answer_made(c, &a, ok, 200, list, &err);
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
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *row = NULL;
    int64_t id;

    if (!call_id(c, 0, &id))
        return;
    bool ok = document_get(&a, id, &row, &err);
    answer_made(c, &a, ok, 200, row, &err);
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
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *edition;
    int64_t document, from = 0, id = 0;

    if (!call_id(c, 0, &document) || !call_text_optional(c, "edition", DOCUMENT_EDITION_BYTES, &edition) ||
        (json_object_get(c->body, "from") != NULL && !call_number(c, "from", 1, INT64_MAX, &from)))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_version_new(&a, catalog, document, from, edition, &id, &err);
    answer_version(c, &a, catalog, ok, document, id, 201, &err);
    catalog_view_close(catalog);
}

void document_version_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t document, id;

    if (!numbers(c, &document, &id))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    answer_version(c, &a, catalog, true, document, id, 200, &err);
    catalog_view_close(catalog);
}

void document_version_put(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct version_wish wish = { .sign = -1 };
    const json_t *sign = json_object_get(c->body, "sign");
    int64_t document, id;

    if (!numbers(c, &document, &id) || !call_text(c, "sha256", 64, &wish.base) ||
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
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_version_change(&a, catalog, document, id, &wish, &err);
    answer_version(c, &a, catalog, ok, document, id, 200, &err);
    catalog_view_close(catalog);
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
    const char *text = call_query(c, "from");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *diff = NULL;
    int64_t document, id;
    uint64_t from = 0;

    if (!numbers(c, &document, &id))
        return;
    if (text != NULL && !view_decimal(view_string(text), INT64_MAX, &from)) {
        call_problem(c, 422, "from", "a version's number is expected");
        return;
    }
    bool ok = document_diff(&a, document, id, (int64_t)from, &diff, &err);
    answer_made(c, &a, ok, 200, diff, &err);
}

/* ---- deciding ---- */

void document_version_propose(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t document, id;

    if (!numbers(c, &document, &id))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_propose(&a, catalog, document, id, &err);
    if (ok)
        call_wake(c, "mail");
    answer_version(c, &a, catalog, ok, document, id, 200, &err);
    catalog_view_close(catalog);
}

void document_version_withdraw(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t document, id;

    if (!numbers(c, &document, &id))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_withdraw(&a, document, id, &err);
    answer_version(c, &a, catalog, ok, document, id, 200, &err);
    catalog_view_close(catalog);
}

void document_version_decide(struct call *c)
{
    const json_t *approve = json_object_get(c->body, "approve");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *why, *sha256;
    int64_t document, id;

    if (!numbers(c, &document, &id) || !call_text_optional(c, "why", DOCUMENT_WHY_BYTES, &why) ||
        !call_text(c, "sha256", 64, &sha256))
        return;
    if (!json_is_boolean(approve)) {
        call_problem(c, 422, "approve", "true or false is needed");
        return;
    }
    if (!call_strong(c))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_decide(&a, document, id, json_is_true(approve), why != NULL ? why : "", sha256, &err);
    answer_version(c, &a, catalog, ok, document, id, 200, &err);
    catalog_view_close(catalog);
}

void document_version_publish(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *on;
    uint64_t on_us = 0;
    int64_t document, id;

    if (!numbers(c, &document, &id) || !call_text_optional(c, "on", 40, &on))
        return;
    if (on != NULL && !when_read(on, &on_us)) {
        call_problem(c, 422, "on", "a day or a time is expected: 2026-12-01");
        return;
    }
    if (!call_strong(c))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_publish(&a, catalog, document, id, on_us, &err);
    if (ok) {
        call_changed(c, CHANGE_DUTIES);
        call_changed(c, CHANGE_POLICY);
        call_wake(c, "enforcement");
        call_wake(c, "duties");
    }
    answer_version(c, &a, catalog, ok, document, id, 200, &err);
    catalog_view_close(catalog);
}

void document_version_unpublish(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t document, id;

    if (!numbers(c, &document, &id))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = document_unpublish(&a, document, id, &err);
    answer_version(c, &a, catalog, ok, document, id, 200, &err);
    catalog_view_close(catalog);
}
