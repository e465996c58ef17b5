/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as the console shows them: signal.h. What is not allowed by name is a pseudonym. */
#include "identify/catalog.h"
#include "program/approved.h"
#include "program/shape_list.h"
#include "program/signal.h"
#include "program/signal_days.h"
#include "program/who_label.h"
#include "store/event_store.h"
#include <stdio.h>

enum { DAYS_SHOWN = 90, WEEKS_USUAL = 26, WEEKS_MOST = 104, LIST_ARGS = 32 };
static const int64_t a_day_us = INT64_C(86400000000);

/* ---- rows ---- */

#define COLUMNS                                                                                               \
    "select s.id, s.level, s.state, s.going_on, s.person, p.pseudonym, p.name, d.name, s.first_day, "         \
    "s.last_day, s.usual, s.expected, s.seen, s.window_days, s.active_days, s.messages, s.flows, s.stopped, " \
    "s.excepted, s.created_us, s.changed_us, s.ended_us, s.baseline_days, s.public_usual, s.peers, "          \
    "s.peers_institution, s.incident, i.title, s.department from signal s join person p on p.id = s.person "  \
    "left join department d on d.id = s.department left join incident i on i.id = s.incident "
enum column {
    ID,
    LEVEL,
    STATE,
    GOING_ON,
    PERSON,
    PSEUDONYM,
    NAME,
    DEPARTMENT,
    FIRST,
    LAST,
    USUAL,
    EXPECTED,
    SEEN,
    WINDOW,
    ACTIVE,
    MESSAGES,
    FLOWS,
    STOPPED,
    EXCEPTED,
    CREATED,
    CHANGED,
    ENDED,
    BASELINE,
    PUBLIC_USUAL,
    PEERS,
    INSTITUTION,
    INCIDENT,
    INCIDENT_TITLE,
    DEPARTMENT_ID
};

struct sight {
    struct act *act;
    struct viewer viewer;
};

static int64_t rounded(int64_t tenths)
{
    return (tenths + 5) / 10;
}

static json_t *signal_row(const struct db_rows *rows, void *context)
{
    const struct sight *s = context;
    const int64_t person = db_get_int(rows, PERSON);
    const bool named = reveal_set_has(s->viewer.reveals, person, 0);
    json_t *row = json_pack("{s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:I}", "id", shape_int(rows, ID),
                            "level", shape_int(rows, LEVEL), "state", shape_text(rows, STATE), "going_on",
                            db_get_int(rows, GOING_ON) != 0, "person", shape_int(rows, PERSON), "label",
                            shape_text(rows, named ? NAME : PSEUDONYM), "pseudonym",
                            shape_text(rows, PSEUDONYM), "department", shape_text(rows, DEPARTMENT), "first",
                            day_json(db_get_int(rows, FIRST)), "last", day_json(db_get_int(rows, LAST)),
                            "usual", (json_int_t)rounded(db_get_int(rows, USUAL)));
    json_t *more = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:b,s:o,s:o,s:o}", "expected",
                             shape_int(rows, EXPECTED), "seen", shape_int(rows, SEEN), "window_days",
                             shape_int(rows, WINDOW), "active_days", shape_int(rows, ACTIVE), "messages",
                             shape_int(rows, MESSAGES), "flows", shape_int(rows, FLOWS), "stopped",
                             shape_int(rows, STOPPED), "excepted", db_get_int(rows, EXCEPTED) != 0, "own",
                             person == s->act->actor->person, "created", shape_time_of(rows, CREATED),
                             "changed", shape_time_of(rows, CHANGED), "ended", shape_time_of(rows, ENDED));

    if (row == NULL || more == NULL || json_object_update(row, more) != 0) {
        json_decref(row);
        row = NULL;
    }
    json_decref(more);
    return row;
}

/* ---- the list ---- */

static const char *const state_words[] = { "open", "looked", "dismissed", "incident", NULL };
static const char *const level_words[] = { "1", "2", "3", NULL };

/* "and COLUMN in (…)" of words with commas between; each must be one of `words`. */
static bool ask_words(struct act *a, const char *key, const char *column, const char *list,
                      const char *const words[], struct text *sql, struct db_value *args, unsigned *n,
                      struct imw_error_info *err)
{
    struct view rest = view_string(list);
    bool first = true;

    if (list == NULL || rest.len == 0)
        return true;
    while (rest.len > 0) {
        const struct view word = view_token(&rest, ',');
        unsigned i = 0;
        while (words[i] != NULL && !view_equal(word, view_string(words[i])))
            i++;
        if (words[i] == NULL || *n + 8 >= LIST_ARGS)
            return act_no(a, err, ACT_WRONG, key, "there is no such %s", key);
        text_format(sql, first ? " and %s in (?" : ",?", column);
        args[(*n)++] = words == level_words ? db_int(i + 1) : db_text(words[i]);
        first = false;
    }
    text_string(sql, ")");
    return true;
}

static bool list_ask(struct act *a, const struct signal_filter *f, struct text *sql, struct db_value *args,
                     unsigned *n, char like[32], struct imw_error_info *err)
{
    if (!ask_words(a, "state", "s.state", f->states, state_words, sql, args, n, err) ||
        !ask_words(a, "level", "s.level", f->levels, level_words, sql, args, n, err))
        return false;
    if (f->department != 0) {
        text_string(sql, " and s.department = ?");
        args[(*n)++] = db_int(f->department);
    }
    if (f->going_on)
        text_string(sql, " and s.going_on = 1");
    if (f->text != NULL && f->text[0] != '\0') {
        struct text t = text_over(like, 32);
        for (size_t i = 0; f->text[i] != '\0' && i < 16; i++)
            if (f->text[i] != '%' && f->text[i] != '_')
                text_char(&t, f->text[i] >= 'a' && f->text[i] <= 'z' ? (char)(f->text[i] - 32) : f->text[i]);
        text_char(&t, '%');
        text_string(sql, " and p.pseudonym like ?");
        args[(*n)++] = db_text(like);
    }
    if (f->before != 0) {
        text_string(sql, " and s.id < ?");
        args[(*n)++] = db_int(f->before);
    }
    return true;
}

bool signal_list(struct act *a, const struct signal_filter *f, json_t **out, struct imw_error_info *err)
{
    const unsigned limit = f->limit > 0 && f->limit < SIGNAL_PAGE ? f->limit : SIGNAL_PAGE;
    json_t *list = NULL, *summary = NULL, *cursor = json_null();
    struct sight s = { .act = a };
    struct db_value args[LIST_ARGS];
    char sql[3000], like[32];
    struct text t = TEXT(sql);
    unsigned n = 0;

    text_string(&t, COLUMNS "where 1 = 1");
    if (!list_ask(a, f, &t, args, &n, like, err) || !viewer_begin(a->db, a->actor, a->now_us, &s.viewer, err))
        return false;
    text_string(&t, " order by s.id desc limit ?");
    args[n++] = db_int(limit + 1);
    bool ok = shape_list(a->db, sql, args, n, signal_row, &s, &list, err) && signal_summary(a, &summary, err);
    viewer_end(&s.viewer);
    if (ok && json_array_size(list) > limit) {
        (void)json_array_remove(list, limit);
        cursor = json_sprintf(
            "%lld", (long long)json_integer_value(json_object_get(json_array_get(list, limit - 1), "id")));
    }
    if (ok)
        *out = json_pack("{s:O,s:O,s:O}", "signals", list, "cursor", cursor, "summary", summary);
    json_decref(list);
    json_decref(summary);
    json_decref(cursor);
    return ok && (*out != NULL || error_memory(err));
}

/* ---- the summary ---- */

static json_t *judged_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o}", "day", day_json(db_get_int(rows, 0)), "time", shape_time_of(rows, 1),
                     "people", shape_int(rows, 2));
}

static json_t *waits_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return shape_text(rows, 0);
}

static json_t *counts_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "open", shape_int(rows, 0), "looked", shape_int(rows, 1),
                     "strong", shape_int(rows, 2), "medium", shape_int(rows, 3), "weak", shape_int(rows, 4),
                     "oldest", shape_time_of(rows, 5));
}

bool signal_summary(struct act *a, json_t **out, struct imw_error_info *err)
{
    json_t *judged = NULL, *waits = NULL;

    *out = NULL;
    if (!shape_one(
            a->db,
            "select coalesce(sum(case when state = 'open' then 1 else 0 end), 0), coalesce(sum(case when state "
            "= 'looked' then 1 else 0 end), 0), coalesce(sum(case when state = 'open' and level = 1 then 1 else "
            "0 end), 0), coalesce(sum(case when state = 'open' and level = 2 then 1 else 0 end), 0), "
            "coalesce(sum(case when state = 'open' and level = 3 then 1 else 0 end), 0), min(case when state = "
            "'open' then created_us end) from signal where state in ('open', 'looked')",
            DB_NONE, counts_row, NULL, out, err))
        return false;
    const bool ok =
        shape_one(a->db,
                  "select day, time_us, people from signal_run where waits is null order by id desc limit 1",
                  DB_NONE, judged_row, NULL, &judged, err) &&
        shape_one(a->db, "select waits from signal_run order by id desc limit 1", DB_NONE, waits_row, NULL,
                  &waits, err);
    if (!ok) {
        json_decref(judged);
        json_decref(waits);
        json_decref(*out);
        *out = NULL;
        return false;
    }
    (void)json_object_set_new(*out, "judged", judged != NULL ? judged : json_null());
    (void)json_object_set_new(*out, "waits", waits != NULL ? waits : json_null());
    return true;
}

/* ---- one, with its reasons ---- */

static void say(json_t *list, const char *format, ...) IMW_PRINTF(2, 3);
static void say(json_t *list, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)json_array_append_new(list, json_pack("s", text));
}

/* "12" of 123 tenths, "2.5" of 25: halves are told of small numbers. */
static const char *tenths(int64_t n, char out[24])
{
    if (n % 10 == 0 || n >= 200)
        snprintf(out, 24, "%lld", (long long)rounded(n));
    else
        snprintf(out, 24, "%lld.%lld", (long long)(n / 10), (long long)(n % 10));
    return out;
}

static json_t *reasons_of(const struct db_rows *rows)
{
    const int64_t peers = db_get_int(rows, PEERS), public_usual = db_get_int(rows, PUBLIC_USUAL),
                  window = db_get_int(rows, WINDOW), flows = db_get_int(rows, FLOWS),
                  messages = db_get_int(rows, MESSAGES), stopped = db_get_int(rows, STOPPED);
    json_t *list = json_pack("[]");
    char usual[24], public[24];

    say(list,
        "On a usual working day (the median of %lld before) they sent %s messages on the approved channels.",
        (long long)db_get_int(rows, BASELINE), tenths(db_get_int(rows, USUAL), usual));
    say(list, "On the newest %lld working days they sent %lld in all; about %lld were to be expected.",
        (long long)window, (long long)db_get_int(rows, SEEN), (long long)db_get_int(rows, EXPECTED));
    if (peers >= 0)
        say(list, "The others %s wrote %lld %% of what they usually do, so it is no holiday and no outage.",
            db_get_int(rows, INSTITUTION) != 0 ? "of the institution" : "of the department",
            (long long)(peers + 5) / 10);
    else
        say(list, "There are too few others to compare with: it could be a holiday or an outage.");
    say(list,
        "On %lld of these days they were active on public IM: %lld connections that were let through%s.",
        (long long)db_get_int(rows, ACTIVE), (long long)flows,
        messages > 0 ? "" : "; what was said in them the network cannot see");
    if (messages > 0)
        say(list, "%lld messages of theirs were seen there.", (long long)messages);
    if (public_usual == 0)
        say(list, "They hardly used public IM on the days before.");
    else if (public_usual > 0)
        say(list, "On a usual day before they made %s connection%s there.", tenths(public_usual, public),
            public_usual == 10 ? "" : "s");
    else
        say(list, "How they used public IM before is not known: the network was not seen then.");
    if (stopped > 0)
        say(list, "%lld more tries were stopped by the policy; they do not count as use.",
            (long long)stopped);
    if (db_get_int(rows, EXCEPTED) != 0)
        say(list,
            "An exception lets them use public IM, so the signal is a weak one: look whether what was said is "
            "archived.");
    return list;
}

static json_t *limits(void)
{
    static const char *const words[] = {
        "A signal is a reason to ask, not a proof: it says nothing of what was written, or why.",
        "The content of encrypted services is not seen; programs that run in the background connect, too.",
        "Private phones outside of the institution's network are not seen at all.",
        "Where several people share an address, use may be somebody else's.",
        "Counts of the approved channels are as good as what was brought in; calls and talks in person are in none.",
    };
    json_t *list = json_pack("[]");

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        (void)json_array_append_new(list, json_pack("s", words[i]));
    return list;
}

static json_t *detail_row(const struct db_rows *rows, void *context)
{
    const struct sight *s = context;
    const bool own = db_get_int(rows, PERSON) == s->act->actor->person,
               taken = view_equal(db_get_text(rows, STATE), VIEW("incident")),
               writes = !s->act->actor->token && actor_may(s->act->actor, PERMISSION_SIGNAL_WRITE);
    json_t *row = signal_row(rows, context);
    json_t *more =
        json_pack("{s:o,s:o,s:s,s:I,s:o,s:o,s:{s:b,s:b},s:o}", "reasons", reasons_of(rows), "limits",
                  limits(), "peers_of", db_get_int(rows, INSTITUTION) != 0 ? "institution" : "department",
                  "peers_percent", (json_int_t)((db_get_int(rows, PEERS) + 5) / 10), "baseline_days",
                  shape_int(rows, BASELINE), "incident",
                  db_is_null(rows, INCIDENT) ? json_null()
                                             : json_pack("{s:o,s:o}", "id", shape_int(rows, INCIDENT),
                                                         "title", shape_text(rows, INCIDENT_TITLE)),
                  "may", "decide", writes && !own && !taken, "incident", writes && !own && !taken,
                  "department_id", shape_int(rows, DEPARTMENT_ID));

    if (row == NULL || more == NULL || json_object_update(row, more) != 0) {
        json_decref(row);
        row = NULL;
    }
    json_decref(more);
    return row;
}

static json_t *step_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o}", "time", shape_time_of(rows, 0), "by", shape_text(rows, 1), "step",
                     shape_text(rows, 2), "why", shape_text(rows, 3));
}

static json_t *exception_row(const struct db_rows *rows, void *context)
{
    (void)context;
    return json_pack("{s:o,s:o,s:o,s:o}", "id", shape_int(rows, 0), "what", shape_text(rows, 1), "from",
                     shape_time_of(rows, 2), "until", shape_time_of(rows, 3));
}

static json_t *service_row(const struct db_rows *rows, void *context)
{
    const struct catalog *catalog = context;
    const struct catalog_service *s = catalog_service(catalog, catalog_find(catalog, db_get_text(rows, 0)));

    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "service", shape_text(rows, 0), "name",
                     s != NULL ? json_pack("s", s->name) : shape_text(rows, 0), "flows", shape_int(rows, 1),
                     "messages", shape_int(rows, 2), "stopped", shape_int(rows, 3));
}

struct day {
    int number;
    int64_t approved, peers, flows, messages, stopped; /* -1: not known */
};
struct days {
    struct day at[DAYS_SHOWN + 8];
    unsigned count;
};

static struct day *day_at(struct days *d, int64_t number)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->at[i].number == number)
            return &d->at[i];
    return NULL;
}

static json_t *days_json(const struct days *d)
{
    json_t *list = json_pack("[]");

    for (unsigned i = 0; i < d->count; i++) {
        const struct day *x = &d->at[i];
        (void)json_array_append_new(
            list,
            json_pack("{s:o,s:o,s:o,s:I,s:I,s:I}", "day", day_json(x->number), "approved",
                      x->approved < 0 ? json_null() : json_integer(x->approved), "peers",
                      x->peers < 0 ? json_null() : json_integer(x->peers), "flows", (json_int_t)x->flows,
                      "messages", (json_int_t)x->messages, "stopped", (json_int_t)x->stopped));
    }
    return list;
}

/* What was imported, for them and for those of the department (0: everybody). */
static bool approved_days(struct act *a, struct days *d, int64_t person, int64_t department,
                          struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct day *x;
    const struct db_value from = db_int(d->at[0].number), to = db_int(d->at[d->count - 1].number);

    if (!db_query(
            a->db,
            "select k.day, sum(k.messages), sum(k.people) from (select day, department, sum(messages) as messages, "
            "max(people) as people from approved_department where day >= ? and day <= ? and (department = ? or "
            "? = 0) group by day, department) k group by k.day",
            DB_ARGS(from, to, db_int(department), db_int(department)), &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((x = day_at(d, db_get_int(rows, 0))) != NULL) {
            x->approved = 0;
            x->peers = db_get_int(rows, 2) > 0 ? db_get_int(rows, 1) / db_get_int(rows, 2) : 0;
        }
    if (!rows_done(rows, &why, err) ||
        !db_query(
            a->db,
            "select day, sum(messages) from approved_count where person = ? and day >= ? and day <= ? group by "
            "day",
            DB_ARGS(db_int(person), from, to), &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((x = day_at(d, db_get_int(rows, 0))) != NULL)
            x->approved = db_get_int(rows, 1);
    return rows_done(rows, &why, err);
}

#define OF_PERSON                                                                                             \
    " from usage_who u join term t on t.id = u.service where u.who in (select id from who where person = ?) " \
    "and u.day >= ? and u.day <= ? and u.service in "
#define PASSED "sum(u.flows) - sum(u.stopped), sum(u.messages), sum(u.stopped)"

static bool public_days(struct act *a, const struct public_im *p, struct days *d, int64_t person,
                        struct imw_error_info *err)
{
    struct db_value args[PUBLIC_IM_MOST + 8];
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    char sql[2000];
    struct text t = TEXT(sql);
    struct day *x;
    unsigned n = 0;

    text_string(&t, "select u.day, " PASSED OF_PERSON);
    args[n++] = db_int(person);
    args[n++] = db_int(d->at[0].number);
    args[n++] = db_int(d->at[d->count - 1].number);
    public_im_ask(p, &t, args, &n);
    text_string(&t, " group by u.day");
    if (!db_query(a->db, sql, args, n, &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((x = day_at(d, db_get_int(rows, 0))) != NULL) {
            x->flows = db_get_int(rows, 1) > 0 ? db_get_int(rows, 1) : 0;
            x->messages = db_get_int(rows, 2);
            x->stopped = db_get_int(rows, 3);
        }
    return rows_done(rows, &why, err);
}

static bool services_json(struct act *a, const struct catalog *catalog, const struct public_im *p,
                          int64_t person, int64_t first, int64_t last, json_t **out,
                          struct imw_error_info *err)
{
    struct db_value args[PUBLIC_IM_MOST + 8];
    char sql[2000];
    struct text t = TEXT(sql);
    unsigned n = 0;

    text_string(&t, "select t.value, " PASSED OF_PERSON);
    args[n++] = db_int(person);
    args[n++] = db_int(first);
    args[n++] = db_int(last);
    public_im_ask(p, &t, args, &n);
    text_string(&t, " group by t.value order by 2 desc, 1");
    return shape_list(a->db, sql, args, n, service_row, (void *)(uintptr_t)catalog, out, err);
}

/* The days around it: its baseline before, and at most two weeks behind. */
static void days_begin(struct days *d, int first, int last)
{
    const int64_t from = day_start(first) - 63 * a_day_us;
    int64_t to = day_start(last) + 14 * a_day_us;

    if (to - from >= DAYS_SHOWN * a_day_us)
        to = from + (DAYS_SHOWN - 1) * a_day_us;
    d->count = 0;
    for (int64_t at = from; at <= to; at += a_day_us)
        d->at[d->count++] = (struct day){ .number = day_of(at), .approved = -1, .peers = -1 };
}

static int day_number(const json_t *row, const char *key)
{
    return approved_day(view_string(json_string_value(json_object_get(row, key))));
}

static bool add_days(struct act *a, const struct catalog *catalog, json_t *row, struct imw_error_info *err)
{
    const int64_t person = json_integer_value(json_object_get(row, "person")),
                  department = json_integer_value(json_object_get(row, "department_id"));
    const bool everybody = strcmp(json_string_value(json_object_get(row, "peers_of")), "institution") == 0;
    const int first = day_number(row, "first"), last = day_number(row, "last");
    struct public_im public;
    struct days d;
    json_t *services = NULL;

    days_begin(&d, first, last);
    if (!public_im_load(a->db, catalog, &public, err) ||
        !approved_days(a, &d, person, everybody ? 0 : department, err) ||
        !public_days(a, &public, &d, person, err) ||
        !services_json(a, catalog, &public, person, first, last, &services, err))
        return false;
    while (d.count > 0 && day_start(d.at[d.count - 1].number) > (int64_t)a->now_us)
        d.count--;
    (void)json_object_set_new(row, "days", days_json(&d));
    (void)json_object_set_new(row, "services", services);
    return true;
}

static bool add_history(struct act *a, json_t *row, int64_t id, struct imw_error_info *err)
{
    const int64_t person = json_integer_value(json_object_get(row, "person")),
                  from = day_start(day_number(row, "first")),
                  to = day_start(day_number(row, "last")) + a_day_us;
    json_t *steps = NULL, *exceptions = NULL;

    if (!shape_list(
            a->db,
            "select s.time_us, x.name, s.step, s.why from signal_step s left join account x on x.id = s.account "
            "where s.signal = ? order by s.id",
            DB_ARGS(db_int(id)), step_row, NULL, &steps, err))
        return false;
    (void)json_object_set_new(row, "steps", steps);
    if (!shape_list(
            a->db,
            "select e.id, coalesce(e.service, e.class), e.from_us, coalesce(e.ended_us, e.until_us) from "
            "exception e where (e.person = ? or e.department = (select department from person where id = ?)) "
            "and e.state in ('granted', 'expired', 'ended') and e.from_us < ? and coalesce(e.ended_us, "
            "e.until_us) > ? order by e.id limit 50",
            DB_ARGS(db_int(person), db_int(person), db_int(to), db_int(from)), exception_row, NULL,
            &exceptions, err))
        return false;
    (void)json_object_set_new(row, "exceptions", exceptions);
    return true;
}

bool signal_get(struct act *a, const struct catalog *catalog, int64_t id, json_t **out,
                struct imw_error_info *err)
{
    struct sight s = { .act = a };
    json_t *row = NULL;

    if (!viewer_begin(a->db, a->actor, a->now_us, &s.viewer, err))
        return false;
    bool ok = shape_one(a->db, COLUMNS "where s.id = ?", DB_ARGS(db_int(id)), detail_row, &s, &row, err);
    viewer_end(&s.viewer);
    if (ok && row == NULL)
        return act_no(a, err, ACT_MISSING, "", "there is no such signal");
    ok = ok && add_days(a, catalog, row, err) && add_history(a, row, id, err);
    if (!ok) {
        json_decref(row);
        return false;
    }
    (void)json_object_del(row, "department_id");
    *out = row;
    return true;
}

/* ---- weeks ---- */

struct week {
    int monday;
    int64_t approved, people, days, flows, messages, stopped;
};
struct weeks {
    struct week at[WEEKS_MOST];
    unsigned count;
};

/* Days since 1970-01-01 was a Thursday. */
static int64_t monday_of(int64_t time_us)
{
    const int64_t day = time_us / a_day_us;

    return (day - (day + 3) % 7) * a_day_us;
}

static struct week *week_at(struct weeks *w, int64_t day)
{
    const int64_t monday = monday_of(day_start((int)day)), first = day_start(w->at[0].monday);
    const int64_t i = (monday - first) / (7 * a_day_us);

    return monday >= first && i < w->count ? &w->at[i] : NULL;
}

static bool weeks_approved(struct act *a, struct weeks *w, int64_t department, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct week *x;

    if (!db_query(
            a->db,
            "select d.day, sum(d.messages), max(d.people) from approved_department d where d.day >= ? and "
            "(d.department = ? or ? = 0) group by d.day",
            DB_ARGS(db_int(w->at[0].monday), db_int(department), db_int(department)), &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((x = week_at(w, db_get_int(rows, 0))) != NULL) {
            x->days++;
            x->approved += db_get_int(rows, 1);
        }
    if (!rows_done(rows, &why, err) ||
        !db_query(
            a->db,
            "select k.day, max(k.people) from (select day, channel, sum(people) as people from "
            "approved_department where day >= ? and (department = ? or ? = 0) group by day, channel) k group by "
            "k.day",
            DB_ARGS(db_int(w->at[0].monday), db_int(department), db_int(department)), &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((x = week_at(w, db_get_int(rows, 0))) != NULL && db_get_int(rows, 1) > x->people)
            x->people = db_get_int(rows, 1);
    return rows_done(rows, &why, err);
}

/* " from SUMS where …": the use of public IM in these weeks, of a department or of all. */
static void of_weeks(const struct public_im *p, const struct weeks *w, int64_t department, struct text *sql,
                     struct db_value *args, unsigned *n)
{
    text_format(sql, " from %s where day >= ?", department != 0 ? "usage_day" : "usage_service_day");
    args[(*n)++] = db_int(w->at[0].monday);
    if (department != 0) {
        text_string(sql, " and department = ?");
        args[(*n)++] = db_int(department);
    }
    text_string(sql, " and service in ");
    public_im_ask(p, sql, args, n);
}

static bool weeks_public(struct act *a, const struct public_im *p, struct weeks *w, int64_t department,
                         struct imw_error_info *err)
{
    struct db_value args[PUBLIC_IM_MOST + 8];
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    char sql[2000];
    struct text t = TEXT(sql);
    struct week *x;
    unsigned n = 0;

    text_string(&t, "select day, sum(flows) - sum(stopped), sum(messages), sum(stopped)");
    of_weeks(p, w, department, &t, args, &n);
    text_string(&t, " group by day");
    if (!db_query(a->db, sql, args, n, &rows, err))
        return false;
    while (db_next(rows, &why))
        if ((x = week_at(w, db_get_int(rows, 0))) != NULL) {
            x->flows += db_get_int(rows, 1) > 0 ? db_get_int(rows, 1) : 0;
            x->messages += db_get_int(rows, 2);
            x->stopped += db_get_int(rows, 3);
        }
    return rows_done(rows, &why, err);
}

static json_t *weeks_json(const struct weeks *w)
{
    json_t *list = json_pack("[]");

    for (unsigned i = 0; i < w->count; i++) {
        const struct week *x = &w->at[i];
        (void)json_array_append_new(
            list, json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I}", "week", day_json(x->monday), "approved",
                            x->days > 0 ? json_integer(x->approved) : json_null(), "people",
                            (json_int_t)x->people, "days", (json_int_t)x->days, "flows", (json_int_t)x->flows,
                            "messages", (json_int_t)x->messages, "stopped", (json_int_t)x->stopped));
    }
    return list;
}

static json_t *public_name(const struct db_rows *rows, void *context)
{
    const struct catalog *catalog = context;
    const struct catalog_service *s = catalog_service(catalog, catalog_find(catalog, db_get_text(rows, 0)));

    return s != NULL ? json_pack("s", s->name) : shape_text(rows, 0);
}

bool signal_weeks(struct act *a, const struct catalog *catalog, int64_t department, unsigned weeks,
                  json_t **out, struct imw_error_info *err)
{
    struct db_value args[PUBLIC_IM_MOST + 8];
    struct public_im public;
    struct weeks w = { .count = weeks > 0 && weeks <= WEEKS_MOST ? weeks : WEEKS_USUAL };
    json_t *services = NULL;
    char sql[2000];
    struct text t = TEXT(sql);
    unsigned n = 0;

    for (unsigned i = 0; i < w.count; i++)
        w.at[i].monday = day_of(monday_of((int64_t)a->now_us) - (int64_t)(w.count - 1 - i) * 7 * a_day_us);
    if (!public_im_load(a->db, catalog, &public, err) || !weeks_approved(a, &w, department, err) ||
        !weeks_public(a, &public, &w, department, err))
        return false;
    text_string(&t, "select t.value from (select service, sum(flows) - sum(stopped) as through");
    of_weeks(&public, &w, department, &t, args, &n);
    text_string(&t, " group by service) u join term t on t.id = u.service where u.through > 0 order by "
                    "u.through desc, t.value");
    if (!shape_list(a->db, sql, args, n, public_name, (void *)(uintptr_t)catalog, &services, err))
        return false;
    *out = json_pack("{s:o,s:o}", "weeks", weeks_json(&w), "services", services);
    return *out != NULL || error_memory(err);
}
