/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imward policy test: tables of cases, each a flow and what the policy should say to it (docs/policy.md). For
 * those who answer for the rules: they say what they mean, case by case, and a change that breaks it is told.
 */
#include "base/yaml.h"
#include "cli/policy.h"
#include "policy/zone.h"
#include <getopt.h>
#include <stdlib.h>
#include <time.h>

#define X(id, name) name,
static const char *const action_words[] = { POLICY_ACTIONS(X) NULL };
#undef X

struct table {
    const struct policy *policy;
    const struct catalog *catalog;
    const char *file;
    int64_t today; /* local day */
    unsigned cases, failed;
    struct imw_error_info err;
};

/* One line of a table. */
struct test_case {
    struct policy_facts facts;
    struct ip_addr client, server;
    enum policy_action action;
    struct view name;
    unsigned rule; /* that should decide, from 1; 0: "default" */
    bool any_rule; /* none is named */
    unsigned line;
};

typedef bool read_value(struct table *t, const struct yaml_node *n, struct test_case *out);

/* ---- values ---- */

static bool read_word(struct table *t, const struct yaml_node *n, const char *what, const char *const *words,
                      uint32_t first, uint32_t *out)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, &t->err))
        return false;
    for (uint32_t i = first; words[i] != NULL; i++)
        if (view_equal(v, view_string(words[i]))) {
            *out = i;
            return true;
        }
    const char *hint = yaml_nearest(v, words + first);
    int len = v.len < 60 ? (int)v.len : 60;
    return yaml_error(n, &t->err, "unknown %s '%.*s'%s%s%s", what, len, (const char *)v.at,
                      hint != NULL ? "; is '" : "", hint != NULL ? hint : "", hint != NULL ? "' meant?" : "");
}

static bool read_name(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    return yaml_string(n, &out->name, &t->err);
}

static bool read_user(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    return yaml_string(n, &out->facts.user, &t->err);
}

static bool read_group(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    struct view group = view_of(NULL, 0), user;

    if (!yaml_string(n, &group, &t->err))
        return false;
    if (!policy_member(t->policy, group, &user, &out->client))
        return yaml_error(n, &t->err, "nobody is in this group of the policy, or it has no such group");
    if (user.len > 0)
        out->facts.user = user;
    else
        out->facts.client = &out->client;
    return true;
}

static bool read_address(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    struct view v = view_of(NULL, 0);

    out->facts.client = &out->client;
    return yaml_string(n, &v, &t->err) &&
           (ip_parse(v, &out->client) || yaml_error(n, &t->err, "an address such as 10.20.0.17 is needed"));
}

static bool read_server(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    struct view v = view_of(NULL, 0);

    if (!yaml_string(n, &v, &t->err))
        return false;
    if (ip_parse(v, &out->server))
        out->facts.server = &out->server;
    else
        out->facts.server_name = v;
    return true;
}

static bool read_service(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    struct view v = view_of(NULL, 0);
    unsigned count = catalog_count(t->catalog), known = 0;

    if (!yaml_string(n, &v, &t->err))
        return false;
    out->facts.service = catalog_find(t->catalog, v);
    if (out->facts.service != 0)
        return true;
    const char **slugs = calloc(count + 1, sizeof *slugs);
    for (unsigned i = 0; slugs != NULL && i < count; i++)
        slugs[known++] = catalog_service(t->catalog, (uint16_t)(i + 1))->slug;
    const char *hint = slugs != NULL ? yaml_nearest(v, slugs) : NULL;
    free(slugs);
    return yaml_error(n, &t->err, "unknown service%s%s%s", hint != NULL ? "; is '" : "",
                      hint != NULL ? hint : "", hint != NULL ? "' meant?" : "");
}

static bool read_class(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    uint32_t number = 0;

    if (!read_word(t, n, "class", class_words, 0, &number))
        return false;
    out->facts.class = (enum service_class)number;
    return true;
}

static bool read_protocol(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    struct view v = view_of(NULL, 0);
    uint32_t number = 0;

    /* The number is not the place in the list. */
    if (!read_word(t, n, "protocol", protocol_words, 1, &number) || !yaml_string(n, &v, &t->err))
        return false;
    out->facts.protocol = (enum protocol)protocol_find(v);
    return true;
}

static bool read_activity(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    uint32_t number = 0;

    if (yaml_kind(n) != YAML_SEQUENCE) {
        if (!read_word(t, n, "activity", activity_words, 0, &number))
            return false;
        out->facts.activities |= (uint8_t)(1u << number);
        return true;
    }
    for (const struct yaml_node *one = yaml_first(n); one != NULL; one = yaml_next(one)) {
        if (!read_word(t, one, "activity", activity_words, 0, &number))
            return false;
        out->facts.activities |= (uint8_t)(1u << number);
    }
    return true;
}

static bool read_delivery(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    uint32_t number = 0;

    if (!read_word(t, n, "delivery", delivery_words, 1, &number))
        return false;
    out->facts.delivery = (enum delivery)number;
    return true;
}

static bool read_port_agile(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    return yaml_bool(n, &out->facts.port_agile, &t->err);
}

static bool read_client_version(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    return yaml_string(n, &out->facts.client_version, &t->err);
}

static bool read_expect(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    uint32_t number = 0;

    if (!read_word(t, n, "action", action_words, 0, &number))
        return false;
    out->action = (enum policy_action)number;
    return true;
}

static bool read_rule(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    struct view v = view_of(NULL, 0);
    unsigned rules = policy_rules(t->policy);

    if (!yaml_string(n, &v, &t->err))
        return false;
    out->any_rule = false;
    for (out->rule = 0; out->rule <= rules; out->rule++) /* 0 is "default" */
        if (view_equal_nocase(v, view_string(policy_rule_name(t->policy, out->rule))))
            return true;
    const char **names = calloc(rules + 1, sizeof *names);
    for (unsigned i = 0; names != NULL && i < rules; i++)
        names[i] = policy_rule_name(t->policy, i + 1);
    const char *hint = names != NULL ? yaml_nearest(v, names) : NULL;
    free(names);
    return yaml_error(n, &t->err, "the policy has no such rule%s%.100s%s", hint != NULL ? "; is '" : "",
                      hint != NULL ? hint : "", hint != NULL ? "' meant?" : "");
}

static const struct key {
    const char *name;
    read_value *read;
} keys[] = {
    { "name", read_name },         { "user", read_user },
    { "group", read_group },       { "address", read_address },
    { "service", read_service },   { "class", read_class },
    { "protocol", read_protocol }, { "activity", read_activity },
    { "delivery", read_delivery }, { "port_agile", read_port_agile },
    { "server", read_server },     { "client_version", read_client_version },
    { "expect", read_expect },     { "rule", read_rule },
};
enum { KEYS = sizeof keys / sizeof keys[0] };

/* ---- when ---- */

/* "mon 10:30", or "10:30", and a date; both in the policy's time zone. Without either: now. */
static bool read_time(struct table *t, const struct yaml_node *one, struct test_case *out)
{
    const struct yaml_node *hour = yaml_get(one, "hour"), *date = yaml_get(one, "date");
    struct view v = view_of(NULL, 0);
    int64_t day = t->today;
    uint32_t minute = 12 * 60;
    unsigned weekday;

    if (hour == NULL && date == NULL)
        return true;
    if (date != NULL && !yaml_string(date, &v, &t->err))
        return false;
    if (date != NULL && !date_parse(v, &day))
        return yaml_error(date, &t->err, "a date such as 2027-01-31 is needed");
    if (hour != NULL) {
        if (!yaml_string(hour, &v, &t->err))
            return false;
        struct view first = view_token(&v, ' '), clock = v.len > 0 ? view_trim(v) : first;
        bool has_day = v.len > 0;
        if (!clock_parse(clock, &minute) || (has_day && !weekday_parse(first, &weekday)))
            return yaml_error(hour, &t->err, "a day and hour such as \"mon 10:30\" or \"10:30\" is needed");
        if (has_day && date != NULL && day_of_week(day) != weekday)
            return yaml_error(hour, &t->err, "the date given is no such day of the week");
        if (has_day)
            day += (weekday + 7 - day_of_week(day)) % 7;
    }
    out->facts.time_us = policy_time(t->policy, day * DAY_S + (int64_t)minute * 60);
    return true;
}

/* ---- one case ---- */

static bool read_case(struct table *t, const struct yaml_node *n, struct test_case *out)
{
    const char *known[KEYS + 3];
    const struct yaml_node *expect;

    for (unsigned k = 0; k < KEYS; k++)
        known[k] = keys[k].name;
    known[KEYS] = "hour";
    known[KEYS + 1] = "date";
    known[KEYS + 2] = NULL;
    if (!yaml_known_keys(n, known, &t->err) || !yaml_need(n, "expect", &expect, &t->err))
        return false;
    for (unsigned k = 0; k < KEYS; k++) {
        const struct yaml_node *value = yaml_get(n, keys[k].name);
        if (value != NULL && !keys[k].read(t, value, out))
            return false;
    }
    return read_time(t, n, out);
}

struct looked_for {
    unsigned rule;
    bool found;
};

static void print_if_looked_for(void *context, const struct policy_reason *r)
{
    struct looked_for *l = context;

    if (r->number != l->rule)
        return;
    l->found = true;
    printf("    rule '%s' does not match", r->rule);
    policy_print_reason(stdout, r);
    putchar('\n');
}

static void run_case(struct table *t, const struct test_case *c)
{
    struct policy_verdict v, again;
    struct looked_for l = { .rule = c->any_rule ? 0 : c->rule };

    t->cases++;
    policy_judge(t->policy, &c->facts, &v);
    if (v.action == c->action && (c->any_rule || v.number == c->rule))
        return;
    t->failed++;
    printf("%s:%u: ", t->file, c->line);
    if (c->name.len > 0)
        printf("%.*s: ", (int)c->name.len, (const char *)c->name.at);
    printf("expected %s", policy_action_name(c->action));
    if (!c->any_rule)
        printf(" by '%s'", policy_rule_name(t->policy, c->rule));
    printf(", got %s by '%s'", policy_action_name(v.action), v.rule);
    printf(v.expired ? " (an exception has expired)\n" : "\n");
    if (l.rule == 0 || v.number == l.rule)
        return;
    policy_explain(t->policy, &c->facts, print_if_looked_for, &l, &again);
    if (!l.found)
        printf("    rule '%s' comes later\n", policy_rule_name(t->policy, l.rule));
}

static bool run_cases(struct table *t, const struct yaml_node *root, uint64_t now_us)
{
    static const char *const known[] = { "cases", NULL };
    const struct yaml_node *list;

    if (!yaml_known_keys(root, known, &t->err) || !yaml_need(root, "cases", &list, &t->err) ||
        !yaml_expect(list, YAML_SEQUENCE, &t->err))
        return false;
    for (const struct yaml_node *n = yaml_first(list); n != NULL; n = yaml_next(n)) {
        struct test_case c = { .facts = { .class = CLASS_COUNT,
                                          .server_name = VIEW(""),
                                          .client_version = VIEW(""),
                                          .user = VIEW(""),
                                          .time_us = now_us },
                               .name = VIEW(""),
                               .any_rule = true,
                               .line = yaml_line(n) };
        if (!read_case(t, n, &c))
            return false;
        run_case(t, &c);
    }
    return true;
}

static bool run_table(struct table *t, uint64_t now_us)
{
    struct yaml *y;

    if (!yaml_load(t->file, &y, &t->err))
        return false;
    bool ok = run_cases(t, yaml_root(y), now_us);
    yaml_free(y);
    return ok;
}

static int run(const struct policy *p, const struct catalog *catalog, char **files, int count)
{
    uint64_t now_us = (uint64_t)time(NULL) * 1000000;
    struct table t = { .policy = p, .catalog = catalog };
    bool ok = true;

    t.today = floor_divide(policy_local(p, now_us), DAY_S);
    for (int i = 0; i < count; i++) {
        t.file = files[i];
        if (!run_table(&t, now_us)) {
            (void)cli_failed(&t.err);
            ok = false;
        }
    }
    if (ok) /* a table that cannot be read is no success of all its cases */
        printf("%u cases, %u failed\n", t.cases, t.failed);
    return ok && t.failed == 0 ? EXIT_DONE : EXIT_FAILED;
}

int policy_test(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "policy", required_argument, NULL, 'p' },
        { "catalog", required_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *path = NULL, *catalog_path = NULL;
    struct imw_error_info err;
    struct catalog *catalog = NULL;
    struct policy *p = NULL;
    int option, status;

    while ((option = getopt_long(argc, argv, "p:c:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'p': path = optarg; break;
        case 'c': catalog_path = optarg; break;
        case 'h': return policy_help();
        default: fputs("imward policy --help tells how it is used.\n", stderr); return EXIT_USAGE;
        }
    }
    if (path == NULL || optind == argc)
        return cli_usage("policy", "test takes --policy FILE and one table of cases or more");
    if (!policy_catalog(catalog_path, &catalog, &err) || !policy_load(path, catalog, &p, &err))
        status = cli_failed(&err);
    else
        status = run(p, catalog, argv + optind, argc - optind);
    policy_free(p);
    catalog_close(catalog);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imward: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
