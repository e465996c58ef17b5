/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong tries to sign in. */
#include "program/sign_in.h"
#include "program/session.h"
#include <sodium.h>

#define SECOND_US UINT64_C(1000000)
enum { LOCK_FIRST_S = 60, LOCK_MOST_S = 3600, FORGET_S = 86400 };

static void key_of(const char *name, char out[65])
{
    char folded[ACCOUNT_NAME_SIZE];
    uint8_t hash[crypto_hash_sha256_BYTES];
    const char *text = account_name_fold(name, folded, NULL) ? folded : name;

    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    sodium_bin2hex(out, 65, hash, sizeof hash);
}

static unsigned lock_s(int64_t failed)
{
    unsigned s = LOCK_FIRST_S;

    for (int64_t i = SIGN_IN_TRIES; i < failed && s < LOCK_MOST_S; i++)
        s *= 2;
    return s < LOCK_MOST_S ? s : LOCK_MOST_S;
}

bool sign_in_count(struct db *db, const char *name, uint64_t now_us, struct sign_in_try *out,
                   struct imw_error_info *err)
{
    bool counted;
    int64_t until = 0;

    *out = (struct sign_in_try){ .retry_s = 0 };
    key_of(name, out->key);
    /* One statement, so that of two at once each counts; no row: the lock stands. */
    if (!db_query_int(
            db,
            "insert into sign_in (name, failed, locked_until_us, last_us) values (?, 1, 0, ?) "
            "on conflict (name) do update set failed = sign_in.failed + 1, last_us = excluded.last_us "
            "where sign_in.locked_until_us <= excluded.last_us returning failed",
            DB_ARGS(db_text(out->key), db_int((int64_t)now_us)), &out->failed, &counted, err))
        return false;
    if (!counted) {
        if (!db_query_int(db, "select locked_until_us from sign_in where name = ?",
                          DB_ARGS(db_text(out->key)), &until, NULL, err))
            return false;
        out->retry_s = (unsigned)(((uint64_t)until - now_us) / SECOND_US) + 1;
        return true;
    }
    if (out->failed < SIGN_IN_TRIES)
        return true;
    out->until_us = now_us + lock_s(out->failed) * SECOND_US;
    return db_run(db, "update sign_in set locked_until_us = ? where name = ?",
                  DB_ARGS(db_int((int64_t)out->until_us), db_text(out->key)), NULL, err);
}

bool sign_in_uncount(struct db *db, const struct sign_in_try *t, struct imw_error_info *err)
{
    return db_run(db,
                  "update sign_in set failed = failed - 1, "
                  "locked_until_us = case when locked_until_us = ? then 0 else locked_until_us end "
                  "where name = ? and failed > 0",
                  DB_ARGS(db_int((int64_t)t->until_us), db_text(t->key)), NULL, err);
}

bool sign_in_unlock(struct db *db, const char *name, struct imw_error_info *err)
{
    char key[65];

    key_of(name, key);
    return db_run(db, "delete from sign_in where name = ?", DB_ARGS(db_text(key)), NULL, err);
}

bool sign_in_locked(struct db *db, const char *name, uint64_t *out_until_us, struct imw_error_info *err)
{
    char key[65];
    int64_t until = 0;

    key_of(name, key);
    if (!db_query_int(db, "select locked_until_us from sign_in where name = ?", DB_ARGS(db_text(key)), &until,
                      NULL, err))
        return false;
    *out_until_us = (uint64_t)until;
    return true;
}

bool sign_in_expire(struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    return db_run(db, "delete from sign_in where last_us < ? and locked_until_us < ?",
                  DB_ARGS(db_int((int64_t)(now_us - FORGET_S * SECOND_US)), db_int((int64_t)now_us)), NULL,
                  err);
}
