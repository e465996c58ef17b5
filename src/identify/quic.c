/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIC on UDP: version 1 (RFC 9000) and 2 (RFC 9369), drafts 22 to 34, mvfst of Meta, and Google QUIC.
 *
 * A client opens with Initial packets, in datagrams of 1,200 octets at least, which hold its TLS ClientHello
 * in CRYPTO frames. They are encrypted with keys that anyone can compute from the connection id in their
 * header (quic_initial.c), so the name of the server is as readable as in TLS. The frames may come in any
 * order, cut as the client likes (Chrome shuffles them on purpose), over several packets and datagrams, mixed
 * with PADDING, PING and ACK. After a Retry of the server the client begins again, with the server's id and
 * hence other keys.
 *
 * Header, packet types: quic_initial.c. Version negotiation: version 0, then the server's versions, four
 * octets each, to the end of the datagram (RFC 9000 section 17.2.1). Google QUIC in clear: quic_google.c.
 *
 * The probe says yes to an Initial of a known version, sound in every length, in a datagram of full size; to
 * a second long header that repeats version and ids of an earlier one; to a version negotiation with a
 * version that is known. A version that is not known stays a perhaps. Keys are made in feed, once a
 * connection.
 *
 * Settled: when the ClientHello is read; when packets cannot be opened (the beginning was not seen: later
 * Initials are guarded with keys of an id that is no longer in them); after DATAGRAMS_MOST.
 */
#include "identify/assembly.h"
#include "identify/hello.h"
#include "identify/quic_google.h"
#include "identify/quic_initial.h"

enum {
    DATAGRAM_FULL = 1200, /* RFC 9000 section 14.1 */
    CLIENT_ID_LEAST = 8,  /* of the id that a client makes up for the server, section 7.2 */
    ID_TELLING = 4,       /* an id of this length is not repeated by chance */
    HEADS_MOST = 6,       /* datagrams that a perhaps may last */
    DATAGRAMS_MOST = 24,
    FAILURES_MOST = 4, /* packets that no key opens: each costs making keys */
    HANDSHAKE_HEAD = 4,

    FRAME_PADDING = 0x00,
    FRAME_PING = 0x01,
    FRAME_ACK = 0x02,
    FRAME_ACK_ECN = 0x03,
    FRAME_CRYPTO = 0x06,
    FRAME_GOOGLE_PING = 0x07,
    FRAME_GOOGLE_CRYPTO = 0x08, /* Q050 and T050: frame types from before the RFC */

    PARAMETER_GOOGLE_AGENT =
        0x3129, /* google_user_agent_id, QUICHE quic/core/crypto/transport_parameters.cc */
};

struct quic_state {
    const struct quic_version *version; /* that the keys are for; NULL: no keys yet */
    struct quic_keys keys;
    uint8_t id_len, id[QUIC_CID_BYTES]; /* the connection id that the keys come from */
    uint8_t client;                     /* who sends what they open: 1 + enum flow_dir, 0: not known */
    uint8_t datagrams, failures;
    bool told_version;
    struct assembly crypto; /* the client's handshake bytes */
};

/* ---- recognising ---- */

/* A server's list of versions: one that is known, no one that cannot be. */
static bool is_negotiation(struct cursor list)
{
    unsigned known = 0;

    if (cursor_left(&list) == 0 || cursor_left(&list) % 4 != 0)
        return false;
    while (cursor_left(&list) > 0) {
        uint32_t number = cursor_u32(&list);
        if (!quic_version_plausible(number))
            return false;
        known += quic_version_find(number) != NULL;
    }
    return known > 0;
}

/* Do these two headers belong to one connection? */
static bool same_connection(const struct quic_invariant *a, const struct quic_invariant *b, bool same_way)
{
    if (a->number != b->number)
        return false;
    if (same_way)
        return (a->scid.len >= ID_TELLING && view_equal(a->scid, b->scid)) ||
               (a->dcid.len >= ID_TELLING && view_equal(a->dcid, b->dcid));
    return (a->dcid.len >= ID_TELLING && view_equal(a->dcid, b->scid)) ||
           (a->scid.len >= ID_TELLING && view_equal(a->scid, b->dcid));
}

/* Has an earlier datagram of the flow a long header of the same connection? */
static bool seen_before(const struct sample *s, const struct quic_invariant *head)
{
    for (unsigned i = 0; i + 1 < s->head_count; i++) {
        const struct datagram_head *h = &s->heads[i];
        struct cursor c = cursor_open(view_of(h->data, h->kept));
        struct quic_invariant earlier;
        if (quic_invariant_read(&c, &earlier) && same_connection(head, &earlier, h->from == s->from))
            return true;
    }
    return false;
}

static void say(struct finding *out, const struct quic_version *v, uint32_t number, const char *what)
{
    struct text value = TEXT(out->value);

    quic_version_name(v, number, &value);
    text_string(&value, what);
}

/* A long header of a known version. */
static enum im_answer probe_known(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->datagram);
    struct quic_packet p;

    if (!quic_packet_read(&c, &p))
        return IM_NO;
    bool client = p.head.dcid.len >= CLIENT_ID_LEAST;
    bool server = p.token.len == 0 && p.head.scid.len >= ID_TELLING;
    if (p.type == QUIC_INITIAL && s->datagram.len >= DATAGRAM_FULL && (client || server)) {
        say(out, p.version, p.head.number, " Initial");
        return IM_YES;
    }
    if (seen_before(s, &p.head)) {
        say(out, p.version, p.head.number, " headers");
        return IM_YES;
    }
    return s->head_count <= HEADS_MOST ? IM_MORE : IM_NO;
}

static enum im_answer quic_probe(const struct sample *s, struct finding *out)
{
    struct cursor c = cursor_open(s->datagram);
    struct google_packet google;
    struct quic_invariant head;

    if (google_packet_read(s->datagram, &google)) {
        struct text value = TEXT(out->value);
        google_version_name(google.number, &value);
        return IM_YES;
    }
    if (!quic_invariant_read(&c, &head))
        return IM_NO;
    if (head.number == 0) {
        struct text value = TEXT(out->value);
        text_string(&value, "QUIC version negotiation");
        return is_negotiation(c) ? IM_YES : IM_NO;
    }
    if (quic_version_find(head.number) != NULL)
        return probe_known(s, out);
    bool could =
        s->datagram.len >= DATAGRAM_FULL && head.dcid.len >= CLIENT_ID_LEAST && s->head_count <= HEADS_MOST;
    return could ? IM_MORE : IM_NO;
}

static bool quic_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return (first & 0x80) != 0 || (first & 0xcb) == 0x09; /* long header; Google: version and connection id */
}

/* ---- following ---- */

/* Pass over an ACK frame behind its type (RFC 9000 section 19.3). */
static void skip_ack(struct cursor *c, bool ecn)
{
    (void)quic_varint(c); /* largest */
    (void)quic_varint(c); /* delay */
    uint64_t ranges = quic_varint(c);
    (void)quic_varint(c); /* first range */
    for (; ranges > 0 && !c->bad; ranges--) {
        (void)quic_varint(c);
        (void)quic_varint(c);
    }
    for (unsigned i = 0; ecn && i < 3; i++)
        (void)quic_varint(c);
}

/* Collect the CRYPTO frames of an opened packet. */
static void read_frames(struct quic_state *q, struct view plain)
{
    uint8_t crypto = q->version->google_frames ? FRAME_GOOGLE_CRYPTO : FRAME_CRYPTO;
    struct cursor c = cursor_open(plain);

    while (cursor_left(&c) > 0) {
        uint8_t type = cursor_u8(&c);
        if (type == FRAME_PADDING) {
            cursor_skip_run(&c, FRAME_PADDING);
            continue;
        }
        if (type == (q->version->google_frames ? FRAME_GOOGLE_PING : FRAME_PING))
            continue;
        if (type == crypto) {
            uint64_t offset = quic_varint(&c);
            uint64_t len = quic_varint(&c);
            struct view piece = cursor_take(&c, len < SIZE_MAX ? (size_t)len : SIZE_MAX);
            if (!c.bad)
                (void)assembly_add(&q->crypto, offset, piece);
        } else if ((type == FRAME_ACK || type == FRAME_ACK_ECN) && !q->version->google_frames) {
            skip_ack(&c, type == FRAME_ACK_ECN);
        } else {
            return; /* CONNECTION_CLOSE, or what an Initial must not hold */
        }
    }
}

/* The user agent that Chrome sends along with its transport parameters (RFC 9000 section 18). */
static void tell_agent(struct session *s, struct view parameters)
{
    struct cursor c = cursor_open(parameters);

    while (cursor_left(&c) > 0) {
        uint64_t id = quic_varint(&c);
        uint64_t len = quic_varint(&c);
        struct view value = cursor_take(&c, len < SIZE_MAX ? (size_t)len : SIZE_MAX);
        if (!c.bad && id == PARAMETER_GOOGLE_AGENT && value.len > 0)
            session_client(s, value);
    }
}

static void tell_google(struct session *s, const struct google_hello *h)
{
    if (h->name.len > 0)
        (void)session_name(s, EVIDENCE_QUIC_SNI, h->name);
    else
        session_hint(s, HINT_NO_SNI, view_of(NULL, 0));
    if (h->agent.len > 0)
        session_client(s, h->agent);
}

/* Read the client's first message as far as it is there. True: done with it, for better or worse. */
static bool read_crypto(struct quic_state *q, struct session *s)
{
    struct view front = assembly_front(&q->crypto);
    struct cursor c = cursor_open(front);
    struct client_hello h;
    struct google_hello google;

    if (google_hello_read(front, &google)) {
        if (google.complete)
            tell_google(s, &google);
        return google.complete;
    }
    uint8_t type = cursor_u8(&c);
    uint32_t len = cursor_u24(&c);
    if (c.bad)
        return false;
    if (view_starts(front, VIEW("CHLO")))
        return front.len == ASSEMBLY_BYTES;
    if (type != HELLO_CLIENT || len > ASSEMBLY_BYTES - HANDSHAKE_HEAD) {
        session_trace(s, "handshake message %u of %u octets", type, len);
        return true;
    }
    if (cursor_left(&c) < len)
        return false;
    if (!client_hello_read(cursor_take(&c, len), HELLO_QUIC, &h))
        return true;
    tell_agent(s, h.transport);
    (void)client_hello_tell(&h, s, EVIDENCE_QUIC_SNI);
    return true;
}

/* Open with the keys there are; failing that, with those of this packet's own id. */
static bool open_packet(struct quic_state *q, const struct quic_packet *p, uint8_t buffer[QUIC_PLAIN_BYTES],
                        struct view *plain)
{
    struct quic_keys keys;

    if (q->version == p->version && quic_packet_open(&q->keys, p, buffer, plain))
        return true;
    if (q->version == p->version && view_equal(view_of(q->id, q->id_len), p->head.dcid))
        return false;
    quic_keys_derive(p->version, p->head.dcid, false, &keys);
    if (!quic_packet_open(&keys, p, buffer, plain))
        return false;
    q->version = p->version;
    q->keys = keys;
    q->id_len = (uint8_t)p->head.dcid.len;
    for (size_t i = 0; i < p->head.dcid.len; i++)
        q->id[i] = p->head.dcid.at[i];
    assembly_clear(&q->crypto); /* after a Retry all is sent again */
    return true;
}

static void tell_version(struct quic_state *q, struct session *s, const struct quic_version *v,
                         uint32_t number)
{
    char name[32];
    struct text t = TEXT(name);

    if (q->told_version)
        return;
    q->told_version = true;
    quic_version_name(v, number, &t);
    session_version(s, view_of(name, t.len));
}

/* An Initial packet. True: all is known. */
static bool read_initial(struct quic_state *q, struct session *s, enum flow_dir from,
                         const struct quic_packet *p)
{
    uint8_t buffer[QUIC_PLAIN_BYTES];
    struct view plain;

    if (q->client != 0 && q->client != 1 + (unsigned)from)
        return false; /* the server's */
    if (!open_packet(q, p, buffer, &plain))
        return ++q->failures >= FAILURES_MOST;
    q->client = (uint8_t)(1 + (unsigned)from);
    read_frames(q, plain);
    return read_crypto(q, s);
}

/* Google QUIC in clear. True: its hello is read. */
static bool read_google(struct quic_state *q, struct session *s, const struct google_packet *p)
{
    struct google_hello h;
    char name[16];
    struct text t = TEXT(name);

    google_version_name(p->number, &t);
    if (!q->told_version)
        session_version(s, view_of(name, t.len));
    q->told_version = true;
    if (!google_hello_find(p->content, &h))
        return false;
    tell_google(s, &h);
    return true;
}

static size_t quic_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct quic_state *q = state;
    struct cursor c = cursor_open(in);
    struct google_packet google;
    struct quic_packet p;
    bool done = false;

    if (google_packet_read(in, &google))
        done = read_google(q, s, &google);
    while (!done && cursor_left(&c) > 0 && quic_packet_read(&c, &p)) { /* packets may share a datagram */
        tell_version(q, s, p.version, p.head.number);
        if (p.type == QUIC_INITIAL)
            done = read_initial(q, s, from, &p);
    }
    if (done || ++q->datagrams >= DATAGRAMS_MOST)
        session_settle(s);
    return in.len;
}

extern const struct parser parser_quic;
const struct parser parser_quic = {
    .protocol = PROTOCOL_QUIC,
    .on = PARSER_UDP,
    .starts = quic_starts,
    .probe = quic_probe,
    .state_size = sizeof(struct quic_state),
    .feed = quic_feed,
};
