/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing in and out, one's own sessions, password and second factor, and the first start. Whatever asks the
 * keeper ends the dispatcher's transaction first: nobody waits for the database while a password is hashed.
 */
#include "base/log.h"
#include "console/api.h"
#include "console/ask_keeper.h"
#include "console/routes.h"
#include "program/when.h"
#include <stdio.h>
#include <stdlib.h>

enum { CODE_MOST = 32, TOKEN_MOST_TEXT = 100, INSTITUTION_MOST = 120 };

/* ---- who I am ---- */

static json_t *permissions_json(uint64_t permissions)
{
    json_t *list = json_pack("[]");

    for (unsigned p = 0; p < PERMISSION_COUNT; p++)
        if ((permissions >> p & 1) != 0)
            json_array_append_new(list, json_pack("s", permission_name(p)));
    return list;
}

/* Is anybody below this person? */
static bool has_team(struct db *db, int64_t person, bool *out, struct imw_error_info *err)
{
    int64_t count = 0;

    if (person != 0 && !db_query_int(db,
                                     "select (select count(*) from person where manager = ?) + "
                                     "(select count(*) from department where manager = ?)",
                                     DB_ARGS(db_int(person), db_int(person)), &count, NULL, err))
        return false;
    *out = count > 0;
    return true;
}

static bool me_json(struct db *db, const struct session *s, uint64_t now_us, json_t **out,
                    struct imw_error_info *err)
{
    const uint64_t strong_until = s->actor.strong_us + SESSION_STRONG_MINUTES * UINT64_C(60000000);
    struct account a;
    bool found, team = false;

    if (!account_get(db, s->actor.account, &a, &found, err) || !has_team(db, s->actor.person, &team, err))
        return false;
    if (!found)
        return error_set(err, IMW_ERROR_VALUE, "the account is gone");
    *out =
        json_pack("{s:{s:I,s:s,s:s,s:o,s:s,s:o},s:o,s:s,s:s?,s:b,s:o,s:b}", "account", "id", (json_int_t)a.id,
                  "name", a.name, "full_name", a.full_name, "roles", roles_json(a.roles), "source",
                  account_source_name(a.source), "expires", when_json(a.expires_us), "permissions",
                  permissions_json(s->actor.permissions), "csrf", s->csrf, "restricted",
                  s->restricted[0] != '\0' ? s->restricted : NULL, "second_factor", a.has_totp,
                  "strong_until", actor_is_strong(&s->actor, now_us) ? when_json(strong_until) : json_null(),
                  "team", team && (a.roles >> ROLE_MANAGER & 1) != 0);
    return *out != NULL || error_memory(err);
}

void session_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *me;

    if (c->signed_in == NULL)
        call_problem(c, 404, NULL, "a token has no session");
    else if (!me_json(c->db, c->signed_in, c->now_us, &me, &err))
        call_failed(c, &err);
    else
        call_json(c, 200, me);
}

/* ---- signing in ---- */

/* The answer to whoever proved who they are, or did not; `me`: with what GET /session says. */
static void answer_sign_in(struct call *c, const struct sign_in_result *r, bool me)
{
    struct imw_error_info err = { 0 };
    struct session s;
    bool found;
    json_t *body;
    char seconds[16];

    switch (r->answer) {
    case SIGN_IN_WRONG: call_problem(c, 401, NULL, "name, password or code is wrong"); return;
    case SIGN_IN_CODE:
        call_problem(c, 401, "code", "the code of your second factor is asked for, too");
        return;
    case SIGN_IN_LOCKED:
        snprintf(seconds, sizeof seconds, "%u", r->retry_s);
        call_header(c, "Retry-After", seconds);
        call_problem(c, 429, NULL,
                     "too many wrong tries: wait %u s, or ask an administrator to unlock the account",
                     r->retry_s);
        return;
    case SIGN_IN_DONE: break;
    }
    call_cookie(c, r->secret);
    if (!me) {
        call_nothing(c);
        return;
    }
    if (!session_actor(c->db, view_string(r->secret), c->now_us, &s, &found, &err) ||
        (found && !me_json(c->db, &s, c->now_us, &body, &err)))
        call_failed(c, &err);
    else if (!found) /* ended in this moment by somebody else */
        call_problem(c, 401, NULL, "the session is over: sign in again");
    else
        call_json(c, 200, body);
}

/* It could not be looked at whether that is right. */
static void answer_unknown(struct call *c, const struct imw_error_info *err)
{
    if (err->code != IMW_ERROR_SYSTEM || strcmp(err->key, "directory") != 0) {
        call_refused(c, err);
        return;
    }
    log_warning("directory", "%s", err->text);
    call_problem(c, 503, NULL,
                 "the directory does not answer, which knows the passwords of most people here: try again "
                 "later; accounts of this console sign in all the same");
}

static struct sign_in sign_in_of(const struct call *c)
{
    return (
        struct sign_in){ .name = c->actor.name, .password = "", .address = c->address, .agent = c->agent };
}

/* Whoever signs in with another session in the cookie leaves that one: its secret may be known to others. */
static bool leave_old(struct call *c, struct imw_error_info *err)
{
    if (c->session.len == 0)
        return true;
    if (!db_begin(c->db, true, err))
        return false;
    if (session_end(c->db, c->session, err) && db_commit(c->db, err))
        return true;
    db_rollback(c->db);
    return false;
}

void session_create(struct call *c)
{
    const struct account_keeper keeper = ask_keeper(c->api);
    struct sign_in in = sign_in_of(c);
    struct sign_in_result r;
    struct imw_error_info err = { 0 };

    if (!call_text(c, "name", 1024, &in.name) || !call_text(c, "password", 4096, &in.password) ||
        !call_text_optional(c, "code", CODE_MOST, &in.code))
        return;
    db_rollback(c->db);
    if (!session_sign_in(c->db, &keeper, &in, c->now_us, &r, &err) ||
        (r.answer == SIGN_IN_DONE && !leave_old(c, &err)))
        answer_unknown(c, &err);
    else
        answer_sign_in(c, &r, true);
}

void session_remove(struct call *c)
{
    struct imw_error_info err = { 0 };

    if (!session_end(c->db, c->session, &err)) {
        call_failed(c, &err);
        return;
    }
    if (!call_audit(c, "session.end", NULL, "account %s", c->actor.name))
        return;
    call_changed(c, CHANGE_SESSIONS);
    call_cookie(c, NULL);
    call_nothing(c);
}

void session_confirm_again(struct call *c)
{
    const struct account_keeper keeper = ask_keeper(c->api);
    struct sign_in in = sign_in_of(c);
    struct sign_in_result r;
    struct imw_error_info err = { 0 };

    if (!call_text(c, "password", 4096, &in.password) || !call_text_optional(c, "code", CODE_MOST, &in.code))
        return;
    db_rollback(c->db);
    if (!session_confirm(c->db, &keeper, c->signed_in, &in, c->now_us, &r, &err))
        answer_unknown(c, &err);
    else
        answer_sign_in(c, &r, true);
}

/* ---- password and second factor ---- */

void session_password(struct call *c)
{
    const struct account_keeper keeper = ask_keeper(c->api);
    struct sign_in in = sign_in_of(c);
    const char *new_password;
    struct sign_in_result r;
    struct imw_error_info err = { 0 };

    if (!call_text(c, "old", 4096, &in.password) || !call_text(c, "new", 4096, &new_password))
        return;
    db_rollback(c->db);
    call_changed(c, CHANGE_SESSIONS);
    if (!session_change_password(c->db, &keeper, c->signed_in, &in, new_password, c->now_us, &r, &err)) {
        if (strcmp(err.key, "password") == 0)
            snprintf(err.key, sizeof err.key, "new");
        call_refused(c, &err);
    } else if (r.answer == SIGN_IN_WRONG) {
        call_problem(c, 422, "old", "the old password is wrong");
    } else {
        answer_sign_in(c, &r, false);
    }
}

void session_totp_new(struct call *c)
{
    const struct account_keeper keeper = ask_keeper(c->api);
    struct imw_error_info err = { 0 };
    char secret[64];

    if (!call_strong(c))
        return;
    db_rollback(c->db);
    if (!session_totp_begin(c->db, &keeper, c->signed_in, secret, &err))
        call_refused(c, &err);
    else /* https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
        call_json(c, 200,
                  json_pack("{s:s,s:o}", "secret", secret, "uri",
                            json_sprintf("otpauth://totp/imward:%s?secret=%s&issuer=imward", c->actor.name,
                                         secret)));
}

void session_totp_set(struct call *c)
{
    const struct account_keeper keeper = ask_keeper(c->api);
    struct sign_in in = sign_in_of(c);
    struct sign_in_result r;
    struct imw_error_info err = { 0 };

    if (!call_text(c, "code", CODE_MOST, &in.code))
        return;
    db_rollback(c->db);
    if (!session_totp_finish(c->db, &keeper, c->signed_in, &in, c->now_us, &r, &err))
        call_refused(c, &err);
    else if (r.answer == SIGN_IN_WRONG)
        call_problem(c, 422, "code",
                     "the code is wrong: is this machine's clock, and that of your device, right?");
    else
        answer_sign_in(c, &r, true);
}

void session_totp_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    struct account a;
    char secret[SESSION_SECRET_SIZE];
    bool found;

    if (!call_strong(c))
        return;
    if (!account_get(c->db, c->actor.account, &a, &found, &err)) {
        call_failed(c, &err);
        return;
    }
    if (!found || !a.has_totp) {
        call_problem(c, 404, NULL, "there is no second factor");
        return;
    }
    if (!account_set_totp(c->db, a.id, VIEW(""), a.totp_step, &err) ||
        !session_renew(c->db, c->session, false, c->now_us, secret, &err))
        call_failed(c, &err);
    else if (call_audit(c, "account.second-factor-removed", NULL, "account %s", a.name)) {
        call_cookie(c, secret);
        call_nothing(c);
    }
}

/* ---- one's sessions ---- */

void session_list_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    json_t *list;

    if (session_list(c->db, c->actor.account, c->session, c->now_us, &list, &err))
        call_json(c, 200, list);
    else
        call_failed(c, &err);
}

void session_list_remove(struct call *c)
{
    struct imw_error_info err = { 0 };
    bool found;

    if (!session_end_id(c->db, c->actor.account, c->parts[0], &found, &err))
        call_failed(c, &err);
    else if (!found)
        call_problem(c, 404, NULL, "there is no such session of yours");
    else if (call_audit(c, "session.end", NULL, "account %s", c->actor.name)) {
        call_changed(c, CHANGE_SESSIONS);
        call_nothing(c);
    }
}

/* ---- the first start ---- */

void start_show(struct call *c)
{
    struct imw_error_info err = { 0 };
    char *institution = NULL, *oidc = NULL;
    int64_t ldap = 0, oidc_on = 0;
    bool any;

    if (!account_any(c->db, &any, &err) || !setting_get(c->db, SETTING_ID_INSTITUTION, &institution, &err) ||
        !setting_get(c->db, SETTING_ID_OIDC_NAME, &oidc, &err) ||
        !setting_number(c->db, SETTING_ID_LDAP_ON, &ldap, &err) ||
        !setting_number(c->db, SETTING_ID_OIDC_ON, &oidc_on, &err))
        call_failed(c, &err);
    else
        call_json(c, 200,
                  json_pack("{s:b,s:s?,s:b,s:s,s:s}", "first_run", !any, "oidc",
                            oidc_on == 0      ? NULL
                            : oidc[0] != '\0' ? oidc
                                              : "OpenID Connect",
                            "ldap", ldap != 0, "institution", institution, "version", IMWARD_VERSION));
    free(institution);
    free(oidc);
}

void start_create(struct call *c)
{
    const struct account_keeper keeper = ask_keeper(c->api);
    struct sign_in in = sign_in_of(c);
    const char *token, *full_name, *institution;
    struct sign_in_result r;
    struct imw_error_info err = { 0 };

    if (!call_text(c, "token", TOKEN_MOST_TEXT, &token) ||
        !call_text(c, "name", ACCOUNT_NAME_SIZE, &in.name) ||
        !call_text(c, "full_name", ACCOUNT_FULL_NAME_SIZE, &full_name) ||
        !call_text(c, "password", 4096, &in.password) ||
        !call_text(c, "institution", INSTITUTION_MOST, &institution))
        return;
    db_rollback(c->db);
    if (!session_start(c->db, &keeper, &in, token, full_name, institution, c->now_us, &r, &err))
        call_refused(c, &err);
    else if (r.answer == SIGN_IN_WRONG)
        call_problem(
            c, 403, "token",
            "this is not the token, or there are accounts already: `imward serve` writes it to DIR/first-start");
    else
        answer_sign_in(c, &r, true);
}
