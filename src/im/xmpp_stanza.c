/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stanzas of XMPP: which elements matter, what is kept of them while a stanza comes in, and what is told at
 * its end. The text that is kept lies in one arena a stanza; only the text of blocks in band is used up as it
 * comes.
 *
 * Read here, beside RFC 6120 and RFC 6121:
 *     XEP-0078 legacy authentication   XEP-0092 version        XEP-0115 capabilities   XEP-0045 rooms
 *     XEP-0085 typing                  XEP-0172 nicks          XEP-0091, 0203 time     XEP-0066 URLs
 *     XEP-0280, 0297, 0313 copies and archive (a message inside a message)
 *     XEP-0096 file offer              XEP-0047 file in band   XEP-0065 file by SOCKS5 (streamhost)
 *     XEP-0166, 0167, 0176, 0177 calls by Jingle               XEP-0234, 0260, 0261 files by Jingle
 *     XEP-0363 upload by HTTP
 *     XEP-0027, 0373, 0380, 0384 and OTR: the body says only that it is encrypted; it is not told as text
 *
 * Copies. A carbon counts as one only where it comes from the user's own account (XEP-0280 section 11). A
 * message of a room that came with a delay is its history, one from the client's own address in the room an
 * echo.
 *
 * Offers that the policy forbids are made void by their namespace, which nobody understands any more: who
 * receives a request answers with an error (RFC 6120 section 8.4), Jingle ends the session. The stream stays
 * well-formed. A file that is shared by the URL of an upload is void without the URL.
 *
 * Passwords: of SASL only the name is taken, and the text that held it is wiped.
 *
 * Limits: 15 KiB of a message's text, 2.5 KiB of all other in a stanza, 16 direct addresses; the own nicks of
 * 4 rooms; the first language of a body.
 */
#include "im/xmpp_stanza.h"
#include "base/hash.h"
#include "im/stamp.h"

/* A view of a literal as an initialiser of static data. */
#define WORD(literal)                                                                                        \
    {                                                                                                        \
        (const uint8_t *)(literal), sizeof(literal) - 1                                                      \
    }

enum { VOID = 'x', MAX_CANDIDATES = 16, DECODED_BYTES = 1024, URL_NAME = 128 };

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
    HAS_BODY = 1 << 0,
    HAS_TYPING = 1 << 1,
    HAS_ROSTER = 1 << 2,
    HAS_FILE = 1 << 3,
    HAS_CALL = 1 << 4,
    HAS_BAND = 1 << 5,
    HAS_BIND = 1 << 6,
    HAS_OLD_AUTH = 1 << 7,
    HAS_VERSION = 1 << 8,
    HAS_SOCKS = 1 << 9,
    HAS_COPY_SENT = 1 << 10,
    HAS_FILE_DATA = 1 << 11,
    HAS_UPLOAD = 1 << 12,
    HAS_DIRECT = 1 << 13,
    HAS_COPY = 1 << 14,      /* a carbon, or out of the archive */
    HAS_FORWARDED = 1 << 15, /* the message inside it was found */
    HAS_ENCRYPTED = 1 << 16,
    HAS_OFFER = 1 << 17, /* XEP-0096 */
    HAS_JINGLE = 1 << 18,
    HAS_ROOM_USER = 1 << 19,
    HAS_OUT_OF_BAND = 1 << 20,
    HAS_SECRET = 1 << 21,  /* an encrypted text, not only keys */
    HAS_REFUSED = 1 << 22, /* an offer that the policy forbids */
    HAS_SHARED = 1 << 23,  /* the body of a message is the URL of a file */
};

/* Whose text is being kept. */
enum held_as {
    KEEP_NONE,
    KEEP_BODY,
    KEEP_JID,
    KEEP_USER,
    KEEP_NAME,
    KEEP_VERSION,
    KEEP_SIZE,
    KEEP_SASL,
    KEEP_NICK,
    KEEP_SHOW,
    KEEP_GROUP,
    KEEP_MEDIA,
    KEEP_URL,
    KEEP_BLOCK
};

/* ---- the arena ---- */

static struct view span_view(const struct xmpp_stanza *z, struct xmpp_span span)
{
    return view_of(z->arena + span.at, span.len);
}

/* Add to what `span`, the last in the arena, holds. */
static void span_add(struct xmpp_stanza *z, struct xmpp_span *span, struct view v, bool entities)
{
    struct text t = { z->arena, z->arena_len, sizeof z->arena, false };

    if (entities)
        xml_add_text(&t, v);
    else
        text_add(&t, v);
    z->arena_len = (uint16_t)t.len;
    span->len = (uint16_t)(t.len - span->at);
}

static struct xmpp_span keep(struct xmpp_stanza *z, struct view v)
{
    struct xmpp_span span = { z->arena_len, 0 };

    span_add(z, &span, v, true);
    return span;
}

static uint64_t keep_id(struct view v)
{
    return v.len > 0 ? hash_bytes(v, 0) : 0;
}

/* "user@host" of "user@host/resource". */
static struct view bare(struct view jid)
{
    return view_slice(jid, 0, view_find_byte(jid, '/', 0));
}

static struct view resource(struct view jid)
{
    return view_from(jid, view_find_byte(jid, '/', 0) + 1);
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

/* The two ends of a stanza; `outgoing` is from the flow's client. */
static struct im_detail people(const struct xmpp_state *st, const struct xmpp_stanza *z, bool outgoing)
{
    struct im_detail detail = { .outgoing = outgoing };

    detail.account = bare(span_view(z, outgoing ? z->from : z->to));
    detail.peer = bare(span_view(z, outgoing ? z->to : z->from));
    if (detail.account.len == 0)
        detail.account = view_string(st->account);
    return detail;
}

static bool is_type(const struct xmpp_stanza *z, const char *type)
{
    return view_equal(span_view(z, z->type), view_string(type));
}

/* ---- SASL names ---- */

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

static void on_sasl(struct xmpp_state *st, struct xmpp_stanza *z, struct xmpp_span text)
{
    char decoded[DECODED_BYTES];
    struct text t = TEXT(decoded);

    text_base64(&t, span_view(z, text));
    struct view account = sasl_account(view_of(decoded, t.len), z->plain);
    if (account.len > 0 && account.len < sizeof st->account) {
        struct text kept = TEXT(st->account);
        text_printable(&kept, account);
    }
    explicit_bzero(decoded, sizeof decoded);
    explicit_bzero(z->arena + text.at, text.len);
}

/* ---- elements ---- */

struct element_context {
    struct xmpp_state *st;
    struct session *s;
    struct xmpp_stanza *z;
    const struct xml_tag *tag;
    bool outgoing;
};

static struct view attribute_of(const struct element_context *c, const char *name)
{
    return xml_attribute(c->tag, view_string(name));
}

static void keep_file(const struct element_context *c)
{
    struct view name = attribute_of(c, "name"), media = attribute_of(c, "content-type");

    if (name.len == 0)
        name = attribute_of(c, "filename");
    if (name.len > 0)
        c->z->name = keep(c->z, name);
    if (media.len > 0)
        c->z->media = keep(c->z, media);
    (void)view_decimal(attribute_of(c, "size"), UINT64_MAX, &c->z->size);
}

/* Does a server in between offer itself? A proxy of XEP-0065 has no user in its name; a candidate says it
 * (XEP-0176, 0260). Never the user's own machine. */
static bool is_relay(const struct element_context *c, const struct ip_addr *addr)
{
    struct view jid = attribute_of(c, "jid"), type = attribute_of(c, "type");
    bool proxy = view_equal(c->tag->name, VIEW("streamhost"))
                     ? jid.len > 0 && view_find_byte(jid, '@', 0) == jid.len
                     : view_equal(type, VIEW("proxy")) || view_equal(type, VIEW("relay"));

    return proxy && !ip_equal(addr, session_address(c->s, false));
}

/* A direct address: streamhost (XEP-0065), candidate (XEP-0176, 0177, 0260, and Google's before them). */
static void on_candidate(const struct element_context *c)
{
    static const char *const names[] = { "host", "ip", "address" };
    bool socks = (c->z->facts & HAS_SOCKS) != 0;
    bool file = socks || ((c->z->facts & HAS_FILE) != 0 && (c->z->facts & HAS_CALL) == 0);
    bool tcp = socks || view_equal(attribute_of(c, "protocol"), VIEW("tcp"));
    struct expectation e = { .l4 = tcp ? L4_TCP : L4_UDP,
                             .activity = file ? ACTIVITY_FILE : ACTIVITY_CALL,
                             .protocol = file ? PROTOCOL_XMPP_BYTESTREAM : PROTOCOL_RTP };
    struct view host = view_of(NULL, 0);
    uint64_t port;

    for (size_t i = 0; i < 3 && host.len == 0; i++)
        host = attribute_of(c, names[i]);
    if (!ip_parse(host, &e.addr) || ip_is_zero(&e.addr) || c->z->candidates >= MAX_CANDIDATES ||
        (c->z->facts & HAS_REFUSED) != 0)
        return;
    if (!view_decimal(attribute_of(c, "port"), UINT16_MAX, &port) || port == 0)
        return;
    e.port = (uint16_t)port;
    e.relay = is_relay(c, &e.addr);
    c->z->candidates++;
    tell_delivery(c->s, &c->st->broker_told, DELIVERY_SERVER_BROKER);
    session_expect(c->s, &e);
}

/* Capabilities of the client's own presence name its program. */
static void on_caps(const struct element_context *c)
{
    struct view node = attribute_of(c, "node");

    if (!c->outgoing || c->z->kind != KIND_PRESENCE || c->st->client_told || node.len == 0)
        return;
    session_client(c->s, node);
    c->st->client_told = true;
}

/* A copy comes from the account or an archive, never from somebody's client, which has a resource. */
static bool may_copy(const struct xmpp_stanza *z)
{
    struct view from = span_view(z, z->from);

    return bare(from).len == from.len;
}

/* A carbon, which counts only from the user's own account. */
static void on_carbon(const struct element_context *c)
{
    struct view from = span_view(c->z, c->z->from), to = bare(span_view(c->z, c->z->to));

    if (!may_copy(c->z) || (from.len > 0 && to.len > 0 && !view_equal(from, to)))
        return;
    c->z->facts |= HAS_COPY;
    if (view_equal(c->tag->name, VIEW("sent")))
        c->z->facts |= HAS_COPY_SENT;
}

/* A message out of the archive. */
static void on_archived(const struct element_context *c)
{
    if (may_copy(c->z))
        c->z->facts |= HAS_COPY;
}

/* The message inside a copy: its people are who it is of. */
static void on_forwarded(const struct element_context *c)
{
    struct xmpp_stanza *z = c->z;

    if ((z->facts & (HAS_BODY | HAS_FORWARDED)) != 0)
        return;
    struct view own = bare(span_view(z, z->to));
    if (own.len == 0)
        own = view_string(c->st->account);
    z->kind = KIND_MESSAGE;
    z->facts |= HAS_FORWARDED;
    z->from = keep(z, attribute_of(c, "from"));
    z->to = keep(z, attribute_of(c, "to"));
    z->type = keep(z, attribute_of(c, "type"));
    if (own.len > 0 && view_equal(bare(span_view(z, z->from)), own))
        z->facts |= HAS_COPY_SENT;
}

static void on_delay(const struct element_context *c)
{
    if (c->z->sent_us == 0)
        c->z->sent_us = stamp_us(attribute_of(c, "stamp"));
}

static void on_item(const struct element_context *c)
{
    struct xmpp_stanza *z = c->z;

    if ((z->facts & HAS_ROOM_USER) != 0) { /* who a nick in a room really is */
        if (z->item.len == 0)
            z->item = keep(z, attribute_of(c, "jid"));
        return;
    }
    z->item_mark = z->arena_len;
    z->item_depth = z->depth;
    z->item = keep(z, attribute_of(c, "jid"));
    z->item_name = keep(z, attribute_of(c, "name"));
    z->group = (struct xmpp_span){ 0, 0 };
    z->item_removed = view_equal(attribute_of(c, "subscription"), VIEW("remove"));
}

static void on_stream_id(const struct element_context *c)
{
    struct view id = attribute_of(c, "sid");

    if (id.len == 0 && view_equal(c->tag->name, VIEW("si")))
        id = attribute_of(c, "id");
    if (id.len > 0)
        c->z->stream = keep(c->z, id);
}

static uint64_t stream_of(const struct xmpp_stanza *z)
{
    return keep_id(span_view(z, z->stream));
}

static void on_jingle(const struct element_context *c)
{
    c->z->request = keep_id(attribute_of(c, "sid"));
}

static void on_content(const struct element_context *c)
{
    c->z->responder_sends = view_equal(attribute_of(c, "senders"), VIEW("responder"));
}

static void on_range(const struct element_context *c)
{
    (void)view_decimal(attribute_of(c, "offset"), UINT64_MAX, &c->z->offset);
}

static void on_url(const struct element_context *c)
{
    struct view url = attribute_of(c, "url");

    if (url.len > 0)
        c->z->url = keep(c->z, url);
}

static bool is_refused(const struct element_context *c)
{
    return (c->z->facts & HAS_REFUSED) != 0;
}

static void refuse(const struct element_context *c, enum activity a)
{
    struct im_detail detail = people(c->st, c->z, c->outgoing);

    if (session_forbidden(c->s, a, &detail, attribute_of(c, "xmlns"), VOID))
        c->z->facts |= HAS_REFUSED;
}

/* A file by a way that is not followed: told only where it is forbidden. */
static void on_other_file(const struct element_context *c)
{
    if (is_type(c->z, "result") || is_type(c->z, "error") || is_refused(c))
        return;
    refuse(c, ACTIVITY_FILE);
    if (is_refused(c))
        c->z->facts |= HAS_FILE_DATA;
}

/* The transfer of this stanza's bytestream; one that was not offered has no name. */
static struct xmpp_transfer *transfer_of(const struct element_context *c)
{
    struct xmpp_transfer *t = xmpp_file_of_stream(&c->st->files, stream_of(c->z));
    struct im_file unknown = { .outgoing = c->outgoing };

    if (t == NULL && stream_of(c->z) != 0)
        t = xmpp_file_offer(&c->st->files, c->s, stream_of(c->z), 0, &unknown);
    return t;
}

static void on_band_open(const struct element_context *c)
{
    uint64_t block_size;

    on_stream_id(c);
    if (is_refused(c))
        return;
    struct xmpp_transfer *t = transfer_of(c);
    if (t != NULL && view_decimal(attribute_of(c, "block-size"), UINT16_MAX, &block_size))
        t->block_size = (uint32_t)block_size;
}

static void on_band_data(const struct element_context *c)
{
    uint64_t block;

    on_stream_id(c);
    if (is_refused(c))
        return;
    struct xmpp_transfer *t = transfer_of(c);
    if (t == NULL || !view_decimal(attribute_of(c, "seq"), UINT16_MAX, &block))
        return;
    struct im_detail who = people(c->st, c->z, c->outgoing);
    if (xmpp_band_begin(t, c->s, c->outgoing ? FROM_CLIENT : FROM_SERVER, (uint16_t)block, &who))
        c->z->band = (uint8_t)(t - c->st->files.transfer + 1);
}

static void on_band_close(const struct element_context *c)
{
    on_stream_id(c);
    struct xmpp_transfer *t = xmpp_file_of_stream(&c->st->files, stream_of(c->z));
    if (t != NULL)
        xmpp_band_close(t, c->s);
}

/* What an element inside a stanza tells. */
static const struct element {
    struct view name;
    struct view xmlns; /* beginning of its namespace; empty: any */
    uint32_t facts;
    uint32_t needs;  /* only where one of these facts is known */
    uint8_t capture; /* enum held_as */
    void (*act)(const struct element_context *c);
} elements[] = {
    { WORD("body"), WORD(""), 0, 0, KEEP_BODY, NULL },
    { WORD("data"), WORD("http://jabber.org/protocol/ibb"), HAS_BAND | HAS_FILE_DATA, 0, KEEP_BLOCK,
      on_band_data },
    { WORD("composing"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("paused"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("active"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("inactive"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("gone"), WORD("http://jabber.org/protocol/chatstates"), HAS_TYPING, 0, 0, NULL },
    { WORD("delay"), WORD("urn:xmpp:delay"), 0, 0, 0, on_delay },
    { WORD("x"), WORD("jabber:x:delay"), 0, 0, 0, on_delay },
    { WORD("x"), WORD("jabber:x:oob"), HAS_OUT_OF_BAND, 0, 0, NULL },
    { WORD("url"), WORD(""), 0, HAS_OUT_OF_BAND, KEEP_URL, NULL },
    { WORD("nick"), WORD("http://jabber.org/protocol/nick"), 0, 0, KEEP_NICK, NULL },
    { WORD("show"), WORD(""), 0, 0, KEEP_SHOW, NULL },
    { WORD("x"), WORD("http://jabber.org/protocol/muc#user"), HAS_ROOM_USER, 0, 0, NULL },
    { WORD("x"), WORD("jabber:x:encrypted"), HAS_ENCRYPTED | HAS_SECRET, 0, 0, NULL },
    { WORD("encrypted"), WORD("eu.siacs.conversations.axolotl"), HAS_ENCRYPTED, 0, 0, NULL },
    { WORD("encrypted"), WORD("urn:xmpp:omemo:"), HAS_ENCRYPTED, 0, 0, NULL },
    { WORD("encryption"), WORD("urn:xmpp:eme:"), HAS_ENCRYPTED, 0, 0, NULL },
    { WORD("payload"), WORD(""), HAS_SECRET, HAS_ENCRYPTED, 0, NULL },
    { WORD("openpgp"), WORD("urn:xmpp:openpgp:"), HAS_ENCRYPTED | HAS_SECRET, 0, 0, NULL },
    { WORD("sent"), WORD("urn:xmpp:carbons:"), 0, 0, 0, on_carbon },
    { WORD("received"), WORD("urn:xmpp:carbons:"), 0, 0, 0, on_carbon },
    { WORD("result"), WORD("urn:xmpp:mam:"), 0, 0, 0, on_archived },
    { WORD("message"), WORD(""), 0, HAS_COPY, 0, on_forwarded },
    { WORD("query"), WORD("jabber:iq:roster"), HAS_ROSTER, 0, 0, NULL },
    { WORD("item"), WORD(""), 0, HAS_ROSTER | HAS_ROOM_USER, 0, on_item },
    { WORD("group"), WORD(""), 0, HAS_ROSTER, KEEP_GROUP, NULL },
    { WORD("query"), WORD("jabber:iq:auth"), HAS_OLD_AUTH, 0, 0, NULL },
    { WORD("query"), WORD("jabber:iq:version"), HAS_VERSION, 0, 0, NULL },
    { WORD("query"), WORD("http://jabber.org/protocol/bytestreams"), HAS_SOCKS | HAS_FILE_DATA, 0, 0,
      on_stream_id },
    { WORD("username"), WORD(""), 0, HAS_OLD_AUTH, KEEP_USER, NULL },
    { WORD("bind"), WORD("urn:ietf:params:xml:ns:xmpp-bind"), HAS_BIND, 0, 0, NULL },
    { WORD("jid"), WORD(""), 0, HAS_BIND, KEEP_JID, NULL },
    { WORD("name"), WORD(""), 0, HAS_VERSION | HAS_FILE, KEEP_NAME, NULL },
    { WORD("version"), WORD(""), 0, HAS_VERSION, KEEP_VERSION, NULL },
    { WORD("size"), WORD(""), 0, HAS_FILE, KEEP_SIZE, NULL },
    { WORD("media-type"), WORD(""), 0, HAS_FILE, KEEP_MEDIA, NULL },
    { WORD("filename"), WORD(""), 0, HAS_UPLOAD, KEEP_NAME, NULL },
    { WORD("si"), WORD("http://jabber.org/protocol/si"), HAS_OFFER, 0, 0, on_stream_id },
    { WORD("file"), WORD("http://jabber.org/protocol/si/profile/file-transfer"), HAS_FILE, 0, 0, keep_file },
    { WORD("range"), WORD(""), 0, HAS_FILE, 0, on_range },
    { WORD("open"), WORD("http://jabber.org/protocol/ibb"), HAS_BAND | HAS_FILE_DATA, 0, 0, on_band_open },
    { WORD("close"), WORD("http://jabber.org/protocol/ibb"), HAS_BAND, 0, 0, on_band_close },
    { WORD("streamhost"), WORD(""), 0, HAS_SOCKS, 0, on_candidate },
    { WORD("candidate"), WORD(""), 0, HAS_SOCKS | HAS_DIRECT, 0, on_candidate },
    { WORD("jingle"), WORD("urn:xmpp:jingle:1"), HAS_JINGLE, 0, 0, on_jingle },
    { WORD("content"), WORD(""), 0, HAS_JINGLE, 0, on_content },
    { WORD("description"), WORD("urn:xmpp:jingle:apps:rtp"), HAS_CALL, 0, 0, NULL },
    { WORD("description"), WORD("http://www.google.com/session/"), HAS_CALL | HAS_DIRECT, 0, 0, NULL },
    { WORD("description"), WORD("urn:xmpp:jingle:apps:file-transfer"), HAS_FILE, 0, 0, NULL },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:s5b"), HAS_SOCKS | HAS_FILE_DATA, 0, 0,
      on_stream_id },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:ibb"), HAS_BAND | HAS_FILE_DATA, 0, 0,
      on_stream_id },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:ice"), HAS_DIRECT, 0, 0, NULL },
    { WORD("transport"), WORD("urn:xmpp:jingle:transports:raw-udp"), HAS_DIRECT, 0, 0, NULL },
    { WORD("transport"), WORD("http://www.google.com/transport/"), HAS_DIRECT, 0, 0, NULL },
    { WORD("request"), WORD("urn:xmpp:http:upload"), HAS_FILE | HAS_UPLOAD, 0, 0, keep_file },
    { WORD("slot"), WORD("urn:xmpp:http:upload"), HAS_UPLOAD | HAS_FILE_DATA, 0, 0, NULL },
    { WORD("put"), WORD(""), 0, HAS_UPLOAD, KEEP_URL, on_url },
    { WORD("get"), WORD(""), 0, HAS_UPLOAD, KEEP_URL, on_url },
    { WORD("c"), WORD("http://jabber.org/protocol/caps"), 0, 0, 0, on_caps },
    { WORD("initial-response"), WORD(""), 0, 0, KEEP_SASL, NULL },
    { WORD("query"), WORD("jabber:iq:oob"), 0, 0, 0, on_other_file },
    { WORD("data"), WORD("urn:xmpp:bob"), 0, 0, 0, on_other_file },
    { WORD("thumbnail"), WORD("urn:xmpp:thumbs:"), 0, 0, 0, on_other_file },
    { WORD("media-sharing"), WORD("urn:xmpp:sims:"), 0, 0, 0, on_other_file },
    { WORD("file-sharing"), WORD("urn:xmpp:sfs:"), 0, 0, 0, on_other_file },
};

/* Is this element an offer, or part of one? *out is of what. */
static bool is_offer(const struct element_context *c, const struct element *e, enum activity *out)
{
    static const struct view file_profile = WORD("http://jabber.org/protocol/si/profile/file-transfer");
    const struct xmpp_stanza *z = c->z;

    *out = (e->facts & HAS_CALL) != 0 ? ACTIVITY_CALL : ACTIVITY_FILE;
    if ((e->facts & (HAS_CALL | HAS_OFFER | HAS_FILE | HAS_FILE_DATA)) == 0)
        return false;
    if (is_type(z, "result") || is_type(z, "error")) /* echoes it */
        return false;
    if ((e->facts & HAS_OFFER) != 0)
        return view_starts(attribute_of(c, "profile"), file_profile);
    if ((e->facts & HAS_SOCKS) != 0 && is_type(z, "get")) /* a proxy is asked for its address */
        return false;
    return (z->facts & (HAS_OFFER | HAS_REFUSED)) != (HAS_OFFER | HAS_REFUSED); /* void with what it is in */
}

/* May the text of this element be kept? */
static bool may_keep(const struct xmpp_stanza *z, const struct xml_tag *t, enum held_as capture)
{
    if (capture == KEEP_BODY) /* not the formatted copy (XEP-0071), and the first language only */
        return z->kind == KIND_MESSAGE && (z->facts & HAS_BODY) == 0 &&
               !view_starts(xml_attribute(t, VIEW("xmlns")), VIEW("http://www.w3.org/"));
    if (capture == KEEP_SASL)
        return z->kind == KIND_AUTH;
    if (capture == KEEP_SHOW)
        return z->kind == KIND_PRESENCE;
    if (capture == KEEP_GROUP)
        return z->item_depth != 0 && z->group.len == 0;
    if (capture == KEEP_BLOCK)
        return z->band != 0;
    return capture != KEEP_NONE;
}

/* The body of a message, once its text has ended. */
static struct view body_view(const struct xmpp_state *st, const struct xmpp_stanza *z)
{
    return z->body_borrowed ? view_of(st->text->at, st->text->len) : span_view(z, z->body);
}

bool xmpp_stanza_whole(const struct xmpp_stanza *z, struct view v)
{
    static const struct view end = WORD("</message>");
    if (z->kind != KIND_MESSAGE || (z->facts & HAS_BODY) != 0)
        return true;
    size_t at = view_find(v, end);
    if ((z->facts & HAS_FORWARDED) != 0 && at < v.len) /* the end of the outer one */
        at += end.len + view_find(view_from(v, at + end.len), end);
    return at < v.len || v.len >= XMPP_TEXT_BYTES;
}

void xmpp_stanza_settle_text(struct xmpp_state *st, enum flow_dir from)
{
    struct xmpp_stanza *z = &st->stanza[from];
    struct xmpp_span span = { z->arena_len, 0 };

    if (!z->body_borrowed)
        return;
    span_add(z, &span, view_of(st->text->at, st->text->len), false);
    z->body_borrowed = false;
    if (z->capture == KEEP_BODY)
        z->captured = span;
    else
        z->body = span;
}

static void begin_capture(struct xmpp_stanza *z, enum held_as capture)
{
    z->capture = (uint8_t)capture;
    z->capture_depth = z->depth;
    z->captured = (struct xmpp_span){ z->arena_len, 0 };
}

void xmpp_stanza_element(struct xmpp_state *st, struct session *s, enum flow_dir from,
                         const struct xml_tag *t)
{
    struct xmpp_stanza *z = &st->stanza[from];
    struct element_context c = { st, s, z, t, from == FROM_CLIENT };
    struct view xmlns = xml_attribute(t, VIEW("xmlns"));

    if (z->capture != KEEP_NONE) /* what is kept is text, and lies at the end of the arena */
        return;
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        const struct element *e = &elements[i];
        if (!view_equal(e->name, t->name) || !view_starts(xmlns, e->xmlns))
            continue;
        if (e->needs != 0 && (z->facts & e->needs) == 0)
            continue;
        enum activity offered;
        if (is_offer(&c, e, &offered))
            refuse(&c, offered);
        z->facts |= e->facts;
        if (e->act != NULL)
            e->act(&c);
        if (!t->empty && may_keep(z, t, e->capture)) {
            begin_capture(z, e->capture);
            z->body_borrowed |= e->capture == KEEP_BODY && st->text != NULL;
        }
        if (z->body_borrowed && z->capture == KEEP_BODY)
            *st->text = text_over(st->text->at, st->text->size);
        return;
    }
}

/* The last part of a URL's path. */
static struct view url_name(struct view url)
{
    struct view name = view_slice(url, 0, view_find_byte(url, '?', 0));

    while (view_find_byte(name, '/', 0) < name.len)
        (void)view_token(&name, '/');
    return name;
}

/* Who shares an upload (XEP-0363) writes its URL as the body and once more behind it (XEP-0066). */
static void on_shared_url(struct xmpp_state *st, struct session *s, struct xmpp_stanza *z, bool outgoing)
{
    struct im_detail detail = people(st, z, outgoing);
    struct view body = st->written[0], url = st->written[1];

    if (view_find(url, VIEW("://")) == url.len || !view_equal(body, url) || (z->facts & HAS_SHARED) != 0)
        return;
    z->facts |= HAS_SHARED;
    detail.file = url_name(url);
    if (session_forbidden(s, ACTIVITY_FILE, &detail, url, VOID) &&
        session_forbidden(s, ACTIVITY_FILE, &detail, body, VOID))
        z->facts |= HAS_REFUSED;
}

void xmpp_stanza_text(struct xmpp_state *st, struct session *s, enum flow_dir from, struct view text,
                      bool entities)
{
    struct xmpp_stanza *z = &st->stanza[from];

    if (z->capture == KEEP_NONE || z->depth != z->capture_depth)
        return;
    if (z->kind == KIND_MESSAGE && (z->capture == KEEP_BODY || z->capture == KEEP_URL)) {
        st->written[z->capture == KEEP_URL] = text;
        on_shared_url(st, s, z, from == FROM_CLIENT);
    }
    if (z->capture == KEEP_BLOCK)
        xmpp_band_text(&st->files.transfer[z->band - 1], s, text);
    else if (z->capture == KEEP_BODY && z->body_borrowed && entities)
        xml_add_text(st->text, text);
    else if (z->capture == KEEP_BODY && z->body_borrowed)
        text_add(st->text, text);
    else
        span_add(z, &z->captured, text, entities);
}

static enum presence show_presence(struct view show)
{
    static const struct {
        struct view show;
        enum presence presence;
    } shows[] = { { WORD("away"), PRESENCE_AWAY },
                  { WORD("xa"), PRESENCE_AWAY },
                  { WORD("dnd"), PRESENCE_BUSY } };

    for (size_t i = 0; i < sizeof shows / sizeof shows[0]; i++)
        if (view_equal(shows[i].show, show))
            return shows[i].presence;
    return PRESENCE_ONLINE;
}

/* A JID that was bound: the account, and with its resource the end of bytestreams. */
static void keep_own(struct xmpp_state *st, struct view jid)
{
    struct text account = TEXT(st->account), full = TEXT(st->jid);

    text_printable(&account, bare(jid));
    if (jid.len < sizeof st->jid)
        text_printable(&full, jid);
}

/* The element whose text was kept has ended. */
static void end_capture(struct xmpp_state *st, struct xmpp_stanza *z)
{
    struct view text = span_view(z, z->captured);
    enum held_as capture = z->capture;

    z->capture = KEEP_NONE;
    switch (capture) {
    case KEEP_BODY:
        z->body = z->captured;
        z->facts |= body_view(st, z).len > 0 ? HAS_BODY : 0;
        break;
    case KEEP_NAME: z->name = z->captured; break;
    case KEEP_VERSION: z->version = z->captured; break;
    case KEEP_NICK: z->nick = z->captured; break;
    case KEEP_GROUP: z->group = z->captured; break;
    case KEEP_MEDIA: z->media = z->captured; break;
    case KEEP_URL: z->url = text.len > 0 ? z->captured : z->url; break;
    case KEEP_SIZE: (void)view_decimal(view_trim(text), UINT64_MAX, &z->size); break;
    case KEEP_SHOW: z->presence = (uint8_t)show_presence(view_trim(text)); break;
    case KEEP_JID:
    case KEEP_USER: keep_own(st, text); break;
    case KEEP_SASL: on_sasl(st, z, z->captured); break;
    case KEEP_BLOCK:
        xmpp_band_end(&st->files.transfer[z->band - 1]);
        z->band = 0;
        break;
    case KEEP_NONE: break;
    }
}

/* One entry of the buddy list is there whole. */
static void end_item(struct xmpp_state *st, struct session *s, struct xmpp_stanza *z, bool outgoing)
{
    struct im_contact contact = { .account = people(st, z, false).account,
                                  .peer = bare(span_view(z, z->item)),
                                  .display = span_view(z, z->item_name),
                                  .group = span_view(z, z->group),
                                  .removed = z->item_removed };

    z->item_depth = 0;
    if (!outgoing && contact.peer.len > 0) /* what the client asks for, the server confirms */
        session_contact(s, &contact);
    z->arena_len = z->item_mark;
    z->item = z->item_name = z->group = (struct xmpp_span){ 0, 0 };
}

/* The two URLs of a slot: where the file will be put, and where others will find it. */
static void end_slot_url(struct xmpp_state *st, struct session *s, struct xmpp_stanza *z)
{
    struct xmpp_transfer *t = xmpp_file_of_request(&st->files, z->id);
    struct im_detail who = { .account = people(st, z, false).account };
    struct im_file f = { .account = who.account, .outgoing = true };

    if (t != NULL)
        f = xmpp_file_view(t, &who);
    xmpp_file_announce_url(s, span_view(z, z->url), &f);
    z->url = (struct xmpp_span){ 0, 0 };
}

void xmpp_stanza_close(struct xmpp_state *st, struct session *s, enum flow_dir from)
{
    struct xmpp_stanza *z = &st->stanza[from];
    bool outgoing = from == FROM_CLIENT;

    if (z->capture != KEEP_NONE && z->depth == z->capture_depth)
        end_capture(st, z);
    if (z->item_depth != 0 && z->depth == z->item_depth)
        end_item(st, s, z, outgoing);
    if (z->url.len > 0 && (z->facts & HAS_UPLOAD) != 0 && !outgoing)
        end_slot_url(st, s, z);
}

/* ---- the end of a stanza ---- */

static bool is_own_occupant(const struct xmpp_state *st, struct view jid)
{
    uint64_t hash = keep_id(jid);

    for (unsigned i = 0; i < XMPP_ROOMS && hash != 0; i++)
        if (st->occupant[i] == hash)
            return true;
    return false;
}

/* A message with a URL: a file that the reader will fetch. */
static void tell_url(struct session *s, const struct xmpp_stanza *z, const struct im_detail *who)
{
    struct view url = span_view(z, z->url);
    struct im_file f = { .name = url_name(url),
                         .account = who->account,
                         .peer = who->peer,
                         .room = who->room,
                         .outgoing = who->outgoing };
    xmpp_file_announce_url(s, url, &f);
}

static void tell_shared(struct session *s, const struct xmpp_stanza *z, struct im_detail detail)
{
    detail.file = url_name(span_view(z, z->url));
    session_activity(s, ACTIVITY_FILE, &detail);
}

static void end_message(struct xmpp_state *st, struct session *s, const struct xmpp_stanza *z, bool outgoing)
{
    bool copy = (z->facts & HAS_FORWARDED) != 0;
    bool own = !outgoing && !copy && is_own_occupant(st, span_view(z, z->from));
    struct im_detail detail = people(st, z, outgoing || (copy && (z->facts & HAS_COPY_SENT) != 0));
    struct view body = body_view(st, z);

    if (is_type(z, "error"))
        return;
    if (is_type(z, "groupchat")) { /* XEP-0045: room@host/nick */
        detail.room = detail.outgoing ? bare(span_view(z, z->to)) : bare(span_view(z, z->from));
        detail.peer = detail.outgoing || own ? view_of(NULL, 0) : resource(span_view(z, z->from));
        detail.again = own || (!outgoing && z->sent_us != 0);
        detail.outgoing |= own;
    }
    if (own)
        detail.account = view_string(st->account);
    detail.again |= copy;
    detail.sent_us = z->sent_us;
    bool refused = (z->facts & HAS_REFUSED) != 0;
    if ((z->facts & HAS_OUT_OF_BAND) != 0 && !refused)
        tell_url(s, z, &detail);
    if ((z->facts & HAS_SHARED) != 0 && refused)
        tell_shared(s, z, detail);
    if ((z->facts & (HAS_BODY | HAS_SECRET)) != 0) {
        bool readable = (z->facts & HAS_ENCRYPTED) == 0 && !view_starts(body, VIEW("?OTR"));
        tell_delivery(s, &st->proxy_told, DELIVERY_SERVER_PROXY);
        detail.text = readable ? body : view_of(NULL, 0);
        detail.display = span_view(z, z->nick);
        session_activity(s, ACTIVITY_CHAT, &detail);
    } else if ((z->facts & HAS_TYPING) != 0 && !copy) {
        session_activity(s, ACTIVITY_PRESENCE, &detail);
    }
}

static void end_presence(struct xmpp_state *st, struct session *s, const struct xmpp_stanza *z, bool outgoing)
{
    struct im_detail detail = people(st, z, outgoing);
    struct view from = span_view(z, z->from), to = span_view(z, z->to), type = span_view(z, z->type);
    bool gone = is_type(z, "unavailable");
    struct im_contact contact = { .account = detail.account,
                                  .peer = detail.peer,
                                  .display = span_view(z, z->nick),
                                  .presence = gone               ? PRESENCE_OFFLINE
                                              : z->presence != 0 ? (enum presence)z->presence
                                                                 : PRESENCE_ONLINE };

    session_activity(s, ACTIVITY_PRESENCE, &detail);
    if (outgoing && type.len == 0 && resource(to).len > 0 && !is_own_occupant(st, to)) {
        st->occupant[st->next_occupant] = keep_id(to); /* enters a room, with this nick */
        st->next_occupant = (uint8_t)((st->next_occupant + 1) % XMPP_ROOMS);
    }
    if (outgoing || (type.len > 0 && !gone) || from.len == 0 || view_equal(contact.account, contact.peer) ||
        is_own_occupant(st, from))
        return;
    if ((z->facts & HAS_ROOM_USER) != 0) {
        contact.group = bare(from);
        contact.peer = z->item.len > 0 ? bare(span_view(z, z->item)) : resource(from);
        contact.display = z->item.len > 0 ? resource(from) : view_of(NULL, 0);
    }
    session_contact(s, &contact);
}

static void end_version(struct session *s, const struct xmpp_stanza *z)
{
    char software[2 * XMPP_ACCOUNT_BYTES];
    struct text t = TEXT(software);

    if (z->name.len == 0)
        return;
    text_add(&t, span_view(z, z->name));
    if (z->version.len > 0)
        text_char(&t, ' ');
    text_add(&t, span_view(z, z->version));
    session_client(s, view_string(software));
}

static void end_iq(struct xmpp_state *st, struct session *s, const struct xmpp_stanza *z, bool outgoing)
{
    bool result = is_type(z, "result");

    if ((z->facts & HAS_BIND) != 0 && result && !outgoing)
        tell_login(st, s);
    if ((z->facts & HAS_OLD_AUTH) != 0 && is_type(z, "set") && outgoing)
        tell_login(st, s);
    if ((z->facts & HAS_VERSION) != 0 && outgoing && result)
        end_version(s, z);
    if ((z->facts & HAS_ROSTER) != 0)
        session_activity(s, ACTIVITY_PRESENCE, NULL);
}

/* The answer to an offer may ask for the rest of a file only. */
static void end_file_answer(struct xmpp_state *st, const struct xmpp_stanza *z)
{
    struct xmpp_transfer *t = xmpp_file_of_request(&st->files, z->id);

    if ((z->facts & HAS_OFFER) != 0 && t != NULL && !t->begun)
        t->offset = z->offset;
}

/* What a request tells of a file and of the bytestream that will carry it. */
static void end_file_request(struct xmpp_state *st, struct session *s, const struct xmpp_stanza *z,
                             const struct im_detail *who)
{
    bool jingle = (z->facts & HAS_JINGLE) != 0, offered = (z->facts & HAS_FILE) != 0;
    uint64_t stream = stream_of(z), request = jingle ? z->request : z->id;
    struct xmpp_transfer *t = jingle ? xmpp_file_of_request(&st->files, request) : NULL;
    struct im_file f = { .name = span_view(z, z->name),
                         .type = span_view(z, z->media),
                         .size = z->size,
                         .offset = z->offset,
                         .outgoing = who->outgoing != z->responder_sends };

    if (t == NULL)
        t = xmpp_file_of_stream(&st->files, stream);
    if (offered && (t == NULL || t->end))
        t = xmpp_file_offer(&st->files, s, stream, request, &f);
    if (t != NULL && stream != 0 && !t->begun) {
        t->stream = stream; /* of the answer, or after a change of transport */
        t->offset = z->offset != 0 ? z->offset : t->offset;
    }
    if ((z->facts & HAS_SOCKS) == 0 || z->stream.len == 0)
        return;
    struct view from = span_view(z, z->from), to = span_view(z, z->to);
    f = t != NULL ? xmpp_file_view(t, who) : f;
    f.account = who->account;
    f.peer = who->peer;
    if (who->outgoing && from.len == 0)
        from = view_string(st->jid);
    xmpp_file_announce_socks(s, span_view(z, z->stream), from, to, &f);
}

static void end_file_or_call(struct xmpp_state *st, struct session *s, const struct xmpp_stanza *z,
                             bool outgoing)
{
    struct im_detail detail = people(st, z, outgoing);
    bool refused = (z->facts & HAS_REFUSED) != 0;

    if (is_type(z, "result"))
        end_file_answer(st, z);
    if (is_type(z, "result") || is_type(z, "error"))
        return; /* echoes the offer */
    if ((z->facts & HAS_CALL) != 0)
        session_activity(s, ACTIVITY_CALL, &detail);
    if ((z->facts & (HAS_BAND | HAS_UPLOAD)) != 0)
        tell_delivery(s, &st->proxy_told, DELIVERY_SERVER_PROXY);
    if ((z->facts & HAS_FILE) != 0) {
        detail.file = span_view(z, z->name);
        detail.size = z->size;
        session_activity(s, ACTIVITY_FILE, &detail);
    } else if ((z->facts & HAS_FILE_DATA) != 0 ? z->stream.len > 0 || refused
                                               : refused && (z->facts & (HAS_CALL | HAS_SHARED)) == 0) {
        session_activity(s, ACTIVITY_FILE,
                         NULL); /* a proxy that is asked for its address has no stream yet */
    }
    if (z->kind == KIND_IQ && !refused && (z->facts & HAS_CALL) == 0 &&
        (z->facts & (HAS_FILE | HAS_SOCKS | HAS_BAND)) != 0)
        end_file_request(st, s, z, &detail);
}

void xmpp_stanza_forget_written(struct xmpp_state *st)
{
    st->written[0] = st->written[1] = view_of(NULL, 0);
}

bool xmpp_stanza_end(struct xmpp_state *st, struct session *s, enum flow_dir from)
{
    struct xmpp_stanza *z = &st->stanza[from];
    bool outgoing = from == FROM_CLIENT;

    xmpp_stanza_forget_written(st);

    switch ((enum stanza_kind)z->kind) {
    case KIND_MESSAGE:
        end_message(st, s, z, outgoing);
        end_file_or_call(st, s, z, outgoing);
        return false;
    case KIND_PRESENCE: end_presence(st, s, z, outgoing); return false;
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

/* ---- its beginning ---- */

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

void xmpp_stanza_begin(struct xmpp_stanza *z, const struct xml_tag *t, bool outgoing)
{
    struct view xmlns = xml_attribute(t, VIEW("xmlns"));

    memset(z, 0, offsetof(struct xmpp_stanza, arena));
    z->depth = 1;
    z->plain = view_equal(xml_attribute(t, VIEW("mechanism")), VIEW("PLAIN"));
    z->from = keep(z, xml_attribute(t, VIEW("from")));
    z->to = keep(z, xml_attribute(t, VIEW("to")));
    z->type = keep(z, xml_attribute(t, VIEW("type")));
    z->id = keep_id(xml_attribute(t, VIEW("id")));
    for (size_t i = 0; i < sizeof stanza_kinds / sizeof stanza_kinds[0]; i++)
        if (view_equal(stanza_kinds[i].name, t->name) && view_starts(xmlns, stanza_kinds[i].xmlns)) {
            z->kind = stanza_kinds[i].kind;
            if (stanza_kinds[i].capture != KEEP_NONE && outgoing && !t->empty)
                begin_capture(z, stanza_kinds[i].capture);
            break;
        }
}

void xmpp_stanza_drop(struct xmpp_stanza *z)
{
    z->depth = 0;
    z->capture = KEEP_NONE;
    z->band = 0;
}
