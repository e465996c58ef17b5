/* SPDX-License-Identifier: Apache-2.0 */
/* Queues, raw sockets and rules, by whoever has the privilege. */
#include "sensor/gatekeeper.h"
#include "base/log.h"
#include "packet/conntrack.h"
#include <unistd.h>

void guard_grant_none(struct guard_grant *g)
{
    *g = (struct guard_grant){ .connections = -1, .inject = { -1, -1, -1 }, .endpoints = { -1, -1, -1, -1 } };
    for (unsigned i = 0; i < QUEUES_MAX; i++)
        g->queues[i] = -1;
}

unsigned guard_grant_fds(struct guard_grant *g, int *out[GUARD_FDS])
{
    unsigned n = 0;

    for (unsigned i = 0; i < QUEUES_MAX; i++)
        out[n++] = &g->queues[i];
    out[n++] = &g->connections;
    out[n++] = &g->inject.raw4;
    out[n++] = &g->inject.raw6;
    out[n++] = &g->inject.packet;
    n += endpoints_grant_fds(&g->endpoints, out + n);
    return n;
}

void guard_grant_close(struct guard_grant *g)
{
    int *slots[GUARD_FDS];
    unsigned count = guard_grant_fds(g, slots);

    for (unsigned i = 0; i < count; i++) {
        if (*slots[i] >= 0)
            close(*slots[i]);
        *slots[i] = -1;
    }
}

bool gatekeeper_open(struct gatekeeper *k, const struct guard_config *config, struct guard_grant *out,
                     struct imw_error_info *err)
{
    const struct ruleset_config *rules = &config->rules;

    *k = (struct gatekeeper){ .config = config };
    guard_grant_none(out);
    bool ok = inject_open(0, &out->inject, err);
    /* The queues first: from the rules on packets wait in them. */
    for (unsigned i = 0; ok && config->inline_ && i < rules->queues; i++) {
        const struct queue_config queue = { .number = (uint16_t)(rules->first_queue + i),
                                            .fail_open = config->fail_open };
        ok = queue_open(&queue, &out->queues[i], err);
    }
    if (ok && config->inline_) {
        ok = k->installed = conntrack_open(&out->connections, err) && ruleset_install(rules, &k->info, err);
        out->generation = k->info.generation;
        memcpy(out->note, k->info.note, sizeof out->note);
    }
    if (ok && rules->endpoints)
        ok = endpoints_open(&config->endpoints, &out->endpoints, err);
    if (!ok) {
        guard_grant_close(out);
        struct imw_error_info ignored; /* why it could not be opened says more */
        if (k->installed)
            (void)ruleset_clear(&ignored);
        k->installed = false;
    }
    return ok;
}

void gatekeeper_switch(struct gatekeeper *k, unsigned generation)
{
    struct imw_error_info err;
    char line[768];

    if (!k->installed)
        return;
    if (!ruleset_switch(&k->config->rules, &k->info, generation, &err))
        log_error("rules_switch",
                  "%s: connections that were allowed before the reload go on until they end; restart the "
                  "gateway to have them judged anew",
                  error_format(&err, line, sizeof line));
}

void gatekeeper_close(struct gatekeeper *k, bool orderly)
{
    if (!k->installed)
        return;
    k->installed = false;
    if (orderly || k->config->fail_open) {
        struct imw_error_info err;
        char line[768];
        if (!ruleset_clear(&err)) {
            log_error("rules_stay", "%s: imward gateway --clear takes the rules down",
                      error_format(&err, line, sizeof line));
            return;
        }
        log_notice("rules_removed", "%s",
                   orderly ? "packets pass as without the gateway"
                           : "fail-open: packets pass unjudged until the gateway runs again");
    } else {
        log_error("rules_stay", "fail-closed: no TCP or UDP is forwarded until the gateway runs again; "
                                "imward gateway --clear takes the rules down");
    }
}
