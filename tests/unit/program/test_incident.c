/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts become incidents, each once; and what people do with incidents. */
#include "program/cases.h"
#include "program/incident.h"
#include <stdlib.h>

static const uint64_t day_us = UINT64_C(86400000000);

/* An alert of a detector at `second` of 2026-11-20, 08:56 + … */
static void add_alert(char **lines, unsigned minute, const char *detector, const char *subject,
                      unsigned severity, const char *client)
{
    char line[1024];
    size_t old = *lines != NULL ? strlen(*lines) : 0;
    int n = snprintf(
        line, sizeof line,
        "{\"timestamp\":\"2026-11-%02uT%02u:%02u:10.071000+0000\",\"flow_id\":%u,\"event_type\":\"alert\",\"src_ip\":\"%s\","
        "\"src_port\":49243,\"dest_ip\":\"203.0.113.10\",\"dest_port\":5222,\"proto\":\"TCP\","
        "\"alert\":{\"action\":\"allowed\",\"gid\":1,\"signature_id\":4100,\"rev\":1,\"signature\":\"malware sent\","
        "\"category\":\"c\",\"severity\":%u},\"im\":{\"service\":\"irc\",\"protocol\":\"irc\"},"
        "\"imward\":{\"detector\":\"%s\",\"seen\":\"s\",\"why\":\"w\",\"advice\":\"unplug it\",\"subject\":\"%s\"}}\n",
        20 + minute / 1440, minute / 60 % 24, minute % 60, minute + 1, client, severity, detector, subject);

    *lines = realloc(*lines, old + (size_t)n + 1);
    assert_non_null(*lines);
    memcpy(*lines + old, line, (size_t)n + 1);
}

static struct incident_counts take(struct database *d)
{
    struct incident_counts all = { .alerts = 0 }, c;

    do {
        good(d, incident_take_alerts(d->db, day_us, cases_now, &c, &d->err));
        all.alerts += c.alerts;
        all.opened += c.opened;
        all.joined += c.joined;
    } while (c.more);
    return all;
}

static void store_alert(struct database *d, unsigned minute, const char *detector, const char *subject,
                        unsigned severity)
{
    char *lines = NULL;

    add_alert(&lines, minute, detector, subject, severity, "10.0.0.1");
    store_lines(d, lines);
    free(lines);
}

static struct actor engineer(struct database *d, const char *name, int64_t *out_id)
{
    int64_t id = add_account(d, name, "engineer", 0);

    if (out_id != NULL)
        *out_id = id;
    return actor_of(id, name, "engineer");
}

static json_t *get(struct database *d, int64_t id)
{
    const struct actor who = { .name = "x" };
    struct act a = act_by(d, &who);
    json_t *one = NULL;

    good(d, incident_get(&a, id, &one, &d->err));
    return one;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

static bool change(struct database *d, struct act *a, int64_t id, json_t *body)
{
    bool ok = DO(d, a, incident_change(a, id, body, &d->err));

    json_decref(body);
    return ok;
}

static void test_alerts_of_one_subject_are_one_incident(struct database *d)
{
    store_alert(d, 0, "malware", "aa", 2);
    store_alert(d, 10, "malware", "aa", 1);
    store_alert(d, 20, "malware", "bb", 2);
    store_alert(d, 30, "worm", "aa", 2);
    struct incident_counts c = take(d);
    assert_int_equal(c.alerts, 4);
    assert_int_equal(c.opened, 3);
    assert_int_equal(c.joined, 1);
    /* nothing is taken twice */
    assert_int_equal(take(d).alerts, 0);
    json_t *one = get(d, 1);
    assert_string_equal(text_of(one, "title"), "Infected file over instant messaging");
    assert_string_equal(text_of(one, "state"), "new");
    assert_string_equal(text_of(one, "service"), "irc");
    assert_string_equal(text_of(one, "advice"), "Unplug it.");
    assert_int_equal(json_integer_value(json_object_get(one, "severity")), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "alerts")), 2);
    assert_string_equal(text_of(one, "first"), "2026-11-20T00:00:10.071000Z");
    assert_string_equal(text_of(one, "last"), "2026-11-20T00:10:10.071000Z");
    assert_int_equal(json_array_size(json_object_get(one, "links")), 3);    /* two events, a client */
    assert_int_equal(json_array_size(json_object_get(one, "timeline")), 4); /* two alerts, new, worse */
    json_decref(one);
    assert_int_equal(audit_count(d, "incident.open"), 3);
}

static void test_what_is_seen_a_day_later_or_again_is_new(struct database *d)
{
    int64_t id;
    struct actor eva = engineer(d, "eva", &id);
    struct act a = act_by(d, &eva);

    store_alert(d, 0, "worm", "x", 2);
    (void)take(d);
    store_alert(d, 1441, "worm", "x", 2); /* a day and a minute */
    assert_int_equal(take(d).opened, 1);
    store_alert(d, 1445, "worm", "x", 2);
    assert_int_equal(take(d).joined, 1);
    good(d,
         change(d, &a, 2, json_pack("{s:i,s:s,s:s}", "version", 1, "state", "closed", "outcome", "cleaned")));
    store_alert(d, 1450, "worm", "x", 2);
    assert_int_equal(take(d).opened, 1);
    json_t *one = get(d, 3), *links = json_object_get(one, "links");
    bool linked = false;
    for (size_t i = 0; i < json_array_size(links); i++)
        linked |= strcmp(text_of(json_array_get(links, i), "kind"), "incident") == 0 &&
                  json_integer_value(json_object_get(json_array_get(links, i), "object")) == 2;
    assert_true(linked);
    json_decref(one);
}

static void test_a_flood_is_one_incident(struct database *d)
{
    unsigned rounds = d->kind == DB_SQLITE ? 5 : 1;
    char *lines = NULL;

    for (unsigned i = 0; i < 2000; i++) {
        char client[32];
        snprintf(client, sizeof client, "10.0.%u.%u", i / 250, i % 250 + 1);
        add_alert(&lines, i / 3, "flood", "bot", 2, client);
    }
    for (unsigned i = 0; i < rounds; i++)
        store_lines(d, lines);
    free(lines);
    struct incident_counts c = take(d);
    assert_int_equal(c.alerts, rounds * 2000);
    assert_int_equal(c.opened, 1);
    assert_int_equal(database_number(d, "select alerts from incident"), rounds * 2000);
    assert_int_equal(database_number(d, "select count(*) from incident_link where kind = 'event'"),
                     INCIDENT_LINKED_EVENTS);
}

static void test_what_makes_an_incident_and_what_does_not(struct database *d)
{
    static const char head[] = "{\"timestamp\":\"2026-11-20T08:56:10.071000+0000\",\"flow_id\":7,";
    static const char ends[] =
        "\"src_ip\":\"10.0.0.9\",\"src_port\":1,\"dest_ip\":\"203.0.113.1\",\"dest_port\":2,\"proto\":\"TCP\",";
    char lines[4096];

    snprintf(
        lines, sizeof lines,
        "%s\"event_type\":\"alert\",%s\"alert\":{\"action\":\"blocked\",\"signature_id\":9003,\"signature\":\"policy: r\","
        "\"category\":\"policy\",\"severity\":2},\"im\":{\"service\":\"irc\"},\"verdict\":{\"action\":\"block\",\"rule\":\"r\",\"enforced\":\"reset\"}}\n"
        "%s\"event_type\":\"alert\",%s\"alert\":{\"action\":\"allowed\",\"signature_id\":9010,\"signature\":\"policy: r\","
        "\"category\":\"policy\",\"severity\":1},\"im\":{\"service\":\"irc\"},\"verdict\":{\"action\":\"block\",\"rule\":\"r\",\"enforced\":\"failed\"}}\n"
        "%s\"event_type\":\"fileinfo\",%s\"fileinfo\":{\"filename\":\"a.zip\",\"sha256\":\"aabb\",\"size\":3},"
        "\"im\":{\"service\":\"irc\"},\"scan\":{\"state\":\"infected\"}}\n"
        "%s\"event_type\":\"fileinfo\",%s\"fileinfo\":{\"filename\":\"b.zip\",\"sha256\":\"ccdd\",\"size\":3},"
        "\"im\":{\"service\":\"irc\"},\"scan\":{\"state\":\"clean\"}}\n",
        head, ends, head, ends, head, ends, head, ends);
    store_lines(d, lines);
    store_alert(d, 0, "malware", "aabb", 1); /* the same file, told by the detector */
    struct incident_counts c = take(d);
    assert_int_equal(c.opened, 2);
    assert_int_equal(database_number(d, "select count(*) from incident where detector = 'enforcement'"), 1);
    assert_int_equal(database_number(d, "select count(*) from incident where detector = 'malware'"), 1);
}

static void test_every_detector_has_a_title(struct database *d)
{
    static const char *const names[] = { "malware", "worm",       "links",  "impersonation",
                                         "hijack",  "flood",      "server", "port-agility",
                                         "evasion", "file-names", "spam",   "volume",
                                         "media",   "exposed",    "leaks",  "enforcement",
                                         "drill" };
    (void)d;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_string_not_equal(incident_title(names[i], 1), incident_title("no such", 1));
        assert_string_not_equal(incident_advice(names[i], 1), incident_advice("no such", 1));
    }
}

static void test_states_and_versions(struct database *d)
{
    int64_t id, me;
    struct actor eva = engineer(d, "eva", &me);
    struct act a = act_by(d, &eva);
    json_t *body = json_pack("{s:s,s:i,s:s}", "title", "Odd call", "severity", 2, "note", "somebody rang");

    good(d, DO(d, &a, incident_open(&a, body, &id, &d->err)));
    json_decref(body);
    good(d, change(d, &a, id,
                   json_pack("{s:i,s:s,s:I}", "version", 1, "state", "open", "assignee", (json_int_t)me)));
    /* an old version */
    assert_false(change(d, &a, id, json_pack("{s:i,s:s}", "version", 1, "state", "contained")));
    assert_int_equal(a.problem, ACT_LATE);
    assert_string_equal(d->err.key, "version");
    /* no way back to new; no end without an outcome */
    assert_false(change(d, &a, id, json_pack("{s:i,s:s}", "version", 2, "state", "new")));
    assert_int_equal(a.problem, ACT_LATE);
    assert_false(change(d, &a, id, json_pack("{s:i,s:s}", "version", 2, "state", "closed")));
    assert_string_equal(d->err.key, "outcome");
    good(d, change(d, &a, id,
                   json_pack("{s:i,s:s,s:s}", "version", 2, "state", "false-alarm", "outcome", "a test")));
    good(d, change(d, &a, id, json_pack("{s:i,s:s}", "version", 3, "state", "open")));
    assert_false(change(d, &a, id, json_pack("{s:i,s:i}", "version", 4, "assignee", 999)));
    assert_int_equal(a.problem, ACT_WRONG);
    assert_false(change(d, &a, id, json_pack("{s:i,s:i}", "version", 4, "severity", 0)));
    json_t *one = get(d, id);
    assert_string_equal(text_of(one, "state"), "open");
    assert_true(json_is_null(json_object_get(one, "closed")));
    assert_int_equal(json_integer_value(json_object_get(one, "version")), 4);
    assert_string_equal(text_of(json_object_get(one, "assignee"), "name"), "eva");
    json_decref(one);
    assert_int_equal(audit_count(d, "incident.change"), 2);
    assert_int_equal(audit_count(d, "incident.close"), 1);
    assert_false(change(d, &a, 99, json_pack("{s:i}", "version", 1)));
    assert_int_equal(a.problem, ACT_MISSING);
}

static void test_links_and_notes(struct database *d)
{
    struct actor eva = engineer(d, "eva", NULL);
    struct act a = act_by(d, &eva);
    int64_t person = add_person(d, "P-AAAAAA");
    char object[32];

    store_alert(d, 0, "worm", "x", 2);
    (void)take(d);
    snprintf(object, sizeof object, "%lld", (long long)person);
    good(d, DO(d, &a, incident_note(&a, 1, "asked the user", &d->err)));
    assert_false(DO(d, &a, incident_note(&a, 1, "  ", &d->err)));
    good(d, DO(d, &a, incident_link(&a, 1, "person", object, &d->err)));
    good(d, DO(d, &a, incident_link(&a, 1, "person", object, &d->err))); /* again: nothing */
    assert_false(DO(d, &a, incident_link(&a, 1, "person", "77", &d->err)));
    assert_int_equal(a.problem, ACT_WRONG);
    assert_false(DO(d, &a, incident_link(&a, 1, "event", "77", &d->err)));
    assert_false(DO(d, &a, incident_link(&a, 1, "incident", "1", &d->err)));
    assert_false(DO(d, &a, incident_link(&a, 1, "planet", "1", &d->err)));
    assert_int_equal(audit_count(d, "incident.link"), 1);
    good(d, DO(d, &a, incident_unlink(&a, 1, "person", object, &d->err)));
    assert_false(DO(d, &a, incident_unlink(&a, 1, "person", object, &d->err)));
    assert_int_equal(a.problem, ACT_MISSING);
    json_t *list = NULL;
    int64_t event = database_number(d, "select object from incident_link where kind = 'event'");
    good(d, incidents_of_events(d->db, &event, 1, &list, &d->err));
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
}

static void test_a_merged_incident_lives_on_in_the_other(struct database *d)
{
    struct actor eva = engineer(d, "eva", NULL);
    struct act a = act_by(d, &eva);
    const int64_t from[] = { 2 }, self[] = { 1 };

    store_alert(d, 10, "worm", "x", 2);
    store_alert(d, 0, "worm", "y", 1);
    (void)take(d);
    good(d, DO(d, &a, incident_merge(&a, 1, from, 1, &d->err)));
    assert_false(DO(d, &a, incident_merge(&a, 1, from, 1, &d->err)));
    assert_int_equal(a.problem, ACT_LATE);
    assert_false(DO(d, &a, incident_merge(&a, 1, self, 1, &d->err)));
    store_alert(d, 20, "worm", "y", 2); /* what belonged to the second comes to the first */
    assert_int_equal(take(d).joined, 1);
    json_t *one = get(d, 1);
    assert_int_equal(json_integer_value(json_object_get(one, "alerts")), 3);
    assert_int_equal(json_integer_value(json_object_get(one, "severity")), 1);
    assert_string_equal(text_of(one, "first"), "2026-11-20T00:00:10.071000Z");
    assert_string_equal(text_of(one, "last"), "2026-11-20T00:20:10.071000Z");
    json_decref(one);
    assert_false(change(d, &a, 2, json_pack("{s:i,s:s}", "version", 2, "state", "open")));
    assert_int_equal(a.problem, ACT_LATE);
    assert_int_equal(audit_count(d, "incident.merge"), 1);
}

static void test_lists_by_page_and_filter(struct database *d)
{
    struct actor eva = engineer(d, "eva", NULL);
    struct act a = act_by(d, &eva);
    json_t *page = NULL;
    char cursor[64];
    unsigned seen = 0;

    for (unsigned i = 0; i < 7; i++) {
        char subject[8];
        snprintf(subject, sizeof subject, "s%u", i);
        store_alert(d, i / 2, i < 4 ? "worm" : "leaks", subject, 1 + i % 3);
    }
    (void)take(d);
    struct incident_filter f = { .limit = 3 };
    do {
        good(d, incident_list(&a, &f, &page, &d->err));
        seen += (unsigned)json_array_size(json_object_get(page, "incidents"));
        snprintf(cursor, sizeof cursor, "%s", text_of(page, "cursor"));
        json_decref(page);
        f.cursor = cursor;
    } while (cursor[0] != '\0');
    assert_int_equal(seen, 7);
    static const struct {
        struct incident_filter f;
        unsigned count;
    } of[] = {
        { { .q = "worm" }, 4 },         { { .q = "WORM spr" }, 4 },    { { .q = "3" }, 1 },
        { { .q = "100%" }, 0 },         { { .severity = "1,2" }, 5 },  { { .state = "closed" }, 0 },
        { { .state = "new,open" }, 7 }, { { .assignee = "none" }, 7 }, { { .assignee = "me" }, 0 },
    };
    for (unsigned i = 0; i < sizeof of / sizeof of[0]; i++) {
        good(d, incident_list(&a, &of[i].f, &page, &d->err));
        assert_int_equal(json_array_size(json_object_get(page, "incidents")), of[i].count);
        json_decref(page);
    }
    f = (struct incident_filter){ .state = "lost" };
    assert_false(incident_list(&a, &f, &page, &d->err));
    assert_int_equal(a.problem, ACT_WRONG);
    f = (struct incident_filter){ .cursor = "1'--" };
    assert_false(incident_list(&a, &f, &page, &d->err));
    good(d, incident_list(&a, &(struct incident_filter){ .q = "leaks" }, &page, &d->err));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(page, "counts"), "new")), 3);
    json_decref(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_alerts_of_one_subject_are_one_incident),
        ON_BOTH(test_what_is_seen_a_day_later_or_again_is_new),
        ON_BOTH(test_a_flood_is_one_incident),
        ON_BOTH(test_what_makes_an_incident_and_what_does_not),
        ON_SQLITE(test_every_detector_has_a_title),
        ON_BOTH(test_states_and_versions),
        ON_BOTH(test_links_and_notes),
        ON_BOTH(test_a_merged_incident_lives_on_in_the_other),
        ON_BOTH(test_lists_by_page_and_filter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
