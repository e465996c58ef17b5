/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions taken over: bytes injected into a connection, an account in use at two places, a cookie or ticket
 * shown by somebody else. FIL-84-2004 names session hijacking among the risks of IM, whose old protocols sign
 * in once and then trust the connection.
 *
 * Reasoning.
 * - Injection. Repeated TCP bytes that differ (identify/tamper.c tells what is a sign) are found on no
 * healthy network: one is enough. A TTL that comes and goes has other reasons now and then; together with a
 * sequence number that jumps, or a reset that was ignored, within a minute on the same connection, it has
 * none that we know. Blind injection tries many sequence numbers: `jumps` of them on one connection.
 * - Two places. Services that sign the older session off (MSN, Yahoo, Gadu-Gadu, QQ, MRA, NateOn) and OSCAR,
 * where a second place is rare: one account at two addresses, and the older session still heard `overlap`
 * seconds after the newer one began. Not where both addresses are known to be one person's or machine's, and
 * not for protocols that are made for several devices (XMPP, SIP, web), nor for IRC, where names are per
 * network. Those, where the account names its domain, are told of only at `places` addresses at a time.
 * - Ticket. The same cookie or ticket from two client addresses of one family, within `ticket_life`, and not
 *   known to be one person or machine. Within a second to the same server it is one packet seen on both sides
 * of a NAT.
 *
 * Cannot know: who sits at an address; a thief behind the same NAT as the owner; injection that the sensor
 * sees before the true bytes and whose true bytes never pass it; what is encrypted. A proxy that rewrites
 * bytes in the middle of a connection while the sensor sees both sides of it looks like injection. A laptop
 * that moved to another address looks like a stolen ticket where nothing tells who is at an address.
 */
#include "threat/aid.h"
#include <stdlib.h>

enum { INJECTED, SPOOFED, BLIND, TWO_PLACES, MANY_PLACES, TICKET };
enum { CONFLICTS, JUMPS, OVERLAP_S, PLACES, TICKET_H, THRESHOLDS };

static const struct threshold thresholds[] = {
    [CONFLICTS] = { "conflicts", 1, 1, 1000, "segments", "repeated bytes that differ, on one connection" },
    /* Stray segments of a broken box come one at a time; a blind search needs hundreds. */
    [JUMPS] = { "jumps", 8, 1, 100000, "segments", "sequence jumps on one connection" },
    /* The service's sign-off of the older session takes seconds. */
    [OVERLAP_S] = { "overlap", 60, 5, 3600, "seconds", "an account's older session goes on this long" },
    [PLACES] = { "places", 4, 2, 8, "addresses", "one account at so many at a time" },
    /* An MSN ticket lives for hours, an OSCAR cookie for minutes. */
    [TICKET_H] = { "ticket_life", 24, 1, 720, "hours", "a ticket is remembered for so long" },
};

extern const struct detector detector_hijack;

enum {
    FLOWS = 1 << 13,
    ACCOUNTS = 1 << 14,
    TICKETS = 1 << 14,
    SEATS = 8, /* addresses of an account */
};
static const uint64_t second_us = 1000000, together_us = 60 * second_us, silent_us = 1800 * second_us;

struct connection {
    uint64_t account; /* its key, 0: none yet */
    uint64_t last_us[ANOMALY_COUNT];
    uint32_t count[ANOMALY_COUNT];
};

/* Where an account is signed in. */
struct seat {
    struct ip_addr addr;
    struct identity who;
    uint64_t flow_id; /* 0: empty, or over */
    uint64_t login_us, heard_us;
};

struct account {
    struct seat seat[SEATS];
};

struct ticket {
    struct ip_addr client, server;
    struct identity who;
    uint64_t shown_us;
};

struct hijack {
    uint64_t value[DETECTOR_THRESHOLDS];
    struct threat_world world;
    struct recall connections, accounts, tickets;
};

static void stop(void *state)
{
    struct hijack *h = state;

    recall_fini(&h->connections);
    recall_fini(&h->accounts);
    recall_fini(&h->tickets);
    free(h);
}

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct hijack *h = calloc(1, sizeof *h);

    if (h == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of hijacking");
        return NULL;
    }
    memcpy(h->value, settings->value, sizeof h->value);
    h->world = *world;
    if (!recall_init(&h->connections, FLOWS, sizeof(struct connection), err) ||
        !recall_init(&h->accounts, ACCOUNTS, sizeof(struct account), err) ||
        !recall_init(&h->tickets, TICKETS, sizeof(struct ticket), err)) {
        stop(h);
        return NULL;
    }
    return h;
}

/* ---- injection ---- */

static bool lately(const struct connection *c, enum anomaly a, uint64_t now_us)
{
    return c->count[a] > 0 && now_us <= c->last_us[a] + together_us;
}

static void report_connection(struct report *r, const struct scene *s, const struct connection *c)
{
    static const enum anomaly signs[] = { ANOMALY_TCP_CONFLICT, ANOMALY_SEQUENCE_JUMP, ANOMALY_TTL_CHANGE,
                                          ANOMALY_RESET_IGNORED };

    report_ends(r, s);
    for (unsigned i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (c->count[signs[i]] > 0)
            report_evidence(r, anomaly_name(signs[i]), "%u", c->count[signs[i]]);
    report_subject(r, "%llu", (unsigned long long)s->flow_id);
}

static void on_anomaly(void *state, struct threats *t, const struct scene *s, enum anomaly a,
                       struct view value)
{
    struct hijack *h = state;
    struct report r;

    if (s->flow == NULL || (a != ANOMALY_TCP_CONFLICT && a != ANOMALY_SEQUENCE_JUMP &&
                            a != ANOMALY_TTL_CHANGE && a != ANOMALY_RESET_IGNORED))
        return;
    struct connection *c = recall_get(&h->connections, s->flow_id, s->time_us);
    c->count[a]++;
    c->last_us[a] = s->time_us;
    if (a == ANOMALY_TCP_CONFLICT && c->count[a] >= h->value[CONFLICTS]) {
        report_begin(&r, &detector_hijack, INJECTED, SEVERITY_HIGH, "bytes injected into an IM session",
                     "the two sides no longer see the same conversation: somebody on the way writes into it",
                     "end the session, find who can reach the path between client and server, treat what was "
                     "written as forged");
        report_seen(&r, "%u segments on the %s connection repeat bytes with other content, last from the %s",
                    c->count[a], service_of(s), show_text(value).text);
        report_connection(&r, s, c);
        report_raise(&r, t, s);
    } else if (lately(c, ANOMALY_TTL_CHANGE, s->time_us) && (lately(c, ANOMALY_SEQUENCE_JUMP, s->time_us) ||
                                                             lately(c, ANOMALY_RESET_IGNORED, s->time_us))) {
        report_begin(
            &r, &detector_hijack, SPOOFED, SEVERITY_MEDIUM, "segments of somebody else in an IM session",
            "another number of hops and other sequence numbers: they were sent from elsewhere in the "
            "name of one side",
            "look for the sender on the path; ask both users whether the session broke");
        report_seen(&r, "%u changes of TTL, %u sequence jumps, %u resets ignored; last %s",
                    c->count[ANOMALY_TTL_CHANGE], c->count[ANOMALY_SEQUENCE_JUMP],
                    c->count[ANOMALY_RESET_IGNORED], show_text(value).text);
        report_connection(&r, s, c);
        report_raise(&r, t, s);
    } else if (a == ANOMALY_SEQUENCE_JUMP && c->count[a] >= h->value[JUMPS]) {
        report_begin(&r, &detector_hijack, BLIND, SEVERITY_MEDIUM, "blind injection into an IM session",
                     "sequence numbers are being guessed to get bytes or a reset accepted",
                     "filter packets with forged addresses at the border (RFC 2827)");
        report_seen(&r, "%u segments far outside the window while the session went on", c->count[a]);
        report_connection(&r, s, c);
        report_raise(&r, t, s);
    }
}

/* ---- one account at several places ---- */

enum manners { ANYWHERE, RARELY_TWICE, ONCE };

/* How often does an account of this protocol sign in at a time? */
static enum manners manners_of(const struct flow *f)
{
    switch (f->protocol) {
    case PROTOCOL_MSNP:
    case PROTOCOL_YMSG:
    case PROTOCOL_GADU_GADU:
    case PROTOCOL_OICQ:
    case PROTOCOL_MRIM:
    case PROTOCOL_NATEON: return ONCE;
    case PROTOCOL_OSCAR: return RARELY_TWICE;
    default: return ANYWHERE;
    }
}

static bool is_on(const struct seat *seat, uint64_t now_us)
{
    return seat->flow_id != 0 && now_us <= seat->heard_us + silent_us;
}

static struct seat *seat_of(struct account *a, const struct ip_addr *addr)
{
    struct seat *place = &a->seat[0];

    for (unsigned i = 0; i < SEATS; i++) {
        if (a->seat[i].heard_us != 0 && ip_equal(&a->seat[i].addr, addr))
            return &a->seat[i];
        if (a->seat[i].heard_us < place->heard_us)
            place = &a->seat[i];
    }
    *place = (struct seat){ .addr = *addr };
    return place;
}

static void report_places(const struct hijack *h, struct threats *t, const struct scene *s, struct view name,
                          const struct seat *older, const struct seat *newer, enum manners manners)
{
    bool both_ours = is_ours(&h->world, &older->addr) && is_ours(&h->world, &newer->addr);
    struct report r;

    report_begin(&r, &detector_hijack, TWO_PLACES, manners == ONCE ? SEVERITY_MEDIUM : SEVERITY_LOW,
                 "one account in use at two places",
                 "the service lets an account in once; who holds its password or session writes in its name",
                 "ask its owner about both machines; change the password");
    report_seen(&r, "%s of %s signed in at %s while its session at %s went on for %llu s more%s",
                show_text(name).text, service_of(s), show_address(&newer->addr).text,
                show_address(&older->addr).text,
                (unsigned long long)((older->heard_us - newer->login_us) / second_us),
                both_ours ? "" : "; one of them is not ours");
    report_evidence(&r, "account", "%s", show_text(name).text);
    report_evidence(&r, "older", "%s", show_address(&older->addr).text);
    report_evidence(&r, "newer", "%s", show_address(&newer->addr).text);
    report_subject(&r, "%s %s", service_of(s), show_text(name).text);
    report_raise(&r, t, s);
}

/* Something was heard of an account on this flow. */
static void hear(struct hijack *h, struct threats *t, const struct scene *s, struct account *a,
                 struct view name, bool login)
{
    struct seat *here = seat_of(a, &s->flow->key.addr[FROM_CLIENT]);
    enum manners manners = manners_of(s->flow);
    uint64_t overlap_us = h->value[OVERLAP_S] * second_us;
    unsigned places = 0;

    if (!is_on(here, s->time_us) || login) { /* other connections of the session come and go */
        here->login_us = s->time_us;
        here->flow_id = s->flow_id;
    }
    here->heard_us = s->time_us;
    here->who = identity_of(s->client);
    for (unsigned i = 0; i < SEATS; i++) {
        const struct seat *other = &a->seat[i];
        places += is_on(other, s->time_us);
        if (other == here || manners == ANYWHERE || !is_on(other, s->time_us) ||
            identity_same(&other->who, &here->who))
            continue;
        const struct seat *older = other->login_us <= here->login_us ? other : here;
        const struct seat *newer = older == here ? other : here;
        if (newer->login_us < older->login_us + second_us)
            continue; /* one session, seen on both sides of a NAT */
        if (older->heard_us >= newer->login_us + overlap_us && newer->heard_us > newer->login_us)
            report_places(h, t, s, name, older, newer, manners);
    }
    bool domain = view_find_byte(name, '@', 0) < name.len;
    if (places < h->value[PLACES] || (manners == ANYWHERE && (!domain || s->flow->protocol == PROTOCOL_IRC)))
        return;
    struct report r;
    report_begin(&r, &detector_hijack, MANY_PLACES, SEVERITY_LOW, "one account in use at many places",
                 "a shared or stolen account: nobody can say who wrote what",
                 "ask its owner; give programs accounts of their own");
    report_seen(&r, "%s of %s is signed in at %u addresses", show_text(name).text, service_of(s), places);
    report_evidence(&r, "account", "%s", show_text(name).text);
    report_subject(&r, "%s %s", service_of(s), show_text(name).text);
    report_raise(&r, t, s);
}

static void hear_account(struct hijack *h, struct threats *t, const struct scene *s, struct view name,
                         bool login)
{
    if (s->flow == NULL || s->flow->delivery == DELIVERY_PEER)
        return;
    struct connection *c = recall_find(&h->connections, s->flow_id);
    if (name.len == 0 && c != NULL && c->account != 0 && s->record != NULL)
        name = view_string(s->record->account); /* the flow goes on, and that is its account */
    if (name.len == 0)
        return;
    c = recall_get(&h->connections, s->flow_id, s->time_us);
    if (c->account == 0 || login)
        c->account = key_of(s->flow->service, name);
    hear(h, t, s, recall_get(&h->accounts, c->account, s->time_us), name, login);
}

static void on_activity(void *state, struct threats *t, const struct scene *s, enum activity a,
                        const struct im_detail *d)
{
    if (a != ACTIVITY_LOOKUP)
        hear_account(state, t, s, d != NULL ? d->account : VIEW(""), a == ACTIVITY_LOGIN);
}

static void on_message(void *state, struct threats *t, const struct scene *s, const struct carried_message *m)
{
    (void)m;
    hear_account(state, t, s, VIEW(""), false);
}

static void on_flow(void *state, struct threats *t, const struct scene *s)
{
    struct hijack *h = state;
    struct connection *c = recall_find(&h->connections, s->flow_id);
    struct account *a = c != NULL && c->account != 0 ? recall_find(&h->accounts, c->account) : NULL;

    (void)t;
    for (unsigned i = 0; a != NULL && i < SEATS; i++)
        if (a->seat[i].flow_id == s->flow_id)
            a->seat[i].flow_id = 0;
}

/* ---- tickets ---- */

static void on_ticket(void *state, struct threats *t, const struct scene *s, uint64_t hash)
{
    struct hijack *h = state;
    const struct ip_addr *client = &s->flow->key.addr[FROM_CLIENT], *server = &s->flow->key.addr[FROM_SERVER];
    struct ticket *k = recall_get(&h->tickets, hash, s->time_us);
    struct ticket now = { *client, *server, identity_of(s->client), s->time_us };
    struct ticket before = *k;

    if (before.shown_us == 0 || s->time_us > before.shown_us + h->value[TICKET_H] * 3600 * second_us ||
        ip_equal(&before.client, client)) {
        *k = now;
        return;
    }
    bool both_sides_of_nat = ip_equal(&before.server, server) && s->time_us < before.shown_us + second_us;
    if (ip_is_v4(&before.client) != ip_is_v4(client) || both_sides_of_nat ||
        identity_same(&before.who, &now.who))
        return;
    struct report r;
    report_begin(&r, &detector_hijack, TICKET, SEVERITY_HIGH, "session ticket of somebody else",
                 "a ticket opens the session without a password; from another address it was read on the way "
                 "or taken off a machine",
                 "sign the account out everywhere, change its password, look at both machines");
    report_seen(&r, "%s showed a ticket of %s that %s had shown %llu s before", show_address(client).text,
                service_of(s), show_address(&before.client).text,
                (unsigned long long)((s->time_us - before.shown_us) / second_us));
    report_ends(&r, s);
    report_evidence(&r, "owner", "%s", show_address(&before.client).text);
    report_subject(&r, "%s %016llx", service_of(s), (unsigned long long)hash);
    report_raise(&r, t, s);
}

const struct detector detector_hijack = {
    .name = "hijack",
    .id = 5100,
    .help = "sessions taken over: injected bytes, one account at two places, stolen tickets",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = stop,
    .on_message = on_message,
    .on_activity = on_activity,
    .on_anomaly = on_anomaly,
    .on_ticket = on_ticket,
    .on_flow = on_flow,
};
