/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the events: every filter against a plain count over the tables, pages, clocks, what is hidden.
 */
#include "base/text.h"
#include "store/database.h"
#include "store/eve_lines.h"
#include "store/event_parts.h"
#include "store/team.h"
#include <stdio.h>
#include <stdlib.h>

static const uint64_t now = LINES_START_US + 40 * (uint64_t)DAY_US;
enum { EVENTS = 3000, BATCHES = 10, LONG_US = 60000000 };

static void fill(struct database *d)
{
    struct lines_world w = { .state = 7, .clients = 60, .days = 5 };
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
    assert_int_equal(counts.stored, EVENTS);
    assert_int_equal(counts.refused, 0);
    ingest_free(i);
    free(lines);
}

static struct event_filter *filter(struct database *d, const char *query)
{
    struct event_filter *f;
    json_t *q = json_pack("{}");
    struct view rest = view_string(query);

    while (rest.len > 0) {
        char key[64];
        struct text t = TEXT(key);
        struct view value = view_token(&rest, '&'), name = view_token(&value, '=');
        text_add(&t, name);
        if (json_object_get(q, key) == NULL)
            json_object_set_new(q, key, json_pack("[]"));
        json_array_append_new(json_object_get(q, key), json_stringn((const char *)value.at, value.len));
    }
    good(d, event_filter_new(d->db, q, &f, &d->err));
    json_decref(q);
    return f;
}

/* All that match, page by page; order is checked, and that nothing comes twice. */
static int64_t found(struct database *d, const char *query, unsigned limit, uint64_t budget_us, unsigned sees)
{
    struct event_filter *f = filter(d, query);
    char cursor[64] = "";
    int64_t count = 0;
    char last[32] = "9";
    unsigned pages = 0;

    event_filter_permit(f, sees);
    for (bool more = true; more;) {
        json_t *page, *event;
        size_t i;
        good(d, events_search(d->db, f, cursor, limit, budget_us, &page, &d->err));
        json_array_foreach(json_object_get(page, "events"), i, event)
        {
            const char *time = json_string_value(json_object_get(event, "time"));
            assert_true(strcmp(time, last) <= 0);
            memcpy(last, time, strlen(time) + 1);
            count++;
        }
        const char *next = json_string_value(json_object_get(page, "cursor"));
        more = next != NULL;
        assert_true(more != json_is_true(json_object_get(page, "complete")));
        if (more)
            snprintf(cursor, sizeof cursor, "%s", next);
        json_decref(page);
        assert_true(++pages < 5000);
    }
    event_filter_free(f);
    return count;
}

static int64_t counted(struct database *d, const char *where)
{
    int64_t sum = 0;

    for (int day = 20261120; day < 20261125; day++) {
        char sql[1024];
        snprintf(sql, sizeof sql, "select count(*) from event_%d where %s", day, where);
        sum += database_number(d, sql);
    }
    return sum;
}

#define WORD(kind, value) "(select id from term where kind = '" kind "' and value = '" value "')"

static void test_every_filter_finds_what_a_count_finds(struct database *d)
{
    static const struct {
        const char *query, *where;
    } cases[] = {
        { "", "1 = 1" },
        { "kind=alert", "kind = 3" },
        { "kind=alert,fileinfo", "kind in (3, 4)" },
        { "service=whatsapp", "service = " WORD("service", "whatsapp") },
        { "service=whatsapp&action=block", "action = 3 and service = " WORD("service", "whatsapp") },
        { "service=nobody-has-it", "1 = 0" },
        { "department=none", "department = 0" },
        { "department=4", "1 = 0" },
        { "action=none", "action = 0" },
        { "activity=lookup", "(activity & 1) <> 0" },
        { "port=80", "server_port = 80" },
        { "port_agile=1", "agile = 1" },
        { "stopped=1", "stopped = 1" },
        { "sensor=s", "1 = 1" },
        { "who=3", "who = 3" },
        { "who=3,5,7", "who in (3, 5, 7)" },
        { "server=203.0.1.7", "server = " WORD("address", "203.0.1.7") },
        { "rule=rule 2", "rule = " WORD("rule", "rule 2") },
        { "severity=1", "severity = 1" },
        { "detector=worm", "detector = " WORD("detector", "worm") },
        { "scan=infected", "scan = 2" },
        { "from=2026-11-21T00:00:00Z&to=2026-11-22T12:00:00Z",
          "time_us >= 1795219200000000 and time_us < 1795348800000000" },
        { "q=s11.telegram", "server_name = " WORD("server", "s11.telegram.example") },
        { "q=S11 TELEGRAM", "server_name = " WORD("server", "s11.telegram.example") },
        { "q=invoice-42.pdf", "file = " WORD("file", "invoice-42.pdf") },
        { "q=worm&kind=alert", "kind = 3 and detector = " WORD("detector", "worm") },
        { "q=friend12", "peer in (select id from term where kind = 'account' and value = 'friend12')" },
        { "q=100%25", "1 = 0" },
        { "q=\"x' orange", "1 = 0" },
        { "address=10.20.0.5", "who in (select id from who where address = '10.20.0.5')" },
    };
    fill(d);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t expected = counted(d, cases[i].where);
        int64_t got = found(d, cases[i].query, 97, LONG_US, EVENT_SEES_ACCOUNTS | EVENT_SEES_ADDRESSES);
        if (got != expected)
            fail_msg("%s: %lld found, %lld counted", cases[i].query, (long long)got, (long long)expected);
        if (expected == 0 && i > 1 && strstr(cases[i].where, "1 = 0") == NULL)
            fail_msg("%s: nothing to find, the test says nothing", cases[i].query);
    }
}

static void test_without_time_pages_go_on_and_miss_nothing(struct database *d)
{
    fill(d);
    assert_int_equal(
        found(d, "q=telegram", 50, 1, 0),
        counted(d, "server_name in (select id from term where kind = 'server' and value like '%telegram%')"));
    assert_int_equal(found(d, "kind=alert", 50, 1, 0), counted(d, "kind = 3"));
    assert_int_equal(found(d, "action=block", 1000, 1, 0), counted(d, "action = 3"));
}

static void test_who_may_not_see_it_does_not_find_it(struct database *d)
{
    struct event_filter *f;
    json_t *page;

    fill(d);
    assert_true(found(d, "q=friend12", 100, LONG_US, EVENT_SEES_ACCOUNTS) > 0);
    assert_int_equal(found(d, "q=friend12", 100, LONG_US, 0), 0);
    assert_int_equal(found(d, "q=nick1", 100, LONG_US, EVENT_SEES_ADDRESSES), 0);
    f = filter(d, "address=10.20.0.5");
    assert_false(events_search(d->db, f, NULL, 10, LONG_US, &page, &d->err));
    assert_int_equal(d->err.code, IMW_ERROR_VALUE);
    assert_string_equal(d->err.key, "address");
    assert_false(usage_overview(d->db, f, &page, &d->err));
    assert_false(usage_people(d->db, f, NULL, 0, 10, &page, &d->err));
    assert_false(events_facets(d->db, f, &page, &d->err));
    event_filter_free(f);
}

static void test_wrong_filters_say_what_is_wrong(struct database *d)
{
    static const char *const keys[] = { "kind", "department", "from",     "port",
                                        "q",    "nonsense",   "severity", "address" };

    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct event_filter *f;
        json_t *q = json_pack("{s:[s]}", keys[i], "x");
        assert_false(event_filter_new(d->db, q, &f, &d->err));
        assert_int_equal(d->err.code, IMW_ERROR_VALUE);
        assert_string_equal(d->err.key, keys[i]);
        json_decref(q);
    }
}

static void test_a_manager_finds_their_team_only(struct database *d)
{
    struct event_filter *f;
    json_t *page, *event;
    size_t i;

    good(
        d,
        db_script(
            d->db,
            "insert into person (id, pseudonym, name, manager, source, state, joined_us, changed_us) values"
            " (1, 'P-1', 'Anna', null, 'hand', 'active', 0, 0), (2, 'P-2', 'Ben', 1, 'hand', 'active', 0, 0),"
            " (3, 'P-3', 'Cleo', 2, 'hand', 'active', 0, 0), (4, 'P-4', 'Dan', null, 'hand', 'active', 0, 0);"
            "insert into person_alias (kind, value, person, source, from_us) values ('user', 'user1', 2, 'hand', 0),"
            " ('user', 'user2', 3, 'hand', 0), ('user', 'user4', 4, 'hand', 0), ('user', 'user5', 1, 'hand', 0);",
            &d->err));
    good(d, team_rebuild(d->db, &d->err));
    fill(d);
    f = filter(d, "");
    good(d, event_filter_team(f, d->db, 1, &d->err));
    good(d, events_search(d->db, f, NULL, 1000, LONG_US, &page, &d->err));
    assert_int_equal(json_array_size(json_object_get(page, "events")),
                     counted(d, "who in (select id from who where person in (2, 3))"));
    json_array_foreach(json_object_get(page, "events"), i, event)
    {
        json_int_t person = json_integer_value(json_object_get(json_object_get(event, "who"), "person"));
        assert_true(person == 2 || person == 3);
    }
    json_decref(page);
    assert_false(event_filter_team(f, d->db, 0, &d->err));
    event_filter_free(f);
}

struct exported {
    int64_t count;
    bool lines;
};
static bool take(void *context, json_t *event)
{
    struct exported *e = context;

    e->count++;
    e->lines = e->lines && json_object_size(json_object_get(event, "eve")) > 5;
    return true;
}

static void test_an_export_has_every_line_and_a_flow_all_of_its(struct database *d)
{
    struct exported e = { .lines = true };
    struct event_filter *f;
    json_t *page, *flow;

    fill(d);
    f = filter(d, "kind=flow");
    good(d, events_export(d->db, f, take, &e, &d->err));
    assert_int_equal(e.count, counted(d, "kind = 1"));
    assert_true(e.lines);
    good(d, events_search(d->db, f, NULL, 1, LONG_US, &page, &d->err));
    json_t *first = json_array_get(json_object_get(page, "events"), 0);
    good(d, events_of_flow(d->db, (uint64_t)json_integer_value(json_object_get(first, "flow_id")), &flow,
                           &d->err));
    assert_int_equal(json_array_size(flow), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(flow, 0), "id")),
                     json_integer_value(json_object_get(first, "id")));
    json_decref(flow);
    json_decref(page);
    event_filter_free(f);
}

static bool told(void *context, int day, uint64_t events, struct view digest)
{
    struct exported *e = context;

    assert_true(day < 20261122);
    assert_int_equal(digest.len, 32);
    e->count += (int64_t)events;
    return true;
}

static void test_days_go_with_their_words_and_leave_their_digest(struct database *d)
{
    struct exported e = { 0 };

    fill(d);
    int64_t before = counted(d, "1 = 1"),
            gone = database_number(d, "select sum(events) from event_day where day < 20261122");
    int64_t words = database_number(d, "select count(*) from term where kind = 'file'");
    good(d, db_script(d->db, "insert into term (kind, value) values ('file', 'only on the first day.pdf');",
                      &d->err));
    good(
        d,
        db_script(
            d->db,
            "insert into word_20261120 (word, chunk) select id, 1 from term where value = 'only on the first day.pdf';",
            &d->err));
    if (d->kind == DB_SQLITE)
        good(
            d,
            db_script(
                d->db,
                "insert into term_search (rowid, value) select id, value from term where value = 'only on the first day.pdf'",
                &d->err));
    good(d, db_begin(d->db, true, &d->err));
    good(d, events_expire(d->db, 20261122, now, told, &e, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(e.count, gone);
    assert_int_equal(found(d, "", 500, LONG_US, 0), before - gone);
    assert_int_equal(database_number(d, "select count(*) from retention_run where kind = 'events'"), 2);
    assert_int_equal(
        database_number(d, "select count(*) from term where value = 'only on the first day.pdf'"), 0);
    assert_true(database_number(d, "select count(*) from term where kind = 'file'") <= words);
    assert_int_equal(found(d, "q=first", 10, LONG_US, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_every_filter_finds_what_a_count_finds),
        ON_BOTH(test_without_time_pages_go_on_and_miss_nothing),
        ON_BOTH(test_who_may_not_see_it_does_not_find_it),
        ON_BOTH(test_wrong_filters_say_what_is_wrong),
        ON_BOTH(test_a_manager_finds_their_team_only),
        ON_BOTH(test_an_export_has_every_line_and_a_flow_all_of_its),
        ON_BOTH(test_days_go_with_their_words_and_leave_their_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
