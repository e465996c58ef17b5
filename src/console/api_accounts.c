/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of others: made, changed, given a new password. */
#include "console/api.h"
#include "console/ask_keeper.h"
#include "console/routes.h"
#include "program/when.h"
#include <stdlib.h>

void account_list_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *accounts;

    if (account_list(c->db, c->now_us, &accounts, &err))
        call_json(c, 200, accounts);
    else
        call_failed(c, &err);
}

/* The keeper's hash of a password that is good enough. The transaction ends meanwhile, and begins anew. */
static bool hash_password(struct call *c, const char *password, const char *name, char out[ACCOUNT_HASH_SIZE])
{
    const struct account_keeper keeper = ask_keeper(c->api);
    struct imw_error_info err = { 0 };

    if (!password_check(password, name, &err)) {
        call_refused(c, &err);
        return false;
    }
    db_rollback(c->db);
    if (keeper.hash(keeper.context, password, out, &err) && db_begin(c->db, true, &err))
        return true;
    call_failed(c, &err);
    return false;
}

/* The account as it is now. */
static void answer_account(struct call *c, unsigned status, int64_t id)
{
    struct imw_error_info err = { 0 };
    struct account a;
    bool found;

    if (!account_get(c->db, id, &a, &found, &err) || !found)
        call_failed(c, &err);
    else
        call_json(c, status, account_json(&a, c->now_us));
}

static bool read_expires(struct call *c, uint64_t *out)
{
    const char *text;

    *out = 0;
    if (!call_text_optional(c, "expires", 40, &text))
        return false;
    if (text == NULL || when_read(text, out))
        return true;
    call_problem(c, 422, "expires", "a time such as 2026-11-23T00:00:00Z is needed");
    return false;
}

void account_add(struct call *c)
{
    struct account_new n = { .source = SOURCE_LOCAL, .must_change = true };
    struct imw_error_info err = { 0 };
    char hash[ACCOUNT_HASH_SIZE];
    const char *password;
    int64_t id, person = 0;

    if (!call_text(c, "name", 256, &n.name) || !call_text(c, "full_name", 256, &n.full_name) ||
        !call_text_optional(c, "email", 512, &n.email) ||
        !call_text_optional(c, "password", 4096, &password) || !read_expires(c, &n.expires_us) ||
        !call_strong(c))
        return;
    if (!roles_read(json_object_get(c->body, "roles"), &n.roles)) {
        call_problem(c, 422, "roles", "roles is a list of names of roles");
        return;
    }
    if (json_is_integer(json_object_get(c->body, "person")) &&
        !call_number(c, "person", 1, INT64_MAX, &person))
        return;
    n.person = person;
    if (password != NULL) {
        if (!hash_password(c, password, n.name, hash))
            return;
        n.hash = hash;
    }
    if (!account_create(c->db, &n, c->now_us, &id, &err)) {
        call_refused(c, &err);
        return;
    }
    json_t *detail = json_pack("{s:O,s:o}", "roles", json_object_get(c->body, "roles"), "expires",
                               when_json(n.expires_us));
    if (call_audit(c, "account.create", detail, "account %s", n.name))
        answer_account(c, 201, id);
    json_decref(detail);
}

/* The account of the path. */
static bool find_account(struct call *c, struct account *out)
{
    struct imw_error_info err = { 0 };
    int64_t id;
    bool found;

    if (!call_id(c, 0, &id))
        return false;
    if (!account_get(c->db, id, out, &found, &err)) {
        call_failed(c, &err);
        return false;
    }
    if (!found)
        call_problem(c, 404, NULL, "there is no such account");
    return found;
}

/* "locked": false is no property of the account, but of the tries at its name. */
static bool unlock(struct call *c, const struct account *a, json_t *changes, struct imw_error_info *err)
{
    if (!json_is_false(json_object_get(c->body, "locked")))
        return true;
    return sign_in_unlock(c->db, a->name, err) &&
           json_object_set_new(changes, "locked", json_pack("[b,b]", a->locked_until_us > c->now_us, 0)) == 0;
}

void account_patch(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct account a;
    json_t *changes = NULL;

    if (!find_account(c, &a) || !call_strong(c))
        return;
    call_changed(c, CHANGE_SESSIONS);
    if (a.id == c->actor.account && json_object_get(c->body, "state") != NULL) {
        call_problem(c, 422, "state", "nobody disables their own account: let another administrator do it");
        return;
    }
    json_t *patch = json_copy(c->body);
    json_object_del(patch, "locked");
    if (!account_change(c->db, a.id, patch, c->now_us, &changes, &err) || !unlock(c, &a, changes, &err))
        call_refused(c, &err);
    else if (json_object_size(changes) == 0 || call_audit(c, "account.change", changes, "account %s", a.name))
        answer_account(c, 200, a.id);
    json_decref(patch);
    json_decref(changes);
}

/* A new password that must be changed at once; the second factor goes, all sessions end. */
void account_reset(struct call *c)
{
    struct imw_error_info err = { 0 };
    char hash[ACCOUNT_HASH_SIZE];
    const char *password;
    struct account a;

    if (!find_account(c, &a) || !call_text(c, "password", 4096, &password) || !call_strong(c))
        return;
    if (a.source != SOURCE_LOCAL) {
        call_problem(c, 422, "password", "this account's password is not kept here: reset it where it is");
        return;
    }
    if (!hash_password(c, password, a.name, hash))
        return;
    call_changed(c, CHANGE_SESSIONS);
    if (!account_set_password(c->db, a.id, hash, true, c->now_us, &err) ||
        !account_set_totp(c->db, a.id, VIEW(""), a.totp_step, &err))
        call_refused(c, &err);
    else if (call_audit(c, "account.reset", NULL, "account %s", a.name))
        call_nothing(c);
}
