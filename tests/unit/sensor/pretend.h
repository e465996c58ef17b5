/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sensor that watches nothing but has a full status: known numbers that grow with its clock, and callbacks
 * that note what they were told. Behind it stand the real servers, and before it the real client.
 */
#pragma once
#include "sensor/control.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct pretend {
    struct control_counts counts;
    uint64_t started_us, now_us; /* the clock */
    bool broken;                 /* the next reload fails */
    bool output_down;
    unsigned workers, services;
    struct rules *rules; /* pretend_rules_new() */
    atomic_uint reloads, reopened, learnt;
    atomic_bool stopped;
    char last_learnt[256];
};

static const char *const pretend_slugs[] = { "whatsapp", "telegram", "signal", "oscar",     "irc",  "xmpp",
                                             "wechat",   "slack",    "teams",  "discord",   "zoom", "viber",
                                             "line",     "skype",    "matrix", "instagram", "msn",  "yahoo",
                                             "webex",    "threema",  "imo",    "kakaotalk", "zalo", "qq" };

static inline void pretend_counters(struct sensor_status *s, uint64_t t)
{
    static const struct {
        enum counter which;
        unsigned share; /* of a million packets */
    } shares[] = { { COUNT_FRAMES, 1000000 },         { COUNT_FRAME_BYTES, 700000000 },
                   { COUNT_PACKETS, 990000 },         { COUNT_FLOWS, 20000 },
                   { COUNT_FLOWS_IM, 900 },           { COUNT_DECODE_OTHER, 9000 },
                   { COUNT_DECODE_SHORT, 12 },        { COUNT_FRAGMENTS_DROPPED, 3 },
                   { COUNT_PROBES, 90000 },           { COUNT_NAMES, 3000 },
                   { COUNT_STREAM_OUT_OF_ORDER, 800 } };

    for (unsigned i = 0; i < sizeof shares / sizeof shares[0]; i++)
        s->counters.n[shares[i].which] = t * shares[i].share / 10;
}

static inline void pretend_events(const struct pretend *p, struct sensor_status *s, uint64_t t)
{
    struct event_writer_status *e = &s->events;

    e->written = t * 90;
    e->bytes = e->written * 700;
    e->files = t * 3;
    e->alerts = t;
    e->output_count = 3;
    snprintf(e->outputs[0].name, sizeof e->outputs[0].name, "file:/var/log/imward/eve.json");
    snprintf(e->outputs[1].name, sizeof e->outputs[1].name, "syslog:tls://siem.bank.example:6514?format=cef");
    snprintf(e->outputs[2].name, sizeof e->outputs[2].name, "unix:/run/imward/\"events\".sock");
    for (unsigned i = 0; i < 3; i++) {
        e->outputs[i].up = i != 1 || !p->output_down;
        e->outputs[i].written = e->written;
    }
    if (p->output_down) {
        e->outputs[1].lost = t * 4;
        snprintf(e->outputs[1].error, sizeof e->outputs[1].error, "Connection refused");
    }
    e->service_count = p->services;
    for (unsigned i = 0; i < p->services; i++) {
        snprintf(e->services[i].slug, sizeof e->services[i].slug, "%s%.0u", pretend_slugs[i % 24], i / 24);
        e->services[i].flows = t * 40 / (i + 1);
        e->services[i].bytes = t * 90000 / (i % 5 + 1);
        e->services[i].alerted = t * 8 / (i + 1);
        e->services[i].blocked = i % 3 == 0 ? t / (i + 1) : 0;
    }
}

static inline void pretend_status(void *context, struct sensor_status *s)
{
    const struct pretend *p = context;
    uint64_t t = (p->now_us - p->started_us) / 100000; /* tenths of a second */

    *s = (struct sensor_status){ .version = IMWARD_VERSION,
                                 .pid = getpid(),
                                 .started_us = p->started_us,
                                 .now_us = p->now_us,
                                 .interface = "eth1",
                                 .method = "af_packet",
                                 .state = "up",
                                 .bypass = "on",
                                 .worker_count = p->workers,
                                 .live = { .received = t * 100100,
                                           .dropped = t / 50 * 50 * 7,
                                           .freezes = t / 50,
                                           .bypassed_packets = t * 60000,
                                           .bypassed_bytes = t * 50000000,
                                           .bypassed_flows = t * 300 },
                                 .memory = { .flow_bytes = 150 << 20,
                                             .inspect_bytes = 60 << 20,
                                             .flows_peak = 1000000,
                                             .inspect_used = 12345 },
                                 .flows_live = 812345,
                                 .resident_bytes = 241 << 20,
                                 .content = { .messages = t * 5,
                                              .files = t,
                                              .infected = 2,
                                              .not_scanned = 3,
                                              .leaks = 4,
                                              .alerts = 6,
                                              .alerts_suppressed = 7,
                                              .scanners = { .clamd_up = true,
                                                            .clamd_version = "ClamAV 1.4.6/27800",
                                                            .signatures_made_s =
                                                                (int64_t)(p->started_us / 1000000),
                                                            .yara_rules = 9 } },
                                 .catalog_version = "2026.11.20",
                                 .catalog_built_s = p->now_us / 1000000 - 3 * 86400,
                                 .policy_path = "/etc/imward/policy.yaml",
                                 .radius = { .requests = 9, .repeated = 2, .users = 7, .forged = 1 },
                                 .sandbox = { .user = "imward", .seccomp = true, .landlock = 7 },
                                 .reloads = p->reloads,
                                 .reloads_failed = p->broken };
    pretend_counters(s, t);
    pretend_events(p, s, t);
    for (unsigned i = 0; i < p->workers; i++) {
        s->workers[i] = (struct sensor_worker_status){ .cpu = i % 3 != 2 ? (int)(2 * i) : -1,
                                                       .packets = t * 100000 / p->workers,
                                                       .flows = t * 2000 / p->workers };
    }
    for (unsigned i = 0; i < DECISION_BUCKETS; i++) {
        s->decided.packets[i] = i < 6 ? 10u - i : 0;
        s->decided.bytes[i] = i < 9 ? 5 : 0;
        s->decided.packets_sum += s->decided.packets[i] << i;
        s->decided.bytes_sum += s->decided.bytes[i] << (i + 4);
    }
}

static inline bool pretend_reload(void *context, struct imw_error_info *err)
{
    struct pretend *p = context;

    if (p->broken) {
        error_file(err, IMW_ERROR_FORMAT, "catalog/irc.yaml", "a key is missing: name");
        err->line = 7;
        return false;
    }
    p->reloads++;
    return true;
}

static inline void pretend_reopen(void *context)
{
    ((struct pretend *)context)->reopened++;
}

static inline void pretend_stop(void *context)
{
    ((struct pretend *)context)->stopped = true;
}

static inline bool pretend_learn(void *context, const struct ip_addr *addr, struct view user,
                                 struct view host, uint32_t for_s, struct imw_error_info *err)
{
    struct pretend *p = context;
    struct text t = TEXT(p->last_learnt);

    if (ip_is_zero(addr))
        return error_set(err, IMW_ERROR_VALUE, "nobody is at the unspecified address");
    text_address(&t, addr);
    text_format(&t, " user=%.*s host=%.*s for=%u", (int)user.len, (const char *)user.at, (int)host.len,
                (const char *)host.at, for_s);
    p->learnt++;
    return true;
}

static inline void pretend_rules(void *context, void (*tell)(void *to, const struct rules *r), void *to)
{
    const struct pretend *p = context;

    tell(to, p->rules);
}

/* Rules for it: of a policy file, or none. Whoever makes a sensor frees them. */
static inline struct rules *pretend_rules_new(const char *policy)
{
    struct imw_error_info err;
    struct rules *r;

    if (!rules_load(NULL, policy, NULL, &r, &err)) {
        fprintf(stderr, "%s:%u: %s\n", err.file, err.line, err.text);
        abort();
    }
    return r;
}

static inline struct control_calls pretend_calls(struct pretend *p)
{
    return (struct control_calls){ .status = pretend_status,
                                   .reload = pretend_reload,
                                   .reopen = pretend_reopen,
                                   .stop = pretend_stop,
                                   .learn = pretend_learn,
                                   .rules = pretend_rules,
                                   .context = p,
                                   .counts = &p->counts };
}
