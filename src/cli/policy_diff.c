/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imward policy diff: flows of the past, judged by two policies, and whose flows would be judged otherwise.
 * Flows are those of stored events (`imward read --json`, `imward watch`), or of captures, which are read and
 * told as events too: so both are judged by the same facts (policy/replay.h).
 *
 * A change is one of action, or of how it is carried out: means, pace, what is kept. Another rule with the
 * same outcome is none.
 */
#include "base/json_value.h"
#include "cli/policy.h"
#include "engine/engine.h"
#include "policy/names.h"
#include "policy/replay.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <time.h>

enum { SHOWN = 12 }; /* names of people in a change, for people */

struct change {
    struct policy_verdict verdict[2];
    const char *slug; /* of the catalog, or the class where it does not know the service */
    uint8_t activities;
    uint64_t flows, first_us, last_us;
    struct names people, addresses;
};

struct diff {
    struct catalog *catalog;
    const char *path[2];
    struct policy *policy[2];
    struct change *changes;
    unsigned count, room;
    struct names people, addresses; /* of all changes */
    uint64_t flows, changed, unreadable;
    bool out_of_memory;
};

/* ---- changes ---- */

static const char *text_at(const json_t *map, const char *key)
{
    const char *text = json_string_value(json_object_get(map, key));

    return text != NULL ? text : "";
}

static struct change *find_change(struct diff *d, const struct policy_verdict v[2], const char *slug,
                                  uint8_t activities)
{
    for (unsigned i = 0; i < d->count; i++) {
        struct change *c = &d->changes[i];
        if (c->verdict[0].number == v[0].number && c->verdict[1].number == v[1].number &&
            c->verdict[0].action == v[0].action && c->verdict[1].action == v[1].action &&
            c->activities == activities && strcmp(c->slug, slug) == 0)
            return c;
    }
    if (d->count == d->room) {
        unsigned room = d->room == 0 ? 16 : d->room * 2;
        struct change *grown = realloc(d->changes, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        d->changes = grown;
        d->room = room;
    }
    d->changes[d->count] = (struct change){
        .verdict = { v[0], v[1] }, .slug = slug, .activities = activities, .first_us = UINT64_MAX
    };
    return &d->changes[d->count++];
}

/* The person, else the machine's name, else its address. */
static bool add_who(struct diff *d, struct change *c, const json_t *event, const struct policy_facts *f)
{
    const char *person =
        f->user.len > 0 ? text_at(json_object_get(event, "src_who"), "user") : policy_person(d->policy[1], f);
    const char *host = text_at(event, "src_host");
    const char *address = host[0] != '\0' ? host : text_at(event, "src_ip");
    struct view name = view_slice(view_string(person != NULL ? person : address), 0, NAME_BYTES);
    uint32_t number;

    return names_add(person != NULL ? &c->people : &c->addresses, name, &number) &&
           names_add(person != NULL ? &d->people : &d->addresses, name, &number);
}

static void judge(struct diff *d, const json_t *event)
{
    struct ip_addr ends[2];
    struct policy_facts facts = replay_facts(d->catalog, event, ends);
    struct policy_verdict v[2];
    struct change *c;

    for (unsigned i = 0; i < 2; i++)
        policy_judge(d->policy[i], &facts, &v[i]);
    d->flows++;
    if (replay_same(&v[0], &v[1]))
        return;
    d->changed++;
    const struct catalog_service *s = catalog_service(d->catalog, facts.service);
    const char *slug = s != NULL ? s->slug : facts.class != CLASS_COUNT ? class_name(facts.class) : "unknown";
    c = find_change(d, v, slug, facts.activities);
    if (c == NULL || !add_who(d, c, event, &facts)) {
        d->out_of_memory = true;
        return;
    }
    c->flows++;
    c->first_us = facts.time_us < c->first_us ? facts.time_us : c->first_us;
    c->last_us = facts.time_us > c->last_us ? facts.time_us : c->last_us;
}

/* ---- what is replayed ---- */

/* One line; only flows of a service have a verdict. False: it is no event. */
static bool take_event(struct diff *d, const char *line, size_t len)
{
    json_t *event = json_loadb(line, len, 0, NULL);
    bool ok = json_is_object(event) && json_is_string(json_object_get(event, "event_type"));

    if (ok && strcmp(text_at(event, "event_type"), "flow") == 0 &&
        json_is_object(json_object_get(event, "im")))
        judge(d, event);
    json_decref(event);
    return ok;
}

static bool read_events(struct diff *d, const char *path, FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    uint64_t bad = 0;
    ssize_t len;

    for (unsigned number = 1; (len = getline(&line, &room, in)) >= 0; number++) {
        if (line[0] == '\n' || take_event(d, line, (size_t)len))
            continue;
        if (bad++ == 0)
            fprintf(stderr,
                    "%s:%u: is no event; a line of `imward read --json` or `imward watch` is needed\n", path,
                    number);
    }
    free(line);
    d->unreadable += bad;
    if (bad > 1)
        fprintf(stderr, "%s: %llu lines are no events\n", path, (unsigned long long)bad);
    if (ferror(in) != 0) {
        fprintf(stderr, "imward: %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}

static void on_flow(void *context, const struct flow_event *e)
{
    char line[EVE_LINE_BYTES];

    (void)take_event(context, line, eve_flow(e, line));
}

static bool read_capture(struct diff *d, const char *catalog_path, const char *path)
{
    struct engine_config config = { .flow = on_flow, .context = d };
    struct imw_error_info err;
    struct engine *e;
    struct capture *c;

    if (!capture_open(path, &c, &err)) {
        (void)cli_failed(&err);
        return false;
    }
    bool ok = rules_load(catalog_path, NULL, NULL, &config.rules, &err) && engine_new(&config, &e, &err);
    if (ok) {
        ok = engine_read(e, c, path, &err);
        engine_free(e);
    } else {
        rules_free(config.rules);
    }
    if (!ok)
        (void)cli_failed(&err);
    capture_close(c);
    return ok;
}

/* Events begin with '{', as no capture does; standard input is events. */
static bool replay(struct diff *d, const char *catalog_path, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *in = standard ? stdin : fopen(path, "re");

    if (in == NULL) {
        fprintf(stderr, "imward: %s: %s\n", path, strerror(errno));
        return false;
    }
    int first = standard ? '{' : getc(in);
    while (!standard && isspace(first))
        first = getc(in);
    bool events = first == '{' || first == EOF;
    if (!standard)
        rewind(in);
    bool ok = !events || read_events(d, path, in);
    if (!standard)
        fclose(in);
    return ok && (events || read_capture(d, catalog_path, path));
}

/* ---- what is told ---- */

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* In order; the caller frees it. NULL without memory. */
static const char **names_sorted(const struct names *n)
{
    const char **sorted = malloc((n->count + 1) * sizeof *sorted);

    for (uint32_t i = 0; sorted != NULL && i < n->count; i++)
        sorted[i] = names_text(n, i);
    if (sorted != NULL && n->count > 0)
        qsort(sorted, n->count, sizeof *sorted, by_text);
    return sorted;
}

/* ---- for people ---- */

static void print_time(FILE *out, uint64_t us)
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    char text[32];

    if (gmtime_r(&s, &tm) != NULL && strftime(text, sizeof text, "%Y-%m-%d %H:%M", &tm) > 0)
        fputs(text, out);
}

static void print_verdict(const struct policy_verdict *v, const struct policy_verdict *other)
{
    printf("%s (%s", policy_action_name(v->action), v->rule);
    if (v->action == POLICY_BLOCK && other->action == POLICY_BLOCK && v->means != other->means)
        printf("; with %s", policy_means_name(v->means));
    if (v->throttle != other->throttle) {
        if (v->throttle > 0)
            printf("; %u bytes a second", v->throttle);
        else
            fputs("; at any pace", stdout);
    }
    if (v->keep_messages_s != other->keep_messages_s)
        printf("; messages kept %u hours", v->keep_messages_s / 3600);
    if (v->keep_files_s != other->keep_files_s)
        printf("; files kept %u hours", v->keep_files_s / 3600);
    putchar(')');
}

static void print_names(const struct names *n, unsigned *told)
{
    const char **sorted = names_sorted(n);

    for (uint32_t i = 0; sorted != NULL && i < n->count && *told < SHOWN; i++)
        printf("%s%s", (*told)++ == 0 ? "      " : ", ", sorted[i]);
    free(sorted);
}

static void print_change(const struct change *c)
{
    unsigned told = 0, all = c->people.count + c->addresses.count;

    printf("\n%5llu  ", (unsigned long long)c->flows);
    print_verdict(&c->verdict[0], &c->verdict[1]);
    fputs(" -> ", stdout);
    print_verdict(&c->verdict[1], &c->verdict[0]);
    printf("\n       %s", c->slug);
    for (unsigned a = 0; a < ACTIVITY_COUNT; a++)
        if ((c->activities >> a & 1) != 0)
            printf(", %s", activity_name((enum activity)a));
    fputs("; ", stdout);
    print_time(stdout, c->first_us);
    if (c->last_us / 60000000 != c->first_us / 60000000) {
        fputs(" to ", stdout);
        print_time(stdout, c->last_us);
    }
    fputs("\n ", stdout);
    print_names(&c->people, &told);
    print_names(&c->addresses, &told);
    if (told < all)
        printf(" and %u more", all - told);
    putchar('\n');
}

/* "8 allow -> block, 4 alert -> scan" */
static void print_sums(const struct diff *d)
{
    enum { ACTIONS = POLICY_SCAN + 1 };
    uint64_t sums[ACTIONS][ACTIONS] = { { 0 } };
    const char *before = ": ";

    for (unsigned i = 0; i < d->count; i++)
        sums[d->changes[i].verdict[0].action][d->changes[i].verdict[1].action] += d->changes[i].flows;
    for (unsigned a = 0; a < ACTIONS; a++)
        for (unsigned b = 0; b < ACTIONS; b++)
            if (sums[a][b] > 0) {
                printf("%s%llu %s -> %s", before, (unsigned long long)sums[a][b],
                       policy_action_name((enum policy_action)a), policy_action_name((enum policy_action)b));
                before = ", ";
            }
    putchar('\n');
}

static void print_people(const struct diff *d)
{
    if (d->flows == 0) {
        puts("no flows of a service in what was read");
        return;
    }
    if (d->changed == 0) {
        printf("no change: both policies say the same to all %llu flows\n", (unsigned long long)d->flows);
        return;
    }
    printf("%llu of %llu flows change", (unsigned long long)d->changed, (unsigned long long)d->flows);
    if (d->people.count > 0)
        printf(", of %u %s", d->people.count, d->people.count == 1 ? "person" : "people");
    if (d->addresses.count > 0)
        printf("%s %u machine%s of people not known", d->people.count > 0 ? " and" : ", of",
               d->addresses.count, d->addresses.count == 1 ? "" : "s");
    print_sums(d);
    for (unsigned i = 0; i < d->count; i++)
        print_change(&d->changes[i]);
}

/* ---- for programs ---- */

static json_t *verdict_value(const struct policy_verdict *v)
{
    return json_pack("{s:s,s:s,s:i,s:s,s:I,s:I,s:I}", "action", policy_action_name(v->action), "rule",
                     v->rule, "number", (int)v->number, "with", policy_means_name(v->means), "throttle",
                     (json_int_t)v->throttle, "keep_messages_s", (json_int_t)v->keep_messages_s,
                     "keep_files_s", (json_int_t)v->keep_files_s);
}

static json_t *names_value(const struct names *n)
{
    const char **sorted = names_sorted(n);
    json_t *list = json_pack("[]");

    for (uint32_t i = 0; sorted != NULL && i < n->count; i++) {
        json_t *value =
            json_stringn(sorted[i], strlen(sorted[i])); /* NULL: not UTF-8, or cut within a character */
        (void)json_array_append_new(list, value != NULL ? value : json_pack("s", "?"));
    }
    free(sorted);
    return list;
}

static json_t *time_value(uint64_t us)
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    char text[64] = "", whole[80];

    if (gmtime_r(&s, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(whole, sizeof whole, "%s.%06u+0000", text, (unsigned)(us % 1000000));
    return json_pack("s", whole);
}

static json_t *change_value(const struct change *c)
{
    json_t *activities = json_pack("[]");

    for (unsigned a = 0; a < ACTIVITY_COUNT; a++)
        if ((c->activities >> a & 1) != 0)
            (void)json_array_append_new(activities, json_pack("s", activity_name((enum activity)a)));
    return json_pack("{s:o,s:o,s:s,s:o,s:I,s:o,s:o,s:o,s:o}", "from", verdict_value(&c->verdict[0]), "to",
                     verdict_value(&c->verdict[1]), "service", c->slug, "activity", activities, "flows",
                     (json_int_t)c->flows, "users", names_value(&c->people), "machines",
                     names_value(&c->addresses), "first", time_value(c->first_us), "last",
                     time_value(c->last_us));
}

static bool print_json(const struct diff *d)
{
    json_t *changes = json_pack("[]");

    for (unsigned i = 0; i < d->count; i++)
        (void)json_array_append_new(changes, change_value(&d->changes[i]));
    json_t *all = json_pack(
        "{s:s,s:s,s:s,s:s,s:I,s:I,s:i,s:i,s:I,s:o}", "from", d->path[0], "from_version",
        policy_version(d->policy[0]), "to", d->path[1], "to_version", policy_version(d->policy[1]), "flows",
        (json_int_t)d->flows, "changed", (json_int_t)d->changed, "users", (int)d->people.count, "machines",
        (int)d->addresses.count, "unreadable", (json_int_t)d->unreadable, "changes", changes);
    bool ok = all != NULL && json_dumpf(all, stdout, JSON_COMPACT) == 0;

    if (ok)
        putchar('\n');
    json_decref(all);
    return ok;
}

/* ---- the command ---- */

static int by_flows(const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    if (x->first_us != y->first_us)
        return x->first_us < y->first_us ? -1 : 1;
    int order = strcmp(x->slug, y->slug);
    return order != 0 ? order : (int)x->activities - (int)y->activities;
}

static int run(struct diff *d, const char *catalog_path, bool json, char **inputs, int count)
{
    bool ok = true;

    for (int i = 0; i < count; i++)
        ok &= replay(d, catalog_path, inputs[i]);
    if (d->count > 0)
        qsort(d->changes, d->count, sizeof *d->changes, by_flows);
    if (!json)
        print_people(d);
    else if (!print_json(d))
        d->out_of_memory = true;
    if (d->out_of_memory)
        fputs("imward: not enough memory for all changes\n", stderr);
    return ok && d->unreadable == 0 && !d->out_of_memory ? EXIT_DONE : EXIT_FAILED;
}

static void diff_fini(struct diff *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        names_fini(&d->changes[i].people);
        names_fini(&d->changes[i].addresses);
    }
    free(d->changes);
    names_fini(&d->people);
    names_fini(&d->addresses);
    policy_free(d->policy[0]);
    policy_free(d->policy[1]);
    catalog_close(d->catalog);
}

int policy_diff(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "catalog", required_argument, NULL, 'c' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    struct diff d = { .catalog = NULL };
    const char *catalog_path = NULL;
    struct imw_error_info err;
    bool json = false;
    int option, status;

    while ((option = getopt_long(argc, argv, "c:jh", long_options, NULL)) != -1) {
        switch (option) {
        case 'c': catalog_path = optarg; break;
        case 'j': json = true; break;
        case 'h': return policy_help();
        default: fputs("imward policy --help tells how it is used.\n", stderr); return EXIT_USAGE;
        }
    }
    if (argc - optind < 3)
        return cli_usage("policy", "diff takes two policies, and one file of events or capture, or more");
    d.path[0] = argv[optind];
    d.path[1] = argv[optind + 1];
    if (!policy_catalog(catalog_path, &d.catalog, &err) ||
        !policy_load(d.path[0], d.catalog, &d.policy[0], &err) ||
        !policy_load(d.path[1], d.catalog, &d.policy[1], &err))
        status = cli_failed(&err);
    else
        status = run(&d, catalog_path, json, argv + optind + 2, argc - optind - 2);
    diff_fini(&d);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imward: standard output");
        status = EXIT_FAILED;
    }
    return status;
}
