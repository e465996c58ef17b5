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
 * auth, success ...). It is read token by token (xml.c); what stanzas tell is xmpp_stanza.c's, files are
 * xmpp_file.c's. Behind STARTTLS it is TLS; behind compression (XEP-0138) nothing can be read.
 *
 * Limits: 64 levels, and those of the other files; beyond, what follows is skipped up to the next stanza.
 */
#include "im/xmpp_stanza.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum {
    MAX_DEPTH = 64,
    HOST_BYTES = 96,
    PROBE_BYTES = 4096, /* a stream header is shorter */
};
_Static_assert(sizeof(struct xmpp_state) <= PARSER_STATE_BYTES, "fits the state of a parser");

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

static bool has_jabber_namespace(const struct xml_tag *t)
{
    for (unsigned i = 0; i < t->attributes; i++)
        if (view_starts(t->attribute[i].name, VIEW("xmlns")) && is_jabber_namespace(t->attribute[i].value))
            return true;
    return false;
}

/* The tag that begins a stream, or a frame of WebSocket or BOSH. */
static bool is_header(const struct xml_tag *t)
{
    struct view xmlns = xml_attribute(t, VIEW("xmlns"));

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
static bool is_stanza(const struct xml_tag *t)
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
        const struct xml_attribute *a = &t->attribute[i];
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
    xml_skip_space(&v);
    if (view_starts(v, VIEW("<?xml "))) {
        size_t end = view_find(v, VIEW("?>"));
        v = view_from(v, end < v.len ? end + 2 : v.len);
    }
    xml_skip_space(&v);
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
    struct view name = xml_take_name(&part);
    bool ended = part.len > 0;
    struct view local = xml_local_name(name);
    if (!ended && local.len == name.len)
        return view_starts(VIEW("?xml"), name) || name.len < 32;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (ended ? view_equal(local, names[i]) : view_starts(names[i], local))
            return true;
    return false;
}

static enum im_answer probe_tag(struct view v, struct finding *out)
{
    struct xml_tag t;
    size_t n = xml_tag_length(v);

    if (n == 0)
        return v.len < PROBE_BYTES && could_begin(v) ? IM_MORE : IM_NO;
    if (v.at[0] != '<' || !xml_read_tag(view_slice(v, 0, n), &t))
        return IM_NO;
    struct text value = TEXT(out->value);
    if (is_header(&t)) {
        struct view to = xml_attribute(&t, VIEW("to"));
        struct view from = xml_attribute(&t, VIEW("from"));
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
    return first == '<' || xml_is_space(first);
}

/* ---- the stream ---- */

static void on_header(struct xmpp_state *st, struct session *s, const struct xml_tag *t, bool outgoing)
{
    char version[32], host[HOST_BYTES];
    struct text v = TEXT(version), to = TEXT(host);

    if (!outgoing || st->header_told)
        return;
    st->header_told = true;
    session_activity(s, ACTIVITY_LOGIN, NULL);
    text_printable(&to, xml_attribute(t, VIEW("to")));
    session_trace(s, "xmpp stream to %s", host);
    text_string(&v, "XMPP ");
    text_printable(&v, xml_attribute(t, VIEW("version")));
    if (v.len > 5)
        session_version(s, view_of(version, v.len));
}

/* One tag. Returns true where the stream is no longer XML behind it. */
static bool on_tag(struct xmpp_state *st, struct session *s, enum flow_dir from, const struct xml_tag *t)
{
    struct xmpp_stanza *z = &st->stanza[from];
    bool outgoing = from == FROM_CLIENT;

    if (t->closing) {
        if (z->depth == 0)
            return false; /* of the stream */
        xmpp_stanza_close(st, s, from);
        return --z->depth == 0 && xmpp_stanza_end(st, s, from);
    }
    if (z->depth == 0 && is_header(t)) {
        on_header(st, s, t, outgoing);
        return false;
    }
    if (z->depth == 0) {
        xmpp_stanza_begin(z, t, outgoing);
    } else if (z->depth >= MAX_DEPTH) {
        st->lost[from] = true;
        return false;
    } else {
        z->depth++;
        xmpp_stanza_element(st, s, from, t);
        if (t->empty)
            xmpp_stanza_close(st, s, from);
    }
    return t->empty && --z->depth == 0 && xmpp_stanza_end(st, s, from);
}

/* Take one token off the front. Returns how long it is, 0: not all there. *out_end: no longer XML behind it.
 */
static size_t take_token(struct xmpp_state *st, struct session *s, enum flow_dir from, struct view v,
                         bool *out_end)
{
    const struct xmpp_stanza *z = &st->stanza[from];
    struct xml_tag tag;

    if (z->depth > 0 && view_starts(v, VIEW("<body")) && !xmpp_stanza_whole(z, v))
        return 0;
    struct xml_token token = xml_next(v, &tag);
    switch (token.kind) {
    case XML_TAG: *out_end = on_tag(st, s, from, &tag); break;
    case XML_TEXT: xmpp_stanza_text(st, s, from, token.text, true); break;
    case XML_CDATA: xmpp_stanza_text(st, s, from, token.text, false); break;
    case XML_BROKEN: st->lost[from] = true; break;
    case XML_TOO_LONG: st->lost[from] = true; return 1;
    case XML_OTHER:
    case XML_MORE: break;
    }
    return token.len;
}

/* Skip to the next stanza. Returns how many bytes can go. */
static size_t resume(struct xmpp_state *st, enum flow_dir from, struct view v)
{
    enum { LONGEST = 9 }; /* "<presence" */
    size_t at = find_stanza(v);

    if (at == v.len)
        return v.len > LONGEST ? v.len - LONGEST : 0;
    st->lost[from] = false;
    xmpp_stanza_drop(&st->stanza[from]);
    xmpp_stanza_forget_written(st);
    return at;
}

static size_t xmpp_feed(void *state, struct session *s, enum flow_dir from, struct view in)
{
    struct xmpp_state *st = state;
    struct view left = in;
    char buffer[PARSER_MESSAGE_BYTES];
    struct text text = TEXT(buffer);
    bool end = false;

    st->text = &text;
    while (left.len > 0 && !end) {
        if (st->lost[from]) {
            left = view_from(left, resume(st, from, left));
            if (st->lost[from])
                break;
        }
        size_t n = take_token(st, s, from, left, &end);
        if (n == 0)
            break;
        left = view_from(left, n);
    }
    xmpp_stanza_settle_text(st, from);
    st->text = NULL;
    xmpp_stanza_forget_written(st);
    session_midway(s, from, !st->lost[from] && st->stanza[from].depth > 0);
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
