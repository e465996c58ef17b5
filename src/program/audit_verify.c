/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checking the audit trail, in the database and in a file of it. Both feed one chain, in order: each record
 * continues the hash before it, each checkpoint repeats the hash of the record that it stands on and is
 * signed by the one key. A trail whose oldest part was removed begins with the checkpoint on which that
 * ended, and must say in a record that it was (audit.expire). The first thing that is wrong ends it.
 *
 * The file, a line each, every octet of which is checked, since all but records has one form only:
 *     {"trail":"imward audit 1"}
 *     {"hash":"HEX","record":{…}}                 the record's octets as they are hashed
 *     {"checkpoint":{"seq":12,"time_us":…,"hash":"HEX","key":"HEX","signature":"HEX"}}   behind its record
 *     {"end":{"records":12,"checkpoints":1}}
 * A part of it, of some time, begins with {"trail":"imward audit 1, a part"} and, unless the first record is
 * in it, with the checkpoint that it goes on from. What came after the last checkpoint is chained, not
 * signed: who can write the file can write that part anew.
 */
#include "base/file.h"
#include "base/text.h"
#include "program/audit_record.h"
#include "program/when.h"
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool audit_key_read(const char *word, uint8_t out[AUDIT_KEY_LEN], struct imw_error_info *err)
{
    char *text = NULL;
    size_t len = 0, got = 0;

    if (strlen(word) == 2 * (size_t)AUDIT_KEY_LEN && access(word, F_OK) != 0)
        text = strdup(word);
    else if (!file_read(word, 4096, &text, &len, err))
        return false;
    if (text == NULL)
        return error_memory(err);
    const struct view digits = view_trim(view_string(text));
    const bool ok =
        digits.len == 2 * (size_t)AUDIT_KEY_LEN &&
        sodium_hex2bin(out, AUDIT_KEY_LEN, (const char *)digits.at, digits.len, NULL, &got, NULL) == 0 &&
        got == AUDIT_KEY_LEN;
    free(text);
    return ok ||
           error_file(err, IMW_ERROR_VALUE, word, "this is no public key: 64 hexadecimal digits are needed");
}

enum { LINE_MOST = AUDIT_RECORD_MOST + 256 };
#define TRAIL_LINE "{\"trail\":\"imward audit 1\"}"
#define PART_LINE "{\"trail\":\"imward audit 1, a part\"}"
static const char hash_opens[] = "{\"hash\":\"",
                  record_opens[] = "\",\"record\":", checkpoint_opens[] = "{\"checkpoint\":";

struct checkpoint {
    int64_t seq, time_us;
    struct view hash, key, signature;
};

struct chain {
    struct audit_result *out;
    uint8_t hash[AUDIT_HASH_LEN], key[AUDIT_KEY_LEN];
    bool has_key;
    int64_t seq;     /* of the last record */
    int64_t base;    /* the trail begins behind it; 0: with the first record */
    int64_t expired; /* a record says that what is up to here was removed */
    int64_t signed_to;
};

static void chain_init(struct chain *c, struct view key, struct audit_result *out)
{
    *c = (struct chain){ .out = out, .has_key = key.len == AUDIT_KEY_LEN };
    if (c->has_key)
        memcpy(c->key, key.at, AUDIT_KEY_LEN);
    *out = (struct audit_result){ 0 };
}

static bool wrong(struct chain *c, int64_t seq, const char *format, ...) IMW_PRINTF(3, 4);

/* Note the first thing that is wrong. False, so that `return wrong(…)` ends it. */
static bool wrong(struct chain *c, int64_t seq, const char *format, ...)
{
    va_list args;

    c->out->wrong_seq = seq > 0 ? (uint64_t)seq : 1;
    va_start(args, format);
    vsnprintf(c->out->wrong, sizeof c->out->wrong, format, args);
    va_end(args);
    return false;
}

static struct view member(const json_t *j, const char *name)
{
    return view_string(json_string_value(json_object_get(j, name)));
}

/* The columns beside a record, which repeat it. */
struct columns {
    int64_t seq, time_us;
    struct view actor, act, object;
};

/* What the record itself says; `columns` NULL: there are none. */
static bool check_text(struct chain *c, int64_t seq, struct view record, const struct columns *columns)
{
    json_t *j = json_loadb((const char *)record.at, record.len, JSON_REJECT_DUPLICATES, NULL);
    char when[WHEN_SIZE];
    bool ok = true;

    if (j == NULL || json_integer_value(json_object_get(j, "seq")) != seq) {
        ok = wrong(c, seq, "record %lld: its text is not that of this record", (long long)seq);
        goto out;
    }
    if (columns != NULL) {
        when_text((uint64_t)columns->time_us, when);
        if (columns->seq != seq || !view_equal(member(j, "time"), view_string(when)) ||
            !view_equal(member(j, "actor"), columns->actor) || !view_equal(member(j, "act"), columns->act) ||
            !view_equal(member(j, "object"), columns->object))
            ok = wrong(c, seq, "record %lld: a column says something else than the record", (long long)seq);
    }
    if (ok && view_equal(member(j, "act"), VIEW(AUDIT_ACT_EXPIRE)))
        c->expired = json_integer_value(json_object_get(json_object_get(j, "detail"), "to"));
out:
    json_decref(j);
    return ok;
}

static bool chain_record(struct chain *c, int64_t seq, struct view record, struct view hash,
                         const struct columns *columns)
{
    uint8_t is[AUDIT_HASH_LEN];

    if (seq != c->seq + 1)
        return wrong(c, c->seq + 1, "record %lld is missing, or records changed places",
                     (long long)(c->seq + 1));
    audit_hash(c->hash, record, is);
    if (!view_equal(hash, view_of(is, sizeof is)))
        return wrong(c, seq, "record %lld: its hash is another: it, or one before it, was changed",
                     (long long)seq);
    if (!check_text(c, seq, record, columns))
        return false;
    memcpy(c->hash, is, sizeof is);
    c->seq = seq;
    if (c->out->records == 0)
        c->out->first_seq = (uint64_t)seq;
    c->out->records++;
    return true;
}

static bool chain_checkpoint(struct chain *c, const struct checkpoint *p)
{
    char text[AUDIT_SIGNED_SIZE];

    if (p->hash.len != AUDIT_HASH_LEN || p->key.len != AUDIT_KEY_LEN ||
        p->signature.len != AUDIT_SIGNATURE_LEN || p->seq <= 0)
        return wrong(c, p->seq, "checkpoint %lld was changed: its parts have other lengths",
                     (long long)p->seq);
    if (c->seq == 0) { /* what is before it was removed */
        c->base = c->seq = p->seq;
        memcpy(c->hash, p->hash.at, AUDIT_HASH_LEN);
    }
    if (p->seq != c->seq || p->seq <= c->signed_to)
        return wrong(c, c->seq, "checkpoint %lld stands behind record %lld", (long long)p->seq,
                     (long long)c->seq);
    if (!view_equal(p->hash, view_of(c->hash, AUDIT_HASH_LEN)))
        return wrong(c, p->seq, "checkpoint %lld: records up to it are not those that were signed",
                     (long long)p->seq);
    if (!c->has_key) {
        memcpy(c->key, p->key.at, AUDIT_KEY_LEN);
        c->has_key = true;
    }
    audit_signed_text(p->seq, (uint64_t)p->time_us, p->hash.at, text);
    if (!view_equal(p->key, view_of(c->key, AUDIT_KEY_LEN)))
        return wrong(c, p->seq, "checkpoint %lld is signed by another key", (long long)p->seq);
    if (crypto_sign_verify_detached(p->signature.at, (const unsigned char *)text, strlen(text), c->key) != 0)
        return wrong(c, p->seq, "checkpoint %lld: its signature is wrong", (long long)p->seq);
    c->signed_to = p->seq;
    c->out->checkpoints++;
    return true;
}

static bool chain_end(struct chain *c)
{
    if (c->base > 0 && c->expired < c->base && !c->out->part)
        return wrong(c, 1,
                     "the trail begins with record %lld, and no record says that older ones were removed",
                     (long long)(c->base + 1));
    c->out->unsigned_records = (uint64_t)(c->seq - c->signed_to);
    return true;
}

/* ---- in the database ---- */

static bool base_checkpoint(struct db *db, struct chain *c, bool *out_whole, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    /* Checkpoints that stand before all records: one at most, of what was removed. */
    if (!db_query(db,
                  "select seq, time_us, hash, key, signature from audit_checkpoint "
                  "where seq < coalesce((select min(seq) from audit), 0) order by seq",
                  DB_NONE, &rows, err))
        return false;
    while (*out_whole && db_next(rows, &why))
        *out_whole = chain_checkpoint(c, &(struct checkpoint){ db_get_int(rows, 0), db_get_int(rows, 1),
                                                               db_get_blob(rows, 2), db_get_blob(rows, 3),
                                                               db_get_blob(rows, 4) });
    db_rows_end(rows);
    if (why.code != IMW_OK && err != NULL)
        *err = why;
    return why.code == IMW_OK;
}

static bool stream_rows(struct db *db, struct chain *c, bool *out_whole, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(
            db,
            "select a.seq, a.time_us, a.actor, a.act, a.object, a.record, a.hash, c.seq, c.time_us, c.hash, "
            "c.key, c.signature from audit a left join audit_checkpoint c on c.seq = a.seq order by a.seq",
            DB_NONE, &rows, err))
        return false;
    while (*out_whole && db_next(rows, &why)) {
        const struct columns columns = { db_get_int(rows, 0), db_get_int(rows, 1), db_get_text(rows, 2),
                                         db_get_text(rows, 3), db_get_text(rows, 4) };
        *out_whole = chain_record(c, columns.seq, db_get_text(rows, 5), db_get_blob(rows, 6), &columns);
        if (*out_whole && !db_is_null(rows, 7))
            *out_whole = chain_checkpoint(
                c, &(struct checkpoint){ db_get_int(rows, 7), db_get_int(rows, 8), db_get_blob(rows, 9),
                                         db_get_blob(rows, 10), db_get_blob(rows, 11) });
    }
    db_rows_end(rows);
    if (why.code != IMW_OK && err != NULL)
        *err = why;
    return why.code == IMW_OK;
}

static bool verify_rows(struct db *db, struct chain *c, struct imw_error_info *err)
{
    int64_t beyond = 0;
    bool whole = true, found;

    if (!base_checkpoint(db, c, &whole, err) || !stream_rows(db, c, &whole, err))
        return false;
    if (!whole)
        return true;
    if (!db_query_int(db, "select seq from audit_checkpoint where seq > ? order by seq limit 1",
                      DB_ARGS(db_int(c->seq)), &beyond, &found, err))
        return false;
    if (found)
        wrong(c, c->seq + 1, "records %lld to %lld are missing: a checkpoint has signed them",
              (long long)(c->seq + 1), (long long)beyond);
    else
        chain_end(c);
    return true;
}

bool audit_verify(struct db *db, struct view key, struct audit_result *out, struct imw_error_info *err)
{
    const bool within = db_in_transaction(db);
    struct chain c;

    chain_init(&c, key, out);
    if (!within && !db_begin(db, false, err))
        return false;
    const bool ok = verify_rows(db, &c, err);
    if (!within)
        db_rollback(db);
    return ok;
}

/* ---- to a file ---- */

static void write_checkpoint(FILE *to, const struct checkpoint *p)
{
    char hash[2 * AUDIT_HASH_LEN + 1], key[2 * AUDIT_KEY_LEN + 1], signature[2 * AUDIT_SIGNATURE_LEN + 1];
    struct text h = TEXT(hash), k = TEXT(key), s = TEXT(signature);

    text_hex(&h, p->hash);
    text_hex(&k, p->key);
    text_hex(&s, p->signature);
    fprintf(
        to,
        "{\"checkpoint\":{\"seq\":%lld,\"time_us\":%lld,\"hash\":\"%s\",\"key\":\"%s\",\"signature\":\"%s\"}}\n",
        (long long)p->seq, (long long)p->time_us, hash, key, signature);
}

/* Of both queries: seq, time_us, hash, key, signature of a checkpoint, then a record and its hash. */
static bool export_rows(struct db *db, FILE *to, const char *sql, const struct db_value *args, unsigned count,
                        uint64_t counts[2], struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(db, sql, args, count, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        if (!db_is_null(rows, 5)) {
            const struct view record = db_get_text(rows, 5);
            char hash[2 * AUDIT_HASH_LEN + 1];
            struct text h = TEXT(hash);
            text_hex(&h, db_get_blob(rows, 6));
            fprintf(to, "%s%s%s%.*s}\n", hash_opens, hash, record_opens, (int)record.len,
                    (const char *)record.at);
            counts[0]++;
        }
        if (!db_is_null(rows, 0)) {
            write_checkpoint(to, &(struct checkpoint){ db_get_int(rows, 0), db_get_int(rows, 1),
                                                       db_get_blob(rows, 2), db_get_blob(rows, 3),
                                                       db_get_blob(rows, 4) });
            counts[1]++;
        }
    }
    db_rows_end(rows);
    if (why.code != IMW_OK && err != NULL)
        *err = why;
    return why.code == IMW_OK;
}

bool audit_export(struct db *db, FILE *to, struct imw_error_info *err)
{
    static const char
        before[] = "select seq, time_us, hash, key, signature, null, null from audit_checkpoint "
                   "where seq < coalesce((select min(seq) from audit), 0) order by seq",
        rest[] = "select c.seq, c.time_us, c.hash, c.key, c.signature, a.record, a.hash from audit a "
                 "left join audit_checkpoint c on c.seq = a.seq order by a.seq";
    const bool within = db_in_transaction(db);
    uint64_t counts[2] = { 0, 0 };

    if (!within && !db_begin(db, false, err))
        return false;
    fputs(TRAIL_LINE "\n", to);
    const bool ok =
        export_rows(db, to, before, DB_NONE, counts, err) && export_rows(db, to, rest, DB_NONE, counts, err);
    if (!within)
        db_rollback(db);
    fprintf(to, "{\"end\":{\"records\":%llu,\"checkpoints\":%llu}}\n", (unsigned long long)counts[0],
            (unsigned long long)counts[1]);
    return ok && (!ferror(to) || error_errno(err, "the audit trail's file"));
}

/* A part goes on from the checkpoint *out_base (0: from the beginning) and ends at the checkpoint *out_end.
 */
static bool part_bounds(struct db *db, uint64_t from_us, uint64_t until_us, int64_t *out_base,
                        int64_t *out_end, struct imw_error_info *err)
{
    int64_t first = 0, last = 0;

    *out_base = *out_end = 0;
    if (!db_query_int(db,
                      "select coalesce(min(seq), (select coalesce(max(seq), 0) + 1 from audit)) from audit "
                      "where time_us >= ?",
                      DB_ARGS(db_int((int64_t)from_us)), &first, NULL, err) ||
        !db_query_int(db, "select coalesce(max(seq), 0) from audit where time_us < ?",
                      DB_ARGS(db_int((int64_t)until_us)), &last, NULL, err) ||
        !db_query_int(db, "select coalesce(max(seq), 0) from audit_checkpoint where seq < ?",
                      DB_ARGS(db_int(first)), out_base, NULL, err) ||
        !db_query_int(
            db,
            "select coalesce((select min(seq) from audit_checkpoint where seq >= ?), (select max(seq) from "
            "audit_checkpoint), 0)",
            DB_ARGS(db_int(last)), out_end, NULL, err))
        return false;
    if (*out_end < *out_base)
        *out_end = *out_base;
    return true;
}

bool audit_export_part(struct db *db, uint64_t from_us, uint64_t until_us, FILE *to,
                       struct imw_error_info *err)
{
    static const char
        before[] = "select seq, time_us, hash, key, signature, null, null from audit_checkpoint "
                   "where seq = ?",
        rest[] = "select c.seq, c.time_us, c.hash, c.key, c.signature, a.record, a.hash from audit a "
                 "left join audit_checkpoint c on c.seq = a.seq where a.seq > ? and a.seq <= ? "
                 "order by a.seq";
    const bool within = db_in_transaction(db);
    uint64_t counts[2] = { 0, 0 };
    int64_t base, end;

    if (!within && !db_begin(db, false, err))
        return false;
    fputs(PART_LINE "\n", to);
    const bool ok = part_bounds(db, from_us, until_us, &base, &end, err) &&
                    export_rows(db, to, before, DB_ARGS(db_int(base)), counts, err) &&
                    export_rows(db, to, rest, DB_ARGS(db_int(base), db_int(end)), counts, err);
    if (!within)
        db_rollback(db);
    fprintf(to, "{\"end\":{\"records\":%llu,\"checkpoints\":%llu}}\n", (unsigned long long)counts[0],
            (unsigned long long)counts[1]);
    return ok && (!ferror(to) || error_errno(err, "the audit trail's file"));
}

/* ---- from a file ---- */

static bool hex_read(struct view text, uint8_t *out, size_t len)
{
    size_t got;

    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < text.len; i++) /* libsodium takes capitals, too */
        if (text.at[i] >= 'A' && text.at[i] <= 'F')
            return false;
    return sodium_hex2bin(out, len, (const char *)text.at, text.len, NULL, &got, NULL) == 0 && got == len;
}

/* `line` is what write_checkpoint() makes of its own content: nothing in it can differ unseen. */
static bool same_checkpoint(const struct checkpoint *p, struct view line)
{
    char again[512];
    FILE *to = fmemopen(again, sizeof again, "w");

    if (to == NULL)
        return false;
    write_checkpoint(to, p);
    const long len = ftell(to);
    return fclose(to) == 0 && len > 0 && view_equal(line, view_of(again, (size_t)len - 1));
}

static bool read_checkpoint(struct chain *c, struct view line)
{
    json_t *j = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *inner = json_object_get(j, "checkpoint");
    uint8_t hash[AUDIT_HASH_LEN], key[AUDIT_KEY_LEN], signature[AUDIT_SIGNATURE_LEN];
    const struct checkpoint p = { json_integer_value(json_object_get(inner, "seq")),
                                  json_integer_value(json_object_get(inner, "time_us")),
                                  view_of(hash, sizeof hash), view_of(key, sizeof key),
                                  view_of(signature, sizeof signature) };
    const bool read = hex_read(member(inner, "hash"), hash, sizeof hash) &&
                      hex_read(member(inner, "key"), key, sizeof key) &&
                      hex_read(member(inner, "signature"), signature, sizeof signature) &&
                      same_checkpoint(&p, line);

    json_decref(j);
    if (!read)
        return wrong(c, c->seq, "the checkpoint behind record %lld is not as it is written",
                     (long long)c->seq);
    return chain_checkpoint(c, &p);
}

static bool read_record(struct chain *c, struct view line)
{
    const size_t opens = sizeof hash_opens - 1, hex = 2 * AUDIT_HASH_LEN, between = sizeof record_opens - 1;
    const int64_t seq = c->seq + 1;
    uint8_t hash[AUDIT_HASH_LEN];

    if (line.len < opens + hex + between + 1 || !view_starts(line, view_of(hash_opens, opens)) ||
        !hex_read(view_slice(line, opens, opens + hex), hash, sizeof hash) ||
        !view_starts(view_from(line, opens + hex), view_of(record_opens, between)) ||
        line.at[line.len - 1] != '}')
        return wrong(c, seq, "record %lld: its line is not as it is written", (long long)seq);
    return chain_record(c, seq, view_slice(line, opens + hex + between, line.len - 1),
                        view_of(hash, sizeof hash), NULL);
}

/* The next line without its LF. False: none, or (*out_bad) it is too long or has no end. */
static bool next_line(FILE *from, uint8_t *buffer, struct view *out, bool *out_bad)
{
    size_t len = 0;
    int octet;

    while ((octet = getc_unlocked(from)) != EOF && octet != '\n' && len < LINE_MOST)
        buffer[len++] = (uint8_t)octet;
    *out_bad = octet != '\n' && (octet != EOF || len > 0);
    *out = view_of(buffer, len);
    return octet == '\n';
}

static bool verify_lines(FILE *from, uint8_t *buffer, struct chain *c)
{
    char end[96];
    struct view line;
    bool bad;

    const bool any = next_line(from, buffer, &line, &bad);
    c->out->part = any && view_equal(line, VIEW(PART_LINE));
    if (!any || !(c->out->part || view_equal(line, VIEW(TRAIL_LINE))))
        return wrong(c, 1, "this is no audit trail: its first line is not " TRAIL_LINE);
    while (next_line(from, buffer, &line, &bad)) {
        if (view_starts(line, VIEW("{\"end\":"))) {
            snprintf(end, sizeof end, "{\"end\":{\"records\":%llu,\"checkpoints\":%llu}}",
                     (unsigned long long)c->out->records, (unsigned long long)c->out->checkpoints);
            if (!view_equal(line, view_string(end)))
                return wrong(c, c->seq, "the last line counts other records than there are");
            if (next_line(from, buffer, &line, &bad) || bad)
                return wrong(c, c->seq + 1, "something follows the end");
            return chain_end(c);
        }
        if (!(view_starts(line, view_string(checkpoint_opens)) ? read_checkpoint(c, line)
                                                               : read_record(c, line)))
            return false;
    }
    return wrong(c, c->seq + 1, "the file ends behind record %lld, without its last line: it was cut",
                 (long long)c->seq);
}

bool audit_verify_stream(FILE *from, struct view key, struct audit_result *out, struct imw_error_info *err)
{
    uint8_t *buffer = malloc(LINE_MOST);
    struct chain c;

    chain_init(&c, key, out);
    if (buffer == NULL)
        return error_memory(err);
    (void)verify_lines(from, buffer, &c);
    free(buffer);
    return true;
}

bool audit_verify_file(const char *path, struct view key, struct audit_result *out,
                       struct imw_error_info *err)
{
    FILE *from = fopen(path, "re");

    if (from == NULL)
        return error_errno(err, path);
    bool ok = audit_verify_stream(from, key, out, err);
    if (ok && ferror(from))
        ok = error_errno(err, path);
    fclose(from);
    return ok;
}
