/* SPDX-License-Identifier: Apache-2.0 */
/* Lines into the database: what is read of them, what is refused, how words and people become numbers. */
#include "store/database.h"
#include "store/eve_lines.h"
#include "store/eve_scan.h"
#include "store/event_parts.h"
#include <stdio.h>
#include <stdlib.h>

static const uint64_t now = LINES_START_US + 40 * (uint64_t)DAY_US;

static const char *const flow_line =
    "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"flow_id\":5595015533313935,\"event_type\":\"flow\","
    "\"src_ip\":\"10.20.30.112\",\"src_port\":49243,\"dest_ip\":\"203.0.113.10\",\"dest_port\":5222,\"proto\":\"TCP\","
    "\"src_host\":\"phone-anna\",\"flow\":{\"bytes_toserver\":1575,\"bytes_toclient\":1309},"
    "\"im\":{\"service\":\"whatsapp\",\"protocol\":\"whatsapp-noise\",\"delivery\":\"server-proxy\","
    "\"activity\":[\"login\",\"chat\"],\"port_agile\":false,\"evidence\":[{\"kind\":\"dns\",\"value\":\"e1.whatsapp.net\"}]},"
    "\"verdict\":{\"action\":\"alert\",\"rule\":\"default\"}}\n";

static void scan(const char *line, struct eve *e, bool expected)
{
    char scratch[EVE_LINE_MOST];

    if (eve_scan(view_string(line), scratch, e) != expected)
        fail_msg("%s: %s", line, e->refused != NULL ? e->refused : "taken");
}

static void test_a_line_is_read_whole(void **state)
{
    struct eve e;

    (void)state;
    scan(flow_line, &e, true);
    assert_true(view_equal(e.text[EVE_IM_SERVICE], VIEW("whatsapp")));
    assert_true(view_equal(e.name, VIEW("e1.whatsapp.net")));
    assert_int_equal(e.number[EVE_FLOW_BYTES_IN], 1309);
    assert_int_equal(e.activity, 2 | 8);
    scan("{\"event_type\":\"a\\u00e9\\ud83d\\ude00\\u0000\\\"b\\n\"}", &e, true);
    assert_true(view_equal(e.text[EVE_TOP_EVENT_TYPE], VIEW("a\xc3\xa9\xf0\x9f\x98\x80?\"b ")));
}

static void test_no_prefix_of_a_line_is_taken(void **state)
{
    char scratch[EVE_LINE_MOST];
    struct view line = view_slice(view_string(flow_line), 0, strlen(flow_line) - 1);
    struct eve e;

    (void)state;
    assert_true(eve_scan(line, scratch, &e));
    for (size_t n = 0; n < line.len; n++)
        assert_false(eve_scan(view_slice(line, 0, n), scratch, &e));
}

static void test_what_is_not_json_or_has_two_meanings_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}{}",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":1e999}",
        "{\"a\":1234567890123456789}",
        "{\"a\":\"\x01\"}",
        "{\"event_type\":\"\\x\"}",
        "{\"event_type\":\"\\u12\"}",
        "{\"a\":tru}",
        "{\"im\":{},\"im\":{}}",
        "{\"event_type\":\"flow\",\"event_type\":\"im\"}",
        "{\"event\\u005ftype\":\"flow\"}",
        "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}",
        "{\"a\":{]}",
        "{\"a\":+1}",
        "{\"a\":nul}",
    };
    struct eve e;

    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        scan(bad[i], &e, false);
}

static void test_times_are_read(void **state)
{
    uint64_t us;

    (void)state;
    assert_true(eve_time(VIEW("2026-11-20T08:56:10.071000+0000"), &us));
    assert_int_equal(us, LINES_START_US + (8 * 3600ull + 56 * 60 + 10) * 1000000 + 71000);
    assert_true(eve_time(VIEW("2026-11-20T10:26:10.071+01:30"), &us));
    assert_int_equal(us, LINES_START_US + (8 * 3600ull + 56 * 60 + 10) * 1000000 + 71000);
    assert_true(eve_time(VIEW("2026-11-20T08:56:10Z"), &us));
    static const char *const bad[] = { "",
                                       "2026-11-20",
                                       "2026-13-20T08:56:10Z",
                                       "2026-11-20T08:56:10+",
                                       "2026-11-20T08:56:10Zx",
                                       "1960-11-20T08:56:10Z",
                                       "2026-11-20T25:56:10Z" };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(eve_time(view_string(bad[i]), &us));
    for (int64_t day = 0; day < 60000; day += 17) {
        assert_int_equal(day_start(day_of(day * DAY_US + 5)), day * DAY_US);
    }
    assert_int_equal(day_of((int64_t)LINES_START_US), 20261120);
}

static int64_t sensor_new(struct database *d, const char *name)
{
    int64_t id;

    good(
        d,
        db_insert(
            d->db,
            "insert into sensor (name, kind, state, enrolled_us) values (?, 'sensor', 'active', 0) returning id",
            DB_ARGS(db_text(name)), &id, &d->err));
    return id;
}

static void store(struct database *d, struct ingest *i, const char *lines, struct ingest_counts *counts)
{
    good(d, db_begin_feed(d->db, &d->err));
    good(d, ingest_lines(i, view_string(lines), now, counts, &d->err));
    good(d, db_commit(d->db, &d->err));
}

static struct ingest *ingest_of(struct database *d)
{
    struct ingest *i;

    good(d, ingest_new(d->db, sensor_new(d, "one"), &i, &d->err));
    return i;
}

static void test_an_event_comes_back_as_it_was(struct database *d)
{
    struct ingest_counts counts = { 0 };
    struct ingest *i = ingest_of(d);
    json_t *event;

    store(d, i, flow_line, &counts);
    assert_int_equal(counts.stored, 1);
    assert_int_equal(counts.refused, 0);
    good(d, events_get(d->db, counts.last_id, &event, &d->err));
    assert_string_equal(json_string_value(json_object_get(event, "service")), "whatsapp");
    assert_string_equal(json_string_value(json_object_get(event, "server_name")), "e1.whatsapp.net");
    assert_string_equal(json_string_value(json_object_get(event, "time")), "2026-11-20T08:56:10.071000Z");
    assert_string_equal(json_string_value(json_object_get(event, "action")), "alert");
    assert_int_equal(json_integer_value(json_object_get(event, "flow_id")), 5595015533313935);
    assert_string_equal(json_string_value(json_object_get(json_object_get(event, "who"), "host")),
                        "phone-anna");
    json_t *eve = json_loads(flow_line, 0, NULL);
    assert_true(json_equal(eve, json_object_get(event, "eve")));
    json_decref(eve);
    json_decref(event);
    ingest_free(i);
}

static void test_what_is_no_event_is_counted_with_its_reason(struct database *d)
{
    struct ingest_counts counts = { 0 };
    struct ingest *i = ingest_of(d);

    store(
        d, i,
        "no json\n"
        "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"event_type\":\"http\"}\n"
        "{\"event_type\":\"flow\"}\n"
        "{\"timestamp\":\"2099-11-20T08:56:10.071000+0000\",\"event_type\":\"flow\"}\n"
        "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"event_type\":\"dns\",\"dns\":{\"type\":\"answer\"}}\n"
        "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"event_type\":\"dns\",\"src_ip\":\"10.0.0.1\","
        "\"dns\":{\"type\":\"query\",\"rrname\":\"web.whatsapp.com\"}}",
        &counts);
    assert_int_equal(counts.lines, 6);
    assert_int_equal(counts.stored, 1);
    assert_int_equal(counts.refused, 5);
    assert_non_null(strstr(counts.refusal, "not a JSON object"));
    assert_int_equal(database_number(d, "select sum(lookups) from usage_day"), 1);
    ingest_free(i);
}

static void test_octets_that_are_no_text_do_not_hurt(struct database *d)
{
    struct ingest_counts counts = { 0 };
    struct ingest *i = ingest_of(d);
    json_t *event;

    store(
        d, i,
        "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"event_type\":\"im\",\"im\":{\"account\":\"a\xff\xfe\\u0000b\"}}\n",
        &counts);
    assert_int_equal(counts.stored, 1);
    good(d, events_get(d->db, counts.last_id, &event, &d->err));
    assert_string_equal(json_string_value(json_object_get(event, "account")), "a???b");
    json_decref(event);
    ingest_free(i);
}

static void test_a_rollback_leaves_nothing_and_the_next_batch_goes_in(struct database *d)
{
    struct ingest_counts counts = { 0 };
    struct ingest *i = ingest_of(d);

    good(d, db_begin_feed(d->db, &d->err));
    good(d, ingest_lines(i, view_string(flow_line), now, &counts, &d->err));
    db_rollback(d->db);
    ingest_forget(i);
    assert_int_equal(database_number(d, "select count(*) from event_day"), 0);
    store(d, i, flow_line, &counts);
    assert_int_equal(database_number(d, "select events from event_day"), 1);
    assert_int_equal(database_number(d, "select sum(flows) from usage_hour"), 1);
    ingest_free(i);
}

static void test_sensors_are_stored_together_and_counted_each(struct database *d)
{
    struct ingest_counts counts[2] = { { 0 }, { 0 } };
    struct ingest *one = ingest_of(d), *two;
    char lines[4096];

    good(d, ingest_new_beside(one, sensor_new(d, "two"), &two, &d->err));
    snprintf(lines, sizeof lines, "%s\nno event\n%s\n", flow_line, flow_line);
    struct ingest_batch batches[] = { { one, view_string(flow_line), &counts[0] },
                                      { two, view_string(lines), &counts[1] } };
    good(d, db_begin_feed(d->db, &d->err));
    good(d, ingest_batches(batches, 2, now, &d->err));
    good(d, db_commit(d->db, &d->err));
    assert_int_equal(counts[0].stored, 1);
    assert_int_equal(counts[0].refused, 0);
    assert_int_equal(counts[1].stored, 2);
    assert_int_equal(counts[1].refused, 1);
    assert_int_equal(database_number(d, "select events from sensor where name = 'one'"), 1);
    assert_int_equal(database_number(d, "select events from sensor where name = 'two'"), 2);
    assert_int_equal(database_number(d,
                                     "select count(*) from event_20261120 e join sensor s on s.id = e.sensor"
                                     " where s.name = 'two'"),
                     2);
    assert_int_equal(database_number(d, "select sum(flows) from usage_hour"), 3);
    assert_int_equal(database_number(d, "select count(*) from who"), 1);
    ingest_free(one); /* the other goes on */
    store(d, two, flow_line, &counts[1]);
    assert_int_equal(counts[1].stored, 3);
    ingest_free(two);
}

static void test_stats_tell_of_the_sensor(struct database *d)
{
    struct ingest_counts counts = { 0 };
    struct ingest *i = ingest_of(d);

    store(
        d, i,
        "{\"timestamp\":\"2026-11-20T08:56:00.000000+0000\",\"event_type\":\"stats\",\"stats\":{\"packets\":1000}}\n"
        "{\"timestamp\":\"2026-11-20T08:57:00.000000+0000\",\"event_type\":\"stats\",\"stats\":{\"packets\":7000,"
        "\"kernel_dropped\":5,\"flows\":12}}\n",
        &counts);
    assert_int_equal(counts.stored, 0);
    assert_int_equal(
        database_number(d,
                        "select count(*) from sensor where stats like '%\"packets_per_s\":100,\"drops\":5%'"),
        1);
    ingest_free(i);
}

static void test_people_are_found_by_login_host_address_and_network(struct database *d)
{
    struct ingest_counts counts = { 0 };
    struct ingest *i;

    good(
        d,
        db_script(
            d->db,
            "insert into department (id, name) values (1, 'Treasury'), (2, 'Retail');"
            "insert into person (id, pseudonym, name, department, source, state, joined_us, changed_us) values"
            " (1, 'P-1', 'Anna', 1, 'hand', 'active', 0, 0), (2, 'P-2', 'Ben', 2, 'hand', 'active', 0, 0),"
            " (3, 'P-3', 'Cleo', 2, 'hand', 'active', 0, 0);"
            "insert into person_alias (kind, value, person, source, from_us, until_us) values"
            " ('user', 'anna', 1, 'hand', 0, null), ('host', 'pc-ben', 2, 'hand', 0, null),"
            " ('address', '10.9.0.0/16', 3, 'hand', 0, null), ('address', '10.9.9.0/24', 2, 'hand', 0, null),"
            " ('address', '10.1.1.1', 3, 'hand', 0, 1000);",
            &d->err));
    i = ingest_of(d);
#define LINE(ip, who)                                                                                        \
    "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"event_type\":\"flow\",\"src_ip\":\"" ip "\"" who   \
    "}\n"
    store(d, i,
          LINE("10.9.1.1", ",\"src_who\":{\"user\":\"ANNA\",\"host\":\"pc-ben\"}")
              LINE("10.9.1.2", ",\"src_host\":\"pc-ben\"") LINE("10.9.1.3", "") LINE("10.9.9.3", "")
                  LINE("10.1.1.1", ""),
          &counts);
    assert_int_equal(database_number(d, "select person from who where address = '10.9.1.1'"), 1);
    assert_int_equal(database_number(d, "select person from who where address = '10.9.1.2'"), 2);
    assert_int_equal(database_number(d, "select person from who where address = '10.9.1.3'"), 3);
    assert_int_equal(database_number(d, "select person from who where address = '10.9.9.3'"), 2);
    assert_int_equal(
        database_number(d, "select count(*) from who where address = '10.1.1.1' and person is null"), 1);
    assert_int_equal(database_number(d, "select sum(flows) from usage_day where department = 2"), 3);
    ingest_free(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_read_whole),
        cmocka_unit_test(test_no_prefix_of_a_line_is_taken),
        cmocka_unit_test(test_what_is_not_json_or_has_two_meanings_is_refused),
        cmocka_unit_test(test_times_are_read),
        ON_BOTH(test_an_event_comes_back_as_it_was),
        ON_BOTH(test_what_is_no_event_is_counted_with_its_reason),
        ON_BOTH(test_octets_that_are_no_text_do_not_hurt),
        ON_BOTH(test_a_rollback_leaves_nothing_and_the_next_batch_goes_in),
        ON_BOTH(test_sensors_are_stored_together_and_counted_each),
        ON_BOTH(test_stats_tell_of_the_sensor),
        ON_BOTH(test_people_are_found_by_login_host_address_and_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
