/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a large policy takes to load, and how many decisions a second one thread makes with it.
 *
 *     bench_policy [-r RULES] [-u USERS] [-g GROUPS] [-n FLOWS]
 *
 * The rules are those of a bank with many desks: most say what one or two groups may do with some services,
 * some by hours; some are exceptions of single people, some name networks or servers; the last ones hold for
 * all. Everybody has an address and one to three of the groups, a thousand where none is said. The flows are
 * those of people taken at random, one in ten of an address that nobody has, to services, servers and hours
 * taken at random, so that nothing is where the one before left it.
 *
 * Output: JSON on one line. `load_s` and `decision_ns`, the time of all decisions by their number, are of the
 * processor; the other two are of each decision by itself, less what taking the time costs. Wall time in
 * which others had the processor is among them.
 */
#include "policy/policy.h"
#include "base/text.h"
#include <getopt.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5, NAME = 24 };

struct flow_facts {
    struct policy_facts facts;
    struct ip_addr client, server;
    char user[NAME], server_name[NAME];
};

static double clock_s(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this thread's own, whatever else runs. */
static double now_s(void)
{
    return clock_s(CLOCK_THREAD_CPUTIME_ID);
}

/* Asked at little cost. */
static double wall_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static unsigned below(uint64_t *random, unsigned n)
{
    return (unsigned)(next_random(random) % n);
}

static struct ip_addr address_of(unsigned user)
{
    uint8_t octets[4] = { 10, (uint8_t)(user >> 16), (uint8_t)(user >> 8), (uint8_t)user };

    return ip_from_v4(octets);
}

/* ---- the policy ---- */

static const char *slug_at(const struct catalog *c, unsigned n)
{
    return catalog_service(c, (uint16_t)(n % catalog_count(c) + 1))->slug;
}

static void write_match(FILE *out, const struct catalog *c, unsigned users, unsigned groups, uint64_t *random)
{
    static const char *const activities[] = { "login", "presence", "chat", "file", "call" };
    unsigned kind = below(random, 100), n = below(random, UINT32_MAX);

    if (kind < 60)
        fprintf(out, "{group: [g%u, g%u], service: [%s, %s], activity: %s}", n % groups, n / groups % groups,
                slug_at(c, n), slug_at(c, n / 7), activities[n % 5]);
    else if (kind < 75)
        fprintf(out, "{group: g%u, class: im, hours: \"mon-fri %02u:00-%02u:30\"}", n % groups, n % 9,
                n % 9 + 9);
    else if (kind < 85)
        fprintf(out, "{user: u%u, service: %s}", n % users, slug_at(c, n / 3));
    else if (kind < 92)
        fprintf(out, "{network: 10.%u.%u.0/24, service: %s, activity: [file, call]}", n % 2, n / 2 % 256,
                slug_at(c, n / 5));
    else if (kind < 97)
        fprintf(out, "{server: s%u.example, group: g%u}", n % 5000, n / 5000 % groups);
    else
        fprintf(out, "{acknowledged: false, service: %s, group: g%u}", slug_at(c, n), n / 3 % groups);
}

static bool write_policy(const char *path, const struct catalog *c, unsigned rules, unsigned users,
                         unsigned groups, uint64_t *random)
{
    static const char *const actions[] = { "allow", "alert", "block", "scan" };
    FILE *out = fopen(path, "w");

    if (out == NULL)
        return false;
    fputs("version: 1\nedition: e1\ndefault: alert\npeople: people.csv\nrules:\n", out);
    for (unsigned i = 0; i + 2 < rules; i++) {
        fprintf(out, "  - name: rule %u\n    match: ", i);
        write_match(out, c, users, groups, random);
        fprintf(out, "\n    action: %s\n", actions[below(random, 4)]);
    }
    fputs("  - name: files\n    match: {class: im, activity: file}\n    action: block\n"
          "  - name: not signed\n    match: {acknowledged: false}\n    action: alert\n",
          out);
    return fclose(out) == 0;
}

static bool write_people(const char *path, unsigned users, unsigned groups, uint64_t *random)
{
    FILE *out = fopen(path, "w");

    if (out == NULL)
        return false;
    fputs("user,addresses,acknowledged,trained_until,groups\n", out);
    for (unsigned i = 0; i < users; i++) {
        fprintf(out, "u%u,10.%u.%u.%u,%s,2027-01-31,g%u", i, i >> 16 & 255, i >> 8 & 255, i & 255,
                below(random, 4) > 0 ? "e1" : "", below(random, groups));
        for (unsigned more = below(random, 3); more > 0; more--)
            fprintf(out, " g%u", below(random, groups));
        fputc('\n', out);
    }
    return fclose(out) == 0;
}

/* ---- the flows ---- */

static void make_flow(struct flow_facts *f, const struct catalog *c, unsigned users, uint64_t *random)
{
    unsigned user = below(random, users);
    uint8_t octets[4] = { 198, 51, 100, (uint8_t)below(random, 256) };

    f->client = address_of(below(random, 10) > 0 ? user : users + user);
    f->server = ip_from_v4(octets);
    snprintf(f->user, sizeof f->user, "u%u", user);
    snprintf(f->server_name, sizeof f->server_name, "a.s%u.example", below(random, 10000));
    f->facts = (struct policy_facts){
        .client = &f->client,
        .server = &f->server,
        .service = (uint16_t)(below(random, catalog_count(c)) + 1),
        .class = CLASS_COUNT,
        .protocol = PROTOCOL_TLS,
        .activities = (uint8_t)(1 + below(random, (1 << ACTIVITY_COUNT) - 1)),
        .delivery = DELIVERY_SERVER_PROXY,
        .server_name = view_string(f->server_name),
        .client_version = VIEW(""),
        /* Half of them by name, as who.md has it; the others by their address. */
        .user = below(random, 2) > 0 ? view_string(f->user) : VIEW(""),
        .time_us = UINT64_C(1795429800000000) + below(random, 7 * 86400) * UINT64_C(1000000),
    };
}

static int by_time(const void *a, const void *b)
{
    const float *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double median_of(float *at, unsigned n, double part)
{
    qsort(at, n, sizeof *at, by_time);
    return (double)at[(unsigned)((n - 1) * part)];
}

static int decide(const struct policy *p, const struct flow_facts *flows, unsigned n, double load_s)
{
    float *took = malloc(n * sizeof *took);
    struct policy_verdict v;
    double best = 1e9;
    unsigned by_rule = 0;

    if (took == NULL)
        return 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now_s();
        by_rule = 0;
        for (unsigned i = 0; i < n; i++) {
            policy_judge(p, &flows[i].facts, &v);
            by_rule += v.number > 0;
        }
        double all = now_s() - start;
        best = all < best ? all : best;
    }
    for (unsigned i = 0; i < n; i++) {
        double start = wall_s();
        took[i] = (float)(wall_s() - start);
    }
    double clock = median_of(took, n, 0.5);
    for (unsigned i = 0; i < n; i++) {
        struct flow_facts at_hand = flows[i]; /* as those of a packet that was just looked into */
        struct policy_facts facts = at_hand.facts;
        facts.client = &at_hand.client;
        facts.server = &at_hand.server;
        double start = wall_s();
        policy_judge(p, &facts, &v);
        took[i] = (float)(wall_s() - start - clock);
    }
    double median = median_of(took, n, 0.5), high = median_of(took, n, 0.99);
    printf("{\"rules\":%u,\"load_s\":%.3f,\"flows\":%u,\"decided_by_a_rule\":%.3f,\"decisions_per_s\":%.0f,"
           "\"decision_ns\":%.0f,\"median_ns\":%.0f,\"p99_ns\":%.0f}\n",
           policy_rules(p), load_s, n, (double)by_rule / n, n / best, best / n * 1e9, median * 1e9,
           high * 1e9);
    free(took);
    return 0;
}

static int run(const char *path, const struct catalog *c, unsigned users, unsigned n, uint64_t *random)
{
    struct imw_error_info err;
    struct policy *p = NULL;
    char line[800];
    double best = 1e9;

    for (unsigned round = 0; round < ROUNDS; round++) {
        policy_free(p);
        p = NULL;
        double start = now_s();
        if (!policy_load(path, c, &p, &err)) {
            fprintf(stderr, "bench_policy: %s\n", error_format(&err, line, sizeof line));
            return 1;
        }
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    struct flow_facts *flows = malloc(n * sizeof *flows);
    for (unsigned i = 0; flows != NULL && i < n; i++)
        make_flow(&flows[i], c, users, random);
    int status = flows != NULL ? decide(p, flows, n, best) : 1;
    free(flows);
    policy_free(p);
    return status;
}

int main(int argc, char **argv)
{
    unsigned rules = 10000, users = 100000, groups = 1000, n = 200000;
    char folder[] = "/tmp/bench-policy-XXXXXX", policy[64], people[64];
    struct catalog *catalog;
    uint64_t random = 1;
    int option;

    while ((option = getopt(argc, argv, "r:u:g:n:")) != -1) {
        unsigned number = (unsigned)strtoul(optarg, NULL, 10);
        switch (option) {
        case 'r': rules = number; break;
        case 'u': users = number; break;
        case 'g': groups = number; break;
        case 'n': n = number; break;
        default: return 2;
        }
    }
    if (rules < 2 || users < 1 || groups < 1 || n < 1 || users > 8000000 ||
        !catalog_builtin(&catalog, NULL) || mkdtemp(folder) == NULL)
        return 1;
    snprintf(policy, sizeof policy, "%s/policy.yaml", folder);
    snprintf(people, sizeof people, "%s/people.csv", folder);
    int status = write_policy(policy, catalog, rules, users, groups, &random) &&
                         write_people(people, users, groups, &random)
                     ? run(policy, catalog, users, n, &random)
                     : 1;
    unlink(policy);
    unlink(people);
    rmdir(folder);
    catalog_close(catalog);
    return status;
}
