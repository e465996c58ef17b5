/* SPDX-License-Identifier: Apache-2.0 */
/* Documents, versions and their differences as the API has them. */
#include "base/text.h"
#include "program/document.h"
#include "program/line_diff.h"
#include "program/setting.h"
#include "program/shape.h"
#include <stdlib.h>

enum { LISTED = 200 };

/* Rows of a question, each made JSON by `row`, behind those of `list`. */
static bool collect(struct act *a, const char *sql, const struct db_value *args, unsigned count,
                    json_t *(*row)(const struct db_rows *rows), json_t *list, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool ok = list != NULL;

    if (!db_query(a->db, sql, args, count, &rows, err))
        return false;
    while (ok && db_next(rows, &why))
        ok = json_array_append_new(list, row(rows)) == 0;
    return rows_done(rows, &why, err) && (ok || error_memory(err));
}

/* ---- versions ---- */

#define VERSION_COLUMNS                                                                                      \
    "select v.id, v.document, v.edition, v.state, v.sign, v.summary, v.sha256, v.rules, a.name, "            \
    "v.created_us, "                                                                                         \
    "v.changed_us, v.proposed_us, v.publish_us, v.published_us, v.replaced_us, v.problem, "                  \
    "(select count(*) from document_decision x where x.version = v.id and x.approve = 1 and x.void = 0) "    \
    "from document_version v left join account a on a.id = v.author "

static json_t *version_row(const struct db_rows *rows)
{
    json_t *row = json_pack(
        "{s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "id", shape_int(rows, 0),
        "document", shape_int(rows, 1), "edition", shape_text(rows, 2), "state", shape_text(rows, 3), "sign",
        db_get_int(rows, 4) != 0, "summary", shape_text(rows, 5), "sha256", shape_text(rows, 6), "rules",
        shape_int(rows, 7), "author", shape_text(rows, 8), "created", shape_time_of(rows, 9), "changed",
        shape_time_of(rows, 10), "proposed", shape_time_of(rows, 11), "publish_on", shape_time_of(rows, 12),
        "published", shape_time_of(rows, 13), "replaced", shape_time_of(rows, 14), "problem",
        shape_text(rows, 15), "approvals", shape_int(rows, 16));
    return row;
}

static json_t *name_row(const struct db_rows *rows)
{
    return shape_text(rows, 0);
}

/* What the caller may do with it now; the same is asked again when they do it. */
static bool add_may(struct act *a, json_t *row, struct imw_error_info *err)
{
    const char *state = json_string_value(json_object_get(row, "state"));
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    const bool person = !a->actor->token && a->actor->account != 0;
    int64_t mine = 1;

    if (strcmp(state, "proposed") == 0 && person && actor_may(a->actor, PERMISSION_DOCUMENT_APPROVE) &&
        !db_query_int(
            a->db,
            "select count(*) from account me join account other on other.id = me.id or other.person = "
            "me.person where me.id = ? and (other.id in (select account from document_author where version = "
            "?) or other.id in (select account from document_decision where version = ? and void = 0))",
            DB_ARGS(db_int(a->actor->account), db_int(id), db_int(id)), &mine, NULL, err))
        return false;
    json_t *what =
        json_pack("{s:b,s:b,s:b}", "write",
                  actor_may(a->actor, PERMISSION_DOCUMENT_WRITE) && strcmp(state, "draft") == 0, "approve",
                  mine == 0, "publish",
                  person && actor_may(a->actor, PERMISSION_DOCUMENT_WRITE) && strcmp(state, "approved") == 0);
    return json_object_set_new(row, "may", what) == 0 || error_memory(err);
}

static bool complete(struct act *a, json_t *row, struct imw_error_info *err)
{
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    json_t *authors = json_pack("[]"), *approved_by = json_pack("[]");
    int64_t needed = 0;

    if (json_object_set_new(row, "authors", authors) != 0 ||
        json_object_set_new(row, "approved_by", approved_by) != 0)
        return error_memory(err);
    return collect(a,
                   "select c.name from document_author x join account c on c.id = x.account where "
                   "x.version = ? order "
                   "by c.name",
                   DB_ARGS(db_int(id)), name_row, authors, err) &&
           collect(a,
                   "select c.name from document_decision x join account c on c.id = x.account where "
                   "x.version = ? and x.approve = 1 and x.void = 0 order by x.id",
                   DB_ARGS(db_int(id)), name_row, approved_by, err) &&
           setting_number(a->db, SETTING_ID_DOCUMENT_APPROVALS, &needed, err) &&
           (json_object_set_new(row, "approvals_needed", json_integer(needed)) == 0 || error_memory(err)) &&
           add_may(a, row, err);
}

static bool versions(struct act *a, const char *where, const struct db_value *args, unsigned count,
                     json_t **out, struct imw_error_info *err)
{
    char sql[1024];
    json_t *list = json_pack("[]"), *row;
    size_t i;

    snprintf(sql, sizeof sql, VERSION_COLUMNS "where %s order by v.id desc limit %d", where, LISTED);
    bool ok = collect(a, sql, args, count, version_row, list, err);
    json_array_foreach(list, i, row) ok = ok && complete(a, row, err);
    if (ok)
        *out = list;
    else
        json_decref(list);
    return ok;
}

/* ---- documents ---- */

#define DOCUMENT_COLUMNS                                                                                     \
    "select d.id, d.title, d.audience, d.due_days, d.remind_before, d.remind_every, "                        \
    "d.escalate_after, d.changed_us, "                                                                       \
    "coalesce((select sum(s.people) from duty_sum s where s.document = d.id), 0), "                          \
    "coalesce((select sum(s.people) from duty_sum s where s.document = d.id and s.due_us = 0), 0), "         \
    "coalesce((select sum(s.people) from duty_sum s where s.document = d.id and s.due_us > 0 and "           \
    "s.due_us < ?), 0) - "                                                                                   \
    "(select count(*) from duty u where +u.document = d.id and u.done_us is null and u.excused_us > "        \
    "? and +u.due_us < ?) "                                                                                  \
    "from document d "

static json_t *document_row(const struct db_rows *rows)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o}", "id", shape_int(rows, 0), "title",
                     shape_text(rows, 1), "audience", shape_text(rows, 2), "due_days", shape_int(rows, 3),
                     "remind_before", shape_int(rows, 4), "remind_every", shape_int(rows, 5),
                     "escalate_after", shape_int(rows, 6), "changed", shape_time_of(rows, 7), "owed",
                     shape_int(rows, 8), "signed", (json_int_t)db_get_int(rows, 9), "overdue",
                     shape_int(rows, 10));
}

static json_t *department_row(const struct db_rows *rows)
{
    return json_pack("{s:o,s:o}", "id", shape_int(rows, 0), "name", shape_text(rows, 1));
}

static json_t *in_force_row(const struct db_rows *rows)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "version", shape_int(rows, 0), "edition", shape_text(rows, 1),
                     "published", shape_time_of(rows, 2), "rules", shape_int(rows, 3));
}

static json_t *edition_row(const struct db_rows *rows)
{
    return json_pack("{s:o,s:o}", "version", shape_int(rows, 0), "edition", shape_text(rows, 1));
}

/* The first row of a question, or null, as a member. */
static bool add_one(struct act *a, json_t *into, const char *key, const char *sql, int64_t id,
                    json_t *(*row)(const struct db_rows *rows), struct imw_error_info *err)
{
    json_t *list = json_pack("[]");
    bool ok = collect(a, sql, DB_ARGS(db_int(id)), row, list, err);

    if (ok) {
        json_t *first = json_array_size(list) > 0 ? json_incref(json_array_get(list, 0)) : json_null();
        ok = json_object_set_new(into, key, first) == 0 || error_memory(err);
    }
    json_decref(list);
    return ok;
}

static bool add_facts(struct act *a, json_t *row, struct imw_error_info *err)
{
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    json_t *departments = json_pack("[]"), *open = NULL;

    if (json_object_set_new(row, "departments", departments) != 0)
        return error_memory(err);
    if (!collect(
            a,
            "select d.id, d.name from document_department x join department d on d.id = x.department where "
            "x.document = ? order by d.name",
            DB_ARGS(db_int(id)), department_row, departments, err) ||
        !add_one(
            a, row, "in_force",
            "select id, edition, published_us, rules from document_version where document = ? and state = "
            "'published' order by id desc limit 1",
            id, in_force_row, err) ||
        !add_one(a, row, "to_sign",
                 "select id, edition from document_version where document = ? and state in ('published', "
                 "'replaced') "
                 "and sign = 1 order by published_us desc, id desc limit 1",
                 id, edition_row, err) ||
        !versions(a, "v.document = ? and v.state in ('draft', 'proposed', 'approved')", DB_ARGS(db_int(id)),
                  &open, err))
        return false;
    json_t *first = json_array_size(open) > 0 ? json_incref(json_array_get(open, 0)) : json_null();
    const bool ok = json_object_set_new(row, "open", first) == 0;
    json_decref(open);
    return ok || error_memory(err);
}

bool document_list(struct act *a, json_t **out, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us);
    json_t *list = json_pack("[]"), *row;
    size_t i;
    bool ok = collect(a, DOCUMENT_COLUMNS "order by d.title, d.id limit ?",
                      DB_ARGS(now, now, now, db_int(LISTED)), document_row, list, err);

    json_array_foreach(list, i, row) ok = ok && add_facts(a, row, err);
    if (ok)
        *out = json_pack("{s:O}", "documents", list);
    json_decref(list);
    return ok && (*out != NULL || error_memory(err));
}

bool document_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    const struct db_value now = db_int((int64_t)a->now_us);
    json_t *list = json_pack("[]"), *all = NULL, *row = NULL;
    bool ok = collect(a, DOCUMENT_COLUMNS "where d.id = ?", DB_ARGS(now, now, now, db_int(id)), document_row,
                      list, err);

    if (ok) {
        row = json_incref(json_array_get(list, 0));
        ok = row != NULL
                 ? add_facts(a, row, err) && versions(a, "v.document = ?", DB_ARGS(db_int(id)), &all, err)
                 : act_no(a, err, ACT_MISSING, "", "there is no such document");
    }
    if (ok && json_object_set_new(row, "versions", all) != 0)
        ok = error_memory(err);
    json_decref(list);
    if (ok)
        *out = row;
    else
        json_decref(row);
    return ok;
}

/* ---- a version with its text ---- */

static json_t *decision_row(const struct db_rows *rows)
{
    return json_pack("{s:o,s:b,s:o,s:o,s:o}", "by", shape_text(rows, 0), "approve", db_get_int(rows, 1) != 0,
                     "why", shape_text(rows, 2), "time", shape_time_of(rows, 3), "sha256",
                     shape_text(rows, 4));
}

static bool add_reading(struct act *a, const struct catalog *catalog, const struct version *v, json_t *row,
                        struct imw_error_info *err)
{
    struct clauses c;

    if (!clauses_read(view_string(v->text), v->title, v->edition, catalog, a->now_us, &c, err))
        return false;
    bool ok =
        json_object_set_new(row, "title", json_pack("s", v->title)) == 0 &&
        json_object_set_new(row, "text", json_pack("s", v->text)) == 0 &&
        json_object_set(row, "clauses", c.list) == 0 && json_object_set(row, "problems", c.problems) == 0 &&
        json_object_set_new(row, "policy", c.policy != NULL ? json_pack("s", c.policy) : json_null()) == 0;
    clauses_fini(&c);
    return ok || error_memory(err);
}

bool document_version_get(struct act *a, const struct catalog *catalog, int64_t document, int64_t id,
                          json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL, *row = NULL, *decisions = json_pack("[]");
    struct version v;

    if (!version_load(a, document, id, &v, err)) {
        json_decref(decisions);
        return false;
    }
    bool ok =
        versions(a, "v.id = ?", DB_ARGS(db_int(id)), &list, err) &&
        collect(
            a,
            "select c.name, x.approve, x.why, x.time_us, x.sha256 from document_decision x join account c on "
            "c.id = x.account where x.version = ? order by x.id desc limit 200",
            DB_ARGS(db_int(id)), decision_row, decisions, err);
    row = ok ? json_incref(json_array_get(list, 0)) : NULL;
    ok = ok && add_reading(a, catalog, &v, row, err) &&
         (json_object_set(row, "decisions", decisions) == 0 || error_memory(err));
    json_decref(decisions);
    json_decref(list);
    version_fini(&v);
    if (ok)
        *out = row;
    else
        json_decref(row);
    return ok;
}

bool document_check_json(struct act *a, const struct catalog *catalog, const char *text, const char *edition,
                         json_t **out, struct imw_error_info *err)
{
    struct clauses c;

    if (!clauses_read(view_string(text), NULL, edition != NULL ? edition : "draft", catalog, a->now_us, &c,
                      err))
        return false;
    *out = json_pack("{s:b,s:O,s:O,s:o}", "ok", c.ok, "problems", c.problems, "clauses", c.list, "policy",
                     c.policy != NULL ? json_pack("s", c.policy) : json_null());
    clauses_fini(&c);
    return *out != NULL || error_memory(err);
}

/* ---- differences ---- */

struct differences {
    json_t *lines;
    int added, removed;
    bool failed;
};

static void add_line(void *context, char sign, unsigned old, unsigned new, struct view line)
{
    struct differences *d = context;
    const char text[2] = { sign, '\0' };
    json_t *whole = json_stringn((const char *)line.at, line.len);

    d->added += sign == '+';
    d->removed += sign == '-';
    json_t *one = json_pack(
        "{s:s,s:o,s:o,s:o}", "sign", text, "old", old != 0 ? json_integer(old) : json_null(), "new",
        new != 0 ? json_integer(new) : json_null(), "text", whole != NULL ? whole : json_pack("s", "?"));
    d->failed = d->failed || json_array_append_new(d->lines, one) != 0;
}

json_t *diff_json(int64_t from, struct view before, int64_t to, struct view after)
{
    struct differences d = { .lines = json_pack("[]") };

    if (d.lines == NULL || !line_diff(before, after, add_line, &d) || d.failed) {
        json_decref(d.lines);
        return NULL;
    }
    return json_pack("{s:o,s:I,s:i,s:i,s:o}", "from", from != 0 ? json_integer(from) : json_null(), "to",
                     (json_int_t)to, "added", d.added, "removed", d.removed, "lines", d.lines);
}

bool document_diff(struct act *a, int64_t document, int64_t id, int64_t from, json_t **out,
                   struct imw_error_info *err)
{
    struct version v, before = { 0 };

    if (!version_load(a, document, id, &v, err))
        return false;
    bool ok = from != 0 ||
              db_query_int(a->db,
                           "select id from document_version where document = ? and state = 'published' "
                           "and id <> ? order by id desc limit 1",
                           DB_ARGS(db_int(document), db_int(id)), &from, NULL, err);
    ok = ok && (from == 0 || version_load(a, document, from, &before, err));
    if (ok)
        *out = diff_json(from, view_string(before.text), id, view_string(v.text));
    version_fini(&v);
    version_fini(&before);
    return ok && (*out != NULL || error_memory(err));
}
