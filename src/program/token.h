/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens for programs: "imw_" and 52 characters of base32 (256 random bits), shown once; the database has the
 * SHA-256. A token does what its scopes name, as far as its owner may do it at that moment, until it expires
 * or is revoked. It proves nobody's presence: what asks for that refuses it.
 */
#pragma once
#include "base/json_value.h"
#include "program/permission.h"
#include "store/db.h"

enum { TOKEN_SIZE = 57, TOKEN_DAYS_MOST = 366, TOKEN_MOST = 50 /* of one account, in use */ };

/* What "Authorization: Bearer …" says. Reads only; *out_found false: nobody. *out_touch: token_touch() is
 * due. */
bool token_actor(struct db *db, struct view token, uint64_t now_us, struct actor *out, bool *out_touch,
                 bool *out_found, struct imw_error_info *err) IMW_MUST_USE;
bool token_touch(struct db *db, struct view token, uint64_t now_us, struct imw_error_info *err) IMW_MUST_USE;
/* IMW_ERROR_VALUE, with key: the name, scopes (none, or more than the owner has) or days are refused. */
bool token_create(struct db *db, const struct actor *owner, const char *name, json_t *scopes, int64_t days,
                  uint64_t now_us, char out[TOKEN_SIZE], json_t **out_json,
                  struct imw_error_info *err) IMW_MUST_USE;
bool token_revoke(struct db *db, int64_t account, int64_t id, uint64_t now_us, bool *out_found,
                  struct imw_error_info *err) IMW_MUST_USE;
/* {"tokens":[{id,name,scopes,created,expires,used,revoked}]} */
bool token_list(struct db *db, int64_t account, json_t **out, struct imw_error_info *err) IMW_MUST_USE;
