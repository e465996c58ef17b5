/* SPDX-License-Identifier: Apache-2.0 */
/* Weighing evidence; see decide.h for the rules. */
#include "identify/decide.h"
#include "base/hash.h"

enum {
    SHAPE_FILE_BYTES = 256 << 10, /* so much in one direction of a chat flow is a file, not talk */
    SHAPE_CALL_PACKETS = 100,     /* a call sends at least so many, */
    SHAPE_CALL_PER_SECOND = 12,   /* at such a rate */
    CALL_SEED = 5,
    CALL_FRAGMENTS_MIN = 9, /* two of four octets or more, with a colon (RFC 8445 section 5.3) */
};

/* ---- records ---- */

/* The place for new evidence: that of the same kind for the same service, a free one, or the weakest's. */
static unsigned record_place(struct record *r, uint16_t service, enum evidence_kind kind)
{
    unsigned weakest = 0;

    for (unsigned i = 0; i < r->evidence_count; i++)
        if (r->evidence[i].service == service && r->evidence[i].kind == kind)
            return i;
    if (r->evidence_count < RECORD_EVIDENCE) {
        r->evidence[r->evidence_count].confidence = 0;
        return r->evidence_count++;
    }
    for (unsigned i = 1; i < RECORD_EVIDENCE; i++)
        if (r->evidence[i].confidence < r->evidence[weakest].confidence)
            weakest = i;
    return weakest;
}

void record_add(struct record *r, uint16_t service, enum evidence_kind kind, unsigned confidence,
                struct view value)
{
    unsigned at = record_place(r, service, kind);

    if (confidence <= r->evidence[at].confidence)
        return; /* more of the same adds nothing */
    struct text t = TEXT(r->evidence[at].value);
    r->evidence[at].service = service;
    r->evidence[at].kind = (uint8_t)kind;
    r->evidence[at].confidence = (uint8_t)(confidence < 100 ? confidence : 100);
    text_printable(&t, value);
}

void record_note(struct record *r, const struct finding_notes *notes)
{
    memcpy(r->server_name, notes->server_name, sizeof r->server_name);
    memcpy(r->version, notes->version, sizeof r->version);
    memcpy(r->client, notes->client, sizeof r->client);
    memcpy(r->ja4, notes->ja4, sizeof r->ja4);
    memcpy(r->hint_value, notes->hint_value, sizeof r->hint_value);
    r->hints |= notes->hints;
    r->upgraded = notes->upgraded;
}

/* ---- deciding ---- */

void decide(struct flow *f, const struct record *r)
{
    for (unsigned i = 0; i < r->evidence_count; i++) {
        if (r->evidence[i].confidence < DECIDE_ALONE || r->evidence[i].confidence <= f->confidence)
            continue;
        f->service = r->evidence[i].service;
        f->confidence = r->evidence[i].confidence;
    }
}

uint8_t role_activities(enum server_role role)
{
    static const uint8_t activities[SERVER_ROLE_COUNT] = {
        [ROLE_LOGIN] = 1 << ACTIVITY_LOGIN,
        [ROLE_CHAT] = 1 << ACTIVITY_CHAT,
        [ROLE_MEDIA] = 1 << ACTIVITY_FILE,
        [ROLE_CALL] = 1 << ACTIVITY_CALL,
    };
    return activities[role];
}

void flow_role(struct flow *f, enum server_role role)
{
    if (f->role == ROLE_ANY)
        f->role = (uint8_t)role;
    f->activities |= role_activities(role);
}

static void set(struct known_evidence *out, uint16_t service, enum evidence_kind kind, unsigned confidence,
                struct view value)
{
    struct text t = TEXT(out->value);

    text_printable(&t, value);
    out->service = service;
    out->kind = kind;
    out->confidence = confidence != 0 ? confidence : evidence_worth(kind);
}

bool decide_by_expectation(const struct decision_context *context, struct flow *f, struct known_evidence *out)
{
    struct known_leg leg;

    if (!knowledge_expected(context->knowledge, &f->key, context->now_us, &leg))
        return false;
    if (!leg.server && !leg.relay && f->delivery == DELIVERY_UNKNOWN)
        f->delivery = DELIVERY_PEER;
    if (!leg.server) /* what is done at a server it tells itself */
        f->activities |= (uint8_t)(1 << leg.activity);
    if (f->protocol == PROTOCOL_UNKNOWN)
        f->protocol = leg.protocol;
    char value[RECORD_VALUE_BYTES];
    struct text t = TEXT(value);
    text_format(&t, "%s announced by signalling",
                leg.server ? "server" : activity_name((enum activity)leg.activity));
    set(out, leg.service, EVIDENCE_EXPECTED, leg.confidence, view_string(value));
    return true;
}

bool flow_is_silent(const struct flow *f)
{
    switch (f->app) {
    case PROTOCOL_UNKNOWN:
    case PROTOCOL_TLS:
    case PROTOCOL_DTLS:
    case PROTOCOL_QUIC:
    case PROTOCOL_STUN:
    case PROTOCOL_RTP: return !f->named;
    default: return false;
    }
}

static bool by_one_address(const struct decision_context *context, struct flow *f, enum flow_dir end,
                           struct known_evidence *out)
{
    const struct ip_addr *addr = &f->key.addr[end];
    struct known_address known;
    struct catalog_hit hit;

    /* What is trusted since its address was learnt is no evidence any more. */
    if (knowledge_address(context->knowledge, addr, context->now_us, &known) && known.service != 0 &&
        !catalog_trusts_address(context->catalog, addr, known.service) &&
        !catalog_trusts_name(context->catalog, view_string(known.name), known.service)) {
        set(out, known.service, EVIDENCE_DNS_ADDRESS, 0, view_string(known.name));
        flow_role(f, (enum server_role)known.role);
        return true;
    }
    if (!catalog_match_address(context->catalog, addr, f->key.l4, f->key.port[end], &hit))
        return false;
    bool call = hit.role == ROLE_CALL && (f->activities & 1 << ACTIVITY_CALL) != 0;
    if (hit.strength == STRENGTH_PROOF)
        set(out, hit.service, EVIDENCE_RANGE, 0, hit.entry);
    else if (call)
        set(out, hit.service, EVIDENCE_SHARED_RANGE, 0, hit.entry);
    else
        return false;
    flow_role(f, hit.role);
    return true;
}

bool decide_by_address(const struct decision_context *context, struct flow *f, struct known_evidence *out)
{
    if (!flow_is_silent(f))
        return false;
    if (by_one_address(context, f, FROM_SERVER, out))
        return true;
    /* Who opened a UDP or half-seen flow is a guess. */
    bool sure = f->key.l4 == L4_TCP && (f->flags & FLOW_MIDSTREAM) == 0;
    return !sure && by_one_address(context, f, FROM_CLIENT, out);
}

void decide_by_payload_ends(const struct decision_context *context, const struct flow *f,
                            const struct record *r)
{
    if (r == NULL || f->service == 0)
        return;
    for (unsigned i = 0; i < r->evidence_count; i++) {
        bool spoken = r->evidence[i].kind == EVIDENCE_PAYLOAD || r->evidence[i].kind == EVIDENCE_STUN;
        if (!spoken || r->evidence[i].service != f->service || r->evidence[i].confidence < DECIDE_ALONE)
            continue;
        /* A UDP socket belongs to one program. A STUN relay serves many, a server of the protocol one
         * service. */
        if (f->key.l4 == L4_UDP)
            knowledge_prove_end(context->knowledge, L4_UDP, &f->key.addr[FROM_CLIENT],
                                f->key.port[FROM_CLIENT], f->service, f->protocol, context->now_us);
        if (r->evidence[i].kind == EVIDENCE_PAYLOAD)
            knowledge_prove_end(context->knowledge, f->key.l4, &f->key.addr[FROM_SERVER],
                                f->key.port[FROM_SERVER], f->service, f->protocol, context->now_us);
        /* A server of calls is asked over TCP too, should UDP fail. What a peer says else is its own affair.
         */
        if (f->key.l4 == L4_UDP && r->evidence[i].kind == EVIDENCE_PAYLOAD && f->delivery != DELIVERY_PEER)
            knowledge_prove_pair(context->knowledge, &f->key.addr[FROM_CLIENT], &f->key.addr[FROM_SERVER],
                                 f->service, f->protocol, context->now_us);
        return;
    }
}

/* A silent TCP flow on the service's port, beside a UDP flow of the same two machines that is proved. */
static bool decide_by_pair(const struct decision_context *context, const struct flow *f,
                           struct known_evidence *out)
{
    bool silent = !f->named && (f->app == PROTOCOL_UNKNOWN || f->app == PROTOCOL_TLS);
    struct known_leg leg;

    if (f->key.l4 != L4_TCP || !silent ||
        !knowledge_proved_pair(context->knowledge, &f->key.addr[FROM_CLIENT], &f->key.addr[FROM_SERVER],
                               context->now_us, &leg) ||
        leg.service == 0 ||
        !catalog_own_port(context->catalog, leg.service, L4_TCP, f->key.port[FROM_SERVER]))
        return false;
    set(out, leg.service, EVIDENCE_NEIGHBOUR, 0, view_string("same client and server"));
    return true;
}

bool decide_by_neighbour(const struct decision_context *context, const struct flow *f,
                         struct known_evidence *out)
{
    bool media =
        f->key.l4 == L4_UDP && (f->app == PROTOCOL_STUN || f->app == PROTOCOL_RTP || f->app == PROTOCOL_DTLS);

    if (decide_by_pair(context, f, out))
        return true;
    if (f->named || (f->app != PROTOCOL_UNKNOWN && !media))
        return false;
    for (int d = FROM_SERVER; d >= FROM_CLIENT; d--) {
        struct known_leg leg;
        if (f->key.l4 == L4_TCP && d == FROM_CLIENT)
            break;
        if (!knowledge_proved_end(context->knowledge, f->key.l4, &f->key.addr[d], f->key.port[d],
                                  context->now_us, &leg) ||
            leg.service == 0)
            continue;
        set(out, leg.service, EVIDENCE_NEIGHBOUR, 0,
            view_string(d == FROM_SERVER ? "same server and port" : "same client socket"));
        return true;
    }
    return false;
}

uint64_t call_digest(struct view fragments)
{
    struct view rest = fragments, first = view_token(&rest, ':');
    uint64_t sum = hash_bytes(first, CALL_SEED) + hash_bytes(rest, CALL_SEED);

    return fragments.len < CALL_FRAGMENTS_MIN ? 0 : sum != 0 ? sum : 1;
}

bool decide_by_call(const struct decision_context *context, uint64_t call, struct known_evidence *out)
{
    struct known_leg leg;

    if (call == 0 || !knowledge_proved_call(context->knowledge, call, context->now_us, &leg) ||
        leg.service == 0)
        return false;
    set(out, leg.service, EVIDENCE_NEIGHBOUR, 0, view_string("same ICE credentials"));
    return true;
}

/* ---- the rest ---- */

static bool shaped_like_call(const struct flow *f, uint64_t last_us)
{
    uint64_t seconds = last_us > f->first_us ? (last_us - f->first_us) / 1000000 + 1 : 1;
    uint64_t packets = (uint64_t)f->packets[0] + f->packets[1];

    return f->key.l4 == L4_UDP && f->app != PROTOCOL_QUIC && f->app != PROTOCOL_DNS &&
           packets >= SHAPE_CALL_PACKETS && packets / seconds >= SHAPE_CALL_PER_SECOND;
}

void decide_rest(struct flow *f, const struct record *r, uint64_t last_us)
{
    const uint8_t told =
        (1 << ACTIVITY_CHAT) | (1 << ACTIVITY_FILE) | (1 << ACTIVITY_CALL) | (1 << ACTIVITY_LOOKUP);
    bool by_message = r != NULL && r->messages + r->files + r->calls > 0;
    bool data = f->payload[0] > 0 && f->payload[1] > 0;

    if (!by_message && shaped_like_call(f, last_us))
        f->activities |= 1 << ACTIVITY_CALL;
    if (!by_message && f->app != PROTOCOL_DNS && f->role != ROLE_WEB && f->role != ROLE_CALL &&
        f->key.l4 == L4_TCP && (f->payload[0] >= SHAPE_FILE_BYTES || f->payload[1] >= SHAPE_FILE_BYTES))
        f->activities |= 1 << ACTIVITY_FILE;
    if (data && f->role == ROLE_ANY && f->key.l4 == L4_TCP && (f->activities & told) == 0 && !by_message &&
        f->protocol == PROTOCOL_UNKNOWN)
        f->activities |= 1 << ACTIVITY_CHAT;
    if (f->delivery == DELIVERY_UNKNOWN && f->app != PROTOCOL_DNS && f->role != ROLE_WEB)
        f->delivery = DELIVERY_SERVER_PROXY;
}

/* The last two labels of a host name, its port cut off; empty for an address. */
static struct view registration(struct view host)
{
    struct ip_addr ip;
    struct view rest = host, name = view_token(&rest, ':');
    size_t dots = 0, at = name.len;

    if (view_starts(host, VIEW("[")) || ip_parse(host, &ip) || ip_parse(name, &ip))
        return view_of(NULL, 0);
    while (at > 0 && (name.at[at - 1] != '.' || ++dots < 2))
        at--;
    return view_from(name, at);
}

bool name_is_fronted(const char *outer, struct view inner)
{
    struct view a = registration(view_string(outer)), b = registration(inner);

    return a.len > 0 && b.len > 0 && !view_equal_nocase(a, b);
}
