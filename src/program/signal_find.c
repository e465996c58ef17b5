/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everybody's newest days. The network's sums of the window are read for all at once; only who was active on
 * public IM there is looked at closer, by the index of their counts; and only who then looks silent by that
 * of their own use before. What is found is stored in a transaction of its own behind the reading.
 */
#include "base/text.h"
#include "identify/catalog.h"
#include "program/signal.h"
#include "program/signal_days.h"
#include "store/event_store.h"
#include <stdio.h>
#include <stdlib.h>

enum { PEOPLE_MOST = 4000000, SERVICES_BY = 8 };

/* ---- what is public IM ---- */

static bool is_public(const struct catalog *catalog, struct view slug)
{
    const uint16_t number = catalog_find(catalog, slug);
    const struct catalog_service *s = number != 0 ? catalog_service(catalog, number) : NULL;

    return s != NULL && (s->class == CLASS_IM || s->class == CLASS_SOCIAL || s->class == CLASS_VOICE_CHAT);
}

bool public_im_load(struct db *db, const struct catalog *catalog, struct public_im *out,
                    struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    *out = (struct public_im){ 0 };
    if (!db_query(db,
                  "select id, value from term where kind = 'service' and value not in (select service from "
                  "approved_channel where service is not null and state = 'active') order by id",
                  DB_NONE, &rows, err))
        return false;
    while (out->count < PUBLIC_IM_MOST && db_next(rows, &why))
        if (is_public(catalog, db_get_text(rows, 1)))
            out->service[out->count++] = db_get_int(rows, 0);
    out->padded = out->count;
    while (out->padded == 0 || out->padded % SERVICES_BY != 0)
        out->service[out->padded++] = -1;
    return rows_done(rows, &why, err);
}

void public_im_ask(const struct public_im *p, struct text *sql, struct db_value *args, unsigned *count)
{
    for (unsigned i = 0; i < p->padded; i++) {
        text_string(sql, i == 0 ? "(?" : ",?");
        args[(*count)++] = db_int(p->service[i]);
    }
    text_string(sql, ")");
}

/* ---- reading ---- */

struct person {
    int64_t department, signal; /* signal: that goes on; 0: none */
    uint32_t usual10;           /* of that signal */
    bool active, excepted;
    struct judge_day now[JUDGE_WINDOW]; /* public IM only */
};
struct found {
    int64_t person, signal, department; /* signal 0: to be raised */
    struct judge_finding finding;
    int peers;
    bool institution, excepted, over;
};
struct search {
    struct db *db;
    struct public_im public;
    struct signal_days days;
    struct signal_peers peers;
    struct person *people; /* by id */
    int64_t highest;
    struct found *found;
    size_t count, size;
    uint64_t judged;
    bool public_known;
    int64_t import;
};

static struct person *person_at(struct search *s, int64_t id)
{
    return id > 0 && id <= s->highest ? &s->people[id] : NULL;
}

static int first_now(const struct search *s)
{
    return s->days.day[s->days.count - JUDGE_WINDOW];
}

static int last_day(const struct search *s)
{
    return s->days.day[s->days.count - 1];
}

static bool people_load(struct search *s, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct person *p;
    struct db_rows *rows;

    if (!db_query_int(s->db, "select coalesce(max(id), 0) from person", DB_NONE, &s->highest, NULL, err))
        return false;
    if (s->highest > PEOPLE_MOST)
        return error_set(err, IMW_ERROR_LIMIT, "more than %d people", PEOPLE_MOST);
    s->people = calloc((size_t)s->highest + 1, sizeof *s->people);
    if (s->people == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for people");
    if (!db_query(s->db, "select id, department from person where state = 'active'", DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((p = person_at(s, db_get_int(rows, 0))) != NULL) {
            p->active = true;
            p->department = db_get_int(rows, 1);
        }
    if (!rows_done(rows, &why, err) ||
        !db_query(s->db, "select person, id, usual from signal where going_on = 1", DB_NONE, &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((p = person_at(s, db_get_int(rows, 0))) != NULL) {
            p->signal = db_get_int(rows, 1);
            p->usual10 = (uint32_t)db_get_int(rows, 2);
        }
    return rows_done(rows, &why, err);
}

/* Who may use public IM in the window, by an exception for them or for their department. */
static bool exceptions_load(struct search *s, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    const int64_t from = day_start(first_now(s)), to = day_start(last_day(s)) + INT64_C(86400000000);

    if (!db_query(
            s->db,
            "select p.id from exception e join person p on p.id = e.person or p.department = e.department where "
            "e.state in ('granted', 'expired', 'ended') and e.from_us < ? and coalesce(e.ended_us, e.until_us) "
            "> ?",
            DB_ARGS(db_int(to), db_int(from)), &rows, err))
        return false;
    while (db_next(rows, &why)) {
        struct person *p = person_at(s, db_get_int(rows, 0));
        if (p != NULL)
            p->excepted = true;
    }
    return rows_done(rows, &why, err);
}

static void day_add(struct judge_day *d, const struct db_rows *rows, unsigned from)
{
    const int64_t flows = db_get_int(rows, from + 1), stopped = db_get_int(rows, from + 2);

    d->messages = (uint32_t)db_get_int(rows, from);
    d->flows = (uint32_t)(flows > stopped ? flows - stopped : 0);
    d->stopped = (uint32_t)stopped;
    d->bytes_out = (uint64_t)db_get_int(rows, from + 3);
}

#define PUBLIC_SUMS "sum(u.messages), sum(u.flows), sum(u.stopped), sum(u.bytes_out)"

/* What everybody did on public IM on one day of the window. */
static bool public_day(struct search *s, unsigned day, struct imw_error_info *err)
{
    struct db_value args[PUBLIC_IM_MOST + 8];
    struct imw_error_info why = { 0 };
    char sql[2000];
    struct text t = TEXT(sql);
    struct db_rows *rows;
    unsigned n = 0;

    text_string(&t,
                "select w.person, " PUBLIC_SUMS
                " from usage_who u join who w on w.id = u.who where w.person is not null and u.day = ? and "
                "u.service in ");
    args[n++] = db_int(s->days.day[s->days.count - JUDGE_WINDOW + day]);
    public_im_ask(&s->public, &t, args, &n);
    text_string(&t, " group by w.person");
    if (!db_query(s->db, sql, args, n, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        struct person *p = person_at(s, db_get_int(rows, 0));
        if (p != NULL)
            day_add(&p->now[day], rows, 1);
    }
    return rows_done(rows, &why, err);
}

/* Was the network seen in most of the days before? */
static bool public_known(struct search *s, struct imw_error_info *err)
{
    int64_t seen = 0;

    if (!db_query_int(s->db, "select count(distinct day) from usage_service_day where day >= ? and day < ?",
                      DB_ARGS(db_int(s->days.day[0]), db_int(first_now(s))), &seen, NULL, err))
        return false;
    s->public_known = seen * 4 >= (int64_t)(s->days.count - JUDGE_WINDOW) * 3;
    return true;
}

static bool approved_load(struct search *s, int64_t person, uint32_t own[SIGNAL_DAYS],
                          struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;

    memset(own, 0, SIGNAL_DAYS * sizeof *own);
    if (!db_query(
            s->db,
            "select day, sum(messages) from approved_count where person = ? and day >= ? and day <= ? and "
            "channel in (select id from approved_channel where state = 'active') group by day",
            DB_ARGS(db_int(person), db_int(s->days.day[0]), db_int(last_day(s))), &rows, err))
        return false;
    while (db_next(rows, &why)) {
        const int i = signal_days_find(&s->days, db_get_int(rows, 0));
        if (i >= 0)
            own[i] = (uint32_t)db_get_int(rows, 1);
    }
    return rows_done(rows, &why, err);
}

static bool before_load(struct search *s, int64_t person, struct judge_case *c, struct imw_error_info *err)
{
    struct db_value args[PUBLIC_IM_MOST + 8];
    struct imw_error_info why = { 0 };
    char sql[2000];
    struct text t = TEXT(sql);
    struct db_rows *rows;
    unsigned n = 0;

    text_string(&t,
                "select u.day, " PUBLIC_SUMS
                " from usage_who u where u.who in (select id from who where person = ?) and u.day >= ? and "
                "u.day < ? and u.service in ");
    args[n++] = db_int(person);
    args[n++] = db_int(s->days.day[0]);
    args[n++] = db_int(first_now(s));
    public_im_ask(&s->public, &t, args, &n);
    text_string(&t, " group by u.day");
    if (!db_query(s->db, sql, args, n, &rows, err))
        return false;
    while (db_next(rows, &why)) {
        const int i = signal_days_find(&s->days, db_get_int(rows, 0));
        if (i >= 0 && (unsigned)i < c->before_count)
            day_add(&c->before[i], rows, 1);
    }
    return rows_done(rows, &why, err);
}

static bool found_add(struct search *s, const struct found *f, struct imw_error_info *err)
{
    if (s->count == s->size) {
        const size_t size = s->size > 0 ? s->size * 2 : 64;
        struct found *more = realloc(s->found, size * sizeof *more);
        if (more == NULL)
            return error_set(err, IMW_ERROR_MEMORY, "no memory for signals");
        s->found = more;
        s->size = size;
    }
    s->found[s->count++] = *f;
    return true;
}

static bool person_judge(struct search *s, int64_t id, const struct person *p, struct imw_error_info *err)
{
    const unsigned before = s->days.count - JUDGE_WINDOW;
    struct judge_case c = { .before_count = before, .now_count = JUDGE_WINDOW, .excepted = p->excepted };
    struct found f = {
        .person = id, .signal = p->signal, .department = p->department, .excepted = p->excepted
    };
    uint32_t own[SIGNAL_DAYS];

    memcpy(c.now, p->now, sizeof c.now);
    if (!approved_load(s, id, own, err))
        return false;
    for (unsigned i = 0; i < before; i++)
        c.before[i].approved = own[i];
    for (unsigned i = 0; i < JUDGE_WINDOW; i++)
        c.now[i].approved = own[before + i];
    c.peers = signal_peers_of(&s->peers, &s->days, p->department, own, &f.institution);
    f.peers = c.peers;
    s->judged++;
    if (p->signal != 0) {
        f.over = !p->active || !signal_goes_on(p->usual10, &c, &f.finding);
        return found_add(s, &f, err);
    }
    signal_judge(&c, &f.finding);
    if (f.finding.verdict != JUDGE_SIGNAL)
        return true;
    /* Silent, and active: what was it like before? */
    c.public_known = s->public_known;
    if (!before_load(s, id, &c, err))
        return false;
    signal_judge(&c, &f.finding);
    return f.finding.verdict != JUDGE_SIGNAL || found_add(s, &f, err);
}

static unsigned days_of_use(const struct person *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < JUDGE_WINDOW; i++)
        n += p->now[i].messages > 0 || p->now[i].flows > 0;
    return n;
}

static bool search_all(struct search *s, struct imw_error_info *err)
{
    if (!people_load(s, err) || !exceptions_load(s, err) || !public_known(s, err) ||
        !signal_peers_load(s->db, &s->days, &s->peers, err))
        return false;
    for (unsigned i = 0; i < JUDGE_WINDOW; i++)
        if (!public_day(s, i, err))
            return false;
    for (int64_t id = 1; id <= s->highest; id++) {
        const struct person *p = &s->people[id];
        if ((p->signal != 0 || (p->active && days_of_use(p) >= JUDGE_ACTIVE_DAYS)) &&
            !person_judge(s, id, p, err))
            return false;
    }
    return true;
}

/* ---- storing ---- */

static const struct actor the_system = { .name = "system" };

static bool step_add(struct act *a, int64_t signal, const char *step, const char *why,
                     struct imw_error_info *err)
{
    return db_run(a->db, "insert into signal_step (signal, time_us, step, why) values (?, ?, ?, ?)",
                  DB_ARGS(db_int(signal), db_int((int64_t)a->now_us), db_text(step), db_text(why)), NULL,
                  err);
}

static bool signal_raise(struct act *a, const struct search *s, const struct found *f,
                         struct imw_error_info *err)
{
    const struct judge_finding *j = &f->finding;
    int64_t id = 0;

    return db_insert(
               a->db,
               "insert into signal (person, department, level, state, going_on, first_day, last_day, "
               "baseline_days, usual, window_days, seen, expected, active_days, messages, flows, stopped, "
               "public_usual, peers, peers_institution, excepted, created_us, changed_us) values (?, ?, ?, "
               "'open', 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id",
               DB_ARGS(db_int(f->person), f->department != 0 ? db_int(f->department) : db_null(),
                       db_int(j->level), db_int(first_now(s)), db_int(last_day(s)),
                       db_int(s->days.count - JUDGE_WINDOW), db_int(j->usual10), db_int(JUDGE_WINDOW),
                       db_int(j->seen), db_int(j->expected), db_int(j->active_days), db_int(j->messages),
                       db_int(j->flows), db_int(j->stopped), db_int(j->public_usual10), db_int(f->peers),
                       db_int(f->institution), db_int(f->excepted), db_int((int64_t)a->now_us),
                       db_int((int64_t)a->now_us)),
               &id, err) &&
           step_add(a, id, "raised", "", err) &&
           act_record(a, "signal.raise", "signal", id,
                      json_pack("{s:I,s:I}", "level", (json_int_t)j->level, "day", (json_int_t)last_day(s)),
                      err);
}

static const char *over_words(const struct found *f)
{
    return f->finding.verdict == JUDGE_NOT_SILENT   ? "writes on the approved channel again"
           : f->finding.verdict == JUDGE_NOT_ACTIVE ? "uses public IM no more"
                                                    : "left the institution";
}

static bool signal_renew(struct act *a, const struct search *s, const struct found *f,
                         struct imw_error_info *err)
{
    const struct judge_finding *j = &f->finding;

    if (f->over)
        return db_run(a->db, "update signal set going_on = 0, ended_us = ?, changed_us = ? where id = ?",
                      DB_ARGS(db_int((int64_t)a->now_us), db_int((int64_t)a->now_us), db_int(f->signal)),
                      NULL, err) &&
               step_add(a, f->signal, "ended", over_words(f), err) &&
               act_record(a, "signal.end", "signal", f->signal, json_pack("{s:s}", "why", over_words(f)),
                          err);
    return db_run(
        a->db,
        "update signal set last_day = ?, seen = ?, expected = ?, active_days = ?, messages = ?, flows = ?, "
        "stopped = ?, peers = ?, peers_institution = ?, excepted = ? where id = ?",
        DB_ARGS(db_int(last_day(s)), db_int(j->seen), db_int(j->expected), db_int(j->active_days),
                db_int(j->messages), db_int(j->flows), db_int(j->stopped), db_int(f->peers),
                db_int(f->institution), db_int(f->excepted), db_int(f->signal)),
        NULL, err);
}

static bool store(struct act *a, const struct search *s, struct signals_found *out,
                  struct imw_error_info *err)
{
    const bool waits = s->days.waits[0] != '\0';

    for (size_t i = 0; i < s->count; i++) {
        const struct found *f = &s->found[i];
        if (!(f->signal != 0 ? signal_renew(a, s, f, err) : signal_raise(a, s, f, err)))
            return false;
        out->raised += f->signal == 0;
        out->ended += f->signal != 0 && f->over;
    }
    return db_run(
        a->db,
        "insert into signal_run (time_us, day, import, people, judged, raised, ended, waits) values (?, ?, "
        "?, ?, ?, ?, ?, ?)",
        DB_ARGS(db_int((int64_t)a->now_us), waits ? db_null() : db_int(last_day(s)), db_int(s->import),
                db_int((int64_t)out->people), db_int((int64_t)s->judged), db_int((int64_t)out->raised),
                db_int((int64_t)out->ended), waits ? db_text(s->days.waits) : db_null()),
        NULL, err);
}

/* ---- when ---- */

/* Nothing came, nothing changed, and it was done today? */
static bool is_due(struct search *s, uint64_t now_us, bool *out, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    int64_t changed_us = 0, channels = 0, last_import = 0, last_us = 0;
    struct db_rows *rows;

    if (!db_query_int(s->db, "select coalesce(max(id), 0) from approved_import", DB_NONE, &s->import, NULL,
                      err) ||
        !db_query_int(s->db, "select coalesce(max(changed_us), 0) from approved_channel", DB_NONE,
                      &changed_us, NULL, err) ||
        !db_query_int(s->db, "select count(*) from approved_channel", DB_NONE, &channels, NULL, err) ||
        !db_query(s->db, "select import, time_us from signal_run order by id desc limit 1", DB_NONE, &rows,
                  err))
        return false;
    if (db_next(rows, &why)) {
        last_import = db_get_int(rows, 0);
        last_us = db_get_int(rows, 1);
    }
    *out = channels > 0 &&
           (s->import != last_import || changed_us > last_us || day_of(last_us) != day_of((int64_t)now_us));
    return rows_done(rows, &why, err);
}

static bool people_with_habit(struct search *s, uint64_t *out, struct imw_error_info *err)
{
    int64_t people = 0;

    if (!db_query_int(s->db, "select count(distinct person) from approved_count where day >= ? and day <= ?",
                      DB_ARGS(db_int(first_now(s)), db_int(last_day(s))), &people, NULL, err))
        return false;
    *out = (uint64_t)people;
    return true;
}

static bool find(struct search *s, const struct catalog *catalog, uint64_t now_us, struct signals_found *out,
                 struct imw_error_info *err)
{
    struct act a = { .db = s->db, .actor = &the_system, .now_us = now_us };

    if (!db_begin(s->db, false, err))
        return false;
    if (!is_due(s, now_us, &out->judged, err))
        return false;
    if (out->judged) {
        if (!signal_days_load(s->db, now_us, &s->days, err))
            return false;
        snprintf(out->waits, sizeof out->waits, "%s", s->days.waits);
        if (out->waits[0] == '\0' && (!public_im_load(s->db, catalog, &s->public, err) ||
                                      !people_with_habit(s, &out->people, err) || !search_all(s, err)))
            return false;
    }
    db_rollback(s->db);
    return !out->judged || (db_begin(s->db, true, err) && store(&a, s, out, err) && db_commit(s->db, err));
}

bool signals_find(struct db *db, const struct catalog *catalog, uint64_t now_us, struct signals_found *out,
                  struct imw_error_info *err)
{
    struct search *s = calloc(1, sizeof *s);

    *out = (struct signals_found){ 0 };
    if (s == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for signals");
    s->db = db;
    bool ok = find(s, catalog, now_us, out, err);
    if (!ok)
        db_rollback(db);
    signal_peers_free(&s->peers);
    free(s->people);
    free(s->found);
    free(s);
    return ok;
}
