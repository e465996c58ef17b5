/* SPDX-License-Identifier: Apache-2.0 */
/* Four eyes: program/reveal.h. */
#include "console/answer_act.h"
#include "console/routes.h"
#include "program/reveal.h"

enum { KEEPER_WAIT_MS = 10000 };

static void answer_done(struct call *c, const struct act *a, bool ok, int64_t id, unsigned status,
                        const struct imw_error_info *err)
{
    if (ok)
        call_changed(c, CHANGE_REVEALS);
    answer_done_to(c, a, ok, reveal_get, id, status, err);
}

void reveal_list_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *list = NULL;

    if (reveal_list(&a, call_query(c, "state"), &list, &err))
        call_json(c, 200, json_pack("{s:o}", "reveals", list));
    else
        answer_refused(c, &a, &err);
}

void reveal_add(struct call *c)
{
    const json_t *incident = json_object_get(c->body, "incident");
    const char *kind, *object, *reason;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id = 0;

    if (!call_text(c, "kind", 16, &kind) || !call_text(c, "object", 128, &object) ||
        !call_text(c, "reason", REVEAL_REASON_BYTES, &reason))
        return;
    bool ok = reveal_ask(&a, kind, object, reason, json_integer_value(incident), &id, &err);
    answer_done(c, &a, ok, id, 201, &err);
}

void reveal_decision(struct call *c)
{
    const json_t *grant = json_object_get(c->body, "grant");
    int64_t id, hours = REVEAL_HOURS_USUAL;
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    const char *why;

    if (!call_id(c, 0, &id))
        return;
    if (!json_is_boolean(grant)) {
        call_problem(c, 422, "grant", "say true or false");
        return;
    }
    if (!call_text_optional(c, "why", REVEAL_REASON_BYTES, &why) ||
        (json_object_get(c->body, "hours") != NULL && !call_number(c, "hours", 1, REVEAL_HOURS, &hours)) ||
        !call_strong(c))
        return;
    bool ok = reveal_decide(&a, id, json_is_true(grant), why != NULL ? why : "", (unsigned)hours, &err);
    answer_done(c, &a, ok, id, 200, &err);
}

void reveal_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    int64_t id;

    if (call_id(c, 0, &id)) {
        bool ok = reveal_withdraw(&a, id, &err);
        answer_done(c, &a, ok, id, 200, &err);
    }
}

/* That it is shown is in the trail before it is: this GET writes, and commits, before it answers. */
void reveal_shown(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct act a = act_of(c);
    json_t *shown = NULL;
    int64_t id;
    char kind;

    if (!call_id(c, 0, &id) || !begin_again(c, true))
        return;
    if (!reveal_show(&a, id, &kind, &shown, &err)) {
        db_rollback(c->db);
        answer_refused(c, &a, &err);
        return;
    }
    if (!db_commit(c->db, &err)) {
        json_decref(shown);
        call_failed(c, &err);
        return;
    }
    if (kind == 'p') {
        call_json(c, 200, shown);
        return;
    }
    json_t *question = json_pack("{s:s,s:I,s:I}", "ask", "text", "reveal", (json_int_t)id, "account",
                                 (json_int_t)c->actor.account);
    if (role_ask(c->api->keeper, question, KEEPER_WAIT_MS, &shown, &err))
        call_json(c, 200,
                  json_pack("{s:O?,s:O?}", "meta", json_object_get(shown, "meta"), "text",
                            json_object_get(shown, "text")));
    else if (err.code == IMW_ERROR_VALUE)
        call_problem(c, 404, NULL, "%s", err.text);
    else
        call_failed(c, &err);
    json_decref(shown);
}
