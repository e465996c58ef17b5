/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Catalog and policy loaded together; a flow event's facts put before the policy; what each rule was good
 * for.
 *
 * Counters are shared between rules and those that follow them, by the names of the rules: nothing is lost
 * while workers change over. Who holds a counter is noted by whoever loads and frees rules, one thread at a
 * time; workers only add to it.
 */
#include "engine/rules.h"
#include <stdatomic.h>
#include <stdlib.h>

struct rule_count {
    _Atomic uint64_t hits, stopped, last_us;
    unsigned holders; /* rules that count here */
};

/* ---- counters ---- */

unsigned rules_count(const struct rules *r)
{
    return r->policy != NULL ? policy_rules(r->policy) : 0;
}

static const char *name_of(const struct rules *r, unsigned number)
{
    return r->policy != NULL ? policy_rule_name(r->policy, number) : "default";
}

static void counts_free(struct rules *r)
{
    for (unsigned n = 0; r->counts != NULL && n <= rules_count(r); n++)
        if (r->counts[n] != NULL && --r->counts[n]->holders == 0)
            free(r->counts[n]);
    free(r->counts);
    r->counts = NULL;
}

struct named {
    const char *name;
    struct rule_count *count;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* The counters of `old`, sorted by the names of its rules; NULL without memory. */
static struct named *sorted_counts(const struct rules *old, unsigned *out_count)
{
    unsigned count = rules_count(old) + 1;
    struct named *all = calloc(count, sizeof *all);

    for (unsigned n = 0; all != NULL && n < count; n++)
        all[n] = (struct named){ name_of(old, n), old->counts[n] };
    if (all != NULL)
        qsort(all, count, sizeof *all, by_name);
    *out_count = count;
    return all;
}

/* Each rule gets the counter that a rule of its name has in `old` (NULL: none), or one of its own. */
static bool counts_new(struct rules *r, const struct rules *old)
{
    unsigned count = rules_count(r) + 1, before = 0;
    struct named *named = old != NULL ? sorted_counts(old, &before) : NULL;
    bool ok = old == NULL || named != NULL;

    r->counts = calloc(count, sizeof(struct rule_count *));
    ok = ok && r->counts != NULL;
    for (unsigned n = 0; ok && n < count; n++) {
        const struct named key = { name_of(r, n), NULL };
        const struct named *same = named != NULL ? bsearch(&key, named, before, sizeof key, by_name) : NULL;
        r->counts[n] = same != NULL ? same->count : calloc(1, sizeof *r->counts[n]);
        ok = r->counts[n] != NULL;
        if (ok)
            r->counts[n]->holders++;
    }
    free(named);
    return ok;
}

static void note(const struct rules *r, unsigned number, bool stopped, uint64_t time_us)
{
    struct rule_count *c = r->counts[number <= rules_count(r) ? number : 0];
    uint64_t last = atomic_load_explicit(&c->last_us, memory_order_relaxed);

    atomic_fetch_add_explicit(stopped ? &c->stopped : &c->hits, 1, memory_order_relaxed);
    while (last < time_us && !atomic_compare_exchange_weak_explicit(
                                 &c->last_us, &last, time_us, memory_order_relaxed, memory_order_relaxed))
        ;
}

void rules_note_flow(const struct rules *r, unsigned number, uint64_t time_us)
{
    note(r, number, false, time_us);
}

void rules_note_stopped(const struct rules *r, unsigned number, uint64_t time_us)
{
    note(r, number, true, time_us);
}

void rules_hits(const struct rules *r, unsigned number, struct rule_hits *out)
{
    struct rule_count *c = r->counts[number <= rules_count(r) ? number : 0];

    *out = (struct rule_hits){ .hits = atomic_load_explicit(&c->hits, memory_order_relaxed),
                               .stopped = atomic_load_explicit(&c->stopped, memory_order_relaxed),
                               .last_us = atomic_load_explicit(&c->last_us, memory_order_relaxed) };
}

/* ---- who is blocked whatever they do ---- */

static bool note_everybody(struct rules *r)
{
    unsigned services = catalog_count(r->catalog), rule;

    r->everybody = calloc(services + 1u, sizeof *r->everybody);
    for (unsigned n = 1; r->everybody != NULL && r->policy != NULL && n <= services; n++) {
        const struct catalog_service *s = catalog_service(r->catalog, (uint16_t)n);
        if (!s->removed && policy_blocks_everybody(r->policy, (uint16_t)n, s->class, &rule))
            r->everybody[n] = (uint16_t)(rule + 1);
    }
    return r->everybody != NULL;
}

bool rules_blocks_everybody(const struct rules *r, uint16_t service, const char **out_rule)
{
    if (service == 0 || service > catalog_count(r->catalog) || r->everybody[service] == 0)
        return false;
    *out_rule = name_of(r, r->everybody[service] - 1u);
    return true;
}

/* ---- loading ---- */

void rules_free(struct rules *r)
{
    if (r == NULL)
        return;
    counts_free(r);
    free(r->everybody);
    policy_free(r->policy);
    catalog_close(r->catalog);
    free(r);
}

bool rules_load(const char *catalog_path, const char *policy_path, const struct rules *follow,
                struct rules **out, struct imw_error_info *err)
{
    const struct rules_files files = { .catalog = catalog_path, .policy = policy_path };

    return rules_load_files(&files, follow, out, err);
}

bool rules_load_files(const struct rules_files *files, const struct rules *follow, struct rules **out,
                      struct imw_error_info *err)
{
    struct rules *r = calloc(1, sizeof *r);

    if (r == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for rules");
    r->serial = follow != NULL ? follow->serial + 1 : 1;
    if (!(files->catalog != NULL ? catalog_open(files->catalog, &r->catalog, err)
                                 : catalog_builtin(&r->catalog, err)) ||
        (follow != NULL && !catalog_follow(r->catalog, follow->catalog, err)) ||
        (files->overrides != NULL && !catalog_override(r->catalog, files->overrides, err)) ||
        (files->policy != NULL && !policy_load(files->policy, r->catalog, &r->policy, err))) {
        rules_free(r);
        return false;
    }
    if (!counts_new(r, follow) || !note_everybody(r)) {
        rules_free(r);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for what rules count");
    }
    *out = r;
    return true;
}

struct judgement rules_judge_scene(const struct rules *r, const struct scene *s, uint8_t activities)
{
    const struct flow *f = s->flow;
    const struct catalog_service *service = catalog_service(r->catalog, f->service);
    const struct policy_facts facts = {
        .client = &f->key.addr[FROM_CLIENT],
        .server = &f->key.addr[FROM_SERVER],
        .service = f->service,
        .class = service != NULL ? service->class : CLASS_COUNT,
        .protocol = (enum protocol)(f->protocol != PROTOCOL_UNKNOWN ? f->protocol : f->app),
        .activities = activities,
        .delivery = (enum delivery)f->delivery,
        .port_agile = s->port_agile,
        .server_name = view_string(s->record != NULL ? s->record->server_name : NULL),
        .client_version = view_string(s->record != NULL ? s->record->client : NULL),
        .user = view_string(s->client != NULL ? s->client->user : NULL),
        .time_us = f->first_us,
    };
    struct policy_verdict verdict;

    if (r->policy == NULL)
        return (struct judgement){ .verdict = { .action = "alert", .rule = "default" },
                                   .action = POLICY_ALERT };
    policy_judge(r->policy, &facts, &verdict);
    return (struct judgement){ .verdict = { .action = policy_action_name(verdict.action),
                                            .rule = verdict.rule,
                                            .policy = policy_version(r->policy),
                                            .person = policy_person(r->policy, &facts),
                                            .number = verdict.number },
                               .action = verdict.action,
                               .means = verdict.means,
                               .throttle = verdict.throttle,
                               .keep_messages_s = verdict.keep_messages_s,
                               .keep_files_s = verdict.keep_files_s };
}

struct verdict rules_judge(const struct rules *r, const struct flow_event *e)
{
    const struct scene s = {
        .flow = e->flow, .record = e->record, .client = e->client, .port_agile = e->port_agile
    };

    return rules_judge_scene(r, &s, e->flow->activities).verdict;
}
