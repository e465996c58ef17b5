/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IM on ports that are not its own. FIL-84-2004: programs of IM look for an open port, so that blocking their
 * own one does not stop them. AIM and ICQ tried 5190, then 23, 20, 25, 80, 443 and others in turn.
 *
 * Reasoning. A flow is port-agile where the engine says so (engine/worker.c: no own port of the service, no
 * usual port of TLS, QUIC or HTTP when these carry it, no direct leg, no media, no guess who serves). One
 * such flow is low: a server may simply stand there. A client that was at several ports for one service
 * within `window` walks around a block: `ports` different ones, of which two or more are not the service's
 * and lie below 1024 or at a proxy's, since those are what firewalls let through. Ports above do not count
 * there: some services take any.
 *
 * Attempts that a firewall drops belong to a service only where its address is known (DNS, ranges); others
 * are not seen. Cannot know: IM inside TLS on 443 hides by no port. A server with many services on one
 * address is several services here, not one that hops.
 */
#include "threat/aid.h"
#include <stdlib.h>

enum { OTHER_PORT, HOPPING };
enum { PORTS, WINDOW_S, THRESHOLDS };

static const struct threshold thresholds[] = {
    /* Two may be a setting that was corrected. */
    [PORTS] = { "ports", 3, 2, 8, "ports", "of one client for one service that are hopping" },
    [WINDOW_S] = { "window", 900, 10, 86400, "seconds", "in which the client was at them" },
};

extern const struct detector detector_port_agility;

enum { CLIENTS = 1 << 14, KEPT = 8 };

struct tried {
    uint64_t first_us; /* 0: empty */
    uint16_t port;
    uint8_t l4;
    bool foreign; /* not the service's */
};

struct client {
    struct tried port[KEPT];
};

struct agility {
    uint64_t value[DETECTOR_THRESHOLDS];
    struct recall clients;
};

static void stop(void *state)
{
    struct agility *a = state;

    recall_fini(&a->clients);
    free(a);
}

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct agility *a = calloc(1, sizeof *a);

    (void)world;
    if (a == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of port agility");
        return NULL;
    }
    memcpy(a->value, settings->value, sizeof a->value);
    if (!recall_init(&a->clients, CLIENTS, sizeof(struct client), err)) {
        stop(a);
        return NULL;
    }
    return a;
}

/* Ports that firewalls tend to let through. */
static bool is_let_through(uint16_t port)
{
    return port < 1024 || port == 1080 || port == 3128 || port == 8080 || port == 8443;
}

static void note(struct client *c, const struct flow *f, bool foreign)
{
    struct tried *place = &c->port[0];
    uint16_t port = f->key.port[FROM_SERVER];

    for (unsigned i = 0; i < KEPT; i++) {
        if (c->port[i].first_us != 0 && c->port[i].port == port && c->port[i].l4 == f->key.l4) {
            place = &c->port[i];
            break;
        }
        if (c->port[i].first_us < place->first_us)
            place = &c->port[i];
    }
    *place = (struct tried){ f->first_us, port, f->key.l4, foreign };
}

/* The client's ports within the window, as text, in the order of time; returns how many. */
static unsigned ports_lately(const struct agility *a, const struct client *c, uint64_t now_us,
                             unsigned *out_foreign, struct text *out)
{
    uint64_t window_us = a->value[WINDOW_S] * 1000000, after_us = 0;
    unsigned count = 0;

    *out_foreign = 0;
    for (unsigned round = 0; round < KEPT; round++) {
        const struct tried *next = NULL;
        for (unsigned i = 0; i < KEPT; i++) {
            const struct tried *p = &c->port[i];
            if (p->first_us > after_us && p->first_us + window_us >= now_us &&
                (next == NULL || p->first_us < next->first_us))
                next = p;
        }
        if (next == NULL)
            break;
        after_us = next->first_us;
        if (next->foreign && !is_let_through(next->port))
            continue;
        text_format(out, "%s%u", count > 0 ? " -> " : "", next->port);
        *out_foreign += next->foreign;
        count++;
    }
    return count;
}

static void on_flow(void *state, struct threats *t, const struct scene *s)
{
    struct agility *a = state;
    const struct flow *f = s->flow;
    char ports[96];
    struct text text = TEXT(ports);
    unsigned foreign;
    struct report r;

    if (f->service == 0 || f->delivery == DELIVERY_PEER || (f->flags & FLOW_MIDSTREAM) != 0 ||
        f->activities == 1 << ACTIVITY_LOOKUP)
        return;
    const struct ip_addr *client = &f->key.addr[FROM_CLIENT];
    struct client *c = recall_get(&a->clients, key_of_address(client) ^ f->service, s->time_us);
    note(c, f, s->port_agile);
    if (!s->port_agile)
        return;
    unsigned count = ports_lately(a, c, f->first_us, &foreign, &text);
    bool hops = count >= a->value[PORTS] && foreign >= 2;
    report_begin(
        &r, &detector_port_agility, hops ? HOPPING : OTHER_PORT, hops ? SEVERITY_MEDIUM : SEVERITY_LOW,
        hops ? "IM client hopping over ports" : "IM on a port that is not its own",
        hops ? "it looks for a port that the firewall lets through" : "rules that go by port do not see it",
        hops ? "block the service by protocol, not by port; ask the user"
             : "block the service by protocol, or allow this server in the policy");
    if (hops)
        report_seen(&r, "%s used %s on ports %s within %llu s", show_address(client).text, service_of(s),
                    ports, (unsigned long long)a->value[WINDOW_S]);
    else
        report_seen(&r, "%s spoke %s with port %u", show_address(client).text, service_of(s),
                    f->key.port[FROM_SERVER]);
    report_ends(&r, s);
    if (hops)
        report_evidence(&r, "ports", "%s", ports);
    report_subject(&r, "%s %s", show_address(client).text, service_of(s));
    report_raise(&r, t, s);
}

const struct detector detector_port_agility = {
    .name = "port-agility",
    .id = 5400,
    .help = "IM on other ports than its own, clients that hop over ports",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = stop,
    .on_flow = on_flow,
};
