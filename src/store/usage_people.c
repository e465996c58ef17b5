/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People by use. What clients did in each day (client_days.c) is read and put together by person in memory;
 * only where certain services or actions are asked for, the longer sums by service are.
 */
#include "base/text.h"
#include "store/usage_parts.h"
#include <stdlib.h>

enum { PEOPLE_MOST = 100 /* of a page */, DAYS_NAMED = 32 };

/* One person: all their clients; a client of nobody known: itself. */
#define PERSON_KEY "coalesce(w.person, -w.id)"

/* The services of the people in `keys`, into the objects of `list`, which stand in the same order; first what
 * they use day by day. An index has all that takes: flows it has not, and reading them costs four times as
 * much. */
static bool people_services(struct db *db, const struct event_filter *f, const struct span *s,
                            const int64_t *keys, unsigned count, json_t *list, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct ask *a;

    if (count == 0)
        return true;
    if (!ask_new(&a, err))
        return false;
    ask_begin(a);
    /* PostgreSQL, asked for a join, comes to read all of the sums; SQLite has no "lateral". */
    bool lateral = db_kind(db) == DB_POSTGRES;
    ask_add(a,
            "select k.person, t.value, sum(k.days) from (select " PERSON_KEY " as person, %s where"
            " u.who = w.id and u.day >= ? and u.day <= ?",
            lateral ? "j.service, j.days from who w cross join lateral (select u.service, count(*) as days"
                      " from usage_who u"
                    : "u.service, count(*) as days from who w join usage_who u");
    ask_arg(a, db_int(day_of(s->from_us)));
    ask_arg(a, db_int(day_of(s->to_us - 1)));
    if (f->words[WORD_SERVICE].given) {
        ask_add(a, " and u.service");
        ask_in(a, f->words[WORD_SERVICE].at, f->words[WORD_SERVICE].count);
    }
    ask_add(a, lateral ? " group by u.service) j where (w.person" : " and (w.person");
    ask_in(a, keys, count);
    int64_t clients[PEOPLE_MOST];
    for (unsigned i = 0; i < count; i++)
        clients[i] = -keys[i];
    ask_add(a, " or w.id");
    ask_in(a, clients, count);
    ask_add(a, ")%s) k join term t on t.id = k.service group by k.person, t.value order by 3 desc, 2",
            lateral ? "" : " group by 1, 2");
    bool ok = ask_query(a, db, &rows, err);
    free(a);
    if (!ok)
        return false;
    while (db_next(rows, &why))
        for (unsigned i = 0; i < count; i++)
            if (keys[i] == db_get_int(rows, 0))
                json_array_append_new(json_object_get(json_array_get(list, i), "services"),
                                      text_value(db_get_text(rows, 1)));
    return rows_done(rows, &why, err);
}

struct person {
    int64_t key, client, n[CLIENT_SUM_COUNT]; /* client 0: nothing of them */
};
struct people {
    const struct clients *clients;
    struct person *at; /* by the number in `clients`; [0] is not used */
};

static void take_client(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT])
{
    const struct people *p = context;
    uint32_t number = who < p->clients->count ? p->clients->person[who] : 0;
    struct person *to = &p->at[number];

    if (number == 0)
        return;
    to->client = who > to->client ? who : to->client;
    client_sums_add(to->n, n);
}

/* " where day …": each day named where they are few, so that the key (day, service …) finds both. */
static void of_days(struct ask *a, const struct span *s)
{
    int first = day_of(s->from_us), last = day_of(s->to_us - 1);
    int64_t days[DAYS_NAMED];
    unsigned count = 0;

    for (int64_t at = s->from_us; at < s->to_us && count < DAYS_NAMED; at = day_start(day_of(at)) + DAY_US)
        days[count++] = day_of(at);
    if (count > 0 && days[count - 1] == last) {
        ask_add(a, " where day");
        ask_in(a, days, count);
    } else {
        ask_add(a, " where day >= ? and day <= ?");
        ask_arg(a, db_int(first));
        ask_arg(a, db_int(last));
    }
}

/* Of certain services or actions: by the sums that know them. */
static bool people_of_services(struct db *db, const struct event_filter *f, const struct span *s,
                               struct people *p, struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    struct ask *a;

    if (!ask_new(&a, err))
        return false;
    ask_begin(a);
    ask_add(a, "select who, sum(flows), sum(messages), sum(files), sum(alerts), sum(stopped),"
               " sum(bytes_out) + sum(bytes_in), max(last_us) from usage_who");
    of_days(a, s);
    filter_sums_seen(f, a);
    ask_add(a, " group by who");
    bool ok = ask_query(a, db, &rows, err);
    free(a);
    if (!ok)
        return false;
    while (db_next(rows, &why)) {
        int64_t n[CLIENT_SUM_COUNT];
        for (unsigned k = 0; k < CLIENT_SUM_COUNT; k++)
            n[k] = db_get_int(rows, k + 1);
        take_client(p, db_get_int(rows, 0), n);
    }
    return rows_done(rows, &why, err);
}

static int busiest_first(const struct person *x, const struct person *y, enum client_sum by)
{
    if (x->n[by] != y->n[by])
        return x->n[by] > y->n[by] ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_flows(const void *a, const void *b)
{
    return busiest_first(a, b, CLIENT_FLOWS);
}

static int by_bytes(const void *a, const void *b)
{
    return busiest_first(a, b, CLIENT_BYTES);
}

static int by_alerts(const void *a, const void *b)
{
    return busiest_first(a, b, CLIENT_ALERTS);
}

static int by_files(const void *a, const void *b)
{
    return busiest_first(a, b, CLIENT_FILES);
}

/* Those who had an event, sorted, to the front of p->at. */
static bool people_read(struct db *db, const struct event_filter *f, const struct span *s,
                        int (*order)(const void *a, const void *b), struct people *p, uint32_t *out_count,
                        struct imw_error_info *err)
{
    uint32_t count = 0;
    bool ok;

    p->at = calloc((size_t)p->clients->persons + 1, sizeof *p->at);
    if (p->at == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for people");
    if (f->words[WORD_SERVICE].given || f->actions != 0)
        ok = people_of_services(db, f, s, p, err);
    else
        ok = client_days_read(db, day_of(s->from_us), day_of(s->to_us - 1), take_client, p, err);
    if (!ok)
        return false;
    for (uint32_t i = 1; i <= p->clients->persons; i++)
        if (p->at[i].client != 0) {
            p->at[i].key = p->clients->keys[i];
            p->at[count++] = p->at[i];
        }
    if (count > 0)
        qsort(p->at, count, sizeof *p->at, order);
    *out_count = count;
    return true;
}

static json_t *person_json(const struct person *p)
{
    char last[32];

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:[], s:s}", "flows", (json_int_t)p->n[CLIENT_FLOWS],
                     "messages", (json_int_t)p->n[CLIENT_MESSAGES], "files", (json_int_t)p->n[CLIENT_FILES],
                     "alerts", (json_int_t)p->n[CLIENT_ALERTS], "stopped", (json_int_t)p->n[CLIENT_STOPPED],
                     "bytes", (json_int_t)p->n[CLIENT_BYTES], "services", "last",
                     time_text(p->n[CLIENT_LAST], last));
}

/* A page of them, with what else is said of each. */
static bool people_page(struct db *db, const struct event_filter *f, const struct span *s,
                        const struct person *at, unsigned count, uint32_t total, json_t **out,
                        struct imw_error_info *err)
{
    int64_t keys[PEOPLE_MOST], clients[PEOPLE_MOST];
    json_t *list = json_pack("[]"), *who = NULL;

    for (unsigned i = 0; i < count; i++) {
        keys[i] = at[i].key;
        clients[i] = at[i].client;
        json_array_append_new(list, person_json(&at[i]));
    }
    if (!people_services(db, f, s, keys, count, list, err) || !events_who(db, clients, count, &who, err)) {
        json_decref(list);
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        char id[24];
        struct text t = TEXT(id);
        text_format(&t, "%lld", (long long)clients[i]);
        json_object_set(json_array_get(list, i), "who", json_object_get(who, id));
    }
    json_decref(who);
    *out = json_pack("{s:o, s:I}", "people", list, "total", (json_int_t)total);
    return *out != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for people");
}

bool usage_people(struct db *db, const struct event_filter *f, const char *sort, unsigned offset,
                  unsigned limit, json_t **out, struct imw_error_info *err)
{
    static const struct {
        const char *name;
        int (*order)(const void *a, const void *b);
    } orders[] = {
        { "flows", by_flows }, { "bytes", by_bytes }, { "alerts", by_alerts }, { "files", by_files }
    };
    int (*order)(const void *a, const void *b) = sort == NULL ? by_flows : NULL;
    struct span s = span_of(f);
    struct clients clients = { 0 };
    struct people p = { .clients = &clients };
    uint32_t total = 0;

    for (unsigned i = 0; sort != NULL && i < sizeof orders / sizeof orders[0]; i++)
        if (strcmp(sort, orders[i].name) == 0)
            order = orders[i].order;
    if (order == NULL || !filter_is_of_people(f)) {
        error_set(
            err, IMW_ERROR_VALUE,
            order == NULL
                ? "sort by flows, bytes, alerts or files"
                : "people can be listed by time, service, department, action, and words of what they are called");
        return false;
    }
    limit = limit < 1 ? 50 : limit > PEOPLE_MOST ? PEOPLE_MOST : limit;
    bool ok = filter_is_permitted(f, err) && clients_read(db, f, &clients, err) &&
              people_read(db, f, &s, order, &p, &total, err);
    if (ok) {
        uint32_t from = offset < total ? offset : total;
        ok =
            people_page(db, f, &s, p.at + from, total - from < limit ? total - from : limit, total, out, err);
    }
    free(p.at);
    clients_free(&clients);
    return ok;
}

/* "day, …" of a client's person, grouped by what is asked. */
static bool who_rows(struct db *db, const struct event_filter *f, int64_t who, const char *select,
                     const char *group, struct db_rows **out, struct imw_error_info *err)
{
    struct span s = span_of(f);
    struct ask *a;

    if (!ask_new(&a, err))
        return false;
    ask_begin(a);
    ask_add(
        a,
        "select %s from usage_who u left join term t on t.id = u.service where day >= ? and day <= ?"
        " and who in (select w.id from who w where w.id = ? or w.person = (select person from who where id = ?))",
        select);
    ask_arg(a, db_int(day_of(s.from_us)));
    ask_arg(a, db_int(day_of(s.to_us - 1)));
    ask_arg(a, db_int(who));
    ask_arg(a, db_int(who));
    filter_sums_who(f, a);
    ask_add(a, " %s", group);
    bool ok = ask_query(a, db, out, err);
    free(a);
    return ok;
}

bool usage_of_who(struct db *db, int64_t who, const struct event_filter *f, json_t **out,
                  struct imw_error_info *err)
{
    struct imw_error_info why = { 0 };
    struct db_rows *rows;
    json_t *raw = NULL, *services = json_pack("[]"), *days = json_pack("[]");
    char id[24];
    struct text t = TEXT(id);

    text_format(&t, "%lld", (long long)who);
    if (!filter_is_permitted(f, err) || !events_who(db, &who, 1, &raw, err) ||
        !who_rows(db, f, who, "t.value, action, sum(flows), sum(bytes_out) + sum(bytes_in)",
                  "group by t.value, action having sum(flows) > 0 order by 3 desc, 1, 2", &rows, err))
        goto failed;
    while (db_next(rows, &why)) {
        const char *action = event_action_names[db_get_int(rows, 1) % 5];
        json_t *o = json_pack("{s:s?, s:I, s:I}", "action", action, "flows", (json_int_t)db_get_int(rows, 2),
                              "bytes", (json_int_t)db_get_int(rows, 3));
        json_object_set_new(o, "service",
                            db_is_null(rows, 0) ? json_pack("s", "none") : text_value(db_get_text(rows, 0)));
        json_array_append_new(services, o);
    }
    if (!rows_done(rows, &why, err) ||
        !who_rows(db, f, who, "day, sum(flows), sum(alerts)", "group by day order by day", &rows, err))
        goto failed;
    while (db_next(rows, &why)) {
        char day[16];
        struct text d = TEXT(day);
        int n = (int)db_get_int(rows, 0);
        text_format(&d, "%04d-%02d-%02d", n / 10000, n / 100 % 100, n % 100);
        json_array_append_new(days, json_pack("{s:s, s:I, s:I}", "day", day, "flows",
                                              (json_int_t)db_get_int(rows, 1), "alerts",
                                              (json_int_t)db_get_int(rows, 2)));
    }
    if (!rows_done(rows, &why, err))
        goto failed;
    json_t *client = json_object_get(raw, id);
    *out = client == NULL ? json_null()
                          : json_pack("{s:O, s:O, s:O}", "who", client, "services", services, "days", days);
    json_decref(raw);
    json_decref(services);
    json_decref(days);
    return *out != NULL || error_set(err, IMW_ERROR_MEMORY, "no memory for a person's use");
failed:
    json_decref(raw);
    json_decref(services);
    json_decref(days);
    return false;
}
