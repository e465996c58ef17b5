/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures, and their receipts. */
#include "program/signature.h"
#include "base/text.h"
#include "program/document.h"
#include "program/duty.h"
#include "program/person_text.h"
#include "program/setting.h"
#include "program/shape.h"
#include "program/team.h"
#include <stdio.h>
#include <stdlib.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

enum { SQL_BYTES = 4096, ARGS = 16 + 2 * PEOPLE_FEW, NAME_UNITS = 1024 };

bool signature_is_fresh(const struct actor *a, uint64_t now_us)
{
    return !a->token && a->strong_us != 0 && now_us >= a->strong_us &&
           now_us - a->strong_us <= SIGNATURE_STRONG_MINUTES * UINT64_C(60000000);
}

/* ---- names ---- */

/* In one form, words apart by one space. False: longer than names are, or no UTF-8. */
static bool fold(const char *name, UChar out[NAME_UNITS], int32_t *out_len)
{
    UChar wide[NAME_UNITS], folded[NAME_UNITS];
    UErrorCode status = U_ZERO_ERROR;
    int32_t wide_len = 0, to = 0;

    u_strFromUTF8(wide, NAME_UNITS, &wide_len, name, -1, &status);
    const UNormalizer2 *form = unorm2_getNFKCCasefoldInstance(&status);
    if (U_FAILURE(status))
        return false;
    int32_t len = unorm2_normalize(form, wide, wide_len, folded, NAME_UNITS, &status);
    if (U_FAILURE(status))
        return false;
    for (int32_t i = 0; i < len; i++) {
        const bool space = folded[i] == ' ' || folded[i] == '\t' || folded[i] == 0x3000;
        if (!space)
            out[to++] = folded[i];
        else if (to > 0 && out[to - 1] != ' ')
            out[to++] = ' ';
    }
    while (to > 0 && out[to - 1] == ' ')
        to--;
    *out_len = to;
    return true;
}

bool names_equal(const char *a, const char *b)
{
    UChar one[NAME_UNITS], other[NAME_UNITS];
    int32_t len = 0, other_len = 0;

    return fold(a, one, &len) && fold(b, other, &other_len) && len > 0 && len == other_len &&
           u_memcmp(one, other, len) == 0;
}

/* ---- rows ---- */

#define SIGNATURE_COLUMNS                                                                                    \
    "select s.id, s.document, o.title, v.edition, s.version, s.sha256, s.person, p.name, "                   \
    "p.pseudonym, d.name, "                                                                                  \
    "s.time_us, s.typed_name, s.proof, s.proved_us, s.receipt_sha256, s.receipt from signature s "           \
    "join document o on o.id = s.document join document_version v on v.id = s.version "                      \
    "join person p on p.id = s.person left join department d on d.id = p.department "

static json_t *signature_row(const struct db_rows *rows, bool names)
{
    return json_pack("{s:o,s:{s:o,s:o,s:o},s:o,s:o,s:{s:o,s:o,s:o,s:o},s:o,s:o,s:o,s:o,s:o,s:o}", "id",
                     shape_int(rows, 0), "document", "id", shape_int(rows, 1), "title", shape_text(rows, 2),
                     "edition", shape_text(rows, 3), "version", shape_int(rows, 4), "sha256",
                     shape_text(rows, 5), "person", "id", shape_int(rows, 6), "label",
                     shape_text(rows, names ? 7 : 8), "pseudonym", shape_text(rows, 8), "department",
                     shape_text(rows, 9), "time", shape_time_of(rows, 10), "typed_name",
                     names ? shape_text(rows, 11) : json_null(), "proof", shape_text(rows, 12), "proved",
                     shape_time_of(rows, 13), "receipt_sha256", shape_text(rows, 14), "receipt",
                     names ? shape_text(rows, 15) : json_null());
}

/* Signatures of a question; names of all, or (`self`) of one person's only. */
static bool collect(struct act *a, const char *sql, const struct db_value *args, unsigned count, bool names,
                    json_t **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    json_t *list = json_pack("[]");
    struct db_rows *rows;
    bool ok = list != NULL;

    if (!ok || !db_query(a->db, sql, args, count, &rows, err)) {
        json_decref(list);
        return ok ? false : error_memory(err);
    }
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(
                 list, signature_row(rows, names || (a->actor->person != 0 &&
                                                     db_get_int(rows, 6) == a->actor->person))) == 0;
    if (!rows_done(rows, &why, err) || !ok) {
        json_decref(list);
        return ok ? false : error_memory(err);
    }
    *out = list;
    return true;
}

/* ---- what is to be signed ---- */

#define MINE_COLUMNS                                                                                         \
    "select o.id, o.title, v.id, v.edition, v.sha256, v.published_us, u.due_us, u.done_us, "                 \
    "u.excused_us from document o "                                                                          \
    "join document_version v on v.id = coalesce((select w.id from document_version w where "                 \
    "w.document = o.id and "                                                                                 \
    "w.sign = 1 and w.state in ('published', 'replaced') order by w.published_us desc, w.id desc "           \
    "limit 1), "                                                                                             \
    "(select w.id from document_version w where w.document = o.id and w.state = 'published' limit 1)) "      \
    "left join duty u on u.document = o.id and u.person = ? "                                                \
    "where (o.audience = 'everybody' or u.person is not null or exists (select 1 from signature s "          \
    "where s.document = o.id "                                                                               \
    "and s.person = ?) or exists (select 1 from person me join document_department x on "                    \
    "x.department = me.department where "                                                                    \
    "me.id = ? and x.document = o.id)) "

static json_t *mine_row(const struct db_rows *rows, uint64_t now_us)
{
    const bool owed = !db_is_null(rows, 6) && db_is_null(rows, 7);
    const bool late =
        owed && (uint64_t)db_get_int(rows, 6) < now_us && (uint64_t)db_get_int(rows, 8) <= now_us;

    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:b,s:o,s:n}", "id", shape_int(rows, 0), "title",
                     shape_text(rows, 1), "version", shape_int(rows, 2), "edition", shape_text(rows, 3),
                     "sha256", shape_text(rows, 4), "owed", owed, "due",
                     owed ? shape_time_of(rows, 6) : json_null(), "overdue", late, "published",
                     shape_time_of(rows, 5), "signature");
}

static bool add_signature(struct act *a, json_t *row, struct imw_error_info *err)
{
    json_t *list = NULL;

    if (!collect(
            a, SIGNATURE_COLUMNS "where s.person = ? and s.version = ?",
            DB_ARGS(db_int(a->actor->person), db_int(json_integer_value(json_object_get(row, "version")))),
            true, &list, err))
        return false;
    if (json_array_size(list) > 0)
        (void)json_object_set(row, "signature", json_array_get(list, 0));
    json_decref(list);
    return true;
}

static bool load_mine(struct act *a, int64_t document, json_t **out, struct imw_error_info *err)
{
    const struct db_value me = db_int(a->actor->person);
    struct imw_error_info why = { 0 };
    json_t *list = json_pack("[]"), *row;
    struct db_rows *rows;
    bool ok = list != NULL;
    size_t i;

    if (!ok || !db_query(a->db, MINE_COLUMNS "and (? = 0 or o.id = ?) order by o.title, o.id limit 200",
                         DB_ARGS(me, me, me, db_int(document), db_int(document)), &rows, err)) {
        json_decref(list);
        return ok ? false : error_memory(err);
    }
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(list, mine_row(rows, a->now_us)) == 0;
    ok = rows_done(rows, &why, err) && (ok || error_memory(err));
    json_array_foreach(list, i, row) ok = ok && add_signature(a, row, err);
    if (ok)
        *out = list;
    else
        json_decref(list);
    return ok;
}

/* The directory's name of the caller; the caller frees. NULL: nobody of it. */
static bool load_name(struct act *a, char **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *out = NULL;
    if (!db_query(a->db, "select name from person where id = ? and state = 'active'",
                  DB_ARGS(db_int(a->actor->person)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found)
        *out = strndup((const char *)db_get_text(rows, 0).at, db_get_text(rows, 0).len);
    return rows_done(rows, &why, err) && (!found || *out != NULL || error_memory(err));
}

bool mine_documents(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;
    char *name = NULL;

    if (!load_name(a, &name, err) || !load_mine(a, 0, &list, err)) {
        free(name);
        return false;
    }
    *out = json_pack("{s:o,s:s?}", "documents", list, "name", name);
    free(name);
    return *out != NULL || error_memory(err);
}

/* What is other than in the version that the caller signed before; null where they signed none. */
static bool add_changes(struct act *a, const struct version *v, json_t *row, struct imw_error_info *err)
{
    struct version before;
    int64_t id = 0;
    json_t *diff = json_null();

    if (!db_query_int(
            a->db,
            "select version from signature where person = ? and document = ? and version <> ? order "
            "by time_us "
            "desc limit 1",
            DB_ARGS(db_int(a->actor->person), db_int(v->document), db_int(v->id)), &id, NULL, err))
        return false;
    if (id != 0) {
        if (!version_load(a, v->document, id, &before, err))
            return false;
        diff = diff_json(id, view_string(before.text), v->id, view_string(v->text));
        version_fini(&before);
    }
    return json_object_set_new(row, "changes", diff) == 0 || error_memory(err);
}

bool mine_document(struct act *a, const struct catalog *catalog, int64_t document, json_t **out,
                   struct imw_error_info *err)
{
    json_t *list = NULL, *row;
    struct version v;
    struct clauses c;

    if (!load_mine(a, document, &list, err))
        return false;
    row = json_incref(json_array_get(list, 0));
    json_decref(list);
    if (row == NULL)
        return act_no(a, err, ACT_MISSING, "", "there is no such document for you to read");
    bool ok = version_load(a, document, json_integer_value(json_object_get(row, "version")), &v, err);
    if (ok) {
        ok = clauses_read(view_string(v.text), v.title, v.edition, catalog, a->now_us, &c, err);
        if (ok) {
            ok = (json_object_set_new(row, "text", json_pack("s", v.text)) == 0 &&
                  json_object_set(row, "clauses", c.list) == 0) ||
                 error_memory(err);
            clauses_fini(&c);
        }
        ok = ok && add_changes(a, &v, row, err);
        version_fini(&v);
    }
    if (ok)
        *out = row;
    else
        json_decref(row);
    return ok;
}

/* ---- signing ---- */

/* How the caller proved who they are, by their account. */
static bool load_proof(struct act *a, char out[40], struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    const char *how = "password";

    if (!db_query(a->db, "select source, totp is not null from account where id = ?",
                  DB_ARGS(db_int(a->actor->account)), &rows, err))
        return false;
    if (db_next(rows, &why)) {
        const struct view source = db_get_text(rows, 0);
        const bool second = db_get_int(rows, 1) != 0;
        if (view_equal(source, VIEW("oidc")))
            how = "provider";
        else if (view_equal(source, VIEW("ldap")))
            how = second ? "directory and second factor" : "directory";
        else
            how = second ? "password and second factor" : "password";
    }
    snprintf(out, 40, "%s", how);
    return rows_done(rows, &why, err);
}

/* The canonical text, and its hash. The caller frees *out. */
static bool make_receipt(struct act *a, const struct version *v, const char *typed, const char *proof,
                         char **out, char out_sha256[65], struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    char *institution = NULL, now[WHEN_SIZE], proved[WHEN_SIZE];
    json_t *receipt = NULL;

    when_text(a->now_us, now);
    when_text(a->actor->strong_us, proved);
    if (!setting_get(a->db, SETTING_ID_INSTITUTION, &institution, err))
        return false;
    if (!db_query(a->db, "select name, number, pseudonym from person where id = ?",
                  DB_ARGS(db_int(a->actor->person)), &rows, err)) {
        free(institution);
        return false;
    }
    if (db_next(rows, &why))
        receipt = json_pack("{s:s,s:s,s:{s:I,s:s,s:s,s:s},s:{s:o,s:o,s:o},s:s,s:s,s:{s:s,s:s},s:s}", "format",
                            "imward signature 1", "institution", institution, "document", "id",
                            (json_int_t)v->document, "title", v->title, "edition", v->edition, "sha256",
                            v->sha256, "person", "name", shape_text(rows, 0), "number", shape_text(rows, 1),
                            "pseudonym", shape_text(rows, 2), "account", a->actor->name, "typed_name", typed,
                            "proof", "method", proof, "time", proved, "time", now);
    free(institution);
    if (!rows_done(rows, &why, err)) {
        json_decref(receipt);
        return false;
    }
    *out = receipt != NULL ? json_dumps(receipt, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII) : NULL;
    json_decref(receipt);
    if (*out == NULL)
        return error_memory(err);
    text_sha256(view_string(*out), out_sha256);
    return true;
}

static bool check_signer(struct act *a, const char *typed, struct imw_error_info *err)
{
    char *name = NULL;

    if (a->actor->token || a->actor->account == 0)
        return act_no(a, err, ACT_FORBIDDEN, "", "a person signs, not a program");
    if (a->actor->person == 0)
        return act_no(
            a, err, ACT_LATE, "",
            "your account is not joined to a person of the directory: an administrator can do that");
    if (!load_name(a, &name, err))
        return false;
    const bool gone = name == NULL, same = !gone && names_equal(name, typed);
    free(name);
    if (gone)
        return act_no(a, err, ACT_LATE, "", "you are not in the directory any more");
    return same || act_no(a, err, ACT_WRONG, "name", "type your name as the directory has it");
}

static bool check_version(struct act *a, const struct version *v, const char *sha256,
                          struct imw_error_info *err)
{
    int64_t to_sign = 0, there = 0;

    if (!document_to_sign(a->db, v->document, &to_sign, err) ||
        !db_query_int(a->db, "select count(*) from signature where person = ? and version = ?",
                      DB_ARGS(db_int(a->actor->person), db_int(v->id)), &there, NULL, err))
        return false;
    if (to_sign != v->id)
        return act_no(a, err, ACT_LATE, "version",
                      "this is not the version that is to be signed: load it again");
    if (strcmp(sha256, v->sha256) != 0)
        return act_no(a, err, ACT_LATE, "sha256", "the text is another one than you read: load it again");
    return there == 0 || act_no(a, err, ACT_LATE, "", "you signed it already");
}

static bool add(struct act *a, const struct version *v, const char *typed, int64_t *out_id,
                struct imw_error_info *err)
{
    char proof[40], hash[65] = "", *receipt = NULL;

    if (!load_proof(a, proof, err) || !make_receipt(a, v, typed, proof, &receipt, hash, err))
        return false;
    const bool ok =
        db_insert(a->db,
                  "insert into signature (person, document, version, account, typed_name, proof, "
                  "proved_us, time_us, "
                  "sha256, receipt, receipt_sha256) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id",
                  DB_ARGS(db_int(a->actor->person), db_int(v->document), db_int(v->id),
                          db_int(a->actor->account), db_text(typed), db_text(proof),
                          db_int((int64_t)a->actor->strong_us), db_int((int64_t)a->now_us),
                          db_text(v->sha256), db_text(receipt), db_text(hash)),
                  out_id, err) &&
        duty_done(a, v->document, a->actor->person, err) &&
        act_record(a, "document.sign", "signature", *out_id,
                   json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "document", (json_int_t)v->document, "version",
                             (json_int_t)v->id, "edition", v->edition, "sha256", v->sha256, "receipt_sha256",
                             hash, "proof", proof),
                   err);
    free(receipt);
    return ok;
}

bool signature_add(struct act *a, int64_t document, int64_t version, const char *sha256, const char *name,
                   int64_t *out_id, struct imw_error_info *err)
{
    const struct view typed = view_trim(view_string(name));
    char kept[SIGNATURE_NAME_BYTES + 1];
    struct text t = TEXT(kept);
    struct version v;

    text_printable(&t, typed);
    if (!check_signer(a, kept, err) || !version_load(a, document, version, &v, err))
        return false;
    const bool ok = check_version(a, &v, sha256, err) && add(a, &v, kept, out_id, err);
    version_fini(&v);
    return ok;
}

/* ---- lists ---- */

bool mine_signatures(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL;

    if (!collect(a, SIGNATURE_COLUMNS "where s.person = ? order by s.time_us desc limit ?",
                 DB_ARGS(db_int(a->actor->person), db_int(SIGNATURES_MOST)), true, &list, err))
        return false;
    *out = json_pack("{s:o}", "signatures", list);
    return *out != NULL || error_memory(err);
}

bool mine_receipt(struct act *a, int64_t id, char **out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    if (!db_query(a->db, "select receipt from signature where id = ? and person = ?",
                  DB_ARGS(db_int(id), db_int(a->actor->person)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    *out = found ? strndup((const char *)db_get_text(rows, 0).at, db_get_text(rows, 0).len) : NULL;
    if (!rows_done(rows, &why, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "", "you have no such signature");
    return *out != NULL || error_memory(err);
}

static bool load_total(struct act *a, const struct signature_filter *f, const struct team_view *view,
                       json_t **out, struct imw_error_info *err)
{
    int64_t total = 0;

    *out = NULL;
    if (view->manager != 0 || f->text != NULL || (f->document == 0 && f->version == 0)) {
        *out = json_null(); /* would be counted anew each time */
        return true;
    }
    if (!db_query_int(a->db,
                      f->version != 0 ? "select count(*) from signature where version = ?"
                                      : "select count(*) from signature where document = ?",
                      DB_ARGS(db_int(f->version != 0 ? f->version : f->document)), &total, NULL, err))
        return false;
    *out = json_integer(total);
    return true;
}

bool signature_list(struct act *a, const struct signature_filter *f, json_t **out, struct imw_error_info *err)
{
    char sql[SQL_BYTES], pattern[PERSON_PATTERN_SIZE], cursor[24];
    struct text t = TEXT(sql);
    struct people_set found = { .many = true };
    bool sorted;
    struct db_value args[ARGS];
    unsigned count = 0;
    struct team_view view;
    json_t *list = NULL, *total = NULL;

    if (!team_view_of(a, &view, err) || !load_total(a, f, &view, &total, err))
        return false;
    text_string(&t, SIGNATURE_COLUMNS "where s.id < ? ");
    args[count++] = db_int(f->before != 0 ? f->before : INT64_MAX);
    if (f->document != 0) {
        text_string(&t, "and s.document = ? ");
        args[count++] = db_int(f->document);
    }
    if (f->version != 0) {
        text_string(&t, "and s.version = ? ");
        args[count++] = db_int(f->version);
    }
    team_ask(&view, "s.person", &t, args, &count);
    if (f->text != NULL && f->text[0] != '\0') {
        if (!people_set_load(a->db, person_text_select(view.names), person_text_pattern(f->text, pattern),
                             &found, err)) {
            json_decref(total);
            return false;
        }
        people_set_ask(&found, "s.person", &t, args, &count);
    }
    /* Of some people all are looked up and sorted. */
    sorted = !found.many || (view.manager != 0 && !view.people.many);
    text_string(&t, sorted ? "order by +s.id desc limit ?" : "order by s.id desc limit ?");
    args[count++] = db_int((int64_t)f->limit + 1);
    if (!collect(a, sql, args, count, view.names, &list, err)) {
        json_decref(total);
        return false;
    }
    const bool more = json_array_size(list) > f->limit;
    if (more)
        (void)json_array_remove(list, json_array_size(list) - 1);
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    snprintf(cursor, sizeof cursor, "%lld", (long long)json_integer_value(json_object_get(last, "id")));
    *out = json_pack("{s:o,s:s?,s:o}", "signatures", list, "cursor", more ? cursor : NULL, "total", total);
    return *out != NULL || error_memory(err);
}

bool signature_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    struct team_view view = { 0 };
    json_t *list = NULL;
    const bool looks = actor_may(a->actor, PERMISSION_DUTY_READ);

    if (looks && !team_view_of(a, &view, err))
        return false;
    if (!looks || view.manager != 0) {
        if (!collect(
                a,
                SIGNATURE_COLUMNS "where s.id = ? and (s.person = ? or (? <> 0 and s.person in " TEAM_BELOW
                                  "))",
                DB_ARGS(db_int(id), db_int(a->actor->person), db_int(view.manager), db_int(view.manager)),
                true, &list, err))
            return false;
    } else if (!collect(a, SIGNATURE_COLUMNS "where s.id = ?", DB_ARGS(db_int(id)), view.names, &list, err)) {
        return false;
    }
    *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return *out != NULL || act_no(a, err, ACT_MISSING, "", "there is no such signature");
}

bool signature_verify(struct act *a, const char *receipt, json_t **out, struct imw_error_info *err)
{
    char hash[65];
    int64_t id = 0;
    bool found = false;
    json_t *row = NULL;

    text_sha256(view_string(receipt), hash);
    if (!db_query_int(a->db, "select id from signature where receipt_sha256 = ? and receipt = ?",
                      DB_ARGS(db_text(hash), db_text(receipt)), &id, &found, err))
        return false;
    if (found && !signature_get(a, id, &row, err)) {
        if (a->problem != ACT_MISSING)
            return false;
        a->problem = ACT_FINE;
        found = false;
    }
    *out = json_pack(
        "{s:b,s:s,s:o}", "valid", found, "why",
        found ? "this is the receipt of a signature that is stored here"
              : "no signature has this receipt: it was changed, even by a space, or is not of this console",
        "signature", row != NULL ? row : json_null());
    return *out != NULL || error_memory(err);
}
