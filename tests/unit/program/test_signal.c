/* SPDX-License-Identifier: Apache-2.0 */
/* Off-channel signals: counts come in, days are judged, and somebody decides what becomes of a signal. */
#include "base/text.h"
#include "identify/catalog.h"
#include "program/approved.h"
#include "program/cases.h"
#include "program/signal.h"
#include "program/signal_days.h"
#include <stdlib.h>

enum { DESK = 12, WORKING_DAYS = 45, WEEKS = 9, CSV_SIZE = 64 * 1024 };
static const int64_t a_day_us = INT64_C(86400000000);

struct world {
    struct catalog *catalog;
    int64_t desk, people[DESK], channel, whatsapp;
    struct actor carl, cora, exa, token;
    char *csv;
};

/* The i-th working day; the last is Tuesday, 2026-11-24, the day before cases_now. */
static int working_day(int i)
{
    const int64_t tuesday = day_start(20261124);
    int left = WORKING_DAYS - 1 - i;
    int64_t at = tuesday;

    while (left > 0) {
        at -= a_day_us;
        left -= (at / a_day_us + 3) % 7 < 5;
    }
    return day_of(at);
}

static struct actor person_actor(struct database *d, const char *name, const char *roles, int64_t person)
{
    struct actor a = actor_of(add_account(d, name, roles, person), name, roles);

    a.person = person;
    return a;
}

static struct world make(struct database *d)
{
    struct world w = { .csv = malloc(CSV_SIZE) };

    assert_non_null(w.csv);
    good(d, catalog_builtin(&w.catalog, &d->err));
    good(d, db_insert(d->db, "insert into department (name) values ('Desk') returning id", DB_NONE, &w.desk,
                      &d->err));
    for (unsigned i = 0; i < DESK; i++) {
        char name[16], number[16];
        snprintf(name, sizeof name, "P%u", i);
        snprintf(number, sizeof number, "N%u", i);
        w.people[i] = add_person(d, name);
        good(d, db_run(d->db, "update person set department = ?, number = ?, email = ? where id = ?",
                       DB_ARGS(db_int(w.desk), db_text(number), db_text(name), db_int(w.people[i])), NULL,
                       &d->err));
        good(
            d,
            db_run(
                d->db,
                "insert into person_alias (kind, value, person, source, from_us) values ('user', ?, ?, 'hand', 0)",
                DB_ARGS(db_text(i == 0 ? "zero" : number), db_int(w.people[i])), NULL, &d->err));
    }
    w.carl = person_actor(d, "carl", "compliance", 0);
    w.cora = person_actor(d, "cora", "compliance", w.people[1]);
    w.exa = person_actor(d, "exa", "examiner", 0);
    w.token = w.carl;
    w.token.token = true;
    struct act carl = act_by(d, &w.carl);
    json_t *body = json_pack("{s:s,s:s}", "name", "Chat archive", "note", "nightly");
    good(d, DO(d, &carl, channel_create(&carl, body, &w.channel, &d->err)));
    json_decref(body);
    good(d, db_insert(d->db, "insert into term (kind, value) values ('service', 'whatsapp') returning id",
                      DB_NONE, &w.whatsapp, &d->err));
    return w;
}

static void leave(struct world *w)
{
    catalog_close(w->catalog);
    free(w->csv);
}

/* Use of WhatsApp by a person on days [from, to). */
static void use(struct database *d, const struct world *w, unsigned person, int from, int to, int flows)
{
    int64_t who = 0;
    char login[16];

    snprintf(login, sizeof login, "w%u-%d", person, from);
    good(d, db_insert(
                d->db,
                "insert into who (address, login, host, person) values ('192.0.2.9', ?, '', ?) returning id",
                DB_ARGS(db_text(login), db_int(w->people[person])), &who, &d->err));
    for (int i = from; i < to; i++) {
        good(d,
             db_run(
                 d->db,
                 "insert into usage_who (day, who, service, action, events, flows, messages, files, alerts, "
                 "stopped, bytes_out, bytes_in, last_us) values (?, ?, ?, 1, ?, ?, 0, 0, 0, 0, ?, 0, 0)",
                 DB_ARGS(db_int(working_day(i)), db_int(who), db_int(w->whatsapp), db_int(flows),
                         db_int(flows), db_int(flows * 20000)),
                 NULL, &d->err));
        good(
            d,
            db_run(
                d->db,
                "insert into usage_service_day (day, service, action, events, flows, lookups, messages, files, "
                "alerts, stopped, agile, bytes_out, bytes_in) values (?, ?, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0) "
                "on conflict do nothing",
                DB_ARGS(db_int(working_day(i)), db_int(w->whatsapp)), NULL, &d->err));
    }
}

static struct approved_list *parsed(struct database *d, const char *text)
{
    struct approved_list *l = approved_list_new();

    assert_non_null(l);
    good(d, approved_csv_parse(view_string(text), l, &d->err));
    return l;
}

static const struct approved_how by_file = { .source = "file", .name = "day.csv", .sha256 = "00" };

static bool bring(struct database *d, struct world *w, const char *text, json_t **out)
{
    struct act carl = act_by(d, &w->carl);
    struct approved_list *l = parsed(d, text);
    bool ok = DO(d, &carl, approved_import(&carl, w->channel, l, &by_file, out, &d->err));

    approved_list_free(l);
    return ok;
}

/* 30 messages a day of everybody, but what `silent` (by bits) do from day `since` on. */
static void bring_all(struct database *d, struct world *w, unsigned silent, int since)
{
    struct text t = text_over(w->csv, CSV_SIZE);
    json_t *out = NULL;

    text_string(&t, "day,person,messages\n");
    for (int i = 0; i < WORKING_DAYS; i++)
        for (unsigned p = 0; p < DESK; p++) {
            const int day = working_day(i);
            if (i >= since && (silent >> p & 1) != 0)
                continue;
            text_format(&t, "%d-%02d-%02d,N%u,%u\n", day / 10000, day / 100 % 100, day % 100, p,
                        30 + ((unsigned)i + p) % 7);
        }
    assert_false(t.cut);
    good(d, bring(d, w, w->csv, &out));
    json_decref(out);
}

static struct signals_found find(struct database *d, struct world *w, uint64_t later_us)
{
    struct signals_found n;

    good(d, signals_find(d->db, w->catalog, cases_now + later_us, &n, &d->err));
    return n;
}

static void test_counts_replace_the_days_they_have(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl);
    json_t *out = NULL, *list = NULL;

    /* by staff number, e-mail and login; one nobody knows; twice the same day */
    good(
        d,
        bring(
            d, &w,
            "day,person,messages\n2026-11-02,N1,5\n2026-11-02,p2,7\n2026-11-02,BANK\\zero,1\n2026-11-02,zero,2\n"
            "2026-11-02,ghost,9\n2026-11-03,N1,x\n2026-11-03,N1,4\n",
            &out));
    const json_t *import = json_object_get(out, "import");
    assert_int_equal(json_integer_value(json_object_get(import, "unknown")), 1);
    assert_int_equal(json_integer_value(json_object_get(import, "refused")), 1);
    assert_int_equal(json_integer_value(json_object_get(import, "days")), 2);
    assert_int_equal(json_integer_value(json_object_get(import, "people")), 3);
    assert_int_equal(json_integer_value(json_object_get(import, "messages")), 19);
    assert_int_equal(json_integer_value(json_object_get(import, "replaced")), 0);
    assert_int_equal(json_array_size(json_object_get(out, "problems")), 2);
    json_decref(out);
    assert_int_equal(
        database_number(
            d,
            "select messages from approved_count c join person p on p.id = c.person where p.number = 'N0'"),
        3);
    assert_int_equal(database_number(d, "select people from approved_department where day = 20261102"), 3);

    good(d, bring(d, &w, "day,person,messages\n2026-11-02,N1,50\n", &out));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(out, "import"), "replaced")), 1);
    json_decref(out);
    assert_int_equal(database_number(d, "select sum(messages) from approved_count where day = 20261102"), 50);
    assert_int_equal(database_number(d, "select sum(messages) from approved_count where day = 20261103"), 4);

    /* beside what is there, and not whole yet */
    struct approved_list *l = parsed(d, "day,person,messages\n2026-11-02,N2,1\n");
    const struct approved_how part = {
        .source = "api", .name = "", .sha256 = "", .beside = true, .more = true
    };
    good(d, DO(d, &carl, approved_import(&carl, w.channel, l, &part, &out, &d->err)));
    approved_list_free(l);
    json_decref(out);
    assert_int_equal(database_number(d, "select messages from approved_day where day = 20261102"), 51);
    assert_int_equal(database_number(d, "select whole from approved_day where day = 20261102"), 0);

    /* what would do more harm than good */
    assert_false(bring(
        d, &w, "day,person,messages\n2026-11-02,ghost,5\n2026-11-02,spirit,5\n2026-11-02,N1,1\n", &out));
    assert_non_null(strstr(d->err.text, "2 of 3 people are not in the directory"));
    assert_false(bring(d, &w, "day,person,messages\n2027-11-02,N1,1\n", &out));
    assert_non_null(strstr(d->err.text, "still to come"));
    assert_int_equal(database_number(d, "select sum(messages) from approved_count where day = 20261102"), 51);
    assert_int_equal(audit_count(d, "channel.import"), 3);

    good(d, approved_imports_json(&carl, 0, 0, 2, &list, &d->err));
    assert_int_equal(json_array_size(json_object_get(list, "imports")), 2);
    assert_true(json_is_string(json_object_get(list, "cursor")));
    json_decref(list);
    good(d, approved_mine(d->db, w.people[1], &list, &d->err));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "messages")), 54);
    json_decref(list);
    leave(&w);
}

static void test_who_fell_silent_is_found_and_the_others_are_not(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl), exa = act_by(d, &w.exa);
    struct signal_filter f = { .states = "open", .levels = "1,2", .limit = 10 };
    json_t *page = NULL, *row = NULL;

    /* 0 moved; 1 is away; 2 uses both; 3 fell silent with tries that nobody saw pass */
    bring_all(d, &w, 1 << 0 | 1 << 1 | 1 << 3, 40);
    use(d, &w, 0, 0, 40, 8);
    use(d, &w, 0, 40, 45, 30);
    use(d, &w, 1, 0, 40, 8);
    use(d, &w, 2, 0, 45, 30);
    struct signals_found n = find(d, &w, 0);
    assert_string_equal(n.waits, "");
    assert_int_equal(n.raised, 1);
    assert_int_equal(n.people, DESK - 3);
    assert_int_equal(audit_count(d, "signal.raise"), 1);
    assert_false(find(d, &w, 1).judged); /* nothing new */

    good(d, signal_list(&exa, &f, &page, &d->err));
    row = json_array_get(json_object_get(page, "signals"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "label")),
                        "P0"); /* the pseudonym of add_person() */
    assert_int_equal(json_integer_value(json_object_get(row, "level")), 1);
    assert_int_equal(json_integer_value(json_object_get(row, "usual")), 33);
    assert_int_equal(json_integer_value(json_object_get(row, "seen")), 0);
    assert_int_equal(json_integer_value(json_object_get(row, "flows")), 150);
    assert_string_equal(json_string_value(json_object_get(row, "first")), "2026-11-18");
    assert_string_equal(json_string_value(json_object_get(row, "last")), "2026-11-24");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "summary"), "strong")), 1);
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    json_decref(page);
    f.levels = "3";
    good(d, signal_list(&exa, &f, &page, &d->err));
    assert_int_equal(json_array_size(json_object_get(page, "signals")), 0);
    json_decref(page);
    f.levels = "4";
    assert_false(signal_list(&exa, &f, &page, &d->err));

    good(d, signal_get(&carl, w.catalog, id, &row, &d->err));
    assert_true(json_array_size(json_object_get(row, "reasons")) >= 5);
    assert_true(json_array_size(json_object_get(row, "limits")) >= 4);
    assert_string_equal(json_string_value(json_object_get(row, "peers_of")), "department");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(row, "services"), 0), "name")),
        "WhatsApp");
    assert_true(json_array_size(json_object_get(row, "days")) > 60);
    json_decref(row);
    good(d, signal_get(&exa, w.catalog, id, &row, &d->err));
    assert_false(json_is_true(json_object_get(json_object_get(row, "may"), "decide")));
    json_decref(row);
    /* the most used first; what nobody used is none of them */
    int64_t other = 0;
    good(d, db_insert(d->db, "insert into term (kind, value) values ('service', 'telegram') returning id",
                      DB_NONE, &other, &d->err));
    good(d, db_insert(d->db, "insert into term (kind, value) values ('service', 'signal') returning id",
                      DB_NONE, &other, &d->err));
    good(
        d,
        db_run(d->db,
               "insert into usage_service_day (day, service, action, events, flows, lookups, messages, "
               "files, alerts, stopped, agile, bytes_out, bytes_in) values (?, ?, 1, 9000, 9000, 0, 0, 0, 0, "
               "0, 0, 0, 0)",
               DB_ARGS(db_int(working_day(40)), db_int(other)), NULL, &d->err));
    good(d, signal_weeks(&carl, w.catalog, 0, WEEKS, &page, &d->err));
    assert_int_equal(json_array_size(json_object_get(page, "weeks")), WEEKS);
    assert_true(json_integer_value(
                    json_object_get(json_array_get(json_object_get(page, "weeks"), 3), "approved")) > 1500);
    assert_int_equal(json_array_size(json_object_get(page, "services")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(page, "services"), 0)), "Signal");
    assert_string_equal(json_string_value(json_array_get(json_object_get(page, "services"), 1)), "WhatsApp");
    json_decref(page);

    /* the next night, the same: it goes on, and is no second one */
    n = find(d, &w, 24 * UINT64_C(3600000000));
    assert_true(n.judged);
    assert_int_equal(n.raised + n.ended, 0);
    /* writes again */
    bring_all(d, &w, 1 << 1, 40);
    n = find(d, &w, 25 * UINT64_C(3600000000));
    assert_int_equal(n.ended, 1);
    assert_int_equal(database_number(d, "select count(*) from signal where going_on = 0 and state = 'open'"),
                     1);
    leave(&w);
}

static void test_nothing_is_said_without_enough_days(struct database *d)
{
    struct world w = make(d);
    struct signals_found n;
    json_t *out = NULL;

    use(d, &w, 0, 40, 45, 30);
    good(d,
         bring(d, &w, "day,person,messages\n2026-11-02,N0,50\n2026-11-03,N0,50\n2026-11-07,N0,50\n", &out));
    json_decref(out);
    n = find(d, &w, 0);
    assert_true(n.judged);
    assert_string_equal(
        n.waits, "2 of the 25 working days that are needed were brought in"); /* the 7th is a Saturday */
    /* counts that stopped coming */
    bring_all(d, &w, 1, 40);
    n = find(d, &w, UINT64_C(21) * 24 * 3600000000);
    assert_string_equal(n.waits, "no counts of Chat archive came since 2026-11-24");
    assert_int_equal(n.raised, 0);
    leave(&w);
}

static void test_an_outage_of_all_is_no_silence(struct database *d)
{
    struct world w = make(d);

    bring_all(d, &w, 0xffd, 41); /* but one */
    for (unsigned i = 0; i < DESK; i++)
        use(d, &w, i, 0, 45, 30);
    assert_int_equal(find(d, &w, 0).raised, 0); /* these days do not count at all: hardly anybody wrote */
    leave(&w);
}

static void test_somebody_else_decides_with_a_reason(struct database *d)
{
    struct world w = make(d);
    struct act carl = act_by(d, &w.carl), cora = act_by(d, &w.cora), token = act_by(d, &w.token);
    json_t *row = NULL;
    int64_t of0, of1;

    bring_all(d, &w, 3, 40);
    use(d, &w, 0, 0, 45, 30);
    use(d, &w, 1, 0, 45, 30);
    assert_int_equal(find(d, &w, 0).raised, 2);
    of0 = database_number(d, "select min(id) from signal");
    of1 = database_number(d, "select max(id) from signal");

    assert_false(DO(d, &cora, signal_triage(&cora, of1, "open", "dismissed", "it is me", &d->err)));
    assert_int_equal(cora.problem, ACT_FORBIDDEN);
    assert_false(DO(d, &token, signal_triage(&token, of0, "open", "dismissed", "by a program", &d->err)));
    assert_int_equal(token.problem, ACT_FORBIDDEN);
    assert_false(DO(d, &carl, signal_triage(&carl, of0, "open", "looked", " ", &d->err)));
    assert_int_equal(carl.problem, ACT_WRONG);
    good(d, DO(d, &carl, signal_triage(&carl, of0, "open", "looked", "asked the desk's head", &d->err)));
    assert_false(DO(d, &cora, signal_triage(&cora, of0, "open", "dismissed", "late to it", &d->err)));
    assert_int_equal(cora.problem, ACT_LATE);
    good(d, DO(d, &cora, signal_triage(&cora, of0, "looked", "dismissed", "moved to another desk", &d->err)));
    good(d, signal_get(&carl, w.catalog, of0, &row, &d->err));
    assert_int_equal(json_array_size(json_object_get(row, "steps")), 3);
    assert_string_equal(json_string_value(json_object_get(row, "state")), "dismissed");
    json_decref(row);
    assert_int_equal(audit_count(d, "signal.triage"), 2);

    good(d, DO(d, &carl, signal_take_up(&carl, of1, 0, "no answer from the desk", &d->err)));
    good(d, signal_get(&carl, w.catalog, of1, &row, &d->err));
    assert_non_null(
        strstr(json_string_value(json_object_get(json_object_get(row, "incident"), "title")), "signal"));
    json_decref(row);
    assert_int_equal(database_number(d, "select count(*) from incident_link where kind = 'person'"), 1);
    assert_false(DO(d, &carl, signal_take_up(&carl, of1, 0, "once more", &d->err)));
    assert_int_equal(carl.problem, ACT_LATE);
    assert_false(DO(d, &carl, signal_take_up(&carl, of0, 4711, "no such one", &d->err)));
    assert_int_equal(carl.problem, ACT_WRONG);
    const int64_t incident = database_number(d, "select max(id) from incident");
    good(d, DO(d, &carl, signal_take_up(&carl, of0, incident, "the same desk", &d->err)));
    assert_int_equal(database_number(d, "select count(*) from incident"), 1);
    assert_int_equal(audit_count(d, "signal.incident"), 2);
    leave(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_counts_replace_the_days_they_have),
        ON_BOTH(test_who_fell_silent_is_found_and_the_others_are_not),
        ON_BOTH(test_nothing_is_said_without_enough_days),
        ON_BOTH(test_an_outage_of_all_is_no_silence),
        ON_BOTH(test_somebody_else_decides_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
