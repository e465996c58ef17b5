/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XMPP (Jabber): client to server, server to server and component streams, and the same stanzas inside
 * WebSocket (RFC 7395) and BOSH (XEP-0124), where each is an inner stream of HTTP.
 *
 * Framing: one XML document a direction (RFC 6120 section 4), which begins
 *
 *     <?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client'
 *                           xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>
 *
 * and holds stanzas (message, presence, iq) and elements of the stream itself (features, starttls, proceed,
 * auth, success ...). It is read token by token: a tag must be there whole, text is used up as it comes. Of a
 * stanza only the facts that are told at its end are kept. XMPP forbids comments, processing instructions and
 * document types (RFC 6120 section 11.1); entities other than the five of XML are left as they are.
 *
 * Read here, beside RFC 6120 and RFC 6121:
 *     XEP-0078 legacy authentication   XEP-0092 version        XEP-0115 capabilities   XEP-0045 rooms
 *     XEP-0085 typing                  XEP-0280, 0297, 0313 copies and archive (a message inside a message)
 *     XEP-0096 file offer              XEP-0047 file in band   XEP-0065 file by SOCKS5 (streamhost)
 *     XEP-0166, 0167, 0176, 0177 calls by Jingle               XEP-0234, 0260, 0261 files by Jingle
 *     XEP-0363 upload by HTTP          XEP-0138 compression (the end of what can be read)
 *
 * Passwords: of SASL only the name is taken, and the text that held it is wiped.
 *
 * Limits: a tag of 8 KiB, 64 levels, 16 direct addresses a stanza; beyond, what follows is skipped up to the
 * next stanza. Names are kept up to 95 octets, message text up to 511.
 */
#include "identify/parser.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum {
    TAG_BYTES = 8192,
    MAX_ATTRIBUTES = 24,
    MAX_DEPTH = 64,
    MAX_CANDIDATES = 16,
    ENTITY_BYTES = 10, /* "&#x10ffff;" */
    NAME_BYTES = 96,
    TEXT_BYTES = 512,
    PROBE_BYTES = 4096, /* a stream header is shorter */
};

/* ---- tokens ---- */

struct attribute {
    struct view name, value;
};

/* One tag; views into the bytes of the stream. */
struct tag {
    struct view name; /* without its prefix */
    struct attribute attribute[MAX_ATTRIBUTES];
    unsigned attributes;
    bool closing, empty;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct view *v)
{
    while (v->len > 0 && is_space(v->at[0]))
        *v = view_from(*v, 1);
}

/* Length of the tag at the start of `v` with its brackets, 0: its end has not come. */
static size_t tag_length(struct view v)
{
    uint8_t quote = 0;

    for (size_t i = 0; i < v.len; i++) {
        uint8_t c = v.at[i];
        if (quote != 0)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            return i + 1;
    }
    return 0;
}

static struct view take_name(struct view *v)
{
    size_t n = 0;

    while (n < v->len && !is_space(v->at[n]) && view_find_byte(VIEW("=/<>\"'"), v->at[n], 0) == 6)
        n++;
    struct view name = view_slice(*v, 0, n);
    *v = view_from(*v, n);
    return name;
}

/* The name behind its prefix. */
static struct view local_name(struct view name)
{
    size_t colon = view_find_byte(name, ':', 0);

    return colon < name.len ? view_from(name, colon + 1) : name;
}

/* Take a tag apart, given with its brackets. False: not well-formed. */
static bool read_tag(struct view v, struct tag *out)
{
    memset(out, 0, sizeof *out);
    v = view_slice(v, 1, v.len - 1);
    if (v.len > 0 && v.at[0] == '/') {
        out->closing = true;
        v = view_from(v, 1);
    }
    if (v.len > 0 && v.at[v.len - 1] == '/') {
        out->empty = true;
        v.len--;
    }
    out->name = local_name(take_name(&v));
    if (out->name.len == 0)
        return false;
    for (skip_space(&v); v.len > 0; skip_space(&v)) {
        struct attribute a = { .name = take_name(&v) };
        skip_space(&v);
        if (a.name.len == 0 || v.len == 0 || v.at[0] != '=')
            return false;
        v = view_from(v, 1);
        skip_space(&v);
        if (v.len == 0 || (v.at[0] != '"' && v.at[0] != '\''))
            return false;
        size_t end = view_find_byte(v, v.at[0], 1);
        if (end == v.len)
            return false;
        a.value = view_slice(v, 1, end);
        v = view_from(v, end + 1);
        if (out->attributes < MAX_ATTRIBUTES)
            out->attribute[out->attributes++] = a;
    }
    return true;
}

static struct view attribute(const struct tag *t, struct view name)
{
    for (unsigned i = 0; i < t->attributes; i++)
        if (view_equal(t->attribute[i].name, name))
            return t->attribute[i].value;
    return view_of(NULL, 0);
}

/* Add XML text with the five entities replaced. */
static void add_decoded(struct text *out, struct view v)
{
    static const struct {
        struct view entity;
        char c;
    } entities[] = { { WORD("&amp;"), '&' },
                     { WORD("&lt;"), '<' },
                     { WORD("&gt;"), '>' },
                     { WORD("&quot;"), '"' },
                     { WORD("&apos;"), '\'' } };

    while (v.len > 0 && !out->cut) {
        size_t n = view_find_byte(v, '&', 0);
        text_add(out, view_slice(v, 0, n));
        v = view_from(v, n);
        for (size_t i = 0; i < sizeof entities / sizeof entities[0] && v.len > 0; i++)
            if (view_starts(v, entities[i].entity)) {
                text_char(out, entities[i].c);
                v = view_from(v, entities[i].entity.len);
                n = SIZE_MAX;
                break;
            }
        if (n != SIZE_MAX && v.len > 0) { /* another '&' */
            text_char(out, '&');
            v = view_from(v, 1);
        }
    }
}

/* ---- recognition ---- */

static bool is_jabber_namespace(struct view v)
{
    static const struct view names[] = { WORD("http://etherx.jabber.org/streams"), WORD("jabber:client"),
                                         WORD("jabber:server"), WORD("jabber:component:accept"),
                                         WORD("jabber:component:connect") };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (view_equal(v, names[i]))
            return true;
    return false;
}

static bool has_jabber_namespace(const struct tag *t)
{
    for (unsigned i = 0; i < t->attributes; i++)
        if (view_starts(t->attribute[i].name, VIEW("xmlns")) && is_jabber_namespace(t->attribute[i].value))
            return true;
    return false;
}

/* The tag that begins a stream, or a frame of WebSocket or BOSH. */
static bool is_header(const struct tag *t)
{
    struct view xmlns = attribute(t, VIEW("xmlns"));

    if (t->closing)
        return false;
    if (view_equal(t->name, VIEW("stream")))
        return has_jabber_namespace(t);
    if (view_equal(t->name, VIEW("open")))
        return view_equal(xmlns, VIEW("urn:ietf:params:xml:ns:xmpp-framing"));
    return view_equal(t->name, VIEW("body")) &&
           view_equal(xmlns, VIEW("http://jabber.org/protocol/httpbind"));
}

static bool is_one_of(struct view v, const struct view *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_equal(v, words[i]))
            return true;
    return false;
}

/* A stanza whose attributes are those of RFC 6120 section 8.1, two of them at least and with their own
 * values; of presence, which nothing else has, one address of a user is enough. */
static bool is_stanza(const struct tag *t)
{
    static const struct view names[] = { WORD("message"), WORD("presence"), WORD("iq") };
    static const struct view types[] = { WORD("get"),          WORD("set"),        WORD("result"),
                                         WORD("error"),        WORD("chat"),       WORD("groupchat"),
                                         WORD("headline"),     WORD("normal"),     WORD("unavailable"),
                                         WORD("subscribe"),    WORD("subscribed"), WORD("unsubscribe"),
                                         WORD("unsubscribed"), WORD("probe") };
    static const struct view others[] = { WORD("id"), WORD("xml:lang"), WORD("xmlns") };
    unsigned marks = 0;

    if (t->closing || !is_one_of(t->name, names, 3))
        return false;
    for (unsigned i = 0; i < t->attributes; i++) {
        const struct attribute *a = &t->attribute[i];
        bool address = view_equal(a->name, VIEW("to")) || view_equal(a->name, VIEW("from"));
        bool user = view_find_byte(a->value, '@', 0) < a->value.len;
        if (address && (user || view_find_byte(a->value, '.', 0) < a->value.len))
            marks += user && view_equal(t->name, VIEW("presence")) ? 2 : 1;
        else if (view_equal(a->name, VIEW("type")) &&
                 is_one_of(a->value, types, sizeof types / sizeof types[0]))
            marks++;
        else if (view_equal(a->name, VIEW("xmlns")) && !is_jabber_namespace(a->value))
            return false;
        else if (is_one_of(a->name, others, 3))
            marks += a->value.len > 0 && !view_equal(a->name, VIEW("xml:lang"));
        else if (!address && view_find_byte(a->name, ':', 0) == a->name.len)
            return false;
    }
    return marks >= 2;
}

static struct view skip_declaration(struct view v)
{
    skip_space(&v);
    if (view_starts(v, VIEW("<?xml "))) {
        size_t end = view_find(v, VIEW("?>"));
        v = view_from(v, end < v.len ? end + 2 : v.len);
    }
    skip_space(&v);
    return v;
}

/* Can a tag that has not ended begin a header or a stanza? */
static bool could_begin(struct view v)
{
    static const struct view names[] = { WORD("stream"),  WORD("open"),     WORD("body"),
                                         WORD("message"), WORD("presence"), WORD("iq") };

    if (v.len < 2)
        return v.len == 0 || v.at[0] == '<';
    if (v.at[0] != '<')
        return false;
    struct view part = view_from(v, 1);
    struct view name = take_name(&part);
    bool ended = part.len > 0;
    struct view local = local_name(name);
    if (!ended && local.len == name.len)
        return view_starts(VIEW("?xml"), name) || name.len < 32;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (ended ? view_equal(local, names[i]) : view_starts(names[i], local))
            return true;
    return false;
}

static enum im_answer probe_tag(struct view v, struct finding *out)
{
    struct tag t;
    size_t n = tag_length(v);

    if (n == 0)
        return v.len < PROBE_BYTES && could_begin(v) ? IM_MORE : IM_NO;
    if (v.at[0] != '<' || !read_tag(view_slice(v, 0, n), &t))
        return IM_NO;
    struct text value = TEXT(out->value);
    if (is_header(&t)) {
        struct view to = attribute(&t, VIEW("to"));
        struct view from = attribute(&t, VIEW("from"));
        text_string(&value, to.len > 0 ? "stream to " : from.len > 0 ? "stream from " : "stream");
        text_printable(&value, to.len > 0 ? to : from);
        return IM_YES;
    }
    if (!is_stanza(&t))
        return IM_NO;
    text_printable(&value, t.name);
    text_string(&value, " stanza");
    return IM_YES;
}

/* Where the next stanza begins, or v.len. */
static size_t find_stanza(struct view v)
{
    static const struct view names[] = { WORD("<message "), WORD("<presence "), WORD("<iq ") };
    size_t at = v.len;

    for (size_t i = 0; i < 3; i++) {
        size_t hit = view_find(view_slice(v, 0, at), names[i]);
        at = hit < at ? hit : at;
    }
    return at;
}

static enum im_answer probe_side(struct view v, bool midstream, struct finding *out)
{
    struct text value = TEXT(out->value);

    if (v.len == 0)
        return IM_MORE;
    if (view_starts(v, VIEW("</stream:stream>"))) { /* the last that some captures hold */
        text_string(&value, "end of stream");
        return IM_YES;
    }
    if (midstream) {
        size_t at = find_stanza(v);
        if (at < v.len)
            return probe_tag(view_from(v, at), out);
        if (v.at[0] != '<' || (v.len > 1 && v.at[1] == '/'))
            return v.len < PROBE_BYTES ? IM_MORE : IM_NO;
    }
    if (view_starts(VIEW("</stream:stream>"), v))
        return IM_MORE;
    struct view rest = skip_declaration(v);
    return rest.len == 0 ? v.len < PROBE_BYTES ? IM_MORE : IM_NO : probe_tag(rest, out);
}

static enum im_answer xmpp_probe(const struct sample *s, struct finding *out)
{
    enum im_answer client = probe_side(s->bytes[FROM_CLIENT], s->midstream, out);
    enum im_answer server = client == IM_YES ? IM_MORE : probe_side(s->bytes[FROM_SERVER], s->midstream, out);

    if (client == IM_YES || server == IM_YES)
        return IM_YES;
    return client == IM_NO || server == IM_NO ? IM_NO : IM_MORE;
}

static bool xmpp_starts(uint8_t first, enum flow_dir from)
{
    (void)from;
    return first == '<' || is_space(first);
}

/* ---- what is kept of a stanza ---- */

enum stanza_kind {
    KIND_OTHER,
    KIND_MESSAGE,
    KIND_PRESENCE,
    KIND_IQ,
    KIND_PROCEED,
    KIND_COMPRESSED,
    KIND_SUCCESS,
    KIND_AUTH,
    KIND_HANDSHAKE
};

enum {
    HAS_BODY = 1,
    HAS_TYPING = 2,
    HAS_ROSTER = 4,
    HAS_FILE = 8,
    HAS_CALL = 16,
    HAS_BAND = 32,
    HAS_BIND = 64,
    HAS_OLD_AUTH = 128,
    HAS_VERSION = 256,
    HAS_SOCKS = 512,
    HAS_COPY_SENT = 1024,
    HAS_FILE_DATA = 2048,
    HAS_UPLOAD = 4096,
    HAS_DIRECT = 8192,
};

/* Whose text is being kept. */
enum held_as { KEEP_NONE, KEEP_BODY, KEEP_JID, KEEP_USER, KEEP_NAME, KEEP_VERSION, KEEP_SIZE, KEEP_SASL };

struct stanza {
    uint8_t kind, depth, capture, capture_depth, candidates;
    uint16_t facts;
    uint16_t held_len;
    bool plain; /* SASL PLAIN */
    uint64_t size;
    char from[NAME_BYTES], to[NAME_BYTES], type[16];
    char name[NAME_BYTES], version[NAME_BYTES]; /* a file's name; a program's */
    char body[TEXT_BYTES];
    char held[2 * TEXT_BYTES]; /* text of the element under `capture` */
};

struct xmpp_state {
    struct stanza stanza[2]; /* by enum flow_dir */
    char account[NAME_BYTES];
    bool lost[2]; /* skipping to the next stanza */
    bool login_told, proxy_told, broker_told, header_told, client_told;
};

static void keep(char *buffer, size_t size, struct view v)
{
    struct text t = text_over(buffer, size);

    add_decoded(&t, v);
}

/* "user@host" of "user@host/resource". */
static struct view bare(const char *jid)
{
    struct view v = view_string(jid);

    return view_slice(v, 0, view_find_byte(v, '/', 0));
}

static struct view resource(const char *jid)
{
    struct view v = view_string(jid);

    return view_from(v, view_find_byte(v, '/', 0) + 1);
}

static void tell_delivery(struct session *s, bool *told, enum delivery d)
{
    if (!*told)
        session_delivery(s, d);
    *told = true;
}

static void tell_login(struct xmpp_state *st, struct session *s)
{
    struct im_detail detail = { .account = view_string(st->account), .outgoing = true };

    if (!st->login_told)
        session_activity(s, ACTIVITY_LOGIN, &detail);
    st->login_told = true;
}

/* ---- SASL names ---- */

/* Base64 (RFC 4648 section 4) into `out`; stops at what is not a digit of it. */
static void add_base64(struct text *out, struct view v)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < v.len; i++) {
        size_t value = view_find_byte(VIEW(digits), v.at[i], 0);
        if (value > 63)
            return;
        bits = (bits << 6 | (uint32_t)value) & 0xffffff;
        if (++count % 4 != 1)
            text_char(out, (char)(bits >> (6 - 2 * ((count - 1) % 4)) & 0xff));
    }
}

static struct view behind(struct view v, struct view mark, uint8_t until)
{
    size_t at = view_find(v, mark);

    if (at == v.len)
        return view_of(NULL, 0);
    v = view_from(v, at + mark.len);
    return view_token(&v, until);
}

/* The account of a decoded SASL message: PLAIN (RFC 4616), SCRAM (RFC 5802), DIGEST-MD5 (RFC 2831). */
static struct view sasl_account(struct view message, bool plain)
{
    if (plain) {
        struct view authorize = view_token(&message, '\0');
        struct view name = view_token(&message, '\0');
        return authorize.len > 0 ? authorize : name;
    }
    if (view_starts(message, VIEW("n,")) || view_starts(message, VIEW("y,")) ||
        view_starts(message, VIEW("p=")))
        return behind(message, VIEW(",n="), ',');
    return behind(message, VIEW("username=\""), '"');
}

static void on_sasl(struct xmpp_state *st, struct stanza *z, struct view text)
{
    char decoded[2 * TEXT_BYTES];
    struct text t = TEXT(decoded);

    add_base64(&t, text);
    struct view account = sasl_account(view_of(decoded, t.len), z->plain);
    if (account.len > 0 && account.len < NAME_BYTES) {
        struct text kept = TEXT(st->account);
        text_printable(&kept, account);
    }
    explicit_bzero(decoded, sizeof decoded);
    explicit_bzero(z->held, sizeof z->held);
}

/* ---- elements ---- */

struct element_context {
    struct xmpp_state *st;
    struct session *s;
    struct stanza *z;
    const struct tag *tag;
    bool outgoing;
};

static void keep_file(const struct element_context *c)
{
    struct view name = attribute(c->tag, VIEW("name"));

    if (name.len == 0)
        name = attribute(c->tag, VIEW("filename"));
    if (name.len > 0)
        keep(c->z->name, sizeof c->z->name, name);
    (void)view_decimal(attribute(c->tag, VIEW("size")), UINT64_MAX, &c->z->size);
}

/* A direct address: streamhost (XEP-0065), candidate (XEP-0176, 0177, 0260, and Google's before them). */
static void on_candidate(const struct element_context *c)
{
    static const struct view names[] = { WORD("host"), WORD("ip"), WORD("address") };
    bool socks = (c->z->facts & HAS_SOCKS) != 0;
    bool file = socks || ((c->z->facts & HAS_FILE) != 0 && (c->z->facts & HAS_CALL) == 0);
    bool tcp = socks || view_equal(attribute(c->tag, VIEW("protocol")), VIEW("tcp"));
    struct expectation e = { .l4 = tcp ? L4_TCP : L4_UDP,
                             .activity = file ? ACTIVITY_FILE : ACTIVITY_CALL,
                             .protocol = file ? PROTOCOL_XMPP_BYTESTREAM : PROTOCOL_RTP };
    struct view host = view_of(NULL, 0);
    uint64_t port;

    for (size_t i = 0; i < 3 && host.len == 0; i++)
        host = attribute(c->tag, names[i]);
    if (!ip_parse(host, &e.addr) || ip_is_zero(&e.addr) || c->z->candidates >= MAX_CANDIDATES)
        return;
    if (!view_decimal(attribute(c->tag, VIEW("port")), UINT16_MAX, &port) || port == 0)
        return;
    e.port = (uint16_t)port;
    c->z->candidates++;
    tell_delivery(c->s, &c->st->broker_told, DELIVERY_SERVER_BROKER);
    session_expect(c->s, &e);
}

/* Capabilities of the client's own presence name its program. */
static void on_caps(const struct element_context *c)
{
    struct view node = attribute(c->tag, VIEW("node"));

    if (!c->outgoing || c->z->kind != KIND_PRESENCE || c->st->client_told || node.len == 0)
        return;
    session_client(c->s, node);
    c->st->client_told = true;
}

/* A message inside a message: the copy of one (XEP-0280) or one out of the archive (XEP-0313). */
static void on_forwarded(const struct element_context *c)
{
    if ((c->z->facts & HAS_BODY) != 0)
        return;
    c->z->kind = KIND_MESSAGE;
    keep(c->z->from, sizeof c->z->from, attribute(c->tag, VIEW("from")));
    keep(c->z->to, sizeof c->z->to, attribute(c->tag, VIEW("to")));
    keep(c->z->type, sizeof c->z->type, attribute(c->tag, VIEW("type")));
}

/* What an element inside a stanza tells. */
static const struct element {
    struct view name;
    struct view xmlns; /* beginning of its namespace; empty: any */
    uint16_t facts;
    uint16_t needs;  /* only where one of these facts is known */
    uint8_t capture; /* enum held_as */
    void (*act)(const struct element_context *c);
} elements[] = {
    { WORD("body"), WORD(""), 0, 0, KEEP_BODY, NULL },
    { WORD("composing"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("paused"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("active"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("inactive"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("gone"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("query"), WORD("jabber:iq:roster"), HAS_ROSTER, 0, 0, NULL },
    { WORD("query"), WORD("jabber:iq:auth"), HAS_OLD_AUTH, 0, 0, NULL },
    { WORD("query"), WORD("jabber:iq:version"), HAS_VERSION, 0, 0, NULL },
    { WORD("query"), WORD("http://jabber.org/protocol/bytestreams"), HAS_SOCKS | HAS_FILE_DATA, 0, 0, NULL },
    { WORD("username"), WORD(""), 0, HAS_OLD_AUTH, KEEP_USER, NULL },
    { WORD("bind"), WORD("urn:ietf:params:xml:ns:xmpp-bind"), HAS_BIND, 0, 0, NULL },
    { WORD("jid"), WORD(""), 0, HAS_BIND, KEEP_JID, NULL },
    { WORD("name"), WORD(""), 0, HAS_VERSION | HAS_FILE, KEEP_NAME, NULL },
    { WORD("version"), WORD(""), 0, HAS_VERSION, KEEP_VERSION, NULL },
    { WORD("size"), WORD(""), 0, HAS_FILE, KEEP_SIZE, NULL },
    { WORD("filename"), WORD(""), 0, HAS_UPLOAD, KEEP_NAME, NULL },
    { WORD("file"), WORD("http://jabber.org/protocol/si/profile/file-transfer"), HAS_FILE, 0, 0, keep_file },
    { WORD("open"), WORD("http://jabber.org/protocol/ibb"), HAS_BAND | HAS_FILE_DATA, 0, 0, NULL },
    { WORD("data"), WORD("http://jabber.org/protocol/ibb"), HAS_BAND | HAS_FILE_DATA, 0, 0, NULL },
    { WORD("streamhost"), WORD(""), 0, HAS_SOCKS, 0, on_candidate },
    { WORD("candidate"), WORD(""), 0, HAS_SOCKS | HAS_DIRECT, 0, on_candidate },
    { WORD("description"), WORD("urn:xmpp:jingle:apps:rtp"), HAS_CALL, 0, 0, NULL },
    { WORD("description"), WORD("http://www.google.com/session/"), HAS_CALL | HAS_DIRECT, 0, 0, NULL },
    { WORD("description"), WORD("urn:xmpp:jingle:apps:file-transfer"), HAS_FILE, 0, 0, NULL },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:s5b"), HAS_SOCKS | HAS_FILE_DATA, 0, 0, NULL },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:ibb"), HAS_BAND | HAS_FILE_DATA, 0, 0, NULL },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:ice"), HAS_DIRECT, 0, 0, NULL },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:raw-udp"), HAS_DIRECT, 0, 0, NULL },
    { WORD("transport"), WORD("http://www.google.com/transport/"), HAS_DIRECT, 0, 0, NULL },
    { WORD("request"), WORD("urn:xmpp:http:upload"), HAS_FILE | HAS_UPLOAD, 0, 0, keep_file },
    { WORD("slot"), WORD("urn:xmpp:http:upload"), HAS_UPLOAD | HAS_FILE_DATA, 0, 0, NULL },
    { WORD("c"), WORD("http://jabber.org/protocol/caps"), 0, 0, 0, on_caps },
    { WORD("sent"), WORD("urn:xmpp:carbons"), HAS_COPY_SENT, 0, 0, NULL },
    { WORD("message"), WORD(""), 0, 0, 0, on_forwarded },
    { WORD("initial-response"), WORD(""), 0, 0, KEEP_SASL, NULL },
};

/* May the text of this element be kept? */
static bool may_keep(const struct stanza *z, const struct tag *t, enum held_as capture)
{
    if (capture == KEEP_BODY) /* not the formatted copy (XEP-0071), and the first language only */
        return z->kind == KIND_MESSAGE && (z->facts & HAS_BODY) == 0 &&
               !view_starts(attribute(t, VIEW("xmlns")), VIEW("http://www.w3.org/"));
    if (capture == KEEP_SASL)
        return z->kind == KIND_AUTH;
    return capture != KEEP_NONE;
}

static void begin_capture(struct stanza *z, enum held_as capture)
{
    z->capture = (uint8_t)capture;
    z->capture_depth = z->depth;
    z->held_len = 0;
    z->held[0] = '\0';
}

static void on_element(const struct element_context *c)
{
    struct view xmlns = attribute(c->tag, VIEW("xmlns"));

    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        const struct element *e = &elements[i];
        if (!view_equal(e->name, c->tag->name) || !view_starts(xmlns, e->xmlns))
            continue;
        if (e->needs != 0 && (c->z->facts & e->needs) == 0)
            continue;
        c->z->facts |= e->facts;
        if (e->act != NULL)
            e->act(c);
        if (!c->tag->empty && c->z->capture == KEEP_NONE && may_keep(c->z, c->tag, e->capture))
            begin_capture(c->z, e->capture);
        return;
    }
}

/* The element whose text was kept has ended. */
static void end_capture(struct xmpp_state *st, struct stanza *z)
{
    struct view text = view_of(z->held, z->held_len);
    enum held_as capture = z->capture;

    z->capture = KEEP_NONE;
    if (capture == KEEP_BODY && text.len > 0) {
        struct text body = TEXT(z->body);
        text_add(&body, text);
        z->facts |= HAS_BODY;
    } else if (capture == KEEP_NAME) {
        struct text name = TEXT(z->name);
        text_add(&name, text);
    } else if (capture == KEEP_VERSION) {
        struct text version = TEXT(z->version);
        text_add(&version, text);
    } else if (capture == KEEP_SIZE) {
        (void)view_decimal(view_trim(text), UINT64_MAX, &z->size);
    } else if (capture == KEEP_JID || capture == KEEP_USER) {
        struct text account = TEXT(st->account);
        text_printable(&account, view_slice(text, 0, view_find_byte(text, '/', 0)));
    } else if (capture == KEEP_SASL) {
        on_sasl(st, z, text);
    }
}

/* ---- the end of a stanza ---- */

/* The two ends of a stanza; `outgoing` is from the flow's client. */
static struct im_detail people(const struct xmpp_state *st, const struct stanza *z, bool outgoing)
{
    struct im_detail detail = { .outgoing = outgoing };

    detail.account = bare(outgoing ? z->from : z->to);
    detail.peer = bare(outgoing ? z->to : z->from);
    if (detail.account.len == 0)
        detail.account = view_string(st->account);
    return detail;
}

static void end_message(struct xmpp_state *st, struct session *s, const struct stanza *z, bool outgoing)
{
    struct im_detail detail = people(st, z, outgoing || (z->facts & HAS_COPY_SENT) != 0);

    if (view_equal(view_string(z->type), VIEW("error")))
        return;
    if (view_equal(view_string(z->type), VIEW("groupchat"))) { /* XEP-0045: room@host/nick */
        detail.room = detail.peer;
        detail.peer = detail.outgoing ? view_of(NULL, 0) : resource(z->from);
    }
    if ((z->facts & HAS_BODY) != 0) {
        tell_delivery(s, &st->proxy_told, DELIVERY_SERVER_PROXY);
        detail.text = view_string(z->body);
        session_activity(s, ACTIVITY_CHAT, &detail);
    } else if ((z->facts & HAS_TYPING) != 0) {
        session_activity(s, ACTIVITY_PRESENCE, &detail);
    }
}

static void end_version(struct session *s, const struct stanza *z)
{
    char software[2 * NAME_BYTES];
    struct text t = TEXT(software);

    if (z->name[0] == '\0')
        return;
    text_add(&t, view_string(z->name));
    if (z->version[0] != '\0')
        text_char(&t, ' ');
    text_add(&t, view_string(z->version));
    session_client(s, view_string(software));
}

static void end_iq(struct xmpp_state *st, struct session *s, const struct stanza *z, bool outgoing)
{
    struct view type = view_string(z->type);
    bool set = view_equal(type, VIEW("set"));

    if ((z->facts & HAS_BIND) != 0 && view_equal(type, VIEW("result")) && !outgoing)
        tell_login(st, s);
    if ((z->facts & HAS_OLD_AUTH) != 0 && set && outgoing)
        tell_login(st, s);
    if ((z->facts & HAS_VERSION) != 0 && outgoing && view_equal(type, VIEW("result")))
        end_version(s, z);
    if ((z->facts & HAS_ROSTER) != 0)
        session_activity(s, ACTIVITY_PRESENCE, NULL);
}

static void end_file_or_call(struct xmpp_state *st, struct session *s, const struct stanza *z, bool outgoing)
{
    struct im_detail detail = people(st, z, outgoing);

    if (view_equal(view_string(z->type), VIEW("result")) || view_equal(view_string(z->type), VIEW("error")))
        return; /* echoes the offer */
    if ((z->facts & HAS_CALL) != 0)
        session_activity(s, ACTIVITY_CALL, &detail);
    if ((z->facts & (HAS_BAND | HAS_UPLOAD)) != 0)
        tell_delivery(s, &st->proxy_told, DELIVERY_SERVER_PROXY);
    if ((z->facts & HAS_FILE) != 0) {
        detail.file = view_string(z->name);
        detail.size = z->size;
        session_activity(s, ACTIVITY_FILE, &detail);
    } else if ((z->facts & HAS_FILE_DATA) != 0) {
        session_activity(s, ACTIVITY_FILE, NULL);
    }
}

/* Returns true where the stream is no longer XML behind this stanza. */
static bool end_stanza(struct xmpp_state *st, struct session *s, struct stanza *z, bool outgoing)
{
    struct im_detail detail;

    switch ((enum stanza_kind)z->kind) {
    case KIND_MESSAGE:
        end_message(st, s, z, outgoing);
        end_file_or_call(st, s, z, outgoing);
        return false;
    case KIND_PRESENCE:
        detail = people(st, z, outgoing);
        session_activity(s, ACTIVITY_PRESENCE, &detail);
        return false;
    case KIND_IQ:
        end_iq(st, s, z, outgoing);
        end_file_or_call(st, s, z, outgoing);
        return false;
    case KIND_SUCCESS:
    case KIND_HANDSHAKE:
        if (!outgoing)
            tell_login(st, s);
        return false;
    case KIND_PROCEED: session_upgrade(s, PROTOCOL_TLS); return true;
    case KIND_COMPRESSED: session_settle(s); return true;
    default: return false;
    }
}

/* ---- the stream ---- */

static const struct {
    struct view name, xmlns;
    uint8_t kind;
    uint8_t capture;
} stanza_kinds[] = {
    { WORD("message"), WORD(""), KIND_MESSAGE, KEEP_NONE },
    { WORD("presence"), WORD(""), KIND_PRESENCE, KEEP_NONE },
    { WORD("iq"), WORD(""), KIND_IQ, KEEP_NONE },
    { WORD("proceed"), WORD("urn:ietf:params:xml:ns:xmpp-tls"), KIND_PROCEED, KEEP_NONE },
    { WORD("compressed"), WORD("http://jabber.org/protocol/compress"), KIND_COMPRESSED, KEEP_NONE },
    { WORD("success"), WORD("urn:ietf:params:xml:ns:xmpp-sasl"), KIND_SUCCESS, KEEP_NONE },
    { WORD("success"), WORD("urn:xmpp:sasl:"), KIND_SUCCESS, KEEP_NONE },
    { WORD("handshake"), WORD(""), KIND_HANDSHAKE, KEEP_NONE },
    { WORD("auth"), WORD("urn:ietf:params:xml:ns:xmpp-sasl"), KIND_AUTH, KEEP_SASL },
    { WORD("response"), WORD("urn:ietf:params:xml:ns:xmpp-sasl"), KIND_AUTH, KEEP_SASL },
    { WORD("authenticate"), WORD("urn:xmpp:sasl:"), KIND_AUTH, KEEP_NONE },
};

static void on_header(struct xmpp_state *st, struct session *s, const struct tag *t, bool outgoing)
{
    char version[32], host[NAME_BYTES];
    struct text v = TEXT(version), to = TEXT(host);

    if (!outgoing || st->header_told)
        return;
    st->header_told = true;
    session_activity(s, ACTIVITY_LOGIN, NULL);
    text_printable(&to, attribute(t, VIEW("to")));
    session_trace(s, "xmpp stream to %s", host);
    text_string(&v, "XMPP ");
    text_printable(&v, attribute(t, VIEW("version")));
    if (v.len > 5)
        session_version(s, view_of(version, v.len));
}

static void begin_stanza(struct stanza *z, const struct tag *t, bool outgoing)
{
    struct view xmlns = attribute(t, VIEW("xmlns"));

    memset(z, 0, sizeof *z);
    z->depth = 1;
    for (size_t i = 0; i < sizeof stanza_kinds / sizeof stanza_kinds[0]; i++)
        if (view_equal(stanza_kinds[i].name, t->name) && view_starts(xmlns, stanza_kinds[i].xmlns)) {
            z->kind = stanza_kinds[i].kind;
            if (stanza_kinds[i].capture != KEEP_NONE && outgoing && !t->empty)
                begin_capture(z, stanza_kinds[i].capture);
            break;
        }
    z->plain = view_equal(attribute(t, VIEW("mechanism")), VIEW("PLAIN"));
    keep(z->from, sizeof z->from, attribute(t, VIEW("from")));
    keep(z->to, sizeof z->to, attribute(t, VIEW("to")));
    keep(z->type, sizeof z->type, attribute(t, VIEW("type")));
}

/* One tag. Returns true where the stream is no longer XML behind it. */
static bool on_tag(struct xmpp_state *st, struct session *s, enum flow_dir from, const struct tag *t)
{
    struct stanza *z = &st->stanza[from];
    bool outgoing = from == FROM_CLIENT;

    if (t->closing) {
        if (z->depth == 0)
            return false; /* of the stream */
        if (z->capture != KEEP_NONE && z->depth == z->capture_depth)
            end_capture(st, z);
        return --z->depth == 0 && end_stanza(st, s, z, outgoing);
    }
    if (z->depth == 0 && is_header(t)) {
        on_header(st, s, t, outgoing);
        return false;
    }
    if (z->depth == 0) {
        begin_stanza(z, t, outgoing);
    } else if (z->depth >= MAX_DEPTH) {
        st->lost[from] = true;
        return false;
    } else {
        z->depth++;
        on_element(&(struct element_context){ st, s, z, t, outgoing });
    }
    return t->empty && --z->depth == 0 && end_stanza(st, s, z, outgoing);
}

static void on_text(struct stanza *z, struct view v, bool decode)
{
    struct text held = { z->held, z->held_len, sizeof z->held, false };

    if (z->capture == KEEP_NONE || z->depth != z->capture_depth)
        return;
    if (decode)
        add_decoded(&held, v);
    else
        text_add(&held, v);
    z->held_len = (uint16_t)held.len;
}

/* Length of text at the start of `v` that can be used up: not half an entity, nor half a tag behind it. */
static size_t text_length(struct view v)
{
    size_t end = view_find_byte(v, '<', 0);

    if (end < v.len)
        return end;
    for (size_t i = end; i > 0 && end - i < ENTITY_BYTES; i--)
        if (v.at[i - 1] == '&')
            return view_find_byte(v, ';', i) < end ? end : i - 1;
    return end;
}

/* Take one token off the front. Returns how long it is, 0: not all there. *out_end: no longer XML behind it.
 */
static size_t take_token(struct xmpp_state *st, struct session *s, enum flow_dir from, struct view v,
                         bool *out_end)
{
    static const struct view data = WORD("<![CDATA[");
    struct tag t;
    size_t n;

    if (v.at[0] != '<') {
        n = text_length(v);
        on_text(&st->stanza[from], view_slice(v, 0, n), true);
        return n;
    }
    if (v.len < data.len && view_starts(data, v))
        return 0;
    if (view_starts(v, data)) {
        n = view_find(v, VIEW("]]>"));
        if (n == v.len || n + 3 > TAG_BYTES)
            return 0;
        on_text(&st->stanza[from], view_slice(v, data.len, n), false);
        return n + 3;
    }
    n = tag_length(view_slice(v, 0, TAG_BYTES));
    if (n > 2 && v.at[1] != '?' && v.at[1] != '!') {
        if (read_tag(view_slice(v, 0, n), &t))
            *out_end = on_tag(st, s, from, &t);
        else
            st->lost[from] = true;
    }
    return n;
}

/* Skip to the next stanza. Returns how many bytes can go. */
static size_t resume(struct xmpp_state *st, enum flow_dir from, struct view v)
{
    enum { LONGEST = 9 }; /* "<presence" */
    size_t at = find_stanza(v);

    if (at == v.len)
        return v.len > LONGEST ? v.len - LONGEST : 0;
    st->lost[from] = false;
    st->stanza[from].depth = 0;
    st->stanza[from].capture = KEEP_NONE;
    return at;
}

static size_t xmpp_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct xmpp_state *st = state;
    struct view left = in;
    bool end = false;

    while (left.len > 0 && !end) {
        if (st->lost[from]) {
            left = view_from(left, resume(st, from, left));
            if (st->lost[from])
                break;
        }
        size_t n = take_token(st, s, from, left, &end);
        if (n == 0) {
            st->lost[from] = left.len >= TAG_BYTES;
            if (!st->lost[from])
                break;
        }
        left = view_from(left, n > 0 ? n : 1);
    }
    return in.len - left.len;
}

static bool xmpp_gap(void *state, struct session *s, enum flow_dir from, uint64_t lost)
{
    struct xmpp_state *st = state;

    (void)s;
    (void)lost;
    st->lost[from] = true;
    return true;
}

extern const struct parser parser_xmpp;

const struct parser parser_xmpp = {
    .protocol = PROTOCOL_XMPP,
    .service = "xmpp",
    .on = PARSER_TCP | PARSER_BODY,
    .starts = xmpp_starts,
    .probe = xmpp_probe,
    .state_size = sizeof(struct xmpp_state),
    .feed = xmpp_feed,
    .gap = xmpp_gap,
};
