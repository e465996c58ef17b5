/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of browsers, and signing in.
 *
 * A session is 256 random bits in a cookie, of which the database has the SHA-256 only. A new one is made at
 * every sign-in, when the password or the second factor changes, and when who it is was proved anew: what
 * somebody planted or saw before is worth nothing after (fixation). It ends when it was idle too long, when
 * its time is over (both settings), and all of an account's end when its password, its roles or its state
 * change.
 *
 * Guessing: each try at a name is counted before the password is looked at, so that tries side by side do not
 * slip through. After five in a row that were wrong the name is locked for a minute, after each further one
 * twice as long, up to an hour; the next that is right starts anew. That holds for names of no account just
 * the same, which cost the same work, and the answers do not differ.
 */
#pragma once
#include "program/account.h"

enum {
    SESSION_SECRET_SIZE = 44, /* base64url, and a NUL */
    SESSION_HASH_LEN = 32,
    SESSION_STRONG_MINUTES = 15,
    SESSION_MOST = 32, /* of one account; the oldest ends */
    SIGN_IN_TRIES = 5,
};

struct session {
    uint8_t hash[SESSION_HASH_LEN];
    char csrf[SESSION_SECRET_SIZE];
    struct actor actor;
    char restricted[16]; /* "", "password", "second-factor": what must be done first */
    uint64_t expires_us; /* absolute */
    bool touch;          /* it was last noted as used over a minute ago: session_touch() is due */
};

/* What a request's cookie says. Reads only; in a transaction or without. *out_found false: nobody (never was,
 * ended, idle, account disabled or expired). */
bool session_actor(struct db *db, struct view cookie, uint64_t now_us, struct session *out, bool *out_found,
                   struct imw_error_info *err) IMW_MUST_USE;
/* Note that it was used (write transaction of the caller). */
bool session_touch(struct db *db, const uint8_t hash[SESSION_HASH_LEN], uint64_t now_us,
                   struct imw_error_info *err) IMW_MUST_USE;
/* Is `header` (X-CSRF-Token, may be NULL) this session's? In constant time. */
bool session_csrf_right(const struct session *s, const char *header);
/* Was who it is proved within SESSION_STRONG_MINUTES? */
bool actor_is_strong(const struct actor *a, uint64_t now_us);

/* ---- signing in ---- */
struct sign_in {
    const char *name, *password, *code; /* code NULL: none given */
    const char *address, *agent;
};
enum sign_in_answer {
    SIGN_IN_DONE,
    SIGN_IN_WRONG,  /* name, password or code, which is not said */
    SIGN_IN_CODE,   /* the password is right, a code is needed */
    SIGN_IN_LOCKED, /* too many tries: out->retry_s */
};
struct sign_in_result {
    enum sign_in_answer answer;
    char secret[SESSION_SECRET_SIZE]; /* for the cookie; DONE only */
    int64_t account;
    unsigned retry_s;
};
/* Has transactions of its own: none may be open; the keeper is asked between them. Writes the audit trail. */
bool session_sign_in(struct db *db, const struct account_keeper *keeper, const struct sign_in *in,
                     uint64_t now_us, struct sign_in_result *out, struct imw_error_info *err) IMW_MUST_USE;
/* The same for somebody whom an OpenID Connect provider proved. */
bool session_sign_in_as(struct db *db, const struct account *a, const char *address, const char *agent,
                        uint64_t now_us, struct sign_in_result *out, struct imw_error_info *err) IMW_MUST_USE;
/* Prove again who it is (password, and code where there is a second factor): a new session in place of `s`,
 * strong from now. As session_sign_in(). */
bool session_confirm(struct db *db, const struct account_keeper *keeper, const struct session *s,
                     const struct sign_in *in, uint64_t now_us, struct sign_in_result *out,
                     struct imw_error_info *err) IMW_MUST_USE;

/* A new password, after the old one was proved: all sessions of the account end, a new one begins. Answers as
 * session_sign_in(); IMW_ERROR_VALUE: the new one is refused. */
bool session_change_password(struct db *db, const struct account_keeper *keeper, const struct session *s,
                             const struct sign_in *in, const char *new_password, uint64_t now_us,
                             struct sign_in_result *out, struct imw_error_info *err) IMW_MUST_USE;
/* A second factor to be set up, in two steps: its secret is shown, then a code out of it proves that it
 * arrived. The second renews the session; WRONG: the code is not right, or nothing was begun. */
bool session_totp_begin(struct db *db, const struct account_keeper *keeper, const struct session *s,
                        char out_secret[64], struct imw_error_info *err) IMW_MUST_USE;
bool session_totp_finish(struct db *db, const struct account_keeper *keeper, const struct session *s,
                         const struct sign_in *in, uint64_t now_us, struct sign_in_result *out,
                         struct imw_error_info *err) IMW_MUST_USE;
/* The first account of all, by the one-time token: administrator, engineer and compliance, so that one person
 * can begin; for an hour without a second factor. WRONG: not the token, or there are accounts. Has
 * transactions of its own. */
bool session_start(struct db *db, const struct account_keeper *keeper, const struct sign_in *in,
                   const char *token, const char *full_name, const char *institution, uint64_t now_us,
                   struct sign_in_result *out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- within the caller's write transaction ---- */
bool session_begin(struct db *db, int64_t account, const char *address, const char *agent, bool strong,
                   uint64_t now_us, char out_secret[SESSION_SECRET_SIZE],
                   struct imw_error_info *err) IMW_MUST_USE;
/* The same session under a new secret; strong_us as it was, or now. */
bool session_renew(struct db *db, struct view hash, bool strong, uint64_t now_us,
                   char out_secret[SESSION_SECRET_SIZE], struct imw_error_info *err) IMW_MUST_USE;
bool session_end(struct db *db, struct view hash, struct imw_error_info *err) IMW_MUST_USE;
bool session_end_all(struct db *db, int64_t account, struct imw_error_info *err) IMW_MUST_USE;
/* Those of an account: {"sessions":[{id,created,seen,address,agent,current}]}; id: the first 16 octets of the
 * hash in hex. */
bool session_list(struct db *db, int64_t account, struct view current, uint64_t now_us, json_t **out,
                  struct imw_error_info *err) IMW_MUST_USE;
bool session_end_id(struct db *db, int64_t account, const char *id, bool *out_found,
                    struct imw_error_info *err) IMW_MUST_USE;
/* Take away what is over: sessions, and counts of tries of yesterday. */
bool session_expire(struct db *db, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
/* Forget the wrong tries at a name, and its lock. */
bool sign_in_unlock(struct db *db, const char *name, struct imw_error_info *err) IMW_MUST_USE;
