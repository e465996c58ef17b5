/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens for programs. */
#include "program/token.h"
#include "program/account.h"
#include "program/session.h"
#include "program/totp.h"
#include "program/when.h"
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>

static const char prefix[] = "imw_";
enum { HASH_LEN = crypto_hash_sha256_BYTES, SECRET_LEN = 32, NAME_MOST = 32, DAY_S = 86400 };

static struct view hash_of(struct view token, uint8_t out[HASH_LEN])
{
    crypto_hash_sha256(out, token.at, token.len);
    return view_of(out, HASH_LEN);
}

/* What the row says, cut to what the owner may do now. False: the owner may nothing now. */
static bool actor_of_row(struct db_rows *rows, uint64_t now_us, struct actor *out)
{
    const uint64_t expires = (uint64_t)db_get_int(rows, 2), owner_expires = (uint64_t)db_get_int(rows, 7);
    uint64_t scopes;
    unsigned roles;

    if (!db_is_null(rows, 3) || expires <= now_us || (owner_expires != 0 && owner_expires <= now_us) ||
        !view_equal(db_get_text(rows, 6), VIEW("active")) ||
        !scopes_parse((const char *)db_get_text(rows, 4).at, &scopes) ||
        !roles_parse((const char *)db_get_text(rows, 5).at, &roles))
        return false;
    *out = (struct actor){ .account = db_get_int(rows, 0),
                           .roles = roles,
                           .permissions = (scopes & permissions_of(roles)) | UINT64_C(1) << PERMISSION_PUBLIC,
                           .person = db_get_int(rows, 8),
                           .token = true };
    snprintf(out->name, sizeof out->name, "token:%s of %s", (const char *)db_get_text(rows, 1).at,
             (const char *)db_get_text(rows, 9).at);
    return true;
}

bool token_actor(struct db *db, struct view token, uint64_t now_us, struct actor *out, bool *out_touch,
                 bool *out_found, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    uint8_t hash[HASH_LEN];
    struct db_rows *rows;

    *out_found = false;
    if (token.len != TOKEN_SIZE - 1 || !view_starts(token, view_string(prefix)))
        return true;
    if (!db_query(
            db,
            "select a.id, t.name, t.expires_us, t.revoked_us, t.scopes, a.roles, a.state, a.expires_us, a.person, "
            "a.name, t.used_us from token t join account a on a.id = t.account where t.hash = ?",
            DB_ARGS(db_blob(hash_of(token, hash))), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        *out_found = actor_of_row(rows, now_us, out);
        *out_touch = *out_found && now_us > (uint64_t)db_get_int(rows, 10) + 60 * UINT64_C(1000000);
    }
    db_rows_end(rows);
    if (why.code != IMW_OK && err != NULL)
        *err = why;
    return why.code == IMW_OK;
}

bool token_touch(struct db *db, struct view token, uint64_t now_us, struct imw_error_info *err)
{
    uint8_t hash[HASH_LEN];

    return db_run(db, "update token set used_us = ? where hash = ?",
                  DB_ARGS(db_int((int64_t)now_us), db_blob(hash_of(token, hash))), NULL, err);
}

/* The list as text, "usage:read policy:read", in the order of permissions.def. */
static bool scopes_text(const struct actor *owner, json_t *scopes, char *out, size_t size,
                        struct imw_error_info *err)
{
    uint64_t wanted = 0, one;
    const json_t *word;
    size_t i, at = 0;

    if (!json_is_array(scopes) || json_array_size(scopes) == 0)
        return error_key(err, "scopes", "say what the token is for: one scope at least");
    json_array_foreach(scopes, i, word)
    {
        const char *text = json_string_value(word);
        if (text == NULL || strchr(text, ' ') != NULL || !scopes_parse(text, &one) || one == 0)
            return error_key(err, "scopes", "'%.60s' is no scope of tokens", text != NULL ? text : "");
        if ((one & owner->permissions) != one)
            return error_key(err, "scopes", "you may not give away '%s': your own account does not have it",
                             text);
        wanted |= one;
    }
    out[0] = '\0';
    for (unsigned p = 0; p < PERMISSION_COUNT; p++)
        if ((wanted >> p & 1) != 0)
            at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? " " : "", permission_name(p));
    return true;
}

static bool name_check(const char *name, struct imw_error_info *err)
{
    bool right = name[0] != '\0' && strlen(name) <= NAME_MOST;

    for (const char *c = name; *c != '\0'; c++)
        right = right && (isalnum((unsigned char)*c) || strchr("-_.", *c) != NULL);
    return right ||
           error_key(err, "name", "a token's name has 1 to %d letters, digits, '-', '_' and '.'", NAME_MOST);
}

static json_t *words(const char *text)
{
    struct view left = view_string(text);
    json_t *list = json_pack("[]");

    while (left.len > 0) {
        const struct view word = view_token(&left, ' ');
        json_array_append_new(list, json_stringn((const char *)word.at, word.len));
    }
    return list;
}

bool token_create(struct db *db, const struct actor *owner, const char *name, json_t *scopes, int64_t days,
                  uint64_t now_us, char out[TOKEN_SIZE], json_t **out_json, struct imw_error_info *err)
{
    uint8_t secret[SECRET_LEN], hash[HASH_LEN];
    char text[1024];
    int64_t id, count = 0;

    if (!name_check(name, err) || !scopes_text(owner, scopes, text, sizeof text, err))
        return false;
    if (days < 1 || days > TOKEN_DAYS_MOST)
        return error_key(err, "days", "a token lasts 1 to %d days", TOKEN_DAYS_MOST);
    if (!db_query_int(
            db, "select count(*) from token where account = ? and revoked_us is null and expires_us > ?",
            DB_ARGS(db_int(owner->account), db_int((int64_t)now_us)), &count, NULL, err))
        return false;
    if (count >= TOKEN_MOST)
        return error_key(err, "name", "there are %d tokens in use already: revoke one", TOKEN_MOST);
    const uint64_t expires_us = now_us + (uint64_t)days * DAY_S * 1000000;
    randombytes_buf(secret, sizeof secret);
    memcpy(out, prefix, sizeof prefix);
    base32_write(view_of(secret, sizeof secret), out + sizeof prefix - 1, TOKEN_SIZE - (sizeof prefix - 1));
    sodium_memzero(secret, sizeof secret);
    for (char *c = out + sizeof prefix - 1; *c != '\0'; c++)
        *c = (char)ascii_lower((uint8_t)*c);
    if (!db_insert(db,
                   "insert into token (account, name, hash, scopes, created_us, expires_us) "
                   "values (?, ?, ?, ?, ?, ?) returning id",
                   DB_ARGS(db_int(owner->account), db_text(name), db_blob(hash_of(view_string(out), hash)),
                           db_text(text), db_int((int64_t)now_us), db_int((int64_t)expires_us)),
                   &id, err))
        return false;
    *out_json =
        json_pack("{s:I,s:s,s:o,s:o,s:o,s:n,s:n}", "id", (json_int_t)id, "name", name, "scopes", words(text),
                  "created", when_json(now_us), "expires", when_json(expires_us), "used", "revoked");
    return *out_json != NULL || error_memory(err);
}

bool token_revoke(struct db *db, int64_t account, int64_t id, uint64_t now_us, bool *out_found,
                  struct imw_error_info *err)
{
    uint64_t changed = 0;

    if (!db_run(db, "update token set revoked_us = ? where id = ? and account = ? and revoked_us is null",
                DB_ARGS(db_int((int64_t)now_us), db_int(id), db_int(account)), &changed, err))
        return false;
    *out_found = changed > 0;
    return true;
}

bool token_list(struct db *db, int64_t account, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    json_t *tokens = json_pack("[]");
    struct db_rows *rows;

    if (!db_query(
            db,
            "select id, name, scopes, created_us, expires_us, used_us, revoked_us from token where account = ? "
            "order by id desc limit 500",
            DB_ARGS(db_int(account)), &rows, err)) {
        json_decref(tokens);
        return false;
    }
    while (db_next(rows, &why))
        json_array_append_new(tokens, json_pack("{s:I,s:s,s:o,s:o,s:o,s:o,s:o}", "id",
                                                (json_int_t)db_get_int(rows, 0), "name",
                                                (const char *)db_get_text(rows, 1).at, "scopes",
                                                words((const char *)db_get_text(rows, 2).at), "created",
                                                when_json((uint64_t)db_get_int(rows, 3)), "expires",
                                                when_json((uint64_t)db_get_int(rows, 4)), "used",
                                                when_json((uint64_t)db_get_int(rows, 5)), "revoked",
                                                when_json((uint64_t)db_get_int(rows, 6))));
    db_rows_end(rows);
    *out = why.code == IMW_OK ? json_pack("{s:o}", "tokens", tokens) : NULL;
    if (why.code != IMW_OK) {
        json_decref(tokens);
        if (err != NULL)
            *err = why;
        return false;
    }
    return *out != NULL || error_memory(err);
}
