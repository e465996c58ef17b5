/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy would have done: stored flows, counted by columns, against the same lines judged one by one
 * as `imward policy diff` does (policy/replay.h).
 */
#include "policy/names.h"
#include "policy/replay.h"
#include "program/cases.h"
#include "program/catalog_view.h"
#include "program/what_if.h"
#include <stdlib.h>
#include <time.h>

enum { FLOWS = 3000, ACTIONS = 4, BUDGET_US = 60000000 };
static const char *const actions[ACTIONS] = { "allow", "alert", "block", "scan" };

/* Lines of the seven days before cases_now; the same in every run. */
static char *make_lines(void)
{
    static const char *const services[][2] = { { "whatsapp", "whatsapp-noise" },
                                               { "telegram", "mtproto" },
                                               { "irc", "irc" },
                                               { "slack", "tls" },
                                               { "no-such", "tls" } };
    static const char *const activity[] = { "\"login\",\"chat\"", "\"file\"", "\"call\"", "\"lookup\"" };
    static const char *const delivery[] = { "server-proxy", "server-broker", "peer", "unknown" };
    char *lines = malloc(FLOWS * 900), *at = lines;
    uint32_t random = 7;

    assert_non_null(lines);
    for (unsigned i = 0; i < FLOWS; i++) {
        char when[32], user[64] = "";
        random = random * 1103515245 + 12345;
        unsigned r = random >> 8, service = r % 5, peer = r / 5 % 4;
        time_t s = (time_t)(cases_now / 1000000) - 86400 * 7 + 200 + i * 200;
        struct tm tm;
        gmtime_r(&s, &tm);
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
        if (r % 3 == 0)
            snprintf(user, sizeof user, "\"src_who\":{\"user\":\"u%u\",\"user_source\":\"push\"},",
                     r / 7 % 9);
        /* a direct leg may be opened from outside */
        at += sprintf(
            at,
            "{\"timestamp\":\"%s.000000+0000\",\"flow_id\":%u,\"event_type\":\"flow\",\"src_ip\":\"%s.%u\","
            "\"src_port\":4,\"dest_ip\":\"%s.%u\",\"dest_port\":443,\"proto\":\"TCP\",%s"
            "\"flow\":{\"bytes_toserver\":1,\"bytes_toclient\":1,\"start\":\"%s.000000+0000\"},"
            "\"tls\":{\"sni\":\"%s\"},"
            "\"im\":{\"service\":\"%s\",\"class\":\"im\",\"protocol\":\"%s\",\"delivery\":\"%s\",\"activity\":[%s],"
            "\"port_agile\":%s},\"verdict\":{\"action\":\"%s\",\"rule\":\"then\"}}\n",
            when, i + 1, peer == 2 && r % 2 ? "203.0.113" : "10.20.1", r / 11 % 40 + 1,
            peer == 2 && r % 2 ? "10.20.1" : "198.51.100", r / 13 % 20 + 1, user, when,
            r % 4 ? "a.chat.example" : "b.example", services[service][0], services[service][1],
            delivery[peer], activity[r / 17 % 4], r % 6 == 0 ? "true" : "false", actions[r / 19 % ACTIONS]);
    }
    return lines;
}

struct expected {
    uint64_t flows, changed[ACTIONS][ACTIONS], rule[16];
    uint32_t people; /* of the second rule */
};

static struct expected judge_lines(const char *lines, const struct catalog *catalog, const char *text)
{
    struct expected e = { .flows = 0 };
    struct imw_error_info err;
    struct policy *p = NULL;
    struct names people = { .count = 0 };
    struct view rest = view_string(lines), line;

    if (!policy_parse("p", view_string(text), catalog, &p, &err))
        fail_msg("%s: %s", text, err.text);
    while (view_line(&rest, &line)) {
        struct ip_addr ends[2];
        struct policy_verdict v;
        json_t *event = json_loadb((const char *)line.at, line.len, 0, NULL);
        struct policy_facts facts = replay_facts(catalog, event, ends);
        const char *then = json_string_value(json_object_get(json_object_get(event, "verdict"), "action"));
        unsigned from = 0;
        policy_judge(p, &facts, &v);
        while (strcmp(actions[from], then) != 0)
            from++;
        e.flows++;
        e.changed[from][v.action]++;
        e.rule[v.number]++;
        uint32_t number;
        char who[128];
        snprintf(who, sizeof who, "%s %.*s", json_string_value(json_object_get(event, "src_ip")),
                 (int)facts.user.len, (const char *)facts.user.at);
        if (v.number == 2)
            assert_true(names_add(&people, view_string(who), &number));
        json_decref(event);
    }
    e.people = people.count;
    names_fini(&people);
    policy_free(p);
    return e;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s != NULL ? s : "";
}

static uint64_t changed_of(const json_t *answer, unsigned from, unsigned to)
{
    const json_t *list = json_object_get(answer, "changed");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        if (strcmp(text_of(c, "from"), actions[from]) == 0 && strcmp(text_of(c, "to"), actions[to]) == 0)
            return (uint64_t)json_integer_value(json_object_get(c, "flows"));
    }
    return 0;
}

static uint64_t rule_of(const json_t *answer, const char *rule)
{
    const json_t *list = json_object_get(answer, "by_rule");
    uint64_t sum = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(text_of(json_array_get(list, i), "rule"), rule) == 0)
            sum += (uint64_t)json_integer_value(json_object_get(json_array_get(list, i), "flows"));
    return sum;
}

#define POLICY "version: 1\ndefault: alert\n"
static const char *const policies[] = {
    POLICY,
    "version: 1\ndefault: {im: block, else: allow}\n",
    POLICY "rules:\n  - {name: r1, match: {service: whatsapp}, action: block}\n",
    POLICY
    "rules:\n  - {name: r1, match: {activity: [file, call]}, action: block}\n  - {name: r2, match: {port_agile: true}, action: scan}\n",
    POLICY "rules:\n  - {name: r1, match: {delivery: peer, protocol: irc}, action: block}\n",
    POLICY
    "groups:\n  g: {networks: [10.20.1.0/28]}\nrules:\n  - {name: r1, match: {group: g}, action: allow}\n"
    "  - {name: r2, match: {user: [u1, u2]}, action: block}\n",
    POLICY
    "rules:\n  - {name: r1, match: {network: 10.20.1.5/32}, action: block}\n  - {name: r2, match: {server: [chat.example, 198.51.100.7/32]}, action: scan}\n",
    POLICY "time_zone: UTC\nrules:\n  - {name: r1, match: {hours: \"mon-fri 08:15-17:45\"}, action: block}\n",
    POLICY
    "rules:\n  - {name: r1, match: {service: irc}, action: allow, exception: {purpose: p, approved_by: a, until: 2026-11-22}}\n"
    "  - {name: r2, match: {class: im}, action: block}\n",
};

static void test_the_same_as_one_by_one(struct database *d)
{
    char *lines = make_lines();
    struct imw_error_info err;
    struct catalog *catalog;
    char name[8];

    assert_true(catalog_builtin(&catalog, &err));
    store_lines(d, lines);
    for (unsigned p = 0; p < sizeof policies / sizeof policies[0]; p++) {
        struct expected e = judge_lines(lines, catalog, policies[p]);
        json_t *answer;
        good(d, what_if(d->db, view_string(policies[p]), catalog, NULL, 7, cases_now, BUDGET_US, &answer,
                        &d->err));
        assert_true(json_is_true(json_object_get(answer, "complete")));
        assert_int_equal(json_integer_value(json_object_get(answer, "flows")), e.flows);
        for (unsigned from = 0; from < ACTIONS; from++)
            for (unsigned to = 0; to < ACTIONS; to++)
                if (from != to)
                    assert_int_equal(changed_of(answer, from, to), e.changed[from][to]);
        assert_int_equal(rule_of(answer, "default"), e.rule[0]);
        for (unsigned r = 1; r < 3; r++) {
            snprintf(name, sizeof name, "r%u", r);
            assert_int_equal(rule_of(answer, name), e.rule[r]);
        }
        json_decref(answer);
    }
    catalog_close(catalog);
    free(lines);
}

static void test_one_rule_its_people_and_examples(struct database *d)
{
    char *lines = make_lines();
    struct imw_error_info err;
    struct catalog *catalog;
    json_t *answer, *event;

    assert_true(catalog_builtin(&catalog, &err));
    store_lines(d, lines);
    struct expected e = judge_lines(lines, catalog, policies[5]);
    good(d,
         what_if(d->db, view_string(policies[5]), catalog, "r2", 7, cases_now, BUDGET_US, &answer, &d->err));
    const json_t *rules = json_object_get(answer, "by_rule");
    assert_int_equal(json_array_size(rules), 1);
    assert_int_equal(json_integer_value(json_object_get(answer, "flows")), e.rule[2]);
    int64_t people = json_integer_value(json_object_get(json_array_get(rules, 0), "people"));
    assert_true(people > 0);
    assert_int_equal(people, e.people); /* persons of nobody: each login at each address counts */
    const json_t *examples = json_object_get(answer, "examples");
    assert_true(json_array_size(examples) > 0 && json_array_size(examples) <= WHAT_IF_EXAMPLES);
    for (size_t i = 0; i < json_array_size(examples); i++) {
        const json_t *x = json_array_get(examples, i);
        good(d, events_get(d->db, json_integer_value(json_object_get(x, "event")), &event, &d->err));
        assert_string_equal(text_of(event, "action"), text_of(x, "from"));
        assert_string_equal(text_of(x, "to"), "block");
        assert_string_equal(text_of(x, "rule"), "r2");
        json_decref(event);
    }
    json_decref(answer);
    catalog_close(catalog);
    free(lines);
}

static void test_what_cannot_be_known_or_done(struct database *d)
{
    char *lines = make_lines();
    struct imw_error_info err;
    struct catalog *catalog;
    json_t *answer;

    assert_true(catalog_builtin(&catalog, &err));
    store_lines(d, lines);
    /* no time at all: not complete, and it says so */
    good(d, what_if(d->db, view_string(policies[0]), catalog, NULL, 7, cases_now, 0, &answer, &d->err));
    assert_false(json_is_true(json_object_get(answer, "complete")));
    json_decref(answer);
    good(d,
         what_if(d->db,
                 VIEW(POLICY "rules:\n  - {name: r1, match: {client_version_below: \"3\"}, action: block}\n"),
                 catalog, NULL, 7, cases_now, BUDGET_US, &answer, &d->err));
    assert_false(json_is_true(json_object_get(answer, "complete")));
    json_decref(answer);
    /* one day is less than seven */
    good(d,
         what_if(d->db, view_string(policies[0]), catalog, NULL, 1, cases_now, BUDGET_US, &answer, &d->err));
    assert_in_range(json_integer_value(json_object_get(answer, "flows")), 300, 500);
    json_decref(answer);
    assert_false(
        what_if(d->db, VIEW("version: 9\n"), catalog, NULL, 7, cases_now, BUDGET_US, &answer, &d->err));
    assert_int_equal(d->err.code, IMW_ERROR_VALUE);
    catalog_close(catalog);
    free(lines);
}

static void test_the_catalog_beside_what_was_seen(struct database *d)
{
    char *lines = make_lines();
    struct imw_error_info err;
    struct catalog *catalog;
    json_t *list, *one;

    assert_true(catalog_view_open(NULL, &catalog, &err));
    store_lines(d, lines);
    good(d, catalog_view_list(d->db, catalog, "whatsapp", NULL, &list, &d->err));
    const json_t *row = json_array_get(json_object_get(list, "services"), 0);
    assert_string_equal(text_of(row, "service"), "whatsapp");
    assert_true(json_integer_value(json_object_get(row, "flows")) > 100);
    assert_true(json_integer_value(json_object_get(row, "domains")) > 5);
    json_decref(list);
    good(d, catalog_view_list(d->db, catalog, NULL, "meeting", &list, &d->err));
    assert_string_equal(text_of(json_array_get(json_object_get(list, "services"), 0), "class"), "meeting");
    json_decref(list);
    good(d, catalog_view_get(d->db, catalog, "whatsapp", &one, &d->err));
    assert_true(json_array_size(json_object_get(one, "domains")) > 5);
    assert_true(json_array_size(json_object_get(one, "addresses")) > 5);
    assert_true(json_array_size(json_object_get(one, "clients")) > 0);
    assert_true(json_integer_value(json_object_get(json_object_get(one, "seen"), "people")) > 10);
    assert_true(json_is_string(json_object_get(json_object_get(one, "seen"), "last")));
    json_decref(one);
    good(d, catalog_view_get(d->db, catalog, "no-such", &one, &d->err));
    assert_null(one);
    catalog_view_close(catalog);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(test_the_same_as_one_by_one),
        ON_BOTH(test_one_rule_its_people_and_examples),
        ON_BOTH(test_what_cannot_be_known_or_done),
        ON_BOTH(test_the_catalog_beside_what_was_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
