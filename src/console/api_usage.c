/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: the overview, people by use, one person, how something spread, what is known about oneself. */
#include "base/text.h"
#include "console/event_query.h"
#include "console/routes.h"
#include "program/service_facts.h"

enum { USUAL_DAYS = 7 };

void usage_overview_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    json_t *o;

    if (!event_query_begin(c, USUAL_DAYS, &q))
        return;
    if (!usage_overview(c->db, q.filter, &o, &err)) {
        event_query_failed(c, &err);
    } else if (!services_describe(json_object_get(o, "services"), &err)) {
        json_decref(o);
        call_failed(c, &err);
    } else {
        call_json(c, 200, o);
    }
    event_query_end(&q);
}

void usage_people_list(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    unsigned limit, offset;
    json_t *page, *one;
    size_t i;

    if (!event_query_number(c, "limit", 1, 100, 50, &limit) ||
        !event_query_number(c, "offset", 0, 1000000, 0, &offset) || !event_query_begin(c, USUAL_DAYS, &q))
        return;
    if (usage_people(c->db, q.filter, call_query(c, "sort"), offset, limit, &page, &err)) {
        json_array_foreach(json_object_get(page, "people"), i, one)
        {
            json_t *who = who_label(&q.viewer, json_object_get(one, "who"));
            json_object_del(one, "who");
            json_object_update(one, who);
            json_decref(who);
        }
        call_json(c, 200, page);
    } else {
        event_query_failed(c, &err);
    }
    event_query_end(&q);
}

void usage_person_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    int64_t who;
    json_t *use;

    if (!call_id(c, 0, &who) || !event_query_begin(c, 30, &q))
        return;
    if (!usage_of_who(c->db, who, q.filter, &use, &err)) {
        event_query_failed(c, &err);
    } else if (json_is_null(use) || !event_query_allows(c, &q, json_object_get(use, "who"))) {
        json_decref(use);
        call_problem(c, 404, NULL, "there is no such client");
    } else {
        json_object_set_new(use, "who", who_label(&q.viewer, json_object_get(use, "who")));
        call_json(c, 200, use);
    }
    event_query_end(&q);
}

/* A node of the graph as it may be seen: a client, or an account that was met. */
void usage_propagation_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct event_query q;
    json_t *graph, *node;
    size_t i;

    if (!event_query_begin(c, 30, &q))
        return;
    if (usage_propagation(c->db, q.filter, &graph, &err)) {
        json_array_foreach(json_object_get(graph, "nodes"), i, node)
        {
            json_t *who = json_object_get(node, "who");
            char label[40];
            if (json_is_object(who)) {
                json_object_set_new(node, "who", who_label(&q.viewer, who));
                json_object_set(node, "label", json_object_get(json_object_get(node, "who"), "label"));
            } else {
                account_label(json_integer_value(json_object_get(node, "account")), label);
                json_object_set_new(node, "label", json_pack("s", label));
            }
            json_object_del(node, "account");
        }
        call_json(c, 200, graph);
    } else {
        event_query_failed(c, &err);
    }
    event_query_end(&q);
}
