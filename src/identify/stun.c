/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STUN and TURN: how calls find their way, and so the first that is seen of a call.
 *
 * A message is type16 (two zero bits, 12 of method, two of class between them), length16 of what follows the
 * header, the cookie 21 12 a4 42, a transaction number of 12 octets, then attributes of type16, length16,
 * value and padding to four (RFC 8489 sections 5 and 14). Methods of TURN: RFC 8656 section 17. The old form
 * (RFC 3489) has 16 octets of transaction number and no cookie: it counts only with a mark of its service or
 * when the answer repeats the number. Microsoft's form ([MS-TURN] 2.2.2) does not pad.
 *
 * Over UDP one datagram is one message; the flow is shared with DTLS (first octet 20 to 63), TURN channels
 * (64 to 79) and RTP (128 to 191): RFC 7983 section 7. Microsoft puts ff 10 length16 session[8] in front
 * where many share a server's port ([MS-TURN], multiplexed TURN over UDP). Over TCP messages follow each
 * other, channel data padded to four (RFC 8656 section 12.5), or stand behind a length of 16 bits (RFC 4571),
 * or behind 02 or 03, 00, length16 ([MS-TURN], TCP). After ConnectionBind a TCP stream is the peer's (RFC
 * 6062 section 4.3).
 *
 * No standard attribute names a product, but private ones and the names in REALM, SOFTWARE and ORIGIN do: the
 * tables below. One mark decides, and only a stronger one is told after it: weak marks do not add up.
 * Attributes of libwebrtc (c057 to c060) belong to every program built on it and are none.
 *
 * Peers that the client names to its TURN server, and any peer of the client's own socket (ICE checks all go
 * out of it: RFC 8445 section 7.2), are expected as direct legs once the service is known. A relay means
 * server-proxy; ICE checks from both ends mean peer (a server of ICE-lite only answers, RFC 8445 section
 * 2.5).
 *
 * Limits: 32 attributes a message, 8 peers a flow, one relayed datagram inside another; the flow settles
 * after 32 messages, 16 after the service is known, or 8 strange ones.
 */
#include "identify/stun.h"
#include "base/cursor.h"

enum {
    HEADER_BYTES = 20,
    ATTRIBUTE_LIMIT = 32,
    MESSAGE_LIMIT = 2048,  /* over TCP, of the first one */
    LAYER_LIMIT = 2,       /* a message and what it relays */
    CLASSIC_ASK_LIMIT = 4, /* datagrams until an answer must have come */
    SEEN_LIMIT = 32,
    SEEN_KNOWN_LIMIT = 16,
    STRANGE_LIMIT = 8,
    MULTIPLEX = 0xff10,
    MULTIPLEX_ID_BYTES = 8,
    CHANNEL_FIRST = 0x40,
    CHANNEL_LAST = 0x4f,
    DTLS_FIRST = 20,
    DTLS_LAST = 63,
    LARGEST_FRAME = PARSER_MESSAGE_BYTES - 4,
};

enum method { /* IANA "STUN Methods"; numbers of TURN drafts that Microsoft uses lie among them */
              METHOD_BINDING = 1,
              METHOD_ALLOCATE = 3,
              METHOD_REFRESH = 4,
              METHOD_SEND = 6,
              METHOD_DATA = 7,
              METHOD_CREATE_PERMISSION = 8,
              METHOD_CHANNEL_BIND = 9,
              METHOD_CONNECT = 10,
              METHOD_CONNECTION_BIND = 11,
              METHOD_LAST = 12,
              METHOD_GOOGLE_PING = 0x80,
};

enum class { CLASS_REQUEST, CLASS_INDICATION, CLASS_SUCCESS, CLASS_ERROR };

enum attribute_type { /* IANA "STUN Attributes" */
                      ATTR_USERNAME = 0x0006,
                      ATTR_INTEGRITY = 0x0008,
                      ATTR_MS_COOKIE = 0x000f,
                      ATTR_XOR_PEER = 0x0012,
                      ATTR_DATA = 0x0013,
                      ATTR_REALM = 0x0014,
                      ATTR_XOR_RELAYED = 0x0016,
                      ATTR_XOR_MAPPED = 0x0020,
                      ATTR_ALTERNATE_DOMAIN = 0x8003,
                      ATTR_SOFTWARE = 0x8022,
                      ATTR_ORIGIN = 0x802f,
};

enum framing { FRAMING_UNKNOWN, FRAMING_NONE, FRAMING_LENGTH, FRAMING_MICROSOFT };

static const struct view cookie = { (const uint8_t *)"\x21\x12\xa4\x42", 4 };

/* ---- marks ---- */

struct mark {
    uint16_t first, last; /* attribute types */
    uint8_t len;          /* of the value, 0: any */
    uint32_t most;        /* largest value as a number, of those four octets long; 0: any */
    const char *service;
    uint8_t confidence;
    bool classic; /* proves the old form too */
};

/*
 * Private attributes. Sources: [nDPI] ntop/nDPI, src/lib/protocols/stun.c at 3b1286a; [MS-TURN] section 2.2.2
 * and [MS-ICE2] (learn.microsoft.com/openspecs). WhatsApp's relays carry Messenger's calls as well,
 * Microsoft's attributes Teams', Skype's and Lync's: the likeliest is named, with less confidence.
 */
static const struct mark marks[] = {
    { 0x4000, 0x4004, 0, 0, "whatsapp", 90, false },    /* nDPI */
    { 0x4007, 0x4007, 0, 0, "whatsapp", 90, false },    /* nDPI */
    { 0x0101, 0x0101, 0, 0, "zoom", 90, true },         /* nDPI */
    { 0x0103, 0x0103, 0, 0, "zoom", 90, true },         /* nDPI */
    { 0xff03, 0xff03, 0, 0, "google-meet", 70, false }, /* nDPI: Google's */
    { 0x8008, 0x8008, 4, 6, "teams", 75, false },       /* MS-TURN 2.2.2.17, MS-Version */
    { 0x8055, 0x8055, 4, 0x4ffff, "teams", 75, false }, /* MS-TURN 2.2.2.22, MS-Service Quality: type to 4 */
    { 0x8095, 0x8095, 0, 0, "teams", 75, false },       /* MS-TURN 2.2.2, Multiplexed TURN Session ID; nDPI */
    { 0x8054, 0x8054, 4, 0, "teams", 75, false },       /* MS-ICE2, Candidate Identifier; nDPI */
    { 0x8070, 0x8070, 4, 255, "teams", 75, false },     /* MS-ICE2, Implementation Version; nDPI */
    { 0x8006, 0x8006, 0, 0, "teams", 70, false },       /* nDPI */
    { 0x8036, 0x8036, 0, 0, "teams", 70, false },       /* nDPI */
    { 0x24df, 0x24df, 0, 0, "teams", 70, false },       /* nDPI */
    { 0x3802, 0x3802, 0, 0, "teams", 70, false },       /* nDPI */
};

/* Message types that are no method of the registry. */
static const struct mark type_marks[] = {
    { 0x0800, 0x0802, 0, 0, "whatsapp", 90, false }, /* nDPI */
};

/* Domains in REALM, SOFTWARE, ORIGIN and ALTERNATE-DOMAIN: the vendors' own. nDPI looks for Signal's,
 * Telegram's, Viber's, Google's and Facebook's in REALM. */
static const struct {
    const char *domain, *service;
    uint8_t confidence;
} name_marks[] = {
    { "signal.org", "signal", 95 },
    { "whispersystems.org", "signal", 95 },
    { "telegram.org", "telegram", 95 },
    { "viber.com", "viber", 95 },
    { "meet.google.com", "google-meet", 95 },
    { "google.com", "google-meet", 70 }, /* turn.l.google.com: Meet, Chat, Voice and Duo share it */
    { "facebook.com", "messenger", 70 }, /* Instagram's calls as well */
    { "messenger.com", "messenger", 95 },
    { "fbsbx.com", "messenger", 70 },
    { "whatsapp.net", "whatsapp", 95 },
    { "whatsapp.com", "whatsapp", 95 },
    { "discord.media", "discord", 95 },
    { "discord.gg", "discord", 95 },
    { "discord.com", "discord", 95 },
    { "zoom.us", "zoom", 95 },
    { "webex.com", "webex", 95 },
    { "wbx2.com", "webex", 95 },
    { "ciscospark.com", "webex", 95 },
    { "jitsi.net", "jitsi", 95 },
    { "jit.si", "jitsi", 95 },
    { "teams.microsoft.com", "teams", 95 },
    { "skype.com", "skype", 80 }, /* names of Skype live on in Teams */
    { "slack.com", "slack", 95 },
    { "wire.com", "wire", 95 },
    { "matrix.org", "matrix", 95 },
    { "element.io", "matrix", 95 },
    { "threema.ch", "threema", 95 },
    { "line.me", "line", 95 },
    { "line-apps.com", "line", 95 },
    { "kakao.com", "kakaotalk", 80 },
    { "snapchat.com", "snapchat", 95 },
    { "imo.im", "imo", 95 },
    { "weixin.qq.com", "wechat", 95 },
    { "wechat.com", "wechat", 95 },
    { "vk.com", "vk", 80 },
    { "tango.me", "tango", 95 },
    { "gotomeeting.com", "goto", 95 },
};

/* ---- messages ---- */

struct stun_message {
    uint16_t type;
    bool modern; /* has the cookie */
    bool padded;
    struct view key; /* cookie and transaction number: 16 octets */
    struct view attributes;
};

struct attribute {
    uint16_t type;
    struct view value;
};

/* RFC 8489 section 5, figure 3. */
static enum method method_of(uint16_t type)
{
    return (enum method)((type & 0x000f) | (type & 0x00e0) >> 1 | (type & 0x3e00) >> 2);
}

static enum class class_of(uint16_t type) { return (enum class)((type >> 4 & 1) | (type >> 7 & 2)); }

static const struct mark *mark_of_type(uint16_t type)
{
    for (size_t i = 0; i < sizeof type_marks / sizeof type_marks[0]; i++)
        if (type >= type_marks[i].first && type <= type_marks[i].last)
            return &type_marks[i];
    return NULL;
}

static bool type_is_known(uint16_t type)
{
    enum method m = method_of(type);

    return (type & 0xc000) == 0 && ((m >= METHOD_BINDING && m <= METHOD_LAST) || m == METHOD_GOOGLE_PING ||
                                    mark_of_type(type) != NULL);
}

/* The next attribute. False: no more, or what is left is none (c->bad). */
static bool next_attribute(struct cursor *c, bool padded, struct attribute *out)
{
    if (cursor_left(c) == 0)
        return false;
    out->type = cursor_u16(c);
    size_t len = cursor_u16(c);
    out->value = cursor_take(c, len);
    size_t padding = padded ? (4 - len % 4) % 4 : 0;
    cursor_skip(c, padding < cursor_left(c) ? padding : cursor_left(c)); /* the last one's may be missing */
    return !c->bad;
}

static bool attributes_fit(struct view attributes, bool padded)
{
    struct cursor c = cursor_open(attributes);
    struct attribute a;
    unsigned count = 0;

    while (next_attribute(&c, padded, &a))
        if (++count > ATTRIBUTE_LIMIT)
            return false;
    return cursor_done(&c);
}

/* A message that fills `v`. */
static bool read_message(struct view v, struct stun_message *out)
{
    struct cursor c = cursor_open(v);

    out->type = cursor_u16(&c);
    size_t len = cursor_u16(&c);
    out->key = cursor_take(&c, 16);
    out->attributes = cursor_take(&c, len);
    out->modern = view_starts(out->key, cookie);
    if (!cursor_done(&c) || !type_is_known(out->type))
        return false;
    out->padded = attributes_fit(out->attributes, true);
    return out->padded || attributes_fit(out->attributes, false);
}

static const struct mark *mark_of_attribute(const struct attribute *a)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const struct mark *m = &marks[i];
        struct cursor c = cursor_open(a->value);
        if (a->type >= m->first && a->type <= m->last && (m->len == 0 || m->len == a->value.len) &&
            (m->most == 0 || cursor_u32(&c) <= m->most))
            return m;
    }
    return NULL;
}

/* Has an old-style message a mark that proves it? */
static bool has_classic_mark(const struct stun_message *m)
{
    struct cursor c = cursor_open(m->attributes);
    struct attribute a;

    while (next_attribute(&c, m->padded, &a)) {
        const struct mark *mark = mark_of_attribute(&a);
        if (mark != NULL && mark->classic)
            return true;
    }
    return false;
}

/* What is behind Microsoft's multiplexing header, or all of `v`. */
static struct view without_multiplex(struct view v)
{
    struct cursor c = cursor_open(v);
    uint16_t type = cursor_u16(&c), len = cursor_u16(&c);

    if (type != MULTIPLEX || c.bad || len != cursor_left(&c))
        return v;
    cursor_skip(&c, MULTIPLEX_ID_BYTES);
    return cursor_rest(&c);
}

/* ---- probe ---- */

static bool stun_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first <= 8 || first == MULTIPLEX >> 8; /* types up to 0802; a length in front of a short message */
}

/* Does this answer repeat the transaction number of a question that went the other way? */
static bool answers_earlier(const struct sample *s, const struct stun_message *m)
{
    for (unsigned i = 0; i < s->head_count; i++) {
        const struct datagram_head *h = &s->heads[i];
        struct cursor c = cursor_open(view_of(h->data, h->kept));
        uint16_t type = cursor_u16(&c), len = cursor_u16(&c);
        struct view key = cursor_take(&c, 16);
        if (!c.bad && h->from != s->from && type_is_known(type) && len + HEADER_BYTES == h->len &&
            class_of(type) == CLASS_REQUEST && method_of(type) == method_of(m->type) &&
            view_equal(key, m->key))
            return true;
    }
    return false;
}

static enum im_answer probe_datagram(const struct sample *s)
{
    struct stun_message m;

    if (!read_message(without_multiplex(s->datagram), &m))
        return IM_NO;
    if (m.modern || has_classic_mark(&m))
        return IM_YES;
    if (class_of(m.type) >= CLASS_SUCCESS && answers_earlier(s, &m))
        return IM_YES;
    return s->head_count < CLASSIC_ASK_LIMIT ? IM_MORE : IM_NO;
}

/* Bytes in front of a message. */
static size_t framing_bytes(enum framing f)
{
    return f == FRAMING_LENGTH ? 2 : f == FRAMING_MICROSOFT ? 4 : 0;
}

/* Can a stream that begins so be messages framed in this way? */
static enum im_answer probe_framing(struct view in, enum framing f)
{
    struct cursor c = cursor_open(in);
    uint16_t kind = f == FRAMING_MICROSOFT ? cursor_u16(&c) : 0x0200;
    size_t frame = f != FRAMING_NONE ? cursor_u16(&c) : 0;
    struct view message = cursor_peek(&c);
    uint16_t type = cursor_u16(&c);
    size_t len = cursor_u16(&c) + (size_t)HEADER_BYTES;

    if (c.bad)
        return IM_MORE; /* five octets at most: the first was one of few */
    bool sane =
        kind == 0x0200 && type_is_known(type) && len <= MESSAGE_LIMIT && (f == FRAMING_NONE || frame == len);
    struct view start = cursor_peek(&c);
    if (!sane || !view_starts(cookie, view_slice(start, 0, cookie.len)))
        return IM_NO;
    if (message.len < len)
        return IM_MORE;
    struct stun_message m;
    return read_message(view_slice(message, 0, len), &m) ? IM_YES : IM_NO;
}

static enum im_answer probe_stream(const struct sample *s)
{
    enum im_answer best = IM_NO;
    struct view in = s->bytes[s->bytes[FROM_CLIENT].len > 0 ? FROM_CLIENT : FROM_SERVER];

    for (enum framing f = FRAMING_NONE; f <= FRAMING_MICROSOFT; f++) {
        enum im_answer answer = probe_framing(in, f);
        best = answer > best ? answer : best;
    }
    return in.len > 0 && in.at[0] > 8 ? IM_NO : best;
}

static enum im_answer stun_probe(const struct sample *s, struct finding *out)
{
    enum im_answer answer = s->l4 == L4_UDP ? probe_datagram(s) : probe_stream(s);
    struct text value = TEXT(out->value);

    if (answer == IM_YES)
        text_string(&value, "STUN message");
    return answer;
}

/* ---- what is learnt ---- */

static void call(struct stun *st, struct session *s)
{
    if (!st->called)
        session_activity(s, ACTIVITY_CALL, NULL);
    st->called = true;
}

/* Introduced by the server is the least that can be said; relayed or direct is more. */
static void deliver(struct stun *st, struct session *s, enum delivery d)
{
    if (st->delivery == d || (st->delivery != DELIVERY_UNKNOWN && st->delivery != DELIVERY_SERVER_BROKER))
        return;
    st->delivery = (uint8_t)d;
    session_delivery(s, d);
}

static const struct ip_addr *local_address(const struct stun *st, const struct session *s)
{
    return session_address(s, st->local == 1 + FROM_SERVER);
}

/* Announce the legs that are known by now. */
static void expect_legs(struct stun *st, struct session *s)
{
    if (st->service == NULL)
        return;
    struct expectation e = {
        .l4 = L4_UDP, .activity = ACTIVITY_CALL, .protocol = PROTOCOL_STUN, .service = st->service
    };
    for (; st->peers_told < st->peers; st->peers_told++) {
        const struct stun_peer *peer = &st->peer[st->peers_told];
        e.addr = peer->addr;
        e.port = peer->port;
        e.other = *local_address(st, s);
        session_expect(s, &e);
    }
    if (st->local == 0 || st->local_told || !session_is_udp(s))
        return;
    e.addr = *local_address(st, s);
    e.port = session_port(s, st->local == 1 + FROM_SERVER);
    e.other = (struct ip_addr){ .word = { 0, 0 } };
    session_expect(s, &e);
    st->local_told = true;
}

static void add_peer(struct stun *st, const struct ip_addr *addr, uint16_t port)
{
    for (unsigned i = 0; i < st->peers; i++)
        if (st->peer[i].port == port && ip_equal(&st->peer[i].addr, addr))
            return;
    if (st->peers < STUN_PEERS && port > 0 && !ip_is_zero(addr))
        st->peer[st->peers++] = (struct stun_peer){ *addr, port };
}

/* A mark was found. Only a stronger one than those before is evidence. */
static void mark_found(struct stun *st, struct session *s, const char *service, uint8_t confidence,
                       struct view value)
{
    if (confidence <= st->confidence)
        return;
    st->service = service;
    st->confidence = confidence;
    session_evidence(
        s, &(struct evidence){
               .kind = EVIDENCE_STUN, .service = service, .value = value, .confidence = confidence });
}

static bool is_name_byte(uint8_t b)
{
    uint8_t lower = ascii_lower(b);

    return (lower >= 'a' && lower <= 'z') || (b >= '0' && b <= '9') || b == '-' || b == '.';
}

/* Is `name` the domain, or below it? */
static bool is_within(struct view name, struct view domain)
{
    if (name.len < domain.len || !view_equal_nocase(view_from(name, name.len - domain.len), domain))
        return false;
    return name.len == domain.len || name.at[name.len - domain.len - 1] == '.';
}

/* Look for names of vendors in a text. */
static void look_for_names(struct stun *st, struct session *s, struct view text)
{
    struct view left = text;

    while (left.len > 0) {
        size_t n = 0;
        while (n < left.len && is_name_byte(left.at[n]))
            n++;
        struct view name = view_slice(left, 0, n);
        left = view_from(left, n + 1);
        for (size_t i = 0; i < sizeof name_marks / sizeof name_marks[0]; i++) {
            if (!is_within(name, view_string(name_marks[i].domain)))
                continue;
            mark_found(st, s, name_marks[i].service, name_marks[i].confidence, text);
            break; /* the table has the narrower name first */
        }
    }
}

/* An address, XORed with the key (RFC 8489 section 14.2). */
static bool read_xor_address(struct view value, struct view key, struct ip_addr *out, uint16_t *out_port)
{
    struct cursor c = cursor_open(value), k = cursor_open(key);
    uint8_t octets[16];

    cursor_skip(&c, 1);
    uint8_t family = cursor_u8(&c);
    *out_port = cursor_u16(&c) ^ 0x2112;
    size_t len = cursor_left(&c);
    if (c.bad || !((family == 1 && len == 4) || (family == 2 && len == 16)))
        return false;
    for (size_t i = 0; i < len; i++)
        octets[i] = cursor_u8(&c) ^ cursor_u8(&k);
    *out = family == 1 ? ip_from_v4(octets) : ip_from_v6(octets);
    return true;
}

/* What the attributes of one message say together. */
struct told {
    bool user;       /* USERNAME is there */
    struct view ice; /* it, where it is of ICE: two parts and a colon (RFC 8445 section 7.2.2) */
    bool integrity;
    bool microsoft;   /* attribute 0012 is another there */
    struct view data; /* what is relayed */
};

static void trace_address(struct session *s, const char *what, const struct stun_message *m,
                          struct view value)
{
    char name[64];
    struct text t = TEXT(name);
    struct ip_addr ip;
    uint16_t port;

    if (!read_xor_address(value, m->key, &ip, &port))
        return;
    text_address(&t, &ip);
    session_trace(s, "stun: %s is %s port %u", what, name, port);
}

static void take_attribute(struct stun *st, struct session *s, const struct stun_message *m,
                           const struct attribute *a, struct told *told)
{
    char name[24];
    struct text t = TEXT(name);
    struct ip_addr ip;
    uint16_t port;

    switch (a->type) {
    case ATTR_USERNAME:
        told->user = true;
        if (view_find_byte(a->value, ':', 0) < a->value.len)
            told->ice = a->value;
        return;
    case ATTR_INTEGRITY: told->integrity = true; return;
    case ATTR_MS_COOKIE: told->microsoft = true; return;
    case ATTR_XOR_PEER:
        if (!told->microsoft && m->modern && read_xor_address(a->value, m->key, &ip, &port))
            add_peer(st, &ip, port);
        return;
    case ATTR_DATA: told->data = a->value; return;
    case ATTR_XOR_RELAYED: trace_address(s, "the relay", m, a->value); return;
    case ATTR_XOR_MAPPED: trace_address(s, "the outside", m, a->value); return;
    case ATTR_REALM:
    case ATTR_ALTERNATE_DOMAIN:
    case ATTR_SOFTWARE:
    case ATTR_ORIGIN:
        look_for_names(st, s, a->value);
        if (a->type == ATTR_SOFTWARE && class_of(m->type) == CLASS_REQUEST && !st->client_told) {
            st->client_told = true;
            session_client(s, a->value);
        }
        return;
    default: break;
    }
    const struct mark *mark = mark_of_attribute(a);
    if (mark != NULL && (m->modern || mark->classic)) {
        text_format(&t, "attribute %04x", a->type);
        mark_found(st, s, mark->service, mark->confidence, view_of(name, t.len));
        call(st, s); /* programs add them when they set up media, not when a page gathers candidates */
    }
}

/* What the message means for the way that the call takes. Not asked of messages inside a relay. */
static void take_part(struct stun *st, struct session *s, enum flow_dir from, const struct stun_message *m,
                      const struct told *told)
{
    enum method method = method_of(m->type);
    enum class class = class_of(m->type);
    bool check = told->ice.len > 0 || (told->integrity && !told->user); /* WhatsApp's checks name no user */

    if (method == METHOD_BINDING && class == CLASS_REQUEST && check) {
        st->checked |= (uint8_t)(1 << from);
        if (told->ice.len > 0)
            session_call(s, told->ice);
        if (st->checked == 3)
            deliver(st, s, DELIVERY_PEER);
    } else if (class == CLASS_REQUEST && (method == METHOD_BINDING || method == METHOD_ALLOCATE)) {
        st->local = (uint8_t)(1 + from);
        st->plain = st->plain || method == METHOD_BINDING;
        if (method == METHOD_ALLOCATE)
            call(st, s);
    } else if (method == METHOD_BINDING && class == CLASS_SUCCESS) {
        if (st->checked != 0)
            call(st, s);
        else if (st->plain)
            deliver(st, s, DELIVERY_SERVER_BROKER);
    } else if ((method == METHOD_ALLOCATE && class == CLASS_SUCCESS) ||
               (method >= METHOD_REFRESH && method <= METHOD_CONNECTION_BIND && class != CLASS_ERROR)) {
        deliver(st, s, DELIVERY_SERVER_PROXY);
    }
}

/* Returns what is relayed inside. */
static struct view take_message(struct stun *st, struct session *s, enum flow_dir from,
                                const struct stun_message *m, bool relayed)
{
    struct cursor c = cursor_open(m->attributes);
    struct told told = { .ice = view_of(NULL, 0), .data = view_of(NULL, 0) };
    const struct mark *mark = mark_of_type(m->type);
    struct attribute a;

    if (mark != NULL && m->modern) {
        mark_found(st, s, mark->service, mark->confidence, VIEW("message type of its own"));
        call(st, s);
    }
    while (next_attribute(&c, m->padded, &a))
        take_attribute(st, s, m, &a, &told);
    if (!relayed)
        take_part(st, s, from, m, &told);
    return told.data;
}

static void take_media(struct stun *st, struct session *s, enum flow_dir from, struct view v)
{
    struct rtp_head rtp;

    if (rtcp_looks(v, v.len) || !rtp_read(v, v.len, &rtp))
        return;
    if (st->media_seen[from] && rtp_follows(&st->media[from], &rtp))
        call(st, s);
    st->media[from] = rtp;
    st->media_seen[from] = true;
}

/* ---- layers ---- */

/* One layer of a datagram, told apart by its first octet (RFC 7983). Returns what is inside it; *out_known:
 * it is one of those that belong here. */
static struct view take_layer(struct stun *st, struct session *s, enum flow_dir from, struct view v,
                              bool relayed, bool *out_known)
{
    struct view nothing = view_of(NULL, 0);
    struct cursor c = cursor_open(v);
    uint8_t first = cursor_u8(&c);
    struct stun_message m;

    *out_known = true;
    if (first >= CHANNEL_FIRST && first <= CHANNEL_LAST) {
        cursor_skip(&c, 1);
        struct view data = cursor_take(&c, cursor_u16(&c));
        *out_known = !c.bad && cursor_left(&c) < 4;
        if (*out_known)
            deliver(st, s, DELIVERY_SERVER_PROXY);
        return *out_known ? data : nothing;
    }
    if (first >= 128 && first <= 191) {
        take_media(st, s, from, v);
        return nothing;
    }
    if (first >= DTLS_FIRST && first <= DTLS_LAST) {
        session_trace(s, "stun: DTLS record of type %u, %zu bytes", first, v.len);
        return nothing;
    }
    *out_known = read_message(v, &m);
    return *out_known ? take_message(st, s, from, &m, relayed) : nothing;
}

/* A datagram, or a message of a stream. False: the flow is of no more interest. */
static bool take_datagram(struct stun *st, struct session *s, enum flow_dir from, struct view v)
{
    bool known = false;

    v = without_multiplex(v);
    for (unsigned layer = 0; layer < LAYER_LIMIT && v.len > 0; layer++) {
        bool layer_known;
        v = take_layer(st, s, from, v, layer > 0, &layer_known);
        known = known || layer_known;
    }
    expect_legs(st, s);
    st->strange = known ? 0 : (uint8_t)(st->strange + 1);
    st->seen++;
    st->seen_known = (uint8_t)(st->seen_known + (st->service != NULL));
    return st->strange < STRANGE_LIMIT && st->seen < SEEN_LIMIT && st->seen_known < SEEN_KNOWN_LIMIT;
}

/* ---- feed ---- */

/* Cut the next message off a stream. IM_MORE: it is not there yet, IM_NO: there is none. */
static enum im_answer next_frame(const struct stun *st, struct cursor *c, struct view *out)
{
    struct cursor ahead = *c;

    if (st->framing != FRAMING_NONE) {
        cursor_skip(&ahead, framing_bytes(st->framing) - 2);
        size_t len = cursor_u16(&ahead);
        if (!ahead.bad && len > LARGEST_FRAME)
            return IM_NO;
        *out = cursor_take(&ahead, len);
    } else {
        struct cursor head = ahead;
        uint8_t first = cursor_u8(&head);
        cursor_skip(&head, 1);
        size_t len = cursor_u16(&head);
        bool channel = first >= CHANNEL_FIRST && first <= CHANNEL_LAST;
        if (head.bad)
            return IM_MORE;
        if ((!channel && first > 8) || len > LARGEST_FRAME)
            return IM_NO;
        *out = cursor_take(&ahead, channel ? 4 + (len + 3) / 4 * 4 : HEADER_BYTES + len);
    }
    if (ahead.bad)
        return IM_MORE;
    *c = ahead;
    return IM_YES;
}

/* Which framing a stream has, from its first bytes. */
static bool find_framing(struct stun *st, struct view in)
{
    for (enum framing f = FRAMING_NONE; f <= FRAMING_MICROSOFT && st->framing == FRAMING_UNKNOWN; f++)
        if (view_starts(view_from(in, framing_bytes(f) + 4), cookie))
            st->framing = (uint8_t)f;
    return st->framing != FRAMING_UNKNOWN;
}

static bool is_connection_bound(struct view v)
{
    struct stun_message m;

    return read_message(v, &m) && m.modern && method_of(m.type) == METHOD_CONNECTION_BIND &&
           class_of(m.type) == CLASS_SUCCESS;
}

static size_t feed_stream(struct stun *st, struct session *s, enum flow_dir from, struct view in)
{
    struct cursor c = cursor_open(in);
    struct view message;
    enum im_answer got = IM_NO;

    if (st->framing == FRAMING_UNKNOWN && !find_framing(st, in)) {
        if (in.len >= 12)
            session_settle(s);
        return 0;
    }
    while (cursor_left(&c) > 0 && (got = next_frame(st, &c, &message)) == IM_YES) {
        if (!take_datagram(st, s, from, message)) {
            session_settle(s);
            break;
        }
        if (st->framing == FRAMING_NONE && is_connection_bound(message)) {
            session_upgrade(s, PROTOCOL_UNKNOWN);
            break;
        }
    }
    if (got == IM_NO)
        session_settle(s);
    return in.len - cursor_left(&c);
}

size_t stun_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct stun *st = state;

    if (!session_is_udp(s))
        return feed_stream(st, s, from, in);
    if (!take_datagram(st, s, from, in))
        session_settle(s);
    return in.len;
}

extern const struct parser parser_stun;
const struct parser parser_stun = {
    .protocol = PROTOCOL_STUN,
    .on = PARSER_TCP | PARSER_UDP,
    .starts = stun_starts,
    .probe = stun_probe,
    .state_size = sizeof(struct stun),
    .feed = stun_feed,
};
