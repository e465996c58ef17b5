/* SPDX-License-Identifier: Apache-2.0 */
/* Enforcement in the sensor's process: the queues, and what the gates of its workers need. */
#pragma once
#include "engine/endpoint_feed.h"
#include "engine/engine.h"
#include "sensor/channel.h"
#include "sensor/sensor.h"

struct guard {
    const struct guard_config *config;
    struct guard_grant grant;
    struct queue *queues[ENGINE_WORKERS_MAX];
    unsigned queue_count;
    struct conntrack *connections;
    struct passive *passive;
    struct endpoints *endpoints; /* NULL: not wanted */
    struct endpoint_feed *feed;
    struct gate_config gate;
    unsigned generation; /* that the kernel passes */
};

/* Takes the grant's descriptors over. False: guard_free() still. `content`: what the policy says of files. */
bool guard_new(struct guard *g, const struct sensor_config *config, struct guard_grant *take,
               const struct content_settings *content, struct imw_error_info *err) IMW_MUST_USE;
/* From now on addresses that the kernel drops are learnt, where that is wanted. Before the workers run. */
bool guard_learn(struct guard *g, const struct knowledge *knowledge, struct imw_error_info *err) IMW_MUST_USE;
/* When no worker runs any more. */
void guard_free(struct guard *g);

/* New rules are in force: have the kernel send everything here again, and drop nothing by itself. */
void guard_follow(struct guard *g, int channel, const struct rules *rules);

/* Some times a second, by one thread: it need not be the one of guard_follow(). */
void guard_tend(struct guard *g);

/* Of addresses that the kernel drops by itself; zero where it does not. Any thread. */
void guard_endpoints(const struct guard *g, struct endpoints_counters *out);

/* Packets that came, and those that found no room. */
void guard_counters(const struct guard *g, struct queue_counters *out);
