/* SPDX-License-Identifier: Apache-2.0 */
/* Plans for export: first match, roles, clients, names below names, nested ranges; and what targets make of
 * them. */
#include "../identify/catalog_folder.h"
#include "policy/export/ranges.h"

#define NOON_US UINT64_C(1795429800000000) /* 2026-11-23 */

static struct catalog *catalog;
static struct folder folder;

static int open_catalog(void **state)
{
    (void)state;
    folder = folder_new();
    folder_write(
        &folder, "alpha.yaml",
        HEAD("alpha") "protocols: [irc, tls]\ndomains:\n"
                      "  - {names: [alpha.example, edge-*.cdn.example], role: chat}\n"
                      "  - {names: [media.alpha.example], role: media}\n"
                      "  - {names: [shared.alpha.example], shared: true}\n"
                      "  - {names: [one.example], exact: true}\n"
                      "not_below: [blog.alpha.example, beta.alpha.example]\n"
                      "ranges:\n  - {networks: [198.51.100.0/24], role: chat}\n"
                      "  - {networks: [198.51.100.64/26], role: call, l4: udp, ports: [5000-5010]}\n");
    folder_write(&folder, "beta.yaml",
                 HEAD("beta") "protocols: [xmpp, tls]\ndomains:\n"
                              "  - {names: [beta.alpha.example, beta.example], role: chat}\n"
                              "ranges:\n  - {networks: [198.51.100.128/25], role: chat}\n");
    return catalog_open(folder.path, &catalog, NULL) ? 0 : -1;
}

static int close_catalog(void **state)
{
    (void)state;
    catalog_close(catalog);
    folder_remove(&folder);
    return 0;
}

struct case_ {
    struct policy *policy;
    struct export_plan *plan;
};

static struct case_ plan(const char *text)
{
    struct imw_error_info err = { 0 };
    struct case_ c = { NULL, NULL };
    char line[800];

    if (!policy_parse("p.yaml", view_string(text), catalog, &c.policy, &err))
        fail_msg("%s", error_format(&err, line, sizeof line));
    assert_true(export_plan_new(c.policy, catalog, NOON_US, &c.plan, &err));
    return c;
}

static void finish(struct case_ *c)
{
    export_plan_free(c->plan);
    policy_free(c->policy);
}

static uint16_t service(const char *slug)
{
    return catalog_find(catalog, view_string(slug));
}

static const struct plan_name *find(const struct plan_name *names, unsigned count, const char *text)
{
    for (unsigned i = 0; i < count; i++)
        if (view_equal(names[i].name, view_string(text)))
            return &names[i];
    return NULL;
}

static struct ip_addr address(const char *text)
{
    struct ip_addr ip;

    assert_true(ip_parse(view_string(text), &ip));
    return ip;
}

/* What a target writes, without what changes from run to run; the caller frees it. */
static char *written(const struct export_plan *p, const char *target, bool bare)
{
    struct export_options o = { .policy_path = "p.yaml", .now_us = NOON_US, .bare = bare };
    const struct export_target *t = export_target_find(view_string(target));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(t);
    assert_non_null(out);
    assert_true(t->write(p, &o, out, NULL));
    assert_int_equal(fclose(out), 0);
    return text;
}

#define BLOCK_ALL "  - {name: all, match: {class: im}, action: block}\n"
#define RULES(rules) "version: 1\ndefault: allow\nrules:\n" rules

static void an_earlier_allow_takes_a_service_out(void **state)
{
    (void)state;
    struct case_ c = plan(RULES("  - {name: ok, match: {service: beta}, action: allow}\n" BLOCK_ALL));
    const struct plan_row *rows;

    assert_int_equal(plan_blocked(c.plan, 0, &rows), 1);
    assert_int_equal(rows[0].service, service("alpha"));
    assert_int_equal(rows[0].rule, 2);
    assert_int_equal(rows[0].roles, PLAN_ALL_ROLES);
    finish(&c);
}

static void an_allow_behind_a_block_changes_nothing(void **state)
{
    (void)state;
    struct case_ c = plan(RULES(BLOCK_ALL "  - {name: late, match: {service: beta}, action: allow}\n"));
    const struct plan_row *rows;

    assert_int_equal(plan_blocked(c.plan, 0, &rows), 2);
    finish(&c);
}

static void a_rule_on_files_takes_the_names_of_files(void **state)
{
    (void)state;
    struct case_ c = plan(RULES("  - {name: files, match: {activity: [file]}, action: block}\n"));
    const struct plan_row *rows;
    const struct plan_name *names;

    assert_int_equal(plan_blocked(c.plan, PLAN_LOOKUPS, &rows), 2);
    assert_int_equal(rows[0].roles, 1 << ROLE_MEDIA);
    unsigned count = plan_names(c.plan, PLAN_LOOKUPS, &names);
    assert_non_null(find(names, count, "media.alpha.example"));
    assert_null(find(names, count, "alpha.example"));
    finish(&c);
}

static void look_ups_are_for_who_answers_them(void **state)
{
    (void)state;
    struct case_ c =
        plan(RULES("  - {name: ask, match: {service: beta, activity: [lookup]}, action: allow}\n" BLOCK_ALL));
    const struct plan_row *rows;

    assert_int_equal(plan_blocked(c.plan, 0, &rows), 2); /* without look-ups: beta, too */
    assert_int_equal(plan_blocked(c.plan, PLAN_LOOKUPS, &rows), 1);
    assert_int_equal(rows[0].service, service("alpha"));
    finish(&c);
}

static void rules_for_some_clients_are_not_for_all(void **state)
{
    (void)state;
    struct case_ c =
        plan(RULES("  - {name: desk, match: {service: beta, network: 10.1.0.0/16}, action: block}\n"
                   "  - {name: boss, match: {service: alpha, network: 10.2.0.0/16}, action: allow}\n"
                   "  - {name: rest, match: {service: alpha}, action: block}\n"));
    const struct plan_row *rows, *const *steps;

    assert_int_equal(plan_blocked(c.plan, 0, &rows), 1);
    assert_int_equal(rows[0].rule, 3);
    assert_int_equal(plan_steps(c.plan, PLAN_CLIENTS, PROTOCOL_UNKNOWN, service("alpha"), ROLE_CHAT, &steps),
                     2);
    assert_int_equal(steps[0]->rule, 2);
    assert_int_equal(steps[0]->client_count, 1);
    assert_int_equal(steps[0]->clients[0].bits, 96 + 16);
    assert_int_equal(steps[1]->rule, 3);
    finish(&c);
}

static void what_is_not_known_to_a_target_is_told(void **state)
{
    (void)state;
    struct case_ c =
        plan(RULES("  - {name: hours, match: {service: alpha, hours: \"08:00-09:00\"}, action: allow}\n"
                   "  - {name: alpha, match: {service: alpha}, action: block}\n"
                   "  - {name: night, match: {service: beta, hours: \"20:00-06:00\"}, action: block}\n"));
    char *text = written(c.plan, "nftables", false);

    assert_non_null(
        strstr(text, "rule 1 \"hours\" (p.yaml:4, allow): asks for hours; left out, and so too strict"));
    assert_non_null(
        strstr(text, "rule 3 \"night\" (p.yaml:6, block): asks for hours; left out, and so a gap"));
    assert_null(strstr(text, "rule 2 \"alpha\" (p"));
    free(text);
    text = written(c.plan, "nftables", true);
    assert_memory_equal(text, "table inet", 10);
    free(text);
    finish(&c);
}

static void exceptions_that_ended_are_left_out(void **state)
{
    (void)state;
    struct case_ c = plan(RULES(
        "  - {name: old, match: {service: beta}, action: allow, exception: {purpose: p, approved_by: a, "
        "until: 2026-11-22}}\n"
        "  - {name: now, match: {service: alpha}, action: allow, exception: {purpose: p, approved_by: a, "
        "until: 2026-11-23}}\n" BLOCK_ALL));
    const struct plan_row *rows;

    assert_int_equal(plan_blocked(c.plan, 0, &rows), 1);
    assert_int_equal(rows[0].service, service("beta"));
    finish(&c);
}

static void names_below_a_blocked_name_pass(void **state)
{
    (void)state;
    struct case_ c = plan(RULES("  - {name: alpha, match: {service: alpha}, action: block}\n"));
    const struct plan_name *names;
    unsigned count = plan_names(c.plan, 0, &names);

    assert_non_null(find(names, count, "alpha.example")->row);
    assert_true(find(names, count, "alpha.example")->divided);
    assert_true(find(names, count, "media.alpha.example")->covered);
    assert_null(find(names, count, "shared.alpha.example")->row);
    assert_null(find(names, count, "blog.alpha.example")->row);
    assert_null(find(names, count, "beta.alpha.example")->row);
    assert_null(find(names, count, "beta.example"));
    assert_int_equal(find(names, count, "one.example")->form, PLAN_NAME_EXACT);
    const struct plan_name *start = find(names, count, "edge-*.cdn.example");
    assert_int_equal(start->form, PLAN_NAME_START);
    assert_true(view_equal(start->start, VIEW("edge-")) && view_equal(start->rest, VIEW("cdn.example")));
    finish(&c);
}

/* alpha disowns beta.alpha.example, which is beta's: with both blocked nothing of beta's divides. */
static void a_name_that_another_claims_is_the_others(void **state)
{
    (void)state;
    struct case_ c = plan(RULES(BLOCK_ALL));
    const struct plan_name *names;
    unsigned count = plan_names(c.plan, 0, &names);

    assert_non_null(find(names, count, "beta.alpha.example")->row);
    assert_true(find(names, count, "beta.alpha.example")->covered);
    finish(&c);
}

static void lists_leave_out_what_would_cover_too_much(void **state)
{
    (void)state;
    struct case_ c = plan(RULES("  - {name: alpha, match: {service: alpha}, action: block}\n"));
    char *text = written(c.plan, "paloalto-domains", true);

    assert_string_equal(text, "^alpha.example\n*.media.alpha.example\nmedia.alpha.example\n^one.example\n");
    free(text);
    text = written(c.plan, "fortinet-domains", true);
    assert_non_null(strstr(text, "edge-*.cdn.example\n"));
    assert_null(strstr(text, "\nalpha.example"));
    free(text);
    text = written(c.plan, "paloalto-addresses", true);
    assert_string_equal(text, "198.51.100.0/25\n"); /* the other half is beta's */
    free(text);
    finish(&c);
}

static void the_narrowest_range_has_the_address(void **state)
{
    (void)state;
    struct plan_range *ranges;
    unsigned count;

    assert_true(plan_ranges(catalog, &ranges, &count));
    for (unsigned n = 0; n < 256; n++)
        for (unsigned port = 4999; port < 5012; port++) {
            struct catalog_hit hit;
            struct ip_addr ip = address("198.51.100.0");
            uint16_t found = 0;
            ip.octet[15] = (uint8_t)n;
            for (unsigned i = 0; i < count && found == 0; i++)
                if (ip_number(&ip) >= ranges[i].span.first && ip_number(&ip) <= ranges[i].span.last &&
                    (!ranges[i].ported ||
                     (ranges[i].l4 == 17 && port >= ranges[i].first_port && port <= ranges[i].last_port)))
                    found = (uint16_t)(ranges[i].service * 16u + ranges[i].role);
            assert_true(catalog_match_address(catalog, &ip, 17, (uint16_t)port, &hit));
            assert_int_equal(found, hit.service * 16u + hit.role);
        }
    free(ranges);
}

/* Each address of a small policy, asked of the policy itself, and of the plan's networks. */
static void clients_are_those_of_the_policy(void **state)
{
    (void)state;
    static const char people[] =
        "user,addresses,acknowledged,trained_until,groups\n"
        "adams,10.0.0.16/28,,,desk\nbaker,10.0.0.20,,,\ncarol,10.0.0.40 10.0.0.41,,,desk\n"
        "dora,10.0.0.41,,,\n";
    static const char policy[] =
        "version: 1\ndefault: allow\npeople: people.csv\n"
        "groups:\n  desk: {networks: [10.0.0.64/26, 10.0.0.128/25]}\n  rest: {networks: [10.0.0.192/26]}\n"
        "rules:\n"
        "  - {name: g, match: {group: desk}, action: block}\n"
        "  - {name: n, match: {network: [10.0.0.0/27, 10.0.0.200/29], group: [desk, rest]}, action: block}\n"
        "  - {name: u, match: {user: [adams, carol]}, action: block}\n";
    struct policy *p;
    struct export_plan *made;
    struct imw_error_info err = { 0 };
    char path[128], line[800];
    unsigned count;

    folder_write(&folder, "people.csv", people);
    folder_write(&folder, "p.txt", policy);
    snprintf(path, sizeof path, "%s/p.txt", folder.path);
    if (!policy_load(path, catalog, &p, &err))
        fail_msg("%s", error_format(&err, line, sizeof line));
    assert_true(export_plan_new(p, catalog, NOON_US, &made, NULL));
    const struct plan_row *rows = plan_rows(made, &count);
    for (unsigned n = 0; n < 256; n++) {
        struct ip_addr ip = address("10.0.0.0");
        struct policy_facts f = { .client = &ip,
                                  .service = 1,
                                  .class = CLASS_COUNT,
                                  .time_us = NOON_US,
                                  .server_name = VIEW(""),
                                  .client_version = VIEW(""),
                                  .user = VIEW("") };
        struct policy_verdict v;
        unsigned first = 0;
        ip.octet[15] = (uint8_t)n;
        policy_judge(p, &f, &v);
        for (unsigned i = 0; i < count && first == 0; i++)
            for (unsigned k = 0; rows[i].service == 1 && k < rows[i].client_count; k++)
                if (ip_in_network(&ip, &rows[i].clients[k].ip, rows[i].clients[k].bits))
                    first = rows[i].rule;
        if (first != v.number)
            fail_msg("10.0.0.%u: the plan has rule %u, the policy %u", n, first, v.number);
    }
    export_plan_free(made);
    policy_free(p);
}

static void suricata_excepts_and_cuts_clients(void **state)
{
    (void)state;
    struct case_ c = plan(
        RULES("  - {name: boss, match: {service: alpha, network: 10.2.0.0/16}, action: allow}\n"
              "  - {name: \"no \\\"alpha\\\"; x\", match: {service: alpha}, action: block, with: drop}\n"));
    char *text = written(c.plan, "suricata", true);

    assert_non_null(
        strstr(text, "drop tls ![10.2.0.0/16] any -> any any (msg:\"imward block: no  alpha   x: alpha: "
                     "alpha.example\"; tls.sni; dotprefix; content:\".alpha.example\"; endswith; nocase; "
                     "pcre:!\"/\\.beta\\.alpha\\.example$/i\"; pcre:!\"/\\.blog\\.alpha\\.example$/i\"; "
                     "pcre:!\"/\\.shared\\.alpha\\.example$/i\"; sid:"));
    assert_null(strstr(text, "content:\".media.alpha.example\"")); /* decided as the name above it */
    assert_null(strstr(text, "quic"));
    free(text);
    text = written(c.plan, "suricata7", true);
    assert_non_null(strstr(text, "quic.sni; dotprefix; content:\".alpha.example\""));
    free(text);
    finish(&c);
}

static void a_rule_on_a_protocol_takes_what_sees_it(void **state)
{
    (void)state;
    struct case_ c = plan(RULES("  - {name: p, match: {protocol: [http, irc, dcc]}, action: block}\n"));
    char *text = written(c.plan, "suricata", false);

    assert_non_null(strstr(text, "http.host; dotprefix; content:\".alpha.example\""));
    assert_null(strstr(text, "tls.sni;"));
    assert_null(strstr(text, "198.51.100.")); /* by address no protocol is known */
    assert_non_null(strstr(text, "#   rule 1: dcc is not known by what is said first; a gap\n"));
    free(text);
    finish(&c);
}

static void a_default_that_blocks_is_in_it(void **state)
{
    (void)state;
    struct case_ c = plan("version: 1\ndefault: block\nrules:\n"
                          "  - {name: ok, match: {service: beta}, action: alert}\n");
    const struct plan_row *rows;

    assert_int_equal(plan_blocked(c.plan, 0, &rows), 1);
    assert_int_equal(rows[0].rule, 0);
    assert_int_equal(rows[0].service, service("alpha"));
    finish(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_earlier_allow_takes_a_service_out),
        cmocka_unit_test(an_allow_behind_a_block_changes_nothing),
        cmocka_unit_test(a_rule_on_files_takes_the_names_of_files),
        cmocka_unit_test(look_ups_are_for_who_answers_them),
        cmocka_unit_test(rules_for_some_clients_are_not_for_all),
        cmocka_unit_test(what_is_not_known_to_a_target_is_told),
        cmocka_unit_test(exceptions_that_ended_are_left_out),
        cmocka_unit_test(names_below_a_blocked_name_pass),
        cmocka_unit_test(a_name_that_another_claims_is_the_others),
        cmocka_unit_test(lists_leave_out_what_would_cover_too_much),
        cmocka_unit_test(the_narrowest_range_has_the_address),
        cmocka_unit_test(clients_are_those_of_the_policy),
        cmocka_unit_test(suricata_excepts_and_cuts_clients),
        cmocka_unit_test(a_rule_on_a_protocol_takes_what_sees_it),
        cmocka_unit_test(a_default_that_blocks_is_in_it),
    };

    return cmocka_run_group_tests(tests, open_catalog, close_catalog);
}
