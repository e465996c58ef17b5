/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIP, of which only messages and presence are IM: a phone call by SIP is none, so the protocol proves no
 * service.
 *
 * Framing: text as in HTTP (RFC 3261 section 7). A request begins "METHOD uri SIP/2.0", an answer "SIP/2.0
 * code text". Over UDP a datagram is a message; over TCP Content-Length ends it (section 18.3). CR LF between
 * messages are keep-alives. Headers have short forms (section 7.3.3): f From, t To, c Content-Type, l
 * Content-Length, o Event.
 *
 * What makes it the service "simple":
 *   - MESSAGE with text, CPIM or a typing notice (RFC 3428, 3862, 3994). Other bodies are not messages of
 *     people: SMS of mobile networks, commands to cameras. What UDP sends again is told once
 *   - SUBSCRIBE, NOTIFY, PUBLISH of the event package presence (RFC 3856, 3903), which says in PIDF who is
 *     there (RFC 3863, 4480)
 *   - a session description with m=message: an MSRP session (RFC 4975 section 8), for a file where it has a
 *     file-selector (RFC 5547). Its path says where the leg will be, and is the token, "msrp URI", by which
 *     msrp.c finds who owns it and what file it is for
 *
 * Limits: headers of 8 KiB; a body is read when the message has at most 12 KiB.
 */
#include "base/hash.h"
#include "identify/parser.h"
#include "im/cpim.h"
#include "im/transcode.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum {
    LINE_BYTES = 2048,
    HEAD_BYTES = 8192,
    MESSAGE_BYTES = 12288,
    LARGEST_BODY = 1 << 24,
    TEXT_BYTES = 12288,
    TOKEN_BYTES = 256,
    NO_MEDIA = 'x',  /* written over a media that is forbidden */
    RECENT = 8,      /* messages that are known again */
    KEEP_ALIVES = 4, /* datagrams without a message, before the first one */
};

struct sip_message {
    struct view method; /* empty: an answer */
    struct view from, to, event, type, agent, call, sequence, body;
    uint64_t length; /* Content-Length */
    size_t head;     /* octets up to the body */
};

struct sip_state {
    uint32_t skip[2];        /* octets of a large body, by enum flow_dir */
    uint64_t recent[RECENT]; /* hashes of messages told */
    unsigned recent_next;
    bool client_told, message_told, presence_told, session_told, proxy_told;
};

static const struct view methods[] = {
    WORD("INVITE"),  WORD("ACK"),     WORD("BYE"),       WORD("CANCEL"), WORD("REGISTER"),
    WORD("OPTIONS"), WORD("MESSAGE"), WORD("SUBSCRIBE"), WORD("NOTIFY"), WORD("PUBLISH"),
    WORD("INFO"),    WORD("UPDATE"),  WORD("PRACK"),     WORD("REFER"),
};

enum { METHODS = sizeof methods / sizeof methods[0] };

/* ---- messages ---- */

static bool is_method(struct view word)
{
    for (unsigned i = 0; i < METHODS; i++)
        if (view_equal(methods[i], word))
            return true;
    return false;
}

/* "METHOD uri SIP/2.0" or "SIP/2.0 200 OK"; *out_method is empty for an answer. */
static bool is_start_line(struct view line, struct view *out_method)
{
    uint64_t code;

    *out_method = view_of(NULL, 0);
    if (view_starts(line, VIEW("SIP/2.0 ")))
        return view_decimal(view_slice(line, 8, 11), 699, &code) && code >= 100;
    struct view method = view_token(&line, ' ');
    struct view uri = view_token(&line, ' ');
    if (!is_method(method) || view_find_byte(uri, ':', 0) == uri.len || !view_equal(line, VIEW("SIP/2.0")))
        return false;
    *out_method = method;
    return true;
}

static struct view skip_keep_alives(struct view v)
{
    while (v.len > 0 && (v.at[0] == '\r' || v.at[0] == '\n'))
        v = view_from(v, 1);
    return v;
}

/* Where the value of a header is kept, NULL: nowhere. */
static struct view *field_of(struct sip_message *m, struct view name)
{
    const struct {
        struct view name, brief;
        struct view *field;
    } headers[] = {
        { VIEW("From"), VIEW("f"), &m->from },
        { VIEW("To"), VIEW("t"), &m->to },
        { VIEW("Event"), VIEW("o"), &m->event },
        { VIEW("Content-Type"), VIEW("c"), &m->type },
        { VIEW("User-Agent"), VIEW("User-Agent"), &m->agent },
        { VIEW("Call-ID"), VIEW("i"), &m->call },
        { VIEW("CSeq"), VIEW("CSeq"), &m->sequence },
    };

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (view_equal_nocase(name, headers[i].name) || view_equal_nocase(name, headers[i].brief))
            return headers[i].field;
    return NULL;
}

/* Read start line and headers. False: not all there, or not SIP. */
static bool read_head(struct view in, struct sip_message *out)
{
    struct sip_message m = { .length = UINT64_MAX };
    struct view left = in, line;

    if (!view_line(&left, &line) || !is_start_line(line, &m.method))
        return false;
    while (view_line(&left, &line)) {
        if (line.len == 0) {
            m.head = in.len - left.len;
            *out = m;
            return true;
        }
        struct view name = view_trim(view_token(&line, ':'));
        struct view *field = name.len > 0 ? field_of(&m, name) : NULL;
        if (field != NULL)
            *field = view_trim(line);
        else if (view_equal_nocase(name, VIEW("Content-Length")) || view_equal_nocase(name, VIEW("l")))
            (void)view_decimal(view_trim(line), LARGEST_BODY, &m.length);
    }
    return false;
}

/* ---- recognition ---- */

/* Can this line, whose end has not come, begin a message? */
static bool could_begin(struct view part)
{
    static const struct view answer = WORD("SIP/2.0 ");
    struct view rest = part;
    struct view word = view_token(&rest, ' ');

    if (view_starts(answer, view_slice(part, 0, answer.len)))
        return part.len < LINE_BYTES;
    if (word.len < part.len)
        return is_method(word) && part.len < LINE_BYTES;
    for (unsigned i = 0; i < METHODS; i++)
        if (view_starts(methods[i], part))
            return true;
    return false;
}

static enum im_answer probe_bytes_of(struct view v, struct finding *out)
{
    struct view line, method;
    struct text value = TEXT(out->value);

    v = skip_keep_alives(v);
    if (v.len == 0)
        return IM_MORE;
    if (!view_line(&v, &line))
        return could_begin(v) ? IM_MORE : IM_NO;
    if (!is_start_line(line, &method))
        return IM_NO;
    text_string(&value, "SIP ");
    text_printable(&value, method.len > 0 ? method : VIEW("answer"));
    return IM_YES;
}

static enum im_answer sip_probe(const struct sample *s, struct finding *out)
{
    if (s->l4 == L4_UDP) {
        enum im_answer answer = probe_bytes_of(s->datagram, out);
        bool nothing = skip_keep_alives(s->datagram).len == 0;
        return answer == IM_MORE && (!nothing || s->head_count > KEEP_ALIVES) ? IM_NO : answer;
    }
    for (int d = 0; d < 2; d++) {
        enum im_answer answer = s->bytes[d].len > 0 ? probe_bytes_of(s->bytes[d], out) : IM_MORE;
        if (answer != IM_MORE)
            return answer;
    }
    return s->bytes[0].len < LINE_BYTES && s->bytes[1].len < LINE_BYTES ? IM_MORE : IM_NO;
}

static bool sip_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    if (first == '\r' || first == '\n' || first == 'S')
        return true;
    for (unsigned i = 0; i < METHODS; i++)
        if (methods[i].at[0] == first)
            return true;
    return false;
}

/* ---- what is IM ---- */

static void prove(struct session *s, bool *told, const char *value)
{
    struct evidence e = { .kind = EVIDENCE_PAYLOAD, .service = "simple", .value = view_string(value) };

    if (!*told)
        session_evidence(s, &e);
    *told = true;
}

static struct im_detail people(const struct sip_message *m, bool outgoing)
{
    struct view from = sip_person(m->from), to = sip_person(m->to);

    return (struct im_detail){ .account = outgoing ? from : to,
                               .peer = outgoing ? to : from,
                               .outgoing = outgoing };
}

/* Over UDP a message is sent until it is answered: was this one told? */
static bool is_retransmitted(struct sip_state *st, const struct sip_message *m)
{
    uint64_t hash = 0;

    if (m->call.len == 0 || m->sequence.len == 0)
        return false;
    hash = hash_bytes(m->sequence, hash_bytes(m->call, 1)) | 1; /* 0 is a free place */

    for (unsigned i = 0; i < RECENT; i++)
        if (st->recent[i] == hash)
            return true;
    st->recent[st->recent_next++ % RECENT] = hash;
    return false;
}

static void tell_text(struct sip_state *st, struct session *s, const struct sip_message *m,
                      struct im_detail *detail)
{
    struct sip_message_text said;
    char buffer[TEXT_BYTES];
    struct text text = TEXT(buffer);

    if (!sip_message_text(m->type, m->body, &said)) {
        session_activity(s, ACTIVITY_PRESENCE, detail); /* notes on delivery */
        return;
    }
    if (session_is_udp(s) && is_retransmitted(st, m))
        return;
    text_8bit(&text, said.content);
    detail->text = view_of(buffer, text.len);
    detail->markup = said.markup;
    session_activity(s, ACTIVITY_CHAT, detail);
}

static void on_instant_message(struct sip_state *st, struct session *s, const struct sip_message *m,
                               bool outgoing)
{
    struct im_detail detail = people(m, outgoing);
    bool typing = view_starts_nocase(m->type, VIEW("application/im-iscomposing+xml"));

    if (!typing && !view_starts_nocase(m->type, VIEW("text/")) &&
        !view_starts_nocase(m->type, VIEW("message/cpim")))
        return;
    prove(s, &st->message_told, "SIP MESSAGE");
    if (!st->proxy_told)
        session_delivery(s, DELIVERY_SERVER_PROXY);
    st->proxy_told = true;
    if (typing)
        session_activity(s, ACTIVITY_PRESENCE, &detail);
    else
        tell_text(st, s, m, &detail);
}

static bool mentions(struct view v, struct view word)
{
    return view_find_nocase(v, word) < v.len;
}

/* <presence entity="sip:bob@example.org"> ... <basic>open</basic>, with what RPID adds to "open". */
static void tell_presence(struct session *s, const struct sip_message *m, struct view watcher)
{
    struct view body = m->body;
    struct im_contact contact = { .account = watcher, .presence = PRESENCE_ONLINE };
    struct view entity = view_from(body, view_find(body, VIEW("entity=")) + 7);

    if (entity.len == 0 || (entity.at[0] != '"' && entity.at[0] != '\''))
        return;
    entity = view_slice(entity, 1, view_find_byte(entity, entity.at[0], 1));
    contact.peer = sip_person(entity);
    if (mentions(body, VIEW("basic>closed")))
        contact.presence = PRESENCE_OFFLINE;
    else if (!mentions(body, VIEW("basic>open")))
        contact.presence = PRESENCE_UNKNOWN;
    else if (mentions(body, VIEW("busy/>")) || mentions(body, VIEW("on-the-phone/>")))
        contact.presence = PRESENCE_BUSY;
    else if (mentions(body, VIEW("away/>")))
        contact.presence = PRESENCE_AWAY;
    if (contact.peer.len > 0)
        session_contact(s, &contact);
}

static void on_presence(struct sip_state *st, struct session *s, const struct sip_message *m, bool outgoing)
{
    struct im_detail detail = people(m, outgoing);
    struct view event = m->event;

    event = view_trim(view_token(&event, ';'));
    if (!view_equal_nocase(event, VIEW("presence")) && !view_equal_nocase(event, VIEW("presence.winfo")))
        return;
    prove(s, &st->presence_told, "SIP presence");
    session_activity(s, ACTIVITY_PRESENCE, &detail);
    if (view_equal(m->method, VIEW("NOTIFY")) && view_starts_nocase(m->type, VIEW("application/pidf+xml")))
        tell_presence(s, m, sip_person(m->to));
}

/* Whose path this is, and the file that it is for. */
static void announce(struct session *s, struct view path, const struct im_detail *detail, bool outgoing)
{
    char buffer[TOKEN_BYTES];
    struct text token = TEXT(buffer);
    struct im_file file = { .name = detail->file,
                            .account = detail->account,
                            .peer = detail->peer,
                            .size = detail->size,
                            .outgoing = outgoing };

    msrp_token(&token, path);
    session_announce(s, view_of(buffer, token.len), &file);
}

/* The file of `a=file-selector:name:"a.jpg" type:image/jpeg size:4092 hash:…` (RFC 5547 section 6). */
static void read_selector(struct view v, struct im_detail *detail)
{
    size_t name = view_find(v, VIEW("name:\""));
    size_t size = view_find(v, VIEW("size:"));

    if (name < v.len)
        detail->file = view_slice(v, name + 6, view_find_byte(v, '"', name + 6));
    if (size < v.len) {
        struct view digits = view_from(v, size + 5);
        (void)view_decimal(view_token(&digits, ' '), UINT64_MAX, &detail->size);
    }
}

/* "msrp://host:port/id;tcp", host in brackets where it is IPv6 (RFC 4975 section 6). */
static bool read_path(struct view v, struct expectation *out)
{
    uint64_t port;

    if (view_starts_nocase(v, VIEW("msrps://")))
        v = view_from(v, 8);
    else if (view_starts_nocase(v, VIEW("msrp://")))
        v = view_from(v, 7);
    else
        return false;
    v = view_token(&v, '/');
    if (view_find_byte(v, '@', 0) < v.len)
        (void)view_token(&v, '@');
    bool bracket = v.len > 0 && v.at[0] == '[';
    struct view host = view_slice(v, bracket, view_find_byte(v, bracket ? ']' : ':', 0));
    v = view_from(v, bracket + host.len + bracket + 1);
    if (!ip_parse(host, &out->addr) || ip_is_zero(&out->addr) || !view_decimal(v, UINT16_MAX, &port) ||
        port == 0)
        return false;
    out->port = (uint16_t)port;
    return true;
}

/* A call by the messenger's connection. Who receives an offer of a media that it does not know refuses it
 * (RFC 3264 section 6). */
static void tell_call(const struct sip_state *st, struct session *s, const struct sip_message *m,
                      struct view media, const struct im_detail *detail)
{
    bool messenger = st->message_told || st->presence_told || st->session_told;

    if (!messenger || !view_equal(m->method, VIEW("INVITE")) ||
        (!view_equal(media, VIEW("audio")) && !view_equal(media, VIEW("video"))))
        return;
    (void)session_forbidden(s, ACTIVITY_CALL, detail, media, NO_MEDIA);
    session_activity(s, ACTIVITY_CALL, detail);
}

static void on_description(struct sip_state *st, struct session *s, const struct sip_message *m,
                           bool outgoing)
{
    struct expectation e = {
        .l4 = L4_TCP, .protocol = PROTOCOL_MSRP, .service = "simple", .activity = ACTIVITY_CHAT
    };
    struct im_detail detail = people(m, outgoing);
    struct view left = m->body, line, own_path = view_of(NULL, 0);
    struct view media = view_of(NULL, 0);
    bool message = false, any = false, path = false, forbidden = false;

    if (m->method.len == 0) { /* an answer has the caller in From as well */
        struct view swap = detail.account;
        detail.account = detail.peer;
        detail.peer = swap;
    }
    while (view_line(&left, &line)) {
        if (view_starts(line, VIEW("m="))) {
            media = view_slice(line, 2, view_find_byte(line, ' ', 2));
            message = view_starts(line, VIEW("m=message "));
            tell_call(st, s, m, media, &detail);
        }
        any |= message;
        if (message && view_starts(line, VIEW("a=path:"))) {
            own_path = view_trim(view_from(line, 7));
            path |= read_path(own_path, &e);
        }
        if (message && view_starts(line, VIEW("a=file-selector:"))) {
            e.activity = ACTIVITY_FILE;
            read_selector(view_from(line, 16), &detail);
            forbidden |= session_forbidden(s, ACTIVITY_FILE, &detail, media, NO_MEDIA);
        }
    }
    if (!any)
        return;
    prove(s, &st->session_told, "MSRP session in SIP");
    session_activity(s, e.activity, &detail);
    if (forbidden)
        return;
    if (own_path.len > 0)
        announce(s, own_path, &detail, outgoing);
    if (path)
        session_expect(s, &e);
}

static void follow(struct sip_state *st, struct session *s, const struct sip_message *m, bool outgoing)
{
    if (outgoing && !st->client_told && m->agent.len > 0) {
        session_client(s, m->agent);
        st->client_told = true;
    }
    if (view_equal(m->method, VIEW("MESSAGE")))
        on_instant_message(st, s, m, outgoing);
    else if (view_equal(m->method, VIEW("SUBSCRIBE")) || view_equal(m->method, VIEW("NOTIFY")) ||
             view_equal(m->method, VIEW("PUBLISH")))
        on_presence(st, s, m, outgoing);
    if (view_starts_nocase(m->type, VIEW("application/sdp")))
        on_description(st, s, m, outgoing);
}

/* ---- following ---- */

static void feed_datagram(struct sip_state *st, struct session *s, bool outgoing, struct view in)
{
    struct sip_message m;

    in = skip_keep_alives(in);
    if (!read_head(in, &m))
        return;
    m.body = view_from(in, m.head);
    if (m.length < m.body.len)
        m.body.len = m.length;
    follow(st, s, &m, outgoing);
}

static size_t sip_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct sip_state *st = state;
    size_t skip = st->skip[from] < in.len ? st->skip[from] : in.len;
    struct view left = view_from(in, skip);
    struct sip_message m;

    if (session_is_udp(s)) {
        feed_datagram(st, s, from == FROM_CLIENT, in);
        return in.len;
    }
    st->skip[from] -= (uint32_t)skip;
    for (;;) {
        left = skip_keep_alives(left);
        if (!read_head(view_slice(left, 0, HEAD_BYTES), &m)) {
            struct view line = left, rest = left, method;
            if (left.len >= HEAD_BYTES || (view_line(&rest, &line) && !is_start_line(line, &method)))
                session_settle(s);
            return in.len - left.len;
        }
        size_t length = m.length == UINT64_MAX ? 0 : m.length;
        if (m.head + length > MESSAGE_BYTES) {
            follow(st, s, &m, from == FROM_CLIENT);
            size_t here = left.len - m.head < length ? left.len - m.head : length;
            st->skip[from] = (uint32_t)(length - here);
            left = view_from(left, m.head + here);
            continue;
        }
        if (left.len < m.head + length)
            return in.len - left.len;
        m.body = view_slice(left, m.head, m.head + length);
        follow(st, s, &m, from == FROM_CLIENT);
        left = view_from(left, m.head + length);
    }
}

extern const struct parser parser_sip;

const struct parser parser_sip = {
    .protocol = PROTOCOL_SIP,
    .on = PARSER_TCP | PARSER_UDP,
    .starts = sip_starts,
    .probe = sip_probe,
    .state_size = sizeof(struct sip_state),
    .feed = sip_feed,
};
