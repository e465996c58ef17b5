/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing in, and whatever else asks for the password: a try is counted and committed first, then the keeper
 * (or the directory) looks at the password without any transaction, then, in one transaction, what follows of
 * it. What was read before is looked at again there: the account may have changed while the keeper computed.
 */
#include "program/audit.h"
#include "program/session.h"
#include "program/setting.h"
#include "program/sign_in.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)
enum { GRACE_S = 3600 };

/* One try, and what came of it. */
struct attempt {
    struct db *db;
    const struct account_keeper *keeper;
    const struct sign_in *in;
    uint64_t now_us;
    struct sign_in_try count;
    struct account account;
    bool known;                     /* `account` is there */
    struct directory_person person; /* proved by the directory */
    bool by_directory;
    int64_t step; /* of the second factor; 0: none was asked for */
    enum sign_in_answer answer;
};

/* The end of a transaction in which `ok` says whether all went well. */
static bool finish(struct db *db, bool ok, struct imw_error_info *err)
{
    if (ok && db_commit(db, err))
        return true;
    db_rollback(db);
    return false;
}

/* ---- the password ---- */

static bool count_try(struct attempt *t, const char *name, struct imw_error_info *err)
{
    if (!db_begin(t->db, true, err))
        return false;
    return finish(t->db, sign_in_count(t->db, name, t->now_us, &t->count, err), err);
}

static bool uncount(struct attempt *t, struct imw_error_info *err)
{
    return db_begin(t->db, true, err) && finish(t->db, sign_in_uncount(t->db, &t->count, err), err);
}

/* Nobody could say whether it was right: that is no wrong try, and `err` stays why. */
static bool no_try(struct attempt *t)
{
    struct imw_error_info more = { 0 };

    (void)uncount(t, &more);
    return false;
}

/* The same work as for a password that is looked at. */
static bool check_nothing(const struct attempt *t, const char *password, struct imw_error_info *err)
{
    char hash[ACCOUNT_HASH_SIZE];

    return t->keeper->hash(t->keeper->context, password, hash, err);
}

static bool check_directory(struct attempt *t, bool *out_right, struct imw_error_info *err)
{
    int64_t on = 0;

    *out_right = false;
    if (t->keeper->directory == NULL)
        return true;
    if (!setting_number(t->db, SETTING_ID_LDAP_ON, &on, err))
        return false;
    if (on == 0)
        return true;
    if (!t->keeper->directory(t->keeper->context, t->db, t->in->name, t->in->password, out_right, &t->person,
                              err))
        return false;
    t->by_directory = *out_right;
    if (*out_right && !account_by_subject(t->db, SOURCE_LDAP, t->person.subject, &t->account, &t->known, err))
        return false;
    return true;
}

static bool check_password(struct attempt *t, bool *out_right, struct imw_error_info *err)
{
    const char *password = strlen(t->in->password) <= ACCOUNT_PASSWORD_MOST ? t->in->password : "";
    const bool local = t->known && t->account.source == SOURCE_LOCAL && t->account.hash[0] != '\0';

    *out_right = false;
    if (password[0] == '\0') /* an LDAP server takes no password for anybody (RFC 4513 section 5.1.2) */
        return check_nothing(t, "none", err);
    if (local)
        return t->keeper->check(t->keeper->context, password, t->account.hash, out_right, err);
    return check_nothing(t, password, err) &&
           ((t->known && t->account.source != SOURCE_LDAP) || check_directory(t, out_right, err));
}

/* The second factor, where there is one. */
static bool check_code(struct attempt *t, struct imw_error_info *err)
{
    const struct account *a = &t->account;
    bool right = false;

    if (!t->known || !a->has_totp)
        return true;
    if (t->in->code == NULL || t->in->code[0] == '\0') {
        t->answer = SIGN_IN_CODE;
        return true;
    }
    if (!t->keeper->totp(t->keeper->context, view_of(a->totp, a->totp_len), t->in->code,
                         t->now_us / SECOND_US, a->totp_step, &right, &t->step, err))
        return false;
    if (!right)
        t->answer = SIGN_IN_WRONG;
    return true;
}

/* All proofs. t->answer DONE: so far nothing speaks against it. */
static bool prove(struct attempt *t, struct imw_error_info *err)
{
    bool right;

    if (!count_try(t, t->in->name, err))
        return false;
    if (t->count.retry_s > 0) {
        t->answer = SIGN_IN_LOCKED;
        return true;
    }
    if (!account_by_name(t->db, t->in->name, &t->account, &t->known, err) || !check_password(t, &right, err))
        return no_try(t);
    t->answer = right && (!t->known || account_usable(&t->account, t->now_us)) ? SIGN_IN_DONE : SIGN_IN_WRONG;
    return t->answer != SIGN_IN_DONE || check_code(t, err);
}

/* ---- what follows ---- */

static bool audit(struct attempt *t, const struct actor *actor, const char *act, const char *name,
                  const json_t *detail, struct imw_error_info *err)
{
    char object[96];

    snprintf(object, sizeof object, "account %s", name);
    return audit_add(t->db, actor, t->in->address, act, object, detail, t->now_us, err);
}

/* In the trail: tries at accounts by their names; at others without what was typed, which may be a password.
 */
static bool tell_wrong(struct attempt *t, struct imw_error_info *err)
{
    const struct actor nobody = { .name = "nobody" };
    struct account a;
    bool is;

    if (!db_begin(t->db, true, err))
        return false;
    bool ok = account_by_name(t->db, t->in->name, &a, &is, err);
    if (ok) {
        json_t *detail =
            json_pack("{s:I,s:b}", "tries", (json_int_t)t->count.failed, "locked", t->count.until_us > 0);
        ok = audit(t, &nobody, "session.refuse", is ? a.name : "unknown", detail, err);
        json_decref(detail);
    }
    return finish(t->db, ok, err);
}

/* The answers that are no success. */
static bool answer_no(struct attempt *t, struct sign_in_result *out, struct imw_error_info *err)
{
    *out = (struct sign_in_result){ .answer = t->answer, .retry_s = t->count.retry_s };
    switch (t->answer) {
    case SIGN_IN_CODE: return uncount(t, err);
    case SIGN_IN_WRONG: return tell_wrong(t, err);
    case SIGN_IN_LOCKED:
    case SIGN_IN_DONE: break;
    }
    return true;
}

/* In the transaction: the account is as it was when its password was looked at, and the code is fresh. */
static bool still_right(struct attempt *t, bool *out_right, struct imw_error_info *err)
{
    struct account now;
    bool found = true;

    if (t->by_directory) {
        const struct directory_person *p = &t->person;
        if (!account_from_source(t->db, SOURCE_LDAP, p->subject, p->name, p->full_name, p->email, p->roles,
                                 t->now_us, &now, err))
            return false;
        found = p->roles != 0;
        if (found && !account_tie_person(t->db, &now, p->name, p->email, err))
            return false;
    } else if (!account_get(t->db, t->account.id, &now, &found, err)) {
        return false;
    }
    *out_right = found && account_usable(&now, t->now_us) && strcmp(now.hash, t->account.hash) == 0 &&
                 now.has_totp == (t->known && t->account.has_totp);
    if (found)
        t->account = now;
    return !*out_right || t->step == 0 || account_use_step(t->db, now.id, t->step, out_right, err);
}

static struct actor actor_of(const struct account *a)
{
    struct actor actor = { .account = a->id, .roles = a->roles };

    snprintf(actor.name, sizeof actor.name, "%s", a->name);
    return actor;
}

static bool begin_session(struct attempt *t, const char *act, struct sign_in_result *out,
                          struct imw_error_info *err)
{
    const struct actor actor = actor_of(&t->account);
    json_t *detail = json_pack("{s:s,s:b}", "source", account_source_name(t->account.source), "second_factor",
                               t->account.has_totp);

    out->answer = SIGN_IN_DONE;
    out->account = t->account.id;
    const bool ok = session_begin(t->db, t->account.id, t->in->address, t->in->agent, true, t->now_us,
                                  out->secret, err) &&
                    db_run(t->db, "update account set seen_us = ? where id = ?",
                           DB_ARGS(db_int((int64_t)t->now_us), db_int(t->account.id)), NULL, err) &&
                    audit(t, &actor, act, t->account.name, detail, err);
    json_decref(detail);
    return ok;
}

bool session_sign_in(struct db *db, const struct account_keeper *keeper, const struct sign_in *in,
                     uint64_t now_us, struct sign_in_result *out, struct imw_error_info *err)
{
    struct attempt t = { .db = db, .keeper = keeper, .in = in, .now_us = now_us };
    bool right = false;

    if (!prove(&t, err))
        return false;
    if (t.answer == SIGN_IN_DONE) {
        *out = (struct sign_in_result){ 0 };
        if (!db_begin(db, true, err))
            return false;
        bool ok = still_right(&t, &right, err);
        if (ok && right)
            ok = begin_session(&t, "session.begin", out, err) && sign_in_unlock(db, in->name, err);
        if (!finish(db, ok, err))
            return false;
        if (right)
            return true;
        t.answer = SIGN_IN_WRONG;
    }
    return answer_no(&t, out, err);
}

bool session_sign_in_as(struct db *db, const struct account *a, const char *address, const char *agent,
                        uint64_t now_us, struct sign_in_result *out, struct imw_error_info *err)
{
    const struct sign_in in = { .name = a->name, .password = "", .address = address, .agent = agent };
    struct attempt t = { .db = db, .in = &in, .now_us = now_us, .account = *a };

    *out = (struct sign_in_result){ .answer = SIGN_IN_WRONG };
    if (!account_usable(a, now_us))
        return true;
    return db_begin(db, true, err) && finish(db, begin_session(&t, "session.begin", out, err), err);
}

/* ---- with a session ---- */

bool session_confirm(struct db *db, const struct account_keeper *keeper, const struct session *s,
                     const struct sign_in *in, uint64_t now_us, struct sign_in_result *out,
                     struct imw_error_info *err)
{
    struct attempt t = { .db = db, .keeper = keeper, .in = in, .now_us = now_us };
    bool right = false;

    if (!prove(&t, err))
        return false;
    if (t.answer == SIGN_IN_DONE) {
        *out = (struct sign_in_result){ .account = s->actor.account };
        if (!db_begin(db, true, err))
            return false;
        bool ok = still_right(&t, &right, err);
        right = right && t.account.id == s->actor.account;
        if (ok && right)
            ok = session_renew(db, view_of(s->hash, sizeof s->hash), true, now_us, out->secret, err) &&
                 sign_in_unlock(db, in->name, err) &&
                 audit(&t, &s->actor, "session.confirm", t.account.name, NULL, err);
        if (!finish(db, ok, err))
            return false;
        if (right)
            return true;
        t.answer = SIGN_IN_WRONG;
    }
    return answer_no(&t, out, err);
}

/* The old password alone: who has a session had the second factor, too. */
static bool prove_password(struct attempt *t, struct imw_error_info *err)
{
    bool right = false;

    if (!count_try(t, t->in->name, err))
        return false;
    if (t->count.retry_s > 0) {
        t->answer = SIGN_IN_LOCKED;
        return true;
    }
    if (!account_by_name(t->db, t->in->name, &t->account, &t->known, err))
        return false;
    if (!t->known || t->account.source != SOURCE_LOCAL)
        return error_key(err, "old", "this account's password is not kept here: change it where it is");
    if (!check_password(t, &right, err))
        return false;
    t->answer = right ? SIGN_IN_DONE : SIGN_IN_WRONG;
    return true;
}

bool session_change_password(struct db *db, const struct account_keeper *keeper, const struct session *s,
                             const struct sign_in *in, const char *new_password, uint64_t now_us,
                             struct sign_in_result *out, struct imw_error_info *err)
{
    struct attempt t = { .db = db, .keeper = keeper, .in = in, .now_us = now_us };
    char hash[ACCOUNT_HASH_SIZE];
    bool right = false;

    if (!password_check(new_password, s->actor.name, err) ||
        (strcmp(new_password, in->password) == 0 &&
         !error_key(err, "new", "the new password is the old one")) ||
        !prove_password(&t, err))
        return false;
    if (t.answer != SIGN_IN_DONE)
        return answer_no(&t, out, err);
    if (!keeper->hash(keeper->context, new_password, hash, err) || !db_begin(db, true, err))
        return false;
    *out = (struct sign_in_result){ .answer = SIGN_IN_WRONG };
    bool ok = still_right(&t, &right, err);
    if (ok && right)
        ok = account_set_password(db, t.account.id, hash, false, now_us, err) &&
             begin_session(&t, "account.password", out, err);
    return finish(db, ok, err);
}

bool session_totp_begin(struct db *db, const struct account_keeper *keeper, const struct session *s,
                        char out_secret[64], struct imw_error_info *err)
{
    uint8_t sealed[ACCOUNT_SEALED_MOST];
    struct account a;
    bool found;
    size_t len;

    if (!account_get(db, s->actor.account, &a, &found, err))
        return false;
    if (!found || a.has_totp)
        return error_key(err, "code", "there is a second factor already: remove it first");
    if (!keeper->totp_new(keeper->context, out_secret, sealed, &len, err) || !db_begin(db, true, err))
        return false;
    return finish(db,
                  db_run(db, "update session set totp_new = ? where hash = ?",
                         DB_ARGS(db_blob(view_of(sealed, len)), db_blob(view_of(s->hash, sizeof s->hash))),
                         NULL, err),
                  err);
}

static bool pending_factor(struct db *db, const struct session *s, uint8_t out[ACCOUNT_SEALED_MOST],
                           size_t *out_len, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *out_len = 0;
    if (!db_query(db, "select totp_new from session where hash = ?",
                  DB_ARGS(db_blob(view_of(s->hash, sizeof s->hash))), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        const struct view sealed = db_get_blob(rows, 0);
        if (sealed.len <= ACCOUNT_SEALED_MOST) {
            memcpy(out, sealed.at, sealed.len);
            *out_len = sealed.len;
        }
    }
    db_rows_end(rows);
    if (why.code != IMW_OK && err != NULL)
        *err = why;
    return why.code == IMW_OK;
}

bool session_totp_finish(struct db *db, const struct account_keeper *keeper, const struct session *s,
                         const struct sign_in *in, uint64_t now_us, struct sign_in_result *out,
                         struct imw_error_info *err)
{
    struct attempt t = { .db = db, .keeper = keeper, .in = in, .now_us = now_us };
    uint8_t sealed[ACCOUNT_SEALED_MOST];
    struct account a;
    bool right = false, found;
    size_t len;

    *out = (struct sign_in_result){ .answer = SIGN_IN_WRONG, .account = s->actor.account };
    if (!pending_factor(db, s, sealed, &len, err))
        return false;
    if (len == 0)
        return error_key(err, "code", "ask for a new second factor first");
    if (!keeper->totp(keeper->context, view_of(sealed, len), in->code, now_us / SECOND_US, 0, &right, &t.step,
                      err))
        return false;
    if (!right)
        return true;
    if (!db_begin(db, true, err))
        return false;
    bool ok = account_get(db, s->actor.account, &a, &found, err);
    if (ok && (!found || a.has_totp))
        ok = error_key(err, "code", "there is a second factor already: remove it first");
    ok = ok && account_set_totp(db, a.id, view_of(sealed, len), t.step, err) &&
         session_renew(db, view_of(s->hash, sizeof s->hash), true, now_us, out->secret, err) &&
         audit(&t, &s->actor, "account.second-factor", a.name, NULL, err);
    if (!finish(db, ok, err))
        return false;
    out->answer = SIGN_IN_DONE;
    return true;
}

/* ---- the first start ---- */

/* For so long the first administrator is asked for no second factor: data first. */
static bool begin_grace(struct db *db, int64_t account, uint64_t now_us, struct imw_error_info *err)
{
    char text[64];

    snprintf(text, sizeof text, "%lld %llu", (long long)account,
             (unsigned long long)(now_us + GRACE_S * SECOND_US));
    return setting_set(db, SETTING_ID_FIRST_GRACE, text, now_us, err);
}

bool session_start(struct db *db, const struct account_keeper *keeper, const struct sign_in *in,
                   const char *token, const char *full_name, const char *institution, uint64_t now_us,
                   struct sign_in_result *out, struct imw_error_info *err)
{
    struct attempt t = { .db = db, .keeper = keeper, .in = in, .now_us = now_us };
    char hash[ACCOUNT_HASH_SIZE];
    bool right = false, found = true;
    int64_t id = 0;

    *out = (struct sign_in_result){ .answer = SIGN_IN_WRONG };
    if (!password_check(in->password, in->name, err))
        return false;
    if (!db_begin(db, false, err))
        return false;
    const bool looked = start_token_right(db, token, &right, err);
    db_rollback(db);
    if (!looked || !right)
        return looked;
    if (!keeper->hash(keeper->context, in->password, hash, err) || !db_begin(db, true, err))
        return false;
    bool ok = start_token_take(db, token, &right, err);
    if (ok && right)
        ok = account_create(db,
                            &(struct account_new){ .name = in->name,
                                                   .full_name = full_name,
                                                   .hash = hash,
                                                   .roles = 1u << ROLE_ADMINISTRATOR | 1u << ROLE_ENGINEER |
                                                            1u << ROLE_COMPLIANCE },
                            now_us, &id, err) &&
             begin_grace(db, id, now_us, err) &&
             setting_set(db, SETTING_ID_INSTITUTION, institution, now_us, err) &&
             account_get(db, id, &t.account, &found, err) && begin_session(&t, "account.first", out, err);
    return finish(db, ok, err);
}
