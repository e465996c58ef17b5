/* SPDX-License-Identifier: Apache-2.0 */
/* Catalog and policy loaded together; a flow event's facts put before the policy. */
#include "engine/rules.h"
#include <stdlib.h>

void rules_free(struct rules *r)
{
    if (r == NULL)
        return;
    policy_free(r->policy);
    catalog_close(r->catalog);
    free(r);
}

bool rules_load(const char *catalog_path, const char *policy_path, const struct rules *follow,
                struct rules **out, struct imw_error_info *err)
{
    struct rules *r = calloc(1, sizeof *r);

    if (r == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for rules");
    r->serial = follow != NULL ? follow->serial + 1 : 1;
    if (!(catalog_path != NULL ? catalog_open(catalog_path, &r->catalog, err)
                               : catalog_builtin(&r->catalog, err)) ||
        (follow != NULL && !catalog_follow(r->catalog, follow->catalog, err)) ||
        (policy_path != NULL && !policy_load(policy_path, r->catalog, &r->policy, err))) {
        rules_free(r);
        return false;
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
