/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents: program/incident.h, with clients in the words that this caller may see. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/incident.h"
#include "program/who_label.h"
#include <stdlib.h>

/* Put a Who where the number of a client stands. */
static bool label_who(struct call *c, const struct viewer *v, json_t *row, struct imw_error_info *err)
{
    json_t *who = json_object_get(row, "who"), *label = NULL;

    if (!json_is_integer(who))
        return true;
    return who_label_of(c->db, v, json_integer_value(who), &label, err) &&
           (json_object_set_new(row, "who", label) == 0 || error_memory(err));
}

static void answer_one(struct call *c, int64_t id, unsigned status)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct viewer v;
    json_t *row = NULL;

    if (!incident_get(&a, id, &row, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    bool ok = viewer_begin(c->db, &c->actor, c->now_us, &v, &err);
    if (ok) {
        ok = label_who(c, &v, row, &err);
        viewer_end(&v);
    }
    if (ok) {
        call_json(c, status, row);
    } else {
        json_decref(row);
        call_failed(c, &err);
    }
}

/* What was done, or why not; then the incident as it is now. */
static void answer_done(struct call *c, const struct act *a, bool ok, int64_t id, unsigned status,
                        const struct imw_error_info *err)
{
    if (!ok) {
        answer_refused(c, a, err);
        return;
    }
    call_changed(c, CHANGE_INCIDENTS);
    answer_one(c, id, status);
}

void incident_list_show(struct call *c)
{
    struct incident_filter f = { .state = call_query(c, "state"),
                                 .assignee = call_query(c, "assignee"),
                                 .severity = call_query(c, "severity"),
                                 .q = call_query(c, "q"),
                                 .cursor = call_query(c, "cursor") };
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    struct viewer v;
    json_t *page = NULL, *row;
    int64_t limit;
    size_t i;

    if (!call_query_number(c, "limit", 0, UINT32_MAX, 50, &limit))
        return;
    f.limit = (unsigned)limit;
    if (!incident_list(&a, &f, &page, &err)) {
        answer_refused(c, &a, &err);
        return;
    }
    bool ok = viewer_begin(c->db, &c->actor, c->now_us, &v, &err);
    if (ok) {
        json_array_foreach(json_object_get(page, "incidents"), i, row) ok = ok && label_who(c, &v, row, &err);
        viewer_end(&v);
    }
    if (ok) {
        call_json(c, 200, page);
    } else {
        json_decref(page);
        call_failed(c, &err);
    }
}

void incident_assignees_show(struct call *c)
{
    answer_asked(c, incident_assignees);
}

void incident_show(struct call *c)
{
    int64_t id;

    if (call_id(c, 0, &id))
        answer_one(c, id, 200);
}

void incident_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id = 0;

    bool ok = incident_open(&a, c->body, &id, &err);
    answer_done(c, &a, ok, id, 201, &err);
}

void incident_update(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        bool ok = incident_change(&a, id, c->body, &err);
        answer_done(c, &a, ok, id, 200, &err);
    }
}

void incident_note_add(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *text;
    int64_t id;

    if (call_id(c, 0, &id) && call_text(c, "text", INCIDENT_TEXT_BYTES, &text)) {
        bool ok = incident_note(&a, id, text, &err);
        answer_done(c, &a, ok, id, 201, &err);
    }
}

void incident_link_add(struct call *c)
{
    const json_t *object = json_object_get(c->body, "object");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *kind;
    char number[96];
    int64_t id;

    if (!call_id(c, 0, &id) || !call_text(c, "kind", 16, &kind))
        return;
    if (json_is_integer(object))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(object));
    else
        snprintf(number, sizeof number, "%s", json_is_string(object) ? json_string_value(object) : "");
    bool ok = incident_link(&a, id, kind, number, &err);
    answer_done(c, &a, ok, id, 201, &err);
}

void incident_link_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        bool ok = incident_unlink(&a, id, c->parts[1], c->parts[2], &err);
        answer_done(c, &a, ok, id, 200, &err);
    }
}

void incident_merge_into(struct call *c)
{
    const json_t *list = json_object_get(c->body, "from");
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t into, from[INCIDENT_MERGED + 1];
    unsigned count = 0;

    if (!call_number(c, "into", 1, INT64_MAX, &into))
        return;
    for (size_t i = 0; i < json_array_size(list) && count <= INCIDENT_MERGED; i++)
        from[count++] = json_integer_value(json_array_get(list, i));
    bool ok = incident_merge(&a, into, from, count, &err);
    answer_done(c, &a, ok, into, 200, &err);
}
