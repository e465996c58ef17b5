/* SPDX-License-Identifier: Apache-2.0 */
/* Days that can be judged: signal_days.h. */
#include "program/signal_days.h"
#include "program/approved.h"
#include "store/event_store.h"
#include <stdio.h>
#include <stdlib.h>

enum { CHANNELS = CHANNELS_MOST, LOOKED_AT = SIGNAL_LOOK_BACK + 2 };
static const int64_t a_day_us = INT64_C(86400000000);

struct channel {
    int64_t id;
    int first, last;
    char name[CHANNEL_NAME_BYTES + 1];
};
struct looked_at {
    int day;
    uint32_t people; /* of the channel with most */
    unsigned whole;  /* channels */
};

static bool channels_load(struct db *db, struct channel at[CHANNELS], unsigned *count,
                          struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *count = 0;
    if (!db_query(
            db,
            "select c.id, c.name, coalesce(min(d.day), 0), coalesce(max(d.day), 0) from approved_channel c left "
            "join approved_day d on d.channel = c.id and d.whole = 1 where c.state = 'active' group by c.id, "
            "c.name order by c.id limit ?",
            DB_ARGS(db_int(CHANNELS)), &rows, err))
        return false;
    while (*count < CHANNELS && db_next(rows, &why)) {
        struct channel *c = &at[*count];
        const struct view name = db_get_text(rows, 1);
        *c = (struct channel){ .id = db_get_int(rows, 0),
                               .first = (int)db_get_int(rows, 2),
                               .last = (int)db_get_int(rows, 3) };
        snprintf(c->name, sizeof c->name, "%.*s", (int)name.len, (const char *)name.at);
        *count += c->first != 0; /* one without any counts is waited for by nobody */
    }
    return rows_done(rows, &why, err);
}

/* Days since 1970-01-01, a Thursday. */
static bool is_working_day(int day)
{
    const int64_t weekday = (day_start(day) / a_day_us + 3) % 7; /* 0: Monday */

    return weekday < 5;
}

static bool days_load(struct db *db, int64_t from, struct looked_at at[LOOKED_AT], unsigned *count,
                      struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *count = 0;
    if (!db_query(
            db,
            "select d.day, max(d.people), sum(d.whole) from approved_day d join approved_channel c on c.id = "
            "d.channel where c.state = 'active' and d.day >= ? group by d.day order by d.day limit ?",
            DB_ARGS(db_int(from), db_int(LOOKED_AT)), &rows, err))
        return false;
    while (*count < LOOKED_AT && db_next(rows, &why)) {
        at[*count] = (struct looked_at){ (int)db_get_int(rows, 0), (uint32_t)db_get_int(rows, 1),
                                         (unsigned)db_get_int(rows, 2) };
        *count += is_working_day(at[*count].day);
    }
    return rows_done(rows, &why, err);
}

/* Leave those for which every channel was imported. */
static unsigned leave_whole(struct looked_at *at, unsigned count, const struct channel *channels, unsigned n)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++) {
        unsigned due = 0;
        for (unsigned c = 0; c < n; c++)
            due += channels[c].first <= at[i].day;
        if (due > 0 && at[i].whole >= due)
            at[kept++] = at[i];
    }
    return kept;
}

static unsigned leave_usual(struct looked_at *at, unsigned count)
{
    uint32_t people[LOOKED_AT];
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++)
        people[i] = at[i].people;
    const uint64_t median10 = judge_median10(people, count);
    for (unsigned i = 0; i < count; i++)
        if ((uint64_t)at[i].people * 1000 >= median10 * SIGNAL_PEOPLE_PERCENT && at[i].people > 0)
            at[kept++] = at[i];
    return kept;
}

static void say_waits(struct signal_days *d, const struct channel *channels, unsigned n, uint64_t now_us)
{
    const unsigned least = JUDGE_BASELINE_LEAST + JUDGE_WINDOW;
    const struct channel *late = NULL;
    char text[DAY_TEXT];

    for (unsigned c = 0; c < n; c++)
        if (late == NULL || channels[c].last < late->last)
            late = &channels[c];
    d->waits[0] = '\0';
    if (n == 0)
        snprintf(d->waits, sizeof d->waits, "no counts of an approved channel were brought in yet");
    else if (d->count < least)
        snprintf(d->waits, sizeof d->waits, "%u of the %u working days that are needed were brought in",
                 d->count, least);
    else if (day_start(d->day[d->count - 1]) + SIGNAL_LATE * a_day_us < (int64_t)now_us)
        snprintf(d->waits, sizeof d->waits, "no counts of %s came since %s", late->name,
                 day_text(late->last, text));
    else if (day_start(d->day[d->count - 1]) - day_start(d->day[d->count - JUDGE_WINDOW]) >
             SIGNAL_WINDOW_SPAN * a_day_us)
        snprintf(d->waits, sizeof d->waits, "too few working days were brought in since %s",
                 day_text(d->day[d->count - JUDGE_WINDOW], text));
}

bool signal_days_load(struct db *db, uint64_t now_us, struct signal_days *out, struct imw_error_info *err)
{
    struct channel channels[CHANNELS];
    struct looked_at at[LOOKED_AT];
    unsigned n, count;

    *out = (struct signal_days){ 0 };
    if (!channels_load(db, channels, &n, err) ||
        !days_load(db, day_of((int64_t)now_us - SIGNAL_LOOK_BACK * a_day_us), at, &count, err))
        return false;
    count = leave_usual(at, leave_whole(at, count, channels, n));
    const unsigned from = count > SIGNAL_DAYS ? count - SIGNAL_DAYS : 0;
    for (unsigned i = from; i < count; i++)
        out->day[out->count++] = at[i].day;
    say_waits(out, channels, n, now_us);
    return true;
}

int signal_days_find(const struct signal_days *d, int64_t day)
{
    for (unsigned low = 0, high = d->count; low < high;) {
        const unsigned middle = (low + high) / 2;
        if (d->day[middle] == day)
            return (int)middle;
        if (d->day[middle] < day)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* ---- peers ---- */

static struct signal_department *department_of(struct signal_peers *p, int64_t id)
{
    for (unsigned i = 0; i < p->count; i++)
        if (p->at[i].id == id)
            return &p->at[i];
    return NULL;
}

static bool department_add(struct signal_peers *p, int64_t id)
{
    struct signal_department *more = realloc(p->at, (p->count + 1) * sizeof *more);

    if (more == NULL)
        return false;
    p->at = more;
    p->at[p->count++] = (struct signal_department){ .id = id };
    return true;
}

bool signal_peers_load(struct db *db, const struct signal_days *d, struct signal_peers *out,
                       struct imw_error_info *err)
{
    struct signal_department everybody = { .id = -1 };
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    bool memory = true;

    *out = (struct signal_peers){ 0 };
    if (!db_query(
            db,
            "select d.department, d.day, max(d.people), sum(d.messages) from approved_department d join "
            "approved_channel c on c.id = d.channel where c.state = 'active' and d.day >= ? and d.day <= ? "
            "group by d.department, d.day order by d.department, d.day",
            DB_ARGS(db_int(d->day[0]), db_int(d->day[d->count - 1])), &rows, err))
        return false;
    while (memory && db_next(rows, &why)) {
        const int i = signal_days_find(d, db_get_int(rows, 1));
        const int64_t id = db_get_int(rows, 0), messages = db_get_int(rows, 3);
        const uint32_t people = (uint32_t)db_get_int(rows, 2);
        if (i < 0)
            continue;
        if ((out->count == 0 || out->at[out->count - 1].id != id) && !(memory = department_add(out, id)))
            break;
        struct signal_department *of = &out->at[out->count - 1];
        of->messages[i] = (uint64_t)messages;
        everybody.messages[i] += (uint64_t)messages;
        of->people = people > of->people ? people : of->people;
    }
    if (!rows_done(rows, &why, err) ||
        !((memory && department_add(out, everybody.id)) || error_memory(err))) {
        signal_peers_free(out);
        return false;
    }
    for (unsigned i = 0; i + 1 < out->count; i++)
        everybody.people += out->at[i].people;
    out->at[out->count - 1] = everybody;
    return true;
}

void signal_peers_free(struct signal_peers *p)
{
    free(p->at);
    *p = (struct signal_peers){ 0 };
}

static uint32_t median_without(const struct signal_department *of, const uint32_t *own, unsigned from,
                               unsigned to)
{
    uint32_t values[SIGNAL_DAYS];

    for (unsigned i = from; i < to; i++) {
        const uint64_t others = of->messages[i] > own[i] ? of->messages[i] - own[i] : 0;
        values[i - from] = others < UINT32_MAX / 10 ? (uint32_t)others : UINT32_MAX / 10;
    }
    return judge_median10(values, to - from);
}

int signal_peers_of(const struct signal_peers *p, const struct signal_days *d, int64_t department,
                    const uint32_t own[SIGNAL_DAYS], bool *out_institution)
{
    const struct signal_department *of =
        department != 0 ? department_of((struct signal_peers *)p, department) : NULL;

    *out_institution = of == NULL || of->people <= JUDGE_PEERS;
    if (*out_institution)
        of = &p->at[p->count - 1];
    if (of->people <= JUDGE_PEERS || d->count <= JUDGE_WINDOW)
        return -1;
    const uint64_t before = median_without(of, own, 0, d->count - JUDGE_WINDOW),
                   now = median_without(of, own, d->count - JUDGE_WINDOW, d->count);
    const uint64_t ratio = before > 0 ? now * 1000 / before : 0;
    return before == 0 ? -1 : ratio > 10000 ? 10000 : (int)ratio;
}
