/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts: who may sign in. A local one has a password (Argon2id) and may have a second factor (TOTP); one
 * of a directory (LDAP) or of an OpenID Connect provider is known by its subject there (a DN; "ISSUER SUB")
 * and gets its roles by its groups. What needs a secret that only the keeper has is asked of it by struct
 * account_keeper, so that nothing here knows of processes.
 *
 * Names are lower case (ASCII letters are folded), without spaces and control characters.
 * Functions write in the caller's transaction unless they say otherwise; none of them writes the audit trail.
 */
#pragma once
#include "base/json_value.h"
#include "program/permission.h"
#include "store/db.h"

enum {
    ACCOUNT_NAME_SIZE = 65,
    ACCOUNT_FULL_NAME_SIZE = 129,
    ACCOUNT_EMAIL_SIZE = 255,
    ACCOUNT_SUBJECT_SIZE = 513,
    ACCOUNT_PASSWORD_MIN = 12,   /* characters */
    ACCOUNT_PASSWORD_MOST = 256, /* octets */
    ACCOUNT_HASH_SIZE = 192,
    ACCOUNT_SEALED_MOST = 256,
};

enum account_source { SOURCE_LOCAL, SOURCE_LDAP, SOURCE_OIDC };
const char *account_source_name(enum account_source s);

struct account {
    int64_t id, person; /* person 0: none */
    char name[ACCOUNT_NAME_SIZE], full_name[ACCOUNT_FULL_NAME_SIZE], email[ACCOUNT_EMAIL_SIZE];
    char subject[ACCOUNT_SUBJECT_SIZE];
    enum account_source source;
    unsigned roles;
    bool disabled, must_change, has_totp;
    char hash[ACCOUNT_HASH_SIZE]; /* of the password; "": none */
    uint8_t totp[ACCOUNT_SEALED_MOST];
    size_t totp_len;
    int64_t totp_step;
    uint64_t expires_us; /* 0: never */
    uint64_t created_us, seen_us, locked_until_us;
};

/* ---- looking up; *out_found false: there is none, *out untouched ---- */
bool account_get(struct db *db, int64_t id, struct account *out, bool *out_found,
                 struct imw_error_info *err) IMW_MUST_USE;
bool account_by_name(struct db *db, const char *name, struct account *out, bool *out_found,
                     struct imw_error_info *err) IMW_MUST_USE;
bool account_by_subject(struct db *db, enum account_source source, const char *subject, struct account *out,
                        bool *out_found, struct imw_error_info *err) IMW_MUST_USE;
/* Any at all? None: the first start. */
bool account_any(struct db *db, bool *out_any, struct imw_error_info *err) IMW_MUST_USE;
/* May it act now: neither disabled nor expired? */
bool account_usable(const struct account *a, uint64_t now_us);

/* ---- changing; IMW_ERROR_VALUE: what was asked for is refused, err->key names the member ---- */
struct account_new {
    const char *name, *full_name, *email; /* email may be NULL */
    enum account_source source;
    const char *subject; /* not local ones */
    const char *hash;    /* local ones; NULL: cannot sign in yet */
    bool must_change;
    unsigned roles;
    uint64_t expires_us; /* 0: never, which examiners may not */
    int64_t person;
};
bool account_create(struct db *db, const struct account_new *n, uint64_t now_us, int64_t *out_id,
                    struct imw_error_info *err) IMW_MUST_USE;
/* Members of `patch` that are there: full_name, email, roles, state, expires, person. Sessions of the account
 * end where roles, state or end change. The last administrator who can sign in stays one. *out (may be NULL,
 * the caller's): what changed, {"roles":["compliance","compliance engineer"]}: before and after. */
bool account_change(struct db *db, int64_t id, json_t *patch, uint64_t now_us, json_t **out,
                    struct imw_error_info *err) IMW_MUST_USE;
/* A new password, of which `hash` is what the keeper made: all sessions end, locks too. */
bool account_set_password(struct db *db, int64_t id, const char *hash, bool must_change, uint64_t now_us,
                          struct imw_error_info *err) IMW_MUST_USE;
/* The second factor, sealed; empty: none any more. `step`: the one that was used to set it up. */
bool account_set_totp(struct db *db, int64_t id, struct view sealed, int64_t step,
                      struct imw_error_info *err) IMW_MUST_USE;
/* That this code (its time step) was used: false in *out_fresh where it, or a later one, was before. */
bool account_use_step(struct db *db, int64_t id, int64_t step, bool *out_fresh,
                      struct imw_error_info *err) IMW_MUST_USE;
/* The account that `source` proved to be `subject`, made or brought up to date (name, mail, roles; a name
 * that is taken already gets a number). Roles 0: nobody of that may sign in; refused, and its sessions end.
 */
bool account_from_source(struct db *db, enum account_source source, const char *subject, const char *name,
                         const char *full_name, const char *email, unsigned roles, uint64_t now_us,
                         struct account *out, struct imw_error_info *err) IMW_MUST_USE;

/* An account that is nobody's becomes the person's of this login (NULL: none is known), or of this mail
 * address where no login fits and it is one active person's. */
bool account_tie_person(struct db *db, struct account *a, const char *login, const char *email,
                        struct imw_error_info *err) IMW_MUST_USE;

/* May this be a password? IMW_ERROR_VALUE with words for people. `name` may be NULL. */
bool password_check(const char *password, const char *name, struct imw_error_info *err) IMW_MUST_USE;
/* Argon2id (RFC 9106) at a cost that is the same everywhere: 256 MiB, three passes. The keeper does it, and
 * programs that run without one. password_matches(): IMW_ERROR_VALUE where the hash was made at another cost,
 * which would be work that somebody else chose. */
bool password_hash(const char *password, char out[ACCOUNT_HASH_SIZE],
                   struct imw_error_info *err) IMW_MUST_USE;
bool password_matches(const char *password, const char *hash, bool *out_right,
                      struct imw_error_info *err) IMW_MUST_USE;
/* A JSON list of roles: made, and read. */
json_t *roles_json(unsigned roles);
bool roles_read(const json_t *list, unsigned *out_roles);
/* `out` (ACCOUNT_NAME_SIZE): the name as it is kept. False: it cannot be one. */
bool account_name_fold(const char *name, char out[ACCOUNT_NAME_SIZE],
                       struct imw_error_info *err) IMW_MUST_USE;

/* As in web/src/api/types.ts (Account). */
json_t *account_json(const struct account *a, uint64_t now_us);
/* {"accounts":[…],"warnings":["…"]}: warnings say where one account has duties that should be apart. */
bool account_list(struct db *db, uint64_t now_us, json_t **out, struct imw_error_info *err) IMW_MUST_USE;

/* ---- the first start ---- */
/* While there is no account: make the token with which a browser may make the first one, `out` its text, only
 * its hash stays. *out_needed false: there are accounts. In a transaction of its own. */
enum { START_TOKEN_SIZE = 33 };
bool start_token(struct db *db, uint64_t now_us, char out[START_TOKEN_SIZE], bool *out_needed,
                 struct imw_error_info *err) IMW_MUST_USE;
/* Is it the token, and still nobody there? start_token_take(): then it is used up. */
bool start_token_right(struct db *db, const char *token, bool *out_right,
                       struct imw_error_info *err) IMW_MUST_USE;
bool start_token_take(struct db *db, const char *token, bool *out_right,
                      struct imw_error_info *err) IMW_MUST_USE;

/* ---- what only the keeper can; the console asks by role_ask(), the command line does it itself ---- */
struct directory_person {
    char subject[ACCOUNT_SUBJECT_SIZE], name[ACCOUNT_NAME_SIZE], full_name[ACCOUNT_FULL_NAME_SIZE],
        email[ACCOUNT_EMAIL_SIZE];
    unsigned roles;
};
struct account_keeper {
    void *context;
    bool (*hash)(void *context, const char *password, char out[ACCOUNT_HASH_SIZE],
                 struct imw_error_info *err);
    bool (*check)(void *context, const char *password, const char *hash, bool *out_right,
                  struct imw_error_info *err);
    /* A new second factor: its secret in base32, and sealed. */
    bool (*totp_new)(void *context, char secret[64], uint8_t sealed[ACCOUNT_SEALED_MOST], size_t *out_len,
                     struct imw_error_info *err);
    /* `last`: the last step that was used; none up to it is right again. */
    bool (*totp)(void *context, struct view sealed, const char *code, uint64_t time_s, int64_t last,
                 bool *out_right, int64_t *out_step, struct imw_error_info *err);
    /* A directory: does this password prove this name? Roles by its groups. NULL: there is none. */
    bool (*directory)(void *context, struct db *db, const char *name, const char *password, bool *out_right,
                      struct directory_person *out, struct imw_error_info *err);
};
