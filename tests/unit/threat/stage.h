/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for one detector: things happen on flows of the built-in catalog, alerts are noted as lines
 * "NAME KIND SEVERITY" and kept whole for the last. */
#pragma once
#include "test.h"
#include "threat/threat.h"
#include <stdio.h>
#include <stdlib.h>

struct stage {
    struct threats *threats;
    struct catalog *catalog;
    struct flow flow;
    struct record record;
    struct known_who client, server;
    struct scene scene;
    unsigned raised; /* of the detector under test */
    unsigned kind;
    enum severity severity;
    char seen[512], evidence[1024], subject[160];
};

static inline void stage_alert(void *context, const struct scene *s, const struct alert *a,
                               uint64_t suppressed)
{
    struct stage *g = context;
    struct text t = TEXT(g->evidence);

    (void)s;
    (void)suppressed;
    g->raised++;
    g->kind = a->kind;
    g->severity = a->severity;
    assert_true(a->title[0] != '\0' && a->why[0] != '\0' && a->advice[0] != '\0' && a->seen[0] != '\0' &&
                a->subject[0] != '\0');
    snprintf(g->seen, sizeof g->seen, "%s", a->seen);
    snprintf(g->subject, sizeof g->subject, "%s", a->subject);
    assert_in_range(a->evidence_count, 0, ALERT_EVIDENCE);
    for (unsigned i = 0; i < a->evidence_count; i++)
        text_format(&t, "%s=%s\n", a->evidence[i].key, a->evidence[i].value);
}

/* 198.51.100.0/24 is ours as well. */
static inline bool stage_is_inside(void *context, const struct ip_addr *a)
{
    (void)context;
    return ip_is_v4(a) && a->octet[12] == 198 && a->octet[13] == 51 && a->octet[14] == 100;
}

static inline struct ip_addr stage_ip(const char *text)
{
    struct ip_addr a;

    assert_true(ip_parse(view_string(text), &a));
    return a;
}

/* Another flow, of a service and protocol. */
static inline void stage_flow(struct stage *g, const char *service, enum protocol protocol,
                              const char *client, const char *server, uint16_t port)
{
    uint16_t number = service != NULL ? catalog_find(g->catalog, view_string(service)) : 0;

    assert_true(service == NULL || number != 0);
    g->flow = (struct flow){ .service = number,
                             .protocol = (uint8_t)protocol,
                             .app = (uint16_t)protocol,
                             .delivery = DELIVERY_SERVER_PROXY,
                             .packets = { 4, 4 },
                             .first_us = g->scene.time_us };
    g->flow.key.addr[FROM_CLIENT] = stage_ip(client);
    g->flow.key.addr[FROM_SERVER] = stage_ip(server);
    g->flow.key.port[FROM_CLIENT] = 40000;
    g->flow.key.port[FROM_SERVER] = port;
    g->flow.key.l4 = L4_TCP;
    g->record = (struct record){ 0 };
    g->scene.flow_id++;
    g->scene.client = NULL;
    g->scene.port_agile = false;
}

/* Only this detector runs. `settings`: change its usual ones, or NULL. */
static inline void stage_start(struct stage *g, const struct detector *d,
                               void (*change)(struct detector_settings *s))
{
    struct detector_settings *settings = calloc(threats_detector_count(), sizeof *settings);
    struct imw_error_info err = { 0 };

    *g = (struct stage){ 0 };
    assert_non_null(settings);
    threats_defaults(settings);
    bool listed = false;
    for (unsigned i = 0; i < threats_detector_count(); i++) {
        settings[i].off = threats_detector(i) != d;
        listed |= threats_detector(i) == d;
        if (threats_detector(i) == d && change != NULL)
            change(&settings[i]);
    }
    assert_true(listed);
    struct threats_config config = {
        .settings = settings, .world = { stage_is_inside, NULL }, .alert = stage_alert, .context = g
    };
    assert_true(threats_new(&config, &g->threats, &err));
    free(settings);
    assert_true(catalog_builtin(&g->catalog, &err));
    g->scene = (struct scene){ .time_us = UINT64_C(1700000000) * 1000000,
                               .flow_id = 100,
                               .flow = &g->flow,
                               .record = &g->record,
                               .catalog = g->catalog };
}

static inline void stage_stop(struct stage *g)
{
    threats_free(g->threats);
    catalog_close(g->catalog);
}

static inline void stage_wait(struct stage *g, uint64_t ms)
{
    g->scene.time_us += ms * 1000;
}

static inline void stage_login(struct stage *g, const char *account)
{
    struct im_detail d = { .account = view_string(account), .outgoing = true };

    snprintf(g->record.account, sizeof g->record.account, "%s", account);
    threats_activity(g->threats, &g->scene, ACTIVITY_LOGIN, &d);
}

static inline void stage_message(struct stage *g, const char *from, const char *to, bool outgoing)
{
    struct carried_message m = {
        .from = view_string(from), .to = view_string(to), .text = VIEW("hello"), .outgoing = outgoing
    };

    threats_message(g->threats, &g->scene, &m);
}

static inline void stage_anomaly(struct stage *g, enum anomaly a)
{
    threats_anomaly(g->threats, &g->scene, a, VIEW("client"));
}

static inline void stage_end(struct stage *g)
{
    threats_flow(g->threats, &g->scene);
}

/* One alert came since the last question, of this kind; or none. */
static inline void stage_expect(struct stage *g, unsigned kind, enum severity severity)
{
    if (g->raised != 1 || g->kind != kind || g->severity != severity)
        fail_msg("%u alerts, the last of kind %u, severity %d: %s", g->raised, g->kind, (int)g->severity,
                 g->seen);
    g->raised = 0;
}

static inline void stage_expect_nothing(struct stage *g)
{
    if (g->raised != 0)
        fail_msg("an alert of kind %u: %s", g->kind, g->seen);
}
