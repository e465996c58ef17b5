/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virus program: which scanners looked at files, how old their signatures are, what they said, and what
 * was not looked at and why. All of table scan_day, which is kept as events come.
 */
#include "program/client.h"
#include "program/setting.h"
#include "program/shape_list.h"
#include "store/event_parts.h"

enum { SUMMARY_DAYS = 7, ROWS = 200 };
static const int64_t hour_us = INT64_C(3600000000);

struct span {
    int64_t now_us, most_hours;
    int first;
};

static bool span_of(struct act *a, int64_t days, struct span *out, struct imw_error_info *err)
{
    out->now_us = (int64_t)a->now_us;
    out->first = day_of(out->now_us - (days - 1) * DAY_US);
    return setting_number(a->db, SETTING_ID_CLIENT_SIGNATURES, &out->most_hours, err);
}

/* A scanner is the newest of what called itself on a sensor; older versions of it are behind. */
static json_t *scanner_row(const struct db_rows *rows, void *context)
{
    const struct span *s = context;
    const int64_t made = db_get_int(rows, 2), last = db_get_int(rows, 4);
    const int64_t age = made > 0 ? (s->now_us - made) / hour_us : 0;

    return json_pack("{s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:b}", "sensor", shape_text(rows, 0), "engine",
                     shape_text(rows, 1), "signatures", made > 0 ? shape_time((uint64_t)made) : json_null(),
                     "age_hours", made > 0 ? json_integer(age > 0 ? age : 0) : json_null(), "old",
                     made > 0 && age > s->most_hours, "first", shape_time_of(rows, 3), "last",
                     shape_time_of(rows, 4), "files", shape_int(rows, 5), "away", db_get_int(rows, 6) > last);
}

/* Of each sensor the engine that was heard of last; a failure to reach it that is later than that means it is
 * away. */
static const char scanners[] =
    "select s.name, t.value, max(d.signatures_us), min(d.first_us), max(d.last_us), sum(d.files), (select "
    "coalesce(max(f.last_us), "
    "0) from scan_day f join term r on r.id = f.reason where f.sensor = d.sensor and f.day >= ? and r.value "
    "in ('the scanner did "
    "not answer', 'the scanner failed')) from scan_day d join sensor s on s.id = d.sensor join term t on "
    "t.id = d.engine where "
    "d.day >= ? group by d.sensor, s.name, t.value having max(d.last_us) = (select max(n.last_us) from "
    "scan_day n where n.sensor = "
    "d.sensor and n.engine <> 0 and n.day >= ?) order by s.name, t.value limit ?";

static json_t *sensor_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "sensor", shape_text(rows, 0), "kind", shape_text(rows, 1),
                     "seen", shape_time_of(rows, 2), "files", shape_int(rows, 3), "not_scanned",
                     shape_int(rows, 4), "last_file", shape_time_of(rows, 5));
}

/* By the numbers of event_scan_names: 0 nobody looked, else the state's. */
static int64_t state_number(const char *name)
{
    for (int i = 0; i < 5; i++)
        if (event_scan_names[i] != NULL && strcmp(event_scan_names[i], name) == 0)
            return i;
    return -1;
}

#define BY_STATE                                                                                             \
    "coalesce(sum(case when d.state = ? then d.files else 0 end), 0), coalesce(sum(case when d.state = ? "   \
    "then d.files else 0 end), 0), coalesce(sum(case when d.state = ? then d.files else 0 end), 0), "        \
    "coalesce(sum(case when d.state = ? then d.files else 0 end), 0), coalesce(sum(case when d.state = 0 "   \
    "then d.files else 0 end), 0)"
#define STATES                                                                                               \
    db_int(state_number("clean")), db_int(state_number("infected")), db_int(state_number("suspicious")),     \
        db_int(state_number("not-scanned"))

static json_t *verdicts(const struct db_rows *rows, unsigned from)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "clean", shape_int(rows, from), "infected",
                     shape_int(rows, from + 1), "suspicious", shape_int(rows, from + 2), "not_scanned",
                     shape_int(rows, from + 3), "not_looked_at", shape_int(rows, from + 4));
}

static json_t *day_row(const struct db_rows *rows, void *context)
{
    json_t *row = verdicts(rows, 1);
    const int64_t day = db_get_int(rows, 0);
    char text[16];

    (void)context;
    snprintf(text, sizeof text, "%04d-%02d-%02d", (int)(day / 10000) % 10000, (int)(day / 100 % 100),
             (int)(day % 100));
    if (row != NULL)
        (void)json_object_set_new(row, "day", json_pack("s", text));
    return row;
}

static json_t *total_row(const struct db_rows *rows, void *context)
{
    json_t *row = verdicts(rows, 1);

    (void)context;
    if (row != NULL)
        (void)json_object_set_new(row, "files", shape_int(rows, 0));
    return row;
}

static const char *what_to_do(struct view reason)
{
    static const struct {
        const char *reason, *text;
    } list[] = {
        { "no scanner is configured",
          "Name a scanner in the sensor's policy: scan: {clamd: unix:/run/clamav/clamd.ctl}." },
        { "the scanner did not answer",
          "See whether clamd runs on the sensor's machine, and whether its socket is the one in the policy." },
        { "the scanner took too long",
          "Give clamd more threads, or the scan more time (scan.timeout in the policy)." },
        { "the scanner failed", "Read clamd's log on the sensor's machine." },
        { "too large",
          "Raise the limit of size in the policy and clamd's MaxFileSize, or block such files." },
        { "encrypted", "Nobody can look into it: a rule can block files that were not scanned." },
        { "incomplete", "Packets are lost: see the sensor's drops." },
    };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (view_find(reason, view_string(list[i].reason)) < reason.len)
            return list[i].text;
    return reason.len == 0
               ? "Turn scanning on for this service in the sensor's policy."
               : "Look at the files in Events, and decide by a rule what becomes of files that were not "
                 "scanned.";
}

static json_t *reason_row(const struct db_rows *rows, void *context)
{
    const struct view reason = db_get_text(rows, 0);

    (void)context;
    return json_pack("{s:o,s:o,s:s}", "reason",
                     reason.len > 0 ? shape_text(rows, 0) : json_pack("s", "nobody was asked to look"),
                     "files", shape_int(rows, 1), "what_to_do", what_to_do(reason));
}

bool virus_program(struct act *a, int64_t days, json_t **out, struct imw_error_info *err)
{
    json_t *part[5] = { NULL };
    struct span s;

    if (!span_of(a, days, &s, err))
        return false;
    const struct db_value first = db_int(s.first);
    const bool ok =
        shape_list(a->db, scanners, DB_ARGS(first, first, first, db_int(ROWS)), scanner_row, &s, &part[0],
                   err) &&
        shape_list(
            a->db,
            "select s.name, s.kind, s.seen_us, coalesce(sum(d.files), 0), coalesce(sum(case when d.state in "
            "(0, ?) then "
            "d.files else 0 end), 0), max(d.last_us) from sensor s left join scan_day d on d.sensor = s.id "
            "and d.day >= ? "
            "where s.state = 'active' group by s.id, s.name, s.kind, s.seen_us order by s.name limit ?",
            DB_ARGS(db_int(state_number("not-scanned")), first, db_int(ROWS)), sensor_row, NULL, &part[1],
            err) &&
        shape_list(a->db,
                   "select d.day, " BY_STATE
                   " from scan_day d where d.day >= ? group by d.day order by d.day",
                   DB_ARGS(STATES, first), day_row, NULL, &part[2], err) &&
        shape_list(
            a->db,
            "select coalesce(t.value, ''), sum(d.files) as n from scan_day d left join term t on t.id = "
            "d.reason where "
            "d.day >= ? and d.state in (0, ?) group by coalesce(t.value, '') order by n desc limit 20",
            DB_ARGS(first, db_int(state_number("not-scanned"))), reason_row, NULL, &part[3], err) &&
        shape_one(a->db, "select coalesce(sum(d.files), 0), " BY_STATE " from scan_day d where d.day >= ?",
                  DB_ARGS(STATES, first), total_row, NULL, &part[4], err);
    if (ok)
        *out = json_pack("{s:I,s:I,s:O,s:O,s:O,s:O,s:O}", "days", (json_int_t)days, "most_hours",
                         (json_int_t)s.most_hours, "scanners", part[0], "sensors", part[1], "over_time",
                         part[2], "reasons", part[3], "totals", part[4]);
    for (unsigned i = 0; i < 5; i++)
        json_decref(part[i]);
    return ok && (*out != NULL || error_memory(err));
}

bool virus_summary(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *list = NULL, *totals = NULL, *row, *oldest = NULL;
    const char *earliest = NULL;
    json_int_t old = 0;
    struct span s;
    size_t i;

    if (!span_of(a, SUMMARY_DAYS, &s, err))
        return false;
    const struct db_value first = db_int(s.first);
    bool ok =
        shape_list(a->db, scanners, DB_ARGS(first, first, first, db_int(ROWS)), scanner_row, &s, &list,
                   err) &&
        shape_one(a->db, "select coalesce(sum(d.files), 0), " BY_STATE " from scan_day d where d.day >= ?",
                  DB_ARGS(STATES, first), total_row, NULL, &totals, err);
    json_array_foreach(list, i, row)
    {
        const char *made = json_string_value(json_object_get(row, "signatures"));
        old += json_is_true(json_object_get(row, "old"));
        if (made != NULL && (earliest == NULL || strcmp(made, earliest) < 0))
            earliest = made;
    }
    if (ok) {
        oldest = earliest != NULL ? json_pack("s", earliest) : json_null();
        *out = json_pack("{s:I,s:I,s:o,s:O,s:I,s:O}", "scanners", (json_int_t)json_array_size(list),
                         "old_signatures", old, "oldest_signatures", oldest, "files",
                         json_object_get(totals, "files"), "not_scanned",
                         json_integer_value(json_object_get(totals, "not_scanned")) +
                             json_integer_value(json_object_get(totals, "not_looked_at")),
                         "infected", json_object_get(totals, "infected"));
        ok = *out != NULL || error_memory(err);
    }
    json_decref(list);
    json_decref(totals);
    return ok;
}
