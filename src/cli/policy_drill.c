/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imward policy drill: prove that what the policy blocks is blocked, by trying it.
 *
 * Of every service and every way of reaching it the policy is asked what it says, of a name that the catalog
 * proves; what it blocks is tried. A flow that came to nothing proves nothing where nothing gets through: so
 * on every port a neutral flow goes first, and where that does not arrive, the others there are "unproved".
 */
#include "base/json.h"
#include "cli/drill.h"
#include "cli/policy.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward policy drill --policy FILE --to ADDRESS [option ...]\n"
    "       imward policy drill --respond ADDRESS\n"
    "\n"
    "Proves that blocking works: tries what the policy blocks, through the live gateway, and has a responder\n"
    "behind it say whether anything arrived. The test flows are greetings and questions; nobody signs in.\n"
    "\n"
    "      --respond ADDRESS    be the responder: listen at this address of the machine behind the gateway\n"
    "  -p, --policy FILE        the policy that the gateway has\n"
    "      --to ADDRESS         where the responder is\n"
    "      --from ADDRESS       address to send from: rules may look at it (default: the system's choice)\n"
    "  -i, --interface NAME     interface to send from\n"
    "  -c, --catalog PATH       catalog to use (default: the built-in one)\n"
    "      --overrides FILE     what the institution says against the catalog, as the gateway has it\n"
    "      --service SLUG       this service alone\n"
    "      --also-allowed       try what the policy allows, too: it must arrive\n"
    "      --wait MS            for an answer, before a flow counts as stopped silently (default: 1000)\n"
    "      --every TIME         again and again, such as 24h; ends with a signal\n"
    "  -o, --output FILE        append a control_test event for each flow, JSON; \"-\": standard output, no table\n"
    "  -h, --help               this text\n"
    "\n"
    "exit status: 0 all was stopped; 1 something was not, or it is not proved; 2 wrong use\n";

enum {
    OPTION_TO = 256,
    OPTION_FROM,
    OPTION_SERVICE,
    OPTION_ALSO_ALLOWED,
    OPTION_WAIT,
    OPTION_EVERY,
    OPTION_RESPOND,
    OPTION_OVERRIDES,
};

static const struct option long_options[] = {
    { "policy", required_argument, NULL, 'p' },
    { "catalog", required_argument, NULL, 'c' },
    { "interface", required_argument, NULL, 'i' },
    { "output", required_argument, NULL, 'o' },
    { "help", no_argument, NULL, 'h' },
    { "to", required_argument, NULL, OPTION_TO },
    { "from", required_argument, NULL, OPTION_FROM },
    { "service", required_argument, NULL, OPTION_SERVICE },
    { "also-allowed", no_argument, NULL, OPTION_ALSO_ALLOWED },
    { "wait", required_argument, NULL, OPTION_WAIT },
    { "every", required_argument, NULL, OPTION_EVERY },
    { "respond", required_argument, NULL, OPTION_RESPOND },
    { "overrides", required_argument, NULL, OPTION_OVERRIDES },
    { NULL, 0, NULL, 0 },
};

enum {
    TESTS = 8192, /* of a run, at most */
    LINE_BYTES = 8192,
    DRILL_SIGNATURE = 9100,
    LEAST_EVERY_S = 60,
};

struct options {
    const char *policy, *catalog, *overrides, *output, *service, *respond;
    struct drill_run run;
    bool also_allowed, help;
    uint32_t every_s;
};

enum result {
    RESULT_STOPPED,
    RESULT_NOT_STOPPED,
    RESULT_UNPROVED,
    RESULT_PASSED,
    RESULT_NOT_PASSED,
    RESULT_FAILED,
    RESULT_COUNT
};
static const char *const result_names[RESULT_COUNT] = {
    "stopped", "not-stopped", "unproved", "passed", "not-passed", "failed",
};

struct drill {
    const struct options *o;
    const struct catalog *catalog;
    const struct policy *policy;
    FILE *events;
    struct ip_addr client, server;
    uint64_t began_us;
    struct drill_test *tests;
    unsigned count;
    unsigned results[RESULT_COUNT];
};

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- what is tried ---- */

/* For each role a name that proves the service, and is no pattern. */
struct names {
    const struct catalog *catalog;
    uint16_t service;
    char by_role[SERVER_ROLE_COUNT][DRILL_NAME_BYTES]; /* empty: none */
};

static void take_name(void *context, const char *kind, enum server_role role, enum strength strength,
                      struct view entry, struct view source)
{
    struct names *names = context;
    struct catalog_hit hit;

    (void)source;
    if (strcmp(kind, "domain") != 0 || strength != STRENGTH_PROOF || entry.len >= DRILL_NAME_BYTES - 1 ||
        view_find_byte(entry, '*', 0) < entry.len || names->by_role[role][0] != '\0' ||
        !catalog_match_name(names->catalog, entry, &hit) || hit.service != names->service)
        return;
    memcpy(names->by_role[role], entry.at, entry.len);
    names->by_role[role][entry.len] = '\0';
}

static uint8_t activities_of(enum drill_method m, enum server_role role)
{
    static const uint8_t by_role[SERVER_ROLE_COUNT] = {
        [ROLE_LOGIN] = 1 << ACTIVITY_LOGIN,
        [ROLE_CHAT] = 1 << ACTIVITY_CHAT,
        [ROLE_MEDIA] = 1 << ACTIVITY_FILE,
        [ROLE_CALL] = 1 << ACTIVITY_CALL,
    };

    switch (m) {
    case DRILL_TLS:
    case DRILL_QUIC:
    case DRILL_HTTP: return by_role[role];
    case DRILL_DNS: return 1 << ACTIVITY_LOOKUP;
    case DRILL_IRC:
    case DRILL_XMPP:
    case DRILL_YMSG: return 1 << ACTIVITY_LOGIN;
    case DRILL_SIMPLE: return 1 << ACTIVITY_PRESENCE;
    default: return 0; /* a greeting says nothing yet of what it is for */
    }
}

static void judge(const struct drill *d, const struct drill_test *t, enum server_role role,
                  struct policy_verdict *out)
{
    const struct policy_facts facts = {
        .client = &d->client,
        .server = &d->server,
        .service = t->service,
        .class = catalog_service(d->catalog, t->service)->class,
        .protocol = drill_way(t->method)->protocol,
        .activities = activities_of(t->method, role),
        .port_agile = t->odd_port,
        .server_name = view_string(t->name),
        .client_version = VIEW(""),
        .user = VIEW(""),
        .time_us = d->began_us,
    };

    policy_judge(d->policy, &facts, out);
}

static void keep(struct drill *d, struct drill_test *t, const struct policy_verdict *v)
{
    t->to_be_blocked = v->action == POLICY_BLOCK;
    t->rule = v->number;
    t->rule_name = v->rule;
    if (d->count < TESTS && (t->to_be_blocked || d->o->also_allowed))
        d->tests[d->count++] = *t;
}

/* By names: the first one that is blocked, else the first. */
static void plan_names(struct drill *d, uint16_t service, enum drill_method m)
{
    static const enum server_role order[SERVER_ROLE_COUNT] = { ROLE_CHAT,  ROLE_LOGIN, ROLE_ANY,
                                                               ROLE_MEDIA, ROLE_CALL,  ROLE_WEB };
    struct names names = { .catalog = d->catalog, .service = service };
    struct drill_test first = { 0 };
    struct policy_verdict verdict, first_verdict = { 0 };

    catalog_each(d->catalog, service, take_name, &names);
    for (unsigned i = 0; i < SERVER_ROLE_COUNT; i++) {
        struct drill_test t = { .method = m, .service = service };
        if (names.by_role[order[i]][0] == '\0')
            continue;
        memcpy(t.name, names.by_role[order[i]], sizeof t.name);
        judge(d, &t, order[i], &verdict);
        if (verdict.action == POLICY_BLOCK) {
            keep(d, &t, &verdict);
            return;
        }
        if (first.service == 0) {
            first = t;
            first_verdict = verdict;
        }
    }
    if (first.service != 0)
        keep(d, &first, &first_verdict);
}

static void plan_protocol(struct drill *d, uint16_t service, enum drill_method m)
{
    for (unsigned odd = 0; odd < 2; odd++) {
        struct drill_test t = { .method = m, .service = service, .odd_port = odd == 1 };
        struct policy_verdict verdict;
        judge(d, &t, ROLE_ANY, &verdict);
        keep(d, &t, &verdict);
    }
}

static bool same_port(const struct drill_test *a, const struct drill_test *b)
{
    return drill_way(a->method)->l4 == drill_way(b->method)->l4 && drill_port(a) == drill_port(b);
}

/* One for each port, before the others. */
static void plan_neutral(struct drill *d)
{
    unsigned planned = d->count, neutral = 0;

    for (unsigned i = 0; i < planned; i++) {
        unsigned at = planned;
        while (at < d->count && !same_port(&d->tests[at], &d->tests[i]))
            at++;
        if (at == d->count && d->count < TESTS) {
            d->tests[d->count++] = (struct drill_test){ .method = d->tests[i].method,
                                                        .odd_port = d->tests[i].odd_port,
                                                        .neutral = true };
            snprintf(d->tests[at].name, sizeof d->tests[at].name, "%s", DRILL_NEUTRAL);
            neutral++;
        }
    }
    struct drill_test held[2 * DRILL_METHOD_COUNT];
    if (neutral > sizeof held / sizeof held[0])
        neutral = sizeof held / sizeof held[0];
    memcpy(held, &d->tests[planned], neutral * sizeof held[0]);
    memmove(&d->tests[neutral], &d->tests[0], planned * sizeof held[0]);
    memcpy(&d->tests[0], held, neutral * sizeof held[0]);
}

static void plan(struct drill *d, uint16_t only)
{
    for (unsigned s = 1; s <= catalog_count(d->catalog); s++) {
        const struct catalog_service *service = catalog_service(d->catalog, (uint16_t)s);
        if (service == NULL || service->removed || (only != 0 && only != s))
            continue;
        for (unsigned m = 0; m < DRILL_METHOD_COUNT; m++) {
            const char *own = drill_way((enum drill_method)m)->service;
            if (own == NULL)
                plan_names(d, (uint16_t)s, (enum drill_method)m);
            else if (strcmp(own, service->slug) == 0)
                plan_protocol(d, (uint16_t)s, (enum drill_method)m);
        }
    }
    plan_neutral(d);
}

/* ---- what became of it ---- */

static const struct drill_test *neutral_of(const struct drill *d, const struct drill_test *t)
{
    for (unsigned i = 0; i < d->count && d->tests[i].neutral; i++)
        if (same_port(&d->tests[i], t))
            return &d->tests[i];
    return t;
}

static enum result result_of(const struct drill *d, const struct drill_test *t)
{
    bool whole = t->outcome == DRILL_ARRIVED;

    if (t->outcome == DRILL_FAILED)
        return RESULT_FAILED;
    if (t->neutral || !t->to_be_blocked)
        return whole ? RESULT_PASSED : RESULT_NOT_PASSED;
    if (!t->stopped)
        return RESULT_NOT_STOPPED;
    return neutral_of(d, t)->outcome == DRILL_ARRIVED ? RESULT_STOPPED : RESULT_UNPROVED;
}

static bool is_good(enum result r)
{
    return r == RESULT_STOPPED || r == RESULT_PASSED;
}

static const char *slug_of(const struct drill *d, const struct drill_test *t)
{
    return t->neutral ? "(neutral)" : catalog_service(d->catalog, t->service)->slug;
}

static void explain(const struct drill *d, const struct drill_test *t, char *out, size_t size)
{
    struct text e = text_over(out, size);
    const char *slug = slug_of(d, t), *way = drill_way(t->method)->name;

    switch (result_of(d, t)) {
    case RESULT_NOT_STOPPED:
        text_format(&e,
                    "%s over %s to port %u was NOT stopped, though rule \"%s\" blocks it: %llu bytes arrived",
                    slug, way, drill_port(t), t->rule_name, (unsigned long long)t->arrived);
        break;
    case RESULT_UNPROVED:
        text_format(&e,
                    "%s over %s to port %u did not arrive, but neither does anything else there: no proof",
                    slug, way, drill_port(t));
        break;
    case RESULT_NOT_PASSED:
        text_format(&e, "%s over %s to port %u did not arrive (%s), though %s", slug, way, drill_port(t),
                    drill_outcome_name(t->outcome),
                    t->neutral ? "it is of no service" : "the policy allows it");
        break;
    default:
        text_format(&e, "%s over %s to port %u could not be tried: %s", slug, way, drill_port(t), t->why);
    }
}

/* ---- events ---- */

static void event_begin(struct json *j, const struct drill *d, const char *type, uint64_t time_us)
{
    char source[48], target[48];
    struct text src = TEXT(source), dst = TEXT(target);

    text_address(&src, &d->client);
    text_address(&dst, &d->server);
    json_object(j, NULL);
    json_time(j, "timestamp", time_us);
    json_string(j, "event_type", type);
    json_string(j, "src_ip", source);
    json_string(j, "dest_ip", target);
}

static void versions(struct json *j, const struct drill *d)
{
    json_time(j, "run", d->began_us);
    json_string(j, "policy", policy_version(d->policy));
    json_view(j, "catalog", catalog_version(d->catalog));
}

static void event_end(struct json *j, const struct drill *d)
{
    json_object_end(j);
    text_char(&j->text, '\n');
    if (d->events != NULL && !j->text.cut)
        fwrite(j->text.at, 1, j->text.len, d->events);
}

static void put_test(struct json *j, const struct drill *d, const struct drill_test *t)
{
    const struct drill_way *way = drill_way(t->method);
    char why[256];

    json_object(j, "control_test");
    versions(j, d);
    json_string(j, "expected", t->neutral || !t->to_be_blocked ? "pass" : "stop");
    json_string(j, "result", result_names[result_of(d, t)]);
    json_string(j, "how", drill_outcome_name(t->outcome));
    if (!t->neutral) {
        const struct catalog_service *service = catalog_service(d->catalog, t->service);
        json_string(j, "service", service->slug);
        json_string(j, "vendor", service->vendor);
        json_string(j, "class", class_name(service->class));
        json_string(j, "rule", t->rule_name);
        if (t->rule > 0)
            json_number(j, "number", t->rule);
    }
    json_bool(j, "neutral", t->neutral);
    json_string(j, "method", way->name);
    if (t->name[0] != '\0')
        json_string(j, "name", t->name);
    json_bool(j, "port_agile", t->odd_port);
    json_number(j, "latency_us", t->took_us);
    json_number(j, "bytes_arrived", t->arrived);
    if (!is_good(result_of(d, t))) {
        explain(d, t, why, sizeof why);
        json_string(j, "reason", why);
    }
    json_object_end(j);
}

static void put_event(const struct drill *d, const struct drill_test *t, const char *type)
{
    const struct drill_way *way = drill_way(t->method);
    char line[LINE_BYTES], why[256];
    struct json j = json_over(line, sizeof line);

    event_begin(&j, d, type, t->began_us);
    if (t->src_port > 0)
        json_number(&j, "src_port", t->src_port);
    json_number(&j, "dest_port", drill_port(t));
    json_string(&j, "proto", way->l4 == 6 ? "TCP" : "UDP");
    json_string(&j, "app_proto", protocol_name(way->protocol));
    if (strcmp(type, "alert") == 0) {
        explain(d, t, why, sizeof why);
        json_object(&j, "alert");
        json_string(&j, "action", "allowed");
        json_number(&j, "gid", 1);
        json_number(&j, "signature_id", DRILL_SIGNATURE);
        json_number(&j, "rev", 1);
        json_string(&j, "signature", why);
        json_string(&j, "category", "proof that blocking works");
        json_number(&j, "severity", 1);
        json_object_end(&j);
    }
    put_test(&j, d, t);
    event_end(&j, d);
}

/* The run as a whole; `problem`: why it could not be made, NULL: it was. */
static void put_run(const struct drill *d, bool good, const char *problem)
{
    char line[LINE_BYTES];
    struct json j = json_over(line, sizeof line);

    event_begin(&j, d, "control_test", now_us());
    json_object(&j, "control_test");
    versions(&j, d);
    json_string(&j, "result", good ? "proved" : "failed");
    json_number(&j, "tests", d->count);
    json_object(&j, "results");
    for (unsigned i = 0; i < RESULT_COUNT; i++)
        json_number(&j, result_names[i], d->results[i]);
    json_object_end(&j);
    if (problem != NULL)
        json_string(&j, "reason", problem);
    json_object_end(&j);
    event_end(&j, d);
}

/* ---- for people ---- */

static void print_row(const struct drill *d, unsigned from, unsigned to)
{
    const struct drill_test *first = &d->tests[from];

    printf("%-16s %-6s %-28.28s", slug_of(d, first),
           first->neutral || !first->to_be_blocked ? "pass" : "stop", first->neutral ? "" : first->rule_name);
    for (unsigned i = from; i < to; i++) {
        const struct drill_test *t = &d->tests[i];
        enum result r = result_of(d, t);
        printf("%s %s", i == from ? "" : ",", drill_way(t->method)->name);
        if (t->odd_port)
            printf(" at %d", DRILL_ODD_PORT);
        if (r == RESULT_NOT_STOPPED)
            printf(" NOT STOPPED");
        else if (!is_good(r))
            printf(" %s (%s)", result_names[r], drill_outcome_name(t->outcome));
        else
            printf(" %s %llu ms", drill_outcome_name(t->outcome),
                   (unsigned long long)(t->took_us + 500) / 1000);
    }
    putchar('\n');
}

static void print_table(const struct drill *d)
{
    printf("%-16s %-6s %-28s %s\n", "SERVICE", "MUST", "RULE", "WHAT BECAME OF IT");
    for (unsigned from = 0, to; from < d->count; from = to) {
        const struct drill_test *first = &d->tests[from];
        for (to = from + 1; to < d->count && !first->neutral && d->tests[to].service == first->service &&
                            d->tests[to].to_be_blocked == first->to_be_blocked &&
                            d->tests[to].rule == first->rule;)
            to++;
        print_row(d, from, to);
    }
    printf("\npolicy %s, catalog %.*s: %u flows,", policy_version(d->policy),
           (int)catalog_version(d->catalog).len, (const char *)catalog_version(d->catalog).at, d->count);
    for (unsigned i = 0, n = 0; i < RESULT_COUNT; i++)
        if (d->results[i] > 0)
            printf("%s %u %s", n++ == 0 ? "" : ",", d->results[i], result_names[i]);
    putchar('\n');
}

/* ---- a run ---- */

/* From where the kernel would send to the responder, where the user does not say. */
static bool find_ends(struct drill *d, struct imw_error_info *err)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM }, *to = NULL;
    const struct drill_run *run = &d->o->run;
    struct sockaddr_storage own = { 0 };
    socklen_t len = sizeof own;
    char text[64] = "";

    if (!ip_parse(view_string(run->to), &d->server))
        return error_set(err, IMW_ERROR_VALUE, "--to takes an address, not '%s'", run->to);
    if (run->from != NULL)
        return ip_parse(view_string(run->from), &d->client) ||
               error_set(err, IMW_ERROR_VALUE, "--from takes an address, not '%s'", run->from);
    if (getaddrinfo(run->to, "9", &hints, &to) != 0)
        return error_set(err, IMW_ERROR_VALUE, "--to takes an address, not '%s'", run->to);
    int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool found =
        fd >= 0 &&
        (run->interface == NULL || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, run->interface,
                                              (socklen_t)strlen(run->interface)) == 0) &&
        connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
        getnameinfo((struct sockaddr *)&own, len, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0 &&
        ip_parse(view_slice(view_string(text), 0, view_find_byte(view_string(text), '%', 0)), &d->client);
    int why = errno;
    if (fd >= 0)
        close(fd);
    freeaddrinfo(to);
    return found || error_set(err, IMW_ERROR_SYSTEM, "no way to %s: %s", run->to, strerror(why));
}

/* Events and the table. True: all is as it should be. */
static bool report(struct drill *d)
{
    bool good = true, to_events = d->events == stdout;
    char why[256];

    for (unsigned i = 0; i < d->count; i++) {
        const struct drill_test *t = &d->tests[i];
        enum result r = result_of(d, t);
        d->results[r]++;
        put_event(d, t, "control_test");
        if (is_good(r))
            continue;
        good = false;
        explain(d, t, why, sizeof why);
        fprintf(stderr, "imward: %s: %s\n", r == RESULT_NOT_STOPPED ? "ALERT" : "warning", why);
        if (r == RESULT_NOT_STOPPED)
            put_event(d, t, "alert");
    }
    if (!to_events)
        print_table(d);
    put_run(d, good, NULL);
    return good;
}

static int drill_with(struct drill *d, uint16_t only)
{
    struct drill_run run = d->o->run;
    struct imw_error_info err;
    bool good = false;

    if (!find_ends(d, &err))
        return cli_failed(&err);
    plan(d, only);
    if (d->count == 0) {
        fputs("imward policy: the policy blocks nothing that can be tried; --also-allowed tries the rest\n",
              stderr);
        put_run(d, false, "the policy blocks nothing that can be tried");
        return EXIT_FAILED;
    }
    run.tests = d->tests;
    run.count = d->count;
    if (drill_do(&run, &err)) {
        good = report(d);
    } else {
        put_run(d, false, err.text);
        (void)cli_failed(&err);
    }
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* One drill, with policy and catalog as they are now. */
static int drill_once(const struct options *o, FILE *events)
{
    struct drill d = { .o = o, .events = events, .began_us = now_us() };
    struct imw_error_info err;
    struct catalog *catalog;
    struct policy *policy = NULL;
    uint16_t only = 0;
    int status;

    if (!policy_catalog(o->catalog, &catalog, &err))
        return cli_failed(&err);
    d.catalog = catalog;
    d.tests = calloc(TESTS, sizeof d.tests[0]);
    if (d.tests == NULL)
        (void)error_set(&err, IMW_ERROR_MEMORY, "no memory for a drill");
    if (d.tests == NULL || (o->overrides != NULL && !catalog_override(catalog, o->overrides, &err)) ||
        !policy_load(o->policy, catalog, &policy, &err)) {
        status = cli_failed(&err);
    } else if (o->service != NULL && (only = catalog_find(catalog, view_string(o->service))) == 0) {
        status = cli_usage("policy", "no service '%s'; imward catalog list names them all", o->service);
    } else {
        d.policy = policy;
        status = drill_with(&d, only);
    }
    if ((events != NULL && fflush(events) != 0) || fflush(stdout) != 0) {
        perror("imward: output");
        status = EXIT_FAILED;
    }
    policy_free(policy);
    free(d.tests);
    catalog_close(catalog);
    return status;
}

/* Until a signal; the worst of all runs. */
static int drill_every(const struct options *o, FILE *events)
{
    struct timespec pause = { (time_t)o->every_s, 0 };
    int status = EXIT_DONE;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    do {
        int one = drill_once(o, events);
        if (one == EXIT_USAGE)
            return one;
        if (one != EXIT_DONE)
            status = one;
    } while (sigtimedwait(&set, NULL, &pause) < 0);
    return status;
}

/* ---- the command line ---- */

static bool take_time(const char *word, uint32_t *out)
{
    struct view v = view_string(word);
    uint8_t unit = v.len > 0 ? v.at[v.len - 1] : 0;
    uint32_t by = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : unit == 'd' ? 86400 : 0;
    uint64_t number;

    if (by != 0 && view_decimal(view_slice(v, 0, v.len - 1), 366u * 86400 / by, &number) &&
        number * by >= LEAST_EVERY_S) {
        *out = (uint32_t)number * by;
        return true;
    }
    cli_usage("policy", "--every takes a time of a minute or more, such as 24h, not '%s'", word);
    return false;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;

    *o = (struct options){ .run.wait_ms = 1000 };
    optind = 0;
    while ((option = getopt_long(argc, argv, "p:c:i:o:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'p': o->policy = optarg; break;
        case 'c': o->catalog = optarg; break;
        case 'i': o->run.interface = optarg; break;
        case 'o': o->output = optarg; break;
        case 'h': o->help = true; break;
        case OPTION_TO: o->run.to = optarg; break;
        case OPTION_FROM: o->run.from = optarg; break;
        case OPTION_SERVICE: o->service = optarg; break;
        case OPTION_ALSO_ALLOWED: o->also_allowed = true; break;
        case OPTION_RESPOND: o->respond = optarg; break;
        case OPTION_OVERRIDES: o->overrides = optarg; break;
        case OPTION_WAIT:
            if (!cli_number("policy", "--wait", optarg, 50, 60000, &o->run.wait_ms))
                return false;
            break;
        case OPTION_EVERY:
            if (!take_time(optarg, &o->every_s))
                return false;
            break;
        default: fputs("imward policy drill --help tells how it is used.\n", stderr); return false;
        }
    }
    return true;
}

int policy_drill(int argc, char **argv)
{
    struct options o;
    FILE *events = NULL;

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (optind < argc)
        return cli_usage("policy", "drill takes options only, not '%s'", argv[optind]);
    if (o.respond != NULL)
        return drill_respond(o.respond);
    if (o.policy == NULL || o.run.to == NULL)
        return cli_usage("policy",
                         "drill takes --policy FILE and --to ADDRESS, where imward policy drill --respond "
                         "runs");
    if (o.output != NULL && strcmp(o.output, "-") == 0)
        events = stdout;
    else if (o.output != NULL && (events = fopen(o.output, "ae")) == NULL) {
        fprintf(stderr, "imward: %s: %s\n", o.output, strerror(errno));
        return EXIT_FAILED;
    }
    int status = o.every_s > 0 ? drill_every(&o, events) : drill_once(&o, events);
    if (events != NULL && events != stdout && fclose(events) != 0) {
        fprintf(stderr, "imward: %s: %s\n", o.output, strerror(errno));
        status = EXIT_FAILED;
    }
    return status;
}
