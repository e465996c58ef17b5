/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit trail: writing, listing, what it is. Checking it is audit_verify.c's.
 *
 * The next number and the hash before it are read under a lock that holds until the commit: SQLite has one
 * writer at a time anyhow; PostgreSQL locks the table against others who would add.
 */
#include "program/audit_record.h"
#include "program/when.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

bool audit_lock(struct db *db, struct imw_error_info *err)
{
    return db_kind(db) != DB_POSTGRES ||
           db_run(db, "lock table audit in share row exclusive mode", DB_NONE, NULL, err);
}

/* The last record: its number (0: there is none) and hash (then zeros). */
bool audit_last(struct db *db, int64_t *out_seq, uint8_t out_hash[AUDIT_HASH_LEN], struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool ok = true;

    /* Behind removed records the checkpoint that stayed is the last. */
    if (!db_query(
            db,
            "select seq, hash from (select seq, hash from audit order by seq desc limit 1) a union all "
            "select seq, hash from (select seq, hash from audit_checkpoint order by seq desc limit 1) c "
            "order by 1 desc limit 1",
            DB_NONE, &rows, err))
        return false;
    *out_seq = 0;
    memset(out_hash, 0, AUDIT_HASH_LEN);
    if (db_next(rows, &why)) {
        const struct view hash = db_get_blob(rows, 1);
        *out_seq = db_get_int(rows, 0);
        if (hash.len == AUDIT_HASH_LEN)
            memcpy(out_hash, hash.at, AUDIT_HASH_LEN);
        else
            ok = error_set(err, IMW_ERROR_FORMAT,
                           "the audit trail's last record was changed: imward evidence verify says more");
    } else if (why.code != IMW_OK) {
        ok = false;
        if (err != NULL)
            *err = why;
    }
    db_rows_end(rows);
    return ok;
}

void audit_hash(const uint8_t before[AUDIT_HASH_LEN], struct view record, uint8_t out[AUDIT_HASH_LEN])
{
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, before, AUDIT_HASH_LEN);
    crypto_hash_sha256_update(&state, record.at, record.len);
    crypto_hash_sha256_final(&state, out);
}

/* The exact bytes of a record; the caller frees. */
static char *record_text(int64_t seq, uint64_t time_us, const char *actor, const char *address,
                         const char *act, const char *object, const json_t *detail)
{
    char when[WHEN_SIZE];
    json_t *copy = detail != NULL ? json_deep_copy(detail) : json_null();
    json_t *j;
    char *text = NULL;

    when_text(time_us, when);
    j = json_pack("{s:I,s:s,s:s,s:s?,s:s,s:s,s:o}", "seq", (json_int_t)seq, "time", when, "actor", actor,
                  "address", address, "act", act, "object", object, "detail", copy);
    if (j != NULL)
        text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

bool audit_add(struct db *db, const struct actor *actor, const char *address, const char *act,
               const char *object, const json_t *detail, uint64_t now_us, struct imw_error_info *err)
{
    uint8_t before[AUDIT_HASH_LEN], hash[AUDIT_HASH_LEN];
    int64_t last;
    bool ok = false;

    if (!audit_lock(db, err) || !audit_last(db, &last, before, err))
        return false;
    if (address != NULL && address[0] == '\0')
        address = NULL;
    char *record = record_text(last + 1, now_us, actor->name, address, act, object, detail);
    if (record == NULL)
        return error_set(err, IMW_ERROR_VALUE,
                         "no audit record can be made of act '%s': a text in it is not UTF-8", act);
    const size_t len = strlen(record);
    if (len > AUDIT_RECORD_MOST) {
        error_set(err, IMW_ERROR_LIMIT, "an audit record of %zu bytes is too long", len);
        goto out;
    }
    audit_hash(before, view_of(record, len), hash);
    ok = db_run(
        db, "insert into audit (seq, time_us, actor, act, object, record, hash) values (?, ?, ?, ?, ?, ?, ?)",
        DB_ARGS(db_int(last + 1), db_int((int64_t)now_us), db_text(actor->name), db_text(act),
                db_text(object), db_text(record), db_blob(view_of(hash, sizeof hash))),
        NULL, err);
out:
    free(record);
    return ok;
}

/* ---- checkpoints ---- */

void audit_signed_text(int64_t seq, uint64_t time_us, const uint8_t hash[AUDIT_HASH_LEN],
                       char out[AUDIT_SIGNED_SIZE])
{
    char hex[2 * AUDIT_HASH_LEN + 1];

    sodium_bin2hex(hex, sizeof hex, hash, AUDIT_HASH_LEN);
    snprintf(out, AUDIT_SIGNED_SIZE, "imward audit checkpoint 1\n%lld\n%llu\n%s\n", (long long)seq,
             (unsigned long long)time_us, hex);
}

/* The last record's number and hash, and the last checkpoint's number, as they are now. */
static bool ends(struct db *db, int64_t *out_seq, uint8_t out_hash[AUDIT_HASH_LEN], int64_t *out_signed,
                 struct imw_error_info *err)
{
    *out_signed = 0;
    return audit_last(db, out_seq, out_hash, err) &&
           db_query_int(db, "select coalesce(max(seq), 0) from audit_checkpoint", DB_NONE, out_signed, NULL,
                        err);
}

bool audit_checkpoint(struct db *db, audit_sign *sign, void *context, uint64_t now_us,
                      struct imw_error_info *err)
{
    uint8_t hash[AUDIT_HASH_LEN], signature[AUDIT_SIGNATURE_LEN], key[AUDIT_KEY_LEN];
    char text[AUDIT_SIGNED_SIZE];
    int64_t seq, known;

    /* Records never change: nobody waits for the keeper while he signs. */
    if (!db_begin(db, false, err))
        return false;
    const bool read = ends(db, &seq, hash, &known, err);
    db_rollback(db);
    if (!read)
        return false;
    if (seq <= known)
        return true;
    audit_signed_text(seq, now_us, hash, text);
    if (!sign(context, view_string(text), signature, key, err))
        return false;
    if (!db_begin(db, true, err))
        return false;
    if (!db_run(db,
                "insert into audit_checkpoint (seq, time_us, hash, key, signature) values (?, ?, ?, ?, ?) "
                "on conflict (seq) do nothing",
                DB_ARGS(db_int(seq), db_int((int64_t)now_us), db_blob(view_of(hash, sizeof hash)),
                        db_blob(view_of(key, sizeof key)), db_blob(view_of(signature, sizeof signature))),
                NULL, err) ||
        !db_commit(db, err)) {
        db_rollback(db);
        return false;
    }
    return true;
}

bool audit_expire(struct db *db, uint64_t before_us, uint64_t now_us, uint64_t *out_removed,
                  struct imw_error_info *err)
{
    const struct actor system = { .name = "system" };
    int64_t upto = 0;
    bool found;

    *out_removed = 0;
    if (!audit_lock(db, err) ||
        !db_query_int(db,
                      "select c.seq from audit_checkpoint c join audit a on a.seq = c.seq "
                      "where a.time_us < ? order by c.seq desc limit 1",
                      DB_ARGS(db_int((int64_t)before_us)), &upto, &found, err))
        return false;
    if (!found)
        return true;
    json_t *detail = json_pack("{s:I}", "to", (json_int_t)upto);
    const bool ok =
        db_run(db, "delete from audit where seq <= ?", DB_ARGS(db_int(upto)), out_removed, err) &&
        db_run(db, "delete from audit_checkpoint where seq < ?", DB_ARGS(db_int(upto)), NULL, err) &&
        audit_add(db, &system, NULL, AUDIT_ACT_EXPIRE, "audit", detail, now_us, err);
    json_decref(detail);
    return ok;
}

/* ---- reading ---- */

bool audit_state(struct db *db, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool ok = false;

    if (!db_query(
            db,
            "select (select count(*) from audit), (select count(*) from audit_checkpoint), "
            "(select count(*) from audit where seq > coalesce((select max(seq) from audit_checkpoint), 0)), "
            "(select time_us from audit_checkpoint order by seq desc limit 1), "
            "(select key from audit_checkpoint order by seq desc limit 1)",
            DB_NONE, &rows, err))
        return false;
    if (db_next(rows, &why)) {
        char when[WHEN_SIZE] = "", hex[2 * AUDIT_KEY_LEN + 1] = "";
        const struct view key = db_get_blob(rows, 4);
        const bool some = !db_is_null(rows, 3);
        if (some)
            when_text((uint64_t)db_get_int(rows, 3), when);
        if (key.len == AUDIT_KEY_LEN)
            sodium_bin2hex(hex, sizeof hex, key.at, key.len);
        *out = json_pack("{s:I,s:I,s:I,s:s?,s:s?}", "records", (json_int_t)db_get_int(rows, 0), "checkpoints",
                         (json_int_t)db_get_int(rows, 1), "unsigned", (json_int_t)db_get_int(rows, 2),
                         "last_checkpoint", some ? when : NULL, "key", some ? hex : NULL);
        ok = *out != NULL || error_memory(err);
    } else if (err != NULL) {
        *err = why;
    }
    db_rows_end(rows);
    return ok;
}

/* `like` pattern for text anywhere; %, _ and \ stand for themselves. The caller frees. */
static char *like_pattern(const char *text)
{
    const size_t len = strlen(text);
    char *out = malloc(2 * len + 3), *to = out;

    if (out == NULL)
        return NULL;
    *to++ = '%';
    for (size_t i = 0; i < len; i++) {
        if (strchr("%_\\", text[i]) != NULL)
            *to++ = '\\';
        *to++ = text[i];
    }
    *to++ = '%';
    *to = '\0';
    return out;
}

/* Rows to {"records":[…],"cursor":…}; the cursor is the last record's number where there may be more. */
static bool list_rows(struct db_rows *rows, unsigned limit, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    json_t *records = json_pack("[]"), *cursor = NULL;
    unsigned count = 0;
    bool ok = records != NULL;

    while (ok && db_next(rows, &why)) {
        const struct view text = db_get_text(rows, 1);
        json_t *record = json_loadb((const char *)text.at, text.len, 0, NULL);
        if (record == NULL) /* shown as what it is, not left out */
            record = json_pack("{s:I,s:n,s:s,s:n,s:s,s:s,s:n}", "seq", (json_int_t)db_get_int(rows, 0),
                               "time", "actor", "?", "address", "act", "?", "object",
                               "this record was changed and cannot be read", "detail");
        ok = json_array_append_new(records, record) == 0;
        if (++count == limit)
            cursor = json_sprintf("%lld", (long long)db_get_int(rows, 0));
    }
    if (why.code != IMW_OK) {
        ok = false;
        if (err != NULL)
            *err = why;
    } else if (ok) {
        *out = json_pack("{s:O,s:o?}", "records", records, "cursor", cursor);
        cursor = NULL;
        ok = *out != NULL;
    }
    if (!ok && why.code == IMW_OK)
        error_memory(err);
    json_decref(cursor);
    json_decref(records);
    return ok;
}

bool audit_list(struct db *db, const char *actor, const char *act, const char *object, const char *text,
                int64_t before_seq, unsigned limit, json_t **out, struct imw_error_info *err)
{
    char sql[400];
    struct db_value args[6];
    unsigned count = 0;
    struct db_rows *rows;
    char *pattern = NULL;
    const struct {
        const char *value, *column;
    } equal[] = { { actor, "actor" }, { act, "act" }, { object, "object" } };
    int at = snprintf(sql, sizeof sql, "select seq, record from audit where seq < ?");

    args[count++] = db_int(before_seq > 0 ? before_seq : INT64_MAX);
    for (unsigned i = 0; i < 3; i++)
        if (equal[i].value != NULL) {
            at += snprintf(sql + at, sizeof sql - (size_t)at, " and %s = ?", equal[i].column);
            args[count++] = db_text(equal[i].value);
        }
    if (text != NULL) {
        pattern = like_pattern(text);
        if (pattern == NULL)
            return error_memory(err);
        at += snprintf(sql + at, sizeof sql - (size_t)at, " and lower(record) like lower(?) escape '\\'");
        args[count++] = db_text(pattern);
    }
    snprintf(sql + at, sizeof sql - (size_t)at, " order by seq desc limit ?");
    args[count++] = db_int(limit);
    bool ok = db_query(db, sql, args, count, &rows, err);
    if (ok) {
        ok = list_rows(rows, limit, out, err);
        db_rows_end(rows);
    }
    free(pattern);
    return ok;
}
