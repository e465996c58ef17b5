/* SPDX-License-Identifier: Apache-2.0 */
/* Queues and gates of the running sensor. */
#include "sensor/guard.h"
#include "base/log.h"
#include <errno.h>
#include <string.h>

bool guard_new(struct guard *g, const struct sensor_config *config, struct guard_grant *take,
               const struct content_settings *content, struct imw_error_info *err)
{
    const struct guard_config *c = &config->guard;

    *g = (struct guard){ .config = c, .grant = *take, .generation = take->generation };
    guard_grant_none(take);
    take = &g->grant;
    for (unsigned i = 0; c->inline_ && i < config->live.workers; i++) {
        if (!queue_new(take->queues[i], (uint16_t)(c->rules.first_queue + i), &g->queues[i], err))
            return false;
        take->queues[i] = -1;
        g->queue_count++;
    }
    if (c->inline_) {
        if (!conntrack_new(take->connections, &g->connections, err))
            return false;
        take->connections = -1;
    } else {
        const struct passive_config passive = { .inject = g->grant.inject,
                                                .dry_run = c->dry_run,
                                                .most = c->resets_s,
                                                .never = c->never,
                                                .never_count = c->never_count };
        if (!passive_new(&passive, &g->passive, err))
            return false;
    }
    g->gate = (struct gate_config){ .inject = &g->grant.inject,
                                    .passive = g->passive,
                                    .connections = g->connections,
                                    .generation = take->generation,
                                    .dry_run = c->dry_run,
                                    .fail_open = c->fail_open,
                                    .bridge = c->rules.bridge,
                                    .files = content->scan.wanted,
                                    .file_bytes = content->scan.file_bytes,
                                    .scan_wait_ms = 2 * content->scan.timeout_ms + 2000 };
    return true;
}

bool guard_learn(struct guard *g, const struct knowledge *knowledge, struct imw_error_info *err)
{
    struct endpoint_feed_config feed = { .knowledge = knowledge,
                                         .inside = g->config->inside,
                                         .inside_count = g->config->inside_count,
                                         .for_s = g->config->endpoints.most_s };

    if (!g->config->rules.endpoints)
        return true;
    if (!endpoints_new(&g->config->endpoints, &g->grant.endpoints, &g->endpoints, err))
        return false;
    feed.endpoints = g->endpoints;
    if (!endpoint_feed_new(&feed, &g->feed, err))
        return false;
    g->gate.endpoints = g->feed;
    return true;
}

void guard_free(struct guard *g)
{
    if (g->config == NULL)
        return;
    for (unsigned i = 0; i < g->queue_count; i++)
        queue_free(g->queues[i]);
    conntrack_free(g->connections);
    passive_free(g->passive);
    endpoint_feed_free(g->feed);
    endpoints_free(g->endpoints);
    guard_grant_close(&g->grant);
    g->config = NULL;
}

void guard_follow(struct guard *g, int channel, const struct rules *rules)
{
    struct role_message m = { .type = MESSAGE_SWITCH };

    if (g->config == NULL || !g->config->inline_)
        return;
    if (g->feed != NULL)
        endpoint_feed_follow(g->feed, rules);
    m.generation = gate_generation(g->gate.generation, rules);
    if (m.generation == g->generation)
        return;
    if (channel_send(channel, &m))
        g->generation = m.generation;
    else
        log_error("rules_switch", "the opener was not reached: %s: reload again", strerror(errno));
}

void guard_tend(struct guard *g)
{
    if (g->config != NULL && g->feed != NULL)
        endpoint_feed_tend(g->feed);
}

void guard_endpoints(const struct guard *g, struct endpoints_counters *out)
{
    *out = (struct endpoints_counters){ 0 };
    if (g->endpoints != NULL)
        endpoints_counters(g->endpoints, out);
}

void guard_counters(const struct guard *g, struct queue_counters *out)
{
    *out = (struct queue_counters){ 0 };
    for (unsigned i = 0; i < g->queue_count; i++) {
        struct queue_counters one;
        queue_counters(g->queues[i], &one);
        out->received += one.received;
        out->accepted += one.accepted;
        out->dropped += one.dropped;
        out->replaced += one.replaced;
        out->overrun += one.overrun;
    }
}
