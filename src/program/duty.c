/* SPDX-License-Identifier: Apache-2.0 */
/* Duties as rows, and their sums. */
#include "program/duty.h"
#include "program/document.h"

static const uint64_t day_us = UINT64_C(86400000000);

/* Is this person (p) in the audience of a document? Its arguments: the document, twice. */
#define IN_AUDIENCE                                                                                          \
    "(exists (select 1 from document d where d.id = ? and d.audience = 'everybody') or p.department in "     \
    "(with recursive dep(id) as (select department from document_department where document = ? union "       \
    "select c.id from department c join dep on c.parent = dep.id) select id from dep))"

struct facts {
    int64_t version, due_days, escalate_after, team_sums;
};

static bool load_facts(struct db *db, int64_t document, struct facts *out, struct imw_error_info *err)
{
    return document_to_sign(db, document, &out->version, err) &&
           db_query_int(db, "select due_days from document where id = ?", DB_ARGS(db_int(document)),
                        &out->due_days, NULL, err) &&
           db_query_int(db, "select escalate_after from document where id = ?", DB_ARGS(db_int(document)),
                        &out->escalate_after, NULL, err) &&
           db_query_int(db, "select team_sums from document where id = ?", DB_ARGS(db_int(document)),
                        &out->team_sums, NULL, err);
}

/* Once done, the day on which it was due counts no more. */
#define SUM_DUE "case when u.done_us is null then u.due_us else 0 end"

static bool sum_up(struct db *db, int64_t document, struct imw_error_info *err)
{
    const struct db_value d = db_int(document);

    return db_run(db, "delete from duty_sum where document = ?", DB_ARGS(d), NULL, err) &&
           db_run(db, "delete from duty_team_sum where document = ?", DB_ARGS(d), NULL, err) &&
           db_run(
               db,
               "insert into duty_sum (document, department, due_us, people) select u.document, u.department, " SUM_DUE
               ", count(*) from duty u where u.document = ? group by u.document, u.department, " SUM_DUE,
               DB_ARGS(d), NULL, err) &&
           db_run(
               db,
               "insert into duty_team_sum (manager, document, department, due_us, people) select t.manager, "
               "u.document, u.department, " SUM_DUE
               ", count(*) from duty u join team t on t.person = u.person where u.document = ? group by "
               "t.manager, u.document, u.department, " SUM_DUE,
               DB_ARGS(d), NULL, err) &&
           db_run(db, "update document set team_sums = 1 where id = ?", DB_ARGS(d), NULL, err);
}

/* Rows for those in the audience who have none. Whoever signed this version before (and left, and came back)
 * is done. */
static bool add_missing(struct db *db, int64_t document, const struct facts *f, uint64_t now_us,
                        uint64_t *out_added, struct imw_error_info *err)
{
    /* At a day's end, so that sums are few. */
    const uint64_t due_us = (now_us / day_us + (uint64_t)f->due_days + 1) * day_us - 1;
    const struct db_value escalate =
        f->escalate_after > 0 ? db_int((int64_t)(due_us + (uint64_t)f->escalate_after * day_us)) : db_null();

    return db_run(
        db,
        "insert into duty (document, person, version, department, since_us, due_us, done_us, next_us, "
        "escalate_us) select ?, p.id, ?, coalesce(p.department, 0), ?, ?, (select s.time_us from "
        "signature s where s.person "
        "= p.id and s.version = ?), ?, ? from person p where p.state = 'active' and " IN_AUDIENCE
        " and not exists (select 1 from duty u where u.document = ? and u.person = p.id)",
        DB_ARGS(db_int(document), db_int(f->version), db_int((int64_t)now_us), db_int((int64_t)due_us),
                db_int(f->version), db_int((int64_t)now_us), escalate, db_int(document), db_int(document),
                db_int(document)),
        out_added, err);
}

static bool remove_gone(struct db *db, int64_t document, uint64_t *out_removed, struct imw_error_info *err)
{
    return db_run(
        db,
        "delete from duty where document = ? and person not in (select p.id from person p where p.state = "
        "'active' and " IN_AUDIENCE ")",
        DB_ARGS(db_int(document), db_int(document), db_int(document)), out_removed, err);
}

static bool move_moved(struct db *db, int64_t document, uint64_t *out_moved, struct imw_error_info *err)
{
    return db_run(
        db,
        "update duty set department = (select p.department from person p where p.id = duty.person) where "
        "document = ? and coalesce(department, 0) <> (select coalesce(p.department, 0) from person p where "
        "p.id = duty.person)",
        DB_ARGS(db_int(document)), out_moved, err);
}

bool duty_begin(struct act *a, int64_t document, int64_t version, struct imw_error_info *err)
{
    struct facts f;

    if (!load_facts(a->db, document, &f, err))
        return false;
    f.version = version;
    return db_run(a->db, "delete from duty where document = ?", DB_ARGS(db_int(document)), NULL, err) &&
           add_missing(a->db, document, &f, a->now_us, NULL, err) && sum_up(a->db, document, err);
}

static bool refresh_one(struct db *db, int64_t document, uint64_t now_us, bool *out_changed,
                        struct imw_error_info *err)
{
    uint64_t added = 0, removed = 0, moved = 0;
    struct facts f;

    if (!load_facts(db, document, &f, err))
        return false;
    if (f.version == 0)
        return true;
    if (!remove_gone(db, document, &removed, err) || !add_missing(db, document, &f, now_us, &added, err) ||
        !move_moved(db, document, &moved, err))
        return false;
    if (added + removed + moved == 0 && f.team_sums)
        return true;
    *out_changed = true;
    return sum_up(db, document, err);
}

/* Documents of which a version was ever published to be signed; at most `most`. */
static bool load_documents(struct db *db, int64_t *out, unsigned most, unsigned *out_count,
                           struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *out_count = 0;
    if (!db_query(db,
                  "select distinct document from document_version where sign = 1 and state in ('published', "
                  "'replaced') order by document",
                  DB_NONE, &rows, err))
        return false;
    while (*out_count < most && db_next(rows, &why))
        out[(*out_count)++] = db_get_int(rows, 0);
    return rows_done(rows, &why, err);
}

enum { DOCUMENTS = 1000 };

bool duty_refresh(struct db *db, int64_t document, uint64_t now_us, bool *out_changed,
                  struct imw_error_info *err)
{
    int64_t all[DOCUMENTS] = { document };
    unsigned count = 1;
    bool changed = false, ok = document != 0 || load_documents(db, all, DOCUMENTS, &count, err);

    for (unsigned i = 0; ok && i < count; i++)
        ok = refresh_one(db, all[i], now_us, &changed, err);
    if (out_changed != NULL)
        *out_changed = changed;
    return ok;
}

static bool is_stale(struct db *db, int64_t document, bool *out, struct imw_error_info *err)
{
    int64_t found = 0;

    if (!db_query_int(db, "select count(*) from document where id = ? and team_sums = 0",
                      DB_ARGS(db_int(document)), &found, NULL, err))
        return false;
    if (found == 0 &&
        !db_query_int(
            db,
            "select count(*) from (select 1 from person p where p.state = 'active' and " IN_AUDIENCE
            " and not exists (select 1 from duty u where u.document = ? and u.person = p.id) limit 1) x",
            DB_ARGS(db_int(document), db_int(document), db_int(document)), &found, NULL, err))
        return false;
    if (found == 0 &&
        !db_query_int(
            db,
            "select count(*) from (select 1 from duty u join person p on p.id = u.person where u.document = "
            "? and (p.state <> 'active' or u.department <> coalesce(p.department, 0) or not " IN_AUDIENCE
            ") limit 1) x",
            DB_ARGS(db_int(document), db_int(document), db_int(document)), &found, NULL, err))
        return false;
    *out = found > 0;
    return true;
}

bool duty_is_stale(struct db *db, bool *out, struct imw_error_info *err)
{
    int64_t all[DOCUMENTS];
    unsigned count = 0;
    bool ok = load_documents(db, all, DOCUMENTS, &count, err);

    *out = false;
    for (unsigned i = 0; ok && !*out && i < count; i++)
        ok = is_stale(db, all[i], out, err);
    return ok;
}

/* Of the sums that it was in into those of what is done. */
static bool move_sums(struct act *a, int64_t document, int64_t person, int64_t department, int64_t due_us,
                      struct imw_error_info *err)
{
    const struct db_value d = db_int(document), p = db_int(person), g = db_int(department),
                          due = db_int(due_us);

    return db_run(
               a->db,
               "update duty_sum set people = people - 1 where document = ? and due_us = ? and department = ?",
               DB_ARGS(d, due, g), NULL, err) &&
           db_run(a->db,
                  "insert into duty_sum (document, department, due_us, people) values (?, ?, 0, 1) on "
                  "conflict (document, due_us, department) do update set people = duty_sum.people + 1",
                  DB_ARGS(d, g), NULL, err) &&
           db_run(
               a->db,
               "update duty_team_sum set people = people - 1 where manager in (select manager from team where "
               "person = ?) and document = ? and due_us = ? and department = ?",
               DB_ARGS(p, d, due, g), NULL, err) &&
           db_run(
               a->db,
               "insert into duty_team_sum (manager, document, department, due_us, people) select manager, ?, ?, 0, "
               "1 from team where person = ? on conflict (manager, document, due_us, department) do update set "
               "people = duty_team_sum.people + 1",
               DB_ARGS(d, g, p), NULL, err);
}

bool duty_done(struct act *a, int64_t document, int64_t person, struct imw_error_info *err)
{
    int64_t department = 0, due_us = 0;
    bool owed = false;

    if (!db_query_int(a->db, "select due_us from duty where document = ? and person = ? and done_us is null",
                      DB_ARGS(db_int(document), db_int(person)), &due_us, &owed, err) ||
        !db_query_int(a->db, "select department from duty where document = ? and person = ?",
                      DB_ARGS(db_int(document), db_int(person)), &department, NULL, err))
        return false;
    return !owed ||
           (db_run(a->db, "update duty set done_us = ? where document = ? and person = ?",
                   DB_ARGS(db_int((int64_t)a->now_us), db_int(document), db_int(person)), NULL, err) &&
            move_sums(a, document, person, department, due_us, err));
}
