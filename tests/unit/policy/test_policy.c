/* SPDX-License-Identifier: Apache-2.0 */
/* The policy: each key, first match, what is not known, people, files, errors, warnings; and a model that is
 * slow. */
#include "../identify/catalog_folder.h"
#include "policy/policy.h"

#define RULE(match) "version: 1\ndefault: alert\nrules:\n  - {name: r, match: " match ", action: block}\n"

/* 2026-11-23, a Monday, 10:30 UTC */
#define MONDAY_US UINT64_C(1795429800000000)
#define HOUR_US UINT64_C(3600000000)

static struct catalog *catalog;

static int open_catalog(void **state)
{
    (void)state;
    return catalog_builtin(&catalog, NULL) ? 0 : -1;
}

static int close_catalog(void **state)
{
    (void)state;
    catalog_close(catalog);
    return 0;
}

static struct policy *parse(const char *text)
{
    struct imw_error_info err = { 0 };
    struct policy *p;
    char line[800];

    if (!policy_parse("p.yaml", view_string(text), catalog, &p, &err))
        fail_msg("%s", error_format(&err, line, sizeof line));
    return p;
}

static uint16_t service(const char *slug)
{
    uint16_t number = catalog_find(catalog, view_string(slug));

    assert_int_not_equal(number, 0);
    return number;
}

static struct ip_addr address(const char *text)
{
    struct ip_addr ip;

    assert_true(ip_parse(view_string(text), &ip));
    return ip;
}

/* A flow: WhatsApp, login and chat over TLS through the server, from 10.20.1.7 to 192.0.2.9, on Monday. */
static struct ip_addr client, server;

static struct policy_facts facts(void)
{
    client = address("10.20.1.7");
    server = address("192.0.2.9");
    return (struct policy_facts){
        .client = &client,
        .server = &server,
        .service = service("whatsapp"),
        .class = CLASS_IM,
        .protocol = PROTOCOL_WHATSAPP_NOISE,
        .activities = 1 << ACTIVITY_LOGIN | 1 << ACTIVITY_CHAT,
        .delivery = DELIVERY_SERVER_PROXY,
        .server_name = VIEW("g.WhatsApp.net"),
        .client_version = VIEW("WhatsApp/2.21.4 A"),
        .user = VIEW("adams"),
        .time_us = MONDAY_US,
    };
}

static struct policy_verdict judge(const char *text, const struct policy_facts *f)
{
    struct policy *p = parse(text);
    struct policy_verdict v;

    policy_judge(p, f, &v);
    v.rule = NULL; /* it dies with the policy */
    policy_free(p);
    return v;
}

static unsigned decider(const char *text)
{
    struct policy_facts f = facts();

    return judge(text, &f).number;
}

static void each_key_holds_for_its_values_only(void **state)
{
    static const struct {
        const char *yes, *no;
    } keys[] = {
        { RULE("{service: whatsapp}"), RULE("{service: [telegram, signal]}") },
        { RULE("{vendor: meta}"), RULE("{vendor: Telegram}") },
        { RULE("{class: [social, im]}"), RULE("{class: social}") },
        { RULE("{protocol: whatsapp-noise}"), RULE("{protocol: [irc, tls]}") },
        { RULE("{activity: [file, chat]}"), RULE("{activity: [file, call]}") },
        { RULE("{delivery: server-proxy}"), RULE("{delivery: [peer, server-broker]}") },
        { RULE("{port_agile: false}"), RULE("{port_agile: true}") },
        { RULE("{user: Adams}"), RULE("{user: baker}") },
        { RULE("{network: [10.0.0.0/8]}"), RULE("{network: [10.20.2.0/24, 203.0.113.0/24]}") },
        { RULE("{network: 10.20.1.7}"), RULE("{network: 10.20.1.6}") },
        { RULE("{server: whatsapp.net}"), RULE("{server: [app.net, a.g.whatsapp.net]}") },
        { RULE("{server: 192.0.2.0/28}"), RULE("{server: [192.0.2.0/29, 10.20.1.7]}") },
        { RULE("{hours: \"mon-fri 08:00-18:00\"}"),
          RULE("{hours: [\"tue-sun 00:00-24:00\", \"mon 10:31-10:30\"]}") },
        { RULE("{hours: \"sun 22:00-10:31\"}"), RULE("{hours: \"sun 22:00-10:30\"}") },
        { RULE("{client_version_below: \"2.21.10\"}"), RULE("{client_version_below: \"2.21.4\"}") },
        { RULE("{}"), RULE("{service: whatsapp, activity: file}") },
        { RULE("{class: im, vendor: meta, service: whatsapp}"), RULE("{class: im, service: telegram}") },
    };

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (decider(keys[i].yes) != 1)
            fail_msg("does not hold: %s", keys[i].yes);
        if (decider(keys[i].no) != 0)
            fail_msg("holds: %s", keys[i].no);
    }
}

static void what_is_not_known_does_not_match(void **state)
{
    static const char *const texts[] = {
        RULE("{service: whatsapp}"),
        RULE("{vendor: meta}"),
        RULE("{class: [im, social, workplace, meeting, voice-chat]}"),
        RULE("{protocol: tls}"),
        RULE("{activity: [lookup, login, presence, chat, file, call]}"),
        RULE("{delivery: [server-proxy, server-broker, peer]}"),
        RULE("{user: adams}"),
        RULE("{network: [\"::/0\"]}"),
        RULE("{server: [net, \"::/0\"]}"),
        RULE("{hours: \"00:00-24:00\"}"),
        RULE("{client_version_below: \"99\"}"),
        RULE("{acknowledged: true}"),
        RULE("{acknowledged: false}"),
        RULE("{trained: true}"),
        RULE("{trained: false}"),
    };
    struct policy_facts f = {
        .class = CLASS_COUNT, .server_name = VIEW(""), .client_version = VIEW(""), .user = VIEW("")
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (judge(texts[i], &f).number != 0)
            fail_msg("holds: %s", texts[i]);
}

static void a_class_holds_for_a_service_that_the_catalog_does_not_know(void **state)
{
    struct policy_facts f = facts();

    (void)state;
    f.service = 0;
    f.class = CLASS_MEETING;
    assert_int_equal(judge(RULE("{class: meeting}"), &f).number, 1);
    assert_int_equal(judge(RULE("{class: im}"), &f).number, 0);
}

static void a_vendor_is_known_by_each_of_its_names(void **state)
{
    struct policy_facts f = facts();

    (void)state;
    f.service = service("oscar"); /* "AOL, VK" */
    assert_int_equal(judge(RULE("{vendor: aol}"), &f).number, 1);
    assert_int_equal(judge(RULE("{vendor: VK}"), &f).number, 1);
    assert_int_equal(judge(RULE("{vendor: 'AOL, VK'}"), &f).number, 1);
    assert_int_equal(judge(RULE("{vendor: Meta}"), &f).number, 0);
}

static void the_first_match_decides_else_the_default(void **state)
{
    static const char text[] = "version: 1\ndefault: scan\nrules:\n"
                               "  - {name: a, match: {activity: file}, action: block}\n"
                               "  - {name: b, match: {class: im}, action: allow}\n"
                               "  - {name: c, match: {service: whatsapp}, action: block}\n";
    struct policy_facts f = facts();
    struct policy *p = parse(text);
    struct policy_verdict v;

    (void)state;
    policy_judge(p, &f, &v);
    assert_int_equal(v.action, POLICY_ALLOW);
    assert_string_equal(v.rule, "b");
    f.service = service("zoom");
    policy_judge(p, &f, &v);
    assert_int_equal(v.action, POLICY_SCAN);
    assert_int_equal(v.number, 0);
    assert_string_equal(v.rule, "default");
    assert_int_equal(policy_rules(p), 3);
    policy_free(p);
}

static void each_class_may_have_a_default_of_its_own(void **state)
{
    static const char text[] =
        "version: 1\ndefault: {im: block, social: alert, workplace: allow, else: scan}\n"
        "rules: [{name: r, match: {activity: file}, action: allow}]\n";
    static const enum policy_action expected[CLASS_COUNT + 1] = {
        [CLASS_IM] = POLICY_BLOCK,     [CLASS_SOCIAL] = POLICY_ALERT,    [CLASS_WORKPLACE] = POLICY_ALLOW,
        [CLASS_MEETING] = POLICY_SCAN, [CLASS_VOICE_CHAT] = POLICY_SCAN, [CLASS_COUNT] = POLICY_SCAN,
    };
    static const struct {
        const char *slug;
        enum policy_action action;
    } services[] = { { "whatsapp", POLICY_BLOCK },
                     { "slack", POLICY_ALLOW },
                     { "zoom", POLICY_SCAN },
                     { "badoo", POLICY_ALERT } };
    struct policy_facts f = facts();
    struct policy *p = parse(text);

    (void)state;
    for (unsigned i = 0; i < sizeof services / sizeof services[0]; i++) {
        f.service = service(services[i].slug);
        struct policy_verdict v = judge(text, &f);
        assert_int_equal(v.number, 0);
        if (v.action != services[i].action)
            fail_msg("%s: %s", services[i].slug, policy_action_name(v.action));
    }
    f.service = 0;
    for (unsigned c = 0; c <= CLASS_COUNT; c++) {
        f.class = (enum service_class)c;
        assert_int_equal(judge(text, &f).action, expected[c]);
        assert_int_equal(policy_default(p, (enum service_class)c), expected[c]);
    }
    f.activities = 1 << ACTIVITY_FILE;
    assert_int_equal(judge(text, &f).action, POLICY_ALLOW);
    policy_free(p);
}

#define BLOCK(match) "  - {name: b, match: " match ", action: block}\n"
#define ALERT(match) "  - {name: a, match: " match ", action: alert}\n"
#define HEADED "version: 1\ndefault: alert\nrules:\n"
#define UNTIL "exception: {purpose: t, approved_by: t, until: 2099-01-31}"

static void what_is_blocked_for_everybody_depends_on_nothing(void **state)
{
    static const struct {
        const char *text;
        int rule; /* -1: not for everybody */
    } cases[] = {
        { HEADED BLOCK("{service: whatsapp}"), 1 },
        { HEADED BLOCK("{class: im}"), 1 },
        { HEADED BLOCK("{vendor: meta, class: im}"), 1 },
        { HEADED BLOCK("{}"), 1 },
        { HEADED BLOCK("{service: telegram}"), -1 },
        { HEADED ALERT("{service: telegram}") BLOCK("{class: im}"), 2 },
        { HEADED ALERT("{service: whatsapp}") BLOCK("{class: im}"), -1 },
        { HEADED ALERT("{user: adams}") BLOCK("{class: im}"), -1 },
        { HEADED ALERT("{activity: call}") BLOCK("{class: im}"), -1 },
        { HEADED "  - {name: c, match: {user: adams}, action: block}\n" BLOCK("{class: im}"), 2 },
        { HEADED BLOCK("{activity: [login, chat, file, call, lookup, presence]}"), -1 },
        { HEADED BLOCK("{service: whatsapp, user: adams}"), -1 },
        { HEADED BLOCK("{service: whatsapp, network: 10.0.0.0/8}"), -1 },
        { HEADED BLOCK("{service: whatsapp, server: 192.0.2.0/24}"), -1 },
        { HEADED BLOCK("{service: whatsapp, protocol: tls}"), -1 },
        { HEADED BLOCK("{service: whatsapp, delivery: peer}"), -1 },
        { HEADED BLOCK("{service: whatsapp, port_agile: true}"), -1 },
        { HEADED BLOCK("{service: whatsapp, hours: \"00:00-24:00\"}"), -1 },
        { HEADED BLOCK("{service: whatsapp, acknowledged: false}"), -1 },
        { HEADED BLOCK("{service: whatsapp, client_version_below: \"9\"}"), -1 },
        { HEADED "  - {name: b, match: {service: whatsapp}, action: block, " UNTIL "}\n", -1 },
        { HEADED "  - {name: e, match: {service: whatsapp, user: adams}, action: allow, " UNTIL
                 "}\n" BLOCK("{class: im}"),
          -1 },
        { "version: 1\ndefault: block\n", 0 },
        { "version: 1\ndefault: alert\n", -1 },
        { "version: 1\ndefault: {im: block, else: allow}\n", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = parse(cases[i].text);
        unsigned rule = 99;
        bool blocks = policy_blocks_everybody(p, service("whatsapp"), CLASS_IM, &rule);
        if (blocks != (cases[i].rule >= 0) || (blocks && rule != (unsigned)cases[i].rule))
            fail_msg("%s: %d by rule %u", cases[i].text, blocks, rule);
        policy_free(p);
    }
}

static void a_rule_says_how_a_flow_is_stopped_and_how_fast_it_may_be(void **state)
{
    static const struct {
        const char *rest;
        enum policy_means means;
        uint32_t throttle;
    } cases[] = {
        { "action: block", POLICY_MEANS_AUTO, 0 },
        { "action: block, with: auto", POLICY_MEANS_AUTO, 0 },
        { "action: block, with: drop", POLICY_MEANS_DROP, 0 },
        { "action: block, with: reset", POLICY_MEANS_RESET, 0 },
        { "action: block, with: unreachable", POLICY_MEANS_UNREACHABLE, 0 },
        { "action: allow, throttle: 64KiB", POLICY_MEANS_AUTO, 65536 },
        { "action: alert, throttle: 1KiB", POLICY_MEANS_AUTO, 1024 },
        { "action: scan, throttle: 1GiB", POLICY_MEANS_AUTO, 1 << 30 },
    };
    struct policy_facts f = facts();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "version: 1\ndefault: alert\nrules: [{name: r, match: {}, %s}]\n",
                 cases[i].rest);
        struct policy_verdict v = judge(text, &f);
        assert_int_equal(v.number, 1);
        assert_int_equal(v.means, cases[i].means);
        assert_int_equal(v.throttle, cases[i].throttle);
    }
}

static void an_exception_ends_with_its_last_day_in_local_time(void **state)
{
    static const char text[] = "version: 1\ndefault: block\nrules:\n"
                               "  - name: a\n    match: {service: whatsapp}\n    action: allow\n"
                               "    exception: {purpose: x, approved_by: y, until: 2026-11-23}\n";
    struct policy_facts f = facts();

    (void)state;
    assert_int_equal(judge(text, &f).action, POLICY_ALLOW);
    assert_false(judge(text, &f).expired);
    f.time_us += 13 * HOUR_US + HOUR_US / 2 - 1;
    assert_int_equal(judge(text, &f).action, POLICY_ALLOW);
    f.time_us += 1;
    assert_int_equal(judge(text, &f).action, POLICY_BLOCK);
    assert_true(judge(text, &f).expired);
    f.service = service("telegram");
    assert_false(judge(text, &f).expired); /* it would not have decided */
}

/* facts() are of 10:30 UTC. */
static void an_exception_may_end_at_a_time(void **state)
{
    static const char *const same[] = { "\"2026-11-23T11:00:00Z\"", "2026-11-23T12:00:00+01:00",
                                        "\"2026-11-23t11:00:00.75z\"", "2026-11-23T07:30:00-03:30" };

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        struct policy_facts f = facts();
        char text[400];
        snprintf(text, sizeof text,
                 "version: 1\ntime_zone: Pacific/Auckland\ndefault: block\nrules:\n"
                 "  - {name: a, match: {service: whatsapp}, action: allow,\n"
                 "     exception: {purpose: x, approved_by: y, until: %s}}\n",
                 same[i]);
        f.time_us += HOUR_US / 2 - 1;
        assert_int_equal(judge(text, &f).action, POLICY_ALLOW);
        struct policy *p = parse(text);
        uint64_t before = policy_period(p, f.time_us);
        f.time_us += 1;
        assert_int_not_equal(policy_period(p, f.time_us), before);
        policy_free(p);
        assert_int_equal(judge(text, &f).action, POLICY_BLOCK);
        assert_true(judge(text, &f).expired);
    }
    static const char *const wrong[] = { "2026-11-23T11:00Z",     "2026-11-23 11:00:00Z",
                                         "2026-11-23T24:00:00Z",  "2026-11-23T11:00:00",
                                         "2026-11-23T11:00:00+1", "2026-02-29T11:00:00Z",
                                         "2026-11-23T11:00:61Z",  "2026-11-23T11:00:00Zulu" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct imw_error_info err = { 0 };
        struct policy *p = NULL;
        char text[300];
        snprintf(text, sizeof text,
                 "version: 1\ndefault: block\nrules:\n  - {name: a, match: {}, action: allow,\n"
                 "     exception: {purpose: x, approved_by: y, until: \"%s\"}}\n",
                 wrong[i]);
        if (policy_parse("p.yaml", view_string(text), catalog, &p, &err))
            fail_msg("%s is taken", wrong[i]);
        assert_string_equal(err.key, "rules[0].exception.until");
        assert_non_null(strstr(err.text, "a time such as"));
    }
}

static void groups_hold_networks_and_users_and_nest(void **state)
{
    static const char text[] = "version: 1\ndefault: alert\n"
                               "groups:\n"
                               "  bank: {networks: [10.0.0.0/8]}\n"
                               "  desk: {networks: [10.20.0.0/16, 10.30.0.0/16], users: [carol]}\n"
                               "rules:\n"
                               "  - {name: a, match: {group: desk, activity: chat}, action: allow}\n"
                               "  - {name: b, match: {group: Bank}, action: block}\n";
    struct policy_facts f = facts();

    (void)state;
    assert_int_equal(judge(text, &f).number, 1);
    f.activities = 1 << ACTIVITY_FILE;
    assert_int_equal(judge(text, &f).number, 2); /* in the wider network too */
    f.activities = 1 << ACTIVITY_CHAT;
    client = address("10.21.0.1");
    assert_int_equal(judge(text, &f).number, 2);
    f.user = VIEW("Carol");
    assert_int_equal(judge(text, &f).number, 1);
    f.user = VIEW("");
    client = address("11.0.0.0");
    assert_int_equal(judge(text, &f).number, 0);
    server = address("10.30.255.255"); /* opened from outside */
    assert_int_equal(judge(text, &f).number, 1);
}

/* --- several files --- */

static struct policy *load(const struct folder *f, struct imw_error_info *err)
{
    char path[128];
    struct policy *p = NULL;

    snprintf(path, sizeof path, "%s/policy.yaml", f->path);
    return policy_load(path, catalog, &p, err) ? p : NULL;
}

#define PEOPLE_HEAD "user,addresses,acknowledged,trained_until,groups\n"

static void people_bring_addresses_signatures_training_and_groups(void **state)
{
    struct folder dir = folder_new();
    struct policy_facts f = facts();
    struct policy_verdict v;
    static const struct {
        const char *address;
        unsigned rule;
    } cases[] = {
        { "10.1.1.1", 1 }, { "2001:db8::1", 1 }, { "10.1.1.2", 2 }, { "10.1.1.3", 3 },
        { "10.1.1.4", 4 }, { "10.9.9.9", 0 },    { "10.1.1.5", 0 },
    };

    (void)state;
    folder_write(&dir, "policy.yaml",
                 "version: 1\nedition: e2\npeople: people.csv\ndefault: alert\nrules:\n"
                 "  - {name: a, match: {acknowledged: true, trained: true}, action: allow}\n"
                 "  - {name: b, match: {acknowledged: true, trained: false}, action: block}\n"
                 "  - {name: c, match: {group: desk}, action: block}\n"
                 "  - {name: d, match: {acknowledged: false}, action: block}\n");
    folder_write(&dir, "people.csv",
                 PEOPLE_HEAD
                 "adams,10.1.1.1 2001:db8::1,e2,2026-11-23,\nbaker,10.1.1.2,e2,2026-11-22,desk\n"
                 "# comment\n\ncarol,10.1.1.3 10.1.1.5,e1,,other desk\ndave,10.1.1.4 10.1.1.5,,2027-01-01,");
    struct policy *p = load(&dir, NULL);
    assert_non_null(p);
    f.user = VIEW("");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client = address(cases[i].address);
        policy_judge(p, &f, &v);
        if (v.number != cases[i].rule)
            fail_msg("%s: rule %u", cases[i].address, v.number);
    }
    policy_free(p);
    folder_remove(&dir);
}

/* As sha256sum has it of the files behind one another. */
static void the_version_is_the_edition_and_the_sum_of_all_files(void **state)
{
    struct folder dir = folder_new();
    struct policy *p = parse("version: 1\ndefault: alert\n");

    (void)state;
    assert_string_equal(policy_version(p), "5dc13d26171c");
    policy_free(p);
    folder_write(&dir, "policy.yaml",
                 "version: 1\nedition: e2\npeople: people.csv\ninclude: [more.yaml]\ndefault: alert\n");
    folder_write(&dir, "more.yaml", "version: 1\nrules: []\n");
    folder_write(&dir, "people.csv", PEOPLE_HEAD "adams,10.1.1.1,e2,,\n");
    p = load(&dir, NULL);
    assert_non_null(p);
    assert_string_equal(policy_version(p), "e2-6b25ca347705");
    policy_free(p);
    folder_write(&dir, "people.csv", PEOPLE_HEAD "adams,10.1.1.1,,,\n");
    p = load(&dir, NULL);
    assert_non_null(p);
    assert_string_not_equal(policy_version(p), "e2-6b25ca347705");
    policy_free(p);
    folder_remove(&dir);
}

static void exceptions_of_a_file_stand_before_all_rules(void **state)
{
    static const char head[] =
        "version: 1\nexceptions: exceptions.yaml\ndefault: alert\ninclude: [more.yaml]\nrules:\n"
        "  - {name: a, match: {service: whatsapp}, action: block}\n";
    struct folder dir = folder_new();
    struct policy_facts f = facts();
    struct imw_error_info err = { 0 };
    struct policy_verdict v;

    (void)state;
    folder_write(&dir, "policy.yaml", head);
    folder_write(&dir, "more.yaml", "version: 1\nrules: [{name: b, match: {}, action: block}]\n");
    assert_null(load(&dir, &err));
    assert_non_null(strstr(err.file, "exceptions.yaml"));
    folder_write(&dir, "exceptions.yaml",
                 "version: 1\nrules:\n  - {name: e, match: {service: whatsapp}, action: allow,\n"
                 "     exception: {purpose: x, approved_by: y, until: 2026-11-23}}\n");
    struct policy *p = load(&dir, &err);
    assert_non_null(p);
    assert_int_equal(policy_rules(p), 3);
    assert_string_equal(policy_rule_name(p, 1), "e");
    assert_string_equal(policy_rule_name(p, 2), "a");
    assert_string_equal(policy_rule_name(p, 3), "b");
    assert_non_null(strstr(policy_rule_place(p, 1).file, "exceptions.yaml"));
    policy_judge(p, &f, &v);
    assert_string_equal(v.rule, "e");
    f.time_us += 24 * HOUR_US;
    policy_judge(p, &f, &v);
    assert_string_equal(v.rule, "a");
    assert_true(v.expired);
    char version[96];
    snprintf(version, sizeof version, "%s", policy_version(p));
    policy_free(p);
    folder_write(&dir, "exceptions.yaml", "version: 1\nrules: []\n");
    p = load(&dir, &err);
    assert_non_null(p);
    assert_int_equal(policy_rules(p), 2);
    assert_string_not_equal(policy_version(p), version);
    policy_free(p);

    static const struct {
        const char *text, *key, *what;
    } broken[] = {
        { "version: 1\nrules: [{name: e, match: {}, action: allow}]\n", "rules[0]",
          "must say its 'exception'" },
        { "version: 1\nrules: [{name: a, match: {}, action: allow, exception: {purpose: x, approved_by: y, until: 2026-11-23}}]\n",
          "rules[0].name", "given already" },
        { "version: 1\ngroups: {g: {users: [adams]}}\nrules: []\n", "groups", "unknown key" },
        { "version: 2\nrules: []\n", "version", "version 1" },
        { "", "", "" },
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        folder_write(&dir, "exceptions.yaml", broken[i].text);
        err = (struct imw_error_info){ 0 };
        p = load(&dir, &err);
        if (p != NULL)
            fail_msg("%s is taken", broken[i].text);
        if (strstr(err.text, broken[i].what) == NULL)
            fail_msg("%s: %s", broken[i].text, err.text);
    }
    folder_remove(&dir);
}

static void ignore_warning(void *context, const char *file, unsigned line, const char *text)
{
    (void)file, (void)line;
    fail_msg("%s: %s", (const char *)context, text);
}

/* As the console has it, which makes both files. */
static void a_policy_alone_names_its_files_and_reads_none(void **state)
{
    static const char good[] =
        "version: 1\nedition: e\ndefault: alert\npeople: people.csv\nexceptions: exceptions.yaml\n"
        "rules:\n  - {name: a, match: {acknowledged: true, group: desk, user: adams}, action: allow}\n";
    static const char *const bad[] = { "people: /etc/passwd\n", "people: more.csv\n",
                                       "exceptions: more.yaml\n", "exceptions: [a.yaml]\n",
                                       "include: [exceptions.yaml]\n" };
    struct imw_error_info err = { 0 };
    struct policy *p = NULL;

    (void)state;
    assert_true(policy_parse_alone(VIEW(good), catalog, &p, &err));
    assert_int_equal(policy_check(p, facts().time_us, ignore_warning, "alone"), 0);
    policy_free(p);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "version: 1\ndefault: alert\n%s", bad[i]);
        p = NULL;
        if (policy_parse_alone(view_string(text), catalog, &p, &err))
            fail_msg("%s is taken", bad[i]);
    }
}

static void broken_people_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *what;
    } cases[] = {
        { "", 0, "empty" },
        { "user,addresses\n", 1, "first line" },
        { PEOPLE_HEAD "adams,10.0.0.x,,,\n", 2, "address" },
        { PEOPLE_HEAD "adams,,,,\n\nAdams,,,,\n", 4, "already" },
        { PEOPLE_HEAD "adams,,,2026-02-29,\n", 2, "date" },
        { PEOPLE_HEAD ",,,,\n", 2, "name" },
        { PEOPLE_HEAD "adams,,,,a,b\n", 2, "five values" },
        { PEOPLE_HEAD "\"adams\",,,,\n", 2, "quotes" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder dir = folder_new();
        struct imw_error_info err = { 0 };
        folder_write(&dir, "policy.yaml", "version: 1\npeople: people.csv\ndefault: alert\n");
        folder_write(&dir, "people.csv", cases[i].text);
        assert_null(load(&dir, &err));
        assert_int_equal(err.line, cases[i].line);
        assert_non_null(strstr(err.text, cases[i].what));
        assert_non_null(strstr(err.file, "people.csv"));
        folder_remove(&dir);
    }
}

static void included_rules_come_after_and_share_the_groups(void **state)
{
    struct folder dir = folder_new();
    struct policy_facts f = facts();
    struct imw_error_info err = { 0 };
    struct policy_verdict v;

    (void)state;
    folder_write(&dir, "policy.yaml",
                 "version: 1\ndefault: alert\ninclude: [one.yaml, two.yaml]\n"
                 "rules: [{name: own, match: {group: g, activity: file}, action: allow}]\n");
    folder_write(&dir, "one.yaml", "version: 1\ngroups: {g: {networks: [10.0.0.0/8]}}\n");
    folder_write(&dir, "two.yaml", "version: 1\nrules: [{name: theirs, match: {group: g}, action: block}]\n");
    struct policy *p = load(&dir, &err);
    assert_non_null(p);
    policy_judge(p, &f, &v);
    assert_string_equal(v.rule, "theirs");
    f.activities |= 1 << ACTIVITY_FILE;
    policy_judge(p, &f, &v);
    assert_string_equal(v.rule, "own");
    policy_free(p);

    folder_write(&dir, "two.yaml", "version: 1\ninclude: [policy.yaml]\n");
    assert_null(load(&dir, &err));
    assert_string_equal(err.key, "include");
    folder_write(&dir, "two.yaml", "version: 1\nrules: [{name: own, match: {}, action: block}]\n");
    assert_null(load(&dir, &err));
    assert_non_null(strstr(err.text, "already"));
    assert_non_null(strstr(err.file, "two.yaml"));
    folder_remove(&dir);
}

/* --- errors and warnings --- */

static void errors_name_line_key_and_what_was_meant(void **state)
{
    static const struct {
        const char *text;
        unsigned line;
        const char *key, *what;
    } cases[] = {
        { "default: alert\n", 1, "", "version" },
        { "version: 2\ndefault: alert\n", 1, "version", "version 1" },
        { "version: 1\n", 1, "", "default" },
        { "version: 1\ndefault: blok\n", 2, "default", "'block'" },
        { "version: 1\ndefault: {im: block}\n", 2, "default", "'else'" },
        { "version: 1\ndefault:\n  imm: block\n  else: alert\n", 3, "default.imm", "'im'" },
        { "version: 1\ndefault:\n  im: blok\n  else: alert\n", 3, "default.im", "'block'" },
        { "version: 1\ndefault: {else: {im: block}}\n", 2, "default.else", "" },
        { "version: 1\ndefault: alert\nedition: x123456789x123456789x123456789x123456789x123456789x123456789x123\n",
          3, "edition", "at most 63" },
        { "version: 1\ndefault: alert\nrule: []\n", 3, "rule", "'rules'" },
        { "version: 1\ndefault: alert\ntime_zone: ../etc/passwd\n", 3, "time_zone", "time zone" },
        { RULE("{servce: whatsapp}"), 4, "rules[0].match.servce", "'service'" },
        { RULE("{service: whatsap}"), 4, "rules[0].match.service", "'whatsapp'" },
        { RULE("{service: [irc, whatsap]}"), 4, "rules[0].match.service[1]", "'whatsapp'" },
        { RULE("{service: []}"), 4, "rules[0].match.service", "empty list" },
        { RULE("{vendor: Metta}"), 4, "rules[0].match.vendor", "unknown vendor" },
        { RULE("{class: imm}"), 4, "rules[0].match.class", "'im'" },
        { RULE("{protocol: unknown}"), 4, "rules[0].match.protocol", "unknown protocol" },
        { RULE("{activity: flie}"), 4, "rules[0].match.activity", "'file'" },
        { RULE("{delivery: unknown}"), 4, "rules[0].match.delivery", "unknown delivery" },
        { RULE("{port_agile: [true]}"), 4, "rules[0].match.port_agile", "single value" },
        { RULE("{network: 10.0.0.1/8}"), 4, "rules[0].match.network", "first 8" },
        { RULE("{network: 10.0.0.0/33}"), 4, "rules[0].match.network", "network" },
        { RULE("{server: 'a b'}"), 4, "rules[0].match.server", "example.com" },
        { RULE("{hours: '08:00'}"), 4, "rules[0].match.hours", "hours" },
        { RULE("{hours: 'mon-fry 08:00-09:00'}"), 4, "rules[0].match.hours", "hours" },
        { RULE("{hours: '08:00-24:01'}"), 4, "rules[0].match.hours", "hours" },
        { RULE("{hours: '08:00-08:00'}"), 4, "rules[0].match.hours", "hours" },
        { RULE("{client_version_below: new}"), 4, "rules[0].match.client_version_below", "version" },
        { RULE("{client_version_below: '1.2.3.4.5'}"), 4, "rules[0].match.client_version_below", "version" },
        { "version: 1\ndefault: alert\nrules:\n  - {name: default, match: {}, action: block}\n", 4,
          "rules[0].name", "default" },
        { "version: 1\ndefault: alert\nrules:\n  - {name: a, action: block}\n", 4, "rules[0]", "'match'" },
        { "version: 1\ndefault: alert\nrules:\n  - {name: a, match: {}}\n", 4, "rules[0]", "'action'" },
        { "version: 1\ndefault: alert\nrules:\n  - {name: a, match: {}, action: block}\n  - {name: A, match: {}, action: block}\n",
          5, "rules[1].name", "p.yaml:4" },
        { "version: 1\ndefault: alert\nrules:\n"
          "  - {name: a, match: {}, action: allow, exception: {purpose: x, until: 2027-01-01}}\n",
          4, "rules[0].exception", "approved_by" },
        { "version: 1\ndefault: alert\nrules:\n"
          "  - {name: a, match: {}, action: allow, exception: {purpose: x, approved_by: y, until: 2027-13-01}}\n",
          4, "rules[0].exception.until", "date" },
        { "version: 1\ndefault: alert\ngroups: {g: {network: [10.0.0.0/8]}}\n", 3, "groups.g.network",
          "'networks'" },
        { "version: 1\ndefault: alert\npeople: /nowhere/people.csv\n", 0, "", "No such file" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imw_error_info err = { 0 };
        struct policy *p = NULL;
        if (policy_parse("p.yaml", view_string(cases[i].text), catalog, &p, &err))
            fail_msg("accepted: %s", cases[i].text);
        assert_null(p);
        if (err.line != cases[i].line || strcmp(err.key, cases[i].key) != 0 ||
            strstr(err.text, cases[i].what) == NULL)
            fail_msg("%s%u %s: %s", cases[i].text, err.line, err.key, err.text);
    }
}

static void keep_warning(void *context, const char *file, unsigned line, const char *text)
{
    char *out = context;
    size_t len = strlen(out);

    assert_string_equal(file, "p.yaml");
    snprintf(out + len, 2000 - len, "%u %s\n", line, text);
}

#define RULES "version: 1\ndefault: alert\nrules:\n"

static void warnings_find_what_is_not_meant(void **state)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        /* "": no warning */
        { RULES
          "  - {name: a, match: {class: im}, action: block}\n  - {name: b, match: {service: whatsapp}, action: allow}\n",
          "5 rule 'b' is never reached: all that it matches is decided before by 'a'" },
        { RULES
          "  - {name: a, match: {service: whatsapp}, action: block}\n  - {name: b, match: {class: im}, action: allow}\n",
          "" },
        { RULES "  - {name: a, match: {activity: [chat, file]}, action: block}\n"
                "  - {name: b, match: {activity: file, port_agile: true}, action: block}\n",
          "5 rule 'b' is never reached, and has the same" },
        { RULES "  - {name: a, match: {activity: file, port_agile: true}, action: block}\n"
                "  - {name: b, match: {activity: file}, action: allow}\n",
          "" },
        { RULES "  - {name: a, match: {activity: [file]}, action: block}\n"
                "  - {name: b, match: {activity: [chat, file]}, action: allow}\n",
          "" },
        { RULES
          "  - {name: a, match: {hours: '08:00-09:00'}, action: block}\n  - {name: b, match: {class: im}, action: allow}\n",
          "" },
        { RULES
          "  - {name: a, match: {}, action: block, exception: {purpose: x, approved_by: y, until: 2030-01-01}}\n"
          "  - {name: b, match: {class: im}, action: allow}\n",
          "" },
        { RULES
          "  - {name: a, match: {}, action: block, exception: {purpose: x, approved_by: y, until: 2026-11-22}}\n",
          "4 rule 'a' does not match any more: its exception has expired" },
        { RULES "  - {name: a, match: {group: desk}, action: block}\n",
          "4 rule 'a' never matches the unknown group 'desk'" },
        { RULES "  - {name: a, match: {class: social, service: whatsapp}, action: block}\n",
          "4 rule 'a' never matches: no service" },
        { RULES "  - {name: a, match: {acknowledged: true}, action: block}\n",
          "4 rule 'a' never matches: 'acknowledged'" },
        { "version: 1\ndefault: alert\ngroups:\n  g: {directory: 'cn=g'}\n", "4 group 'g' has no members" },
        /* The same conditions. */
        { RULES "  - {name: a, match: {service: [signal, whatsapp], hours: '08:00-09:00'}, action: block}\n"
                "  - {name: b, match: {service: [whatsapp, signal], hours: '08:00-09:00'}, action: allow}\n",
          "5 rule 'b' is never reached, and contradicts the rule of the same conditions 'a'" },
        { RULES
          "  - {name: a, match: {class: im}, action: block}\n  - {name: b, match: {class: im}, action: block}\n",
          "5 rule 'b' is never reached: it repeats 'a'" },
        /* Comparisons. */
        { RULES "  - {name: a, match: {hours: '08:00-18:00'}, action: block}\n"
                "  - {name: b, match: {class: im, hours: 'mon 09:00-10:00'}, action: allow}\n",
          "5 rule 'b' is never reached: all that it matches is decided before by 'a'" },
        { RULES "  - {name: a, match: {hours: 'mon-fri 08:00-18:00'}, action: block}\n"
                "  - {name: b, match: {class: im, hours: '09:00-10:00'}, action: allow}\n",
          "" },
        { RULES "  - {name: a, match: {client_version_below: '7'}, action: block}\n"
                "  - {name: b, match: {class: im, client_version_below: '6.5'}, action: allow}\n",
          "5 rule 'b' is never reached" },
        { RULES "  - {name: a, match: {client_version_below: '6.5'}, action: block}\n"
                "  - {name: b, match: {class: im, client_version_below: '7'}, action: allow}\n",
          "" },
        { RULES
          "  - {name: a, match: {}, action: block, exception: {purpose: x, approved_by: y, until: 2027-06-01}}\n"
          "  - {name: b, match: {class: im}, action: allow, exception: {purpose: x, approved_by: y, until: 2027-05-01}}\n",
          "5 rule 'b' is never reached" },
        { RULES
          "  - {name: a, match: {}, action: block, exception: {purpose: x, approved_by: y, until: 2027-04-01}}\n"
          "  - {name: b, match: {class: im}, action: allow, exception: {purpose: x, approved_by: y, until: 2027-05-01}}\n",
          "" },
        /* Wider networks, domains above. */
        { RULES "  - {name: a, match: {network: 10.0.0.0/8}, action: block}\n"
                "  - {name: b, match: {network: [10.1.0.0/16, 10.0.0.1]}, action: allow}\n",
          "5 rule 'b' is never reached: all that it matches is decided before by 'a'" },
        { RULES "  - {name: a, match: {network: 10.1.0.0/16}, action: block}\n"
                "  - {name: b, match: {network: 10.0.0.0/8}, action: allow}\n",
          "" },
        { RULES "  - {name: a, match: {server: [example.com, 192.0.2.0/24]}, action: block}\n"
                "  - {name: b, match: {server: [im.example.com, 192.0.2.7]}, action: allow}\n",
          "5 rule 'b' is never reached" },
        { RULES "  - {name: a, match: {server: im.example.com}, action: block}\n"
                "  - {name: b, match: {server: example.com}, action: allow}\n",
          "" },
        /* Several together. */
        { RULES "  - {name: a, match: {service: signal}, action: block}\n"
                "  - {name: b, match: {service: whatsapp}, action: alert}\n"
                "  - {name: c, match: {service: [signal, whatsapp], activity: file}, action: allow}\n",
          "6 rule 'c' is never reached: all that it matches is decided before by several rules, the last is 'b'" },
        { RULES "  - {name: a, match: {service: signal}, action: block}\n"
                "  - {name: b, match: {service: whatsapp}, action: alert}\n"
                "  - {name: c, match: {service: [signal, whatsapp, line]}, action: allow}\n",
          "" },
        { RULES "  - {name: a, match: {port_agile: true}, action: block}\n"
                "  - {name: b, match: {port_agile: false, class: im}, action: alert}\n"
                "  - {name: c, match: {service: whatsapp}, action: allow}\n",
          "6 rule 'c' is never reached: all that it matches is decided before by several rules, the last is 'b'" },
        { RULES "  - {name: a, match: {trained: true}, action: block}\n"
                "  - {name: b, match: {trained: false}, action: alert}\n"
                "  - {name: c, match: {service: whatsapp}, action: allow}\n",
          NULL }, /* who is nobody's is neither */
        /* Exceptions at their end. */
        { RULES
          "  - {name: a, match: {}, action: block, exception: {purpose: x, approved_by: y, until: 2026-12-23}}\n",
          "4 rule 'a': its exception ends in 30 days" },
        { RULES
          "  - {name: a, match: {}, action: block, exception: {purpose: x, approved_by: y, until: 2026-12-24}}\n",
          "" },
        { RULES
          "  - {name: a, match: {}, action: block, exception: {purpose: x, approved_by: y, until: 2026-11-23}}\n",
          "4 rule 'a' does not match any more from tomorrow on" },
        /* Names. */
        { "version: 1\ndefault: alert\ngroups: {treasury: {users: [adams]}}\nrules:\n"
          "  - {name: a, match: {group: tresury}, action: block}\n",
          "5 rule 'a' never matches the unknown group 'tresury'; is 'treasury' meant?" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = parse(cases[i].text);
        char told[2000] = "";
        unsigned count = policy_check(p, MONDAY_US, keep_warning, told);
        if (cases[i].what == NULL
                ? strstr(told, "reached") != NULL
                : count != (cases[i].what[0] != '\0') || strstr(told, cases[i].what) == NULL)
            fail_msg("%s%s", cases[i].text, told);
        policy_free(p);
    }
}

static void add_warning(void *context, const char *file, unsigned line, const char *text)
{
    char *out = context;
    size_t len = strlen(out);

    (void)file;
    snprintf(out + len, 2000 - len, "%u %s\n", line, text);
}

static void people_are_compared_with_their_file(void **state)
{
    struct folder dir = folder_new();
    char told[2000] = "";

    (void)state;
    folder_write(&dir, "policy.yaml",
                 "version: 1\nedition: e2\npeople: people.csv\ndefault: alert\n"
                 "groups: {desk: {users: [adams, bakker]}}\nrules:\n"
                 "  - {name: a, match: {user: [adams, adms, bakker]}, action: allow}\n"
                 "  - {name: b, match: {acknowledged: true}, action: allow}\n"
                 "  - {name: c, match: {acknowledged: false}, action: block}\n");
    folder_write(&dir, "people.csv", PEOPLE_HEAD "adams,10.1.1.1,e1,,\nbaker,10.1.1.2,,,\n");
    struct policy *p = load(&dir, NULL);
    assert_non_null(p);
    assert_int_equal(policy_check(p, MONDAY_US, add_warning, told), 3);
    assert_string_equal(
        told, "5 group 'desk' names 'bakker', who is not in the file of people; is 'baker' meant?\n"
              "7 rule 'a' names 'adms', who is not in the file of people; is 'adams' meant?\n"
              "8 rule 'b' never matches: nobody in the file of people has signed the policy's edition\n");
    policy_free(p);
    folder_remove(&dir);
}

/* --- explaining --- */

static void keep_reason(void *context, const struct policy_reason *r)
{
    struct policy_reason *reasons = context;

    assert_true(r->number <= 3);
    reasons[r->number - 1] = *r;
}

static void the_explanation_names_what_differs_and_what_is_not_known(void **state)
{
    struct policy *p = parse(
        RULES
        "  - {name: a, match: {service: telegram, activity: chat, hours: 'sun 08:00-09:00'}, action: block}\n"
        "  - {name: b, match: {trained: true, class: im}, action: block}\n"
        "  - {name: c, match: {class: im}, action: block, exception: {purpose: x, approved_by: y, until: 2026-01-01}}\n"
        "  - {name: d, match: {class: im}, action: scan}\n");
    struct policy_reason reasons[3] = { { 0 } };
    struct policy_facts f = facts();
    struct policy_verdict v;

    (void)state;
    policy_explain(p, &f, keep_reason, reasons, &v);
    assert_string_equal(v.rule, "d");
    assert_true(v.expired);
    assert_int_equal(reasons[0].failed, 1 << POLICY_KEY_SERVICE | 1 << POLICY_KEY_HOURS);
    assert_int_equal(reasons[0].unknown, 0);
    assert_int_equal(reasons[1].failed, 1 << POLICY_KEY_TRAINED);
    assert_int_equal(reasons[1].unknown, 1 << POLICY_KEY_TRAINED);
    assert_int_equal(reasons[2].failed, 0);
    assert_true(reasons[2].expired);
    policy_free(p);
}

/* --- the same answers as a loop over the rules --- */

enum { MODEL_RULES = 1500, MODEL_FLOWS = 3000 };

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Of each key a value, or -1: not asked. Networks are 10.value.0.0/16 of 10.0.0.0/8, activities bits. */
struct model {
    int service, activities, delivery, network, server, group, user;
};
enum { MODEL_USERS = 20, MODEL_GROUPS = 12 };

/* Some are in two of the groups, some in eight. */
static bool is_in_group(int user, int group)
{
    return (user * 7 + group * 3) % 5 < 1 + user % 4;
}

static void print_model_groups(char *out, size_t size)
{
    struct text t = text_over(out, size);

    text_string(&t, "version: 1\ndefault: alert\ngroups:\n");
    for (int g = 0; g < MODEL_GROUPS; g++) {
        text_format(&t, "  g%d: {users: [nobody", g);
        for (int u = 0; u < MODEL_USERS; u++)
            if (is_in_group(u, g))
                text_format(&t, ", u%d", u);
        text_string(&t, "]}\n");
    }
    text_string(&t, "rules:\n");
}

static void print_model(char *out, size_t size, unsigned number, const struct model *m)
{
    struct text t = text_over(out, size);

    text_format(&t, "  - {name: r%u, action: block, match: {class: im", number);
    if (m->service >= 0)
        text_format(&t, ", service: %s", m->service == 0 ? "whatsapp" : "telegram");
    for (int a = 0, n = 0; m->activities > 0 && a < ACTIVITY_COUNT; a++)
        if ((m->activities >> a & 1) != 0)
            text_format(&t, "%s%s", n++ == 0 ? ", activity: [" : ", ", activity_name((enum activity)a));
    if (m->activities > 0)
        text_string(&t, "]");
    if (m->delivery > 0)
        text_format(&t, ", delivery: %s", delivery_name((enum delivery)m->delivery));
    if (m->network >= 0)
        text_format(&t, m->network == 0 ? ", network: 10.0.0.0/8" : ", network: 10.%d.0.0/16", m->network);
    if (m->server >= 0)
        text_format(&t, ", server: s%d.example", m->server);
    if (m->group >= 0)
        text_format(&t, ", group: g%d", m->group);
    if (m->user >= 0)
        text_format(&t, ", user: u%d", m->user);
    text_string(&t, "}}\n");
}

static bool model_holds(const struct model *m, const struct model *flow)
{
    return (m->service < 0 || m->service == flow->service) &&
           (m->activities <= 0 || (m->activities & flow->activities) != 0) &&
           (m->delivery <= 0 || m->delivery == flow->delivery) &&
           (m->network < 0 || (m->network == 0 && flow->network > 0) ||
            (m->network > 0 && m->network == flow->network)) &&
           (m->server < 0 || m->server == flow->server) &&
           (m->group < 0 || is_in_group(flow->user, m->group)) && (m->user < 0 || m->user == flow->user);
}

static void many_rules_decide_as_a_loop_over_them_does(void **state)
{
    static struct model rules[MODEL_RULES];
    static char text[MODEL_RULES * 256];
    uint32_t seed = 7;
    print_model_groups(text, sizeof text);
    size_t len = strlen(text);
    unsigned decided = 0, defaults = 0;

    (void)state;
    for (unsigned i = 0; i < MODEL_RULES; i++) {
        /* Servers, users and most groups are many, so that lists stay short; the rest are few, so that they
         * become bits. */
        rules[i] = (struct model){ (int)(next_random(&seed) % 3) - 1,
                                   (int)(next_random(&seed) % 64),
                                   (int)(next_random(&seed) % 4),
                                   (int)(next_random(&seed) % 60) - 1,
                                   next_random(&seed) % 50 == 0 ? -1 : (int)(next_random(&seed) % 40),
                                   -1,
                                   -1 };
        if (i % 3 == 1)
            rules[i].group = (int)(next_random(&seed) % (i % 2 == 0 ? 2 : MODEL_GROUPS));
        if (i % 8 == 0)
            rules[i].user = (int)(next_random(&seed) % MODEL_USERS);
        print_model(text + len, sizeof text - len, i, &rules[i]);
        len += strlen(text + len);
    }
    struct policy *p = parse(text);
    for (unsigned i = 0; i < MODEL_FLOWS; i++) {
        struct model m = { (int)(next_random(&seed) % 2),          (int)(next_random(&seed) % 63) + 1,
                           (int)(next_random(&seed) % 4),          (int)(next_random(&seed) % 80),
                           (int)(next_random(&seed) % 60),         -1,
                           (int)(next_random(&seed) % MODEL_USERS) };
        char name[32], user[16];
        struct policy_facts f = facts();
        struct policy_verdict v;
        uint8_t octets[4] = { m.network == 0 ? 11 : 10, (uint8_t)m.network, 3, 4 };
        unsigned wanted = 0;
        client = ip_from_v4(octets);
        snprintf(name, sizeof name, "a.s%d.example.", m.server);
        f.service = service(m.service == 0 ? "whatsapp" : "telegram");
        f.activities = (uint8_t)m.activities;
        f.delivery = (enum delivery)m.delivery;
        f.server_name = view_string(name);
        snprintf(user, sizeof user, "u%d", m.user);
        f.user = view_string(user);
        while (wanted < MODEL_RULES && !model_holds(&rules[wanted], &m))
            wanted++;
        policy_judge(p, &f, &v);
        assert_int_equal(v.number, wanted < MODEL_RULES ? wanted + 1 : 0);
        decided += v.number > 0;
        defaults += v.number == 0;
    }
    assert_true(decided > 100 && defaults > 100); /* the model is worth something */
    policy_free(p);
}

/* --- what we ship --- */

static const char *source_file(const char *name)
{
    static char path[512];
    const char *root = getenv("SOURCE_ROOT");

    assert_non_null(root);
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void the_example_loads_without_a_warning(void **state)
{
    struct imw_error_info err = { 0 };
    char told[2000] = "";
    struct policy *p;

    (void)state;
    if (!policy_load(source_file("packaging/policy.example.yaml"), catalog, &p, &err))
        fail_msg("%u %s: %s", err.line, err.key, err.text);
    assert_int_equal(policy_check(p, MONDAY_US, keep_warning, told), 0);
    policy_free(p);
}

static void every_policy_in_the_manual_loads(void **state)
{
    static char line[4096], text[1 << 16];
    FILE *f = fopen(source_file("docs/policy.md"), "r");
    bool inside = false;
    unsigned found = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strcmp(line, "```yaml\n") == 0) {
            inside = true;
            text[0] = '\0';
        } else if (inside && strcmp(line, "```\n") == 0) {
            inside = false;
            found++;
            policy_free(parse(text));
        } else if (inside) {
            assert_true(strlen(text) + strlen(line) < sizeof text);
            memcpy(text + strlen(text), line, strlen(line) + 1);
        }
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(found, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_holds_for_its_values_only),
        cmocka_unit_test(what_is_not_known_does_not_match),
        cmocka_unit_test(a_class_holds_for_a_service_that_the_catalog_does_not_know),
        cmocka_unit_test(a_vendor_is_known_by_each_of_its_names),
        cmocka_unit_test(the_first_match_decides_else_the_default),
        cmocka_unit_test(each_class_may_have_a_default_of_its_own),
        cmocka_unit_test(what_is_blocked_for_everybody_depends_on_nothing),
        cmocka_unit_test(a_rule_says_how_a_flow_is_stopped_and_how_fast_it_may_be),
        cmocka_unit_test(an_exception_ends_with_its_last_day_in_local_time),
        cmocka_unit_test(an_exception_may_end_at_a_time),
        cmocka_unit_test(groups_hold_networks_and_users_and_nest),
        cmocka_unit_test(people_bring_addresses_signatures_training_and_groups),
        cmocka_unit_test(the_version_is_the_edition_and_the_sum_of_all_files),
        cmocka_unit_test(exceptions_of_a_file_stand_before_all_rules),
        cmocka_unit_test(a_policy_alone_names_its_files_and_reads_none),
        cmocka_unit_test(broken_people_are_refused_with_their_line),
        cmocka_unit_test(included_rules_come_after_and_share_the_groups),
        cmocka_unit_test(errors_name_line_key_and_what_was_meant),
        cmocka_unit_test(warnings_find_what_is_not_meant),
        cmocka_unit_test(people_are_compared_with_their_file),
        cmocka_unit_test(the_explanation_names_what_differs_and_what_is_not_known),
        cmocka_unit_test(many_rules_decide_as_a_loop_over_them_does),
        cmocka_unit_test(the_example_loads_without_a_warning),
        cmocka_unit_test(every_policy_in_the_manual_loads),
    };

    return cmocka_run_group_tests(tests, open_catalog, close_catalog);
}
