/* SPDX-License-Identifier: Apache-2.0 */
/* Off-channel signals (program/signal.h) and approved channels (program/approved.h). */
#include "base/file.h"
#include "console/answer_act.h"
#include "console/routes.h"
#include "identify/catalog.h"
#include "program/approved.h"
#include "program/course.h"
#include "program/signal.h"
#include <stdlib.h>

static void answer_signal(struct call *c, int64_t id, unsigned status)
{
    struct catalog *catalog = call_catalog(c);
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *row = NULL;

    if (catalog == NULL)
        return;
    bool ok = signal_get(&a, catalog, id, &row, &err);
    catalog_view_close(catalog);
    answer_made(c, &a, ok, status, row, &err);
}

void signal_list_show(struct call *c)
{
    const char *going_on = call_query(c, "going_on");
    struct signal_filter f = { .states = call_query(c, "state"),
                               .levels = call_query(c, "level"),
                               .text = call_query(c, "q"),
                               .going_on = going_on != NULL && strcmp(going_on, "1") == 0 };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t limit;
    json_t *page = NULL;

    if (!call_query_number(c, "department", 1, INT64_MAX, 0, &f.department) ||
        !call_query_number(c, "cursor", 1, INT64_MAX, 0, &f.before) ||
        !call_query_number(c, "limit", 1, SIGNAL_PAGE, 50, &limit))
        return;
    f.limit = (unsigned)limit;
    bool ok = signal_list(&a, &f, &page, &err);
    answer_made(c, &a, ok, 200, page, &err);
}

void signal_summary_show(struct call *c)
{
    answer_asked(c, signal_summary);
}

void signal_weeks_show(struct call *c)
{
    int64_t department, weeks;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *out = NULL;

    if (!call_query_number(c, "department", 1, INT64_MAX, 0, &department) ||
        !call_query_number(c, "weeks", 1, 104, 0, &weeks))
        return;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return;
    bool ok = signal_weeks(&a, catalog, department, (unsigned)weeks, &out, &err);
    catalog_view_close(catalog);
    answer_made(c, &a, ok, 200, out, &err);
}

void signal_show(struct call *c)
{
    int64_t id;

    if (call_id(c, 0, &id))
        answer_signal(c, id, 200);
}

static void answer_decided(struct call *c, const struct act *a, bool ok, int64_t id,
                           const struct imw_error_info *err)
{
    if (!ok) {
        answer_refused(c, a, err);
        return;
    }
    call_changed(c, CHANGE_SIGNALS);
    answer_signal(c, id, 200);
}

void signal_triage_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    const char *from, *state, *why;
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id) && call_text(c, "from", 16, &from) && call_text(c, "state", 16, &state) &&
        call_text(c, "why", SIGNAL_WHY_BYTES, &why))
        answer_decided(c, &a, signal_triage(&a, id, from, state, why, &err), id, &err);
}

void signal_incident_add(struct call *c)
{
    const json_t *given = json_object_get(c->body, "incident");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id, incident = 0;
    const char *why;

    if (!call_id(c, 0, &id) || !call_text(c, "why", SIGNAL_WHY_BYTES, &why) ||
        (given != NULL && !json_is_null(given) && !call_number(c, "incident", 1, INT64_MAX, &incident)))
        return;
    answer_decided(c, &a, signal_take_up(&a, id, incident, why, &err), id, &err);
    call_changed(c, CHANGE_INCIDENTS);
}

/* ---- channels ---- */

void channel_list_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *list = NULL;

    if (channels_json(&a, 0, &list, &err))
        call_json(c, 200, json_pack("{s:o}", "channels", list));
    else
        answer_refused(c, &a, &err);
}

static void answer_channel(struct call *c, struct act *a, int64_t id, unsigned status)
{
    struct imw_error_info err = { 0 };
    json_t *list = NULL;

    if (!channels_json(a, id, &list, &err)) {
        answer_refused(c, a, &err);
        return;
    }
    call_changed(c, CHANGE_SIGNALS);
    call_wake(c, "signals");
    call_json(c, status, json_incref(json_array_get(list, 0)));
    json_decref(list);
}

/* A service that is named must be one of the catalog. False: answered. */
static bool service_is_known(struct call *c)
{
    const char *service = json_string_value(json_object_get(c->body, "service"));

    if (service == NULL || service[0] == '\0')
        return true;
    struct catalog *catalog = call_catalog(c);
    if (catalog == NULL)
        return false;
    const bool known = catalog_find(catalog, view_string(service)) != 0;
    catalog_view_close(catalog);
    if (!known)
        call_problem(c, 422, "service", "the catalog has no such service");
    return known;
}

void channel_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id = 0;

    if (!service_is_known(c))
        return;
    if (channel_create(&a, c->body, &id, &err))
        answer_channel(c, &a, id, 201);
    else
        answer_refused(c, &a, &err);
}

void channel_patch(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (!call_id(c, 0, &id) || !service_is_known(c))
        return;
    if (channel_change(&a, id, c->body, &err))
        answer_channel(c, &a, id, 200);
    else
        answer_refused(c, &a, &err);
}

/* ---- counts ---- */

static void answer_import(struct call *c, int64_t channel, struct approved_list *l,
                          const struct approved_how *how)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *out = NULL;

    if (!approved_import(&a, channel, l, how, &out, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    call_changed(c, CHANGE_SIGNALS);
    call_wake(c, "signals");
    call_json(c, 200, out);
}

static void answer_unread(struct call *c, const struct imw_error_info *err)
{
    if (err->code == IMW_ERROR_MEMORY)
        call_failed(c, err);
    else if (err->line > 0)
        call_problem(c, 422, NULL, "line %u: %s", err->line, err->text);
    else
        call_problem(c, 422, NULL, "%s", err->text);
}

void channel_import(struct call *c)
{
    struct approved_list *l = approved_list_new();
    const char *name = call_query(c, "name");
    struct imw_error_info err = { 0 };
    char sha256[SHA256_TEXT], *text = NULL;
    size_t len;
    int64_t id;

    if (l == NULL || c->upload == NULL) {
        call_problem(c, l == NULL ? 500 : 422, NULL, "%s",
                     l == NULL ? "out of memory" : "a CSV file is needed");
    } else if (!call_id(c, 0, &id)) {
        /* answered */
    } else if (!file_read(c->upload, APPROVED_FILE_MOST, &text, &len, &err) ||
               !approved_csv_parse(view_of(text, len), l, &err)) {
        answer_unread(c, &err);
    } else {
        sha256_text(view_of(text, len), sha256);
        const struct approved_how how = { .source = "file",
                                          .name = name != NULL && strlen(name) <= 200 ? name : "",
                                          .sha256 = sha256 };
        answer_import(c, id, l, &how);
    }
    free(text);
    approved_list_free(l);
}

/* The counts of the body into the list. False: answered. */
static bool read_counts(struct call *c, struct approved_list *l)
{
    const json_t *counts = json_object_get(c->body, "counts"), *one;
    struct imw_error_info err = { 0 };
    const char *day;
    size_t i;

    if (!call_text(c, "day", 32, &day))
        return false;
    if (!json_is_array(counts) || json_array_size(counts) == 0) {
        call_problem(c, 422, "counts", "a list of {person, messages} is needed");
        return false;
    }
    json_array_foreach(counts, i, one)
    {
        const char *person = json_string_value(json_object_get(one, "person"));
        const json_int_t n = json_integer_value(json_object_get(one, "messages"));
        char number[24];
        struct text t = TEXT(number);
        if (!json_is_integer(json_object_get(one, "messages")) || n < 0)
            text_string(&t, "?");
        else
            text_decimal(&t, (uint64_t)n);
        if (!approved_list_add(l, view_string(day), view_trim(view_string(person)), view_string(number),
                               (unsigned)i + 1, &err)) {
            answer_unread(c, &err);
            return false;
        }
    }
    return true;
}

void channel_counts_add(struct call *c)
{
    struct approved_list *l = approved_list_new();
    char *text = json_dumps(c->body, JSON_COMPACT | JSON_SORT_KEYS), sha256[SHA256_TEXT];
    const json_t *replace = json_object_get(c->body, "replace"), *whole = json_object_get(c->body, "whole");
    int64_t id;

    if (l == NULL || text == NULL) {
        call_problem(c, 500, NULL, "out of memory");
    } else if (call_id(c, 0, &id) && read_counts(c, l)) {
        sha256_text(view_string(text), sha256);
        const struct approved_how how = { .source = "api",
                                          .name = "",
                                          .sha256 = sha256,
                                          .beside = replace != NULL && json_is_false(replace),
                                          .more = whole != NULL && json_is_false(whole) };
        answer_import(c, id, l, &how);
    }
    free(text);
    approved_list_free(l);
}

void approved_import_list(struct call *c)
{
    int64_t channel, before, limit;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *page = NULL;

    if (!call_query_number(c, "channel", 1, INT64_MAX, 0, &channel) ||
        !call_query_number(c, "cursor", 1, INT64_MAX, 0, &before) ||
        !call_query_number(c, "limit", 1, APPROVED_PAGE, 20, &limit))
        return;
    bool ok = approved_imports_json(&a, channel, before, (unsigned)limit, &page, &err);
    answer_made(c, &a, ok, 200, page, &err);
}
