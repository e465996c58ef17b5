/* SPDX-License-Identifier: Apache-2.0 */
/* Every sum equals a recount over the events, whoever counts: random events, both databases. */
#include "store/database.h"
#include "store/eve_lines.h"
#include "store/sums.h"
#include <stdio.h>
#include <stdlib.h>

static const uint64_t now = LINES_START_US + 40 * (uint64_t)DAY_US;
enum { EVENTS = 2000, BATCHES = 5, DAYS = 4 };

static void people(struct database *d)
{
    good(
        d,
        db_script(
            d->db,
            "insert into department (id, name) values (1, 'Treasury'), (2, 'Retail');"
            "insert into person (id, pseudonym, name, department, source, state, joined_us, changed_us) values"
            " (1, 'P-1', 'Anna', 1, 'hand', 'active', 0, 0), (2, 'P-2', 'Ben', 2, 'hand', 'active', 0, 0);"
            "insert into person_alias (kind, value, person, source, from_us) values"
            " ('user', 'user1', 1, 'hand', 0), ('host', 'pc-4', 1, 'hand', 0), ('address', '10.20.0.4', 2, 'hand', 0);",
            &d->err));
}

static void fill_with(struct database *d, unsigned clients)
{
    struct lines_world w = { .state = 11, .clients = clients, .days = DAYS };
    struct ingest_counts counts = { 0 };
    struct ingest *i;
    int64_t sensor;
    char *lines = malloc(1500 * EVENTS / BATCHES);

    good(
        d,
        db_insert(
            d->db,
            "insert into sensor (name, kind, state, enrolled_us) values ('s', 'sensor', 'active', 0) returning id",
            DB_NONE, &sensor, &d->err));
    good(d, ingest_new(d->db, sensor, &i, &d->err));
    for (unsigned b = 0; b < BATCHES; b++) {
        size_t len = 0;
        for (unsigned n = 0; n < EVENTS / BATCHES; n++)
            len += lines_make(&w, lines + len, 1500);
        good(d, db_begin_feed(d->db, &d->err));
        good(d, ingest_lines(i, view_of(lines, len), now, &counts, &d->err));
        good(d, db_commit(d->db, &d->err));
    }
    ingest_free(i);
    free(lines);
}

static void fill(struct database *d)
{
    fill_with(d, 20);
}

/* All days as one table. */
static const char *const all_events =
    "(select * from event_20261120 union all select * from event_20261121"
    " union all select * from event_20261122 union all select * from event_20261123) e";
static const char *const figures =
    "count(*), sum(case when kind = 1 and activity <> 1 then 1 else 0 end), sum(case when kind = 1 and activity = 1 then 1"
    " else 0 end), sum(case when kind = 2 and activity = 8 then 1 else 0 end), sum(case when kind = 4 then 1 else 0 end),"
    " sum(case when kind = 3 and detector <> (select id from term where kind = 'detector' and value = 'policy') then 1"
    " else 0 end), sum(case when kind = 1 and stopped = 1 then 1 else 0 end), sum(case when kind = 1 and agile = 1 then 1"
    " else 0 end), sum(case when kind = 1 then bytes_out else 0 end), sum(case when kind = 1 then bytes_in else 0 end)";

/* The same rows from both, compared column by column. */
static void same(struct database *d, const char *a, const char *b, unsigned columns, int least)
{
    struct db_rows *x, *y;
    struct db *other = database_connect(d);
    int rows = 0;

    good(d, db_query(d->db, a, DB_NONE, &x, &d->err));
    good(d, db_query(other, b, DB_NONE, &y, &d->err));
    while (db_next(x, &d->err)) {
        assert_true(db_next(y, &d->err));
        for (unsigned c = 0; c < columns; c++)
            if (db_get_int(x, c) != db_get_int(y, c))
                fail_msg("%s: row %d, column %u: %lld, counted %lld", a, rows, c, (long long)db_get_int(x, c),
                         (long long)db_get_int(y, c));
        rows++;
    }
    assert_false(db_next(y, &d->err));
    assert_int_equal(d->err.code, IMW_OK);
    db_rows_end(x);
    db_rows_end(y);
    db_close(other);
    assert_true(rows >= least);
}

/* What is packed by client and day, against the sums in rows. */
struct packed {
    struct client_day at[EVENTS];
    unsigned count;
};

static void take_client(void *context, int64_t who, const int64_t n[CLIENT_SUM_COUNT])
{
    struct packed *p = context;

    assert_true(p->count < EVENTS);
    p->at[p->count].who = who;
    memcpy(p->at[p->count++].n, n, sizeof p->at->n);
}

static int by_client(const void *a, const void *b)
{
    const struct client_day *x = a, *y = b;

    return x->who < y->who ? -1 : x->who > y->who;
}

static void recount_clients(struct database *d, unsigned least)
{
    struct packed *p = malloc(sizeof *p);
    unsigned all = 0;

    for (int day = 20261120; day <= 20261123; day++) {
        struct db_rows *rows;
        p->count = 0;
        good(d, client_days_read(d->db, day, day, take_client, p, &d->err));
        qsort(p->at, p->count, sizeof *p->at, by_client);
        good(d, db_query(
                    d->db,
                    "select who, sum(flows), sum(messages), sum(files), sum(alerts), sum(stopped),"
                    " sum(bytes_out) + sum(bytes_in), max(last_us) from usage_who where day = ? group by who"
                    " order by who",
                    DB_ARGS(db_int(day)), &rows, &d->err));
        for (unsigned i = 0; i < p->count; i++) {
            assert_true(db_next(rows, &d->err));
            assert_int_equal(db_get_int(rows, 0), p->at[i].who);
            for (unsigned k = 0; k < CLIENT_SUM_COUNT; k++)
                assert_int_equal(db_get_int(rows, k + 1), p->at[i].n[k]);
        }
        assert_false(db_next(rows, &d->err));
        db_rows_end(rows);
        all += p->count;
    }
    assert_true(all >= least);
    free(p);
}

static void recount(struct database *d)
{
    static const char *const sums =
        "events, flows, lookups, messages, files, alerts, stopped, agile, bytes_out, bytes_in";
    char a[2048], b[4096];

    snprintf(a, sizeof a, "select hour, department, service, action, %s from usage_hour order by 1, 2, 3, 4",
             sums);
    snprintf(
        b, sizeof b,
        "select time_us / 3600000000, department, service, action, %s from %s group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        figures, all_events);
    same(d, a, b, 14, 500);
    snprintf(a, sizeof a, "select day, department, service, action, %s from usage_day order by 1, 2, 3, 4",
             sums);
    snprintf(
        b, sizeof b,
        "select 20261120 + (time_us / 86400000000 - 20777), department, service, action, %s from %s group by 1, 2, 3, 4"
        " order by 1, 2, 3, 4",
        figures, all_events);
    same(d, a, b, 14, 100);
    same(
        d,
        "select service, port, sum(flows), sum(agile) from usage_port group by service, port order by 1, 2",
        "select service, server_port, count(*), sum(agile) from (select * from event_20261120 union all select * from"
        " event_20261121 union all select * from event_20261122 union all select * from event_20261123) e where kind = 1"
        " and activity <> 1 group by 1, 2 order by 1, 2",
        4, 10);
    snprintf(b, sizeof b,
             "select who, service, action, %s, max(time_us) from %s group by 1, 2, 3 order by 1, 2, 3",
             figures, all_events);
    same(
        d,
        "select who, service, action, sum(events), sum(flows) from usage_who group by who, service, action order by 1, 2, 3",
        b, 5, 100);
    same(
        d,
        "select who, max(last_us), sum(bytes_out), sum(stopped), sum(alerts), sum(messages), sum(files) from usage_who group by who order by 1",
        "select who, max(time_us), sum(case when kind = 1 then bytes_out else 0 end), sum(case when kind = 1 then stopped else 0"
        " end), sum(case when kind = 3 and detector <> (select id from term where kind = 'detector' and value = 'policy') then 1"
        " else 0 end), sum(case when kind = 2 and activity = 8 then 1 else 0 end), sum(case when kind = 4 then 1 else 0 end) from"
        " (select * from event_20261120 union all select * from event_20261121 union all select * from event_20261122 union all"
        " select * from event_20261123) e group by who order by 1",
        7, 20);
    same(
        d,
        "select day, service, action, events, flows, alerts, bytes_in from usage_service_day order by 1, 2, 3",
        "select day, service, action, sum(events), sum(flows), sum(alerts), sum(bytes_in) from usage_day group by 1, 2, 3"
        " order by 1, 2, 3",
        7, 30);
    same(
        d,
        "select hour, service, action, events, flows, agile, bytes_out from usage_service_hour order by 1, 2, 3",
        "select hour, service, action, sum(events), sum(flows), sum(agile), sum(bytes_out) from usage_hour group by 1, 2, 3"
        " order by 1, 2, 3",
        7, 300);
    recount_clients(d, 4 * DAYS);
    assert_int_equal(database_number(d, "select sum(events) from usage_source"), EVENTS);
    assert_int_equal(database_number(d, "select sum(events) from event_day"), EVENTS);
}

static void test_every_sum_equals_a_recount(struct database *d)
{
    people(d);
    fill(d);
    recount(d);
    assert_true(database_number(d, "select sum(flows) from usage_day where department = 1") > 0);
}

static void test_persons_found_later_move_their_sums(struct database *d)
{
    fill(d);
    assert_int_equal(database_number(d, "select count(distinct department) from usage_day"), 1);
    people(d);
    good(d, db_begin(d->db, true, &d->err));
    good(d, events_rejoin(d->db, now, &d->err));
    good(d, db_commit(d->db, &d->err));
    recount(d);
    assert_int_equal(database_number(d, "select count(distinct department) from usage_day"), 3);
    assert_int_equal(database_number(d, "select count(*) from who where person is not null"), 3);
}

static json_t *overview(struct database *d, json_t *query)
{
    struct event_filter *f;
    json_t *out;

    good(d, event_filter_new(d->db, query, &f, &d->err));
    event_filter_span(f, LINES_START_US, LINES_START_US + DAYS * (uint64_t)DAY_US);
    good(d, usage_overview(d->db, f, &out, &d->err));
    event_filter_free(f);
    json_decref(query);
    return out;
}

static int64_t total(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(o, "totals"), key));
}

static int64_t sum_of(const json_t *list, const char *key)
{
    int64_t sum = 0;
    json_t *one;
    size_t i;

    json_array_foreach(list, i, one)
    {
        sum += json_integer_value(json_object_get(one, key));
    }
    return sum;
}

static void test_the_overview_says_what_the_events_say(struct database *d)
{
    json_t *o;
    char sql[2048];

    people(d);
    fill(d);
    o = overview(d, json_pack("{}"));
    assert_string_equal(json_string_value(json_object_get(o, "step")), "day");
    assert_string_equal(json_string_value(json_object_get(o, "from")), "2026-11-20T00:00:00.000000Z");
    snprintf(sql, sizeof sql, "select count(*) from %s where kind = 1 and activity <> 1", all_events);
    assert_int_equal(total(o, "flows"), database_number(d, sql));
    assert_int_equal(sum_of(json_object_get(o, "services"), "flows"), total(o, "flows"));
    assert_int_equal(sum_of(json_object_get(o, "over_time"), "flows"), total(o, "flows"));
    assert_int_equal(sum_of(json_object_get(o, "sankey"), "flows"), total(o, "flows"));
    assert_int_equal(sum_of(json_object_get(o, "ports"), "flows"), total(o, "flows"));
    assert_int_equal(total(o, "people"),
                     database_number(d, "select count(distinct coalesce(person, -id)) from who"));
    assert_int_equal(total(o, "services"), 8);
    for (size_t i = 0; i < 8; i++) { /* who used each */
        const json_t *one = json_array_get(json_object_get(o, "services"), i);
        snprintf(
            sql, sizeof sql,
            "select count(distinct coalesce(w.person, -w.id)) from usage_who u join who w on w.id = u.who where"
            " u.service = (select id from term where kind = 'service' and value = '%s')",
            json_string_value(json_object_get(one, "service")));
        assert_int_equal(json_integer_value(json_object_get(one, "people")), database_number(d, sql));
    }
    json_decref(o);
    o = overview(d, json_pack("{s:[s], s:[s]}", "department", "1", "action", "block"));
    assert_int_equal(total(o, "people"), 1);
    assert_int_equal(sum_of(json_object_get(o, "sankey"), "flows"), total(o, "flows"));
    assert_true(total(o, "flows") > 0);
    json_decref(o);
    o = overview(d, json_pack("{s:[s], s:[s], s:[s]}", "from", "2026-11-21T06:00:00Z", "to",
                              "2026-11-21T09:00:00Z", "service", "irc"));
    assert_string_equal(json_string_value(json_object_get(o, "step")), "hour");
    snprintf(
        sql, sizeof sql,
        "select count(*) from %s where kind = 1 and activity <> 1 and time_us >= 1795240800000000 and time_us <"
        " 1795251600000000 and service = (select id from term where kind = 'service' and value = 'irc')",
        all_events);
    assert_int_equal(total(o, "flows"), database_number(d, sql));
    assert_true(total(o, "flows") > 0);
    json_decref(o);
    o = overview(d, json_pack("{s:[s]}", "person", "1"));
    snprintf(
        sql, sizeof sql,
        "select count(*) from %s where kind = 1 and activity <> 1 and who in (select id from who where person = 1)",
        all_events);
    assert_int_equal(total(o, "flows"), database_number(d, sql));
    assert_int_equal(total(o, "people"), 1);
    json_decref(o);
}

static size_t called(struct database *d, const char *words, unsigned sees)
{
    struct event_filter *f;
    json_t *page, *query = json_pack("{s:[s]}", "q", words);

    good(d, event_filter_new(d->db, query, &f, &d->err));
    json_decref(query);
    event_filter_span(f, LINES_START_US, LINES_START_US + DAYS * (uint64_t)DAY_US);
    event_filter_permit(f, sees);
    good(d, usage_people(d->db, f, "flows", 0, 100, &page, &d->err));
    const size_t count = json_array_size(json_object_get(page, "people"));
    assert_int_equal(json_integer_value(json_object_get(page, "total")), count);
    json_decref(page);
    event_filter_free(f);
    return count;
}

static void test_people_are_found_by_what_the_asker_may_know_of_them(struct database *d)
{
    people(d);
    fill(d);
    assert_int_equal(called(d, "P-1", 0), 1);
    assert_int_equal(called(d, "p-1", 0), 1);
    assert_int_equal(called(d, "P_1", 0), 0);
    assert_int_equal(called(d, "Anna", EVENT_SEES_ADDRESSES), 0);
    assert_int_equal(called(d, "10.20.0.4", 0), 0);
    assert_true(called(d, "10.20.0.4", EVENT_SEES_ADDRESSES) >= 1);
    assert_int_equal(called(d, "P-1 P-2", 0), 0);
}

static void test_people_come_by_use_and_once_each(struct database *d)
{
    struct event_filter *f;
    json_t *page, *use;

    people(d);
    fill(d);
    good(d, event_filter_new(d->db, NULL, &f, &d->err));
    event_filter_span(f, LINES_START_US, LINES_START_US + DAYS * (uint64_t)DAY_US);
    good(d, usage_people(d->db, f, "flows", 0, 100, &page, &d->err));
    json_t *list = json_object_get(page, "people");
    assert_int_equal(json_array_size(list),
                     database_number(d, "select count(distinct coalesce(person, -id)) from who"));
    assert_int_equal(json_integer_value(json_object_get(page, "total")), json_array_size(list));
    assert_int_equal(sum_of(list, "flows"), database_number(d, "select sum(flows) from usage_day"));
    for (size_t i = 1; i < json_array_size(list); i++)
        assert_true(json_integer_value(json_object_get(json_array_get(list, i - 1), "flows")) >=
                    json_integer_value(json_object_get(json_array_get(list, i), "flows")));
    assert_true(json_array_size(json_object_get(json_array_get(list, 0), "services")) > 0);
    json_decref(page);
    int64_t who = database_number(d, "select min(id) from who where person = 1");
    good(d, usage_of_who(d->db, who, f, &use, &d->err));
    assert_int_equal(
        sum_of(json_object_get(use, "services"), "flows"),
        database_number(
            d, "select sum(flows) from usage_who where who in (select id from who where person = 1)"));
    assert_int_equal(sum_of(json_object_get(use, "days"), "flows"),
                     sum_of(json_object_get(use, "services"), "flows"));
    json_decref(use);
    good(d, events_facets(d->db, f, &page, &d->err));
    assert_int_equal(sum_of(json_object_get(page, "service"), "count"), EVENTS);
    assert_int_equal(sum_of(json_object_get(page, "department"), "count"), EVENTS);
    assert_int_equal(sum_of(json_object_get(page, "kind"), "count"), EVENTS);
    assert_int_equal(sum_of(json_object_get(page, "action"), "count"), EVENTS);
    json_decref(page);
    event_filter_free(f);
}

/* More than go together in one statement; and a list of them by service is what the events say. */
static void test_many_clients(struct database *d)
{
    struct event_filter *f;
    json_t *page, *one;
    size_t i;
    char sql[256];
    int64_t before = INT64_MAX;

    people(d);
    fill_with(d, 5000);
    recount_clients(d, 1500);
    json_t *query =
        json_pack("{s:[s], s:s, s:s}", "service", "irc", "from", "2026-11-21", "to", "2026-11-23");
    good(d, event_filter_new(d->db, query, &f, &d->err));
    json_decref(query);
    good(d, usage_people(d->db, f, "bytes", 10, 20, &page, &d->err));
    event_filter_free(f);
    snprintf(
        sql, sizeof sql,
        "select count(distinct coalesce(person, -id)) from who where id in (select who from usage_who"
        " where day in (20261121, 20261122) and service = (select id from term where kind = 'service' and value = 'irc'))");
    assert_int_equal(json_integer_value(json_object_get(page, "total")), database_number(d, sql));
    assert_int_equal(json_array_size(json_object_get(page, "people")), 20);
    json_array_foreach(json_object_get(page, "people"), i, one)
    {
        int64_t bytes = json_integer_value(json_object_get(one, "bytes"));
        assert_true(bytes <= before);
        before = bytes;
        snprintf(sql, sizeof sql,
                 "select sum(bytes_out) + sum(bytes_in) from usage_who where day in (20261121, 20261122) and"
                 " service = (select id from term where kind = 'service' and value = 'irc') and who = %lld",
                 (long long)json_integer_value(json_object_get(json_object_get(one, "who"), "id")));
        assert_int_equal(bytes, database_number(d, sql));
    }
    json_decref(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_every_sum_equals_a_recount),
        ON_BOTH(test_persons_found_later_move_their_sums),
        ON_BOTH(test_the_overview_says_what_the_events_say),
        ON_BOTH(test_people_are_found_by_what_the_asker_may_know_of_them),
        ON_BOTH(test_people_come_by_use_and_once_each),
        ON_BOTH(test_many_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
