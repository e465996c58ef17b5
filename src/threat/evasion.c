/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hiding that IM is used. FIL-84-2004: programs tunnel through HTTP and change ports to get around firewalls;
 * today they go through proxies, encrypted DNS and hidden server names. Ports are threat/port_agility.c.
 *
 * Reasoning. Hints (identify/words.h) are no offence: browsers use DNS over HTTPS and ECH by themselves. So
 *   fronted   IM whose TLS name and HTTP host differ: it passes as another service. Medium, as no ordinary
 *             program does it.
 *   proxied   IM inside a proxy (SOCKS, CONNECT) that is not ours: low.
 *   turned    a machine that used IM openly, then stopped, and within `window` began two means of hiding that
 * it had not used before, one that hides names asked of DNS (DoH, DoT, DoQ) and one that hides the server's
 * (ECH, ESNI), having been seen for `known` before. Low: it says where to look. The last needs flows of no
 * service, which are told of only with --all-flows; without it only flows of services bring hints.
 *
 * Cannot know: Tor and VPNs (WireGuard, OpenVPN, IPsec) are not recognised; hidden names of what; a machine
 * that hid from its first packet.
 */
#include "threat/aid.h"
#include <stdlib.h>

enum { FRONTED, PROXIED, TURNED };
enum { WINDOW_S, KNOWN_S, THRESHOLDS };

static const struct threshold thresholds[] = {
    [WINDOW_S] = { "window", 3600, 60, 86400, "seconds", "from the last open use of IM to hiding" },
    /* A machine that begins its day would else look as if it turned. */
    [KNOWN_S] = { "known", 1800, 0, 86400, "seconds", "a machine is seen so long before" },
};

extern const struct detector detector_evasion;

enum { CLIENTS = 1 << 14 };
static const uint64_t second_us = 1000000;

#define BIT(hint) (1u << HINT_##hint)
static const unsigned resolver_bits = BIT(DOH) | BIT(DOT) | BIT(DOQ), name_bits = BIT(ECH) | BIT(ESNI);

struct client {
    uint64_t seen_us;   /* first */
    uint64_t im_us;     /* IM in the open, last */
    uint64_t hid_us[2]; /* first: resolver, name */
    uint16_t im_service;
};

struct evasion {
    uint64_t value[DETECTOR_THRESHOLDS];
    struct threat_world world;
    struct recall clients;
};

static void stop(void *state)
{
    struct evasion *e = state;

    recall_fini(&e->clients);
    free(e);
}

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct evasion *e = calloc(1, sizeof *e);

    if (e == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of evasion");
        return NULL;
    }
    memcpy(e->value, settings->value, sizeof e->value);
    e->world = *world;
    if (!recall_init(&e->clients, CLIENTS, sizeof(struct client), err)) {
        stop(e);
        return NULL;
    }
    return e;
}

static void judge_im(const struct evasion *e, struct threats *t, const struct scene *s)
{
    const struct ip_addr *client = &s->flow->key.addr[FROM_CLIENT], *server = &s->flow->key.addr[FROM_SERVER];
    bool fronted = (s->record->hints & BIT(FRONTING)) != 0;
    struct report r;

    if (!fronted && ((s->record->hints & BIT(PROXY)) == 0 || is_ours(&e->world, server)))
        return;
    report_begin(&r, &detector_evasion, fronted ? FRONTED : PROXIED, fronted ? SEVERITY_MEDIUM : SEVERITY_LOW,
                 fronted ? "IM that passes as another service" : "IM through a proxy outside",
                 fronted ? "filters that go by the TLS name let it through"
                         : "rules for the service's own servers do not apply to it",
                 "see who set this up on the machine; block the server in the policy");
    report_seen(&r, "%s used %s through %s (%s)", show_address(client).text, service_of(s),
                show_address(server).text, fronted ? s->record->hint_value : s->record->server_name);
    report_ends(&r, s);
    report_evidence(&r, "hint", "%s", hint_name(fronted ? HINT_FRONTING : HINT_PROXY));
    report_evidence(&r, "name", "%s", s->record->server_name);
    report_subject(&r, "%s %s", show_address(client).text, service_of(s));
    report_raise(&r, t, s);
}

/* Began at `began_us`: after IM was used last, soon, and by a machine that was known then? */
static bool is_turn(const struct evasion *e, const struct client *c, uint64_t began_us)
{
    return began_us > c->im_us && began_us <= c->im_us + e->value[WINDOW_S] * second_us &&
           began_us >= c->seen_us + e->value[KNOWN_S] * second_us;
}

static void on_flow(void *state, struct threats *t, const struct scene *s)
{
    struct evasion *e = state;
    const struct flow *f = s->flow;
    unsigned hints = s->record != NULL ? s->record->hints : 0;
    const struct ip_addr *client = &f->key.addr[FROM_CLIENT];

    if (f->service != 0 && hints != 0)
        judge_im(e, t, s);
    struct client *c = recall_get(&e->clients, key_of_address(client), s->time_us);
    bool news = false;
    if (c->seen_us == 0 || f->first_us < c->seen_us)
        c->seen_us = f->first_us;
    if (f->service != 0 && (hints & (resolver_bits | name_bits)) == 0 &&
        f->activities != 1 << ACTIVITY_LOOKUP && s->time_us > c->im_us) {
        c->im_us = s->time_us;
        c->im_service = f->service;
        news = true; /* flows are told of when they are forgotten: those that hid may have come before */
    }
    const unsigned means[2] = { resolver_bits, name_bits };
    for (unsigned i = 0; i < 2; i++)
        if ((hints & means[i]) != 0 && (c->hid_us[i] == 0 || f->first_us < c->hid_us[i])) {
            c->hid_us[i] = f->first_us;
            news = true;
        }
    if (!news || c->im_us == 0 || c->hid_us[0] == 0 || c->hid_us[1] == 0 || !is_turn(e, c, c->hid_us[0]) ||
        !is_turn(e, c, c->hid_us[1]))
        return;
    const struct catalog_service *used = catalog_service(s->catalog, c->im_service);
    struct report r;
    report_begin(&r, &detector_evasion, TURNED, SEVERITY_LOW, "hiding after IM was used in the open",
                 "names are hidden from the sensor since then; IM may go on unseen",
                 "see what runs on the machine; have DNS go through the institution's resolver only");
    report_seen(&r, "%s used %s, then encrypted DNS after %llu s and hidden server names after %llu s",
                show_address(client).text, used != NULL ? used->slug : "IM",
                (unsigned long long)((c->hid_us[0] - c->im_us) / second_us),
                (unsigned long long)((c->hid_us[1] - c->im_us) / second_us));
    report_ends(&r, s);
    report_subject(&r, "%s", show_address(client).text);
    report_raise(&r, t, s);
}

const struct detector detector_evasion = {
    .name = "evasion",
    .id = 5500,
    .help = "IM through fronting and proxies, machines that hide after using it",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = stop,
    .on_flow = on_flow,
};
