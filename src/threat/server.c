/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IM spoken with a server that is not the vendor's: look-alikes, relays that read along, proxies around a
 * block. FIL-84-2004 names imposters and interception by servers in between.
 *
 * Reasoning. The protocol was proved by its bytes (evidence `payload`) on a flow that is no direct leg, of a
 * service whose vendor runs all servers itself. Then either
 *   closed    the vendor has shut the service down: whoever answers is somebody else; or
 *   foreign   the vendor publishes all its address ranges, none of those in the catalog holds the server, and
 *             nothing else (SNI, Host, DNS, an announcement) was needed to know the service.
 * Low: revived networks and proxies are mostly harmless people's, but what is written there is in nobody's
 * contract.
 *
 * Not judged: services that anybody may serve (IRC, XMPP, SIP, Matrix, Mumble ...), vendors whose addresses
 * are known in part only (WhatsApp has caches at providers, Viber lives at Amazon), and servers known by TLS
 * names only, which certificates vouch for. Cannot know: a vendor that took new addresses since the catalog
 * was made; a relay inside of the vendor's ranges.
 */
#include "threat/aid.h"
#include <stdlib.h>

enum { CLOSED, FOREIGN };

extern const struct detector detector_server;

enum owner { ANYBODY, VENDOR, NOBODY };

static const struct {
    const char *slug;
    enum owner owner;
} services[] = {
    { "oscar", NOBODY },    /* AIM until 2017-12-15, ICQ until 2024-06-26 */
    { "msn", NOBODY },      /* until 2013-04-08, in China 2014-10-31 */
    { "yahoo", NOBODY },    /* until 2018-07-17 */
    { "telegram", VENDOR }, /* publishes all its ranges */
    { "threema", VENDOR },  /* the same, for firewalls */
};

struct servers {
    struct threat_world world;
};

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct servers *v = calloc(1, sizeof *v);

    (void)settings;
    if (v == NULL)
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of foreign servers");
    else
        v->world = *world;
    return v;
}

static enum owner owner_of(const char *slug)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++)
        if (view_equal(view_string(services[i].slug), view_string(slug)))
            return services[i].owner;
    return ANYBODY;
}

struct search {
    const struct ip_addr *server;
    bool has_ranges, holds;
};

static void look_at_range(void *context, const char *kind, enum server_role role, enum strength strength,
                          struct view entry, struct view source)
{
    struct search *search = context;
    struct ip_addr net;
    unsigned bits;

    (void)role;
    (void)strength;
    (void)source;
    if (!view_equal(view_string(kind), VIEW("range")) || !ip_parse_network(entry, &net, &bits))
        return;
    search->has_ranges = true;
    search->holds |= ip_in_network(search->server, &net, bits);
}

/* Whatever the port: a vendor may open another. */
static bool is_outside_ranges(const struct scene *s)
{
    struct search search = { .server = &s->flow->key.addr[FROM_SERVER] };

    catalog_each(s->catalog, s->flow->service, look_at_range, &search);
    return search.has_ranges && !search.holds;
}

/* Was the protocol spoken, and does nothing else (a name, DNS, an announcement) vouch for the server? */
static bool is_proved_by_bytes_alone(const struct scene *s)
{
    bool payload = false;

    for (unsigned i = 0; s->record != NULL && i < s->record->evidence_count; i++) {
        if (s->record->evidence[i].service != s->flow->service)
            continue;
        payload |= s->record->evidence[i].kind == EVIDENCE_PAYLOAD;
        if (s->record->evidence[i].kind != EVIDENCE_PAYLOAD)
            return false;
    }
    return payload;
}

static void on_flow(void *state, struct threats *t, const struct scene *s)
{
    const struct servers *v = state;
    const struct flow *f = s->flow;
    const struct ip_addr *server = &f->key.addr[FROM_SERVER];
    enum owner owner = owner_of(service_of(s));
    struct report r;

    if (owner == ANYBODY || f->delivery == DELIVERY_PEER || (f->activities >> ACTIVITY_CALL & 1) != 0 ||
        f->packets[FROM_SERVER] == 0 || !is_proved_by_bytes_alone(s))
        return;
    if (owner == VENDOR && !is_outside_ranges(s))
        return;
    bool closed = owner == NOBODY;
    report_begin(&r, &detector_server, closed ? CLOSED : FOREIGN, SEVERITY_LOW,
                 closed ? "server of a service that was closed" : "IM server that is not the vendor's",
                 closed ? "the vendor's servers are gone: a look-alike reads what is written and knows the "
                          "passwords"
                        : "a proxy or relay in between may read along, or serves to get around a block",
                 closed ? "have the program removed" : "find out whose server it is; block it in the policy");
    report_seen(&r, "%s spoke %s with %s%s", show_address(&f->key.addr[FROM_CLIENT]).text, service_of(s),
                show_address(server).text, is_ours(&v->world, server) ? ", a machine of ours" : "");
    report_ends(&r, s);
    report_evidence(&r, "name", "%s", s->record->server_name);
    report_subject(&r, "%s %s", show_address(server).text, service_of(s));
    report_raise(&r, t, s);
}

const struct detector detector_server = {
    .name = "server",
    .id = 5300,
    .help = "IM servers that are not the vendor's",
    .start = start,
    .stop = free,
    .on_flow = on_flow,
};
