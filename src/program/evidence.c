/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence packages as rows: asked for, shown, taken away, removed. */
#include "program/evidence.h"
#include "program/evidence_read.h"
#include "program/shape_list.h"

static const uint64_t longest_us = UINT64_C(3660) * 86400000000;

static bool has_part(const json_t *names, const char *part)
{
    const json_t *one;
    size_t i;

    json_array_foreach(names, i, one) if (strcmp(json_string_value(one), part) == 0) return true;
    return false;
}

json_t *evidence_part_names(void)
{
    json_t *names = json_pack("[]");

    for (size_t i = 0; i < evidence_table_count() + evidence_figure_count(); i++) {
        const char *part = i < evidence_table_count() ? evidence_table(i)->part
                                                      : evidence_figure(i - evidence_table_count())->part;
        if (!has_part(names, part))
            (void)json_array_append_new(names, json_pack("s", part));
    }
    return names;
}

/* "usage training". False: told. */
static bool read_parts(struct act *a, const json_t *parts, char out[EVIDENCE_PARTS_BYTES],
                       struct imw_error_info *err)
{
    json_t *names = evidence_part_names();
    struct text t = text_over(out, EVIDENCE_PARTS_BYTES);
    const json_t *one;
    bool ok = true;
    size_t i;

    json_array_foreach(parts, i, one)
    {
        const char *part = json_string_value(one);
        ok = ok && part != NULL && has_part(names, part);
        if (ok && json_array_size(parts) < json_array_size(names))
            text_format(&t, "%s%s", t.len > 0 ? " " : "", part);
    }
    json_decref(names);
    return (ok && !t.cut) || act_no(a, err, ACT_WRONG, "parts", "there is no such part");
}

static bool is_said(const char *text)
{
    return text != NULL && text[strspn(text, " \t\r\n")] != '\0' && strlen(text) <= EVIDENCE_TEXT_BYTES * 4;
}

bool evidence_ask(struct act *a, const struct evidence_wish *w, int64_t *out_id, struct imw_error_info *err)
{
    char parts[EVIDENCE_PARTS_BYTES];
    uint64_t from = 0, until = 0;
    int64_t waiting = 0;

    if (!is_said(w->prepared_for))
        return act_no(a, err, ACT_WRONG, "prepared_for", "say for whom it is: an examiner, an agency");
    if (!is_said(w->purpose))
        return act_no(a, err, ACT_WRONG, "purpose", "say what it is for");
    if (w->from == NULL || !when_read(w->from, &from))
        return act_no(a, err, ACT_WRONG, "from", "a day is needed, as 2026-01-01");
    if (w->until == NULL || !when_read(w->until, &until))
        return act_no(a, err, ACT_WRONG, "until", "a day is needed, as 2026-04-01");
    if (until <= from || until - from > longest_us)
        return act_no(a, err, ACT_WRONG, "until", "the end comes after the beginning, by ten years at most");
    if (from >= a->now_us)
        return act_no(a, err, ACT_WRONG, "from", "this time has not begun yet");
    if (!read_parts(a, w->parts, parts, err) ||
        !db_query_int(a->db, "select count(*) from evidence_package where state in ('waiting', 'making')",
                      DB_NONE, &waiting, NULL, err))
        return false;
    if (waiting >= EVIDENCE_WAITING)
        return act_no(a, err, ACT_LATE, "", "others are being made: wait until they are done");
    return db_insert(
               a->db,
               "insert into evidence_package (state, prepared_for, purpose, parts, from_us, until_us, asked_by, "
               "asked_us) values ('waiting', ?, ?, ?, ?, ?, ?, ?) returning id",
               DB_ARGS(db_text(w->prepared_for), db_text(w->purpose), db_text(parts), db_int((int64_t)from),
                       db_int((int64_t)until), a->actor->account > 0 ? db_int(a->actor->account) : db_null(),
                       db_int((int64_t)a->now_us)),
               out_id, err) &&
           act_record(a, "evidence.ask", "evidence", *out_id,
                      json_pack("{s:s,s:s,s:s,s:s,s:s}", "for", w->prepared_for, "purpose", w->purpose,
                                "from", w->from, "until", w->until, "parts", parts),
                      err);
}

bool evidence_remove(struct act *a, int64_t id, struct imw_error_info *err)
{
    uint64_t changed = 0;

    if (!db_run(a->db,
                "update evidence_package set state = 'removed', removed_us = ? where id = ? and state in "
                "('ready', 'failed', 'waiting')",
                DB_ARGS(db_int((int64_t)a->now_us), db_int(id)), &changed, err))
        return false;
    if (changed == 0)
        return act_no(a, err, ACT_LATE, "",
                      "there is no such package, or it is being made, or is gone already");
    return act_record(a, "evidence.remove", "evidence", id, json_pack("{}"), err);
}

static void file_name(const struct db_rows *rows, unsigned id, unsigned from, unsigned until, char out[64])
{
    char first[WHEN_SIZE], last[WHEN_SIZE];

    when_text((uint64_t)db_get_int(rows, from), first);
    when_text((uint64_t)db_get_int(rows, until), last);
    snprintf(out, 64, "evidence-%lld-%.10s-%.10s.zip", (long long)db_get_int(rows, id), first, last);
}

bool evidence_take(struct act *a, int64_t id, char name[64], struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    char sha256[65] = "";
    struct text t = TEXT(sha256);
    struct db_rows *rows;

    if (!db_query(
            a->db,
            "select id, from_us, until_us, sha256 from evidence_package where id = ? and state = 'ready'",
            DB_ARGS(db_int(id)), &rows, err))
        return false;
    const bool found = db_next(rows, &why);
    if (found) {
        file_name(rows, 0, 1, 2, name);
        text_add(&t, db_get_text(rows, 3));
    }
    if (!rows_done(rows, &why, err))
        return false;
    if (!found)
        return act_no(a, err, ACT_MISSING, "",
                      "there is no such package, it is not ready yet, or it was removed");
    return db_run(a->db, "update evidence_package set downloads = downloads + 1 where id = ?",
                  DB_ARGS(db_int(id)), NULL, err) &&
           act_record(a, "evidence.download", "evidence", id, json_pack("{s:s}", "sha256", sha256), err);
}

/* ---- shown ---- */

#define COLUMNS                                                                                              \
    "select e.id, e.state, e.prepared_for, e.purpose, e.parts, e.from_us, e.until_us, e.asked_us, x.name, "  \
    "e.made_us, e.percent, e.why, e.size, e.sha256, e.files, e.version, e.downloads, e.removed_us "          \
    "from evidence_package e left join account x on x.id = e.asked_by "

static json_t *part_list(struct view text)
{
    json_t *list = json_pack("[]");

    while (text.len > 0) {
        const struct view one = view_token(&text, ' ');
        (void)json_array_append_new(list, json_stringn((const char *)one.at, one.len));
    }
    return list;
}

static json_t *row_json(const struct db_rows *rows, void *context)
{
    char name[64];

    (void)context;
    file_name(rows, 0, 5, 6, name);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "id",
                     shape_int(rows, 0), "state", shape_text(rows, 1), "prepared_for", shape_text(rows, 2),
                     "purpose", shape_text(rows, 3), "parts", part_list(db_get_text(rows, 4)), "from",
                     shape_time_of(rows, 5), "until", shape_time_of(rows, 6), "asked", shape_time_of(rows, 7),
                     "asked_by", shape_text(rows, 8), "made", shape_time_of(rows, 9), "percent",
                     shape_int(rows, 10), "why", shape_text(rows, 11), "name", name, "size",
                     shape_int(rows, 12), "sha256", shape_text(rows, 13), "files", shape_int(rows, 14),
                     "version", shape_text(rows, 15), "downloads", shape_int(rows, 16), "removed",
                     shape_time_of(rows, 17));
}

bool evidence_get(struct act *a, int64_t id, json_t **out, struct imw_error_info *err)
{
    if (!shape_one(a->db, COLUMNS "where e.id = ?", DB_ARGS(db_int(id)), row_json, NULL, out, err))
        return false;
    return *out != NULL || act_no(a, err, ACT_MISSING, "", "there is no such package");
}

bool evidence_list(struct act *a, int64_t before, unsigned limit, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL, *cursor = json_null();

    if (!shape_list(a->db, COLUMNS "where e.id < ? order by e.id desc limit ?",
                    DB_ARGS(db_int(before > 0 ? before : INT64_MAX), db_int(limit + 1)), row_json, NULL,
                    &list, err))
        return false;
    if (json_array_size(list) > limit) {
        (void)json_array_remove(list, limit);
        cursor = json_sprintf(
            "%lld", (long long)json_integer_value(json_object_get(json_array_get(list, limit - 1), "id")));
    }
    *out = json_pack("{s:o,s:o,s:o}", "packages", list, "cursor", cursor, "parts", evidence_part_names());
    return *out != NULL || error_memory(err);
}

/* ---- the clerk's ---- */

bool evidence_next(struct db *db, struct evidence_order *out, bool *out_found, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    struct db_rows *rows;

    *out = (struct evidence_order){ 0 };
    if (!db_query(
            db,
            "select e.id, e.from_us, e.until_us, e.asked_us, e.prepared_for, e.purpose, e.parts, "
            "coalesce(x.full_name, x.name, 'the command line') from evidence_package e left join account x on "
            "x.id = e.asked_by where e.state in ('waiting', 'making') order by e.id limit 1",
            DB_NONE, &rows, err))
        return false;
    *out_found = db_next(rows, &why);
    if (*out_found) {
        struct text whom = TEXT(out->prepared_for), purpose = TEXT(out->purpose), parts = TEXT(out->parts),
                    by = TEXT(out->asked_by);
        out->id = db_get_int(rows, 0);
        out->from_us = (uint64_t)db_get_int(rows, 1);
        out->until_us = (uint64_t)db_get_int(rows, 2);
        out->asked_us = (uint64_t)db_get_int(rows, 3);
        text_add(&whom, db_get_text(rows, 4));
        text_add(&purpose, db_get_text(rows, 5));
        text_add(&parts, db_get_text(rows, 6));
        text_add(&by, db_get_text(rows, 7));
    }
    return rows_done(rows, &why, err);
}

bool evidence_progress(struct db *db, int64_t id, unsigned percent, struct imw_error_info *err)
{
    return db_begin(db, true, err) &&
           db_run(
               db,
               "update evidence_package set state = 'making', percent = ? where id = ? and state in ('waiting', "
               "'making')",
               DB_ARGS(db_int(percent), db_int(id)), NULL, err) &&
           db_commit(db, err);
}

bool evidence_end(struct act *a, int64_t id, const struct evidence_made *made, const char *why,
                  struct imw_error_info *err)
{
    const bool ok =
        made != NULL
            ? db_run(
                  a->db,
                  "update evidence_package set state = 'ready', percent = 100, made_us = ?, size = ?, sha256 = ?, "
                  "files = ?, version = ? where id = ?",
                  DB_ARGS(db_int((int64_t)a->now_us), db_int((int64_t)made->size), db_text(made->sha256),
                          db_int(made->files), db_text(IMWARD_VERSION), db_int(id)),
                  NULL, err)
            : db_run(a->db, "update evidence_package set state = 'failed', made_us = ?, why = ? where id = ?",
                     DB_ARGS(db_int((int64_t)a->now_us), db_text(why), db_int(id)), NULL, err);

    return ok && act_record(a, made != NULL ? "evidence.made" : "evidence.failed", "evidence", id,
                            made != NULL ? json_pack("{s:s,s:I}", "sha256", made->sha256, "size",
                                                     (json_int_t)made->size)
                                         : json_pack("{s:s}", "why", why),
                            err);
}

bool evidence_keeps(struct db *db, int64_t id, bool *out, struct imw_error_info *err)
{
    int64_t count = 0;

    if (!db_query_int(db, "select count(*) from evidence_package where id = ? and state <> 'removed'",
                      DB_ARGS(db_int(id)), &count, NULL, err))
        return false;
    *out = count > 0;
    return true;
}
