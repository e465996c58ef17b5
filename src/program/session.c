/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions in the database. Signing in is session_sign_in.c's. */
#include "program/session.h"
#include "base/text.h"
#include "program/setting.h"
#include "program/sign_in.h"
#include "program/when.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
enum { SECRET_LEN = 32, AGENT_MOST = 200, ID_HEX = 32 };

static void random_text(char out[SESSION_SECRET_SIZE])
{
    uint8_t secret[SECRET_LEN];

    randombytes_buf(secret, sizeof secret);
    sodium_bin2base64(out, SESSION_SECRET_SIZE, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(secret, sizeof secret);
}

static struct view hash_of(struct view secret, uint8_t out[SESSION_HASH_LEN])
{
    crypto_hash_sha256(out, secret.at, secret.len);
    return view_of(out, SESSION_HASH_LEN);
}

static bool taken_over(struct imw_error_info *err, const struct imw_error_info *why)
{
    if (why->code != IMW_OK && err != NULL)
        *err = *why;
    return why->code == IMW_OK;
}

/* ---- who it is ---- */

/* The first administrator is not asked for a second factor until the wizard had its time. */
static bool in_grace(struct db *db, int64_t account, uint64_t now_us, bool *out, struct imw_error_info *err)
{
    char *text;
    uint64_t id = 0, until = 0;

    if (!setting_get(db, SETTING_ID_FIRST_GRACE, &text, err))
        return false;
    struct view left = view_string(text);
    *out = view_decimal(view_token(&left, ' '), INT64_MAX, &id) && view_decimal(left, INT64_MAX, &until) &&
           (int64_t)id == account && now_us < until;
    free(text);
    return true;
}

/* What must be done before anything else. */
static bool restriction(struct db *db, const struct db_rows *rows, unsigned roles, uint64_t now_us,
                        char out[16], struct imw_error_info *err)
{
    bool grace = false;

    char *text;
    unsigned demanded = 0;

    out[0] = '\0';
    if (db_get_int(rows, 10) != 0) {
        memcpy(out, "password", sizeof "password");
        return true;
    }
    if (db_get_int(rows, 11) != 0 ||
        view_equal(db_get_text(rows, 12), VIEW("oidc"))) /* that one's own matter */
        return true;
    if (!setting_get(db, SETTING_ID_SECOND_FACTOR, &text, err))
        return false;
    const bool asked = roles_parse(text, &demanded) && (demanded & roles) != 0;
    free(text);
    if (asked && !in_grace(db, db_get_int(rows, 4), now_us, &grace, err))
        return false;
    if (asked && !grace)
        memcpy(out, "second-factor", sizeof "second-factor");
    return true;
}

static bool read_session(struct db *db, struct db_rows *rows, uint64_t now_us, struct session *out,
                         bool *out_found, struct imw_error_info *err)
{
    const uint64_t seen = (uint64_t)db_get_int(rows, 1), account_expires = (uint64_t)db_get_int(rows, 9);
    struct session s = { .expires_us = (uint64_t)db_get_int(rows, 2), .touch = now_us > seen + MINUTE_US };
    int64_t idle_minutes;

    if (!setting_number(db, SETTING_ID_SESSION_IDLE, &idle_minutes, err))
        return false;
    if (now_us >= s.expires_us || now_us >= seen + (uint64_t)idle_minutes * MINUTE_US ||
        !view_equal(db_get_text(rows, 8), VIEW("active")) ||
        (account_expires != 0 && account_expires <= now_us) ||
        !roles_parse((const char *)db_get_text(rows, 6).at, &s.actor.roles))
        return true;
    if (!restriction(db, rows, s.actor.roles, now_us, s.restricted, err))
        return false;
    s.actor.account = db_get_int(rows, 4);
    s.actor.permissions = permissions_of(s.actor.roles);
    s.actor.person = db_get_int(rows, 7);
    s.actor.strong_us = (uint64_t)db_get_int(rows, 3);
    s.actor.restricted = s.restricted[0] != '\0';
    snprintf(s.actor.name, sizeof s.actor.name, "%s", (const char *)db_get_text(rows, 5).at);
    snprintf(s.csrf, sizeof s.csrf, "%s", (const char *)db_get_text(rows, 0).at);
    memcpy(s.hash, out->hash, sizeof s.hash);
    *out = s;
    *out_found = true;
    return true;
}

bool session_actor(struct db *db, struct view cookie, uint64_t now_us, struct session *out, bool *out_found,
                   struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool ok = true;

    *out_found = false;
    if (cookie.len != SESSION_SECRET_SIZE - 1)
        return true;
    if (!db_query(
            db,
            "select s.csrf, s.seen_us, s.expires_us, s.strong_us, a.id, a.name, a.roles, a.person, a.state, "
            "a.expires_us, a.must_change, case when a.totp is null then 0 else 1 end, a.source "
            "from session s join account a on a.id = s.account where s.hash = ?",
            DB_ARGS(db_blob(hash_of(cookie, out->hash))), &rows, err))
        return false;
    if (db_next(rows, &why))
        ok = read_session(db, rows, now_us, out, out_found, err);
    db_rows_end(rows);
    return ok && taken_over(err, &why);
}

bool session_touch(struct db *db, const uint8_t hash[SESSION_HASH_LEN], uint64_t now_us,
                   struct imw_error_info *err)
{
    return db_run(
        db, "update session set seen_us = ? where hash = ? and seen_us < ?",
        DB_ARGS(db_int((int64_t)now_us), db_blob(view_of(hash, SESSION_HASH_LEN)), db_int((int64_t)now_us)),
        NULL, err);
}

bool session_csrf_right(const struct session *s, const char *header)
{
    return header != NULL && strlen(header) == SESSION_SECRET_SIZE - 1 &&
           strlen(s->csrf) == SESSION_SECRET_SIZE - 1 &&
           sodium_memcmp(header, s->csrf, SESSION_SECRET_SIZE - 1) == 0;
}

bool actor_is_strong(const struct actor *a, uint64_t now_us)
{
    return a->strong_us != 0 && now_us < a->strong_us + SESSION_STRONG_MINUTES * MINUTE_US;
}

/* ---- beginning, renewing, ending ---- */

static bool insert(struct db *db, int64_t account, uint64_t created_us, uint64_t expires_us,
                   uint64_t strong_us, const char *address, const char *agent, uint64_t now_us,
                   char out_secret[SESSION_SECRET_SIZE], struct imw_error_info *err)
{
    char csrf[SESSION_SECRET_SIZE], shown[AGENT_MOST + 1];
    uint8_t hash[SESSION_HASH_LEN];
    struct text t = TEXT(shown);

    random_text(csrf);
    random_text(out_secret);
    text_printable(&t, view_slice(view_string(agent), 0, AGENT_MOST));
    return db_run(
        db,
        "insert into session (hash, account, csrf, created_us, seen_us, expires_us, strong_us, address, agent) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        DB_ARGS(db_blob(hash_of(view_string(out_secret), hash)), db_int(account), db_text(csrf),
                db_int((int64_t)created_us), db_int((int64_t)now_us), db_int((int64_t)expires_us),
                db_int((int64_t)strong_us), db_text(address != NULL ? address : ""), db_text(shown)),
        NULL, err);
}

bool session_begin(struct db *db, int64_t account, const char *address, const char *agent, bool strong,
                   uint64_t now_us, char out_secret[SESSION_SECRET_SIZE], struct imw_error_info *err)
{
    int64_t hours;

    return setting_number(db, SETTING_ID_SESSION_HOURS, &hours, err) &&
           db_run(
               db,
               "delete from session where account = ? and hash not in "
               "(select hash from session where account = ? order by seen_us desc, created_us desc limit ?)",
               DB_ARGS(db_int(account), db_int(account), db_int(SESSION_MOST - 1)), NULL, err) &&
           insert(db, account, now_us, now_us + (uint64_t)hours * 60 * MINUTE_US, strong ? now_us : 0,
                  address, agent, now_us, out_secret, err);
}

bool session_renew(struct db *db, struct view hash, bool strong, uint64_t now_us,
                   char out_secret[SESSION_SECRET_SIZE], struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool ok = true;

    if (!db_query(
            db,
            "select account, created_us, expires_us, strong_us, address, agent from session where hash = ?",
            DB_ARGS(db_blob(hash)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        char address[64], agent[AGENT_MOST + 1];
        snprintf(address, sizeof address, "%s", (const char *)db_get_text(rows, 4).at);
        snprintf(agent, sizeof agent, "%s", (const char *)db_get_text(rows, 5).at);
        ok = insert(db, db_get_int(rows, 0), (uint64_t)db_get_int(rows, 1), (uint64_t)db_get_int(rows, 2),
                    strong ? now_us : (uint64_t)db_get_int(rows, 3), address, agent, now_us, out_secret, err);
    } else if (why.code == IMW_OK) {
        ok = error_set(err, IMW_ERROR_VALUE, "the session is over: sign in again");
    }
    db_rows_end(rows);
    return ok && taken_over(err, &why) && session_end(db, hash, err);
}

bool session_end(struct db *db, struct view hash, struct imw_error_info *err)
{
    return db_run(db, "delete from session where hash = ?", DB_ARGS(db_blob(hash)), NULL, err);
}

bool session_end_all(struct db *db, int64_t account, struct imw_error_info *err)
{
    return db_run(db, "delete from session where account = ?", DB_ARGS(db_int(account)), NULL, err);
}

bool session_expire(struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    int64_t idle_minutes;

    return setting_number(db, SETTING_ID_SESSION_IDLE, &idle_minutes, err) &&
           db_run(
               db, "delete from session where expires_us <= ? or seen_us <= ?",
               DB_ARGS(db_int((int64_t)now_us), db_int((int64_t)now_us - idle_minutes * (int64_t)MINUTE_US)),
               NULL, err) &&
           sign_in_expire(db, now_us, err);
}

/* ---- shown ---- */

static void id_of(struct view hash, char out[ID_HEX + 1])
{
    struct text t = text_over(out, ID_HEX + 1);

    text_hex(&t, view_slice(hash, 0, ID_HEX / 2));
}

bool session_list(struct db *db, int64_t account, struct view current, uint64_t now_us, json_t **out,
                  struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    json_t *sessions = json_pack("[]");
    struct db_rows *rows;
    int64_t idle_minutes;
    char id[ID_HEX + 1];

    if (!setting_number(db, SETTING_ID_SESSION_IDLE, &idle_minutes, err) ||
        !db_query(
            db,
            "select hash, created_us, seen_us, address, agent from session "
            "where account = ? and expires_us > ? and seen_us > ? order by seen_us desc, created_us desc",
            DB_ARGS(db_int(account), db_int((int64_t)now_us),
                    db_int((int64_t)now_us - idle_minutes * (int64_t)MINUTE_US)),
            &rows, err)) {
        json_decref(sessions);
        return false;
    }
    while (db_next(rows, &why)) {
        id_of(db_get_blob(rows, 0), id);
        json_array_append_new(sessions, json_pack("{s:s,s:o,s:o,s:s,s:s,s:b}", "id", id, "created",
                                                  when_json((uint64_t)db_get_int(rows, 1)), "seen",
                                                  when_json((uint64_t)db_get_int(rows, 2)), "address",
                                                  (const char *)db_get_text(rows, 3).at, "agent",
                                                  (const char *)db_get_text(rows, 4).at, "current",
                                                  view_equal(db_get_blob(rows, 0), current)));
    }
    db_rows_end(rows);
    if (!taken_over(err, &why)) {
        json_decref(sessions);
        return false;
    }
    *out = json_pack("{s:o}", "sessions", sessions);
    return *out != NULL || error_memory(err);
}

bool session_end_id(struct db *db, int64_t account, const char *id, bool *out_found,
                    struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    uint8_t hash[SESSION_HASH_LEN];
    struct db_rows *rows;
    char has[ID_HEX + 1];

    *out_found = false;
    if (!db_query(db, "select hash from session where account = ?", DB_ARGS(db_int(account)), &rows, err))
        return false;
    while (!*out_found && db_next(rows, &why)) {
        const struct view v = db_get_blob(rows, 0);
        id_of(v, has);
        *out_found = strcmp(has, id) == 0 && v.len == sizeof hash;
        if (*out_found)
            memcpy(hash, v.at, sizeof hash);
    }
    db_rows_end(rows);
    return taken_over(err, &why) && (!*out_found || session_end(db, view_of(hash, sizeof hash), err));
}
