/* SPDX-License-Identifier: Apache-2.0 */
/* One's own tokens for programs. */
#include "console/ask_keeper.h"
#include "console/routes.h"
#include "program/token.h"

void token_list_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *tokens;

    if (token_list(c->db, c->actor.account, &tokens, &err))
        call_json(c, 200, tokens);
    else
        call_failed(c, &err);
}

void token_add(struct call *c)
{
    char text[TOKEN_SIZE];
    const char *name;
    struct imw_error_info err = { 0 };
    json_t *scopes = json_object_get(c->body, "scopes"), *token = NULL;
    int64_t days;

    if (!call_text(c, "name", 64, &name) || !call_number(c, "days", 1, TOKEN_DAYS_MOST, &days) ||
        !call_strong(c))
        return;
    if (!token_create(c->db, &c->actor, name, scopes, days, c->now_us, text, &token, &err)) {
        call_refused(c, &err);
        return;
    }
    json_t *detail = json_pack("{s:O,s:I}", "scopes", scopes, "days", (json_int_t)days);
    if (!call_audit(c, "token.create", detail, "token %s", name)) {
        json_decref(token);
    } else {
        json_object_set_new(token, "token", json_pack("s", text));
        call_json(c, 201, token);
    }
    json_decref(detail);
}

void token_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    int64_t id;
    bool found;

    if (!call_id(c, 0, &id))
        return;
    if (!token_revoke(c->db, c->actor.account, id, c->now_us, &found, &err))
        call_failed(c, &err);
    else if (!found)
        call_problem(c, 404, NULL, "there is no such token of yours, or it is revoked already");
    else if (call_audit(c, "token.revoke", NULL, "token %lld", (long long)id))
        call_nothing(c);
}
