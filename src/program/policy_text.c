/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts and versions of the policy, in the table policy_text. */
#include "program/policy_text.h"
#include "program/shape.h"
#include <stdlib.h>

enum { LISTED = 500, DIFF_LINES = 200 };

/* ---- reading ---- */

#define POLICY_COLUMNS                                                                                       \
    "select p.id, p.version, p.state, a.name, p.created_us, p.changed_us, p.published_us, p.rules, p.text "  \
    "from policy_text p left join account a on a.id = p.author "

static json_t *row_value(const struct db_rows *rows)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", shape_int(rows, 0), "version",
                     shape_text(rows, 1), "state", shape_text(rows, 2), "author", shape_text(rows, 3),
                     "created", shape_time_of(rows, 4), "changed", shape_time_of(rows, 5), "published",
                     shape_time_of(rows, 6), "rules", shape_int(rows, 7));
}

bool policy_text_list(struct act *a, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    json_t *list = json_pack("[]");
    struct db_rows *rows;
    bool ok = list != NULL;

    if (!ok ||
        !db_query(a->db, POLICY_COLUMNS "order by p.id desc limit ?", DB_ARGS(db_int(LISTED)), &rows, err)) {
        if (!ok)
            error_memory(err);
        json_decref(list);
        return false;
    }
    while (ok && db_next(rows, &failed))
        ok = json_array_append_new(list, row_value(rows)) == 0;
    db_rows_end(rows);
    if (!ok)
        error_memory(err);
    else if (failed.code != IMW_OK)
        *err = failed;
    if (ok && failed.code == IMW_OK && (*out = json_pack("{s:O}", "policies", list)) == NULL)
        ok = error_memory(err);
    json_decref(list);
    return ok && failed.code == IMW_OK;
}

bool policy_text_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    json_t *row = NULL;

    if (!db_query(a->db, POLICY_COLUMNS "where p.id = ?", DB_ARGS(db_int(id)), &rows, err))
        return false;
    bool found = db_next(rows, &failed);
    if (found) {
        struct view text = db_get_text(rows, 8);
        row = row_value(rows);
        if (row != NULL &&
            json_object_set_new(row, "text", json_stringn((const char *)text.at, text.len)) != 0) {
            json_decref(row);
            row = NULL;
        }
    }
    db_rows_end(rows);
    if (found && row == NULL)
        return error_memory(err);
    *out = row;
    if (found)
        return true;
    if (failed.code == IMW_OK)
        return act_no(a, err, ACT_MISSING, "", "there is no such policy");
    *err = failed;
    return false;
}

/* ---- drafts ---- */

/* What is kept of a draft beside its text. */
struct known {
    bool ok;
    char version[96]; /* empty: it is wrong */
    int64_t rules;
    unsigned line; /* of the first problem */
    char problem[300];
};

static bool know(struct act *a, const struct catalog *catalog, const char *text, struct known *out,
                 struct imw_error_info *err)
{
    json_t *report;

    if (!policy_report(view_string(text), catalog, a->now_us, &report, err))
        return false;
    const char *version = json_string_value(json_object_get(report, "version"));
    const json_t *first = json_array_get(json_object_get(report, "problems"), 0);
    const char *said = json_string_value(json_object_get(first, "text"));
    *out = (struct known){ .ok = json_is_true(json_object_get(report, "ok")),
                           .rules = (int64_t)json_array_size(json_object_get(report, "rules")),
                           .line = (unsigned)json_integer_value(json_object_get(first, "line")) };
    snprintf(out->version, sizeof out->version, "%s", version != NULL ? version : "");
    snprintf(out->problem, sizeof out->problem, "%s", said != NULL ? said : "");
    json_decref(report);
    return true;
}

static bool check_size(struct act *a, const char *text, struct imw_error_info *err)
{
    size_t len = strlen(text);

    return (len > 0 && len <= POLICY_TEXT_BYTES) ||
           act_no(a, err, ACT_WRONG, "text", "a policy of 1 byte to 200 KiB is needed");
}

static struct db_value text_or_null(const char *text)
{
    return text[0] != '\0' ? db_text(text) : db_null();
}

bool policy_text_new(struct act *a, const struct catalog *catalog, const char *text, int64_t from,
                     int64_t *out_id, struct imw_error_info *err)
{
    bool found = true;
    struct known k;
    int64_t id = 0;

    if (!check_size(a, text, err) || !know(a, catalog, text, &k, err))
        return false;
    if (from != 0 && !db_query_int(a->db, "select id from policy_text where id = ?", DB_ARGS(db_int(from)),
                                   &id, &found, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_WRONG, "from", "there is no such policy");
    if (!db_insert(a->db,
                   "insert into policy_text (version, text, author, state, created_us, changed_us, rules) "
                   "values (?, ?, ?, 'draft', ?, ?, ?) returning id",
                   DB_ARGS(text_or_null(k.version), db_text(text),
                           a->actor->account != 0 ? db_int(a->actor->account) : db_null(),
                           db_int((int64_t)a->now_us), db_int((int64_t)a->now_us), db_int(k.rules)),
                   &id, err) ||
        !act_record(a, "policy.draft", "policy", id,
                    json_pack("{s:s,s:I,s:b}", "version", k.version, "from", (json_int_t)from, "ok", k.ok),
                    err))
        return false;
    *out_id = id;
    return true;
}

bool policy_text_change(struct act *a, const struct catalog *catalog, int64_t id, const char *text,
                        struct imw_error_info *err)
{
    uint64_t changed = 0;
    json_t *old = NULL;
    struct known k;

    if (!check_size(a, text, err) || !policy_text_get(a, id, &old, err))
        return false;
    json_decref(old);
    if (!know(a, catalog, text, &k, err) ||
        !db_run(a->db,
                "update policy_text set text = ?, version = ?, rules = ?, changed_us = ? "
                "where id = ? and state = 'draft'",
                DB_ARGS(db_text(text), text_or_null(k.version), db_int(k.rules), db_int((int64_t)a->now_us),
                        db_int(id)),
                &changed, err))
        return false;
    if (changed != 1)
        return act_no(a, err, ACT_LATE, "",
                      "what was published is not changed any more: make a new draft of it");
    return act_record(a, "policy.change", "policy", id,
                      json_pack("{s:s,s:b}", "version", k.version, "ok", k.ok), err);
}

/* ---- publication ---- */

/* The text in force; NULL: there is none. The caller frees it. */
static bool read_published(struct db *db, int64_t *out_id, char **out_text, size_t *out_len,
                           struct imw_error_info *err)
{
    struct imw_error_info failed = { .code = IMW_OK };
    struct db_rows *rows;
    bool ok = true;

    *out_text = NULL;
    *out_len = 0;
    *out_id = 0;
    if (!db_query(db, "select id, text from policy_text where state = 'published' order by id desc limit 1",
                  DB_NONE, &rows, err))
        return false;
    if (db_next(rows, &failed)) {
        struct view text = db_get_text(rows, 1);
        *out_id = db_get_int(rows, 0);
        *out_text = malloc(text.len + 1);
        ok = *out_text != NULL;
        if (ok && text.len > 0)
            memcpy(*out_text, text.at, text.len);
        *out_len = text.len;
    }
    db_rows_end(rows);
    if (!ok)
        return error_memory(err);
    if (failed.code != IMW_OK)
        *err = failed;
    return failed.code == IMW_OK;
}

static bool publish(struct act *a, int64_t id, const char *text, const struct known *k,
                    struct imw_error_info *err)
{
    uint64_t changed = 0;
    int64_t before = 0;
    char *old = NULL;
    size_t old_len;

    if (!read_published(a->db, &before, &old, &old_len, err))
        return false;
    json_t *diff = policy_lines_changed(view_of(old, old_len), view_string(text), DIFF_LINES);
    free(old);
    if (!db_run(a->db, "update policy_text set state = 'replaced' where state = 'published'", DB_NONE, NULL,
                err) ||
        !db_run(a->db,
                "update policy_text set state = 'published', version = ?, rules = ?, published_us = ?, "
                "published_by = ? "
                "where id = ? and state = 'draft'",
                DB_ARGS(db_text(k->version), db_int(k->rules), db_int((int64_t)a->now_us),
                        a->actor->account != 0 ? db_int(a->actor->account) : db_null(), db_int(id)),
                &changed, err)) {
        json_decref(diff);
        return false;
    }
    if (changed != 1) {
        json_decref(diff);
        return act_no(a, err, ACT_LATE, "", "it was published already");
    }
    if (diff == NULL)
        return error_memory(err);
    return act_record(
        a, "policy.publish", "policy", id,
        json_pack("{s:s,s:I,s:o}", "version", k->version, "replaces", (json_int_t)before, "diff", diff), err);
}

bool policy_text_enact(struct act *a, const struct catalog *catalog, const char *text, int64_t author,
                       int64_t *out_id, struct imw_error_info *err)
{
    struct known k;

    if (!check_size(a, text, err) || !know(a, catalog, text, &k, err))
        return false;
    if (!k.ok)
        return act_no(a, err, ACT_WRONG, "text", "line %u of its policy: %s", k.line, k.problem);
    return db_insert(a->db,
                     "insert into policy_text (version, text, author, state, created_us, changed_us, rules) "
                     "values (?, ?, ?, 'draft', ?, ?, ?) returning id",
                     DB_ARGS(text_or_null(k.version), db_text(text), author != 0 ? db_int(author) : db_null(),
                             db_int((int64_t)a->now_us), db_int((int64_t)a->now_us), db_int(k.rules)),
                     out_id, err) &&
           publish(a, *out_id, text, &k, err);
}

/* Text and rules must not part: while a document carries the rules, they change with it. */
static bool check_no_document(struct act *a, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    char title[200] = "";
    struct text t = TEXT(title);

    if (!db_query(a->db,
                  "select d.title from document_version v join document d on d.id = v.document "
                  "where v.state = 'published' and v.has_rules = 1 limit 1",
                  DB_NONE, &rows, err))
        return false;
    const bool carried = db_next(rows, &why);
    if (carried)
        text_printable(&t, db_get_text(rows, 0));
    if (!rows_done(rows, &why, err))
        return false;
    return !carried ||
           act_no(a, err, ACT_LATE, "",
                  "the document \"%s\" carries the policy: change the rule in its clause there, and "
                  "publish that",
                  title);
}

bool policy_text_publish(struct act *a, const struct catalog *catalog, int64_t id, struct imw_error_info *err)
{
    json_t *row = NULL;
    struct known k;

    if (a->actor->token)
        return act_no(a, err, ACT_FORBIDDEN, "", "a policy is published by a person: sign in");
    if (!policy_text_get(a, id, &row, err))
        return false;
    const char *text = json_string_value(json_object_get(row, "text"));
    bool ok = know(a, catalog, text, &k, err);
    if (ok && strcmp(json_string_value(json_object_get(row, "state")), "draft") != 0)
        ok = act_no(a, err, ACT_LATE, "", "it was published already");
    if (ok && !k.ok)
        ok = act_no(a, err, ACT_WRONG, "text", "line %u: %s", k.line, k.problem);
    ok = ok && check_no_document(a, err) && publish(a, id, text, &k, err);
    json_decref(row);
    return ok;
}
