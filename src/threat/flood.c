/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floods: messages at a rate no person writes or reads, guessing of passwords, messages that break their
 * protocol, connections by the hundred. FIL-84-2004 names denial of service, and the overflow of buffers in
 * IM programs by malformed messages.
 *
 * Reasoning: rates, each over a time that slides.
 *   sender      messages of one account (of the machine, where the account is not known)
 *   receiver    messages to one account or machine, not to rooms, which are read by many
 *   guessing    sign-ins of one account from one machine; and of many accounts from one machine outside at a
 *               server of ours (an office behind one NAT signs in at nine o'clock: that is inside)
 *   malformed   breaches of the protocol's rules on the connections of one machine
 *   connections TCP connections of one machine to one server that spoke an IM protocol of its own, not web or
 *               TLS, of which browsers open many
 * History, carbons and echoes are not counted. Files are not messages.
 *
 * Cannot know: whether a sign-in succeeded (a program that reconnects every few seconds guesses nothing; it
 * is told of all the same); what is inside TLS; connections whose SYN was never answered belong to no
 * service, so a SYN flood is the firewall's to see. A bot of the institution's own that announces to many
 * belongs on the policy's list or under a higher threshold.
 */
#include "threat/aid.h"
#include <stdlib.h>

enum { SENDING, RECEIVING, GUESSING, SPRAYING, MALFORMED, CONNECTING };
enum {
    SENT,
    RECEIVED,
    MESSAGES_S,
    LOGINS,
    ACCOUNTS_TRIED,
    LOGINS_S,
    BROKEN,
    BROKEN_S,
    CONNECTIONS,
    CONNECTIONS_S,
    THRESHOLDS
};

static const struct threshold thresholds[] = {
    /* Fast typists send 30 lines a minute; IRC servers let one line in two seconds pass. */
    [SENT] = { "sent", 100, 5, 1000000, "messages", "of one sender within `messages_window`" },
    [RECEIVED] = { "received", 200, 5, 1000000, "messages", "to one receiver within it" },
    [MESSAGES_S] = { "messages_window", 60, 1, 3600, "seconds", "for the two above" },
    /* A program that lost its connection tries a few times a minute, then slows down. */
    [LOGINS] = { "logins", 20, 3, 100000, "sign-ins", "of one account from one machine" },
    [ACCOUNTS_TRIED] = { "accounts", 20, 3, 24, "accounts", "signed in to from one machine outside" },
    [LOGINS_S] = { "logins_window", 300, 1, 86400, "seconds", "for the two above" },
    /* A version that a parser does not know breaks a rule now and then. */
    [BROKEN] = { "malformed", 20, 1, 100000, "messages", "that break their protocol, from one machine" },
    [BROKEN_S] = { "malformed_window", 60, 1, 3600, "seconds", "for that" },
    [CONNECTIONS] = { "connections", 200, 5, 1000000, "connections", "of one machine to one server" },
    [CONNECTIONS_S] = { "connections_window", 60, 1, 3600, "seconds", "for that" },
};

extern const struct detector detector_flood;

enum { RATES = 1 << 15, SPRAYERS = 1 << 11, TRIED = 24 };
static const uint64_t second_us = 1000000;

struct sprayer {
    struct {
        uint64_t account, at_us;
    } tried[TRIED];
};

struct flood {
    uint64_t value[DETECTOR_THRESHOLDS];
    struct threat_world world;
    struct recall rates, sprayers;
};

static void stop(void *state)
{
    struct flood *f = state;

    recall_fini(&f->rates);
    recall_fini(&f->sprayers);
    free(f);
}

static void *start(const struct detector_settings *settings, const struct threat_world *world,
                   struct imw_error_info *err)
{
    struct flood *f = calloc(1, sizeof *f);

    if (f == NULL) {
        (void)error_set(err, IMW_ERROR_MEMORY, "no memory for the detector of floods");
        return NULL;
    }
    memcpy(f->value, settings->value, sizeof f->value);
    f->world = *world;
    if (!recall_init(&f->rates, RATES, sizeof(struct rate), err) ||
        !recall_init(&f->sprayers, SPRAYERS, sizeof(struct sprayer), err)) {
        stop(f);
        return NULL;
    }
    return f;
}

/* Count one of a kind for whoever `key` is. True: there were `limit` or more within the span. */
static bool exceeds(struct flood *f, const struct scene *s, unsigned kind, uint64_t key, unsigned limit,
                    unsigned span, uint32_t *out_count)
{
    struct rate *r = recall_get(&f->rates, key ^ (kind + 1) * 0x9e3779b97f4a7c15u, s->time_us);

    *out_count = rate_add(r, s->time_us, f->value[span] * second_us, 1);
    return *out_count >= f->value[limit];
}

static void tell(struct flood *f, struct threats *t, const struct scene *s, unsigned kind, const char *who,
                 uint32_t count, unsigned span)
{
    static const struct {
        const char *title, *what, *why, *advice;
    } of[] = {
        [SENDING] = { "flood of messages from one sender", "messages sent",
                      "a program writes: a bot, a worm, or an attack on the receivers",
                      "look at the sender's machine; slow it down or block it" },
        [RECEIVING] = { "flood of messages to one receiver", "messages received",
                        "programs of IM, and their users, fail under it", "block the senders" },
        [GUESSING] = { "guessing of an IM password", "sign-ins", "passwords are tried until one fits",
                       "lock the account for a while; see whether the last sign-in succeeded" },
        [SPRAYING] = { "guessing over many IM accounts", "accounts tried",
                       "one password is tried on many accounts", "block the source at the border" },
        [MALFORMED] = { "attack with malformed IM messages", "breaches of the protocol",
                        "overlong and broken messages are how buffers of IM programs are overflown",
                        "update or replace the program that receives them; block the source" },
        [CONNECTING] = { "flood of IM connections", "connections",
                         "the server is kept busy: denial of service, or a search for accounts",
                         "limit connections by source at the server or firewall" },
    };
    struct report r;

    report_begin(&r, &detector_flood, kind, SEVERITY_MEDIUM, of[kind].title, of[kind].why, of[kind].advice);
    report_seen(&r, "%s: %u %s of %s within about %llu s", who, count, of[kind].what, service_of(s),
                (unsigned long long)f->value[span]);
    report_ends(&r, s);
    report_evidence(&r, "who", "%s", who);
    report_evidence(&r, "count", "%u", count);
    report_subject(&r, "%s", who);
    report_raise(&r, t, s);
}

/* An account as known, else the machine at this end. */
static uint64_t party(const struct scene *s, struct view account, enum flow_dir end, struct shown_text *out)
{
    const struct ip_addr *a = &s->flow->key.addr[end];

    *out = account.len > 0 ? show_text(account) : show_text(view_string(show_address(a).text));
    return account.len > 0 ? key_of(s->flow->service, account) : key_of_address(a);
}

static void on_message(void *state, struct threats *t, const struct scene *s, const struct carried_message *m)
{
    struct flood *f = state;
    struct shown_text who;
    uint32_t count;

    if (s->flow == NULL || is_history(s, m))
        return;
    /* A message between two of ours is seen twice, going out and coming in: counted apart. */
    uint64_t key = party(s, m->from, m->outgoing ? FROM_CLIENT : FROM_SERVER, &who) + m->outgoing;
    /* A room's message comes to each who is in it: counted as one of them sees it. */
    if (m->room.len > 0 && !m->outgoing)
        key ^= s->flow_id * 0xd6e8feb86659fd93u;
    /* A message from a server that names no sender is many people's. */
    if ((m->from.len > 0 || m->outgoing) && exceeds(f, s, SENDING, key, SENT, MESSAGES_S, &count))
        tell(f, t, s, SENDING, who.text, count, MESSAGES_S);
    if (m->room.len > 0 || (m->outgoing && m->to.len == 0))
        return;
    key = party(s, m->to, m->outgoing ? FROM_SERVER : FROM_CLIENT, &who) + m->outgoing;
    if (exceeds(f, s, RECEIVING, key, RECEIVED, MESSAGES_S, &count))
        tell(f, t, s, RECEIVING, who.text, count, MESSAGES_S);
}

/* How many accounts did this machine sign in to within the window, this one included? */
static unsigned accounts_tried(struct flood *f, const struct scene *s, uint64_t account)
{
    const struct ip_addr *client = &s->flow->key.addr[FROM_CLIENT];
    struct sprayer *y = recall_get(&f->sprayers, key_of_address(client), s->time_us);
    uint64_t window_us = f->value[LOGINS_S] * second_us;
    unsigned place = 0, count = 1;

    for (unsigned i = 0; i < TRIED; i++) {
        if (y->tried[i].account == account)
            y->tried[i].at_us = 0;
        if (y->tried[i].at_us < y->tried[place].at_us)
            place = i;
        count += y->tried[i].at_us != 0 && s->time_us <= y->tried[i].at_us + window_us;
    }
    y->tried[place].account = account;
    y->tried[place].at_us = s->time_us;
    return count;
}

static void on_activity(void *state, struct threats *t, const struct scene *s, enum activity a,
                        const struct im_detail *d)
{
    struct flood *f = state;
    uint32_t count;

    if (a != ACTIVITY_LOGIN || d == NULL || d->account.len == 0 || s->flow == NULL)
        return;
    const struct ip_addr *client = &s->flow->key.addr[FROM_CLIENT];
    uint64_t account = key_of(s->flow->service, d->account);
    struct shown_text who = show_text(d->account);
    if (exceeds(f, s, GUESSING, account ^ key_of_address(client), LOGINS, LOGINS_S, &count))
        tell(f, t, s, GUESSING, who.text, count, LOGINS_S);
    if (is_ours(&f->world, client) || !is_ours(&f->world, &s->flow->key.addr[FROM_SERVER]))
        return;
    unsigned tried = accounts_tried(f, s, account);
    if (tried >= f->value[ACCOUNTS_TRIED])
        tell(f, t, s, SPRAYING, show_address(client).text, tried, LOGINS_S);
}

static void on_anomaly(void *state, struct threats *t, const struct scene *s, enum anomaly a,
                       struct view value)
{
    struct flood *f = state;
    uint32_t count;

    (void)value;
    if (s->flow == NULL || (a != ANOMALY_MALFORMED && a != ANOMALY_OVERLONG))
        return;
    const struct ip_addr *client = &s->flow->key.addr[FROM_CLIENT];
    if (exceeds(f, s, MALFORMED, key_of_address(client), BROKEN, BROKEN_S, &count))
        tell(f, t, s, MALFORMED, show_address(client).text, count, BROKEN_S);
}

static void on_flow(void *state, struct threats *t, const struct scene *s)
{
    const struct flow *flow = s->flow;
    struct flood *f = state;
    uint32_t count;

    if (flow->key.l4 != L4_TCP || flow->service == 0 || flow->protocol == PROTOCOL_UNKNOWN ||
        flow->app != flow->protocol || flow->delivery == DELIVERY_PEER)
        return;
    uint64_t key =
        key_of_address(&flow->key.addr[FROM_CLIENT]) * 3 + key_of_address(&flow->key.addr[FROM_SERVER]);
    if (exceeds(f, s, CONNECTING, key + flow->key.port[FROM_SERVER], CONNECTIONS, CONNECTIONS_S, &count))
        tell(f, t, s, CONNECTING, show_address(&flow->key.addr[FROM_CLIENT]).text, count, CONNECTIONS_S);
}

const struct detector detector_flood = {
    .name = "flood",
    .id = 5200,
    .help = "floods of messages, sign-ins, malformed messages and connections",
    .thresholds = thresholds,
    .threshold_count = THRESHOLDS,
    .start = start,
    .stop = stop,
    .on_message = on_message,
    .on_activity = on_activity,
    .on_anomaly = on_anomaly,
    .on_flow = on_flow,
};
