/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does training change anything? For everybody with a certificate of a course: the incidents that they were
 * linked to in the TRAINING_EFFECT_DAYS before their first certificate, and in as many days after it. Only
 * those are counted for whom both spans are over and lie after the first incident of all, so that no span is
 * shorter than the other. Incidents that were a false alarm, or merged into another, do not count.
 *
 * It is a comparison of sums, and proves no cause: what else changed in these days (a rule that blocks, an
 * outbreak, a season) is in it, too, and whoever is trained because of an incident has fewer afterwards by
 * chance alone; which is why only first certificates count. This is told with the figures.
 *
 * No sum of fewer than TRAINING_LEAST people is shown, nor one that could be had by taking the others from
 * the total: if few people would be hidden, the next smallest department is hidden with them.
 */
#include "program/shape_list.h"
#include "program/training.h"

/* ---- counting ---- */

#define LINKED                                                                                               \
    "(select l.incident as incident, l.object as person from incident_link l where l.kind = 'person' union " \
    "select l.incident, w.person from incident_link l join who w on w.id = l.object where l.kind = 'who' "   \
    "and w.person is not null)"
/* First certificates of a course with both spans over: ? from, ? until. */
#define COUNTED "c.course = ? and c.first = 1 and c.issued_us >= ? and c.issued_us <= ?"

static bool count_course(struct db *db, int64_t course, int64_t first_us, uint64_t now_us,
                         struct imw_error_info *err)
{
    const int64_t span = (int64_t)(TRAINING_EFFECT_DAYS * DAY_OF_US);
    const struct db_value id = db_int(course), from = db_int(first_us + span),
                          until = db_int((int64_t)now_us - span), days = db_int(TRAINING_EFFECT_DAYS),
                          now = db_int((int64_t)now_us), width = db_int(span);

    return db_run(db, "delete from training_effect where course = ?", DB_ARGS(id), NULL, err) &&
           db_run(
               db,
               "insert into training_effect (course, department, days, people, before, after, computed_us) "
               "select c.course, coalesce(p.department, 0), ?, count(*), 0, 0, ? from training_certificate c "
               "join person p on p.id = c.person where " COUNTED " group by c.course, "
               "coalesce(p.department, 0)",
               DB_ARGS(days, now, id, from, until), NULL, err) &&
           db_run(
               db,
               "insert into training_effect (course, department, days, people, before, after, computed_us) "
               "select c.course, coalesce(p.department, 0), ?, 0, sum(case when i.first_us < c.issued_us "
               "then 1 else 0 end), sum(case when i.first_us >= c.issued_us then 1 else 0 end), ? from " LINKED
               " x join incident i on i.id = x.incident and i.state <> 'false-alarm' and i.merged_into is "
               "null join training_certificate c on c.person = x.person join person p on p.id = c.person "
               "where " COUNTED
               " and i.first_us >= c.issued_us - ? and i.first_us < c.issued_us + ? group by "
               "c.course, coalesce(p.department, 0) on conflict (course, department) do update set before = "
               "excluded.before, after = excluded.after",
               DB_ARGS(days, now, id, from, until, width, width), NULL, err) &&
           db_run(
               db,
               "insert into training_effect (course, department, days, people, before, after, computed_us) "
               "select cast(? as bigint), -1, ?, coalesce(sum(people), 0), coalesce(sum(before), 0), "
               "coalesce(sum(after), 0), ? from training_effect where course = ?",
               DB_ARGS(id, days, now, id), NULL, err);
}

enum { COURSES = 200 };

bool training_effect_count(struct db *db, uint64_t now_us, struct imw_error_info *err)
{
    struct imw_error_info why = { .code = IMW_OK };
    int64_t first_us = 0, courses[COURSES];
    struct db_rows *rows;
    unsigned count = 0;

    if (!db_begin(db, true, err))
        return false;
    bool ok =
        db_query_int(db, "select coalesce(min(first_us), 0) from incident", DB_NONE, &first_us, NULL, err) &&
        db_query(db,
                 "select c.id from course c where c.published is not null and not exists (select 1 from "
                 "training_effect e where e.course = c.id and e.department = -1 and e.computed_us > ?) "
                 "order by c.id limit 200",
                 DB_ARGS(db_int((int64_t)(now_us - DAY_OF_US))), &rows, err);
    if (ok) {
        while (count < COURSES && db_next(rows, &why))
            courses[count++] = db_get_int(rows, 0);
        ok = rows_done(rows, &why, err);
    }
    for (unsigned i = 0; ok && i < count; i++)
        ok = count_course(db, courses[i], first_us, now_us, err);
    ok = ok && (count == 0 || db_commit(db, err));
    db_rollback(db);
    return ok;
}

/* ---- showing ---- */

static const char *const limits[] = {
    "It compares sums before and after. It does not prove that training was the cause: rules, outbreaks and "
    "seasons changed in these days, too.",
    "Only first certificates count, and only where both spans are over and lie after the first incident that is "
    "stored.",
    "Incidents are those that somebody or a detector linked to a person; what nobody noticed is in neither figure.",
    "Groups of fewer than five people are in no row, so that no row says something about one person.",
};

static json_t *effect_row(const struct db_rows *rows, void *context)
{
    const int64_t people = db_get_int(rows, 2), before = db_get_int(rows, 3), after = db_get_int(rows, 4);
    const bool all = db_get_int(rows, 0) == -1;

    (void)context;
    return json_pack("{so so sI sI sI sI sI}", "department",
                     db_get_int(rows, 0) > 0 ? shape_int(rows, 0) : json_null(), "name",
                     all ? json_pack("s", "All") : shape_text(rows, 1), "people", (json_int_t)people,
                     "before", (json_int_t)before, "after", (json_int_t)after, "before_per_1000",
                     (json_int_t)(people > 0 ? before * 1000 / people : 0), "after_per_1000",
                     (json_int_t)(people > 0 ? after * 1000 / people : 0));
}

static int64_t people_of(const json_t *list, size_t i)
{
    return json_integer_value(json_object_get(json_array_get(list, i), "people"));
}

/* Rows by size, the smallest first: those that may not be shown go. Returns how many. */
static size_t hide_small(json_t *rows)
{
    int64_t hidden = 0;
    size_t count = 0;

    while (json_array_size(rows) > 0 &&
           (people_of(rows, 0) < TRAINING_LEAST || (hidden > 0 && hidden < TRAINING_LEAST))) {
        hidden += people_of(rows, 0);
        count++;
        json_array_remove(rows, 0);
    }
    return count;
}

static json_t *effect_course(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{so so si so si s[] si s[]}", "course", shape_int(rows, 0), "title",
                     shape_text(rows, 1), "days", TRAINING_EFFECT_DAYS, "computed", shape_time_of(rows, 2),
                     "least", TRAINING_LEAST, "rows", "hidden", 0, "limits");
}

/* Managers see the sums of all, not those of other departments. */
static bool fill_course(struct act *a, json_t *effect, struct imw_error_info *err)
{
    const struct db_value id = db_int(json_integer_value(json_object_get(effect, "course")));
    const bool cut = (a->actor->roles & (1u << ROLE_COMPLIANCE | 1u << ROLE_EXAMINER)) == 0;
    json_t *rows = NULL, *all = NULL, *list = json_object_get(effect, "limits");

    if (!shape_list(
            a->db,
            "select e.department, d.name, e.people, e.before, e.after from training_effect e left join "
            "department d on d.id = e.department where e.course = ? and e.department >= 0 and e.people "
            "> 0 order by e.people, e.department",
            DB_ARGS(id), effect_row, NULL, &rows, err) ||
        !shape_one(a->db,
                   "select department, null, people, before, after from training_effect where course = ? and "
                   "department = -1 and people >= ?",
                   DB_ARGS(id, db_int(TRAINING_LEAST)), effect_row, NULL, &all, err)) {
        json_decref(rows);
        return false;
    }
    const size_t hidden = hide_small(rows);
    if (cut)
        json_array_clear(rows);
    bool ok = (all == NULL || json_array_insert_new(rows, 0, all) == 0) &&
              json_object_set_new(effect, "rows", rows) == 0 &&
              json_object_set_new(effect, "hidden", json_integer((json_int_t)hidden)) == 0;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        ok = ok && json_array_append_new(list, json_pack("s", limits[i])) == 0;
    return ok || error_memory(err);
}

bool training_effect(struct act *a, int64_t course, json_t **out, struct imw_error_info *err)
{
    json_t *list, *effect;
    size_t i;

    if (!shape_list(
            a->db,
            "select c.id, v.title, (select e.computed_us from training_effect e where e.course = c.id "
            "and e.department = -1) from course c join course_version v on v.course = c.id and v.number "
            "= c.published where (c.id = ? or ? = 0) order by v.title, c.id limit 100",
            DB_ARGS(db_int(course), db_int(course)), effect_course, NULL, &list, err))
        return false;
    json_array_foreach(list, i, effect)
    {
        if (!fill_course(a, effect, err)) {
            json_decref(list);
            return false;
        }
    }
    *out = json_pack("{so}", "effects", list);
    return *out != NULL || error_memory(err);
}
