/* SPDX-License-Identifier: Apache-2.0 */
/* Saved views. */
#include "console/ask_keeper.h"
#include "console/routes.h"
#include "program/saved_view.h"

void view_list(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *views;

    if (saved_view_list(c->db, c->actor.account, call_query(c, "page"), &views, &err))
        call_json(c, 200, views);
    else
        call_failed(c, &err);
}

void view_keep(struct call *c)
{
    const char *name, *page, *query;
    struct imw_error_info err = { 0 };
    int64_t id;

    if (!call_text(c, "name", 80, &name) || !call_text(c, "page", 40, &page) ||
        !call_text(c, "query", 4000, &query))
        return;
    const bool shared = json_is_true(json_object_get(c->body, "shared"));
    if (!saved_view_keep(c->db, c->actor.account, name, page, query, shared, c->now_us, &id, &err))
        call_refused(c, &err);
    else if (call_audit(c, "view.keep", NULL, "view %lld", (long long)id))
        call_json(c, 201,
                  json_pack("{s:I,s:s,s:s,s:s,s:b,s:b}", "id", (json_int_t)id, "name", name, "page", page,
                            "query", query, "shared", shared, "mine", 1));
}

void view_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    int64_t id;
    bool found;

    if (!call_id(c, 0, &id))
        return;
    if (!saved_view_remove(c->db, c->actor.account, id, &found, &err))
        call_failed(c, &err);
    else if (!found)
        call_problem(c, 404, NULL, "there is no such view of yours");
    else if (call_audit(c, "view.remove", NULL, "view %lld", (long long)id))
        call_nothing(c);
}
