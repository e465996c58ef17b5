/* SPDX-License-Identifier: Apache-2.0 */
/* Events: lists, facets, one event, one flow, exports. Who may see whom is decided in program/event_show.c.
 */
#include "base/text.h"
#include "console/event_query.h"
#include "console/routes.h"
#include "program/event_csv.h"
#include "program/incident.h"
#include <stdlib.h>

enum { SEARCH_US = 35000 /* of a search, so that an answer stays under 50 ms */ };

void event_list(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    unsigned limit;
    json_t *page, *event;
    size_t i;

    if (!event_query_number(c, "limit", 1, 500, 50, &limit) || !event_query_begin(c, 0, &q))
        return;
    if (events_search(c->db, q.filter, call_query(c, "cursor"), limit, SEARCH_US, &page, &err)) {
        json_array_foreach(json_object_get(page, "events"), i, event)
        {
            event_show(&q.viewer, event);
        }
        call_json(c, 200, page);
    } else {
        event_query_failed(c, &err);
    }
    event_query_end(&q);
}

void event_facets(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    json_t *facets;

    if (!event_query_begin(c, 30, &q))
        return;
    if (events_facets(c->db, q.filter, &facets, &err))
        call_json(c, 200, facets);
    else
        event_query_failed(c, &err);
    event_query_end(&q);
}

void event_show_one(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    int64_t id;
    json_t *event;

    if (!call_id(c, 0, &id) || !event_query_begin(c, 0, &q))
        return;
    if (!events_get(c->db, id, &event, &err)) {
        call_failed(c, &err);
    } else if (json_is_null(event) || !event_query_allows(c, &q, json_object_get(event, "who"))) {
        json_decref(event);
        call_problem(c, 404, NULL, "there is no such event; it may be older than events are kept");
    } else {
        event_show_detail(&q.viewer, event);
        call_json(c, 200, event);
    }
    event_query_end(&q);
}

/* Incidents that these events are linked to, for those who may read incidents. */
static bool incidents_of(struct call *c, const json_t *events, json_t **out, struct imw_error_info *err)
{
    const bool may = actor_may(&c->actor, PERMISSION_INCIDENT_READ);
    const size_t count = may ? json_array_size(events) : 0;
    int64_t *ids = calloc(count + 1, sizeof *ids);

    if (ids == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for incidents of events");
    for (size_t i = 0; i < count; i++)
        ids[i] = json_integer_value(json_object_get(json_array_get(events, i), "id"));
    const bool ok = incidents_of_events(c->db, ids, (unsigned)count, out, err);
    free(ids);
    return ok;
}

void flow_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    int64_t id;
    json_t *events = NULL, *shown = NULL, *told, *incidents = NULL, *event;
    size_t i;

    if (!call_id(c, 0, &id) || !event_query_begin(c, 0, &q))
        return;
    if (!events_of_flow(c->db, (uint64_t)id, &events, &err)) {
        call_failed(c, &err);
        goto out;
    }
    shown = json_pack("[]");
    told = json_pack("[]");
    json_array_foreach(events, i, event)
    {
        json_t *sentence;
        size_t k;
        if (!event_query_allows(c, &q, json_object_get(event, "who")))
            continue;
        event_show_detail(&q.viewer, event);
        json_array_foreach(json_object_get(event, "told"), k, sentence)
        {
            bool again = false;
            json_t *before;
            size_t n;
            json_array_foreach(told, n, before)
            {
                again = again || json_equal(before, sentence);
            }
            if (!again)
                json_array_append(told, sentence);
        }
        json_array_append(shown, event);
    }
    if (json_array_size(shown) == 0) {
        json_decref(told);
        call_problem(c, 404, NULL, "there is no such flow; it may be older than events are kept");
    } else if (!incidents_of(c, shown, &incidents, &err)) {
        json_decref(told);
        call_failed(c, &err);
    } else {
        call_json(c, 200,
                  json_pack("{s:I, s:O, s:o, s:o}", "flow_id", (json_int_t)id, "events", shown, "told", told,
                            "incidents", incidents));
    }
out:
    json_decref(events);
    json_decref(shown);
    event_query_end(&q);
}

/* ---- exports ---- */

struct export
{
    struct call *call;
    struct event_query *query;
    FILE *to;
    bool csv, first;
};

static bool export_one(void *context, json_t *event)
{
    struct export *e = context;

    event_show(&e->query->viewer, event);
    if (!e->csv) {
        fputs(e->first ? "[\n" : ",\n", e->to);
        json_dumpf(event, e->to, JSON_COMPACT);
        e->first = false;
        return !ferror(e->to);
    }
    event_csv_row(e->to, event);
    return !ferror(e->to);
}

static bool export_write(void *context, FILE *to, struct imw_error_info *err)
{
    struct export *e = context;

    e->to = to;
    if (e->csv)
        event_csv_head(to);
    if (!events_export(e->call->db, e->query->filter, export_one, e, err))
        return false;
    if (!e->csv)
        fputs(e->first ? "[]\n" : "\n]\n", to);
    return !ferror(to) || error_errno(err, "the export");
}

/* Who took what out is in the trail, with the filter, before the first line is written. */
static bool export_recorded(struct call *c)
{
    struct imw_error_info err = { 0 };

    db_rollback(c->db); /* a GET only reads */
    if (!db_begin(c->db, true, &err)) {
        call_failed(c, &err);
        return false;
    }
    json_t *detail = json_pack("{s:O}", "filter", c->query);
    bool told = call_audit(c, "event.export", detail, "events");
    json_decref(detail);
    if (!told)
        return false;
    if (db_commit(c->db, &err) && db_begin(c->db, false, &err))
        return true;
    db_rollback(c->db);
    call_failed(c, &err);
    return false;
}

void event_export(struct call *c)
{
    const char *format = call_query(c, "format");
    struct event_query q;

    if (format != NULL && strcmp(format, "csv") != 0 && strcmp(format, "json") != 0) {
        call_problem(c, 422, "format", "csv or json is expected");
        return;
    }
    if (!event_query_begin(c, 30, &q))
        return;
    if (!export_recorded(c)) {
        event_query_end(&q);
        return;
    }
    struct export e = {
        .call = c, .query = &q, .csv = format == NULL || strcmp(format, "csv") == 0, .first = true
    };
    call_file(c, e.csv ? "text/csv; charset=utf-8" : "application/json", e.csv ? "events.csv" : "events.json",
              export_write, &e);
    event_query_end(&q);
}
