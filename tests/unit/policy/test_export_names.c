/* SPDX-License-Identifier: Apache-2.0 */
/* Names as a tree of verdicts, the zone that is made of it, and the section `tenants`. */
#include "../identify/catalog_folder.h"
#include "policy/export/names.h"
#include "policy/export/targets.h"
#include "policy/tenants.h"
#include <stdlib.h>

#define TOP "version: 1\ndefault: alert\n"
#define NOON_US UINT64_C(1795429800000000) /* 2026-11-23 */
#define BLOCK_ALPHA TOP "rules:\n  - {name: no alpha, match: {service: alpha}, action: block}\n"

static struct catalog *catalog;
static struct folder folder;

static int open_catalog(void **state)
{
    (void)state;
    folder = folder_new();
    folder_write(
        &folder, "alpha.yaml",
        HEAD("alpha") "protocols: [tls]\ndomains:\n"
                      "  - {names: [alpha.example, edge-*.cdn.example, sub.alpha.example], role: chat}\n"
                      "  - {names: [c.b.beta.alpha.example], role: chat}\n"
                      "  - {names: [one.example], exact: true}\n"
                      "not_below: [blog.alpha.example, beta.alpha.example]\n");
    folder_write(&folder, "beta.yaml",
                 HEAD("beta") "protocols: [tls]\ndomains:\n"
                              "  - {names: [beta.alpha.example, beta.example], role: chat}\n"
                              "  - {names: [self.alpha.example], exact: true}\n"
                              "  - {names: [shared.example], shared: true}\n");
    return catalog_open(folder.path, &catalog, NULL) ? 0 : -1;
}

static int close_catalog(void **state)
{
    (void)state;
    catalog_close(catalog);
    folder_remove(&folder);
    return 0;
}

static bool take_alpha(const void *context, uint16_t service, enum server_role role)
{
    (void)context;
    (void)role;
    return service == catalog_find(catalog, VIEW("alpha"));
}

static const struct export_name *find(const struct export_names *n, const char *name)
{
    for (unsigned i = 0; i < n->count; i++)
        if (view_equal(n->at[i].name, view_string(name)))
            return &n->at[i];
    return NULL;
}

static void exceptions_stand_one_level_below_what_is_taken(void **state)
{
    struct export_names n;

    (void)state;
    assert_true(export_names_new(catalog, take_alpha, NULL, &n, NULL));
    static const struct {
        const char *name;
        bool taken, exact;
        unsigned level;
    } wanted[] = {
        { "alpha.example", true, false, 0 },       { "beta.alpha.example", false, false, 1 },
        { "blog.alpha.example", false, false, 1 }, { "self.alpha.example", false, true, 1 },
        { "one.example", true, true, 0 },          { "c.b.beta.alpha.example", true, false, 2 },
    };
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct export_name *e = find(&n, wanted[i].name);
        assert_non_null(e);
        assert_int_equal(e->taken, wanted[i].taken);
        assert_int_equal(e->exact, wanted[i].exact);
        assert_int_equal(e->level, wanted[i].level);
    }
    const struct export_name *start = find(&n, "cdn.example");
    assert_non_null(start);
    assert_true(start->taken && view_equal(start->start, VIEW("edge-")));
    assert_int_equal(n.count, 7);
    assert_null(find(&n, "sub.alpha.example")); /* said by the name above it */
    assert_null(find(&n, "beta.example"));
    export_names_free(&n);
}

static void every_name_is_there_where_none_may_be_left_out(void **state)
{
    struct export_names n;

    (void)state;
    assert_true(export_names_all(catalog, take_alpha, NULL, &n, NULL));
    assert_non_null(find(&n, "sub.alpha.example"));
    assert_false(find(&n, "shared.example")->taken);
    for (unsigned i = 1; i < n.count; i++)
        assert_true(export_name_compare(&n.at[i - 1], &n.at[i]) < 0);
    export_names_free(&n);
}

static void host_names_are_told_from_other_text(void **state)
{
    static const char *const good[] = { "a", "page.bank.example", "_x-1.example" };
    static const char *const bad[] = { "", ".", "a..b", "a.", "a b", "a;b", "a/b", "a\"" };

    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(export_is_host(view_string(good[i])));
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(export_is_host(view_string(bad[i])));
}

/* What a target makes of a policy; NULL: it refuses. Caller frees. */
static char *write_target(const char *target, const char *policy, struct export_options o,
                          struct imw_error_info *err)
{
    struct policy *p = NULL;
    struct export_plan *plan = NULL;
    char *text = NULL;
    size_t size = 0;

    o.now_us = NOON_US;
    o.policy_path = "p.yaml";
    assert_true(policy_parse("p.yaml", view_string(policy), catalog, &p, err));
    assert_true(export_plan_new(p, catalog, NOON_US, &plan, err));
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    bool ok = export_target_find(view_string(target))->write(plan, &o, out, err);
    assert_int_equal(fclose(out), 0);
    export_plan_free(plan);
    policy_free(p);
    if (ok)
        return text;
    free(text);
    return NULL;
}

static void a_zone_fills_what_lies_between_names(void **state)
{
    char *text = write_target("rpz", BLOCK_ALPHA, (struct export_options){ .bare = true }, NULL);

    (void)state;
    assert_string_equal(text, "$TTL 300\n"
                              "@ SOA localhost. hostmaster.localhost. 1795429800 3600 600 604800 300\n"
                              "@ NS localhost.\n"
                              "alpha.example CNAME .\n"
                              "*.alpha.example CNAME .\n"
                              "beta.alpha.example CNAME rpz-passthru.\n"
                              "*.beta.alpha.example CNAME rpz-passthru.\n"
                              "b.beta.alpha.example CNAME rpz-passthru.\n"
                              "*.b.beta.alpha.example CNAME rpz-passthru.\n"
                              "c.b.beta.alpha.example CNAME .\n"
                              "*.c.b.beta.alpha.example CNAME .\n"
                              "self.alpha.example CNAME rpz-passthru.\n"
                              "*.self.alpha.example CNAME .\n"
                              "blog.alpha.example CNAME rpz-passthru.\n"
                              "*.blog.alpha.example CNAME rpz-passthru.\n"
                              "one.example CNAME .\n");
    free(text);
}

static void pages_and_proxies_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *target, *page, *proxy;
        bool good;
    } cases[] = {
        { "rpz", "page.example", NULL, true },
        { "rpz", "192.0.2.1", NULL, true },
        { "rpz", "2001:db8::1", NULL, true },
        { "rpz", "a b", NULL, false },
        { "rpz", "x.\n@ A 1.2.3.4", NULL, false },
        { "hosts", "192.0.2.1", NULL, true },
        { "hosts", "page.example", NULL, false },
        { "pac", "page.example:8080", "[2001:db8::1]:3128", true },
        { "pac", "page.example:0", NULL, false },
        { "pac", NULL, "p.example:3128\"; alert(1)", false },
        { "pac", NULL, "p.example:99999", false },
        { "squid", "page.example", NULL, true },
        { "squid", "page.example all", NULL, false },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imw_error_info err = { 0 };
        struct export_options o = { .block_page = cases[i].page, .proxy = cases[i].proxy };
        char *text = write_target(cases[i].target, BLOCK_ALPHA, o, &err);
        if ((text != NULL) != cases[i].good)
            fail_msg("%s, page %s, proxy %s", cases[i].target, cases[i].page != NULL ? cases[i].page : "-",
                     cases[i].proxy != NULL ? cases[i].proxy : "-");
        free(text);
    }
}

static bool read_tenants(const char *section, struct policy **out, struct imw_error_info *err)
{
    char text[600];

    snprintf(text, sizeof text, TOP "tenants: %s\n", section);
    return policy_parse("p.yaml", view_string(text), catalog, out, err);
}

static void tenants_are_what_the_policy_says(void **state)
{
    struct policy *p = NULL;

    (void)state;
    assert_true(read_tenants("{microsoft: {domains: [bank.example, 01234567-89ab-cdef-0123-456789ABCDEF],"
                             " directory: 01234567-89ab-cdef-0123-456789abcdef},"
                             " slack: {requester: E1, workspaces: T12}}",
                             &p, NULL));
    const struct policy_tenants *t = policy_tenants(p);
    assert_non_null(t);
    assert_int_equal(t->microsoft_domains.count, 2);
    assert_string_equal(t->microsoft_domains.at[0], "bank.example");
    assert_string_equal(t->microsoft_directory, "01234567-89ab-cdef-0123-456789abcdef");
    assert_int_equal(t->google_domains.count, 0);
    assert_string_equal(t->slack_requester, "E1");
    assert_string_equal(t->slack_workspaces.at[0], "T12");
    policy_free(p);
    assert_true(policy_parse("p.yaml", VIEW(TOP), catalog, &p, NULL));
    assert_null(policy_tenants(p));
    policy_free(p);
}

static void tenants_that_are_none_are_refused(void **state)
{
    static const char *const cases[] = {
        "{}",
        "x",
        "{zoom: {}}",
        "{google: {}}",
        "{google: {domains: []}}",
        "{google: {domains: bank}}",
        "{google: {domains: bank..example}}",
        "{google: {domains: \"bank.example,evil.example\"}}",
        "{google: {domains: \"bank.example\\nacl\"}}",
        "{google: {domains: \"%>{X}.example\"}}",
        "{microsoft: {domains: bank.example}}",
        "{microsoft: {domains: bank.example, directory: 01234567-89ab-cdef-0123-456789abcde}}",
        "{microsoft: {domains: bank.example, directory: 0123456789abcdef-0123-456789abcdef-01}}",
        "{slack: {requester: t1, workspaces: T1}}",
        "{slack: {requester: [T1, T2], workspaces: T1}}",
        "{slack: {requester: T1, workspaces: [T1, \"T2 T3\"]}}",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imw_error_info err = { 0 };
        struct policy *p = NULL;
        if (read_tenants(cases[i], &p, &err))
            fail_msg("taken: %s", cases[i]);
        assert_int_equal(err.line, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exceptions_stand_one_level_below_what_is_taken),
        cmocka_unit_test(every_name_is_there_where_none_may_be_left_out),
        cmocka_unit_test(host_names_are_told_from_other_text),
        cmocka_unit_test(a_zone_fills_what_lies_between_names),
        cmocka_unit_test(pages_and_proxies_that_are_none_are_refused),
        cmocka_unit_test(tenants_are_what_the_policy_says),
        cmocka_unit_test(tenants_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, open_catalog, close_catalog);
}
